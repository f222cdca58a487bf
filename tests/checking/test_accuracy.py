"""The accuracy of functions: how it is measured, and the page that says it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from symcompile.checking.accuracy import (
    WAYS,
    arguments_of,
    derivative_texts,
    measure,
    measured_functions,
    sample,
    truth,
)
from symcompile.checking.functions_page import main, page, sympy_name
from symcompile.ir.interpreter import context
from symcompile.ir.ops import OPS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "functions.md"


def test_elementary_functions_are_accurate() -> None:
    names = ["exp", "sin", "atan2", "hypot", "log1p", "tanh"]
    for one in measure(names, points=60, backends=["python", "numba"]):
        assert set(one.errors) == {"Python", "NumPy", "Numba"}
        assert not one.failures
        assert all(error.conditioned <= 4 for error in one.errors.values())


def test_points_reach_the_ends_of_a_domain() -> None:
    (row, fixed) = sample(((1.0, 2.0), (3.0, 3.0)), 200)
    assert row.min() > 1
    assert row.max() < 2
    assert row.min() - 1 < 1e-9
    assert 2 - row.max() < 1e-9
    assert set(fixed) == {3.0}
    np.testing.assert_array_equal(row, sample(((1.0, 2.0),), 200)[0])


def test_the_scale_is_what_a_change_of_the_arguments_does() -> None:
    x = np.array([[3.141592653589793, 1.0, 100.5]])
    exact, scale = truth(context(50), "sin", x)
    assert float(exact[0]) == pytest.approx(1.2246467991473532e-16, rel=1e-15)
    expected = np.maximum(np.abs(np.sin(x[0])), np.abs(x[0] * np.cos(x[0])))
    assert scale == pytest.approx(expected, rel=1e-10)


def test_derivatives_are_written_from_the_rules() -> None:
    assert derivative_texts("exp") == ("f",)
    assert derivative_texts("floor") == ("",)
    for name in measured_functions():
        assert len(derivative_texts(name)) == len(arguments_of(name)) == OPS[name].arity


def test_the_page_lists_the_functions_of_the_table() -> None:
    text = PAGE.read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(\w+)\(", text, re.M)
    assert sorted(listed) == sorted(map(sympy_name, measured_functions())), (
        "run python -m symcompile.checking.functions_page"
    )


def test_the_command_prints_what_it_is_asked_for() -> None:
    run = CliRunner().invoke(main, ["--functions", "sqrt,hypot", "--points", "10"])
    assert run.exit_code == 0
    assert "| `hypot(x, y)` |" in run.stdout
    run = CliRunner().invoke(main, ["--functions", "sqrt", "--points", "10", "--json"])
    (found,) = json.loads(run.stdout)
    assert set(found["errors"]) == {*WAYS}
    assert found["derivatives"] == ["1/(2*f)"]
    assert CliRunner().invoke(main, ["--functions", "nothing"]).exit_code == 2


def test_a_page_says_what_does_not_compile() -> None:
    (one,) = measure(["sqrt"], points=4, backends=["numba"])
    assert "| - | - | " in page([one], 4)
