"""Local derivatives: those of the table, and the operations that choose between arguments.

At a kink the derivative is that of one side, the same on every backend: ``max(x, y)`` and
``min(x, y)`` follow ``x`` where the two are equal, ``abs`` and ``sign`` have derivative 0 at 0,
``floor`` and ``ceiling`` have derivative 0.
"""

from __future__ import annotations

from symcompile.ir.build import Builder, Value
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


def pull(b: Builder, node: int, position: int, g: int) -> int | None:
    """Return ``g`` times the derivative of a node in one argument; None where that is zero."""
    found = b.graph[node]
    rule = OPS[found.op].derivatives[position]
    if rule is None:
        return None
    values = [Value(b, arg) for arg in found.args]
    return rule(Value(b, g), Value(b, node), *values).node


def reduce_over(b: Builder, body: int, node: int) -> int:
    """Return ``body`` summed over the axis that the reduction ``node`` takes away."""
    position = b.graph[node].data
    assert isinstance(position, int)
    return b.reduce_over(b.graph[b.graph[node].args[0]].axes[position], body, position)
