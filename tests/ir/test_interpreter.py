"""The interpreter, against arrays that are computed one entry after the other, in doubles."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from numpy.typing import NDArray

from symcompile.ir.affine import Affine
from symcompile.ir.graph import SAMPLES, Axis, Gather, Graph, Input, Node, View, whole
from symcompile.ir.interpreter import context, evaluate
from tests.graphs import ArrayCase, D, N, array_graphs, at

MP = context(50)

_MAP: dict[str, Callable[..., Any]] = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "neg": lambda x: -x,
    "sin": math.sin,
    "cos": math.cos,
    "tanh": math.tanh,
    "atan": math.atan,
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "softplus": lambda x: math.log1p(math.exp(-abs(x))) + max(x, 0),
    "lt": lambda x, y: x < y,
    "le": lambda x, y: x <= y,
    "select": lambda c, x, y: x if c else y,
}
_LARGE = 1e3


class TooCloseError(Exception):
    """Numbers whose comparison is a matter of rounding."""


def directly(case: ArrayCase, roots: Sequence[int]) -> list[NDArray[Any]]:
    """Evaluate nodes entry by entry, as the table at the head of the graph's module says."""
    graph, sizes = case.graph, case.sizes
    values: dict[int, NDArray[Any]] = {}

    def affine(value: Affine, place: tuple[int, ...]) -> int:
        return value.evaluate({**sizes, **dict(enumerate(place))})

    def index(view: View, args: Sequence[int], place: tuple[int, ...], shape: Any) -> Any:
        found = []
        for one, length in zip(view.index, shape, strict=True):
            if isinstance(one, Gather):
                k = int(values[args[one.arg]][tuple(place[axis] for axis in one.axes)])
            else:
                k = affine(one, place)
            k = min(max(k, 0), length - 1) if view.clamped else k
            assert 0 <= k < length
            found.append(k)
        return tuple(found)

    def entry(node: Node, place: tuple[int, ...]) -> Any:
        args = [values[arg] for arg in node.args]
        match node.op, node.data:
            case "const", Fraction():
                return float(node.data)
            case "index" | "extent", Affine():
                return float(affine(node.data, place))
            case "delta", Affine():
                return float(affine(node.data, place) == 0)
            case "view", View():
                return args[0][index(node.data, node.args, place, args[0].shape)]
            case (("reduce_sum" | "reduce_prod" | "reduce_max"), int(k)):
                terms = [args[0][(*place[:k], j, *place[k:])] for j in range(args[0].shape[k])]
                if node.op == "reduce_sum":
                    return sum(terms)
                return math.prod(terms) if node.op == "reduce_prod" else max(terms)
        numbers = [arg[place] if arg.shape else arg.item() for arg in args]
        compared = node.op in ("lt", "le") and node.args[0] != node.args[1]
        if compared and abs(numbers[0] - numbers[1]) < 1e-7:
            raise TooCloseError
        return _MAP[node.op](*numbers)

    for number in graph.ancestors(roots):
        node = graph[number]
        shape = tuple(affine(axis.extent, ()) for axis in node.axes)
        if isinstance(node.data, Input):
            values[number] = case.arrays[node.data]
        elif isinstance(node.data, View) and node.op == "scatter":
            body, total = values[node.args[0]], np.zeros(shape)
            for place in np.ndindex(*body.shape):
                total[index(node.data, node.args, place, shape)] += body[place]
            values[number] = total
        else:
            found = np.empty(shape, dtype=object)
            for place in itertools.product(*map(range, shape)):
                found[place] = entry(node, place)
            values[number] = found
    return [values[root] for root in roots]


@given(array_graphs())
@settings(max_examples=300, deadline=None)
def test_arrays_against_entries_one_by_one(case: ArrayCase) -> None:
    nodes = list(range(len(case.graph)))
    try:
        wanted = directly(case, nodes)
    except (TooCloseError, OverflowError):
        assume(False)
    found = evaluate(case.graph, nodes, MP, case.inputs(MP), case.sizes)
    for number, got, want in zip(nodes, found, wanted, strict=True):
        assert np.shape(got) == np.shape(want)
        numbers = np.ravel(want).astype(float)
        # What grows beyond this has lost digits that its sine would need.
        assume(np.all(np.abs(numbers) < _LARGE))
        close = np.abs(np.ravel(got).astype(float) - numbers) < 1e-7
        assert close.all(), case.graph[number]


def numbers(values: Any) -> Any:
    return np.asarray(values).astype(float).tolist()


def test_sums_do_not_depend_on_the_order() -> None:
    g = Graph()
    x = g.input("data", 0, (SAMPLES,))
    terms = [MP.mpf(10) ** 60, MP.mpf(1), -(MP.mpf(10) ** 60), MP.mpf(10) ** -40]
    totals = {
        str(evaluate(g, [g.reduce_sum(x)], MP, {Input("data", 0): list(order)}, {"n": 4})[0])
        for order in itertools.permutations(terms)
    }
    assert totals == {str(1 + MP.mpf(10) ** -40)}
    labels = g.input("data", 1, (SAMPLES,))
    back = g.scatter(x, View((Gather(1, (0,)),)), (D,), (labels,))
    for order in itertools.permutations(terms):
        inputs = {Input("data", 0): list(order), Input("data", 1): [1, 1, 1, 1]}
        (found,) = evaluate(g, [back], MP, inputs, {"n": 4, "d": 3})
        assert str(found[1]) == str(1 + MP.mpf(10) ** -40)
        assert numbers(found)[::2] == [0, 0]


def test_empty_and_special_reductions() -> None:
    g = Graph()
    x = g.input("data", 0, (SAMPLES,))
    roots = [g.reduce(f"reduce_{op}", x) for op in ("sum", "prod", "max")]

    def at_these(*entries: Any) -> Any:
        inputs = {Input("data", 0): [MP.mpf(e) for e in entries]}
        return numbers(evaluate(g, roots, MP, inputs, {"n": len(entries)}))

    assert at_these() == [0, 1, -math.inf]
    assert at_these(2, "inf", 3) == [math.inf] * 3
    assert all(map(math.isnan, at_these(1, "nan", 5)))
    assert at_these(-2, 0, -3) == [-5, 0, 0]


def test_views_of_more_axes_than_their_gathers_have() -> None:
    g = Graph()
    table = g.input("param", 0, (D, N))
    read = g.input("data", 0, (D, N))
    # out[i, j] = table[read[j, i], i] over (n, d): the axes of the gather are in reverse order.
    node = g.view(table, View((Gather(1, (1, 0)), at(0))), (N, D), (read,))
    values, where = np.arange(6.0).reshape(2, 3), np.array([[0, 1, 1], [1, 0, 1]])
    inputs = {Input("param", 0): values, Input("data", 0): where}
    (found,) = evaluate(g, [node], MP, inputs, {"n": 3, "d": 2})
    assert numbers(found) == [[values[where[j, i], i] for j in range(2)] for i in range(3)]


def test_inputs_and_indices_that_do_not_fit() -> None:
    g = Graph()
    x, r = g.input("data", 0, (N,)), g.input("data", 1, (D,))
    after = g.view(x, View((at(0) + 1,)), (N,))
    read = g.view(x, View((Gather(1, (0,)),)), (D,), (r,))

    def run(node: int, xs: Any, rs: Any = (0, 0)) -> Any:
        return evaluate(g, [node], MP, {Input("data", 0): xs, Input("data", 1): rs}, sizes)

    sizes = {"n": 3, "d": 2}
    with pytest.raises(ValueError, match="2 numbers for an array of shape"):
        run(x, [1, 2])
    with pytest.raises(IndexError, match="3 is out of range for a length of 3"):
        run(after, [1, 2, 3])
    with pytest.raises(IndexError, match="-1 is out of range"):
        run(read, [1, 2, 3], [-1, 1])
    with pytest.raises(ValueError, match="no whole number"):
        run(read, [1, 2, 3], [0.5, 1])
    assert numbers(run(read, [1, 2, 3], [2, 0])) == [[3, 1]]


def test_every_entry_is_perturbed_once_and_movement_is_not() -> None:
    g = Graph()
    x = g.input("data", 0, (N, D))
    moved = g.view(x, whole([1, 0]), (D, N))
    square = g.add("mul", (moved, moved))
    less = g.add("lt", (square, moved))
    total = g.reduce_sum(square, 1)
    place = g.delta(at(0) - at(1), (D, N))
    back = g.scatter(square, View((at(1),)), (N,))
    seen: list[tuple[int, int]] = []

    def hook(index: int, values: Sequence[Any]) -> Sequence[Any]:
        seen.append((index, len(values)))
        return [value + 100 * k for k, value in enumerate(values)]

    roots = [moved, less, total, place, back]
    inputs = {Input("data", 0): [MP.mpf(k) for k in range(6)]}
    found = evaluate(g, roots, MP, inputs, {"n": 3, "d": 2}, hook)
    assert seen == [(square, 6), (total, 2), (back, 3)]
    assert numbers(found[0]) == [[0, 2, 4], [1, 3, 5]]
    # Row-major: the first entry of the second row is the fourth.
    assert numbers(found[2]) == [0 + 104 + 216, 301 + 409 + 525 + 100]


def test_sizes_are_affine() -> None:
    g = Graph()
    axis = Axis(2 * Affine.of("n") - Affine.of("d") + 1)
    length = g.extent(axis)
    index = g.index(Affine.of("d") - at(0, 2), (axis,))
    found = evaluate(g, [length, index], MP, {}, {"n": 3, "d": 4})
    assert int(found[0]) == 3
    assert numbers(found[1]) == [4, 2, 0]
