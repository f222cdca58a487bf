"""Newton's method for smooth losses: a trust region in scaled parameters, within bounds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from symcompile.arguments import Array
from symcompile.fitting.criterion import Criterion
from symcompile.fitting.descent import Region

_EPS: Final = float(np.finfo(float).eps)
_ACCEPTED: Final = 1e-4


@dataclass(eq=False)
class Point:
    """Where the method is.

    Attributes:
        p: all parameters, shape ``(P,)``.
        value: the criterion.
        gradient: its slope, shape ``(P,)``.
        hessian: its second derivatives, shape ``(P, P)``.
        iterations, evaluations: so far.
        settled: whether it ended where no step promises a fall.
        convex: whether second derivatives are those of a minimum.
    """

    p: Array
    value: float
    gradient: Array
    hessian: Array
    iterations: int = 0
    evaluations: int = 1
    settled: bool = False
    convex: bool = False


def at(criterion: Criterion, p: Array) -> Point | None:
    """Return a point, or None where something is not finite."""
    with np.errstate(all="ignore"):
        value, gradient, hessian = criterion.all(p)
    finite = np.isfinite(value) and np.isfinite(gradient).all() and np.isfinite(hessian).all()
    return Point(p, value, gradient, hessian) if finite else None


def newton(
    criterion: Criterion,
    point: Point,
    region: Region,
    *,
    most: int = 500,
    shown: Callable[[int, float], None] | None = None,
) -> Point:
    """Minimise from a point, to where steps are at the level of rounding.

    Conn, Gould and Toint, *Trust-Region Methods* (2000), chapter 7: the step is that of the
    quadratic within the region, found from the eigenvalues of the scaled Hessian. Steps are cut
    off at the bounds, and parameters on a bound that they would leave are held.
    """
    radius = 0.0
    shortest = np.inf
    while point.iterations < most:
        free = ~region.fixed & ~region.held(point.p, point.gradient)
        if not free.any():
            point.settled = point.convex = True
            return point
        quadratic = _Quadratic.of(point, free)
        point.convex = quadratic.convex
        if not radius:
            radius = max(1.0, quadratic.length(point.p[free]))
        point.iterations += 1
        if shown is not None:
            shown(point.iterations, point.value)
        full = quadratic.step(np.inf) if quadratic.convex else None
        if full is not None and quadratic.promised(full) <= 1e-11 * abs(point.value) + 1e-300:
            size = quadratic.length(full)
            if size >= 0.5 * shortest or size <= _EPS * quadratic.length(point.p[free]):
                point.settled = True
                return point
            shortest = size
            there = at(criterion, region.moved(point.p, free, full))
            # Values no longer tell points apart: gradients do, in the metric of the Hessian.
            if there is None or there.value > point.value + 1e-9 * abs(point.value):
                point.settled = True
                return point
            point = _follows(there, point)
            continue
        while True:
            step = quadratic.step(radius)
            moved = region.moved(point.p, free, step)
            taken = (moved - point.p)[free]
            promised, length = quadratic.promised(taken), quadratic.length(taken)
            # Most steps are taken: where passes are dear, one brings derivatives along.
            there = at(criterion, moved) if criterion.remote else None
            with np.errstate(all="ignore"):
                value = criterion.value(moved) if there is None else there.value
            point.evaluations += 1
            fall = point.value - value if np.isfinite(value) else -np.inf
            ratio = fall / promised if promised > 0 else -np.inf
            if ratio < 0.25:
                radius = 0.25 * min(radius, length) if np.isfinite(ratio) else 0.1 * length
            elif ratio > 0.75:
                radius = max(radius, 2 * length)
            if ratio > _ACCEPTED:
                there = at(criterion, moved) if there is None else there
                if there is not None:
                    point = _follows(there, point)
                    break
                radius = 0.1 * length
            if not radius > _EPS * quadratic.length(point.p[free]) or radius < 1e-300:
                point.settled = quadratic.convex and promised <= 1e-6 * abs(point.value) + 1e-300
                return point
    return point


def _follows(there: Point, point: Point) -> Point:
    there.iterations, there.evaluations = point.iterations, point.evaluations + 1
    return there


class _Quadratic:
    """The quadratic that touches the criterion at a point, in scaled parameters."""

    def __init__(self, gradient: Array, hessian: Array, scale: Array) -> None:
        self._scale = scale
        self._gradient, self._hessian = gradient, hessian
        self._values, self._vectors = np.linalg.eigh(hessian / np.outer(scale, scale))
        self._inner = self._vectors.T @ (gradient / scale)
        self.convex = bool(self._values[0] > len(scale) * _EPS * abs(self._values[-1]))

    @classmethod
    def of(cls, point: Point, free: Array) -> _Quadratic:
        hessian = point.hessian[np.ix_(free, free)]
        with np.errstate(all="ignore"):
            scale = np.sqrt(np.abs(np.diag(hessian)))
        floor = np.max(scale) * 1e-12 if np.max(scale) > 0 else 1.0
        return cls(point.gradient[free], hessian, np.maximum(scale, floor))

    def length(self, step: Array) -> float:
        return float(np.linalg.norm(self._scale * step))

    def promised(self, step: Array) -> float:
        return -float(self._gradient @ step + 0.5 * step @ self._hessian @ step)

    def step(self, radius: float) -> Array:
        """Return the best step that is no longer than ``radius``."""
        lowest, largest = float(self._values[0]), float(np.max(np.abs(self._values))) or 1.0
        low = 0.0 if self.convex else max(0.0, -lowest) + 1e-12 * largest
        inner = self._at(low)
        if np.linalg.norm(inner) > radius:
            high = low + float(np.linalg.norm(self._inner)) / radius + largest
            for _ in range(100):
                mu = 0.5 * (low + high) if low == 0 else float(np.sqrt(low * high))
                inner = self._at(mu)
                length = float(np.linalg.norm(inner))
                if abs(length - radius) <= 0.1 * radius:
                    break
                low, high = (mu, high) if length > radius else (low, mu)
        elif not self.convex and np.isfinite(radius):
            # The hard case: nothing pulls along the most negative direction, so go there.
            left = np.sqrt(max(radius**2 - float(inner @ inner), 0.0))
            inner = inner.copy()
            inner[0] += left if self._inner[0] <= 0 else -left
        moved: Array = self._vectors @ inner / self._scale
        return moved

    def _at(self, mu: float) -> Array:
        found: Array = -self._inner / (self._values + mu)
        return found
