"""The command line: ``symcompile``, also ``python -m symcompile``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from symcompile.errors import SymcompileError, ToolchainError
from symcompile.options import BACKENDS, READABLE, Backend, Options, Target
from symcompile.stages import STAGES, Stage, show_stage

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from symcompile.frontend.definition import Definition
    from symcompile.generate import Source

# What rich takes for the width where there is no terminal is too narrow for the tables.
_PIPE_WIDTH = 100


class _Failure(click.ClickException):
    """An error of the user's, shown in one line (a compiler's words may follow) in red."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        click.secho(f"symcompile: {self.format_message()}", fg="red", err=True)


class _Commands(click.Group):
    """A group that shows the package's own errors; any other is a bug, and traces back."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SymcompileError as error:
            raise _Failure(str(error)) from error


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


_FILE = click.argument("file", type=click.Path(path_type=Path))
_OUT = click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("generated"),
    show_default=True,
    metavar="DIR",
    help="The folder of the generated modules.",
)
_BACKEND = click.option(
    "--backend",
    "backends",
    type=click.Choice(BACKENDS),
    multiple=True,
    help="A backend, as often as you like; all of them by default.",
)


@main.command()
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

    if not run(_console(), _console(stderr=True), picture, data):
        raise click.exceptions.Exit(1)


@main.command()
@_FILE
@_OUT
@_BACKEND
@click.option(
    "--target",
    type=click.Choice(get_args(Target)),
    default="portable",
    show_default=True,
    help="native: for this processor only.",
)
def build(file: Path, out: Path, backends: tuple[Backend, ...], target: Target) -> None:
    """Write the modules of the definitions in FILE, and compile those for Cython."""
    from symcompile.generate import generate, have_compiler, write, write_package

    definitions = _load(file)
    console = _console()
    table = _build_table(out)
    wanted = _chosen(backends)
    lacking = have_compiler() if "cython" in wanted else ""
    options = Options(target=target)
    with _console(stderr=True).status("") as status:
        for definition in definitions:
            table.add_section()
            status.update(f"deriving {definition.name}")
            for source in generate(definition, wanted):
                status.update(f"building {source.module}")
                start = time.perf_counter()
                changed = write(source, out)
                if source.backend == "cython" and not lacking:
                    changed |= _compile(source, out, options)
                seconds = source.seconds + time.perf_counter() - start
                _build_row(table, source, seconds, changed, bool(lacking))
        write_package(out)
    console.print(table)
    if lacking:
        if "cython" in backends:
            raise ToolchainError(lacking)
        click.secho(
            f"The .pyx files are written but not compiled. {lacking}", fg="yellow", err=True
        )


def _compile(source: Source, out: Path, options: Options) -> bool:
    from symcompile.generate import compile_into

    return compile_into(source, out, options)


def _build_table(out: Path) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("definition", no_wrap=True)
    table.add_column("backend", no_wrap=True)
    for heading in ("operations", "lines", "seconds"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column(Text(f"in {out}"), overflow="fold")
    return table


def _build_row(
    table: Table, source: Source, seconds: float, changed: bool, uncompiled: bool
) -> None:
    state = "[green]changed[/]" if changed else "[dim]up to date[/]"
    if uncompiled and source.backend == "cython":
        state += " [yellow](not compiled)[/]"
    table.add_row(
        source.definition.name,
        source.backend,
        f"{source.operations:,}",
        f"{source.text.count(chr(10)):,}",
        f"{seconds:.2f}",
        state,
    )


@main.command()
@_FILE
@_OUT
@_BACKEND
def check(file: Path, out: Path, backends: tuple[Backend, ...]) -> None:
    """Compare the source in DIR with what FILE gives now; exit 1, with a diff, if it is stale."""
    from symcompile.generate import difference, generate

    stale, total = [], 0
    for definition in _load(file):
        for source in generate(definition, _chosen(backends)):
            total += 1
            diff = difference(source, out)
            if diff:
                stale.append(source.file)
                _print_code(diff, "diff")
    if stale:
        click.secho(
            f"stale or missing in {out}: {', '.join(stale)}\n"
            f"To bring it up to date: symcompile build {file} --out {out}",
            fg="red",
            err=True,
        )
        raise click.exceptions.Exit(1)
    click.echo(f"{out} is up to date with {file}: {total} modules")


@main.command()
@_FILE
@_BACKEND
def verify(file: Path, backends: tuple[Backend, ...]) -> None:
    """Check every function of every backend against 50 digits; exit 1 if one is off."""
    from symcompile.checking.crosscheck import crosscheck
    from symcompile.verify import described, made_up

    console = _console()
    definitions = _load(file)
    failed = []
    for definition in definitions:
        with _console(stderr=True).status(f"checking {definition.name} on every backend"):
            columns, constants = made_up(definition)
            report = crosscheck(
                definition, *columns, constants=constants, backends=backends or None, quiet=True
            )
        console.print(report)
        if columns:
            console.print(described(definition, columns), style="dim")
        console.print()
        if not report.ok:
            failed.append(definition.name)
    if failed:
        click.secho(f"beyond the tolerance: {', '.join(failed)}", fg="red", err=True)
        raise click.exceptions.Exit(1)


@main.command()
@_FILE
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
    found = _load(file)
    definitions = [definition for definition in found if name in (None, definition.name)]
    if not definitions:
        names = ", ".join(d.name for d in found)
        raise _Failure(f"{file} has no definition {name!r}; it has {names}")
    lexer = "cython" if stage == "source" and backend == "cython" else "python"
    for number, definition in enumerate(definitions):
        if number:
            click.echo()
        _print_code(show_stage(definition, stage, backend) + "\n", lexer)


@main.group()
def cache() -> None:
    """Look at or empty the cache of compiled kernels."""


@cache.command()
def info() -> None:
    """Show where the cache is, and how much it holds."""
    from symcompile.build.cache import VARIABLE, Cache, cache_dir

    found = Cache(cache_dir(Options())).info()
    click.echo(f"folder   {found.path}")
    click.echo(f"modules  {found.entries:,}")
    click.echo(f"size     {_size(found.bytes)}")
    click.echo(f"The environment variable {VARIABLE} moves it.")


@cache.command()
def clear() -> None:
    """Remove every compiled kernel; they are compiled again when needed."""
    from symcompile.build.cache import Cache, cache_dir

    root = cache_dir(Options())
    removed = Cache(root).clear()
    click.echo(f"{removed} {'module' if removed == 1 else 'modules'} removed from {root}")


def _load(file: Path) -> tuple[Definition, ...]:
    from symcompile.definition_file import load_definitions

    return load_definitions(file)


def _chosen(backends: Sequence[Backend]) -> tuple[Backend, ...]:
    return tuple(b for b in BACKENDS if b in backends) if backends else READABLE


def _console(stderr: bool = False) -> Console:
    from rich.console import Console

    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    return console


def _print_code(text: str, lexer: str) -> None:
    """Print text as it is, with colours on a terminal only."""
    console = _console()
    if not console.is_terminal:
        click.echo(text, nl=False)
        return
    from rich.syntax import Syntax

    console.print(
        Syntax(text.rstrip("\n"), lexer, theme="ansi_dark", background_color="default"),
        soft_wrap=True,
    )


def _size(count: int) -> str:
    value = float(count)
    for unit in ("bytes", "kB", "MB"):
        if value < 1000:
            return f"{value:.3g} {unit}" if unit != "bytes" else f"{count} bytes"
        value /= 1000
    return f"{value:.3g} GB"
