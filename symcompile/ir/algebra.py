"""Identities applied as nodes are made: constant folding, units, signs, one division less.

Each holds for every double, NaN and infinity included, up to the sign of a zero and the
rounding of constants that are combined exactly. What would change a NaN or an infinity into
a number (``x - x``, ``0*x``, ``x/x``) is left alone.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING

from symcompile.ir.graph import Graph, Kind
from symcompile.ir.parts import PARTS, difference_of_parts, product_of_parts, sum_of_parts
from symcompile.ir.views import support

if TYPE_CHECKING:
    from symcompile.ir.build import Builder

Rule = Callable[["Builder", tuple[int, ...]], "int | None"]

# Exact constants stop growing here: beyond it they would cost more than the rounding they save.
_MAX_BITS = 2048

_EVEN = frozenset({"cos", "cosh", "abs", "sech", "sech_squared"})
_ODD = frozenset(
    {"sin", "tan", "asin", "acot", "atan", "sinh", "tanh", "asinh", "atanh", "erf", "cbrt"}
)


def exact(graph: Graph, node: int) -> Fraction | None:
    """Return the number that a constant node holds, or None."""
    data = graph.nodes[node].data
    # isinstance would ask the abstract base classes of numbers, of most nodes in vain.
    return data if type(data) is Fraction else None


def _small(value: Fraction) -> bool:
    return value.numerator.bit_length() + value.denominator.bit_length() <= _MAX_BITS


def _is_power_of_two(value: Fraction) -> bool:
    top, bottom = abs(value.numerator), value.denominator
    exponent = max(top.bit_length(), bottom.bit_length())
    return top > 0 and top & (top - 1) == 0 and bottom & (bottom - 1) == 0 and exponent < 1000


def _negated(graph: Graph, node: int) -> int | None:
    found = graph[node]
    return found.args[0] if found.op == "neg" else None


def _fold(b: Builder, value: Fraction) -> int | None:
    return b.constant(value) if _small(value) else None


def _add(b: Builder, args: tuple[int, ...]) -> int | None:
    x, y = args
    g = b.graph
    cx, cy = exact(g, x), exact(g, y)
    if Kind.COMPLEX in (g[x].kind, g[y].kind):
        joined = sum_of_parts(b, x, y)
        if joined is not None:
            return joined
    if cx is not None and cy is not None:
        return _fold(b, cx + cy)
    if cx == 0:
        return y
    if cy == 0:
        return x
    joined = _of_choices(b, "add", x, y)
    if joined is not None:
        return joined
    inner = _negated(g, y)
    if inner is not None:
        return b.call("sub", x, inner)
    inner = _negated(g, x)
    if inner is not None:
        return b.call("sub", y, inner)
    for first, second in ((x, y), (y, x)):
        positive = _without_sign(b, second)
        if positive is not None:
            return b.call("sub", first, positive)
    return None


def _of_choices(b: Builder, op: str, x: int, y: int) -> int | None:
    """Return the sum or difference of two choices by one condition, as one choice.

    Derivatives are full of choices between something and zero. There have to be zeros enough
    that no more is added than before.
    """
    g = b.graph
    if g[x].op != "select" or g[y].op != "select" or g[x].args[0] != g[y].args[0]:
        return None
    condition, *arms = g[x].args
    pairs = list(zip(arms, g[y].args[1:], strict=True))
    added = [pair for pair in pairs if all(exact(g, arm) != 0 for arm in pair)]
    if len(added) > 1 or any(g[p].op == g[q].op == "select" for p, q in added):
        return None
    return b.call("select", condition, *[b.call(op, *pair) for pair in pairs])


def _without_sign(b: Builder, node: int) -> int | None:
    """Return ``-node`` where ``node`` is, or starts with, a negative constant."""
    g = b.graph
    found = g[node]
    value = exact(g, found.args[0] if found.op in ("mul", "div") else node)
    return b.call("neg", node) if value is not None and value < 0 else None


def _sub(b: Builder, args: tuple[int, ...]) -> int | None:
    x, y = args
    g = b.graph
    cx, cy = exact(g, x), exact(g, y)
    if Kind.COMPLEX in (g[x].kind, g[y].kind):
        joined = difference_of_parts(b, x, y)
        if joined is not None:
            return joined
    if cx is not None and cy is not None:
        return _fold(b, cx - cy)
    if cx == 0:
        return b.call("neg", y)
    if cy == 0:
        return x
    joined = _of_choices(b, "sub", x, y)
    if joined is not None:
        return joined
    inner = _negated(g, y)
    if inner is not None:
        return b.call("add", x, inner)
    inner = _negated(g, x)
    if inner is not None:
        return b.call("neg", b.call("add", inner, y))
    positive = _without_sign(b, y)
    return None if positive is None else b.call("add", x, positive)


def _neg(b: Builder, args: tuple[int, ...]) -> int | None:
    g = b.graph
    value = exact(g, args[0])
    if value is not None:
        return b.constant(-value)
    node = g[args[0]]
    if node.op == "neg":
        return node.args[0]
    if node.op == "complex":
        return b.call("complex", *[b.call("neg", part) for part in node.args])
    if node.op == "sub":
        return b.call("sub", node.args[1], node.args[0])
    if node.op in ("mul", "div"):
        factor = exact(g, node.args[0])
        if factor is not None:
            return b.call(node.op, b.constant(-factor), node.args[1])
    return None


def _mul(b: Builder, args: tuple[int, ...]) -> int | None:
    x, y = args
    g = b.graph
    cx, cy = exact(g, x), exact(g, y)
    if Kind.COMPLEX in (g[x].kind, g[y].kind):
        turned = product_of_parts(b, x, y)
        if turned is not None:
            return turned
    if cx is not None and cy is not None:
        return _fold(b, cx * cy)
    if cy is not None:  # constants stand first
        return b.call("mul", y, x)
    nx, ny = _negated(g, x), _negated(g, y)
    if nx is not None or ny is not None:
        product = b.call("mul", x if nx is None else nx, y if ny is None else ny)
        return product if nx is not None and ny is not None else b.call("neg", product)
    if cx is None:
        # Constants move outwards, where they meet and fold.
        for first, second in ((x, y), (y, x)):
            inner = g[first]
            if inner.op == "mul" and exact(g, inner.args[0]) is not None:
                return b.call("mul", inner.args[0], b.call("mul", inner.args[1], second))
        return _hoist(b, x, y)
    if cx == 1:
        return y
    if cx == -1:
        return b.call("neg", y)
    inner = g[y]
    if inner.op in ("mul", "div"):
        factor = exact(g, inner.args[0])
        if factor is not None and _small(cx * factor):
            return b.call(inner.op, b.constant(cx * factor), inner.args[1])
    if inner.op == "div":
        divisor = exact(g, inner.args[1])
        if divisor and _small(cx / divisor):
            return b.call("mul", b.constant(cx / divisor), inner.args[0])
    return None


def _hoist(b: Builder, x: int, y: int) -> int | None:
    """Move a factor that varies along fewer axes outwards, where it meets its like.

    A factor without axes leaves the loops so; two that vary along the same axis are multiplied
    once for each of its points, not once for each point of the whole.
    """
    g = b.graph
    for first, second in ((x, y), (y, x)):
        inner = g[first]
        outside = not g[second].axes and not inner.axes
        if outside and inner.op == "div" and exact(g, inner.args[0]) == 1:
            # One rounding less. The reciprocal of anything but a size may be needed as it is.
            if g[inner.args[1]].kind is Kind.INTEGER:
                return b.call("div", second, inner.args[1])
            continue
        if inner.op != "mul" or not inner.axes:
            continue
        whole = len(inner.axes)
        outer = support(g, second)
        for factor, rest in (inner.args, inner.args[::-1]):
            own = support(g, factor)
            if len(own) == whole:
                continue
            if len(outer) == whole:
                return b.call("mul", factor, b.call("mul", rest, second))
            if len(own | outer) < whole and len(support(g, rest)) > max(len(own), len(outer)):
                return b.call("mul", b.call("mul", second, factor), rest)
    return None


def _div(b: Builder, args: tuple[int, ...]) -> int | None:
    x, y = args
    g = b.graph
    cx, cy = exact(g, x), exact(g, y)
    if cy == 1:
        return x
    if x == y and g[x].op == "extent":  # never zero: there are no loops over no samples
        return b.constant(1)
    if cy and cx is not None:
        return _fold(b, cx / cy)
    if cy == -1:
        return b.call("neg", x)
    if cy and _is_power_of_two(cy):
        return b.call("mul", b.constant(1 / cy), x)
    nx, ny = _negated(g, x), _negated(g, y)
    if nx is not None or ny is not None:
        quotient = b.call("div", x if nx is None else nx, y if ny is None else ny)
        return quotient if nx is not None and ny is not None else b.call("neg", quotient)
    if cy:
        inner = g[x]
        factor = exact(g, inner.args[0]) if inner.op == "mul" else None
        if factor is not None and _small(factor / cy):
            return b.call("mul", b.constant(factor / cy), inner.args[1])
    return None


def _powi(b: Builder, args: tuple[int, ...]) -> int | None:
    g = b.graph
    base, power = exact(g, args[0]), exact(g, args[1])
    if power is None or power.denominator != 1:
        return None
    k = power.numerator
    if k == 0:
        return b.constant(1)
    if k == 1:
        return args[0]
    if k == -1:
        return b.call("div", b.constant(1), args[0])
    if base is not None and (base != 0 or k > 0):
        bits = base.numerator.bit_length() + base.denominator.bit_length()
        if bits * abs(k) <= _MAX_BITS:
            return b.constant(base**k)
    inner = _negated(g, args[0])
    if inner is not None:
        even = b.call("powi", inner, args[1])
        return even if k % 2 == 0 else b.call("neg", even)
    return None


def _sqrt(b: Builder, args: tuple[int, ...]) -> int | None:
    value = exact(b.graph, args[0])
    if value is None or value < 0:
        return None
    root = Fraction(_isqrt(value.numerator), _isqrt(value.denominator))
    return b.constant(root) if root * root == value else None


def _isqrt(value: int) -> int:
    import math

    return math.isqrt(value)


def _select(b: Builder, args: tuple[int, ...]) -> int | None:
    condition, yes, no = args
    node = b.graph[condition]
    if node.op == "true" or yes == no:
        return yes
    if node.op == "false":
        return no
    if node.op == "not":
        return b.call("select", node.args[0], no, yes)
    for position, branch in ((1, yes), (2, no)):
        inner = b.graph[branch]
        if inner.op == "select" and inner.args[0] == condition:
            kept = list(args)
            kept[position] = inner.args[position]
            return b.call("select", *kept)
    return None


def _not(b: Builder, args: tuple[int, ...]) -> int | None:
    node = b.graph[args[0]]
    if node.op == "not":
        return node.args[0]
    if node.op in ("true", "false"):
        return b.call("false" if node.op == "true" else "true")
    return None


def _and_or(unit: str, zero: str) -> Rule:
    def rule(b: Builder, args: tuple[int, ...]) -> int | None:
        x, y = args
        ops = b.graph[x].op, b.graph[y].op
        if x == y or ops[1] == unit:
            return x
        if ops[0] == unit:
            return y
        opposite = b.graph[x].args == (y,) and ops[0] == "not"
        opposite = opposite or (b.graph[y].args == (x,) and ops[1] == "not")
        if zero in ops or opposite:
            return b.call(zero)
        return None

    return rule


def _same(b: Builder, args: tuple[int, ...]) -> int | None:
    return args[0] if args[0] == args[1] else None


def _compare(outcome: Callable[[Fraction, Fraction], bool]) -> Rule:
    def rule(b: Builder, args: tuple[int, ...]) -> int | None:
        x, y = exact(b.graph, args[0]), exact(b.graph, args[1])
        if x is None or y is None:
            return None
        return b.call("true" if outcome(x, y) else "false")

    return rule


def _unary(op: str) -> Rule:
    def rule(b: Builder, args: tuple[int, ...]) -> int | None:
        if op == "abs" and b.graph[args[0]].op == "complex":
            return b.call("hypot", *b.graph[args[0]].args)
        inner = _negated(b.graph, args[0])
        if inner is None or (op == "cbrt" and b.graph[inner].kind is Kind.COMPLEX):
            return None
        if op in _EVEN:
            return b.call(op, inner)
        return b.call("neg", b.call(op, inner))

    return rule


_RULES: dict[str, Rule] = {
    **PARTS,
    "add": _add,
    "sub": _sub,
    "neg": _neg,
    "mul": _mul,
    "div": _div,
    "powi": _powi,
    "sqrt": _sqrt,
    "select": _select,
    "not": _not,
    "and": _and_or("true", "false"),
    "or": _and_or("false", "true"),
    "min": _same,
    "max": _same,
    "lt": _compare(lambda x, y: x < y),
    "le": _compare(lambda x, y: x <= y),
    "eq": _compare(lambda x, y: x == y),
    "ne": _compare(lambda x, y: x != y),
    **{op: _unary(op) for op in _EVEN | _ODD},
}


def simplify(builder: Builder, op: str, args: tuple[int, ...]) -> int | None:
    """Return a simpler node equal to ``op(*args)``, or None where no identity applies."""
    rule = _RULES.get(op)
    return None if rule is None else rule(builder, args)
