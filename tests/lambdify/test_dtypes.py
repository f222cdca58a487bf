"""Results follow the dtypes of arguments."""

from __future__ import annotations

import cmath
import math

import numpy as np
import pytest
import sympy as sp

import symcompile as sc
from tests.lambdify.functions import backends, function, x, y


@backends
def test_complex_arguments(backend: sc.Backend) -> None:
    f = function("holomorphic", backend)
    value, constant, size, matrix = f(1 + 2j, 3.0)
    assert value == pytest.approx((1 + 2j) ** 2 * 3 + cmath.sin(1 + 2j), rel=1e-15)
    assert (constant, type(constant)) == (3, complex)
    assert size == pytest.approx(abs(1 + 2j), rel=1e-15)
    assert type(size) is float
    assert matrix.dtype == np.complex128
    points = np.array([1j, 2.0, 1 + 1j])
    value, constant, size, matrix = f(points, np.array([[1.0], [2.0]]))
    right = points**2 * np.array([[1.0], [2.0]]) + np.sin(points)
    np.testing.assert_allclose(value, right, rtol=1e-14)
    assert [part.dtype.name for part in (value, constant, size)] == [
        "complex128",
        "complex128",
        "float64",
    ]
    assert constant.shape == size.shape == (2, 3)
    assert matrix.shape == (2, 3, 2, 1)
    out = [np.empty(3, complex), np.empty(3, complex), np.empty(3), np.empty((3, 2, 1), complex)]
    assert f(points[::-1], 1.0, out=out)[0] is out[0]
    np.testing.assert_allclose(out[0], right[0][::-1], rtol=1e-14)
    # Real arguments stay real.
    assert all(part.dtype == np.float64 for part in f(np.ones(2), 1.0))


@backends
def test_formulas_that_hold_the_imaginary_unit(backend: sc.Backend) -> None:
    f = function("imaginary", backend)
    wave, real, two = f(0.5)
    assert wave == pytest.approx(cmath.exp(0.5j), rel=1e-15)
    assert (real, type(real)) == (0.5, float)
    assert (two, type(two)) == (2, complex)
    waves, reals, twos = f(np.array([0.0, 0.5]))
    np.testing.assert_allclose(waves, np.exp([0.0, 0.5j]), rtol=1e-15)
    assert (reals.dtype, twos.dtype) == (np.float64, np.complex128)


@backends
def test_single_precision(backend: sc.Backend) -> None:
    f = function("plain", backend, "float32")
    a = np.linspace(0, 1, 7, dtype=np.float32)
    for found in (f(a, a), f(a[::-1], 0.5), f(a[:, None], a)):
        assert found.dtype == np.float32
    np.testing.assert_allclose(f(a, a), a * np.cos(a) + a**2, rtol=4e-7)
    number = f(0.1, 0.2)
    assert number == pytest.approx(0.1 * math.cos(0.2) + 0.01, rel=2e-7)
    assert number == float(np.float32(number))


def test_real_arguments_stay_real() -> None:
    f = sc.lambdify(x, [sp.sqrt(x), sp.log(x)])
    assert all(map(math.isnan, f(-1.0)))
    assert f(-1.0 + 0j)[0] == pytest.approx(1j)
    assert sc.lambdify(x, sp.sqrt(x), "cmath")(-1) == 1j
    assert sc.lambdify(x, sp.sqrt(x), dtype="complex128")(-4.0) == 2j


def test_what_has_no_complex_meaning_says_so() -> None:
    f = sc.lambdify((x, y), sp.Max(x, y))
    assert f(1, 2) == 2.0
    with pytest.raises(TypeError, match="complex"):
        f(1j, 2)
    assert sc.lambdify((x, y), sp.Max(x, 1) + y)(2, 1j) == 2 + 1j  # y alone is complex


def test_no_such_dtype() -> None:
    with pytest.raises(sc.DefinitionError, match="float16"):
        sc.lambdify(x, x, dtype="float16")  # type: ignore[arg-type]
