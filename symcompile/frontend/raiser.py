"""IR -> SymPy.

A graph written out as one expression can be exponential in size and deeper than SymPy's
recursion. So a big one is cut into pieces: a node that is used more than once, or that the user
named, or where a piece becomes too large or too deep, becomes a named intermediate. The cuts are
decided on the IR, in one walk; only pieces that are looked at are made in SymPy.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy as sp

from symcompile.frontend.raised_ops import float_values, raise_number, raise_op
from symcompile.ir.graph import BOOLEAN_OPS, Graph, Input
from symcompile.naming import identifier

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
            symbol of one that varies with the sample is an element ``t0[i]`` where samples
            are indexed.
        results: one expression for each root.
    """

    intermediates: tuple[tuple[Any, Any], ...]
    results: tuple[Any, ...]


def raise_nodes(
    graph: Graph,
    roots: Sequence[int],
    leaves: Mapping[Input, Any],
    *,
    index: sp.Symbol | None = None,
    extent: sp.Symbol | None = None,
    floats: Collection[Fraction] | None = None,
    piece: int = _PIECE,
) -> Raised:
    """Return nodes as SymPy expressions.

    Args:
        graph: the graph.
        roots: the nodes wanted.
        leaves: what each input is called.
        index: the index of samples, for sums and for intermediates that vary with the sample;
            such leaves should be elements ``x[index]``. None leaves the index out.
        extent: the number of samples, ``n`` if None.
        floats: constants to raise as Floats; None judges by their values.
        piece: the most operations of one expression where there are intermediates.

    Example:
        >>> graph = Graph()
        >>> x = graph.input("param", 0)
        >>> root = graph.add("mul", (x, graph.add("sin", (x,))))
        >>> raise_nodes(graph, [root], {Input("param", 0): sp.Symbol("x")}).results
        (x*sin(x),)
    """
    raiser = Raiser(graph, roots, leaves, index=index, extent=extent, floats=floats, piece=piece)
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
        index: sp.Symbol | None = None,
        extent: sp.Symbol | None = None,
        floats: Collection[Fraction] | None = None,
        piece: int = _PIECE,
    ) -> None:
        self.graph = graph
        self.index = index
        self.extent = sp.Symbol("n", integer=True, positive=True) if extent is None else extent
        self._leaves = leaves
        self._order = graph.ancestors(roots)
        self._floats = float_values(graph, self._order) if floats is None else floats
        #: The nodes that are named intermediates, in order.
        self.cuts = self._plan(roots, piece)
        taken = {_bare(symbol) for symbol in leaves.values()} | {str(self.extent), str(index)}
        self._names = dict(zip(self.cuts, self._cut_names(taken), strict=True))
        self.symbols = {node: self._symbol(node) for node in self.cuts}

    def _plan(self, roots: Sequence[int], piece: int) -> list[int]:
        graph, order = self.graph, self._order
        uses: dict[int, int] = dict.fromkeys(order, 0)
        written_out: dict[int, int] = {}
        for node in order:
            args = graph[node].args
            for arg in args:
                uses[arg] += 1
            total = bool(args) + sum(written_out[arg] for arg in args)
            written_out[node] = min(total, _MANY)
        if sum(written_out[root] for root in roots) <= SMALL:
            return []
        mentions: dict[int, int] = {}
        for root in roots:
            mentions[root] = mentions.get(root, 0) + 1

        cuts: list[int] = []
        size: dict[int, int] = {}
        depth: dict[int, int] = {}
        for node in order:
            found = graph[node]
            size[node] = bool(found.args) + sum(size[arg] for arg in found.args)
            depth[node] = self._depth(node, depth)
            if size[node] <= 1 or (not uses[node] and mentions.get(node, 0) == 1):
                continue
            shared = uses[node] + mentions.get(node, 0) > 1
            large = size[node] > piece or depth[node] > _DEPTH
            if shared or large or node in graph.labels:
                cuts.append(node)
                size[node] = depth[node] = 0
        return cuts

    def _depth(self, node: int, depth: Mapping[int, int]) -> int:
        """Return how deep SymPy nests a node: it flattens sums of sums and so on."""
        layer = _LAYER.get(self.graph[node].op)
        deepest = 0
        for arg in self.graph[node].args:
            same = layer is not None and _LAYER.get(self.graph[arg].op) == layer
            deepest = max(deepest, depth[arg] + (not same))
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

    def _symbol(self, node: int) -> Any:
        name, found = self._names[node], self.graph[node]
        if not found.axes or self.index is None:
            return sp.Symbol(name)
        if found.op in BOOLEAN_OPS:  # an element cannot be a condition, a symbol can
            return sp.Symbol(f"{name}[{self.index}]")
        return sp.IndexedBase(name)[self.index]

    def intermediates(self) -> Iterator[tuple[Any, Any]]:
        """Yield each intermediate and its expression, made as it is asked for."""
        for node in self.cuts:
            yield self.symbols[node], self._raise(node)

    def expression(self, node: int) -> Any:
        """Return the expression of a root."""
        return self.symbols[node] if node in self.symbols else self._raise(node)

    def _raise(self, root: int) -> Any:
        piece = _Piece(self, root)
        for node in self._members(root):
            piece.add(node)
        return piece.expression(root)

    def _members(self, root: int) -> list[int]:
        """Return the nodes of the piece that ends in ``root``, in order."""
        found, stack = {root}, [root]
        while stack:
            for arg in self.graph[stack.pop()].args:
                if arg not in found and arg not in self.symbols:
                    found.add(arg)
                    stack.append(arg)
        return sorted(found)

    def leaf(self, node: int, exponent: bool = False) -> Any:
        """Return a constant, an input or an extent; an exponent stays a whole number."""
        found = self.graph[node]
        if found.op == "const":
            inexact = not exponent and found.data in self._floats
            return raise_number(found.data, inexact)  # type: ignore[arg-type]
        if found.op == "input":
            return self._leaves[found.data]  # type: ignore[index]
        return self.extent


class _Piece:
    """One piece of a graph being raised.

    Sums and products are kept as lists of their parts until something else needs them: SymPy
    would distribute ``2*(x + y)`` before it saw the other factors, and flatten a long chain
    again at each link.
    """

    def __init__(self, raiser: Raiser, root: int) -> None:
        self.raiser = raiser
        self.root = root
        self.made: dict[int, Any] = {}
        self.terms: dict[int, list[Any]] = {}
        self.factors: dict[int, list[Any]] = {}

    def expression(self, node: int) -> Any:
        """Return a node of this piece, or the symbol of an intermediate."""
        if node != self.root and node in self.raiser.symbols:
            return self.raiser.symbols[node]
        if node not in self.made:
            if node in self.terms:
                self.made[node] = sp.Add(*self.terms[node])
            else:
                self.made[node] = sp.Mul(*self.factors[node])
        return self.made[node]

    def add(self, node: int) -> None:
        """Raise one node; its arguments have been."""
        raiser = self.raiser
        found = raiser.graph[node]
        op, args = found.op, found.args
        if op in ("const", "input", "extent"):
            self.made[node] = raiser.leaf(node)
        elif op in ("add", "sub"):
            second = self._terms(args[1])
            signed = second if op == "add" else [-term for term in second]
            self.terms[node] = self._terms(args[0]) + signed
        elif op == "neg" and args[0] in self.terms:
            self.terms[node] = [-term for term in self.terms[args[0]]]
        elif op == "neg":
            self.factors[node] = [sp.S.NegativeOne, *self._factors(args[0])]
        elif op == "mul":
            self.factors[node] = self._factors(args[0]) + self._factors(args[1])
        elif op == "div":
            self.factors[node] = [*self._factors(args[0]), 1 / self.expression(args[1])]
        elif op == "reduce_sum":
            index = raiser.index or sp.Symbol("i", integer=True)
            body = self.expression(args[0])
            self.made[node] = sp.Sum(body, (index, 0, raiser.extent - 1))
        elif op == "powi":
            exponent = raiser.leaf(args[1], exponent=True)
            self.made[node] = sp.Pow(self.expression(args[0]), exponent)
        elif op == "polygamma":
            order = raiser.leaf(args[0], exponent=True)
            self.made[node] = sp.polygamma(order, self.expression(args[1]))
        else:
            self.made[node] = raise_op(op, [self.expression(arg) for arg in args])

    def _terms(self, node: int) -> list[Any]:
        return self.terms[node] if node in self.terms else [self.expression(node)]

    def _factors(self, node: int) -> list[Any]:
        return self.factors[node] if node in self.factors else [self.expression(node)]


def _bare(symbol: Any) -> str:
    return str(symbol.base) if isinstance(symbol, sp.Indexed) else str(symbol)


def safe_name(name: str) -> str:
    """Return a name as it may stand in a comment, a docstring or a formula.

    >>> safe_name("λ_1"), safe_name('x\"\"\"; import os')
    ('λ_1', 'x_import_os')
    """
    return name if re.fullmatch(r"\w+", name) else identifier(name)


def distinct(names: Iterable[str], taken: Iterable[str] = ()) -> list[str]:
    """Return safe names, numbered where two are equal.

    >>> distinct(["x", "x", "y"])
    ['x', 'x_2', 'y']
    """
    used = set(taken)
    found = []
    for name in names:
        wish = base = safe_name(name)
        count = 1
        while wish in used:
            count += 1
            wish = f"{base}_{count}"
        used.add(wish)
        found.append(wish)
    return found


def unused(wishes: Iterable[str], taken: Collection[str]) -> str:
    """Return the first wish that is not taken, else the last one with a number."""
    last = ""
    for last in wishes:
        if last not in taken:
            return last
    return distinct([last], taken)[0]
