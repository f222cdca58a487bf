"""Python functions as formulas: values are those of the function, on arrays."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp

import symcompile as sc
from symcompile.fitting.tracing import trace

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "decay": lambda x, a, b: a * np.exp(-b * x) + 0.1,
    "in place": lambda x, a, b: sum([a, b * x, x**2]),
    "reversed": lambda x, a, b: 2 / (1 + x) - (3 - a) ** 2 + 2**b,
    "functions": lambda x, a, b: (
        np.sqrt(a) * np.arctan(b * x) + np.log1p(x) + np.tanh(x) - np.abs(b)
    ),
    "two": lambda x, a, b: np.arctan2(x, a) + np.maximum(x, b) + np.minimum(a, x) + np.hypot(x, b),
    "where": lambda x, a, b: np.where(x < 1, a * x, b + np.square(x)),
    "and": lambda x, a, b: np.where((x > 0.5) & (x <= 2), a, b * x),
    "sympy": lambda x, a, b: a * np.exp(x) + sp.Rational(1, 3) * b,
    "numbers": lambda x, a, b: np.float64(0.1) * a + np.int64(3) * b * x + np.pi * x,
    "power": lambda x, a, b: np.power(x, a) + (-x) ** 2 - +b,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_formula_has_the_values_of_the_function(name: str) -> None:
    function = FUNCTIONS[name]
    formula, variables, names = trace(function, None)
    assert (variables, names) == (["x"], ["a", "b"])
    x = np.linspace(0.1, 3, 7)
    found = sc.compile(formula, params=sp.symbols("a b"), data=sp.Symbol("x"), backend="python")
    assert np.allclose(
        found.value([1.3, 0.7], x), np.array(function(x, 1.3, 0.7), float), rtol=1e-14
    )


def test_several_variables_are_rows() -> None:
    def plane(x: Any, a: float, b: float) -> Any:
        first, second = x
        assert x.shape[0] == 2
        return a * first + b * second * x[0]

    formula, variables, names = trace(plane, 2)
    assert variables == ["x0", "x1"]
    assert names == ["a", "b"]
    a, b, x0, x1 = sp.symbols("a b x0 x1")
    assert sp.expand(formula - (a * x0 + b * x1 * x0)) == 0


def test_doubles_are_themselves() -> None:
    formula, _, _ = trace(lambda x, a: 0.1 * a * x + 1e300 * a, None)
    assert {float(number) for number in formula.atoms(sp.Float)} == {0.1, 1e300}
    assert trace(lambda x, a: 2.0 * a * x, None)[0] == 2 * sp.Symbol("a") * sp.Symbol("x")


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x, *p: x, "a name for each parameter"),
        (lambda x: x, "a name for each parameter"),
        (max, "a name for each parameter"),
        (lambda x, a: math.exp(a * x), "does what no formula says"),
        (lambda x, a: x if x > a else a, "use np.where"),
        (lambda x, a: np.interp(x, [0, 1], [0, a]), "does what no formula says"),
        (lambda x, a: np.cumsum(x) * a, "does what no formula says"),
        (lambda x, a: x > a, "not one number a sample"),
        (lambda x, a: missing, "name 'missing' is not defined"),  # type: ignore[name-defined] # noqa: F821
    ],
)
def test_what_no_formula_says(function: Any, message: str) -> None:
    with pytest.raises(sc.ArgumentTypeError, match=message):
        trace(function, None)
