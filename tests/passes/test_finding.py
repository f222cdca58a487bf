"""Rules are found by what a sum or product is made of: that leaves none out."""

from __future__ import annotations

import importlib
import random
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp

import symcompile as sc
from symcompile.autodiff.derive import derive
from symcompile.compiler import emit, plan
from symcompile.frontend.definition import Definition, define
from symcompile.ir.build import Builder
from symcompile.ir.graph import Function
from symcompile.passes import Tried, optimise, recognise, rederived
from symcompile.passes.stable.heads import Heads, numbered
from symcompile.passes.stable.site import joined
from symcompile.passes.stable.spread import multiplied_out, too_large
from symcompile.passes.stable.table import BY_OP, Rules
from symcompile.passes.stable.terms import apart
from symcompile.schedule import schedule
from tests.corpus import a, b, c, chain
from tests.stable_cases import CASES

#: The module: the package has a function of its name.
recogniser: Any = importlib.import_module("symcompile.passes.recognise")


def all_rules(
    op: str, heads: int, complex: bool, derived: bool, inner: bool
) -> tuple[Rules, Rules]:
    """Return every rule of an operation, whatever it needs, and whether terms meet or not."""
    found = tuple(
        rule
        for rule in BY_OP.get(op, ())
        if (rule.complex or not complex)
        and not (derived and rule.early)
        and not (inner and rule.whole)
    )
    return found, found


def source(definition: Definition) -> str:
    return emit(definition, plan(definition), "python")


def definitions() -> list[Definition]:
    found = [
        define(f"stable_{k}", case.formula, params=case.symbols)
        for k, case in enumerate(CASES)
        if k % 4 == 0
    ]
    return [*found, define("deep", chain(6), params=(a, b, c))]


@pytest.mark.parametrize("definition", definitions(), ids=lambda d: d.name)
def test_trying_all_rules_gives_the_same(
    definition: Definition, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = source(definition)
    monkeypatch.setattr(recogniser, "rules_for", all_rules)
    monkeypatch.setattr(recogniser._Recogniser, "settle", lambda *_: None)
    monkeypatch.setattr(recogniser._Recogniser, "finds_nothing", lambda *_: False)
    assert source(definition) == found


def test_derivatives_without_stable_forms_are_not_copied() -> None:
    definition = define("deep", chain(6), params=(a, b, c))
    tried = Tried()
    lowered = Function("value", definition.ir, (definition.output,))
    value = recognise(lowered, tried=tried)
    wanted = ("value", "value_and_grad", "hessian")
    every = derive(value.graph, value.outputs[0], [()] * 3, wanted)
    found = []
    for function in every:
        assert rederived(function, tried) is function
        found.append(set(tried.nodes))
    # Each looks only at what those before it lack, and what is found is all that there is.
    assert found[0] < found[1] < found[2]
    roots = every[2].roots()
    assert {k for k in value.graph.ancestors(roots) if value.graph[k].args} <= found[2]
    plain = [rederived(function) for function in every]
    sources = [
        emit(definition, [schedule(optimise(f)) for f in functions], "python")
        for functions in (every, plain)
    ]
    assert sources[0] == sources[1]


def test_stable_forms_in_a_derivative_are_found_after_nodes_without_any() -> None:
    x, y = sp.symbols("x y")
    definition = define("soft", sp.log(sp.exp(x) + sp.exp(y) + 1), params=(x, y))
    tried = Tried()
    value = recognise(Function("value", definition.ir, (definition.output,)), tried=tried)
    (hessian,) = derive(value.graph, value.outputs[0], [()] * 2, ("hessian",))
    before = len(tried.nodes)
    assert rederived(hessian, tried) is not hessian
    assert len(tried.nodes) > before
    kernel = sc.compile(definition, backend="python")
    with mpmath.workdps(400):
        for at in ((-700.0, -745.0), (0.5, -1.25), (800.0, 799.0)):
            ex, ey = (mpmath.exp(mpmath.mpf(t)) for t in at)
            px, py = ex / (ex + ey + 1), ey / (ex + ey + 1)
            expected = [[px * (1 - px), -px * py], [-px * py, py * (1 - py)]]
            np.testing.assert_allclose(kernel.grad(at), [float(px), float(py)], rtol=1e-13)
            found = kernel.hessian(at)
            np.testing.assert_allclose(found, np.array(expected, dtype=float), rtol=1e-12)


def test_heads_of_sums_and_products() -> None:
    builder = Builder()
    graph = builder.graph
    x, y = graph.input("param", 0), graph.input("param", 1)
    bits = numbered(["exp", "sin", "cos"])
    exp, sin, cos = (graph.add(op, (x,)) for op in ("exp", "sin", "cos"))
    total = graph.add("add", (graph.add("mul", (y, exp)), sin))
    heads = Heads(graph, bits)
    assert heads.of("add", (total, cos)) == sum(bits.values())
    assert heads.of("sub", (total, y)) == bits["exp"] | bits["sin"]
    # A sum is one factor: what it is a sum of are no factors.
    assert heads.of("mul", (total, cos)) == bits["cos"]
    square = graph.add("powi", (cos, graph.constant(2)))
    assert heads.of("div", (square, y)) == bits["cos"]


def test_terms_that_meet() -> None:
    builder = Builder()
    graph = builder.graph
    x, y, z = (graph.input("param", k) for k in range(3))
    one = graph.constant(1)
    exp, sine = graph.add("exp", (x,)), graph.add("sin", (y,))
    assert not apart(builder, exp, one)
    assert not apart(builder, graph.add("mul", (z, exp)), z)
    assert not apart(builder, graph.add("mul", (z, exp)), graph.add("mul", (z, sine)))
    assert apart(builder, graph.add("mul", (z, exp)), y)
    total = graph.add("mul", (z, exp))
    for k in range(3, 60):  # a long sum, of which few terms are looked at
        term = graph.add("mul", (graph.input("param", k), graph.add("cos", (x,))))
        assert apart(builder, total, term)
        total = graph.add("add", (total, term))
    assert not apart(builder, total, graph.input("param", 59))


def test_what_is_too_large_is_never_multiplied_out() -> None:
    rng = random.Random(3)
    outcomes = set()
    for number in range(60):
        builder = Builder()
        graph = builder.graph
        ops = ["add", "sub", "mul", "mul", "div", "neg", *(["refined"] if number % 3 else ["add"])]
        nodes = [graph.input("param", k) for k in range(6)]
        nodes += [graph.constant(Fraction(k, 3)) for k in (1, 2, 5)]
        for _ in range(rng.randrange(20, 160)):
            op = rng.choice(ops)
            x, y = rng.choice(nodes[-12:]), rng.choice(nodes)
            if op == "div":
                y = graph.constant(rng.choice([2, 3, 7]))
            nodes.append(builder.call(op, *((x,) if op == "neg" else (x, y))))
        for _ in range(20):
            factors = rng.choices(nodes[-15:], k=rng.randrange(1, 4))
            large = too_large(builder, factors)
            c = rng.choice([Fraction(1), Fraction(-1), Fraction(3, 2), Fraction(3)])
            product = c * joined(builder, factors, [])
            possible = multiplied_out(builder, product.node) is not None
            assert not (large and possible)
            outcomes.add((large, possible))
    assert outcomes == {(True, False), (False, True), (False, False)}
