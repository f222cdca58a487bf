"""IR -> SymPy.

A graph written out as one expression can be exponential in size and deeper than SymPy's
recursion. So a big one is cut into pieces: a node that is used more than once, or that the user
named, or where a piece becomes too large or too deep, becomes a named intermediate. The cuts are
decided on the IR, in one walk; only pieces that are looked at are made in SymPy.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy as sp

from symcompile.frontend.piece import Look, Piece
from symcompile.frontend.raised_ops import (
    Element,
    float_values,
    index_symbol,
    raise_number,
    size_symbol,
)
from symcompile.ir.affine import Affine
from symcompile.ir.graph import BOOLEAN_OPS, REDUCTIONS, Graph, Input
from symcompile.ir.indices import (
    Letters,
    Place,
    chosen_index,
    distinct,
    equation,
    mentioned,
    placed,
    safe_name,
    vanishes,
)

__all__ = ["Raised", "Raiser", "distinct", "raise_nodes", "safe_name", "unused"]

#: A graph of at most this many operations, written out, needs no intermediates.
SMALL = 60
# The most operations and levels of one piece; SymPy overflows at a hundred levels or so.
_PIECE = 60
_DEPTH = 24
_MANY = 1 << 20  # sizes are counted no further

_LAYER = {"add": "sum", "sub": "sum", "mul": "product", "div": "product", "neg": "product"}


@dataclass(frozen=True)
class Raised:
    """Expressions with named intermediates.

    Attributes:
        intermediates: ``(symbol, expression)`` in order; each uses only those before it. The
            symbol of one that has axes is an element ``t0[i]`` where there are indices.
        results: one expression for each root.
    """

    intermediates: tuple[tuple[Any, Any], ...]
    results: tuple[Any, ...]


def raise_nodes(
    graph: Graph,
    roots: Sequence[int],
    leaves: Mapping[Input, Any],
    *,
    letters: Letters | None = None,
    sizes: Mapping[str, Any] | None = None,
    floats: Collection[Fraction] | None = None,
    piece: int = _PIECE,
    factored: bool = False,
) -> Raised:
    """Return nodes as SymPy expressions.

    Args:
        graph: the graph.
        roots: the nodes wanted; one with axes is returned in the indices of its
            ``letters.distinct``.
        leaves: what each input is called; an array is an
            :class:`~symcompile.frontend.raised_ops.Element`.
        letters: chooses indices. None leaves them out: what varies with the sample looks like
            what does not.
        sizes: symbols for the names of sizes.
        floats: constants to raise as Floats; None judges by their values.
        piece: the most operations of one expression where there are intermediates.
        factored: whether factors without the index of a sum are written in front of it.

    Example:
        >>> graph = Graph()
        >>> x = graph.input("param", 0)
        >>> root = graph.add("mul", (x, graph.add("sin", (x,))))
        >>> raise_nodes(graph, [root], {Input("param", 0): sp.Symbol("x")}).results
        (x*sin(x),)
    """
    raiser = Raiser(graph, roots, leaves, letters=letters, sizes=sizes, floats=floats, piece=piece)
    raiser.factored = factored
    intermediates = tuple(raiser.intermediates())
    return Raised(intermediates, tuple(raiser.expression(root) for root in roots))


class Raiser:
    """Decides where to cut a graph, and raises the pieces that are asked for.

    The arguments are those of :func:`raise_nodes`.
    """

    def __init__(
        self,
        graph: Graph,
        roots: Sequence[int],
        leaves: Mapping[Input, Any],
        *,
        letters: Letters | None = None,
        sizes: Mapping[str, Any] | None = None,
        floats: Collection[Fraction] | None = None,
        piece: int = _PIECE,
    ) -> None:
        self.graph = graph
        self.letters = letters
        #: Whether factors without the index of a sum are written in front of it.
        self.factored = False
        self._leaves = leaves
        self._order = graph.ancestors(roots)
        self._floats = float_values(graph, self._order) if floats is None else floats
        #: What the variables of places stand for: sizes, letters, and indices read from data.
        self._variables: dict[str, Any] = {
            **{name: size_symbol(name) for name in _sizes(graph, self._order)},
            **(sizes or {}),
        }
        #: The nodes that are named intermediates, in order.
        self.cuts = self._plan(roots, piece)
        taken = {_bare(symbol) for symbol in leaves.values()}
        taken |= {str(size) for size in self._variables.values()}
        taken |= set(letters.used if letters is not None else ())
        self._names = dict(zip(self.cuts, self._cut_names(taken), strict=True))
        #: The symbol of each intermediate, in indices of its own.
        self.symbols = {node: self.symbol(node, self.place(node)) for node in self.cuts}

    def _plan(self, roots: Sequence[int], piece: int) -> list[int]:
        graph, order, nodes = self.graph, self._order, self.graph.nodes
        written_out: dict[int, int] = {}
        for node in order:
            total = 1 if _is_operation(graph, node) else 0
            for arg in nodes[node].args:
                total += written_out[arg]
            written_out[node] = total if total < _MANY else _MANY
        forced = self._forced() if self.letters is not None else set()
        if sum(written_out[root] for root in roots) <= SMALL:
            return sorted(forced)
        mentions = mentioned(graph, order, roots)
        lone = {root for root in roots if mentions[root] == 1}

        cuts: list[int] = []
        size: dict[int, int] = {}
        depth: dict[int, int] = {}
        for node in order:
            total = 1 if _is_operation(graph, node) else 0
            for arg in nodes[node].args:
                total += size[arg]
            size[node] = total
            depth[node] = self._depth(node, depth)
            if size[node] <= 1 or node in lone or vanishes(graph, node):
                continue
            shared = mentions[node] > 1
            large = size[node] > piece or depth[node] > _DEPTH
            if shared or large or node in graph.labels or node in forced:
                cuts.append(node)
                size[node] = depth[node] = 0
        return cuts

    def _forced(self) -> set[int]:
        """Return the sums with a choice in them that lie within another sum or a condition.

        SymPy would pull the choice out of both, although it depends on an index of the inner one.
        """
        graph = self.graph
        inside: set[int] = set()
        for node in reversed(self._order):
            op = graph[node].op
            if node in inside or op in REDUCTIONS or op == "scatter" or op in BOOLEAN_OPS:
                inside.update(graph[node].args)
        choosing: set[int] = set()
        found: set[int] = set()
        for node in self._order:
            op, args = graph[node].op, graph[node].args
            chooses = op == "select" and chosen_index(graph, node) is None
            if not chooses and not any(arg in choosing for arg in args):
                continue
            if node in inside and (op in REDUCTIONS or op == "scatter"):
                found.add(node)
            else:
                choosing.add(node)
        return found

    def _depth(self, node: int, depth: Mapping[int, int]) -> int:
        """Return how deep SymPy nests a node: it flattens sums of sums and so on."""
        nodes = self.graph.nodes
        op, args, _, _, _ = nodes[node]
        layer = _LAYER.get(op)
        deepest = 0
        for arg in args:
            below = depth[arg]
            if layer is None or _LAYER.get(nodes[arg].op) != layer:
                below += 1
            if below > deepest:
                deepest = below
        return deepest

    def _cut_names(self, taken: set[str]) -> Iterator[str]:
        number = 0
        for node in self.cuts:
            label = self.graph.labels.get(node)
            if label is not None and safe_name(label) not in taken:
                name = safe_name(label)
            else:
                while f"t{number}" in taken:
                    number += 1
                name = f"t{number}"
            taken.add(name)
            yield name

    def place(self, node: int) -> Place:
        """Return where a root or an intermediate is looked at."""
        return () if self.letters is None else self.letters.place(self.graph[node].axes)

    def symbol(self, node: int, place: Place) -> Any:
        """Return an intermediate as it is mentioned in a place."""
        name = self._names[node]
        if not place:
            return sp.Symbol(name)
        indices = [self.affine(index) for index in place]
        if self.graph[node].op in BOOLEAN_OPS:  # an element cannot be a condition, a symbol can
            return sp.Symbol(f"{name}[{', '.join(map(str, indices))}]")
        return sp.IndexedBase(name)[tuple(indices)]

    def affine(self, value: Affine) -> Any:
        """Return an index or a size."""
        terms = [c * self._variable(str(var)) for var, c in value.terms]
        return sp.Add(sp.Integer(value.const), *terms)

    def _variable(self, name: str) -> Any:
        if name not in self._variables:
            self._variables[name] = index_symbol(name)
        return self._variables[name]

    def gathered(self, node: int, place: Place, scope: frozenset[str]) -> Affine:
        """Return the index that a node holds in a place."""
        place = place if self.graph[node].axes else ()
        if self.graph[node].op in ("index", "extent"):
            return placed(self.graph, node, place)
        expr = self._at(Look(node, place, scope))
        name = str(expr)
        self._variables[name] = expr
        return Affine.of(name)

    def _at(self, look: Look) -> Any:
        if look.node in self._names:
            return self.symbol(look.node, look.place)
        return Piece(self, look).expression()

    def intermediates(self) -> Iterator[tuple[Any, Any]]:
        """Yield each intermediate and its expression, made as it is asked for."""
        for node in self.cuts:
            yield self.symbols[node], Piece(self, self._own(node)).expression()

    def expression(self, node: int) -> Any:
        """Return the expression of a root."""
        return self._at(self._own(node))

    def _own(self, node: int) -> Look:
        place = self.place(node)
        letters = frozenset(str(var) for index in place for var, _ in index.terms)
        return Look(node, place, letters)

    def cut(self, node: int) -> bool:
        """Return whether a node is a named intermediate."""
        return node in self._names

    @property
    def floats(self) -> Collection[Fraction]:
        """The values that are written as floats."""
        return self._floats

    def leaf(self, look: Look, exponent: bool = False) -> Any:
        """Return a constant, an input, a size or an index; an exponent stays a whole number."""
        found = self.graph[look.node]
        if found.op == "const":
            inexact = not exponent and found.data in self._floats
            return raise_number(found.data, inexact)  # type: ignore[arg-type]
        if found.op == "input":
            leaf = self._leaves[found.data]  # type: ignore[index]
            if isinstance(leaf, Element):
                return leaf.at([self.affine(index) for index in look.place])
            return leaf
        value = placed(self.graph, look.node, look.place)
        if found.op != "delta":
            return self.affine(value)
        left, right = equation(value, self.letters.sizes if self.letters is not None else ())
        return sp.KroneckerDelta(self.affine(left), self.affine(right))


def _sizes(graph: Graph, order: Iterable[int]) -> Iterator[str]:
    for node in order:
        _, _, data, axes, _ = graph.nodes[node]
        for axis in axes:
            yield from axis.extent.sizes
        if type(data) is Affine:
            yield from data.sizes


def _is_operation(graph: Graph, node: int) -> bool:
    op, args, _, _, _ = graph.nodes[node]
    return bool(args) and not (op == "view" and vanishes(graph, node))


def _bare(symbol: Any) -> str:
    return str(symbol.base) if isinstance(symbol, sp.Indexed | Element) else str(symbol)


def unused(wishes: Iterable[str], taken: Collection[str]) -> str:
    """Return the first wish that is not taken, else the last one with a number."""
    last = ""
    for last in wishes:
        if last not in taken:
            return last
    return distinct([last], taken)[0]
