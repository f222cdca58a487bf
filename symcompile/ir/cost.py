"""What computing nodes takes, as polynomials in sizes, and the sizes that decide between them.

Every node is counted over its axes, a reduction or a scatter over those of what it sums. To say
which of two polynomials is smaller needs sizes: *nominal* ones, 10,000 for samples and 100 for the
others, numbers too, so that the code for three features is the code for a thousand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from symcompile.ir.graph import BODY_OPS, LEAVES, REDUCTIONS, STRUCTURAL, Axis, Graph, Input
from symcompile.ir.ops import OPS
from symcompile.ir.volume import ONE, ZERO, Volume

#: The nominal number of samples, and of everything else.
SAMPLES, OTHERS = 10_000, 100
#: What a division or a root costs, and a call of the mathematical library, in additions.
DIVISION, LIBRARY = 5, 20

_DIVISIONS = frozenset({"div", "sqrt"})


class Cost(NamedTuple):
    """Numbers of operations.

    Attributes:
        operations: additions, multiplications, comparisons, selections.
        divisions: divisions and square roots.
        calls: calls of the mathematical library.
    """

    operations: Volume = ZERO
    divisions: Volume = ZERO
    calls: Volume = ZERO

    def plus(self, other: Cost) -> Cost:
        """Return both together."""
        return Cost(*(a + b for a, b in zip(self, other, strict=True)))

    def times(self, count: Volume) -> Cost:
        """Return the cost of doing it ``count`` times."""
        return Cost(*(part * count for part in self))

    def weighed(self, sizes: Mapping[str, int]) -> int:
        """Return one number for given sizes, an addition being 1."""
        found = [part.evaluate(sizes) for part in self]
        return found[0] + DIVISION * found[1] + LIBRARY * found[2]

    def __str__(self) -> str:
        names = ("operation", "division", "library call")
        found = [_counted(part, name) for part, name in zip(self, names, strict=True) if part.terms]
        return ", ".join(found) or "no operations"


def _counted(number: Volume, name: str) -> str:
    return f"{number} {name}{'' if number == ONE else 's'}"


def kind_of(op: str) -> Cost:
    """Return what one operation costs."""
    if op in _DIVISIONS:
        return Cost(divisions=ONE)
    if op in LEAVES or op in ("view", "index", "delta", "detach", "refined", "sloped"):
        return Cost()
    if op in BODY_OPS:
        return Cost(calls=Volume.of(OTHERS))
    if op not in STRUCTURAL and (op == "powi" or OPS[op].libm or OPS[op].special):
        return Cost(calls=ONE)
    return Cost(operations=ONE)


def cost_of(graph: Graph, nodes: Iterable[int]) -> Cost:
    """Return what computing nodes takes, each once for every point of its axes.

    >>> from symcompile.ir.affine import Affine
    >>> from symcompile.ir.graph import whole
    >>> g, n, d = Graph(), Axis(Affine.of("n")), Axis(Affine.of("d"))
    >>> w, x = g.input("param", 0, (d,)), g.input("data", 0, (n, d))
    >>> z = g.reduce_sum(g.add("mul", (x, g.view(w, whole([1]), (n, d)))), 1)
    >>> print(cost_of(g, g.ancestors([g.add("exp", (z,))])))
    2*d*n operations, n library calls
    """
    total = Cost()
    for index in nodes:
        node = graph[index]
        each = kind_of(node.op)
        if any(part.terms for part in each):
            summed = node.op in REDUCTIONS or node.op == "scatter"
            axes = graph[node.args[0]].axes if summed else node.axes
            total = total.plus(each.times(Volume.product(axes)))
    return total


def nominal_sizes(graph: Graph, order: Iterable[int]) -> dict[str, int]:
    """Return a number for every size: many for those that data has and parameters have not.

    >>> from symcompile.ir.affine import Affine
    >>> g, n, d = Graph(), Axis(Affine.of("n")), Axis(Affine.of("d"))
    >>> nodes = [g.input("data", 0, (n, d)), g.input("param", 0, (d,))]
    >>> nominal_sizes(g, nodes)
    {'d': 100, 'n': 10000}
    """
    sizes: set[str] = set()
    data: set[str] = set()
    params: set[str] = set()
    for index in order:
        node = graph[index]
        found = {name for axis in node.axes for name in axis.extent.sizes}
        sizes |= found
        if isinstance(node.data, Input):
            if node.data.role == "data":
                data |= found
            elif node.data.role in ("param", "direction"):
                params |= found
    samples = data - params
    return {name: SAMPLES if name in samples else OTHERS for name in sorted(sizes)}


def nominal_length(axis: Axis, sizes: Mapping[str, int]) -> int:
    """Return the nominal length of an axis; that of a number too, so that code is the same for all.

    >>> from symcompile.ir.affine import Affine
    >>> [nominal_length(Axis(Affine(d)), {}) for d in (3, 784)]
    [100, 100]
    """
    return OTHERS if axis.extent.number is not None else axis.extent.evaluate(sizes)


def points(axes: Iterable[Axis], sizes: Mapping[str, int]) -> int:
    """Return the number of points of some axes for nominal sizes."""
    result = 1
    for axis in axes:
        result *= nominal_length(axis, sizes)
    return result
