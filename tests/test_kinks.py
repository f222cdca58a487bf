"""Derivatives at kinks, and branches that are not taken: the same on every backend."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import sympy as sp

import symcompile as sc
from symcompile.compiler import build, functions_of
from symcompile.frontend.definition import Definition, define
from symcompile.options import BACKENDS, Backend, Options

x, y, z = sp.symbols("x y z", real=True)
POINT = (x, y, z)

#: A formula; points at its kinks; the gradient, and the diagonal of the Hessian there.
KINKS: dict[str, tuple[sp.Expr, list[tuple[Any, Any, Any]]]] = {
    "abs": (sp.Abs(x), [((0, 1, 1), (0, 0, 0), (0, 0, 0)), ((-0.0, 1, 1), (0, 0, 0), (0, 0, 0))]),
    "abs cubed": (sp.Abs(x) ** 3, [((0, 0, 0), (0, 0, 0), (0, 0, 0))]),
    "sign": (sp.sign(x) * y, [((0, 2, 0), (0, 0, 0), (0, 0, 0))]),
    "max": (sp.Max(x**2, y), [((1, 1, 0), (0, 1, 0), (0, 0, 0))]),
    "min": (sp.Min(x, y), [((1, 1, 0), (1, 0, 0), (0, 0, 0))]),
    "max of three": (
        sp.Max(x, y, z),
        [
            ((1, 1, 1), (1, 0, 0), (0, 0, 0)),
            ((0, 1, 1), (0, 1, 0), (0, 0, 0)),
            ((1, 0, 1), (1, 0, 0), (0, 0, 0)),
        ],
    ),
    "min of three": (
        sp.Min(x, y, z),
        [
            ((1, 1, 1), (1, 0, 0), (0, 0, 0)),
            ((2, 1, 1), (0, 1, 0), (0, 0, 0)),
            ((1, 2, 1), (1, 0, 0), (0, 0, 0)),
        ],
    ),
    "max with a number": (sp.Max(x, 0) ** 2 + sp.Max(0, y), [((0, 0, 0), (0, 0, 0), (0, 0, 0))]),
    "max of abs": (sp.Max(sp.Abs(x), sp.Abs(y)), [((1, -1, 0), (1, 0, 0), (0, 0, 0))]),
    "floor": (sp.floor(x) * x, [((1, 0, 0), (1, 0, 0), (0, 0, 0))]),
    "ceiling": (sp.ceiling(x) * x, [((1, 0, 0), (1, 0, 0), (0, 0, 0))]),
    "mod": (
        sp.Mod(x, y),
        [
            ((2, 1, 0), (1, -2, 0), (0, 0, 0)),
            ((-2, 1, 0), (1, 2, 0), (0, 0, 0)),
            ((2, -1, 0), (1, 2, 0), (0, 0, 0)),
        ],
    ),
    "frac": (sp.frac(x), [((1, 0, 0), (1, 0, 0), (0, 0, 0))]),
    "heaviside": (sp.Heaviside(x) * y, [((0, 2, 0), (0, 0.5, 0), (0, 0, 0))]),
    "piecewise": (
        sp.Piecewise((x**2, x <= 1), (2 * x + 3, True)),
        [((1, 0, 0), (2, 0, 0), (2, 0, 0))],
    ),
    "branch not taken": (
        sp.Piecewise((sp.sqrt(x) * sp.log(x), x > 0), (y**2, True)),
        [((0, 3, 0), (0, 6, 0), (0, 2, 0)), ((-1, 3, 0), (0, 6, 0), (0, 2, 0))],
    ),
    "branches that share": (
        sp.Piecewise((sp.log(x) * y, x > 2), (sp.log(x) ** 2, x > 1), (y, True)),
        [((-1, 3, 0), (0, 1, 0), (0, 0, 0)), ((2, 3, 0), (np.log(2), 0, 0), None)],
    ),
}


@pytest.fixture(autouse=True)
def strict() -> Iterator[None]:
    """Let every warning and every floating-point error be one."""
    with warnings.catch_warnings(), np.errstate(all="raise"):
        warnings.simplefilter("error")
        yield


@cache
def _numbers() -> Definition:
    """The sums over all formulas with a weight each: one module for all."""
    formulas = [formula for formula, _ in KINKS.values()]
    return define("kinks", sp.Matrix(formulas), params=POINT)


@cache
def _columns() -> Definition:
    formulas = [formula for formula, _ in KINKS.values()]
    return define("kinks_columns", sp.Matrix(formulas), params=(x, y), data=(z,))


@cache
def _single(name: str) -> Definition:
    return define("kink", KINKS[name][0] + 0 * z, params=POINT)


@cache
def _module(definition: Definition, backend: Backend, names: tuple[str, ...]) -> ModuleType:
    with warnings.catch_warnings(), np.errstate(all="warn"):
        warnings.simplefilter("default")
        return build(definition, backend, Options(optimize=1), names)


@pytest.mark.parametrize("backend", BACKENDS)
def test_first_derivatives(backend: Backend) -> None:
    module = _module(_numbers(), backend, ("jacobian", "jvp", "vjp"))
    for row, (name, (_, points)) in enumerate(KINKS.items()):
        unit = np.eye(len(KINKS))[row]
        for point, gradient, _ in points:
            p = np.array(point, dtype=float)
            jacobian = module.jacobian(p)
            np.testing.assert_allclose(jacobian[row], gradient, err_msg=name)
            if np.isfinite(jacobian).all():
                np.testing.assert_allclose(module.vjp(p, unit), gradient, err_msg=name)
            forward = module.jvp(p, np.array([1.0, 10.0, 100.0])).reshape(-1)[row]
            np.testing.assert_allclose(forward, np.dot(gradient, [1, 10, 100]), err_msg=name)


@pytest.mark.parametrize("name", KINKS)
def test_second_derivatives(name: str) -> None:
    _check_second(name, "python")


@pytest.mark.parametrize("backend", ["numba", "cython", "llvm"])
def test_second_derivatives_compiled(backend: Backend) -> None:
    for name in ("max of three", "mod", "branches that share"):
        _check_second(name, backend)


def _check_second(name: str, backend: Backend) -> None:
    module = _module(_single(name), backend, ("grad", "hessian", "hvp"))
    for point, gradient, curvature in KINKS[name][1]:
        p = np.array(point, dtype=float)
        np.testing.assert_allclose(module.grad(p), gradient)
        hessian = module.hessian(p)
        if curvature is not None:
            np.testing.assert_allclose(np.diag(hessian), curvature)
        np.testing.assert_allclose(module.hvp(p, np.array([1.0, 0, 0])), hessian[:, 0])


@pytest.mark.parametrize("backend", BACKENDS)
def test_arrays(backend: Backend) -> None:
    """Samples are computed all branches at once, and give the same."""
    module = _module(_columns(), backend, ("value", "jacobian"))
    numbers = _module(_numbers(), backend, ("jacobian",))
    for p in ((0.0, 0.0), (1.0, 1.0), (-1.0, 2.0), (2.0, 3.0)):
        column = np.array([0.0, 1.0, -1.0, 2.0])
        found = module.jacobian(np.array(p), column)
        assert module.value(np.array(p), column).shape[:2] == (4, len(KINKS))
        for sample, number in enumerate(column):
            one = numbers.jacobian(np.array([*p, number]))[:, :2]
            np.testing.assert_allclose(found[sample], one, rtol=1e-14)


@pytest.mark.parametrize("backend", BACKENDS)
def test_functions_of_arrays_do_not_warn(backend: Backend) -> None:
    formula = sp.Piecewise((sp.sqrt(x) * sp.log(x), x > 0), (1 / (x + 1), x > -1), (-x, True))
    with np.errstate(all="warn"):
        function = sc.lambdify(x, formula, backend=backend)
    values = np.array([-2.0, -1.0, -0.5, 0.0, 4.0])
    expected = [2.0, 1.0, 2.0, 1.0, 2 * np.log(4.0)]
    np.testing.assert_allclose(function(values), expected, rtol=1e-15)
    assert [function(value) for value in values.tolist()] == pytest.approx(expected)


def test_index_notation_does_not_warn() -> None:
    n = sp.Symbol("n", integer=True, positive=True)
    i = sp.Symbol("i", integer=True)
    u, v = sp.IndexedBase("u", shape=(n,)), sp.IndexedBase("v", shape=(n,))
    term = sp.Piecewise((sp.log(u[i]) * v[i], u[i] > 0), (sp.Abs(u[i]), True))
    definition = define("logs", sp.Sum(term, (i, 0, n - 1)), params=u, data=v)
    module = _module(definition, "python", functions_of(definition))
    p, data = np.array([-1.0, 0.0, 2.0]), np.array([1.0, np.inf, 3.0])
    np.testing.assert_allclose(module.grad(p, data), [-1, 0, 1.5])
    np.testing.assert_allclose(np.diag(module.hessian(p, data)), [0, 0, -0.75])


def test_numbers_of_a_branch_not_taken_raise_nothing() -> None:
    """A domain error would mean that all is computed again, with NumPy's numbers."""
    formula = sp.Piecewise(
        (sp.log(x) * y + sp.sin(sp.log(x)), x > 2),
        (sp.log(x) ** 2 * sp.sqrt(x), x > 0),
        (y**2 * sp.exp(x), True),
    )
    definition = define("safe", formula + y**2, params=(x, y))
    module = _module(definition, "python", ("value_and_grad", "hessian"))
    module._call = lambda core, *numbers: core(*numbers)  # type: ignore[attr-defined]
    for point in (3.0, 1.0, 0.0, -1.0):
        module.value_and_grad(np.array([point, 0.5]))
        module.hessian(np.array([point, 0.5]))
