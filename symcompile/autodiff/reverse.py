"""Reverse mode: one walk from the results back to the inputs, linear in the graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from symcompile.autodiff.activity import ALWAYS, Activity
from symcompile.autodiff.rules import CHOICES, LINEAR, choice, pull
from symcompile.ir.build import Builder
from symcompile.ir.graph import Axis


class _Adjoints:
    """Cotangents under accumulation, and the activity of the nodes that receive them."""

    def __init__(self, b: Builder) -> None:
        self.b = b
        self.parts: dict[int, dict[tuple[Axis, ...], int]] = {}
        self.activity: dict[int, Activity] = {}

    def push(self, node: int, contribution: int, axes: tuple[Axis, ...]) -> None:
        """Add a contribution that arises once for each point of ``axes``."""
        b = self.b
        own = b.graph[node].axes
        found = b.graph[contribution].axes
        if len(axes) > len(own) and not found:  # the same for each point: no loop needed
            contribution = b.call("mul", b.graph.extent(axes[0]), contribution)
        key = found if len(found) > len(own) else own
        parts = self.parts.setdefault(node, {})
        before = parts.get(key)
        parts[key] = contribution if before is None else b.call("add", before, contribution)

    def total(self, node: int) -> int | None:
        """Return the cotangent of a node: what came over more axes is summed, once."""
        parts = self.parts.pop(node, None)
        if parts is None:
            return None
        b = self.b
        result: int | None = None
        for axes, part in parts.items():
            extra = len(axes) > len(b.graph[node].axes)
            value = b.reduce_over(axes[0], part) if extra else part
            result = value if result is None else b.call("add", result, value)
        return result

    def activate(self, node: int, by: Activity) -> None:
        before = self.activity.get(node)
        self.activity[node] = by if before is None else before.joined(self.b, by)


def reverse(b: Builder, seeds: Mapping[int, int], wrt: Iterable[int]) -> dict[int, int]:
    """Return the cotangents of the nodes ``wrt``; those that nothing reaches are left out.

    Args:
        b: the graph, which grows.
        seeds: the cotangent of each result.
        wrt: the nodes to differentiate in.
    """
    graph = b.graph
    order = graph.ancestors(seeds)
    depends = _dependants(b, order, wrt)
    adjoints = _Adjoints(b)
    for node, seed in seeds.items():
        adjoints.push(node, seed, graph[seed].axes)
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


def _dependants(b: Builder, order: Iterable[int], wrt: Iterable[int]) -> set[int]:
    depends = set(wrt)
    for index in order:
        if any(arg in depends for arg in b.graph[index].args):
            depends.add(index)
    return depends


def _propagate(adjoints: _Adjoints, index: int, g: int, depends: set[int]) -> None:
    b = adjoints.b
    node = b.graph[index]
    activity = adjoints.activity[index]

    def send(arg: int, contribution: int, reached: Activity) -> None:
        adjoints.push(arg, contribution, node.axes)
        if len(b.graph[arg].axes) < len(node.axes) and not reached.always and b.graph[arg].args:
            reached = _any_point(b, reached)
        adjoints.activate(arg, reached)

    if node.op == "reduce_sum":
        send(node.args[0], g, activity)
    elif node.op in CHOICES:
        condition, yes, no = choice(b, index)
        zero = b.constant(0)
        if yes in depends:
            send(yes, b.call("select", condition, g, zero), activity.chosen_by((condition, True)))
        if no in depends:
            send(no, b.call("select", condition, zero, g), activity.chosen_by((condition, False)))
    else:
        for position, arg in enumerate(node.args):
            contribution = pull(b, index, position, g) if arg in depends else None
            if contribution is None:
                continue
            if not activity.always and node.op not in LINEAR:
                contribution = b.call("select", activity.condition(b), contribution, b.constant(0))
            send(arg, contribution, activity)


def _any_point(b: Builder, activity: Activity) -> Activity:
    """Return whether any point of the loop is active, for a node that stands outside of it."""
    condition = activity.condition(b)
    if not b.graph[condition].axes:
        return activity
    count = b.reduce_sum(b.call("select", condition, b.constant(1), b.constant(0)))
    some = b.call("lt", b.constant(0), count)
    return Activity(frozenset({frozenset({(some, True)})}))
