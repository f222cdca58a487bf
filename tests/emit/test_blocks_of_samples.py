"""Plain Python computes samples block by block: the same numbers, whatever the blocks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import sympy as sp

import symcompile as sc
from symcompile.emit.python import BLOCK

a, b, x, y = sp.symbols("a b x y")
SAMPLES = 2 * BLOCK + 7
rng = np.random.default_rng(11)
X, Y = rng.normal(size=SAMPLES), rng.uniform(0.5, 2.0, size=SAMPLES)


def compiled(expr: Any, **options: Any) -> Any:
    return sc.compile(expr, params=(a, b), data=(x, y), backend="python", **options)


def test_sums_over_several_blocks_are_as_exact_as_over_one() -> None:
    kernel = compiled(sp.exp(a * x) * y + b * x, reduce="sum")
    value, grad = kernel.value_and_grad([0.3, -2.0], X, Y)
    terms = np.exp(0.3 * X) * Y
    assert value == pytest.approx(math.fsum(terms - 2.0 * X), rel=1e-14)
    slopes = [math.fsum(terms * X), math.fsum(X)]
    np.testing.assert_allclose(grad, slopes, rtol=1e-12)


def test_one_row_for_each_sample() -> None:
    kernel = compiled([x * a + b, sp.sin(x * b) * y])
    found = kernel.value([0.5, 2.0], X, Y)
    np.testing.assert_array_equal(found, np.array([X * 0.5 + 2.0, np.sin(X * 2.0) * Y]).T)
    u = rng.normal(size=found.shape)
    np.testing.assert_allclose(
        kernel.vjp([0.5, 2.0], u, X, Y),
        [math.fsum(u[:, 0] * X), math.fsum(u[:, 0] + u[:, 1] * np.cos(2.0 * X) * Y * X)],
        rtol=1e-12,
    )
    np.testing.assert_array_equal(kernel.jacobian([0.5, 2.0], X, Y)[:, 0, 0], X)


@pytest.mark.parametrize("dtype", ["float64", "float32", "complex128"])
def test_samples_by_themselves_have_the_bits_they_have_together(dtype: Any) -> None:
    other = x * y + b if dtype == "complex128" else sp.Piecewise((x, x > b), (y, True))
    kernel = compiled([sp.exp(a * x) / y, other], dtype=dtype)
    together = kernel.value([0.3, 0.1], X, Y)
    apart = [
        kernel.value([0.3, 0.1], X[k : k + 999], Y[k : k + 999]) for k in range(0, SAMPLES, 999)
    ]
    assert together.tobytes() == np.concatenate(apart).tobytes()
    assert together.dtype == dtype


@pytest.mark.parametrize("dtype", ["float64", "float32", "complex128"])
def test_sums_in_every_precision(dtype: Any) -> None:
    kernel = compiled(sp.cos(a * x) * y + b, dtype=dtype, reduce="mean")
    value = kernel.value([0.3, 0.1], X, Y)
    right = math.fsum(np.cos(0.3 * X) * Y) / SAMPLES + 0.1
    assert value == pytest.approx(right, rel=1e-14 if dtype != "float32" else 1e-6)


def test_strided_data_and_nan_in_one_block() -> None:
    rows = np.stack([X, Y], axis=1)
    rows[BLOCK + 3, 0] = np.nan
    kernel = compiled(a * x + b * y, reduce="sum")
    assert math.isnan(kernel.value([1.0, 1.0], rows[:, 0], rows[:, 1]))
    kernel = compiled(b * y, reduce="sum")
    assert kernel.value([1.0, 1.0], rows[:, 0], rows[:, 1]) == pytest.approx(math.fsum(Y))
