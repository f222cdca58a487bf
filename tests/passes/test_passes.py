"""Passes keep values, and recognise what they are there for."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from symcompile.frontend.definition import define
from symcompile.ir.graph import SAMPLES, Function, Graph, Input, Output, operation_count
from symcompile.ir.interpreter import context, evaluate
from symcompile.passes import PASSES, optimise, recognise
from tests.graphs import Sampled, graphs, values_of

MP = context(60)
w, v = sp.symbols("w v")


def _function(case: Sampled) -> Function:
    graph, roots, _, _ = case
    scalars = tuple(root for root in roots if not graph[root].axes)
    rows = tuple(root for root in roots if graph[root].axes)
    outputs = (Output("a", scalars, (len(scalars),), False), Output("b", rows, (len(rows),), True))
    return Function("value", graph, outputs)


def _close(got: Any, want: Any) -> bool:
    if isinstance(want, list):
        return all(_close(a, b) for a, b in zip(got, want, strict=True))
    if isinstance(want, np.ndarray) or isinstance(got, np.ndarray):
        gots, wants = np.broadcast_arrays(got, want)
        return all(_close(a, b) for a, b in zip(gots.flat, wants.flat, strict=True))
    if MP.isnan(want) or MP.isnan(got):
        return bool(MP.isnan(want) and MP.isnan(got))
    if MP.isinf(want) or MP.isinf(got):
        return bool(want == got)
    return bool(abs(got - want) <= MP.mpf(10) ** -40 * (1 + abs(want)))


def _values(function: Function, case: Sampled, inputs: dict[Input, Any]) -> list[Any]:
    return evaluate(function.graph, function.roots(), MP, inputs, {"n": len(case[3][0])})


def _tame(case: Sampled, inputs: dict[Input, Any]) -> bool:
    """Return whether nothing on the way is infinite, undefined or on an edge.

    Beyond the doubles, and with zeros that have no sign, the interpreter is no IEEE machine.
    """
    graph = case[0]
    for value in evaluate(graph, range(len(graph)), MP, inputs, {"n": len(case[3][0])}):
        for number in np.ravel(value).tolist():
            if not isinstance(number, bool) and (
                not MP.isfinite(number) or abs(number) > 1e30 or 0 < abs(number) < 1e-30
            ):
                return False
    return True


@pytest.mark.parametrize("run", [*PASSES, optimise], ids=lambda run: run.__name__)
@given(case=graphs())
@settings(max_examples=150, deadline=None)
def test_a_pass_keeps_values(run: Any, case: Sampled) -> None:
    function = _function(case)
    inputs = values_of(MP, case[2], case[3])
    if not _tame(case, inputs):
        return
    before = _values(function, case, inputs)
    after = _values(run(function), case, inputs)
    assert _close(after, before) or all(map(_close, after, before))


@given(case=graphs())
@settings(max_examples=100, deadline=None)
def test_passes_are_idempotent_and_do_not_grow(case: Sampled) -> None:
    once = recognise(_function(case))
    again = recognise(once)
    assert operation_count(again.graph, again.roots()) <= operation_count(once.graph, once.roots())
    final = optimise(once)
    assert not {n.op for n in final.graph} & {"softplus", "sigmoid", "sech_squared"}


def _ops(expr: Any, **roles: Any) -> set[str]:
    definition = define("f", expr, params=(w, v), **roles)
    function = recognise(recognise(Function("value", definition.ir, (definition.output,))))
    found = function.graph.ancestors(function.roots())
    return {function.graph[n].op for n in found if function.graph[n].args}


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (sp.log(1 + sp.exp(w)), {"softplus"}),
        (sp.log(sp.exp(-w) + 1), {"softplus", "neg"}),
        (v * sp.log(1 + sp.exp(w)), {"softplus", "mul"}),
        (1 / (1 + sp.exp(w)), {"sigmoid", "neg"}),
        (1 / (1 + sp.exp(-w)), {"sigmoid"}),
        (v / (1 + sp.exp(-w)), {"sigmoid", "mul"}),
        (sp.exp(w) / (1 + sp.exp(w)), {"sigmoid"}),
        (v * sp.exp(w) / (1 + sp.exp(w)), {"sigmoid", "mul"}),
        (sp.exp(w) / (1 + sp.exp(w)) ** 2, {"sigmoid", "mul", "neg"}),
        (sp.exp(w) / ((1 + sp.exp(w)) * v), {"sigmoid", "div"}),
        (sp.log(1 + w), {"log1p"}),
        (sp.log(1 - w), {"log1p", "neg"}),
        (sp.exp(w) - 1, {"expm1"}),
        (1 - sp.exp(w), {"expm1", "neg"}),
        (sp.log(1 + v * w), {"log1p", "mul"}),
        (sp.log(2 + w), {"log", "add"}),
        (sp.exp(w) / (2 + sp.exp(w)), {"exp", "add", "div"}),
    ],
)
def test_stable_forms(expr: sp.Expr, expected: set[str]) -> None:
    assert _ops(expr) == expected


def test_a_stable_form_is_exact_where_the_other_cancels() -> None:
    definition = define("f", sp.log(1 + w) + (sp.exp(v) - 1), params=(w, v))
    from symcompile.compiler import build
    from symcompile.options import Options

    module = build(definition, "python", Options(), ("value", "grad"))
    assert module.value([1e-20, 1e-20]) == 2e-20
    assert module.value([0.0, -1e-300]) == -1e-300


@pytest.mark.parametrize("power", [2, 3, 7, 33, 64, 65, -2, -5, 200])
def test_powers(power: int) -> None:
    graph = Graph()
    x = graph.input("param", 0)
    root = graph.add("powi", (x, graph.constant(power)))
    found = optimise(Function("value", graph, (Output("value", (root,), (), False),)))
    ops = [n.op for n in found.graph if n.args]
    assert ("pow" in ops) == (abs(power) > 64)
    assert "powi" not in ops
    (value,) = evaluate(found.graph, found.roots(), MP, {Input("param", 0): MP.mpf(3)})
    assert _close(value, MP.mpf(3) ** power)


@given(st.fractions(min_value=-40, max_value=40, max_denominator=6), st.floats(0.1, 50))
@settings(max_examples=100, deadline=None)
def test_rational_powers(exponent: Fraction, base: float) -> None:
    graph = Graph()
    root = graph.add("pow", (graph.input("param", 0), graph.constant(exponent)))
    found = optimise(Function("value", graph, (Output("value", (root,), (), False),)))
    (value,) = evaluate(found.graph, found.roots(), MP, {Input("param", 0): MP.mpf(base)})
    expected = MP.power(MP.mpf(base), MP.mpf(exponent.numerator) / exponent.denominator)
    assert abs(value - expected) <= MP.mpf(10) ** -40 * abs(expected)


def test_constants_are_rounded_once() -> None:
    expr = (sp.pi / 3 + sp.sqrt(2) * sp.E) * w
    definition = define("f", expr, params=w)
    found = optimise(Function("value", definition.ir, (definition.output,)))
    used = [found.graph[n] for n in found.graph.ancestors(found.roots())]
    constants = [n.data for n in used if n.op == "const"]
    assert len(constants) == 1
    assert isinstance(constants[0], Fraction)
    with mpmath.workdps(50):
        exact = mpmath.pi / 3 + mpmath.sqrt(2) * mpmath.e
        assert float(constants[0]) == float(exact)
        assert math.isclose(float(constants[0]), float(exact))
    assert [n.op for n in used if n.args] == ["mul"]


def test_a_sum_of_what_turns_out_to_be_the_same_for_each_sample() -> None:
    graph = Graph()
    x, p = graph.input("data", 0, (SAMPLES,)), graph.input("param", 0)
    same = graph.add("select", (graph.add("lt", (x, p)), p, p))
    output = Output("value", (graph.reduce_sum(same),), (), False)
    found = optimise(Function("value", graph, (output,)))
    inputs = {Input("param", 0): MP.mpf(3), Input("data", 0): [MP.mpf(k) for k in range(5)]}
    assert evaluate(found.graph, found.roots(), MP, inputs, {"n": 5}) == [15]
