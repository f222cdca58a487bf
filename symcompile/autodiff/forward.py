"""Forward mode: tangents along with values, in one walk, linear in the graph.

A direction may have axes of its own, such as one for each entry of a parameter; they come last
in every tangent, so that one walk gives a whole Jacobian.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from symcompile.autodiff.parts import is_split, part_forward
from symcompile.autodiff.rules import CHOICES, choice, product_slope, pull
from symcompile.ir.affine import Affine
from symcompile.ir.build import Builder
from symcompile.ir.graph import Axes, Node, View, whole


def forward(
    b: Builder, roots: Sequence[int], seeds: Mapping[int, int], extra: Axes = ()
) -> list[int | None]:
    """Return the tangents of ``roots``; None for one that does not depend on the seeds.

    Args:
        b: the graph, which grows.
        roots: the results.
        seeds: the tangents of the inputs that have one, over their axes and ``extra``.
        extra: the axes of the direction.

    Returns:
        Nodes over the axes of the roots and ``extra``, or without axes.
    """
    return _Forward(b, seeds, extra).run(roots)


class _Forward:
    def __init__(self, b: Builder, seeds: Mapping[int, int], extra: Axes) -> None:
        self.b = b
        self.extra = extra
        self.tangents: dict[int, int] = dict(seeds)
        #: Whether there is one direction for all, not one for each of the parameters.
        self.single = len(seeds) > 1

    def run(self, roots: Sequence[int]) -> list[int | None]:
        graph, tangents = self.b.graph, self.tangents
        for index in graph.ancestors(roots):
            node = graph[index]
            if index in tangents or not any(arg in tangents for arg in node.args):
                continue
            made = self.tangent(index, node)
            if made is not None:
                tangents[index] = made
        return [tangents.get(root) for root in roots]

    def tangent(self, index: int, node: Node) -> int | None:
        b = self.b
        match node.op:
            case "reduce_sum":
                return self.summed(self.tangents[node.args[0]], node.args[0], node.data)
            case "reduce_prod":
                slope = self.lifted(product_slope(b, index), node.args[0])
                part = b.call("mul", slope, self.over(node.args[0], node.args[0]))
                return self.summed(part, node.args[0], node.data)
            case "reduce_max":  # a shift that cancels; see passes.recognise
                return None
            case "view" | "scatter":
                return self.moved(node)
        if node.op in CHOICES:
            return self.chosen(index)
        if is_split(b, index):
            (arg,) = node.args
            values = [self.lifted(n, index) for n in (index, arg)]
            return part_forward(b, node.op, self.over(arg, index), *values)
        if node.op == "div" and self.single and all(arg in self.tangents for arg in node.args):
            return self.quotient(index, *node.args)
        total: int | None = None
        for position, arg in enumerate(node.args):
            if arg not in self.tangents:
                continue
            values = [self.lifted(a, index) for a in node.args]
            tangent, result = self.over(arg, index), self.lifted(index, index)
            pulled = pull(b, index, position, tangent, result, values)
            if pulled is not None:
                total = pulled if total is None else b.call("add", total, pulled)
        return total

    def quotient(self, index: int, x: int, y: int) -> int:
        """Return the tangent of a quotient in one division.

        For many directions the rules in x and y apart are cheaper: their quotients are shared.
        """
        b = self.b
        moved = b.call("mul", self.lifted(index, index), self.over(y, index))
        return b.call("div", b.call("sub", self.over(x, index), moved), self.lifted(y, index))

    def lifted(self, node: int, like: int) -> int:
        """Return a primal value over the axes of the tangents of node ``like``."""
        if not self.extra:
            return node
        return self.b.lift(node, self.b.graph[like].axes + self.extra)

    def over(self, arg: int, index: int) -> int:
        """Return the tangent of an argument over the axes of that of the node that uses it."""
        graph, tangent = self.b.graph, self.tangents[arg]
        axes = graph[index].axes + self.extra
        own = graph[tangent].axes
        if not own or len(own) == len(axes):
            return tangent
        # The argument is a scalar: only the direction has axes.
        first = len(axes) - len(own)
        return self.b.broadcast(tangent, range(first, len(axes)), axes)

    def summed(self, tangent: int, body: int, position: object) -> int:
        assert isinstance(position, int)
        return self.b.reduce_over(self.b.graph[body].axes[position], tangent, position)

    def moved(self, node: Node) -> int | None:
        """Return the tangent of a view or a scatter: the same one of the tangent."""
        b, view = self.b, node.data
        assert isinstance(view, View)
        tangent = self.tangents.get(node.args[0])
        if tangent is None:
            return None
        body_axes = b.graph[node.args[0]].axes
        inner = node.axes if node.op == "view" else body_axes
        # The axes of the direction come after those that the indices are in.
        tail = whole(range(len(inner), len(inner) + len(self.extra))).index
        longer = View(view.index + tail, view.clamped)
        axes = node.axes + self.extra
        if node.op == "view":
            return b.view(tangent, longer, axes, node.args[1:])
        return b.scatter(b.filled(tangent, body_axes + self.extra), longer, axes, node.args[1:])

    def chosen(self, index: int) -> int | None:
        b = self.b
        condition, yes, no = choice(b, index)
        if yes not in self.tangents and no not in self.tangents:
            return None
        zero = b.constant(0)
        parts = [self.over(a, index) if a in self.tangents else zero for a in (yes, no)]
        return b.call("select", self.lifted(condition, index), *parts)


def unit(b: Builder, axes: Axes) -> int:
    """Return the tangent of an input in the directions of its own entries: a Kronecker delta."""
    result = b.constant(1)
    count = len(axes)
    for k in range(count):
        delta = b.delta(Affine(0, ((k, 1), (count + k, -1))), axes + axes)
        result = b.call("mul", result, delta)
    return result
