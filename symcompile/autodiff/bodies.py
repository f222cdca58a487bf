"""Derivatives of sums, products and integrals, which are sums, products and integrals again.

- in what the body of a sum or an integral captures: that of the derivative of the body;
- of a product: the sum over its factors of their slope times the product of the others;
- in the limits of an integral: the body there (Leibniz); in those of a sum or product, which
  jump: zero;
- what was written as a ``Derivative`` is taken, here, before anything else.

Bodies are differentiated in forward mode: each has one result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from symcompile.autodiff.forward import forward
from symcompile.ir.bodies import applied, closed, opened
from symcompile.ir.body import LIMITS, Body
from symcompile.ir.build import Builder
from symcompile.ir.graph import Function, Graph, Input


@lru_cache(maxsize=512)
def derived(body: Body, by: Input) -> tuple[Body, tuple[int, ...]] | None:
    """Return the derivative of a body in its variable or in a captured value.

    Returns:
        The derivative, and which captured values of the body it captures, in order; None where
        it is zero.
    """
    b = Builder(opened(body))
    seed = next(k for k, node in enumerate(body.nodes) if node.data == by)
    (tangent,) = forward(b, [body.root], {seed: b.constant(1)})
    if tangent is None or b.graph[tangent].data == 0:
        return None
    found, slots = closed(b.graph, tangent)
    return found, tuple(slots)


def pull_body(b: Builder, node: int, position: int, g: int, args: Sequence[int]) -> int | None:
    """Return ``g`` times the derivative of a node with a body in one argument, or None for zero.

    ``args`` are the arguments of the node, over the axes of ``g``.
    """
    op, body = b.graph[node].op, b.graph[node].data
    assert isinstance(body, Body)
    first = LIMITS[op]
    limits, captured = tuple(args[:first]), tuple(args[first:])
    if position < first:
        if op != "integral":
            return None
        there = b.call("mul", g, applied(b, body, limits[position], captured))
        return there if position else b.call("neg", there)
    found = derived(body, Input("captured", position - first))
    if found is None:
        return None
    slope, slots = found
    kept = tuple(captured[slot] for slot in slots)
    if op == "product":
        total = _product_slope(b, body, slope, limits, captured, kept)
    else:
        total = b.bound(op, (*limits, *kept), slope)
    return b.call("mul", g, total)


def _product_slope(
    b: Builder,
    body: Body,
    slope: Body,
    limits: tuple[int, ...],
    captured: tuple[int, ...],
    kept: tuple[int, ...],
) -> int:
    """Return the sum of the slopes of the factors, each times the product of the others.

    As in :func:`symcompile.autodiff.rules.product_slope` that is exact at zeros, and so is its
    derivative: of one factor that is zero the rest of the product counts; of more, what is zero
    is kept for its slope.
    """

    if b.textbook:  # where no factor is zero
        inner = Builder()
        inputs = [_captured(inner, slot, b, arg) for slot, arg in enumerate((*captured, *kept))]
        k = inner.graph.input("bound", 0)
        rise = applied(inner, slope, k, inputs[len(captured) :])
        term = inner.call("div", rise, applied(inner, body, k, inputs))
        return b.call(
            "mul",
            b.bound("product", (*limits, *captured), body),
            _over(b, "sum", limits, (*captured, *kept), inner, term),
        )

    def factor(inner: Builder, outers: Sequence[int]) -> tuple[int, int]:
        variable = inner.graph.input("bound", 0)
        value = applied(inner, body, variable, outers)
        return value, inner.call("eq", value, inner.constant(0))

    def over(op: str, which: str) -> int:
        inner = Builder()
        inputs = [_captured(inner, slot, b, arg) for slot, arg in enumerate(captured)]
        value, is_zero = factor(inner, inputs)
        zero, one = inner.constant(0), inner.constant(1)
        chosen = {
            "factor": (one, value),
            "null": (value, zero),
            "flag": (one, zero),
        }[which]
        return _over(b, op, limits, captured, inner, inner.call("select", is_zero, *chosen))

    rest_of_all, nulls, flags = over("product", "factor"), over("sum", "null"), over("sum", "flag")
    outers = (*captured, *kept, rest_of_all, nulls, flags)
    inner = Builder()
    inputs = [_captured(inner, slot, b, arg) for slot, arg in enumerate(outers)]
    value, is_zero = factor(inner, inputs[: len(captured)])
    rise = applied(
        inner,
        slope,
        inner.graph.input("bound", 0),
        inputs[len(captured) : len(captured) + len(kept)],
    )
    zero, one = inner.constant(0), inner.constant(1)
    every, null, flag = inputs[-3:]
    rest = inner.call("div", every, inner.call("select", is_zero, one, value))
    others = inner.call("sub", flag, inner.call("select", is_zero, one, zero))
    single = inner.call("sub", null, inner.call("select", is_zero, value, zero))
    beyond = inner.call("select", inner.call("eq", others, one), single, zero)
    share = inner.call("select", inner.call("eq", others, zero), one, beyond)
    term = inner.call("mul", inner.call("mul", share, rest), rise)
    return _over(b, "sum", limits, outers, inner, term)


def _captured(inner: Builder, slot: int, b: Builder, outer: int) -> int:
    return inner.graph.input("captured", slot, (), b.graph[outer].kind)


def _over(
    b: Builder,
    op: str,
    limits: tuple[int, ...],
    outers: Sequence[int],
    inner: Builder,
    root: int,
) -> int:
    body, slots = closed(inner.graph, root)
    return b.bound(op, (*limits, *[outers[slot] for slot in slots]), body)


def take_derivatives(function: Function) -> Function:
    """Return a function without unevaluated derivatives: each is taken, innermost first.

    Sums, products and integrals are simplified by the way.
    """
    graph = function.graph
    if not any(isinstance(node.data, Body) for node in graph):
        return function
    b, mapping = _taken(graph, function.roots())
    for index, label in graph.labels.items():
        if index in mapping and b.graph[mapping[index]].args:
            b.graph.labels.setdefault(mapping[index], label)
    outputs = tuple(
        replace(output, entries=tuple(mapping[entry] for entry in output.entries))
        for output in function.outputs
    )
    return replace(function, graph=b.graph, outputs=outputs)


def _unevaluated(data: object) -> bool:
    return isinstance(data, Body) and any(
        node.op == "derivative" or _unevaluated(node.data) for node in data.nodes
    )


def _taken(graph: Graph, roots: Sequence[int]) -> tuple[Builder, dict[int, int]]:
    b = Builder()
    mapping: dict[int, int] = {}
    for index in graph.ancestors(roots):
        node = graph[index]
        if not isinstance(node.data, Body):
            mapping[index] = b.copy_node(graph, index, mapping)
            continue
        body = node.data
        args = tuple(mapping[arg] for arg in node.args)
        if _unevaluated(body):
            inner, places = _taken(opened(body), [body.root])
            body, slots = closed(inner.graph, places[body.root])
            first = LIMITS[node.op]
            args = (*args[:first], *[args[first + slot] for slot in slots])
        mapping[index] = (
            _derivative(b, body, args) if node.op == "derivative" else b.bound(node.op, args, body)
        )
    return b, mapping


def _derivative(b: Builder, body: Body, args: tuple[int, ...]) -> int:
    variable = Input("bound", 0)
    if all(node.data != variable for node in body.nodes):
        return b.constant(0)
    found = derived(body, variable)
    if found is None:
        return b.constant(0)
    slope, slots = found
    return applied(b, slope, args[0], [args[1 + slot] for slot in slots])
