"""Quotients by one divisor: fewer divisions, the same numbers, IEEE's zeros and infinities."""

from __future__ import annotations

import itertools
import math
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp

from symcompile import compile as compile_definition
from symcompile.frontend.definition import define
from tests.graphs import counted

a, b, c, d, u, v, w, x, y = sp.symbols("a b c d u v w x y")
SPECIAL = (0.0, -0.0, 1.5, -3.0, math.inf, -math.inf, math.nan)


FORMULAS = [
    # What it is, the formula, its parameters, divisions of the value.
    ("a factor twice", a * u / d - a * v / d, (a, d, u, v), 1),
    ("two factors", a * u / d - b * v / d + a * v / d - b * u / d, (a, b, d, u, v), 2),
    ("a factor and alone", a * u / d + sp.sin(a / d), (a, d, u), 1),
    ("a product within products", a * b * u / d + a * b * v / d - a * w / d, (a, b, d, u, v, w), 1),
    ("signs and numbers", -3 * a * u / d + a * v / (2 * d), (a, d, u, v), 2),
    ("other divisors", a * u / d + a * v / c, (a, c, d, u, v), 2),
    ("other factors", a * u / d + b * v / d, (a, b, d, u, v), 2),
    ("powers", x**2 / y**2, (x, y), 1),
    ("powers and factors", 3 * u * x**3 / y**3 - w * x / y, (u, w, x, y), 1),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "params", "most"), [f[1:] for f in FORMULAS],
                         ids=[f[0] for f in FORMULAS])  # fmt: skip
def test_values_and_divisions(formula: Any, params: Any, most: int) -> None:
    definition = define("f", formula, params=params)
    assert counted(definition, "value")[1] <= most
    kernel = compile_definition(definition, backend="python")
    exact = sp.lambdify(params, [formula, *[formula.diff(p) for p in params]], "mpmath")
    rng = np.random.default_rng(3)
    with mpmath.workdps(40):
        for _ in range(20):
            p = rng.uniform(0.5, 2.0, size=len(params)) * rng.choice([-1.0, 1.0], size=len(params))
            value, *slopes = exact(*map(mpmath.mpf, p))
            found, grad = kernel.value_and_grad(p)
            # Of terms of size about 10, few roundings each.
            assert abs(found - value) < 1e-14 * (1 + abs(value))
            for got, want in zip(grad, slopes, strict=True):
                assert abs(got - want) < 1e-13 * (1 + abs(want))


@pytest.mark.parametrize("formula", [f[1] for f in FORMULAS[:4]] + [x**2 / y**2 + x / y],
                         ids=[*(f[0] for f in FORMULAS[:4]), "powers"])  # fmt: skip
def test_zeros_and_infinities_are_those_of_the_formula(formula: Any) -> None:
    params = sorted(formula.free_symbols, key=str)
    kernel = compile_definition(define("f", formula, params=params), backend="python")
    # Each product as it is written, then divided, in IEEE arithmetic.
    plain = sp.lambdify(params, formula, "numpy")
    rng = np.random.default_rng(5)
    points = list(itertools.product(SPECIAL, repeat=len(params)))
    for k in rng.permutation(len(points))[:300]:
        p = np.array(points[k])
        with np.errstate(all="ignore"):
            want = plain(*p)
        np.testing.assert_equal(kernel.value(p) + 0.0, want + 0.0, err_msg=str(p))


def test_powers_of_quotients_stay_in_range() -> None:
    definition = define("f", x**2 / y**2 + x / y, params=(x, y))
    value, grad = compile_definition(definition, backend="python").value_and_grad([3e200, 1e200])
    assert value == 12.0
    np.testing.assert_allclose(grad, [7e-200, -21e-200], rtol=1e-15)


def test_what_nothing_is_shared_with_stays_as_written() -> None:
    # Both are correctly rounded so, and not as powers or products of 1/10.
    kernel = compile_definition(define("f", [x**2 / y**2, 3 * x * a / d], params=(a, d, x, y)),
                                backend="python")  # fmt: skip
    np.testing.assert_array_equal(kernel.value([1.0, 10.0, 1.0, 10.0]), [0.01, 0.3])


def test_a_rotation_divides_its_axis_alone() -> None:
    # By Rodrigues' formula: SymPy writes axis*vector as products over the angle.
    r, point = sp.symbols("r:3"), sp.symbols("q:3")
    angle = sp.sqrt(sum(e**2 for e in r))
    axis = sp.Matrix([e / angle for e in r])
    q = sp.Matrix(point)
    turned = q * sp.cos(angle) + axis.cross(q) * sp.sin(angle)
    turned += axis * axis.dot(q) * (1 - sp.cos(angle))
    definition = define("turned", turned, params=r, constants=point)
    # Three for the axis, three and two roots for the angle, whose square may leave the range.
    assert counted(definition, "value")[1] == 8
    kernel = compile_definition(definition, backend="python")
    rotation = sp.lambdify([r, point], turned, "mpmath")
    p, at = [0.3, -0.4, 1.2], [1.0, 2.0, -0.5]
    with mpmath.workdps(40):
        want = rotation([mpmath.mpf(e) for e in p], [mpmath.mpf(e) for e in at])
        got = kernel.value(p, **dict(zip(("q0", "q1", "q2"), at, strict=True)))
        assert max(abs(g - e) for g, e in zip(np.ravel(got), want, strict=True)) < 1e-15
