"""Sums of products: in the cheapest order, and with the same values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from symcompile.autodiff.derive import derive
from symcompile.compiler import compile, plan
from symcompile.frontend.definition import Definition, define, squeezed
from symcompile.ir.affine import Affine
from symcompile.ir.build import Builder
from symcompile.ir.cost import cost_of, nominal_sizes
from symcompile.ir.graph import Axis, Function, Graph, Input, Output, View, whole
from symcompile.ir.interpreter import array_of, context, evaluate
from symcompile.passes import optimise, recognise
from symcompile.passes.contract import contract
from symcompile.passes.order import MOST_EXACT, Order
from symcompile.planning import Contraction, Sweep
from symcompile.schedule import schedule
from tests.graphs import ArrayCase, array_graphs
from tests.models import MODELS

MP = context(40)
n, d, q = sp.symbols("n d q", integer=True, positive=True)
i, j, k, l = sp.symbols("i j k l", integer=True)  # noqa: E741
BY_NAME = {model.name: model for model in MODELS}


def value_of(definition: Definition) -> Function:
    return Function("value", definition.ir, (definition.output,))


def weigh(function: Function) -> int:
    graph = function.graph
    order = graph.ancestors(function.roots())
    return cost_of(graph, order).weighed(nominal_sizes(graph, order))


def text(function: Function) -> str:
    graph = function.graph
    return str(cost_of(graph, graph.ancestors(function.roots())))


# ------------------------------------------------------------------ examples


def _matrices() -> dict[str, sp.MatrixSymbol]:
    shapes = {"A": (n, n), "B": (n, n), "w": (n, 1), "v": (n, 1)}
    return {name: sp.MatrixSymbol(name, *shape) for name, shape in shapes.items()}


def _product_and_vector() -> Any:
    m = _matrices()
    return {"expr": ((m["A"] * m["B"]) * m["w"])[0, 0], "params": m["w"], "data": (m["A"], m["B"])}


def _flat_chain() -> Any:
    A, B = sp.IndexedBase("A", shape=(n, n)), sp.IndexedBase("B", shape=(n, n))
    w, v = sp.IndexedBase("w", shape=(n,)), sp.IndexedBase("v", shape=(n,))
    ranges = [(index, 0, n - 1) for index in (i, j, k)]
    expr = sp.Sum(A[i, j] * B[j, k] * w[k] * v[i], *ranges)
    return {"expr": expr, "params": (w, v), "data": (A, B)}


def _cube_entry() -> Any:
    A = sp.IndexedBase("A", shape=(n, n))
    ranges = [(index, 0, n - 1) for index in (i, j)]
    return {"expr": sp.Sum(A[0, i] * A[i, j] * A[j, n - 1], *ranges), "params": (), "data": A}


def _product_of_sums() -> Any:
    x, y = sp.IndexedBase("x", shape=(n,)), sp.IndexedBase("y", shape=(d,))
    return {
        "expr": sp.Sum(x[i] * y[j], (i, 0, n - 1), (j, 0, d - 1)),
        "params": y,
        "data": x,
    }


def _quadratic_form() -> Any:
    m = _matrices()
    return {"expr": (m["w"].T * m["A"] * m["w"])[0, 0], "params": m["w"], "data": m["A"]}


def _diagonal_between() -> Any:
    s, X = sp.IndexedBase("s", shape=(n,)), sp.IndexedBase("X", shape=(n, d))
    D = sp.IndexedBase("D", shape=(n, q))
    expr = sp.Sum(s[i] * X[i, j] * D[i, k], (i, 0, n - 1))
    squares = sp.Sum(expr**2, (j, 0, d - 1), (k, 0, q - 1))
    return {"expr": squares, "params": (), "data": (s, X, D)}


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (_product_and_vector, "2*n*n + 2*n operations"),
        (_flat_chain, "4*n*n + 2*n operations"),
        (_cube_entry, "2*n*n + 2*n operations"),
        (_product_of_sums, "d + n + 1 operations"),
        (_quadratic_form, "2*n*n + 2*n operations"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_orders(make: Any, expected: str) -> None:
    found = contract(recognise(value_of(define("f", **make()))))
    assert text(found) == expected


def test_three_factors_are_a_product_of_matrices() -> None:
    found = optimise(value_of(define("f", **_diagonal_between())))
    steps = [s for p in schedule(found).phases if isinstance(p, Sweep) for s in p.steps]
    assert any(isinstance(step, Contraction) for step in steps)
    assert "2*d*n*q" in text(found)


def test_the_square_of_a_difference_is_not_expanded() -> None:
    X, mu = sp.IndexedBase("X", shape=(n, d)), sp.IndexedBase("mu", shape=(q, d))
    expr = sp.Sum((X[i, j] - mu[k, j]) ** 2, (i, 0, n - 1), (j, 0, d - 1), (k, 0, q - 1))
    found = optimise(value_of(define("f", expr, params=mu, data=X)))
    assert text(found).startswith("3*d*n*q ")


def test_a_difference_of_inputs_is_not_pulled_apart() -> None:
    """x - y is exact where the two are close; the difference of their sums is not."""
    x, a = sp.IndexedBase("x", shape=(n,)), sp.IndexedBase("a", shape=(n,))
    y, c = sp.IndexedBase("y", shape=(d,)), sp.IndexedBase("c", shape=(d,))
    ranges = ((i, 0, n - 1), (j, 0, d - 1))
    for term, kept in ((x[i] - y[j], True), (x[i] - sp.exp(y[j]), False)):
        expr = sp.Sum(term * a[i] * c[j], *ranges)
        found = contract(value_of(define("f", expr, params=y, data=(x, a, c))))
        assert ("d*n" in text(found)) is kept


def test_a_sum_of_products_is_pulled_apart_where_that_leaves_an_index_out() -> None:
    a, b = sp.IndexedBase("a", shape=(n,)), sp.IndexedBase("b", shape=(d,))
    X = sp.IndexedBase("X", shape=(n, d))
    ranges = ((i, 0, n - 1), (j, 0, d - 1))
    expr = sp.Sum((a[i] * X[i, j] + sp.exp(a[i])) * b[j], *ranges)
    found = contract(value_of(define("f", expr, params=b, data=(a, X))))
    assert "2*d*n" in text(found)
    assert "3*d*n" not in text(found)


def test_what_stands_is_kept_where_nothing_is_cheaper() -> None:
    definition = define("f", **BY_NAME["ridge"].make())
    function = recognise(value_of(definition))
    assert contract(function) is function


def test_scalars_are_left_alone() -> None:
    x, w = sp.symbols("x w")
    function = value_of(define("f", (w * x - 1) ** 2, params=w, data=x, reduce="sum"))
    assert contract(function) is function


def test_labels_of_the_user_stay() -> None:
    graph = Graph()
    axis = Axis(Affine.of("n"))
    three = (axis, axis, axis)
    A, B = graph.input("data", 0, (axis, axis)), graph.input("data", 1, (axis, axis))
    body = graph.add(
        "mul", (graph.view(A, whole([0, 2]), three), graph.view(B, whole([2, 1]), three))
    )
    product = graph.reduce_sum(body, 2)
    graph.labels[product] = "AB"
    w = graph.view(graph.input("param", 0, (axis,)), whole([1]), (axis, axis))
    root = graph.reduce_sum(graph.add("mul", (product, w)), 1)
    output = Output("value", (root,), (axis.extent,), False, (((axis,),),))
    function = Function("value", graph, (output,))
    assert contract(function) is function
    del graph.labels[product]
    assert weigh(contract(function)) < weigh(function) / 10


# ------------------------------------------------------------------ orders


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_greedy_is_no_better_than_exact(data: st.DataObject) -> None:
    count = data.draw(st.integers(2, 6))
    factors = [data.draw(st.integers(1, 31)) for _ in range(count)]
    every = 0
    for factor in factors:
        every |= factor
    result = every & data.draw(st.integers(0, 31))
    sizes = {1 << bit: data.draw(st.sampled_from((2, 10, 100))) for bit in range(5)}
    order = Order(factors, [False] * count, result, sizes)
    best, quick = order.best(), order._greedy()
    assert best.cost <= quick.cost
    assert best.indices == quick.indices == result


def test_many_factors_take_no_time() -> None:
    chain = [(1 << k) | (1 << (k + 1)) for k in range(MOST_EXACT + 6)]
    sizes = {1 << k: 10 for k in range(len(chain) + 1)}
    step = Order(chain, [False] * len(chain), 1, sizes).best()
    # A chain that ends in a free sum is matrices times a vector.
    assert step.cost == 100 + 200 * (len(chain) - 1)


# ------------------------------------------------------------------ values


AXES = {name: Axis(Affine.of(size)) for name, size in zip("abcd", "abcd", strict=True)}
SIZES = {"a": 2, "b": 3, "c": 4, "d": 2}


class _Growing:
    """A random sum of products over up to four indices."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.b = Builder()
        self.names = list(AXES)
        self.inputs: list[tuple[int, tuple[str, ...]]] = []
        for slot in range(5):
            own = tuple(draw(st.permutations(self.names)))[: draw(st.integers(1, 2))]
            role = "param" if slot < 2 else "data"
            node = self.b.graph.input(role, slot, tuple(AXES[name] for name in own))  # type: ignore[arg-type]
            self.inputs.append((node, own))

    def tree(self, depth: int) -> tuple[int, tuple[str, ...]]:
        """Return a node and the names of its indices."""
        kinds = (
            ["leaf"] if depth == 0 else ["mul", "mul", "mul", "sum", "sum", "add", "div", "delta"]
        )
        kind = self.draw(st.sampled_from(kinds))
        if kind == "leaf":
            return self.draw(st.sampled_from(self.inputs))
        if kind == "sum":
            node, own = self.tree(depth - 1)
            if not own:
                return node, own
            at = self.draw(st.integers(0, len(own) - 1))
            axis = AXES[own[at]]
            return self.b.reduce("reduce_sum", node, at, axis), own[:at] + own[at + 1 :]
        left, right = self.tree(depth - 1), self.tree(depth - 1)
        if kind == "delta":
            other = self.draw(
                st.sampled_from([name for name in self.names if name not in left[1]] or ["a"])
            )
            if other in left[1] or not left[1]:
                return left
            first = left[1][0]
            axes = (AXES[first], AXES[other])
            shift = self.draw(st.integers(-1, 1))
            one, two = Affine.of(0, axis=True), Affine.of(1, axis=True)
            right = self.b.delta(one - two + shift, axes), (first, other)
            kind = "mul"
        own = tuple(dict.fromkeys(left[1] + right[1]))
        axes = tuple(AXES[name] for name in own)
        args = [
            self.b.broadcast(node, [own.index(name) for name in names], axes)
            for node, names in (left, right)
        ]
        op = self.draw(st.sampled_from(("add", "sub"))) if kind == "add" else kind
        return self.b.call(op, *args), own

    def total(self) -> Function:
        node, own = self.tree(self.draw(st.integers(2, 5)))
        for _ in range(len(own)):
            node, own = self.b.reduce("reduce_sum", node, 0, AXES[own[0]]), own[1:]
        return Function("value", self.b.graph, (Output("value", (node,), (), False),))


@st.composite
def trees(draw: st.DrawFn) -> tuple[Function, list[tuple[str, ...]]]:
    growing = _Growing(draw)
    return growing.total(), [own for _, own in growing.inputs]


def numbers(inputs: list[tuple[str, ...]]) -> dict[Input, Any]:
    rng = np.random.default_rng(0)
    found: dict[Input, Any] = {}
    for slot, own in enumerate(inputs):
        shape = tuple(SIZES[name] for name in own)
        entries = [MP.mpf(float(x)) for x in rng.uniform(0.5, 2, size=shape).ravel()]
        found[Input("param" if slot < 2 else "data", slot)] = array_of(entries, shape)
    return found


def same(got: list[Any], want: list[Any]) -> bool:
    for a, b in zip(got, want, strict=True):
        for x, y in zip(*(v.flat for v in np.broadcast_arrays(a, b)), strict=True):
            if not MP.isfinite(x) or not MP.isfinite(y):
                continue
            if abs(x - y) > MP.mpf(10) ** -28 * (1 + abs(y)):
                return False
    return True


def run(function: Function, inputs: dict[Input, Any]) -> list[Any]:
    return evaluate(function.graph, function.roots(), MP, inputs, SIZES)


def gradient(function: Function, inputs: list[tuple[str, ...]]) -> Function:
    shapes = [tuple(AXES[name] for name in own) for own in inputs[:2]]
    (found,) = derive(function.graph, function.outputs[0], shapes, ["grad"])
    return found


@given(case=trees())
@settings(max_examples=200, deadline=None)
def test_values_and_gradients_stay(case: tuple[Function, list[tuple[str, ...]]]) -> None:
    function, inputs = case
    found = contract(function)
    held = numbers(inputs)
    assert same(run(found, held), run(function, held))
    slopes = gradient(function, inputs)
    expected = run(slopes, held)
    assert same(run(gradient(found, inputs), held), expected)
    assert same(run(contract(slopes), held), expected)


@given(case=trees())
@settings(max_examples=100, deadline=None)
def test_idempotent_and_no_dearer(case: tuple[Function, list[tuple[str, ...]]]) -> None:
    function, _ = case
    once = contract(function)
    assert weigh(once) <= 1.02 * weigh(function) + 50
    assert weigh(contract(once)) == weigh(once)


@given(case=array_graphs())
@settings(max_examples=100, deadline=None)
def test_graphs_of_every_kind_keep_their_values(case: ArrayCase) -> None:
    graph = case.graph
    outputs = tuple(
        Output(
            f"f{root}",
            (root,),
            tuple(a.extent for a in graph[root].axes),
            False,
            _dims(graph, root),
        )
        for root in case.roots
    )
    function = Function("value", graph, outputs)
    inputs = case.inputs(MP)
    want = evaluate(graph, case.roots, MP, inputs, case.sizes)
    found = contract(function)
    assert same(evaluate(found.graph, found.roots(), MP, inputs, case.sizes), want)


def _dims(graph: Graph, root: int) -> tuple[tuple[tuple[Axis, ...], ...], ...]:
    return tuple(((axis,),) for axis in graph[root].axes)


def test_a_delta_stays_in_the_sum_whose_index_it_cannot_replace() -> None:
    """The second derivatives of a sum over part of the rows: the last row is not in it."""
    u, b = sp.IndexedBase("U", shape=(n, d)), sp.Symbol("b")
    loss = sp.Sum(sp.sin(u[i, j] + b), (i, 0, n - 2), (j, 0, d - 1))
    kernel = compile(define("part", loss, params=(b, u), constants=(n, d)), backend="python")
    p = np.linspace(-1, 1, 7)
    rows = -np.sin(p[1:] + p[0]) * [1, 1, 1, 1, 0, 0]
    expected = np.diag([rows.sum(), *rows])
    expected[0, 1:] = expected[1:, 0] = rows
    np.testing.assert_allclose(kernel.hessian(p, n=3, d=2), expected, atol=1e-15)


def test_a_delta_that_nothing_meets_is_zero() -> None:
    b = Builder()
    axis, entry = AXES["c"], View((Affine(0),))
    x = b.graph.input("data", 0, (axis, axis))
    delta = b.delta(Affine.of(0, axis=True) - Affine.of(1, axis=True), (axis, axis))
    last = b.view(delta, View((Affine(0), Affine(1))), ())
    rows = b.reduce_sum(b.call("mul", x, b.broadcast(last, [], (axis, axis))), 0)
    root = b.view(rows, entry, ())
    function = Function("value", b.graph, (Output("value", (root,), (), False),))
    held = {Input("data", 0): array_of([MP.mpf(1)] * 16, (4, 4))}
    assert run(contract(function), held) == [0]


# ------------------------------------------------------------------ models


@pytest.mark.parametrize(
    ("name", "function", "factor"),
    [
        ("quadratic", "value", 20),
        ("quadratic", "value_and_grad", 12),
        ("quadratic", "hvp", 12),
        ("matrix_power", "hessian", 50),
        ("contraction", "value", 50),
        ("contraction", "value_and_grad", 50),
        ("contraction", "hessian", 1000),
        ("softmax_onehot", "hessian", 1.9),
        ("softmax_shares", "jacobian", 20),
        ("mlp_matrix", "hessian", 1.7),
        ("gmm", "value", 1.4),
        ("gmm", "hessian", 2),
        ("layer", "jacobian", 100),
    ],
)
def test_models_become_cheaper(name: str, function: str, factor: float) -> None:
    definition = define(name, **BY_NAME[name].make())
    (found,) = plan(definition, [function])
    stable = recognise(value_of(definition))
    shapes = [squeezed(shape) for shape in definition.param_shapes]
    (plain,) = derive(stable.graph, stable.outputs[0], shapes, [function])
    assert weigh(found.function) * factor < weigh(recognise(plain))


def test_quotients_in_sums_stay_one_division_and_do_not_overflow() -> None:
    b1, b2, b3, x, y = sp.symbols("b1 b2 b3 x y")
    model = define(
        "quotient",
        ((b1 + b2 * x) / (1 + b3 * x) - y) ** 2,
        params=(b1, b2, b3),
        data=(x, y),
        reduce="sum",
    )
    (schedule,) = plan(model, ["value_and_grad"])
    used = schedule.graph.ancestors(schedule.function.roots())
    assert sum(schedule.graph[node].op == "div" for node in used) <= 3
    kernel = compile(model, backend="python")
    X, Y, p = np.linspace(0.1, 2.0, 7), np.linspace(1.0, 3.0, 7), np.array([0.5, 2.0, 0.3])
    top, bottom = p[0] + p[1] * X, 1 + p[2] * X
    residual = top / bottom - Y
    slopes = (1 / bottom, X / bottom, -top * X / bottom**2)
    expected = [np.sum(2 * residual * slope) for slope in slopes]
    np.testing.assert_allclose(kernel.grad(p, X, Y), expected, rtol=1e-13)

    slope = define("slope", 3 * (b1 + x) / (b2 + y), params=(b1, b2), data=(x, y), reduce="sum")
    large = np.array([1e200, 4e200])
    found = compile(slope, backend="python").grad([0.0, 0.0], large, large)
    np.testing.assert_allclose(found, [3.75e-200, -3.75e-200], rtol=1e-14)
