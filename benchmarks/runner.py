"""Runs benchmarks, saying what is being done."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from benchmarks.machine import machine, versions
from benchmarks.report import Report, Row, row_of
from benchmarks.suite import BENCHMARKS
from benchmarks.suite.base import Setting
from benchmarks.suite.peers import PEERS
from symcompile.options import BACKENDS


def run(
    names: Sequence[str],
    backends: Sequence[str],
    rounds: int,
    threads: int,
    data: Path | None,
    out: Path,
    kept: Sequence[Row] = (),
) -> Report:
    """Run benchmarks, and keep what is found so far in a file.

    Args:
        names: which.
        backends: which of symcompile's; none stands for all.
        rounds: how often everything is measured.
        threads: how many processors there are.
        data: a folder with published problems, or None.
        out: where ``table.json`` goes.
        kept: rows of another run, of which those of these benchmarks are replaced.
    """
    report = Report({**machine(), "threads": threads}, versions(PEERS), rounds, [])
    report.rows += [row for row in kept if row.benchmark not in names]
    console = Console(stderr=True)
    bar = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(24), TimeElapsedColumn())
    with Progress(*bar, console=console, transient=True) as progress:
        task = progress.add_task("", total=len(names))
        for name in names:
            benchmark = BENCHMARKS[name]

            def say(text: str, name: str = name) -> None:
                progress.update(task, description=f"{name}: {text}"[:100])
                if not console.is_terminal:
                    console.print(f"{name}: {text}", highlight=False, markup=False)

            say(benchmark.title)
            setting = Setting(tuple(backends) or BACKENDS, rounds, data, threads, say)
            try:
                for comparison in benchmark.run(setting):
                    report.rows.append(row_of(name, comparison))
                    report.write(out)
            except SystemExit as error:  # results that differ
                progress.console.print(f"{name}: {error}", style="red")
                report.failed.append(f"{name}: {error}")
            progress.advance(task)
    order = list(BENCHMARKS)
    report.rows.sort(key=lambda row: order.index(row.benchmark))
    report.write(out)
    return report
