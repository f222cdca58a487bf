"""The page ``docs/functions.md``: what each function of the table is, and how accurate.

``python -m symcompile.checking.functions_page`` measures and writes it anew; with ``--functions``
it prints some functions only, with ``--json`` all there is to know.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from symcompile.checking.accuracy import (
    NO_DERIVATIVE,
    WAYS,
    Accuracy,
    arguments_of,
    derivative_texts,
    measure,
    measured_functions,
)
from symcompile.frontend.scalars import supported_functions
from symcompile.ir.ops import OPS

#: From how many ulp on an error is shown together with its conditioned size.
_LARGE = 4.0

_PAGE = Path("docs") / "functions.md"

#: Where a slope is that of one side; :mod:`symcompile.autodiff.rules` and the rows say it too.
KINKS: Mapping[str, str] = {
    "abs": "at 0 the slope is 0",
    "sign": "jumps at 0; the slope is 0",
    "floor": "jumps at whole numbers; the slope is 0",
    "ceil": "jumps at whole numbers; the slope is 0",
    "frac": "jumps at whole numbers; the slope is 1",
    "mod": "jumps where x/y is whole; the slope is that beside",
    "min": "where x = y, that of x",
    "max": "where x = y, that of x",
}

_HEAD = """# Functions

`python -m symcompile.checking.functions_page` measures the errors and writes this page.

All functions work on all backends, in float64 and float32, and with all derivatives, of any order.
Those marked *complex* take complex numbers too. The formulas of derivatives are those of the table
of operations (`symcompile/ir/ops/`): `f` is the value itself; *none* stands where an argument has
to be known when compiling, or be a constant or data. Unless it says otherwise SymPy has a function
of that name.

Errors are the largest found, in units in the last place, against mpmath at 50 digits, in float64:
at {points} points of the domain, half of them close to its ends. From four on, what is left of them
follows in brackets when they are divided by the condition number, where that is larger than one:
near a zero of a function even the rounding of its argument moves it by many units. *Python* is the
Python backend on numbers, *NumPy* the same on arrays.

Of complex numbers, special functions are tested to 8 conditioned ulp (`tests/complex_specials.py`).
SciPy's own are off by more in places, and what is made of them: gamma, loggamma, digamma, erf, Ci
and their kin by up to 25 there, Bessel, Airy and Fresnel functions by 40, 0F1 and 2F1 by 80. An
order, degree or branch is real: of one that is a complex number the imaginary part has to be 0, or
the value is NaN.
"""


def sympy_name(name: str) -> str:
    """Return what SymPy calls a row of the table, or what the IR does.

    >>> sympy_name("ceil"), sympy_name("softplus")
    ('ceiling', 'softplus')
    """
    found = OPS[name].sympy
    if found is None:
        found = {"sqrt": "sqrt", "log": "log", "min": "Min", "max": "Max", "pow": "Pow"}.get(name)
    return found or name


def page(found: Sequence[Accuracy], points: int) -> str:
    """Return the page as Markdown.

    >>> text = page(measure(["sqrt"], points=10, backends=["python"]), 10)
    >>> [line for line in text.split("\\n") if line.startswith("| `sqrt")][0].split("|")[3].strip()
    '`1/(2*f)`'
    """
    known = {one.name for one in found}
    own = [one for one in found if OPS[one.name].sympy is None and sympy_name(one.name) == one.name]
    own = [one for one in own if one.name not in ("sqrt", "log")]
    direct = [one for one in found if one not in own]
    lines = [_HEAD.format(points=points)]
    lines += ["## Functions of SymPy\n", *_table(direct)]
    lines += ["\n## Functions that others are written in\n"]
    lines += ["SymPy has none of these names; the compiler finds them in formulas.\n", *_table(own)]
    rest = [name for name in supported_functions() if name not in {*map(sympy_name, known)}]
    lines += ["\n## Functions written in those above\n"]
    lines += [", ".join(f"`{name}`" for name in rest) + ".", ""]
    return "\n".join(lines)


def _table(found: Sequence[Accuracy]) -> list[str]:
    head = ["function", "kinds", "derivative", "kinks", "domain measured", *WAYS]
    return [
        f"| {' | '.join(head)} |",
        f"|{'---|' * len(head)}",
        *(f"| {' | '.join(_row(one))} |" for one in found),
    ]


def _row(one: Accuracy) -> list[str]:
    row = OPS[one.name]
    arguments = arguments_of(one.name)
    call = f"`{sympy_name(one.name)}({', '.join(arguments)})`"
    kinds = "real, complex" if row.complex else "real"
    slopes = [
        f"`{text or 0}`" if len(arguments) == 1 else f"{argument}: `{text or 0}`"
        for argument, text in zip(arguments, derivative_texts(one.name), strict=True)
        if text != NO_DERIVATIVE
    ]
    return [
        call,
        kinds,
        "; ".join(slopes).replace("|", "\\|") or NO_DERIVATIVE,
        KINKS.get(one.name, ""),
        _domain(one.name, arguments),
        *(_figure(one, way) for way in WAYS),
    ]


def _domain(name: str, arguments: Sequence[str]) -> str:
    boxes = zip(arguments, OPS[name].domain, strict=True)
    return ", ".join(
        f"{a} = {low:g}" if low == high else f"{low:g} < {a} < {high:g}" for a, (low, high) in boxes
    )


def _figure(one: Accuracy, way: str) -> str:
    error = one.errors.get(way)
    if error is None:
        return "-"
    plain, conditioned = (f"{value:.2g}" for value in (error.ulp, error.conditioned))
    return plain if error.ulp < _LARGE else f"{plain} ({conditioned})"


def worst(found: Sequence[Accuracy], limit: float = 8.0) -> list[str]:
    """Return a line for each function and way whose conditioned error is above a limit."""
    lines = []
    for one in found:
        for way, error in one.errors.items():
            if not error.conditioned <= limit:
                at = ", ".join(map(repr, error.at))
                lines.append(f"{one.name}({at}) {way}: {error.conditioned:.3g} conditioned ulp")
        lines += [f"{one.name} {way}: {text[:200]}" for way, text in one.failures.items()]
    return lines


def record(found: Sequence[Accuracy]) -> list[dict[str, Any]]:
    """Return everything measured, as JSON takes it."""
    return [
        {
            "name": one.name,
            "sympy": OPS[one.name].sympy,
            "domain": OPS[one.name].domain,
            "derivatives": derivative_texts(one.name),
            "errors": {way: error._asdict() for way, error in one.errors.items()},
            "failures": dict(asdict(one)["failures"]),
        }
        for one in found
    ]


@click.command()
@click.option("--functions", "names", help="these only, by comma: erf,gamma")
@click.option("--points", default=400, show_default=True, help="how many points for each")
@click.option("--json", "as_json", is_flag=True, help="print JSON, and write nothing")
@click.option("--output", type=click.Path(path_type=Path), default=_PAGE, show_default=True)
def main(names: str | None, points: int, as_json: bool, output: Path) -> None:
    """Measure the accuracy of functions, and write the page about them."""
    from rich.console import Console
    from rich.progress import Progress

    wanted = names.split(",") if names else measured_functions()
    unknown = [name for name in wanted if name not in OPS]
    if unknown:
        raise click.BadParameter(f"no such functions: {', '.join(unknown)}")
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("measuring", total=len(wanted))

        def done(name: str) -> None:
            progress.update(task, advance=1, description=f"measured {name}")

        found = measure(wanted, points=points, progress=done)
    for line in worst(found):
        click.echo(line, err=True)
    if as_json:
        click.echo(json.dumps(record(found), indent=1))
    elif names:
        click.echo("\n".join(_table(found)))
    else:
        output.write_text(page(found, points), encoding="utf-8")


if __name__ == "__main__":
    main()
