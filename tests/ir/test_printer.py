"""The listing of a function: every line says what is computed, with its grouping."""

from __future__ import annotations

from fractions import Fraction

import sympy as sp

from symcompile.autodiff.derive import derive
from symcompile.frontend.definition import Definition, define, squeezed
from symcompile.ir.affine import Affine
from symcompile.ir.graph import (
    SAMPLES,
    Axis,
    Function,
    Gather,
    Graph,
    Input,
    Output,
    Special,
    View,
    whole,
)
from symcompile.ir.polynomial import polynomials
from symcompile.ir.printer import format_function
from tests import handmade

x, y, w0, w1, lam = sp.symbols("x y w0 w1 lam")


def names(definition: Definition) -> dict[Input, str]:
    found = {Input("param", k): name for k, name in enumerate(definition.params)}
    found |= {Input("data", k): name for k, name in enumerate(definition.data)}
    return found | {Input("constant", k): n for k, (n, _) in enumerate(definition.constants)}


def listing(definition: Definition, function: str = "value") -> list[str]:
    (found,) = derive(definition.ir, definition.output, ((),) * len(definition.params), [function])
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


# ------------------------------------------------------------------ index notation


def indexed(definition: Definition, function: str = "value") -> list[str]:
    axes = [squeezed(shape) for shape in definition.param_shapes]
    (found,) = derive(definition.ir, definition.output, axes, [function])
    shapes = {Input("param", k): shape for k, shape in enumerate(definition.param_shapes)}
    shapes |= {Input("data", k): shape for k, shape in enumerate(definition.data_shapes)}
    called = names(definition)
    called |= {Input("direction", k): f"v.{name}" for k, name in enumerate(definition.params)}
    used = [node.data for node in found.graph.nodes if node.op == "input"]
    called = {key: name for key, name in called.items() if key.role != "direction" or key in used}
    return format_function(found, called, shapes).splitlines()


def one_root(graph: Graph, root: int, **called: str) -> str:
    """Return the line of the value; ``p0="w"`` names a parameter, ``d0="x"`` data."""
    roles = {"p": "param", "d": "data"}
    inputs = {Input(roles[k[0]], int(k[1:])): name for k, name in called.items()}  # type: ignore[arg-type]
    axes = graph[root].axes
    output = Output("value", (root,), tuple(a.extent for a in axes), False, ((axes,),))
    return format_function(Function("value", graph, (output,)), inputs, {}).splitlines()[-1][2:]


def test_sums_have_their_indices() -> None:
    assert indexed(handmade.logreg().definition) == [
        "value(w[d], b; X[n, d], y[n])",
        "  s0 = sum over i < n of log(1 + exp(-y[i]*(b + sum over j < d of w[j]*X[i, j])))",
        "  value = s0/n",
    ]
    assert indexed(handmade.ridge().definition) == [
        "value(w[d]; X[n, d], y[n]; lam)",
        "  s0 = sum over i < n of ((sum over j < d of X[i, j]*w[j]) - y[i])**2",
        "  value = s0/n + lam*(sum over j < d of w[j]**2)",
    ]


def test_results_are_named_by_parameter() -> None:
    lines = indexed(handmade.logreg().definition, "value_and_grad")
    starts = [line.split(" = ")[0].strip() for line in lines]
    assert starts[-3:] == ["value", "grad.w[j]", "grad.b"]
    lines = indexed(handmade.logreg().definition, "hessian")
    starts = [line.split(" = ")[0].strip() for line in lines]
    assert starts[-4:] == ["hessian.w.w[j, k]", "hessian.w.b[j]", "hessian.b.w[j]", "hessian.b.b"]
    lines = indexed(handmade.shares().definition, "jacobian")
    assert lines[-1].startswith("  jacobian.z[i, j, k, l] = [i = k]*")
    lines = indexed(handmade.logreg().definition, "hvp")
    assert lines[0] == "hvp(w[d], b, v.w[d], v.b; X[n, d], y[n])"


def test_shifts_index_the_named_step() -> None:
    assert indexed(handmade.steps().definition) == [
        "value(z[n])",
        "  t0[i] = exp(tanh(z[i]))",
        "  value = sum over i < n - 1 of (t0[i + 1] - t0[i])**2",
    ]


def test_gathers_and_scatters() -> None:
    definition = handmade.factors().definition
    assert indexed(definition)[-1] == (
        "  value = sum over i < n of (R[i] - sum over k < q of U[r[i], k]**2)**2"
    )
    assert indexed(definition, "grad")[-1].startswith(
        "  grad.U[j, k] = sum over i < n with r[i] = j of "
    )


def test_diagonals() -> None:
    definition = handmade.diagonal().definition
    assert indexed(definition)[-1] == "  value = sum over i < d of exp(U[i, i])"
    assert indexed(definition, "grad")[-1] == "  grad.U[i, j] = [i = j]*exp(U[i, i])"


n, d = Axis(Affine.of("n")), Axis(Affine.of("d"))
AT_I, AT_J = Affine.of(0, axis=True), Affine.of(1, axis=True)


def test_views_vanish_into_indices() -> None:
    g = Graph()
    x, y = g.input("data", 0, (n, d)), g.input("data", 1, (n,))
    fewer = Axis(n.extent - 1)
    cases = {
        g.view(x, whole([1, 0]), (d, n)): "value[j, i] = x[i, j]",
        g.view(y, View((AT_I + 1,)), (fewer,)): "value[i] = y[i + 1]",
        g.view(y, View((2 * AT_I,)), (fewer,)): "value[i] = y[2*i]",
        g.view(y, View((Affine.of("n") - 1 - AT_I,)), (n,)): "value[i] = y[n - i - 1]",
        g.view(y, View((AT_I + AT_J,)), (fewer, fewer)): "value[i, j] = y[i + j]",
        g.view(y, View((Affine(0),)), (n,)): "value[i] = y[0]",
        g.view(y, View((Gather(1, (0,)),)), (n,), (y,)): "value[i] = y[y[i]]",
        g.index(2 * AT_I + 1, (n,)): "value[i] = 2*i + 1",
        g.delta(AT_I - AT_J + 1, (n, n)): "value[i, j] = [i + 1 = j]",
        g.delta(AT_I - Affine.of("n") + 1, (n,)): "value[i] = [i = n - 1]",
        g.reduce_sum(g.reduce_sum(x, 1)): "value = sum over i < n, j < d of x[i, j]",
        g.reduce("reduce_max", x, 1): "value[i] = max over j < d of x[i, j]",
        g.reduce("reduce_prod", x, 0): "value[j] = product over i < n of x[i, j]",
        g.scatter(y, View((AT_I + 1,)), (Axis(n.extent + 1),)): (
            "value[i] = sum over j < n with j + 1 = i of y[j]"
        ),
        g.scatter(x, View((AT_J, AT_I)), (d, n)): "value[j, i] = x[i, j]",
    }
    for root, text in cases.items():
        assert one_root(g, root, d0="x", d1="y") == text


def test_a_sum_reaches_to_the_right() -> None:
    g = Graph()
    a, x = g.input("param", 0), g.input("data", 0, (n,))
    total = g.reduce_sum(x)
    called = {"p0": "a", "d0": "x"}
    assert one_root(g, g.add("add", (a, total)), **called) == "value = a + sum over i < n of x[i]"
    assert one_root(g, g.add("add", (total, a)), **called) == "value = a + sum over i < n of x[i]"
    assert one_root(g, g.add("sub", (total, a)), **called) == "value = (sum over i < n of x[i]) - a"
    assert one_root(g, g.add("neg", (total,)), **called) == "value = -sum over i < n of x[i]"
    inside = g.reduce_sum(g.add("add", (a, x)))
    assert one_root(g, inside, **called) == "value = sum over i < n of (a + x[i])"


def test_letters_are_no_names() -> None:
    g = Graph()
    i = g.input("param", 0, (Axis(Affine.of("j")),))
    assert one_root(g, g.reduce_sum(i), p0="i") == "value = sum over k < j of i[k]"
    assert one_root(g, g.reduce_sum(i), p0="i; import os").endswith(" of i_import_os[i]")


def test_differences_and_deltas_of_data() -> None:
    g = Graph()
    x, a = g.input("data", 0, (n,)), g.input("param", 0)
    called = {"p0": "a", "d0": "x"}
    total = g.add("neg", (g.reduce_sum(x),))
    assert one_root(g, g.add("add", (x, g.add("neg", (a,)))), **called) == "value[i] = x[i] - a"
    expected = "value = a - sum over i < n of x[i]"
    assert one_root(g, g.add("add", (a, total)), **called) == expected
    assert one_root(g, g.add("add", (total, a)), **called) == expected
    same = g.add("eq", (g.index(AT_J, (n, d)), g.view(x, whole([0]), (n, d))))
    delta = g.add("select", (same, g.constant(1), g.constant(0)))
    assert one_root(g, delta, **called) == "value[i, j] = [j = x[i]]"


def test_numbers_as_parameters_name_their_results() -> None:
    g = Graph()
    a, b, x = g.input("param", 0), g.input("param", 1), g.input("data", 0, (n,))
    root = g.reduce_sum(g.add("powi", (g.add("mul", (a, g.add("sub", (x, b)))), g.constant(2))))
    made = handmade.definition("f", g, root, {"a": (), "b": ()}, {"x": (n,)})
    lines = [line.split(" = ")[0].strip() for line in indexed(made, "hessian")]
    assert lines[-4:] == ["hessian.a.a", "hessian.a.b", "hessian.b.a", "hessian.b.b"]
    assert indexed(made, "grad")[-1].startswith("  grad.b = ")
