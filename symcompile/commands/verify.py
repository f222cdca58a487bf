"""``symcompile verify``: every backend against 50 digits."""

from __future__ import annotations

from pathlib import Path

import click

from symcompile.commands.common import BACKEND, FILE, console, load
from symcompile.options import Backend


@click.command()
@FILE
@BACKEND
def verify(file: Path, backends: tuple[Backend, ...]) -> None:
    """Check every function of every backend against 50 digits; exit 1 if one is off."""
    from symcompile.checking.crosscheck import crosscheck
    from symcompile.verify import described, made_up

    screen = console()
    definitions = load(file)
    failed = []
    for definition in definitions:
        with console(stderr=True).status(f"checking {definition.name} on every backend"):
            columns, constants = made_up(definition)
            report = crosscheck(
                definition, *columns, constants=constants, backends=backends or None, quiet=True
            )
        screen.print(report)
        if columns:
            screen.print(described(definition, columns), style="dim")
        screen.print()
        if not report.ok:
            failed.append(definition.name)
    if failed:
        click.secho(f"beyond the tolerance: {', '.join(failed)}", fg="red", err=True)
        raise click.exceptions.Exit(1)
