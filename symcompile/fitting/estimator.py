"""``SymbolicRegressor``: a fit as an estimator of scikit-learn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy as sp

from symcompile.arguments import Array
from symcompile.errors import ArgumentValueError
from symcompile.fitting.api import fit

try:
    from sklearn.base import BaseEstimator, RegressorMixin
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise ImportError(
        "SymbolicRegressor needs scikit-learn 1.6 or later: pip install 'symcompile[sklearn]'"
    ) from error

if TYPE_CHECKING:
    from symcompile.fitting.result import FitResult


class SymbolicRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """A model fitted to data, as an estimator of scikit-learn.

    The columns of ``X`` are the model's variables, under their names in a data frame, else as
    ``x0``, ``x1``, ...; other symbols are parameters. Without a model it is linear in all
    columns.

    Args:
        model: a SymPy expression or its text; None for ``b0 + b1*x0 + b2*x1 + ...``.
        params: names of the parameters, where symbols that are no columns do not say it all.
        start, loss, bounds, fixed, tied, penalty, starts, seed, method, backend: as for
            :func:`~symcompile.fit`.

    Attributes:
        result_: what ``fit`` of symcompile returned: standard errors, intervals, plots.
        params_: the fitted parameters by name.
        n_features_in_, feature_names_in_: as in all estimators.
        n_iter_: how many steps were taken.

    Example:
        >>> import numpy as np, symcompile as sc
        >>> X = np.linspace(0, 2, 9).reshape(-1, 1)
        >>> regressor = sc.SymbolicRegressor("a*exp(-b*x0)").fit(X, 3*np.exp(-2*X[:, 0]))
        >>> {name: round(value, 9) for name, value in regressor.params_.items()}
        {'a': 3.0, 'b': 2.0}
    """

    def __init__(
        self,
        model: Any = None,
        *,
        params: Iterable[Any] | None = None,
        start: Mapping[Any, Any] | None = None,
        loss: Any = "least_squares",
        bounds: Mapping[Any, Any] | None = None,
        fixed: Any = None,
        tied: Mapping[Any, Any] | None = None,
        penalty: Any = 0,
        starts: int = 1,
        seed: int = 0,
        method: str = "auto",
        backend: Any = "auto",
    ) -> None:
        self.model = model
        self.params = params
        self.start = start
        self.loss = loss
        self.bounds = bounds
        self.fixed = fixed
        self.tied = tied
        self.penalty = penalty
        self.starts = starts
        self.seed = seed
        self.method = method
        self.backend = backend

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> SymbolicRegressor:
        """Fit the model.

        Args:
            X: shape ``(n, k)``, or a data frame.
            y: shape ``(n,)``.
            sample_weight: shape ``(n,)``; how much each sample counts.
        """
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        table = self._table(X)
        weights = None
        if sample_weight is not None:
            weights = _weights(sample_weight, len(X))
            # A sample that does not count is as if it were not there: in degrees of freedom too.
            there = weights > 0
            if not there.any():
                raise ArgumentValueError(
                    "every weight in sample_weight is zero: nothing is left to fit"
                )
            table = {name: column[there] for name, column in table.items()}
            y, weights = y[there], weights[there]
        model, params = self.model, self.params
        if model is None:
            model, params = _linear(list(table))
        self.result_: FitResult = fit(
            model,
            table,
            y,
            params=params,
            start=self.start,
            loss=self.loss,
            weights=weights,
            bounds=self.bounds,
            fixed=self.fixed,
            tied=self.tied,
            penalty=self.penalty,
            starts=self.starts,
            seed=self.seed,
            method=self.method,
            backend=self.backend,
            progress=False,
        )
        self.params_ = dict(self.result_.params)
        self.n_iter_ = self.result_.iterations
        return self

    def predict(self, X: Any) -> Array:
        """Return predictions, shape ``(n,)``."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        predicted: Array = np.asarray(self.result_.predict(self._table(X)))
        return predicted

    def _table(self, X: Array) -> dict[str, Array]:
        """Return the columns of ``X`` by the names that the model has for them."""
        names = getattr(self, "feature_names_in_", None)
        if names is None:
            names = [f"x{k}" for k in range(X.shape[1])]
        return {str(name): np.ascontiguousarray(X[:, k]) for k, name in enumerate(names)}


def _weights(given: Any, n: int) -> Array:
    weights = np.asarray(given, np.float64)
    if weights.ndim == 0:
        return np.full(n, float(weights))
    if weights.shape != (n,):
        raise ArgumentValueError(f"sample_weight has shape {weights.shape}; it takes ({n},)")
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise ArgumentValueError("sample_weight holds a number that is negative or not finite")
    return weights


def _linear(columns: list[str]) -> tuple[sp.Expr, list[str]]:
    """Return the formula that is linear in all columns, and its parameters."""
    names: list[str] = []
    for k in range(len(columns) + 1):
        name = f"b{k}"
        while name in columns or name in names:
            name += "_"
        names.append(name)
    intercept, *slopes = map(sp.Symbol, names)
    terms = [slope * sp.Symbol(column) for slope, column in zip(slopes, columns, strict=True)]
    return sp.Add(intercept, *terms), names
