"""Sums of squares: certified answers, bounds, and what does not go well."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

import symcompile as sc
from symcompile.fitting.least_squares import minimise_squares
from tests.fitting.criteria import minimised, minimiser, standard_errors
from tests.fitting.nist import LINEAR, NONLINEAR, beside


def digits(found: Any, certified: Any) -> float:
    right = np.array(certified, float)
    off = np.abs(np.array(found) - right) / np.where(right == 0, 1, np.abs(right))
    return float(-np.log10(np.max(np.maximum(off, 1e-16))))


def solved(problem: dict[str, Any], start: str) -> Any:
    begin = dict(zip(problem["params"], problem[start], strict=True))
    response = problem.get("response", "y")
    return minimised(
        problem["formula"], problem["data"], response, params=problem["params"], start=begin
    )


@pytest.mark.parametrize("start", ["start1", "start2"])
@pytest.mark.parametrize(
    "problem", [*NONLINEAR, *beside("nist_nonlinear")], ids=lambda one: one["name"]
)
def test_nonlinear_problems_reach_the_certified_digits(problem: dict[str, Any], start: str) -> None:
    found = solved(problem, start)
    errors = standard_errors(found, len(next(iter(problem["data"].values()))))
    assert found.converged
    assert "level of rounding" in found.message
    assert digits(found.p, problem["certified"]) > 10
    assert digits(errors, problem["certified_sd"]) > 10
    assert np.min(found.digits) > 11


@pytest.mark.parametrize("start", ["start1", "start2"])
@pytest.mark.parametrize("problem", [*LINEAR, *beside("nist_linear")], ids=lambda one: one["name"])
def test_linear_problems_take_a_step_and_lose_no_digit(problem: dict[str, Any], start: str) -> None:
    found = solved(problem, start)
    assert found.converged
    assert found.iterations < 10
    assert digits(found.p, problem["certified"]) > 13.5
    if any(problem["certified_sd"]):
        errors = standard_errors(found, len(next(iter(problem["data"].values()))))
        assert digits(errors, problem["certified_sd"]) > 12


def test_digits_are_those_of_an_exact_minimum() -> None:
    # Newton's iteration at 50 digits, from where the fit ended.
    problem = next(one for one in NONLINEAR if one["name"] == "BoxBOD")
    found = solved(problem, "start1")
    x, y = (list(map(mpmath.mpf, problem["data"][name])) for name in "xy")

    def slope(a: Any, b: Any) -> Any:
        pairs = [(a * (1 - mpmath.exp(-b * t)) - v, t) for t, v in zip(x, y, strict=True)]
        return (
            mpmath.fsum(r * (1 - mpmath.exp(-b * t)) for r, t in pairs),
            mpmath.fsum(r * t * mpmath.exp(-b * t) for r, t in pairs),
        )

    with mpmath.workdps(50):
        exact = mpmath.findroot(slope, tuple(map(mpmath.mpf, found.p)))
        off = [abs(mpmath.mpf(p) - q) / abs(q) for p, q in zip(found.p, exact, strict=True)]
    assert max(off) < 10 ** -float(np.min(found.digits))
    assert max(off) < 1e-14


def test_digits_are_few_where_columns_are_nearly_one() -> None:
    x = np.linspace(1, 2, 30)
    columns = {"u": x, "v": x * (1 + 1e-9 * np.sin(40 * x)), "y": np.cos(x)}
    found = minimised("a*u + b*v", columns)
    with mpmath.workdps(60):
        exact = mpmath.qr_solve(
            mpmath.matrix(np.column_stack((columns["u"], columns["v"])).tolist()),
            mpmath.matrix(columns["y"].tolist()),
        )[0]
        off = max(abs(mpmath.mpf(p) / q - 1) for p, q in zip(found.p, exact, strict=True))
    assert off < 1e-13  # of the columns as they are
    assert 4 < np.min(found.digits) < 11  # but they were rounded


@pytest.mark.parametrize("k", range(5))
def test_residuals_at_the_level_of_rounding_are_named(k: int) -> None:
    x = np.arange(24) / 20 + k / 100
    columns = {"x": x, "y": 0.7 * np.exp(-x) + 1.5 * np.exp(-4 * x)}
    start = {"a": 1.2, "b": 0.7, "c": 1, "d": 6}
    found = minimised("a*exp(-b*x) + c*exp(-d*x)", columns, start=start)
    assert digits(found.p, [0.7, 1, 1.5, 4]) > 11
    assert found.value < 1e-28
    assert any("level of rounding" in one for one in found.warnings)


shapes = st.tuples(st.integers(1, 4), st.integers(0, 10**6), st.booleans())


@settings(max_examples=40, deadline=None)
@given(shapes)
def test_bounds_of_linear_models_are_those_of_scipy(shape: tuple[int, int, bool]) -> None:
    size, seed, given_start = shape
    random = np.random.default_rng(seed)
    a = random.normal(size=(12, size)) * 10.0 ** random.integers(-3, 4, size)
    a[:, -1] += a[:, 0] * random.choice([0, 3.0])
    y = random.normal(size=12)
    best = np.linalg.lstsq(a, y)[0]
    low = best + np.abs(best) * random.choice([-np.inf, -2, -0.1, 0.3], size)
    high = low + np.abs(best) * random.choice([0.2, 1.0], size)
    high = np.where(np.isfinite(low), high, best - 0.2 * np.abs(best))
    names = [f"p{k}" for k in range(size)]
    bounds = {name: (low[k], high[k]) for k, name in enumerate(names)}
    corner = np.where(np.isfinite(low), low, high)
    found = minimised(
        " + ".join(f"p{k}*x{k}" for k in range(size)),
        {"y": y, **{f"x{k}": a[:, k] for k in range(size)}},
        params=names,
        bounds=bounds,
        start=dict(zip(names, corner, strict=True)) if given_start else None,
    )
    scale = np.linalg.norm(a, axis=0)
    right = optimize.lsq_linear(a / scale, y, (low * scale, high * scale), "bvls", tol=1e-14)
    assert found.converged
    assert np.all((found.p >= low) & (found.p <= high))
    assert found.value <= 2 * right.cost * (1 + 1e-9)
    assert np.allclose(found.p * scale, right.x, atol=1e-7 * np.linalg.norm(right.x))
    assert np.array_equal(found.active, ((found.p == low) | (found.p == high)))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_bounds_of_separable_models_end_no_higher_than_scipy(seed: int) -> None:
    random = np.random.default_rng(seed)
    x = np.linspace(0, 3, 25)
    y = 2 * np.exp(-1.3 * x) + 0.4 + 0.02 * random.normal(size=25)
    low = np.array([0.0, 0.2, random.choice([-1, 0.41, 0.5])])
    high = np.array([random.choice([1.5, 3]), random.choice([1, 1.25, 9]), 1.0])
    start = low + random.uniform(0, 1, 3) * (high - low)

    def residuals(p: Any) -> Any:
        return p[0] * np.exp(-p[1] * x) + p[2] - y

    options = {"xtol": 1e-14, "ftol": 1e-14, "gtol": 1e-14}
    right = optimize.least_squares(residuals, start, bounds=(low, high), **options)
    limits = dict(zip("abc", zip(low, high, strict=True), strict=True))
    found = minimised(
        "a*exp(-b*x) + c",
        {"x": x, "y": y},
        bounds=limits,
        start=dict(zip("abc", start, strict=True)),
    )
    assert found.converged
    assert np.all((found.p >= low) & (found.p <= high))
    assert found.value <= 2 * right.cost * (1 + 1e-9)


def test_fixed_parameters_stay() -> None:
    x = np.linspace(0, 1, 9)
    columns = {"x": x, "y": 3 * np.exp(-x)}
    found = minimised("a*exp(-b*x)", columns, fixed={"b": 2.0}, start={"a": -5})
    e = np.exp(-2 * x)
    assert found.p[1] == 2
    assert np.isclose(found.p[0], (e @ columns["y"]) / (e @ e), rtol=1e-14)


def test_scales_that_lie_far_apart() -> None:
    x = np.linspace(1, 2, 40)
    noise = np.random.default_rng(3).normal(size=40)
    y = 3e9 * np.exp(-2e-9 * 1e9 * x) * (1 + 0.01 * noise)
    columns = {"x": 1e9 * x, "y": y}
    found = minimised("a*exp(-b*x)", columns, start={"a": 1e9, "b": 1e-9})
    right = minimised("a*exp(-b*x)", {"x": x, "y": y / 1e9}, start={"a": 1, "b": 1})
    assert np.allclose(found.p, right.p * [1e9, 1e-9], rtol=1e-13)


def test_a_trial_that_overflows_is_no_error() -> None:
    x = np.linspace(0, 50, 30)
    ready = minimiser("exp(b*x)", {"x": x, "y": np.exp(0.1 * x)}, start={"b": -1.0})
    with np.errstate(over="ignore"):
        assert not np.isfinite(ready.criterion.value(np.array([100.0])))
    with np.errstate(all="raise"):
        found = ready(np.array([-1.0]))
    assert np.allclose(found.p, 0.1, rtol=1e-13)


def test_a_start_that_is_not_finite_is_refused() -> None:
    columns = {"x": [1.0, 2, 3], "y": [1.0, 2, 3]}
    with pytest.raises(sc.ArgumentValueError, match="not finite at the start"):
        minimised("log(a*x)", columns, start={"a": -1})


def test_fewer_samples_than_parameters() -> None:
    found = minimised("a + b*x + c*x**2", {"x": [1.0, 2], "y": [1.0, 3]})
    assert found.converged
    assert found.value < 1e-28
    assert np.max(found.digits) == 0


@pytest.mark.parametrize("model", ["a*x + b*x", "a*b*x", "(a + b)*x + 0*c"])
def test_parameters_that_cannot_be_told_apart(model: str) -> None:
    x = np.linspace(1, 2, 20)
    found = minimised(model, {"x": x, "y": 6 * x + 0.1 * np.sin(9 * x)})
    right = minimised("a*x", {"x": x, "y": 6 * x + 0.1 * np.sin(9 * x)})
    assert found.converged
    assert np.isclose(found.value, right.value, rtol=1e-12)
    assert found.digits is not None
    assert found.digits[:2].tolist() == [0, 0]
    result = sc.fit(model, {"x": x, "y": 6 * x}, backend="python")
    assert any("apart" in one for one in result.warnings)


def test_a_start_at_a_saddle_is_left() -> None:
    x = np.linspace(1, 2, 20)
    columns = {"x": x, "y": 6 * x + 0.1 * np.sin(9 * x)}
    found = minimised("a*b*x", columns, start={"a": 0, "b": 0})
    assert found.value < 1
    # Where two terms are one, so are their slopes.
    y = 2 * np.exp(-x) + np.exp(-5 * x)
    model = "a*exp(-b*x) + c*exp(-d*x)"
    found = minimised(model, {"x": x, "y": y}, start={"a": 1, "b": 2, "c": 1, "d": 2})
    assert found.value < 1e-20


def test_a_poor_minimum_is_doubted() -> None:
    x = np.linspace(0, 10, 80)
    columns = {"x": x, "y": 5 * np.exp(-((x - 6) ** 2)) + 1}
    model = "h*exp(-((x - m)/s)**2) + c"
    found = minimised(model, columns, start={"m": 1.5, "s": 1})
    assert found.converged
    assert any("lower minimum" in one for one in found.warnings)
    best = minimiser(model, columns, start={"m": 1.5, "s": 1}).from_starts(10, 0, False)
    assert best.value < 1e-20
    assert not any("lower minimum" in one for one in best.warnings)


@pytest.mark.parametrize(("model", "most"), [("a + b*x", 3), ("a*exp(-b*x)", 15)])
def test_passes_are_counted_and_few(model: str, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.linspace(0, 1, 30)
    ready = minimiser(model, {"x": x, "y": np.exp(-x) + 0.01 * np.sin(50 * x)})
    asked, inner = [], ready.criterion.triangle
    monkeypatch.setattr(ready.criterion, "triangle", lambda p: asked.append(p) or inner(p))
    found = ready(ready.problem.start)
    assert found.evaluations == len(asked) <= most


def test_steps_run_out() -> None:
    problem = next(one for one in NONLINEAR if one["name"] == "MGH10")
    begin = dict(zip(problem["params"], problem["start1"], strict=True))
    ready = minimiser(problem["formula"], problem["data"], start=begin)
    free = np.zeros(3, bool)
    infinite = np.full(3, np.inf)
    calls: list[tuple[int, float]] = []
    found = minimise_squares(
        ready.criterion,
        ready.problem.start,
        -infinite,
        infinite,
        free,
        max_iterations=5,
        shown=lambda step, value: calls.append((step, value)),
    )
    assert not found.converged
    assert "max_iterations" in found.message
    assert [step for step, _ in calls[:5]] == [1, 2, 3, 4, 5]
