"""What may be an argument: symbols of all kinds, functions of time, text, arrays."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy as sp
from sympy.vector import CoordSys3D

import symcompile as sc
from tests.lambdify.functions import a, b, backends, f, few, function, t, x, y


@backends
def test_functions_of_time_and_their_derivatives(backend: sc.Backend) -> None:
    call = function("functions", backend)
    assert call(1, 2, 3, 4, 5) == [1 + 20 + 300 + 4000 + 50000.0, 4.0]


@pytest.mark.parametrize("cse", [False, True])
def test_derivatives_are_found_before_what_they_are_made_of(cse: bool) -> None:
    args = f, f.diff(t), f.diff(t, 2), a, b
    expr = a * f.diff(t, 2) + b * f.diff(t) + a * b * f + a**2
    assert sc.lambdify(args, expr, cse=cse)(4.0, 3.0, 2.0, 5.0, 6.0) == 173.0
    nested = sp.sin(f.diff(t)) ** 2 + f
    assert sc.lambdify((f.diff(t), f), nested)(0.5, 2) == math.sin(0.5) ** 2 + 2
    mixed = sp.Function("u")(x, t)
    value = sc.lambdify((mixed.diff(x, t), mixed.diff(x), mixed), mixed.diff(t, x) - mixed.diff(x))
    assert value(5, 3, 100) == 2.0


@backends
def test_hostile_and_equal_names(backend: sc.Backend) -> None:
    found = function("names", backend)(*range(1, 13))
    #  lambda, class, x;import_os, sin, E, λ, out, function, _run, x_2, two Dummies
    assert found[0] == 1 + 2 * 2 + 3 * 4 + 4 * 8
    assert found[1] == math.sin(4) + 5 * 6
    assert found[2] == 7 - 8 + 9 * 10
    assert found[3] == 11 - 12


def test_a_dummy_and_a_symbol_that_prints_like_it() -> None:
    d = sp.Dummy()
    symbol = sp.Symbol(str(d))
    assert sc.lambdify([d, symbol], d - symbol)(4, 1) == 3.0


def test_text() -> None:
    assert sc.lambdify("x,y,z", "z,y,x")(3, 2, 1) == (1.0, 2.0, 3.0)
    assert sc.lambdify(["x", "y z"], "[x + y, (sin(z), 2)]")(1, [2, 0]) == [3.0, (0.0, 2.0)]
    real = sp.Symbol("x", real=True)
    assert sc.lambdify(real, ["x + 1", real * 2])(1) == [2.0, 2.0]
    with pytest.raises(sc.DefinitionError, match="not a name"):
        sc.lambdify("x; import os", "x")
    with pytest.raises(sc.SymcompileError):
        sc.lambdify("x", "__import__('os').getcwd()")


def test_no_arguments() -> None:
    assert sc.lambdify((), sp.pi)() == math.pi
    assert sc.lambdify([], [1, sp.true, sp.Matrix([[2]])])()[:2] == [1.0, True]
    assert sc.lambdify([], sp.false)() is False
    with pytest.raises(TypeError):
        sc.lambdify([], 1)(-1)


def test_coordinates() -> None:
    scalars = CoordSys3D("N").base_scalars()
    assert sc.lambdify(scalars[:2], scalars[0] + 10 * scalars[1])(1, 2) == 21.0


def test_what_cannot_be_an_argument() -> None:
    with pytest.raises(sc.DefinitionError, match="not a SymPy symbol"):
        sc.lambdify((x, y + 1), x)
    with pytest.raises(sc.DefinitionError, match="stands twice"):
        sc.lambdify((x, [y, x]), x)
    with pytest.raises(sc.DefinitionError, match="no order"):
        sc.lambdify({x, y}, x)
    with pytest.raises(sc.LoweringError, match="symbol y is neither"):
        sc.lambdify(x, x + y)
    with pytest.raises(sc.DefinitionError, match="not a SymPy expression"):
        sc.lambdify(x, object())
    with pytest.raises(sc.DefinitionError, match="no order"):
        sc.lambdify(x, {x, x**2})


@few
def test_indexed_arrays(backend: sc.Backend) -> None:
    base, i = sp.IndexedBase("u"), sp.Idx("i")
    j, k = sp.symbols("j k", integer=True)
    total = sc.lambdify(base, sp.Sum(base[j, k], (j, 0, 1), (k, 0, 1)), backend=backend)
    assert total(np.array([[1, 2], [3, 4]])) == 10.0
    element = sc.lambdify([base, i], base[i], backend=backend)
    assert [element([1, 2, 3], place) for place in range(3)] == [1.0, 2.0, 3.0]


@backends
def test_indexed_arrays_beside_numbers(backend: sc.Backend) -> None:
    base, n, j = sp.IndexedBase("u"), sp.Symbol("n", integer=True), sp.Symbol("j", integer=True)
    several = sc.lambdify(
        (base, [n, x]), {"sum": x * sp.Sum(base[j], (j, 0, n - 1)), "x": [x]}, backend=backend
    )
    assert several([1, 2, 3, 4], (3, 2)) == {"sum": 12.0, "x": [2.0]}
    stacked = several(np.arange(8.0).reshape(2, 4), (3, [1.0, 2.0]))
    assert stacked["sum"].tolist() == [3.0, 30.0]
    assert stacked["x"][0].tolist() == [1.0, 2.0]


@backends
def test_matrices_of_any_size(backend: sc.Backend) -> None:
    n = sp.Symbol("n", integer=True)
    m = sp.MatrixSymbol("M", n, 2)
    call = sc.lambdify((m, x), x * m.T * m, backend=backend)
    rows = np.arange(6.0).reshape(3, 2)
    np.testing.assert_allclose(call(rows, 2.0), 2 * rows.T @ rows)
    np.testing.assert_allclose(call(rows[:1], 2.0), 2 * rows[:1].T @ rows[:1])
    with pytest.raises(ValueError, match="dimensions"):
        call(1.0, 2.0)


def test_extremes_of_arrays() -> None:
    from sympy.codegen.numpy_nodes import amax, amin

    low, high = sc.lambdify((x, y), [amin(x), amax(x * y)])([2, 3, 4], np.array([1, 5, 2]))
    assert (low, high) == (2.0, 15.0)
    grid = np.arange(6.0).reshape(2, 3)
    (rows,) = sc.lambdify((x,), (amax(x, axis=1),))(grid)
    assert rows.tolist() == [2.0, 5.0]
