"""Accuracy where terms cancel, and data and parameters that are no use for moments."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symcompile as sc
from tests.gram.cases import (
    CASES,
    from_moments,
    off,
    plain_kernel,
    rational,
    sample_data,
    ssq,
)


def _solved(columns: Any, target: Any) -> Any:
    """Return the least-squares solution, in rational numbers, rounded."""
    A, t = rational(columns), rational(target)
    left, right = A.T @ A, A.T @ t
    size = len(right)
    for at in range(size):  # Gauss, without a rounding
        for row in range(at + 1, size):
            factor = left[row, at] / left[at, at]
            left[row] = left[row] - factor * left[at]
            right[row] = right[row] - factor * right[at]
    for at in reversed(range(size)):
        right[at] = (right[at] - left[at, at + 1 :] @ right[at + 1 :]) / left[at, at]
    return np.array([float(value) for value in right])


def _trends() -> tuple[Any, Any]:
    """Return 16 years of seven series that grow together, as Longley's do, and an eighth."""
    rng = np.random.default_rng(7)
    years = np.arange(1947, 1963)
    grown = (years - 1947) / 15.0
    columns = np.stack(
        [
            np.ones(16),
            np.round(80 + 35 * grown + rng.normal(size=16), 1),
            np.round(230_000 + 320_000 * grown + 9_000 * rng.normal(size=16)),
            np.round(2_000 + 2_500 * grown + 400 * rng.normal(size=16)),
            np.round(1_500 + 1_000 * grown + 300 * rng.normal(size=16)),
            np.round(107_000 + 23_000 * grown + 150 * rng.normal(size=16)),
            years.astype(float),
        ],
        axis=1,
    )
    return columns, np.round(60_000 + 10_000 * grown + 300 * rng.normal(size=16))


def _check_optimum(columns: Any, target: Any) -> None:
    p = _solved(columns, target)
    kernel = plain_kernel()
    objective = kernel.bind(columns, target)
    A, t, at = rational(columns), rational(target), rational(p)
    residuals = t - A @ at
    value, grad = ssq(residuals), -2 * (A.T @ residuals)
    assert from_moments(objective, "value_and_grad")(p) is not None
    found, slopes = objective.value_and_grad(p)
    direct, direct_slopes = kernel.value_and_grad(p, columns, target)
    assert off(found, value) <= max(off(direct, value), 2e-16)
    for slope, plain, exact in zip(slopes, direct_slopes, grad, strict=True):
        assert off(slope, exact) <= max(off(plain, exact), 1e-15)
    # In doubles nothing is left of it.
    gram, right = columns.T @ columns, columns.T @ target
    assert max(map(off, 2 * (gram @ p - right), grad)) > 1e-3


def test_moments_are_as_accurate_as_the_data_at_an_ill_conditioned_optimum() -> None:
    _check_optimum(*_trends())


def test_published_data_are_as_accurate_as_from_a_pass(shared_data: Path) -> None:
    text = (shared_data / "nist_linear" / "Longley.json").read_text(encoding="utf-8")
    case = json.loads(text)
    target = next(key for key in case["data"] if key not in case["variables"])
    columns = [np.array(case["data"][name], dtype=float) for name in case["variables"]]
    columns = [np.ones(len(columns[0])), *columns]
    _check_optimum(np.stack(columns, axis=1), np.array(case["data"][target], dtype=float))


def test_what_cancels_too_far_is_computed_from_the_data() -> None:
    data = sample_data(100)
    target = data["X"] @ data["q"]  # off by roundings alone
    kernel = plain_kernel()
    objective = kernel.bind(data["X"], target)
    assert from_moments(objective, "value")(data["q"]) is None
    assert objective.value(data["q"]) == kernel.value(data["q"], data["X"], target) >= 0.0


@pytest.mark.parametrize("backend", ["python", "llvm"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e200, 1e160])
def test_data_that_are_not_finite_or_huge_are_used_as_they_are(bad: float, backend: Any) -> None:
    data = sample_data(6, 2)
    kernel = plain_kernel(backend)
    for place in ("X", "y"):
        arrays = {name: data[name].copy() for name in ("X", "y")}
        arrays[place][3] = bad
        objective = kernel.bind(arrays["X"], arrays["y"])
        for p in ([0.5, 0.25], [0.0, 0.0], [0.5, 1e-200]):
            for name in ("value", "grad", "hessian"):
                one = getattr(objective, name)(p)
                two = getattr(kernel, name)(p, arrays["X"], arrays["y"])
                np.testing.assert_allclose(one, two, rtol=1e-14)
        assert "a pass over the data (its moments" in objective.plan


@pytest.mark.parametrize("tiny", [1e-200, 1e-95])
def test_tiny_data_are_used_as_they_are(tiny: float) -> None:
    columns = tiny * np.array([[1.0], [3.0], [2.0]])
    target = np.array([1.0, 2.0, 4.0])
    kernel = plain_kernel()
    objective = kernel.bind(columns, target)
    p = np.array([1 / tiny])
    assert objective.value(p) == kernel.value(p, columns, target) > 0
    assert "too small" in objective.plan


def test_parameters_that_data_make_underflow() -> None:
    columns, target = 1e-85 * np.array([[1.0], [3.0], [2.0]]), np.zeros(3)
    kernel = plain_kernel()
    objective = kernel.bind(columns, target)
    for size in (1e-59, 1e-61, 1e-70, 1e-80, 1e-300):
        p = np.array([size])
        value, direct = objective.value(p), kernel.value(p, columns, target)
        assert value == pytest.approx(direct, rel=1e-14, abs=0)


def test_columns_that_never_meet_have_moments() -> None:
    columns = np.array([[1.0, 0.0], [0.0, 3.0], [0.0, 1.0], [2.0, 0.0]])
    target = np.array([1.0, 2.0, 4.0, 1.0])
    objective = plain_kernel().bind(columns, target)
    p = np.array([0.5, 0.25])
    assert from_moments(objective, "value")(p) == plain_kernel().value(p, columns, target)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300, 1e-300, 5e-324])
def test_parameters_that_are_not_finite_huge_or_tiny(bad: float) -> None:
    data = sample_data(20, 2)
    formula, params, columns, _ = CASES["intercept"]
    kernel = sc.compile(formula, params=params, data=columns, backend="python")
    objective = kernel.bind(data["X"], data["y"])
    for p in ([bad, 1.0, 1.0], [1.0, bad, 1.0], [bad, bad, bad], [1.0, -bad, 0.0]):
        for name in ("value", "grad"):
            one = getattr(objective, name)(p)
            np.testing.assert_array_equal(one, getattr(kernel, name)(p, data["X"], data["y"]))


def test_wide_problems_are_as_accurate() -> None:
    rng = np.random.default_rng(11)
    columns = 1e6 + rng.normal(size=(40, 12))
    _check_optimum(columns, np.round(1e6 + rng.normal(size=40), 3))
