"""What the front end takes, and what it refuses and how."""

from __future__ import annotations

import time
from typing import Any

import pytest
import sympy as sp

from symcompile.errors import LoweringError
from symcompile.frontend.definition import define
from symcompile.frontend.lowering import Lowering
from symcompile.frontend.scalars import supported_functions
from symcompile.ir.graph import Graph, Kind
from tests.corpus import nested

k, x, y, z = sp.symbols("k x y z")
f = sp.Function("f")


def lower(expr: Any) -> tuple[Graph, int]:
    graph = Graph()
    lowering = Lowering(graph, {x: graph.input("param", 0), y: graph.input("param", 1)})
    return graph, lowering.lower(expr)


@pytest.mark.parametrize(
    ("expr", "offender", "advice"),
    [
        (1 + sp.Integral(x**2, x), "Integral(x**2, x)", "limits"),
        (y * sp.Derivative(f(x), x), "f(x)", "formula"),
        (x + sp.zoo, "zoo", "divides by zero"),
        (sp.sin(f(x)), "f(x)", "formula"),
        (sp.Function("exp")(x), "exp(x)", "undefined function"),
        (x + z, "z", "params="),
        (1 + sp.DiracDelta(x), "DiracDelta(x)", "one-sided"),
        (sp.primepi(x), "primepi(x)", "known functions"),
        (sp.Sum(sp.sin(k**2) / k**3, (k, 1, sp.oo)), "Sum(", "cut it off"),
        (sp.polygamma(sp.Rational(1, 2), y), "polygamma(1/2, y)", "whole number"),
        (sp.DiracDelta(x), "DiracDelta(x)", "symcompile"),
        (sp.hyper([1, 2], [3, 4], x), "hyper((1, 2), (3, 4), x)", "hyperexpand"),
        (sp.fibonacci(x, y), "fibonacci(x, y)", "polynomial"),
        (sp.Interval(0, 1), "Interval(0, 1)", "cannot compile"),
    ],
)
def test_refusals_name_the_subexpression_and_say_what_to_do(
    expr: Any, offender: str, advice: str
) -> None:
    with pytest.raises(LoweringError) as caught:
        lower(expr)
    assert offender in str(caught.value)
    assert advice in str(caught.value)
    assert caught.value.subexpression is not None
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    "make",
    [
        lambda: f(nested(60)),
        lambda: f(sp.Add(*sp.symbols("x:2000"))),
        lambda: f(sp.Integer(7) ** 20000),
        lambda: f(sp.Symbol("s" * 100_000)),
    ],
    ids=["deep", "wide", "huge number", "long name"],
)
def test_messages_stay_short_and_quick(make: Any) -> None:
    expr = make()
    started = time.monotonic()
    with pytest.raises(LoweringError) as caught:
        Lowering(Graph(), {}).lower(expr)
    assert len(str(caught.value)) < 2000
    assert time.monotonic() - started < 30  # not exponential; no measurement of speed


@pytest.mark.parametrize("text", ["x + 1", "__import__('os').getpid()"])
def test_text_is_never_evaluated(text: str) -> None:
    with pytest.raises(LoweringError):
        lower(text)
    with pytest.raises(ValueError, match="not a SymPy expression"):
        define("f", text, params=x)
    with pytest.raises(ValueError, match="not a SymPy expression"):
        define("f", [x, text], params=x)


def test_shared_subtrees_are_visited_once() -> None:
    graph, _ = lower(_shared(2000))
    assert len(graph) < 5000


def _shared(depth: int) -> sp.Expr:
    found: sp.Expr = x
    for _ in range(depth):
        found = sp.Add(sp.Mul(found, y, evaluate=False), found, evaluate=False)
    return found


def test_long_sums_are_balanced() -> None:
    terms = [sp.sin(x + k) for k in range(1000)]
    graph, root = lower(sp.Add(*terms))
    depth: dict[int, int] = {}
    for index in graph.ancestors([root]):
        node = graph[index]
        depth[index] = (node.op == "add") + max((depth[arg] for arg in node.args), default=0)
    assert depth[root] < 25


def test_numbers() -> None:
    graph, root = lower(sp.Float("0.1", 40))
    assert graph[root].op == "const"
    graph, root = lower(sp.Rational(1, 3))
    assert str(graph[root].data) == "1/3"
    for value in (sp.oo, -sp.oo, sp.nan):
        graph, root = lower(value)
        assert graph[root].op == "const"
    graph, root = lower(3)
    assert graph[root].data == 3
    graph, root = lower(0.1)
    assert graph[root].data == 0.1


def test_symbols_as_conditions_become_truth_values() -> None:
    graph, root = lower(sp.Piecewise((1, sp.And(x, sp.Not(y))), (2, True)))
    for index in graph.ancestors([root]):
        node = graph[index]
        if node.op in ("and", "or", "not"):
            assert all(graph[arg].kind is Kind.BOOL for arg in node.args)
        if node.op == "select":
            assert graph[node.args[0]].kind is Kind.BOOL


def test_supported_functions_are_listed() -> None:
    names = list(supported_functions())
    assert names == sorted(names, key=str.lower)
    assert {"sin", "gamma", "Piecewise", "acoth", "Max"} <= set(names)
    assert "Pi" not in names
    for name in ("sin", "exp", "atanh", "erfc", "loggamma"):
        graph, root = lower(getattr(sp, name)(x))
        assert graph[root].op == name
