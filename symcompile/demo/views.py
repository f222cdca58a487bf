"""What the demo prints: tables and lines, made of what it found."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from symcompile.demo.published import LOSS, Comparison
from symcompile.demo.samples import Samples
from symcompile.demo.timings import Timing
from symcompile.frontend.definition import Definition
from symcompile.frontend.raising import formula
from symcompile.options import Backend

_TIMES = ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns"))


@dataclass(frozen=True)
class Compiled:
    """A backend, and how compiling went.

    Attributes:
        backend: which.
        seconds: until the first result; None where it is not available.
        lines: of the generated source.
        problem: why it is not available.
    """

    backend: str
    seconds: float | None
    lines: int
    problem: str


def heading(definition: Definition, samples: Samples) -> RenderableType:
    """Return the loss and its gradient."""
    gradient = definition.gradient()
    lines = [Text.assemble(("loss      ", "dim"), formula(definition))]
    for parameter, partial in zip(definition.params, gradient, strict=True):
        lines.append(Text.assemble((f"d/d{parameter:<7}", "dim"), str(partial)))
    lines.append(Text.assemble(("samples   ", "dim"), f"{len(samples.X)} {samples.origin}"))
    return Group(_title("The lecture's loss, and its gradient"), _inset(Group(*lines)), Text())


def compiled(rows: Sequence[Compiled]) -> RenderableType:
    """Return how long each backend took."""
    table = _table("backend", "lines", "until the first result")
    problems = []
    for row in rows:
        if row.seconds is None:
            table.add_row(row.backend, "–", "not available")
            problems.append(Text(f"{row.backend}: {row.problem}\n", style="yellow"))
        else:
            table.add_row(row.backend, str(row.lines), duration(row.seconds))
    note = (
        "Eight functions each, from the value to products with the Hessian. The next\n"
        "run finds them in the cache."
    )
    return Group(_title("Compiled"), table, *map(_inset, problems), _note(note))


def figures(found: Sequence[Comparison], backends: Sequence[str]) -> RenderableType:
    """Return published figures beside measured ones."""
    table = _table("figure", "published", "measured", "off by", "allowed", "")
    for comparison in found:
        figure = comparison.figure
        mark = Text("ok", style="green")
        if not comparison.ok:
            mark = Text(f"DIFFERS on {comparison.backend}", style="bold red")
        table.add_row(
            figure.name,
            figure.text,
            _like(comparison.measured, figure.text),
            f"{comparison.difference:.1e}" if comparison.difference else "0",
            f"{figure.allowed:.0e}" if figure.allowed else "0",
            mark,
        )
    wrong = sum(not comparison.ok for comparison in found)
    verdict = Text(f"OK: all {len(found)} figures, on {', '.join(backends)}", style="bold green")
    if wrong:
        verdict = Text(f"NOT OK: {wrong} of {len(found)} figures differ", style="bold red")
    note = ""
    if any(comparison.figure is LOSS for comparison in found):
        note = (
            "BFGS starts from (0, 0); H⁻¹ is its inverse Hessian. w' was published as\n"
            "(10.98668483, 0.37723461), rounded: what is measured there is off by more.\n"
        )
    note += (
        "(sin x + x²)/2 is taken at x = 10; z = x² + x cos y at (2, π/4), beside what\n"
        "SymPy says. Measured is always the backend that is farthest off."
    )
    title = _title("What was published, and what comes out")
    return Group(title, table, _note(note), _inset(verdict), Text())


def fits_alone(found: Mapping[Backend, Any]) -> RenderableType:
    """Return the fits to data about which nothing was published."""
    table = _table("backend", "loss", "w0", "w1", "iterations", "evaluations")
    for backend, result in found.items():
        numbers = [f"{value:.12g}" for value in (result.fun, *result.x)]
        table.add_row(backend, *numbers, str(result.nit), str(result.nfev))
    note = (
        "These data are not the lecture's, so there is nothing published to compare the fit with."
    )
    return Group(_title("The fit, by BFGS from (0, 0)"), table, _note(note))


def timings(found: Sequence[Timing], samples: int) -> RenderableType:
    """Return the lecture's timing table, ours beside it."""
    best_value = min(timing.value for timing in found if timing.way.peer)
    best_both = min(timing.both for timing in found if timing.way.peer)
    table = _table("way", "loss", "speed", "and gradient", "speed")
    before = True
    for timing in found:
        if before and not timing.way.peer:
            table.add_section()
        before = timing.way.peer
        style = None if timing.way.peer else "bold"
        table.add_row(
            Text(timing.way.name, style=style or ""),
            duration(timing.value),
            _ratio(best_value / timing.value),
            duration(timing.both),
            _ratio(best_both / timing.both),
        )
    note = (
        "A call, the fastest of several rounds. Speed is relative to the best of the\n"
        "first three. Written out means a sum over numbers, a term for each specimen."
    )
    title = _title(f"The lecture's timing table: the loss over {samples} specimens")
    return Group(title, table, _note(note))


def ending(picture: Path | None) -> RenderableType:
    """Return where the picture is, and where to go next."""
    lines: list[RenderableType] = [
        Text.assemble(("picture   ", "dim"), str(picture))
        if picture
        else Text("No picture: matplotlib is missing. Get it: pip install matplotlib", "yellow"),
        Text.assemble(
            ("next      ", "dim"),
            "a definition as in examples/linreg.py, then: symcompile build FILE",
        ),
    ]
    return _inset(Group(*lines))


def duration(seconds: float) -> str:
    """Return a time with three digits and a unit that suits it.

    >>> duration(4.43e-8), duration(0.0123), duration(2.5)
    ('44.3 ns', '12.3 ms', '2.50 s')
    """
    size, unit = next((pair for pair in _TIMES if seconds >= pair[0]), _TIMES[-1])
    return f"{_three(seconds / size)} {unit}"


def _three(value: float) -> str:
    digits = max(0, 2 - math.floor(math.log10(value))) if value > 0 else 0
    return f"{value:.{digits}f}"


def _ratio(value: float) -> str:
    return f"{_three(value) if value >= 0.01 else f'{value:.1g}'}x"


def _like(value: float, text: str) -> str:
    """Return a number with as many decimals as another was printed with."""
    decimals = len(text.partition(".")[2])
    return f"{value:.{decimals}f}" if math.isfinite(value) else str(value)


def _table(*headings: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), header_style="dim")
    for number, text in enumerate(headings):
        # What is only said when something is wrong may be long.
        table.add_column(text, justify="right" if number else "left", no_wrap=text != "")
    return table


def _title(text: str) -> RenderableType:
    return Text(text, style="bold cyan")


def _note(text: str) -> RenderableType:
    return Group(_inset(Text(text, style="dim")), Text())


def _inset(content: RenderableType) -> RenderableType:
    return Padding(content, (0, 0, 0, 1), expand=False)
