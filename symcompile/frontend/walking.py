"""Walks over SymPy's expressions as the graphs that they are: each distinct part once."""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.matrices.expressions.matexpr import MatrixElement

#: What says itself what is free in it.
_OWN = (sp.Symbol, sp.Indexed, sp.IndexedBase, sp.MatrixExpr, MatrixElement)


def free_symbols(*formulas: Any) -> set[sp.Symbol]:
    """Return the free symbols of formulas, in time linear in their distinct parts.

    SymPy's own attribute walks trees, which is exponential in shared subexpressions.

    Example:
        >>> a, b, k = sp.symbols("a b k")
        >>> sorted(map(str, free_symbols(a + sp.exp(b), sp.Sum(k*a, (k, 1, 3)))))
        ['a', 'b']
    """
    found: set[sp.Symbol] = set()
    seen: set[int] = set()
    pending = list(formulas)
    while pending:
        one = pending.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, _OWN) or getattr(one, "bound_symbols", None):
            found |= one.free_symbols
        else:
            pending += one.args
    return found
