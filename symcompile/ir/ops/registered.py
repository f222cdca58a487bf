"""Functions that a user has registered: their rows, and the text behind them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from symcompile.ir.build import Value
from symcompile.ir.graph import Graph, Input


class Sources(NamedTuple):
    """The text of a function in each language; nothing where it is an expression there."""

    python: str = ""
    numba: str = ""
    c: str = ""


#: What is behind each operation, by name.
SOURCES: dict[str, Sources] = {}
#: The SymPy function of each operation.
FUNCTIONS: dict[str, Any] = {}


def substituted(graph: Graph, root: int) -> Callable[..., Value]:
    """Return a derivative rule: ``root``, with the parameters of its graph for arguments."""

    def rule(g: Value, f: Value, *args: Value) -> Value:
        made: dict[int, int] = {}
        for index in graph.ancestors([root]):
            node = graph[index]
            if isinstance(node.data, Input):
                made[index] = args[node.data.slot].node
            else:
                made[index] = g.builder.copy_node(graph, index, made)
        return g * Value(g.builder, made[root])

    return rule
