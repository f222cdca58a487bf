"""Derivatives of sums, products and integrals, against numerical ones at many digits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mpmath
import pytest
import sympy as sp

from symcompile.autodiff.bodies import take_derivatives
from symcompile.autodiff.derive import derive
from symcompile.frontend.definition import Definition, define
from symcompile.ir.graph import Function, Input
from symcompile.ir.interpreter import context, evaluate

a, b, c, k, j, n, s, t, x, y = sp.symbols("a b c k j n s t x y")
_MP = context(20)


def derivatives(expr: Any, symbols: Sequence[Any], at: Sequence[str]) -> tuple[list[Any], Any]:
    """Return the gradient and the Hessian by our rules, evaluated at many digits."""
    definition = define("f", expr, params=symbols)
    taken = take_derivatives(Function("value", definition.ir, (definition.output,)))
    names = ["grad", "hessian", "jacobian"]
    made = derive(taken.graph, taken.outputs[0], [()] * len(symbols), names)
    inputs = {Input("param", slot): _MP.mpf(value) for slot, value in enumerate(at)}
    grad, hessian, jacobian = (evaluate(f.graph, f.roots(), _MP, inputs) for f in made)
    assert all(abs(g - h) <= 1e-15 * (1 + abs(g)) for g, h in zip(grad, jacobian, strict=True))
    count = len(symbols)
    return grad, [hessian[count * row : count * (row + 1)] for row in range(count)]


def numerical(definition: Definition, at: Sequence[str]) -> tuple[list[Any], Any]:
    """Return the same by central differences of the formula as it was written."""
    mp = context(24)
    step = mp.mpf(10) ** -6
    point = [mp.mpf(value) for value in at]
    known: dict[tuple[int, ...], Any] = {}

    def f(moves: tuple[int, ...]) -> Any:
        if moves not in known:
            moved = [x + step * m for x, m in zip(point, moves, strict=True)]
            inputs = {Input("param", slot): value for slot, value in enumerate(moved)}
            (known[moves],) = evaluate(definition.ir, definition.output.entries, mp, inputs)
        return known[moves]

    def along(row: int, by: int, start: tuple[int, ...]) -> tuple[int, ...]:
        return (*start[:row], start[row] + by, *start[row + 1 :])

    here = (0,) * len(point)
    rows = range(len(point))
    grad = [(f(along(r, 1, here)) - f(along(r, -1, here))) / (2 * step) for r in rows]

    def second(r: int, q: int) -> Any:
        ups = [f(along(r, m, along(q, m, here))) for m in (1, -1)]
        downs = [f(along(r, m, along(q, -m, here))) for m in (1, -1)]
        return (sum(ups) - sum(downs)) / (4 * step**2)

    return grad, [[second(r, q) for q in rows] for r in rows]


@pytest.mark.parametrize(
    ("expr", "symbols", "at"),
    [
        (sp.Sum(x**k / (k + y), (k, 0, 6)), (x, y), ("0.3", "1.5")),
        (sp.Sum(sp.sin(k * x) * y, (k, 1, 5)) ** 2 / y, (x, y), ("0.3", "1.5")),
        (sp.Sum(sp.Sum(x**j * y, (j, 0, k)) ** 2, (k, 0, 4)), (x, y), ("0.7", "0.2")),
        (sp.Product(x + y**k, (k, 0, 5)), (x, y), ("0.7", "0.2")),
        (sp.Product(1 + sp.Sum(x * j, (j, 1, k)), (k, 0, 3)), (x,), ("0.7",)),
        (sp.Sum(sp.Piecewise((x * k, k < 3), (x**2, True)), (k, 0, 5)), (x,), ("0.7",)),
        (sp.Integral(sp.exp(-x * t**2), (t, 0, y)), (x, y), ("0.7", "1.2")),
        (sp.Integral(sp.sin(x * t) / (1 + t), (t, x, y**2)), (x, y), ("0.4", "1.2")),
        (sp.Integral(sp.exp(-y * t) * x, (t, x, sp.oo)), (x, y), ("0.4", "1.2")),
        pytest.param(
            sp.Integral(x * s * sp.exp(y * t), (t, 0, s), (s, x, 1)),
            (x, y),
            ("0.4", "1.2"),
            marks=pytest.mark.long,
        ),
        (sp.Sum(sp.Integral(sp.cos(k * x * t), (t, 0, 1)), (k, 1, 3)), (x,), ("0.4",)),
        (sp.Derivative(sp.sin(x * y) * sp.exp(x), x, y), (x, y), ("0.4", "1.2")),
        (sp.Subs(sp.Derivative(x**3 * y, (x, 2)), x, y**2), (x, y), ("0.4", "1.2")),
        (sp.Derivative(sp.Integral(sp.exp(-x * t**2), (t, 0, x)), x) * y, (x, y), ("0.4", "1.2")),
    ],
    ids=str,
)
def test_gradients_and_hessians(expr: Any, symbols: Sequence[Any], at: Sequence[str]) -> None:
    grad, hessian = derivatives(expr, symbols, at)
    expected, second = numerical(define("f", expr, params=symbols), at)
    for found, wanted in zip(grad, expected, strict=True):
        assert abs(found - wanted) <= 1e-9 * (1 + abs(wanted))
    for row, wanted_row in zip(hessian, second, strict=True):
        for found, wanted in zip(row, wanted_row, strict=True):
            assert abs(found - wanted) <= 1e-8 * (1 + abs(wanted))


def test_limits_of_sums_have_no_derivative() -> None:
    grad, hessian = derivatives(sp.Sum(x * k, (k, 1, n)), (x, n), ("2", "4"))
    assert grad == [10, 0]
    assert hessian == [[0, 0], [0, 0]]


def test_products_are_differentiated_at_their_zeros() -> None:
    """``(x - 1)*(x - 2)*(x - 3)*(x - 4)`` and its like with a double zero."""
    expr = sp.Product(x - k, (k, 1, 4))
    for value in ("1", "3", "2.5"):
        grad, hessian = derivatives(expr, (x,), (value,))
        exact = sp.expand(expr.doit())
        slopes = [sp.diff(exact, x, order).subs(x, sp.Rational(value)) for order in (1, 2)]
        assert [float(grad[0]), float(hessian[0][0])] == [float(slope) for slope in slopes]
    twice = sp.Product((x - k) * (x - 3 + k), (k, 1, 2))  # (x - 1)^2 (x - 2)^2
    for value in ("1", "2"):
        grad, hessian = derivatives(twice, (x,), (value,))
        assert grad == [0]
        assert hessian == [[2]]


def test_jumps_count_in_the_limits() -> None:
    """The derivative of ``Integral(Piecewise((1, t < a), (3, True)), (t, 0, 2))`` in a is -2."""
    step = sp.Integral(sp.Piecewise((b, t < a), (3, True)), (t, 0, c))
    grad, hessian = derivatives(step, (a, b, c), ("0.5", "1", "2"))
    assert [float(g) for g in grad] == [-2.0, 0.5, 3.0]
    assert [float(h) for h in hessian[0]] == [0.0, 1.0, 0.0]
    outside, _ = derivatives(step, (a, b, c), ("5", "1", "2"))
    assert [float(g) for g in outside] == [0.0, 2.0, 1.0]


def test_the_branch_not_taken_has_no_say() -> None:
    expr = sp.Piecewise((sp.Sum(sp.sqrt(x * k), (k, 1, 3)), x > 0), (x, True))
    grad, hessian = derivatives(expr, (x,), ("0",))
    assert grad == [1]
    assert hessian == [[0]]


def test_powers_at_zero() -> None:
    """The slope of ``x**k`` at 0 is 1 for ``k = 1``, else 0: not the NaN of 0*0**(-1)."""
    grad, hessian = derivatives(sp.Sum(x**k / (k + 1), (k, 0, 5)), (x,), ("0",))
    assert grad == [sp.Rational(1, 2)]
    assert abs(hessian[0][0] - _MP.mpf(2) / 3) < 1e-15


def test_high_orders_stay_small() -> None:
    """Nested ten times, with SymPy's own differentiation out of the question."""
    f = x
    for _ in range(10):
        f = sp.sin(f * y) * sp.cos(f + y) + f**2 / 3
    definition = define("f", sp.Derivative(f, x, evaluate=False), params=(x, y))
    taken = take_derivatives(Function("value", definition.ir, (definition.output,)))
    assert len(taken.graph) < 1000
    inputs = {Input("param", 0): mpmath.mpf("0.3"), Input("param", 1): mpmath.mpf("0.7")}
    mp = context(50)
    exact = {place: mp.mpf(value) for place, value in inputs.items()}
    (found,) = evaluate(taken.graph, taken.roots(), mp, exact)
    (wanted,) = evaluate(definition.ir, definition.output.entries, mp, exact)
    assert abs(found - wanted) < 1e-30
