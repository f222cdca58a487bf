"""What a graph over arrays means, entry by entry: slow, and with nothing left to chance."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symcompile.ir.affine import Affine
from symcompile.ir.graph import Axes, Gather, Graph, Input, View
from symcompile.ir.ops import OPS

Array = NDArray[Any]


def evaluate(
    graph: Graph, roots: Sequence[int], inputs: Mapping[Input, Any], sizes: Mapping[str, int]
) -> list[Array]:
    """Return the arrays of ``roots``, each over all of its axes."""
    found: dict[int, Array] = {}
    with np.errstate(all="ignore"):
        for index in graph.ancestors(roots):
            found[index] = _node(graph, index, found, inputs, sizes)
    return [found[root] for root in roots]


def extents(axes: Axes, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """Return the shape of a node."""
    return tuple(axis.extent.evaluate(sizes) for axis in axes)


def _node(
    graph: Graph,
    index: int,
    found: Mapping[int, Array],
    inputs: Mapping[Input, Any],
    sizes: Mapping[str, int],
) -> Array:
    node = graph[index]
    shape = extents(node.axes, sizes)
    args = [found[arg] for arg in node.args]
    data = node.data
    if node.op == "const":
        return np.array(float(data))  # type: ignore[arg-type]
    if node.op == "input":
        assert isinstance(data, Input)
        return np.asarray(inputs[data], dtype=float).reshape(shape)
    if node.op in ("extent", "index", "delta"):
        assert isinstance(data, Affine)
        out = np.empty(shape)
        for place in np.ndindex(shape):
            value = data.evaluate({**sizes, **dict(enumerate(place))})
            out[place] = value == 0 if node.op == "delta" else value
        return out
    if node.op in ("view", "scatter"):
        assert isinstance(data, View)
        return _indexed(graph, index, args, shape, data, sizes)
    if node.op.startswith("reduce_"):
        assert isinstance(data, int)
        if node.op == "reduce_max":
            return np.asarray(np.max(args[0], axis=data, initial=-np.inf))
        call = np.sum if node.op == "reduce_sum" else np.prod
        return np.asarray(call(args[0], axis=data))
    text = OPS[node.op].numpy
    result = eval(text.format(*[f"a[{k}]" for k in range(len(args))]), {"np": np, "a": args})
    return np.asarray(result)


def _indexed(
    graph: Graph,
    index: int,
    args: Sequence[Array],
    shape: tuple[int, ...],
    view: View,
    sizes: Mapping[str, int],
) -> Array:
    node = graph[index]
    write = node.op == "scatter"
    body = args[0]
    out = np.zeros(shape)
    target = out if write else body
    for place in itertools.product(*map(range, body.shape if write else shape)):
        there = []
        for k, i in enumerate(view.index):
            if isinstance(i, Gather):
                value = int(args[i.arg][tuple(place[axis] for axis in i.axes)])
            else:
                value = i.evaluate({**sizes, **dict(enumerate(place))})
            if view.clamped:
                value = min(max(value, 0), target.shape[k] - 1)
            assert value >= 0 or view.clamped, (index, k, place, value)
            there.append(value)
        if write:
            out[tuple(there)] += body[place]
        else:
            out[place] = body[tuple(there)] if body.size else 0.0
    return out
