"""SciPy's call: the same answers, from formulas and from functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp
from scipy import optimize

import symcompile as sc

X = np.linspace(0, 4, 40)
NOISE = np.random.default_rng(7).normal(size=40)
Y = 2 * np.exp(-0.7 * X) + 0.3 + 0.02 * NOISE


def decay(x: Any, a: float, b: float, c: float) -> Any:
    return a * np.exp(-b * x) + c


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"p0": [1, 1, 0]},
        {"p0": [1, 1, 0], "sigma": np.linspace(0.1, 0.3, 40)},
        {"p0": [1, 1, 0], "sigma": np.linspace(0.1, 0.3, 40), "absolute_sigma": True},
        {"p0": [1, 1, 0.1], "bounds": ([0, 0, 0], [10, 2, 1])},
        {"p0": [1, 1, 0.1], "bounds": (0, np.inf)},
    ],
)
@pytest.mark.parametrize("model", [decay, "a*exp(-b*x) + c", sp.sympify("a*exp(-b*x) + c")])
def test_answers_are_those_of_scipy(model: Any, options: dict[str, Any]) -> None:
    best, covariance = sc.curve_fit(model, X, Y, backend="python", **options)
    right, spread = optimize.curve_fit(decay, X, Y, **{"ftol": 1e-14, "xtol": 1e-14, **options})
    assert np.allclose(best, right, rtol=1e-6)
    assert np.allclose(covariance, spread, rtol=1e-4)


def test_several_variables() -> None:
    rows = np.vstack((X, np.cos(X)))
    y = 1.5 * rows[0] - 2.5 * rows[1]
    found, _ = sc.curve_fit(lambda x, a, b: a * x[0] + b * x[1], rows, y, backend="python")
    assert np.allclose(found, [1.5, -2.5])
    table = {"u": rows[0], "v": rows[1]}
    found, _ = sc.curve_fit("a*u + b*v", table, y, backend="python")
    assert np.allclose(found, [1.5, -2.5])
    found, _ = sc.curve_fit("a*u + b*v", rows, y, x=("u", "v"), backend="python")
    assert np.allclose(found, [1.5, -2.5])


def test_the_whole_result_if_asked_for() -> None:
    best, covariance, result = sc.curve_fit(decay, X, Y, full_output=True, backend="python")
    assert list(result.params) == ["a", "b", "c"]
    assert np.allclose(list(result.params.values()), best)
    assert np.allclose(np.sqrt(np.diag(covariance)), list(result.stderr.values()))


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((decay, X, Y[:-1]), {}, "differ in length"),
        ((decay, X, Y), {"p0": [1, 2]}, "p0 has shape"),
        ((decay, np.vstack((X, X)), Y), {}, "does what no formula says"),
        (("a*z", X, Y), {}, "name its independent variables with x="),
        (("a*x", np.vstack((X, X)), Y), {}, "2 rows for 1 variables"),
        ((decay, X, Y), {"bounds": ([0, 0], [1, 1])}, "bounds are"),
        ((decay, X, Y), {"check_finite": False}, "drop such rows"),
        ((decay, {"x": X}, Y), {}, "a table needs a formula"),
    ],
)
def test_what_does_not_fit_is_said(arguments: Any, options: Any, message: str) -> None:
    with pytest.raises(sc.SymcompileError, match=message):
        sc.curve_fit(*arguments, backend="python", **options)
