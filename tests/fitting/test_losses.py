"""The library of losses: values, stability, and closed forms of their minima."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pytest
import sympy as sp
from scipy import optimize, stats

import symcompile as sc
from symcompile import losses

RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=80)
Z = RANDOM.normal(size=80)
Y = 1 + 2 * X - Z + 0.3 * RANDOM.standard_t(2, size=80)


def fitted(model: str, y: Any, loss: Any, **given: Any) -> Any:
    return sc.fit(model, {"x": X, "z": Z, "y": y}, loss=loss, backend="python", **given)


def scipys(term: Any, start: tuple[float, ...] = (0, 0, 0)) -> Any:
    """Minimise a sum over the samples without derivatives of ours."""

    def total(p: Any) -> float:
        return float(np.sum(term(p[0] + p[1] * X + p[2] * Z, Y)))

    found = optimize.minimize(total, start, method="Nelder-Mead", options={"maxiter": 5000})
    return optimize.minimize(total, found.x, method="BFGS", options={"gtol": 1e-10}).x


@pytest.mark.parametrize(
    ("loss", "term"),
    [
        (losses.soft_l1(0.5), lambda f, y: 0.25 * (np.sqrt(1 + ((f - y) / 0.5) ** 2) - 1)),
        (losses.cauchy(0.5), lambda f, y: 0.125 * np.log1p(((f - y) / 0.5) ** 2)),
        (
            losses.huber(0.3),
            lambda f, y: np.where(
                np.abs(f - y) <= 0.3, (f - y) ** 2 / 2, 0.3 * (np.abs(f - y) - 0.15)
            ),
        ),
    ],
    ids=lambda item: getattr(item, "name", ""),
)
def test_robust_losses(loss: Any, term: Any) -> None:
    result = fitted("a + b*x + c*z", Y, loss)
    assert result.success
    assert np.allclose(list(result.params.values()), scipys(term), atol=2e-6)
    # SciPy's own robust losses are the same to their settings.
    name = {"soft_l1(0.5)": "soft_l1", "cauchy(0.5)": "cauchy", "huber(0.3)": "huber"}[loss.name]
    scale = 0.3 if name == "huber" else 0.5
    right = optimize.least_squares(
        lambda p: p[0] + p[1] * X + p[2] * Z - Y, [0, 0, 0], loss=name, f_scale=scale, xtol=1e-15
    )
    assert np.allclose(list(result.params.values()), right.x, atol=1e-5)


def test_absolute_is_a_median_and_quantile_a_quantile() -> None:
    odd = RANDOM.normal(size=81)
    data = {"y": odd}
    assert sc.fit("m", data, loss="absolute", backend="python").params["m"] == np.median(odd)
    # With n = 81 the quantile 0.25 of the check loss is the sample number ceil(0.25*81).
    low = sc.fit("m", data, loss=losses.quantile(0.25), backend="python")
    assert low.params["m"] == np.sort(odd)[math.ceil(0.25 * 81) - 1]


def test_absolute_of_a_line_lies_on_points() -> None:
    result = fitted("a + b*x + c*z", Y, "absolute")
    assert np.sum(np.abs(result.residuals) < 1e-12) == 3
    for step in np.eye(3):  # a minimum of what is convex
        for sign in (-1e-3, 1e-3):
            p = np.array(list(result.params.values())) + sign * step
            assert np.sum(np.abs(p[0] + p[1] * X + p[2] * Z - Y)) > result.loss
    assert any("kinks" in warning for warning in result.warnings)


def test_absolute_of_a_curve() -> None:
    x = np.linspace(0, 3, 40)
    y = 2 * np.exp(-1.3 * x) + np.where(np.arange(40) % 7 == 0, 1.0, 0.0)
    result = sc.fit("a*exp(-b*x)", {"x": x, "y": y}, loss="absolute", backend="python")
    assert np.allclose(list(result.params.values()), [2, 1.3], rtol=1e-12)


def test_gaussian_sigma_is_the_root_mean_square() -> None:
    result = fitted("a + b*x + c*z", Y, "gaussian")
    line = fitted("a + b*x + c*z", Y, "least_squares")
    rms = math.sqrt(line.chi2 / 80)
    assert result.params["sigma"] == pytest.approx(rms, rel=1e-10)
    # Its standard error is sigma/sqrt(2 n), those of the others sigma*sqrt(inv(X.T X)).
    assert result.stderr["sigma"] == pytest.approx(rms / math.sqrt(160), rel=1e-8)
    assert result.stderr["b"] == pytest.approx(line.stderr["b"] * math.sqrt(77 / 80), rel=1e-8)
    right = stats.norm.logpdf(line.residuals, scale=rms).sum()
    assert result.log_likelihood == pytest.approx(right, rel=1e-12)
    assert line.log_likelihood == pytest.approx(right, rel=1e-12)
    assert line.aic == pytest.approx(result.aic, rel=1e-12)


def test_logistic_against_newton_by_hand() -> None:
    y = (RANDOM.uniform(size=80) < 1 / (1 + np.exp(-(0.5 + 2 * X)))).astype(float)
    result = fitted("a + b*x", y, "logistic")
    design, beta = np.column_stack((np.ones(80), X)), np.zeros(2)
    for _ in range(50):
        share = 1 / (1 + np.exp(-design @ beta))
        information = design.T @ (design * (share * (1 - share))[:, None])
        beta += np.linalg.solve(information, design.T @ (y - share))
    assert np.allclose(list(result.params.values()), beta, rtol=1e-12)
    errors = np.sqrt(np.diag(np.linalg.inv(information)))
    assert np.allclose(list(result.stderr.values()), errors, rtol=1e-9)
    assert np.allclose(result.predict(), 1 / (1 + np.exp(-design @ beta)))
    band = result.predict({"x": [0.0]}, "confidence", 0.9)
    ends = beta[0] + np.array([-1, 1]) * stats.norm.ppf(0.95) * errors[0]
    assert np.allclose([band.lower[0], band.upper[0]], 1 / (1 + np.exp(-ends)))


def test_separated_responses_have_no_answer() -> None:
    data = {"x": [0.0, 1, 2, 3], "y": [0, 0, 1, 1]}
    result = sc.fit("a + b*x", data, loss="logistic", backend="python")
    assert not result.success
    assert "separate the responses" in result.message
    held = sc.fit(
        "a + b*x", data, loss="logistic", penalty=losses.ridge(0.1, "b"), backend="python"
    )
    assert held.success


def test_counts() -> None:
    counts = RANDOM.poisson(np.exp(1 + 0.5 * X))
    level = fitted("exp(a)", counts, "poisson")
    assert level.params["a"] == pytest.approx(math.log(counts.mean()), rel=1e-12)
    assert level.stderr["a"] == pytest.approx(1 / math.sqrt(counts.sum()), rel=1e-9)
    assert level.log_likelihood == pytest.approx(
        stats.poisson.logpmf(counts, counts.mean()).sum(), rel=1e-12
    )
    # No more scatter than Poisson's: nearly its answer, at the bound.
    same = fitted("exp(a + b*x)", counts, "poisson")
    bounded = fitted("exp(a + b*x)", counts, "negative_binomial")
    if bounded.params["alpha"] == 1e-4:
        assert bounded.success
        assert bounded.params["b"] == pytest.approx(same.params["b"], rel=1e-2)
    mean = np.exp(1 + 0.5 * X)
    over = RANDOM.negative_binomial(2, 2 / (2 + mean))
    result = fitted("exp(a + b*x)", over, "negative_binomial")
    a, b, alpha = result.params.values()
    mu = np.exp(a + b * X)
    right = stats.nbinom.logpmf(over, 1 / alpha, 1 / (1 + alpha * mu)).sum()
    assert result.log_likelihood == pytest.approx(right, rel=1e-10)
    for k in range(3):  # nothing near is likelier
        for step in (-1e-3, 1e-3):
            p = np.array([a, b, alpha])
            p[k] += step
            near = np.exp(p[0] + p[1] * X)
            assert stats.nbinom.logpmf(over, 1 / p[2], 1 / (1 + p[2] * near)).sum() < right


@pytest.mark.parametrize("name", losses.names())
def test_far_out_losses_and_slopes_are_finite(name: str) -> None:
    loss = losses.as_loss(name)
    f, y, *own = sp.symbols("f y s")[: 2 + len(loss.own)]
    kernel = sc.compile(
        loss.term(f, y, *own), params=[f, *own], data=y, reduce="sum", backend="python"
    )
    far = (1e4,) if name in ("poisson", "negative_binomial") else (800.0, -800.0)
    for value in far:
        found, slope = kernel.value_and_grad([value, *(0.5 for _ in own)], [1.0])
        assert np.isfinite(found)
        assert np.isfinite(slope).all()


@pytest.mark.parametrize("name", losses.names())
def test_losses_pickle(name: str) -> None:
    loss = losses.as_loss(name)
    again = pickle.loads(pickle.dumps(loss))
    f, y, *own = sp.symbols("f y s")[: 2 + len(loss.own)]
    assert again.term(f, y, *own) == loss.term(f, y, *own)
    assert (again.name, again.kind, again.own) == (loss.name, loss.kind, loss.own)


def test_penalties() -> None:
    linear_model = pytest.importorskip("sklearn.linear_model")
    design = np.column_stack((X, Z))
    model = "a + b*x + c*z"
    small = fitted(model, Y, "least_squares", penalty=losses.ridge(7.0, "b", "c"))
    right = linear_model.Ridge(alpha=7.0).fit(design, Y)
    assert np.allclose(list(small.params.values()), [right.intercept_, *right.coef_], rtol=1e-10)
    sparse = fitted(model, Y, "least_squares", penalty=losses.lasso(150.0, "b", "c"))
    right = linear_model.Lasso(alpha=150 / 160, tol=1e-14).fit(design, Y)
    assert np.allclose(list(sparse.params.values()), [right.intercept_, *right.coef_], rtol=1e-8)
    assert sparse.params["c"] == 0
    both = fitted(model, Y, "least_squares", penalty=losses.elastic_net(60.0, 0.5, "b", "c"))
    right = linear_model.ElasticNet(alpha=60 / 160, l1_ratio=0.5, tol=1e-14).fit(design, Y)
    assert np.allclose(list(both.params.values()), [right.intercept_, *right.coef_], rtol=1e-8)
    own = fitted(model, Y, "least_squares", penalty="7*(b**2 + c**2)")
    assert np.allclose(list(own.params.values()), list(small.params.values()), rtol=1e-12)


def test_a_loss_of_ones_own() -> None:
    quartic = fitted("a + b*x", Y, lambda f, y: (f - y) ** 4)
    right = optimize.minimize(
        lambda p: np.sum((p[0] + p[1] * X - Y) ** 4), [0, 0], method="BFGS", options={"gtol": 1e-9}
    )
    assert np.allclose(list(quartic.params.values()), right.x, rtol=1e-6)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: losses.quantile(1.5), "between 0 and 1"),
        (lambda: losses.huber(-1), "positive"),
        (lambda: losses.lasso(0), "positive"),
        (lambda: fitted("a*x", Y, "logistic"), "a response is between 0 and 1"),
        (lambda: fitted("a*x", -np.ones(80), "poisson"), "80 samples of 80 are not"),
        (lambda: fitted("a*x", Y, "gaussian", sigma=2), "none of residuals"),
        (lambda: fitted("a*x", Y, "absolute", penalty=losses.ridge(1.0)), "takes no penalty"),
        (lambda: fitted("a*x", Y, "cauchy", penalty=losses.ridge(1.0, "q")), "no parameter"),
        (lambda: fitted("a*x", Y, "cauchy", method="foo"), "foo"),
        (lambda: fitted("log(a)*x", Y, "cauchy", start={"a": -1}), "not finite at the start"),
        (lambda: fitted("a*x", Y, "cauchy", method="BFGS", bounds={"a": (0, 1)}), "no bounds"),
    ],
)
def test_what_does_not_fit_is_said(made: Any, message: str) -> None:
    with pytest.raises(sc.ArgumentValueError, match=message):
        made()
