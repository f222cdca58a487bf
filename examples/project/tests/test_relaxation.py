"""The installed package, where neither SymPy nor symcompile is."""

import importlib
import sys

import numpy as np
import pytest
import relaxation
from relaxation.kernels import (
    loss_cython,
    residuals_cython,
    residuals_float32_cython,
    residuals_python,
)

T = np.linspace(0.0, 5.0, 40)
P = np.array([2.0, 1.5, 0.5])
Y = P[0] * np.exp(-T / P[1]) + P[2]


@pytest.mark.parametrize("name", ["sympy", "symcompile", "Cython", "jinja2"])
def test_what_built_it_is_not_here(name: str) -> None:
    with pytest.raises(ImportError):
        importlib.import_module(name)


def test_kernels_import_numpy_only() -> None:
    assert not {"scipy", "numba", "llvmlite"} & set(sys.modules)


def test_the_fit_finds_what_made_the_data() -> None:
    found = relaxation.fit(T, Y, [1.0, 1.0, 0.0])
    np.testing.assert_allclose(found, P, rtol=1e-10)


def test_the_gradient_is_the_slope_of_the_loss() -> None:
    p, h = np.array([1.0, 1.0, 0.0]), 1e-6
    slopes = [
        (loss_cython.value(p + h * e, T, Y) - loss_cython.value(p - h * e, T, Y)) / (2 * h)
        for e in np.eye(3)
    ]
    np.testing.assert_allclose(loss_cython.grad(p, T, Y), slopes, rtol=1e-7)


def test_backends_and_precisions_agree() -> None:
    p = np.array([1.0, 1.0, 0.0])
    expected = np.exp(-T) - Y
    np.testing.assert_allclose(residuals_cython.value(p, T, Y), expected, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(residuals_python.value(p, T, Y), expected, rtol=1e-13, atol=1e-15)
    single = residuals_float32_cython.value(p, T, Y)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, expected, rtol=1e-5, atol=1e-6)


def test_only_what_was_asked_for_is_there() -> None:
    assert hasattr(loss_cython, "hessian")
    assert not hasattr(residuals_cython, "vjp")


def test_records_of_the_verification_came_along() -> None:
    for module in (loss_cython, residuals_cython, residuals_float32_cython, residuals_python):
        record = module.__symcompile__
        assert record["ok"]
        assert "oracle" in record["functions"]["value"]["compared"]
    assert residuals_cython.__symcompile__["functions"].keys() == {"value", "jacobian"}
