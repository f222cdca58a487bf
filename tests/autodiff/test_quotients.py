"""Slopes of quotients: how many divisions they take, and what they are at singular points."""

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

x, y, z, s, t = sp.symbols("x y z s t")
SPECIAL = (0.0, -0.0, 2.5, -3.0, math.inf, -math.inf, math.nan)


@pytest.mark.parametrize(
    ("formula", "most"),
    [
        (x / y, 2),
        (x * z / (4 * sp.pi * y * s**2), 2),
        (-sp.Rational(32, 5) * x**4 * (y + z) / (s**5 * t**5), 2),
        (1 / y, 1),
        (y * sp.sin(x / sp.pi), 1),
        (x / sp.sqrt(1 - y**2 / z**2), 6),
        (sp.exp(-x / y) / y, 3),
    ],
    ids=str,
)
def test_divisions_of_value_and_gradient(formula: Any, most: int) -> None:
    params = sorted(formula.free_symbols, key=str)
    definition = define("f", formula, params=params)
    assert counted(definition, "value_and_grad")[1] <= most
    kernel = compile_definition(definition, backend="python")
    p = np.array([0.7, 0.4, 1.3, 0.9, 1.1])[: len(params)]
    exact = sp.lambdify(params, [formula.diff(q) for q in params], "mpmath")
    with mpmath.workdps(40):
        for got, want in zip(kernel.grad(p), exact(*map(mpmath.mpf, p)), strict=True):
            assert abs(got - want) < 1e-14 * abs(want)


def test_quotient_at_its_singular_points() -> None:
    kernel = compile_definition(define("f", x / y, params=(x, y)), backend="python")
    for px, py in itertools.product(SPECIAL, repeat=2):
        grad = kernel.grad([px, py])
        with np.errstate(all="ignore"):
            a, b = np.float64(px), np.float64(py)
            want = [1 / b, -(a / b) / b]
        np.testing.assert_equal(grad + 0.0, np.array(want) + 0.0, err_msg=f"{px}/{py}")


def test_reciprocal_at_its_singular_points() -> None:
    kernel = compile_definition(define("f", 1 / y, params=y), backend="python")
    for p in (*SPECIAL, 1e-160, 1e160, 5e-324, 1.7e308):
        with np.errstate(all="ignore"):
            b = np.float64(p)
            want = -(1 / b) / b
        np.testing.assert_allclose(kernel.grad([p]), [want], rtol=4e-16, err_msg=str(p))


def test_one_direction_takes_one_division_for_each_quotient() -> None:
    formula = sp.sin(x) * y / (z + s * t)
    definition = define("f", formula, params=(x, y, z, s, t))
    assert counted(definition, "jvp")[1] == 2
    kernel = compile_definition(definition, backend="python")
    p, v = np.array([0.3, 1.2, 0.8, -0.4, 0.9]), np.array([1.0, -2.0, 0.5, 0.25, 3.0])
    exact = sp.lambdify((x, y, z, s, t), [formula.diff(q) for q in (x, y, z, s, t)], "mpmath")
    with mpmath.workdps(40):
        want = sum(a * b for a, b in zip(exact(*map(mpmath.mpf, p)), v, strict=True))
        assert abs(kernel.jvp(p, v) - want) < 1e-14
