"""``symcompile show``: what a definition becomes, stage by stage."""

from __future__ import annotations

from pathlib import Path

import click

from symcompile.commands.common import FILE, Failure, load, print_code
from symcompile.options import BACKENDS, STAGES, Backend, Stage


@click.command()
@FILE
@click.option("--stage", type=click.Choice(STAGES), required=True, help="Which stage.")
@click.option(
    "--backend",
    type=click.Choice(BACKENDS),
    default="python",
    show_default=True,
    help="The backend of the source.",
)
@click.option("--name", help="One definition of FILE; all of them by default.")
def show(file: Path, stage: Stage, backend: Backend, name: str | None) -> None:
    """Show what a definition becomes: its formula, IR, schedule, moments or source."""
    from symcompile.stages import show_stage

    found = load(file)
    definitions = [definition for definition in found if name in (None, definition.name)]
    if not definitions:
        names = ", ".join(d.name for d in found)
        raise Failure(f"{file} has no definition {name!r}; it has {names}")
    lexer = "cython" if stage == "source" and backend == "cython" else "python"
    for number, definition in enumerate(definitions):
        if number:
            click.echo()
        print_code(show_stage(definition, stage, backend) + "\n", lexer)
