"""``symcompile graph``: definitions as pictures of their computational graphs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from symcompile.commands.common import FILE, Failure, load


def _point(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> dict[str, Any]:
    """Read ``NAME=NUMBER`` or ``NAME=[NUMBER,...]``."""
    found: dict[str, Any] = {}
    for part in given:
        name, equals, text = part.partition("=")
        name, text = name.strip(), text.strip()
        several = text.startswith("[") and text.endswith("]")
        try:
            numbers = [float(one) for one in (text[1:-1] if several else text).split(",")]
            if not (equals and name) or (not several and len(numbers) != 1):
                raise ValueError
        except ValueError:
            raise click.BadParameter(
                f"{part!r} is not NAME=NUMBER or NAME=[NUMBER,NUMBER,...]"
            ) from None
        found[name] = numbers if several else numbers[0]
    return found


@click.command()
@FILE
@click.argument("names", nargs=-1)
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path(), help="The folder, or the picture."
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(["svg", "png", "pdf"]),
    default="svg",
    show_default=True,
    help="Of pictures in a folder.",
)
@click.option("--backward", is_flag=True, help="Draw the way back to the parameters too.")
@click.option(
    "--at",
    multiple=True,
    callback=_point,
    metavar="NAME=NUMBER",
    help="A point, symbol by symbol; columns as x=[1,2,3].",
)
@click.option(
    "--stage",
    type=click.Choice(["written", "optimised"]),
    default="written",
    show_default=True,
    help="The formula as written, or what is compiled.",
)
def graph(
    file: Path,
    names: tuple[str, ...],
    out: Path,
    kind: str,
    backward: bool,
    at: dict[str, Any],
    stage: Any,
) -> None:
    """Draw the computational graphs of the definitions NAMES of FILE, of all by default."""
    found = load(file)
    missing = [name for name in names if name not in {one.name for one in found}]
    if missing:
        there = ", ".join(one.name for one in found)
        raise Failure(f"{file} has no definition {missing[0]!r}; it has {there}")
    chosen = [one for one in found if not names or one.name in names]
    single = bool(out.suffix) and not out.is_dir()
    if single and len(chosen) > 1:
        raise Failure(f"{out} is one picture, and {file} has {len(chosen)} definitions: name one")
    for definition in chosen:
        picture = definition.graph(at=at or None, backward=backward, stage=stage)
        path = out if single else out / f"{definition.name}.{kind}"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            picture.save(path)
        except OSError as error:
            raise Failure(f"no picture was written to {path}: {error}") from error
        click.echo(f"drew {path}")
