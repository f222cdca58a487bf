"""Functions by binding time: which moments a formula needs, and why one needs the data."""

from __future__ import annotations

from typing import Any

import pytest
import sympy as sp

from symcompile.binding.evaluation import compiled, degree, ratios, source
from symcompile.binding.split import Split, powers_of, split
from symcompile.compiler import plan
from symcompile.frontend.definition import define

a, b, c, k, s, x, y, z = sp.symbols("a b c k s x y z")


def _split(formula: Any, names: tuple[str, ...] = ("value",), **how: Any) -> Split:
    how = {"params": (a, b), "data": (x, y), "reduce": "sum"} | how
    definition = define("f", formula, **how)
    return split(definition, plan(definition, names))


def test_a_straight_line_has_five_moments() -> None:
    names = ("value", "grad", "value_and_grad", "hessian", "hvp", "jacobian", "jvp", "vjp")
    found = _split((a + b * x - y) ** 2, names, reduce="mean")
    assert found.columns == (0, 1)
    assert set(powers_of(found)) == {(1, 0), (0, 1), (2, 0), (1, 1), (0, 2)}
    assert list(found.squares).count(True) == 2
    assert set(found.functions) == set(names)
    assert not found.reasons
    assert found.derived is None


def test_columns_are_what_depends_on_data_alone() -> None:
    found = _split((a * sp.log(x) - (y - 3)) ** 2)
    assert found.columns == (~0, ~1)
    assert found.derived is not None
    assert len(found.derived.function.outputs[0].entries) == 2


def test_data_are_not_multiplied_out() -> None:
    # x - 1e8 may be exact where x**2 - 2e8*x + 1e16 cancels.
    found = _split(a * (x - 10**8) ** 2)
    assert len(found.columns) == 1
    assert powers_of(found) == [(2,)] or powers_of(found) == [(1,), (2,)]


def test_products_are_made_from_earlier_ones() -> None:
    found = _split(sum(w * x**j for w, j in ((a, 1), (b, 3))) ** 2, data=x)
    assert {(2,), (4,), (6,)} <= set(powers_of(found))
    for number, (first, second) in enumerate(found.products):
        assert first < len(found.columns) + number
        assert second < len(found.columns)


@pytest.mark.parametrize(
    ("formula", "reason"),
    [
        (sp.exp(a * x), "exp of the parameters"),
        (x / (a + b * y), "a quotient by the parameters"),
        (sp.Piecewise((a * x, a * x > 0), (0, True)), "lt of the parameters"),
        (sp.sqrt(a * x + b), "sqrt of the parameters"),
        ((a + b * x + a * b * x * y + y + 1) ** 16, "moments are more than"),
    ],
)
def test_other_formulas_say_why_not(formula: Any, reason: str) -> None:
    found = _split(formula)
    assert not found.functions
    assert reason in found.reasons["value"]


def test_other_definitions_say_why_not() -> None:
    assert "float32" in _split(a * x, dtype="float32").reasons["value"]
    assert "summed" in _split(a * x, reduce=None).reasons["value"]


def test_what_stands_around_a_sum_stays_as_it_is() -> None:
    found = _split(sp.exp(a) * (y - b * x) ** 2 / c**2 + sp.exp(a), constants=c)
    assert "value" in found.functions
    text = source(found.functions["value"])
    assert "math.exp(" in text


def test_functions_of_moments_are_those_of_the_data() -> None:
    found = _split((a + b * x - y) ** 2 / s, params=(a, b, s), reduce="mean")
    bound = found.functions["value"]
    xs, ys = [1.0, 2.0, 4.0], [1.5, 2.0, 3.5]
    moments = []
    for first, second in powers_of(found):
        value = sum(p**first * q**second for p, q in zip(xs, ys, strict=True))
        moments.append((value, 0.0, value, value, 0.0))
    least = ratios(degree(bound), 2.0**-90, 3)
    (result,) = compiled(bound)([0.5, 0.75, 2.0], None, [], 3.0, moments, least)
    want = sum((0.5 + 0.75 * p - q) ** 2 for p, q in zip(xs, ys, strict=True)) / 6
    assert result == pytest.approx([want], rel=1e-15)


def test_trust_ends_where_a_pass_is_better() -> None:
    assert ratios(1, 2.0**-90, 100) == {}
    few, many = ratios(4, 2.0**-90, 10), ratios(4, 2.0**-90, 10**6)
    for power in (2, 3, 4):
        assert 0 < few[power] <= many[power] <= 2.0**-37
    assert few[2] < few[3] < few[4]


def test_text_does_not_depend_on_hashes() -> None:
    one, two = (_split((a + b * x - y) ** 2, ("hessian", "value")) for _ in range(2))
    assert one.products == two.products
    assert [source(f) for f in one.functions.values()] == [
        source(f) for f in two.functions.values()
    ]
