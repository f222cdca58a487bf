"""Steps of Levenberg and Marquardt from a triangular factor, without a pass over the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from symcompile.arguments import Array

_EPS: Final = float(np.finfo(float).eps)


@dataclass(frozen=True, eq=False)
class Damped:
    """The steps that a linearised sum of squares has, one for each damping.

    The linearised residuals are ``A s + b``. A step minimises their square plus ``mu`` times that
    of the scaled step ``D s``. The singular values of ``A/D`` give it for any ``mu``.

    Attributes:
        left: ``U.T @ b``, shape ``(k,)``.
        singular: singular values of ``A/D``, largest first, shape ``(k,)``.
        right: right singular vectors, shape ``(k, k)``.
        scale: ``D``, shape ``(k,)``.
    """

    left: Array
    singular: Array
    right: Array
    scale: Array

    @classmethod
    def of(cls, columns: Array, residuals: Array, scale: Array) -> Damped:
        """Decompose a linearisation: ``A`` of shape ``(m, k)`` and ``b`` of shape ``(m,)``."""
        u, singular, right = np.linalg.svd(columns / scale, full_matrices=False)
        return cls(u.T @ residuals, singular, right, scale)

    @property
    def rank(self) -> int:
        """How many directions can be told from none."""
        if not len(self.singular):
            return 0
        return int(np.sum(self.singular > len(self.singular) * _EPS * self.singular[0]))

    def step(self, mu: float) -> Array:
        """Return the step of a damping; of 0, the shortest scaled step of Gauss and Newton."""
        return self.right.T @ self._inner(mu) / self.scale

    def within(self, radius: float) -> tuple[Array, float]:
        """Return the best step whose scaled length is at most ``radius``, and its damping.

        Newton's iteration on the secular equation; Moré, "The Levenberg-Marquardt algorithm"
        (1978).
        """
        length = float(np.linalg.norm(self._inner(0.0)))
        if length <= radius:
            return self.step(0.0), 0.0
        low, high = 0.0, float(np.linalg.norm(self.singular * self.left)) / radius
        mu = high * 1e-3
        for _ in range(60):
            if not low < mu < high:
                mu = max(1e-3 * high, float(np.sqrt(low * high)))
            inner = self._inner(mu)
            length = float(np.linalg.norm(inner))
            if abs(length - radius) <= 0.1 * radius:
                break
            if length > radius:
                low = mu
            else:
                high = mu
            slope = -float(np.sum(inner**2 / (self.singular**2 + mu))) / length
            mu -= (length - radius) / radius * length / slope
        return self.step(mu), mu

    def _inner(self, mu: float) -> Array:
        if mu:
            return -self.singular * self.left / (self.singular**2 + mu)
        inner = np.zeros(len(self.singular))
        rank = self.rank
        inner[:rank] = -self.left[:rank] / self.singular[:rank]
        return inner
