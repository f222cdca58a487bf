"""Local derivatives: those of the table, and the operations that choose between arguments.

At a kink the derivative is that of one side, the same on every backend: ``max(x, y)`` and
``min(x, y)`` follow ``x`` where the two are equal, ``abs`` and ``sign`` have derivative 0 at 0,
``floor`` and ``ceiling`` have derivative 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from symcompile.ir.algebra import exact
from symcompile.ir.build import Builder, Value
from symcompile.ir.graph import BODY_OPS
from symcompile.ir.ops import OPS

#: Operations whose contribution is the cotangent itself, up to sign.
LINEAR = frozenset({"add", "sub", "neg"})

CHOICES = frozenset({"select", "min", "max"})


def choice(b: Builder, node: int) -> tuple[int, int, int]:
    """Return ``(condition, argument if true, argument if false)`` of a choosing operation."""
    op, args = b.graph[node].op, b.graph[node].args
    if op == "select":
        return args[0], args[1], args[2]
    x, y = args
    return (b.call("le", y, x) if op == "max" else b.call("le", x, y)), x, y


def pull(
    b: Builder, node: int, position: int, g: int, result: int, args: Sequence[int]
) -> int | None:
    """Return ``g`` times the derivative of a node in one argument; None where that is zero.

    ``result`` and ``args`` are the node and its arguments, over the axes of ``g``.
    """
    op = b.graph.nodes[node].op
    if op in BODY_OPS:
        from symcompile.autodiff.bodies import pull_body

        return pull_body(b, node, position, g, args)
    rule = OPS[op].derivatives[position]
    if rule is None:
        return None
    values = [Value(b, arg) for arg in args]
    # Rules are linear in g, and without its number the quotient is one that others need as well.
    number, rest = (Fraction(1), g) if b.textbook else _number_apart(b, g)
    pulled = rule(Value(b, rest), Value(b, result), *values).node
    return b.call("mul", b.constant(number), pulled)


def _number_apart(b: Builder, g: int) -> tuple[Fraction, int]:
    """Return a number and a node whose product is ``g``: of a constant, a sign, ``3/x``.

    Of products the number stays: what is multiplied by them moves it outwards as it is.

    >>> b = Builder()
    >>> x = b.graph.input("param", 0)
    >>> number, rest = _number_apart(b, b.call("neg", b.call("div", b.constant(3), x)))
    >>> number == -3, rest == b.call("div", b.constant(1), x)
    (True, True)
    """
    found, value = b.graph[g], exact(b.graph, g)
    if value:
        return value, b.constant(1)
    if found.op == "neg":
        number, rest = _number_apart(b, found.args[0])
        return -number, rest
    value = exact(b.graph, found.args[0]) if found.op == "div" else None
    if value:
        return value, b.call("div", b.constant(1), found.args[1])
    return Fraction(1), g


def product_slope(b: Builder, node: int) -> int:
    """Return the derivative of a ``reduce_prod`` in each of its factors, over their axes.

    That is the product of the others: ``P/x`` where none of them is zero. Where one is, it is
    that one times the product of the rest, which is zero but has a slope; where more are, slope
    and value are zero. So first and second derivatives of a product are exact at zeros too.
    """
    graph = b.graph
    body, position = graph[node].args[0], graph[node].data
    assert isinstance(position, int)
    axes = graph[body].axes
    zero, one = b.constant(0), b.constant(1)
    is_zero = b.call("eq", body, zero)
    factor = b.call("select", is_zero, one, body)
    null = b.call("select", is_zero, body, zero)
    kept = [k for k in range(len(axes)) if k != position]

    def over(op: str, node: int) -> int:
        return b.broadcast(b.reduce(op, node, position, axes[position]), kept, axes)

    flag = b.call("select", is_zero, one, zero)
    rest = b.call("div", over("reduce_prod", factor), factor)
    others = b.call("sub", over("reduce_sum", flag), flag)
    single = b.call("mul", b.call("sub", over("reduce_sum", null), null), rest)
    beyond = b.call("select", b.call("eq", others, one), single, zero)
    return b.call("select", b.call("eq", others, zero), rest, beyond)
