"""Run the benchmarks, all or some: ``python -m benchmarks --help``."""

from __future__ import annotations

import os
from pathlib import Path

import click

from benchmarks.machine import limited

_NAMES = (
    *("calls", "elementwise", "logistic", "regression", "nested", "nested-10000", "pendulum"),
    *("gradients", "projection", "columns", "many-fits", "starts"),
)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--only", multiple=True, type=click.Choice(_NAMES), help="Run this one. Repeatable.")
@click.option("--backend", "backends", multiple=True, help="Of symcompile. Repeatable; else all.")
@click.option("--rounds", default=25, show_default=True, help="How often each thing is measured.")
@click.option("--threads", default=2, show_default=True, help="Processors that everyone gets.")
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Published problems, for the benchmark `gradients`.",
)
@click.option(
    "--out",
    default=Path("build/benchmarks"),
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where table.json and table.png go.",
)
@click.option("--add", is_flag=True, help="Keep the other rows of the table.json in --out.")
@click.option(
    "--page",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the table as Markdown, too.",
)
@click.option(
    "--draw",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Only show and draw a table.json that is there.",
)
def main(
    only: tuple[str, ...],
    backends: tuple[str, ...],
    rounds: int,
    threads: int,
    data: Path | None,
    out: Path,
    add: bool,
    page: Path | None,
    draw: Path | None,
) -> None:
    """Time symcompile beside others, check that results agree, and print the table.

    Everything is timed in turn, in one process; medians and ratios within a round are shown. Peers
    that are not installed are left out, and named.
    """
    threads = limited(threads)  # before any library starts its threads
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    from benchmarks.report import Report

    if draw:
        report = Report.read(draw)
    else:
        from benchmarks.runner import run

        kept = Report.read(out / "table.json").rows if add else []
        report = run(only or _NAMES, backends, rounds, threads, data, out, kept)
    report.show()
    picture = report.draw(out)
    if page:
        report.page(page, picture)
    click.echo(f"wrote {out / 'table.json'}" + (f" and {picture}" if picture else ""))


if __name__ == "__main__":
    main()
