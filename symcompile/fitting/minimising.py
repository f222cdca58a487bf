"""Which minimiser a problem gets, and from how many starts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from symcompile.arguments import Array
from symcompile.build.progress import counted, stepping
from symcompile.errors import ArgumentValueError
from symcompile.fitting.criterion import Criterion
from symcompile.fitting.problem import Problem
from symcompile.fitting.solution import Solution
from symcompile.fitting.totals import spread


@dataclass(frozen=True)
class Minimiser:
    """Minimises the criterion of a problem, from any start, with any parameters held.

    Attributes:
        problem: what is fitted.
        criterion: its sum over the data.
        method: ``"auto"``, or a method of ``scipy.optimize.minimize``.
        max_iterations: how many steps one start may take; None for the minimiser's own number.
    """

    problem: Problem
    criterion: Criterion
    method: str = "auto"
    max_iterations: int | None = None

    def __call__(
        self,
        start: Array,
        fixed: Array | None = None,
        shown: Callable[[int, float], None] | None = None,
    ) -> Solution:
        """Minimise from one start.

        Args:
            start: shape ``(P,)``.
            fixed: parameters that stay there, shape ``(P,)``, bool; those that the problem fixes
                by default.
            shown: called with the number of each step and the criterion.
        """
        problem = self.problem
        held = problem.fixed if fixed is None else fixed
        options: dict[str, Any] = {"shown": shown}
        if self.max_iterations is not None:
            options["max_iterations"] = self.max_iterations
        if self.criterion.squares and self.method == "auto":
            from symcompile.fitting.least_squares import minimise_squares

            return minimise_squares(
                self.criterion,
                start,
                problem.lower,
                problem.upper,
                held,
                linear=self.linear & ~held,
                given=problem.given if fixed is None else None,
                spread=lambda: spread(problem, self.criterion),
                **options,
            )
        from symcompile.fitting.general import minimise

        return minimise(
            problem,
            self.criterion,
            start,
            held,
            linear=self.linear,
            method=self.method,
            **options,
        )

    @cached_property
    def linear(self) -> Array:
        """Parameters in which the model is linear together, shape ``(P,)``, bool."""
        from symcompile.fitting.separable import linear_parameters

        problem = self.problem
        return linear_parameters(problem.model, problem.params, ~problem.fixed)

    def from_starts(self, count: Any, seed: int, progress: bool | None = None) -> Solution:
        """Return the best of the solutions from several starts, that of the problem first.

        Raises:
            ArgumentValueError: ``count`` is no positive whole number.
        """
        if not isinstance(count, int | np.integer) or count < 1:
            raise ArgumentValueError(f"starts={count!r} is not a whole number from 1 on")
        if count == 1:
            # Passes over partitions have a bar of their own.
            wanted = False if self.criterion.remote else progress
            with stepping("fitting", wanted) as step:
                return self(self.problem.start, shown=step)
        found: list[Solution] = []
        with counted("starts", int(count), progress) as done:
            for start in drawn(self.problem, int(count), seed):
                try:
                    found.append(self(start))
                except ArgumentValueError:  # the user's own start is to be mended, not a drawn one
                    if not found:
                        raise
                done(1)
        # Of equal ones the first: so one that the user chose is kept.
        best = min(found, key=lambda one: (not np.isfinite(one.value), one.value))
        return replace(best, starts=tuple(one.value for one in found))


def drawn(problem: Problem, count: int, seed: int) -> Iterator[Array]:
    """Yield the start of a problem, then others.

    Between two bounds a start is drawn evenly, or evenly in its logarithm where both are positive
    and far apart. Others are the user's start times a power of ten between -1 and 1, of either
    sign one time in four where no bound forbids it; and of zero they are normal.
    """
    random = np.random.default_rng(seed)
    yield problem.start
    low, high, start = problem.lower, problem.upper, problem.start
    for _ in range(count - 1):
        even, power = random.uniform(size=len(start)), random.uniform(-1, 1, len(start))
        sign = np.where(random.uniform(size=len(start)) < 0.25, -1.0, 1.0)
        normal = random.normal(size=len(start))
        around = np.where(start == 0, normal, sign * start * 10.0**power)
        with np.errstate(all="ignore"):
            between = low + even * (high - low)
            spread = low * (high / low) ** even
        wide = (low > 0) & (high > 100 * low)
        boxed = np.isfinite(low) & np.isfinite(high)
        point = np.where(boxed, np.where(wide, spread, between), around)
        yield np.where(problem.fixed, start, np.clip(point, low, high))
