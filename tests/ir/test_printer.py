"""The listing of a function: every line says what is computed, with its grouping."""

from __future__ import annotations

from fractions import Fraction

import sympy as sp

from symcompile.autodiff.derive import derive
from symcompile.frontend.definition import Definition, define
from symcompile.ir.graph import SAMPLES, Function, Graph, Input, Output, Special
from symcompile.ir.polynomial import polynomials
from symcompile.ir.printer import format_function

x, y, w0, w1, lam = sp.symbols("x y w0 w1 lam")


def names(definition: Definition) -> dict[Input, str]:
    found = {Input("param", k): name for k, name in enumerate(definition.params)}
    found |= {Input("data", k): name for k, name in enumerate(definition.data)}
    return found | {Input("constant", k): n for k, (n, _) in enumerate(definition.constants)}


def listing(definition: Definition, function: str = "value") -> list[str]:
    (found,) = derive(definition.graph, definition.output, len(definition.params), [function])
    return format_function(found, names(definition)).splitlines()


def one_line(expr: sp.Expr) -> str:
    return listing(define("f", expr, params=(x, y)))[1].removeprefix("  value = ")


def test_a_loss_and_its_gradient() -> None:
    loss = define("f", (w0 + w1 * x - y) ** 2, params=(w0, w1), data=(x, y), reduce="mean")
    lines = listing(loss, "value_and_grad")
    assert lines[0] == "value_and_grad(w0, w1; x[i], y[i])"
    assert lines[1].startswith("  t0[i] = ")
    assert "  s0 = sum over i of t0[i]**2" in lines
    assert "  value = s0/n" in lines
    assert lines[-1].startswith("  grad[1] = ")


def test_a_row_for_each_sample() -> None:
    definition = define("f", [w0 * x, lam], params=(w0,), data=(x,), constants=(lam,))
    assert listing(definition) == [
        "value(w0; x[i]; lam)",
        "  value[i, 0] = w0*x[i]",
        "  value[i, 1] = lam",
    ]


def test_matrices_are_indexed_by_row_and_column() -> None:
    lines = listing(define("f", sp.Matrix([[x, 1, 2], [3, 4, y]]), params=(x, y)))
    assert lines[1] == "  value[0, 0] = x"
    assert lines[-1] == "  value[1, 2] = y"


def test_grouping_is_shown() -> None:
    g = Graph()
    a, b, c = (g.input("param", k) for k in range(3))
    held = {Input("param", k): name for k, name in enumerate("abd")}
    cases = {
        g.add("sub", (a, g.add("sub", (b, c)))): "a - (b - d)",
        g.add("sub", (g.add("sub", (a, b)), c)): "a - b - d",
        g.add("add", (a, g.add("add", (b, c)))): "a + (b + d)",
        g.add("div", (a, g.add("mul", (b, c)))): "a/(b*d)",
        g.add("mul", (a, g.add("div", (b, c)))): "a*(b/d)",
        g.add("neg", (g.add("add", (a, b)),)): "-(a + b)",
        g.add("powi", (g.add("neg", (a,)), g.constant(2))): "(-a)**2",
        g.add("sub", (a, g.constant(-2))): "a - (-2)",
        g.add("mul", (g.constant(Fraction(-1, 3)), a)): "-1/3*a",
        g.add("add", (a, g.constant(Special.NEG_INF))): "a + -inf",
        g.add("sin", (g.add("add", (a, b)),)): "sin(a + b)",
    }
    for root, text in cases.items():
        function = Function("value", g, (Output("value", (root,), (), False),))
        assert format_function(function, held).splitlines()[-1] == f"  value = {text}"


def test_conditions() -> None:
    expr = sp.Piecewise((x, sp.And(x > 0, sp.Or(y > x, sp.Eq(y, 1)))), (y, True))
    text = one_line(expr)
    assert text.startswith("select(")
    assert " and (" in text
    assert " or " in text


def test_numbers_are_short_and_read_back() -> None:
    assert "0.1*x" in one_line(0.1 * x + 10**400)
    assert "E+400" in one_line(0.1 * x + 10**400)


def test_names_of_intermediates_are_kept_and_made_safe() -> None:
    z, bad = sp.Symbol("z"), sp.Symbol("q; import os")
    definition = define("f", [(z, x + y), (bad, z**2), bad + sp.sin(bad)], params=(x, y))
    lines = listing(definition)
    assert [line.split(" = ")[0].strip() for line in lines[1:]] == ["z", "q_import_os", "value"]


def test_inputs_cannot_take_the_names_of_steps() -> None:
    t0 = sp.Symbol("t0")
    shared = sp.sin(t0) + 1
    lines = listing(define("f", shared * sp.exp(shared), params=t0))
    assert lines[0] == "value(t0)"
    assert lines[1] == "  t1 = sin(t0) + 1" or lines[1] == "  t1 = 1 + sin(t0)"


def test_a_sum_is_a_line_of_its_own_and_missing_names_follow_the_role() -> None:
    g = Graph()
    total = g.reduce_sum(g.input("data", 1, (SAMPLES,)))
    root = g.add("exp", (total,))
    function = Function("value", g, (Output("value", (root,), (), False),))
    assert format_function(function, {}).splitlines() == [
        "value(data1[i])",
        "  s0 = sum over i of data1[i]",
        "  value = exp(s0)",
    ]


def test_polynomials_are_exact_and_refuse_what_is_none() -> None:
    g = Graph()
    a, b = g.input("param", 0), g.input("param", 1)
    third = g.constant(Fraction(1, 3))
    cube = g.add("powi", (g.add("sub", (a, g.add("mul", (third, b)))), g.constant(3)))
    (found,) = polynomials(g, [cube], [a, b]) or [{}]
    assert found == {
        ((a, 3),): 1,
        ((a, 2), (b, 1)): -1,
        ((a, 1), (b, 2)): Fraction(1, 3),
        ((b, 3),): Fraction(-1, 27),
    }
    assert polynomials(g, [g.add("sin", (a,))], [a]) is None
    assert polynomials(g, [g.add("div", (a, b))], [a, b]) is None
    assert polynomials(g, [g.add("sub", (a, a))], [a]) == [{}]
