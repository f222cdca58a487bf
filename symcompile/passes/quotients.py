"""Quotients by one divisor that share what they divide, and powers of quotients.

SymPy keeps no grouping in a product: of ``(a/d)*u - (b/d)*v`` and ``(a/d)*w`` it makes ``a*u/d``,
``b*v/d`` and ``a*w/d``. Where a factor is divided by ``d`` more than once, it is divided first:
as many multiplications, one division for each factor. ``x**n/y**n`` becomes ``(x/y)**n`` where x is
divided by y anyway. Either form takes as many roundings as the other, and an intermediate result
may leave the range of doubles in either, the powers sooner than the quotient. What nothing is
shared with stays as it was written.

Before differentiation, so that derivatives share as well, and after it, for quotients of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

from symcompile.ir.algebra import exact
from symcompile.ir.build import Builder
from symcompile.ir.graph import Function, Graph
from symcompile.passes.rewrite import remade

#: Numerators of more factors are looked at in part.
_MOST_FACTORS = 12


def share_quotients(function: Function) -> Function:
    """Return ``function`` with fewer divisions.

    >>> from symcompile.ir.cost import cost_of
    >>> from symcompile.ir.graph import Output
    >>> b = Builder()
    >>> a, d, u, v = (b.graph.input("param", k) for k in range(4))
    >>> tops = [b.call("mul", a, u), b.call("mul", a, v)]
    >>> both = b.call("add", *[b.call("div", top, d) for top in tops])
    >>> found = share_quotients(Function("f", b.graph, (Output("f", (both,), (), False),)))
    >>> print(cost_of(found.graph, found.graph.ancestors(found.roots())))
    3 operations, 1 division
    """
    graph = function.graph
    divisions = [k for k in graph.ancestors(function.roots()) if _is_division(graph, k)]
    by_divisor: dict[int, list[int]] = {}
    for k in divisions:
        by_divisor.setdefault(graph[k].args[1], []).append(k)
    powers = {k: found for k in divisions if (found := _powers(graph, k, by_divisor)) is not None}
    for k in powers:
        by_divisor[graph[k].args[1]].remove(k)
    groups = [_Group(graph, d, members) for d, members in by_divisor.items() if len(members) > 1]
    shared = {k: group for group in groups for k in group.members if group.first}
    if not powers and not shared:
        return function

    def make(b: Builder, index: int, mapping: Mapping[int, int]) -> int | None:
        if index in powers:
            return _joined(b, graph, powers[index], mapping)
        group = shared.get(index)
        return None if group is None else group.quotient(b, graph[index].args[0], mapping)

    return remade(function, make)


def _is_division(graph: Graph, index: int) -> bool:
    # Sums of products over more axes have an order of their own (``contract``).
    node = graph[index]
    return node.op == "div" and len(node.axes) < 2 and exact(graph, node.args[1]) is None


# -- factors -------------------------------------------------------------------------------


def _parts(graph: Graph, product: int) -> dict[int, int | None]:
    """Return a product, its factors and theirs, each with the product that it is a factor of."""
    found: dict[int, int | None] = {product: None}
    pending = [product]
    while pending and len(found) < 2 * _MOST_FACTORS:
        index = pending.pop(0)
        if graph[index].op not in ("mul", "neg"):
            continue
        for arg in graph[index].args:
            if arg not in found and exact(graph, arg) is None:
                found[arg] = index
                pending.append(arg)
    return found


def _replaced(
    b: Builder, graph: Graph, path: Iterable[tuple[int, int]], made: int, mapping: Mapping[int, int]
) -> int:
    """Return a product with a factor replaced: ``path`` leads from it up, ``(factor, product)``."""
    for index, parent in path:
        node = graph[parent]
        first = node.args.index(index)
        args = [made if k == first else mapping[arg] for k, arg in enumerate(node.args)]
        made = b.call(node.op, *args)
    return made


def _path(parts: Mapping[int, int | None], factor: int) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    while (parent := parts[factor]) is not None:
        found.append((factor, parent))
        factor = parent
    return found


# -- powers --------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Powers:
    """A product with a factor ``x**n``, by ``y**n``, next to a quotient of x and y.

    ``path`` leads from the factor up.
    """

    bases: tuple[int, int]
    exponent: int
    path: list[tuple[int, int]]


def _powers(graph: Graph, index: int, by_divisor: Mapping[int, list[int]]) -> _Powers | None:
    top, bottom = graph[index].args
    if graph[bottom].op != "powi" or (exact(graph, graph[bottom].args[1]) or 0) <= 1:
        return None
    y, exponent = graph[bottom].args
    parts = _parts(graph, top)
    for factor in parts:
        if graph[factor].op != "powi" or graph[factor].args[1] != exponent:
            continue
        x = graph[factor].args[0]
        if any(x in _parts(graph, graph[k].args[0]) for k in by_divisor.get(y, ())):
            return _Powers((x, y), exponent, _path(parts, factor))
    return None


def _joined(b: Builder, graph: Graph, found: _Powers, mapping: Mapping[int, int]) -> int:
    quotient = b.call("div", *[mapping[base] for base in found.bases])
    power = b.call("powi", quotient, mapping[found.exponent])
    return _replaced(b, graph, found.path, power, mapping)


# -- shared factors ------------------------------------------------------------------------


@dataclass
class _Group:
    """Quotients by one divisor.

    Attributes:
        graph: where they are.
        divisor: what they have in common.
        members: the quotients.
        first: by numerator, the factor of it that is divided first.
    """

    graph: Graph
    divisor: int
    members: list[int]
    first: dict[int, int] = field(default_factory=dict)
    _parts: dict[int, dict[int, int | None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        tops = [self.graph[k].args[0] for k in self.members]
        self._parts = {top: _parts(self.graph, top) for top in tops}
        having: dict[int, set[int]] = {}
        for top, parts in self._parts.items():
            if exact(self.graph, top) is None:
                for part in parts:
                    having.setdefault(part, set()).add(top)
        # The factor that most have; of several the largest product, which is made last.
        heap = [(-len(tops), -part) for part, tops in having.items() if len(tops) > 1]
        heapify(heap)
        while heap:
            count, part = heappop(heap)
            tops_left = having[-part]
            if len(tops_left) < 2:
                continue
            if -count != len(tops_left):
                heappush(heap, (-len(tops_left), part))
                continue
            self._take(-part, having)

    def _take(self, factor: int, having: dict[int, set[int]]) -> None:
        for top in sorted(having[factor] - {factor}):
            self.first[top] = factor
            for part in self._parts[top]:
                if part in having:
                    having[part].discard(top)
        # It is divided itself now, perhaps after a factor of its own.
        self._parts.setdefault(factor, _parts(self.graph, factor))
        for part in self._parts[factor]:
            having.setdefault(part, set()).add(factor)

    def quotient(self, b: Builder, top: int, mapping: Mapping[int, int]) -> int:
        """Return a product divided by the divisor."""
        factor = self.first.get(top)
        if factor is None:
            return b.call("div", mapping[top], mapping[self.divisor])
        made = self.quotient(b, factor, mapping)
        return _replaced(b, self.graph, _path(self._parts[top], factor), made, mapping)
