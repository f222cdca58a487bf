"""Schedules with several loops, on every backend."""

from __future__ import annotations

import math

import numpy as np
import pytest

from symcompile.compiler import build, plan
from symcompile.frontend.definition import Definition
from symcompile.ir.graph import SAMPLES, Function, Graph, Output
from symcompile.options import BACKENDS, Backend, Options
from symcompile.planning import Sweep, contents
from symcompile.schedule import schedule
from tests import ways


def softmax() -> Definition:
    """Return sum(z*sin(z)) + w of z = exp(w*x)/sum(exp(w*x)): two loops, the second after a sum."""
    graph = Graph()
    w, x = graph.input("param", 0), graph.input("data", 0, (SAMPLES,))
    top = graph.add("exp", (graph.add("mul", (w, x)),))
    z = graph.add("div", (top, graph.reduce_sum(top)))
    loss = graph.reduce_sum(graph.add("mul", (z, graph.add("sin", (z,)))))
    root = graph.add("add", (loss, w))
    output = Output("value", (root,), (), False)
    return Definition("softmax", ("w",), ("x",), (), "sum", graph, output)


def normalised() -> Definition:
    """Return x/sum(x)*w and the sum itself for each sample."""
    graph = Graph()
    w, x = graph.input("param", 0), graph.input("data", 0, (SAMPLES,))
    total = graph.reduce_sum(x)
    z = graph.add("mul", (graph.add("div", (x, total)), w))
    return Definition(
        "normalised", ("w",), ("x",), (), None, graph, Output("value", (z, total), (2,), True)
    )


def test_two_loops() -> None:
    definition = softmax()
    found = schedule(Function("value", definition.ir, (definition.output,)))
    assert [isinstance(phase, Sweep) for phase in found.phases] == [True, True, False]
    parts = [contents(phase) for phase in found.phases]
    assert [len(sums) for _, sums, _ in parts] == [1, 1, 0]
    graph = found.graph
    # The first loop holds nothing of the second.
    assert {graph[n].op for n in parts[0][0]} == {"mul", "exp"}


@pytest.mark.parametrize("backend", ways.BACKENDS)
def test_softmax(backend: Backend) -> None:
    module = build(softmax(), backend, Options(), ("value", "grad", "hessian"))
    columns = np.random.default_rng(1).normal(size=2000)

    def value(w: float) -> float:
        top = np.exp(w * columns)
        z = top / math.fsum(top)
        return math.fsum(z * np.sin(z)) + w

    step = 1e-5
    slope = (value(0.7 + step) - value(0.7 - step)) / (2 * step)
    assert module.value(np.array([0.7]), columns) == pytest.approx(value(0.7), rel=1e-13)
    assert module.grad(np.array([0.7]), columns)[0] == pytest.approx(slope, rel=1e-9)
    ends = [module.grad(np.array([w]), columns)[0] for w in (0.7 + step, 0.7 - step)]
    curve = module.hessian(np.array([0.7]), columns)[0, 0]
    assert curve == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-5)


@pytest.mark.parametrize("backend", ways.BACKENDS)
def test_normalised(backend: Backend) -> None:
    module = build(normalised(), backend, Options(), ("value", "jacobian", "vjp"))
    columns = np.arange(1.0, 1400.0)
    total = columns.sum()
    value = module.value(np.array([3.0]), columns)
    np.testing.assert_allclose(value[:, 0], 3 * columns / total, rtol=1e-14)
    np.testing.assert_allclose(value[:, 1], total, rtol=1e-14)
    jacobian = module.jacobian(np.array([3.0]), columns)
    np.testing.assert_allclose(jacobian[:, 0, 0], columns / total, rtol=1e-14)
    assert not jacobian[:, 1].any()
    u = np.ones((len(columns), 2))
    np.testing.assert_allclose(module.vjp(np.array([3.0]), u, columns), [1.0], rtol=1e-13)


@pytest.mark.parametrize("size", [1, 2, 511, 512, 513, 1024, 40_000, 64 * 512 + 1])
@pytest.mark.parametrize("backend", ["numba", "cython"])
def test_every_sample_is_summed_once(backend: Backend, size: int) -> None:
    graph = Graph()
    w, x = graph.input("param", 0), graph.input("data", 0, (SAMPLES,))
    root = graph.reduce_sum(graph.add("mul", (x, x)))
    root = graph.add("mul", (root, w))
    output = Output("value", (root,), (), False)
    definition = Definition("squares", ("w",), ("x",), (), "sum", graph, output)
    module = build(definition, backend, Options(), ("value",))
    columns = np.random.default_rng(size).normal(size=size)
    exact = math.fsum(columns**2)
    assert module.value(np.array([1.0]), columns) == pytest.approx(exact, rel=1e-15)
    # Layouts: reversed, strided, and the same number over and over.
    assert module.value(np.array([1.0]), columns[::-1]) == pytest.approx(exact, rel=1e-15)
    strided = np.repeat(columns, 3)[::3]
    assert module.value(np.array([1.0]), strided) == pytest.approx(exact, rel=1e-15)
    same = np.broadcast_to(0.5, (size,))
    assert module.value(np.array([1.0]), same) == size * 0.25


def test_error_does_not_grow_with_the_number_of_samples() -> None:
    graph = Graph()
    root = graph.reduce_sum(graph.input("data", 0, (SAMPLES,)))
    output = Output("value", (root,), (), False)
    definition = Definition("plain_sum", (), ("x",), (), "sum", graph, output)
    columns = np.full(3_000_000, 0.1)
    exact = math.fsum(columns)
    for backend in BACKENDS:
        module = build(definition, backend, Options(), ("value",))
        found = module.value(np.empty(0), columns)
        assert abs(found - exact) <= 64 * math.ulp(exact), backend


def test_what_needs_no_sample_is_not_in_the_loop() -> None:
    graph = Graph()
    w, x = graph.input("param", 0), graph.input("data", 0, (SAMPLES,))
    scale = graph.add("sin", (w,))
    root = graph.reduce_sum(graph.add("cos", (graph.add("mul", (scale, x)),)))
    output = Output("value", (root,), (), False)
    definition = Definition("hoisted", ("w",), ("x",), (), "sum", graph, output)
    (found,) = plan(definition, ["value"])
    loops = [contents(phase) for phase in found.phases if isinstance(phase, Sweep)]
    assert len(loops) == 1
    assert "sin" not in {found.graph[n].op for n in loops[0][0]}
