"""Formulas that leave the real numbers: where they do, and what real functions become there."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from symcompile.ir.graph import Graph, Kind, Special

#: Functions with real arguments that may answer with complex numbers, in a formula that holds I.
LEAVING = frozenset(
    {"sqrt", "log", "pow", "asin", "acos", "acosh", "atanh", "log1p", "log2", "log10", "loggamma"}
)
#: Those whose cut runs along the real axis beyond 1, which SymPy reads from below.
READ_BELOW = frozenset({"asin", "acos", "atanh"})

_DEPTH = 8
_POSITIVE = frozenset({"exp", "abs", "cosh", "hypot", "extent"})


def leaves_reals(exprs: Iterable[Any]) -> bool:
    """Return whether formulas of real symbols may have complex values.

    They do where they hold the imaginary unit, or a root of a negative number. Each distinct
    subexpression is looked at once.

    >>> import sympy as sp
    >>> x = sp.Symbol("x")
    >>> leaves_reals([sp.sqrt(x)]), leaves_reals([sp.exp(sp.I*x)]), leaves_reals([(-2)**sp.S(x)])
    (False, True, False)
    """
    stack = list(exprs)
    seen: dict[int, Any] = {}
    while stack:
        expr = stack.pop()
        if isinstance(expr, complex):
            return True
        if id(expr) in seen:
            continue
        seen[id(expr)] = expr
        name = type(expr).__name__
        if name == "ImaginaryUnit" or (name == "Pow" and _is_complex_root(*expr.args)):
            return True
        stack.extend(getattr(expr, "args", ()))
    return False


def _is_complex_root(base: Any, exponent: Any) -> bool:
    negative = base.is_Number and base.is_negative
    return bool(negative and exponent.is_Rational and not exponent.is_Integer)


def is_nonnegative(graph: Graph, node: int, depth: int = _DEPTH) -> bool:
    """Return whether a real node is never negative, as far as can be seen."""
    found = graph[node]
    if found.op in _POSITIVE:
        return True
    if found.op == "const":
        value = found.data
        return value >= 0 if isinstance(value, Fraction) else value is Special.INF
    if depth == 0 or found.kind is not Kind.REAL:
        return False
    if found.op == "mul" and found.args[0] == found.args[1]:
        return True
    if found.op == "powi":
        power = graph[found.args[1]].data
        even = isinstance(power, Fraction) and power % 2 == 0
        return even or is_nonnegative(graph, found.args[0], depth - 1)
    if found.op in ("add", "mul", "div", "sqrt", "reduce_sum", "view"):
        args = found.args[:1] if found.op == "view" else found.args
        return all(is_nonnegative(graph, arg, depth - 1) for arg in args)
    return False
