"""Raising: what was lowered comes back with the same value and, where short, the same text."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys

import mpmath
import pytest
import sympy as sp

from symcompile.frontend.definition import define
from symcompile.frontend.raiser import Raised, raise_nodes
from symcompile.frontend.raising import (
    described_roles,
    formula,
    formula_latex,
    formula_lines,
)
from symcompile.ir.affine import Affine
from symcompile.ir.graph import Axis, Graph, Input, View, whole
from symcompile.ir.ops import OPS
from tests import handmade

x, y, b, c = sp.symbols("x y b c")
w0, w1 = sp.symbols("w0 w1")
POINT = {x: sp.Rational(7, 10), y: sp.Rational(13, 10)}

EXPRESSIONS = [
    x + y,
    x - y,
    -x,
    2 * x - 3 * y + 1,
    x * y / 3,
    2 * (x + y) * y,
    -(x + y) / 2,
    x / (y * (x + 1)),
    (x + 2 * y - 1) ** 2,
    (x + y) ** -3,
    x**2.5,
    x ** sp.Rational(1, 3),
    x**y,
    2**x,
    sp.sqrt(x * y + 1),
    1 / sp.sqrt(x),
    sp.Float("0.1") * x + sp.Float("2.5") * y,
    x / 3 + sp.Rational(1, 7),
    sp.exp(-(x**2) / 2),
    sp.log(1 + sp.exp(x)),
    sp.log(x, 2),
    sp.sin(x) * sp.cos(y) + sp.tan(x),
    sp.sec(x) + sp.cot(y),
    sp.asin(x) + sp.acos(x) - sp.atan(y),
    sp.sinh(x) + sp.cosh(y) - sp.tanh(x),
    sp.asinh(x) + sp.acosh(y) + sp.atanh(x),
    sp.atan2(y, x),
    sp.erf(x) + sp.erfc(y),
    sp.gamma(x) + sp.loggamma(y),
    sp.digamma(x) + sp.polygamma(2, y),
    sp.Abs(x - y),
    sp.sign(x - y),
    sp.floor(3 * x) + sp.ceiling(y),
    sp.Max(x, y, 1),
    sp.Min(x, 1 - y),
    sp.Piecewise((x, x > 1), (y**2, x < y), (1, True)),
    sp.Piecewise((x, sp.And(x > 0, sp.Or(y > 2, sp.Ne(x, y)))), (0, True)),
    sp.Piecewise((x, sp.Xor(x > 0, y > 0)), (y, True)),
    sp.Piecewise((x, x > 0)),
    sp.pi * x + sp.E * y + sp.EulerGamma,
    (x + sp.sin(y)) / (1 + (x * y) ** 2) + sp.exp(sp.sin(x)),
]


def value(expr: sp.Expr) -> sp.Float:
    # A Float would limit the precision of what it stands in; as a fraction it is the same.
    exact = expr.xreplace({number: sp.Rational(number) for number in expr.atoms(sp.Float)})
    return sp.N(sp.expand_func(exact).subs(POINT), 40, maxn=200)


def names(*symbols: sp.Symbol) -> dict[Input, sp.Symbol]:
    return {Input("param", k): symbol for k, symbol in enumerate(symbols)}


def substituted(raised: Raised) -> sp.Expr:
    table: dict[sp.Symbol, sp.Expr] = {}
    for symbol, expr in raised.intermediates:
        table[symbol] = expr.subs(table).subs(POINT)
    return raised.results[0].subs(table)


@pytest.mark.parametrize("expr", EXPRESSIONS, ids=str)
def test_raised_equals_what_was_lowered(expr: sp.Expr) -> None:
    definition = define("f", expr, params=(x, y))
    (raised,) = raise_nodes(definition.ir, definition.output.entries, names(x, y)).results
    expected, found = value(expr), value(raised)
    assert abs(found - expected) <= abs(expected) * sp.Float("1e-30", 40)


@pytest.mark.parametrize(
    "expr",
    [
        x + y,
        2 * (x + y) * y,
        -(x + y) / 2,
        x / (y * (x + 1)),
        1 / sp.sqrt(x),
        sp.Float("2.5") * y + sp.Float("0.1") * x,
        x / 3 + sp.Rational(1, 7),
        sp.exp(-(x**2) / 2),
        sp.Piecewise((x, x > 1), (y**2, x < y), (1, True)),
        sp.Piecewise((x, x > 0)),
        sp.Max(x, y, 1),
        sp.polygamma(2, y),
    ],
    ids=str,
)
def test_short_formulas_print_as_they_were_written(expr: sp.Expr) -> None:
    assert formula(define("f", expr, params=(x, y))) == str(expr)


def test_every_operation_of_the_table_can_be_raised() -> None:
    for op in OPS.values():
        graph = Graph()
        symbols = sp.symbols(f"a0:{max(op.arity, 1)}")
        args = [graph.input("param", k) for k in range(op.arity)]
        if op.name in ("and", "or", "not", "select"):
            positive = graph.add("lt", (graph.constant(0), args[0]))
            args = [positive] * op.arity if op.name != "select" else [positive, *args[1:]]
        if op.name == "powi":
            args[1] = graph.constant(2)
        if op.name == "polygamma":
            args[0] = graph.constant(1)
        root = graph.add(op.name, tuple(args))
        (raised,) = raise_nodes(graph, [root], names(*symbols)).results
        assert isinstance(raised, sp.Basic), op.name


def test_softplus_and_sigmoid_are_written_out() -> None:
    graph = Graph()
    node = graph.input("param", 0)
    roots = [graph.add(op, (node,)) for op in ("softplus", "sigmoid")]
    found = raise_nodes(graph, roots, names(x)).results
    assert found == (sp.log(1 + sp.exp(x)), 1 / (1 + sp.exp(-x)))


def test_reductions_name_themselves() -> None:
    residual = (w0 + w1 * x - y) ** 2
    roles = {"params": (w0, w1), "data": (x, y)}
    assert formula(define("f", residual, reduce="mean", **roles)) == "mean((w0 + w1*x - y)**2)"
    assert formula(define("f", residual, reduce="sum", **roles)) == "sum((w0 + w1*x - y)**2)"
    assert formula(define("f", residual, **roles)) == "(w0 + w1*x - y)**2"
    assert formula(define("f", w0, reduce="sum", **roles)) == "n*w0"
    two = define("f", [x, x * w0], reduce="mean", **roles)
    assert formula(two) == "[mean(x), mean(w0*x)]"


def test_shapes_of_outputs() -> None:
    matrix = define("f", sp.Matrix([[x, y], [x * y, 1]]), params=(x, y))
    assert formula(matrix) == "Matrix([[x, y], [x*y, 1]])"
    assert "x & y \\\\ x y & 1" in formula_latex(matrix)
    table = define("f", {"a": x, "b": y}, params=(x, y))
    assert formula(table) == "{a: x, b: y}"
    assert r"\mathtt{b} : y" in formula_latex(table)


def test_latex_indexes_what_varies_with_the_sample() -> None:
    loss = define("f", (w0 + w1 * x - y) ** 2, params=(w0, w1), data=(x, y), reduce="mean")
    assert formula_latex(loss) == (
        r"\frac{1}{n} \sum_{i=1}^{n} \left(w_{0} + w_{1} x_{i} - y_{i}\right)^{2}"
    )
    x_1, n = sp.symbols("x_1 n")
    total = define("f", n * x_1 + 1, params=n, data=x_1, reduce="sum")
    assert formula_latex(total) == r"\sum_{i=1}^{N} \left(n x_{1,i} + 1\right)"


def chain(length: int) -> list[tuple[sp.Symbol, sp.Expr]]:
    assignments, f = [], b
    for k in range(length):
        symbol = sp.Symbol(f"f{k}")
        assignments.append((symbol, sp.sin(f * b) * sp.cos(f + c) + f**2 / 3))
        f = symbol
    return assignments


def test_named_intermediates_keep_their_names_and_long_formulas_are_cut() -> None:
    definition = define("f", chain(1000), params=(b, c))
    text = formula(definition, limit=120)
    assert text.startswith("f0 = b**2/3 + sin(b**2)*cos(b + c); f1 = f0**2/3 + ")
    assert len(text) == 120
    assert text.endswith("...")
    lines = formula_lines(definition)
    assert len(lines) == 12
    assert lines[1] == "f1 = f0**2/3 + sin(b*f0)*cos(c + f0)"
    assert lines[-2:] == ["...", "value = f998**2/3 + sin(b*f998)*cos(c + f998)"]
    assert len(formula_latex(definition).splitlines()) <= 14


def test_a_nested_tree_is_cut_into_pieces_of_the_same_value() -> None:
    f: sp.Expr = b
    for _ in range(6):
        f = sp.sin(f * b) * sp.cos(f + c) + f**2 / 3
    definition = define("f", f, params=(b, c))
    raised = raise_nodes(definition.ir, definition.output.entries, names(x, y))
    assert len(raised.intermediates) > 3
    reference: mpmath.mpf = mpmath.mpf(7) / 10
    with mpmath.workdps(40):
        first, second = mpmath.mpf(7) / 10, mpmath.mpf(13) / 10
        reference = first
        for _ in range(6):
            reference = (
                mpmath.sin(reference * first) * mpmath.cos(reference + second) + reference**2 / 3
            )
        assert mpmath.almosteq(mpmath.mpf(str(value(substituted(raised)))), reference, 1e-30)


def test_a_deep_tree_without_sharing_is_cut() -> None:
    f: sp.Expr = x
    for _ in range(90):
        f = sp.sin(f)
    definition = define("f", f, params=x)
    raised = raise_nodes(definition.ir, definition.output.entries, names(x))
    assert len(raised.intermediates) == 3
    assert value(substituted(raised)).round(25) == sp.N(f.subs(POINT), 40).round(25)


def test_text_is_safe_in_comments_and_docstrings() -> None:
    evil = sp.Symbol('x"""*/\nimport os #')
    definition = define("f", {'k"""\n': evil**2}, params=evil)
    for text in (formula(definition), *formula_lines(definition)):
        assert not set(text) & set('"\n\\#')
        assert "*/" not in text


def test_symbols_of_one_name_are_told_apart() -> None:
    first, second = sp.Dummy("u"), sp.Dummy("u")
    assert formula(define("f", first - second, params=(first, second))) in (
        "_u - _u_2",
        "-_u_2 + _u",
    )


def test_a_pickled_definition_prints_the_same() -> None:
    definition = define("f", 0.1 * x**2 + 2.5 * x - y / 2, params=(x, y))
    again = pickle.loads(pickle.dumps(definition))
    assert formula(again) == formula(definition) == "0.1*x**2 + 2.5*x - y/2"
    assert formula_latex(again) == formula_latex(definition)


def test_text_does_not_depend_on_hashing() -> None:
    code = (
        "import sympy as sp\n"
        "from symcompile.frontend.definition import define\n"
        "from symcompile.frontend.raising import formula_lines, formula_latex\n"
        "from symcompile.autodiff.symbolic import symbolic_gradient\n"
        "b, c = sp.symbols('b c')\n"
        "f = b\n"
        "for _ in range(5): f = sp.sin(f*b)*sp.cos(f + c) + f**2/3\n"
        "d = define('f', f, params=(b, c))\n"
        "print(formula_lines(d), formula_latex(d), symbolic_gradient(d))\n"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(found) == 1


# ------------------------------------------------------------------ index notation


def test_sums_with_their_indices() -> None:
    logreg = handmade.logreg().definition
    text = "Sum(log(1 + exp(-(b + Sum(X[i, j]*w[j], (j, 0, d - 1)))*y[i])), (i, 0, n - 1))/n"
    assert formula(logreg) == text
    assert described_roles(logreg) == "params=(w[d], b), data=(X[n, d], y[n])"
    assert r"\sum_{i=0}^{n - 1} \log" in formula_latex(logreg)
    assert r"\sum_{j=0}^{d - 1} {X}_{i,j} {w}_{j}" in formula_latex(logreg)
    factors = handmade.factors().definition
    expected = "Sum((R[i] - Sum(U[r[i], k]**2, (k, 0, q - 1)))**2, (i, 0, n - 1))"
    assert formula(factors) == expected
    assert described_roles(factors) == "params=(U[m, q]), data=(r[n], R[n]), constants=(m, q)"


def test_arrays_show_the_range_of_their_indices() -> None:
    shares = handmade.shares().definition
    assert formula(shares) == ("[exp(z[i, j])/Sum(exp(z[i, k]), (k, 0, q - 1)) for i < n, j < q]")
    assert formula_latex(shares).endswith(r", \quad i < n,\ j < q")


def test_roles_of_a_formula_per_sample() -> None:
    roles = {"params": (w0, w1), "data": (x, y), "constants": (c,)}
    definition = define("f", c * w0 + x + y + w1, reduce="mean", **roles)
    assert described_roles(definition) == "params=(w0, w1), data=(x, y), constants=(c)"
    assert described_roles(define("f", sp.pi)) == "params=()"


def test_letters_do_not_clash_with_names() -> None:
    rows, columns = Axis(Affine.of("i")), Axis(Affine.of("k"))
    g = Graph()
    x, w = g.input("data", 0, (rows, columns)), g.input("param", 0, (columns,))
    body = g.add("mul", (x, g.view(w, whole([1]), (rows, columns))))
    root = g.reduce_sum(g.reduce_sum(body, 1))
    made = handmade.definition("f", g, root, {"j": (columns,)}, {"l": (rows, columns)})
    assert formula(made) == "Sum(j[o]*l[m, o], (o, 0, k - 1), (m, 0, i - 1))"


def test_nested_sums_over_one_axis_have_letters_of_their_own() -> None:
    size = Axis(Affine.of("n"))
    g = Graph()
    x = g.input("data", 0, (size,))
    total = g.view(g.reduce_sum(g.add("exp", (x,))), whole([]), (size,))
    root = g.reduce_sum(g.add("mul", (x, total)))
    made = handmade.definition("f", g, root, {}, {"x": (size,)})
    assert formula(made) == "Sum(x[i]*Sum(exp(x[j]), (j, 0, n - 1)), (i, 0, n - 1))"


def test_other_reductions_and_indices() -> None:
    size = Axis(Affine.of("n"))
    g = Graph()
    x = g.input("data", 0, (size,))
    at = Affine.of(0, axis=True)
    entries = {
        g.reduce("reduce_prod", x): "Product(x[i], (i, 0, n - 1))",
        g.reduce("reduce_max", x): "Max(x[i], (i, 0, n - 1))",
        g.add("div", (x, g.index(2 * at + 1, (size,)))): "[x[i]/(2*i + 1) for i < n]",
        g.add("mul", (x, g.delta(at - 2, (size,)))): "[KroneckerDelta(2, i)*x[i] for i < n]",
        g.view(x, View((Affine.of("n") - 1 - at,)), (size,)): "[x[-i + n - 1] for i < n]",
        g.scatter(x, View((at + 1,)), (Axis(size.extent + 1),)): (
            "[Sum(KroneckerDelta(i, j + 1)*x[j], (j, 0, n - 1)) for i < n + 1]"
        ),
    }
    for root, text in entries.items():
        made = handmade.definition("f", g, root, {}, {"x": (size,)}, axes=g[root].axes)
        assert formula(made) == text


def test_a_long_chain_of_arrays_is_cut_and_never_written_out() -> None:
    size = Axis(Affine.of("n"))
    g = Graph()
    at = Affine.of(0, axis=True)
    node = g.input("param", 0, (size,))
    for _ in range(500):
        back = g.view(node, View((Affine.of("n") - 1 - at,)), (size,))
        node = g.add("sin", (g.add("mul", (node, back)),))
    made = handmade.definition("f", g, g.reduce_sum(node), {"x": (size,)}, {})
    text = formula(made, limit=80)
    assert text.startswith("t0[i] = sin(x[-i + n - 1]*x[i]); t1[i] = ")
    assert len(text) == 80
    lines = formula_lines(made)
    assert lines[1] == "t1[i] = sin(t0[-i + n - 1]*t0[i])"
    assert len(lines) == 12
    assert lines[-1].startswith("value = Sum(")


def test_indexed_text_is_safe() -> None:
    size = Axis(Affine.of('n"""\n'))
    g = Graph()
    made = handmade.definition(
        "f", g, g.reduce_sum(g.input("param", 0, (size,))), {"*/": (size,)}, {}
    )
    for text in (formula(made), described_roles(made)):
        assert not set(text) & set('"\n\\#')
        assert "*/" not in text


def test_choices_within_nested_sums_stay_in_their_sum() -> None:
    rows, columns = Axis(Affine.of("n")), Axis(Affine.of("d"))
    g = Graph()
    x = g.input("data", 0, (rows, columns))
    positive = g.add("select", (g.add("lt", (g.constant(0), x)), x, g.constant(0)))
    root = g.reduce_sum(g.add("powi", (g.reduce_sum(positive, 1), g.constant(2))))
    made = handmade.definition("f", g, root, {}, {"x": (rows, columns)})
    # SymPy itself, given the nested sums, takes the condition on j out of the sum over j.
    assert formula(made) == (
        "t0[i] = Sum(Piecewise((x[i, j], x[i, j] > 0), (0, True)), (j, 0, d - 1)); "
        "Sum(t0[i]**2, (i, 0, n - 1))"
    )


def test_an_index_compared_with_data_is_a_kronecker_delta() -> None:
    rows, columns = Axis(Affine.of("n")), Axis(Affine.of("q"))
    g = Graph()
    label = g.view(g.input("data", 0, (rows,)), whole([0]), (rows, columns))
    same = g.add("eq", (g.index(Affine.of(1, axis=True), (rows, columns)), label))
    root = g.add("select", (same, g.constant(1), g.constant(0)))
    made = handmade.definition("f", g, root, {}, {"label": (rows,)}, axes=(rows, columns))
    assert formula(made) == "[KroneckerDelta(j, label[i]) for i < n, j < q]"
