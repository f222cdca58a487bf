"""The oracle against SymPy's derivatives evaluated with mpmath, and its scale of rounding."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp

from symcompile.checking.oracle import Oracle
from symcompile.checking.rounding import EPS, errors
from symcompile.errors import ArgumentValueError, UnsupportedFunctionError
from symcompile.frontend.definition import define
from symcompile.ir.interpreter import context

a, b = sp.symbols("a b", real=True)
x, y = sp.symbols("x y", real=True)

EXPRESSIONS = [
    a**2 * b + b**3,
    sp.sin(a * b) * sp.cos(a + b) + a**2 / 3,
    sp.exp(-(a**2)) * sp.log(1 + b**2),
    sp.sqrt(a**2 + b**2),
    (a + b) ** sp.Rational(7, 3) / (1 + a),
    sp.atan2(a, b) + sp.tanh(a * b),
    sp.erf(a) * sp.gamma(b + 2),
    sp.Piecewise((a**3 * b, a > 0), (sp.exp(a), True)),
    sp.Max(a, b) ** 2 + sp.Abs(a - 2 * b) * a,
    sp.asin(a / 3) + sp.acosh(1 + b),
    a ** (b / 2),
    sp.loggamma(a + 1) + sp.pi * sp.E * a * b,
]
POINT = (0.7, 1.3)


def exactly(expr: Any, point: tuple[float, ...] = POINT) -> Any:
    """An expression in a and b by mpmath's own functions at 90 digits, off its kinks."""
    expr = sp.sympify(expr).replace(sp.DiracDelta, lambda *_: sp.S.Zero)
    with mpmath.workdps(90):
        return sp.lambdify((a, b), expr, "mpmath")(*[mpmath.mpf(value) for value in point])


def close(got: Any, want: Any) -> bool:
    with mpmath.workdps(90):
        got, want = mpmath.mpf(got), mpmath.mpf(want)
        return bool(abs(got - want) <= mpmath.mpf(10) ** -50 * max(1, abs(want)))


@pytest.mark.parametrize("expr", EXPRESSIONS, ids=lambda e: str(e)[:40])
def test_against_sympy(expr: sp.Expr) -> None:
    oracle = Oracle(define("f", expr, params=(a, b)), POINT)
    grad = [sp.diff(expr, q) for q in (a, b)]
    hessian = [[sp.diff(g, q) for q in (a, b)] for g in grad]
    assert close(oracle.value().item(), exactly(expr))
    assert all(close(got, exactly(want)) for got, want in zip(oracle.grad(), grad, strict=True))
    for got_row, want_row in zip(oracle.hessian(), hessian, strict=True):
        for got, want in zip(got_row, want_row, strict=True):
            assert close(got, exactly(want))
    v = (sp.Rational(1, 2), sp.Integer(-2))
    assert close(oracle.jvp([0.5, -2.0]).item(), exactly(grad[0] * v[0] + grad[1] * v[1]))
    for got, row in zip(oracle.hvp([0.5, -2.0]), hessian, strict=True):
        assert close(got, exactly(row[0] * v[0] + row[1] * v[1]))
    for got, want in zip(oracle.vjp(3.0), grad, strict=True):
        assert close(got, exactly(3 * want))


def test_derivatives_where_parameters_are_tiny_zero_and_large() -> None:
    definition = define("f", sp.log(a) * sp.cos(b), params=(a, b))
    for point in [(1e-25, 1e5), (1e20, 0.0)]:
        oracle = Oracle(definition, point)
        want = [sp.cos(b) / a, -sp.log(a) * sp.sin(b)]
        for got, expr in zip(oracle.grad(), want, strict=True):
            assert close(got, exactly(expr, point))
        assert close(oracle.hessian()[1, 1], exactly(-sp.log(a) * sp.cos(b), point))


def test_shapes() -> None:
    columns = [np.linspace(1, 2, 5), np.linspace(3, 4, 5)]
    per_sample = define("f", [a * x, b * y, a * b], params=(a, b), data=(x, y))
    oracle = Oracle(per_sample, POINT, columns)
    assert oracle.value().shape == (5, 3)
    assert oracle.jacobian().shape == (5, 3, 2)
    assert oracle.jvp([1, 2]).shape == (5, 3)
    assert oracle.vjp(np.ones((5, 3))).shape == (2,)
    assert oracle.scale("jacobian")[0].shape == (5, 3, 2)
    assert oracle.kinked().shape == (5,)
    matrix = Oracle(define("f", sp.Matrix([[a, b, 1], [a * b, 2, a]]), params=(a, b)), POINT)
    assert matrix.value().shape == (2, 3)
    assert matrix.jacobian().shape == (6, 2)
    assert Oracle(define("f", a * x, params=a, data=x), [1], columns[:1]).jacobian().shape == (5, 1)
    assert Oracle(define("f", a * b, params=(a, b)), POINT).jacobian().shape == (2,)


def test_data_constants_and_reduction() -> None:
    lam = sp.Symbol("lam")
    expr = (a * x - y) ** 2 + lam * b
    columns = [np.array([1.0, 2.0, 4.0]), np.array([0.5, 0.25, 3.0])]
    reductions: list[tuple[Any, int]] = [("sum", 1), ("mean", 3)]
    for reduce, divisor in reductions:
        definition = define(
            "f", expr, params=(a, b), data=(x, y), reduce=reduce, constants={lam: 0.5}
        )
        oracle = Oracle(definition, (0.75, 2.0), columns, {"lam": 0.25})
        total = sum((0.75 * u - v) ** 2 + 0.5 for u, v in zip(*columns, strict=True))
        assert float(oracle.value().item()) == pytest.approx(total / divisor, rel=1e-15)
        slope = sum(2 * u * (0.75 * u - v) for u, v in zip(*columns, strict=True))
        assert float(oracle.grad()[0]) == pytest.approx(slope / divisor, rel=1e-15)
        assert float(oracle.grad()[1]) == pytest.approx(0.25 * 3 / divisor, rel=1e-15)


def test_scale_follows_the_conditioning() -> None:
    product = Oracle(define("f", a * b, params=(a, b)), (3.0, -5.0))
    assert 15 <= product.scale("value")[0] <= 2 * 3 * 15.0
    cancelling = Oracle(define("f", 1 - sp.cos(a), params=a), [1e-6])
    assert float(cancelling.value().item()) == pytest.approx(5e-13)
    assert 1 <= cancelling.scale("value")[0] <= 6
    # The value of f is well conditioned, but the terms of its derivative cancel.
    quotient = Oracle(define("f", a / (1 + a), params=a), [1e6])
    assert quotient.scale("value")[0] <= 10
    assert quotient.scale("grad")[0][0] > 1e5 * float(quotient.grad()[0])


def test_scale_of_a_sum_grows_with_its_terms_not_its_value() -> None:
    half = np.full(64, 1.0)
    definition = define("f", a * x, params=a, data=x, reduce="sum")
    cancelling = Oracle(definition, [1.0], [np.concatenate([half, -half])])
    assert cancelling.value().item() == 0
    assert cancelling.scale("value")[0] > 20
    # An equality stays what it is when its arguments are perturbed.
    exact = define("f", sp.Piecewise((a, sp.Eq(x, 1)), (5 * a, True)), params=a, data=x)
    assert Oracle(exact, [2.0], [np.array([1.0, 3.0])]).scale("value")[0][0] <= 10


def test_scale_is_the_same_every_time() -> None:
    definition = define("f", sp.sin(a * x) * b, params=(a, b), data=x, reduce="mean")
    scales = [Oracle(definition, POINT, [np.arange(9.0)]).scale("hessian")[0] for _ in range(2)]
    assert np.array_equal(scales[0], scales[1])


def test_kinks() -> None:
    def kinked(expr: Any, *point: float, **kwargs: Any) -> Any:
        return Oracle(define("f", expr, params=(a, b)), point).kinked().item()

    assert kinked(sp.Abs(a) * b, 0.0, 1.0)
    assert kinked(sp.Max(a, b), 1.0, 1.0)
    assert kinked(sp.sqrt(a), 0.0, 1.0)
    assert kinked(sp.Piecewise((a, a < 1), (b, True)), 1.0, 0.5)
    assert not kinked(sp.Abs(a) * b, 1e-9, 1.0)
    assert not kinked(sp.Piecewise((a, a < 1), (b, True)), 0.5, 0.5)
    # In the sample x = 0 alone nothing depends on a, so nothing bends there.
    relu = define("f", sp.Max(a * x, 0), params=a, data=x)
    assert not Oracle(relu, [0.5], [np.array([0.0, 1.0])]).kinked().any()
    assert Oracle(relu, [0.0], [np.array([0.0, 1.0])]).kinked().tolist() == [False, True]


def test_errors_in_ulp() -> None:
    mp = context(60)

    def ulp(computed: float, exact: Any, scale: float = 0.0) -> tuple[float, float]:
        both = errors(mp, computed, np.array(mp.mpf(exact)), np.array(scale))
        return float(both[0]), float(both[1])

    assert ulp(1.0, 1, 1.0) == (0, 0)
    assert ulp(1 + 3 * EPS, 1, 1.0) == (3, 3)
    assert ulp(1 + 3 * EPS, 1, 6.0) == (3, 0.5)
    assert ulp(2 - EPS, 2, 2.0)[0] == 0.5
    assert ulp(math.inf, "inf") == (0, 0)
    assert ulp(-math.inf, "inf") == (math.inf, math.inf)
    assert ulp(math.inf, mp.mpf(10) ** 400, math.inf) == (0, 0)
    assert ulp(math.nan, "nan") == (0, 0)
    assert ulp(math.nan, 1) == (math.inf, math.inf)
    assert ulp(1.0, "nan") == (math.inf, math.inf)
    assert ulp(math.inf, 1) == (math.inf, math.inf)
    assert ulp(1e300, mp.mpf(10) ** 400)[0] > 1e16
    assert ulp(5e-324, mp.mpf(10) ** -400)[0] == pytest.approx(1)


def test_refusals() -> None:
    definition = define("f", [a, a * x], params=a, data=x)
    with pytest.raises(UnsupportedFunctionError, match="jacobian"):
        Oracle(definition, [1.0], [[1.0]]).grad()
    with pytest.raises(ArgumentValueError, match="2 entries"):
        Oracle(definition, [1.0, 2.0], [[1.0]])
    with pytest.raises(ArgumentValueError, match="columns"):
        Oracle(definition, [1.0])
    with pytest.raises(ArgumentValueError, match="lam"):
        Oracle(define("f", a * sp.Symbol("lam"), params=a, constants=sp.Symbol("lam")), [1.0])
