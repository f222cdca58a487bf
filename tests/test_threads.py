"""Threads: the same bits however many there are, and a process may fork."""

from __future__ import annotations

import multiprocessing
import pickle
from typing import Any

import numpy as np
import pytest
import sympy as sp

from symcompile.compiler import compile as compile_
from symcompile.elementwise.api import lambdify
from symcompile.errors import ArgumentTypeError, ArgumentValueError
from symcompile.frontend.definition import define
from symcompile.options import Backend
from tests.models import BY_NAME

COMPILED: tuple[Backend, ...] = ("cython", "numba", "llvm")


def bound(name: str, backend: Backend, samples: int = 60_000) -> tuple[Any, Any]:
    model = BY_NAME[name]
    definition = define(name, **model.make())
    rng = np.random.default_rng(3)
    sizes = {"n": samples, "d": 7}
    X = rng.normal(size=(sizes["n"], sizes["d"]))
    y = np.sign(rng.normal(size=sizes["n"]))
    return compile_(definition, backend=backend).bind(X, y), rng.normal(size=sizes["d"] + 1)


@pytest.mark.parametrize("backend", COMPILED)
@pytest.mark.parametrize("samples", [1, 5_000, 60_000, 60_001])
def test_results_do_not_depend_on_the_number_of_threads(
    backend: Backend, samples: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    objective, p = bound("logreg", backend, samples)
    found = []
    for threads in ("1", "2", "3", "64"):
        monkeypatch.setenv("SYMCOMPILE_NUM_THREADS", threads)
        value, grad = objective.value_and_grad(p)
        curved = objective.hessian(p).tobytes() if backend == "cython" else b""
        found.append((value, grad.tobytes(), curved))
    assert all(result == found[0] for result in found)


def _in_child(results: Any, objective: Any, p: Any) -> None:
    results.put(objective.value_and_grad(p)[0])


@pytest.mark.parametrize("backend", COMPILED)
def test_a_process_may_fork(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYMCOMPILE_NUM_THREADS", "2")
    objective, p = bound("logreg", backend)
    value, _ = objective.value_and_grad(p)
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    child = context.Process(target=_in_child, args=(results, objective, p))
    child.start()
    assert results.get(timeout=60) == value
    child.join(timeout=60)
    assert child.exitcode == 0


@pytest.mark.parametrize("backend", COMPILED)
def test_points_do_not_depend_on_the_number_of_threads(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, y = sp.symbols("x y")
    f = lambdify((x, y), [sp.sin(x) * sp.exp(-y), sp.Matrix([x**y, 1])], backend=backend)
    values = np.linspace(0.1, 9.0, 100_003)
    found = []
    for threads in ("1", "2", "3", "64"):
        monkeypatch.setenv("SYMCOMPILE_NUM_THREADS", threads)
        found.append([result.tobytes() for result in f(values, values[::-1])])
    assert all(result == found[0] for result in found)
    first, second = f(values, values[::-1])
    np.testing.assert_allclose(first, np.sin(values) * np.exp(-values[::-1]), rtol=1e-14)
    np.testing.assert_allclose(second[:, 0, 0], values ** values[::-1], rtol=1e-14)


@pytest.mark.parametrize(
    "backend", [pytest.param("cython", marks=pytest.mark.long), "numba", "llvm"]
)
def test_a_number_of_threads_that_is_asked_for(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, w = sp.symbols("x w")
    values = np.linspace(0.0, 1.0, 200_001)
    monkeypatch.setenv("SYMCOMPILE_NUM_THREADS", "1")
    kernels = [
        compile_(sp.exp(w * x), params=w, data=x, reduce="sum", backend=backend, threads=threads)
        for threads in (None, 1, 3)
    ]
    assert [kernel.options.threads for kernel in kernels] == [None, 1, 3]
    assert len({kernel.value([0.5], values) for kernel in kernels}) == 1
    assert pickle.loads(pickle.dumps(kernels[2])).options.threads == 3
    functions = [lambdify(x, sp.exp(x), backend=backend, threads=threads) for threads in (None, 3)]
    assert len({f(values).tobytes() for f in functions}) == 1
    if backend == "numba":  # whose count can be asked for
        counts = [f.module._threads(1e12) for f in functions]
        monkeypatch.setenv("SYMCOMPILE_NUM_THREADS", "5,2")
        assert [*counts, *(f.module._threads(1e12) for f in functions)] == [1, 3, 5, 3]
        assert {f.module._threads(1e5) for f in functions} == {1}


def test_a_number_of_threads_that_makes_no_sense() -> None:
    x = sp.Symbol("x")
    for threads in (0, -1):
        with pytest.raises(ArgumentValueError, match="at least one thread"):
            compile_(x**2, params=x, backend="python", threads=threads)
    for other in (1.5, "2", True):
        with pytest.raises(ArgumentTypeError, match="whole number"):
            lambdify(x, x**2, threads=other)  # type: ignore[arg-type]
