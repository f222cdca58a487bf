"""Copying a function node by node, with a rule that may replace nodes on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from symcompile.ir.build import Builder
from symcompile.ir.graph import Function, Node

#: Given the new graph, a node of the old one and its new arguments: the new node, or None.
Rule = Callable[[Builder, Node, tuple[int, ...]], int | None]


def rewrite(function: Function, rule: Rule) -> Function:
    """Return ``function`` with each node that it needs copied, or replaced by the rule."""
    b = Builder()
    source = function.graph
    mapping: dict[int, int] = {}
    for index in source.ancestors(function.roots()):
        node = source[index]
        args = tuple(mapping[arg] for arg in node.args)
        replaced = rule(b, node, args)
        mapping[index] = b.copy_node(source, index, mapping) if replaced is None else replaced
        label = source.labels.get(index)
        if label is not None and b.graph[mapping[index]].args:
            b.graph.labels.setdefault(mapping[index], label)
    outputs = tuple(
        replace(output, entries=tuple(mapping[entry] for entry in output.entries))
        for output in function.outputs
    )
    return replace(function, graph=b.graph, outputs=outputs)
