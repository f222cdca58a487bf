"""What the commands share: their arguments, the terminal, and errors of the user's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from symcompile.options import BACKENDS, READABLE, Backend

if TYPE_CHECKING:
    from rich.console import Console

    from symcompile.frontend.definition import Definition

# What rich takes for the width where there is no terminal is too narrow for the tables.
_PIPE_WIDTH = 100


class Failure(click.ClickException):
    """An error of the user's, shown in one line (a compiler's words may follow) in red."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        click.secho(f"symcompile: {self.format_message()}", fg="red", err=True)


FILE = click.argument("file", type=click.Path(path_type=Path))
BACKEND = click.option(
    "--backend",
    "backends",
    type=click.Choice(BACKENDS),
    multiple=True,
    help="A backend, as often as you like; all of them by default.",
)
C = click.option(
    "--c", "with_c", is_flag=True, help="NAME.h and NAME.c too, for programs without Python."
)


def load(file: Path) -> tuple[Definition, ...]:
    """Return the definitions of FILE."""
    from symcompile.definition_file import load_definitions

    return load_definitions(file)


def chosen(backends: Sequence[Backend]) -> tuple[Backend, ...]:
    """Return the backends to use: those given, each once; else those whose source is readable."""
    return tuple(b for b in BACKENDS if b in backends) if backends else READABLE


def console(stderr: bool = False) -> Console:
    """Return a console of rich's, wide enough for tables where there is no terminal."""
    from rich.console import Console

    screen = Console(stderr=stderr, highlight=False)
    if not screen.is_terminal:
        screen.width = _PIPE_WIDTH
    return screen


def print_code(text: str, lexer: str) -> None:
    """Print text as it is, with colours on a terminal only."""
    screen = console()
    if not screen.is_terminal:
        click.echo(text, nl=False)
        return
    from rich.syntax import Syntax

    screen.print(
        Syntax(text.rstrip("\n"), lexer, theme="ansi_dark", background_color="default"),
        soft_wrap=True,
    )
