"""Copying a function node by node, with a rule that may replace nodes on the way."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import replace

from symcompile.ir.bodies import closed, opened
from symcompile.ir.body import LIMITS, Body
from symcompile.ir.build import Builder
from symcompile.ir.graph import BODY_OPS, Function, Graph, Kind, Node
from symcompile.ir.ops import OPS

#: Given the new graph, a node of the old one, its new arguments and its place in the old graph
#: (:data:`IN_BODY` within a body): the new node, or None.
Rule = Callable[[Builder, Node, tuple[int, ...], int], int | None]
#: What nodes of bodies have in place of a place.
IN_BODY = -1


#: Given the new graph, a node of the old one, and the new nodes of earlier ones: the new node.
Making = Callable[[Builder, int, Mapping[int, int]], int | None]


def rewrite(function: Function, rule: Rule) -> Function:
    """Return ``function`` with each node that it needs copied, or replaced by the rule."""
    source = function.graph
    nodes = source.nodes

    def make(b: Builder, index: int, mapping: Mapping[int, int]) -> int | None:
        return copied(b, source, index, tuple(map(mapping.__getitem__, nodes[index].args)), rule)

    return remade(function, make)


def remade(function: Function, make: Making) -> Function:
    """Return ``function`` with each node that it needs made anew, or copied where it is not."""
    b = Builder()
    source = function.graph
    nodes, labels = source.nodes, source.labels
    mapping: dict[int, int] = {}
    for index in source.ancestors(function.roots()):
        made = make(b, index, mapping)
        if made is None:
            made = b.copy_node(source, index, mapping)
        kind = nodes[index].kind
        mapping[index] = made = b.widened(made, kind) if kind is Kind.COMPLEX else made
        if index in labels and b.graph[made].args:
            b.graph.labels.setdefault(made, labels[index])
    outputs = tuple(
        replace(output, entries=tuple(mapping[entry] for entry in output.entries))
        for output in function.outputs
    )
    return replace(function, graph=b.graph, outputs=outputs)


def alone(function: Function) -> Function:
    """Return a function in a graph that holds nothing else."""

    def rule(b: Builder, node: Node, args: tuple[int, ...], place: int) -> int | None:
        return b.graph.copied(node, args) if args and node.data is None else None

    return rewrite(function, rule)


def copied(b: Builder, source: Graph, index: int, args: tuple[int, ...], rule: Rule) -> int:
    """Return the node that stands for one of ``source``, copied or replaced by the rule."""
    node = source.nodes[index]
    op, _, data, _, kind = node
    made: int | None
    if type(data) is Body:
        made = _with_body(b, op, args, data, rule)
    else:
        made = rule(b, node, args, index)
        if made is None:
            plain = data is None and op in OPS
            made = b.call(op, *args) if plain else b.copy_with(source, index, args)
    return b.widened(made, kind) if kind is Kind.COMPLEX else made


def concerns(function: Function, ops: Container[str]) -> bool:
    """Return whether a function has one of these operations, or one with a body.

    A pass about them need not copy a function that has none.
    """
    nodes = function.graph.nodes
    found = {nodes[index].op for index in function.graph.ancestors(function.roots())}
    return any(op in ops or op in BODY_OPS for op in found)


def _with_body(b: Builder, op: str, args: tuple[int, ...], body: Body, rule: Rule) -> int:
    """Return a node over a body to which the rule has been applied as well."""
    inner, source = Builder(), opened(body)
    mapping: dict[int, int] = {}
    for index, node in enumerate(body.nodes):
        own = tuple(mapping[arg] for arg in node.args)
        if isinstance(node.data, Body):
            made = _with_body(inner, node.op, own, node.data, rule)
        else:
            replaced = rule(inner, node, own, IN_BODY)
            made = inner.copy_node(source, index, mapping) if replaced is None else replaced
        mapping[index] = inner.widened(made, node.kind)
    found, slots = closed(inner.graph, mapping[body.root])
    first = LIMITS[op]
    return b.bound(op, (*args[:first], *[args[first + slot] for slot in slots]), found)
