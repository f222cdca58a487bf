"""Objectives over arrays computed from moments, against exact arithmetic and against the data."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import symcompile as sc
from symcompile.build.loader import build_llvm, build_python
from symcompile.emit.gram import emit_gram
from symcompile.gram import building, moments
from symcompile.options import Options

FUNCTIONS = ("value", "grad", "value_and_grad", "hessian", "hvp", "jacobian", "jvp", "vjp")

n, m, c, n2 = sp.symbols("n m c n2", integer=True, positive=True)
i, j, k, other = sp.Idx("i", n), sp.Idx("j", m), sp.Idx("k", c), sp.Idx("l", n2)
w, q = sp.IndexedBase("w", shape=(m,)), sp.IndexedBase("q", shape=(m,))
W = sp.IndexedBase("W", shape=(m, c))
X, Y = sp.IndexedBase("X", shape=(n, m)), sp.IndexedBase("Y", shape=(n, c))
y, g = sp.IndexedBase("y", shape=(n,)), sp.IndexedBase("g", shape=(n,))
Z, z = sp.IndexedBase("Z", shape=(n2, m)), sp.IndexedBase("z", shape=(n2,))
a, b, lam = sp.symbols("a b lam")

FEATURES, SAMPLES, OUTPUTS = (j, 0, m - 1), (i, 0, n - 1), (k, 0, c - 1)
RESIDUAL = y[i] - sp.Sum(w[j] * X[i, j], FEATURES)
AFFINE = y[i] - b - sp.Sum(w[j] * X[i, j], FEATURES)


@pytest.fixture(autouse=True)
def always(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let moments be used however few the samples are."""
    monkeypatch.setattr(moments, "GAIN", 0.0)
    monkeypatch.setattr(moments, "ONCE", float("inf"))
    monkeypatch.setattr(moments, "FIT", float("inf"))
    yield


def _quick(objective: Any, name: str) -> Callable[..., Any]:
    found = objective._moments.function(name)
    assert found is not None, objective.plan
    return found  # type: ignore[no-any-return]


def _rational(array: Any) -> Any:
    return np.frompyfunc(Fraction, 1, 1)(np.asarray(array, dtype=float)) + Fraction(0)


def _slopes(function: Callable[[Any], Any], p: Any) -> list[Fraction]:
    """Return the exact gradient of a polynomial of degree four at most, in rational numbers."""
    found = []
    for at in range(len(p)):
        step = np.array([Fraction(int(at == s)) for s in range(len(p))])
        one = function(p + step) - function(p - step)
        two = function(p + 2 * step) - function(p - 2 * step)
        found.append((8 * one - two) / 12)
    return found


def _off(found: Any, exact: Fraction) -> float:
    """Return a relative error, or what is found in place of zero."""
    if not exact:
        return abs(float(found))
    return float(abs(Fraction(float(found)) - exact) / abs(exact))


def _data(samples: int = 19, features: int = 4, outputs: int = 3) -> dict[str, Any]:
    rng = np.random.default_rng(samples + features)
    return {
        "X": rng.normal(size=(samples, features)),
        "y": rng.normal(size=samples),
        "Y": rng.normal(size=(samples, outputs)),
        "Z": rng.normal(size=(samples // 2, features)),
        "z": rng.normal(size=samples // 2),
        "q": rng.normal(size=features),
        "g": rng.uniform(0.5, 2, size=samples),
    }


def _ssq(r: Any) -> Any:
    return (r * r).sum()


#: A formula, its parameters and data, and the same in rational numbers of `p` and the data.
CASES: dict[str, tuple[Any, tuple[Any, ...], tuple[Any, ...], Callable[[Any, Any], Any]]] = {
    "plain": (
        sp.Sum(RESIDUAL**2, SAMPLES),
        (w,),
        (X, y),
        lambda p, d: _ssq(d["y"] - d["X"] @ p),
    ),
    "intercept": (
        sp.Sum(AFFINE**2, SAMPLES) / n,
        (b, w),
        (X, y),
        lambda p, d: _ssq(d["y"] - p[0] - d["X"] @ p[1:]) / len(d["y"]),
    ),
    "weighted ridge": (
        sp.Sum(g[i] * AFFINE**2, SAMPLES) + sp.Sum(w[j] ** 2, FEATURES) / 4,
        (w, b),
        (X, y, g),
        lambda p, d: (d["g"] * (d["y"] - p[-1] - d["X"] @ p[:-1]) ** 2).sum() + _ssq(p[:-1]) / 4,
    ),
    "times other data": (
        sp.Sum(RESIDUAL**2 * g[i] * y[i], SAMPLES),
        (w,),
        (X, y, g),
        lambda p, d: ((d["y"] - d["X"] @ p) ** 2 * d["g"] * d["y"]).sum(),
    ),
    "scaled features": (
        sp.Sum((y[i] - sp.Sum(w[j] * q[j] * X[i, j] ** 2, FEATURES)) ** 2, SAMPLES),
        (w,),
        (X, y, q),
        lambda p, d: _ssq(d["y"] - (d["X"] * d["X"]) @ (p * d["q"])),
    ),
    "two vectors": (
        sp.Sum(sp.Sum(w[j] * X[i, j], FEATURES) * sp.Sum(q[j] * X[i, j], FEATURES) * y[i], SAMPLES),
        (w, q),
        (X, y),
        lambda p, d: ((d["X"] @ p[:4]) * (d["X"] @ p[4:]) * d["y"]).sum(),
    ),
    "several outputs": (
        sp.Sum((Y[i, k] - b - sp.Sum(X[i, j] * W[j, k], FEATURES)) ** 2, SAMPLES, OUTPUTS),
        (W, b),
        (X, Y),
        lambda p, d: _ssq(d["Y"] - p[-1] - d["X"] @ p[:-1].reshape(4, 3)),
    ),
    "two data sets": (
        sp.Sum(RESIDUAL**2, SAMPLES)
        + 3 * sp.Sum((z[other] - sp.Sum(w[j] * Z[other, j], FEATURES)) ** 2, (other, 0, n2 - 1)),
        (w,),
        (X, y, Z, z),
        lambda p, d: _ssq(d["y"] - d["X"] @ p) + 3 * _ssq(d["z"] - d["Z"] @ p),
    ),
    "one feature at a time": (
        sp.Sum((w[j] * X[i, j] - y[i]) ** 2, FEATURES, SAMPLES),
        (w,),
        (X, y),
        lambda p, d: _ssq(d["X"] * p - d["y"][:, None]),
    ),
    "fourth powers": (
        sp.Sum(RESIDUAL**4, SAMPLES),
        (w,),
        (X, y),
        lambda p, d: ((d["y"] - d["X"] @ p) ** 4).sum(),
    ),
    "a lag": (
        sp.Sum((y[i + 1] - b * y[i] - a) ** 2, (i, 0, n - 2)),
        (b, a),
        (y,),
        lambda p, d: _ssq(d["y"][1:] - p[0] * d["y"][:-1] - p[1]),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_moments_give_the_value_and_the_gradient(name: str) -> None:
    formula, params, data, exact = CASES[name]
    given_data = _data()
    columns = [given_data[str(base.label)] for base in data]
    kernel = sc.compile(formula, params=params, data=data, backend="python")
    objective = kernel.bind(*columns)
    sizes = {"w": 4, "q": 4, "W": 12, "a": 1, "b": 1}
    size = sum(sizes[str(getattr(p, "label", p))] for p in params)
    p = np.random.default_rng(size).normal(size=size)
    rationals = {key: _rational(value) for key, value in given_data.items()}
    found, slopes = _quick(objective, "value_and_grad")(p)
    at = _rational(p)
    assert _off(found, exact(at, rationals)) < 2e-15
    for slope, want in zip(slopes, _slopes(lambda p: exact(p, rationals), at), strict=True):
        assert _off(slope, want) < 8e-15
    assert objective.value_and_grad(p)[0] == found
    assert objective.grad(p).tolist() == slopes.tolist()


MATRICES = {
    "squares": lambda X, Y, W: (X * W - Y).T * (X * W - Y),
    "ridge": lambda X, Y, W: ((X * W - Y).T * (X * W - Y) + lam * W.T * W)[0, 0],
}


@pytest.mark.parametrize("backend", ["python", "llvm"])
@pytest.mark.parametrize("name", MATRICES)
def test_all_functions_are_those_of_the_data(name: str, backend: Any) -> None:
    A, v = sp.MatrixSymbol("A", n, m), sp.MatrixSymbol("v", m, 1)
    target = sp.MatrixSymbol("t", n, 1)
    constants = {lam: 0.25} if name == "ridge" else ()
    formula = MATRICES[name](A, target, v)
    definition = sc.define(name, formula, params=v, data=(A, target), constants=constants)
    kernel = sc.compile(definition, backend=backend)
    data = _data(300, 9)
    more_constants = {"lam": 0.5} if name == "ridge" else {}
    objective = kernel.bind(data["X"], data["y"], **more_constants)
    rng = np.random.default_rng(1)
    p, direction = rng.normal(size=9), rng.normal(size=9)
    assert set(kernel.functions) >= {"value", "jacobian", "jvp", "vjp"}
    for function in kernel.functions:
        cotangent = np.full(np.shape(kernel.value(p, data["X"], data["y"])) or 1, 1.5)
        more = {"hvp": (direction,), "jvp": (direction,), "vjp": (cotangent,)}.get(function, ())
        quick = _quick(objective, function)(p, *more)
        direct = getattr(kernel, function)(p, *more, data["X"], data["y"], **more_constants)
        assert quick is not None
        for one, two in zip(
            quick if isinstance(quick, tuple) else (quick,),
            direct if isinstance(direct, tuple) else (direct,),
            strict=True,
        ):
            assert type(one) is type(two)
            assert np.shape(one) == np.shape(two)
            np.testing.assert_allclose(one, two, rtol=2e-13)


def test_backends_have_the_same_bits() -> None:
    data = _data(200, 5)
    p = np.random.default_rng(2).normal(size=6)
    found = set()
    for backend in ("python", "numba", "llvm"):
        formula, params, columns, _ = CASES["intercept"]
        kernel = sc.compile(formula, params=params, data=columns, backend=backend)  # type: ignore[call-overload]
        value, grad = _quick(kernel.bind(data["X"], data["y"]), "value_and_grad")(p)
        found.add((value, grad.tobytes()))
    assert len(found) == 1


# -- accuracy ------------------------------------------------------------------------------


def _solved(columns: Any, target: Any) -> Any:
    """Return the least-squares solution, in rational numbers, rounded."""
    A, t = _rational(columns), _rational(target)
    left, right = A.T @ A, A.T @ t
    size = len(right)
    for at in range(size):  # Gauss, without a rounding
        for row in range(at + 1, size):
            factor = left[row, at] / left[at, at]
            left[row] = left[row] - factor * left[at]
            right[row] = right[row] - factor * right[at]
    for at in reversed(range(size)):
        right[at] = (right[at] - left[at, at + 1 :] @ right[at + 1 :]) / left[at, at]
    return np.array([float(value) for value in right])


def _trends() -> tuple[Any, Any]:
    """Return 16 years of seven series that grow together, as Longley's do, and an eighth."""
    rng = np.random.default_rng(7)
    years = np.arange(1947, 1963)
    grown = (years - 1947) / 15.0
    columns = np.stack(
        [
            np.ones(16),
            np.round(80 + 35 * grown + rng.normal(size=16), 1),
            np.round(230_000 + 320_000 * grown + 9_000 * rng.normal(size=16)),
            np.round(2_000 + 2_500 * grown + 400 * rng.normal(size=16)),
            np.round(1_500 + 1_000 * grown + 300 * rng.normal(size=16)),
            np.round(107_000 + 23_000 * grown + 150 * rng.normal(size=16)),
            years.astype(float),
        ],
        axis=1,
    )
    return columns, np.round(60_000 + 10_000 * grown + 300 * rng.normal(size=16))


def _kernel(backend: Any = "python") -> Any:
    formula, params, data, _ = CASES["plain"]
    return sc.compile(formula, params=params, data=data, backend=backend)


def _check_optimum(columns: Any, target: Any) -> None:
    p = _solved(columns, target)
    kernel = _kernel()
    objective = kernel.bind(columns, target)
    A, t, at = _rational(columns), _rational(target), _rational(p)
    residuals = t - A @ at
    value, grad = _ssq(residuals), -2 * (A.T @ residuals)
    assert _quick(objective, "value_and_grad")(p) is not None
    found, slopes = objective.value_and_grad(p)
    direct, direct_slopes = kernel.value_and_grad(p, columns, target)
    assert _off(found, value) <= max(_off(direct, value), 2e-16)
    for slope, plain, exact in zip(slopes, direct_slopes, grad, strict=True):
        assert _off(slope, exact) <= max(_off(plain, exact), 1e-15)
    # In doubles nothing is left of it.
    gram, right = columns.T @ columns, columns.T @ target
    assert max(map(_off, 2 * (gram @ p - right), grad)) > 1e-3


def test_moments_are_as_accurate_as_the_data_at_an_ill_conditioned_optimum() -> None:
    _check_optimum(*_trends())


def test_published_data_are_as_accurate_as_from_a_pass(shared_data: Path) -> None:
    text = (shared_data / "nist_linear" / "Longley.json").read_text(encoding="utf-8")
    case = json.loads(text)
    target = next(key for key in case["data"] if key not in case["variables"])
    columns = [np.array(case["data"][name], dtype=float) for name in case["variables"]]
    columns = [np.ones(len(columns[0])), *columns]
    _check_optimum(np.stack(columns, axis=1), np.array(case["data"][target], dtype=float))


def test_what_cancels_too_far_is_computed_from_the_data() -> None:
    data = _data(100)
    target = data["X"] @ data["q"]  # off by roundings alone
    kernel = _kernel()
    objective = kernel.bind(data["X"], target)
    assert _quick(objective, "value")(data["q"]) is None
    assert objective.value(data["q"]) == kernel.value(data["q"], data["X"], target) >= 0.0


@pytest.mark.parametrize("backend", ["python", "llvm"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e200, 1e160])
def test_data_that_are_not_finite_or_huge_are_used_as_they_are(bad: float, backend: Any) -> None:
    data = _data(6, 2)
    kernel = _kernel(backend)
    for place in ("X", "y"):
        arrays = {name: data[name].copy() for name in ("X", "y")}
        arrays[place][3] = bad
        objective = kernel.bind(arrays["X"], arrays["y"])
        for p in ([0.5, 0.25], [0.0, 0.0], [0.5, 1e-200]):
            for name in ("value", "grad", "hessian"):
                one = getattr(objective, name)(p)
                two = getattr(kernel, name)(p, arrays["X"], arrays["y"])
                np.testing.assert_allclose(one, two, rtol=1e-14)
        assert "a pass over the data (its moments" in objective.plan


def test_tiny_data_are_used_as_they_are() -> None:
    columns = np.array([[1e-200], [3e-200], [2e-200]])
    target = np.array([1.0, 2.0, 4.0])
    kernel = _kernel()
    objective = kernel.bind(columns, target)
    p = np.array([1e200])
    assert objective.value(p) == kernel.value(p, columns, target) > 0
    assert "too small" in objective.plan


def test_columns_that_never_meet_have_moments() -> None:
    columns = np.array([[1.0, 0.0], [0.0, 3.0], [0.0, 1.0], [2.0, 0.0]])
    target = np.array([1.0, 2.0, 4.0, 1.0])
    objective = _kernel().bind(columns, target)
    p = np.array([0.5, 0.25])
    assert _quick(objective, "value")(p) == _kernel().value(p, columns, target)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300, 1e-300, 5e-324])
def test_parameters_that_are_not_finite_huge_or_tiny(bad: float) -> None:
    data = _data(20, 2)
    formula, params, columns, _ = CASES["intercept"]
    kernel = sc.compile(formula, params=params, data=columns, backend="python")
    objective = kernel.bind(data["X"], data["y"])
    for p in ([bad, 1.0, 1.0], [1.0, bad, 1.0], [bad, bad, bad], [1.0, -bad, 0.0]):
        for name in ("value", "grad"):
            one = getattr(objective, name)(p)
            np.testing.assert_array_equal(one, getattr(kernel, name)(p, data["X"], data["y"]))


# -- what is computed, and how -------------------------------------------------------------


def test_threads_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    data = _data(100_001, 6)
    p = np.random.default_rng(3).normal(size=6)
    found = set()
    for threads in ("1", "2", "64"):
        monkeypatch.setenv("SYMCOMPILE_NUM_THREADS", threads)
        objective = _kernel("llvm").bind(data["X"], data["y"])
        value, grad = _quick(objective, "value_and_grad")(p)
        hessian = _quick(objective, "hessian")(p)
        found.add((value, grad.tobytes(), hessian.tobytes()))
    assert len(found) == 1


def _modules(fused: bool) -> dict[str, Any]:
    name = "gram_llvm"
    return {
        "python": build_python(emit_gram("python", None, fused=False), "gram_python", Options()),
        "llvm": build_llvm(emit_gram("llvm", None, fused=fused), name, Options()),
    }


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("samples", [0, 1, 7, 512, 1025, 5000])
def test_sums_of_products_are_exact_to_a_hundred_bits(samples: int, fused: bool) -> None:
    rng = np.random.default_rng(samples)
    scale = 10.0 ** rng.integers(-6, 6, size=(samples, 3))
    columns = rng.normal(size=(samples, 3)) * scale
    # A column, two products, and the product of a product.
    table = np.array([[0, -1, -1], [0, 0, -1], [1, 2, 0], [3 + 2, 1, -1]], np.int64)
    layouts = [columns, np.asfortranarray(columns), np.repeat(columns, 2, axis=0)[::2]]
    exact = _rational(columns)
    ones = [
        exact[:, 0],
        exact[:, 0] ** 2,
        exact[:, 1] * exact[:, 2],
        exact[:, 1] ** 2 * exact[:, 2],
    ]
    for module in _modules(fused).values():
        for layout in layouts:
            found = module.sums(table, layout[:, :2], layout[:, 2:]).reshape(-1, 3)
            for (high, low, size), terms in zip(found.tolist(), ones, strict=True):
                whole = sum(map(abs, terms), Fraction(0))
                error = abs(Fraction(high) + Fraction(low) - sum(terms, Fraction(0)))
                assert error <= whole * Fraction(2) ** -92
                assert abs(Fraction(size) - whole) <= whole * Fraction(2) ** -40


@pytest.mark.parametrize("name", ["several outputs", "fourth powers", "weighted ridge"])
def test_numpy_contracts_as_compiled_code_does(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    formula, params, data, _ = CASES[name]
    given_data = _data(40)
    kernel = sc.compile(formula, params=params, data=data, backend="python")
    columns = [given_data[str(base.label)] for base in data]
    p = np.random.default_rng(4).normal(
        size={"several outputs": 13, "fourth powers": 4}.get(name, 5)
    )
    found = []
    for module in _modules(fused=True).values():
        tools = (module.sums, module.contractions)
        monkeypatch.setattr(moments, "sums_and_contractions", lambda _, t=tools: t)
        objective = kernel.bind(*columns)
        value, grad = _quick(objective, "value_and_grad")(p)
        found.append(np.array([value, *grad]))
        assert _quick(objective, "value_and_grad")(p * np.nan) is None
    np.testing.assert_allclose(*found, rtol=4e-16)


def test_long_sums_over_features_are_contracted_in_parts() -> None:
    data = _data(30, 700)
    p = np.random.default_rng(5).normal(size=700)
    objective = _kernel("llvm").bind(data["X"], data["y"])
    A, t = _rational(data["X"]), _rational(data["y"])
    value, grad = _quick(objective, "value_and_grad")(p)
    residuals = t - A @ _rational(p)
    assert _off(value, _ssq(residuals)) < 4e-16
    for slope, exact in zip(grad, -2 * (A.T @ residuals), strict=True):
        assert _off(slope, exact) < 4e-16


def test_functions_share_the_moments(monkeypatch: pytest.MonkeyPatch) -> None:
    data, rows = _data(), []
    sums, contract = building.sums_and_contractions(Options())

    def counting(table: Any, *columns: Any) -> Any:
        rows.append(len(table))
        return sums(table, *columns)

    monkeypatch.setattr(moments, "sums_and_contractions", lambda _: (counting, contract))
    objective = _kernel().bind(data["X"], data["y"])
    p = np.ones(4)
    objective.value_and_grad(p)
    assert rows == [1 + 4 + 10]  # y'y, X'y and half of X'X
    objective.hessian(p)
    objective.grad(p)
    objective.hvp(p, p)
    assert sum(rows) == 15


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_small_shapes_and_layouts(data: st.DataObject) -> None:
    samples, features = data.draw(st.integers(0, 5)), data.draw(st.integers(1, 4))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    scale = 10.0 ** data.draw(st.integers(-8, 8))
    columns = rng.normal(size=(samples, features)) * scale
    layout = data.draw(st.sampled_from(["C", "F", "reversed", "every other"]))
    if layout == "F":
        columns = np.asfortranarray(columns)
    elif layout == "reversed":
        columns = columns[::-1, ::-1]
    elif layout == "every other":
        columns = np.repeat(columns, 2, axis=1)[:, ::2]
    target, weights = rng.normal(size=samples), rng.uniform(0.1, 2, size=samples)
    formula, params, names, exact = CASES["weighted ridge"]
    kernel = sc.compile(formula, params=params, data=names, backend="python")
    objective = kernel.bind(columns, target, weights)
    p = rng.normal(size=features + 1) * 10.0 ** data.draw(st.integers(-8, 8))
    value, grad = objective.value_and_grad(p)
    given_data = {"X": _rational(columns), "y": _rational(target), "g": _rational(weights)}
    sizes = {key: np.abs(array) for key, array in given_data.items()}
    sizes["y"] = -sizes["y"]  # so that absolute values of all terms add up
    whole = abs(exact(-np.abs(_rational(p)), {**sizes, "y": -sizes["y"]}))
    assert abs(Fraction(value) - exact(_rational(p), given_data)) <= whole * Fraction(2) ** -49
    if samples:
        want = _slopes(lambda at: exact(at, given_data), _rational(p))
        bound = _slopes(lambda at: exact(-at, {**sizes, "y": -sizes["y"]}), np.abs(_rational(p)))
        for slope, right, most in zip(grad, want, bound, strict=True):
            assert abs(Fraction(float(slope)) - right) <= abs(most) * Fraction(2) ** -48


# -- when, and what is said ----------------------------------------------------------------


def test_the_plan_says_what_is_computed_and_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    kernel = _kernel("llvm")
    assert "the data are few" in kernel.bind(np.ones((9, 3)), np.ones(9)).plan
    wide = kernel.bind(np.broadcast_to(1.0, (60_000, 784)), np.ones(60_000))
    assert "value, value_and_grad: a pass over the data (308505 moments cost more)" in wide.plan
    tall = kernel.bind(np.ones((200_000, 10)), np.ones(200_000))
    assert "value, value_and_grad: 66 moments in minimize" in tall.plan
    assert tall._moments.function("value_and_grad", fit=True) is not None
    assert tall._moments.function("value_and_grad") is None


def test_moments_that_take_too_much_memory_are_not_used() -> None:
    objective = _kernel().bind(np.ones((1, 3000)), np.ones(1))
    assert "take too much memory" in objective.plan
    assert objective.value(np.zeros(3000)) == 1.0


@pytest.mark.parametrize(
    ("formula", "reason"),
    [
        (sp.Sum(sp.log(1 + sp.exp(RESIDUAL)), SAMPLES), "exp of the parameters"),
        (sp.Sum(sp.Abs(RESIDUAL), SAMPLES), "abs of the parameters"),
        (sp.Sum(y[i] / (1 + RESIDUAL), SAMPLES), "a quotient by the parameters"),
        (sp.Sum(w[j] ** 2, FEATURES) + y[0] * X[0, 0], "nothing is summed over samples"),
        (sp.Sum(RESIDUAL**9, SAMPLES), "of the parameters"),
    ],
)
def test_other_formulas_say_why_not(formula: Any, reason: str) -> None:
    kernel = sc.compile(formula, params=w, data=(X, y), backend="python")
    objective = kernel.bind(np.ones((5, 2)), np.ones(5))
    assert reason in objective.plan
    p = np.array([0.1, 0.2])
    assert objective.value(p) == kernel.value(p, np.ones((5, 2)), np.ones(5))


def test_sizes_that_data_do_not_say() -> None:
    free = sp.IndexedBase("f", shape=(c,))
    formula = sp.Sum(RESIDUAL**2, SAMPLES) + sp.Sum(free[k] ** 2, OUTPUTS)
    kernel = sc.compile(formula, params=(w, free), data=(X, y), backend="python")
    objective = kernel.bind(np.ones((5, 2)), np.ones(5))
    assert "the data do not say c" in objective.plan
    assert objective.value(np.zeros(5)) == 5.0


def test_float32_takes_the_data() -> None:
    formula, params, data, _ = CASES["plain"]
    kernel = sc.compile(formula, params=params, data=data, backend="python", dtype="float32")
    objective = kernel.bind(np.ones((9, 2)), np.ones(9))
    assert "float32" in objective.plan


def test_a_logarithm_of_a_sum_is_computed_from_moments() -> None:
    data = _data(50)
    formula = n * sp.log(sp.Sum(RESIDUAL**2, SAMPLES) / n) / 2
    kernel = sc.compile(formula, params=w, data=(X, y), backend="python")
    objective = kernel.bind(data["X"], data["y"])
    p = np.array([0.1, -0.2, 0.3, 0.4])
    value, grad = _quick(objective, "value_and_grad")(p)
    direct, slopes = kernel.value_and_grad(p, data["X"], data["y"])
    assert value == pytest.approx(direct, rel=1e-14)
    np.testing.assert_allclose(grad, slopes, rtol=1e-13)
    assert "hessian, hvp: a pass over the data (a sum over samples within" in objective.plan


def test_arguments_are_checked_as_ever() -> None:
    objective = _kernel().bind(np.ones((3, 2)), np.ones(3))
    with pytest.raises(sc.SymcompileError, match="p"):
        objective.value([1.0])
    with pytest.raises(sc.SymcompileError, match="v"):
        objective.hvp([1.0, 2.0], [1.0])
    assert objective.value((0, 1)) == objective.value(np.array([0.0, 1.0])) == 0.0


def test_an_objective_pickles() -> None:
    data = _data()
    objective = _kernel().bind(data["X"], data["y"])
    again = pickle.loads(pickle.dumps(objective))
    p = np.ones(4)
    assert _quick(again, "value")(p) == _quick(objective, "value")(p)


def test_fits_reach_the_solution() -> None:
    data = _data(400)
    want = np.linalg.lstsq(data["X"], data["y"], rcond=None)[0]
    objective = _kernel().bind(data["X"], data["y"])
    for method in ("BFGS", "Newton-CG", "trust-exact", "L-BFGS-B"):
        found = objective.minimize(np.zeros(4), method=method)
        np.testing.assert_allclose(found.x, want, rtol=1e-5)
