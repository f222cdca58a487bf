"""Objectives whose losses are computed from moments, against mpmath and against the data."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import symcompile as sc
from symcompile import moments
from symcompile.build.loader import build_llvm, build_python
from symcompile.emit.moments import emit_moments
from symcompile.frontend.definition import Definition
from symcompile.options import Backend, Options

a, b, c, s, x, y, z = sp.symbols("a b c s x y z")
BACKENDS = ("python", "llvm")
FUNCTIONS = ("value", "grad", "value_and_grad", "hessian", "hvp", "jacobian", "jvp", "vjp")


@pytest.fixture(autouse=True)
def always(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let moments be used however few the samples are."""
    monkeypatch.setattr(moments, "_GAIN", 0.0)
    monkeypatch.setattr(moments, "_ONCE", float("inf"))
    monkeypatch.setattr(moments, "_FIT", float("inf"))
    yield


def _quick(objective: Any, name: str) -> Callable[..., Any]:
    found = objective._moments.function(name)
    assert found is not None, objective.plan
    return found  # type: ignore[no-any-return]


def _exact(formula: sp.Expr, params: Any, data: Any, p: Any, columns: Any) -> tuple[Any, Any]:
    """Return the sum over the samples and its gradient with 60 digits."""
    with mpmath.workdps(60):
        function = sp.lambdify((*params, *data), formula, "mpmath")
        slopes = [sp.lambdify((*params, *data), formula.diff(w), "mpmath") for w in params]
        at = [mpmath.mpf(float(value)) for value in p]
        rows = [[mpmath.mpf(float(v)) for v in row] for row in zip(*columns, strict=True)]
        value = mpmath.fsum(function(*at, *row) for row in rows)
        return value, [mpmath.fsum(f(*at, *row) for row in rows) for f in slopes]


def _off(found: Any, exact: Any) -> float:
    """Return a relative error, or what is found in place of zero."""
    with mpmath.workdps(60):
        if not exact:
            return abs(float(found))
        return float(abs(mpmath.mpf(float(found)) - exact) / abs(exact))


FORMULAS: dict[str, tuple[sp.Expr, tuple[sp.Symbol, ...]]] = {
    "line": ((a + b * x - y) ** 2, (a, b)),
    "cubic": ((a * x**3 + b * x**2 + s * x - y) ** 2, (a, b, s)),
    "weighted": (((a + b * x - y) / z) ** 2, (a, b)),
    "scaled": ((a + b * x - y) ** 2 / (2 * s**2) + sp.log(s), (a, b, s)),
    "columns": ((a * sp.log(z) + b * x * sp.exp(y) - y) ** 2, (a, b)),
    "quartic": ((a * x + b * y**2) ** 4, (a, b)),
    "differences": (a * (x - 1) ** 2 + b * a * (y - x) ** 2 / 3, (a, b)),
    "nonlinear scalars": ((sp.exp(a) + sp.sin(b) * x - y) ** 2, (a, b)),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_moments_give_the_value_and_the_gradient(name: str) -> None:
    formula, params = FORMULAS[name]
    rng = np.random.default_rng(len(name))
    columns = [rng.normal(size=37), rng.normal(size=37), rng.uniform(0.5, 2, size=37)]
    p = rng.uniform(0.5, 1.5, size=len(params))
    kernel = sc.compile(formula, params=params, data=(x, y, z), reduce="sum", backend="python")
    objective = kernel.bind(*columns)
    value, grad = _exact(formula, params, (x, y, z), p, columns)
    found, slopes = _quick(objective, "value_and_grad")(p)
    assert _off(found, value) < 1e-15
    for slope, exact in zip(slopes, grad, strict=True):
        assert _off(slope, exact) < 4e-15
    assert objective.value_and_grad(p)[0] == found


@pytest.mark.parametrize("backend", BACKENDS)
def test_all_functions_are_those_of_the_data(backend: Any) -> None:
    rng = np.random.default_rng(3)
    columns = rng.normal(size=(2, 1500))
    definition = sc.define(
        "ridge",
        (a + b * x**2 - sp.log(2 + y**2)) ** 2 + c * (a**2 + b**2),
        params=(a, b),
        data=(x, y),
        reduce="mean",
        constants={c: 0.25},
    )
    kernel = sc.compile(definition, backend=backend)
    objective = kernel.bind(*columns, c=0.5)
    p, v = np.array([0.3, -0.7]), np.array([1.5, 0.5])
    for name in FUNCTIONS:
        more = {"hvp": (v,), "jvp": (v,), "vjp": (v[:1],)}.get(name, ())
        quick = _quick(objective, name)(p, *more)
        direct = getattr(kernel, name)(p, *more, *columns, c=0.5)
        assert quick is not None
        for one, other in zip(
            quick if isinstance(quick, tuple) else (quick,),
            direct if isinstance(direct, tuple) else (direct,),
            strict=True,
        ):
            assert type(one) is type(other)
            assert np.shape(one) == np.shape(other)
            np.testing.assert_allclose(one, other, rtol=2e-14)


def _polynomial_fit(degree: int, low: float, noise: float) -> tuple[Any, ...]:
    """Return a definition, columns and the least-squares solution, rounded, of a bad basis."""
    weights = sp.symbols(f"w0:{degree + 1}")
    formula = (sum(w * x**j for j, w in enumerate(weights)) - y) ** 2
    rng = np.random.default_rng(degree)
    xs = np.linspace(low, low + 10, 60)
    ys = np.polyval(rng.normal(size=degree + 1), (xs - low) / 10) + noise * rng.normal(size=60)
    with mpmath.workdps(120):
        matrix = mpmath.matrix([[mpmath.mpf(v) ** j for j in range(degree + 1)] for v in xs])
        solution = mpmath.lu_solve(matrix, mpmath.matrix([mpmath.mpf(v) for v in ys]))
        p = np.array([float(value) for value in solution])
    return formula, weights, [xs, ys], p


@pytest.mark.parametrize("degree", [1, 2, 3, 5, 7])
@pytest.mark.parametrize("noise", [1.0, 1e-3])
def test_moments_are_as_accurate_as_the_data_where_the_problem_is_ill_conditioned(
    degree: int, noise: float
) -> None:
    formula, params, columns, p = _polynomial_fit(degree, 100.0, noise)
    kernel = sc.compile(formula, params=params, data=(x, y), reduce="sum", backend="python")
    objective = kernel.bind(*columns)
    value, grad = _exact(formula, params, (x, y), p, columns)
    found, slopes = objective.value_and_grad(p)
    direct, direct_slopes = kernel.value_and_grad(p, *columns)
    assert _off(found, value) <= max(_off(direct, value), 2e-16)
    for slope, other, exact in zip(slopes, direct_slopes, grad, strict=True):
        assert _off(slope, exact) <= max(_off(other, exact), 1e-15)


@pytest.mark.parametrize("name", ["Longley", "Norris", "NoInt1", "Wampler1"])
def test_published_fits_are_as_accurate_as_from_the_data(name: str, shared_data: Path) -> None:
    text = (shared_data / "nist_linear" / f"{name}.json").read_text(encoding="utf-8")
    case = json.loads(text)
    params, data = sp.symbols(case["params"]), sp.symbols(case["variables"])
    response = next(key for key in case["data"] if key not in case["variables"])
    target = sp.Symbol(response)
    formula = (sp.sympify(case["formula"], locals={str(d): d for d in data}) - target) ** 2
    columns = [np.array(case["data"][str(symbol)], dtype=float) for symbol in (*data, target)]
    kernel = sc.compile(
        formula, params=params, data=(*data, target), reduce="sum", backend="python"
    )
    objective = kernel.bind(*columns)
    p = np.array(case["certified"])
    value, grad = _exact(formula, params, (*data, target), p, columns)
    found, slopes = objective.value_and_grad(p)
    direct, direct_slopes = kernel.value_and_grad(p, *columns)
    if value == 0:  # an exact fit
        assert found == direct == 0.0
        return
    assert _off(found, value) <= max(_off(direct, value), 2e-16)
    for slope, other, exact in zip(slopes, direct_slopes, grad, strict=True):
        assert _off(slope, exact) <= max(_off(other, exact), 1e-15)


def _line(backend: Any = "python", **how: Any) -> Any:
    how = {"reduce": "sum"} | how
    return sc.compile((a + b * x - y) ** 2, params=(a, b), data=(x, y), backend=backend, **how)


def test_what_cancels_too_far_is_computed_from_the_data() -> None:
    rng = np.random.default_rng(5)
    xs = rng.normal(size=100)
    ys = 1.1 + 0.7 * xs  # off by roundings alone
    kernel = _line()
    objective = kernel.bind(xs, ys)
    p = np.array([1.1, 0.7])
    assert _quick(objective, "value")(p) is None
    assert objective.value(p) == kernel.value(p, xs, ys)
    assert objective.value(p) >= 0.0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e200, 1e160])
@pytest.mark.parametrize("backend", ["python", "llvm"])
def test_data_that_are_not_finite_or_huge_are_used_as_they_are(bad: float, backend: Any) -> None:
    xs, ys = np.array([1.0, bad, 2.0]), np.array([1.0, 2.0, 4.0])
    kernel = _line(backend)
    objective = kernel.bind(xs, ys)
    for p in ([0.5, 0.25], [0.0, 0.0], [0.5, 1e-200]):
        np.testing.assert_array_equal(objective.value(p), kernel.value(p, xs, ys))
        np.testing.assert_array_equal(objective.grad(p), kernel.grad(p, xs, ys))
        np.testing.assert_array_equal(objective.hessian(p), kernel.hessian(p, xs, ys))
    assert "a pass over the data (its moments" in objective.plan


def test_tiny_data_are_used_as_they_are() -> None:
    xs = np.array([1e-200, 3e-200, 2e-200])
    kernel = _line()
    objective = kernel.bind(xs, np.array([1.0, 2.0, 4.0]))
    p = np.array([0.5, 1e200])
    assert objective.value(p) == kernel.value(p, xs, np.array([1.0, 2.0, 4.0])) > 0
    assert "too small" in objective.plan


def test_columns_that_never_meet_have_moments() -> None:
    one = np.array([1.0, 0.0, 0.0, 2.0])
    two = np.array([0.0, 3.0, 1.0, 0.0])
    kernel = _line()
    objective = kernel.bind(one, two)
    assert _quick(objective, "value")(np.array([0.5, 0.25])) == kernel.value([0.5, 0.25], one, two)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300, 1e-300, 5e-324])
def test_parameters_that_are_not_finite_huge_or_tiny(bad: float) -> None:
    rng = np.random.default_rng(7)
    columns = rng.normal(size=(2, 20))
    kernel = _line()
    objective = kernel.bind(*columns)
    for p in ([bad, 1.0], [1.0, bad], [bad, bad], [-bad, 0.0]):
        np.testing.assert_array_equal(objective.value(p), kernel.value(p, *columns))
        np.testing.assert_array_equal(objective.grad(p), kernel.grad(p, *columns))


def test_arguments_are_checked_as_ever() -> None:
    objective = _line().bind([1.0, 2.0], [2.0, 3.0])
    with pytest.raises(sc.SymcompileError, match="p"):
        objective.value([1.0])
    with pytest.raises(sc.SymcompileError, match="p"):
        objective.grad([1.0, 2.0, 3.0])
    with pytest.raises(sc.SymcompileError, match="v"):
        objective.hvp([1.0, 2.0], [1.0])
    assert objective.value((1, 1)) == objective.value(np.array([1.0, 1.0])) == 0.0


def test_one_sample() -> None:
    objective = _line(reduce="mean").bind([2.0], [3.0])
    assert _quick(objective, "value")(np.array([1.0, 2.0])) == 4.0
    assert objective.grad([1.0, 2.0]).tolist() == [4.0, 8.0]


def test_float32_takes_the_data() -> None:
    columns = np.ones((2, 9), dtype=np.float32)
    kernel = _line(dtype="float32")
    objective = kernel.bind(*columns)
    assert "float32" in objective.plan
    assert objective.value([1, 2]) == kernel.value([1, 2], *columns)


def test_threads_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(8)
    columns = rng.normal(size=(2, 300_001))
    _, summed = _line("llvm").derived_and_moments("value", {})
    found = set()
    for threads in ("1", "2", "7"):
        monkeypatch.setenv("SYMCOMPILE_NUM_THREADS", threads)
        found.add(summed(*columns).tobytes())
    assert len(found) == 1


@pytest.mark.parametrize("way", ["llvm", "llvm without fma", "python"])
@pytest.mark.parametrize("n", [1, 7, 512, 1025, 5000])
def test_sums_of_products_are_exact_to_a_hundred_bits(way: str, n: int) -> None:
    rng = np.random.default_rng(n)
    columns = (rng.normal(size=(2, n)) * 10.0 ** rng.integers(-6, 6, size=(2, n)))[:, ::1]
    strided = np.repeat(columns, 3, axis=1)[:, ::3]
    split = _line().split("value")
    backend: Backend = "python" if way == "python" else "llvm"
    source = emit_moments(split, backend, None, fused=way == "llvm")
    make = build_python if way == "python" else build_llvm
    summed = make(source, f"moments_{backend}", Options()).moments
    for given_columns in (columns, strided):
        rows = summed(*given_columns)
        for row, powers in zip(rows, moments.powers_of(split), strict=True):
            with mpmath.workdps(60):
                terms = [
                    mpmath.mpf(p) ** powers[0] * mpmath.mpf(q) ** powers[1]
                    for p, q in zip(*columns.tolist(), strict=True)
                ]
                size = mpmath.fsum(map(abs, terms))
                off = abs(mpmath.mpf(row[0]) + mpmath.mpf(row[1]) - mpmath.fsum(terms)) / size
                assert off < moments._epsilon(n, split) / 64
                assert abs(row[2] - size) / size < 1e-13


def test_binding_looks_at_no_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    """What serves many samples is found when a function is first called."""
    kernel = _line("cython" if _compiler() else "python")
    kernel.value_and_grad([0.0, 0.0], [1.0, 2.0], [3.0, 4.0])

    def refuse(*_: Any) -> Any:
        raise AssertionError("the pipeline runs while data are bound")

    with monkeypatch.context() as patch:
        patch.setattr("symcompile.compiler.plan", refuse)
        objective = kernel.bind(np.arange(1e6), np.arange(1e6))
    assert objective.value([0.0, 1.0]) == 0.0


def _compiler() -> bool:
    from symcompile.generate import have_compiler

    return not have_compiler()


def test_an_objective_pickles() -> None:
    objective = pickle.loads(pickle.dumps(_line().bind([1.0, 2.0, 4.0], [2.0, 3.0, 7.0])))
    assert _quick(objective, "value")(np.array([1.0, 1.0])) == 4.0
    assert pickle.loads(pickle.dumps(objective.value))([1.0, 1.0]) == 4.0


def test_fits_reach_the_solution() -> None:
    rng = np.random.default_rng(9)
    xs = rng.normal(size=400)
    ys = 1 + 2 * xs + rng.normal(size=400)
    want = np.polynomial.polynomial.polyfit(xs, ys, 1)
    objective = _line(reduce="mean").bind(xs, ys)
    for method in ("BFGS", "Newton-CG", "trust-exact", "Nelder-Mead"):
        tol = {"tol": 1e-9} if method == "Nelder-Mead" else {}
        found = objective.minimize([0, 0], method=method, **tol)
        np.testing.assert_allclose(found.x, want, rtol=1e-5)


def test_few_samples_are_used_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    objective = _line().bind([1.0, 2.0], [2.0, 3.0])
    assert "2 samples are few" in objective.plan
    assert objective._moments.function("value", fit=True) is None


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_random_polynomials(data: st.DataObject) -> None:
    number = st.integers(-3, 3)
    powers = st.tuples(*[st.integers(0, 2)] * 4)
    inner = data.draw(st.lists(st.tuples(number, powers), min_size=1, max_size=4))
    formula = sum(k * a ** e[0] * b ** e[1] * x ** e[2] * y ** e[3] for k, e in inner) ** data.draw(
        st.integers(1, 2)
    )
    formula = sp.sympify(formula)
    if not formula.free_symbols & {x, y}:
        return
    definition = sc.define("f", formula, params=(a, b), data=(x, y), reduce="sum")
    exponent = st.integers(-8, 8)
    size = data.draw(st.integers(1, 12))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    columns = rng.normal(size=(2, size)) * 10.0 ** data.draw(exponent)
    p = rng.normal(size=2) * 10.0 ** data.draw(exponent)
    _agrees(definition, formula, columns, p)


def _agrees(definition: Definition, formula: sp.Expr, columns: Any, p: Any) -> None:
    """Check a value and a gradient: as accurate as those from the data, by a known measure."""
    kernel = sc.compile(definition, backend="python")
    objective = kernel.bind(*columns)
    value, grad = _exact(formula, (a, b), (x, y), p, columns)
    found, slopes = objective.value_and_grad(p)
    terms = sp.Add.make_args(sp.expand(formula))
    sizes = [sp.Add(*[abs(t.diff(w)) for t in terms]) for w in (a, b)]
    at = [abs(v) for v in p]
    for got, exact, measure in zip(
        (found, *slopes), (value, *grad), (sp.Add(*map(abs, terms)), *sizes), strict=True
    ):
        with mpmath.workdps(60):
            function = sp.lambdify((a, b, x, y), measure, "mpmath")
            size = mpmath.fsum(
                function(*map(mpmath.mpf, at), abs(mpmath.mpf(q)), abs(mpmath.mpf(r)))
                for q, r in zip(*columns.tolist(), strict=True)
            )
            assert abs(mpmath.mpf(float(got)) - exact) <= mpmath.mpf(2) ** -49 * size
