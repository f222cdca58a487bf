"""Forward mode: tangents along with values, in one walk, linear in the graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from symcompile.autodiff.rules import CHOICES, choice, pull, reduce_over
from symcompile.ir.build import Builder


def forward(b: Builder, roots: Sequence[int], seeds: Mapping[int, int]) -> list[int | None]:
    """Return the tangents of ``roots``; None for one that does not depend on the seeds.

    Args:
        b: the graph, which grows.
        roots: the results.
        seeds: the tangents of the inputs that have one.
    """
    graph = b.graph
    tangents: dict[int, int] = dict(seeds)
    for index in graph.ancestors(roots):
        node = graph[index]
        if index in tangents or not any(arg in tangents for arg in node.args):
            continue
        if node.op == "reduce_sum":
            tangents[index] = reduce_over(b, tangents[node.args[0]], index)
        elif node.op in CHOICES:
            condition, yes, no = choice(b, index)
            if yes not in tangents and no not in tangents:
                continue
            zero = b.constant(0)
            tangents[index] = b.call(
                "select", condition, tangents.get(yes, zero), tangents.get(no, zero)
            )
        else:
            total: int | None = None
            for position, arg in enumerate(node.args):
                if arg not in tangents:
                    continue
                part = pull(b, index, position, tangents[arg])
                if part is not None:
                    total = part if total is None else b.call("add", total, part)
            if total is not None:
                tangents[index] = total
    return [tangents.get(root) for root in roots]
