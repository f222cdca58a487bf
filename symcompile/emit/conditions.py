"""Conditions taken apart: which comparisons have to come out how, and in what order to ask.

``(not a) and (b or c)`` is a tree of comparisons with the outcome wanted of each. Choices that
depend on the same comparisons can share their branches then, however their conditions are put
together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from symcompile.ir.graph import Graph

_LOGIC = frozenset({"and", "or", "not"})
#: A condition that mentions more comparisons than this is one by itself.
_MOST = 32


@dataclass(frozen=True)
class Condition:
    """That a comparison has an outcome, or that all or any of some conditions hold.

    Attributes:
        op: ``"is"``, ``"all"`` or ``"any"``.
        node: the comparison, of ``"is"``.
        outcome: what it has to be.
        parts: the conditions, at least two, of ``"all"`` and ``"any"``; later ones are asked
            where those before do not decide.
    """

    op: Literal["is", "all", "any"]
    node: int = -1
    outcome: bool = True
    parts: tuple[Condition, ...] = ()

    def negated(self) -> Condition:
        """Return the condition that holds where this one does not.

        >>> both = Condition("all", parts=(Condition("is", 1), Condition("is", 2, False)))
        >>> [(part.node, part.outcome) for part in both.negated().parts], both.negated().op
        ([(1, False), (2, True)], 'any')
        """
        if self.op == "is":
            return Condition("is", self.node, not self.outcome)
        parts = tuple(part.negated() for part in self.parts)
        return Condition("any" if self.op == "all" else "all", parts=parts)


class Conditions:
    """What is behind the conditions of straight-line code.

    What an outer choice asks comes first: an inner condition may be defined under it only, and
    the code of derivatives, which asks for both at once, then finds the branches of the formula.

    Args:
        graph: the graph.
        nodes: what is computed, each after what it needs.
    """

    def __init__(self, graph: Graph, nodes: Sequence[int]) -> None:
        size: dict[int, int] = {}
        self._leaves: dict[int, frozenset[int]] = {}
        for index in nodes:
            if graph[index].op in _LOGIC:
                args = graph[index].args
                count = sum(size.get(arg, 1) for arg in args)
                if count <= _MOST:
                    size[index] = count
                    self._leaves[index] = frozenset(n for arg in args for n in self.leaves(arg))
        #: The innermost choice of each comparison; nodes are in order, so outer ones are larger.
        self._inner: dict[int, int] = {}
        for index in nodes:
            if graph[index].op == "select":
                for leaf in self.leaves(graph[index].args[0]):
                    self._inner.setdefault(leaf, index)
        self._made: dict[int, Condition] = {}
        for index in self._leaves:  # in order: no recursion
            node = graph[index]
            parts = [self.of(arg) for arg in node.args]
            self._made[index] = (
                parts[0].negated() if node.op == "not" else self._joined(node.op, parts)
            )

    def leaves(self, node: int) -> Iterable[int]:
        """Return the comparisons that a truth value depends on."""
        return self._leaves.get(node, (node,))

    def compound(self, node: int) -> bool:
        """Return whether a node is logic that is taken apart."""
        return node in self._leaves

    def of(self, node: int) -> Condition:
        """Return the condition that a truth value is true."""
        return self._made.get(node) or Condition("is", node)

    def _joined(self, op: str, args: Sequence[Condition]) -> Condition:
        kind: Literal["all", "any"] = "all" if op == "and" else "any"
        parts: list[Condition] = []
        for arg in args:
            parts += arg.parts if arg.op == kind else [arg]
        parts = sorted(dict.fromkeys(parts), key=self._rank)
        return parts[0] if len(parts) == 1 else Condition(kind, parts=tuple(parts))

    def _rank(self, condition: Condition) -> tuple[int, int]:
        if condition.op == "is":
            return -self._inner.get(condition.node, 0), condition.node
        return min(self._rank(part) for part in condition.parts)
