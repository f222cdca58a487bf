"""``symcompile graph``: a definition as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import click

from symcompile.commands.common import FILE, Failure, load
from symcompile.options import GraphFormat, GraphStage


def _point(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> dict[str, Any] | None:
    """Read ``w=2,x=[1, 2]``, given as often as one likes."""
    from symcompile.commands.fit import split_at_commas

    found: dict[str, Any] = {}
    for part in split_at_commas(",".join(given)):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not (equals and name and value):
            raise click.BadParameter(f"{part.strip()!r} is not NAME=NUMBER or NAME=[NUMBER,...]")
        if name in found:
            raise click.BadParameter(f"{name} is given twice")
        found[name] = _numbers(name, value)
    return found if given else None


def _numbers(name: str, text: str) -> Any:
    """Return a number, or a list of them in brackets, which may hold lists."""
    from symcompile.commands.fit import split_at_commas

    if text.startswith("[") and text.endswith("]"):
        return [_numbers(name, part.strip()) for part in split_at_commas(text[1:-1])]
    for convert in (float, complex):
        try:
            return convert(text)
        except ValueError:
            continue
    raise click.BadParameter(f"{name} is a number or a list of numbers in brackets, not {text!r}")


@click.command()
@FILE
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--out", type=click.Path(path_type=Path), help="The file; NAME.svg by default.")
@click.option(
    "--format",
    "kind",
    type=click.Choice(get_args(GraphFormat)),
    help="The format, where there is no --out; svg by default.",
)
@click.option("--backward", is_flag=True, help="Draw how derivatives flow back too.")
@click.option(
    "--at",
    multiple=True,
    metavar="NAME=VALUE,...",
    callback=_point,
    help="Write values on it: w=2,x=[1,2].",
)
@click.option(
    "--stage",
    type=click.Choice(get_args(GraphStage)),
    default="written",
    show_default=True,
    help="The formula as written, or as it is differentiated.",
)
@click.option("--limit", type=click.IntRange(min=1), help="How many nodes a picture may have.")
def graph(
    file: Path,
    names: tuple[str, ...],
    out: Path | None,
    kind: GraphFormat | None,
    backward: bool,
    at: dict[str, Any] | None,
    stage: GraphStage,
    limit: int | None,
) -> None:
    """Draw the computational graph of the definitions of FILE: all, or those named."""
    from symcompile.drawing import LIMIT

    found = {definition.name: definition for definition in load(file)}
    unknown = [name for name in names if name not in found]
    if unknown:
        raise Failure(f"{file} has no definition {unknown[0]!r}; it has {', '.join(found)}")
    wanted = list(dict.fromkeys(names)) or list(found)
    if out is not None and len(wanted) > 1:
        raise Failure(f"--out is one file, and {len(wanted)} definitions are drawn: name one")
    if out is not None and kind is not None:
        if not out.suffix:
            out = out.with_suffix(f".{kind}")
        elif out.suffix.lower() != f".{kind}":
            raise Failure(f"--out {out} is no .{kind}: leave one of --out and --format out")
    for name in wanted:
        picture = found[name].graph(at=at, backward=backward, stage=stage, limit=limit or LIMIT)
        path = picture.save(out or Path(f"{name}.{kind or 'svg'}"))
        click.echo(f"{path}: {len(picture.nodes)} nodes, {len(picture.edges)} edges")
