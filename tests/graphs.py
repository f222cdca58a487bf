"""Random graphs, for properties that every pass and emitter must keep, and what functions cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from hypothesis import strategies as st
from mpmath.ctx_mp import MPContext
from numpy.typing import NDArray

from symcompile.compiler import plan
from symcompile.frontend.definition import Definition
from symcompile.ir.affine import Affine
from symcompile.ir.cost import kind_of
from symcompile.ir.graph import SAMPLES, Axes, Axis, Gather, Graph, Index, Input, View, whole
from symcompile.ir.interpreter import array_of

Sampled = tuple[Graph, list[int], list[float], list[list[float]]]

_SMOOTH_ONE = ("neg", "sin", "cos", "tanh", "atan", "exp", "erf", "asinh", "softplus", "sigmoid")
_ROUGH_ONE = ("sqrt", "log", "log1p", "expm1", "abs", "sign", "floor", "ceil", "cbrt", "sinh")
_TWO = ("add", "sub", "mul", "div", "add", "sub", "mul", "min", "max", "hypot", "atan2")
_COMPARE = ("lt", "le", "eq", "ne")
_POWERS = (-3, -1, 0, 1, 2, 5)
_NUMBERS = (0, 1, -1, 2, -2, 3)


@st.composite
def graphs(draw: st.DrawFn, *, rough: bool = True, size: int = 14) -> Sampled:
    """Return a graph over two parameters and two columns, some nodes of it, and inputs."""
    graph = Graph()
    params, samples = 2, 3
    scalars = [graph.input("param", k) for k in range(params)]
    rows = [graph.input("data", k, (SAMPLES,)) for k in range(2)]
    scalars += [graph.constant(draw(st.sampled_from(_NUMBERS))) for _ in range(2)]
    truths: list[int] = []
    ones = _SMOOTH_ONE + (_ROUGH_ONE if rough else ())

    def number() -> int:
        return draw(st.sampled_from(scalars + rows))

    for _ in range(draw(st.integers(3, size))):
        kind = draw(st.sampled_from(("one", "two", "two", "choice", "truth", "power", "sum")))
        if kind == "one":
            node = graph.add(draw(st.sampled_from(ones)), (number(),))
        elif kind == "two":
            node = graph.add(draw(st.sampled_from(_TWO)), (number(), number()))
        elif kind == "power":
            exponent = graph.constant(draw(st.sampled_from(_POWERS)))
            node = graph.add("powi", (number(), exponent))
        elif kind == "truth":
            if truths and draw(st.booleans()):
                op = draw(st.sampled_from(("and", "or", "not")))
                picked = [draw(st.sampled_from(truths)) for _ in range(1 if op == "not" else 2)]
                truths.append(graph.add(op, tuple(picked)))
            else:
                op = draw(st.sampled_from(_COMPARE))
                truths.append(graph.add(op, (number(), number())))
            continue
        elif kind == "choice":
            if not truths:
                continue
            node = graph.add("select", (draw(st.sampled_from(truths)), number(), number()))
        else:
            row = draw(st.sampled_from(rows))
            node = graph.reduce_sum(row)
        (rows if graph[node].axes else scalars).append(node)
    roots = sorted(set(scalars[-3:] + rows[-2:]))
    finite = st.floats(-3, 3).map(lambda value: round(value, 3))
    values = [draw(finite) for _ in range(params)]
    columns = [[draw(finite) for _ in range(samples)] for _ in range(2)]
    return graph, roots, values, columns


def differentiable_graphs() -> st.SearchStrategy[Sampled]:
    """Return graphs whose kinks are those of choices only."""
    return graphs(rough=False)


def values_of(mp: MPContext, params: list[float], columns: list[list[float]]) -> dict[Input, Any]:
    """Return the inputs of a graph as the interpreter takes them."""
    found: dict[Input, Any] = {Input("param", k): mp.mpf(v) for k, v in enumerate(params)}
    for k, column in enumerate(columns):
        found[Input("data", k)] = [mp.mpf(value) for value in column]
    return found


# -- arrays --------------------------------------------------------------------------------

N, D = Axis(Affine.of("n")), Axis(Affine.of("d"))
SHORTER = Axis(Affine.of("n") - 1)


def at(axis: int, factor: int = 1) -> Affine:
    """Return the index along an axis."""
    return Affine(0, ((axis, factor),))


@dataclass(frozen=True)
class ArrayCase:
    """A graph over arrays, some nodes of it, and what to evaluate it at.

    Attributes:
        graph: the graph.
        roots: nodes of several ranks.
        sizes: the sizes by name; all differ.
        arrays: the inputs as doubles. The last of the data holds indices below ``d``.
        params: the axes of each parameter.
    """

    graph: Graph
    roots: list[int]
    sizes: dict[str, int]
    arrays: dict[Input, NDArray[np.float64]]
    params: tuple[Axes, ...]

    def inputs(self, mp: MPContext) -> dict[Input, Any]:
        """Return the inputs as the interpreter takes them."""
        return {
            place: array_of([mp.mpf(float(entry)) for entry in array.flat], array.shape)
            if array.shape
            else mp.mpf(float(array))
            for place, array in self.arrays.items()
        }


PARAMS: tuple[Axes, ...] = ((D,), (), (N, D))
DATA: tuple[Axes, ...] = ((N, D), (N,), (N,))
_ARRAY_ONE = ("neg", "sin", "cos", "tanh", "atan", "sigmoid", "softplus")
_ARRAY_TWO = ("add", "sub", "mul", "add", "mul")
_SHAPES: tuple[Axes, ...] = ((N,), (D,), (N, D), (D, N), (N, N), (N, D, N))


class _Drawing:
    """A graph that grows by nodes of all kinds."""

    def __init__(self, draw: st.DrawFn, rough: bool) -> None:
        self.draw, self.rough = draw, rough
        self.graph = graph = Graph()
        self.nodes = [graph.input("param", k, axes) for k, axes in enumerate(PARAMS)]
        self.nodes += [graph.input("data", k, axes) for k, axes in enumerate(DATA)]
        self.indices = self.nodes.pop()
        self.nodes += [graph.constant(draw(st.sampled_from(_NUMBERS))), graph.extent(N)]

    def one_of(self, items: Any) -> Any:
        return self.draw(st.sampled_from(items))

    def node(self, *shapes: Axes) -> int | None:
        """Return some node, over one of these axes if there are any given."""
        fitting = [k for k in self.nodes if not shapes or self.graph[k].axes in shapes]
        return self.one_of(fitting) if fitting else None

    def grow(self) -> None:
        made: tuple[Callable[[], int | None], ...] = (
            *(self.one, self.two, self.two, self.choice, self.reduction, self.reduction),
            *(self.broadcast, self.broadcast, self.shift, self.clamped, self.turned, self.fixed),
            *(self.diagonal, self.gather, self.scatter, self.leaf),
        )
        found = self.one_of(made)()
        if found is not None:
            self.nodes.append(found)

    def one(self) -> int | None:
        node = self.node()
        return None if node is None else self.graph.add(self.one_of(_ARRAY_ONE), (node,))

    def pair(self) -> tuple[int, int]:
        left = self.one_of(self.nodes)
        axes = self.graph[left].axes
        right = self.node(axes, ()) if axes else self.node()
        assert right is not None
        return (left, right) if self.draw(st.booleans()) else (right, left)

    def two(self) -> int:
        return self.graph.add(self.one_of(_ARRAY_TWO), self.pair())

    def choice(self) -> int | None:
        left, right = self.pair()
        graph = self.graph
        condition = graph.add(self.one_of(("lt", "le")), (left, right))
        other = self.node(graph[condition].axes, ())
        return None if other is None else graph.add("select", (condition, left, other))

    def reduction(self) -> int | None:
        node = self.one_of(self.nodes)
        rank = len(self.graph[node].axes)
        ops = ("reduce_sum", "reduce_sum", "reduce_prod") + (("reduce_max",) if self.rough else ())
        if not rank:
            return None
        return self.graph.reduce(self.one_of(ops), node, self.draw(st.integers(0, rank - 1)))

    def broadcast(self) -> int | None:
        """Return a transpose or a broadcast."""
        axes = self.one_of(_SHAPES)
        node = self.one_of(self.nodes)
        own = self.graph[node].axes
        free: list[int] = []
        for axis in own:
            fitting = [k for k, one in enumerate(axes) if one == axis and k not in free]
            if not fitting:
                return None
            free.append(self.one_of(fitting))
        return self.graph.view(node, whole(free), axes) if own else None

    def along(self, source: int, axis: Axis, index: Index, new: Axis, clamped: bool = False) -> int:
        """Return a view that changes the index along one axis alone."""
        own = self.graph[source].axes
        place = own.index(axis)
        indices: list[Index] = [at(k) for k in range(len(own))]
        indices[place] = index.on([place]) if isinstance(index, Affine) else index
        axes = tuple(new if k == place else one for k, one in enumerate(own))
        return self.graph.view(source, View(tuple(indices), clamped), axes)

    def shift(self) -> int | None:
        """Return u[i], u[i + 1], or what puts it back by a scatter."""
        back = self.node((SHORTER,))
        if back is not None and self.draw(st.booleans()):
            index = at(0) + self.draw(st.integers(0, 1))
            return self.graph.scatter(back, View((index,)), (N,))
        source = self.node((N,), (N, D), (D, N))
        if source is None:
            return None
        return self.along(source, N, at(0) + self.draw(st.integers(0, 1)), SHORTER)

    def clamped(self) -> int | None:
        source = self.node((N,), (N, D), (D, N))
        if source is None:
            return None
        index = at(0, self.one_of((1, 2))) + self.draw(st.integers(-2, 2))
        return self.along(source, N, index, N, clamped=True)

    def turned(self) -> int | None:
        source = self.node((D,), (N, D), (D, N))
        return None if source is None else self.along(source, D, Affine.of("d") - 1 - at(0), D)

    def fixed(self) -> int | None:
        """Return X[0, j], or a number of a vector."""
        source = self.node((N, D), (D,))
        if source is None:
            return None
        own = self.graph[source].axes
        first: Affine = self.one_of((Affine(0), own[0].extent - 1))
        return self.graph.view(source, View((first, *(at(0) for _ in own[1:]))), own[1:])

    def diagonal(self) -> int | None:
        source = self.node((N, N))
        return None if source is None else self.graph.view(source, View((at(0), at(0))), (N,))

    def gather(self) -> int | None:
        """Return w[r[i]], X[i, r[i]] or A[r[i], j]."""
        source = self.node((D,), (N, D), (D, N))
        if source is None:
            return None
        own, read = self.graph[source].axes, Gather(1, (0,))
        indices: tuple[tuple[Index, ...], Axes] = {
            (D,): ((read,), (N,)),
            (N, D): ((at(0), read), (N,)),
            (D, N): ((read, at(1)), (N, N)),
        }[own]
        return self.graph.view(source, View(indices[0]), indices[1], (self.indices,))

    def scatter(self) -> int | None:
        """Return what adds up what a gather, a broadcast, a shift or a diagonal reads."""
        body = self.node((N,), (N, D), ())
        if body is None:
            return None
        own, read = self.graph[body].axes, Gather(1, (0,))
        kinds: dict[Axes, list[tuple[tuple[Index, ...], Axes, bool]]] = {
            (): [((Affine(0), Affine.of("d") - 1), (N, D), False)],
            (N,): [
                ((read,), (D,), False),
                ((at(0), read), (N, D), False),
                ((at(0), at(0)), (N, N), False),
                ((at(0) - 1,), (N,), True),
            ],
            (N, D): [((at(1),), (D,), False), ((read, at(0)), (D, N), False)],
        }
        index, axes, clamped = self.one_of(kinds[own])
        gathers = (self.indices,) if read in index else ()
        return self.graph.scatter(body, View(index, clamped), axes, gathers)

    def leaf(self) -> int:
        axes = self.one_of(((N,), (N, D), (N, N)))
        value = at(0) - (at(1) if len(axes) > 1 else 0) + self.draw(st.integers(-1, 1))
        kind: Literal["index", "delta"] = self.one_of(("index", "delta"))
        return getattr(self.graph, kind)(value, axes)  # type: ignore[no-any-return]


@st.composite
def array_graphs(draw: st.DrawFn, *, rough: bool = True, size: int = 14) -> ArrayCase:
    """Return a graph over arrays with two sizes: every kind of node.

    The parameters have axes (d,), () and (n, d); without ``rough`` there is no ``reduce_max``.
    """
    drawing = _Drawing(draw, rough)
    for _ in range(draw(st.integers(3, size))):
        drawing.grow()
    sizes = {"n": draw(st.integers(2, 4))}
    sizes["d"] = draw(st.integers(1, 4).filter(lambda k: k != sizes["n"]))
    finite = st.floats(-2, 2).map(lambda value: round(value, 3))
    arrays: dict[Input, NDArray[np.float64]] = {}
    roles: tuple[tuple[Literal["param", "data"], tuple[Axes, ...]], ...] = (
        ("param", PARAMS),
        ("data", DATA),
    )
    for role, inputs in roles:
        for slot, axes in enumerate(inputs):
            shape = tuple(sizes[axis.extent.sizes[0]] for axis in axes)
            last = role == "data" and slot == len(inputs) - 1
            entry = st.integers(0, sizes["d"] - 1).map(float) if last else finite
            entries = [draw(entry) for _ in range(int(np.prod(shape)))]
            arrays[Input(role, slot)] = np.array(entries).reshape(shape)
    roots = sorted(set(drawing.nodes[-5:]))
    return ArrayCase(drawing.graph, roots, sizes, arrays, PARAMS)


def counted(definition: Definition, name: str) -> tuple[int, int]:
    """Return how many operations a function takes, and how many of them are divisions or roots."""
    (schedule,) = plan(definition, (name,))
    graph = schedule.function.graph
    costs = [kind_of(graph[k].op) for k in graph.ancestors(schedule.function.roots())]
    divisions = sum(bool(cost.divisions.terms) for cost in costs)
    return divisions + sum(bool(c.operations.terms or c.calls.terms) for c in costs), divisions
