"""Which nodes are kept of a function, and what is left of it."""

from __future__ import annotations

from typing import Any

import pytest
import sympy as sp

from symcompile.binding.frontier import promising
from symcompile.binding.kept import Kept, keep
from symcompile.compiler import plan
from symcompile.frontend.definition import Definition, define
from symcompile.ir.graph import Function, Input
from symcompile.ir.printer import format_function
from symcompile.stages import show_stage

a, b, c, x, y, z = sp.symbols("a b c x y z")
n, d = sp.symbols("n d", integer=True, positive=True)
i, j = sp.Idx("i", n), sp.Idx("j", d)
X, v, w = sp.IndexedBase("X", shape=(n, d)), sp.IndexedBase("v", shape=(n,)), sp.IndexedBase("w")


def _define(formula: Any, **how: Any) -> Definition:
    return define("f", formula, **{"params": (a, b), "data": (x, y), "reduce": "sum"} | how)


def _kept(formula: Any, name: str = "value", **how: Any) -> Kept | None:
    definition = _define(formula, **how)
    return keep(definition, plan(definition, (name,))[0].function)


@pytest.mark.parametrize(
    ("formula", "texts"),
    [
        # What costs less than reading eight bytes more is computed again.
        (sp.exp(a * x**2) + sp.exp(b * x * y), ()),
        (sp.exp(a * (x + 1)), ()),
        (sp.exp(a * x / y), ()),
        # The largest formulas of data alone, not their parts.
        (sp.exp(a * (sp.log(x) * y + sp.sin(y))), ("y[i]*log(x[i]) + sin(y[i])",)),
        # But one column where several formulas have a costly part in common.
        (sp.exp(a * (sp.log(x) + y)) + sp.exp(b * (sp.log(x) - y) * x), ("log(x[i])",)),
        # A chain of divisions.
        (sp.exp(a / (1 + 1 / (1 + 1 / (1 + 1 / x)))), ("1 + 1/(1 + 1/(1 + 1/x[i]))",)),
        # What is compared is computed, from what is kept.
        (sp.Piecewise((sp.exp(a * x), sp.log(x) > y), (a * y, True)), ("log(x[i])",)),
        (sp.exp(a * sp.besselj(0, x)), ("besselj(0, x[i])",)),
        # Functions of parameters too are none.
        (sp.exp(a * x) * sp.log(b), ()),
    ],
)
def test_costly_formulas_of_data_are_kept(formula: Any, texts: tuple[str, ...]) -> None:
    found = _kept(formula)
    assert (found.texts if found else ()) == texts


def test_constants_belong_to_the_data() -> None:
    found = _kept(sp.exp(a * sp.log(x + z)), constants=z)
    assert found is not None
    assert found.texts == ("log(x[i] + z)",)


def test_sums_of_data_alone_become_numbers() -> None:
    found = _kept([sp.exp(a * x), sp.log(y)], reduce="mean")
    assert found is not None
    assert not found.columns
    assert len(found.numbers) == 1
    assert found.definition.constants[-1] == (found.texts[0], None)
    bound = found.bound().function
    used = {node.data for node in bound.graph.nodes if node.op == "input"}
    assert Input("data", 1) not in used
    assert sum(node.op == "reduce_sum" for node in bound.graph.nodes) == 1


def test_arrays_are_kept_in_index_notation() -> None:
    inner = sp.Sum(w[j] * sp.log(X[i, j]), (j, 0, d - 1))
    loss = sp.Sum(sp.log(1 + sp.exp(inner)) - v[i] * inner, (i, 0, n - 1))
    found = _kept(loss, "value_and_grad", params=w, data=(X, v), reduce=None)
    assert found is not None
    assert found.texts == ("log(X[i, j])",)
    assert [str(size) for size in found.definition.data_shapes[-1]] == ["n", "d"]
    gram = sp.Sum(sp.exp(w[j] * sp.Sum(X[i, j] ** 2, (i, 0, n - 1))), (j, 0, d - 1))
    found = _kept(gram, params=w, data=X, reduce=None)
    assert found is not None
    assert [str(size) for size in found.definition.data_shapes[-1]] == ["d"]


def test_what_arrays_are_indexed_with_is_not_kept() -> None:
    k = sp.Symbol("k", integer=True, positive=True)
    table, row = sp.IndexedBase("U", shape=(k,)), sp.IndexedBase("r", shape=(n,))
    loss = sp.Sum(sp.exp(table[row[i]] * sp.log(v[i])), (i, 0, n - 1))
    found = _kept(loss, params=table, data=(row, v), reduce=None)
    assert found is not None
    assert found.texts == ("log(v[i])",)


def test_memory_is_limited_to_what_costs_most() -> None:
    cheap = sum(sp.exp(a * f(k * x) * x**k) for k in (2, 3, 5) for f in (sp.sin, sp.cos, sp.atan))
    formula = cheap + sp.exp(a * sp.besselj(0, x)) + sp.exp(a * sp.besselj(1, x) * sp.log(x))
    found = _kept(formula, data=x)
    assert found is not None
    assert found.texts == ("besselj(0, x[i])", "besselj(1, x[i])*log(x[i])")
    many = _kept(formula, data=(x, *sp.symbols("x1:9")))
    assert many is not None
    assert len(many.columns) == 11


def test_nothing_is_kept_without_parameters_or_in_other_precision() -> None:
    assert _kept(sp.log(x), params=()) is None
    assert _kept(sp.exp(a * sp.log(x)), dtype="float32") is None
    assert _kept(sp.exp(a * sp.log(x)), dtype="complex128") is None
    assert _kept(sp.exp(a * sp.log(2)), data=(), reduce=None) is None


def test_what_is_left_is_the_same_function_of_more_data() -> None:
    found = _kept((a * sp.exp(-b * sp.log(x)) - y) ** 2)
    assert found is not None
    names = {Input("param", 0): "a", Input("param", 1): "b"}
    names |= {Input("data", k): name for k, name in enumerate(("x", "y", "logs"))}
    text = format_function(found.bound().function, names)
    assert "exp(-b*logs[i])" in text
    assert "log(" not in text
    assert found.bound().function.outputs[0].shape == ()
    (derived,) = found.derived()
    assert derived.function.outputs[0].per_sample


def test_savings_are_what_is_not_computed_less_what_is_read() -> None:
    found = _kept(sp.exp(a * sp.log(x)) * sp.exp(b * sp.log(y)))
    assert found is not None
    # The two logarithms, each twenty additions, and ten for each column.
    assert str(found.found.saved) == "20*n"
    assert found.found.work.evaluate({"n": 10}) > 600


@pytest.mark.parametrize(
    ("formula", "names"),
    [
        (sp.exp(a * sp.log(x)), ("value", "grad")),
        (a * x**b, ("grad", "hessian")),
        (sp.exp(a * x) + a * y, ()),
        (sp.tanh(a * x + b), ()),
    ],
)
def test_formulas_that_promise_nothing_keep_nothing(formula: Any, names: tuple[str, ...]) -> None:
    definition = _define(formula)
    lowered = Function("value", definition.ir, (definition.output,))
    for schedule in plan(definition, names):
        assert keep(definition, schedule.function) is not None
    assert promising(lowered) == bool(names)
    if not names:
        assert not any(keep(definition, s.function) for s in plan(definition))


def test_equal_formulas_are_found_in_the_same_order() -> None:
    formula = sp.exp(a * sp.log(x) * x) + sp.exp(b * sp.sin(y)) + sp.exp(a * sp.cos(x))
    texts = {_kept(formula).texts for _ in range(3)}  # type: ignore[union-attr]
    assert len(texts) == 1


def test_large_formulas_are_not_written_out() -> None:
    nested = x
    for _ in range(60):
        nested = sp.sin(nested * y) + sp.cos(nested)
    found = _kept(sp.exp(a * nested))
    assert found is not None
    assert found.texts == ("a formula of x, y",)


def test_the_stage_shows_what_is_kept() -> None:
    power = define("power", (a * x**-b - sp.log(y)) ** 2, params=(a, b), data=(x, y), reduce="mean")
    text = show_stage(power, "binding")
    assert "kept for such a pass, if the data are large enough: log(y[i]) (value)" in text
    assert "log(x[i])" in text
