"""Copying a function node by node, with a rule that may replace nodes on the way."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import replace

from symcompile.ir.bodies import closed, opened
from symcompile.ir.body import LIMITS, Body
from symcompile.ir.build import Builder
from symcompile.ir.graph import BODY_OPS, Function, Node

#: Given the new graph, a node of the old one and its new arguments: the new node, or None.
Rule = Callable[[Builder, Node, tuple[int, ...]], int | None]


#: Given the new graph, a node of the old one, and the new nodes of earlier ones: the new node.
Making = Callable[[Builder, int, Mapping[int, int]], int | None]


def rewrite(function: Function, rule: Rule) -> Function:
    """Return ``function`` with each node that it needs copied, or replaced by the rule."""
    source = function.graph

    def make(b: Builder, index: int, mapping: Mapping[int, int]) -> int | None:
        node = source[index]
        args = tuple(mapping[arg] for arg in node.args)
        if isinstance(node.data, Body):
            return _with_body(b, node.op, args, node.data, rule)
        return rule(b, node, args)

    return copied(function, make)


def copied(function: Function, make: Making) -> Function:
    """Return ``function`` with each node that it needs copied, or made; bodies stay."""
    b = Builder()
    source = function.graph
    mapping: dict[int, int] = {}
    for index in source.ancestors(function.roots()):
        replaced = make(b, index, mapping)
        made = b.copy_node(source, index, mapping) if replaced is None else replaced
        mapping[index] = b.widened(made, source[index].kind)
        label = source.labels.get(index)
        if label is not None and b.graph[mapping[index]].args:
            b.graph.labels.setdefault(mapping[index], label)
    outputs = tuple(
        replace(output, entries=tuple(mapping[entry] for entry in output.entries))
        for output in function.outputs
    )
    return replace(function, graph=b.graph, outputs=outputs)


def concerns(function: Function, ops: Container[str]) -> bool:
    """Return whether a function has one of these operations, or one with a body.

    A pass about them need not copy a function that has none.
    """
    graph = function.graph
    nodes = [graph[index] for index in graph.ancestors(function.roots())]
    return any(node.op in ops or node.op in BODY_OPS for node in nodes)


def _with_body(b: Builder, op: str, args: tuple[int, ...], body: Body, rule: Rule) -> int:
    """Return a node over a body to which the rule has been applied as well."""
    inner, source = Builder(), opened(body)
    mapping: dict[int, int] = {}
    for index, node in enumerate(body.nodes):
        own = tuple(mapping[arg] for arg in node.args)
        if isinstance(node.data, Body):
            made = _with_body(inner, node.op, own, node.data, rule)
        else:
            replaced = rule(inner, node, own)
            made = inner.copy_node(source, index, mapping) if replaced is None else replaced
        mapping[index] = inner.widened(made, node.kind)
    found, slots = closed(inner.graph, mapping[body.root])
    first = LIMITS[op]
    return b.bound(op, (*args[:first], *[args[first + slot] for slot in slots]), found)
