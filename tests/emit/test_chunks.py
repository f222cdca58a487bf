"""Long straight-line code cut into pieces computes what it did in one."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from symcompile.compiler import build
from symcompile.emit.chunks import CHUNK, LONGEST_WHOLE, cut
from symcompile.frontend.definition import Definition, define
from symcompile.ir.graph import SAMPLES, Graph, Output
from symcompile.ir.interpreter import context, evaluate
from symcompile.options import BACKENDS, Backend, Options
from tests.graphs import values_of

a, b, x = sp.symbols("a b x")


def tangle(count: int, seed: int, *, branches: bool = False) -> tuple[Graph, int]:
    """Return a graph of ``count`` nodes that use near and far ones, and a node that needs all."""
    rng = random.Random(seed)
    graph = Graph()
    nodes = [graph.input("param", 0), graph.input("param", 1)]
    truths = [graph.add("lt", (nodes[0], nodes[1]))]
    half = graph.constant(2)
    while len(graph) < count:
        reach = rng.choice((2, 20, 400, 3000, len(nodes)))
        first, second = (nodes[-1 - rng.randrange(min(reach, len(nodes)))] for _ in range(2))
        kind = rng.randrange(6 if branches else 4)
        if kind == 4:
            truths.append(graph.add("lt", (first, second)))
        elif kind == 5:
            nodes.append(graph.add("select", (rng.choice(truths), first, second)))
        elif kind == 3:
            nodes.append(graph.add("sin", (first,)))
        else:
            total = graph.add(("add", "sub", "add")[kind], (first, second))
            nodes.append(graph.add("div", (total, half)))
    root = nodes[0]
    for node in rng.sample(nodes, 50):
        root = graph.add("add", (root, node))
    return graph, root


@given(st.integers(0, 10**6), st.booleans())
@settings(max_examples=10, deadline=None)
def test_cut_passes_every_value_on(seed: int, branches: bool) -> None:
    graph, root = tangle(2000, seed, branches=branches)
    order = [n for n in graph.ancestors([root]) if graph[n].args]
    rng = random.Random(seed)
    kept = {root, *rng.sample(order, 5)}
    chunks, final, slots = cut(graph, order, kept)
    assert [node for chunk in chunks for node in chunk.nodes] == order
    assert all(len(chunk.nodes) <= CHUNK for chunk in chunks)
    # Each slot holds the node that was written into it last.
    work: list[int | None] = [None] * slots
    for chunk in chunks:
        local = set(chunk.nodes)
        for node in chunk.nodes:
            for arg in graph[node].args:
                if arg not in local and graph[arg].args:
                    assert work[chunk.reads[arg]] == arg
        for node, slot in chunk.writes.items():
            assert node in local
            assert slot not in chunk.reads.values()
            work[slot] = node
        assert len(set(chunk.writes.values())) == len(chunk.writes)
    assert set(final) == kept
    assert all(work[slot] == node for node, slot in final.items())


def test_slots_are_reused() -> None:
    graph = Graph()
    node = graph.input("param", 0)
    for _ in range(6000):
        node = graph.add("sin", (node,))
    _, _, slots = cut(graph, range(1, 6001), {node})
    assert slots < 5


def _by_hand(name: str, graph: Graph, root: int) -> Definition:
    return Definition(name, ("a", "b"), (), (), None, graph, Output("value", (root,), (), False))


@pytest.mark.parametrize("backend", BACKENDS)
def test_long_code_equals_interpretation(backend: Backend) -> None:
    count = 2 * LONGEST_WHOLE if backend == "numba" else 5000
    graph, root = tangle(count, 7, branches=True)
    module = build(_by_hand("tangle", graph, root), backend, Options(), ("value",))
    mp = context(40)
    for point in ([0.3, 0.7], [0.9, -0.4]):
        (exact,) = evaluate(graph, [root], mp, values_of(mp, point, []))
        assert module.value(np.array(point)) == pytest.approx(float(exact), rel=1e-12)


@pytest.mark.parametrize(
    "backend", ["python", pytest.param("numba", marks=pytest.mark.long), "cython", "llvm"]
)
def test_long_code_after_a_loop(backend: Backend) -> None:
    """Sums, the number of samples and constants reach the pieces."""
    graph = Graph()
    p = [graph.input("param", k) for k in range(2)]
    column = graph.input("data", 0, (SAMPLES,))
    constant = graph.input("constant", 0)
    scale = graph.add("mul", (graph.add("sin", (p[1],)), constant))
    total = graph.reduce_sum(graph.add("sin", (graph.add("mul", (scale, column)),)))
    f = graph.add("div", (total, graph.extent(SAMPLES)))
    half = graph.constant(2)
    for k in range(LONGEST_WHOLE // 2):
        extra = (total, graph.extent(SAMPLES), p[0], constant, scale)[k % 5]
        inner = graph.add("add", (graph.add("cos", (f,)), extra))
        f = graph.add("div", (graph.add("sin", (inner,)), half))
    again = graph.reduce_sum(graph.add("cos", (graph.add("mul", (f, column)),)))
    root = graph.add("add", (graph.add("mul", (again, f)), scale))
    definition = Definition(
        "after_a_loop",
        ("a", "b"),
        ("x",),
        (("lam", None),),
        None,
        graph,
        Output("value", (root,), (), False),
    )
    module = build(definition, backend, Options(), ("value",))
    columns = np.array([0.5, 1.5, -0.25])

    def by_hand(first: float, second: float, k: float) -> float:
        scaled = math.sin(second) * k
        found = math.fsum(math.sin(scaled * t) for t in columns)
        value = found / 3
        for step in range(LONGEST_WHOLE // 2):
            value = math.sin(math.cos(value) + (found, 3, first, k, scaled)[step % 5]) / 2
        return math.fsum(math.cos(value * t) for t in columns) * value + scaled

    got = module.value(np.array([0.3, 0.7]), columns, lam=1.25)
    assert got == pytest.approx(by_hand(0.3, 0.7, 1.25), rel=1e-12)


@pytest.mark.parametrize("backend", ["numba", "cython", "llvm"])
def test_long_loop_body(backend: Backend) -> None:
    """The body of a loop is not cut; it stays correct."""
    names = sp.symbols("h:401")
    steps = [(names[0], x * a)]
    steps += [(names[k], sp.sin(names[k - 1]) + b) for k in range(1, 401)]
    definition = define("long_body", steps, params=(a, b), data=x, reduce="sum")
    module = build(definition, backend, Options(), ("value",))
    columns = np.linspace(-1, 1, 1300)
    expected = columns * 0.4
    for _ in range(400):
        expected = np.sin(expected) + 0.25
    got = module.value(np.array([0.4, 0.25]), columns)
    assert got == pytest.approx(math.fsum(expected), rel=1e-12)
