"""A first look at a formula in index notation: its indices, its sizes, how arrays are used."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import sympy as sp
from sympy.matrices.expressions.matexpr import MatrixElement

from symcompile.errors import DefinitionError
from symcompile.frontend.brief import brief


class Subscript(NamedTuple):
    """One use of an array: ``expr`` is ``base[indices]``."""

    expr: Any
    base: Any
    indices: tuple[Any, ...]


class Survey:
    """What stands in expressions, each object looked at once.

    Attributes:
        bound: variables of sums and products.
        variables: variables of functions.
        ranged: the Idx objects.
        subscripts: each use of an array or of a matrix by its entries.
        shown: symbols in shapes, in the order in which they were met.
        limits: symbols in the limits of sums and products.
        indexing: symbols in subscripts.
    """

    def __init__(self) -> None:
        self.bound: dict[Any, None] = {}
        self.variables: dict[Any, None] = {}
        self.ranged: dict[Any, None] = {}
        self.subscripts: list[Subscript] = []
        self.shown: dict[Any, None] = {}
        self.limits: dict[Any, None] = {}
        self.indexing: dict[Any, None] = {}
        self._seen: dict[int, Any] = {}

    def shape(self, sizes: Iterable[Any]) -> None:
        """Take note of the shape of an array."""
        for size in sizes:
            _collect(size, self.shown)

    def look(self, expr: Any) -> None:
        """Look at an expression."""
        stack = [expr]
        while stack:
            current = stack.pop()
            if id(current) in self._seen or not isinstance(current, sp.Basic):
                continue
            self._seen[id(current)] = current
            stack.extend(reversed(self._visit(current)))

    def _visit(self, expr: Any) -> list[Any]:
        if isinstance(expr, sp.Symbol | sp.IndexedBase):
            return []
        if isinstance(expr, sp.Idx):
            self.ranged[expr] = None
            if expr.lower is not None:
                self.shape((expr.lower, expr.upper))
            return []
        if isinstance(expr, sp.MatrixSymbol):
            self.shape(expr.args[1:])
            return []
        if isinstance(expr, sp.Identity | sp.ZeroMatrix | sp.OneMatrix):
            self.shape(expr.args)
            return []
        if isinstance(expr, sp.Indexed):
            self._subscript(expr, expr.base, expr.indices)
            return list(expr.indices)
        if isinstance(expr, MatrixElement):
            self._subscript(expr, expr.parent, (expr.i, expr.j))
            return list(expr.args)
        if isinstance(expr, sp.Sum | sp.Product):
            for limit in expr.limits:
                variable, *bounds = limit.args
                self.bound[variable] = None
                if isinstance(variable, sp.Idx):
                    self.ranged[variable] = None
                for bound in bounds:
                    _collect(bound, self.limits)
            return [expr.function, *[b for limit in expr.limits for b in limit.args[1:]]]
        if isinstance(expr, sp.Lambda):
            self.variables.update(dict.fromkeys(expr.variables))
            return [expr.expr]
        return list(expr.args)

    def _subscript(self, expr: Any, base: Any, index: tuple[Any, ...]) -> None:
        self.subscripts.append(Subscript(expr, base, tuple(index)))
        for one in index:
            _collect(one, self.indexing)

    def ranks(self) -> dict[Any, int]:
        """Return how many indices each array takes, by its base.

        Raises:
            DefinitionError: uses that differ.
        """
        found: dict[Any, tuple[int, Any]] = {}
        for expr, base, indices in self.subscripts:
            count, first = found.setdefault(base, (len(indices), expr))
            if count != len(indices):
                raise DefinitionError(
                    f"{brief(first)} and {brief(expr)}: {brief(base)} has one number of dimensions"
                )
        return {base: count for base, (count, _) in found.items()}


def _collect(expr: Any, into: dict[Any, None]) -> None:
    """Add the symbols of index arithmetic; what is read from an array is looked at elsewhere."""
    stack, seen = [expr], set()
    while stack:
        current = stack.pop()
        if id(current) in seen or isinstance(current, sp.Indexed | MatrixElement):
            continue
        seen.add(id(current))
        if isinstance(current, sp.Symbol | sp.Idx):
            into[current] = None
        else:
            stack.extend(reversed(getattr(current, "args", ())))
