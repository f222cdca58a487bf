"""Numerically stable forms in place of ones that overflow or cancel.

Runs before differentiation, so that derivatives are those of the stable form, and again after.
The rules stand in :mod:`symcompile.passes.stable`: a table of identities of real numbers, and
expansions of functions of one variable where terms cancel at zero or at infinity. What a rule
makes may be met by another one.

A form is not looked into again: what is ``refined`` holds the formula it was made from.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from symcompile.ir.build import Builder
from symcompile.ir.graph import BODY_OPS, STRUCTURAL, Function, Graph, Kind, Node
from symcompile.passes.rewrite import IN_BODY, copied, rewrite
from symcompile.passes.stable.curves import Curves
from symcompile.passes.stable.heads import heads_of
from symcompile.passes.stable.site import Site
from symcompile.passes.stable.table import BITS, BY_OP, rules_for
from symcompile.passes.stable.terms import apart

# What no rule is about.
_WHOLE = STRUCTURAL | BODY_OPS
_SUMS = ("add", "sub")
_FORMS = ("refined", "sloped", "detach")
# A chain of rules at one place ends here.
_MOST_STEPS = 4


@dataclass(frozen=True)
class Fired:
    """One application of a rule.

    Attributes:
        rule: its name.
        before: the operation as it stood, in the graph of the result.
        after: what stands there.
    """

    rule: str
    before: int
    after: int


class Tried:
    """Where rules have been tried in vain: what is found for one function serves the next.

    Attributes:
        nodes: the nodes of a graph, which only grows.
        whole: those of them that were tried as no terms of sums.
    """

    def __init__(self) -> None:
        self.nodes = set[int]()
        self.whole = set[int]()
        self._builder: Builder | None = None

    def add(self, node: int, inner: bool) -> None:
        """Note a node, and whether it was a term of a sum."""
        self.nodes.add(node)
        if not inner:
            self.whole.add(node)

    def update(self, other: Tried) -> None:
        """Note what has been found of the same graph."""
        self.nodes |= other.nodes
        self.whole |= other.whole

    def builder(self, graph: Graph) -> Builder:
        """Return a builder of the graph, which remembers what it finds of the nodes."""
        if self._builder is None or self._builder.graph is not graph:
            self._builder = Builder(graph)
        return self._builder


def recognise(
    function: Function,
    *,
    derived: bool = False,
    value_only: bool = False,
    trace: list[Fired] | None = None,
    tried: Tried | None = None,
    before: Tried | None = None,
) -> Function:
    """Return ``function`` with stable forms where their unstable spellings stood.

    Where there are none in a derivative, it is returned as it is.

    Args:
        function: what to rewrite.
        derived: whether derivatives have been taken: rules that make them dearer rest.
        value_only: whether no derivatives will be taken.
        trace: takes what fired, in order; nodes are those of the graph of the result.
        tried: takes the nodes of the result that no rule applies to.
        before: of a derivative, what is known of the nodes of its graph; takes what is found.
    """
    recogniser = _Recogniser(function, derived, value_only, trace, tried)
    if before is not None:
        recogniser.settle(before)
        if trace is None and recogniser.finds_nothing(before):
            return function
    return rewrite(function, recogniser.rule)


def rederived(function: Function, before: Tried | None = None) -> Function:
    """Return what :func:`recognise` makes of a derivative."""
    return recognise(function, derived=True, before=before)


class _Recogniser:
    def __init__(
        self,
        function: Function,
        derived: bool,
        value_only: bool,
        trace: list[Fired] | None,
        tried: Tried | None,
    ) -> None:
        self.derived, self.trace = derived, trace
        self.tried = Tried() if tried is None else tried
        self.graph = graph = function.graph
        self.order = order = graph.ancestors(function.roots())
        self.closed = _closed(graph, order)
        self.inner = _inner_sums(graph, order)
        self.curves = Curves(function, order, 0 if value_only else 2)
        self.settled = _none(graph)

    def settle(self, before: Tried) -> None:
        """Find the nodes of which it is known that no rule applies, nor to what they are made of.

        These are those on which rules have been tried, but for the sums that were terms of others
        then and are not now.
        """
        nodes = self.graph.nodes
        known = _none(self.graph)
        for index in self.order:
            op, args, data, _, _ = nodes[index]
            if not args:
                known[index] = index not in self.curves
            elif index in before.nodes and all(known[arg] for arg in args):
                same = op not in _SUMS or self.inner[index] or index in before.whole
                known[index] = same and index not in self.curves
                self.settled[index] = known[index] and data is None

    def finds_nothing(self, before: Tried) -> bool:
        """Return whether no rule applies to any node; what is found on the way is kept.

        Most derivatives have no stable forms but those of the formula, and need not be copied.
        """
        if self.curves:
            return False
        nodes = self.graph.nodes
        b = before.builder(self.graph)
        self.tried = Tried()
        nothing = True
        for index in self.order:
            args = nodes[index].args
            if self.settled[index] or not (args or nodes[index].op in STRUCTURAL):
                continue
            if copied(b, self.graph, index, args, self.rule) != index:
                nothing = False
                break
            self.settled[index] = nodes[index].data is None
        before.update(self.tried)
        self.tried = Tried()
        return nothing

    def rule(self, b: Builder, node: Node, args: tuple[int, ...], place: int) -> int | None:
        op = node.op
        if not args or op in _WHOLE or self.closed[place]:
            return None
        if self.settled[place]:
            return b.graph.copied(node, args)
        made = self.rewritten(b, op, args, place)
        if place not in self.curves or op in _FORMS:
            return made
        curve = self.curves.better(b, made)
        if curve is None:
            return made
        self.note(curve.rule, made, curve.node)
        return curve.node

    def rewritten(self, b: Builder, op: str, args: tuple[int, ...], place: int) -> int:
        """Return the node for an operation, made better by rules until none applies."""
        inner = bool(self.inner[place])
        found: int | None = None
        for _ in range(_MOST_STEPS):
            made = self.once(b, op, args, inner)
            if made is None and found is None:
                plain = b.call(op, *args)
                simple = b.graph[plain]
                if simple.op != op:  # as a power with a negative exponent is a quotient
                    made = self.once(b, simple.op, simple.args, inner)
                if made is None:
                    if place != IN_BODY:
                        self.tried.add(plain, inner)
                    return plain
            if made is None:
                break
            found = made
            op, args = b.graph[made].op, b.graph[made].args
        assert found is not None
        return found

    def once(self, b: Builder, op: str, args: tuple[int, ...], inner: bool) -> int | None:
        if op not in BY_OP:
            return None
        nodes = b.graph.nodes
        complex = False
        for arg in args:
            if nodes[arg].kind is Kind.COMPLEX:
                complex = True
        heads = heads_of(b, BITS).of(op, args)
        rules, without_two = rules_for(op, heads, complex, self.derived, inner)
        if len(without_two) < len(rules) and apart(b, *args):
            rules = without_two
        if not rules:
            return None
        site = Site(b, op, args, self.derived)
        for rule in rules:
            made = rule.apply(site)
            if made is None:
                continue
            before = b.graph.add(op, args)
            if made.node != before:
                self.note(rule.name, before, made.node)
                return made.node
        return None

    def note(self, rule: str, before: int, after: int) -> None:
        if self.trace is not None:
            self.trace.append(Fired(rule, before, after))


def _none(graph: Graph) -> bytearray:
    """Return a flag for each node of a graph, and a last one for nodes that are in bodies."""
    return bytearray(len(graph) + 1)


def _inner_sums(graph: Graph, order: Iterable[int]) -> bytearray:
    """Return which nodes are terms of sums."""
    found = _none(graph)
    nodes = graph.nodes
    for index in order:
        op, args, _, _, _ = nodes[index]
        if op in _SUMS:
            for arg in args:
                found[arg] = 1
    return found


def _closed(graph: Graph, order: Iterable[int]) -> bytearray:
    """Return which nodes are within stable forms, and stay as they are."""
    nodes = graph.nodes
    within: list[int] = []
    for index in order:
        op, args, _, _, _ = nodes[index]
        if op == "refined":
            within += args
        elif op == "sloped":
            within.append(args[2])
    found = _none(graph)
    for index in graph.ancestors(within):
        found[index] = 1
    return found


__all__ = ["Fired", "Tried", "recognise", "rederived"]
