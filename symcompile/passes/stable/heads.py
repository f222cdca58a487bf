"""Which operations the terms of a sum and the factors of a product are: what rules are found by.

A rule about ``exp(x) - exp(y)`` need not be tried where no term holds an exponential. Each node
has two sets, one of what it is a sum of and one of what it is a product of, found once from those
of its arguments. They are the bits of numbers; only operations that some rule asks for have one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

from symcompile.ir.build import Builder
from symcompile.ir.graph import Graph

_SUMS = ("add", "sub")
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
        if len(self._sums) < len(self._graph.nodes):
            self._extend()
        found = 0
        each = self._sums if op in _SUMS or op == "neg" else self._products
        for arg in args:
            found |= each[arg]
        return found

    def _extend(self) -> None:
        nodes, bits = self._graph.nodes, self._bits
        sums, products = self._sums, self._products
        for index in range(len(sums), len(nodes)):
            op, args, _, _, _ = nodes[index]
            product = terms = bits.get(op, 0)
            if op in _PRODUCTS:
                for arg in args:
                    product |= products[arg]
                terms = product
                if op == "mul":
                    if type(nodes[args[0]].data) is Fraction:
                        terms = sums[args[1]]
                elif op == "neg" or type(nodes[args[1]].data) is Fraction:
                    terms = sums[args[0]]
            elif op in _SUMS:
                terms = sums[args[0]] | sums[args[1]]
            elif op in ("powi", "view"):  # what rules look behind
                product |= products[args[0]]
                terms = product
            products.append(product)
            sums.append(terms)


def numbered(ops: Iterable[str]) -> dict[str, int]:
    """Return a number with one bit for each operation."""
    return {op: 1 << k for k, op in enumerate(sorted(set(ops)))}


def heads_of(b: Builder, bits: Mapping[str, int]) -> Heads:
    """Return the heads of the graph that ``b`` makes."""
    found: Heads | None = b.memo.get(("heads", 0))
    if found is None:
        found = b.memo["heads", 0] = Heads(b.graph, bits)
    return found
