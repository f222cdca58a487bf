"""How good a fit is, in one number: what is left over, what is explained, and what it costs."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np

from symcompile.fitting import totals
from symcompile.fitting.criterion import Criterion
from symcompile.fitting.inference import Inference
from symcompile.fitting.problem import Problem
from symcompile.fitting.separable import linear_parameters
from symcompile.fitting.solution import Solution
from symcompile.frontend.walking import free_symbols


class Goodness:
    """The figures of a fit; all come from sums over the samples, wherever these lie."""

    problem: Problem
    criterion: Criterion
    solution: Solution
    inference: Inference
    absolute_sigma: bool

    @property
    def success(self) -> bool:
        """Whether the fit converged."""
        return self.solution.converged

    @property
    def message(self) -> str:
        """Why the fit ended, in words."""
        return self.solution.message

    @property
    def n(self) -> int:
        """How many samples count: those with a weight other than 0."""
        return self.inference.n

    @property
    def dof(self) -> int:
        """Degrees of freedom: these minus the parameters that were fitted and lie on no bound."""
        return self.inference.dof

    @property
    def loss(self) -> float:
        """The minimum."""
        return self.solution.value

    @cached_property
    def chi2(self) -> float:
        """The weighted sum of squared residuals, divided by ``sigma**2`` where that is given."""
        if self.criterion.squares:
            return self.solution.value
        return totals.chi2(self.problem, self.criterion, self.solution.p.tolist())

    @property
    def reduced_chi2(self) -> float:
        """``chi2/dof``."""
        return self.chi2 / self.dof if self.dof > 0 else math.nan

    @cached_property
    def r2(self) -> float:
        """One minus ``chi2`` by the response's own sum of squares around its mean."""
        spread = totals.spread(self.problem, self.criterion)
        return 1 - self.chi2 / spread if spread > 0 else math.nan

    @cached_property
    def without_intercept(self) -> tuple[str, ...]:
        """Why ``r2`` says little: of a linear model whose residuals do not average to zero.

        Then the response's sum of squares is not that of the fit plus that of the residuals.
        """
        problem = self.problem
        free = ~problem.fixed
        fitted = {one for one, held in zip(problem.params, problem.fixed, strict=True) if not held}
        asked = self.criterion.squares and self.success and free.any()
        if not asked or self.solution.active.any():
            return ()
        if not linear_parameters(problem.model, problem.params, free)[free].all():
            return ()
        # One whose slope is a number is an intercept: then no pass over the data is needed.
        if any(problem.model.diff(one).is_number for one in free_symbols(problem.model) & fitted):
            return ()
        if not totals.off_centre(problem, self.criterion, self.solution.p.tolist()):
            return ()
        return (
            "the model has no intercept, so R2, which compares it with a constant, says little",
        )

    @property
    def adjusted_r2(self) -> float:
        """The same with each sum of squares divided by its degrees of freedom."""
        return 1 - (1 - self.r2) * (self.n - 1) / self.dof if self.dof > 0 else math.nan

    @cached_property
    def log_likelihood(self) -> float:
        """The logarithm of the likelihood at the minimum; NaN where the loss is none.

        Of least squares it is that of normal errors, with the variance that makes it largest,
        or with the known one.
        """
        loss = self.problem.loss
        if loss.kind == "squares":
            logs = totals.log_precision(self.problem, self.criterion)
            if self.absolute_sigma and self.problem.sigma is not None:
                return 0.5 * (logs - self.n * math.log(2 * math.pi) - self.chi2)
            if self.chi2 == 0:
                return math.inf
            return 0.5 * (logs - self.n * (math.log(2 * math.pi * self.chi2 / self.n) + 1))
        if not loss.likelihood:
            return math.nan
        return -totals.full_loss(self.problem, self.criterion, self.solution.p.tolist())

    @property
    def _counted(self) -> int:
        """How many numbers were chosen to fit: the variance of least squares is one of them."""
        fitted = int(np.sum(~self.problem.fixed))
        known = self.absolute_sigma and self.problem.sigma is not None
        return fitted + (self.problem.loss.kind == "squares" and not known)

    @property
    def aic(self) -> float:
        """Akaike's criterion, ``2*k - 2*log_likelihood``."""
        return 2 * self._counted - 2 * self.log_likelihood

    @property
    def aicc(self) -> float:
        """The same, corrected for few samples (Hurvich and Tsai 1989)."""
        k = self._counted
        left = self.n - k - 1
        return self.aic + 2 * k * (k + 1) / left if left > 0 else math.nan

    @property
    def bic(self) -> float:
        """Schwarz's criterion, ``k*log(n) - 2*log_likelihood``."""
        return self._counted * math.log(self.n) - 2 * self.log_likelihood
