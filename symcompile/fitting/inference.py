"""From a minimum to the covariance of its parameters."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Final, Literal

import numpy as np

from symcompile.arguments import Array, listed
from symcompile.errors import ArgumentValueError
from symcompile.fitting import totals
from symcompile.fitting.criterion import Criterion
from symcompile.fitting.kinked import curvature
from symcompile.fitting.problem import Problem
from symcompile.fitting.solution import Solution

#: What standard errors are made from.
Basis = Literal["squares", "likelihood", "sandwich", "density", "none"]
_EPS: Final = float(np.finfo(float).eps)
#: The smallest singular value, relative to the largest, of a matrix with columns of length 1.
_SINGULAR: Final = 1e-12
_OF_KINKS: Final = {
    "none": "standard errors are not computed",
    "density": "standard errors rest on how many residuals are near zero, and are rough for few "
    "samples",
}
#: With more parameters than this the Hessian of a general loss is not made.
MANY: Final = 300


@dataclass(frozen=True, eq=False)
class Inference:
    """What a minimum says about its parameters.

    Attributes:
        covariance: shape ``(P, P)``; zero for what is fixed, NaN for what lies on a bound or
            cannot be told.
        basis: what it was made from.
        scale: the variance of a residual by which it is multiplied, 1 where that is known.
        n: samples that count: those with a weight other than 0.
        dof: these minus parameters that were fitted and lie on no bound.
        student: whether Student's distribution gives the intervals, not the normal one.
        warnings: why it should not be trusted.
    """

    covariance: Array
    basis: Basis
    scale: float
    n: int
    dof: int
    student: bool
    warnings: tuple[str, ...]

    @property
    def stderr(self) -> Array:
        """Standard errors, shape ``(P,)``."""
        with np.errstate(invalid="ignore"):
            found: Array = np.sqrt(np.diag(self.covariance))
        return found

    def quantile(self, level: float) -> float:
        """Return how many standard errors half an interval of that level is long."""
        from scipy import stats

        tail = 0.5 + level / 2
        if self.student:
            return float(stats.t.ppf(tail, self.dof)) if self.dof > 0 else float("nan")
        return float(stats.norm.ppf(tail))


def infer(
    problem: Problem, criterion: Criterion, solution: Solution, absolute_sigma: bool
) -> Inference:
    """Return the covariance of a minimum, and what is wrong with it.

    Of least squares it is ``s**2*inv(J.T @ J)``, with the triangular factor of the Jacobian and
    ``s**2 = chi2/dof``, in which a penalty does not count, or 1 with ``absolute_sigma``; Bates and
    Watts, *Nonlinear Regression Analysis* (1988), section 2.2. Of a likelihood it is the inverse
    of the observed information, the Hessian. Of other smooth losses it is
    ``inv(H) @ G @ inv(H)`` with ``G`` the sum of the gradients' outer products over the samples
    (Huber 1967); of one with kinks see :func:`~.kinked.curvature`.
    """
    size = len(solution.p)
    free = ~problem.fixed & ~solution.active
    n = totals.counted(problem, criterion)
    dof = n - int(free.sum())
    warnings = [*_on_bounds(problem, solution), *_shrunk(problem)]
    kinked = None
    if problem.loss.kind == "squares":
        known = absolute_sigma and problem.sigma is not None
        scale = 1.0 if known else _variance(problem, criterion, solution, dof)
        student = not known
        basis: Basis = "squares"
        if dof <= 0:
            warnings.append(
                f"there are {n} samples for {int(free.sum())} parameters: nothing is "
                "left to tell how large errors are"
            )
    else:
        scale, student = 1.0, False
        basis = "likelihood" if problem.loss.likelihood else "sandwich"
        if problem.loss.kind == "kinked":
            kinked = curvature(problem, criterion, solution.p)
            basis = "none" if kinked is None else "density"
            warnings.append(
                f"the loss {problem.loss.name} has kinks, where second derivatives say nothing: "
                + _OF_KINKS[basis]
            )
    covariance = np.zeros((size, size))
    place = np.ix_(free, free)
    names = [name for name, there in zip(problem.names, free, strict=True) if there]
    if basis == "none":
        covariance[place] = np.nan
    elif kinked is not None:
        inner, singular = _of_hessian(kinked[0][place], names)
        covariance[place] = inner @ kinked[1][place] @ inner
        warnings += singular
    elif solution.triangle is not None and criterion.squares:
        inner, singular = _of_triangle(solution.triangle[:, :-1][:, free], names)
        covariance[place] = scale * inner
        warnings += singular
    elif solution.hessian is None and size > MANY:
        covariance[place] = np.nan
        warnings.append(
            f"the Hessian of {size} parameters is not made: standard errors are not computed"
        )
    else:
        hessian = solution.hessian
        if hessian is None:
            hessian = criterion.hessian(solution.p)
        factor = 2.0 if problem.loss.kind == "squares" else 1.0
        inner, singular = _of_hessian(hessian[place] / factor, names)
        if basis == "sandwich":
            inner = inner @ criterion.outer(solution.p)[place] @ inner
        covariance[place] = scale * inner
        warnings += singular
    covariance[solution.active, :] = np.nan
    covariance[:, solution.active] = np.nan
    return Inference(covariance, basis, scale, n, dof, student, tuple(warnings))


def require_level(level: object) -> None:
    """Check the level of an interval.

    Raises:
        ArgumentValueError: it is not between 0 and 1.
    """
    if isinstance(level, bool) or not isinstance(level, Real) or not 0 < float(level) < 1:
        raise ArgumentValueError(f"level={level!r} is not between 0 and 1, such as 0.95")


def _variance(problem: Problem, criterion: Criterion, solution: Solution, dof: int) -> float:
    if dof <= 0:
        return float("nan")
    if criterion.squares:
        return solution.value / dof
    return totals.chi2(problem, criterion, solution.p.tolist()) / dof


def _on_bounds(problem: Problem, solution: Solution) -> list[str]:
    p = solution.p
    zero = solution.active & (problem.kinks > 0) & (p == 0)
    zero &= (problem.lower < 0) & (problem.upper > 0)
    found = []
    for chosen, one, more in (
        (solution.active & ~zero, "lies on a bound", "lie on bounds"),
        (zero, "is held at zero by the penalty", "are held at zero by the penalty"),
    ):
        names = [name for name, on in zip(problem.names, chosen, strict=True) if on]
        if names:
            verb = one if len(names) == 1 else more
            found.append(
                f"{listed(names)} {verb}, and standard errors are those of the others, given that"
            )
    return found


def _shrunk(problem: Problem) -> list[str]:
    if problem.penalty == 0 and not problem.kinks.any():
        return []
    return [
        "a penalty moves parameters away from where the data alone put them: standard errors and "
        "intervals do not count that"
    ]


def _of_triangle(factor: Array, names: list[str]) -> tuple[Array, list[str]]:
    """Return ``inv(R.T @ R)`` from singular values, so that no square of ``R`` is formed."""
    norms = np.linalg.norm(factor, axis=0)
    scale = np.where(norms > 0, norms, 1.0)
    _, singular, right = np.linalg.svd(factor / scale, full_matrices=False)
    warnings = _told_apart(singular, right, names)
    with np.errstate(all="ignore"):
        half = right.T / singular
        if warnings:
            half[:, singular <= len(names) * _EPS * singular[0]] = np.nan
        inner = half @ half.T / np.outer(scale, scale)
    return inner, warnings


def _of_hessian(hessian: Array, names: list[str]) -> tuple[Array, list[str]]:
    with np.errstate(all="ignore"):
        scale = np.sqrt(np.abs(np.diag(hessian)))
    scale = np.where((scale > 0) & np.isfinite(scale), scale, 1.0)
    if not np.isfinite(hessian).all():
        return np.full_like(hessian, np.nan), ["second derivatives are not finite at the end"]
    values, vectors = np.linalg.eigh(hessian / np.outer(scale, scale))
    order = np.argsort(-values)
    values, vectors = values[order], vectors[:, order]
    if len(values) and values[-1] < -1e-8 * abs(values[0]):
        return np.full_like(hessian, np.nan), [
            "second derivatives say that this is no minimum: the standard errors are unknown"
        ]
    singular = np.sqrt(np.maximum(values, 0))
    warnings = _told_apart(singular, vectors.T, names)
    with np.errstate(all="ignore"):
        half = vectors / singular / scale[:, None]
        half[:, singular == 0] = np.nan
    return half @ half.T, warnings


def _told_apart(singular: Array, right: Array, names: list[str]) -> list[str]:
    """Name parameters that the data do not tell apart, from the flattest direction."""
    if not len(singular) or singular[-1] > _SINGULAR * singular[0]:
        return []
    flat = np.abs(right[-1])
    chosen = [name for name, share in zip(names, flat, strict=True) if share > 0.1]
    if len(chosen) == 1:
        return [f"the data say nothing about {chosen[0]}: fix it, or leave it out"]
    return [
        f"the data do not tell {listed(chosen)} apart: fix one, or tie them; their standard "
        "errors mean nothing"
    ]
