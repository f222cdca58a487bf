"""What random expressions found, each as the smallest expression that shows it."""

from __future__ import annotations

import math

import pytest
import sympy as sp
from sympy.codegen.cfunctions import hypot

import symcompile as sc
from tests.peers.exact import Tape, judge_point
from tests.peers.units import ulps

x, y = sp.symbols("x y")


def _agrees(expr: sp.Expr, *point: float) -> None:
    symbols = (x, y)[: len(point)]
    vector = (0.5, -1.25)[: len(point)]
    truth = judge_point(Tape(expr, symbols), point, vector).truth
    kernel = sc.compile(expr, params=symbols, backend="python")
    assert ulps(kernel.value(point), truth.value) <= 8
    for found, exact in zip(kernel.grad(point), truth.gradient, strict=True):
        assert (found == 0 and abs(exact) < 1e-25) or ulps(found, exact) <= 16
    for found, exact in zip(kernel.hvp(point, vector), truth.product, strict=True):
        assert (found == 0 and abs(exact) < 1e-25) or ulps(found, exact) <= 64


@pytest.mark.parametrize(
    "expr",
    [
        # Expansions were sought where sine and exponential take as many digits as there are atoms.
        sp.exp(sp.sin(x)) + sp.sin(sp.exp(x)),
        sp.Chi(sp.Rational(17, 25) ** x),
        sp.erfi(1 / x) / x,
    ],
)
def test_expansions_are_sought_where_numbers_are_small(expr: sp.Expr) -> None:
    _agrees(expr, 0.5)


def test_what_only_a_floor_depends_on_needs_no_derivative() -> None:
    _agrees(y * sp.fibonacci(sp.floor(x + 4)) + sp.subfactorial(sp.ceiling(x)), 2.5, 1.5)


def test_a_floor_alone_has_a_gradient() -> None:
    kernel = sc.compile(sp.floor(x) + y, params=(x, y), backend="python")
    assert kernel.grad([2.5, 1.0]).tolist() == [0.0, 1.0]
    assert math.isclose(kernel.value([2.5, 1.0]), 3.0)
    assert sc.compile(sp.floor(x), params=(x,), backend="python").grad([2.5]).tolist() == [0.0]


def test_an_integral_of_a_logarithm() -> None:
    _agrees(sp.Shi(sp.log(x, 10)), 2.5)


def test_genocchi_numbers_of_an_index_that_sympy_does_not_know() -> None:
    _agrees(sp.genocchi(sp.floor(x * 51 / 10) + 7) * y, 0.75, 1.5)


@pytest.mark.parametrize(
    ("expr", "point"),
    [
        # Slopes that were differences of close numbers.
        (sp.Shi(x), (-0.001,)),
        (sp.acot(x), (0.001,)),
        (sp.polylog(sp.Rational(5, 2), x), (-0.001,)),
        (sp.polylog(sp.Rational(5, 2), x), (0.7,)),
        (hypot(x, y), (1.0, 1e-7)),
        (sp.zeta(x), (-2.5,)),
        (sp.dirichlet_eta(x), (0.3,)),
        (sp.dirichlet_eta(sp.Rational(103, 100), x), (2.7,)),
        (sp.elliptic_pi(x, y), (0.5, 0.5)),
        (sp.elliptic_pi(sp.Rational(2, 5), x, y), (0.5, 0.25)),
        (sp.elliptic_pi(x, sp.Rational(1, 2), y), (0.5, 0.5)),
        # Functions that are zero there.
        (sp.loggamma(x), (1.0007,)),
        (sp.fresnels(x), (3.0,)),
        (sp.fresnelc(x) * y, (2.0, 1.5)),
        # The slope of a base is zero where the exponent is, but not the slope of that.
        ((x + 2) ** sp.sin(2 * x - 2 * y), (3.0, 3.0)),
        (x**y, (3.0, 0.0)),
    ],
)
def test_slopes_of_slopes(expr: sp.Expr, point: tuple[float, ...]) -> None:
    _agrees(expr, *point)


def test_an_extreme_of_what_sympy_cannot_compare() -> None:
    _agrees(sp.Min(sp.erfcinv(sp.Rational(3, 10)), x, evaluate=False), 0.5)


def test_an_empty_interval_whose_ends_are_computed() -> None:
    end = sp.hyper((sp.Rational(1, 4), 1), (sp.Rational(5, 4),), sp.Rational(-2, 7))
    _agrees(x + sp.betainc(sp.Rational(72, 25), sp.Rational(6, 5), end, end), 0.5)
