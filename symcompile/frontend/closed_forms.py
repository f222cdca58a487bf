"""Sums and products without end, which must have a closed form to be compiled.

SymPy looks for it; that it is right is checked numerically, as far as SymPy can evaluate both.
"""

from __future__ import annotations

from typing import Any

import sympy as sp

from symcompile.errors import LoweringError
from symcompile.frontend.brief import brief

#: Of longer terms SymPy is not asked: it might take for ever.
_LONGEST = 40
_DIGITS, _NEAR = 12, 1e-8


def closed_form(expr: Any) -> Any:
    """Return the closed form of an infinite ``Sum`` or ``Product``.

    Where it converges for some values of its symbols only, it is NaN for the others.

    Raises:
        LoweringError: none is found.

    Example:
        >>> k, x = sp.symbols("k x")
        >>> closed_form(sp.Sum(x**k/sp.factorial(k), (k, 0, sp.oo)))
        exp(x)
    """
    if _size(expr) <= _LONGEST:
        found = _evaluated(expr)
        if found is not None and _agrees(expr, found):
            return found
    raise LoweringError(
        f"cannot compile {brief(expr)} ({type(expr).__name__}): it has infinitely many terms and "
        "no closed form that could be found; cut it off where the rest is negligible",
        expr,
    )


def _size(expr: Any) -> int:
    """Return how many nodes an expression has written out, or more than enough."""
    count, stack = 0, [expr]
    while stack and count <= _LONGEST:
        stack += stack.pop().args
        count += 1
    return count + len(stack)


def _evaluated(expr: Any) -> Any | None:
    try:
        found = expr.doit()
    except Exception:  # whatever SymPy runs into, there is no closed form
        return None
    if isinstance(found, sp.Piecewise):
        found = sp.Piecewise(*[(sp.nan if _open(value) else value, c) for value, c in found.args])
    return None if _open(found) or found.is_finite is False else found


def _open(expr: Any) -> bool:
    """Return whether an expression is still one that must be evaluated."""
    return bool(expr.has(sp.Sum, sp.Product, sp.Integral, sp.Limit, sp.hyper, sp.meijerg))


def _agrees(expr: Any, found: Any) -> bool:
    """Return whether both are one number for some values of their symbols."""
    symbols = sorted(expr.free_symbols, key=lambda symbol: symbol.name)
    for first in (sp.Rational(1, 3), sp.Rational(7, 3)):
        values = {
            symbol: sp.Integer(3 + place) if symbol.is_integer else first + sp.Rational(place, 7)
            for place, symbol in enumerate(symbols)
        }
        try:
            left, right = (sp.Float(e.subs(values).evalf(_DIGITS)) for e in (expr, found))
        except (TypeError, ValueError, ArithmeticError):  # no number, for these values
            continue
        if left.is_finite and right.is_finite:
            return bool(abs(left - right) <= _NEAR * (1 + abs(right)))
    return False
