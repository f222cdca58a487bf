"""The stable forms in operations that every backend has, and vector units too.

With ``t = exp(-|x|)``, which never overflows and which the two share:
``softplus(x) = max(x, 0) + log1p(t)`` and ``sigmoid(x) = (1 if x >= 0 else t)/(1 + t)``.
``bose(x) = 1/expm1(x)``, which is ``exp(-x)`` up to rounding for x > 40.
The hyperbolic secant is ``2*t/(1 + t^2)``, its square ``4*t^2/(1 + t^2)^2``; the cosine would
overflow.
"""

from __future__ import annotations

from symcompile.ir.build import Builder, Value, call
from symcompile.ir.graph import Function, Node
from symcompile.passes.rewrite import concerns, rewrite

#: The operations that exist in the IR only.
OPS = frozenset(
    {"detach", "sloped", "refined", "softplus", "sigmoid", "bose", "sech", "sech_squared"}
)


def expand(function: Function) -> Function:
    """Return ``function`` without the operations that exist in the IR only."""
    return rewrite(function, expanded) if concerns(function, OPS) else function


def expanded(b: Builder, node: Node, args: tuple[int, ...], place: int) -> int | None:
    """Return a stable form in operations that every backend has, or None of anything else."""
    if node.op not in OPS:
        return None
    if node.op in ("detach", "sloped"):
        return args[0]
    if node.op == "refined":
        return args[1]
    x = Value(b, args[0])
    if node.op == "sech_squared" and x.complex:
        # The same of x or -x, whichever has a real part that does not grow.
        decaying = call("select", call("le", call("re", x), 0), x, -x)
        square = call("exp", 2 * decaying)
        below = 1 + square
        return (4 * square / (below * below)).node
    if node.op == "sech_squared":
        square = call("exp", -2 * call("abs", x))
        below = 1 + square
        return (4 * square / (below * below)).node
    if node.op == "bose":
        large = call("lt", x.lift(40), x)
        return call("select", large, call("exp", -x), 1 / call("expm1", x)).node
    t = call("exp", -call("abs", x))
    if node.op == "sech":
        return (2 * t / (1 + t * t)).node
    if node.op == "softplus":
        return (call("max", x, 0) + call("log1p", t)).node
    top = call("select", call("le", x.lift(0), x), x.lift(1), t)
    return (top / (1 + t)).node
