"""Linear least squares refined: residuals in twice the precision, steps from the factor at hand."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final, Protocol, runtime_checkable

import numpy as np

from symcompile.arguments import Array
from symcompile.fitting.steps import Damped

_EPS: Final = float(np.finfo(float).eps)
#: Dekker's constant: it splits a double into halves whose products are exact.
_SPLIT: Final = 2.0**27 + 1
#: Bits that a number may have to count as exact: one that was rounded has all 53, but for luck.
_BITS: Final = 43
#: Numbers of a design that may be refined, which needs several copies of it.
_MOST: Final = 5_000_000


@runtime_checkable
class Designed(Protocol):
    """A criterion that has its data at hand, so that its residuals can be written down."""

    def design(self, p: Array, free: Array) -> tuple[Array, Array]:
        """Return residuals that are linear in free parameters as ``A @ p[free] + b``.

        Args:
            p: all parameters, of which the free ones do not matter; shape ``(P,)``.
            free: shape ``(P,)``, bool, ``k`` of them.

        Returns:
            ``A`` of shape ``(n, k)`` and ``b`` of shape ``(n,)``.
        """


@dataclass(frozen=True, eq=False)
class Linear:
    """Residuals ``A @ p + b`` of a linear model, as they are in double precision.

    Attributes:
        columns: ``A``, shape ``(n, k)``.
        offset: ``b``, shape ``(n,)``.
    """

    columns: Array
    offset: Array

    @classmethod
    def of(cls, criterion: Any, p: Array, free: Array) -> Linear | None:
        """Return those of a criterion, or None if it is too large, or its data are elsewhere."""
        if not isinstance(criterion, Designed):
            return None
        if getattr(criterion, "n", 0) * int(free.sum()) > _MOST:
            return None
        with np.errstate(all="ignore"):
            columns, offset = criterion.design(p, free)
        finite = np.isfinite(columns).all() and np.isfinite(offset).all()
        return cls(columns, offset) if finite else None

    def slope(self, p: Array) -> Array:
        """Return ``A.T @ (A @ p + b)``, as if in twice double precision; shape ``(k,)``."""
        high, low = self.offset.copy(), np.zeros(len(self.offset))
        for column, number in zip(self.columns.T, p, strict=True):
            product, rest = _product(column, np.full(len(column), number))
            high, lost = _sum(high, product)
            low += lost + rest
        high, low = _sum(high, low)
        slopes = np.empty(len(p))
        for k, column in enumerate(self.columns.T):
            product, rest = _product(column, high)
            slopes[k] = _total(product, rest + column * low)
        return slopes

    def solve(self, factor: Array, p: Array) -> Array:
        """Return the solution nearest to ``p`` in a few steps from the triangular factor of ``A``.

        The corrected seminormal equations of Björck, "Stability analysis of the method of
        seminormal equations" (1987). A step leaves an error of about the condition number of the
        scaled factor times the unit of rounding, so up to numbers near 1e15 it converges.
        """
        norms = np.linalg.norm(factor, axis=0)
        if not (norms > 0).all():
            return p
        damped = Damped.of(factor, np.zeros(len(factor)), norms)
        if damped.rank < len(norms):
            return p
        before = np.inf
        for _ in range(12):
            slope = self.slope(p)
            inner = damped.right @ (slope / norms) / damped.singular**2
            step = -(damped.right.T @ inner) / norms
            size = float(np.linalg.norm(norms * step))
            if not np.isfinite(size) or size > 0.5 * before:
                break
            p, before = p + step, size
        return p

    def uncertainty(self, p: Array) -> float:
        """Return how far rounding of the design and of the offset may move the residuals.

        Numbers that were rounded are taken to be wrong by a quarter of a unit in the last place;
        columns of small integers, say, were not.
        """
        terms = [*(self.columns * p).T, self.offset]
        total = 0.0
        for column, term in zip((*self.columns.T, self.offset), terms, strict=True):
            if not _exact(column):
                total += float(term @ term)
        return 0.25 * _EPS * math.sqrt(total)


def _total(high: Array, low: Array) -> float:
    """Return a sum of numbers and their rests: pairs are added first, then pairs of those."""
    rest = float(np.sum(low))
    while len(high) > 1:
        half = len(high) // 2
        odd = high[2 * half :]
        high, lost = _sum(high[:half], high[half : 2 * half])
        rest += float(np.sum(lost))
        high = np.concatenate((high, odd))
    return float(high[0]) + rest if len(high) else rest


def _exact(numbers: Array) -> bool:
    fraction, _ = np.frexp(numbers)
    scaled = np.ldexp(fraction, _BITS)
    return bool((scaled == np.round(scaled)).all())


def _sum(a: Array, b: Array) -> tuple[Array, Array]:
    """Return a sum and what rounding took from it; Knuth, TAOCP 2, section 4.2.2."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def _product(a: Array, b: Array) -> tuple[Array, Array]:
    """Return a product and what rounding took from it; Dekker (1971)."""
    product = a * b
    a1, a2 = _halves(a)
    b1, b2 = _halves(b)
    return product, a2 * b2 - (((product - a1 * b1) - a2 * b1) - a1 * b2)


def _halves(a: Array) -> tuple[Array, Array]:
    shifted = _SPLIT * a
    high = shifted - (shifted - a)
    return high, a - high
