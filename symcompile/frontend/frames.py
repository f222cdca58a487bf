"""Terms: nodes whose axes are known by which loop they belong to, and how they are combined.

The axes of a node are anonymous. While a formula is lowered each of them carries a label: which
index of the formula, or which dimension of a matrix, it stands for. Renaming a label changes no
node, so ``Sum(x[i], i)`` and ``Sum(x[j], j)`` are one. A term without a label does not depend on
it: broadcasting is leaving it out until two terms meet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from symcompile.errors import LoweringError
from symcompile.frontend.complexes import LEAVING, READ_BELOW, is_nonnegative
from symcompile.ir.affine import Affine, Var
from symcompile.ir.graph import SAMPLES, Axes, Axis, Constant, Gather, Graph, Index, Kind, View
from symcompile.ir.ops import CHOOSING, OPS

#: The label of the sample axis.
SAMPLE = 0
Labels = tuple[int, ...]

# A chain of additions this long is summed pairwise instead, so error grows with its logarithm.
_PAIRWISE = 8


class Term(NamedTuple):
    """A node, and the label of each of its axes; the shape too, if it is a matrix."""

    node: int
    labels: Labels = ()
    shape: tuple[Affine, Affine] | None = None


def axis(label: int) -> Affine:
    """Return the index along an axis as an affine function."""
    return Affine(0, ((label, 1),))


class Frames:
    """Makes terms in one graph.

    >>> from symcompile.ir.graph import Graph
    >>> frames = Frames(Graph())
    >>> i = frames.label("i", Affine.of("n"))
    >>> x = Term(frames.graph.input("data", 0, frames.axes((i,))), (i,))
    >>> frames.reduce("reduce_sum", frames.apply("sin", x), [i]).labels
    ()
    """

    def __init__(self, graph: Graph, *, leaving: bool = False) -> None:
        self.graph = graph
        #: Whether functions of real numbers may answer with complex ones.
        self.leaving = leaving
        #: The size of each label.
        self.extents: list[Affine] = [SAMPLES.extent]
        self._ids: dict[tuple[object, Affine], int] = {}

    def label(self, name: object, extent: Affine) -> int:
        """Return the label of an index of this name and size."""
        found = self._ids.get((name, extent))
        if found is None:
            found = self._ids[name, extent] = len(self.extents)
            self.extents.append(extent)
        return found

    def axes(self, labels: Labels) -> Axes:
        """Return the axes that stand for labels."""
        return tuple(Axis(self.extents[label]) for label in labels)

    def constant(self, value: Constant | int) -> Term:
        """Return an exact number."""
        return Term(self.graph.constant(value))

    def index(self, value: Affine) -> Term:
        """Return an affine function of labels and sizes as a number."""
        if value.number is not None:
            return self.constant(value.number)
        labels = value.axes
        if not labels:
            return Term(self.graph.extent(Axis(value)))
        return Term(self.graph.index(_positioned(value, labels), self.axes(labels)), labels)

    def delta(self, value: Affine) -> Term:
        """Return what is 1 where an affine function of labels and sizes is 0, else 0."""
        if value.number is not None:
            return self.constant(int(value.number == 0))
        labels = value.axes
        if not labels:
            zero = self.constant(0)
            return self.apply(
                "select", self.apply("eq", self.index(value), zero), self.constant(1), zero
            )
        if value.terms[0][1] < 0:  # one of the two signs
            value = -value
        return Term(self.graph.delta(_positioned(value, labels), self.axes(labels)), labels)

    def align(self, term: Term, frame: Labels) -> int:
        """Return the node of a term over the labels of ``frame``; of a scalar, itself."""
        if not term.labels or term.labels == frame:
            return term.node
        index = tuple(axis(frame.index(label)) for label in term.labels)
        return self._view(term.node, index, self.axes(frame), (), False)

    def rename(self, term: Term, names: Mapping[int, int]) -> Term:
        """Return a term with labels renamed; two may become one: the diagonal."""
        labels = tuple(names.get(label, label) for label in term.labels)
        if len(set(labels)) == len(labels):
            return term._replace(labels=labels)
        return self.place(term, [axis(label) for label in labels])

    def place(self, term: Term, index: Sequence[Affine | Term], clamped: bool = False) -> Term:
        """Return a term indexed, with one index for each of its axes.

        An index is affine in labels and sizes, or a term that holds whole numbers.
        """
        frame: Labels = ()
        for one in index:
            own = one.axes if isinstance(one, Affine) else one.labels
            frame += tuple(label for label in own if label not in frame)
        if len(frame) == len(index) and all(
            isinstance(one, Affine)
            and one.axis is not None
            and self.extents[one.axis] == self.extents[label]
            for one, label in zip(index, term.labels, strict=True)
        ):
            return Term(term.node, frame, term.shape)
        gathers: list[int] = []
        found: list[Index] = []
        for one in index:
            if isinstance(one, Affine):
                found.append(_positioned(one, frame))
                continue
            if one.node not in gathers:
                gathers.append(one.node)
            axes = tuple(frame.index(label) for label in one.labels)
            found.append(Gather(1 + gathers.index(one.node), axes))
        node = self._view(term.node, tuple(found), self.axes(frame), tuple(gathers), clamped)
        return Term(node, frame, term.shape)

    def padded(
        self,
        term: Term,
        block: tuple[int | None, int | None],
        corner: tuple[Affine, Affine],
        whole: tuple[int | None, int | None],
    ) -> Term:
        """Return a block of a matrix in its place, with zeros around it.

        Args:
            term: the block.
            block: the labels of its rows and columns; None where there is one.
            corner: where its first row and column stand.
            whole: the labels of the rows and columns of the matrix; None where there is one.
        """
        own = tuple(label for label in block if label is not None)
        free = tuple(label for label in term.labels if label not in own)
        frame = (*free, *own)
        node = self.align(term, frame)
        if self.graph[node].axes != self.axes(frame):  # the same everywhere
            ones = self.graph.index(Affine(1), self.axes(frame))
            node = self.graph.add("mul", (node, ones))
        index = [axis(k) for k in range(len(free))]
        labels = list(free)
        for label, start, target in zip(block, corner, whole, strict=True):
            if target is not None:
                labels.append(target)
                index.append(start if label is None else axis(frame.index(label)) + start)
        if len(labels) == len(free):
            return term
        found = tuple(labels)
        return Term(self.graph.scatter(node, View(tuple(index)), self.axes(found)), found)

    def _view(
        self,
        source: int,
        index: tuple[Index, ...],
        axes: Axes,
        gathers: tuple[int, ...],
        clamped: bool,
    ) -> int:
        """Return a view; of a view, or of what is a function of indices, the one that does both."""
        node = self.graph[source]
        values: dict[Var, Affine] = {
            k: one for k, one in enumerate(index) if isinstance(one, Affine)
        }
        if len(values) == len(index):
            if node.op in ("index", "delta"):
                assert isinstance(node.data, Affine)
                make = self.graph.index if node.op == "index" else self.graph.delta
                return make(node.data.substitute(values), axes)
            if node.op == "view" and not clamped:
                inner = node.data
                assert isinstance(inner, View)
                plain = View(index).plain
                affine = all(isinstance(one, Affine) for one in inner.index)
                if plain is not None or (affine and not inner.clamped):
                    both = tuple(
                        one.substitute(values)
                        if isinstance(one, Affine)
                        else Gather(one.arg, tuple((plain or ())[a] for a in one.axes))
                        for one in inner.index
                    )
                    view = View(both, inner.clamped)
                    return self.graph.view(node.args[0], view, axes, node.args[1:])
        return self.graph.view(source, View(index, clamped), axes, gathers)

    # ------------------------------------------------------------------ combining

    def ordered(self, terms: Sequence[Term]) -> list[Term]:
        """Return terms in an order that no name of an index decides: the widest first."""
        row = sorted(terms, key=lambda term: (-len(term.labels), -term.node))
        frame: dict[int, int] = {}
        start = 0
        while start < len(row):
            first = row[start]
            stop = start + 1
            while stop < len(row) and row[stop].node == first.node:
                stop += 1
            if stop - start > 1 and first.labels:  # one node, in several places of the frame
                for k in range(start, stop):
                    best = min(range(k, stop), key=lambda m: _pattern(row[m].labels, frame))
                    row[k], row[best] = row[best], row[k]
                    _extend(frame, row[k].labels)
            else:
                _extend(frame, first.labels)
            start = stop
        return row

    def frame(self, terms: Sequence[Term]) -> Labels:
        """Return the labels of terms that are combined, in order."""
        frame: dict[int, int] = {}
        for term in self.ordered(terms):
            _extend(frame, term.labels)
        return tuple(frame)

    def apply(self, op: str, *terms: Term) -> Term:
        """Return an elementwise operation over the labels of all arguments."""
        kinds = {term.labels for term in terms if term.labels}
        if len(kinds) > 1:
            frame = self.frame(terms)
            nodes = tuple(self.align(term, frame) for term in terms)
        else:
            frame = kinds.pop() if kinds else ()
            nodes = tuple(term.node for term in terms)
        if self.leaving and op in LEAVING:
            nodes = (self._widened(op, nodes[0]), *nodes[1:])
        return Term(self.add(op, nodes), frame)

    def add(self, op: str, nodes: tuple[int, ...]) -> int:
        """Return the node of an elementwise operation over the same axes.

        Raises:
            LoweringError: it has no meaning for complex numbers.
        """
        graph = self.graph
        if any(graph[node].kind is Kind.COMPLEX for node in nodes):
            if OPS[op].complex is None:
                raise LoweringError(no_complex(op))
            nodes = self._narrowed(op, nodes)
        return graph.add(op, nodes)

    def _narrowed(self, op: str, nodes: tuple[int, ...]) -> tuple[int, ...]:
        """Return arguments of which those that choose a function, such as orders, are real."""
        graph = self.graph
        found = tuple(
            graph.add("narrow", (node,))
            if graph[node].kind is Kind.COMPLEX and (op, position) in CHOOSING
            else node
            for position, node in enumerate(nodes)
        )
        varying = [k for k in range(len(nodes)) if (op, k) not in CHOOSING]
        if any(graph[found[k]].kind is Kind.COMPLEX for k in varying) or not varying:
            return found
        k = varying[-1]
        return (*found[:k], graph.add("widen", found[k : k + 1]), *found[k + 1 :])

    def _widened(self, op: str, node: int) -> int:
        """Return the argument of a function that may leave the real numbers."""
        graph = self.graph
        if graph[node].kind is Kind.COMPLEX:
            return node
        if op not in READ_BELOW and is_nonnegative(graph, node):
            return node
        return graph.add("widen_below" if op in READ_BELOW else "widen", (node,))

    def fold(self, op: str, terms: Sequence[Term], *, sort: bool = False) -> Term:
        """Combine terms by a commutative operation.

        Those over the same labels come first, those with few labels before those with many: so
        nothing is computed for more indices than it depends on. With ``sort`` the order in which
        they are given does not matter.
        """
        if len(terms) == 1:
            return terms[0]
        kinds = {term.labels for term in terms if term.labels}
        if not sort and len(kinds) <= 1:
            labels = kinds.pop() if kinds else ()
            return Term(self._pairwise(op, [term.node for term in terms]), labels)
        row = self.ordered(terms)
        frame: dict[int, int] = {}
        for term in row:
            _extend(frame, term.labels)
        groups: dict[Labels, list[int]] = {}
        for term in reversed(row):
            own = tuple(sorted(term.labels, key=frame.__getitem__))
            groups.setdefault(own, []).append(self.align(term, own))
        total: Term | None = None
        for labels in sorted(groups, key=len):
            part = Term(self._pairwise(op, groups[labels]), labels)
            if total is None:
                total = part
                continue
            union = tuple(sorted({*total.labels, *labels}, key=frame.__getitem__))
            nodes = (self.align(total, union), self.align(part, union))
            total = Term(self.add(op, nodes), union)
        assert total is not None
        return total

    def _pairwise(self, op: str, nodes: Sequence[int]) -> int:
        row = list(nodes)
        while len(row) > _PAIRWISE:
            pairs = [self.add(op, (a, b)) for a, b in zip(row[::2], row[1::2], strict=False)]
            row = pairs + row[len(row) & ~1 :]
        total = row[0]
        for node in row[1:]:
            total = self.add(op, (total, node))
        return total

    def reduce(self, op: str, term: Term, labels: Sequence[int]) -> Term:
        """Return a reduction over labels; those that the term lacks count how often it occurs."""
        node, rest = term.node, list(term.labels)
        for position in range(len(rest) - 1, -1, -1):
            if rest[position] in labels:
                node = self.graph.reduce(op, node, position)
                del rest[position]
        result = Term(node, tuple(rest))
        if op == "reduce_max":
            return result
        repeat = "mul" if op == "reduce_sum" else "pow"
        for label in labels:
            if label not in term.labels:
                count = self.index(self.extents[label])
                pair = (count, result) if repeat == "mul" else (result, count)
                result = self.apply(repeat, *pair)
        return result


def no_complex(op: str) -> str:
    """Return why an operation has no meaning for complex numbers, and what to do."""
    if op in ("lt", "le", "min", "max"):
        what = {"lt": "<", "le": "<=", "min": "Min", "max": "Max"}[op]
        return (
            f"{what} of complex numbers: they have no order; compare re(...), im(...) or Abs(...)"
        )
    if op in ("floor", "ceil"):
        return f"{op} of a complex number: round re(...) and im(...)"
    return f"{op} of a complex number: it is known here for real arguments only"


def _positioned(value: Affine, frame: Labels) -> Affine:
    found: dict[Var, Affine] = {label: axis(k) for k, label in enumerate(frame)}
    return value.substitute(found)


def _extend(frame: dict[int, int], labels: Labels) -> None:
    for label in labels:
        frame.setdefault(label, len(frame))


def _pattern(labels: Labels, frame: Mapping[int, int]) -> tuple[int, ...]:
    """Return where in a frame labels stand, new ones counted after it."""
    fresh = dict(frame)
    _extend(fresh, labels)
    return tuple(fresh[label] for label in labels)
