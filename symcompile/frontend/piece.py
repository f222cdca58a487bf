"""One piece of a graph raised to a SymPy expression, looked at in a place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import sympy as sp

from symcompile.frontend.raised_bodies import raise_body
from symcompile.frontend.raised_ops import raise_op, raise_reduction
from symcompile.ir.affine import Affine
from symcompile.ir.body import Body
from symcompile.ir.graph import BODY_OPS, REDUCTIONS, Axis
from symcompile.ir.indices import (
    Bound,
    Place,
    chosen_index,
    reduced,
    scattered,
    source_place,
)

if TYPE_CHECKING:
    from symcompile.frontend.raiser import Raiser


class Look(NamedTuple):
    """A node looked at in a place, among letters that stand for something already."""

    node: int
    place: Place
    scope: frozenset[str]


class Piece:
    """One piece of a graph being raised.

    Sums and products are kept as lists of their parts until something else needs them: SymPy
    would distribute ``2*(x + y)`` before it saw the other factors, and flatten a long chain
    again at each link.
    """

    def __init__(self, raiser: Raiser, root: Look) -> None:
        self.raiser = raiser
        self.root = root
        self.made: dict[Look, Any] = {}
        self.terms: dict[Look, list[Any]] = {}
        self.factors: dict[Look, list[Any]] = {}
        self._args: dict[Look, list[Look]] = {}
        self._bound: dict[Look, Bound] = {}

    def expression(self) -> Any:
        """Return the root."""
        pending = [self.root]
        while pending:
            look = pending.pop()
            if look in self._args:
                continue
            cut = look != self.root and self.raiser.cut(look.node)
            self._args[look] = [] if cut else self._looks(look)
            if cut:
                self.made[look] = self.raiser.symbol(look.node, look.place)
            pending += self._args[look]
        for look in sorted(self._args, key=lambda look: look.node):  # arguments stand first
            if look not in self.made:
                self._add(look)
        return self._made(self.root)

    def _looks(self, look: Look) -> list[Look]:
        """Return where a node looks at its arguments."""
        raiser, (node, place, scope) = self.raiser, look
        graph, letters = raiser.graph, raiser.letters
        found = graph[node]
        if letters is None:
            return [Look(arg, (), scope) for arg in found.args]

        def gathered(arg: int, at: Place) -> Affine:
            return raiser.gathered(arg, at, scope)

        if found.op == "view":
            return [self._look(found.args[0], source_place(graph, node, place, gathered), scope)]
        if found.op in REDUCTIONS or found.op == "scatter":
            if found.op == "scatter":
                bound = scattered(graph, node, place, scope, letters, gathered)
            else:
                bound = reduced(graph, node, place, scope, letters)
            self._bound[look] = bound
            inner = scope | {letter for letter, _ in bound.ranges}
            return [self._look(found.args[0], bound.place, inner)]
        return [self._look(arg, place, scope) for arg in found.args]

    def _look(self, node: int, place: Place, scope: frozenset[str]) -> Look:
        return Look(node, place if self.raiser.graph[node].axes else (), scope)

    def _made(self, look: Look) -> Any:
        if look not in self.made:
            if look in self.terms:
                self.made[look] = sp.Add(*self.terms[look])
            else:
                self.made[look] = sp.Mul(*self.factors[look])
        return self.made[look]

    def _add(self, look: Look) -> None:
        """Raise one node; its arguments have been."""
        raiser, args = self.raiser, self._args[look]
        op = raiser.graph[look.node].op
        if op in ("const", "input", "extent", "index", "delta"):
            self.made[look] = raiser.leaf(look)
        elif op == "view":
            for parts in (self.made, self.terms, self.factors):
                if args[0] in parts:
                    parts[look] = parts[args[0]]
        elif op in ("add", "sub"):
            second = self._terms(args[1])
            signed = second if op == "add" else [-term for term in second]
            self.terms[look] = self._terms(args[0]) + signed
        elif op == "neg" and args[0] in self.terms:
            self.terms[look] = [-term for term in self.terms[args[0]]]
        elif op == "neg":
            self.factors[look] = [sp.S.NegativeOne, *self._factors(args[0])]
        elif op == "mul":
            self.factors[look] = self._factors(args[0]) + self._factors(args[1])
        elif op == "div":
            self.factors[look] = [*self._factors(args[0]), 1 / self._made(args[1])]
        elif op in REDUCTIONS or op == "scatter":
            self.made[look] = self._reduced(look, op)
        elif chosen_index(raiser.graph, look.node) is not None and self._args[args[0]]:
            self.made[look] = sp.KroneckerDelta(*map(self._made, self._args[args[0]]))
        elif op in BODY_OPS:
            body = raiser.graph[look.node].data
            assert isinstance(body, Body)
            self.made[look] = raise_body(op, body, [self._made(arg) for arg in args], raiser.floats)
        elif op == "powi":
            exponent = raiser.leaf(args[1], exponent=True)
            self.made[look] = sp.Pow(self._made(args[0]), exponent)
        elif op == "polygamma" and raiser.graph[args[0].node].op == "const":
            order = raiser.leaf(args[0], exponent=True)
            self.made[look] = sp.polygamma(order, self._made(args[1]))
        else:
            self.made[look] = raise_op(op, [self._made(arg) for arg in args])

    def _reduced(self, look: Look, op: str) -> Any:
        raiser, (body,) = self.raiser, self._args[look]
        bound = self._bound.get(look)
        if bound is None:  # without letters
            axis = raiser.graph[body.node].axes[0]
            bound = Bound((), (("i", axis),))
        deltas = [
            sp.KroneckerDelta(*(raiser.affine(side) for side in pair)) for pair in bound.where
        ]
        inside = sp.Mul(*deltas, self._made(body)) if deltas else self._made(body)
        if not bound.ranges:
            return inside
        limits = [(raiser.affine(Affine.of(name)), 0, _last(raiser, a)) for name, a in bound.ranges]
        if not raiser.factored or op not in ("reduce_sum", "scatter"):
            return raise_reduction(op, inside, limits)
        index = {limit[0] for limit in limits}
        parts = sp.Mul.make_args(inside)
        outer = [part for part in parts if not index & part.free_symbols]
        if len(outer) == len(parts):
            return sp.Mul(*outer, *(raiser.affine(axis.extent) for _, axis in bound.ranges))
        inner = sp.Mul(*(part for part in parts if index & part.free_symbols))
        return sp.Mul(*outer, raise_reduction(op, inner, limits))

    def _terms(self, look: Look) -> list[Any]:
        return self.terms[look] if look in self.terms else [self._made(look)]

    def _factors(self, look: Look) -> list[Any]:
        return self.factors[look] if look in self.factors else [self._made(look)]


def _last(raiser: Raiser, axis: Axis) -> Any:
    return raiser.affine(axis.extent - 1)
