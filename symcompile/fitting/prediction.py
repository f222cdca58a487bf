"""Predictions of a fit, and how far they may be off."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import sympy as sp

from symcompile.arguments import Array
from symcompile.errors import ArgumentValueError
from symcompile.fitting.inference import require_level
from symcompile.fitting.problem import Problem
from symcompile.fitting.tables import columns_of, open_table
from symcompile.frontend.definition import define
from symcompile.frontend.walking import free_symbols

if TYPE_CHECKING:
    from symcompile.fitting.result import FitResult
    from symcompile.kernel import Kernel

IntervalName = Literal["confidence", "prediction"] | None


class Prediction(NamedTuple):
    """Predictions with an interval; each of shape ``(n,)``.

    Attributes:
        mean: what is predicted.
        lower, upper: the interval's ends.
        stderr: the standard error that the ends come from.
    """

    mean: Array
    lower: Array
    upper: Array
    stderr: Array


class Kernels:
    """The compiled functions that a result calls, made when they are first called."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem

    @cached_property
    def prediction(self) -> Kernel:
        """The model."""
        from symcompile.compiler import compile

        return compile(self._problem.prediction, backend="python")

    def __reduce__(self) -> tuple[type[Kernels], tuple[Problem]]:
        return Kernels, (self._problem,)


def predict(result: FitResult, data: Any, interval: IntervalName, level: float) -> Any:
    """Return predictions; see :meth:`~symcompile.FitResult.predict`."""
    if interval not in (None, "confidence", "prediction"):
        raise ArgumentValueError(f"interval={interval!r} is none of 'confidence', 'prediction'")
    require_level(level)
    kernel = result.kernels.prediction
    columns, n = _columns(result, data, kernel.data)
    p = result.solution.p
    with np.errstate(all="ignore"):
        linear = np.broadcast_to(kernel.value(p, *columns), n)
    if interval is None:
        return _mean(result, linear)
    with np.errstate(all="ignore"):
        jacobian = np.broadcast_to(kernel.jacobian(p, *columns), (n, len(p)))
    free = ~result.problem.fixed & ~result.solution.active
    covariance = result.inference.covariance[np.ix_(free, free)]
    slopes = jacobian[:, free]
    variance = np.einsum("ij,jk,ik->i", slopes, covariance, slopes)
    if interval == "prediction":
        variance = variance + _scatter(result, data, n)
    stderr = np.sqrt(variance)
    reach = result.inference.quantile(level) * stderr
    ends = _mean(result, linear - reach), _mean(result, linear + reach)
    return Prediction(_mean(result, linear), np.minimum(*ends), np.maximum(*ends), stderr)


def _columns(result: FitResult, data: Any, names: tuple[str, ...]) -> tuple[tuple[Array, ...], int]:
    if data is None:
        table, n = result.table, result.criterion.n
        return tuple(table[name] for name in names), n
    table = open_table(data)
    if names:
        columns = columns_of(table, names)
        return columns, len(columns[0])
    first = (
        next(iter(table.values())) if hasattr(table, "values") and callable(table.values) else table
    )
    return (), len(first)


def _mean(result: FitResult, linear: Array) -> Array:
    """Return what the model's values mean for the response."""
    mean = result.problem.loss.mean
    if mean is None:
        return np.array(linear)
    symbol = sp.Dummy("f")
    from symcompile.compiler import compile

    kernel = compile(define("mean", mean(symbol), data=symbol), backend="python")
    return np.asarray(kernel.value([], np.ascontiguousarray(linear)))


def _scatter(result: FitResult, data: Any, n: int) -> Array:
    """Return the variance of a response around its mean, for each sample."""
    problem = result.problem
    if problem.loss.variance is not None:
        own = result.solution.p[len(result.solution.p) - len(problem.loss.own) :]
        return np.full(n, float(problem.loss.variance(*map(sp.Float, own.tolist()))))
    if problem.loss.kind != "squares":
        raise ArgumentValueError(
            f"the loss {problem.loss.name} says nothing of how responses scatter: "
            "interval='confidence' is that of the mean"
        )
    from symcompile.compiler import compile

    variance = np.full(n, result.inference.scale)
    relative = sp.S.One if problem.sigma is None else problem.sigma**2
    if problem.weight is not None:
        relative /= problem.weight
    if relative == 1:
        return variance
    columns = tuple(symbol for symbol in problem.columns if symbol in free_symbols(relative))
    kernel = compile(define("scatter", relative, data=columns), backend="python")
    try:
        given, _ = _columns(result, data, kernel.data)
    except ArgumentValueError as error:
        raise ArgumentValueError(
            f"a prediction interval needs the columns of sigma and weights: {error}"
        ) from error
    return np.asarray(variance * np.broadcast_to(kernel.value([], *given), n))
