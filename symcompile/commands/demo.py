"""``symcompile demo``."""

from __future__ import annotations

from pathlib import Path

import click

from symcompile.commands.common import console


@click.command()
@click.option(
    "--picture",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("linreg.png"),
    show_default=True,
    metavar="FILE",
    help="Where to draw the data and the fitted line (.png, .svg or .pdf).",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="CSV",
    help="Other samples: a header, then rows of length and density.",
)
def demo(picture: Path, data: Path | None) -> None:
    """Fit the lecture's line on every backend, and set it beside what was published."""
    from symcompile.demo.run import run

    if not run(console(), console(stderr=True), picture, data):
        raise click.exceptions.Exit(1)
