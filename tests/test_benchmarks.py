"""The benchmarks' own machinery: what is compared, and how it is written down."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import benchmarks
from benchmarks import __main__ as command
from benchmarks.report import Report, row_of
from benchmarks.suite import BENCHMARKS
from benchmarks.suite.base import (
    Comparison,
    Goal,
    MissingError,
    Setting,
    compare,
    difference,
    with_backends,
    with_peers,
)
from benchmarks.suite.peers import peer
from tests.fitting.nist import NONLINEAR


def found() -> Comparison:
    return Comparison(
        "something of 10 numbers",
        times={"base": [4.0, 2.0, 8.0], "own fast": [1.0, 1.0, 1.0], "own slow": [8.0, 8.0, 8.0]},
        base="base",
        pieces=10,
        piece="number",
        goals=(Goal("own", 0.5, "base"), Goal("own", 0.05), Goal("absent", 1.0, "base")),
        skipped={"other": "not installed"},
        notes=("a note",),
    )


def test_ratios_are_medians_within_rounds_and_seconds_the_fastest() -> None:
    comparison = found()
    assert comparison.median("base") == 0.4
    assert comparison.ratio("own fast") == 0.25
    reached = [comparison.reached(goal) for goal in comparison.goals]
    assert reached[:2] == [0.25, 0.1]
    assert math.isnan(reached[2])


def test_a_row_says_which_goals_are_met() -> None:
    row = row_of("name", found())
    assert [goal["met"] for goal in row.goals] == [True, False, None]
    assert row.fastest["base"] == 0.2
    assert row.ratios == {"base": 1.0, "own fast": 0.25, "own slow": 2.0}


def test_results_that_differ_are_not_timed() -> None:
    ways = {"base": lambda: np.ones(3), "other": lambda: np.array([1.0, 1.0, 1.1])}
    with pytest.raises(SystemExit, match=r"other differs from base by 1\.0e-01"):
        compare(Comparison("work", base="base"), ways, Setting(rounds=1))
    assert not math.isfinite(difference(np.array([np.nan]), np.array([1.0])))


def test_ways_are_timed_in_turn() -> None:
    order: list[str] = []
    ways = {name: lambda name=name: order.append(name) or 1.0 for name in "ab"}
    comparison = compare(Comparison("work"), ways, Setting(rounds=3), least=0.0)
    assert {name: len(times) for name, times in comparison.times.items()} == {"a": 3, "b": 3}
    assert order[-6:] == ["a", "b"] * 3


def test_what_is_missing_is_named() -> None:
    comparison = Comparison("work")

    def absent() -> object:
        return peer("no_such_library")

    def made(backend: str) -> object:
        if backend == "numba":
            raise MissingError("too deep")
        return lambda: 1.0

    with_peers(comparison, {}, {"other": absent})  # type: ignore[dict-item]
    ways = with_backends(comparison, {}, Setting(("python", "numba")), made)  # type: ignore[arg-type]
    assert list(ways) == ["symcompile python"]
    assert comparison.skipped["symcompile numba"] == "too deep"
    assert comparison.skipped["other"].startswith("not installed")


def test_a_report_is_read_as_it_was_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = Report({"processor": "one"}, {"python": "3"}, 3, [row_of("name", found())])
    report.write(tmp_path)
    again = Report.read(tmp_path / "table.json")
    assert again == report
    again.show()
    shown = capsys.readouterr().out
    assert "own fast" in shown and "missed" in shown and "no other: not installed" in shown
    again.page(tmp_path / "page.md", tmp_path / "table.png")
    page = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert "| own fast | 100.00 ms | 100.00 ms | 0.25 |" in page.replace("100 ms", "100.00 ms")
    assert "(table.png)" in page


def test_a_report_can_be_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    picture = Report({}, {}, 3, [row_of("name", found())]).draw(tmp_path)
    assert picture is not None and picture.stat().st_size > 5_000
    assert Report({}, {}, 3, []).draw(tmp_path) is None


def test_the_command_knows_every_benchmark() -> None:
    assert tuple(BENCHMARKS) == command._NAMES
    shown = CliRunner().invoke(command.main, ["--help"])
    assert shown.exit_code == 0
    assert "nested-10000" in shown.output.replace("\n", "").replace(" ", "")


@pytest.mark.long
def test_a_benchmark_runs_alone(tmp_path: Path) -> None:
    from benchmarks.runner import run

    report = run(("projection",), ("python",), 1, 1, None, tmp_path)
    (row,) = report.rows
    assert row.benchmark == "projection" and "symcompile python" in row.medians
    assert not report.failed
    kept = run(("gradients",), ("python",), 1, 1, None, tmp_path, report.rows)
    assert [r.benchmark for r in kept.rows] == ["gradients"] * 3 + ["projection"]


def test_digits_of_certified_problems_are_printed(tmp_path: Path) -> None:
    problem = next(one for one in NONLINEAR if one["name"] == "BoxBOD")
    (tmp_path / "BoxBOD.json").write_text(json.dumps(problem))
    script = Path(benchmarks.__file__).parent / "nist.py"
    printed = subprocess.run(
        [sys.executable, str(script), str(tmp_path)], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split() for line in printed.splitlines() if line.startswith("BoxBOD")]
    assert [row[1] for row in rows] == ["1", "2"]
    assert all(float(digits) > 10 for row in rows for digits in row[2:4])
