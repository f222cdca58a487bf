"""The command line: ``symcompile``, also ``python -m symcompile``."""

from __future__ import annotations

from typing import Any

import click

from symcompile.commands.build import build, check
from symcompile.commands.cache import cache
from symcompile.commands.common import Failure
from symcompile.commands.demo import demo
from symcompile.commands.fit import fit
from symcompile.commands.graph import graph
from symcompile.commands.show import show
from symcompile.commands.verify import verify
from symcompile.errors import SymcompileError


class _Commands(click.Group):
    """A group that shows the package's own errors; any other is a bug, and traces back."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SymcompileError as error:
            raise Failure(str(error)) from error


def _print_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        from symcompile import __version__

        click.echo(f"symcompile {__version__}")
        context.exit()


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version and exit.",
)
def main() -> None:
    """Compile symbolic mathematics into fast numerical modules.

    FILE is a Python file that holds symcompile.define(...) at module level.
    """


for _command in (demo, fit, build, check, verify, show, graph, cache):
    main.add_command(_command)
