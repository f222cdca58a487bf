"""Losses with kinks: a sequence of linear programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from symcompile.arguments import Array
from symcompile.errors import ArgumentValueError
from symcompile.fitting.descent import Region
from symcompile.fitting.memory import InMemory
from symcompile.fitting.solution import Solution

#: A residual that is so small, relative to the largest, lies on a kink.
_ZERO: Final = 1e-7


def minimise_kinked(
    criterion: InMemory, start: Array, region: Region, *, linear: bool, most: int = 200
) -> Solution:
    """Minimise a sum of ``slopes[0]*(-r)`` below zero and ``slopes[1]*r`` above it.

    The residuals are linearised and a linear program gives the step, within a trust region
    (Osborne and Watson, "On an algorithm for discrete nonlinear L1 approximation", 1971). Where
    the model is linear the first program is the whole problem. At the end, residuals that are
    zero are solved for, so the answer is exact to rounding.

    Args:
        criterion: with the data in memory.
        start: shape ``(P,)``.
        region: where parameters may be.
        linear: whether the model is linear in all of them.
        most: how many programs.

    Raises:
        ArgumentValueError: the model is not finite at the start.
    """
    below, above = criterion.problem.loss.slopes
    weights = criterion.weights

    def total(residuals: Array) -> float:
        return float(np.sum(weights * np.where(residuals < 0, -below, above) * residuals))

    p = np.clip(start, region.lower, region.upper)
    free = ~region.fixed
    rows = _rows(criterion, p)
    if rows is None:
        raise ArgumentValueError(
            "the model or its slope is not finite at the start for some sample: choose another "
            "start"
        )
    residuals, jacobian = rows
    value, radius = total(residuals), np.inf
    settled, iterations, evaluations = False, 0, 1
    scale = np.maximum(np.abs(p), 1.0)
    while iterations < most and not settled:
        iterations += 1
        limits = np.maximum(region.lower - p, -radius * scale)[free]
        ends = np.minimum(region.upper - p, radius * scale)[free]
        step = _program(
            residuals, jacobian[:, free], weights * below, weights * above, limits, ends
        )
        promised = value - total(residuals + jacobian[:, free] @ step)
        if promised <= 1e-13 * abs(value):
            settled = True
            break
        moved = p.copy()
        moved[free] += step
        moved = np.clip(moved, region.lower, region.upper)
        there = _rows(criterion, moved)
        evaluations += 1
        fall = -np.inf if there is None else value - total(there[0])
        size = float(np.max(np.abs(moved - p) / scale))
        if fall > 0.75 * promised:
            radius = max(radius, 2 * size)
        elif fall < 0.25 * promised:
            radius = 0.25 * size if np.isfinite(fall) else 0.1 * size
        if there is not None and fall > 1e-4 * promised:
            p, (residuals, jacobian), value = moved, there, total(there[0])
            scale = np.maximum(scale, np.abs(p))
            settled = linear and promised > 0 and radius == np.inf
        elif radius < 1e-15:
            settled = True
    p, residuals, value = _on_kinks(criterion, p, residuals, value, region, total)
    below_zero = residuals < 0
    slopes = np.where(below_zero, -below, above) * weights
    off = np.abs(residuals) > _ZERO * (float(np.max(np.abs(residuals))) or 1.0)
    gradient = jacobian.T @ np.where(off, slopes, 0.0)
    return Solution(
        p=p,
        value=value,
        gradient=gradient,
        active=((p <= region.lower) | (p >= region.upper)) & free,
        converged=settled,
        message="converged: no linear program lowers the loss"
        if settled
        else f"not converged: the loss still falls after {most} linear programs",
        method="linear programs",
        iterations=iterations,
        evaluations=evaluations,
    )


def _rows(criterion: InMemory, p: Array) -> tuple[Array, Array] | None:
    with np.errstate(all="ignore"):
        residuals = np.reshape(criterion.differences.value(p), -1)
        jacobian = criterion.differences.jacobian(p).reshape(criterion.n, criterion.size)
    good = np.isfinite(residuals).all() and np.isfinite(jacobian).all()
    return (residuals, jacobian) if good else None


def _program(
    residuals: Array, jacobian: Array, below: Array, above: Array, limits: Array, ends: Array
) -> Array:
    """Return the step that minimises the linearised loss, shape ``(k,)``."""
    from scipy import sparse
    from scipy.optimize import linprog

    n, k = jacobian.shape
    # r + J s = u - v with u, v >= 0: what lies above zero, and below it.
    scale = np.linalg.norm(jacobian, axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    size = float(np.max(np.abs(residuals))) or 1.0
    matrix = sparse.hstack(
        [sparse.csr_matrix(jacobian / scale), -sparse.identity(n), sparse.identity(n)], "csr"
    )
    bounds = np.empty((k + 2 * n, 2))
    bounds[:k, 0], bounds[:k, 1] = limits * scale / size, ends * scale / size
    bounds[k:] = 0, np.inf
    costs = np.concatenate((np.zeros(k), above, below))
    found = linprog(costs, A_eq=matrix, b_eq=-residuals / size, bounds=bounds, method="highs")
    if found.x is None:
        return np.zeros(k)
    step: Array = found.x[:k] * size / scale
    return np.clip(step, limits, ends)


def _on_kinks(
    criterion: InMemory,
    p: Array,
    residuals: Array,
    value: float,
    region: Region,
    total: Callable[[Array], float],
) -> tuple[Array, Array, float]:
    """Solve for residuals that are zero but for the program's tolerance."""
    free = ~region.fixed & (p > region.lower) & (p < region.upper)
    for _ in range(3):
        rows = _rows(criterion, p)
        if rows is None or not free.any():
            break
        residuals, jacobian = rows
        order = np.argsort(np.abs(residuals))
        zero = order[np.abs(residuals[order]) <= _ZERO * (np.max(np.abs(residuals)) or 1.0)]
        if not 0 < len(zero) <= free.sum():
            break
        step = np.linalg.lstsq(jacobian[np.ix_(zero, free)], -residuals[zero], rcond=None)[0]
        moved = region.moved(p, free, step)
        there = _rows(criterion, moved)
        if there is None or total(there[0]) > value * (1 + 1e-9) + 1e-300:
            break
        p, residuals, value = moved, there[0], total(there[0])
    return p, residuals, value
