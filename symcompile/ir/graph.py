"""The graph of interned nodes, in topological order, and the records that carry it.

A node is an index into its graph. Nodes with equal operation, arguments and payload are one
node, so common subexpressions are found as the graph is made. A node's axes are ordered and
anonymous: a parameter has none, a data column has the sample axis. An elementwise operation
takes arguments whose axes are equal or empty; a reduction removes one axis.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, NamedTuple


class Kind(enum.IntEnum):
    """What a node's values are; precision is chosen at emission."""

    BOOL = 0
    INTEGER = 1
    REAL = 2
    COMPLEX = 3


class Axis(NamedTuple):
    """One axis of a node. ``extent`` is a size known at call time (a name) or now (a number)."""

    extent: str | int


SAMPLES = Axis("n")

Role = Literal["param", "data", "constant", "direction", "cotangent"]


class Input(NamedTuple):
    """The payload of an input node: which argument of the call it is, and which entry of it."""

    role: Role
    slot: int


class Special(enum.Enum):
    """Constants that are no numbers."""

    INF = "inf"
    NEG_INF = "-inf"
    NAN = "nan"


Constant = Fraction | Special
Payload = Constant | Input | Axis | int | None


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


BOOLEAN_OPS = frozenset({"lt", "le", "eq", "ne", "and", "or", "not", "true", "false"})
COMMUTATIVE = frozenset({"add", "mul", "min", "max", "eq", "ne", "and", "or", "hypot"})


class Graph:
    """Interned nodes, each after its arguments. Append-only.

    >>> g = Graph()
    >>> x = g.input("param", 0)
    >>> g.add("mul", (x, g.add("sin", (x,)))) == g.add("mul", (g.add("sin", (x,)), x))
    True
    """

    __slots__ = ("_index", "labels", "nodes")

    def __init__(self) -> None:
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
        key = (op, args)
        found = self._index.get(key)
        if found is not None:
            return found
        if op in COMMUTATIVE:
            found = self._index.get((op, args[::-1]))
            if found is not None:
                return found
        nodes = self.nodes
        axes: tuple[Axis, ...] = ()
        kind = Kind.BOOL if op in BOOLEAN_OPS else Kind.REAL
        for arg in args:
            node = nodes[arg]
            if node.axes and node.axes != axes:
                if axes:
                    raise ValueError(f"{op}: arguments with axes {axes} and {node.axes}")
                axes = node.axes
        return self._intern(Node(op, args, None, axes, kind), key)

    def constant(self, value: Constant | int) -> int:
        """Return the node of an exact constant."""
        data = Fraction(value) if isinstance(value, int) else value
        key = ("const", data)
        found = self._index.get(key)
        if found is None:
            found = self._intern(Node("const", (), data, (), Kind.REAL), key)
        return found

    def input(self, role: Role, slot: int, axes: tuple[Axis, ...] = ()) -> int:
        """Return the node of one entry of an argument of the call."""
        key = ("input", role, slot)
        found = self._index.get(key)
        if found is None:
            found = self._intern(Node("input", (), Input(role, slot), axes, Kind.REAL), key)
        return found

    def extent(self, axis: Axis) -> int:
        """Return the node that holds the length of an axis."""
        key = ("extent", axis)
        found = self._index.get(key)
        if found is None:
            found = self._intern(Node("extent", (), axis, (), Kind.INTEGER), key)
        return found

    def reduce_sum(self, body: int, position: int = 0) -> int:
        """Return the sum of a node over the axis at ``position``."""
        key = ("reduce_sum", body, position)
        found = self._index.get(key)
        if found is None:
            axes = self.nodes[body].axes
            rest = axes[:position] + axes[position + 1 :]
            kind = self.nodes[body].kind
            found = self._intern(Node("reduce_sum", (body,), position, rest, kind), key)
        return found

    def ancestors(self, roots: Iterable[int]) -> list[int]:
        """Return the nodes that ``roots`` depend on, themselves included, in topological order."""
        wanted = bytearray(len(self.nodes))
        highest = -1
        for root in roots:
            wanted[root] = 1
            highest = max(highest, root)
        nodes = self.nodes
        for index in range(highest, -1, -1):
            if wanted[index]:
                for arg in nodes[index].args:
                    wanted[arg] = 1
        return [index for index in range(highest + 1) if wanted[index]]


def _restore(
    nodes: list[Node], labels: dict[int, str], index: list[tuple[tuple[object, ...], int]]
) -> Graph:
    graph = Graph()
    graph.nodes, graph.labels, graph._index = nodes, labels, dict(index)
    return graph


@dataclass(frozen=True)
class Output:
    """One array that a function returns.

    Attributes:
        name: what it is: ``value``, ``grad`` ...
        entries: one node per entry, row-major.
        shape: its shape without the sample axis; ``()`` is a scalar.
        per_sample: whether the sample axis stands in front.
    """

    name: str
    entries: tuple[int, ...]
    shape: tuple[int, ...]
    per_sample: bool


@dataclass(frozen=True)
class Function:
    """A function to compile: a graph and what it returns."""

    name: str
    graph: Graph
    outputs: tuple[Output, ...]

    def roots(self) -> list[int]:
        """Return every node that is returned, in order."""
        return [entry for output in self.outputs for entry in output.entries]


def operation_count(graph: Graph, roots: Iterable[int]) -> int:
    """Return how many operations a graph holds: nodes that are neither inputs nor constants."""
    leaves = {"const", "input", "extent", "true", "false"}
    return sum(1 for n in graph.ancestors(roots) if graph[n].args and graph[n].op not in leaves)


def tree_count(graph: Graph, roots: Iterable[int]) -> int:
    """Return how many operations the same expressions hold written out without sharing."""
    roots = list(roots)
    counts: dict[int, int] = {}
    for index in graph.ancestors(roots):
        node = graph[index]
        counts[index] = bool(node.args) + sum(counts[arg] for arg in node.args)
    return sum(counts[root] for root in roots)
