"""Sums over all samples that say how good a fit is."""

from __future__ import annotations

import math

import sympy as sp

from symcompile.arguments import count
from symcompile.errors import ArgumentValueError
from symcompile.fitting.criterion import Criterion
from symcompile.fitting.problem import Problem
from symcompile.frontend.definition import Definition, define


def spread(problem: Problem, criterion: Criterion) -> float:
    """Return the weighted sum of squares of the response around its weighted mean."""
    weight, mean = problem.precision, sp.Dummy("mean")
    first = [weight, weight * problem.response]
    total, moment = criterion.sums(_summed(problem, first), ())
    if not total > 0:
        return 0.0
    squares = [weight * (problem.response - mean) ** 2, weight]
    definition = _summed(problem, squares, (mean,))
    return float(criterion.sums(definition, (float(moment) / float(total),))[0])


def counted(problem: Problem, criterion: Criterion) -> int:
    """Return how many samples have a weight other than 0: the others say nothing."""
    weight = problem.weight
    if weight is None:
        return criterion.n
    if weight.is_number:
        return criterion.n if weight != 0 else 0
    ones = sp.Piecewise((1, sp.Ne(weight, 0)), (0, True))
    return int(criterion.sums(_summed(problem, [ones, sp.S.One]), ())[0])


def off_centre(problem: Problem, criterion: Criterion, p: list[float]) -> bool:
    """Return whether the weighted residuals average to something else than 0, beyond rounding."""
    weight, residual = problem.precision, problem.response - problem.model
    formulas = [weight * residual, weight * residual**2, weight * problem.response**2, weight]
    definition = _summed(problem, formulas, problem.params)
    first, squares, size, total = map(float, criterion.sums(definition, p))
    return abs(first) > math.sqrt(total) * (1e-6 * math.sqrt(squares) + 1e-12 * math.sqrt(size))


def rounding(problem: Problem, criterion: Criterion) -> float:
    """Return how large a sum of squares may be that holds nothing but rounding."""
    formulas = [problem.precision * problem.response**2, sp.S.One]
    return 1e-26 * float(criterion.sums(_summed(problem, formulas), ())[0])


def log_precision(problem: Problem, criterion: Criterion) -> float:
    """Return the sum of ``log(weight/sigma**2)``; samples of weight 0 count as nothing."""
    precision = problem.precision
    if precision == 1:
        return 0.0
    logs = sp.Piecewise((sp.log(precision), precision > 0), (0, True))
    return float(criterion.sums(_summed(problem, [logs, sp.S.One]), ())[0])


def chi2(problem: Problem, criterion: Criterion, p: list[float]) -> float:
    """Return the sum of squared residuals, weighted and divided by ``sigma**2``."""
    mean = problem.loss.mean
    predicted = problem.model if mean is None else mean(problem.model)
    term = problem.precision * (predicted - problem.response) ** 2
    definition = _summed(problem, [term, sp.S.One], problem.params)
    return float(criterion.sums(definition, p)[0])


def full_loss(problem: Problem, criterion: Criterion, p: list[float]) -> float:
    """Return the sum of losses with what does not depend on parameters, without penalty."""
    constant = problem.loss.constant
    term = problem.losses
    if constant is not None:
        weight = sp.S.One if problem.weight is None else problem.weight
        term += weight * constant(problem.response)
    return float(criterion.sums(_summed(problem, [term, sp.S.One], problem.params), p)[0])


def require_support(problem: Problem, criterion: Criterion) -> None:
    """Check that every response is one that the loss is defined for.

    Raises:
        ArgumentValueError: says how many are not.
    """
    low, high = problem.loss.support
    if math.isinf(low) and math.isinf(high):
        return
    y = problem.response
    outside = sp.Or(y < sp.Float(low), y > sp.Float(high))
    formulas = [sp.Piecewise((1, outside), (0, True)), sp.S.One]
    beyond = int(criterion.sums(_summed(problem, formulas), ())[0])
    if beyond:
        limits = f"at least {low:g}" if math.isinf(high) else f"between {low:g} and {high:g}"
        raise ArgumentValueError(
            f"with the loss {problem.loss.name} a response is {limits}, and "
            f"{count(beyond, 'sample')} of {criterion.n} "
            f"{'is' if beyond == 1 else 'are'} not"
        )


def _summed(
    problem: Problem, formulas: list[sp.Expr], params: tuple[sp.Symbol, ...] = ()
) -> Definition:
    return define("totals", formulas, params=params, data=problem.columns, reduce="sum")
