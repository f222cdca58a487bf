"""Criteria for tests: sums of squares of formulas over columns, ready to be minimised."""

from __future__ import annotations

from typing import Any

import numpy as np

from symcompile.fitting.losses import as_loss
from symcompile.fitting.memory import InMemory
from symcompile.fitting.minimising import Minimiser
from symcompile.fitting.posing import pose
from symcompile.fitting.solution import Solution


def minimiser(model: str, columns: dict[str, Any], y: str = "y", **given: Any) -> Minimiser:
    """Return the minimiser of a sum of squares; the rest is as ``pose`` takes it."""
    problem = pose(model, list(columns), y, loss=as_loss("least_squares"), **given)
    arrays = [np.asarray(columns[name], float) for name in problem.column_names]
    return Minimiser(problem, InMemory(problem, arrays, len(arrays[0]), backend="python"))


def minimised(model: str, columns: dict[str, Any], y: str = "y", **given: Any) -> Solution:
    """Return the minimum of a sum of squares from the problem's own start."""
    found = minimiser(model, columns, y, **given)
    return found(found.problem.start)


def standard_errors(solution: Solution, n: int) -> Any:
    """Return standard errors, shape ``(P,)``, from the triangular factor."""
    factor = solution.triangle
    assert factor is not None
    norms = np.linalg.norm(factor[:, :-1], axis=0)
    inverse = np.linalg.pinv(factor[:, :-1] / norms, rcond=1e-15) / norms[:, None]
    return np.sqrt(np.sum(inverse**2, axis=1) * solution.value / (n - len(norms)))
