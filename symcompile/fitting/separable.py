"""Parameters in which a model is linear while the others are held."""

from __future__ import annotations

from typing import Final

import numpy as np
import sympy as sp

from symcompile.arguments import Array

#: SymPy differentiates trees: beyond so many distinct parts that may take for ever.
_MOST: Final = 2000


def linear_parameters(model: sp.Expr, params: tuple[sp.Symbol, ...], free: Array) -> Array:
    """Return which free parameters a model is linear in together, shape ``(P,)``, bool.

    The first in the order of the parameters where there is a choice, as in ``a*b*x``. Formulas
    that are too large to be looked through count as linear in none.

    Example:
        >>> a, b, c, x = sp.symbols("a b c x")
        >>> linear_parameters(a*sp.exp(-b*x) + c, (a, b, c), np.ones(3, bool)).tolist()
        [True, False, True]
    """
    found = np.zeros(len(params), bool)
    if not _is_small(model):
        return found
    chosen: list[sp.Symbol] = []
    for k, symbol in enumerate(params):
        if not free[k] or symbol not in model.free_symbols:
            continue
        slope = model.diff(symbol)
        if not slope.free_symbols & {symbol, *chosen}:
            found[k] = True
            chosen.append(symbol)
    return found


def _is_small(model: sp.Expr) -> bool:
    seen: set[sp.Basic] = set()
    pending: list[sp.Basic] = [model]
    while pending and len(seen) <= _MOST:
        one = pending.pop()
        if one not in seen:
            seen.add(one)
            pending += one.args
    return not pending
