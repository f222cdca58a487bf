"""From near a minimum of a sum of squares to as close as rounding lets one come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from symcompile.arguments import Array
from symcompile.fitting.criterion import Criterion
from symcompile.fitting.descent import Region, State, evaluated
from symcompile.fitting.steps import Damped

_EPS: Final = float(np.finfo(float).eps)
#: Steps of Gauss and Newton that shrink less than this are replaced by Newton's.
_SLOW: Final = 0.1


@dataclass(eq=False)
class Polished:
    """Where polishing ended.

    Attributes:
        state: the point.
        step: the length of the last step that each parameter would have taken, shape ``(P,)``.
        shrank: by how much one step was shorter than the one before, at last.
        stagnated: whether it ended because steps no longer shrink.
        newton: whether second derivatives were taken.
    """

    state: State
    step: Array
    shrank: float = 0.0
    stagnated: bool = False
    newton: bool = False


def polish(
    criterion: Criterion, state: State, region: Region, *, straight: bool = False, most: int = 60
) -> Polished:
    """Take full steps until they no longer shrink.

    Steps of Gauss and Newton converge at the rate of the residuals' curvature. Where that is slow,
    second derivatives come in: with ``R`` of the Jacobian and ``S`` the rest of half the Hessian,
    the step is ``R^-1 z`` with ``(I + R^-T S R^-1) z = -b``, so its accuracy is that of the
    factorisation, not of the normal equations.

    What is kept is the point before the shortest step: values no longer tell points apart here.

    Args:
        criterion: what is minimised.
        state: where to start.
        region: where parameters may be.
        straight: whether the residuals have no second derivatives.
        most: how many steps to take.
    """
    found = Polished(state, np.full(len(state.p), np.inf))
    best = np.inf
    slope: Array | None = None
    patience = 0
    for _ in range(most):
        free = ~region.fixed & ~region.held(state.p, state.gradient)
        if not free.any():
            found.stagnated = True
            return found
        step = _step(state, free, slope)
        lengths = np.zeros(len(state.p))
        lengths[free] = np.abs(step)
        size = _size(state, free, step)
        if not np.isfinite(size):
            return found
        rate = size / best if np.isfinite(best) and best > 0 else 0.0
        if size < best:
            patience = 0
            found.state, found.step, found.shrank = state, lengths, rate
            best = size
        else:
            patience += 1
        length = _length(state, free)
        level = size <= 4 * _EPS * length and (straight or rate > 0.5)
        if size == 0 or patience >= 3 or level:
            found.stagnated = True
            return found
        rounding = size <= 16 * _EPS * length
        slow = rate > _SLOW and slope is None and not (found.newton or straight or rounding)
        if slow:
            found.newton = True
            slope = _curvature(criterion, state)
            step = _step(state, free, slope)
        elif slope is not None:
            slope = _curvature(criterion, state)
        moved = region.moved(state.p, free, step)
        there = evaluated(criterion, moved)
        if there is None or there.value > state.value * (1 + 1e-6) + 1e-300:
            # It leads away: what there is, is what descent has found.
            found.stagnated = patience > 0
            return found
        there.iterations = state.iterations + 1
        there.settled = state.settled
        state = there
    return found


def gauss_newton(state: State, free: Array) -> Array:
    """Return the full step of the free parameters, shape ``(k,)``."""
    return _step(state, free, None)


def _step(state: State, free: Array, curvature: Array | None) -> Array:
    columns = state.triangle[:, :-1][:, free]
    norms = np.linalg.norm(columns, axis=0)
    scale = np.where(norms > 0, norms, 1.0)
    damped = Damped.of(columns, state.triangle[:, -1], scale)
    if curvature is None:
        return damped.step(0.0)
    if damped.rank < len(scale):
        # What the Jacobian does not see, second derivatives may.
        square = (columns / scale).T @ (columns / scale)
        square += curvature[np.ix_(free, free)] / np.outer(scale, scale)
        try:
            np.linalg.cholesky((square + square.T) / 2)
        except np.linalg.LinAlgError:
            return damped.step(0.0)
        slope = state.gradient[free] / 2 / scale
        found: Array = -np.linalg.solve(square, slope) / scale
        return found
    # In the basis of the right singular vectors R is diagonal.
    basis = damped.right.T / scale[:, None] / damped.singular
    inner = np.eye(len(scale)) + basis.T @ curvature[np.ix_(free, free)] @ basis
    try:
        np.linalg.cholesky((inner + inner.T) / 2)
        return basis @ np.linalg.solve(inner, -damped.left)
    except np.linalg.LinAlgError:  # no minimum of the quadratic
        return damped.step(0.0)


def _curvature(criterion: Criterion, state: State) -> Array | None:
    """Return what half the Hessian has beyond ``J.T @ J``, shape ``(P, P)``."""
    with np.errstate(all="ignore"):
        hessian = criterion.hessian(state.p)
    factor = state.triangle[:, :-1]
    rest: Array = hessian / 2 - factor.T @ factor
    return rest if np.isfinite(rest).all() else None


def _size(state: State, free: Array, step: Array) -> float:
    """Return the length of a step in the scale of the Jacobian's columns."""
    norms = np.linalg.norm(state.triangle[:, :-1], axis=0)[free]
    return float(np.linalg.norm(norms * step))


def _length(state: State, free: Array) -> float:
    norms = np.linalg.norm(state.triangle[:, :-1], axis=0)
    return float(np.linalg.norm((norms * state.p)[free]))
