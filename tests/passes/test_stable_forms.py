"""Every rule about stable forms: values and derivatives over the whole range of doubles."""

from __future__ import annotations

import math
from typing import Any

import pytest
import sympy as sp

from symcompile.checking.oracle import Oracle
from symcompile.compiler import compile as compile_
from symcompile.frontend.definition import Definition, define
from symcompile.ir.graph import Function
from symcompile.options import Backend
from symcompile.passes import recognise
from symcompile.passes.recognise import Fired
from symcompile.passes.stable.table import EXPANSIONS, RULES
from tests.stable_cases import CASES, Case, x, y

_ULPS, _GRADIENT_ULPS = 8, 16
_DIGITS = 250
# The relative step that says how well conditioned a derivative is.
_STEP = 2.0**-40


def fired(definition: Definition) -> list[str]:
    """Return the names of the rules that fire on a formula."""
    trace: list[Fired] = []
    recognise(Function("value", definition.ir, (definition.output,)), trace=trace)
    return [name for one in trace for name in one.rule.split(" and ")]


def ulps(mp: Any, got: float, exact: Any) -> float:
    """Return an error in units of the last place; infinity must match infinity."""
    try:
        nearest = float(exact)
    except OverflowError:
        nearest = math.copysign(math.inf, exact)
    if not math.isfinite(got) or not math.isfinite(nearest):
        return 0.0 if got == nearest else math.inf
    return float(abs(mp.mpf(got) - exact) / mp.mpf(math.ulp(nearest)))


def case_name(case: Case) -> str:
    return f"{case.rule}: {case.formula}"


@pytest.mark.parametrize("case", CASES, ids=case_name)
def test_a_rule_over_the_whole_range(case: Case) -> None:
    definition = define("f", case.formula, params=case.symbols)
    assert case.rule in fired(definition)
    kernel = compile_(definition, backend="python")
    compared = 0
    for point in case.places:
        oracle = Oracle(definition, point, digits=_DIGITS)
        mp, exact = oracle.mp, oracle.value().item()
        if not mp.isfinite(exact):
            continue
        compared += 1
        slopes = [mp.mpf(slope) for slope in oracle.grad()]
        condition = max(
            [
                abs(mp.mpf(p) * s / exact) if exact else mp.mpf(1)
                for p, s in zip(point, slopes, strict=True)
            ]
        )
        error = ulps(mp, kernel.value(point), exact)
        assert error <= _ULPS * max(1.0, float(min(condition, 1e300))), (point, error)
        low, high = case.gradient or (-math.inf, math.inf)
        if not all(mp.isfinite(s) for s in slopes) or not low <= abs(point[0]) <= high:
            continue
        errors = [ulps(mp, got, s) for got, s in zip(kernel.grad(point), slopes, strict=True)]
        if max(errors) <= _GRADIENT_ULPS:
            continue  # however well conditioned it is, and to find that out takes long
        moved = Oracle(definition, [p * (1 + _STEP) for p in point], digits=_DIGITS).grad()
        for error, slope, there in zip(errors, slopes, moved, strict=True):
            change = abs((there - slope) / slope) / _STEP if slope else mp.mpf(1)
            assert error <= _GRADIENT_ULPS * max(1.0, float(min(change, 1e300))), (point, error)
    assert compared >= min(4, len(case.places))


def test_every_rule_has_a_case() -> None:
    names = {rule.name for rule in RULES} | set(EXPANSIONS)
    assert {case.rule for case in CASES} >= names - {"log1p of tanh"}


def test_every_rule_says_why() -> None:
    for rule in RULES:
        assert "=" in rule.identity and rule.source


def test_the_switch() -> None:
    formula = sp.log(1 + sp.exp(x))
    assert compile_(formula, params=x, backend="python").value([800.0]) == 800.0
    assert compile_(formula, params=x, backend="python", stable=False).value([800.0]) == math.inf
    assert define("f", formula, params=x) != define("f", formula, params=x, stable=False)


@pytest.mark.parametrize(
    ("formula", "limit", "slope"),
    [
        (sp.sin(x) / x, 1.0, 0.0),
        ((sp.exp(x) - 1) / x, 1.0, 0.5),
        (sp.log(1 + x) / x, 1.0, -0.5),
        ((1 - sp.cos(x)) / x**2, 0.5, 0.0),
        ((x - sp.sin(x)) / x**3, 1 / 6, 0.0),
        (x / (sp.exp(x) - 1), 1.0, -0.5),
        (x * sp.log(x), 0.0, -math.inf),
    ],
)
def test_limits_at_zero(formula: Any, limit: float, slope: float) -> None:
    kernel = compile_(formula, params=x, backend="python")
    assert kernel.value([0.0]) == limit
    assert kernel.grad([0.0]) == pytest.approx([slope])


@pytest.mark.parametrize(
    ("formula", "point", "value"),
    [
        (sp.sqrt(x**2 + y**2), (math.inf, 1.0), math.inf),
        (sp.sqrt(x**2 + y**2), (math.nan, 1.0), math.nan),
        (sp.sqrt(x) - sp.sqrt(y), (math.inf, 2.0), math.inf),
        (x**2 - y**2, (math.inf, 2.0), math.inf),
        (sp.log(sp.exp(x) + sp.exp(y)), (math.inf, 0.0), math.inf),
        (sp.log(sp.exp(x) + sp.exp(y)), (-math.inf, -math.inf), -math.inf),
        (sp.log(sp.exp(x) + sp.exp(y)), (-math.inf, 1.0), 1.0),
        (x * sp.log(x / y), (0.0, math.nan), math.nan),
        (sp.log(1 + sp.exp(x + y)), (math.inf, 0.0), math.inf),
        (1 / (1 + sp.exp(-x - y)), (-math.inf, 0.0), 0.0),
        (sp.exp(x + y) / (sp.exp(x + y) - 1), (math.inf, 0.0), 1.0),
    ],
)
def test_infinity_and_nan(formula: Any, point: tuple[float, float], value: float) -> None:
    found = compile_(formula, params=(x, y), backend="python").value(point)
    assert found == value or (math.isnan(found) and math.isnan(value))


@pytest.mark.parametrize(
    "formula",
    [
        x**2 + 3 * x - 1,
        x / (1 + x**2),
        sp.exp(-x) * sp.sin(x) + 1 / (2 + x**2),
        (sp.sin(x) + x**2) / 2,
        sp.sqrt(2 + sp.cos(x)),
        sp.log(2 + x),
        (1 + x) ** 3,
        x * sp.exp(-x / y) - sp.sqrt(x),
        1 / (2 + sp.exp(x)),
        y - x * sp.exp(-2 * x),
    ],
)
def test_what_is_accurate_stays(formula: Any) -> None:
    assert fired(define("f", formula, params=(x, y))) == []


@pytest.mark.parametrize(
    "backend",
    [
        pytest.param("numba", marks=pytest.mark.long),
        pytest.param("cython", marks=pytest.mark.long),
        "llvm",
    ],
)
def test_backends_agree(backend: Backend) -> None:
    formulas = [case.formula for case in CASES if case.symbols == (x,)]
    definition = define("forms", formulas, params=x)
    reference = compile_(definition, backend="python")
    kernel = compile_(definition, backend=backend)
    for point in [-700.0, -3.1, -0.3, -1e-5, 1e-100, 1e-8, 0.3, 0.97, 1.5, 19.9, 300.0, 1e8]:
        for name in ("value", "jacobian"):
            mine, theirs = getattr(kernel, name)([point]), getattr(reference, name)([point])
            for case, a, b in zip(formulas, mine.ravel(), theirs.ravel(), strict=True):
                # Functions of SciPy's and libm's differ in their last bits.
                close = math.isclose(a, b, rel_tol=1e-14, abs_tol=1e-300)
                assert close or (math.isnan(a) and math.isnan(b)) or a == b, (case, point, a, b)
