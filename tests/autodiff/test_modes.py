"""Forward and reverse mode against each other, and every row of the table against mpmath."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symcompile.autodiff.derive import derive
from symcompile.autodiff.forward import forward
from symcompile.autodiff.reverse import reverse
from symcompile.errors import UnsupportedFunctionError
from symcompile.ir.build import Builder
from symcompile.ir.graph import SAMPLES, Graph, Input, Output
from symcompile.ir.interpreter import apply_op, context, evaluate
from symcompile.ir.ops import OPS
from symcompile.ir.ops.rules import Refused
from tests.graphs import differentiable_graphs, values_of

MP = context(60)
_STEP = MP.mpf(10) ** -20

_ROWS = [
    (name, position)
    for name, row in sorted(OPS.items())
    for position in range(row.arity)
    if position < len(row.derivatives)
    and row.derivatives[position] is not None
    and not isinstance(row.derivatives[position], Refused)
    # The derivatives of these are not those of their values: hypot_slope takes hypot as well.
    and name not in ("refined", "sloped", "hypot_slope")
]


@pytest.mark.parametrize(("name", "position"), _ROWS)
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_row_of_the_table(name: str, position: int, data: st.DataObject) -> None:
    row = OPS[name]
    intervals = row.domain if len(row.domain) == row.arity else row.domain * row.arity
    whole = {("powi", 1), ("polygamma", 0)}
    numbers = [
        Fraction(int(low)) if low == high or (name, k) in whole else None
        for k, (low, high) in enumerate(intervals)
    ]
    point = [
        data.draw(st.floats(low, high)) if fixed is None else float(fixed)
        for fixed, (low, high) in zip(numbers, intervals, strict=True)
    ]
    if name == "abs" and abs(point[0]) < 1e-3:
        point[0] = 1.5
    if name == "hypot" and max(map(abs, point)) < 1e-3:
        point[0] = 1.5
    if name == "atan2" and abs(point[0]) < 1e-3:
        point[0] = 1.5
    b = Builder()
    args = [
        b.graph.input("param", k) if fixed is None else b.constant(fixed)
        for k, fixed in enumerate(numbers)
    ]
    node = b.graph.add(name, tuple(args))
    inputs = {Input("param", k): MP.mpf(value) for k, value in enumerate(point)}
    one = b.constant(1)
    found = reverse(b, {node: one}, [args[position]]).get(args[position])
    tangent = forward(b, [node], {args[position]: one})[0]
    assert found is not None
    assert tangent is not None
    numbers_found = evaluate(b.graph, [found, tangent], MP, inputs)

    exact = [MP.mpf(value) for value in point]

    def shifted(step: object) -> object:
        moved = list(exact)
        moved[position] += step  # type: ignore[operator]
        return apply_op(MP, name, moved)

    expected = (shifted(_STEP) - shifted(-_STEP)) / (2 * _STEP)  # type: ignore[operator]
    for got in numbers_found:
        assert abs(got - expected) <= MP.mpf(10) ** -25 * (1 + abs(expected))


def test_every_smooth_row_is_tested() -> None:
    tested = {name for name, _ in _ROWS}
    refused = {
        name
        for name, row in OPS.items()
        if row.arity and all(isinstance(rule, Refused) for rule in row.derivatives)
    }
    flat = {name for name, row in OPS.items() if row.arity} - tested - refused
    assert flat == {
        *("sign", "floor", "ceil", "min", "max", "select", "detach", "refined", "sloped"),
        *("lt", "le", "eq", "ne", "and", "or", "not", "isnan", "isinf"),
        "hypot_slope",  # with hypot, in tests/peers/test_found.py
        *("re", "im", "conj", "arg"),  # linear over the reals: tests/autodiff/test_parts.py
    }


@given(differentiable_graphs())
@settings(max_examples=150, deadline=None)
def test_modes_agree(case: tuple[Graph, list[int], list[float], list[list[float]]]) -> None:
    graph, roots, params, columns = case
    b = Builder(graph)
    inputs = values_of(MP, params, columns)
    wrt = [graph.input("param", k) for k in range(len(params))]
    one = b.constant(1)
    scalars = [root for root in roots if not graph[root].axes][:2]
    for root in scalars:
        by_reverse = reverse(b, {root: one}, wrt)
        for param in wrt:
            tangent = forward(b, [root], {param: one})[0]
            nodes = [b.constant(0) if n is None else n for n in (by_reverse.get(param), tangent)]
            backward, ahead = evaluate(graph, nodes, MP, inputs, {"n": len(columns[0])})
            if MP.isfinite(backward) and MP.isfinite(ahead):
                assert abs(backward - ahead) <= MP.mpf(10) ** -40 * (1 + abs(ahead))
            else:
                assert not (MP.isfinite(backward) or MP.isfinite(ahead))


def _numeric(
    graph: Graph, root: int, params: list[float], columns: list[list[float]]
) -> list[mpmath.mpf | None]:
    """Return central differences; None where the two sides differ, at a kink or a pole."""

    def at(k: int, step: mpmath.mpf | int) -> mpmath.mpf:
        inputs = values_of(MP, params, columns)
        inputs[Input("param", k)] += step
        return evaluate(graph, [root], MP, inputs, {"n": len(columns[0])})[0]

    found: list[mpmath.mpf | None] = []
    for k in range(len(params)):
        right, middle, left = at(k, _STEP), at(k, 0), at(k, -_STEP)
        sides = (right - middle) / _STEP, (middle - left) / _STEP
        smooth = abs(sides[0] - sides[1]) <= MP.mpf(10) ** -8 * (1 + abs(sides[0]))
        found.append((right - left) / (2 * _STEP) if smooth else None)
    return found


@given(differentiable_graphs())
@settings(max_examples=100, deadline=None)
def test_gradient_is_that_of_differences(
    case: tuple[Graph, list[int], list[float], list[list[float]]],
) -> None:
    graph, roots, params, columns = case
    root = next((r for r in reversed(roots) if not graph[r].axes), None)
    if root is None:
        return
    expected = _numeric(graph, root, params, columns)
    (function,) = derive(graph, Output("value", (root,), (), False), ((),) * len(params), ["grad"])
    inputs = values_of(MP, params, columns)
    found = evaluate(graph, function.outputs[0].entries, MP, inputs, {"n": len(columns[0])})
    for got, want in zip(found, expected, strict=True):
        if want is not None and abs(want) < 1e15 and MP.isfinite(got):
            assert abs(got - want) <= MP.mpf(10) ** -8 * (1 + abs(want))


def test_derivatives_are_linear_in_the_size_of_the_graph() -> None:
    sizes = []
    for depth in (100, 200, 400):
        graph = Graph()
        f = graph.input("param", 0)
        p = graph.input("param", 1)
        for _ in range(depth):
            f = graph.add(
                "add", (graph.add("sin", (graph.add("mul", (f, p)),)), graph.add("cos", (f,)))
            )
        before = len(graph)
        derive(graph, Output("value", (f,), (), False), ((), ()), ["grad", "hvp"])
        sizes.append((len(graph) - before) / before)
    assert max(sizes) < 1.1 * min(sizes)


def test_nested_branches_stay_small() -> None:
    sizes = []
    for depth in (50, 100, 200):
        graph = Graph()
        x = graph.input("param", 0)
        f = x
        for k in range(depth):
            condition = graph.add("lt", (x, graph.constant(k)))
            f = graph.add("select", (condition, graph.add("sin", (f,)), graph.add("exp", (f,))))
        before = len(graph)
        derive(graph, Output("value", (f,), (), False), ((),), ["grad"])
        sizes.append((len(graph) - before) / before)
    assert max(sizes) < 2 * min(sizes)


def test_no_gradient_of_a_vector() -> None:
    graph = Graph()
    x = graph.input("param", 0)
    output = Output("value", (x, x), (2,), False)
    with pytest.raises(UnsupportedFunctionError, match="jacobian"):
        derive(graph, output, ((),), ["grad"])


def test_samples_that_share_a_parameter_are_counted_once_each() -> None:
    b = Builder()
    g = b.graph
    w, x = g.input("param", 0), g.input("data", 0, (SAMPLES,))
    total = g.reduce_sum(g.add("add", (g.add("mul", (w, w)), x)))
    grad = reverse(b, {total: b.constant(1)}, [w])[w]
    inputs = {Input("param", 0): MP.mpf(3), Input("data", 0): [MP.mpf(k) for k in range(5)]}
    assert evaluate(g, [grad], MP, inputs, {"n": 5}) == [30]
