"""Levenberg's and Marquardt's descent within bounds, from any start to where it gets no lower."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from symcompile.arguments import Array
from symcompile.fitting.boxed import boxed
from symcompile.fitting.criterion import Criterion
from symcompile.fitting.steps import Damped

#: A step must remove this share of what its linearisation promises.
_ACCEPTED: Final = 1e-4
#: The promised fall, relative to the value, below which what follows is not descent but polish.
_ENOUGH: Final = 1e-13


@dataclass(eq=False)
class State:
    """Where a descent is.

    Attributes:
        p: all parameters, shape ``(P,)``.
        triangle: the factor there, shape ``(P + 1, P + 1)``.
        value: the sum of squares.
        iterations: steps taken so far.
        settled: whether the descent ended because no step promises a fall.
    """

    p: Array
    triangle: Array
    value: float
    iterations: int = 0
    settled: bool = False

    @property
    def gradient(self) -> Array:
        """The gradient of the sum of squares, shape ``(P,)``."""
        slope: Array = 2 * self.triangle[:, :-1].T @ self.triangle[:, -1]
        return slope


@dataclass(frozen=True, eq=False)
class Region:
    """Where parameters may be.

    Attributes:
        lower, upper: bounds, shape ``(P,)``.
        fixed: which ones stay, shape ``(P,)``, bool.
    """

    lower: Array
    upper: Array
    fixed: Array

    def held(self, p: Array, gradient: Array) -> Array:
        """Return which parameters lie on a bound that a descent would leave, shape ``(P,)``."""
        below = (p <= self.lower) & (gradient > 0)
        above = (p >= self.upper) & (gradient < 0)
        out: Array = (below | above) & ~self.fixed
        return out

    def moved(self, p: Array, free: Array, step: Array) -> Array:
        """Return parameters after a step of the free ones, cut off at the bounds."""
        moved = p.copy()
        moved[free] = np.clip(p[free] + step, self.lower[free], self.upper[free])
        return moved

    def within(
        self,
        p: Array,
        free: Array,
        step: Array,
        linear: tuple[Array, Array],
        scale: Array,
        mu: float,
    ) -> Array:
        """Return parameters after a step of the free ones, or after the best one within bounds.

        Args:
            p: where from, shape ``(P,)``.
            free: which ones move, shape ``(P,)``, bool; ``k`` of them.
            step: the step that minimises the linearisation, shape ``(k,)``.
            linear: the linearisation, ``A`` of shape ``(m, k)`` and ``b`` of shape ``(m,)``.
            scale: of the free parameters, shape ``(k,)``.
            mu: the damping.
        """
        target = p[free] + step
        inside = (target >= self.lower[free]) & (target <= self.upper[free])
        if not inside.all() and np.isfinite(step).all():
            low, high = self.lower[free] - p[free], self.upper[free] - p[free]
            step = boxed(*linear, scale, mu, low, high)
        return self.moved(p, free, step)


def evaluated(criterion: Criterion, p: Array) -> State | None:
    """Return the state at a point, or None where residuals or slopes are not finite."""
    with np.errstate(all="ignore"):
        triangle = _triangle(criterion, p)
        value = np.inf if triangle is None else float(np.sum(triangle[:, -1] ** 2))
    return None if triangle is None or not np.isfinite(value) else State(p, triangle, value)


def _triangle(criterion: Criterion, p: Array) -> Array | None:
    try:
        triangle = criterion.triangle(p)
    except np.linalg.LinAlgError:  # NaN in LAPACK
        return None
    return triangle if np.isfinite(triangle).all() else None


def descend(
    criterion: Criterion,
    state: State,
    region: Region,
    *,
    factor: float = 100.0,
    linear: Array | None = None,
    most: int = 1000,
    shown: Callable[[int, float], None] | None = None,
) -> State:
    """Go down until no step promises a fall that counts.

    A trust region in scaled parameters, as MINPACK has it (Moré 1978): a parameter is scaled by
    the largest norm that its column of the Jacobian has had. Parameters on a bound that they would
    leave are held, and steps that would cross one are the best that do not.

    Args:
        criterion: what is minimised.
        state: where to start.
        region: where parameters may be.
        factor: how far the first step may go, in lengths of the scaled start.
        linear: parameters in which the residuals are linear, shape ``(P,)``, bool: these are
            solved for after each step, as in variable projection (Golub and Pereyra 1973, in the
            variant of Kaufman 1975).
        most: how many steps to take.
        shown: called with the number of steps and the value.
    """
    if linear is not None and linear.any():
        state = projected(criterion, state, region, linear)
    scale = np.zeros(len(state.p))
    radius = 0.0
    while state.iterations < most:
        free = ~region.fixed & ~region.held(state.p, state.gradient)
        if not free.any() or state.value == 0:
            state.settled = True
            return state
        norms = np.linalg.norm(state.triangle[:, :-1], axis=0)
        scale = np.maximum(scale, norms)
        used = np.where(scale > 0, scale, 1.0)
        if not radius:
            radius = factor * (float(np.linalg.norm((used * state.p)[free])) or 1.0)
        columns, residuals = state.triangle[:, :-1][:, free], state.triangle[:, -1]
        damped = Damped.of(columns, residuals, used[free])
        state.iterations += 1
        if shown is not None:
            shown(state.iterations, state.value)
        while True:
            step, mu = damped.within(radius)
            moved = region.within(state.p, free, step, (columns, residuals), used[free], mu)
            taken = (moved - state.p)[free]
            promised = state.value - float(np.sum((residuals + columns @ taken) ** 2))
            length = float(np.linalg.norm(used[free] * taken))
            if promised <= _ENOUGH * state.value and length <= 0.9 * radius:
                state.settled = True
                return state
            there = evaluated(criterion, moved)
            if there is not None and linear is not None and linear.any():
                there = projected(criterion, there, region, linear)
            fall = -np.inf if there is None else state.value - there.value
            ratio = fall / promised if promised > 0 else -np.inf
            if ratio < 0.25:
                radius = 0.25 * min(radius, length) if np.isfinite(ratio) else 0.1 * length
            elif ratio > 0.75:
                radius = max(radius, 2 * length)
            if there is not None and ratio > _ACCEPTED:
                there.iterations = state.iterations
                state = there
                break
            if radius <= 1e-15 * float(np.linalg.norm((used * state.p)[free])) or radius < 1e-300:
                state.settled = True  # rounding hides what is promised
                return state
    return state


def projected(criterion: Criterion, state: State, region: Region, linear: Array) -> State:
    """Solve for the parameters in which the residuals are linear, the others being held."""
    free = linear & ~region.fixed
    columns = state.triangle[:, :-1][:, free]
    norms = np.linalg.norm(columns, axis=0)
    scale = np.where(norms > 0, norms, 1.0)
    residuals = state.triangle[:, -1]
    step = Damped.of(columns, residuals, scale).step(0.0)
    moved = region.within(state.p, free, step, (columns, residuals), scale, 0.0)
    there = evaluated(criterion, moved)
    if there is None or there.value > state.value:
        return state
    there.iterations = state.iterations
    return there
