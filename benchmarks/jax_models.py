"""Value and gradient of three models, compiled by symcompile and by JAX, side by side.

Run ``python benchmarks/jax_models.py``; JAX has to be installed. Both sides hold the data before
the clock starts: JAX on its device, symcompile bound; both compute in float64. The models and
their equivalents in JAX are those of ``tests/models.py``.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent

# Time of value_and_grad relative to JAX's, at most; and relative to its own value, at most.
GOALS = {"logreg": 0.7, "mlp_matrix": 1.0, "gmm": 0.2}
GRADIENT_GOAL = 3.0
MODELS = (*GOALS, "mlp_indexed")
TOLERANCE = 1e-9


@dataclass(frozen=True)
class Row:
    """What was measured of a model: median seconds, and medians of ratios within a round.

    Attributes:
        model: its name, with its sizes.
        jax_value: JAX's value.
        jax_both: JAX's value and gradient.
        own_value: symcompile's value, or None where symcompile was left out.
        own_both: symcompile's value and gradient.
        ratio: symcompile's value and gradient relative to JAX's.
        gradient: value and gradient relative to the value, symcompile.
        jax_gradient: the same of JAX.
        jax_best: JAX's value and gradient in its fastest round: the machine at its quietest.
        own_best: the same of symcompile.
        goal: what the ratio should be at most.
        difference: the largest difference of the gradients, relative to the largest entry.
    """

    model: str
    jax_value: float
    jax_both: float
    jax_gradient: float
    jax_best: float
    own_value: float | None = None
    own_both: float | None = None
    own_best: float | None = None
    ratio: float | None = None
    gradient: float | None = None
    goal: float | None = None
    difference: float | None = None

    @property
    def verdict(self) -> str:
        """Whether both goals are met."""
        if self.ratio is None or self.gradient is None:
            return "not run"
        fast = self.goal is None or self.ratio <= self.goal
        return "met" if fast and self.gradient <= GRADIENT_GOAL else "missed"


def measure(name: str, backend: str | None, rounds: int, say: Callable[[str], None]) -> Row:
    """Time one model, both ways in turn.

    Args:
        name: the model.
        backend: symcompile's backend; None times JAX alone.
        rounds: how often.
        say: takes what is being done.
    """
    import jax
    import numpy as np
    from timing import interleaved, ratio

    from tests.models import BY_NAME

    model = BY_NAME[name]
    problem = model.large(np.random.default_rng(1))
    sizes = ", ".join(f"{size} = {value:,}" for size, value in problem.sizes.items())

    say("JAX compiles")
    loss = model.jax(problem)
    p = jax.device_put(problem.p)
    arrays = jax.block_until_ready([jax.device_put(array) for array in problem.arrays])
    value, both = jax.jit(loss), jax.jit(jax.value_and_grad(loss))
    ways: dict[str, Callable[[], object]] = {
        "jax value": lambda: jax.block_until_ready(value(p, *arrays)),
        "jax both": lambda: jax.block_until_ready(both(p, *arrays)),
    }
    expected = np.asarray(both(p, *arrays)[1])
    difference = None
    if backend is not None:
        import symcompile as sc

        say("symcompile compiles")
        definition = sc.define(model.name, **model.make())
        kernel = sc.compile(definition, backend=backend)
        objective = kernel.bind(*problem.arrays, **problem.constants)
        flat = problem.p
        ways["own value"] = lambda: objective.value(flat)
        ways["own both"] = lambda: objective.value_and_grad(flat)
        found = objective.value_and_grad(flat)[1]
        difference = float(np.max(np.abs(found - expected)) / np.max(np.abs(expected)))
        if not difference <= TOLERANCE:
            raise SystemExit(f"{name}: the gradients differ by {difference:.1e}")

    say(f"{rounds} rounds")
    times = interleaved(ways, rounds=rounds)
    median = {way: statistics.median(values) for way, values in times.items()}
    row = Row(
        f"{name} ({sizes})",
        median["jax value"],
        median["jax both"],
        ratio(times, "jax both", "jax value"),
        min(times["jax both"]),
        goal=GOALS.get(name),
    )
    if backend is None:
        return row
    return replace(
        row,
        own_value=median["own value"],
        own_both=median["own both"],
        own_best=min(times["own both"]),
        ratio=ratio(times, "own both", "jax both"),
        gradient=ratio(times, "own both", "own value"),
        difference=difference,
    )


def show(rows: list[Row]) -> None:
    """Print the table."""
    from rich.console import Console
    from rich.table import Table
    from timing import seconds

    def cell(value: float | None, form: Callable[[float], str]) -> str:
        return "" if value is None else form(value)

    table = Table("model", title="value, value and gradient (median), against JAX jit")
    for heading in (
        *("JAX value", "JAX both", "best", "value", "both", "best"),
        *("both : JAX", "goal", "both : value", "JAX both : value", "goals"),
    ):
        table.add_column(heading, justify="right")
    for row in rows:
        ours = (row.own_value, row.own_both, row.own_best)
        times = (row.jax_value, row.jax_both, row.jax_best, *ours)
        ratios = (row.ratio, row.goal, row.gradient, row.jax_gradient)
        table.add_row(
            row.model,
            *[cell(time, seconds) for time in times],
            *[cell(value, "{:.2f}".format) for value in ratios],
            row.verdict,
        )
    console = Console()
    # Where nobody looks, a table is a file: it is not to be folded.
    Console(width=None if console.is_terminal else 180).print(table)


def describe(threads: int) -> str:
    """Return what the figures were measured on."""
    from timing import machine

    extra = ", ".join(f"{name} {version(name)}" for name in ("jax", "jaxlib", "scipy"))
    return f"{machine()}, {extra}; {processor()}, {threads} threads"


def processor() -> str:
    """Return the processor's name, where the system tells."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((x.partition(":")[2].strip() for x in lines if "model name" in x), "processor ?")


def limited(threads: int | None) -> int:
    """Keep this process to a number of processors, and return how many it has.

    It works on every library alike, as long as none has started its threads.
    """
    if not hasattr(os, "sched_setaffinity"):
        if threads is not None:
            raise SystemExit("--threads needs a system that can bind a process to processors")
        return os.cpu_count() or 1
    processors = sorted(os.sched_getaffinity(0))
    if threads is not None:
        os.sched_setaffinity(0, processors[:threads])
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
            os.environ[name] = str(min(threads, len(processors)))
    return len(os.sched_getaffinity(0))


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", action="append", choices=MODELS, help="default: all")
    parser.add_argument("--backend", default="cython")
    parser.add_argument("--jax-only", action="store_true", help="leave symcompile out")
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--threads", type=int, help="default: as many as there are processors")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    options = parser.parse_args(arguments)

    threads = limited(options.threads)
    sys.path[:0] = [str(ROOT)]
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    try:
        import jax
    except ImportError:
        raise SystemExit("this benchmark needs JAX: pip install jax") from None
    jax.config.update("jax_enable_x64", True)

    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    names = options.model or list(MODELS)
    backend = None if options.jax_only else options.backend
    rows = []
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, transient=True) as progress:
        for name in names:
            task = progress.add_task(name, total=None)

            def say(text: str, name: str = name, task: Any = task) -> None:
                progress.update(task, description=f"{name}: {text}")

            rows.append(measure(name, backend, options.rounds, say))
            progress.update(task, description=f"{name}: done", total=1, completed=1)
    machine = describe(threads)
    print(machine)
    show(rows)
    if options.json:
        figures = [{**asdict(row), "verdict": row.verdict} for row in rows]
        text = json.dumps({"machine": machine, "rows": figures}, indent=2)
        options.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
