"""Functions of one variable whose terms cancel at zero or at infinity: expansions in their place.

Where no identity of the table helps, as in ``(x - sin(x))/x^3`` or ``1/x - 1/tan(x)``, the value
near the place of cancellation is that of a polynomial: the formula divided by its leading power,
interpolated there (:mod:`symcompile.passes.stable.numerics`). A running error analysis of the
formula says whether it is needed, and from where on the formula itself is accurate. A limit
that exists, as that of ``sin(x)/x``, is the value at zero.

First and second derivatives have expansions of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from symcompile.autodiff.forward import forward
from symcompile.ir.build import Builder, Value, call
from symcompile.ir.graph import BODY_OPS, LEAVES, STRUCTURAL, Function, Graph, Kind
from symcompile.passes.stable.numerics import (
    Curve,
    Fit,
    Leading,
    NotOfOneVariableError,
    exact_fraction,
    fit,
    leading,
)
from symcompile.passes.stable.site import less, refined, where

#: Errors of so many units of rounding, growing towards the place, are cancellation.
_BAD = 256
#: So many are what an expansion may take over from.
_GOOD = 6
# Enough where squares of what underflows as doubles cancel.
_MANY_DIGITS = 450
# Of a definition no more formulas than this are looked into.
_MOST_TRIED = 64

_NEAR = tuple(Fraction(k, 64) for k in (4, 8, 16, 24, 32, 48, 64, 96, 128, 192))
_FAR = tuple(Fraction(1, 2**k) for k in range(12, 0, -1))

_BOUND = STRUCTURAL | BODY_OPS
_ALGEBRAIC = frozenset({"add", "sub", "mul", "div", "neg", "powi", "const"})
_POLYNOMIAL = _ALGEBRAIC - {"div", "powi"}
_OPAQUE = frozenset({"select", "min", "max", "abs", "sign", "floor", "ceil"})
#: All but these are functions of what their arguments are functions of, if they are numbers.
_UNUSUAL = LEAVES | _BOUND | _OPAQUE | {"eq", "ne", "and", "refined", "sloped"}
_HARMFUL = frozenset({"add", "sub", "div", "pow"})


@dataclass(frozen=True)
class Better:
    """What stands in the place of a formula, and what is to be said of it."""

    node: int
    rule: str


class Curves:
    """The formulas of one variable in a function, and expansions of them.

    Args:
        function: the function.
        order: the nodes that it needs, in order.
        orders: how many derivatives have expansions too.
    """

    def __init__(self, function: Function, order: Sequence[int], orders: int) -> None:
        self._tried = 0
        self._orders = orders
        self._candidates = _candidates(function, order)

    def __bool__(self) -> bool:
        return bool(self._candidates)

    def __contains__(self, node: int) -> bool:
        return node in self._candidates and self._tried < _MOST_TRIED

    def better(self, b: Builder, made: int) -> Better | None:
        """Return what is better than ``made``, which stands for a node of the function."""
        for variable in _variables(b.graph, made):
            self._tried += 1
            shape = _shape(b.graph, made, variable)
            if shape is not None and (shape, self._orders) in _KEPT:
                continue
            try:
                found = _expanded(b, Value(b, made), Value(b, variable), self._orders)
            except NotOfOneVariableError:
                found = None
            if found is not None:
                return found
            if shape is not None:
                if len(_KEPT) >= _MOST_KEPT:
                    _KEPT.clear()
                _KEPT.add((shape, self._orders))
        return None


#: Formulas that need no expansion, met again in each of the functions of a definition.
_KEPT: set[tuple[tuple[Any, ...], int]] = set()
_MOST_KEPT = 4096
_LONGEST_SHAPE = 200


def _shape(graph: Graph, root: int, variable: int) -> tuple[Any, ...] | None:
    """Return a formula of a variable without the numbers of its nodes; None of a long one."""
    needed, pending = {variable}, [root]
    while pending:
        index = pending.pop()
        if index not in needed:
            needed.add(index)
            pending += graph[index].args
            if len(needed) > _LONGEST_SHAPE:
                return None
    places = {index: k for k, index in enumerate(sorted(needed))}
    shape: list[Any] = [places[variable], places[root], graph[variable].kind]
    for index in places:
        node = graph[index]
        if index != variable:
            shape.append((node.op, node.kind, node.data, tuple(places[arg] for arg in node.args)))
    return tuple(shape)


def _candidates(function: Function, order: Iterable[int]) -> frozenset[int]:
    """Return the largest formulas of one variable in which something may cancel."""
    graph = function.graph
    nodes = graph.nodes
    variable: list[int | None] = [None] * len(graph)
    harmful = bytearray(len(graph))
    largest: set[int] = set(function.roots())
    for index in order:
        op, args, _, _, kind = nodes[index]
        if args and op not in _UNUSUAL and kind is not Kind.BOOL and kind is not Kind.COMPLEX:
            own: int | None = None
            for arg in args:
                other = variable[arg]
                if other is not None and other != own:
                    own = other if own is None else index
        else:
            own = _variable(graph, index, variable)
        variable[index] = own
        for arg in args:
            if harmful[arg] and variable[arg] != own:
                largest.add(arg)
        if own is not None and own != index:
            harmful[index] = op in _HARMFUL or any(harmful[arg] for arg in args)
    return frozenset(
        k
        for k in largest
        if harmful[k]
        and nodes[k].kind not in (Kind.BOOL, Kind.COMPLEX)
        and _worth_it(graph, k, variable[k])
    )


def _variable(graph: Graph, index: int, known: Sequence[int | None]) -> int | None:
    """Return what a node is a function of: one node, itself perhaps; None of a constant."""
    node = graph[index]
    if node.op in ("const", "true", "false") or (not node.args and node.op not in LEAVES):
        return None if node.op not in _BOUND else index
    # A choice at one point, where the rest is not defined, is none; others are kept out.
    point = _at_a_point(graph, index) or (node.op == "select" and _at_a_point(graph, node.args[0]))
    opaque = node.op in LEAVES or node.op in _BOUND or node.op in _OPAQUE
    if not point and (opaque or node.kind in (Kind.BOOL, Kind.COMPLEX)):
        return index
    if node.op in ("refined", "sloped"):
        return known[node.args[0]]
    args = {known[arg] for arg in node.args} - {None}
    if len(args) == 1:
        return args.pop()
    return index if args else None


def _at_a_point(graph: Graph, condition: int) -> bool:
    """Return whether a node says that numbers are equal, or are not."""
    node = graph[condition]
    return node.op in ("eq", "ne") or (
        node.op == "and" and all(graph[arg].op == "eq" for arg in node.args)
    )


def _worth_it(graph: Graph, root: int, variable: int | None) -> bool:
    """Return whether a formula has more than polynomials in it, and is short."""
    seen: set[int] = set()
    pending, kinds = [root], set[str]()
    while pending:
        index = pending.pop()
        if index in seen or index == variable:
            continue
        seen.add(index)
        if len(seen) > 40:
            return False
        kinds.add(graph[index].op)
        pending += graph[index].args
    sums = bool(kinds & {"add", "sub"})
    return (sums and bool(kinds - _POLYNOMIAL)) or ("div" in kinds and bool(kinds - _ALGEBRAIC))


def _variables(graph: Graph, root: int) -> list[int]:
    """Return the nodes that a formula may be a function of: leaves, and arguments of functions."""
    leaves: list[int] = []
    inner: list[int] = []
    seen: set[int] = set()
    pending = [root]
    while pending and len(seen) < 200:
        index = pending.pop()
        if index in seen:
            continue
        seen.add(index)
        node = graph[index]
        if node.op in ("refined", "sloped", "detach"):
            pending += node.args[:1]
            continue
        if node.op == "input" or node.op in _BOUND:
            leaves.append(index)
            continue
        if (
            node.op not in _ALGEBRAIC
            and len(node.args) == 1
            and graph[node.args[0]].op
            not in (
                *LEAVES,
                *_BOUND,
            )
        ):
            argument = graph[node.args[0]]
            scaled = argument.op == "neg" or (
                argument.op == "mul" and graph[argument.args[0]].op == "const"
            )
            inner.append(argument.args[-1] if scaled else node.args[0])
        pending += node.args
    first = leaves if len(leaves) == 1 else []
    return list(dict.fromkeys([*first, *inner]))[:3]


def _expanded(b: Builder, plain: Value, variable: Value, orders: int) -> Better | None:
    """Return a formula with its expansions, or None where it needs none."""
    rule, value = _refined(b, plain, variable, True)
    if rule is None:
        return None
    slopes: list[Value] = []
    current = plain
    if not orders:
        return Better(value.node, rule)
    for _ in range(orders):
        (tangent,) = forward(b, [current.node], {variable.node: b.constant(1)})
        if tangent is None:
            return None
        current = Value(b, tangent)
        try:
            slopes.append(_refined(b, current, variable, False)[1])
        except NotOfOneVariableError:
            slopes.append(current)
    result: Value = slopes.pop()
    for inner in (*reversed(slopes), value):
        fixed = call("detach", inner)
        result = Value(b, b.call("sloped", fixed.node, variable.node, result.node))
    return Better(result.node, rule)


def _refined(b: Builder, plain: Value, variable: Value, needed: bool) -> tuple[str | None, Value]:
    """Return what was done, and a formula of ``variable`` as it is to be computed."""
    curve = Curve(b.graph, plain.node, variable.node)
    names: list[str] = []
    better = plain
    near = _near_zero(curve, plain, variable, needed)
    if near is not None:
        names.append(near[0])
        better = near[1](better)
    far = _far(curve, variable)
    if far is not None:
        names.append("expansion at infinity")
        better = far(better)
    if not names:
        return None, plain
    return " and ".join(names), refined(plain, better)


Wrap = Callable[[Value], Value]


def _near_zero(
    curve: Curve, plain: Value, variable: Value, needed: bool
) -> tuple[str, Wrap] | None:
    mp = curve.mp
    points = [side * mp.mpf(2) ** -k for k in (12, 30) for side in (1, -1)]
    defined = [x for x in points if curve(x) is not None]
    if not defined:
        return None
    at_zero = curve(mp.mpf(0))
    smallest = [x for x in defined if abs(x) < mp.mpf(2) ** -20]
    bad = any(curve.amplification(x) > _BAD for x in smallest)
    if not bad and at_zero is None and curve.indefinite():  # where squares underflow
        with mp.workdps(_MANY_DIGITS):
            tiny = [side * mp.mpf(2) ** -600 for side in (1, -1)]
            bad = any(curve(x) is not None and curve.amplification(x) > _BAD for x in tiny)
    if bad and not curve.quick:
        return None
    if not bad and (at_zero is not None or not curve.indefinite()):
        return None
    form = leading(curve, mp, (1, -1))
    if form is None or (form.power < 0 and not bad):
        return None
    if bad:
        side = 0 if len(form.sides) == 2 else form.sides[0]
        found = _radius(curve, curve.amplification, form, _NEAR, side)
        if found is None:
            return None
        radius, polynomial = found
        value = _times_power(_horner(polynomial, variable), variable, form.power)
        if len(form.sides) == 2:
            inside = less(call("abs", variable), radius)
        else:
            inside = _between(variable, form.sides[0], 0, radius)
        return "expansion at zero", lambda rest: where(inside, value, rest)
    if form.power < 0 or (form.power == 0 and len(form.sides) < 2 and not needed):
        return None
    limit = exact_fraction(form.limit) if form.power == 0 else Fraction(0)
    zero = Value(plain.builder, plain.builder.call("eq", variable.node, variable.lift(0).node))
    return "limit at zero", lambda rest: where(zero, limit, rest)


def _far(curve: Curve, variable: Value) -> Wrap | None:
    if not curve.quick:
        return None
    mp = curve.mp
    bad = [
        side
        for side in (1, -1)
        if curve(side * mp.mpf(2) ** 30) is not None
        and curve.amplification(side * mp.mpf(2) ** 30) > _BAD
    ]
    if not bad:
        return None

    def inverse(w: Any) -> Any:
        return curve(1 / w) if w else None

    def amplification(w: Any) -> float:
        return curve.amplification(1 / w)

    wraps: list[Wrap] = []
    w = 1 / variable
    both = leading(inverse, mp, (1, -1)) if len(bad) == 2 else None
    for side in bad:
        form = both if both is not None and both.parity else leading(inverse, mp, (side,))
        if form is None:
            continue
        found = _radius(inverse, amplification, form, _FAR, side)
        if found is None:
            continue
        radius, polynomial = found
        value = _times_power(_horner(polynomial, w), variable, -form.power)
        if form.parity:
            beyond = less(variable.lift(1 / radius), call("abs", variable))
            return lambda rest, value=value, beyond=beyond: where(beyond, value, rest)  # type: ignore[misc]
        if side < 0 and form.power.denominator != 1:
            continue
        beyond = _beyond(variable, side, 1 / radius)
        wraps.append(lambda rest, value=value, beyond=beyond: where(beyond, value, rest))  # type: ignore[misc]
    if not wraps:
        return None

    def wrap(rest: Value) -> Value:
        for each in wraps:
            rest = each(rest)
        return rest

    return wrap


def _radius(
    curve: Callable[[Any], Any],
    amplification: Callable[[Any], float],
    form: Leading,
    radii: Sequence[Fraction],
    side: int,
) -> tuple[Fraction, Fit] | None:
    """Return up to where to expand, and the polynomial.

    That is the smallest radius at which the formula itself is accurate, or else the largest one
    that a short polynomial reaches.
    """
    from symcompile.ir.interpreter import context

    mp = context(80)
    sides = form.sides if side == 0 or form.parity else (side,)

    def error(radius: Fraction) -> float:
        w = mp.mpf(radius.numerator) / radius.denominator
        return max(amplification(s * w) for s in sides)

    errors = [error(radius) for radius in radii]
    enough = next((k for k, e in enumerate(errors) if e <= _GOOD), len(radii) - 1)
    for radius in reversed(radii[: enough + 1]):
        found = fit(curve, mp, form, side, radius)
        if found is not None:
            return radius, found
    return None


def _horner(polynomial: Fit, w: Value) -> Value:
    v = w * w if polynomial.even else w
    *rest, last = polynomial.coefficients
    result = w.lift(last)
    for c in reversed(rest):
        result = result * v + c
    return result


def _times_power(value: Value, u: Value, power: Fraction) -> Value:
    if power == 0:
        return value
    op = "powi" if power.denominator == 1 else "pow"
    factor = call(op, u, abs(power))
    return value * factor if power > 0 else value / factor


def _between(u: Value, side: int, low: int, radius: Fraction) -> Value:
    b = u.builder
    if side > 0:
        return Value(b, b.call("and", b.call("le", u.lift(low).node, u.node), less(u, radius).node))
    return Value(
        b, b.call("and", b.call("le", u.node, u.lift(low).node), less(u.lift(-radius), u).node)
    )


def _beyond(u: Value, side: int, distance: Fraction) -> Value:
    return less(u.lift(distance), u) if side > 0 else less(u, -distance)
