"""What an engine found, in the terms of the user: covariances, statistics, messages."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from symcompile.arguments import Array, listed
from symcompile.fitting.batch.found import Ended, Found, Task
from symcompile.fitting.batch.groups import Groups, Points
from symcompile.fitting.batch.result import FitManyResult
from symcompile.options import Options


def result_of(
    task: Task,
    groups: Groups,
    found: Found,
    reasons: Mapping[int, str],
    engine: str,
    options: Options,
    *,
    scaled: bool,
) -> FitManyResult:
    model, points = task.model, task.points
    count, free = found.values.shape
    order = [model.params.index(name) for name in model.free]
    values = np.empty((count, len(model.params)))
    values[:, order] = found.values
    for k, name in enumerate(model.fixed):
        values[:, model.params.index(name)] = task.fixed[:, k]
    left = points.counts - free + found.held.sum(axis=1)
    with np.errstate(all="ignore"):
        scale = np.where(left > 0, found.chi2 / left, np.inf) if scaled else np.ones(count)
        inner = found.inverse * scale[:, None, None]
        r2 = 1.0 - found.chi2 / _total(points)
    # 0*inf where the model fits exactly and nothing is left over
    inner = np.where(np.isnan(inner) & ~np.isnan(found.inverse), np.inf, inner)
    covariances = np.zeros((count, len(model.params), len(model.params)))
    covariances[:, np.array(order)[:, None], np.array(order)[None, :]] = inner
    statistics = {
        "chi2": found.chi2,
        "r2": r2,
        "n": points.counts,
        "iterations": found.iterations,
        "success": found.ended == Ended.CONVERGED,
    }
    return FitManyResult(
        model,
        groups.names,
        groups.keys,
        values,
        covariances,
        statistics,
        _messages(task, found, reasons),
        engine,
        options,
    )


def _total(points: Points) -> Array:
    """Return the weighted sums of squares about the weighted means of y."""
    if not len(points.counts):
        return np.zeros(0)
    at = points.start[:-1]
    if points.shared(points.weight):
        square = points.weight**2
        y = points.y.reshape(len(at), -1)
        mean = np.einsum("gn,n->g", y, square) / square.sum()
        return np.asarray(np.einsum("gn,n->g", (y - mean[:, None]) ** 2, square))
    square = points.weight**2
    # Padding has no weight; what is not finite is NaN in its own group only.
    mean = np.add.reduceat(square * points.y, at) / np.add.reduceat(square, at)
    apart = points.weight * (points.y - np.repeat(mean, points.sizes))
    found: Array = np.add.reduceat(apart * apart, at)
    return found


def _messages(task: Task, found: Found, reasons: Mapping[int, str]) -> tuple[str, ...]:
    free = task.model.free
    texts = {
        Ended.CONVERGED: "converged",
        Ended.NOT_FINITE: "the model or a derivative is not finite at the start",
        Ended.SINGULAR: "the Jacobian is singular: the data do not determine ",
        Ended.ITERATIONS: f"no convergence within {task.limit} iterations",
        Ended.STALLED: "no step makes the residuals smaller, though the gradient is not zero",
        Ended.SKIPPED: "not fitted",
    }
    messages = np.array([texts[ended] for ended in Ended], object)[found.ended]
    for group in np.flatnonzero(found.ended == Ended.SINGULAR).tolist():
        messages[group] += free[found.where[group]]
    for group in np.flatnonzero(np.any(found.held, axis=1)).tolist():
        held = [name for k, name in enumerate(free) if found.held[group, k]]
        messages[group] += f"; at a bound: {listed(held)}"
    for group, reason in reasons.items():
        messages[group] = reason
    return tuple(messages.tolist())
