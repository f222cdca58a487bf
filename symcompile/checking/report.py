"""What a cross-check found, as a record and as a table."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from symcompile.recheck import json_number

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table


@dataclass(frozen=True)
class Row:
    """One function of one backend.

    Attributes:
        backend: ``"python"``, ``"numba"``, ``"cython"``.
        function: ``"value"``, ``"grad"`` ...; ``""`` where the backend is not available.
        ulp: the largest error against the oracle in units of the last place; None where it was
            not compared.
        conditioned_ulp: the same in conditioned ulp (see :mod:`symcompile.checking.rounding`).
        difference: the largest difference to another backend, in conditioned ulp.
        seconds: the time of a call, all data.
        speedup: the time ``sympy.lambdify`` takes for the same over ``seconds``.
        ok: whether all is within the tolerance.
        note: what there is to say.
    """

    backend: str
    function: str
    ulp: float | None = None
    conditioned_ulp: float | None = None
    difference: float | None = None
    seconds: float | None = None
    speedup: float | None = None
    ok: bool = True
    note: str = ""


@dataclass(frozen=True)
class Fit:
    """A BFGS run of one backend.

    Attributes:
        backend: which.
        x: where it ended.
        fun: the value there.
        iterations: how many it took.
        evaluations: how often it called the function.
        converged: whether SciPy says so.
        agrees: whether it agrees with the run of the first backend; None where rounding alone
            decides how the run goes, or it did not converge.
    """

    backend: str
    x: tuple[float, ...]
    fun: float
    iterations: int
    evaluations: int
    converged: bool
    agrees: bool | None = True


@dataclass(frozen=True)
class Report:
    """The result of a cross-check. Printing it shows the table.

    Attributes:
        name: of the definition.
        rows: one for each function of each backend.
        tolerance: the most conditioned ulp that a backend may be off.
        fits: the BFGS runs.
        failures: in words; empty when all is well.
        notes: what was not compared, and why.
    """

    name: str
    rows: tuple[Row, ...]
    tolerance: float
    fits: tuple[Fit, ...] = ()
    failures: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return not self.failures

    @property
    def max_ulp(self) -> float:
        """The largest error against the oracle, in conditioned ulp; NaN if none was measured.

        This is what is compared with the tolerance.
        """
        found = [row.conditioned_ulp for row in self.rows if row.conditioned_ulp is not None]
        return max(found, default=math.nan)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as numbers, strings, lists and dicts that JSON can hold."""
        rows = [_jsonable(asdict(row)) for row in self.rows]
        fits = [_jsonable(asdict(fit)) for fit in self.fits]
        return {
            "name": self.name,
            "ok": self.ok,
            "max_ulp": json_number(self.max_ulp),
            "tolerance": self.tolerance,
            "rows": rows,
            "fits": fits,
            "failures": list(self.failures),
            "notes": list(self.notes),
        }

    def table(self) -> Table:
        """Return the table, for ``rich.print``."""
        from rich import box
        from rich.table import Table

        table = Table(title=f"cross-check of {self.name}", box=box.SIMPLE_HEAD, pad_edge=False)
        table.add_column("backend", no_wrap=True)
        table.add_column("function", no_wrap=True)
        headings = ("ulp", "conditioned\nulp", "vs other\nbackends", "time\na call")
        for heading in (*headings, "speed vs\nlambdify"):
            table.add_column(heading, justify="right", no_wrap=True)
        before = None
        for row in self.rows:
            if before not in (None, row.backend):
                table.add_section()
            shown = row.backend if row.backend != before else ""
            before = row.backend
            if not row.function:
                style = "dim" if row.ok else "red"
                table.add_row(row.backend, "not available", *["–"] * 5, style=style)
                continue
            table.add_row(
                shown,
                row.function,
                _digits(row.ulp),
                _digits(row.conditioned_ulp),
                _digits(row.difference),
                _time(row.seconds),
                "–" if row.speedup is None else f"{row.speedup:.3g}x",
                style=None if row.ok else "red",
            )
        return table

    def __rich__(self) -> RenderableType:
        from rich.console import Group
        from rich.text import Text

        parts: list[RenderableType] = [self.table()]
        parts += [Text(line) for line in self._fit_lines()]
        parts += [Text(line, style="dim") for line in self.notes]
        parts += [Text(f"failed: {line}", style="red") for line in self.failures]
        parts.append(Text(self.verdict(), style="bold green" if self.ok else "bold red"))
        return Group(*parts)

    def verdict(self) -> str:
        """Return one line that says how it went."""
        limit = f"{self.tolerance:g}"
        if not self.ok:
            count = len(self.failures)
            words = f"{count} failure{'s' if count > 1 else ''}"
            return f"NOT OK: {words} (tolerance {limit} conditioned ulp)"
        if math.isnan(self.max_ulp):
            return f"OK, but nothing was compared with the oracle (tolerance {limit})"
        return f"OK: at most {_digits(self.max_ulp)} conditioned ulp off (tolerance {limit})"

    def _fit_lines(self) -> list[str]:
        words = {True: "", False: "  DISAGREES", None: "  not compared"}
        return [
            f"BFGS {fit.backend:<7} {fit.iterations} iterations, {fit.evaluations} evaluations, "
            f"value {fit.fun:.15g}" + words[fit.agrees]
            for fit in self.fits
        ]

    def __str__(self) -> str:
        from rich.console import Console

        console = Console(width=100, color_system=None, force_terminal=False)
        with console.capture() as capture:
            console.print(self)
        return "\n".join(line.rstrip() for line in capture.get().splitlines())


def _digits(value: float | None) -> str:
    if value is None:
        return "–"
    if math.isinf(value):
        return "wrong"
    if value >= 1e5:
        return f"{value:.1e}"
    return f"{value:.0f}" if value >= 100 else f"{value:.2g}"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def _jsonable(record: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in record.items():
        if isinstance(value, float):
            made[key] = json_number(value)
        elif isinstance(value, tuple):
            made[key] = [json_number(entry) for entry in value]
        else:
            made[key] = value
    return made
