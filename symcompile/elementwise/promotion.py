"""When a formula that plain Python computes is worth machine code.

After as much work as compiling costs: whatever calls are to come, that is at most twice as dear as
the best that could have been done (the ski rental problem; Karlin, Manasse, Rudolph and Sleator,
Competitive snoopy caching, 1988). Work is counted in operations and not in seconds, so that the
same calls give the same bits.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from symcompile.frontend.called import Called
from symcompile.ir.cost import cost_of

#: What compiling costs, in additions of NumPy's in the cache: some of these take a nanosecond.
_PRICE = 200_000_000
#: What NumPy takes to begin an operation, in additions.
_BEGIN = 500


class Promotion:
    """Counts the work that calls with arrays do.

    Args:
        called: the formula.

    Example:
        >>> import sympy as sp
        >>> from symcompile.frontend.called import Formula
        >>> x = sp.Symbol("x")
        >>> work = Promotion(Formula(x, sp.sin(x), True).lower("float64", frozenset(), {}))
        >>> work.is_due([np.ones(1000)]), work.is_due([np.ones(10_000_000)])
        (False, True)
    """

    def __init__(self, called: Called) -> None:
        graph, output = called.definition.ir, called.definition.output
        cost = cost_of(graph, graph.ancestors(output.entries))
        begun = sum(part.evaluate({}) for part in cost)
        self._each = cost.weighed({})
        self._begin = begun * _BEGIN
        self._left = _PRICE

    def is_due(self, args: Iterable[Any]) -> bool:
        """Count a call, and return whether the work done has paid for machine code."""
        size = max((a.size for a in args if isinstance(a, np.ndarray) and a.ndim), default=0)
        if size:
            self._left -= self._begin + self._each * size
        return self._left < 0
