"""Newton's method, bounds, and SciPy's methods on losses that are no plain sum of squares."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symcompile as sc

RANDOM = np.random.default_rng(11)
X = np.linspace(-1, 2, 50)
Y = 1.5 * np.exp(0.8 * X) + 0.2 * RANDOM.standard_t(3, size=50)
DATA = {"x": X, "y": Y}


def test_the_minimum_is_exact_to_rounding() -> None:
    result = sc.fit("a*exp(b*x)", DATA, loss="cauchy", backend="python")
    mpmath.mp.dps = 40
    columns = [(mpmath.mpf(float(x)), mpmath.mpf(float(y))) for x, y in zip(X, Y, strict=True)]

    def slope(a: Any, b: Any) -> Any:
        total = mpmath.matrix(2, 1)
        for x, y in columns:
            e = mpmath.exp(b * x)
            r = a * e - y
            g = r / (1 + r**2)
            total += g * mpmath.matrix([e, a * x * e])
        return total

    start = tuple(mpmath.mpf(value) for value in result.params.values())
    root = mpmath.findroot(slope, start, tol=1e-30)
    mpmath.mp.dps = 15
    for found, right in zip(result.params.values(), root, strict=True):
        assert found == pytest.approx(float(right), rel=1e-13)


@pytest.mark.parametrize("method", ["BFGS", "L-BFGS-B", "Nelder-Mead", "trust-exact", "Newton-CG"])
def test_methods_of_scipy(method: str) -> None:
    result = sc.fit("a*exp(b*x)", DATA, loss="cauchy", method=method, backend="python")
    right = sc.fit("a*exp(b*x)", DATA, loss="cauchy", backend="python")
    assert result.solution.method == method
    assert np.allclose(list(result.params.values()), list(right.params.values()), rtol=1e-3)


def test_saddles_are_left() -> None:
    # At a = 0 the slope is zero, and the Hessian has a negative eigenvalue.
    data = {"x": [1.0, 2, 3], "y": [1.0, 2, 3]}
    result = sc.fit(
        "a**2*x", data, loss=lambda f, y: (f - y) ** 2, start={"a": 0}, backend="python"
    )
    assert abs(result.params["a"]) == pytest.approx(1, rel=1e-12)


@settings(max_examples=25)
@given(
    low=st.floats(-2, 1),
    width=st.floats(0.1, 2),
    start=st.floats(0, 1),
    loss=st.sampled_from(["soft_l1", "cauchy", "huber", "gaussian"]),
)
def test_bounds_hold(low: float, width: float, start: float, loss: str) -> None:
    bounds = {"b": (low, low + width)}
    begin = {"b": low + start * width}
    result = sc.fit("a + b*x", DATA, loss=loss, bounds=bounds, start=begin, backend="python")
    b = result.params["b"]
    assert low <= b <= low + width
    free = sc.fit("a + b*x", DATA, loss=loss, backend="python")
    if low < free.params["b"] < low + width:
        assert result.loss == pytest.approx(free.loss, rel=1e-10)
    elif loss != "cauchy":  # of what is convex the nearest bound is the best
        assert b == (low if free.params["b"] < low else low + width)
        held = sc.fit("a + b*x", DATA, loss=loss, fixed={"b": b}, backend="python")
        assert result.loss == pytest.approx(held.loss, rel=1e-9)
        assert np.isnan(result.stderr["b"])
        assert any("bound" in warning for warning in result.warnings)


def test_too_few_steps_are_said() -> None:
    result = sc.fit(
        "a*exp(b*x)", DATA, loss="cauchy", start={"a": 9, "b": -2}, max_iterations=1,
        backend="python",
    )  # fmt: skip
    assert not result.success
    assert "max_iterations" in result.message
    assert result.warnings[0] == result.message


def test_several_starts_find_the_lower_of_two_minima() -> None:
    x = np.linspace(0, 6, 60)
    data = {"x": x, "y": np.sin(2.9 * x)}
    one = sc.fit("sin(k*x)", data, start={"k": 1}, backend="python")
    several = sc.fit("sin(k*x)", data, bounds={"k": (0.1, 5)}, starts=20, seed=1, backend="python")
    again = sc.fit("sin(k*x)", data, bounds={"k": (0.1, 5)}, starts=20, seed=1, backend="python")
    assert one.loss > 1
    assert several.params["k"] == pytest.approx(2.9, rel=1e-12)
    assert several.params == again.params
    assert len(several.solution.starts) == 20


def test_drawn_starts_may_lie_where_the_model_has_no_value() -> None:
    data = {"x": [1.0, 2, 3], "y": [0.5, 1.0, 1.6]}
    result = sc.fit("log(a) + b*x", data, start={"a": 1}, starts=12, backend="python")
    assert result.success
    assert 1 < len(result.solution.starts) < 12  # of every fourth the sign is changed
    with pytest.raises(sc.ArgumentValueError, match="not finite at the start"):
        sc.fit("log(a) + b*x", data, start={"a": -1}, starts=3, backend="python")


@pytest.mark.long
def test_many_parameters_take_no_hessian() -> None:
    names = [f"b{k}" for k in range(301)]
    data = {f"x{k}": RANDOM.normal(size=3) for k in range(5)}
    model = "+".join(f"{name}*x{k % 5}" for k, name in enumerate(names))
    result = sc.fit(
        model, {**data, "y": np.ones(3)}, loss="soft_l1", penalty=sc.losses.ridge(1.0),
        backend="python",
    )  # fmt: skip
    assert result.solution.method == "L-BFGS-B"
    assert np.max(np.abs(result.solution.gradient)) < 1e-3
    assert any("301 parameters" in warning for warning in result.warnings)
