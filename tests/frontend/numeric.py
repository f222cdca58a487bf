"""A second reading of the IR, to test lowering with: whole arrays in NumPy, nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import lgamma
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symcompile.frontend.definition import Definition
from symcompile.ir.affine import Affine
from symcompile.ir.graph import Axes, Gather, Graph, Input, View

Array = NDArray[Any]

_ELEMENTWISE: dict[str, Callable[..., Any]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "neg": np.negative,
    "powi": np.power,
    "pow": np.power,
    "abs": np.abs,
    "sign": np.sign,
    "min": np.minimum,
    "max": np.maximum,
    "lt": np.less,
    "le": np.less_equal,
    "eq": np.equal,
    "ne": np.not_equal,
    "and": np.logical_and,
    "or": np.logical_or,
    "not": np.logical_not,
    "select": np.where,
    "loggamma": np.vectorize(lgamma),
    "true": lambda: np.True_,
    "false": lambda: np.False_,
    "pi": lambda: np.pi,
    "e": lambda: np.e,
    **{name: getattr(np, name) for name in "sin cos tan tanh exp log sqrt floor ceil".split()},
}
_REDUCTIONS = {"reduce_sum": np.sum, "reduce_prod": np.prod, "reduce_max": np.max}


class Evaluator:
    """The nodes of a graph as arrays.

    Args:
        graph: the graph.
        inputs: the array of each input.
        sizes: the value of each size.
    """

    def __init__(
        self, graph: Graph, inputs: Mapping[tuple[str, int], Any], sizes: Mapping[str, int]
    ) -> None:
        self.graph, self.inputs, self.sizes = graph, inputs, sizes
        self.values: list[Any] = []
        for index, node in enumerate(graph):
            value = np.asarray(self._value(index))
            expected = self.shape(node.axes)
            assert value.shape == expected, f"{index}: {node} has shape {value.shape}"
            self.values.append(value)

    def shape(self, axes: Axes) -> tuple[int, ...]:
        return tuple(axis.extent.evaluate(self.sizes) for axis in axes)

    def affine(self, value: Affine, axes: Axes) -> Any:
        """Return an affine function of the indices over ``axes``."""
        grid = np.ogrid[tuple(slice(0, size) for size in self.shape(axes))]
        total = np.asarray(
            value.const + sum(c * self.sizes[v] for v, c in value.terms if isinstance(v, str))
        )
        for position in value.axes:
            total = total + value.coefficient(position) * grid[position]
        return np.broadcast_to(total, self.shape(axes))

    def _index(self, view: View, arrays: list[Any], over: Axes, source: tuple[int, ...]) -> Any:
        found = []
        for one, size in zip(view.index, source, strict=True):
            if isinstance(one, Gather):
                whole = arrays[one.arg]
                order = np.argsort(one.axes)
                full = np.transpose(whole, order).reshape(
                    [s if k in one.axes else 1 for k, s in enumerate(self.shape(over))]
                )
                index = np.broadcast_to(full, self.shape(over)).astype(int)
                assert np.array_equal(index, np.broadcast_to(full, self.shape(over)))
            else:
                index = self.affine(one, over)
            if view.clamped:
                index = np.clip(index, 0, size - 1)
            assert index.size == 0 or (index.min() >= 0 and index.max() < size), "out of range"
            found.append(index)
        return tuple(found)

    def _value(self, index: int) -> Any:
        node = self.graph[index]
        args = [self.values[arg] for arg in node.args]
        if node.op == "const":
            return float(getattr(node.data, "value", node.data))  # type: ignore[arg-type]
        if isinstance(node.data, Input):
            return np.asarray(self.inputs[node.data], float).reshape(self.shape(node.axes))
        if isinstance(node.data, Affine):
            if node.op == "extent":
                return node.data.evaluate(self.sizes)
            found = self.affine(node.data, node.axes)
            return (found == 0).astype(float) if node.op == "delta" else found.astype(float)
        if isinstance(node.data, View):
            if node.op == "view":
                return args[0][self._index(node.data, args, node.axes, args[0].shape)]
            result = np.zeros(self.shape(node.axes))
            over = self.graph[node.args[0]].axes
            np.add.at(result, self._index(node.data, args, over, result.shape), args[0])
            return result
        if node.op in _REDUCTIONS:
            return _REDUCTIONS[node.op](args[0], axis=node.data)
        shapes = {arg.shape for arg in args if arg.shape}
        assert len(shapes) <= 1, f"{index}: {node} of shapes {shapes}"
        with np.errstate(all="ignore"):
            return _ELEMENTWISE[node.op](*args)


def evaluate(
    definition: Definition,
    params: tuple[Any, ...] = (),
    data: tuple[Any, ...] = (),
    *,
    sizes: Mapping[str, int],
    constants: Mapping[str, float] | None = None,
) -> Any:
    """Return the value of a definition, in the shape in which it is returned."""
    inputs = {("param", slot): value for slot, value in enumerate(params)}
    inputs |= {("data", slot): value for slot, value in enumerate(data)}
    given = {name: value for name, value in definition.constants if value is not None}
    given |= dict(constants or {})
    for slot, (name, _) in enumerate(definition.constants):
        inputs["constant", slot] = given.get(name, np.nan)
    known = dict(sizes)
    for derived in definition.derived:
        known[derived.name] = derived.value.evaluate(known) // derived.divisor
    for required in definition.required:
        assert required.value.evaluate(known) >= 0, required.text
    for whole in definition.wholes:
        values = np.asarray(data[whole.slot])
        assert values.min() >= whole.low.evaluate(known), "an index is too small"
        assert values.max() <= whole.high.evaluate(known), "an index is too large"
    run = Evaluator(definition.ir, inputs, known)
    output = definition.output
    shape = tuple(s if isinstance(s, int) else s.evaluate(known) for s in output.shape)
    entries = [run.values[entry] for entry in output.entries]
    if output.dims is None:
        return np.reshape(entries, shape)
    ((segment,),) = output.dims
    return np.broadcast_to(entries[0], run.shape(segment)).reshape(shape)
