"""The graph of interned nodes, in topological order, and the records that carry it.

A node is an index into its graph. Nodes with equal operation, arguments and payload are one
node, so common subexpressions are found as the graph is made. A node is an array over its axes,
which are ordered and anonymous: a scalar has none, a data column has the sample axis, a matrix
has two. So what is equal up to the names of indices is equal.

======== ======================= ==========================================================
family   operations              meaning, with the node's axes as its indices
======== ======================= ==========================================================
leaves   const, input            an exact number; an argument of the call, or an entry of one
—        extent, index, delta    a size; an affine function of the indices; 1 where one is 0
map      the table of operations elementwise; arguments have the node's axes, or none
view     view                    ``source[index]``: shift, stride, transpose, broadcast, gather
reduce   reduce_sum, _prod, _max over one axis of the argument
scatter  scatter                 sum of ``body`` into ``index``: the transpose of a view
body     sum, product, integral, of a function of its own; elementwise in limits and in what it
—        derivative              captures (:mod:`symcompile.ir.body`)
======== ======================= ==========================================================
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import compress
from typing import Literal, NamedTuple

from symcompile.ir.affine import Affine
from symcompile.ir.body import LIMITS, Body


class Kind(enum.IntEnum):
    """What a node's values are; precision is chosen at emission."""

    BOOL = 0
    INTEGER = 1
    REAL = 2
    COMPLEX = 3


class Axis(NamedTuple):
    """One axis of a node, with its size: affine in sizes that are known at call time."""

    extent: Affine


SAMPLES = Axis(Affine.of("n"))
Axes = tuple[Axis, ...]

#: Of an argument of a call; of a body, its variable and what it captures.
Role = Literal["param", "data", "constant", "direction", "cotangent", "bound", "captured"]


class Input(NamedTuple):
    """The payload of an input node: which argument of the call it is, and which entry of it."""

    role: Role
    slot: int


class Special(enum.Enum):
    """Constants that are no numbers."""

    INF = "inf"
    NEG_INF = "-inf"
    NAN = "nan"


class Gather(NamedTuple):
    """An index read from data: argument ``arg`` of the node, whose axes are ``axes`` of it.

    The argument holds whole numbers within the range of what is indexed.
    """

    arg: int
    axes: tuple[int, ...]


Index = Affine | Gather


class View(NamedTuple):
    """The payload of a view: an index into each axis of its source.

    Affine indices are in the axes of the node (of a scatter: of its body). They are in range,
    unless the view is ``clamped``: then they are moved to the nearest end of it.
    """

    index: tuple[Index, ...]  # type: ignore[assignment]  # hides a method of tuples
    clamped: bool = False

    @property
    def used(self) -> frozenset[int]:
        """The axes that any index depends on."""
        return frozenset(axis for index in self.index for axis in index.axes)

    @property
    def plain(self) -> tuple[int, ...] | None:
        """The axis that each index is, where they are that and all differ; else None."""
        found = [i.axis if isinstance(i, Affine) else None for i in self.index]
        if None in found or len(set(found)) < len(found):
            return None
        return tuple(axis for axis in found if axis is not None)


Constant = Fraction | Special
Payload = Constant | Input | Affine | View | Body | int | None


class Node(NamedTuple):
    """One operation. ``args`` are indices of earlier nodes in the same graph."""

    op: str
    args: tuple[int, ...]
    data: Payload
    axes: tuple[Axis, ...]
    kind: Kind


def payload(node: Node) -> Input:
    """Return what an input node stands for."""
    assert isinstance(node.data, Input), f"{node.op} is no input"
    return node.data


def whole(positions: Iterable[int]) -> View:
    """Return the view whose indices are plain axes: a transpose or a broadcast."""
    return View(tuple(Affine(0, ((position, 1),)) for position in positions))


#: Operations over one axis of their argument; the payload is its position.
REDUCTIONS = frozenset({"reduce_sum", "reduce_prod", "reduce_max"})
#: What is there before anything is computed.
LEAVES = frozenset({"const", "input", "extent", "true", "false"})
#: What is no operation of the table, beyond the leaves.
STRUCTURAL = REDUCTIONS | {"view", "scatter", "index", "delta"}
#: What takes a function of one variable: the payload is a :class:`~symcompile.ir.body.Body`.
BODY_OPS = frozenset(LIMITS)
BOOLEAN_OPS = frozenset(
    {"lt", "le", "eq", "ne", "and", "or", "not", "true", "false", "isnan", "isinf"}
)
#: Operations that answer complex arguments with real numbers, and real ones with complex numbers.
REAL_OPS = frozenset({"abs", "re", "im", "arg", "narrow"})
COMPLEX_OPS = frozenset({"imaginary", "widen", "widen_below", "complex"})
COMMUTATIVE = frozenset({"add", "mul", "min", "max", "eq", "ne", "and", "or", "hypot"})


def kind_of(op: str, args: Iterable[Kind]) -> Kind:
    """Return what the values of an elementwise operation are, from those of its arguments.

    >>> kind_of("exp", [Kind.COMPLEX]).name, kind_of("abs", [Kind.COMPLEX]).name
    ('COMPLEX', 'REAL')
    """
    if op in BOOLEAN_OPS:
        return Kind.BOOL
    if op in COMPLEX_OPS or (Kind.COMPLEX in args and op not in REAL_OPS):
        return Kind.COMPLEX
    return Kind.REAL


#: Operations whose kind is not that of their arguments.
_OWN_KIND = (
    dict.fromkeys(BOOLEAN_OPS, Kind.BOOL)
    | dict.fromkeys(COMPLEX_OPS, Kind.COMPLEX)
    | dict.fromkeys(REAL_OPS, Kind.REAL)
)
# What ``Node(...)`` does, without a function of Python's between.
_new = tuple.__new__


class Graph:
    """Interned nodes, each after its arguments. Append-only.

    >>> g = Graph()
    >>> x = g.input("param", 0)
    >>> g.add("mul", (x, g.add("sin", (x,)))) == g.add("mul", (g.add("sin", (x,)), x))
    True
    """

    __slots__ = ("_index", "_order", "labels", "nodes")

    def __init__(self) -> None:
        #: What :meth:`ancestors` found last: as nodes never change, it stays true.
        self._order: tuple[list[int], list[int]] = ([], [])
        self.nodes: list[Node] = []
        #: Names that the user gave to intermediates; they survive every pass.
        self.labels: dict[int, str] = {}
        self._index: dict[tuple[object, ...], int] = {}

    def __reduce__(self) -> tuple[object, ...]:
        return _restore, (self.nodes, self.labels, list(self._index.items()))

    def __len__(self) -> int:
        return len(self.nodes)

    def __getitem__(self, node: int) -> Node:
        return self.nodes[node]

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def _intern(self, node: Node, key: tuple[object, ...]) -> int:
        index = len(self.nodes)
        self.nodes.append(node)
        self._index[key] = index
        return index

    def add(self, op: str, args: tuple[int, ...] = ()) -> int:
        """Return the node for an elementwise operation, making it if it is new."""
        known = self._index
        key = (op, args)
        found = known.get(key)
        if found is not None:
            return found
        if op in COMMUTATIVE:
            found = known.get((op, args[::-1]))
            if found is not None:
                return found
        nodes = self.nodes
        axes: tuple[Axis, ...] = ()
        kind = Kind.REAL
        for arg in args:
            _, _, _, own, its = nodes[arg]
            if its is Kind.COMPLEX:
                kind = its
            if own and own != axes:
                if axes:
                    raise ValueError(f"{op}: arguments with axes {axes} and {own}")
                axes = own
        made: Node = _new(Node, (op, args, None, axes, _OWN_KIND.get(op, kind)))
        known[key] = index = len(nodes)
        nodes.append(made)
        return index

    def copied(self, node: Node, args: tuple[int, ...]) -> int:
        """Return the same elementwise operation of other arguments that are alike."""
        key = (node.op, args)
        found = self._index.get(key)
        if found is None and node.op in COMMUTATIVE:
            found = self._index.get((node.op, args[::-1]))
        if found is not None:
            return found
        op, _, data, axes, kind = node
        return self._intern(_new(Node, (op, args, data, axes, kind)), key)

    def constant(self, value: Constant | int) -> int:
        """Return the node of an exact constant."""
        # By their parts, since the hash of a fraction takes long.
        key: tuple[object, ...]
        if isinstance(value, Special):
            key = ("const", value)
        else:
            key = ("const", value.numerator, value.denominator)
        found = self._index.get(key)
        if found is None:
            data = Fraction(value) if isinstance(value, int) else value
            found = self._intern(Node("const", (), data, (), Kind.REAL), key)
        return found

    def input(self, role: Role, slot: int, axes: Axes = (), kind: Kind = Kind.REAL) -> int:
        """Return the node of one argument of the call, or of one entry of ``p``, ``u`` or ``v``."""
        key = ("input", role, slot)
        found = self._index.get(key)
        if found is None:
            found = self._intern(Node("input", (), Input(role, slot), axes, kind), key)
        return found

    def _leaf(self, op: str, data: Affine, axes: Axes) -> int:
        key = (op, data, axes)
        found = self._index.get(key)
        if found is None:
            kind = Kind.REAL if op == "delta" else Kind.INTEGER
            found = self._intern(Node(op, (), data, axes, kind), key)
        return found

    def extent(self, axis: Axis) -> int:
        """Return the node that holds the length of an axis."""
        return self._leaf("extent", axis.extent, ())

    def index(self, value: Affine, axes: Axes) -> int:
        """Return the node of an affine function of the indices over ``axes``."""
        return self._leaf("index", value, axes)

    def delta(self, value: Affine, axes: Axes) -> int:
        """Return the node that is 1 where an affine function of the indices is 0, else 0."""
        return self._leaf("delta", value, axes)

    def view(self, source: int, view: View, axes: Axes, gathers: tuple[int, ...] = ()) -> int:
        """Return ``source`` indexed: a node over ``axes``; the source itself if nothing changes.

        ``gathers`` are the arguments that :class:`Gather` indices count from 1 on.
        """
        own = self.nodes[source].axes
        if len(view.index) != len(own):
            raise ValueError(f"a view with {len(view.index)} indices into {len(own)} axes")
        if not own or (axes == own and view.plain == tuple(range(len(own)))):
            return source
        return self._indexed("view", (source, *gathers), view, axes)

    def fill(self, scalar: int, axes: Axes) -> int:
        """Return a scalar as a node over ``axes``: a view without indices.

        Only a scatter needs it, to know over which axes it sums; elsewhere scalars do.
        """
        return self._indexed("view", (scalar,), View(()), axes)

    def scatter(self, body: int, view: View, axes: Axes, gathers: tuple[int, ...] = ()) -> int:
        """Return the array over ``axes`` whose entry at each index is the sum of ``body`` there.

        The indices are in the axes of ``body``: it is the transpose of :meth:`view`.
        """
        return self._indexed("scatter", (body, *gathers), view, axes)

    def _indexed(self, op: str, args: tuple[int, ...], view: View, axes: Axes) -> int:
        key = (op, args, view, axes)
        found = self._index.get(key)
        if found is None:
            kind = self.nodes[args[0]].kind
            found = self._intern(Node(op, args, view, axes, kind), key)
        return found

    def reduce(self, op: str, body: int, position: int = 0) -> int:
        """Return a reduction of a node over the axis at ``position``."""
        key = (op, body, position)
        found = self._index.get(key)
        if found is None:
            axes = self.nodes[body].axes
            rest = axes[:position] + axes[position + 1 :]
            kind = self.nodes[body].kind
            found = self._intern(Node(op, (body,), position, rest, kind), key)
        return found

    def reduce_sum(self, body: int, position: int = 0) -> int:
        """Return the sum of a node over the axis at ``position``."""
        return self.reduce("reduce_sum", body, position)

    def bound(self, op: str, args: tuple[int, ...], body: Body) -> int:
        """Return an operation of :data:`~symcompile.ir.body.LIMITS` with a body of its own.

        ``args`` are its limits, or the point of a derivative, and the values that it captures.
        """
        key = (op, args, body)
        found = self._index.get(key)
        if found is None:
            axes = next((self.nodes[arg].axes for arg in args if self.nodes[arg].axes), ())
            kind = max(Kind.REAL, body.nodes[-1].kind)
            found = self._intern(Node(op, args, body, axes, kind), key)
        return found

    def ancestors(self, roots: Iterable[int]) -> Sequence[int]:
        """Return the nodes that ``roots`` depend on, themselves included, in topological order."""
        roots = list(roots)
        known, order = self._order
        if roots == known:
            return order
        highest = max(roots, default=-1)
        wanted = bytearray(highest + 1)
        for root in roots:
            wanted[root] = 1
        nodes = self.nodes
        for index in range(highest, -1, -1):
            if wanted[index]:
                for arg in nodes[index].args:
                    wanted[arg] = 1
        found = list(compress(range(highest + 1), wanted))
        self._order = roots, found
        return found


def _restore(
    nodes: list[Node], labels: dict[int, str], index: list[tuple[tuple[object, ...], int]]
) -> Graph:
    graph = Graph()
    graph.nodes, graph.labels, graph._index = nodes, labels, dict(index)
    return graph


#: A part of one dimension of an output: the axes of an array that lies there row-major.
Segment = Axes


@dataclass(frozen=True)
class Output:
    """One array that a function returns.

    It is laid out in ``dims``, each a row of segments, one after the other. ``entries`` has a
    node for each choice of one segment of each dimension, row-major; its axes are those of the
    segments, in order (or it has none: the same everywhere). A number is a segment without axes.
    So a gradient has one dimension with a segment for each parameter, a Hessian two of those.

    Attributes:
        name: what it is: ``value``, ``grad`` ...
        entries: the nodes.
        shape: the shape of what is returned, without the sample axis; ``()`` is a scalar.
        per_sample: whether the sample axis stands in front; it is the first dimension then.
        dims: the dimensions; by default one with a segment for each entry, if there is a shape.
        kind: what its numbers are: real, or complex.
    """

    name: str
    entries: tuple[int, ...]
    shape: tuple[int | Affine, ...]
    per_sample: bool
    dims: tuple[tuple[Segment, ...], ...] | None = None
    kind: Kind = Kind.REAL

    @property
    def layout(self) -> tuple[tuple[Segment, ...], ...]:
        """The dimensions."""
        if self.dims is not None:
            return self.dims
        front = (((SAMPLES,),),) if self.per_sample else ()
        return front + ((((),) * len(self.entries),) if self.shape else ())


@dataclass(frozen=True)
class Function:
    """A function to compile: a graph and what it returns."""

    name: str
    graph: Graph
    outputs: tuple[Output, ...]

    def roots(self) -> list[int]:
        """Return every node that is returned, in order."""
        return [entry for output in self.outputs for entry in output.entries]


def takes_complex(graph: Graph, node: int) -> bool:
    """Return whether an operation is one of complex numbers: an argument is one, or its result."""
    nodes = graph.nodes
    found = nodes[node]
    if found.kind is Kind.COMPLEX:
        return True
    return Kind.COMPLEX in [nodes[arg].kind for arg in found.args]


def operation_count(graph: Graph, roots: Iterable[int]) -> int:
    """Return how many operations a graph holds: nodes that are neither inputs nor constants."""
    nodes = graph.nodes
    count = 0
    for index in graph.ancestors(roots):
        op, args, _, _, _ = nodes[index]
        if args and op != "view" and op not in LEAVES:
            count += 1
    return count


def tree_count(graph: Graph, roots: Iterable[int]) -> int:
    """Return how many operations the same expressions hold written out without sharing."""
    roots = list(roots)
    nodes = graph.nodes
    counts: dict[int, int] = {}
    for index in graph.ancestors(roots):
        args = nodes[index].args
        count = 1 if args else 0
        for arg in args:
            count += counts[arg]
        counts[index] = count
    return sum(counts[root] for root in roots)
