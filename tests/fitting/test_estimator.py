"""The estimator: scikit-learn's own checks, and the conventions of its users."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import symcompile as sc

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(60, 2))
Y = 1 + 2 * X[:, 0] - 3 * X[:, 1] + 0.1 * RANDOM.normal(size=60)


# As `check_estimator` runs them, one test each.
@pytest.mark.parametrize(
    ("estimator", "check"),
    list(estimator_checks_generator(sc.SymbolicRegressor(backend="python"))),
    ids=lambda item: getattr(getattr(item, "func", None), "__name__", "regressor"),
)
@pytest.mark.filterwarnings("ignore")
def test_estimator_checks(estimator: Any, check: Any) -> None:
    check(estimator)


def test_without_a_model_it_is_linear() -> None:
    found = sc.SymbolicRegressor(backend="python").fit(X, Y)
    right = LinearRegression().fit(X, Y)
    assert np.allclose(list(found.params_.values()), [right.intercept_, *right.coef_], rtol=1e-12)
    assert np.allclose(found.predict(X), right.predict(X))
    assert found.score(X, Y) == pytest.approx(right.score(X, Y))


def test_columns_of_a_frame_keep_their_names() -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=["length", "b1"])
    found = sc.SymbolicRegressor(backend="python").fit(frame, Y)
    assert list(found.params_) == ["b0", "b1_", "b2"]
    curve = sc.SymbolicRegressor("p + q*length + r*b1", backend="python").fit(frame, Y)
    assert np.allclose(curve.predict(frame), found.predict(frame))


def test_weights_are_repetitions() -> None:
    weights = RANDOM.integers(0, 4, 60)
    weighted = sc.SymbolicRegressor(backend="python").fit(X, Y, sample_weight=weights)
    repeated = sc.SymbolicRegressor(backend="python").fit(X.repeat(weights, 0), Y.repeat(weights))
    assert np.allclose(list(weighted.params_.values()), list(repeated.params_.values()))


def test_in_pipelines_and_searches() -> None:
    y = 2 * np.exp(-0.5 * X[:, 0]) + 0.01 * RANDOM.normal(size=60)
    model = sc.SymbolicRegressor("a*exp(-b*x0)", start={"a": 1, "b": 1}, backend="python")
    assert cross_val_score(model, X, y, cv=3).min() > 0.99
    search = GridSearchCV(model, {"loss": ["least_squares"], "starts": [1, 2]}, cv=2).fit(X, y)
    assert search.best_estimator_.params_["b"] == pytest.approx(0.5, abs=0.01)
    scaled = make_pipeline(StandardScaler(), sc.SymbolicRegressor(backend="python")).fit(X, Y)
    assert scaled.score(X, Y) > 0.99


def test_it_clones_and_pickles() -> None:
    model = sc.SymbolicRegressor("a + b*x0*x1", backend="python").fit(X, Y)
    assert clone(model).model == model.model
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.predict(X), model.predict(X))
