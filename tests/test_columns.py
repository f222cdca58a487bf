"""Objectives that keep columns and sums of their data, against mpmath and against their kernels."""

from __future__ import annotations

import gc
import pickle
import weakref
from collections.abc import Iterator
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import symcompile as sc
from symcompile import columns, moments
from symcompile.options import Options
from tests import ways

a, b, c, x, y = sp.symbols("a b c x y")
POWER = (a * sp.exp(-b * sp.log(x)) - sp.log(y)) ** 2
POISSON = sp.exp(a + b * x) - y * (a + b * x) + sp.loggamma(y + 1)
FUNCTIONS = ("value", "grad", "value_and_grad", "hessian", "hvp", "jacobian", "jvp", "vjp")


@pytest.fixture(autouse=True)
def always(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let data be kept however few they are, and a pass be made over them."""
    monkeypatch.setattr(moments, "_GAIN", float("inf"))
    monkeypatch.setattr(columns, "_LEAST", 0.0)
    monkeypatch.setattr(columns, "_OPERATION", 0.0)
    monkeypatch.setattr(columns, "_SHARE", -1e9)
    yield


def _kernel(formula: Any, backend: Any = "python", **how: Any) -> sc.Kernel:
    how = {"params": (a, b), "data": (x, y), "reduce": "mean"} | how
    return sc.compile(formula, backend=backend, **how)


def _served(objective: Any, name: str) -> columns.Served:
    found = objective._columns.serving(name)
    assert found is not None, objective.plan
    return found  # type: ignore[no-any-return]


def _parts(result: Any) -> tuple[Any, ...]:
    return result if isinstance(result, tuple) else (result,)


def _compare(kernel: sc.Kernel, data: Any, p: Any, *, exact: bool, **constants: float) -> None:
    """Compare every function of an objective with its kernel's."""
    objective, v = kernel.bind(*data, **constants), np.asarray(p)[::-1].copy()
    shape = np.shape(kernel.value(p, *data, **constants))
    for name in kernel.functions:
        more = {"hvp": (v,), "jvp": (v,), "vjp": (np.ones(shape or (1,)),)}.get(name, ())
        want = getattr(kernel, name)(p, *more, *data, **constants)
        found = getattr(objective, name)(p, *more)
        for one, other in zip(_parts(found), _parts(want), strict=True):
            assert type(one) is type(other)
            assert np.shape(one) == np.shape(other)
            if exact:
                np.testing.assert_array_equal(one, other)
            else:
                size = np.max(np.abs(other), initial=0.0)
                np.testing.assert_allclose(one, other, rtol=1e-13, atol=1e-14 * size)


DATA = np.random.default_rng(1).uniform(0.5, 3.0, size=(2, 1013))


@pytest.mark.parametrize("backend", ways.BACKENDS)
@pytest.mark.parametrize("formula", [POWER, POISSON], ids=["power", "poisson"])
def test_functions_are_those_of_the_kernel(formula: Any, backend: Any) -> None:
    kernel = _kernel(formula, backend)
    assert "being kept" in kernel.bind(*DATA).plan
    _compare(kernel, DATA, np.array([0.7, 0.4]), exact=backend == "python")


def test_values_and_gradients_are_exact_to_rounding() -> None:
    data, p = DATA[:, :50], np.array([0.7, 0.4])
    for backend in ("python", "llvm"):
        objective = _kernel(POISSON, backend).bind(*data)
        served = _served(objective, "value_and_grad")
        assert len(served.columns) == 3
        with mpmath.workdps(40):
            rows = [[mpmath.mpf(float(value)) for value in row] for row in data.T]
            u, v = (mpmath.mpf(float(value)) for value in p)
            value = mpmath.fsum(
                mpmath.exp(u + v * s) - t * (u + v * s) + mpmath.loggamma(t + 1) for s, t in rows
            )
            slopes = [
                mpmath.fsum(mpmath.exp(u + v * s) - t for s, t in rows),
                mpmath.fsum((mpmath.exp(u + v * s) - t) * s for s, t in rows),
            ]
        found, grad = objective.value_and_grad(p)
        assert found == pytest.approx(float(value / 50), rel=1e-15)
        np.testing.assert_allclose(grad, [float(slope / 50) for slope in slopes], rtol=1e-13)
        logs = np.log(data)
        found = _kernel(POWER, backend).bind(*data).value(p)
        want = np.mean((p[0] * np.exp(-p[1] * logs[0]) - logs[1]) ** 2)
        assert found == pytest.approx(want, rel=1e-14)


@pytest.mark.parametrize("backend", ways.BACKENDS)
def test_values_per_sample_and_constants(backend: Any) -> None:
    formula = [a * sp.exp(-b * sp.log(x + c)) - sp.sin(y) * y, a * sp.besselj(1, y)]
    kernel = _kernel(formula, backend, reduce=None, constants={c: 0.5})
    objective = kernel.bind(*DATA, c=2.0)
    assert "log(" in objective.plan
    _compare(kernel, DATA, np.array([0.7, 0.4]), exact=backend == "python", c=2.0)
    np.testing.assert_allclose(
        objective.value([0.7, 0.4])[:, 0],
        0.7 * (DATA[0] + 2.0) ** -0.4 - np.sin(DATA[1]) * DATA[1],
        rtol=1e-13,
    )
    assert objective.least_squares([0.5, 0.5]).x.shape == (2,)


@pytest.mark.parametrize("backend", ways.BACKENDS)
def test_sums_of_data_alone_are_computed_once(backend: Any) -> None:
    total = [sp.exp(a * x), sp.log(y) * a]
    kernel = _kernel(total, backend, params=a)
    objective = kernel.bind(*DATA)
    served = _served(objective, "value")
    (number,) = served.numbers.values()
    assert number == pytest.approx(np.log(DATA[1]).sum(), rel=1e-14)
    assert len(served.columns) == 2
    _compare(kernel, DATA, np.array([0.3]), exact=False)
    zero = np.where(np.arange(DATA.shape[1]) == 7, 0.0, DATA)
    assert kernel.bind(*zero).value([0.3]).tolist() == [kernel.value([0.3], *zero)[0], -np.inf]


n, d, h = sp.symbols("n d h", integer=True, positive=True)
i, j, k = sp.Idx("i", n), sp.Idx("j", d), sp.Idx("k", h)
X, t, w = sp.IndexedBase("X", shape=(n, d)), sp.IndexedBase("t", shape=(n,)), sp.IndexedBase("w")
INNER = sp.Sum(w[j] * sp.log(X[i, j]), (j, 0, d - 1))
LOSS = sp.Sum(sp.log(1 + sp.exp(INNER)) - sp.log(t[i]) * INNER, (i, 0, n - 1))
SUMS = b * sp.Sum(sp.log(t[i]), (i, 0, n - 1)) + sp.Sum(
    sp.exp(w[j] * sp.Sum(sp.sin(X[i, j]), (i, 0, n - 1))), (j, 0, d - 1)
)


@pytest.mark.parametrize("backend", ["python", pytest.param("llvm", marks=pytest.mark.long)])
def test_arrays_are_kept_in_index_notation(backend: Any) -> None:
    rng = np.random.default_rng(5)
    # Any strides: a Fortran array, and every second row.
    Xs, ts = np.asfortranarray(rng.uniform(0.5, 2.0, (202, 3)))[::2], rng.uniform(0.5, 2.0, 101)
    kernel = sc.compile(LOSS + SUMS, params=(w, b), data=(X, t), backend=backend)
    objective = kernel.bind(Xs, ts)
    served = _served(objective, "value")
    assert {array.shape for array in served.columns[2:]} >= {(101, 3), (3,)}
    _compare(kernel, (Xs, ts), rng.normal(size=4) / 20, exact=False)


@pytest.mark.parametrize("backend", ["python", "llvm"])
def test_data_may_be_indices_and_sums_by_group_are_kept(backend: Any) -> None:
    group, table, own = (sp.IndexedBase(s, shape=(m,)) for s, m in (("r", n), ("U", h), ("V", h)))
    loss = sp.Sum(table[group[i]] * sp.log(t[i]) * own[group[i]], (i, 0, n - 1))
    loss += sp.Sum(sp.exp(table[k] * sp.sin(own[k])), (k, 0, h - 1))
    kernel = sc.compile(loss, params=table, data=(t, group, own), backend=backend)
    rng = np.random.default_rng(2)
    data = (rng.uniform(0.5, 2.0, 60), rng.integers(0, 5, 60).astype(float), rng.normal(size=5))
    objective = kernel.bind(*data)
    assert "sum over i < n with r[i] = j of log(t[i])*V[r[i]]" in objective.plan
    _compare(kernel, data, rng.normal(size=5), exact=False)


def test_sizes_that_only_parameters_say_keep_nothing() -> None:
    weights = sp.IndexedBase("W", shape=(d, h))
    layer = sp.tanh(sp.Sum(weights[j, k] * sp.log(X[i, j]), (j, 0, d - 1)))
    kernel = sc.compile(
        sp.Sum(layer, (i, 0, n - 1), (k, 0, h - 1)), params=weights, data=X, backend="python"
    )
    objective = kernel.bind(np.ones((40, 2)))
    assert "log(X[i, j]) could be kept, but the data do not say h" in objective.plan
    assert objective.value(np.ones(6)) == 0.0


def test_memory_is_limited_by_the_data_that_are_bound() -> None:
    # What distances cost grows with d, what they take with n.
    other = sp.Idx("k", n)
    distance = sp.Sum((X[i, j] - X[other, j]) ** 2, (j, 0, d - 1))
    loss = sp.Sum(sp.exp(-b * distance), (i, 0, n - 1), (other, 0, n - 1))
    kernel = sc.compile(loss, params=b, data=X, backend="python")
    for shape, refused in (((4, 50), False), ((50, 4), True)):
        data = np.random.default_rng(1).normal(size=shape)
        objective = kernel.bind(data)
        assert ("that takes too much memory" in objective.plan) == refused
        found = objective.value_and_grad([0.1])
        want = kernel.value_and_grad([0.1], data)
        assert found[0] == pytest.approx(want[0], rel=1e-13)


@pytest.mark.parametrize("backend", ["python", "llvm"])
def test_special_functions_of_data(backend: Any) -> None:
    functions = [
        sp.gamma, sp.erfc, lambda v: sp.besselk(1, v), sp.Ei, lambda v: sp.zeta(v + 1),
        sp.LambertW, lambda v: sp.expint(1, v), sp.fresnels, sp.digamma, sp.asinh, sp.sinc,
        lambda v: sp.atan2(v, y), lambda v: sp.Mod(v, 1), lambda v: sp.Max(sp.log(v), y),
        lambda v: sp.polylog(2, v / 4), lambda v: sp.elliptic_k(v / 4), lambda v: v**y,
        lambda v: sp.Integral(sp.exp(-c * v), (c, 0, y)),
    ]  # fmt: skip
    formula = [sp.exp(a * f(x)) for f in functions]
    more = sp.symbols("z:10")
    kernel = _kernel(formula, backend, params=a, data=(x, y, *more), reduce=None)
    data = np.concatenate([DATA[:, :40], np.zeros((10, 40))])
    objective = kernel.bind(*data)
    assert len(_served(objective, "value").columns) > 12 + 12
    _compare(kernel, data, np.array([0.02]), exact=backend == "python")


SPECIALS = st.sampled_from([0.0, -0.0, 1.0, -1.0, 1e-320, 1e308, np.inf, -np.inf, np.nan, 2.5])


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(SPECIALS, SPECIALS), min_size=1, max_size=9),
    st.tuples(SPECIALS, SPECIALS),
    st.sampled_from(["python", "llvm"]),
)
def test_nan_and_infinity_are_as_in_a_pass(rows: Any, p: Any, backend: Any) -> None:
    formula = sp.Piecewise(
        (sp.exp(a * sp.log(x)) * sp.sin(y), sp.log(x) > b), (b * sp.sqrt(y), True)
    )
    kernel = _kernel(formula, backend, reduce=None)
    data = np.array(rows).T.copy()
    objective = kernel.bind(*data)
    assert _served(objective, "value").columns
    for name in ("value", "jacobian"):
        want, found = getattr(kernel, name)(p, *data), getattr(objective, name)(p)
        np.testing.assert_allclose(found, want, rtol=1e-13)
        assert (np.signbit(found) == np.signbit(want))[~np.isnan(want)].all()


def _grown(inner: st.SearchStrategy[sp.Expr]) -> st.SearchStrategy[sp.Expr]:
    unary = st.sampled_from(
        [sp.sin, sp.tanh, sp.Abs, lambda u: sp.log(1 + u**2), lambda u: sp.exp(-(u**2))]
    )
    binary = st.sampled_from(
        [
            lambda u, v: u + v,
            lambda u, v: u * v,
            lambda u, v: u / (1 + v**2),
            sp.Max,
            lambda u, v: sp.Piecewise((u, u > v), (sp.cos(v), True)),
        ]
    )
    one = st.builds(lambda f, u: f(u), unary, inner)
    return one | st.builds(lambda f, u, v: f(u, v), binary, inner, inner)


FORMULAS = st.recursive(st.sampled_from([a, b, x, y, sp.Rational(1, 3)]), _grown, max_leaves=9)


@settings(max_examples=30, deadline=None)
@given(FORMULAS, FORMULAS, st.sampled_from(["mean", None]))
def test_any_formula_has_the_bits_of_its_kernel(one: Any, two: Any, reduce: Any) -> None:
    kernel = _kernel([one * sp.sin(y), sp.exp(-a * two)], reduce=reduce)
    objective, p = kernel.bind(*DATA), [0.6, -0.4]
    for name in ("value", "jacobian"):
        found, want = getattr(objective, name)(p), getattr(kernel, name)(p, *DATA)
        np.testing.assert_array_equal(found, want)


@pytest.mark.parametrize("backend", ways.BACKENDS)
@pytest.mark.parametrize("count", [1, 2, 511, 8193])
def test_any_number_of_samples(backend: Any, count: int) -> None:
    data = np.random.default_rng(count).uniform(0.5, 3.0, size=(2, count))
    kernel = _kernel(POWER, backend)
    found = kernel.bind(*data).value_and_grad([0.7, 0.4])
    want = kernel.value_and_grad([0.7, 0.4], *data)
    assert found[0] == pytest.approx(want[0], rel=1e-13)
    np.testing.assert_allclose(found[1], want[1], rtol=1e-12)


@pytest.mark.parametrize("backend", ["python", "llvm"])
def test_arrays_without_entries(backend: Any) -> None:
    kernel = sc.compile(LOSS + SUMS, params=(w, b), data=(X, t), backend=backend)
    for shape in ((0, 3), (1, 3), (4, 1)):
        data, p = (np.full(shape, 2.0), np.full(shape[0], 3.0)), np.full(shape[1] + 1, 0.1)
        want = kernel.value_and_grad(p, *data)
        found = kernel.bind(*data).value_and_grad(p)
        assert found[0] == pytest.approx(want[0], rel=1e-14)
        np.testing.assert_allclose(found[1], want[1], rtol=1e-13, atol=1e-15)


def test_data_frames_and_other_vectors() -> None:
    pandas = pytest.importorskip("pandas")
    kernel = _kernel(POWER)
    objective = kernel.bind(pandas.DataFrame({"y": DATA[1], "x": DATA[0]}))
    assert objective.value([0.5, 1]) == kernel.value([0.5, 1.0], *DATA)
    assert objective.value(np.array([0.5, 1], dtype=np.float32)) == objective.value([0.5, 1])
    assert objective.grad((0.5, 1)).tolist() == kernel.grad([0.5, 1.0], *DATA).tolist()


@pytest.mark.parametrize("backend", ["python", "llvm"])
def test_mistakes_are_explained_as_before(backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = _kernel(POWER, backend)
    keeping = kernel.bind(*DATA)
    assert _served(keeping, "value")
    monkeypatch.setattr(columns, "_LEAST", 1e9)
    passing = kernel.bind(*DATA)
    assert passing._columns.serving("value") is None
    raised = 0
    for p in ([1.0], [1.0, 2.0, 3.0], "ab", [[1.0, 2.0]], [1j, 2], None, {"a": 1.0}):
        outcomes = []
        for objective in (keeping, passing):
            try:
                outcomes.append(objective.value(p))
            except (ValueError, TypeError) as error:
                outcomes.append((type(error), str(error)))
        assert outcomes[0] == outcomes[1]
        raised += isinstance(outcomes[0], tuple)
    assert raised > 4


def test_threads_change_no_bit() -> None:
    rng = np.random.default_rng(9)
    data = rng.uniform(0.5, 3.0, size=(2, 200_000))
    results = set()
    for threads in (1, 2, 3):
        objective = _kernel(POISSON, "llvm", threads=threads).bind(*data)
        assert _served(objective, "value").columns
        value, grad = objective.value_and_grad([0.7, 0.4])
        results.add((value, *grad))
    assert len(results) == 1


def test_no_c_compiler_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = _kernel(POWER, "cython")
    monkeypatch.setattr("symcompile.build.loader.build_cython", None)
    objective = kernel.bind(*DATA)
    assert _served(objective, "value").kernel.backend == "llvm"
    assert objective.value([0.7, 0.4]) == pytest.approx(kernel.value([0.7, 0.4], *DATA), rel=1e-14)
    monkeypatch.setattr(columns, "has_llvm", lambda: False)
    without = kernel.bind(*DATA)
    assert "there is no LLVM here" in without.plan
    assert without.value([0.7, 0.4]) == kernel.value([0.7, 0.4], *DATA)


def test_a_pass_is_made_where_memory_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(columns.Columns, "_compute", none)
    kernel = _kernel(POWER)
    objective = kernel.bind(*DATA)
    assert objective.value([0.7, 0.4]) == kernel.value([0.7, 0.4], *DATA)
    assert "but there is no memory for that" in objective.plan


def test_nothing_is_computed_before_it_is_used() -> None:
    kernel = _kernel(POWER)
    objective = kernel.bind(*DATA)
    assert not objective._columns._computed
    assert "being kept" in objective.plan
    assert not objective._columns._computed
    values = [objective.value([0.7, 0.4]), *(objective.grad([0.7, 0.4]))]
    # Functions that need the same share it.
    assert len(objective._columns._computed) == 1
    again = kernel.bind(*DATA)
    assert [*again.grad([0.7, 0.4])] == values[1:]
    assert again.value([0.7, 0.4]) == values[0]


def test_objectives_pickle_and_are_freed() -> None:
    objective = _kernel(POWER).bind(*DATA)
    value = objective.value([0.7, 0.4])
    other = pickle.loads(pickle.dumps(objective))
    assert other.value([0.7, 0.4]) == value
    method = pickle.loads(pickle.dumps(objective.value))
    assert method([0.7, 0.4]) == value
    column = weakref.ref(_served(objective, "value").columns[-1].base)
    gc.disable()
    try:
        del objective
        assert column() is None
    finally:
        gc.enable()


def test_a_fit_finds_what_the_kernel_finds() -> None:
    rng = np.random.default_rng(3)
    xs = rng.uniform(0.5, 3.0, 4000)
    ys = rng.poisson(np.exp(0.5 + 0.3 * xs)).astype(float)
    objective = _kernel(POISSON, "llvm").bind(xs, ys)
    for method in ("BFGS", "trust-ncg", "Newton-CG"):
        found = objective.minimize([0.0, 0.0], method=method)
        np.testing.assert_allclose(found.x, [0.5, 0.3], atol=0.1)
        slopes = np.exp(found.x[0] + found.x[1] * xs) - ys
        assert abs(slopes.mean()) < 1e-4


def test_few_samples_are_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    kernel = _kernel(POWER)

    def never(name: str) -> None:
        raise AssertionError(name)

    monkeypatch.setattr(kernel, "kept", never)
    objective = kernel.bind(*DATA[:, :40])
    assert objective.value([0.7, 0.4]) == kernel.value([0.7, 0.4], *DATA[:, :40])
    assert "kept" not in objective.plan


@pytest.mark.parametrize(("count", "kept"), [(20_000, False), (2_000_000, True)])
def test_size_decides(count: int, kept: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    data = np.broadcast_to(1.5, (2, count))
    plan = _kernel(POWER, "llvm").bind(*data).plan
    assert ("being kept" in plan) == kept
    assert ("could be kept, but that saves too little" in plan) != kept


def test_what_is_kept_is_found_in_the_cache(tmp_path: Any) -> None:
    options = Options(cache_dir=tmp_path)
    sizes = set()
    for _ in range(2):
        objective = _kernel(POWER, "python", options=options).bind(*DATA)
        objective.value([0.7, 0.4])
        sizes.add(len(list(tmp_path.rglob("*.py"))))
    assert len(sizes) == 1


def test_a_better_backend_takes_over() -> None:
    kernel = _kernel(POWER, "llvm", meanwhile="python")
    objective = kernel.bind(*DATA)
    first = objective.value([0.7, 0.4])
    assert kernel.wait(60)
    assert objective.value([0.7, 0.4]) == pytest.approx(first, rel=1e-14)
    assert _served(objective, "value").kernel.backend == "llvm"


def test_names_of_the_user_do_not_clash() -> None:
    odd = sp.Symbol("log(x[i])")
    formula = odd * sp.exp(a * sp.log(x)) + sp.exp(b * sp.log(odd))
    kernel = _kernel(formula, data=(x, odd))
    _compare(kernel, DATA, np.array([0.3, 0.2]), exact=True)
