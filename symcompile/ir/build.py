"""Making nodes with the algebra that keeps a graph small, and operators to write rules with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from symcompile.ir.affine import Affine, Var
from symcompile.ir.algebra import RULES
from symcompile.ir.bodies import simplified_bound
from symcompile.ir.body import Body
from symcompile.ir.graph import (
    COMPLEX_OPS,
    REDUCTIONS,
    Axes,
    Axis,
    Graph,
    Index,
    Input,
    Kind,
    Special,
    View,
    kind_of,
    whole,
)
from symcompile.ir.sums import simplified_sum
from symcompile.ir.views import composed, in_range, support

Number = int | Fraction


class Builder:
    """A graph under construction. Every node goes through the identities of
    :mod:`symcompile.ir.algebra`.

    What does not vary along an axis is computed without it: operations on broadcast views become
    broadcast views of operations. So hoisting is how the graph is made.

    >>> b = Builder()
    >>> x = Value(b, b.graph.input("param", 0))
    >>> ((x + 0) * 1 - (-x)).node == (x + x).node
    True
    """

    __slots__ = ("graph", "memo", "textbook")

    def __init__(self, graph: Graph | None = None) -> None:
        self.graph = Graph() if graph is None else graph
        #: Whether rules are those of a textbook, without the guards that numbers need.
        self.textbook = False
        #: What analyses found of nodes, by analysis and node: a graph only grows, so it stays true.
        self.memo: dict[tuple[str, int], Any] = {}

    def call(self, op: str, *args: int) -> int:
        """Return the node for an elementwise operation, simplified."""
        nodes = self.graph.nodes
        for arg in args:
            axes = nodes[arg].axes
            if not axes:
                continue
            used = frozenset[int]().union(*(support(self.graph, arg) for arg in args))
            if len(used) < len(axes):
                return self._narrow(op, args, axes, sorted(used))
            break
        rule = RULES.get(op)
        found = None if rule is None else rule(self, args)
        if found is None:
            return self.graph.add(op, args)
        for arg in args:
            if nodes[arg].kind is Kind.COMPLEX:
                # i*i is -1 among the complex numbers: its square root is i.
                return self.widened(found, kind_of(op, [Kind.COMPLEX]))
        return found if op not in COMPLEX_OPS else self.widened(found, Kind.COMPLEX)

    def widened(self, node: int, kind: Kind) -> int:
        """Return a node that stands for one of ``kind``: complex, where that is."""
        if kind is Kind.COMPLEX and self.graph[node].kind is not Kind.COMPLEX:
            return self.call("widen", node)
        return node

    def _narrow(self, op: str, args: tuple[int, ...], axes: Axes, used: list[int]) -> int:
        """Return an operation of what depends on the axes ``used`` only, broadcast."""
        fewer = tuple(axes[k] for k in used)
        made = self.call(op, *[self.restricted(arg, used, fewer) for arg in args])
        return self.broadcast(made, used, axes)

    def restricted(self, node: int, kept: list[int], axes: Axes) -> int:
        """Return a node over some of its axes; it must not depend on the others."""
        own = self.graph[node].axes
        if not own:
            return node
        place = {axis: k for k, axis in enumerate(kept)}
        index = [Affine(0, ((place[k], 1),)) if k in place else Affine(0) for k in range(len(own))]
        return self.view(node, View(tuple(index)), axes)

    def broadcast(self, node: int, positions: Sequence[int], axes: Axes) -> int:
        """Return a node as a constant along all axes but those at ``positions``, its own."""
        return self.view(node, whole(positions), axes)

    def lift(self, node: int, axes: Axes) -> int:
        """Return a node over more axes: its own come first."""
        return self.broadcast(node, range(len(self.graph[node].axes)), axes)

    def bound(self, op: str, args: tuple[int, ...], body: Body) -> int:
        """Return a sum, a product, an integral or a derivative of ``body``, simplified."""
        nodes = self.graph.nodes
        axes = next((nodes[arg].axes for arg in args if nodes[arg].axes), ())
        if axes:
            used = sorted(frozenset[int]().union(*(support(self.graph, arg) for arg in args)))
            if len(used) < len(axes):
                fewer = tuple(axes[k] for k in used)
                narrow = tuple(self.restricted(arg, used, fewer) for arg in args)
                return self.broadcast(self.bound(op, narrow, body), used, axes)
        return simplified_bound(self, op, args, body)

    def constant(self, value: Number | Special) -> int:
        """Return the node of an exact constant."""
        return self.graph.constant(value)

    def size(self, value: Affine) -> int:
        """Return the node of a size as a number."""
        number = value.number
        return self.constant(number) if number is not None else self.graph.extent(Axis(value))

    def index(self, value: Affine, axes: Axes) -> int:
        """Return the node of an affine function of the indices over ``axes``."""
        return self._positional("index", value, axes)

    def delta(self, value: Affine, axes: Axes) -> int:
        """Return the node that is 1 where an affine function of the indices is 0, else 0."""
        low, high = value.bounds([axis.extent for axis in axes])
        if (low - 1).nonnegative() or (-high - 1).nonnegative():
            return self.constant(0)
        if value.number == 0:
            return self.constant(1)
        first = value.terms[0][1] if value.terms else 1
        return self._positional("delta", value * (1 if first > 0 else -1), axes)

    def _positional(self, op: str, value: Affine, axes: Axes) -> int:
        used = value.axes
        if not used:
            if op == "index":
                return self.size(value)
            zero, one = self.constant(0), self.constant(1)
            return self.call("select", self.call("eq", self.size(value), zero), one, zero)
        place: dict[Var, Affine] = {axis: Affine(0, ((k, 1),)) for k, axis in enumerate(used)}
        fewer = tuple(axes[k] for k in used)
        make = self.graph.index if op == "index" else self.graph.delta
        return self.graph.view(make(value.substitute(place), fewer), whole(used), axes)

    def view(self, source: int, view: View, axes: Axes, gathers: tuple[int, ...] = ()) -> int:
        """Return ``source`` indexed; a view of a view is one view."""
        node = self.graph[source]
        if not node.axes:
            return source
        if node.op in ("delta", "index") and all(isinstance(i, Affine) for i in view.index):
            assert isinstance(node.data, Affine)
            inner = {k: i for k, i in enumerate(view.index) if isinstance(i, Affine)}
            make = self.delta if node.op == "delta" else self.index
            return make(node.data.substitute(inner), axes)  # type: ignore[arg-type]
        if view.clamped and in_range(view, node.axes, axes):
            view = View(view.index)
        if node.op == "view":
            found = composed(self, source, view, axes, gathers)
            if found is not None:
                return found
        return self.graph.view(source, view, axes, gathers)

    def scatter(self, body: int, view: View, axes: Axes, gathers: tuple[int, ...] = ()) -> int:
        """Return the transpose of a view applied to ``body``.

        Axes of ``body`` that no index uses are summed; a transpose by plain axes is a view.

        A body that is the same along axes that are used must be :meth:`filled`.
        """
        graph = self.graph
        own = graph[body].axes
        if not own and not view.used:
            return self._at_one_place(body, view, axes, gathers)
        unused = [k for k in range(len(own)) if k not in view.used]
        for k in reversed(unused):
            body = self.reduce("reduce_sum", body, k, own[k])
        if unused:
            kept = [k for k in range(len(own)) if k not in unused]
            view = View(tuple(renamed(i, kept) for i in view.index), view.clamped)
        plain = view.plain
        left = tuple(axis for k, axis in enumerate(own) if k not in unused)
        if plain is not None and all(left[p] == axis for p, axis in zip(plain, axes, strict=True)):
            # The axis k of the result is the axis plain[k] of the body.
            if not graph[body].axes:
                return body
            return self.view(body, whole([plain.index(k) for k in range(len(plain))]), axes)
        if not graph[body].axes:
            body = graph.fill(body, left)
        return graph.scatter(body, view, axes, gathers)

    def _at_one_place(self, body: int, view: View, axes: Axes, gathers: tuple[int, ...]) -> int:
        """Return an array that is zero but for one entry."""
        place: int | None = None
        for k, (index, axis) in enumerate(zip(view.index, axes, strict=True)):
            if isinstance(index, Affine):
                value = self.size(index)
                if view.clamped:
                    last = self.size(axis.extent - 1)
                    value = self.call("max", self.call("min", value, last), self.constant(0))
            else:
                value = gathers[index.arg - 1]
            here = self.call("eq", self.index(Affine(0, ((k, 1),)), axes), value)
            place = here if place is None else self.call("and", place, here)
        assert place is not None
        return self.call("select", place, body, self.constant(0))

    def reduce(self, op: str, body: int, position: int, axis: Axis) -> int:
        """Return a reduction over the axis at ``position``; a body without axes is constant."""
        if self.graph[body].axes:
            if op == "reduce_sum":
                return self.reduce_sum(body, position)
            if position not in support(self.graph, body):
                return self._constant_along(op, body, position, axis)
            return self.graph.reduce(op, body, position)
        return self._constant_along(op, body, position, axis)

    def _constant_along(self, op: str, body: int, position: int, axis: Axis) -> int:
        graph = self.graph
        axes = graph[body].axes
        if axes:
            kept = [k for k in range(len(axes)) if k != position]
            body = self.restricted(body, kept, tuple(axes[k] for k in kept))
        if op == "reduce_sum":
            return self.call("mul", self.size(axis.extent), body)
        if op == "reduce_prod":
            return self.call("pow", body, self.size(axis.extent))
        return body

    def reduce_sum(self, body: int, position: int = 0) -> int:
        """Return a sum over one axis, pulled apart where that takes fewer operations."""
        found = simplified_sum(self, body, position)
        return self.graph.reduce_sum(body, position) if found is None else found

    def reduce_over(self, axis: Axis, body: int, position: int = 0) -> int:
        """Return a sum over ``axis``; a body without axes is the same at each of its points."""
        return self.reduce("reduce_sum", body, position, axis)

    def copy_node(self, source: Graph, index: int, mapping: Mapping[int, int]) -> int:
        """Return this graph's node for node ``index`` of ``source``, its arguments mapped."""
        return self.copy_with(source, index, tuple(mapping[arg] for arg in source[index].args))

    def copy_with(self, source: Graph, index: int, args: tuple[int, ...]) -> int:
        """Return this graph's node for node ``index`` of ``source``, with these arguments."""
        node = source[index]
        if isinstance(node.data, Body):
            return self.bound(node.op, args, node.data)
        match node.op:
            case "const":
                return self.graph.constant(node.data)  # type: ignore[arg-type]
            case "input":
                assert isinstance(node.data, Input)
                return self.graph.input(node.data.role, node.data.slot, node.axes, node.kind)
            case "extent":
                return self.size(node.data)  # type: ignore[arg-type]
            case "index":
                return self.index(node.data, node.axes)  # type: ignore[arg-type]
            case "delta":
                return self.delta(node.data, node.axes)  # type: ignore[arg-type]
            case "view":
                return self.view(args[0], node.data, node.axes, args[1:])  # type: ignore[arg-type]
            case "scatter":
                body = self.filled(args[0], source[node.args[0]].axes)
                return self.scatter(body, node.data, node.axes, args[1:])  # type: ignore[arg-type]
        if node.op in REDUCTIONS:
            assert isinstance(node.data, int)
            axis = source[node.args[0]].axes[node.data]
            return self.reduce(node.op, args[0], node.data, axis)
        return self.call(node.op, *args)

    def filled(self, node: int, axes: Axes) -> int:
        """Return a node over ``axes``, also where it is the same everywhere."""
        return node if self.graph[node].axes or not axes else self.graph.fill(node, axes)


def renamed(index: Index, kept: Sequence[int]) -> Index:
    """Return an index in fewer axes: axis ``kept[k]`` is called ``k``."""
    place = {axis: k for k, axis in enumerate(kept)}
    if isinstance(index, Affine):
        return index.substitute({a: Affine(0, ((place[a], 1),)) for a in index.axes})
    return index._replace(axes=tuple(place[axis] for axis in index.axes))


class Value:
    """A node with the operators of arithmetic, to write rules as formulas."""

    __slots__ = ("builder", "node")

    def __init__(self, builder: Builder, node: int) -> None:
        self.builder = builder
        self.node = node

    def lift(self, other: Value | Number) -> Value:
        """Return ``other`` as a value of the same graph."""
        if isinstance(other, Value):
            return other
        return Value(self.builder, self.builder.constant(other))

    def _binary(self, op: str, other: Value | Number) -> Value:
        b = self.builder
        node = other.node if isinstance(other, Value) else b.constant(other)
        return Value(b, b.call(op, self.node, node))

    def __add__(self, other: Value | Number) -> Value:
        return self._binary("add", other)

    def __radd__(self, other: Number) -> Value:
        return self.lift(other) + self

    def __sub__(self, other: Value | Number) -> Value:
        return self._binary("sub", other)

    def __rsub__(self, other: Number) -> Value:
        return self.lift(other) - self

    def __mul__(self, other: Value | Number) -> Value:
        return self._binary("mul", other)

    def __rmul__(self, other: Number) -> Value:
        return self.lift(other) * self

    def __truediv__(self, other: Value | Number) -> Value:
        return self._binary("div", other)

    def __rtruediv__(self, other: Number) -> Value:
        return self.lift(other) / self

    def __neg__(self) -> Value:
        return Value(self.builder, self.builder.call("neg", self.node))

    @property
    def complex(self) -> bool:
        """Whether it is a complex number."""
        return self.builder.graph[self.node].kind is Kind.COMPLEX

    def exact(self) -> Fraction | None:
        """Return the value of a constant, or None of anything else."""
        data = self.builder.graph[self.node].data
        return data if isinstance(data, Fraction) else None


def call(op: str, first: Value, *rest: Value | Number) -> Value:
    """Return an operation of the table applied to values.

    >>> b = Builder()
    >>> b.graph[call("sin", Value(b, b.graph.input("param", 0))).node].op
    'sin'
    """
    args = [first.node, *[first.lift(arg).node for arg in rest]]
    return Value(first.builder, first.builder.call(op, *args))
