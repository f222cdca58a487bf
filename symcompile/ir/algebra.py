"""Identities applied as nodes are made: constant folding, units, signs, one division less.

Each holds for every double, NaN and infinity included, up to the sign of a zero and the
rounding of constants that are combined exactly. What would change a NaN or an infinity into
a number (``x - x``, ``0*x``, ``x/x``) is left alone.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import isqrt
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
    nodes = b.graph.nodes
    op_x, args_x, cx, _, kind_x = nodes[x]
    op_y, args_y, cy, _, kind_y = nodes[y]
    if kind_x is Kind.COMPLEX or kind_y is Kind.COMPLEX:
        joined = sum_of_parts(b, x, y)
        if joined is not None:
            return joined
    if type(cx) is Fraction:
        if type(cy) is Fraction:
            return _fold(b, cx + cy)
        if not cx:
            return y
    elif type(cy) is Fraction and not cy:
        return x
    if op_x == "select" and op_y == "select":
        joined = _of_choices(b, "add", x, y)
        if joined is not None:
            return joined
    if op_y == "neg":
        return b.call("sub", x, args_y[0])
    if op_x == "neg":
        return b.call("sub", y, args_x[0])
    if op_y in _SIGNED:
        positive = _without_sign(b, y)
        if positive is not None:
            return b.call("sub", x, positive)
    if op_x in _SIGNED:
        positive = _without_sign(b, x)
        if positive is not None:
            return b.call("sub", y, positive)
    return None


def _of_choices(b: Builder, op: str, x: int, y: int) -> int | None:
    """Return the sum or difference of two choices by one condition, as one choice.

    Derivatives are full of choices between something and zero. There have to be zeros enough
    that no more is added than before.
    """
    g = b.graph
    if g[x].args[0] != g[y].args[0]:
        return None
    condition, *arms = g[x].args
    pairs = list(zip(arms, g[y].args[1:], strict=True))
    added = [pair for pair in pairs if all(exact(g, arm) != 0 for arm in pair)]
    if len(added) > 1 or any(g[p].op == g[q].op == "select" for p, q in added):
        return None
    return b.call("select", condition, *[b.call(op, *pair) for pair in pairs])


#: What may be, or start with, a constant.
_SIGNED = frozenset({"const", "mul", "div"})


def _without_sign(b: Builder, node: int) -> int | None:
    """Return ``-node`` where one of :data:`_SIGNED` is, or starts with, a negative constant."""
    nodes = b.graph.nodes
    found = nodes[node]
    value = nodes[found.args[0]].data if found.args else found.data
    negative = type(value) is Fraction and value.numerator < 0
    return b.call("neg", node) if negative else None


def _sub(b: Builder, args: tuple[int, ...]) -> int | None:
    x, y = args
    nodes = b.graph.nodes
    op_x, args_x, cx, _, kind_x = nodes[x]
    op_y, args_y, cy, _, kind_y = nodes[y]
    if kind_x is Kind.COMPLEX or kind_y is Kind.COMPLEX:
        joined = difference_of_parts(b, x, y)
        if joined is not None:
            return joined
    if type(cx) is Fraction:
        if type(cy) is Fraction:
            return _fold(b, cx - cy)
        if not cx:
            return b.call("neg", y)
    elif type(cy) is Fraction and not cy:
        return x
    if op_x == "select" and op_y == "select":
        joined = _of_choices(b, "sub", x, y)
        if joined is not None:
            return joined
    if op_y == "neg":
        return b.call("add", x, args_y[0])
    if op_x == "neg":
        return b.call("neg", b.call("add", args_x[0], y))
    positive = _without_sign(b, y) if op_y in _SIGNED else None
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
    nodes = b.graph.nodes
    op_x, args_x, cx, axes_x, kind_x = nodes[x]
    op_y, args_y, cy, axes_y, kind_y = nodes[y]
    if kind_x is Kind.COMPLEX or kind_y is Kind.COMPLEX:
        turned = product_of_parts(b, x, y)
        if turned is not None:
            return turned
    if type(cy) is Fraction:
        # Constants stand first.
        return _fold(b, cx * cy) if type(cx) is Fraction else b.call("mul", y, x)
    if op_x == "neg" or op_y == "neg":
        product = b.call(
            "mul", args_x[0] if op_x == "neg" else x, args_y[0] if op_y == "neg" else y
        )
        return product if op_x == op_y else b.call("neg", product)
    if type(cx) is not Fraction:
        # Constants move outwards, where they meet and fold.
        if op_x == "mul" and type(nodes[args_x[0]].data) is Fraction:
            return b.call("mul", args_x[0], b.call("mul", args_x[1], y))
        if op_y == "mul" and type(nodes[args_y[0]].data) is Fraction:
            return b.call("mul", args_y[0], b.call("mul", args_y[1], x))
        if axes_x or axes_y or op_x == "div" or op_y == "div":
            return _hoist(b, x, y)
        return None
    if cx == 1:
        return y
    if cx == -1:
        return b.call("neg", y)
    if op_y == "mul" or op_y == "div":
        factor = nodes[args_y[0]].data
        if type(factor) is Fraction and _small(folded := cx * factor):
            return b.call(op_y, b.constant(folded), args_y[1])
    if op_y == "div":
        divisor = nodes[args_y[1]].data
        if type(divisor) is Fraction and divisor and _small(folded := cx / divisor):
            return b.call("mul", b.constant(folded), args_y[0])
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
    nodes = b.graph.nodes
    op_x, args_x, cx, _, _ = nodes[x]
    op_y, args_y, cy, _, _ = nodes[y]
    divides = type(cy) is Fraction and bool(cy)
    if divides:
        assert isinstance(cy, Fraction)
        if cy == 1:
            return x
        if type(cx) is Fraction:
            return _fold(b, cx / cy)
        if cy == -1:
            return b.call("neg", x)
        if _is_power_of_two(cy):
            return b.call("mul", b.constant(1 / cy), x)
    elif x == y and op_x == "extent":  # never zero: there are no loops over no samples
        return b.constant(1)
    if op_x == "neg" or op_y == "neg":
        quotient = b.call(
            "div", args_x[0] if op_x == "neg" else x, args_y[0] if op_y == "neg" else y
        )
        return quotient if op_x == op_y else b.call("neg", quotient)
    if divides and op_x == "mul":
        factor = nodes[args_x[0]].data
        if type(factor) is Fraction:
            assert isinstance(cy, Fraction)
            if _small(folded := factor / cy):
                return b.call("mul", b.constant(folded), args_x[1])
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
    root = Fraction(isqrt(value.numerator), isqrt(value.denominator))
    return b.constant(root) if root * root == value else None


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
        found = b.graph.nodes[args[0]]
        if found.op != "neg":
            if op == "abs" and found.op == "complex":
                return b.call("hypot", *found.args)
            return None
        inner = found.args[0]
        if op == "cbrt" and found.kind is Kind.COMPLEX:
            return None
        if op in _EVEN:
            return b.call(op, inner)
        return b.call("neg", b.call(op, inner))

    return rule


#: Of each operation what makes a simpler node equal to it, or None where no identity applies.
RULES: dict[str, Rule] = {
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
