"""``symcompile build`` and ``check``: modules in a folder, and whether they are up to date."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from symcompile.commands.common import BACKEND, C, Failure, chosen, console, print_code
from symcompile.errors import ToolchainError
from symcompile.options import Backend, Target

if TYPE_CHECKING:
    from rich.table import Table

    from symcompile.project.building import Row
    from symcompile.project.config import Project
    from symcompile.project.items import Item

_FILE = click.argument("file", type=click.Path(path_type=Path), required=False)
_OUT = click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="The folder of the modules: with FILE 'generated', else what pyproject.toml says.",
)
_JOBS = click.option(
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="How many processes may work; as many as there are processors by default.",
)


@click.command()
@_FILE
@_OUT
@BACKEND
@click.option(
    "--target",
    type=click.Choice(get_args(Target)),
    help="native: for this processor only; portable by default.",
)
@_JOBS
@C
@click.option("--no-compile", is_flag=True, help="Write .pyx files without compiling them.")
def build(
    file: Path | None,
    out: Path | None,
    backends: tuple[Backend, ...],
    target: Target | None,
    jobs: int | None,
    with_c: bool,
    no_compile: bool,
) -> None:
    """Write the modules of the definitions in FILE, and compile those for Cython.

    Without FILE, what [tool.symcompile] of pyproject.toml asks for is built, in this folder or the
    next one above that has it. Only what changed is built.
    """
    from symcompile.generate import have_compiler, write_c, write_package
    from symcompile.project import building
    from symcompile.project.making import processors

    work = _work(file, out, backends, target)
    lacking = "" if no_compile or not work.compiles else have_compiler()
    if lacking and work.insists:
        raise ToolchainError(lacking)
    items = work.collect()
    compiled = not (no_compile or lacking)
    settings = building.Settings(work.out, compiled, workers=jobs or processors())
    with _Bar() as bar:
        rows = building.build(work.collect, items, settings, bar.start, bar.advance)
        if with_c:
            for item in items:
                write_c(item.definition, work.out)
        if any(row.state != "failed" for row in rows):
            write_package(work.out)
    console().print(_table(rows, work.out, uncompiled=not compiled))
    failed = building.failures(rows)
    if failed:
        raise Failure(failed)
    if lacking:
        click.secho(
            f"The .pyx files are written but not compiled. {lacking}", fg="yellow", err=True
        )


@click.command()
@_FILE
@_OUT
@BACKEND
@_JOBS
@C
def check(
    file: Path | None,
    out: Path | None,
    backends: tuple[Backend, ...],
    jobs: int | None,
    with_c: bool,
) -> None:
    """Compare the source in DIR with what FILE gives now; exit 1, with a diff, if it is stale.

    Without FILE, what [tool.symcompile] of pyproject.toml asks for is checked.
    """
    from symcompile.generate import difference_c
    from symcompile.project import building
    from symcompile.project.making import processors

    work = _work(file, out, backends, None)
    items = work.collect()
    found, failed = building.compare(work.collect, items, work.out, jobs or processors())
    differences = [(source.file, diff) for source, diff in found]
    for item in items if with_c else ():
        differences.append((f"{item.definition.name}.c", difference_c(item.definition, work.out)))
    stale = [name for name, diff in differences if diff]
    for _, diff in differences:
        if diff:
            print_code(diff, "diff")
    if failed:
        raise Failure("\n".join(failed))
    if stale:
        click.secho(
            f"stale or missing in {work.out}: {', '.join(stale)}\n"
            f"To bring it up to date: symcompile build{work.arguments}",
            fg="red",
            err=True,
        )
        raise click.exceptions.Exit(1)
    click.echo(f"{work.out} is up to date with {work.origin}: {len(found)} modules")


@dataclass(frozen=True)
class _Work:
    """What a command is about.

    Attributes:
        collect: finds what there is to build.
        out: the folder of the modules.
        origin: where the definitions come from, for people.
        arguments: what follows ``symcompile build`` for the same.
        compiles: whether something is for a C compiler.
        insists: whether that was asked for by name.
    """

    collect: Callable[[], tuple[Item, ...]]
    out: Path
    origin: str
    arguments: str
    compiles: bool
    insists: bool


def _work(
    file: Path | None, out: Path | None, backends: Sequence[Backend], target: Target | None
) -> _Work:
    from symcompile.project.config import Wanted, find_project
    from symcompile.project.items import file_items, project_items

    if file is not None:
        picked = chosen(backends)
        folder = out or Path("generated")
        wanted = Wanted(backends=picked, target=target or "portable")
        return _Work(
            partial(file_items, file, wanted),
            folder,
            str(file),
            f" {file} --out {folder}",
            "cython" in picked,
            "cython" in backends,
        )
    project = find_project(Path.cwd())
    changes: dict[str, Any] = {"backends": chosen(backends)} if backends else {}
    changes |= {"target": target} if target else {}
    project = _overridden(project, out, changes)
    arguments = f" --out {out}" if out else ""
    origin = str(_near(project.root / "pyproject.toml"))
    collect = partial(project_items, project)
    return _Work(collect, _near(project.out), origin, arguments, project.compiles, True)


def _overridden(project: Project, out: Path | None, changes: dict[str, Any]) -> Project:
    """Return a project with what the command line says in place of what the file says."""
    kernels = {name: replace(one, **changes) for name, one in project.kernels.items()}
    wanted = replace(project.wanted, **changes)
    return replace(project, out=out or project.out, wanted=wanted, kernels=kernels)


def _near(path: Path) -> Path:
    """Return a path as it is seen from here, if it is below."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


class _Bar:
    """A bar on a terminal while definitions are built; silence elsewhere."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        columns = (TextColumn("{task.description}"), BarColumn(30), MofNCompleteColumn())
        screen = console(stderr=True)
        self._progress = Progress(
            *columns, console=screen, transient=True, disable=not screen.is_terminal
        )

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def start(self, count: int) -> None:
        self._task = self._progress.add_task("building", total=count)

    def advance(self, name: str) -> None:
        # Drawing is a thread's work, and processes are forked before there is one.
        self._progress.start()
        self._progress.update(self._task, advance=1, description=f"built {name}")


_STYLES = {"changed": "green", "up to date": "dim", "failed": "red"}


def _table(rows: Sequence[Row], out: Path, uncompiled: bool) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("definition", no_wrap=True)
    table.add_column("backend", no_wrap=True)
    for heading in ("operations", "lines", "seconds"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column(Text(f"in {out}"), overflow="fold")
    former = ""
    for row in rows:
        if former not in ("", row.name):
            table.add_section()
        former = row.name
        state = Text(row.state, style=_STYLES[row.state])
        if uncompiled and row.backend == "cython" and row.state != "failed":
            state.append(" (not compiled)", style="yellow")
        known = row.state != "failed"
        table.add_row(
            row.name,
            row.backend,
            f"{row.operations:,}" if known else "–",
            f"{row.lines:,}" if known else "–",
            f"{row.seconds:.2f}",
            state,
        )
    return table
