"""Lowering what binds a variable: scopes, limits, what is refused, and closed forms."""

from __future__ import annotations

from typing import Any

import pytest
import sympy as sp

from symcompile.errors import LoweringError
from symcompile.frontend.closed_forms import closed_form
from symcompile.frontend.definition import Definition, define
from symcompile.ir.body import Body
from symcompile.ir.graph import Input
from symcompile.ir.interpreter import context, evaluate

i, j, k, n, t, x, y = sp.symbols("i j k n t x y")
_MP = context(30)


def value(definition: Definition, *point: Any) -> Any:
    inputs = {Input("param", slot): _MP.mpf(number) for slot, number in enumerate(point)}
    return evaluate(definition.ir, definition.output.entries, _MP, inputs)[0]


def at(expr: Any, symbols: Any, *point: Any) -> Any:
    return value(define("f", expr, params=symbols), *point)


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (sp.Sum(x, (x, 0, y)) + x, 10 + 2),  # the variable hides a symbol
        (sp.Sum(x * k, (k, 0, x)), 6),  # its limits do not see it
        (sp.Sum(k, (k, 0, k), (k, 0, 3)), 0 + 1 + 3 + 6),
        (sp.Sum(i * j, (i, 1, j), (j, 1, 3)), 1 + 6 + 18),
        (sp.Sum(sp.Sum(x * i, (i, 0, k)), (k, 0, 2)), 2 * (0 + 1 + 3)),
        (sp.Product(sp.Sum(i, (i, 0, k)) * x, (k, 1, 2)), 2 * 6),
        (sp.Sum(sp.Piecewise((k, k > x), (0, True)), (k, 0, 4)), 7),
        (sp.Derivative(x**3 * y, (x, 2), y), 12),
        (sp.Subs(sp.Derivative(t**2 * x, t), t, y), 16),
        (sp.Subs(t * x, (t, x), (x, 5)), 10),  # all at once
        (sp.Integral(t, (t, 0, x)) * sp.Sum(t, (t, 1, 2)), 6),
    ],
    ids=str,
)
def test_scopes(expr: Any, expected: int) -> None:
    assert abs(at(expr, (x, y), 2, 4) - expected) < 1e-20


def test_one_object_in_two_scopes() -> None:
    term = sp.sin(k * x)
    expr = sp.Sum(term, (k, 1, 2)) * term + sp.Sum(term, (k, 3, 3))
    exact = sp.sin(3) * (sp.sin(1) + sp.sin(2)) + sp.sin(3)
    assert abs(at(expr, (x, k), 1, 3) - exact.evalf(30)) < 1e-25


def test_names_of_variables_do_not_matter() -> None:
    first = define("f", sp.Sum(x**k, (k, 0, n)), params=(x, n))
    assert first == define("f", sp.Sum(x**j, (j, 0, n)), params=(x, n))
    assert hash(first) == hash(define("f", sp.Sum(x**j, (j, 0, n)), params=(x, n)))
    assert first != define("f", sp.Sum(x**j, (j, 1, n)), params=(x, n))
    both = define("f", sp.Sum(x**k, (k, 0, n)) / sp.Sum(x**j, (j, 0, n)), params=(x, n))
    assert sum(isinstance(node.data, Body) for node in both.ir) == 1


def test_assigned_symbols_stand_for_their_formulas() -> None:
    """``sp.cse`` takes what is common out of derivatives as well."""
    square = sp.sin(x**2) * sp.exp(x**2)
    common = sp.cse([sp.Derivative(square, x) + square, sp.sin(x**2)])
    definition = define("f", common, params=x)
    inputs = {Input("param", 0): _MP.mpf("0.7")}
    found = evaluate(definition.ir, definition.output.entries, _MP, inputs)
    exact = (sp.diff(square, x) + square).subs(x, sp.Rational(7, 10)).evalf(30)
    assert abs(found[0] - exact) < 1e-25


@pytest.mark.parametrize(
    ("expr", "advice"),
    [
        (sp.Integral(x * t, t), "limits"),
        (sp.Integral(x * t, (t, 1)), "limits"),
        (sp.Derivative(x**y, (x, n)), "the order must be a number"),
        (sp.Sum(sp.sin(k**2) * x / k**3, (k, 1, sp.oo)), "cut it off"),
        (sp.Sum(sp.Function("g")(k), (k, 0, 3)), "formula"),
        (sp.Sum(k * t, (k, 0, 3)), "params="),
    ],
    ids=str,
)
def test_refusals(expr: Any, advice: str) -> None:
    with pytest.raises(LoweringError, match=advice) as caught:
        define("f", x + expr, params=(x, y, n))
    assert caught.value.subexpression is not None


def test_nesting_has_an_end() -> None:
    expr: Any = x
    for _ in range(60):
        expr = sp.Sum(expr * k, (k, 0, 1))
    with pytest.raises(LoweringError, match="too deeply"):
        define("f", expr, params=x)


def test_arrays_and_sizes_are_index_notation() -> None:
    w = sp.IndexedBase("w", shape=(3,))
    assert define("f", sp.Sum(w[i] * i, (i, 0, 2)), params=w).indexed
    size = sp.Symbol("n", integer=True)
    assert define("f", sp.Sum(x**i, (i, 0, size)), params=x, constants=size).indexed
    assert define("f", sp.Sum(x**i, (i, 0, size)), params=x).constants == (("n", None),)
    assert not define("f", sp.Sum(x**i, (i, 0, size)), params=(x, size)).indexed
    assert not define("f", sp.Sum(x**i, (i, 0, n)), params=x, constants=n).indexed


def test_closed_forms() -> None:
    assert closed_form(sp.Sum(x**k / sp.factorial(k), (k, 0, sp.oo))) == sp.exp(x)
    geometric = define("f", sp.Sum(x**k, (k, 0, sp.oo)), params=x)
    assert abs(value(geometric, "0.5") - 2) < 1e-25
    assert _MP.isnan(value(geometric, 2))
    with pytest.raises(LoweringError, match="infinitely many terms"):
        closed_form(sp.Sum(1 / k, (k, 1, sp.oo)))
