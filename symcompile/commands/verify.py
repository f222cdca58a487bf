"""``symcompile verify``: every backend against 50 digits, or installed modules against records."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from symcompile.commands.common import BACKEND, Failure, chosen, console, load
from symcompile.options import Backend

if TYPE_CHECKING:
    from rich.table import Table

    from symcompile.checking.junit import Case
    from symcompile.checking.report import Report
    from symcompile.checking.setting import Setting
    from symcompile.frontend.definition import Definition
    from symcompile.generate import Source
    from symcompile.recheck import Recheck


@click.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@BACKEND
@click.option(
    "--out",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    metavar="DIR",
    help="Check the modules in DIR too, and put a record beside each.",
)
@click.option(
    "--installed",
    "modules",
    multiple=True,
    metavar="MODULE",
    help="Check a module against its record instead, without SymPy. Repeatable.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, and no tables.")
@click.option(
    "--junit",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="XML",
    help="Write the result of each test for CI.",
)
def verify(
    file: Path | None,
    backends: tuple[Backend, ...],
    out: Path | None,
    modules: tuple[str, ...],
    as_json: bool,
    junit: Path | None,
) -> None:
    """Check every function of every backend against 50 digits; exit 1 if one is off."""
    if (file is None) == (not modules):
        raise Failure("name a FILE of definitions, or modules with --installed")
    if file is None:
        found, cases, failed = _installed(modules, as_json)
    else:
        found, cases, failed = _definitions(file, backends, out, as_json)
    if as_json:
        click.echo(json.dumps(found, indent=1))
    if junit is not None:
        from symcompile.checking.junit import junit as written

        _write(junit, written(cases))
    if failed:
        click.secho(f"beyond the tolerance: {', '.join(failed)}", fg="red", err=True)
        raise click.exceptions.Exit(1)


def _definitions(
    file: Path, backends: tuple[Backend, ...], out: Path | None, quiet: bool
) -> tuple[list[Any], list[Case], list[str]]:
    """Return what is to be printed, the tests, and the names of what failed."""
    from symcompile.checking.crosscheck import check_all
    from symcompile.checking.junit import cases_of
    from symcompile.verify import described, made_up_setting

    screen = console()
    found: list[Any] = []
    cases: list[Case] = []
    failed: list[str] = []
    for definition in load(file):
        there = [] if out is None else _present(definition, backends, out)
        with console(stderr=True).status(f"checking {definition.name} on every backend"):
            setting = made_up_setting(definition)
            report = check_all(setting, backends=backends or None, time_calls=not quiet)
        found.append(report.to_dict())
        cases += cases_of(report)
        if not report.ok:
            failed.append(definition.name)
        if not quiet:
            screen.print(report)
            if setting.columns:
                screen.print(described(definition, setting.columns), style="dim")
        for module, results in _recorded(setting, report, there):
            more = _shown(module, results, cases, failed, quiet)
            found[-1].setdefault("modules", []).append(more)
        if not quiet:
            screen.print()
    return found, cases, failed


def _present(
    definition: Definition, backends: Sequence[Backend], folder: Path
) -> list[tuple[Source, Path]]:
    """Return the modules of a definition that lie in a folder: what they come from, and where."""
    from symcompile.generate import difference, generate, module_file

    there = []
    for source in generate(definition, chosen(backends)):
        path = module_file(source, folder)
        if path is None:
            continue
        if difference(source, folder):
            raise Failure(f"{folder / source.file} is out of date: symcompile build brings it up")
        there.append((source, path))
    if not there:
        raise Failure(f"{folder} has no module of {definition.name}: symcompile build makes them")
    return there


def _recorded(
    setting: Setting, report: Report, there: Sequence[tuple[Source, Path]]
) -> list[tuple[str, tuple[Recheck, ...]]]:
    """Put records beside modules, and return what these gave."""
    from symcompile.checking.record import records
    from symcompile.recheck import imported, recheck, record_path, written

    made = records(setting, report, [source for source, _ in there]) if there else {}
    results = []
    for source, path in there:
        _write(record_path(path, source.module), written(made[source.module]))
        results.append((source.module, recheck(*imported(str(path)))))
    return results


def _installed(modules: Sequence[str], quiet: bool) -> tuple[list[Any], list[Case], list[str]]:
    """Return what is to be printed, the tests, and the names of what failed."""
    from symcompile.recheck import imported, recheck

    found: list[Any] = []
    cases: list[Case] = []
    failed: list[str] = []
    for name in modules:
        module, record = imported(name)
        found.append(_shown(name, recheck(module, record), cases, failed, quiet))
    return found, cases, failed


def _shown(
    module: str, results: Sequence[Recheck], cases: list[Case], failed: list[str], quiet: bool
) -> dict[str, Any]:
    """Print what a module gave, and note it; return it as JSON can hold it."""
    from symcompile.checking.junit import cases_of_module
    from symcompile.recheck import json_number

    cases += cases_of_module(module, results)
    if not all(result.ok for result in results):
        failed.append(module)
    if not quiet:
        console().print(_table(module, results))
    return {
        "module": module,
        "ok": all(result.ok for result in results),
        "functions": [
            {
                "function": result.function,
                "conditioned_ulp": json_number(result.conditioned_ulp),
                "recorded": result.recorded,
                "ok": result.ok,
                "failure": result.failure,
            }
            for result in results
        ],
    }


def _table(module: str, results: Sequence[Recheck]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(title=f"{module} against its record", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("function", no_wrap=True)
    table.add_column("conditioned ulp", justify="right")
    table.add_column("recorded", justify="right")
    table.add_column("")
    for result in results:
        recorded = "–" if result.recorded is None else f"{float(result.recorded):.2g}"
        shown = f"{result.conditioned_ulp:.2g}"
        style = None if result.ok else "red"
        table.add_row(result.function, shown, recorded, result.note, style=style)
    return table


def _write(path: Path, text: str) -> None:
    from symcompile.generate import publish

    publish(path, text.encode())
