"""Threads: the same bits however many there are, and a process may fork."""

from __future__ import annotations

import multiprocessing
from typing import Any

import numpy as np
import pytest
import sympy as sp

from symcompile.compiler import compile as compile_
from symcompile.elementwise.api import lambdify
from symcompile.frontend.definition import define
from symcompile.options import Backend
from tests.models import BY_NAME


COMPILED: tuple[Backend, ...] = ("cython", "numba")


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
        found.append((value, grad.tobytes(), objective.hessian(p).tobytes()))
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
