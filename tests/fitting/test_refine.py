"""Linear least squares to the last digit."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symcompile.fitting.refine import Linear
from symcompile.partitions.tasks import triangular
from tests.fitting.criteria import minimiser


def exact(columns: np.ndarray, offset: np.ndarray) -> list[mpmath.mpf]:
    matrix, right = mpmath.matrix(columns.tolist()), mpmath.matrix((-offset).tolist())
    return list(mpmath.lu_solve(matrix.T * matrix, matrix.T * right))


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 4), st.floats(0, 9), st.floats(-6, 6), st.integers(0, 10**6))
def test_solutions_have_all_digits(size: int, near: float, noise: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    common = random.normal(size=15)
    columns = common[:, None] + 10.0**-near * random.normal(size=(15, size))
    columns *= 10.0 ** random.integers(-8, 9, size)
    offset = common + 10.0**noise * random.normal(size=15)
    p = np.linalg.lstsq(columns / (scale := np.linalg.norm(columns, axis=0)), -offset)[0] / scale
    found = Linear(columns, offset).solve(triangular(columns), p)
    with mpmath.workdps(80):
        right = exact(columns, offset)
        off = [abs(mpmath.mpf(a) - b) / abs(b) for a, b in zip(found, right, strict=True)]
    assert max(off) < 1e-14


def test_slopes_are_exact_where_they_vanish() -> None:
    columns = np.array([[1.0, 1], [1, 1 + 1e-8], [1, 1 - 1e-8]])
    offset = np.array([1e9, -2e9, 1e9]) / 3
    p = np.array([1e8, -1e8]) / 7
    with mpmath.workdps(60):
        matrix = mpmath.matrix(columns.tolist())
        rest = matrix * mpmath.matrix(p.tolist()) + mpmath.matrix(offset.tolist())
        right = [float(v) for v in matrix.T * rest]
    assert np.allclose(Linear(columns, offset).slope(p), right, rtol=1e-12, atol=0)


def test_singular_columns_are_left_alone() -> None:
    columns = np.ones((4, 2))
    p = np.array([1.0, 2])
    assert Linear(columns, np.ones(4)).solve(triangular(columns), p) is p
    columns[:, 1] = 0
    assert Linear(columns, np.ones(4)).solve(triangular(columns), p) is p


def test_only_what_was_rounded_counts() -> None:
    whole = np.arange(6.0).reshape(3, 2)
    assert Linear(whole, np.ones(3)).uncertainty(np.ones(2)) == 0
    assert Linear(whole / 3, np.ones(3)).uncertainty(np.ones(2)) > 0
    assert Linear(whole, np.ones(3) / 3).uncertainty(np.ones(2)) > 0


def test_a_criterion_gives_its_design() -> None:
    x = np.array([1.0, 2, 4])
    columns = {"x": x, "y": 3 * x, "s": np.array([1.0, 2, 4])}
    given = {"params": ("a", "b", "c"), "sigma": "s", "fixed": {"b": 2.0}}
    ready = minimiser("a + b*x + c*x**2", columns, **given)
    free = ~ready.problem.fixed
    linear = Linear.of(ready.criterion, np.array([9.0, 2, 9]), free)
    assert linear is not None
    assert np.allclose(linear.columns, np.column_stack((1 / x, x)))
    assert np.allclose(linear.offset, (2 * x - 3 * x) / x)
    assert Linear.of(object(), np.zeros(1), np.ones(1, bool)) is None


@pytest.mark.parametrize("count", [1, 2, 3, 7, 1000])
def test_sums_of_any_number(count: int) -> None:
    numbers = np.random.default_rng(count).normal(size=count) * 1e10
    columns = np.column_stack((np.ones(count),))
    linear = Linear(columns, numbers - numbers.mean())
    with mpmath.workdps(50):
        right = float(mpmath.fsum(map(mpmath.mpf, linear.offset.tolist())))
    assert linear.slope(np.zeros(1))[0] == pytest.approx(right, rel=1e-12, abs=1e-18)
