"""Making nodes with the algebra that keeps a graph small, and operators to write rules with."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from symcompile.ir.algebra import simplify
from symcompile.ir.graph import Axis, Graph, Special

Number = int | Fraction


class Builder:
    """A graph under construction. Every node goes through :func:`~symcompile.ir.algebra.simplify`.

    >>> b = Builder()
    >>> x = Value(b, b.graph.input("param", 0))
    >>> ((x + 0) * 1 - (-x)).node == (x + x).node
    True
    """

    __slots__ = ("graph",)

    def __init__(self, graph: Graph | None = None) -> None:
        self.graph = Graph() if graph is None else graph

    def call(self, op: str, *args: int) -> int:
        """Return the node for an elementwise operation, simplified."""
        found = simplify(self, op, args)
        return self.graph.add(op, args) if found is None else found

    def constant(self, value: Number | Special) -> int:
        """Return the node of an exact constant."""
        return self.graph.constant(value)

    def reduce_sum(self, body: int, position: int = 0) -> int:
        """Return a sum over one axis, with the factors that lack the axis pulled out."""
        graph = self.graph
        outer: list[tuple[str, int]] = []
        while True:
            node = graph[body]
            if node.op == "neg":
                outer.append(("neg", -1))
                body = node.args[0]
            elif node.op in ("mul", "div") and not graph[node.args[1]].axes:
                outer.append((node.op, node.args[1]))
                body = node.args[0]
            elif node.op == "mul" and not graph[node.args[0]].axes:
                outer.append(("mul", node.args[0]))
                body = node.args[1]
            else:
                break
        total = graph.reduce_sum(body, position)
        for op, factor in reversed(outer):
            total = self.call("neg", total) if op == "neg" else self.call(op, total, factor)
        return total

    def reduce_over(self, axis: Axis, body: int, position: int = 0) -> int:
        """Return a sum over ``axis``; a body without it is the same at each of its points."""
        if self.graph[body].axes:
            return self.reduce_sum(body, position)
        return self.call("mul", self.graph.extent(axis), body)

    def copy_node(self, source: Graph, index: int, mapping: Mapping[int, int]) -> int:
        """Return this graph's node for node ``index`` of ``source``, its arguments mapped."""
        node = source[index]
        if node.op == "const":
            return self.graph.constant(node.data)  # type: ignore[arg-type]
        if node.op == "input":
            role, slot = node.data  # type: ignore[misc]
            return self.graph.input(role, slot, node.axes)
        if node.op == "extent":
            return self.graph.extent(node.data)  # type: ignore[arg-type]
        if node.op == "reduce_sum":
            assert isinstance(node.data, int)
            axis = source[node.args[0]].axes[node.data]
            return self.reduce_over(axis, mapping[node.args[0]], node.data)
        return self.call(node.op, *[mapping[arg] for arg in node.args])


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
        return Value(self.builder, self.builder.call(op, self.node, self.lift(other).node))

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
