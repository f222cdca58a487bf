"""Bodies: what is equal, what leaves them, and what operations with a body mean."""

from __future__ import annotations

import pickle
from fractions import Fraction

import mpmath
import pytest

from symcompile.ir.bodies import abstracted, applied, closed, opened
from symcompile.ir.body import Body
from symcompile.ir.body_values import body_value
from symcompile.ir.build import Builder, Value, call
from symcompile.ir.describe import described
from symcompile.ir.graph import Graph, Input, Kind, Special
from symcompile.ir.interpreter import context, evaluate

_MP = context(50)


def captured(b: Builder, slot: int) -> Value:
    return Value(b, b.graph.input("captured", slot))


def variable(b: Builder) -> Value:
    return Value(b, b.graph.input("bound", 0))


def power_of(slot: int) -> Body:
    b = Builder()
    return closed(b.graph, call("pow", captured(b, slot), variable(b)).node)[0]


def test_bodies_are_equal_however_their_graphs_were_made() -> None:
    b = Builder()
    unused = captured(b, 3) + 1
    root = call("pow", captured(b, 7), variable(b))
    assert (unused + root).node > root.node
    body, slots = closed(b.graph, root.node)
    assert slots == [7]
    assert body == power_of(0)
    assert hash(body) == hash(power_of(0))
    assert body != closed(b.graph, (root + 1).node)[0]
    assert repr(body) == repr(power_of(2))


def test_equal_bodies_are_one_node() -> None:
    g = Graph()
    args = (g.constant(0), g.input("param", 0), g.input("param", 1))
    first = g.bound("sum", args, power_of(0))
    assert g.bound("sum", args, power_of(5)) == first
    assert g.bound("product", args, power_of(0)) != first
    again = pickle.loads(pickle.dumps(g))
    assert again.bound("sum", args, power_of(0)) == first
    assert again[first].data == power_of(0)


def test_a_body_is_what_it_was_made_of() -> None:
    body = power_of(0)
    assert opened(body)[body.root].op == "pow"
    assert described("sum", body, "k", "0", "n", ["x"]) == "sum over k from 0 to n of x**k"
    b = Builder()
    x, y = b.graph.input("param", 0), b.graph.input("param", 1)
    assert applied(b, body, x, [y]) == b.call("pow", y, x)


def test_what_does_not_vary_leaves_the_body() -> None:
    """``Sum(a*sin(k*(a + b))/b, (k, 1, n))``: a/b stands outside, a + b is captured."""
    b = Builder()
    a, c, n = (b.graph.input("param", slot) for slot in range(3))
    inner = Builder()
    first, second, k = captured(inner, 0), captured(inner, 1), variable(inner)
    root = first * call("sin", k * (first + second)) / second
    body, slots = closed(inner.graph, root.node)
    args = (b.constant(1), n, *[(a, c)[slot] for slot in slots])
    node = b.graph[b.bound("sum", args, body)]
    assert node.op == "div"
    product = b.graph[node.args[0]]
    assert product.op == "mul"
    (total,) = [arg for arg in product.args if arg != a]
    assert b.graph[total].args == (b.constant(1), n, b.call("add", a, c))


def test_numbers_are_captured_by_none() -> None:
    b = Builder()
    n = b.graph.input("param", 0)
    node = b.graph[b.bound("sum", (b.constant(1), n, b.constant(Fraction(1, 3))), power_of(0))]
    assert node.args == (b.constant(1), n)
    assert isinstance(node.data, Body)
    assert Fraction(1, 3) in [inner.data for inner in node.data.nodes]


@pytest.mark.parametrize(
    ("op", "limits", "expected"),
    [
        ("sum", (1, 3), 15),
        ("product", (1, 3), 125),
        ("integral", (1, 3), 10),
        ("derivative", (1,), 0),
    ],
)
def test_a_constant_needs_no_loop(op: str, limits: tuple[int, ...], expected: int) -> None:
    b = Builder()
    inner = Builder()
    body, _ = closed(inner.graph, captured(inner, 0).node)
    node = b.bound(op, (*map(b.constant, limits), b.constant(5)), body)
    (value,) = evaluate(b.graph, [node], _MP, {})
    assert value == expected
    assert not isinstance(b.graph[node].data, Body)


def test_sums_without_terms_and_with_one() -> None:
    b = Builder()
    x = b.graph.input("param", 0)
    assert b.bound("sum", (b.constant(3), b.constant(2), x), power_of(0)) == b.constant(0)
    assert b.bound("product", (b.constant(3), b.constant(2), x), power_of(0)) == b.constant(1)
    one = b.bound("sum", (b.constant(3), b.constant(3), x), power_of(0))
    assert b.graph[one].op == "pow"


def test_truths_are_not_captured() -> None:
    b = Builder()
    x, t = b.graph.input("param", 0), b.graph.input("param", 1)
    positive = b.call("lt", b.constant(0), x)
    root = b.call("select", positive, b.call("sin", t), x)
    body, outside = abstracted(b.graph, root, t)
    assert outside == [x]
    assert all(node.kind is not Kind.BOOL for node in body.nodes if isinstance(node.data, Input))


def test_a_function_of_what_is_no_input() -> None:
    b = Builder()
    x = b.graph.input("param", 0)
    square = b.call("mul", x, x)
    root = b.call("add", b.call("exp", square), b.call("sin", x))
    body, outside = abstracted(b.graph, root, square)
    assert [b.graph[node].op for node in outside] == ["sin"]
    assert [node.op for node in body.nodes] == ["input", "exp", "input", "add"]


# ------------------------------------------------------------------ meaning


@pytest.mark.parametrize(
    ("low", "high", "total", "product"),
    [(1, 4, 10, 24), (3, 2, 0, 1), (5, 2, -7, Fraction(1, 12)), (2, -1, -1, None)],
)
def test_reversed_limits_take_away(
    low: int, high: int, total: int, product: Fraction | None
) -> None:
    """As SymPy's, after Karr: a sum up to n and on to m is the sum up to m."""
    b = Builder()
    body, _ = closed(b.graph, variable(b).node)
    limits = [_MP.mpf(low), _MP.mpf(high)]
    assert body_value(_MP, "sum", body, limits) == total
    found = body_value(_MP, "product", body, limits)
    if product is None:  # by zero
        assert _MP.isinf(found)
    else:
        assert abs(found - _MP.mpf(product.numerator) / product.denominator) < 1e-45


def test_steps_that_do_not_meet_the_limit_are_no_sum() -> None:
    b = Builder()
    body, _ = closed(b.graph, variable(b).node)
    assert _MP.isnan(body_value(_MP, "sum", body, [_MP.mpf(1), _MP.mpf(2.5)]))
    assert body_value(_MP, "sum", body, [_MP.mpf(0.5), _MP.mpf(2.5)]) == 4.5
    assert _MP.isnan(body_value(_MP, "sum", body, [_MP.mpf(1), _MP.inf]))


def test_integrals_know_their_kinks() -> None:
    b = Builder()
    body, _ = closed(b.graph, call("abs", variable(b) - captured(b, 0)).node)
    found = body_value(_MP, "integral", body, [_MP.mpf(0), _MP.mpf(1), _MP.mpf("0.3")])
    assert abs(found - _MP.mpf("0.29")) < 1e-45


def test_integrals_are_cut_at_their_kinks() -> None:
    """``Integral(Abs(t - a), (t, 0, 1))`` is two integrals, the place between them clamped."""
    b = Builder()
    a = b.graph.input("param", 0)
    inner = Builder()
    body, _ = closed(inner.graph, call("abs", variable(inner) - captured(inner, 0)).node)
    node = b.bound("integral", (b.constant(0), b.constant(1), a), body)
    ops = [b.graph[index].op for index in b.graph.ancestors([node])]
    assert ops.count("integral") == 2
    assert "abs" not in ops
    for value, expected in (("0.3", "0.29"), ("-1", "1.5"), ("2", "1.5")):
        inputs = {Input("param", 0): _MP.mpf(value)}
        (found,) = evaluate(b.graph, [node], _MP, inputs)
        assert abs(found - _MP.mpf(expected)) < 1e-45


@pytest.mark.parametrize(("low", "high"), [(-1.0, 2.0), (2.0, -1.0), (0.5, 0.25), (1.0, 1.0)])
def test_cuts_between_limits_in_any_order(low: float, high: float) -> None:
    b = Builder()
    ends = [b.graph.input("param", k) for k in range(2)]
    inner = Builder()
    t = variable(inner)
    before = call("lt", 3 * t, inner_constant(inner, 1))
    choice = Value(inner, inner.call("select", before.node, call("exp", t).node, (t * t).node))
    body, _ = closed(inner.graph, choice.node)
    node = b.bound("integral", tuple(ends), body)
    inputs = {Input("param", 0): _MP.mpf(low), Input("param", 1): _MP.mpf(high)}
    (found,) = evaluate(b.graph, [node], _MP, inputs)

    def upto(x: float) -> mpmath.mpf:
        third = _MP.mpf(1) / 3
        return _MP.exp(min(x, third)) + (max(x, third) ** 3 - third**3) / 3

    assert abs(found - (upto(_MP.mpf(high)) - upto(_MP.mpf(low)))) < 1e-40


def inner_constant(b: Builder, value: int) -> Value:
    return Value(b, b.constant(value))


def test_infinite_ranges() -> None:
    b = Builder()
    t = variable(b)
    body, _ = closed(b.graph, call("exp", -(t * t)).node)
    limits = (b.constant(Special.NEG_INF), b.constant(Special.INF))
    node = b.graph.bound("integral", limits, body)
    (found,) = evaluate(b.graph, [node], _MP, {})
    assert abs(found - _MP.sqrt(_MP.pi)) < 1e-45


def test_a_derivative_of_a_derivative() -> None:
    g = Graph()
    x = g.input("param", 0)
    first, outside = abstracted(g, g.add("sin", (x,)), x)
    slope = g.bound("derivative", (x, *outside), first)
    second, outside = abstracted(g, slope, x)
    root = g.bound("derivative", (x, *outside), second)
    (found,) = evaluate(g, [root], _MP, {Input("param", 0): _MP.mpf("0.7")})
    assert abs(found + _MP.sin(_MP.mpf("0.7"))) < 1e-35
