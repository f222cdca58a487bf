"""Absolute values of parameters beside a smooth loss: the proximal Newton method."""

from __future__ import annotations

import numpy as np

from symcompile.arguments import Array
from symcompile.fitting.criterion import Criterion
from symcompile.fitting.descent import Region
from symcompile.fitting.newton import Point, at


def proximal(
    criterion: Criterion, point: Point, region: Region, kinks: Array, *, most: int = 200
) -> Point:
    """Minimise the criterion plus ``sum(kinks*abs(p))``; the point's value counts both.

    Each step minimises the quadratic plus the absolute values, one coordinate after the other,
    and is shortened until it lowers the whole (Lee, Sun and Saunders 2014). What is zero at the
    end is exactly zero.
    """

    def priced(p: Array) -> float:
        return float(kinks @ np.abs(p))

    point.value += priced(point.p)
    last = np.inf
    while point.iterations < most:
        point.iterations += 1
        step = _step(point, region, kinks)
        size = float(np.max(np.abs(step) / np.maximum(np.abs(point.p), 1e-8)))
        if size <= 1e-15 or (size >= last and size < 1e-10):
            point.settled = point.convex = True
            break
        last = min(last, size)
        slope = float(point.gradient @ step) + priced(point.p + step) - priced(point.p)
        length = 1.0
        while True:
            moved = np.clip(point.p + length * step, region.lower, region.upper)
            there = at(criterion, moved)
            point.evaluations += 1
            enough = 1e-4 * length * slope + 1e-13 * abs(point.value)
            if there is not None and there.value + priced(moved) <= point.value + enough:
                break
            length *= 0.5
            if length < 1e-12:
                point.settled = True
                return point
        there.value += priced(moved)
        there.iterations, there.evaluations = point.iterations, point.evaluations
        point = there
    # The slope of absolute values belongs to the whole.
    point.gradient = point.gradient + kinks * np.sign(point.p)
    zero = (point.p == 0) & (kinks > 0)
    point.gradient[zero] = np.sign(point.gradient[zero]) * np.maximum(
        np.abs(point.gradient[zero]) - kinks[zero], 0
    )
    return point


def _step(point: Point, region: Region, kinks: Array) -> Array:
    values, vectors = np.linalg.eigh(point.hessian)
    floor = max(float(np.max(np.abs(values))), 1e-300) * 1e-10
    hessian = (vectors * np.maximum(np.abs(values), floor)) @ vectors.T
    step = np.zeros(len(point.p))
    slope = point.gradient.copy()
    free = np.flatnonzero(~region.fixed)
    for _ in range(1000):
        largest = 0.0
        for k in free:
            curve = hessian[k, k]
            here = point.p[k] + step[k]
            wanted = here - slope[k] / curve
            shrunk = np.sign(wanted) * max(abs(wanted) - kinks[k] / curve, 0.0)
            there = min(max(shrunk, region.lower[k]), region.upper[k])
            change = there - here
            if change:
                # So that what is to be zero is exactly that.
                step[k] = there - point.p[k]
                slope += hessian[:, k] * change
                largest = max(largest, abs(change) * np.sqrt(curve))
        if largest <= 1e-14 * float(np.linalg.norm(np.sqrt(np.diag(hessian)) * step)) + 1e-300:
            break
    return step
