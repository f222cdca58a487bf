"""What a fit returns: parameters, their errors, and what follows from them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Literal, overload

import numpy as np
import sympy as sp

from symcompile.arguments import Array, listed
from symcompile.errors import ArgumentValueError
from symcompile.fitting import totals
from symcompile.fitting.criterion import Criterion
from symcompile.fitting.derived import Estimate, Estimates, derive, propagated
from symcompile.fitting.goodness import Goodness
from symcompile.fitting.inference import Inference, infer, require_level
from symcompile.fitting.minimising import Minimiser
from symcompile.fitting.prediction import IntervalName, Kernels, predict
from symcompile.fitting.problem import Problem
from symcompile.fitting.profile import profile_interval, trace
from symcompile.fitting.solution import Solution

IntervalMethod = Literal["asymptotic", "profile"]


class FitResult(Goodness):
    """The result of :func:`~symcompile.fit`.

    Attributes:
        problem: what was fitted: formulas, bounds, starts.
        criterion: what was minimised, with the data.
        solution: where and how the minimiser ended.
        inference: the covariance, and what it was made from.
        params: the parameters by name: free, fixed and tied ones, then the loss's own.
        stderr: their standard errors: 0 for what is fixed, NaN for what lies on a bound.
        covariance: shape ``(P, P)``, of free and fixed parameters in the order of ``names``.
        names: of these parameters.
        success: whether the fit converged.
        message: why it ended, in words.
        warnings: what should keep one from trusting the answer; empty if nothing does.
        loss: the minimum: the sum of squares, or of other losses, and the penalty.
        n: samples that count.
        dof: these minus fitted parameters.

    Example:
        >>> import symcompile as sc
        >>> result = sc.fit("a + b*x", {"x": [0, 1, 2, 3], "y": [1.0, 3.1, 4.9, 7.0]})
        >>> round(result.stderr["b"], 6), round(result.r2, 6)
        (0.042426, 0.999083)
    """

    def __init__(
        self,
        problem: Problem,
        criterion: Criterion,
        solution: Solution,
        minimiser: Minimiser,
        absolute_sigma: bool = False,
    ) -> None:
        self.problem = problem
        self.criterion = criterion
        self.solution = solution
        self.minimiser = minimiser
        self.absolute_sigma = absolute_sigma
        self.inference: Inference = infer(problem, criterion, solution, absolute_sigma)
        self.kernels = Kernels(problem)
        self._lower: tuple[Array, float] | None = None

    # ------------------------------------------------------------------ parameters

    @property
    def names(self) -> tuple[str, ...]:
        """Names of free and fixed parameters, in the order of the covariance."""
        return self.problem.names

    @cached_property
    def params(self) -> Mapping[str, float]:
        """All parameters by name."""
        found = dict(zip(self.names, self.solution.p.tolist(), strict=True))
        found.update({name: value.value for name, value in self._tied.items()})
        return found

    @cached_property
    def stderr(self) -> Mapping[str, float]:
        """Standard errors by name."""
        found = dict(zip(self.names, self.inference.stderr.tolist(), strict=True))
        found.update({name: value.stderr for name, value in self._tied.items()})
        return found

    @property
    def t(self) -> Mapping[str, float]:
        """Each value by its standard error; NaN for what is fixed or has none."""
        pairs = ((name, value, self.stderr[name]) for name, value in self.params.items())
        return {name: value / error if error > 0 else math.nan for name, value, error in pairs}

    @property
    def covariance(self) -> Array:
        """The covariance of the parameters, shape ``(P, P)``."""
        return self.inference.covariance

    @property
    def correlation(self) -> Array:
        """The correlation of the parameters, shape ``(P, P)``; NaN for what is fixed."""
        errors = self.inference.stderr
        with np.errstate(all="ignore"):
            found: Array = self.covariance / np.outer(errors, errors)
        return found

    @cached_property
    def _tied(self) -> dict[str, Estimate]:
        formulas = tuple(self.problem.tied.values())
        if not formulas:
            return {}
        found = propagated(self.problem, self.solution.p, self.covariance, formulas)
        estimates = map(Estimate, found.value.tolist(), found.stderr.tolist())
        return dict(zip(self.problem.tied, estimates, strict=True))

    @overload
    def derived(self, formula: str | sp.Expr) -> Estimate: ...

    @overload
    def derived(self, formula: Sequence[str | sp.Expr]) -> Estimates: ...

    def derived(self, formula: Any) -> Estimate | Estimates:
        """Return a quantity made of parameters, with its standard error.

        Errors are propagated with the exact gradient, to first order.

        Args:
            formula: in parameters, tied ones too: SymPy or text. Or a list of ``k`` of them.

        Returns:
            ``value`` and ``stderr``; of a list both of shape ``(k,)``, and ``covariance`` of shape
            ``(k, k)``.

        Raises:
            ParseError: the text is no formula.
            ArgumentValueError: it holds something that is no parameter.

        Example:
            >>> import symcompile as sc
            >>> result = sc.fit("a + b*x", {"x": [0, 1, 2, 3], "y": [1.0, 3.1, 4.9, 7.0]})
            >>> round(result.derived("-a/b").value, 6)  # where the line crosses zero
            -0.520202
        """
        return derive(self.problem, self.solution.p, self.covariance, formula)

    def intervals(
        self, level: float = 0.95, method: IntervalMethod = "asymptotic"
    ) -> dict[str, tuple[float, float]]:
        """Return confidence intervals by name.

        Args:
            level: how probable it is that an interval covers what it estimates.
            method: ``"asymptotic"`` for standard errors times the quantile of Student's
                distribution (least squares) or the normal one; ``"profile"`` for how far a
                parameter may go before the fit gets too much worse, the others adapting. A side
                that has no end is infinite. Tied parameters have asymptotic ones.

        Raises:
            ArgumentValueError: a level that is not between 0 and 1, or another method.
        """
        require_level(level)
        if method not in ("asymptotic", "profile"):
            raise ArgumentValueError(f"method={method!r} is none of 'asymptotic', 'profile'")
        if method == "profile":
            self._require_profile()
        reach = self.inference.quantile(level)
        found = {
            name: (value - reach * self.stderr[name], value + reach * self.stderr[name])
            for name, value in self.params.items()
        }
        if method == "profile":
            for index, name in enumerate(self.names):
                found[name] = profile_interval(self, index, level)
        return found

    def profile(self, name: str, points: int = 21, farthest: float = 4.0) -> tuple[Array, Array]:
        """Return a parameter's profile: values, and ``tau``, the signed root of the excess.

        Args:
            name: of the parameter.
            points: how many.
            farthest: how many standard errors to go.

        Returns:
            Both of shape ``(points,)``; a straight line of slope ``1/stderr`` where the
            asymptotic interval is right.
        """
        self._require_profile()
        if name not in self.names:
            raise ArgumentValueError(f"{name} is no parameter; they are {listed(self.names)}")
        if self.problem.fixed[self.names.index(name)]:
            raise ArgumentValueError(f"{name} is fixed: it has no profile")
        return trace(self, self.names.index(name), points, farthest)

    def _require_profile(self) -> None:
        if self.inference.basis not in ("squares", "likelihood"):
            raise ArgumentValueError(
                f"the loss {self.problem.loss.name} is no likelihood: it has no profile intervals"
            )

    # ------------------------------------------------------------------ the fit

    @property
    def warnings(self) -> tuple[str, ...]:
        """What should keep one from trusting the answer, and what profiles found since."""
        if self._lower is None:
            return self._warnings
        p, value = self._lower
        where = ", ".join(f"{name}={at:.6g}" for name, at in zip(self.names, p, strict=True))
        return (
            *self._warnings,
            f"a profile found a lower minimum, {value:.10g}: fit again with start at {where}",
        )

    def note_minimum(self, p: Array, value: float) -> None:
        """Keep a point that is lower than the minimum, beyond rounding; ``warnings`` say so."""
        best = self.loss if self._lower is None else self._lower[1]
        if value >= best - 1e-9 * abs(best):
            return
        squares = self.problem.loss.kind == "squares"
        if not squares or best > totals.rounding(self.problem, self.criterion):
            self._lower = p, value

    @cached_property
    def _warnings(self) -> tuple[str, ...]:
        found = [] if self.success else [self.message]
        found += [*self.solution.warnings, *self.inference.warnings, *self._few_digits()]
        found += self.without_intercept
        starts = self.solution.starts
        if len(starts) > 1:
            near = sum(one <= self.loss + 1e-6 * abs(self.loss) + 1e-300 for one in starts)
            if near == 1:
                found.append(
                    f"of {len(starts)} starts only one ends here: there may be a lower minimum"
                )
        return tuple(found)

    def _few_digits(self) -> list[str]:
        digits = self.solution.digits
        if digits is None:
            return []
        few = [
            f"{name} to {max(int(kept), 0)}"
            for name, kept, fixed in zip(self.names, digits, self.problem.fixed, strict=True)
            if kept < 8 and not fixed
        ]
        return [f"double precision leaves few digits: {listed(few)}"] if few else []

    @property
    def iterations(self) -> int:
        """How many steps were taken."""
        return self.solution.iterations

    @property
    def evaluations(self) -> int:
        """How many passes over the data were made."""
        return self.solution.evaluations

    # ------------------------------------------------------------------ samples

    @property
    def table(self) -> Mapping[str, Array]:
        """The columns that were fitted, by name.

        Raises:
            ArgumentValueError: the data are not in memory.
        """
        columns = getattr(self.criterion, "columns", None)
        if columns is None:
            raise ArgumentValueError(
                "the data of this fit are not in memory: give a table, as in predict(data)"
            )
        return dict(zip(self.problem.column_names, columns, strict=True))

    @cached_property
    def observed(self) -> Array:
        """The response, shape ``(n,)``."""
        from symcompile.compiler import compile

        kernel = compile(self.problem.observed, backend="python")
        return np.asarray(kernel.value([], *self.table.values()))

    @property
    def fitted(self) -> Array:
        """What is predicted for the data, shape ``(n,)``."""
        found: Array = self.predict()
        return found

    @property
    def residuals(self) -> Array:
        """Response minus prediction, shape ``(n,)``, in the response's own unit."""
        return self.observed - self.fitted

    def predict(self, data: Any = None, interval: IntervalName = None, level: float = 0.95) -> Any:
        """Predict the response.

        Args:
            data: a table with the model's columns, by default the data themselves.
            interval: ``"confidence"`` for that of the mean, ``"prediction"`` for that of a new
                response, which scatters as the data do (least squares and ``"gaussian"``).
            level: of the interval.

        Returns:
            Shape ``(n,)``; with an interval ``mean``, ``lower``, ``upper`` and ``stderr`` of that
            shape. The interval is propagated to first order, and for a loss whose model is a
            transformed mean, transformed.

        Raises:
            ArgumentValueError: a column is missing.

        Example:
            >>> import symcompile as sc
            >>> result = sc.fit("a + b*x", {"x": [0, 1, 2, 3], "y": [1.0, 3.1, 4.9, 7.0]})
            >>> result.predict({"x": [10]}).round(6).tolist()
            [20.83]
        """
        return predict(self, data, interval, level)

    # ------------------------------------------------------------------ presentation

    @property
    def formula(self) -> sp.Expr:
        """The model with the fitted numbers in it."""
        values = {
            symbol: sp.Float(value)
            for symbol, value in zip(self.problem.params, self.solution.p.tolist(), strict=True)
        }
        return self.problem.model.xreplace(values)

    def latex(self, numbers: bool = True) -> str:
        """Return the fitted formula as LaTeX.

        Args:
            numbers: whether fitted numbers stand in it, each to two digits of its standard error;
                or the parameters' names.
        """
        from symcompile.fitting.report import latex

        return latex(self, numbers)

    def report(self, level: float = 0.95, method: IntervalMethod = "asymptotic") -> str:
        """Return everything as text, in tables."""
        from symcompile.fitting.report import text

        return text(self, level, method)

    def to_dict(self, level: float = 0.95, method: IntervalMethod = "asymptotic") -> dict[str, Any]:
        """Return everything as numbers, text, lists and mappings, ready for JSON.

        What is unknown is None, and what is infinite, such as the end of a profile interval,
        the text ``"inf"`` or ``"-inf"``.
        """
        from symcompile.fitting.report import as_dict

        return as_dict(self, level, method)

    def to_frame(self, level: float = 0.95, method: IntervalMethod = "asymptotic") -> Any:
        """Return a pandas DataFrame: a row for each parameter."""
        import pandas as pd

        intervals = self.intervals(level, method)
        rows = {
            name: (value, self.stderr[name], self.t[name], *intervals[name])
            for name, value in self.params.items()
        }
        columns = ["value", "stderr", "t", "lower", "upper"]
        return pd.DataFrame.from_dict(rows, orient="index", columns=columns)

    def plot(self, path: Any = None, level: float = 0.95, axes: Any = None) -> Any:
        """Draw data, fit, band and residuals; return matplotlib's figure.

        With several columns in the model, responses are drawn over predictions.

        Args:
            path: where to save it; the suffix says the format.
            level: of the band.
            axes: two of matplotlib's to draw on, for the fit and for residuals; by default those
                of a new figure.
        """
        from symcompile.fitting.picture import draw

        return draw(self, path, level, axes)

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value:.6g}" for name, value in self.params.items())
        state = "" if self.success else ", not converged"
        return f"<fit of {self.n} samples: {values}{state}>"

    def _repr_html_(self) -> str:
        from symcompile.fitting.report import html

        return html(self)
