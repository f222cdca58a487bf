"""Dropping what lowering made on the way, and numbering nodes as they are used."""

from __future__ import annotations

from dataclasses import replace

from symcompile.ir.affine import Affine
from symcompile.ir.body import Body
from symcompile.ir.graph import REDUCTIONS, Axis, Graph, Input, Node, Output, View


def compacted(graph: Graph, output: Output) -> tuple[Graph, Output]:
    """Return a graph with the inputs, and what the output needs in the order it needs it.

    >>> g = Graph()
    >>> x = g.input("param", 0)
    >>> unused, used = g.add("sin", (x,)), g.add("cos", (x,))
    >>> [node.op for node in compacted(g, Output("value", (used,), (), False))[0]]
    ['input', 'cos']
    """
    result = Graph()
    mapping: dict[int, int] = {}
    for index, node in enumerate(graph):
        if node.op == "input":
            mapping[index] = _copy(result, node, ())
    stack = list(reversed(output.entries))
    while stack:
        index = stack[-1]
        if index in mapping:
            stack.pop()
            continue
        node = graph[index]
        pending = [arg for arg in node.args if arg not in mapping]
        if pending:
            stack.extend(reversed(pending))
            continue
        stack.pop()
        mapping[index] = _copy(result, node, tuple(mapping[arg] for arg in node.args))
    for index, label in graph.labels.items():
        if index in mapping:
            result.labels[mapping[index]] = label
    return result, replace(output, entries=tuple(mapping[entry] for entry in output.entries))


def _copy(graph: Graph, node: Node, args: tuple[int, ...]) -> int:
    data = node.data
    if node.op == "const":
        assert not isinstance(data, Input | Affine | View | Body | int) and data is not None
        return graph.constant(data)
    if isinstance(data, Input):
        return graph.input(data.role, data.slot, node.axes, node.kind)
    if isinstance(data, Body):
        return graph.bound(node.op, args, data)
    if isinstance(data, Affine):
        if node.op == "extent":
            return graph.extent(Axis(data))
        make = graph.index if node.op == "index" else graph.delta
        return make(data, node.axes)
    if isinstance(data, View):
        indexed = graph.view if node.op == "view" else graph.scatter
        return indexed(args[0], data, node.axes, args[1:])
    if node.op in REDUCTIONS:
        assert isinstance(data, int)
        return graph.reduce(node.op, args[0], data)
    return graph.add(node.op, args)
