"""Reverse mode: one walk from the results back to the inputs, linear in the graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from symcompile.autodiff.activity import ALWAYS, Activity
from symcompile.autodiff.parts import is_split, part_reverse, real_part
from symcompile.autodiff.rules import CHOICES, LINEAR, choice, product_slope, pull
from symcompile.ir.algebra import exact
from symcompile.ir.build import Builder
from symcompile.ir.graph import BODY_OPS, REDUCTIONS, STRUCTURAL, Axes, Kind, Node, View


class _Adjoints:
    """Cotangents under accumulation, and the activity of the nodes that receive them."""

    def __init__(self, b: Builder, projected: bool, pointwise: bool) -> None:
        self.b = b
        self.projected = projected
        self.pointwise = pointwise
        #: By node, by axes, apart for scatters, whose sum needs one array for all, and by the
        #: condition under which there is any: their sum is one choice.
        self.parts: dict[int, dict[tuple[Axes, bool, int | None], int]] = {}
        self.activity: dict[int, Activity] = {}

    def push(self, node: int, contribution: int, axes: Axes) -> None:
        """Add a contribution that arises once for each point of ``axes``.

        They are the axes of the node, or any where the node has none.
        """
        b = self.b
        nodes = b.graph.nodes
        if self.projected and nodes[node].kind is not Kind.COMPLEX:
            contribution = real_part(b, contribution)
        same = axes and not nodes[node].axes and not nodes[contribution].axes
        if same and not self.pointwise:
            for axis in axes:  # the same for each point: no loop needed
                contribution = b.call("mul", b.size(axis.extent), contribution)
            axes = ()
        parts = self.parts.setdefault(node, {})
        op = nodes[contribution].op
        condition = _condition(b, contribution) if op == "select" or op == "neg" else None
        key = axes, op == "scatter", condition
        before = parts.get(key)
        parts[key] = contribution if before is None else b.call("add", before, contribution)

    def total(self, node: int) -> int | None:
        """Return the cotangent of a node: what came over more axes is summed, once."""
        parts = self.parts.pop(node, None)
        if parts is None:
            return None
        b = self.b
        result: int | None = None
        for (axes, *_), part in parts.items():
            apart = self.pointwise or not axes or b.graph[node].axes
            value = part if apart else summed_over(b, part, axes)
            result = value if result is None else b.call("add", result, value)
        return result

    def activate(self, node: int, by: Activity) -> None:
        before = self.activity.get(node)
        self.activity[node] = by if before is None else before.joined(self.b, by)


def _condition(b: Builder, node: int) -> int | None:
    """Return the condition of a choice between something and zero, perhaps negated."""
    found = b.graph[node]
    if found.op == "neg":
        found = b.graph[found.args[0]]
    if found.op != "select" or not any(exact(b.graph, arm) == 0 for arm in found.args[1:]):
        return None
    return found.args[0]


def summed_over(b: Builder, node: int, axes: Axes) -> int:
    """Return a node summed over all of ``axes``, which are its own."""
    for k in range(len(axes) - 1, -1, -1):
        node = b.reduce("reduce_sum", node, k, axes[k])
    return node


def reverse(
    b: Builder,
    seeds: Mapping[int, int],
    wrt: Iterable[int],
    *,
    projected: bool = False,
    pointwise: bool = False,
) -> dict[int, int]:
    """Return the cotangents of the nodes ``wrt``; those that nothing reaches are left out.

    Args:
        b: the graph, which grows.
        seeds: the cotangent of each result, over its axes.
        wrt: the nodes to differentiate in.
        projected: whether real nodes take the real part of what reaches them (see
            :mod:`symcompile.autodiff.parts`); a function that goes through parts of complex
            numbers needs it.
        pointwise: whether the cotangent of a number stays apart for each point of the loop that
            uses it, so that it is the derivative of that point's result; what depends on
            ``wrt`` must be :func:`elementwise`.
    """
    graph = b.graph
    order = graph.ancestors(seeds)
    depends = _dependants(b, order, wrt)
    adjoints = _Adjoints(b, projected, pointwise)
    for node, seed in seeds.items():
        adjoints.push(node, seed, graph[node].axes or graph[seed].axes)
        adjoints.activate(node, ALWAYS)
    targets = set(wrt)
    found: dict[int, int] = {}
    for index in reversed(order):
        if index not in depends:
            continue
        g = adjoints.total(index)
        if g is None:
            continue
        if index in targets:
            found[index] = g
        _propagate(adjoints, index, g, depends)
    return found


def elementwise(b: Builder, roots: Iterable[int], wrt: Iterable[int]) -> bool:
    """Return whether each point of ``roots`` depends on ``wrt`` through that point alone.

    What is no operation of the table, and has axes or a body, is taken to mix them.
    """
    graph = b.graph
    wrt = set(wrt)
    depends = _dependants(b, graph.ancestors(roots), wrt) - wrt
    return not any(graph[k].op in STRUCTURAL or graph[k].op in BODY_OPS for k in depends)


def _dependants(b: Builder, order: Iterable[int], wrt: Iterable[int]) -> set[int]:
    depends = set(wrt)
    nodes = b.graph.nodes
    for index in order:
        op, args, _, _, _ = nodes[index]
        if op in ("floor", "ceil"):  # constant wherever it is smooth
            continue
        # What a gathered index depends on has no derivative.
        if op in ("view", "scatter"):
            args = args[:1]
        if not depends.isdisjoint(args):
            depends.add(index)
    return depends


def _propagate(adjoints: _Adjoints, index: int, g: int, depends: set[int]) -> None:
    node = adjoints.b.graph[index]
    if node.op in REDUCTIONS:
        _through_reduction(adjoints, index, node, g)
    elif node.op in ("view", "scatter"):
        _through_view(adjoints, index, node, g)
    elif node.op in CHOICES:
        _through_choice(adjoints, index, node, g, depends)
    else:
        _through_operation(adjoints, index, node, g, depends)


def _through_reduction(adjoints: _Adjoints, index: int, node: Node, g: int) -> None:
    b = adjoints.b
    (body,) = node.args
    axes = b.graph[body].axes
    position = node.data
    assert isinstance(position, int)
    if node.op == "reduce_max":  # a shift that cancels; see passes.recognise
        return
    kept = [k for k in range(len(axes)) if k != position]
    spread = b.broadcast(g, kept, axes)
    if node.op == "reduce_prod":
        spread = b.call("mul", spread, product_slope(b, index))
    adjoints.push(body, spread, axes)
    activity = adjoints.activity[index]
    if not activity.always and b.graph[body].args:
        condition = b.broadcast(activity.condition(b), kept, axes)
        activity = Activity.when(condition)
    adjoints.activate(body, activity)


def _through_view(adjoints: _Adjoints, index: int, node: Node, g: int) -> None:
    b = adjoints.b
    source, *gathers = node.args
    view = node.data
    assert isinstance(view, View)
    axes = b.graph[source].axes
    if not view.index:  # a scalar, filled
        adjoints.push(source, g, node.axes)
    elif node.op == "view":
        back = _transposed(b, node, g)
        adjoints.push(source, back, axes)
    else:
        adjoints.push(source, b.view(g, view, axes, tuple(gathers)), axes)
    activity = adjoints.activity[index]
    if not activity.always and b.graph[source].args:
        condition = activity.condition(b)
        flag = b.call("select", condition, b.constant(1), b.constant(0))
        if node.op == "scatter":
            activity = Activity.when(b.view(condition, view, axes, tuple(gathers)))
        else:
            if not view.index:
                count = summed_over(b, flag, node.axes)
            else:
                count = _transposed(b, node, flag)
            activity = Activity.when(b.call("lt", b.constant(0), count))
    adjoints.activate(source, activity)


def _transposed(b: Builder, node: Node, g: int) -> int:
    """Return what flows back through a view: a scatter of ``g``, which is over its axes."""
    view = node.data
    assert isinstance(view, View)
    axes = b.graph[node.args[0]].axes
    if not b.graph[g].axes:
        unused = [k for k in range(len(node.axes)) if k not in view.used]
        if view.plain is not None:  # the same at each point: no loop needed
            for k in unused:
                g = b.call("mul", b.size(node.axes[k].extent), g)
            if all(node.axes[p] == axis for p, axis in zip(view.plain, axes, strict=True)):
                return g
        g = b.filled(g, node.axes)
    return b.scatter(g, view, axes, node.args[1:])


def _through_choice(adjoints: _Adjoints, index: int, node: Node, g: int, depends: set[int]) -> None:
    b = adjoints.b
    activity = adjoints.activity[index]
    condition, yes, no = choice(b, index)
    zero = b.constant(0)
    if yes in depends:
        part = b.call("select", condition, g, zero)
        _send(adjoints, node, yes, part, activity.chosen_by((condition, True)))
    if no in depends:
        part = b.call("select", condition, zero, g)
        _send(adjoints, node, no, part, activity.chosen_by((condition, False)))


def _through_operation(
    adjoints: _Adjoints, index: int, node: Node, g: int, depends: set[int]
) -> None:
    b = adjoints.b
    activity = adjoints.activity[index]
    split = is_split(b, index)
    for position, arg in enumerate(node.args):
        if arg not in depends:
            continue
        if split:
            contribution: int | None = part_reverse(b, node.op, g, index, arg)
        else:
            contribution = pull(b, index, position, g, index, node.args)
        if contribution is None:
            continue
        if not activity.always and node.op not in LINEAR:
            contribution = b.call("select", activity.condition(b), contribution, b.constant(0))
        _send(adjoints, node, arg, contribution, activity)


def _send(adjoints: _Adjoints, node: Node, arg: int, contribution: int, reached: Activity) -> None:
    graph = adjoints.b.graph
    adjoints.push(arg, contribution, node.axes)
    outside = not graph[arg].axes and node.axes and not adjoints.pointwise
    if outside and not reached.always and graph[arg].args:
        reached = _any_point(adjoints.b, reached)
    adjoints.activate(arg, reached)


def _any_point(b: Builder, activity: Activity) -> Activity:
    """Return whether any point of the loop is active, for a node that stands outside of it."""
    condition = activity.condition(b)
    axes = b.graph[condition].axes
    if not axes:
        return activity
    flag = b.call("select", condition, b.constant(1), b.constant(0))
    return Activity.when(b.call("lt", b.constant(0), summed_over(b, flag, axes)))
