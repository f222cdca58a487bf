"""What follows from a fit: errors, intervals, bands, criteria, reports and pictures."""

from __future__ import annotations

import json
import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp
from scipy import optimize, stats

import symcompile as sc
from symcompile.fitting.criterion import Criterion
from symcompile.fitting.minimising import Minimiser
from symcompile.fitting.result import FitResult

NIST = Path(__file__).resolve().parents[3] / "shared" / "data"
RANDOM = np.random.default_rng(2)
X = np.linspace(0, 4, 30)
SIGMA = 0.05 + 0.02 * X
Y = 2 * np.exp(-0.6 * X) + 0.3 + SIGMA * RANDOM.normal(size=30)
DATA = {"x": X, "y": Y, "e": SIGMA}
DECAY = "a*exp(-b*x) + c"

#: Reaction rates with Puromycin by substrate concentration (Bates and Watts 1988, A1.3).
PUROMYCIN = {
    "x": [0.02, 0.02, 0.06, 0.06, 0.11, 0.11, 0.22, 0.22, 0.56, 0.56, 1.10, 1.10],
    "y": [76.0, 47, 97, 107, 123, 139, 159, 152, 191, 201, 207, 200],
}


def fitted(model: str = DECAY, **given: Any) -> Any:
    return sc.fit(model, given.pop("data", DATA), backend="python", **given)


@pytest.mark.parametrize("absolute", [False, True])
@pytest.mark.parametrize("sigma", [None, "e"])
def test_covariance_is_that_of_scipy(sigma: str | None, absolute: bool) -> None:
    result = fitted(sigma=sigma, absolute_sigma=absolute)
    best, spread = optimize.curve_fit(
        lambda x, a, b, c: a * np.exp(-b * x) + c,
        X,
        Y,
        [1, 1, 0],
        sigma=None if sigma is None else SIGMA,
        absolute_sigma=absolute and sigma is not None,
        ftol=1e-15,
        xtol=1e-15,
    )
    assert np.allclose([result.params[name] for name in "abc"], best, rtol=1e-7)
    order = [result.names.index(name) for name in "abc"]
    assert np.allclose(result.covariance[np.ix_(order, order)], spread, rtol=1e-5)


def test_a_line_in_closed_form() -> None:
    result = fitted("a + b*x")
    design = np.column_stack((np.ones(30), X))
    best, (rss,), _, _ = np.linalg.lstsq(design, Y, rcond=None)
    inverse = np.linalg.inv(design.T @ design)
    errors = np.sqrt(rss / 28 * np.diag(inverse))
    assert np.allclose([result.params["a"], result.params["b"]], best, rtol=1e-12)
    assert np.allclose([result.stderr["a"], result.stderr["b"]], errors, rtol=1e-12)
    reach = stats.t.ppf(0.975, 28)
    low, high = result.intervals()["b"]
    assert (high - low) / 2 == pytest.approx(reach * errors[1], rel=1e-12)
    # Of a linear model the profile is the interval.
    assert np.allclose(result.intervals(method="profile")["b"], (low, high), rtol=1e-8)
    total = np.sum((Y - Y.mean()) ** 2)
    assert result.r2 == pytest.approx(1 - rss / total, rel=1e-12)
    assert result.adjusted_r2 == pytest.approx(1 - rss / 28 / (total / 29), rel=1e-12)
    loglike = stats.norm.logpdf(result.residuals, scale=math.sqrt(rss / 30)).sum()
    assert result.log_likelihood == pytest.approx(loglike, rel=1e-12)
    assert result.aic == pytest.approx(2 * 3 - 2 * loglike, rel=1e-12)
    assert result.bic == pytest.approx(3 * math.log(30) - 2 * loglike, rel=1e-12)
    assert result.aicc == pytest.approx(result.aic + 24 / 26, rel=1e-12)
    grid = np.array([0.5, 5.0])
    rows = np.column_stack((np.ones(2), grid))
    leverage = np.einsum("ij,jk,ik->i", rows, inverse, rows)
    mean = result.predict({"x": grid}, "confidence")
    new = result.predict({"x": grid}, "prediction", 0.9)
    assert np.allclose(mean.mean, rows @ best, rtol=1e-12)
    assert np.allclose(mean.upper - mean.mean, reach * np.sqrt(rss / 28 * leverage))
    wide = stats.t.ppf(0.95, 28) * np.sqrt(rss / 28 * (1 + leverage))
    assert np.allclose(new.mean - new.lower, wide)


def test_samples_of_weight_zero_count_as_nothing() -> None:
    weights = np.where(np.arange(30) < 20, 1 + X, 0)
    part = {name: column[:20] for name, column in DATA.items()}
    result = fitted("a + b*x", weights=weights)
    left = fitted("a + b*x", data=part, weights=weights[:20])
    assert (result.n, result.dof) == (20, 18)
    assert result.stderr == pytest.approx(left.stderr, rel=1e-12)
    for figure in ("aic", "aicc", "bic", "log_likelihood", "reduced_chi2", "r2", "adjusted_r2"):
        assert getattr(result, figure) == pytest.approx(getattr(left, figure), rel=1e-12), figure
    assert result.fitted.shape == (30,)
    odds = {"x": X, "y": (RANDOM.random(30) < 0.5) * 1.0, "w": weights}
    assert fitted("a + b*x", data=odds, loss="logistic", weights="w").n == 20


def test_a_penalty_is_no_scatter() -> None:
    """The variance of residuals is that of the residuals; ridge in closed form."""
    design = np.column_stack((np.ones(30), X))
    result = fitted("a + b*x", penalty=sc.losses.ridge(5.0))
    inverse = np.linalg.inv(design.T @ design + 5 * np.eye(2))
    best = inverse @ design.T @ Y
    assert np.allclose(list(result.params.values()), best, rtol=1e-10)
    rss = np.sum((Y - design @ best) ** 2)
    assert np.allclose(result.covariance, rss / 28 * inverse, rtol=1e-9)
    assert any("a penalty moves" in warning for warning in result.warnings)
    zero = fitted("a + b*x", penalty=sc.losses.lasso(1e3, "b"))
    assert zero.params["b"] == 0
    assert any("b is held at zero by the penalty" in warning for warning in zero.warnings)
    assert not any("bound" in warning for warning in zero.warnings)


def test_known_errors_scatter_as_they_say() -> None:
    result = fitted(sigma="e", absolute_sigma=True)
    band = result.predict(interval="prediction", level=0.95)
    mean = result.predict(interval="confidence", level=0.95)
    assert np.allclose(band.stderr**2 - mean.stderr**2, SIGMA**2)
    with pytest.raises(sc.ArgumentValueError, match="needs the columns of sigma"):
        result.predict({"x": [1.0]}, "prediction")
    logs = stats.norm.logpdf(result.residuals, scale=SIGMA).sum()
    assert result.log_likelihood == pytest.approx(logs, rel=1e-12)


def test_published_profile_intervals() -> None:
    """Estimates and errors of Bates and Watts 1988; intervals of R 4's ``confint`` of its ``nls``.

    R interpolates a spline between the points of a profile: of its ends four digits are right.
    """
    result = sc.fit("v*x/(k + x)", PUROMYCIN, start={"v": 200, "k": 0.05}, backend="python")
    assert result.params["v"] == pytest.approx(212.7, abs=0.05)
    assert result.params["k"] == pytest.approx(0.0641, abs=5e-5)
    assert result.stderr["v"] == pytest.approx(6.947, abs=5e-4)
    assert result.stderr["k"] == pytest.approx(8.28e-3, abs=5e-6)
    intervals = result.intervals(method="profile")
    assert intervals["v"] == pytest.approx((197.30212848, 229.29006490), rel=1e-5)
    assert intervals["k"] == pytest.approx((0.04692517, 0.08615995), rel=2e-4)
    for index, name in enumerate(result.names):
        for end in intervals[name]:
            # At an end the others' best sum of squares is S*(1 + t**2/dof).
            others = sc.fit(
                "v*x/(k + x)",
                PUROMYCIN,
                start={**result.params, name: end},
                fixed=[name],
                backend="python",
            )
            target = result.chi2 * (1 + stats.t.ppf(0.975, 10) ** 2 / 10)
            assert others.chi2 == pytest.approx(target, rel=1e-8)
        low, high = intervals[name]
        assert low < result.solution.p[index] < high
    at, tau = result.profile("k", points=5, farthest=2)
    assert tau[2] == 0
    assert np.all(np.diff(tau) > 0)
    assert np.allclose(tau, [-2, -1, 0, 1, 2], atol=0.4)
    assert at[2] == result.params["k"]


def test_a_profile_that_finds_a_lower_minimum_says_so() -> None:
    x = np.linspace(0, 6, 40)
    data = {"x": x, "y": np.sin(2 * x) + 0.01 * np.cos(9 * x)}
    result = fitted("a*sin(w*x)", data=data, start={"a": 1, "w": 3.4})
    assert result.chi2 > 1
    assert not any("a profile found" in warning for warning in result.warnings)
    result.profile("w", farthest=5.0)
    (said,) = [warning for warning in result.warnings if "a profile found" in warning]
    assert "start at a=" in said
    best = fitted("a*sin(w*x)", data=data, start={"a": 1, "w": 1.9})
    best.profile("w", points=11)
    assert not any("a profile found" in warning for warning in best.warnings)
    # Nor does one that only rounds otherwise.
    exact = fitted(data={"x": X, "y": 2 * np.exp(-0.6 * X) + 0.3})
    exact.intervals(method="profile")
    assert not any("a profile found" in warning for warning in exact.warnings)


def test_an_exact_fit_has_intervals_of_no_length() -> None:
    result = fitted("a*x", data={"x": X, "y": 2 * X})
    assert result.chi2 == 0
    assert result.intervals(method="profile") == result.intervals() == {"a": (2.0, 2.0)}
    with pytest.raises(sc.ArgumentValueError, match="no variance"):
        result.profile("a")
    assert "inf" in result.report(method="profile")
    assert json.dumps(result.to_dict(), allow_nan=False)


def test_gaussian_responses_scatter_by_the_fitted_sigma() -> None:
    result = fitted("a + b*x", loss="gaussian")
    mean, new = (result.predict(interval=name) for name in ("confidence", "prediction"))
    assert np.allclose(new.stderr**2 - mean.stderr**2, result.params["sigma"] ** 2)
    again = pickle.loads(pickle.dumps(result))
    assert np.array_equal(again.predict(interval="prediction").upper, new.upper)


def test_an_interval_without_an_end_is_infinite() -> None:
    data = {"x": [1.0, 2, 3, 4, 5], "y": [0.98, 1.02, 0.97, 1.05, 1.01]}
    result = sc.fit("1 - exp(-k*x)", data, start={"k": 2}, backend="python")
    low, high = result.intervals(method="profile")["k"]
    assert np.isfinite(low)
    assert high == math.inf
    told = json.loads(json.dumps(result.to_dict(method="profile"), allow_nan=False))
    assert told["params"]["k"]["upper"] == "inf"
    assert "inf" in result.report(method="profile")


def test_fixed_tied_and_bounded_parameters() -> None:
    result = fitted("a*exp(-b*x) + c", fixed={"c": 0.3}, tied={"b": "a/3"})
    assert set(result.params) == {"a", "b", "c"}
    assert result.params["b"] == pytest.approx(result.params["a"] / 3)
    assert result.stderr["b"] == pytest.approx(result.stderr["a"] / 3)
    assert result.stderr["c"] == 0
    assert result.intervals(method="profile")["c"] == (0.3, 0.3)
    bounded = fitted(bounds={"c": (0.8, None)})
    assert bounded.params["c"] == 0.8
    assert math.isnan(bounded.stderr["c"])
    assert any("c lies on a bound" in warning for warning in bounded.warnings)
    held = fitted(fixed={"c": 0.8})
    assert bounded.stderr["a"] == pytest.approx(held.stderr["a"], rel=1e-8)


def test_derived_quantities() -> None:
    result = fitted()
    half_life = result.derived("log(2)/b")
    b, error = result.params["b"], result.stderr["b"]
    assert half_life.value == pytest.approx(math.log(2) / b)
    assert half_life.stderr == pytest.approx(math.log(2) / b**2 * error)
    both = result.derived(sp.Symbol("a") + sp.Symbol("c"))
    i, j = result.names.index("a"), result.names.index("c")
    cov = result.covariance
    assert both.stderr == pytest.approx(math.sqrt(cov[i, i] + cov[j, j] + 2 * cov[i, j]))
    with pytest.raises(sc.ArgumentValueError, match="q is no parameter"):
        result.derived("q + a")


def test_what_the_data_do_not_tell_apart_is_named() -> None:
    result = fitted("a*b*exp(-x) + c")
    assert any("do not tell a, b apart" in warning for warning in result.warnings)
    alone = fitted("a + b*z", data={**DATA, "z": np.zeros(30)})
    assert any("say nothing about b" in warning for warning in alone.warnings)
    none_left = sc.fit("a + b*x", {"x": [0.0, 1], "y": [1.0, 2]}, backend="python")
    assert none_left.dof == 0
    assert any("nothing is left" in warning for warning in none_left.warnings)
    assert math.isnan(none_left.stderr["a"])


def test_robust_errors_are_a_sandwich() -> None:
    result = fitted("a + b*x", loss=sc.losses.soft_l1(0.2))
    design = np.column_stack((np.ones(30), X))
    r = result.fitted - Y
    slope = r / np.sqrt(1 + (r / 0.2) ** 2)
    curve = (1 + (r / 0.2) ** 2) ** -1.5
    bread = np.linalg.inv(design.T @ (design * curve[:, None]))
    right = bread @ (design.T @ (design * slope[:, None] ** 2)) @ bread
    assert np.allclose(result.covariance, right, rtol=1e-9)
    with pytest.raises(sc.ArgumentValueError, match="no likelihood"):
        result.intervals(method="profile")


@pytest.mark.parametrize(
    ("loss", "q"),
    [
        ("absolute", 0.5),
        pytest.param(sc.losses.quantile(0.8), 0.8, marks=pytest.mark.long),
    ],
)
def test_errors_of_a_quantile_are_those_of_known_densities(loss: Any, q: float) -> None:
    """Koenker 2005, theorem 4.1, with the density that the responses were drawn from."""
    x = np.linspace(0, 2, 20_000)
    size = 0.5 + x
    random = np.random.default_rng(5)
    data = {"x": x, "y": 1 + 3 * x + size * random.normal(size=len(x))}
    result = fitted("a + b*x", data=data, loss=loss)
    at = stats.norm.ppf(q)
    design = np.column_stack((np.ones(len(x)), x))
    assert np.allclose(list(result.params.values()), [1 + 0.5 * at, 3 + at], atol=0.1)
    bread = np.linalg.inv(design.T * (stats.norm.pdf(at) / size) @ design)
    right = q * (1 - q) * bread @ (design.T @ design) @ bread
    assert np.allclose(result.covariance, right, rtol=0.15)
    assert any("near zero" in warning for warning in result.warnings)
    with pytest.raises(sc.ArgumentValueError, match="no likelihood"):
        result.profile("a")


def test_errors_of_a_likelihood_are_those_of_its_information() -> None:
    y = (RANDOM.random(30) < 1 / (1 + np.exp(1 - X))) * 1.0
    result = fitted("a + b*x", data={"x": X, "y": y}, loss="logistic")
    design, p = np.column_stack((np.ones(30), X)), np.zeros(2)
    for _ in range(30):
        share = 1 / (1 + np.exp(-design @ p))
        information = (design.T * (share * (1 - share))) @ design
        p += np.linalg.solve(information, design.T @ (y - share))
    assert np.allclose(list(result.params.values()), p, rtol=1e-10)
    assert np.allclose(result.covariance, np.linalg.inv(information), rtol=1e-9)
    band = result.predict({"x": [1.0]}, "confidence", 0.9)
    row = np.array([1.0, 1.0])
    reach = stats.norm.ppf(0.95) * math.sqrt(row @ np.linalg.inv(information) @ row)
    ends = 1 / (1 + np.exp(-(row @ p + np.array([-reach, 0, reach]))))
    assert np.allclose([band.lower[0], band.mean[0], band.upper[0]], ends, rtol=1e-9)


CERTIFIED = sorted(NIST.glob("nist_nonlinear/*.json")) + sorted(NIST.glob("nist_linear/*.json"))


@pytest.mark.skipif(not CERTIFIED, reason="the data are not here")
@pytest.mark.parametrize("path", CERTIFIED, ids=lambda path: path.stem)
def test_certified_standard_errors(path: Path) -> None:
    problem = json.loads(path.read_text())
    start = dict(zip(problem["params"], problem["start2"], strict=True))
    y = problem.get("response", "y")
    result = sc.fit(problem["formula"], problem["data"], y, start=start, backend="python")
    found = [result.stderr[name] for name in problem["params"]]
    # Where the certified residuals are zero, so are these, to the level of rounding.
    least = 1e-9 * np.abs(problem["certified"])
    assert np.all(
        np.abs(np.subtract(found, problem["certified_sd"]))
        <= np.maximum(1e-7 * np.array(problem["certified_sd"]), least * (problem["rss"] == 0))
    )


def test_reports_and_their_numbers() -> None:
    result = fitted(sigma="e", tied={"c": "a/6"}, fixed={"b": 0.6})
    text = result.report(level=0.9)
    assert "y = " in text
    assert "90% interval" in text
    assert "tied" in text
    assert "fixed" in text
    assert all(len(line) <= 100 for line in text.splitlines())
    numbers = result.to_dict()
    assert json.loads(json.dumps(numbers, allow_nan=False)) == numbers
    assert numbers["params"]["a"]["value"] == result.params["a"]
    assert numbers["params"]["b"]["kind"] == "fixed"
    frame = result.to_frame()
    assert frame.loc["a", "stderr"] == result.stderr["a"]
    assert frame.loc["a", "t"] == result.params["a"] / result.stderr["a"]
    assert math.isnan(frame.loc["b", "t"])
    assert repr(result).startswith("<fit of 30 samples: ")


def test_html_escapes_what_a_user_names() -> None:
    name = sp.Symbol("<b>a")
    result = sc.fit(name * sp.Symbol("x"), DATA, backend="python")
    html = result._repr_html_()
    assert "<b>a" not in html
    assert "&lt;b&gt;a" in html


def test_latex_rounds_to_what_is_known() -> None:
    result = sc.fit("a + b*x", {"x": [0, 1, 2, 3], "y": [1.0, 3.1, 4.9, 7.0]}, backend="python")
    assert result.latex() == "y = 1.98 x + 1.03"
    assert result.latex(numbers=False) == "y = a + b x"
    assert result.formula.subs("x", 10) == pytest.approx(20.83)


def test_pictures(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    for name, result in {
        "curve.png": fitted(sigma="e"),
        "plane.svg": fitted("a + b*x + c*e"),
        "many.pdf": sc.fit("a + b*x", {"x": RANDOM.normal(size=900), "y": RANDOM.normal(size=900)}),
        "hexagons.png": sc.fit("b + 0*x", {"x": np.arange(3e4), "y": np.ones(30_000)}),
        "robust.png": fitted("a + b*x", loss="absolute"),
    }.items():
        figure = result.plot(tmp_path / name)
        assert (tmp_path / name).stat().st_size > 1000
        assert len(figure.axes) == 2
    from matplotlib.figure import Figure

    own = Figure()
    axes = own.subplots(1, 2)
    assert fitted().plot(axes=axes) is own
    assert len(axes[0].lines) and len(axes[1].lines)
    with pytest.raises(sc.ArgumentTypeError, match="axes are two"):
        fitted().plot(axes=axes[0])
    with pytest.raises(sc.ArgumentValueError, match="no suffix of a picture"):
        fitted().plot(tmp_path / "curve.doc")


def test_results_travel() -> None:
    result = fitted(sigma="e", loss="least_squares")
    again = pickle.loads(pickle.dumps(result))
    assert again.params == result.params
    assert np.array_equal(again.predict({"x": X}), result.predict({"x": X}))
    assert again.intervals(method="profile") == result.intervals(method="profile")
    odds = sc.fit("a + b*x", {"x": X, "y": (Y > 1) * 1.0}, loss="logistic", backend="python")
    assert pickle.loads(pickle.dumps(odds)).log_likelihood == odds.log_likelihood


class Elsewhere:
    """A criterion that gives sums, and no samples."""

    def __init__(self, criterion: Any) -> None:
        self._criterion = criterion

    def __getattr__(self, name: str) -> Any:
        if name not in {*vars(Criterion).get("__annotations__", {}), *vars(Criterion)}:
            raise AttributeError(name)
        return getattr(self._criterion, name)


@pytest.mark.parametrize("loss", ["least_squares", "poisson", "huber", "absolute"])
def test_data_that_are_elsewhere(loss: str) -> None:
    data = {"x": X, "y": np.round(9 * Y)}
    near = fitted("exp(a + b*x)", data=data, loss=loss, start={"a": 2, "b": -0.5})
    apart: Any = Elsewhere(near.criterion)
    far = FitResult(near.problem, apart, near.solution, Minimiser(near.problem, apart))
    for name in ("loss", "chi2", "r2", "aic", "n", "dof"):
        assert getattr(far, name) == pytest.approx(getattr(near, name), nan_ok=True), name
    if loss == "absolute":
        assert math.isnan(far.stderr["a"])
        assert any("are not computed" in warning for warning in far.warnings)
    else:
        assert far.stderr == near.stderr
    assert far.predict({"x": [1.0]}) == near.predict({"x": [1.0]})
    assert "samples" in far.report()
    for call in (lambda: far.residuals, lambda: far.fitted, far.plot):
        with pytest.raises(sc.ArgumentValueError, match="not in memory"):
            call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda r: r.intervals(level=95), "between 0 and 1"),
        (lambda r: r.intervals(level="high"), "between 0 and 1"),
        (lambda r: r.predict(interval="confidence", level=95), "between 0 and 1"),
        (lambda r: r.plot(level=0), "between 0 and 1"),
        (lambda r: r.intervals(method="bootstrap"), "none of"),
        (lambda r: r.predict({"z": [1]}), "no column x"),
        (lambda r: r.predict(interval="both"), "none of"),
        (lambda r: r.profile("q"), "no parameter"),
        (lambda r: r.profile("a", points=1), "from 2 on"),
        (lambda r: r.profile("a", farthest=0.0), "positive"),
    ],
)
def test_what_does_not_fit_is_said(call: Any, message: str) -> None:
    with pytest.raises(sc.ArgumentValueError, match=message):
        call(fitted())


def test_r2_without_an_intercept_is_called_what_it_is() -> None:
    said = "no intercept"
    assert any(said in one for one in fitted("b*x").warnings)
    assert any(said in one for one in fitted("a + b*x", fixed={"a": 1}).warnings)
    assert not any(said in one for one in fitted("a + b*x", sigma="e").warnings)
    assert not any(said in one for one in fitted("a*exp(-b*x)").warnings)
    # Two shares that add up to one are an intercept too; and rounding is none.
    shares = {"u": X / 4, "v": 1 - X / 4, "y": Y}
    assert not any(said in one for one in fitted("a*u + b*v", data=shares).warnings)
    exact = {"x": X, "y": 1e3 + X / 3}
    assert not any(said in one for one in fitted("a + b*x", data=exact).warnings)


def test_several_derived_quantities_have_a_covariance() -> None:
    result = fitted(tied={"d": "2*a"}, model="d/2*exp(-b*x) + c")
    found = result.derived(["a/b", "c", sp.Symbol("d") - sp.Symbol("a")])
    a, b, c = (result.params[name] for name in "abc")
    assert result.names == ("a", "b", "c")
    slopes = np.array([[1 / b, -a / b**2, 0], [0, 0, 1], [1, 0, 0]])
    assert np.allclose(found.value, [a / b, c, a])
    assert np.allclose(found.covariance, slopes @ result.covariance @ slopes.T, rtol=1e-10)
    assert np.allclose(found.stderr**2, np.diag(found.covariance))
    with pytest.raises(sc.ArgumentValueError, match="empty"):
        result.derived([])
    with pytest.raises(sc.ArgumentTypeError, match="is a formula"):
        result.derived([3])
