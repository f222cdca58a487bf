"""NumPy over whole arrays: what is printed computes what the graph means, and reads well."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from symcompile.emit.arrays import ArrayPrinter
from symcompile.emit.numbers import Numbers
from symcompile.emit.templates import environment
from symcompile.ir.affine import Affine
from symcompile.ir.graph import (
    Axis,
    Function,
    Gather,
    Graph,
    Input,
    Output,
    View,
    payload,
    whole,
)
from symcompile.naming import Names
from symcompile.passes import optimise
from tests.arrays import evaluate
from tests.graphs import ArrayCase, array_graphs, at

N, D, K, M = (Axis(Affine.of(name)) for name in "ndkm")
FEWER = Axis(Affine.of("n") - 1)
n = Affine.of("n")
SIZES = {"n": 5, "d": 3, "k": 2, "m": 4}
#: Name and axes of each input; those called r and c hold indices.
INPUTS = {
    "X": (N, D),
    "Y": (D, K),
    "S": (N, N),
    "y": (N,),
    "T": (N, D, K),
    "B": (D, K, M),
    "w": (D,),
    "r": (M,),
    "c": (M,),
    "b": (),
}
SLOTS = {name: slot for slot, name in enumerate(INPUTS)}
DOUBLES = Numbers("float64", "float64")
HELPERS = environment().get_template("shared/sizes.py.j2")


def values(sizes: Mapping[str, int]) -> dict[Input, Any]:
    rng = np.random.default_rng(3)
    found: dict[Input, Any] = {}
    for name, axes in INPUTS.items():
        shape = [axis.extent.evaluate(sizes) for axis in axes]
        high = max(min(sizes["n"], sizes["k"]), 1)
        drawn = rng.integers(high, size=shape) if name in "rc" else rng.normal(size=shape)
        found[Input("data", SLOTS[name])] = np.asarray(drawn, dtype=float)
    return found


def printed(
    graph: Graph, roots: Sequence[int], names: Mapping[Input, str]
) -> tuple[list[str], list[str]]:
    """Return the statements, and the text of each root."""
    known = {index: names[payload(node)] for index, node in enumerate(graph) if node.op == "input"}
    sizes = {size: size for size in SIZES}
    printer = ArrayPrinter(graph, roots, known, sizes, Names([*known.values(), *sizes]))
    lines = printer.run()
    return lines, [printer.full(root).text for root in roots]


def run(
    graph: Graph, roots: Sequence[int], inputs: Mapping[Input, Any], sizes: Mapping[str, int]
) -> list[Any]:
    """Return what the printed text computes."""
    names = {place: f"{place.role[0]}_{place.slot}" for place in inputs}
    lines, texts = printed(graph, roots, names)
    import itertools
    import math

    space: dict[str, Any] = {"np": np, "math": math, "itertools": itertools, **sizes}
    exec(HELPERS.render(used={"_scatter", "_nearest"}, numbers=DOUBLES), space)
    space |= {names[place]: np.asarray(value)[()] for place, value in inputs.items()}
    with np.errstate(all="ignore"):
        exec("\n".join([*lines, f"found = [{', '.join(texts)}]"]), space)
    return list(space["found"])


def agree(
    graph: Graph, roots: Sequence[int], inputs: Mapping[Input, Any], sizes: Mapping[str, int]
) -> None:
    expected = evaluate(graph, roots, inputs, sizes)
    for found, right in zip(run(graph, roots, inputs, sizes), expected, strict=True):
        whole_result = np.broadcast_to(found, right.shape)
        scale = float(np.max(np.abs(right), initial=1.0, where=np.isfinite(right)))
        np.testing.assert_allclose(whole_result, right, rtol=1e-9, atol=1e-11 * scale)


class Made:
    """A graph with the inputs by name."""

    def __init__(self) -> None:
        self.graph = Graph()
        for name, axes in INPUTS.items():
            setattr(self, name, self.graph.input("data", SLOTS[name], axes))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.graph, name)

    def of(self, op: str, *args: int) -> int:
        return self.graph.add(op, args)

    def over(self, axes: tuple[Axis, ...], node: int, *places: int) -> int:
        return self.graph.view(node, whole(places), axes)

    def times(self, axes: tuple[Axis, ...], *factors: tuple[Any, ...]) -> int:
        """Return a product of nodes, each given with the axes that its own are."""
        nodes = [self.over(axes, node, *places) for node, *places in factors]
        result = nodes[0]
        for node in nodes[1:]:
            result = self.of("mul", result, node)
        return result

    def total(self, node: int, *positions: int) -> int:
        for position in positions:
            node = self.graph.reduce_sum(node, position)
        return node

    def shifted(self) -> int:
        return self.graph.view(self.y, View((at(0) + 1,)), (FEWER,))

    def spread(self, body: int, *index: Any) -> int:
        return self.graph.scatter(body, View(index), (N,))


Case = tuple[str, Callable[[Made], int], str]

#: What it is, how it is made, and how it is to be printed.
CASES: list[Case] = [
    ("shift", lambda g: g.shifted(), "y[1:]"),
    ("part", lambda g: g.view(g.y, View((at(0),)), (FEWER,)), "y[:n - 1]"),
    ("reverse", lambda g: g.view(g.y, View((n - 1 - at(0),)), (N,)), "y[::-1]"),
    ("reverse a part", lambda g: g.view(g.y, View((n - 1 - at(0),)), (FEWER,)), "y[1:][::-1]"),
    ("stride", lambda g: g.view(g.y, View((at(0, 2),)), (K,)), "y[:2*k:2]"),
    ("first", lambda g: g.view(g.y, View((Affine(0),)), ()), "y[0]"),
    ("last", lambda g: g.view(g.y, View((n - 1,)), ()), "y[n - 1]"),
    ("column", lambda g: g.view(g.X, View((at(0), Affine(1))), (N,)), "X[:, 1]"),
    ("transpose", lambda g: g.view(g.X, whole([1, 0]), (D, N)), "X.T"),
    ("axes", lambda g: g.view(g.T, whole([2, 0, 1]), (D, K, N)), "np.transpose(T, (1, 2, 0))"),
    ("diagonal", lambda g: g.view(g.S, View((at(0), at(0))), (N,)), "np.diagonal(S)"),
    (
        "beside the diagonal",
        lambda g: g.view(g.S, View((at(0), at(0) + 1)), (FEWER,)),
        "S[np.arange(n - 1), np.arange(n - 1) + 1]",
    ),
    (
        "windows",
        lambda g: g.view(g.y, View((at(0) + at(1),)), (FEWER, K)),
        "y[np.arange(n - 1)[:, None] + np.arange(k)]",
    ),
    ("gather", lambda g: g.view(g.X, View((Gather(1, (0,)), at(1))), (M, D), (g.r,)), "X[r_index]"),
    (
        "gather along the diagonal",
        lambda g: g.view(g.S, View((at(0), Gather(1, (0,)))), (M,), (g.r,)),
        "S[np.arange(m), r_index]",
    ),
    (
        "gathers apart",
        lambda g: g.view(g.T, View((Gather(1, (0,)), at(1), Gather(2, (0,)))), (M, D), (g.r, g.c)),
        "T[r_index, :, c_index]",
    ),
    (
        "gathers of two axes",
        lambda g: g.view(g.S, View((Gather(1, (1,)), Gather(2, (0,)))), (M, M), (g.r, g.c)),
        "S[r_index, c_index[:, None]]",
    ),
    (
        "middle",
        lambda g: g.view(g.T, View((at(0) + 1, Affine(2), at(1))), (FEWER, K)),
        "T[1:, 2]",
    ),
    (
        "clamped",
        lambda g: g.view(g.y, View((at(0) - 1,), True), (N,)),
        "y[np.clip(np.arange(n) - 1, 0, n - 1)]",
    ),
    (
        "clamped and perhaps empty",
        lambda g: g.view(g.shifted(), View((at(0) - 1,), True), (N,)),
        "_nearest(y[1:], (np.arange(n) - 1,))",
    ),
    ("product", lambda g: g.total(g.times((N, D), (g.X, 0, 1), (g.w, 1)), 1), "X @ w"),
    ("from the left", lambda g: g.total(g.times((N, D), (g.X, 0, 1), (g.y, 0)), 0), "y @ X"),
    ("matrices", lambda g: g.total(g.times((N, D, K), (g.X, 0, 1), (g.Y, 1, 2)), 1), "X @ Y"),
    (
        "transposed matrices",
        lambda g: g.total(g.times((K, N, D), (g.X, 1, 2), (g.Y, 2, 0)), 2),
        "Y.T @ X.T",
    ),
    (
        "weighted",
        lambda g: g.total(g.times((N, D, D), (g.y, 0), (g.X, 0, 1), (g.X, 0, 2)), 0),
        "(X*y[:, None]).T @ X",
    ),
    (
        "two axes at once",
        lambda g: g.total(g.times((N, D, K, M), (g.T, 0, 1, 2), (g.B, 1, 2, 3)), 2, 1),
        "np.tensordot(T, B, axes=([1, 2], [0, 1]))",
    ),
    (
        "batches",
        lambda g: g.total(g.times((N, D, K), (g.T, 0, 1, 2), (g.Y, 1, 2)), 1),
        'np.einsum("ijk,jk->ik", T, Y)',
    ),
    (
        "row by row",
        lambda g: g.total(g.of("mul", g.X, g.of("sin", g.X)), 1),
        'np.einsum("ij,ij->i", X, np.sin(X))',
    ),
    ("one number", lambda g: g.total(g.of("mul", g.y, g.y), 0), "np.sum(y*y)"),
    ("all entries", lambda g: g.total(g.of("mul", g.X, g.X), 1, 0), "np.sum(X*X)"),
    ("constant along", lambda g: g.total(g.over((N, D), g.y, 0), 1), "np.float64(d)*y"),
    ("largest", lambda g: g.reduce("reduce_max", g.X, 1), "np.max(X, axis=1, initial=-np.inf)"),
    ("factors", lambda g: g.reduce("reduce_prod", g.X, 0), "np.prod(X, axis=0)"),
    ("index", lambda g: g.index(at(0) + 1, (N,)), "np.arange(float(n)) + 1"),
    ("index backward", lambda g: g.index(n - 1 - at(0), (N,)), "n - 1 - np.arange(float(n))"),
    ("identity", lambda g: g.delta(at(0) - at(1), (N, N)), "np.eye(n)"),
    ("shifted identity", lambda g: g.delta(at(1) - at(0) + 1, (N, D)), "np.eye(n, d, -1)"),
    (
        "one of them",
        lambda g: g.delta(at(0) - 2, (N,)),
        "np.where(np.arange(n) - 2 == 0, 1.0, 0.0)",
    ),
    ("broadcast", lambda g: g.of("add", g.X, g.over((N, D), g.w, 1)), "X + w"),
    ("broadcast rows", lambda g: g.of("mul", g.X, g.over((N, D), g.y, 0)), "X*y[:, None]"),
    ("sizes", lambda g: g.of("div", g.extent(N), g.extent(Axis(n - 5))), "np.float64(n)/(n - 5)"),
    ("power of a size", lambda g: g.of("powi", g.extent(N), g.constant(-2)), "np.power(n, -2.0)"),
    (
        "sum of scatters",
        lambda g: g.of(
            "add",
            g.spread(g.of("sin", g.shifted()), at(0) + 1),
            g.spread(g.of("cos", g.shifted()), at(0)),
        ),
        "t1[:n - 1] += np.cos(t0)",
    ),
    (
        "scatter into what is there",
        lambda g: g.of("sub", g.of("neg", g.y), g.spread(g.shifted(), at(0) + 1)),
        "t0[1:] -= y[1:]",
    ),
    ("scatter backward", lambda g: g.spread(g.y, n - 1 - at(0)), "t0[::-1] = y"),
    (
        "scatter by index",
        lambda g: g.scatter(g.c, View((Gather(1, (0,)),)), (N,), (g.r,)),
        "_scatter(",
    ),
    (
        "scatter and sum",
        lambda g: g.scatter(g.X, View((at(1),)), (D,)),
        "t0[:] = np.sum(X, axis=0)",
    ),
    ("scatter the same", lambda g: g.spread(g.over((N, D), g.y, 0), at(0)), "t0[:] = y*d"),
]


@pytest.mark.parametrize(("name", "make", "text"), CASES, ids=[name for name, *_ in CASES])
def test_cases(name: str, make: Callable[[Made], int], text: str) -> None:
    made = Made()
    root = make(made)
    lines, (shown,) = printed(made.graph, [root], {Input("data", s): n for n, s in SLOTS.items()})
    whole_text = "\n".join([*lines, shown]).replace("y[i0]", f"y[{_index(lines)}]")
    assert text in whole_text
    for sizes in (SIZES, {"n": 7, "d": 3, "k": 1, "m": 1}, {"n": 4, "d": 4, "k": 2, "m": 4}):
        agree(made.graph, [root], values(sizes), sizes)


def _index(lines: Sequence[str]) -> str:
    return next((line.removeprefix("i0 = ") for line in lines if line.startswith("i0 = ")), "")


def test_all_at_once() -> None:
    made = Made()
    agree(made.graph, [make(made) for _, make, _ in CASES], values(SIZES), SIZES)


@pytest.mark.parametrize("gone", ["d", "k", "m"])
def test_empty_axes(gone: str) -> None:
    sizes = {**SIZES, gone: 0}
    made = Made()
    skipped = {"column", "middle", "gathers apart"}
    roots = [make(made) for name, make, _ in CASES if name not in skipped]
    agree(made.graph, roots, values(sizes), sizes)


@settings(max_examples=200)
@given(array_graphs())
def test_any_graph(case: ArrayCase) -> None:
    outputs = tuple(Output(f"o{k}", (root,), (), False) for k, root in enumerate(case.roots))
    function = optimise(Function("value", case.graph, outputs))
    agree(function.graph, function.roots(), case.arrays, case.sizes)


def test_labels_are_kept() -> None:
    made = Made()
    product = made.times((N, D), (made.X, 0, 1), (made.w, 1))
    made.graph.labels[product] = "terms"
    names = {Input("data", slot): name for name, slot in SLOTS.items()}
    lines, texts = printed(made.graph, [made.total(product, 1)], names)
    assert lines == ["terms = X*w"]
    assert texts == ["np.sum(terms, axis=1)"]
