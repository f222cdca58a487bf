"""Systems of equations of known size, written out: elimination with partial pivoting.

Rows are exchanged by selection, so the code has no branches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from symcompile.errors import LoweringError
from symcompile.frontend.calls import NeedsArraysError

if TYPE_CHECKING:
    from symcompile.frontend.entries import EntryLowering

#: A system of equations larger than this needs a solver.
_MOST_EQUATIONS = 16


def solve(
    lowering: EntryLowering, a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    """Return the solution of ``a*x = b``: elimination with partial pivoting.

    Rows are exchanged by selection, so the code has no branches. The growth of rounding
    errors is that of LAPACK's ``gesv`` (Golub and Van Loan, Matrix Computations, 3.4).
    """
    n = a.shape[0]
    if a.ndim != 2 or a.shape[1] != n:
        raise LoweringError(f"an array of shape {a.shape} has no inverse")
    if n > _MOST_EQUATIONS:
        raise NeedsArraysError(f"a system of {n} equations")
    rows = np.concatenate([a, b.reshape(n, -1)], axis=1)
    for k in range(n):
        for r in range(k + 1, n):
            _exchange(lowering, rows, k, r)
        for r in range(k + 1, n):
            factor = lowering.apply("div", rows[r, k], rows[k, k])
            change = lowering.numbers("mul", factor, rows[k, k + 1 :])
            rows[r, k + 1 :] = lowering.numbers("sub", rows[r, k + 1 :], change)
    found = np.empty((n, rows.shape[1] - n), dtype=object)
    for k in reversed(range(n)):
        known = lowering.numbers("mul", rows[k, k + 1 : n, None], found[k + 1 :])
        rest = rows[k, n:]
        for row in known:
            rest = lowering.numbers("sub", rest, row)
        found[k] = lowering.numbers("div", rest, rows[k, k])
    return found.reshape(b.shape)


def determinant(lowering: EntryLowering, a: np.ndarray[Any, Any]) -> int:
    """Return the determinant: by elimination, of up to three rows written out."""
    n = a.shape[0]
    if a.ndim != 2 or a.shape[1] != n:
        raise LoweringError(f"an array of shape {a.shape} has no determinant")
    if n == 0:
        return lowering.graph.constant(1)
    if n <= 3:
        if n == 1:
            return int(a[0, 0])
        minors = []
        for k in range(n):
            rest = np.delete(a[1:], k, axis=1)
            term = lowering.apply("mul", a[0, k], determinant(lowering, rest))
            minors.append(lowering.apply("neg", term) if k % 2 else term)
        return lowering.total(minors)
    if n > _MOST_EQUATIONS:
        raise NeedsArraysError(f"the determinant of {n} rows")
    rows, zero = a.copy(), lowering.graph.constant(0)
    product = lowering.graph.constant(1)
    for k in range(n):
        for r in range(k + 1, n):
            _exchange(lowering, rows, k, r, negated=True)
        product = lowering.product_of(product, int(rows[k, k]))
        # A pivot of zero has zeros only below it: nothing is left to eliminate.
        singular = lowering.apply("eq", rows[k, k], zero)
        for r in range(k + 1, n):
            factor = lowering.apply("div", rows[r, k], rows[k, k])
            factor = lowering.apply("select", singular, zero, factor)
            change = lowering.numbers("mul", factor, rows[k, k + 1 :])
            rows[r, k + 1 :] = lowering.numbers("sub", rows[r, k + 1 :], change)
    return product


def _exchange(lowering: EntryLowering, rows: Any, k: int, r: int, negated: bool = False) -> None:
    """Exchange two rows where the second has the larger pivot; negate the one that sinks."""
    larger = lowering.apply(
        "lt", lowering.apply("abs", rows[k, k]), lowering.apply("abs", rows[r, k])
    )
    upper, lower = rows[k, k:].copy(), rows[r, k:].copy()
    rows[k, k:] = lowering.numbers("select", larger, lower, upper)
    sinking = lowering.numbers("neg", upper) if negated else upper
    rows[r, k:] = lowering.numbers("select", larger, sinking, lower)
