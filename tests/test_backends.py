"""Every backend against the oracle, and the oracle against SymPy's own derivatives.

An error is counted in units of the last place of the exact result, or, where the formula itself
cancels, of what one rounding of each operation may do to it (see ``symcompile.checking.rounding``).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import sympy as sp
from numpy.typing import NDArray

from symcompile.checking.oracle import Oracle
from symcompile.checking.rounding import errors
from symcompile.compiler import build, functions_of
from symcompile.emit.signature import identifiers
from symcompile.frontend.definition import Definition
from symcompile.ir.interpreter import context
from symcompile.options import BACKENDS, Backend, Options
from tests.bundle import Bundle, bundle
from tests.corpus import BY_NAME, CORPUS, FORMULAS, FUNCTIONS, POWERS, SAMPLED, SHAPES, Case, oracle

_MOST_ULP = 16.0
# Oracles of so many parameters take long; they are compared in one direction only.
_MANY = 12

COMPILED: tuple[Backend, ...] = ("numba", "cython", "llvm")


@cache
def module(definition: Definition, backend: Backend, names: tuple[str, ...]) -> ModuleType:
    """Return a compiled module, made once."""
    return build(definition, backend, Options(), names)


def keywords(definition: Definition, values: dict[str, float]) -> dict[str, float]:
    """Return constants under the identifiers that a generated module gives them."""
    pairs = zip(definition.constants, identifiers(definition).constants, strict=True)
    return {ident: values[name] for (name, _), ident in pairs if name in values}


def vector(size: int, seed: int = 3) -> NDArray[np.float64]:
    """Return a direction without zeros."""
    return np.random.default_rng(seed).uniform(0.5, 1.5, size) * (-1.0) ** np.arange(size)


def vectors(name: str, definition: Definition, samples: int) -> list[NDArray[np.float64]]:
    """Return what stands between parameters and data in a call of function ``name``."""
    if name in ("hvp", "jvp"):
        return [vector(len(definition.params))]
    if name != "vjp":
        return []
    output = definition.output
    shape = ((samples,) if output.per_sample else ()) + output.shape
    return [vector(int(np.prod(shape, dtype=int))).reshape(shape)]


def assert_accurate(
    found: Any, judge: Oracle, name: str, between: Sequence[NDArray[np.float64]], what: str
) -> None:
    """Assert that results of function ``name`` are as accurate as promised."""
    exacts = judge.result(name, *between)
    results = found if isinstance(found, tuple) else (found,)
    assert len(results) == len(exacts)
    scales: Sequence[NDArray[np.float64]] | None = None
    for k, (result, exact) in enumerate(zip(results, exacts, strict=True)):
        assert np.shape(result) == exact.shape, f"{what}: shape {np.shape(result)}"
        ulp, _ = errors(judge.mp, result, exact, np.zeros(exact.shape))
        if np.all(ulp <= _MOST_ULP):
            continue
        scales = judge.scale(name, *between) if scales is None else scales
        _, conditioned = errors(judge.mp, result, exact, scales[k])
        assert np.all(conditioned <= _MOST_ULP), (
            f"{what}: {np.max(conditioned)} conditioned ulp\n{result}\n"
            f"{np.vectorize(float, otypes=[float])(exact)}"
        )


def run(case: Case, backend: Backend, names: tuple[str, ...]) -> None:
    """Compile functions of a case and compare them with the oracle at every point."""
    definition = case.definition
    made = module(definition, backend, names)
    constants = keywords(definition, dict(case.keywords or {}))
    columns = case.arrays
    samples = len(columns[0]) if columns else 0
    for k, point in enumerate(case.points):
        p = np.array(point, dtype=np.float64)
        judge = oracle(case, k)
        for name in names:
            if len(p) > _MANY and name in ("hessian", "value_and_grad", "jacobian"):
                continue
            between = vectors(name, definition, samples)
            found = getattr(made, name)(p, *between, *columns, **constants)
            assert_accurate(found, judge, name, between, f"{case}.{name} at {point} ({backend})")


@pytest.mark.parametrize("case", CORPUS, ids=str)
def test_python(case: Case) -> None:
    run(case, "python", functions_of(case.definition))


#: Compiled one by one: what a bundle does not show.
ALONE: dict[str, tuple[str, ...]] = {
    "linreg": ("value", "grad", "value_and_grad", "hessian", "hvp", "jacobian", "jvp", "vjp"),
    "branches": ("value", "hessian", "jvp"),
    "matrix": ("value", "jacobian", "vjp"),
    "per_sample": ("value", "jacobian", "jvp", "vjp"),
    "per_sample_scalar": ("value", "jacobian", "vjp"),
    "nothing": ("value",),
    "no_params": ("value",),
    "required_constant": ("value", "value_and_grad"),
    "hostile_params": ("value", "hvp"),
    "hostile_twins": ("value", "hvp"),
    "hostile_data": ("grad", "jvp"),
    "hostile_samples": ("value", "vjp"),
    "hostile_constants": ("value", "hvp"),
    "hostile_labels": ("value_and_grad",),
    "clashing": ("value", "hvp", "vjp"),
}


#: Numba takes most of a minute over so many parameters. LLVM has the C of the Cython backend: a few
#: show that it is called as it should be, and the bundles that all of it is lowered.
_QUICK = {"numba": ALONE.keys() - {"hostile_params", "hostile_data", "hostile_samples", "clashing",
                                   "per_sample_scalar"},
          "cython": ALONE.keys(),
          "llvm": {"linreg", "matrix", "per_sample", "no_params", "required_constant"}}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "backend"),
    [
        pytest.param(name, backend, marks=[pytest.mark.long] * (name not in _QUICK[backend]))
        for name in ALONE
        for backend in COMPILED
    ],
)
def test_compiled_alone(name: str, backend: Backend) -> None:
    run(BY_NAME[name], backend, ALONE[name])


@pytest.mark.long
@pytest.mark.parametrize("backend", COMPILED)
@pytest.mark.parametrize("case", CORPUS, ids=str)
def test_compiled_corpus(case: Case, backend: Backend) -> None:
    run(case, backend, functions_of(case.definition))


# The deep ones stand in test_depth.py.
_DEEP = {"nested_30", "chain_20"}
_POINTS = [case for case in [*POWERS, *FORMULAS, *SHAPES, *SAMPLED] if not case.data]
_COLUMNS = [case for case in [*SAMPLED, *SHAPES] if case.data]
BUNDLES: dict[str, list[Case]] = {
    "functions": FUNCTIONS,
    "formulas": [case for case in _POINTS if case.params and case.name not in _DEEP],
    "sums": [case for case in _COLUMNS if not case.definition.output.per_sample],
    "samples": [case for case in _COLUMNS if case.definition.output.per_sample],
}


@cache
def bundled(name: str, total: bool) -> Bundle:
    cases = BUNDLES[name]
    if total:
        cases = [case for case in cases if case.definition.scalar and case.params]
    return bundle(f"{name}_{'total' if total else 'vector'}", cases, total=total)


@pytest.mark.parametrize("backend", COMPILED)
@pytest.mark.parametrize("name", BUNDLES)
def test_bundles_to_first_order(name: str, backend: Backend) -> None:
    many = bundled(name, False)
    made = module(many.definition, backend, ("value", "jvp", "vjp"))
    constants = keywords(many.definition, many.constants())
    p, columns = many.point(), many.columns()
    samples = len(columns[0]) if columns else 0
    v = vector(len(p))
    (u,) = vectors("vjp", many.definition, samples)
    value = made.value(p, *columns, **constants)
    jvp = made.jvp(p, v, *columns, **constants)
    vjp = made.vjp(p, u, *columns, **constants)
    for case, params, entries in zip(many.cases, many.params, many.entries, strict=True):
        judge = oracle(case, 0)
        shape = judge.value().shape
        part = np.asarray(value)[..., entries].reshape(shape)
        assert_accurate(part, judge, "value", (), f"{case}.value ({backend})")
        if not case.params:
            continue
        part = np.asarray(jvp)[..., entries].reshape(shape)
        assert_accurate(part, judge, "jvp", (v[params],), f"{case}.jvp ({backend})")
        own = u[..., entries].reshape(shape)
        assert_accurate(vjp[params], judge, "vjp", (own,), f"{case}.vjp ({backend})")


@pytest.mark.parametrize(
    ("name", "backend"),
    [
        pytest.param(name, backend, marks=pytest.mark.long)
        if (name, backend) == ("sums", "numba")
        else (name, backend)
        for name in ("functions", "formulas", "sums")
        for backend in COMPILED
    ],
)
def test_bundles_to_second_order(name: str, backend: Backend) -> None:
    many = bundled(name, True)
    made = module(many.definition, backend, ("grad", "hvp"))
    constants = keywords(many.definition, many.constants())
    p, columns = many.point(), many.columns()
    v = vector(len(p))
    grad = made.grad(p, *columns, **constants)
    hvp = made.hvp(p, v, *columns, **constants)
    for case, params in zip(many.cases, many.params, strict=True):
        judge = oracle(case, 0)
        assert_accurate(grad[params], judge, "grad", (), f"{case}.grad ({backend})")
        assert_accurate(hvp[params], judge, "hvp", (v[params],), f"{case}.hvp ({backend})")


# SymPy has no value for these derivatives, or takes minutes over them.
_NOT_FOR_SYMPY = {
    "fn_abs",
    "fn_sign",
    "fn_floor",
    "fn_ceiling",
    "extremes",
    "nested_5",
    "nested_30",
    "chain_20",
}
_DIFFERENTIABLE = [
    case
    for case in [*FUNCTIONS, *POWERS, *FORMULAS]
    if case.definition.scalar and case.name not in _NOT_FOR_SYMPY
]


@pytest.mark.parametrize("case", _DIFFERENTIABLE, ids=str)
def test_oracle_agrees_with_sympy(case: Case) -> None:
    reals = {s: sp.Symbol(f"real_{k}", real=True) for k, s in enumerate(case.params)}
    expr = sp.sympify(case.make()).xreplace(reals)
    symbols = list(reals.values())
    first = [sp.diff(expr, s) for s in symbols]
    second = [sp.diff(d, s) for d in first for s in symbols]
    function = sp.lambdify(symbols, [expr, *first, *second], "mpmath", cse=True)
    with sp_precision(60):
        for k, point in enumerate(case.points):
            judge = oracle(case, k)
            expected = function(*[judge.mp.mpf(value) for value in point])
            found = [judge.value().item(), *judge.grad(), *judge.hessian().flat]
            for got, want in zip(found, expected, strict=True):
                assert abs(got - want) <= 1e-35 * abs(want) + 1e-60, f"{case} at {point}"


def sp_precision(digits: int) -> Any:
    """Return a context in which mpmath, as SymPy uses it, has so many digits."""
    import mpmath

    return mpmath.mp.workdps(digits)


def test_the_comparison_can_fail() -> None:
    case = BY_NAME["linreg"]
    judge = oracle(case, 0)
    wrong = np.array([float(entry) for entry in judge.grad()])
    wrong[1] *= 1 + 1e-12
    with pytest.raises(AssertionError, match="conditioned ulp"):
        assert_accurate(wrong, judge, "grad", (), "wrong")
    assert context(20).dps == 20


def test_every_backend_is_tested() -> None:
    assert set(BACKENDS) == {"python", *COMPILED}
