"""Sums of products as lists of factors, each looked at in a place.

As in the notation of Einstein: the indices of the result and those that are summed have labels,
whole numbers, and a factor has an affine function of the labels for each of its axes. Sums,
products, quotients, signs and views of views, taken apart, leave no trace but that; Kronecker
deltas are contracted, and those that are left are kept apart from the other factors.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from symcompile.ir.affine import Affine
from symcompile.ir.algebra import exact
from symcompile.ir.cost import DIVISION, points
from symcompile.ir.graph import Axis, Graph, Node, View

Place = tuple[Affine, ...]

#: Products of more factors are left as they are.
MOST_FACTORS = 24


@dataclass(frozen=True)
class Factor:
    """A node looked at in a place.

    Attributes:
        node: the node.
        place: an index for each of its axes.
        below: whether it divides.
        free: whether nothing else uses it, so that it may be taken apart.
    """

    node: int
    place: Place
    below: bool = False
    free: bool = False

    @property
    def labels(self) -> tuple[int, ...]:
        """The labels that it depends on, ascending."""
        return tuple(sorted({label for index in self.place for label in index.axes}))


@dataclass(frozen=True)
class Term:
    """A product, summed over some labels.

    Attributes:
        factors: what is multiplied.
        summed: the labels that are summed.
        coefficient: a number that it is multiplied by.
        extents: sizes that it is multiplied by.
        deltas: affine functions of labels; where one is not 0, the term is.
    """

    factors: tuple[Factor, ...]
    summed: tuple[int, ...] = ()
    coefficient: Fraction = Fraction(1)
    extents: tuple[Affine, ...] = ()
    deltas: tuple[Affine, ...] = ()

    @property
    def labels(self) -> frozenset[int]:
        """The labels of its factors."""
        return frozenset(label for factor in self.factors for label in factor.labels)


@dataclass(frozen=True)
class Reading:
    """A node that has been taken apart.

    Attributes:
        term: what it is.
        taken: the nodes that nothing else uses.
        cost: what those cost.
    """

    term: Term
    taken: tuple[int, ...]
    cost: int


@dataclass
class Reader:
    """Takes the sums of products of a graph apart.

    Attributes:
        graph: the graph.
        uses: how often each node is used.
        sizes: nominal sizes, to weigh what is taken apart.
        labels: the axis that each label runs over, of the tree that is read now.
    """

    graph: Graph
    uses: Mapping[int, int]
    sizes: Mapping[str, int]
    labels: list[Axis] = field(default_factory=list)
    _with_delta: dict[int, bool] = field(default_factory=dict)

    def read(self, factor: Factor) -> Reading | None:
        """Take a factor apart as far as nothing else uses the parts.

        None where there are too many factors.
        """
        factors: list[Factor] = []
        summed: list[int] = []
        coefficient = Fraction(1)
        cost = 0
        taken: list[int] = []
        pending = [factor]
        while pending:
            part = pending.pop()
            if len(factors) + len(pending) > MOST_FACTORS:
                return None
            node = self.graph[part.node]
            number = exact(self.graph, part.node)
            if number and not part.below:
                coefficient *= number
                continue
            inner = self._behind(part, node)
            if inner is not None:
                pending.append(inner)
                continue
            if not part.free and not self.has_delta(part.node):
                factors.append(part)
                continue
            if node.op == "neg":
                coefficient = -coefficient
                pending.append(self.argument(part, node.args[0]))
            elif node.op == "mul":
                pending += [self.argument(part, arg) for arg in reversed(node.args)]
                cost += self._points(part, node)
            elif node.op == "div" and part.free:
                top, bottom = (self.argument(part, arg) for arg in node.args)
                pending += [replace(bottom, below=not part.below), top]
                cost += DIVISION * self._points(part, node)
            elif node.op == "reduce_sum" and not part.below and part.free:
                assert isinstance(node.data, int)
                body, at = node.args[0], node.data
                label = len(self.labels)
                axes = self.graph[body].axes
                self.labels.append(axes[at])
                summed.append(label)
                place = (*part.place[:at], Affine.of(label, axis=True), *part.place[at:])
                pending.append(Factor(body, place, free=self._alone(body)))
                cost += points(axes, self.sizes)
            else:
                factors.append(part)
                continue
            if part.free:
                taken.append(part.node)
        term = Term(tuple(factors), tuple(summed), coefficient)
        return Reading(term, tuple(taken), cost)

    def _behind(self, part: Factor, node: Node) -> Factor | None:
        """Return what a view shows, in which place."""
        view = node.data
        if node.op != "view" or not isinstance(view, View) or view.clamped:
            return None
        place: list[Affine] = []
        for index in view.index:
            if not isinstance(index, Affine):
                return None
            place.append(index.substitute({a: part.place[a] for a in index.axes}))
        source = node.args[0]
        free = part.free and self._alone(source)
        return Factor(source, tuple(place), part.below, free)

    def argument(self, part: Factor, arg: int) -> Factor:
        """Return an argument of a node, in the place of the node."""
        place = part.place if self.graph[arg].axes else ()
        return Factor(arg, place, part.below, part.free and self._alone(arg))

    def points_of(self, part: Factor) -> int:
        """Return what a node that may be taken apart costs, an operation at each point."""
        return self._points(part, self.graph[part.node])

    def _alone(self, node: int) -> bool:
        return self.uses[node] == 1 and node not in self.graph.labels

    def _points(self, part: Factor, node: Node) -> int:
        # A product of numbers costs nothing to speak of, nor does one that stays.
        number = any(exact(self.graph, arg) in (1, -1) for arg in node.args)
        return points(node.axes, self.sizes) if part.free and node.axes and not number else 0

    def has_delta(self, node: int) -> bool:
        """Return whether a node is a product with a Kronecker delta.

        One is worth taking apart even if it is used more than once.
        """
        found = self._with_delta.get(node)
        if found is None:
            made = self.graph[node]
            if made.op == "view":
                view = made.data
                assert isinstance(view, View)
                plain = not view.clamped and all(isinstance(i, Affine) for i in view.index)
                found = plain and self.has_delta(made.args[0])
            else:
                found = made.op == "delta" or (
                    made.op in ("mul", "neg") and any(map(self.has_delta, made.args))
                )
            self._with_delta[node] = found
        return found

    def contracted(self, term: Term, result: int) -> Term | None:
        """Return a term without deltas among its factors; None of one that is zero.

        A label that a delta ties to others is replaced by what it is; labels from ``result`` on
        are summed, and the delta goes.
        """
        factors = list(term.factors)
        summed = list(term.summed)
        deltas = list(term.deltas)
        at = 0
        while at < len(factors):
            found = self.graph[factors[at].node]
            if found.op != "delta" or factors[at].below:
                at += 1
                continue
            assert isinstance(found.data, Affine)
            place = factors[at].place
            value = found.data.substitute({a: place[a] for a in found.data.axes})
            number = value.number
            if number is not None:
                if number:
                    return None
                del factors[at]
                continue
            solved = self._solved(value, summed, result)
            if solved is None:
                at += 1
                continue
            label, solution = solved
            del factors[at]
            if label in summed:
                summed.remove(label)
            else:
                deltas.append(value if value.terms[0][1] > 0 else -value)
            known = {label: solution}
            factors = [
                replace(f, place=tuple(i.substitute(known) for i in f.place))  # type: ignore[arg-type]
                for f in factors
            ]
            at = 0
        extents = list(term.extents)
        used = {label for f in factors for label in f.labels}
        extents += [self.labels[label].extent for label in summed if label not in used]
        kept = tuple(label for label in summed if label in used)
        return replace(
            term,
            factors=tuple(factors),
            summed=kept,
            extents=tuple(extents),
            deltas=tuple(sorted(deltas, key=str)),
        )

    def _solved(
        self, value: Affine, summed: Sequence[int], result: int
    ) -> tuple[int, Affine] | None:
        """Return a label and what it is where ``value`` is 0; summed labels first."""
        extents = [axis.extent for axis in self.labels]
        for label in sorted(value.axes, reverse=True):
            coefficient = value.coefficient(label)
            if abs(coefficient) != 1 or (label >= result and label not in summed):
                continue
            if label < result and any(axis >= result for axis in value.axes):
                continue  # the delta would be left outside the sum over another label
            rest = (value - Affine(0, ((label, coefficient),))) * -coefficient
            low, high = rest.bounds(extents)
            last = extents[label] - 1
            if low.nonnegative() and (last - high).nonnegative():
                return label, rest
        return None

    def rounded(self, node: int) -> bool:
        """Return whether a value has an error of its own, as large as a rounding of it."""
        pending: Iterable[int] = [node]
        while pending:
            node, *pending = pending
            found = self.graph[node]
            if found.op in ("view", "neg"):
                pending = [found.args[0], *pending]
            elif found.op in ("add", "sub") or self._scaled(found):
                pending = [*found.args, *pending]
            elif found.args:
                return True
        return False

    def _scaled(self, node: Node) -> bool:
        return node.op == "mul" and any(exact(self.graph, arg) is not None for arg in node.args)
