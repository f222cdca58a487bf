"""``lambdify`` against SymPy's own, on every backend; tests/lambdify has the rest."""

from __future__ import annotations

import math
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import sympy as sp

import symcompile as sc

x, y = sp.symbols("x y")
backends = pytest.mark.parametrize("backend", sc.BACKENDS)

FORMULA = (sp.sin(x) + x**2) / 2


@backends
def test_numbers_give_floats(backend: sc.Backend) -> None:
    f = sc.lambdify(x, FORMULA, backend=backend)
    expected = sp.lambdify(x, FORMULA, "math")(10)
    for given in (10, 10.0, np.float32(10), np.array(10), np.float64(10), True + 9):
        found = f(given)
        assert type(found) is float
        assert found == pytest.approx(expected, rel=4e-16)
    assert round(f(10), 8) == 49.72798944


@backends
def test_arrays_broadcast_as_numpy_does(backend: sc.Backend) -> None:
    f = sc.lambdify((x, y), x * sp.cos(y) + x**2, backend=backend)
    rng = np.random.default_rng(3)
    base = rng.normal(size=(6, 8))
    for a, b in [
        (base, 2.0),
        (3.0, base),
        (base, base),
        (base[:, :1], base[0]),
        (base.T, base.T),
        (base[::-1, ::2], base[:, 1::2]),
        (base[0], [1, 2, 3, 4, 5, 6, 7, 8]),
        (np.zeros((0, 3)), 1.0),
    ]:
        found = f(a, b)
        expected = np.asarray(a) * np.cos(b) + np.asarray(a) ** 2
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=1e-14, atol=1e-14)


@backends
def test_every_result_has_the_common_shape(backend: sc.Backend) -> None:
    points = np.linspace(1, 2, 5)
    value, constant = sc.lambdify(x, [x**2, sp.Integer(3)], backend=backend)(points)
    assert value.shape == constant.shape == (5,)
    assert constant.tolist() == [3.0] * 5


@pytest.mark.parametrize(
    # tests/lambdify/ has one module with all containers in Cython too.
    "backend",
    ["python", "numba", pytest.param("cython", marks=pytest.mark.long), "llvm"],
)
def test_containers_are_kept(backend: sc.Backend) -> None:
    assert sc.lambdify((x, y), [x, y], backend=backend)(1, 2) == [1.0, 2.0]
    assert sc.lambdify((x, y), (x, y), backend=backend)(1, 2) == (1.0, 2.0)
    matrix = sc.lambdify((x, y), sp.Matrix([[x, y], [x * y, 1], [0, x]]), backend=backend)
    assert matrix(2, 3).tolist() == [[2, 3], [6, 1], [0, 2]]
    stacked = matrix(np.array([2.0, 5.0]), 3)
    assert stacked.shape == (2, 3, 2)  # the axes of the Matrix last
    assert stacked[1].tolist() == [[5, 3], [15, 1], [0, 5]]
    assert sc.lambdify((), sp.pi, backend=backend)() == math.pi


@backends
def test_scalars_follow_ieee(backend: sc.Backend) -> None:
    exprs = {
        "1/x": 1 / x,
        "log": sp.log(x),
        "sqrt": sp.sqrt(x),
        "exp": sp.exp(x),
        "sin": sp.sin(x),
        "decay": 1 / (sp.exp(x) + 1),
        "steps": sp.floor(x) + sp.ceiling(x),
        "softplus": sp.log(1 + sp.exp(x)),
    }
    f = sc.lambdify(x, list(exprs.values()), backend=backend)

    def value(name: str, at: float) -> float:
        found = f(at)[list(exprs).index(name)]
        (on_array,) = f(np.array([at]))[list(exprs).index(name)]
        assert found == on_array or (math.isnan(found) and math.isnan(on_array))
        return found

    assert value("1/x", 0.0) == math.inf
    assert value("1/x", -math.inf) == 0.0
    assert value("log", 0.0) == -math.inf
    assert math.isnan(value("sqrt", -1.0))
    assert math.isnan(value("log", -1.0))
    assert value("exp", 1000.0) == math.inf
    assert math.isnan(value("sin", math.inf))
    assert value("decay", 1000.0) == 0.0
    assert value("steps", math.inf) == math.inf
    assert value("softplus", 800.0) == 800.0


def test_auto_needs_no_compiler() -> None:
    code = textwrap.dedent("""
        import sys, sympy as sp, symcompile as sc
        x = sp.Symbol("x")
        assert sc.lambdify(x, x**2)(3) == 9.0
        assert "Cython" not in sys.modules and "numba" not in sys.modules
    """)
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "backend", ["python", pytest.param("numba", marks=pytest.mark.long), "cython", "llvm"]
)
def test_long_formulas_are_cut(backend: sc.Backend) -> None:
    expr = sp.Integer(0)
    for k in range(1, 700):
        expr += sp.sin(k * x) / k
    f = sc.lambdify(x, expr, backend=backend)
    expected = math.fsum(math.sin(k * 0.3) / k for k in range(1, 700))
    assert f(0.3) == pytest.approx(expected, rel=1e-13)
    np.testing.assert_allclose(f(np.array([0.3, 0.3])), expected, rtol=1e-13)
