"""Losses that are no plain sum of squares: which method, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from symcompile.arguments import Array
from symcompile.errors import ArgumentValueError
from symcompile.fitting.criterion import Criterion
from symcompile.fitting.descent import Region
from symcompile.fitting.inference import MANY
from symcompile.fitting.memory import InMemory
from symcompile.fitting.newton import Point, at, newton
from symcompile.fitting.problem import Problem
from symcompile.fitting.programs import minimise_kinked
from symcompile.fitting.proximal import proximal
from symcompile.fitting.solution import Solution
from symcompile.optimize import NEEDS_HESSIAN, TAKES_PRODUCTS, VALUE_ONLY

_TAKE_BOUNDS: Final = frozenset(
    {"nelder-mead", "powell", "l-bfgs-b", "tnc", "slsqp", "trust-constr", "cobyla", "cobyqa"}
)


def minimise(
    problem: Problem,
    criterion: Criterion,
    start: Array,
    fixed: Array,
    *,
    linear: Array,
    method: str = "auto",
    max_iterations: int | None = None,
    shown: Callable[[int, float], None] | None = None,
) -> Solution:
    """Minimise any criterion.

    Args:
        problem: what is fitted.
        criterion: its sum over the data.
        start: shape ``(P,)``.
        fixed: which parameters stay, shape ``(P,)``, bool.
        linear: those in which the model is linear together, shape ``(P,)``, bool.
        method: ``"auto"``: linear programs for losses with kinks, else Newton's method, or
            L-BFGS-B with very many parameters; or one of ``scipy.optimize.minimize``.
        max_iterations: how many steps.
        shown: called with the number of steps and the value.

    Raises:
        ArgumentValueError: the loss is not finite at the start, a method that is not there or
            does not take what this problem has.
    """
    region = Region(problem.lower, problem.upper, fixed)
    begin = _inside(problem, np.clip(start, problem.lower, problem.upper))
    limit: dict[str, Any] = {} if max_iterations is None else {"most": max_iterations}
    if problem.loss.kind == "kinked" and method == "auto":
        if not isinstance(criterion, InMemory):
            raise ArgumentValueError(
                f"the loss {problem.loss.name} has kinks, and needs the data in memory: take "
                "soft_l1, or a part of the data"
            )
        if problem.penalty != 0 or problem.kinks.any():
            raise ArgumentValueError(
                f"the loss {problem.loss.name} has kinks, and takes no penalty: take soft_l1"
            )
        every = bool((linear | fixed).all())
        return minimise_kinked(criterion, begin, region, linear=every, **limit)
    if method != "auto" or (len(begin) > MANY and not problem.kinks.any()):
        name = "L-BFGS-B" if method == "auto" else method
        return _by_scipy(problem, criterion, begin, region, name, max_iterations)
    point = at(criterion, begin)
    if point is None:
        criterion.require_finite()
        raise ArgumentValueError(
            "the loss or a derivative of it is not finite at the start: choose another start, or "
            "bounds that keep out of where the formula has no value"
        )
    if problem.kinks.any():
        point = proximal(criterion, point, region, problem.kinks, **limit)
        name = "proximal Newton"
    else:
        point = newton(criterion, point, region, shown=shown, **limit)
        name = "Newton"
    return _solution(problem, point, region, name, criterion.n)


def _inside(problem: Problem, p: Array) -> Array:
    """Move the loss's own parameters off a bound, where logarithms have no value."""
    own = np.arange(len(p)) >= len(p) - len(problem.loss.own)
    on = own & (p <= problem.lower) & ~problem.fixed
    return np.where(on, problem.lower + 1e-3, p)


def _solution(
    problem: Problem, point: Point, region: Region, method: str, samples: int
) -> Solution:
    active = region.held(point.p, point.gradient)
    zero = (point.p == 0) & (problem.kinks > 0)
    converged = point.settled and point.convex
    if problem.loss.mean is not None and point.value <= 1e-9 * samples:
        converged = False
        message = (
            "not converged: the loss falls for ever as parameters grow: the data separate the "
            "responses, and have no finite answer; a penalty gives one"
        )
    elif converged:
        message = "converged: steps are at the level of rounding"
    elif point.settled:
        message = "ended where the loss no longer falls, which is no minimum by its curvature"
    else:
        message = (
            f"not converged: the loss still falls after {point.iterations} steps; start nearer, "
            "or allow more with max_iterations="
        )
    return Solution(
        p=point.p,
        value=point.value,
        gradient=point.gradient,
        active=active | zero,
        converged=converged,
        message=message,
        method=method,
        iterations=point.iterations,
        evaluations=point.evaluations,
        hessian=point.hessian,
    )


def _by_scipy(
    problem: Problem,
    criterion: Criterion,
    begin: Array,
    region: Region,
    method: str,
    max_iterations: int | None,
) -> Solution:
    from scipy import optimize

    name = method.lower()
    free = ~region.fixed
    bounded = np.isfinite(region.lower[free]).any() or np.isfinite(region.upper[free]).any()
    if bounded and name not in _TAKE_BOUNDS:
        raise ArgumentValueError(
            f"method={method!r} takes no bounds: it is one of {', '.join(sorted(_TAKE_BOUNDS))}, "
            "or 'auto'"
        )
    if problem.kinks.any():
        raise ArgumentValueError("a lasso penalty needs method='auto'")

    def whole(x: Array) -> Array:
        p = begin.copy()
        p[free] = x
        return p

    evaluations = 0

    def value_and_grad(x: Array) -> tuple[float, Array]:
        nonlocal evaluations
        evaluations += 1
        with np.errstate(all="ignore"):
            value, gradient = criterion.value_and_grad(whole(x))
        return value, gradient[free]

    options: dict[str, Any] = {}
    if max_iterations is not None:
        options["maxiter"] = max_iterations
    passed: dict[str, Any] = {"options": options or None}
    if name in VALUE_ONLY:
        fun: Any = lambda x: criterion.value(whole(x))  # noqa: E731
    else:
        fun, passed["jac"] = value_and_grad, True
    if name in NEEDS_HESSIAN | TAKES_PRODUCTS:
        passed["hess"] = lambda x: criterion.hessian(whole(x))[np.ix_(free, free)]
    if bounded:
        passed["bounds"] = np.column_stack((region.lower[free], region.upper[free]))
    try:
        found = optimize.minimize(fun, begin[free], method=method, **passed)
    except ValueError as error:
        raise ArgumentValueError(f"method={method!r}: {error}") from error
    p = whole(np.clip(found.x, region.lower[free], region.upper[free]))
    value, gradient = criterion.value_and_grad(p)
    return Solution(
        p=p,
        value=float(value),
        gradient=gradient,
        active=region.held(p, gradient),
        converged=bool(found.success),
        message=f"{'converged' if found.success else 'not converged'}: {found.message}",
        method=method,
        iterations=int(getattr(found, "nit", 0)),
        evaluations=evaluations or int(getattr(found, "nfev", 0)),
    )
