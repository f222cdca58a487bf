"""What the engines find, against SciPy, extended precision and published values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import curve_fit, least_squares

import symcompile as sc
from symcompile.build.cpu import has_llvm
from symcompile.fitting.batch import compiled

Engine = Literal["llvm", "python"]
ENGINES: tuple[Engine, ...] = ("llvm", "python") if has_llvm() else ("python",)
NIST = Path(__file__).resolve().parents[3] / "shared" / "data" / "nist_nonlinear"

NUMBERS = st.integers(-1000, 1000).map(lambda k: k / 8)
X = np.linspace(0.1, 6.0, 30)
#: A formula, ranges of the parameters, and a start.
CASES: dict[str, tuple[str, dict[str, tuple[float, float]], dict[str, float]]] = {
    "decay": (
        "a*exp(-b*x) + c",
        {"a": (1, 5), "b": (0.3, 2), "c": (-1, 1)},
        {"a": 1, "b": 1, "c": 1},
    ),
    "peak": (
        "a*exp(-h*(x - m)**2) + c",
        {"a": (2, 5), "m": (2, 4), "h": (0.4, 3), "c": (-1, 1)},
        {"a": 1, "m": 3, "h": 1, "c": 0},
    ),
    "saturation": ("v*x/(k + x)", {"v": (1, 5), "k": (0.2, 4)}, {"v": 1, "k": 1}),
    "power": ("a*x**b", {"a": (1, 5), "b": (-1, 2)}, {"a": 1, "b": 0}),
    "line": ("a + b*x", {"a": (1, 5), "b": (-1, 2)}, {"a": 0, "b": 0}),
}


def made(name: str, count: int, noise: float = 0.05) -> tuple[Any, np.ndarray, np.ndarray]:
    """Return a case's function of x and the parameters, its data, and what they were made from."""
    formula, ranges, _ = CASES[name]
    rng = np.random.default_rng(7)
    function = sp.lambdify([sp.Symbol("x"), *map(sp.Symbol, ranges)], sc.parse(formula))
    true = np.stack([rng.uniform(*limits, count) for limits in ranges.values()], axis=1)
    y = np.stack([function(X, *row) for row in true])
    return function, y + noise * rng.standard_normal(y.shape), true


def exact_jacobian(name: str) -> Any:
    formula, ranges, _ = CASES[name]
    symbols = list(map(sp.Symbol, ranges))
    slopes = [sp.diff(sc.parse(formula), symbol) for symbol in symbols]
    function = sp.lambdify([sp.Symbol("x"), *symbols], slopes)
    return lambda x, *p: np.stack([np.broadcast_to(c, x.shape) for c in function(x, *p)], axis=1)


def stacked(result: sc.FitManyResult) -> np.ndarray:
    return np.stack(list(result.params.values()), axis=1)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", CASES)
def test_answers_are_those_of_curve_fit(name: str, engine: Engine) -> None:
    formula, _, start = CASES[name]
    function, y, _ = made(name, 12)
    sigma = np.linspace(0.5, 2.0, len(X))
    data = {"x": X, "y": y, "e": sigma}
    plain = sc.fit_many(formula, data, y="y", start=start, backend=engine)
    weighted = sc.fit_many(
        formula, data, y="y", start=start, sigma="e", absolute_sigma=True, backend=engine
    )
    assert plain.success.all(), plain.failures
    tight = {"jac": exact_jacobian(name), "ftol": 1e-15, "xtol": 1e-15, "gtol": 1e-15}
    for g in range(len(y)):
        for result, more in (
            (plain, {}),
            (weighted, {"sigma": sigma, "absolute_sigma": True}),
        ):
            p, covariance = curve_fit(function, X, y[g], list(start.values()), **more, **tight)
            errors = np.sqrt(np.diag(covariance))
            assert np.all(np.abs(stacked(result)[g] - p) <= 1e-6 * errors)
            apart = np.abs(result.covariance(g) - covariance) / np.outer(errors, errors)
            assert apart.max() < 1e-6
            found = [result.stderr[parameter][g] for parameter in start]
            assert found == pytest.approx(errors, rel=1e-6)
            rest = (function(X, *p) - y[g]) / (sigma if more else 1.0)
            assert result.chi2[g] == pytest.approx(np.sum(rest**2), rel=1e-10)
        assert plain.r2[g] == pytest.approx(1 - plain.chi2[g] / np.sum((y[g] - y[g].mean()) ** 2))


@pytest.mark.parametrize("engine", ENGINES)
def test_parameters_have_nine_digits_of_a_standard_error(engine: Engine) -> None:
    formula, _, start = CASES["decay"]
    _, y, _ = made("decay", 20, noise=0.3)
    result = sc.fit_many(formula, {"x": X, "y": y}, y="y", start=start, backend=engine)
    x = X.astype(np.longdouble)
    for g in range(len(y)):
        p = stacked(result)[g].astype(np.longdouble)
        for _ in range(4):  # Newton's method in extended precision, from the answer on
            a, b, c = p
            e = np.exp(-b * x)
            r = a * e + c - y[g]
            jacobian = np.stack([e, -a * x * e, np.ones_like(x)], axis=1)
            hessian = jacobian.T @ jacobian
            hessian[0, 1] = hessian[1, 0] = hessian[0, 1] + r @ (-x * e)
            hessian[1, 1] += r @ (a * x**2 * e)
            p = p - _solved(hessian, jacobian.T @ r)
        errors = np.array([result.stderr[name][g] for name in "abc"])
        assert np.all(np.abs(stacked(result)[g] - p) <= 1e-9 * errors)


def _solved(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solve a system in the precision that it is in, by Cramer's rule."""

    def det(m: np.ndarray) -> Any:
        return np.dot(m[0], np.cross(m[1], m[2]))

    columns = []
    for k in range(3):
        changed = matrix.copy()
        changed[:, k] = right
        columns.append(det(changed) / det(matrix))
    return np.array(columns)


@pytest.mark.skipif(len(ENGINES) < 2, reason="there is one engine here")
@pytest.mark.parametrize("name", CASES)
def test_engines_agree(name: str) -> None:
    formula, _, start = CASES[name]
    _, y, _ = made(name, 200, noise=0.1)
    one, two = (
        sc.fit_many(formula, {"x": X, "y": y}, y="y", start=start, backend=engine)
        for engine in ENGINES
    )
    assert one.success.all()
    assert two.success.all()
    for parameter in start:
        errors = one.stderr[parameter]
        assert np.abs((one.params[parameter] - two.params[parameter]) / errors).max() < 1e-9
        assert two.stderr[parameter] == pytest.approx(errors, rel=1e-8)


@pytest.mark.parametrize("engine", ENGINES)
def test_bounds_are_those_of_least_squares(engine: Engine) -> None:
    formula, _, start = CASES["decay"]
    function, y, _ = made("decay", 30, noise=0.1)
    bounds = {"b": (0.8, 1.5), "c": (None, 0.2)}
    result = sc.fit_many(
        formula, {"x": X, "y": y}, y="y", start=start, bounds=bounds, backend=engine
    )
    assert result.success.all(), result.failures
    limits = ([-np.inf, 0.8, -np.inf], [np.inf, 1.5, 0.2])
    held = 0
    for g in range(len(y)):

        def rest(p: Any, row: np.ndarray = y[g]) -> Any:
            return function(X, *p) - row

        tight = {"ftol": 1e-15, "xtol": 1e-15, "gtol": 1e-15}
        best = least_squares(rest, [1, 1, 0.1], bounds=limits, **tight)
        assert result.chi2[g] <= 2 * best.cost * (1 + 1e-9)
        p = stacked(result)[g]
        assert p == pytest.approx(best.x, rel=1e-4, abs=1e-5)
        for name, low, high in (("b", 0.8, 1.5), ("c", -np.inf, 0.2)):
            value, error = result.params[name][g], result.stderr[name][g]
            assert low <= value <= high
            at_bound = value in (low, high)
            held += at_bound
            assert np.isnan(error) == at_bound
            assert (
                f"bound: {name}" in result.messages[g] or f", {name}" in result.messages[g]
            ) == (at_bound)
    assert held > 5


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_at_a_bound_has_no_part_in_the_errors(engine: Engine) -> None:
    _, y, _ = made("decay", 1)
    data = {"x": X, "y": np.repeat(y, 2, axis=0)}
    start = {"a": 1, "b": 1, "c": 0}
    free = sc.fit_many("a*exp(-b*x) + c", data, y="y", start=start, backend=engine)
    edge = free.params["b"][0] + 0.2
    held = sc.fit_many(
        "a*exp(-b*x) + c", data, y="y", start=start, bounds={"b": (edge, None)}, backend=engine
    )
    known = sc.fit_many(
        "a*exp(-b*x) + c", data, y="y", start=start, fixed={"b": edge}, backend=engine
    )
    for name in "ac":
        assert held.params[name] == pytest.approx(known.params[name], rel=1e-9)
        assert held.stderr[name] == pytest.approx(known.stderr[name], rel=1e-7)
    assert known.stderr["b"].tolist() == [0, 0]
    assert held.messages[0] == "converged; at a bound: b"


@pytest.mark.parametrize("engine", ENGINES)
def test_a_model_that_fits_exactly(engine: Engine) -> None:
    formula, _, start = CASES["decay"]
    _, y, true = made("decay", 20, noise=0.0)
    result = sc.fit_many(formula, {"x": X, "y": y}, y="y", start=start, backend=engine)
    assert result.success.all(), result.failures
    assert stacked(result) == pytest.approx(true, rel=1e-12)
    assert (result.chi2 < 1e-26).all()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("scale", [1e-140, 1e-9, 1e9, 1e120])
def test_units_do_not_matter(engine: Engine, scale: float) -> None:
    _, y, _ = made("decay", 3)
    plain = sc.fit_many(
        "a*exp(-b*x) + c",
        {"x": X, "y": y},
        y="y",
        start={"a": 1, "b": 1, "c": 1},
        backend=engine,
    )
    other = sc.fit_many(
        "k*a*exp(-b*x) + c",
        {"x": X, "y": y},
        y="y",
        start={"a": 1 / scale, "b": 1, "c": 1},
        fixed={"k": scale},
        backend=engine,
    )
    assert other.success.all(), other.failures
    assert other.params["a"] * scale == pytest.approx(plain.params["a"], rel=1e-9)
    assert other.stderr["a"] * scale == pytest.approx(plain.stderr["a"], rel=1e-9)


@pytest.mark.parametrize("engine", ENGINES)
def test_long_groups_and_many_parameters(engine: Engine) -> None:
    rng = np.random.default_rng(1)
    x = np.linspace(-1, 1, 3001)
    basis = np.stack([x**k for k in range(9)], axis=1)
    y = basis @ rng.standard_normal((9, 4)) + rng.standard_normal((3001, 4))
    formula = " + ".join(f"p{k}*x**{k}" for k in range(9))
    start = {f"p{k}": 0.0 for k in range(9)}
    result = sc.fit_many(formula, {"x": x, "y": y.T}, y="y", start=start, backend=engine)
    assert result.success.all()
    best = np.linalg.lstsq(basis, y, rcond=None)[0].T
    assert stacked(result) == pytest.approx(best, rel=1e-9, abs=1e-9)
    covariance = np.linalg.inv(basis.T @ basis) * result.chi2[0] / (3001 - 9)
    errors = np.sqrt(np.diag(covariance))
    assert (np.abs(result.covariance(0) - covariance) / np.outer(errors, errors)).max() < 1e-9


@pytest.mark.parametrize("engine", ENGINES)
def test_as_many_points_as_parameters(engine: Engine) -> None:
    result = sc.fit_many(
        "a + b*x", {"x": [0, 1], "y": [[1, 3], [2, 2]]}, y="y", start={"a": 0, "b": 0},
        backend=engine,
    )  # fmt: skip
    assert result.success.all()
    assert result.params["b"].tolist() == pytest.approx([2, 0], abs=1e-14)
    assert np.isinf(result.stderr["a"]).all()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_model_of_special_functions_and_integrals(engine: Engine) -> None:
    a, b, c, x, t = sp.symbols("a b c x t")
    formula = a * sp.besselj(0, b * x) + c * sp.Integral(sp.exp(-(t**2)), (t, 0, x))
    y = sc.compile(formula, params=(a, b, c), data=x, backend="python").value([2, 1.1, 0.3], X)
    result = sc.fit_many(
        formula, {x: X, "y": y[None, :]}, y="y", start={a: 1.8, b: 1.2, c: 0.1}, backend=engine
    )
    assert [p[0] for p in result.params.values()] == pytest.approx([2, 1.1, 0.3], rel=1e-10)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.lists(st.tuples(NUMBERS, NUMBERS, st.floats(0.1, 10)), min_size=1, max_size=20),
        min_size=1,
        max_size=6,
    )
)
def test_lines_through_any_points(groups: list[list[tuple[float, float, float]]]) -> None:
    rows = [(g, *row) for g, group in enumerate(groups) for row in group]
    g, x, y, e = map(np.array, zip(*rows, strict=True))
    for engine in ENGINES:
        result = sc.fit_many(
            "a + b*x", {"g": g, "x": x, "y": y, "e": e}, "g", y="y", sigma="e", backend=engine
        )
        for k in range(len(groups)):
            here = g == k
            basis = np.stack([np.ones(here.sum()), x[here]], axis=1) / e[here, None]
            unit = basis / np.linalg.norm(basis, axis=0).clip(1e-300)
            condition = np.linalg.cond(unit) if len(basis) > 1 else np.inf
            if here.sum() < 2:
                assert "too few" in result.messages[k]
            elif condition < 1e4:
                assert result.success[k], (engine, result[k])
                best, *_ = np.linalg.lstsq(basis, y[here] / e[here], rcond=None)
                scale = np.abs(best).max() + np.abs(y[here]).max() + 1e-6
                assert stacked(result)[k] == pytest.approx(best, rel=1e-7, abs=1e-7 * scale)
            elif condition > 1e17:
                assert "singular" in result.messages[k]


@pytest.mark.skipif("llvm" not in ENGINES, reason="there is no LLVM here")
def test_names_that_the_c_around_it_has() -> None:
    names = ["FIT_P", "fit_model", "column0", "out", "sc_run", "n", "work", "int", "value"]
    terms = [f"{name}*t**{k}" for k, name in enumerate(names)]
    t = np.linspace(0, 1, 40)
    y = sum((k + 1) * t**k for k in range(len(names)))
    result = sc.fit_many(
        " + ".join(terms), {"t": t, "y": y[None, :]}, y="y", start=dict.fromkeys(names, 0.0)
    )
    assert [p[0] for p in result.params.values()] == pytest.approx(range(1, 10), rel=1e-8)


@pytest.mark.skipif("llvm" not in ENGINES, reason="there is no LLVM here")
def test_threads_and_slices_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    formula, _, start = CASES["peak"]
    _, y, _ = made("peak", 3000, noise=0.2)
    y[17, 3] = np.nan
    data = {"x": X, "y": y}
    results = [
        sc.fit_many(formula, data, y="y", start=start, threads=threads, backend="llvm")
        for threads in (1, 2, 7)
    ]
    for other in results[1:]:
        assert stacked(other).tobytes() == stacked(results[0]).tobytes()
        assert other.covariances.tobytes() == results[0].covariances.tobytes()
        assert other.iterations.tolist() == results[0].iterations.tolist()
    monkeypatch.setattr(compiled, "_FIRST", 50)
    monkeypatch.setattr(compiled, "_SECONDS", 1e-5)
    sliced = sc.fit_many(formula, data, y="y", start=start, backend="llvm")
    assert stacked(sliced).tobytes() == stacked(results[0]).tobytes()
    few = sc.fit_many(formula, {"x": X, "y": y[5:8]}, y="y", start=start, backend="llvm")
    assert stacked(few).tobytes() == stacked(results[0])[5:8].tobytes()


@pytest.mark.skipif(not NIST.is_dir(), reason="the published problems are not here")
@pytest.mark.parametrize("engine", ENGINES)
def test_certified_values(engine: Engine) -> None:
    seen = 0
    for path in sorted(NIST.glob("*.json")):
        problem = json.loads(path.read_text())
        response, columns = problem["response"], problem["data"]
        if response not in columns:
            continue
        seen += 1
        names = problem["params"]
        data = {k: np.tile(v, (2, 1)) if k == response else v for k, v in columns.items()}
        start = {
            name: np.array(pair)
            for name, *pair in zip(names, problem["start1"], problem["start2"], strict=True)
        }
        result = sc.fit_many(
            problem["formula"], data, y=response, start=start, params=names, backend=engine,
            max_iterations=1000,
        )  # fmt: skip
        assert result.success.all(), (path.stem, result.failures)
        for g in range(2):
            found = [result.params[name][g] for name in names]
            assert found == pytest.approx(problem["certified"], rel=1e-9), path.stem
            errors = [result.stderr[name][g] for name in names]
            assert errors == pytest.approx(problem["certified_sd"], rel=1e-8), path.stem
    assert seen
