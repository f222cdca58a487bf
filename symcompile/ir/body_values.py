"""What operations with a body mean, in mpmath: sums, products, integrals and derivatives.

Sums and products are done term by term, derivatives by differences, integrals by tanh-sinh
quadrature between the kinks of the integrand. Nothing here is shared with the generated code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from mpmath.ctx_mp import MPContext

from symcompile.ir.body import LIMITS, Body
from symcompile.ir.graph import Input, Node, Special
from symcompile.ir.interpreter import Number, apply_op, to_mpf

#: What jumps or has a kink where its arguments are equal, or its argument is zero.
_PAIRS = frozenset({"lt", "le", "eq", "ne", "min", "max"})
_SINGLE = frozenset({"abs", "sign"})

#: Called with a place in the body and the numbers there, as the interpreter's ``Perturb`` is.
Rounding = Callable[[int, Sequence[Number]], Sequence[Number]]


def body_value(
    mp: MPContext, op: str, body: Body, args: Sequence[Number], rounding: Rounding | None = None
) -> Number:
    """Return an operation with a body, of numbers.

    >>> from symcompile.ir.interpreter import context
    >>> from symcompile.ir.graph import Graph
    >>> from symcompile.ir.bodies import closed
    >>> g = Graph()
    >>> t = g.input("bound", 0)
    >>> square, _ = closed(g, g.add("mul", (t, t)))
    >>> mp = context(30)
    >>> values = [body_value(mp, op, square, [mp.mpf(1), mp.mpf(3)]) for op in ("sum", "product")]
    >>> [int(value) for value in values], float(body_value(mp, "derivative", square, [mp.mpf(5)]))
    ([14, 36], 10.0)
    """
    captured = args[LIMITS[op] :]

    def f(t: Number) -> Number:
        return function_value(mp, body, t, captured)

    if any(arg != arg for arg in args[: LIMITS[op]]):
        return mp.nan
    if op == "derivative":
        return mp.diff(f, args[0])
    if op == "integral":
        return _integral(mp, body, args[0], args[1], captured, rounding)
    return _stepped(mp, op, body, args[0], args[1], captured, rounding)


def function_value(mp: MPContext, body: Body, t: Number, captured: Sequence[Number]) -> Number:
    """Return a body at a point."""
    return _values(mp, body, t, captured)[-1]


def _values(mp: MPContext, body: Body, t: Number, captured: Sequence[Number]) -> list[Number]:
    values: list[Number] = []
    for node in body.nodes:
        values.append(_node_value(mp, node, t, captured, [values[arg] for arg in node.args]))
    return values


def _node_value(
    mp: MPContext, node: Node, t: Number, captured: Sequence[Number], args: Sequence[Number]
) -> Number:
    data = node.data
    if isinstance(data, Input):
        return t if data.role == "bound" else captured[data.slot]
    if isinstance(data, Fraction | Special):
        return to_mpf(mp, data)
    if isinstance(data, Body):
        return body_value(mp, node.op, data, args)
    return apply_op(mp, node.op, args)


def _stepped(
    mp: MPContext,
    op: str,
    body: Body,
    low: Number,
    high: Number,
    captured: Sequence[Number],
    rounding: Rounding | None,
) -> Number:
    count = high - low + 1
    if not mp.isint(count):
        return mp.nan
    backwards = count < 0
    first, steps = (high + 1, int(-count)) if backwards else (low, int(count))
    columns: list[Sequence[Number]] = []
    for place, node in enumerate(body.nodes):
        column: Sequence[Number] = [
            _node_value(mp, node, first + k, captured, [columns[arg][k] for arg in node.args])
            for k in range(steps)
        ]
        if rounding is not None and node.args and steps and not isinstance(column[0], bool):
            column = rounding(place, column)
        columns.append(column)
    terms = columns[-1]
    if op == "sum":
        total = mp.fsum(terms)
        return -total if backwards else total
    total = mp.mpf(1)
    for term in terms:
        total = total * term
    return apply_op(mp, "div", [mp.mpf(1), total]) if backwards else total


def _integral(
    mp: MPContext,
    body: Body,
    low: Number,
    high: Number,
    captured: Sequence[Number],
    rounding: Rounding | None,
) -> Number:
    if low == high:
        return mp.mpf(0)
    if low > high:
        return -_integral(mp, body, high, low, captured, rounding)
    kinks = [t for t in _kinks(mp, body, captured) if low < t < high]

    def f(t: Number) -> Number:
        value = function_value(mp, body, t, captured)
        # An end that is a pole counts for nothing.
        return value if mp.isfinite(value) or t != t else mp.zero

    ends = [low, *sorted(kinks), high]
    found = mp.quad(f, ends)
    if rounding is not None:  # what cancels has been rounded
        (factor,) = rounding(0, [mp.mpf(1)])
        found += (factor - 1) * mp.quad(lambda t: abs(f(t)), ends, maxdegree=4)
    return found


def _kinks(mp: MPContext, body: Body, captured: Sequence[Number]) -> list[Number]:
    """Return where comparisons that are affine in the variable change."""
    wanted = [node for node in body.nodes if node.op in _PAIRS | _SINGLE]
    if not wanted:
        return []
    points = [mp.mpf(k) / 3 for k in (1, 2, 4)]
    rows: list[list[Any]] = []
    for point in points:
        values = _values(mp, body, point, captured)
        rows.append([_difference(node, values) for node in wanted])
    found: set[Number] = set()
    near = mp.mpf(10) ** (5 - mp.dps)
    for one, two, three in zip(*rows, strict=True):
        slope = (two - one) / (points[1] - points[0])
        if slope and abs(three - one - slope * (points[2] - points[0])) <= near * abs(slope):
            found.add(points[0] - one / slope)
    return list(found)


def _difference(node: Node, values: Sequence[Number]) -> Number:
    args = [values[arg] for arg in node.args]
    if node.op in _PAIRS and not any(isinstance(arg, bool) for arg in args):
        return args[0] - args[1]
    return args[0] if node.op in _SINGLE else 0
