"""Kernels' and objectives' callables: what a generated function takes, and what it leaves."""

from __future__ import annotations

import gc
import pickle
import weakref
from typing import Any

import numpy as np
import pytest
import sympy as sp

import symcompile as sc
from symcompile.build.toolchain import find_toolchain
from symcompile.errors import ArgumentTypeError, ArgumentValueError, ToolchainError

try:
    find_toolchain()
    BACKENDS = ["python", "cython", "llvm"]
except ToolchainError:
    BACKENDS = ["python", "llvm"]

a, b, x, y, lam = sp.symbols("a b x y lam")
P, V = np.array([0.5, -2.0]), np.array([3.0, 1.0])
X, Y = np.array([1.0, 2.0, 4.0]), np.array([0.5, 3.0, 2.0])


@pytest.fixture(scope="module", params=BACKENDS)
def kernel(request: Any) -> sc.Kernel:
    definition = sc.define(
        "line", (a + b * x - y) ** 2 + lam * b**2, params=(a, b), data=(x, y), reduce="mean",
        constants={lam: 0.25},
    )  # fmt: skip
    return sc.compile(definition, backend=request.param)


def loss(p: Any, x: Any = X, y: Any = Y, lam: float = 0.25) -> float:
    return float(np.mean((p[0] + p[1] * x - y) ** 2) + lam * p[1] ** 2)


def slope(p: Any, x: Any = X, y: Any = Y, lam: float = 0.25) -> Any:
    r = p[0] + p[1] * x - y
    return np.array([2 * np.mean(r), 2 * np.mean(r * x) + 2 * lam * p[1]])


@pytest.mark.parametrize("p", [P, list(P), P.astype(np.float32), P[::-1][::-1], P.astype(">f8")])
def test_any_vector_gives_the_same(kernel: sc.Kernel, p: Any) -> None:
    objective = kernel.bind(X, Y, lam=0.5)
    assert kernel.value(p, X, Y) == pytest.approx(loss(P), rel=1e-14)
    assert objective.value(p) == pytest.approx(loss(P, lam=0.5), rel=1e-14)
    value, grad = objective.value_and_grad(p)
    assert value == objective.value(p)
    np.testing.assert_allclose(grad, slope(P, lam=0.5), rtol=1e-13)


def test_what_the_function_does_not_take_goes_the_general_way(kernel: sc.Kernel) -> None:
    strided = np.repeat(X, 2)[::2]
    for data in ((X, Y), (list(X), Y), ({"x": X, "y": Y},), (strided, Y), (X[:, None], Y)):
        assert kernel.value(P, *data) == pytest.approx(loss(P), rel=1e-14)
    assert kernel.value(P, X, Y, lam=2) == pytest.approx(loss(P, lam=2), rel=1e-14)
    assert kernel.hvp(P, V, X, Y) == pytest.approx(kernel.hessian(P, X, Y) @ V)
    assert kernel.bind(X, Y, lam=3).hvp(P, list(V)) == pytest.approx(
        kernel.hessian(P, X, Y, lam=3) @ V
    )


@pytest.mark.parametrize(
    ("args", "error"),
    [
        ((P,), ArgumentTypeError),
        ((P, X, Y, X), ArgumentTypeError),
        ((P, X, Y[:2]), ArgumentValueError),
        ((P[:1], X, Y), ArgumentValueError),
        ((np.array([1j, 2.0]), X, Y), ArgumentTypeError),
        ((P, X, np.empty((3, 2))), ArgumentValueError),
        ((), TypeError),
    ],
)
def test_wrong_calls_raise_in_the_callers_terms(
    kernel: sc.Kernel, args: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        kernel.value_and_grad(*args)


def test_wrong_vectors_raise_in_the_callers_terms(kernel: sc.Kernel) -> None:
    objective = kernel.bind(X, Y)
    for wrong in (P[:1], np.empty((2, 2)), [1, 2, 3]):
        with pytest.raises(ArgumentValueError):
            objective.value(wrong)
        with pytest.raises(ArgumentValueError):
            objective.hvp(P, wrong)
    for args in ((), (P, V)):
        with pytest.raises(TypeError):
            objective.grad(*args)


@pytest.mark.long
def test_more_columns_than_a_small_stack_has_room_for() -> None:
    columns = sp.symbols("x0:50")
    definition = sc.define(
        "wide", sum(k * a * c for k, c in enumerate(columns)), params=a, data=columns, reduce="sum"
    )
    data = [np.arange(3.0) + k for k in range(50)]
    expected = sum(k * column.sum() for k, column in enumerate(data))
    for backend in BACKENDS:
        kernel = sc.compile(definition, backend=backend)
        assert kernel.grad(np.ones(1), *data) == pytest.approx(expected)
        assert kernel.bind(*data).grad(np.ones(1)) == pytest.approx(expected)


def test_callables_pickle_as_what_they_belong_to(kernel: sc.Kernel) -> None:
    objective = kernel.bind(X, Y, lam=2)
    again = pickle.loads(pickle.dumps((objective.value, objective.hvp, kernel.value)))
    assert again[0](P) == objective.value(P)
    np.testing.assert_array_equal(again[1](P, V), objective.hvp(P, V))
    assert again[2](P, X, Y) == kernel.value(P, X, Y)


def test_no_cycle_keeps_data_alive(kernel: sc.Kernel) -> None:
    data = X.copy()
    watch = weakref.ref(data)
    objective = kernel.bind(data, Y)
    objective.value(P)
    gc.collect()
    gc.disable()
    try:
        del objective, data
        assert watch() is None
    finally:
        gc.enable()


def test_callables_say_what_they_do(kernel: sc.Kernel) -> None:
    objective = kernel.bind(X, Y)
    for name in ("value", "value_and_grad", "hessian", "hvp"):
        for owner in (kernel, objective):
            method = getattr(owner, name)
            assert method.__name__ == name
            assert method.__doc__.startswith("Return")


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_lambdified_function_is_an_object_like_any(backend: Any) -> None:
    f = sc.lambdify((x, y), x * sp.sin(y), backend=backend)
    expected = 2.0 * np.sin(0.5)
    assert f(2.0, 0.5) == f(2.0, y=0.5) == f.__call__(2.0, 0.5) == pytest.approx(expected)
    assert f(*[2.0, 0.5]) == f(x=2.0, y=0.5)
    assert pickle.loads(pickle.dumps(f))(2.0, 0.5) == pytest.approx(expected)
    assert weakref.ref(f)() is f
    f.note = "kept"
    assert f.note == "kept"
    assert callable(f) and list(map(f, [2.0], [0.5])) == [pytest.approx(expected)]
    with pytest.raises(TypeError):
        f(1.0)
    # Functions of one module do not know of each other.
    g = sc.lambdify((x, y), x * sp.sin(y), backend=backend)
    assert g is not f and not hasattr(g, "note")


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_lambdified_function_goes_when_nothing_refers_to_it(backend: Any) -> None:
    f = sc.lambdify(x, sp.cos(x), backend=backend)
    watch = weakref.ref(f)
    f(0.5)
    del f
    gc.collect()
    assert watch() is None


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_result_goes_into_an_array_that_is_there(backend: Any) -> None:
    f = sc.lambdify((x, y), x + 2 * y, backend=backend)
    a, b = np.arange(6.0), np.arange(6.0) + 0.5
    expected = a + 2 * b
    out = np.empty(6)
    assert f(a, b, out=out) is out
    np.testing.assert_array_equal(out, expected)
    # One that lies in an argument, or overlaps it, is read before it is written.
    memory = np.zeros(8)
    for start in (0, 1, 2):
        memory[1:7] = a
        out = memory[start : start + 6]
        f(memory[1:7], b, out=out)
        np.testing.assert_array_equal(out, expected)
    for wrong in (np.empty(5), np.empty(6, int), np.empty((2, 3)), [1.0] * 6):
        with pytest.raises((TypeError, ValueError)):
            f(a, b, out=wrong)
    locked = np.empty(6)
    locked.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        f(a, b, out=locked)
    assert f(1.0, 2.0, out=None) == 5.0
    table = np.empty((6, 2))
    f(a, b, out=table[:, 1])
    np.testing.assert_array_equal(table[:, 1], expected)
