"""Sums of exponentials: no overflow, exact derivatives, and nothing done twice."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from symcompile.checking.oracle import Oracle
from symcompile.compiler import compile as compile_
from symcompile.compiler import plan
from symcompile.frontend.definition import Definition, define
from symcompile.ir.graph import Function
from symcompile.passes import recognise

a, b, c = sp.symbols("a b c")
n, q = sp.symbols("n q", integer=True, positive=True)
i, k, m = sp.Idx("i", n), sp.Idx("k", q), sp.Idx("m", q)
Z, w = sp.IndexedBase("Z", shape=(n, q)), sp.IndexedBase("w", shape=(q,))
_ALL = (k, 0, q - 1)

SCALARS: dict[str, Any] = {
    "log_sum": sp.log(sp.exp(a) + sp.exp(b) + sp.exp(c)),
    "weighted": sp.log(2 * sp.exp(a) + 3 * sp.exp(b)),
    "share": sp.exp(a) / (sp.exp(a) + sp.exp(b) + sp.exp(c)),
    "one_and": sp.log(1 + sp.exp(a) + sp.exp(b)),
    "share_of_one_and": sp.exp(a) / (1 + sp.exp(a) + sp.exp(b)),
    "log_ratio": sp.log(sp.exp(a) / (sp.exp(b) + sp.exp(c))),
}
_POINTS = [(900.0, 899.0, 3.0), (-900.0, -899.0, -903.0), (0.3, -0.2, 1.5), (700.0, -700.0, 5.0)]


def total(body: Any) -> Any:
    return sp.Sum(body, (i, 0, n - 1))


ARRAYS: dict[str, Any] = {
    "log_sum": total(sp.log(sp.Sum(sp.exp(w[k] * Z[i, k]), _ALL))),
    "weighted": total(sp.log(sp.Sum((1 + w[k] ** 2) * sp.exp(Z[i, k] - w[k]), _ALL))),
    "shares": total(
        sp.Sum(k * sp.exp(w[k] + Z[i, k]) / sp.Sum(sp.exp(w[m] + Z[i, m]), (m, 0, q - 1)), _ALL)
    ),
    "log_shares": total(
        sp.Sum(
            k * sp.log(sp.exp(w[k] + Z[i, k]) / sp.Sum(sp.exp(w[m] + Z[i, m]), (m, 0, q - 1))),
            _ALL,
        )
    ),
    "over_samples": sp.log(sp.Sum(sp.exp(w[0] * Z[i, 0]), (i, 0, n - 1))),
    "double": sp.log(sp.Sum(sp.exp(w[k] + Z[i, k]), _ALL, (i, 0, n - 1))),
}
_ROWS = np.array([[600.0, 602.0, -3.0], [-800.0, -801.0, -802.0], [0.5, -0.25, 2.0]])
_WEIGHTS = np.array([1.25, 1.5, -0.75])


def assert_exact(found: Any, exact: Any, size: float = 1.0) -> None:
    wanted = np.asarray(exact).astype(float)
    # The oracle's differences have 240 digits to lose: what is smaller it cannot see.
    scale = max(1e-100, float(np.max(np.abs(wanted))))
    np.testing.assert_allclose(found, wanted, rtol=0, atol=2e-13 * scale * size)


def compare(definition: Definition, p: Any, *data: Any) -> None:
    kernel = compile_(definition, backend="python")
    oracle = Oracle(definition, p, data)
    value, grad = kernel.value_and_grad(p, *data)
    assert_exact(value, oracle.value())
    assert_exact(grad, oracle.grad())
    # A variance is a difference of squares.
    size = max([1.0, *(float(np.max(np.abs(array))) ** 2 for array in data)])
    assert_exact(kernel.hessian(p, *data), oracle.hessian(), size)


@pytest.mark.parametrize("point", _POINTS)
@pytest.mark.parametrize("name", SCALARS)
def test_scalars_do_not_overflow(name: str, point: tuple[float, ...]) -> None:
    compare(define(name, SCALARS[name], params=(a, b, c)), point)


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_do_not_overflow(name: str) -> None:
    compare(define(name, ARRAYS[name], params=(w,), data=(Z,)), _WEIGHTS, _ROWS)


@given(st.lists(st.floats(-50, 50), min_size=3, max_size=3))
@settings(max_examples=25, deadline=None)
def test_shares_add_up(point: list[float]) -> None:
    kernel = _SHARES
    assert kernel.value(point) == pytest.approx(1.0, abs=1e-15)
    np.testing.assert_allclose(kernel.grad(point), 0.0, atol=1e-15)


_EXPONENTIALS = [sp.exp(a), sp.exp(b), sp.exp(c)]
_SHARES = compile_(
    define("shares", sum(e / sp.Add(*_EXPONENTIALS) for e in _EXPONENTIALS), params=(a, b, c)),
    backend="python",
)


def test_infinite_exponents_are_what_ieee_makes_of_them() -> None:
    definition = define("f", ARRAYS["log_sum"], params=(w,), data=(Z,))
    kernel = compile_(definition, backend="python")
    ones = np.ones(2)
    assert kernel.value(ones, np.array([[-np.inf, -np.inf]])) == -np.inf
    assert kernel.value(ones, np.array([[np.inf, 1.0]])) == np.inf
    assert kernel.value(ones, np.array([[-np.inf, 2.0]])) == 2.0
    assert np.isnan(kernel.value(ones, np.array([[np.nan, 2.0]])))


@pytest.mark.parametrize("name", ARRAYS)
def test_nothing_is_shifted_twice(name: str) -> None:
    definition = define(name, ARRAYS[name], params=(w,), data=(Z,))
    once = recognise(Function("value", definition.ir, (definition.output,)))
    twice = recognise(once)
    assert operations(twice) == operations(once)


def operations(function: Function) -> list[str]:
    """Return the operations that a function needs."""
    return sorted(function.graph[k].op for k in function.graph.ancestors(function.roots()))


def test_value_and_gradient_share_their_exponentials() -> None:
    definition = define("f", ARRAYS["log_sum"], params=(w,), data=(Z,))
    (schedule,) = plan(definition, ["value_and_grad"])
    graph = schedule.graph
    order = graph.ancestors(schedule.function.roots())
    assert sum(graph[index].op == "exp" for index in order) == 1
