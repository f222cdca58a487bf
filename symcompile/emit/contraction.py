"""What a function over arrays computes, and which of its sums are products of arrays.

A sum over a product need not make the product: ``Sum_j X[i, j]*w[j]`` is ``X @ w``. Factors are
gathered in two groups, by the axes along which they vary.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from symcompile.ir.affine import Affine
from symcompile.ir.graph import REDUCTIONS, Graph, Node, View

#: A factor, and whether it is divided by.
Factor = tuple[int, bool]


@dataclass(frozen=True)
class Contraction:
    """A sum of a product of groups of factors.

    Attributes:
        body: the node whose axes are meant: what is summed.
        summed: positions of the axes of the body that are summed.
        groups: the factors.
    """

    body: int
    summed: tuple[int, ...]
    groups: tuple[tuple[Factor, ...], ...]


@dataclass(frozen=True)
class Term:
    """A term of a sum: a scatter that writes slices, or any node.

    Attributes:
        node: the term.
        negative: whether it is subtracted.
        scatter: whether it is a scatter.
    """

    node: int
    negative: bool = False
    scatter: bool = True


@dataclass
class Plan:
    """How a function is computed.

    Attributes:
        support: the axes along which each node varies.
        contractions: sums that are products of arrays.
        reduced: other reductions: what is reduced, and over which of its axes.
        buffers: scatters, and sums with scatters that are added up in one array.
        sliced: of each scatter whether it writes slices, no entry twice.
        order: what is computed, in order.
        uses: how often each is used.
        atoms: what must be a name.
    """

    support: dict[int, frozenset[int]]
    contractions: dict[int, Contraction] = field(default_factory=dict)
    reduced: dict[int, tuple[int, tuple[int, ...]]] = field(default_factory=dict)
    buffers: dict[int, tuple[Term, ...]] = field(default_factory=dict)
    sliced: dict[int, bool] = field(default_factory=dict)
    order: list[int] = field(default_factory=list)
    uses: dict[int, int] = field(default_factory=dict)
    atoms: set[int] = field(default_factory=set)


def analysed(graph: Graph, roots: Sequence[int]) -> Plan:
    """Return how to compute ``roots`` with operations over whole arrays."""
    ancestors = graph.ancestors(roots)
    plan = Plan(supports(graph, ancestors))
    uses = dict.fromkeys(ancestors, 0)
    for used in [arg for index in ancestors for arg in graph[index].args] + list(roots):
        uses[used] += 1
    for index in ancestors:
        node = graph[index]
        if node.op in REDUCTIONS:
            chain = _chain(graph, index, uses)
            plan.reduced[index] = chain
            found = None
            if node.op == "reduce_sum":
                found = _contraction(graph, plan, *chain, uses)
                if found is None and len(chain[1]) > 1 and not _even(graph, plan, chain[0], uses):
                    single = _own(graph, index)
                    found = _contraction(graph, plan, *single, uses)
            if found is not None:
                plan.contractions[index] = found
                plan.reduced[index] = (found.body, found.summed)
            elif _passes_over(graph, plan, index, chain) and not _even(graph, plan, chain[0], uses):
                plan.reduced[index] = _own(graph, index)
        elif node.op == "scatter":
            plan.buffers[index] = (Term(index),)
            plan.sliced[index] = _disjoint(node)
        elif node.op in ("add", "sub"):
            terms = _terms(graph, plan, index, uses)
            if terms is not None:
                plan.buffers[index] = terms
    _count(graph, plan, roots)
    return plan


def _terms(graph: Graph, plan: Plan, index: int, uses: dict[int, int]) -> tuple[Term, ...] | None:
    """Return the terms of a sum with a scatter that nothing else needs, or None."""
    node = graph[index]
    found: list[Term] = []
    scatters = False
    for position, arg in enumerate(node.args):
        terms = plan.buffers.get(arg)
        alone = uses[arg] == 1 and arg not in graph.labels
        if terms is None or not alone or not all(_is_slice(plan, term) for term in terms):
            terms = (Term(arg, scatter=False),)
        else:
            scatters = True
        flip = position == 1 and node.op == "sub"
        found += [Term(t.node, t.negative != flip, t.scatter) for t in terms]
    return tuple(found) if scatters else None


def _is_slice(plan: Plan, term: Term) -> bool:
    return not term.scatter or plan.sliced[term.node]


def _disjoint(scatter: Node) -> bool:
    """Return whether a scatter writes slices: each entry at most once."""
    view = scatter.data
    assert isinstance(view, View)
    used: list[int] = []
    for index in view.index:
        if not isinstance(index, Affine) or len(index.axes) > 1:
            return False
        used += index.axes
    return not view.clamped and len(set(used)) == len(used)


def _count(graph: Graph, plan: Plan, roots: Sequence[int]) -> None:
    """Find what is computed at all, and how often each is used."""
    needed: set[int] = set()
    pending = list(roots)
    uses: dict[int, int] = {}
    for root in roots:
        uses[root] = uses.get(root, 0) + 1
    while pending:
        index = pending.pop()
        if index in needed:
            continue
        needed.add(index)
        for arg in dependencies(graph, plan, index):
            uses[arg] = uses.get(arg, 0) + 1
            pending.append(arg)
        node = graph[index]
        if node.op == "view" and transparent(graph, plan.support, index) is None:
            plan.atoms.update(node.args)
    plan.order = sorted(needed)
    for index in reversed(plan.order):
        # A view that is but a transpose or broadcast hands its uses on.
        if transparent(graph, plan.support, index) is not None:
            uses[graph[index].args[0]] += uses[index] - 1
    plan.uses = uses


def transparent(
    graph: Graph, support: dict[int, frozenset[int]], index: int
) -> dict[int, int] | None:
    """Return which axes those of its source are, of a view that is but a transpose or broadcast."""
    node = graph[index]
    if node.op != "view" or index in graph.labels:
        return None
    view, own = node.data, graph[node.args[0]].axes
    assert isinstance(view, View)
    found: dict[int, int] = {}
    for axis in sorted(support[node.args[0]]):
        target = view.index[axis]
        place = target.axis if isinstance(target, Affine) else None
        if place is None or place in found.values() or node.axes[place] != own[axis]:
            return None
        found[axis] = place
    return found


def dependencies(graph: Graph, plan: Plan, index: int) -> list[int]:
    """Return the nodes that the computation of one reads."""
    contraction = plan.contractions.get(index)
    if contraction is not None:
        return [node for group in contraction.groups for node, _ in group]
    reduced = plan.reduced.get(index)
    if reduced is not None:
        return [reduced[0]]
    buffer = plan.buffers.get(index)
    if buffer is not None:
        return [
            arg
            for term in buffer
            for arg in (graph[term.node].args if term.scatter else (term.node,))
        ]
    return list(graph[index].args)


def supports(graph: Graph, order: Iterable[int]) -> dict[int, frozenset[int]]:
    """Return the axes along which each node varies; the others are broadcast."""
    found: dict[int, frozenset[int]] = {}
    for index in order:
        node = graph[index]
        if node.op in ("input", "scatter"):
            found[index] = frozenset(range(len(node.axes)))
        elif node.op == "view":
            assert isinstance(node.data, View)
            indices = node.data.index
            used = [axis for k in found[node.args[0]] for axis in indices[k].axes]
            found[index] = frozenset(used)
        elif node.op in REDUCTIONS:
            gone = node.data
            assert isinstance(gone, int)
            rest = found[node.args[0]] - {gone}
            found[index] = frozenset(axis - (axis > gone) for axis in rest)
        elif node.op in ("index", "delta"):
            assert isinstance(node.data, Affine)
            found[index] = frozenset(node.data.axes)
        else:
            found[index] = frozenset[int]().union(*[found[arg] for arg in node.args])
    return found


# ------------------------------------------------------------------ sums


def _own(graph: Graph, index: int) -> tuple[int, tuple[int, ...]]:
    node = graph[index]
    assert isinstance(node.data, int)
    return node.args[0], (node.data,)


def _chain(graph: Graph, index: int, uses: dict[int, int]) -> tuple[int, tuple[int, ...]]:
    """Return the innermost body of nested reductions of a kind, and what they run over."""
    body, positions = _own(graph, index)
    op = graph[index].op
    while graph[body].op == op and uses[body] == 1 and body not in graph.labels:
        body, (inner,) = _own(graph, body)
        positions = (*[p + (p >= inner) for p in positions], inner)
    return body, positions


def _passes_over(graph: Graph, plan: Plan, index: int, chain: tuple[int, tuple[int, ...]]) -> bool:
    """Return whether a chain of reductions has one inside that is a product of arrays."""
    node = graph[index].args[0]
    while node != chain[0]:
        if node in plan.contractions:
            return True
        node = graph[node].args[0]
    return False


def _factors(graph: Graph, plan: Plan, body: int, uses: dict[int, int]) -> list[Factor]:
    """Return the factors of a product, taken apart where it is not needed as such."""
    found: list[Factor] = []
    pending = [(body, False)]
    while pending:
        index, inverse = pending.pop()
        node = graph[index]
        wider = all(plan.support[arg] < plan.support[index] for arg in node.args)
        apart = (uses[index] == 1 or wider) and index not in graph.labels
        if node.op == "mul" and apart:
            pending += [(arg, inverse) for arg in reversed(node.args)]
        elif node.op == "div" and apart and not inverse:
            pending += [(node.args[1], True), (node.args[0], False)]
        else:
            found.append((index, inverse))
    return found


def _even(graph: Graph, plan: Plan, body: int, uses: dict[int, int]) -> bool:
    """Return whether all factors of a product vary along the same axes."""
    factors = _factors(graph, plan, body, uses)
    return len({plan.support[node] for node, _ in factors}) == 1


def _contraction(
    graph: Graph, plan: Plan, body: int, positions: tuple[int, ...], uses: dict[int, int]
) -> Contraction | None:
    """Return a sum as a product of arrays, or None where it is not one."""
    summed = frozenset(positions)
    factors = _factors(graph, plan, body, uses)
    support = {node: plan.support[node] for node, _ in factors}
    if len(factors) < 2 or any(not support[node] & summed for node, _ in factors):
        return None
    groups = _grouped(factors, support, summed)
    if groups is None:
        return None
    spans = [frozenset[int]().union(*[support[node] for node, _ in group]) for group in groups]
    if any(not summed <= span for span in spans) or any(group[0][1] for group in groups):
        return None
    if len(groups) == 2 and spans[0] == spans[1] and spans[0] == summed:
        return None  # one number: NumPy's pairwise sum rounds less
    return Contraction(body, tuple(sorted(positions)), tuple(tuple(g) for g in groups))


def _grouped(
    factors: Sequence[Factor], support: dict[int, frozenset[int]], summed: frozenset[int]
) -> list[list[Factor]] | None:
    spans = list(dict.fromkeys(support.values()))
    largest: list[frozenset[int]] = []
    for span in spans:
        if not any(span < other for other in spans):
            largest.append(span)
    if len(largest) == 1:
        return _halves(factors, support, largest[0], summed)
    groups: list[list[Factor]] = [[] for _ in largest]
    for factor in factors:
        fitting = [k for k, span in enumerate(largest) if support[factor[0]] <= span]
        groups[min(fitting, key=lambda k: (len(largest[k]), k))].append(factor)
    return [sorted(group, key=lambda f: (f[1], -len(support[f[0]]))) for group in groups]


def _halves(
    factors: Sequence[Factor],
    support: dict[int, frozenset[int]],
    whole: frozenset[int],
    summed: frozenset[int],
) -> list[list[Factor]] | None:
    """Part factors of which some vary along all axes: these, and those that vary along fewer."""
    wide = [f for f in factors if support[f[0]] == whole]
    narrow = [f for f in factors if support[f[0]] != whole]
    if narrow:
        return [wide, narrow]
    if len(factors) == 2 and not factors[1][1]:
        return [[factors[0]], [factors[1]]]
    return None
