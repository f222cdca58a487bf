"""Integrals cut where their integrand has a kink or a jump.

Where an integrand chooses by a condition that is affine in the variable, the integral is the sum
of two without the choice, up to the place where it changes and from there on. So quadrature sees
smooth functions, and the derivative in that place, which the rule of Leibniz finds in the limits,
has the jump of the integrand in it.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from symcompile.ir.algebra import exact
from symcompile.ir.graph import Graph, Kind, Special

if TYPE_CHECKING:
    from symcompile.ir.build import Builder

#: An integrand with more choices than this is left as it is: each may double the pieces.
_MOST = 4


class Cut(NamedTuple):
    """Where an integrand is cut.

    Attributes:
        node: the choice.
        slope: that of the difference of what is compared; it is zero at the place.
        rest: that difference where the variable is zero, a node of the body.
        below: what stands for the choice where the difference is negative, and above.
    """

    node: int
    slope: Fraction
    rest: int
    below: int
    above: int


def first_cut(inner: Builder, root: int, varies: set[int], variable: int) -> Cut | None:
    """Return a choice at which an integrand can be cut, or None."""
    graph = inner.graph
    choices = [
        index
        for index in graph.ancestors([root])
        if index in varies and graph[index].op in ("select", "abs", "sign", "min", "max")
    ]
    if len(choices) > _MOST:
        return None
    for index in choices:
        found = _cut(inner, index, varies, variable)
        if found is not None:
            return found
    return None


def _cut(inner: Builder, index: int, varies: set[int], variable: int) -> Cut | None:
    graph = inner.graph
    node = graph[index]
    zero = inner.constant(0)
    if any(graph[arg].kind is Kind.COMPLEX for arg in node.args):
        return None
    if node.op == "select":
        condition, yes, no = node.args
        compared = graph[condition]
        if compared.op not in ("lt", "le"):
            return None
        left, right = compared.args
        below, above = yes, no
    elif node.op in ("min", "max"):
        left, right = node.args
        below, above = (left, right) if node.op == "min" else (right, left)
    else:
        left, right = node.args[0], zero
        below = inner.call("neg", left) if node.op == "abs" else inner.constant(-1)
        above = left if node.op == "abs" else inner.constant(1)
    slopes = [_slope(graph, side, varies, variable) for side in (left, right)]
    if slopes[0] is None or slopes[1] is None or slopes[0] == slopes[1]:
        return None
    at_zero = [_substituted(inner, side, {variable: zero}) for side in (left, right)]
    return Cut(index, slopes[0] - slopes[1], inner.call("sub", *at_zero), below, above)


def _slope(graph: Graph, node: int, varies: set[int], variable: int) -> Fraction | None:
    """Return the slope of what is affine in the variable with a number for a slope, else None."""
    found: dict[int, Fraction | None] = {}
    for index in graph.ancestors([node]):
        if index not in varies:
            found[index] = Fraction(0)
        elif index == variable:
            found[index] = Fraction(1)
        else:
            found[index] = _slope_of(graph, index, found)
    return found[node]


def _slope_of(graph: Graph, index: int, found: dict[int, Fraction | None]) -> Fraction | None:
    node = graph[index]
    slopes = [found[arg] for arg in node.args]
    if None in slopes:
        return None
    known = [slope for slope in slopes if slope is not None]
    if node.op in ("add", "sub"):
        return known[0] + known[1] if node.op == "add" else known[0] - known[1]
    if node.op == "neg":
        return -known[0]
    if node.op == "mul":
        for factor, other in (node.args, node.args[::-1]):
            number = exact(graph, factor)
            if number is not None:
                slope = found[other]
                return None if slope is None else number * slope
    if node.op == "div" and known[1] == 0:
        number = exact(graph, node.args[1])
        return known[0] / number if number else None
    return None


def _substituted(inner: Builder, node: int, replaced: dict[int, int]) -> int:
    """Return a node of a body in which others stand in place of some."""
    graph = inner.graph
    mapping = dict(replaced)
    for index in graph.ancestors([node]):
        if index in mapping:
            continue
        changed = any(mapping[arg] != arg for arg in graph[index].args)
        mapping[index] = inner.copy_node(graph, index, mapping) if changed else index
    return mapping[node]


def parts(inner: Builder, root: int, cut: Cut) -> tuple[int, int]:
    """Return the integrand before and after the place of a cut."""
    before, after = (cut.below, cut.above) if cut.slope > 0 else (cut.above, cut.below)
    return (
        _substituted(inner, root, {cut.node: before}),
        _substituted(inner, root, {cut.node: after}),
    )


def ordered(b: Builder, low: int, high: int) -> tuple[int, int, int]:
    """Return the smaller and the larger limit, and the sign of the integral between them."""
    one = b.constant(1)
    order = _compared(b.graph, low, high)
    if order is not None:
        return (low, high, one) if order else (high, low, b.constant(-1))
    upward = b.call("le", low, high)
    least, most = b.call("min", low, high), b.call("max", low, high)
    return least, most, b.call("select", upward, one, b.constant(-1))


def _compared(graph: Graph, low: int, high: int) -> bool | None:
    """Return whether ``low <= high``, where that can be seen."""
    ends = [graph[limit].data for limit in (low, high)]
    if ends[0] is Special.NEG_INF or ends[1] is Special.INF:
        return True
    if ends[0] is Special.INF or ends[1] is Special.NEG_INF:
        return False
    numbers = [exact(graph, limit) for limit in (low, high)]
    if numbers[0] is None or numbers[1] is None:
        return None
    return numbers[0] <= numbers[1]


def clamped(b: Builder, place: int, low: int, high: int) -> int:
    """Return the point of a range that is nearest to a place."""
    if b.graph[low].data is not Special.NEG_INF:
        place = low if _compared(b.graph, place, low) else _larger(b, place, low)
    if b.graph[high].data is not Special.INF:
        place = high if _compared(b.graph, high, place) else _smaller(b, place, high)
    return place


def _larger(b: Builder, place: int, low: int) -> int:
    return place if _compared(b.graph, low, place) else b.call("max", place, low)


def _smaller(b: Builder, place: int, high: int) -> int:
    return place if _compared(b.graph, place, high) else b.call("min", place, high)
