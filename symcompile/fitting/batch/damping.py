"""Steps within regions of trust (Moré 1978), of many systems side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from symcompile.arguments import Array

_TINY = float(np.finfo(np.float64).tiny)


class Region:
    """Systems ``|R s + q|^2``, each to be made small where ``|D s|`` is no more than a radius.

    With the singular values of ``R D^-1`` a step is a sum of a few terms for any damping.

    Args:
        factor: the matrices R, ``(A, P, P)``; columns of zeros are steps that are not taken.
        q: the vectors q, ``(A, P)``.
        d: the diagonals of D, ``(A, P)``, positive.
        full: which have full rank, columns of zeros aside.
    """

    def __init__(self, factor: Array, q: Array, d: Array, full: NDArray[np.bool_]) -> None:
        left, self._values, self._right = np.linalg.svd(factor / d[:, None, :])
        self._q = np.einsum("apk,ap->ak", left, q)
        self._d, self._full = d, full
        # Of a column of zeros; those of other columns are not as small as that.
        self._none = self._values <= 1e-30 * self._values.max(axis=1, initial=0.0)[:, None]

    def _terms(self, par: Array) -> Array:
        weights = self._values**2 + par[:, None]
        terms = self._values * self._q / np.where(self._none, np.inf, weights)
        return np.where(np.isfinite(terms), terms, 0.0)

    def _steps(self, terms: Array) -> Array:
        steps: Array = -np.einsum("akp,ak->ap", self._right, terms) / self._d
        return steps

    def newton(self) -> tuple[Array, Array]:
        """Return the steps without damping, and their lengths ``|D s|``."""
        terms = self._terms(np.zeros(len(self._q)))
        return self._steps(terms), _length(terms)

    def step(self, delta: Array, before: Array) -> tuple[Array, Array]:
        """Return the steps, and the damping that makes them so long.

        Args:
            delta: the radii, which a step keeps to within a tenth.
            before: the damping of the steps before.
        """
        terms = self._terms(np.zeros(len(self._q)))
        length = _length(terms)
        over = length - delta
        short = self._full & (over <= 0.1 * delta)
        zero = np.zeros(len(delta))
        lower = np.where(self._full, over / delta / self._slope(terms, length, zero), 0.0)
        gradient = _length(self._values * self._q)
        upper = gradient / delta
        upper = np.where(upper > 0, upper, _TINY / np.minimum(delta, 0.1))
        par = np.clip(before, lower, np.maximum(lower, upper))
        par = np.where(par == 0, np.where(self._full, gradient / length, 0.001 * upper), par)
        over = np.where(self._full, over, 0.0)
        going = ~short
        for _ in range(10):
            if not going.any():
                break
            par = np.where(going & ~(par > 0), np.maximum(0.001 * upper, _TINY), par)
            last, terms = over, np.where(going[:, None], self._terms(par), terms)
            length = _length(terms)
            over = length - delta
            going &= ~((np.abs(over) <= 0.1 * delta) | ((lower == 0) & (over <= last) & (last < 0)))
            correction = over / delta / self._slope(terms, length, par)
            lower = np.where(going & (over > 0), np.maximum(lower, par), lower)
            upper = np.where(going & ~(over > 0), np.minimum(upper, par), upper)
            par = np.where(going, np.maximum(lower, par + correction), par)
        par = np.where(short, 0.0, par)
        return self._steps(terms), par

    def _slope(self, terms: Array, length: Array, par: Array) -> Any:
        weights = np.where(self._none, np.inf, self._values**2 + par[:, None])
        return np.sum((terms / length[:, None]) ** 2 / weights, axis=1)


def _length(terms: Array) -> Array:
    found: Array = np.sqrt(np.sum(terms * terms, axis=1))
    return found
