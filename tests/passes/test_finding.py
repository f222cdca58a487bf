"""Rules are found by what a sum or product is made of: that leaves none out."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from symcompile.compiler import emit, plan
from symcompile.frontend.definition import Definition, define
from symcompile.ir.build import Builder
from symcompile.passes.stable.heads import Heads, numbered
from symcompile.passes.stable.table import BY_OP, Rules
from symcompile.passes.stable.terms import apart
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
    assert source(definition) == found


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
