"""Intervals of the profile likelihood: how far a parameter may go if the others adapt."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from symcompile.arguments import Array
from symcompile.errors import ArgumentValueError

if TYPE_CHECKING:
    from symcompile.fitting.result import FitResult

#: Standard errors after which a profile counts as flat.
_FARTHEST: Final = 1e4


class Profile:
    """The square root of how much worse the fit gets, with a sign, along one parameter.

    ``tau`` of a least squares fit is ``sign*sqrt(S - S_min)/s``, which Student's distribution is
    compared with; of a likelihood the signed root of twice the difference, compared with the
    normal one (Bates and Watts 1988, section 6.1). It is a straight line where the asymptotic
    interval is right.
    """

    def __init__(self, result: FitResult, index: int) -> None:
        self._result = result
        self._index = index
        self._solved: dict[float, Array] = {}
        self._fixed = result.problem.fixed.copy()
        self._fixed[index] = True
        self.best = float(result.solution.p[index])

    def tau(self, value: float) -> float:
        """Return ``tau`` where the parameter is held at ``value``."""
        result = self._result
        if value == self.best:
            return 0.0
        solved = self._solved or {self.best: result.solution.p}
        nearest = min(solved, key=lambda at: abs(at - value))
        start = solved[nearest].copy()
        start[self._index] = value
        try:
            if self._fixed.all():
                p, lost = start, result.criterion.value(start)
            else:
                solution = result.minimiser(start, self._fixed)
                p, lost = solution.p, solution.value
        except ArgumentValueError:  # no value there
            return float(np.copysign(np.inf, value - self.best))
        if not np.isfinite(lost):
            return float(np.copysign(np.inf, value - self.best))
        self._solved[value] = p
        result.note_minimum(p, lost)
        excess = max(lost - result.solution.value, 0.0)
        factor = 1 / result.inference.scale if result.inference.basis == "squares" else 2.0
        return float(np.copysign(np.sqrt(excess * factor), value - self.best))

    def end(self, target: float, step: float, bound: float) -> float:
        """Return where ``abs(tau)`` reaches ``target``; infinite where it does not.

        Args:
            target: how large.
            step: a first guess of how far that is, with a sign.
            bound: of the parameter on that side.
        """
        from scipy.optimize import brentq

        inside, outside = self.best, self.best + step
        for _ in range(40):
            beyond = (outside - bound) * np.sign(step) >= 0
            outside = bound if beyond else outside
            if abs(self.tau(outside)) >= target:
                break
            if beyond or abs(outside - self.best) > _FARTHEST * abs(step):
                return float(np.copysign(np.inf, step))
            inside, outside = outside, self.best + 2 * (outside - self.best)
        else:
            return float(np.copysign(np.inf, step))

        def beyond_target(at: float) -> float:
            return min(abs(self.tau(at)), 1e3 * target) - target

        found = brentq(beyond_target, inside, outside, xtol=1e-10 * abs(step), rtol=1e-10)
        return float(found)


def profile_interval(result: FitResult, index: int, level: float) -> tuple[float, float]:
    """Return the interval of one parameter."""
    stderr = float(result.inference.stderr[index])
    best = float(result.solution.p[index])
    target = result.inference.quantile(level)
    if result.problem.fixed[index] or result.inference.scale == 0:
        return best, best
    if not np.isfinite(target):
        return float("nan"), float("nan")
    if not (np.isfinite(stderr) and stderr > 0):
        stderr = 0.1 * abs(best) or 0.1
    along = Profile(result, index)
    lower = along.end(target, -target * stderr, float(result.problem.lower[index]))
    upper = along.end(target, target * stderr, float(result.problem.upper[index]))
    return lower, upper


def trace(result: FitResult, index: int, points: Any, farthest: Any) -> tuple[Array, Array]:
    """Return points of a profile: parameter and ``tau``, each of shape ``(points,)``."""
    if not isinstance(points, int | np.integer) or points < 2:
        raise ArgumentValueError(f"points={points!r} is not a whole number from 2 on")
    if not isinstance(farthest, Real) or not 0 < (reach := float(farthest)) < np.inf:
        raise ArgumentValueError(f"farthest={farthest!r} is not a positive number")
    if not result.inference.scale > 0:
        raise ArgumentValueError(
            "residuals have no variance, being zero or as few as parameters: there is no profile"
        )
    stderr = float(result.inference.stderr[index])
    along = Profile(result, index)
    steps = np.linspace(-reach, reach, int(points))
    at = np.clip(
        along.best + steps * (stderr if np.isfinite(stderr) else 0.1 * abs(along.best) or 0.1),
        result.problem.lower[index],
        result.problem.upper[index],
    )
    order = np.argsort(np.abs(steps))  # outwards, so that each starts at its neighbour
    found = np.empty(points)
    make: Callable[[float], float] = along.tau
    for k in order:
        found[k] = make(float(at[k]))
    return at, found
