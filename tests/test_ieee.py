"""NaN and infinity, and branches that are not taken, on every backend."""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import sympy as sp

from symcompile.compiler import build, functions_of
from symcompile.frontend.definition import Definition, define
from symcompile.options import BACKENDS, Backend, Options
from tests import ways
from tests.bundle import bundle
from tests.corpus import Case

w, v, x = sp.symbols("w v x")
INF, NAN = np.inf, np.nan


@cache
def _module(definition: Definition, backend: Backend, names: tuple[str, ...]) -> ModuleType:
    return build(definition, backend, Options(), names)


def same(found: Any, expected: Any) -> None:
    """Assert equal doubles, NaN equal to NaN, to a few ulp."""
    np.testing.assert_allclose(found, expected, rtol=1e-14, atol=0)


#: A function of one number, and its values there.
VALUES: list[tuple[sp.Expr, dict[float, float]]] = [
    (1 / w, {0.0: INF, INF: 0.0, -INF: 0.0, NAN: NAN}),
    (sp.log(w), {0.0: -INF, -1.0: NAN, INF: INF, NAN: NAN}),
    (sp.sqrt(w), {-1.0: NAN, INF: INF, 0.0: 0.0, NAN: NAN}),
    (sp.exp(w), {1000.0: INF, -1000.0: 0.0, -INF: 0.0, NAN: NAN}),
    (sp.Max(w, 1), {NAN: NAN, INF: INF, -INF: 1.0}),
    (sp.Min(1, w), {NAN: NAN, INF: 1.0, -INF: -INF}),
    (sp.sign(w), {NAN: NAN, INF: 1.0, -INF: -1.0, 0.0: 0.0, -3.0: -1.0}),
    (sp.Abs(w), {NAN: NAN, -INF: INF, 0.0: 0.0}),
    (sp.floor(w), {NAN: NAN, INF: INF, -INF: -INF, -0.5: -1.0, 1e300: 1e300}),
    (sp.ceiling(w), {NAN: NAN, INF: INF, -INF: -INF, 0.5: 1.0, -1e300: -1e300}),
    (sp.sin(w), {INF: NAN, NAN: NAN}),
    (sp.tan(w), {INF: NAN}),
    (sp.asin(w), {2.0: NAN, NAN: NAN}),
    (sp.acosh(w), {0.5: NAN, INF: INF}),
    (sp.atanh(w), {1.0: INF, -1.0: -INF, 2.0: NAN}),
    (sp.asinh(w), {INF: INF, -INF: -INF}),
    (sp.tanh(w), {INF: 1.0, -INF: -1.0}),
    (sp.cosh(w), {1000.0: INF, -INF: INF}),
    (sp.sinh(w), {-1000.0: -INF}),
    (sp.atan(w), {INF: np.pi / 2}),
    (sp.erf(w), {INF: 1.0, -INF: -1.0, NAN: NAN}),
    (sp.erfc(w), {INF: 0.0, -INF: 2.0, 30.0: 0.0}),
    (sp.gamma(w), {0.0: INF, -1.0: NAN, 200.0: INF, INF: INF, NAN: NAN}),
    (sp.loggamma(w), {0.0: INF, -1.5: NAN, INF: INF, NAN: NAN}),
    (sp.polygamma(1, w), {0.0: INF, -1.0: INF, NAN: NAN, INF: 0.0}),
    (sp.polygamma(2, w), {NAN: NAN, 0.5: -16.8287966442343199955963342612}),
    (w**-2, {0.0: INF, INF: 0.0}),
    (w**3, {-INF: -INF, NAN: NAN}),
    (w ** sp.Rational(1, 3), {-8.0: NAN, 0.0: 0.0, INF: INF, NAN: NAN}),
    (w ** sp.Rational(5, 2), {-1.0: NAN, INF: INF}),
    (w**sp.pi, {-1.0: NAN, 0.0: 0.0, INF: INF}),
    (2**w, {INF: INF, -INF: 0.0}),
    (sp.log(1 + sp.exp(w)), {INF: INF, -INF: 0.0, NAN: NAN, 800.0: 800.0}),
    (1 / (1 + sp.exp(w)), {INF: 0.0, -INF: 1.0, NAN: NAN}),
    (sp.log(1 + w), {-1.0: -INF, -2.0: NAN, INF: INF}),
    (sp.exp(w) - 1, {INF: INF, -INF: -1.0, NAN: NAN}),
    (sp.Piecewise((1, w > 0), (2, True)), {NAN: 2.0, INF: 1.0}),
    (sp.Piecewise((1, w > 0)), {-1.0: NAN}),
    (sp.Piecewise((1, sp.Eq(w, w**2)), (2, sp.Ne(w, -w)), (3, True)), {1.0: 1.0, NAN: 2.0}),
    (w - w * v, {INF: NAN}),
    (sp.atan2(w, -1), {INF: np.pi / 2, NAN: NAN}),
]
_POINTS = sorted({point for _, table in VALUES for point in table}, key=repr)


def _is(p: float, q: float) -> bool:
    return p == q or (np.isnan(p) and np.isnan(q))


def _assert_table(rows: np.ndarray, point: float) -> None:
    for k, (expr, table) in enumerate(VALUES):
        if any(_is(p, point) for p in table):
            expected = next(
                e for p, e in table.items() if p == point or (p != p and point != point)
            )
            np.testing.assert_allclose(
                rows[k], expected, rtol=4e-15, err_msg=f"{expr} at {point}", atol=0
            )


@pytest.mark.parametrize("backend", BACKENDS)
def test_scalars(backend: Backend) -> None:
    definition = define("ieee_scalars", [expr for expr, _ in VALUES], params=(w, v))
    module = _module(definition, backend, ("value",))
    for point in _POINTS:
        _assert_table(module.value(np.array([point, 1.0])), point)


@pytest.mark.parametrize("backend", BACKENDS)
def test_samples(backend: Backend) -> None:
    definition = define("ieee_samples", [expr for expr, _ in VALUES], params=v, data=w)
    module = _module(definition, backend, ("value",))
    # Vector units take several samples at a time: each point stands in every lane.
    column = np.repeat(_POINTS, 9)
    rows = module.value(np.array([1.0]), column)
    for point, row in zip(column, rows, strict=True):
        _assert_table(row, point)


#: A formula with a branch that is not taken, a point, its gradient and its Hessian there.
BRANCHES: list[tuple[str, Any, tuple[float, float], list[float], list[list[float]]]] = [
    ("sqrt", sp.Piecewise((sp.sqrt(w), w > 0), (0, True)), (0.0, 1.0), [0, 0], [[0, 0], [0, 0]]),
    ("sqrt2", sp.Piecewise((sp.sqrt(w), w > 0), (0, True)), (-1.0, 1.0), [0, 0], [[0, 0], [0, 0]]),
    ("log", sp.Piecewise((w * sp.log(w), w > 0), (v, True)), (0.0, 2.0), [0, 1], [[0, 0], [0, 0]]),
    (
        "shared",  # one node in both branches
        sp.Piecewise((sp.sqrt(w) * v, v > 1), (sp.sqrt(w), v > 0), (v**2, True)),
        (0.0, -1.0),
        [0, -2],
        [[0, 0], [0, 2]],
    ),
    (
        "shared_taken",
        sp.Piecewise((sp.sqrt(w) * v, v > 1), (sp.sqrt(w), v > 0), (v**2, True)),
        (4.0, 0.5),
        [0.25, 0],
        [[-1 / 32, 0], [0, 0]],
    ),
    (
        "nested",
        sp.Piecewise(
            (sp.Piecewise((1 / w, w > 1), (sp.log(w), w > 0), (w, True)), v > 0), (w, True)
        ),
        (0.0, 1.0),
        [1, 0],
        [[0, 0], [0, 0]],
    ),
    (
        "nested_outer",
        sp.Piecewise((sp.Piecewise((1 / w, w > 1), (sp.log(w), True)), v > 0), (w * v, True)),
        (0.0, -1.0),
        [-1, 0],
        [[0, 1], [1, 0]],
    ),
    ("max", sp.Max(sp.sqrt(w), 1) * v, (0.0, 2.0), [0, 1], [[0, 0], [0, 0]]),
    ("min", sp.Min(1 / w, v**2), (0.0, 3.0), [0, 6], [[0, 0], [0, 2]]),
    (
        "deep",
        sp.Piecewise((sp.sqrt(sp.log(w) * v), w > 1), (w, True)),
        (0.0, 2.0),
        [1, 0],
        [[0, 0], [0, 0]],
    ),
    (
        "power",
        sp.Piecewise((w**v, w > 0), (v, True)),
        (0.0, -1.0),
        [0, 1],
        [[0, 0], [0, 0]],
    ),
    ("softplus", sp.log(1 + sp.exp(w)), (800.0, 0.0), [1, 0], [[0, 0], [0, 0]]),
    ("softplus_low", sp.log(1 + sp.exp(w)), (-800.0, 0.0), [0, 0], [[0, 0], [0, 0]]),
    ("sigmoid", 1 / (1 + sp.exp(w)), (800.0, 0.0), [0, 0], [[0, 0], [0, 0]]),
    ("sigmoid_ratio", sp.exp(w) * v / (1 + sp.exp(w)), (800.0, 3.0), [0, 1], [[0, 0], [0, 0]]),
    ("sigmoid_square", v / (1 + sp.exp(w)) ** 2, (800.0, 3.0), [0, 0], [[0, 0], [0, 0]]),
    ("tanh", sp.tanh(w), (500.0, 0.0), [0, 0], [[0, 0], [0, 0]]),
]


@pytest.mark.parametrize("backend", ways.BACKENDS)
def test_branches_not_taken(backend: Backend) -> None:

    cases = [
        Case(f"branch_{name}", lambda expr=expr: expr, (w, v), [point])  # type: ignore[misc]
        for name, expr, point, _, _ in BRANCHES
    ]
    vector, total = bundle("branches_vector", cases), bundle("branches_total", cases, total=True)
    first = _module(vector.definition, backend, ("jacobian", "jvp", "vjp"))
    second = _module(total.definition, backend, ("grad", "hessian", "hvp"))
    p = vector.point()
    direction = np.tile([0.5, 2.0], len(cases))
    jacobian, jvp = first.jacobian(p), first.jvp(p, direction)
    vjp = first.vjp(p, np.full(len(cases), 2.0))
    grad, hessian, hvp = second.grad(p), second.hessian(p), second.hvp(p, direction)
    for k, (name, _, _, gradient, matrix) in enumerate(BRANCHES):
        part = slice(2 * k, 2 * k + 2)
        for found, expected in (
            (jacobian[k, part], gradient),
            (jvp[k], np.dot(gradient, direction[part])),
            (vjp[part], 2 * np.array(gradient)),
            (grad[part], gradient),
            (hessian[part, part], matrix),
            (hvp[part], matrix @ direction[part]),
        ):
            np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-300, err_msg=name)


@pytest.mark.parametrize("backend", ways.BACKENDS)
def test_parameters_in_a_branch_of_some_samples(backend: Backend) -> None:
    expr = sp.Piecewise((sp.sqrt(w) * x, x > 0), (v, True))
    definition = define("some_samples", expr, params=(w, v), data=x, reduce="sum")
    module = _module(definition, backend, functions_of(definition))
    p, direction = np.array([0.0, 1.0]), np.array([1.0, 1.0])
    none, some = np.array([-1.0, -2.0, 0.0]), np.array([-1.0, 2.0, 0.0])
    same(module.value(p, none), 3.0)
    same(module.grad(p, none), [0.0, 3.0])
    same(module.value_and_grad(p, none)[1], [0.0, 3.0])
    same(module.hessian(p, none), np.zeros((2, 2)))
    same(module.hvp(p, direction, none), [0.0, 0.0])
    same(module.jvp(p, direction, none), 3.0)
    same(module.vjp(p, np.array([2.0]), none), [0.0, 6.0])
    same(module.grad(p, some), [INF, 2.0])
    same(module.grad(np.array([4.0, 1.0]), some), [0.5, 2.0])
    same(module.hessian(np.array([4.0, 1.0]), some), [[-1 / 16, 0.0], [0.0, 0.0]])


@pytest.mark.parametrize("backend", ways.BACKENDS)
def test_branches_of_each_sample(backend: Backend) -> None:
    expr = [sp.Piecewise((sp.sqrt(w * x), x > 0), (w, True)), sp.Max(sp.log(w * x), -1)]
    definition = define("each_sample", expr, params=(w,), data=x)
    module = _module(definition, backend, functions_of(definition))
    p, column = np.array([1.0]), np.array([0.0, 4.0, -1.0])
    same(module.jacobian(p, column)[:2, :, 0], [[1.0, 0.0], [1.0, 1.0]])
    same(module.jvp(p, np.array([2.0]), column)[:2], [[2.0, 0.0], [2.0, 2.0]])
    same(module.vjp(p, np.array([[1.0, 1.0], [1.0, 0.5]]), column[:2]), [2.5])
