"""``symcompile fit``: tables, JSON, pictures, and what it says of wrong input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from symcompile.cli import main

pd = pytest.importorskip("pandas")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    x = np.linspace(100, 700, 14)
    noise = np.random.default_rng(4).normal(size=14)
    y = 240 * (1 - np.exp(-5e-4 * x)) + 0.1 * noise
    path = tmp_path / "data.csv"
    pd.DataFrame({"x": x, "y": y, "e": 0.1, "k": y > 30}).to_csv(path, index=False)
    return path


def run(*arguments: Any) -> Any:
    return CliRunner().invoke(main, ["fit", *map(str, arguments), "--backend", "python"])


MODEL = ("--model", "a*(1 - exp(-b*x))", "--y", "y")


def test_a_table_is_printed(table: Path) -> None:
    result = run(table, *MODEL, "--start", "a=200,b=0.001")
    assert result.exit_code == 0, result.output
    assert "y = a*(1 - exp(-b*x))" in result.stdout
    assert "95% interval" in result.stdout
    assert not result.stderr


def test_json_is_for_pipes(table: Path) -> None:
    arguments = ("--start", "a=200", "--start", "b=0.001", "--json", "--level", "0.9", "--profile")
    result = run(table, *MODEL, *arguments)
    found = json.loads(result.stdout)
    assert found["success"] is True
    assert found["params"]["a"]["value"] == pytest.approx(240, rel=0.02)
    assert found["intervals"] == "profile"
    assert found["level"] == 0.9


def test_a_picture_is_drawn(table: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    picture = tmp_path / "fit.png"
    result = run(table, *MODEL, "--start", "a=200,b=0.001", "--plot", picture)
    assert result.exit_code == 0, result.output
    assert picture.stat().st_size > 1000
    assert "drew" in result.stdout


def test_parquet_and_options(table: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    path = tmp_path / "data.parquet"
    pd.read_csv(table).to_parquet(path)
    options = ("--sigma", "e", "--absolute-sigma", "--bounds", "a=0:,b=:1", "--tied", "c=2*a+1")
    result = run(path, "--model", "a*x + b + 0*c", "--y", "log(y)", *options, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)["params"]
    assert found["c"]["value"] == pytest.approx(2 * found["a"]["value"] + 1)
    held = run(path, *MODEL, "--fixed", "b=0.0005", "--loss", "huber", "--json")
    assert json.loads(held.stdout)["params"]["b"] == {
        "value": 0.0005,
        "stderr": 0.0,
        "lower": 0.0005,
        "upper": 0.0005,
        "digits": None,
        "kind": "fixed",
    }


def test_a_fit_that_does_not_converge_exits_with_one(table: Path) -> None:
    result = run(table, "--model", "a + b*x", "--y", "k", "--loss", "logistic")
    assert result.exit_code == 1
    assert "warning: not converged" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--model", "a*z", "--y", "w"), "the data have no column w"),
        (("--model", "a*(x", "--y", "y"), "never closed"),
        (("--model", "a*x", "--y", "y", "--start", "a"), "'a' is not NAME=NUMBER"),
        (("--model", "a*x", "--y", "y", "--start", "a=b"), "a is a number, not 'b'"),
        (("--model", "a*x", "--y", "y", "--start", "a=1,a=2"), "a is given twice"),
        (("--model", "a*x", "--y", "y", "--bounds", "a=1"), "LOWER:UPPER"),
        (("--model", "a*x", "--y", "y", "--start", "q=1"), "no parameter"),
        (("--model", "a*x", "--y", "y", "--loss", "hubert"), "did you mean 'huber'"),
        (("--model", "a*x", "--y", "y", "--level", "95"), "not between 0 and 1"),
        (("--model", "a*x", "--y", "y", "--plot", "fit.doc"), "no suffix of a picture"),
        (("--model", "__import__('os')", "--y", "y"), "symcompile:"),
    ],
)
def test_wrong_input_is_one_sentence(table: Path, arguments: Any, message: str) -> None:
    result = run(table, *arguments)
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output


def test_files_that_are_none(tmp_path: Path) -> None:
    result = run(tmp_path / "missing.csv", *MODEL)
    assert result.exit_code == 2
    assert "there is no file" in result.output
    text = tmp_path / "data.txt"
    text.write_text("x\n1\n")
    assert "none of the files" in run(text, *MODEL).output
    broken = tmp_path / "broken.csv"
    broken.write_text('x,y\n1,2\n"')
    assert run(broken, *MODEL).exit_code == 2
    words = tmp_path / "words.csv"
    words.write_text("x,y\n1,two\n3,4\n")
    assert "column y" in run(words, *MODEL).output
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    assert run(empty, *MODEL).exit_code == 2
