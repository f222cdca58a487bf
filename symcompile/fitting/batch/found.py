"""What the engines take and return, and how a fit may have ended."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from symcompile.arguments import Array
from symcompile.fitting.batch.groups import Points
from symcompile.fitting.batch.model import Model


class Ended(enum.IntEnum):
    """How a fit ended; the first six as in ``templates/llvm/fits.h.j2``."""

    CONVERGED = 0
    NOT_FINITE = 1
    SINGULAR = 2
    ITERATIONS = 3
    STALLED = 4
    SKIPPED = 5


@dataclass(frozen=True, eq=False)
class Task:
    """What an engine is to do.

    Attributes:
        model: the model.
        points: the points of all groups.
        able: which groups can be fitted.
        start: where each begins, ``(G, P)``.
        fixed: the parameters that are not fitted, ``(G, F)``.
        low, high: bounds of the parameters, ``(P,)``.
        limit: how many steps a fit may try.
    """

    model: Model
    points: Points
    able: NDArray[np.bool_]
    start: Array
    fixed: Array
    low: Array
    high: Array
    limit: int


@dataclass(frozen=True, eq=False)
class Found:
    """What an engine found.

    Attributes:
        values: parameters ``(G, P)``.
        inverse: the inverse of ``J^T J`` at them, over those that are not held, ``(G, P, P)``; the
            others have NaN, and infinity stands for one that is singular.
        chi2: the weighted sums of squares.
        iterations: how many steps were tried.
        ended: an :class:`Ended` for each group.
        where: which parameter the data do not determine, or -1.
        held: which parameters are at a bound that the gradient pushes against, ``(G, P)``.
    """

    values: Array
    inverse: Array
    chi2: Array
    iterations: NDArray[np.intp]
    ended: NDArray[np.intp]
    where: NDArray[np.intp]
    held: NDArray[np.bool_]

    @classmethod
    def empty(cls, task: Task) -> Found:
        """Return what stands for groups that cannot be fitted."""
        count, size = task.start.shape
        return cls(
            np.full((count, size), np.nan),
            np.full((count, size, size), np.nan),
            np.full(count, np.nan),
            np.zeros(count, np.intp),
            np.full(count, Ended.SKIPPED, np.intp),
            np.full(count, -1, np.intp),
            np.zeros((count, size), np.bool_),
        )


#: Told how many groups are done.
Advance = Callable[[int], None]
