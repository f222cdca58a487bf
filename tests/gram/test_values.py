"""Functions over arrays from moments: values and derivatives are those of the data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp

import symcompile as sc
from tests.gram.cases import (
    CASES,
    exact_slopes,
    from_moments,
    lam,
    m,
    n,
    off,
    rational,
    sample_data,
)


@pytest.mark.parametrize("name", CASES)
def test_moments_give_the_value_and_the_gradient(name: str) -> None:
    formula, params, data, exact = CASES[name]
    given_data = sample_data()
    columns = [given_data[str(base.label)] for base in data]
    kernel = sc.compile(formula, params=params, data=data, backend="python")
    objective = kernel.bind(*columns)
    sizes = {"w": 4, "q": 4, "W": 12, "a": 1, "b": 1}
    size = sum(sizes[str(getattr(p, "label", p))] for p in params)
    p = np.random.default_rng(size).normal(size=size)
    rationals = {key: rational(value) for key, value in given_data.items()}
    found, slopes = from_moments(objective, "value_and_grad")(p)
    at = rational(p)
    assert off(found, exact(at, rationals)) < 2e-15
    for slope, want in zip(slopes, exact_slopes(lambda p: exact(p, rationals), at), strict=True):
        assert off(slope, want) < 8e-15
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
    data = sample_data(300, 9)
    more_constants = {"lam": 0.5} if name == "ridge" else {}
    objective = kernel.bind(data["X"], data["y"], **more_constants)
    rng = np.random.default_rng(1)
    p, direction = rng.normal(size=9), rng.normal(size=9)
    assert set(kernel.functions) >= {"value", "jacobian", "jvp", "vjp"}
    for function in kernel.functions:
        cotangent = np.full(np.shape(kernel.value(p, data["X"], data["y"])) or 1, 1.5)
        more = {"hvp": (direction,), "jvp": (direction,), "vjp": (cotangent,)}.get(function, ())
        quick = from_moments(objective, function)(p, *more)
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
    data = sample_data(200, 5)
    p = np.random.default_rng(2).normal(size=6)
    found = set()
    for backend in ("python", "numba", "llvm"):
        formula, params, columns, _ = CASES["intercept"]
        kernel = sc.compile(formula, params=params, data=columns, backend=backend)  # type: ignore[call-overload]
        value, grad = from_moments(kernel.bind(data["X"], data["y"]), "value_and_grad")(p)
        found.add((value, grad.tobytes()))
    assert len(found) == 1
