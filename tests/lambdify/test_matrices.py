"""Matrices as arguments and as results."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import symcompile as sc
from tests.lambdify.functions import backends, function


@backends
def test_matrix_expressions(backend: sc.Backend) -> None:
    f = function("matrices", backend)
    rng = np.random.default_rng(5)
    m, v = rng.normal(size=(4, 3, 2, 2)), rng.normal(size=(3, 2, 1))
    s = rng.normal(size=(4, 3))
    t = np.swapaxes(m, -1, -2)
    inverse = np.linalg.inv(m)
    right = [
        m @ v,
        inverse @ v,
        np.swapaxes(v, -1, -2) @ inverse,
        m @ m @ m,
        inverse @ inverse,
        s[..., None, None] * m + 2 * np.eye(2),
        m * t,
        np.trace(m, axis1=-2, axis2=-1),
        np.linalg.det(m),
        m[..., 0, 1] * s,
        (m @ v)[..., 1, 0],
        np.concatenate([m, np.broadcast_to(v, (4, 3, 2, 1))], axis=-1),
        np.einsum("...ij,...kl->...ikjl", m, np.broadcast_to(v, (4, 3, 2, 1))).reshape(4, 3, 4, 2),
        np.exp(m),
        m[..., :, 1:],
    ]
    for one, other in zip(f(m, v, s), right, strict=True):
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)
    for one, other in zip(f(m[1, 2].tolist(), v[2], s[1, 2]), right, strict=True):
        np.testing.assert_allclose(one, other[1, 2], rtol=1e-9, atol=1e-12)
    assert type(f(m[0, 0], v[0], 1)[7]) is float


@backends
def test_fewer_dimensions_mean_what_they_mean_in_numpy(backend: sc.Backend) -> None:
    f = function("column", backend)
    inner, outer, chain, same = f(np.array([1, 2, 3]))
    assert (inner, outer) == (14.0, 14.0)
    assert chain.tolist() == [14.0, 28.0, 42.0]
    assert same.tolist() == [1.0, 2.0, 3.0]
    inner, outer, chain, same = f([[1], [2], [3]])
    assert inner.tolist() == [[14.0]]
    assert outer.tolist() == [[1, 2, 3], [2, 4, 6], [3, 6, 9]]
    assert chain.tolist() == [[14.0], [28.0], [42.0]]
    assert same.tolist() == [[1.0], [2.0], [3.0]]
    for wrong in (np.zeros((2, 1)), np.zeros(4), np.zeros((3, 2))):
        with pytest.raises(ValueError, match="X has shape"):
            f(wrong)


def test_solving_is_stable() -> None:
    n = 6
    m, v = sp.MatrixSymbol("M", n, n), sp.MatrixSymbol("v", n, 1)
    f = sc.lambdify((m, v), [m.inv() * v, sp.Determinant(m), m.inv()])
    rng = np.random.default_rng(6)
    for _ in range(20):
        matrix, column = rng.normal(size=(n, n)), rng.normal(size=(n, 1))
        matrix[0, 0] = 0.0  # needs another pivot
        solution, determinant, inverse = f(matrix, column)
        residual = np.abs(matrix @ solution - column).max()
        assert residual < 1e-13 * np.abs(matrix).max() * np.abs(solution).max() * n
        assert determinant == pytest.approx(np.linalg.det(matrix), rel=1e-10)
        np.testing.assert_allclose(inverse @ matrix, np.eye(n), atol=1e-9)
    singular = np.ones((n, n))
    assert f(singular, np.ones((n, 1)))[1] == 0.0


def test_arrays_of_symbols() -> None:
    from sympy.tensor.array.expressions import ArraySymbol

    x = sp.Symbol("x")
    v = ArraySymbol("v", (3,))
    f = sc.lambdify((v, x), [v, v[1] * x])
    whole, product = f(np.arange(6.0).reshape(2, 3), [10.0, 20.0])
    assert whole.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert product.tolist() == [10.0, 80.0]
    symbols = sp.Matrix(sp.symbols("q0:3"))
    g = sc.lambdify((symbols, x), symbols * x + symbols.applyfunc(sp.sin))
    assert g([0, 0, 0], 1).tolist() == [[0.0]] * 3
    assert g(np.zeros(3), np.ones(4)).shape == (4, 3, 1)
    objects = np.array([[x, x**2], [1, sp.Symbol("x")]], dtype=object)
    assert sc.lambdify(x, objects)(3).tolist() == [[3.0, 9.0], [1.0, 3.0]]


def test_entries_as_arguments() -> None:
    m = sp.MatrixSymbol("m", 2, 2)
    base = sp.IndexedBase("u", shape=(3,))
    f = sc.lambdify((m[0, 1], base[2], base[0]), m[0, 1] * 100 + base[2] * 10 + base[0])
    assert f(1, 2, 3) == 123.0


def test_large_matrices_become_loops() -> None:
    m, v = sp.MatrixSymbol("M", 80, 80), sp.MatrixSymbol("v", 80, 1)
    f = sc.lambdify((m, v), m * v)
    rng = np.random.default_rng(7)
    matrix, column = rng.normal(size=(80, 80)), rng.normal(size=(80, 1))
    np.testing.assert_allclose(f(matrix, column), matrix @ column, rtol=1e-12, atol=1e-12)
    stacked = f(np.stack([matrix, 2 * matrix]), column)
    np.testing.assert_allclose(stacked[1], 2 * matrix @ column, rtol=1e-12, atol=1e-12)
