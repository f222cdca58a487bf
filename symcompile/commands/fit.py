"""``symcompile fit``: from a table and a formula to parameters with standard errors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from symcompile.commands.common import Failure

if TYPE_CHECKING:
    from symcompile.fitting.result import IntervalMethod

#: Of a fit that did not converge: its figures are shown, and are not to be trusted.
_NOT_CONVERGED = 1


def _pairs(what: str, convert: Callable[[str, str], Any]) -> Callable[..., dict[str, Any]]:
    """Return what reads ``NAME=VALUE,NAME=VALUE``, given as often as one likes."""

    def read(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for part in split_at_commas(",".join(given)):
            name, equals, value = part.partition("=")
            if not (equals and name.strip() and value.strip()):
                raise click.BadParameter(f"{part.strip()!r} is not {what}")
            if name.strip() in found:
                raise click.BadParameter(f"{name.strip()} is given twice")
            found[name.strip()] = convert(name.strip(), value.strip())
        return found

    return read


def split_at_commas(text: str) -> list[str]:
    """Return what stands between commas that are in no brackets."""
    parts, depth = [""], 0
    for char in text:
        depth += (char in "([") - (char in ")]")
        if char == "," and depth <= 0:
            parts.append("")
        else:
            parts[-1] += char
    return [part for part in parts if part.strip()]


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise click.BadParameter(f"{name} is a number, not {text!r}") from None


def _bound(name: str, text: str) -> tuple[float | None, float | None]:
    low, colon, high = text.partition(":")
    if not colon:
        raise click.BadParameter(f"{name}={text} is not {name}=LOWER:UPPER")
    return (
        _number(name, low) if low.strip() else None,
        _number(name, high) if high.strip() else None,
    )


def _text(_: str, text: str) -> str:
    return text


def _names(_: click.Context, __: click.Parameter, given: str | None) -> list[str] | None:
    return None if given is None else given.replace(",", " ").split()


@click.command()
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--model", required=True, help='A formula, such as "a*exp(-b*x)".')
@click.option("--y", required=True, help='The column that it predicts, or a formula: "log(y)".')
@click.option(
    "--start",
    multiple=True,
    metavar="NAME=NUMBER,...",
    callback=_pairs("NAME=NUMBER", _number),
    help="Where parameters start; 1 by default.",
)
@click.option("--params", callback=_names, metavar="NAME,...", help="The parameters' names.")
@click.option("--loss", default="least_squares", show_default=True, help="What is minimised.")
@click.option("--sigma", help="The standard error of y: a number, a column or a formula.")
@click.option("--absolute-sigma", is_flag=True, help="It is known, not merely up to a factor.")
@click.option("--weights", help="How much a sample counts: a column or a formula.")
@click.option(
    "--bounds",
    multiple=True,
    metavar="NAME=LOWER:UPPER,...",
    callback=_pairs("NAME=LOWER:UPPER", _bound),
    help="Either side may be empty.",
)
@click.option(
    "--fixed",
    multiple=True,
    metavar="NAME=NUMBER,...",
    callback=_pairs("NAME=NUMBER", _number),
    help="Parameters that stay as they are.",
)
@click.option(
    "--tied",
    multiple=True,
    metavar="NAME=FORMULA,...",
    callback=_pairs("NAME=FORMULA", _text),
    help="Parameters that follow from others.",
)
@click.option("--penalty", default="0", help="A formula in parameters, added to the sum.")
@click.option("--starts", default=1, show_default=True, help="How many starts to try.")
@click.option("--seed", default=0, show_default=True, help="Of the starts that are drawn.")
@click.option("--method", default="auto", show_default=True, help="A method of SciPy's minimize.")
@click.option("--level", default=0.95, show_default=True, help="Of the intervals.")
@click.option("--profile", is_flag=True, help="Intervals of the profile likelihood.")
@click.option("--backend", default="auto", show_default=True, help="What computes.")
@click.option("--plot", type=click.Path(path_type=Path), help="Draw data, fit and residuals.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
@click.pass_context
def fit(
    context: click.Context,
    /,
    data: Path,
    plot: Path | None,
    as_json: bool,
    level: float,
    profile: bool,
    **arguments: Any,
) -> None:
    """Fit a formula to DATA, a CSV or Parquet file.

    Names in the formula are columns of DATA, or else parameters. Exits with 1 where the fit did
    not converge, and with 2 where it could not be done.

    \b
    symcompile fit data.csv --model "a*(1 - exp(-b*x))" --y y --start a=200,b=0.001
    """
    from symcompile.fitting.api import fit as fitted

    given = {name: value for name, value in arguments.items() if value not in ({}, None)}
    for name in ("sigma", "weights"):
        if name in given:
            given[name] = _number_or_text(given[name])
    try:
        result = fitted(data=data, **given)
    except ImportError as error:
        raise Failure(str(error)) from error
    method: IntervalMethod = "profile" if profile else "asymptotic"
    if as_json:
        import json

        text = json.dumps(result.to_dict(level=level, method=method), indent=2, allow_nan=False)
        click.echo(text)
    else:
        click.echo(result.report(level=level, method=method), nl=False)
    if plot is not None:
        _draw(result, plot, quiet=as_json)
    if not result.success:
        context.exit(_NOT_CONVERGED)


def _number_or_text(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _draw(result: Any, path: Path, quiet: bool) -> None:
    try:
        result.plot(path)
    except (OSError, ValueError) as error:
        raise Failure(f"no picture was written to {path}: {error}") from error
    if not quiet:
        click.echo(f"drew {path}")
