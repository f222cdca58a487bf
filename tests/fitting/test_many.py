"""What ``fit_many`` takes and gives: tables, groups, starts, failures, results."""

from __future__ import annotations

import io
import pickle
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import symcompile as sc
from symcompile.build import progress
from symcompile.build.cpu import has_llvm
from symcompile.fitting.batch.groups import grouped

pd = pytest.importorskip("pandas")

ENGINES = ("llvm", "python") if has_llvm() else ("python",)
X = np.linspace(0.0, 4.0, 20)
FORMULA = "a*exp(-b*x) + c"
START = {"a": 1.0, "b": 1.0, "c": 0.0}


def table(sizes: Mapping[Any, int], seed: int = 0, noise: float = 0.02) -> Any:
    """Return a table of decays, shuffled: groups of some sizes."""
    rng = np.random.default_rng(seed)
    parts = []
    for key, size in sizes.items():
        a, b, c = rng.uniform([1, 0.5, -1], [5, 2, 1])
        x = np.sort(rng.uniform(0, 4, size))
        y = a * np.exp(-b * x) + c + noise * rng.standard_normal(size)
        parts.append(pd.DataFrame({"well": [key] * size, "x": x, "y": y, "guess": b}))
    return pd.concat(parts).sample(frac=1, random_state=seed).reset_index(drop=True)


def fit(data: Any, **more: Any) -> sc.FitManyResult:
    given: dict[str, Any] = {"by": "well", "y": "y", "start": START, "backend": ENGINES[0], **more}
    return sc.fit_many(given.pop("model", FORMULA), data, **given)


KEYS = st.tuples(st.sampled_from([3.0, 1.0, 2.0, np.nan]), st.sampled_from("xyz"))
SIZES = {"B2": 17, "A10": 20, "A1": 9, "C7": 33}


# -- groups --------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
def test_groups_of_any_size_in_any_order(engine: str) -> None:
    data = table(SIZES)
    result = fit(data, backend=engine)
    assert result.backend == engine
    assert list(result) == ["A1", "A10", "B2", "C7"]
    assert result.n.tolist() == [9, 20, 17, 33]
    for key in SIZES:
        alone = fit(data[data.well == key], backend=engine)[key]
        assert result[key].params == pytest.approx(alone.params, rel=1e-12)
        assert result[key].stderr == pytest.approx(alone.stderr, rel=1e-9)
        assert result[key].success


def test_the_order_of_groups_is_that_of_pandas() -> None:
    data = table(SIZES, seed=3)
    for sort in (True, False):
        result = fit(data, sort=sort)
        assert list(result.groups) == [key for key, _ in data.groupby("well", sort=sort)]
    assert fit(data).failures == {}


@settings(max_examples=60, deadline=None)
@given(st.lists(KEYS, max_size=30), st.booleans())
def test_grouping_is_that_of_pandas(rows: list[tuple[float, str]], sort: bool) -> None:
    frame = pd.DataFrame(rows, columns=["one", "two"]).astype({"one": float, "two": object})
    for by in ("one", ["one", "two"], ["two", "one"]):
        found = grouped(frame, by, sort=sort)
        expected = frame.groupby(by, sort=sort)
        assert found.codes.tolist() == expected.ngroup().fillna(-1).astype(int).tolist()
        keys = list(expected.groups) if sort else [key for key, _ in expected]
        assert list(found.keys) == keys
        assert found.counts.tolist() == expected.size().tolist()


def test_several_columns_tell_groups_apart() -> None:
    data = table(dict.fromkeys(range(6), 12))
    data["plate"], data["row"] = data.well // 2, np.where(data.well % 2, "q", "p")
    result = fit(data, by=["plate", "row"])
    assert list(result)[:3] == [(0, "p"), (0, "q"), (1, "p")]
    alone = fit(data)
    assert result[1, "q"].params == alone[3].params
    assert result.frame.loc[(1, "q"), "a"] == alone[3].params["a"]
    assert result.predict(data) == pytest.approx(alone.predict(data), rel=1e-14)


def test_keys_that_cannot_be_compared_or_are_missing() -> None:
    data = table({0: 12, 1: 12, 2: 12})
    data["well"] = data.well.map({0: "k", 1: 7, 2: None}).astype(object)
    result = fit(data)
    assert set(result) == {"k", 7}
    assert np.isnan(result.predict(data)).sum() == 12
    dates = table({0: 12, 1: 12})
    dates["well"] = pd.to_datetime(["2020-01-01", "2021-01-01"])[dates.well]
    found = fit(dates)
    assert found.success.all()
    assert found[pd.Timestamp("2021-01-01")].n == 12
    assert np.isfinite(found.predict(dates)).all()
    assert found.frame.index.dtype.kind == "M"
    named = table({0: 12, 1: 12, 2: 12})
    named["well"] = pd.Categorical.from_codes(named.well, ["low", "mid", "high", "none"])
    for sort in (True, False):
        expected = named.groupby("well", sort=sort, observed=True)
        assert list(fit(named, sort=sort)) == [key for key, _ in expected]
    nullable = table({0: 12, 1: 12})
    nullable["well"] = nullable.well.astype("Int64").where(nullable.well > 0)
    assert list(fit(nullable)) == [1]


def test_no_groups_at_all() -> None:
    result = fit(table(SIZES)[:0])
    assert len(result) == 0
    assert result.frame.shape == (0, 12)
    assert result.failures == {}
    assert "0 fits" in repr(result)


def test_tables_of_all_kinds(tmp_path: Path) -> None:
    data = table(SIZES)
    expected = fit(data)
    data.to_csv(tmp_path / "wells.csv", index=False)
    columns = {name: data[name].to_numpy() for name in data}
    for other in (columns, {k: list(v) for k, v in columns.items()}, tmp_path / "wells.csv"):
        result = fit(other)
        assert list(result) == list(expected)
        assert result.params["b"] == pytest.approx(expected.params["b"], rel=1e-9)


def test_a_table_of_polars() -> None:
    pl = pytest.importorskip("polars")
    data = table(SIZES)
    result = fit(pl.DataFrame({name: data[name].to_numpy() for name in data}))
    assert result.params["b"].tolist() == fit(data).params["b"].tolist()


# -- arrays with a row for each group ---------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
def test_rows_of_arrays(engine: str) -> None:
    rng = np.random.default_rng(2)
    a, b = rng.uniform(1, 3, (2, 50, 1))
    y = a * np.exp(-b * X) + 0.01 * rng.standard_normal((50, 20))
    shared = {"x": X, "y": y, "e": np.linspace(1, 2, 20)}
    own = {k: np.broadcast_to(v, y.shape) for k, v in shared.items()}
    start = {"a": 1, "b": 1}
    results = [
        sc.fit_many("a*exp(-b*x)", data, y="y", start=start, sigma=sigma, backend=engine)
        for data in (shared, own)
        for sigma in ("e", None)
    ]
    for one, two in zip(results[:2], results[2:], strict=True):
        assert one.params["b"].tolist() == two.params["b"].tolist()
        assert one.covariances.tolist() == two.covariances.tolist()
        assert one.r2.tolist() == two.r2.tolist()
    long = {"g": np.repeat(np.arange(50), 20), "x": np.tile(X, 50), "y": y.ravel()}
    table = sc.fit_many("a*exp(-b*x)", long, "g", y="y", start=start, backend=engine)
    assert table.params["b"].tolist() == results[1].params["b"].tolist()
    assert results[0].predict({"x": X}) == pytest.approx(results[2].predict(own), rel=1e-14)
    assert results[0].predict({"x": X}).shape == (50, 20)
    assert np.std(results[1].predict({"x": X}) - y) < 0.011
    assert list(results[0].frame.index) == list(range(50))


# -- starts and fixed values --------------------------------------------------------------------


def test_starts_in_all_forms() -> None:
    data = table(SIZES)
    keys = sorted(SIZES)
    expected = fit(data)
    asked: list[Any] = []

    def guess(rows: Mapping[str, Any]) -> float:
        asked.append(set(rows["well"]))
        return float(rows["guess"][0])

    forms: list[Any] = [
        {**START, "b": np.ones(4)},
        {**START, "b": dict.fromkeys(keys, 1.0)},
        {**START, "b": pd.Series(1.0, index=keys)},
        {**START, sp.Symbol("b"): "guess"},
        {**START, "b": guess},
        lambda rows: {**START, "b": rows["guess"][0]},
        {"c": 0.0},
        None,
    ]
    for start in forms:
        result = fit(data, start=start)
        assert result.success.all()
        for name in "abc":
            found, answer = result.params[name], expected.params[name]
            assert found == pytest.approx(answer, rel=1e-9)
    assert asked == [{key} for key in keys]
    assert list(fit(data, start=None).params) == ["a", "b", "c"]
    assert list(fit(data, start=None, params=["c", "b", "a"]).params) == ["c", "b", "a"]


def test_a_start_that_fails_fails_for_its_group() -> None:
    data = table(SIZES)

    def start(rows: Mapping[str, Any]) -> Mapping[str, float]:
        if rows["well"][0] == "B2":
            raise RuntimeError("no idea")
        return START if rows["well"][0] == "A1" else {"a": 1, "b": 1}

    result = fit(data, start=start)
    assert result.failures == {
        "A10": "start: no value for 'c'",
        "B2": "start: no idea",
        "C7": "start: no value for 'c'",
    }
    assert result["A1"].success
    some = fit(data, start={**START, "a": {"A1": 1.0, "C7": 2.0}})
    assert some.failures == dict.fromkeys(["A10", "B2"], "the start of a is not finite")


@pytest.mark.parametrize("engine", ENGINES)
def test_fixed_parameters(engine: str) -> None:
    data = table(SIZES)
    rates = data.groupby("well").guess.first()
    one = fit(data, fixed={"b": rates, "c": 0.25}, params=["c", "b", "a"], backend=engine)
    two = fit(data, fixed={"b": "guess", "c": np.full(4, 0.25)}, backend=engine)
    assert list(one.params) == ["c", "b", "a"]
    for key, rows in data.groupby("well"):
        e = np.exp(-rates[key] * rows.x)
        a = e @ (rows.y - 0.25) / (e @ e)
        rest = np.sum((rows.y - 0.25 - a * e) ** 2) / (len(rows) - 1)
        assert one[key].params == pytest.approx({"c": 0.25, "b": rates[key], "a": a}, rel=1e-9)
        assert one[key].stderr == pytest.approx({"c": 0, "b": 0, "a": np.sqrt(rest / (e @ e))})
        assert two[key].params == pytest.approx(one[key].params, rel=1e-9)
    assert not one.covariances[:, :2].any()
    three = fit(data, start={"b": "guess", "c": 0.25, "a": 3.0}, fixed=["b", "c"], backend=engine)
    assert three.params["a"] == pytest.approx(one.params["a"], rel=1e-9)
    assert three.params["b"].tolist() == one.params["b"].tolist()


def test_y_and_sigma_may_be_formulas() -> None:
    data = table(SIZES)
    data["z"], data["e"] = np.exp(data.y), 1 + data.x
    plain = fit(data, sigma="e")
    other = fit(data, y="log(z)", sigma="1 + x")
    assert other.params["b"] == pytest.approx(plain.params["b"], rel=1e-9)
    assert other.stderr["b"] == pytest.approx(plain.stderr["b"], rel=1e-9)
    renamed = fit(
        data.rename(columns={"y": "y [V]", "e": "its error"}), y="y [V]", sigma="its error"
    )
    assert renamed.params["b"].tolist() == plain.params["b"].tolist()
    tenth = fit(data, sigma=0.1, absolute_sigma=True)
    scale = np.sqrt(fit(data).chi2 / (fit(data).n - 3))
    assert tenth.stderr["b"] == pytest.approx(fit(data).stderr["b"] / scale * 0.1, rel=1e-9)


# -- failures ---------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
def test_a_group_that_fails_says_why_and_stops_no_other(engine: str) -> None:
    sizes = {f"good{k}": 15 for k in range(8)}
    failing = {"few": 2, "nan": 15, "inf": 15, "flat": 15, "sigma": 15, "huge": 15}
    data = table({**sizes, **failing})
    data["e"] = 1.0
    first = {key: data.index[data.well == key] for key in failing}
    data.loc[first["nan"][3], "y"] = np.nan
    data.loc[first["inf"][0], "x"] = np.inf
    data.loc[first["flat"], "x"] = 1.0
    data.loc[first["sigma"][1], "e"] = 0.0
    data.loc[first["huge"], "x"] = -2000.0
    result = fit(data, sigma="e", backend=engine)
    assert result.failures == {
        "few": "too few points for 3 parameters: 2",
        "nan": "y is not finite in some points",
        "inf": "x is not finite in some points",
        "flat": result["flat"].message,
        "sigma": "sigma is not a positive number everywhere",
        "huge": "the model or a derivative is not finite at the start",
    }
    assert "the Jacobian is singular: the data do not determine" in result["flat"].message
    assert np.isinf(list(result["flat"].stderr.values())).all()
    assert np.isnan(list(result["few"].params.values())).all()
    assert np.isnan(result.covariance("nan")).all()
    good = fit(data[data.well.str.startswith("good")], sigma="e", backend=engine)
    for key in sizes:
        assert result[key].params == good[key].params
        assert result[key].success
    assert "8 succeeded" in repr(result)
    assert "1 failed: too few points for 3 parameters: 2" in repr(result)
    frame = result.frame
    assert frame.loc["nan", "message"] == "y is not finite in some points"
    assert frame.success.sum() == 8


@pytest.mark.parametrize("engine", ENGINES)
def test_too_few_iterations(engine: str) -> None:
    result = fit(table(SIZES), max_iterations=2, backend=engine)
    assert set(result.failures.values()) == {"no convergence within 2 iterations"}
    assert np.isfinite(result.params["a"]).all()
    assert (result.iterations == 2).all()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_parameter_without_effect_is_named(engine: str) -> None:
    data = {"x": X, "y": np.stack([np.exp(-X), 2 * np.exp(-X)])}
    result = sc.fit_many(
        "a*exp(-b*x) + c*(a - a)*x + Max(d, 5)", data, y="y - 5", start={"d": 1.0}, backend=engine
    )
    assert list(result.params) == ["d", "a", "b"]
    assert set(result.failures.values()) == {
        "the Jacobian is singular: the data do not determine d"
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "a*exp(-b*q) + c", "params": ["a", "b", "c"]}, "neither a column nor in params"),
        ({"model": "a*exp(-b*x"}, r"bracket|closed|\("),
        ({"model": 3}, "is no parameter"),
        ({"model": "a + b + c"}, "mentions no column"),
        ({"y": "z"}, "no column z"),
        ({"by": "plate"}, "no column plate"),
        ({"by": []}, "name the column"),
        ({"by": None}, "by= names the column"),
        ({"start": {"q": 1}}, "start names q"),
        ({"start": [1, 2, 3]}, "start is a mapping"),
        ({"start": {"a": [1, 2]}}, "one number, or one for each of the 4 groups"),
        ({"start": {"a": "text"}}, "no column text"),
        ({"start": {"a": "well"}}, "holds strings|not a number|number"),
        ({"fixed": {"q": 1}}, "fixed names q"),
        ({"fixed": {"a": 1, "b": 1, "c": 1}}, "nothing to fit"),
        ({"fixed": ["q"]}, "fixed names q"),
        ({"fixed": 3}, "listed by name"),
        ({"params": 3}, "listed by name"),
        ({"bounds": {"q": (0, 1)}}, "bounds: q is not fitted"),
        ({"bounds": {"a": 3}}, "a pair"),
        ({"bounds": {"a": (3, 1)}}, "not below"),
        ({"bounds": [(0, 1)]}, "bounds: a mapping"),
        ({"params": ["a", "a", "b", "c"]}, "twice"),
        ({"params": ["a", "b", "c", "d"]}, "has no parameter d"),
        ({"backend": "cython"}, "backends auto, llvm and python"),
        ({"max_iterations": 0}, "whole number"),
        ({"max_iterations": "many"}, "whole number"),
        ({"threads": 0}, "at least one thread"),
    ],
)
def test_what_cannot_be_is_said(change: dict[str, Any], message: str) -> None:
    with pytest.raises(sc.SymcompileError, match=message):
        fit(table(SIZES), **change)


def test_shapes_that_do_not_fit() -> None:
    with pytest.raises(sc.ArgumentValueError, match=r"x has the shape \(3,\)"):
        sc.fit_many("a*x", {"x": [1, 2, 3], "y": np.ones((4, 2))}, y="y", start={"a": 1})
    with pytest.raises(sc.ArgumentValueError, match="no points"):
        sc.fit_many("a*x", {"x": np.ones(0), "y": np.ones((4, 0))}, y="y", start={"a": 1})
    with pytest.raises(sc.ArgumentTypeError, match="DataFrame"):
        sc.fit_many("a*x", 3, y="y", start={"a": 1})
    data = {"g": [1, 1, 2], "x": [1, 2, 3], "y": [1, 2]}
    with pytest.raises(sc.ArgumentValueError, match="the column y has the shape"):
        sc.fit_many("a*x", data, "g", y="y", start={"a": 1})


def test_without_llvm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("symcompile.build.cpu.has_llvm", lambda: False)
    assert fit(table(SIZES), backend="auto").backend == "python"
    with pytest.raises(sc.BackendError, match='backend="python" needs nothing'):
        fit(table(SIZES), backend="llvm")


# -- the result -----------------------------------------------------------------------------


def test_the_result_as_a_table() -> None:
    data = table(SIZES)
    result = fit(data)
    frame = result.frame
    assert frame.index.name == "well"
    assert list(frame.columns) == (
        "a b c a_stderr b_stderr c_stderr chi2 r2 n iterations success message".split()
    )
    assert frame.a.tolist() == result.params["a"].tolist()
    assert frame.loc["C7", "b_stderr"] == result["C7"].stderr["b"]
    assert frame.loc["C7", "n"] == 33
    other = fit(data, model="n*exp(-b*x) + c", start={"n": 1.0})
    assert other.frame.n.tolist() == other.params["n"].tolist()
    assert other.frame.fit_n.tolist() == [9, 20, 17, 33]


def test_one_group() -> None:
    data = table(SIZES)
    result = fit(data)
    one = result["A10"]
    assert one.n == 20
    assert one.message == "converged"
    assert np.sqrt(one.covariance[1, 1]) == one.stderr["b"]
    assert result.covariance("A10").tolist() == one.covariance.tolist()
    assert repr(one).splitlines()[0] == "group 'A10'"
    assert "A10" in result
    assert ["A10"] not in result  # type: ignore[comparison-overlap]
    with pytest.raises(sc.ArgumentValueError, match="no group 'Z9'; there is A1, A10"):
        result["Z9"]
    assert result[np.str_("A10")].n == 20


def test_a_result_can_be_pickled() -> None:
    data = table(SIZES)
    result = fit(data)
    again = pickle.loads(pickle.dumps(result))
    assert again["C7"].params == result["C7"].params
    assert again.predict(data).tolist() == result.predict(data).tolist()


def test_predictions() -> None:
    data = table(SIZES)
    result = fit(data)
    found = result.predict(data)
    values = data.well.map(result.frame.a) * np.exp(-data.well.map(result.frame.b) * data.x)
    assert found == pytest.approx((values + data.well.map(result.frame.c)).to_numpy(), rel=1e-12)
    new = result.predict({"well": ["C7", "none", "A1"], "x": [0.0, 0.0, 0.0]})
    assert new[0] == result["C7"].params["a"] + result["C7"].params["c"]
    assert np.isnan(new[1])
    with pytest.raises(sc.ArgumentValueError, match="no column x"):
        result.predict({"well": ["C7"]})
    with pytest.raises(sc.ArgumentValueError, match="differ in length"):
        result.predict({"well": ["C7"], "x": [1, 2]})


def test_in_short() -> None:
    result = fit(table({**SIZES, "<b>": 2}))
    lines = repr(result).splitlines()
    assert lines[0] == "5 fits of 3 parameters, 4 succeeded"
    assert lines[1] == "1 failed: too few points for 3 parameters: 2"
    assert [line.split(":")[0] for line in lines[2:]] == ["a", "b", "c"]
    page = result._repr_html_()
    assert page.count("<tr>") == 4
    assert "4 succeeded" in page


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_long_work_shows_how_much_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    from symcompile.fitting.batch import arrays

    terminal = _Terminal()
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    monkeypatch.setattr(arrays, "_MOST", 1)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("CI", raising=False)
    run = arrays._Batch.run

    def slow(self: Any, found: Any) -> None:
        run(self, found)
        end = time.monotonic() + 10
        while "fitting 5 groups" not in terminal.getvalue() and time.monotonic() < end:
            time.sleep(0.01)

    monkeypatch.setattr(arrays._Batch, "run", slow)
    data = table({**SIZES, "D1": 2})
    for wanted in (None, True):
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stderr", terminal)
            fit(data, backend="python", progress=wanted)
        assert "fitting 5 groups" in terminal.getvalue()
        terminal.truncate(0)
        terminal.seek(0)
    monkeypatch.setattr(arrays._Batch, "run", run)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", terminal)
        fit(data, backend="python", progress=False)
    assert terminal.getvalue() == ""
