"""``symcompile build`` and ``check``: modules in a folder, and whether they are up to date."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from symcompile.commands.common import BACKEND, FILE, OUT, C, chosen, console, load, print_code
from symcompile.errors import ToolchainError
from symcompile.options import Backend, Options, Target

if TYPE_CHECKING:
    from rich.table import Table

    from symcompile.generate import Source


@click.command()
@FILE
@OUT
@BACKEND
@click.option(
    "--target",
    type=click.Choice(get_args(Target)),
    default="portable",
    show_default=True,
    help="native: for this processor only.",
)
@C
def build(
    file: Path, out: Path, backends: tuple[Backend, ...], target: Target, with_c: bool
) -> None:
    """Write the modules of the definitions in FILE, and compile those for Cython."""
    from symcompile.generate import generate, have_compiler, write, write_c, write_package

    definitions = load(file)
    screen = console()
    table = _build_table(out)
    wanted = chosen(backends)
    lacking = have_compiler() if "cython" in wanted else ""
    options = Options(target=target)
    with console(stderr=True).status("") as status:
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
            if with_c:
                write_c(definition, out)
        write_package(out)
    screen.print(table)
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


@click.command()
@FILE
@OUT
@BACKEND
@C
def check(file: Path, out: Path, backends: tuple[Backend, ...], with_c: bool) -> None:
    """Compare the source in DIR with what FILE gives now; exit 1, with a diff, if it is stale."""
    from symcompile.generate import difference, difference_c, generate

    stale, total = [], 0
    for definition in load(file):
        for source in generate(definition, chosen(backends)):
            total += 1
            diff = difference(source, out)
            if diff:
                stale.append(source.file)
                print_code(diff, "diff")
        if with_c and (diff := difference_c(definition, out)):
            stale.append(f"{definition.name}.c")
            print_code(diff, "diff")
    if stale:
        click.secho(
            f"stale or missing in {out}: {', '.join(stale)}\n"
            f"To bring it up to date: symcompile build {file} --out {out}",
            fg="red",
            err=True,
        )
        raise click.exceptions.Exit(1)
    click.echo(f"{out} is up to date with {file}: {total} modules")
