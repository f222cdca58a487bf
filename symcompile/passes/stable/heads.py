"""Which operations the terms of a sum and the factors of a product are: what rules are found by.

A rule about ``exp(x) - exp(y)`` need not be tried where no term holds an exponential. Each node
has two sets, one of what it is a sum of and one of what it is a product of, found once from those
of its arguments. They are the bits of numbers; only operations that some rule asks for have one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from symcompile.ir.algebra import exact
from symcompile.ir.build import Builder
from symcompile.ir.graph import Graph, Node

_SUMS = ("add", "sub", "neg")
_PRODUCTS = ("mul", "div", "neg")


class Heads:
    """The heads of every node of a graph that grows.

    Args:
        graph: the graph.
        bits: a number with one bit for each operation that is looked for.
    """

    __slots__ = ("_bits", "_graph", "_products", "_sums")

    def __init__(self, graph: Graph, bits: Mapping[str, int]) -> None:
        self._graph, self._bits = graph, bits
        self._sums: list[int] = []
        self._products: list[int] = []

    def of(self, op: str, args: tuple[int, ...]) -> int:
        """Return the heads of an operation: of a sum those of its terms, else of its factors."""
        self._extend()
        found = 0
        each = self._sums if op in _SUMS else self._products
        for arg in args:
            found |= each[arg]
        return found

    def _extend(self) -> None:
        graph, sums, products = self._graph, self._sums, self._products
        for index in range(len(sums), len(graph)):
            node = graph[index]
            product = self._bits.get(node.op, 0)
            if node.op in _PRODUCTS:
                for arg in node.args:
                    product |= products[arg]
            elif node.op in ("powi", "view"):  # what rules look behind
                product |= products[node.args[0]]
            products.append(product)
            sums.append(self._of_terms(node, product))

    def _of_terms(self, node: Node, product: int) -> int:
        if node.op in _SUMS:
            found = 0
            for arg in node.args:
                found |= self._sums[arg]
            return found
        if node.op == "mul" and exact(self._graph, node.args[0]) is not None:
            return self._sums[node.args[1]]
        if node.op == "div" and exact(self._graph, node.args[1]) is not None:
            return self._sums[node.args[0]]
        return product


def numbered(ops: Iterable[str]) -> dict[str, int]:
    """Return a number with one bit for each operation."""
    return {op: 1 << k for k, op in enumerate(sorted(set(ops)))}


def heads_of(b: Builder, bits: Mapping[str, int]) -> Heads:
    """Return the heads of the graph that ``b`` makes."""
    found: Heads | None = b.memo.get(("heads", 0))
    if found is None:
        found = b.memo["heads", 0] = Heads(b.graph, bits)
    return found
