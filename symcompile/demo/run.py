"""The demo: from the lecture's loss to compiled modules, a fit, and a picture."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symcompile.compiler import compile as compile_
from symcompile.demo import fits, lecture, timings, views
from symcompile.demo.samples import Samples, load_samples
from symcompile.errors import ArgumentValueError, ToolchainError
from symcompile.frontend.definition import Definition, define
from symcompile.options import BACKENDS, Backend

if TYPE_CHECKING:
    from rich.console import Console

    from symcompile.kernel import Kernel
    from symcompile.objective import Objective

#: Where the loss is timed: near the minimum, where a fit spends its time.
_AT = (12.5, -0.75)


def run(console: Console, log: Console, picture: Path, data: Path | None) -> bool:
    """Run the demo.

    Args:
        console: where the results go.
        log: where it says what it is busy with.
        picture: where the picture goes.
        data: samples of the user's in place of those shipped.

    Returns:
        Whether everything agreed: with what was published, and the backends with the oracle.

    Raises:
        SymcompileError: the data cannot be read, or the picture cannot be written.
    """
    samples = load_samples(data)
    definition = lecture.linreg()
    console.print(views.heading(definition, samples))

    kernels = _compile(console, log, definition)
    objectives = {name: k.bind(samples.X, samples.Y) for name, k in kernels.items()}
    with log.status("fitting with BFGS, on every backend"):
        found = {name: fits.fit(objective) for name, objective in objectives.items()}
        figures = fits.scalar_figures(tuple(kernels))
        if samples.comparable:
            figures = fits.line_figures(objectives, found) + figures
    ok = all(figure.ok for figure in figures)
    if not samples.comparable:
        console.print(views.fits_alone(found))
    console.print(views.figures(figures, tuple(kernels)))

    with log.status("cross-checking every function against 50-digit arithmetic"):
        from symcompile.checking.crosscheck import crosscheck

        report = crosscheck(definition, samples.X, samples.Y, backends=tuple(kernels), quiet=True)
    console.print(report)
    console.print()

    with log.status("timing the lecture's ways and ours"):
        measured = _time(samples, kernels)
    console.print(views.timings(measured, len(samples.X)))

    best = next(iter(found.values()))
    drawn = _draw(picture, samples, best)
    console.print(views.ending(drawn))
    return ok and report.ok


def _compile(console: Console, log: Console, definition: Definition) -> dict[Backend, Kernel]:
    kernels: dict[Backend, Kernel] = {}
    rows: list[views.Compiled] = []
    for backend in BACKENDS:
        with log.status(f"compiling linreg with {backend}"):
            start = time.perf_counter()
            try:
                kernel = compile_(definition, backend=backend)
                kernel.value_and_grad([0.0, 0.0], [1.0, 2.0], [3.0, 4.0])
            except ToolchainError as error:
                rows.append(views.Compiled(backend, None, 0, str(error)))
                continue
            seconds = time.perf_counter() - start
        kernels[backend] = kernel
        rows.append(views.Compiled(backend, seconds, kernel.source.count("\n"), ""))
    console.print(views.compiled(rows))
    return kernels


def _time(samples: Samples, kernels: dict[Backend, Kernel]) -> Sequence[timings.Timing]:
    total = lecture.written_out(samples.X, samples.Y)
    # Numba takes seconds for 150 terms in a row.
    fastest: Backend = "cython" if "cython" in kernels else "python"
    sum_kernel = compile_(
        define("written_out", total, params=(lecture.w0, lecture.w1)), backend=fastest
    )
    objectives: dict[str, Objective] = {
        name: kernel.bind(samples.X, samples.Y) for name, kernel in kernels.items()
    }
    ways = timings.peers(total, samples.X, samples.Y, _AT)
    ways += timings.ours(objectives, _AT)
    ways += timings.ours({f"{fastest}, written out": sum_kernel.bind()}, _AT)
    return timings.measure(ways)


def _draw(path: Path, samples: Samples, result: Any) -> Path | None:
    """Draw the picture; return None where matplotlib is not installed."""
    from symcompile.demo.picture import draw

    try:
        draw(path, samples.X, samples.Y, result.x.tolist(), float(result.fun))
    except ImportError:
        return None
    except (OSError, ValueError) as error:
        raise ArgumentValueError(f"the picture {path} cannot be written: {error}") from error
    return path
