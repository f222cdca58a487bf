"""Posing a fit: roles of symbols, starts, bounds, ties, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import sympy as sp

import symcompile as sc
from symcompile.fitting.losses import Loss, Own, as_loss
from symcompile.fitting.posing import pose

LEAST_SQUARES = as_loss("least_squares")


def posed(model: Any, table: tuple[str, ...] = ("x", "y"), y: Any = "y", **given: Any) -> Any:
    return pose(model, table, y, **{"loss": LEAST_SQUARES, **given})


def test_symbols_that_are_no_columns_are_parameters() -> None:
    problem = posed("b10*x + b2 + z", table=("x", "y", "unused"))
    assert problem.names == ("b2", "b10", "z")
    assert problem.column_names == ("x", "y")
    assert problem.start.tolist() == [1, 1, 1]
    assert not problem.given.any()


def test_what_is_named_comes_first_in_its_order() -> None:
    assert posed("a + b*x + c", start={"c": 1, "b": 2}).names == ("c", "b", "a")
    assert posed("a + b*x", params=("b", "a")).names == ("b", "a")
    assert posed("a + b*x", params="b, a").names == ("b", "a")
    # A parameter may have the name of a column.
    assert posed("x*y", table=("x", "y"), y=sp.Symbol("y"), params=["x"]).names == ("x",)


def test_symbols_of_one_name_are_one_symbol() -> None:
    a, x = sp.Symbol("a", positive=True), sp.Symbol("x", real=True)
    problem = posed(a * x, y="x + y", tied=None, penalty="a**2")
    assert problem.names == ("a",)
    assert problem.column_names == ("x", "y")
    assert problem.penalty == a**2


def test_ties_are_put_in_and_may_be_chained() -> None:
    problem = posed("a + b*x + c*x**2", tied={"b": "2*c", "c": "a + 1"})
    assert problem.names == ("a",)
    a, x = problem.params[0], sp.Symbol("x")
    assert sp.expand(problem.model - (a + 2 * (a + 1) * x + (a + 1) * x**2)) == 0


def test_bounds_and_starts() -> None:
    problem = posed("a + b*x", bounds={"a": (2, None), "b": (-math.inf, 0.5)}, start={"b": 0.25})
    assert dict(zip(problem.names, problem.start, strict=True)) == {"a": 2, "b": 0.25}
    limits = zip(problem.names, problem.lower, problem.upper, strict=True)
    assert {name: (low, high) for name, low, high in limits} == {
        "a": (2, math.inf),
        "b": (-math.inf, 0.5),
    }


def test_fixed_parameters_keep_their_value() -> None:
    problem = posed("a + b*x", fixed={"a": 3})
    assert problem.start[problem.names.index("a")] == 3
    assert problem.fixed.tolist() == [name == "a" for name in problem.names]
    held = posed("a + b*x", fixed=["b"], start={"b": 7})
    assert held.start[held.names.index("b")] == 7


def test_a_loss_brings_parameters_along() -> None:
    own = Own("s", start=2, lower=0)
    loss = Loss("mine", lambda f, y, s: (f - y) ** 2 / s + sp.log(s), own=(own,))
    problem = posed("s*x", loss=loss)  # the model has one of that name
    assert problem.names == ("s", "s_")
    assert problem.start.tolist() == [1, 2]
    assert problem.lower.tolist() == [-math.inf, 0]


def test_definitions_are_what_they_say() -> None:
    problem = posed("a*x", ("x", "y", "e", "w"), sigma="e", weights="w")
    a, x, y, e, w = 3.0, np.array([1.0, 2]), np.array([2.0, 5]), np.array([0.5, 2]), [4.0, 9]
    table = {"x": x, "y": y, "e": e, "w": w}
    kernel = sc.compile(problem.residual, backend="python").bind(table)
    assert np.allclose(kernel.value([a]), np.sqrt(w) * (a * x - y) / e)
    total = sc.compile(problem.criterion, backend="python").bind(table)
    assert math.isclose(total.value([a]), float(np.sum(w * ((a * x - y) / e) ** 2)))
    assert sc.compile(problem.prediction, backend="python").value([a], x).tolist() == [3, 6]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"start": {"q": 1}}, "start names q, which is no parameter; they are a, b"),
        ({"start": {"a": math.nan}}, "is nan: it is a finite number"),
        ({"start": {"a": 5}, "bounds": {"a": (0, 1)}}, "lies outside its bounds"),
        ({"start": [1, 2]}, "start is a mapping"),
        ({"bounds": {"a": (2, 1)}}, "leaves no room"),
        ({"bounds": {"a": 2}}, "is a pair"),
        ({"fixed": {"a": 1, "b": 2}}, "all parameters are fixed"),
        ({"tied": {"a": "b", "b": "a"}}, "in a circle"),
        ({"params": ["a"]}, "the model holds b, which is neither"),
        ({"params": ["a", "a", "b"]}, "twice"),
        ({"sigma": "a"}, "sigma is made of columns"),
        ({"penalty": "x"}, "the penalty is made of parameters"),
        ({"y": "w"}, "no column w; they have x, y"),
        ({"y": True}, "not bool"),
    ],
)
def test_what_does_not_fit_is_said(given: dict[str, Any], message: str) -> None:
    with pytest.raises(sc.SymcompileError, match=message):
        posed("a + b*x", **given)


def test_models_that_are_none() -> None:
    with pytest.raises(sc.ParseError):
        posed("a + (b")
    with pytest.raises(sc.ArgumentValueError, match="every symbol of the model is a column"):
        posed("2*x")
    with pytest.raises(sc.ArgumentTypeError, match="not list"):
        posed([1])
    with pytest.raises(sc.DefinitionError, match="write it in symbols"):
        posed(sp.IndexedBase("a")[0] * sp.Symbol("x"))
    with pytest.raises(sc.ArgumentValueError, match="none of residuals"):
        posed("a*x", loss=Loss("odds", lambda f, y: f * y), sigma=2)


def test_names_of_losses() -> None:
    with pytest.raises(sc.ArgumentValueError, match="did you mean 'least_squares'"):
        as_loss("leastsquares")
    with pytest.raises(sc.ArgumentTypeError, match="not int"):
        as_loss(3)
