"""Sums, products, integrals and derivatives of the IR as SymPy's."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fractions import Fraction
from typing import Any

import sympy as sp

from symcompile.frontend.raised_ops import raise_number, raise_op
from symcompile.ir.body import LIMITS, Body
from symcompile.ir.graph import Input, Node, Special

_LETTERS = {"sum": "kjim", "product": "kjim", "integral": "tsuv", "derivative": "xyzw"}
#: A body that is longer, written out, is not.
_LONGEST = 200


def raise_body(op: str, body: Body, args: Sequence[Any], floats: Collection[Fraction] = ()) -> Any:
    """Return an operation with a body applied to SymPy expressions.

    >>> from symcompile.ir.bodies import closed
    >>> from symcompile.ir.graph import Graph
    >>> g = Graph()
    >>> square, _ = closed(g, g.add("pow", (g.input("bound", 0), g.input("captured", 0))))
    >>> raise_body("sum", square, [sp.Integer(1), sp.Symbol("n"), sp.Symbol("p")])
    Sum(k**p, (k, 1, n))
    """
    first = LIMITS[op]
    limits, captured = args[:first], args[first:]
    taken = {symbol.name for arg in args for symbol in getattr(arg, "free_symbols", ())}
    point = limits[0]
    plain = isinstance(point, sp.Symbol)
    if op == "derivative" and plain and not any(point in arg.free_symbols for arg in captured):
        return sp.Derivative(_raised(body, point, captured, floats), point)
    names = [name for name in _LETTERS[op] if name not in taken]
    variable = sp.Symbol(names[0]) if names else sp.Dummy(_LETTERS[op][0])
    inside = _raised(body, variable, captured, floats)
    if op == "derivative":
        return sp.Subs(sp.Derivative(inside, variable), variable, point)
    make = {"sum": sp.Sum, "product": sp.Product, "integral": sp.Integral}[op]
    return make(inside, (variable, *limits))


def _raised(
    body: Body, variable: Any, captured: Sequence[Any], floats: Collection[Fraction]
) -> Any:
    if _written_out(body) > _LONGEST:
        return sp.Function("f")(variable, *captured)
    found: list[Any] = []
    for node in body.nodes:
        found.append(_node(node, [found[arg] for arg in node.args], variable, captured, floats))
    return found[-1]


def _node(
    node: Node,
    args: Sequence[Any],
    variable: Any,
    captured: Sequence[Any],
    floats: Collection[Fraction],
) -> Any:
    data = node.data
    if isinstance(data, Input):
        return variable if data.role == "bound" else captured[data.slot]
    if isinstance(data, Fraction | Special):
        return raise_number(data, data in floats)
    if isinstance(data, Body):
        return raise_body(node.op, data, args, floats)
    return raise_op(node.op, args)


def _written_out(body: Body) -> int:
    counts: list[int] = []
    for node in body.nodes:
        counts.append(min(1 + sum(counts[arg] for arg in node.args), 1 << 20))
    return counts[-1]
