"""Derivatives through the parts of complex numbers, which are linear over the reals only.

A change ``t`` of a complex number x changes ``f`` by

- ``re``: ``re(t)``; ``im``: ``im(t)``; ``conj``: ``conj(t)``;
- ``abs``: ``re(conj(x/|x|)*t)``; ``arg``: ``im(t/x)``; ``sign = x/|x|``: ``i*f*im(t/x)``.

Backwards, the cotangent of z = x + i*y is ``dL/dx - i*dL/dy`` for a real L, so that
``dL = re(cotangent*dz)``; where L is complex, its real and its imaginary part each have one. With
it a holomorphic function has the rule that it has forwards, and a real argument takes the real
part of what reaches it. At 0 the derivative of ``abs`` is 0, as of a real number.
"""

from __future__ import annotations

from symcompile.ir.build import Builder, Value, call
from symcompile.ir.graph import Kind
from symcompile.ir.parts import NOT_HOLOMORPHIC


def is_split(b: Builder, node: int) -> bool:
    """Return whether a node is a part of a complex number, with no rule in the table."""
    found = b.graph[node]
    return found.op in NOT_HOLOMORPHIC and b.graph[found.args[0]].kind is Kind.COMPLEX


def part_forward(b: Builder, op: str, tangent: int, result: int, argument: int) -> int:
    """Return the change of a part of a complex number under a change of it."""
    t, f, x = (Value(b, node) for node in (tangent, result, argument))
    if op in ("re", "im", "conj"):
        return call(op, t).node
    if op == "abs":
        return call("re", call("conj", call("sign", x)) * t).node
    turn = call("im", t / x)
    return turn.node if op == "arg" else (f * _imaginary(turn)).node


def part_reverse(b: Builder, op: str, cotangent: int, result: int, argument: int) -> int:
    """Return the cotangent of a complex number from that of a part of it."""
    g, f, x = (Value(b, node) for node in (cotangent, result, argument))
    if op == "re":
        return g.node
    if op == "im":
        return (-_imaginary(g)).node
    if op == "conj":
        return call("conj", g).node
    if op == "abs":
        return (g * call("conj", call("sign", x))).node
    turn = g if op == "arg" else -call("im", g * f)
    return (-_imaginary(turn) / x).node


def _imaginary(value: Value) -> Value:
    return Value(value.builder, value.builder.call("imaginary")) * value


def real_part(b: Builder, node: int) -> int:
    """Return the real part of a node, which may be real already."""
    return b.call("re", node) if b.graph[node].kind is Kind.COMPLEX else node
