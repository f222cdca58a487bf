"""Derivatives through parts of complex numbers, against differences at 50 digits."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symcompile.autodiff.derive import derive
from symcompile.ir.graph import Graph, Input, Kind, Output
from symcompile.ir.interpreter import context, evaluate
from symcompile.ir.parts import output_kind, splits

MP = context(60)
_STEP = MP.mpf(10) ** -20

_PARTS = ("re", "im", "conj", "abs", "arg", "sign")
_COORDINATE = st.floats(0.1, 3.0).flatmap(lambda a: st.sampled_from((a, -a)))


def formula(op: str, outer: str) -> tuple[Graph, Output]:
    """Return ``outer(op(exp(x + i*y) + x))`` of two real parameters, times x."""
    graph = Graph()
    x, y = graph.input("param", 0), graph.input("param", 1)
    number = graph.add("complex", (x, y))
    moved = graph.add("add", (graph.add("exp", (number,)), x))
    part = graph.add(op, (moved,))
    root = graph.add("mul", (x, graph.add(outer, (part,))))
    output = Output("value", (root,), (), False)
    return graph, Output("value", (root,), (), False, kind=output_kind(graph, output))


def at(graph: Graph, root: int, point: list[Any], more: dict[Input, Any] | None = None) -> Any:
    inputs = {Input("param", k): value for k, value in enumerate(point)} | (more or {})
    return evaluate(graph, [root], MP, inputs)[0]


@pytest.mark.parametrize("op", _PARTS)
@given(a=_COORDINATE, b=_COORDINATE)
@settings(max_examples=10, deadline=None)
def test_both_modes(op: str, a: float, b: float) -> None:
    graph, output = formula(op, "sin")
    root = output.entries[0]
    assert splits(graph, [root])
    grad, hessian, jvp = derive(graph, output, [(), ()], ["grad", "hessian", "jvp"])
    point = [MP.mpf(a), MP.mpf(b)]

    def slope(root: int, k: int) -> Any:
        beside = [list(point), list(point)]
        beside[0][k] += _STEP
        beside[1][k] -= _STEP
        return (at(graph, root, beside[0]) - at(graph, root, beside[1])) / (2 * _STEP)

    direction = {Input("direction", 0): MP.mpf(2), Input("direction", 1): MP.mpf(-3)}
    first = [slope(root, k) for k in range(2)]
    for k, node in enumerate(grad.outputs[0].entries):
        got = at(graph, node, point)
        assert abs(got - first[k]) <= MP.mpf(10) ** -15 * (1 + abs(first[k]))
        for j in range(2):
            second = at(graph, hessian.outputs[0].entries[2 * k + j], point)
            assert abs(second - slope(node, j)) <= MP.mpf(10) ** -15 * (1 + abs(second))
    along = at(graph, jvp.outputs[0].entries[0], point, direction)
    assert abs(along - (2 * first[0] - 3 * first[1])) <= MP.mpf(10) ** -15 * (1 + abs(along))
    assert grad.outputs[0].kind is output.kind


def test_a_real_value_has_a_real_gradient() -> None:
    graph, output = formula("abs", "sqrt")
    assert output.kind is Kind.REAL
    (grad,) = derive(graph, output, [(), ()], ["grad"])
    assert {graph[node].kind for node in grad.outputs[0].entries} == {Kind.REAL}


def test_conditions_are_no_dependence() -> None:
    graph = Graph()
    z = graph.input("param", 0, (), Kind.COMPLEX)
    condition = graph.add("lt", (graph.add("re", (z,)), graph.constant(0)))
    chosen = graph.add("select", (condition, graph.add("exp", (z,)), z))
    assert not splits(graph, [chosen])
    assert splits(graph, [graph.add("mul", (chosen, graph.add("abs", (z,))))])
