"""Sums, products, integrals and derivatives in every backend, against mpmath at 50 digits."""

from __future__ import annotations

import math
import pickle
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp

import symcompile as sc
from symcompile.options import BACKENDS, Backend
from tests import ways

mp = mpmath.mp.clone()
mp.dps = 50

a, j, k, n, s, t, x, y = sp.symbols("a j k n s t x y")
EPS = 2.0**-52

Reference = Callable[..., Any]


def added(f: Reference, low: Any, high: Any) -> Any:
    """Return a sum as a loop that cannot be misread."""
    total = mp.mpf(0)
    for step in range(int(high - low) + 1):
        total += f(low + step)
    return total


def multiplied(f: Reference, low: Any, high: Any) -> Any:
    total = mp.mpf(1)
    for step in range(int(high - low) + 1):
        total *= f(low + step)
    return total


def _gauss(x: Any, y: Any, n: Any) -> Any:
    return mp.sqrt(mp.pi) / 2 * mp.erfc(x)


def _mixed(x: Any, y: Any, n: Any) -> Any:
    return 2 * x * mp.cos(x * y) - x**2 * y * mp.sin(x * y)


#: Formulas of x, y and n, and what they are.
CASES: dict[str, tuple[Any, Reference]] = {
    "powers": (
        sp.Sum(x**k / (k + 1), (k, 0, 20)),
        lambda x, y, n: added(lambda k: x**k / (k + 1), 0, 20),
    ),
    "to an argument": (
        sp.Sum(y / k**2, (k, 1, n)),
        lambda x, y, n: added(lambda k: y / mp.mpf(k) ** 2, 1, n),
    ),
    "alternating": (
        sp.Sum((-1) ** k * x ** (2 * k + 1) / sp.gamma(2 * k + 2), (k, 0, 9)),
        lambda x, y, n: added(
            lambda k: (-1) ** k * x ** (2 * k + 1) / mp.factorial(2 * k + 1), 0, 9
        ),
    ),
    "inner limit": (
        sp.Sum(x * j + y, (j, 0, k), (k, 1, n)),
        lambda x, y, n: added(lambda k: added(lambda j: x * j + y, 0, k), 1, n),
    ),
    "shadowing": (sp.Sum(x**2, (x, 0, 3)) * x, lambda x, y, n: 14 * x),
    "branches": (
        sp.Sum(sp.Piecewise((x * k, k < 3), (y**k, True)), (k, 0, n)),
        lambda x, y, n: added(lambda k: x * k if k < 3 else y**k, 0, n),
    ),
    "product": (
        sp.Product(1 + x / k, (k, 1, n)),
        lambda x, y, n: multiplied(lambda k: 1 + x / mp.mpf(k), 1, n),
    ),
    "gauss": (sp.Integral(sp.exp(-(t**2)), (t, x, sp.oo)), _gauss),
    "both limits": (
        sp.Integral(sp.sin(t) * y, (t, x, x * y)),
        lambda x, y, n: y * (mp.cos(x) - mp.cos(x * y)),
    ),
    "double": (
        sp.Integral(x * s * t, (t, 0, s), (s, 0, y)),
        lambda x, y, n: x * y**4 / 8,
    ),
    "of a sum": (
        sp.Integral(sp.Sum(t**k * x, (k, 0, 3)), (t, 0, y)),
        lambda x, y, n: x * added(lambda k: y ** (k + 1) / (k + 1), 0, 3),
    ),
    "sum of": (
        sp.Sum(sp.Integral(sp.exp(-k * t * x), (t, 0, 1)), (k, 1, 3)),
        lambda x, y, n: added(lambda k: (1 - mp.exp(-k * x)) / (k * x), 1, 3),
    ),
    "kink": (
        sp.Integral(sp.Abs(t - x), (t, 0, 1)),
        lambda x, y, n: (x**2 + (1 - x) ** 2) / 2 if x < 1 else x - mp.mpf(1) / 2,
    ),
    "jump": (
        sp.Integral(sp.Piecewise((sp.exp(t), t < x), (y, True)), (t, 0, 1)),
        lambda x, y, n: mp.exp(min(x, 1)) - 1 + y * (1 - min(x, 1)),
    ),
    "end": (sp.Integral(x / sp.sqrt(t), (t, 0, y)), lambda x, y, n: 2 * x * mp.sqrt(y)),
    "slope": (
        sp.Derivative(sp.sin(x) * sp.exp(x * y), (x, 2)),
        lambda x, y, n: mp.exp(x * y) * ((y**2 - 1) * mp.sin(x) + 2 * y * mp.cos(x)),
    ),
    "mixed": (sp.Derivative(sp.sin(x * y) * x, x, y), _mixed),
    "at a place": (sp.Subs(sp.Derivative(t**3 * y, t), t, x**2), lambda x, y, n: 3 * x**4 * y),
}
POINTS = ((0.3, 1.25, 5.0), (0.75, 0.5, 1.0), (1.5, 2.0, 12.0))
NAMES = list(CASES)


def slopes(reference: Reference, point: tuple[float, ...]) -> list[Any]:
    """Return the derivatives in x and y; n counts."""
    exact = [mp.mpf(value) for value in point]
    return [
        mp.diff(lambda *p: reference(*p, exact[2]), tuple(exact[:2]), unit)
        for unit in ((1, 0), (0, 1))
    ]


def conditions(reference: Reference, point: tuple[float, ...]) -> tuple[float, list[float]]:
    """Return the condition numbers of the value and of each derivative."""
    exact = [mp.mpf(value) for value in point]

    def worst(f: Reference) -> float:
        value = f(*exact[:2])
        if not value:
            return math.inf
        moves = [
            mp.diff(f, tuple(exact[:2]), unit) * x / value
            for x, unit in zip(exact, ((1, 0), (0, 1)), strict=False)
        ]
        return max(1.0, float(sum(map(abs, moves))))

    value = worst(lambda *p: reference(*p, exact[2]))
    found = []
    for unit in ((1, 0), (0, 1)):
        found.append(
            worst(lambda *p, unit=unit: mp.diff(lambda *q: reference(*q, exact[2]), p, unit))
        )
    return value, found


@cache
def kernel(backend: Backend) -> Any:
    exprs = [expr for expr, _ in CASES.values()]
    return sc.compile(exprs, params=(x, y, n), backend=backend, name="bound")


@cache
def columns(backend: Backend) -> Any:
    exprs = [expr for expr, _ in CASES.values()]
    return sc.compile(exprs, data=(x, y, n), backend=backend, name="bound_columns")


@pytest.mark.parametrize("backend", BACKENDS)
def test_values_and_gradients(backend: Backend) -> None:
    for point in POINTS:
        values, jacobian = kernel(backend).value(point), kernel(backend).jacobian(point)
        for row, (name, (_, reference)) in enumerate(CASES.items()):
            exact = reference(*map(mp.mpf, point))
            first, second = conditions(reference, point)
            error = abs(mp.mpf(float(values[row])) - exact)
            assert error <= 8 * EPS * first * abs(exact), (name, point, float(error / EPS / exact))
            for slot, wanted in enumerate(slopes(reference, point)):
                error = abs(mp.mpf(float(jacobian[row, slot])) - wanted)
                bound = 16 * EPS * (second[slot] if second[slot] < math.inf else 1) * abs(wanted)
                assert error <= max(bound, 1e-30), (name, point, slot, float(error))
            assert jacobian[row, 2] == 0.0 or "limits" in name


@pytest.mark.parametrize("backend", ways.BACKENDS)
def test_columns_of_samples(backend: Backend) -> None:
    found = columns(backend).value([], *np.array(POINTS).T)
    for row, point in enumerate(POINTS):
        expected = kernel(backend).value(point)
        np.testing.assert_allclose(found[row], expected, rtol=1e-14)


@pytest.mark.filterwarnings("ignore::scipy.integrate.IntegrationWarning")
@pytest.mark.parametrize("backend", ways.BACKENDS)
def test_limits_that_are_odd(backend: Backend) -> None:
    exprs = [
        sp.Sum(k, (k, 1, n)),
        sp.Product(k, (k, 2, n)),
        sp.Integral(t, (t, 0, n)),
        sp.Sum(x, (k, 1, n)),
    ]
    f = sc.compile(exprs, params=(n, x), backend=backend)
    np.testing.assert_array_equal(f.value([4.0, 2.0]), [10.0, 24.0, 8.0, 8.0])
    np.testing.assert_array_equal(f.value([0.0, 2.0]), [0.0, 1.0, 0.0, 0.0])
    # Reversed limits take away, as in SymPy.
    np.testing.assert_allclose(f.value([-3.0, 2.0]), [3.0, math.inf, 4.5, -6.0], rtol=1e-15)
    np.testing.assert_array_equal(f.value([2.5, 2.0]), [np.nan, np.nan, 3.125, np.nan])
    np.testing.assert_array_equal(f.value([math.inf, 2.0])[[0, 1, 3]], [np.nan] * 3)
    assert np.isnan(f.value([math.nan, 2.0])).all()


@pytest.mark.parametrize("backend", ways.BACKENDS)
def test_sums_are_compensated(backend: Backend) -> None:
    """Ten thousand terms that cancel: the error is that of the terms."""
    f = sc.compile(sp.Sum((-1) ** k * (k + x), (k, 0, n)), params=(x, n), backend=backend)
    exact = added(lambda k: (-1) ** k * (k + mp.mpf(0.1)), 0, 9999)
    assert abs(f.value([0.1, 9999.0]) - exact) <= 1e-9


def test_poles_and_infinities_are_those_of_ieee_arithmetic() -> None:
    f = sc.compile(
        [sp.Sum(x / k, (k, -1, 1)), 1 / sp.Sum(x * k, (k, 1, 2))], params=x, backend="python"
    )
    assert np.isnan(f.value([0.0])).tolist() == [True, False]
    assert f.value([0.0])[1] == math.inf


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_integral_that_does_not_converge_says_so(backend: Backend) -> None:
    from scipy.integrate import IntegrationWarning

    f = sc.compile(sp.Integral(x / t, (t, 0, 1)), params=x, backend=backend)
    with pytest.warns(IntegrationWarning, match="converges slowly or not"):
        f.value([1.0])
    smooth = sc.compile(sp.Integral(t * sp.cos(x * t), (t, -1, 1)), params=x, backend=backend)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert abs(smooth.value([1.0])) < 1e-16


@pytest.mark.parametrize("backend", ways.BACKENDS)
def test_complex_numbers_and_lambdify(backend: Backend) -> None:
    wave = sp.Integral(sp.exp(sp.I * x * t), (t, 0, 1))
    f = sc.lambdify(
        [x, n], [wave, sp.Sum(sp.I * x**k, (k, 0, n)), sp.Sum(x**k, (k, 0, n))], backend=backend
    )
    first, second, third = f(2.0, 3.0)
    assert abs(first - (np.exp(2j) - 1) / 2j) < 1e-15
    assert abs(second - 15j) < 1e-14
    assert abs(third - 15.0) < 1e-14
    many = f(np.array([1.0, 2.0]), 3.0)
    assert many[0].dtype == complex
    np.testing.assert_allclose(many[2], [4.0, 15.0])
    z = sp.Symbol("z")
    g = sc.compile(
        sp.Integral(sp.exp(-t * z), (t, 0, z)), params=z, dtype="complex128", backend=backend
    )
    at = 0.5 + 0.75j
    assert abs(g.value([at]) - (1 - np.exp(-at * at)) / at) < 1e-15
    slope = 2 * np.exp(-at * at) - (1 - np.exp(-at * at)) / at**2
    assert abs(g.grad([at])[0] - slope) < 1e-14


def test_what_is_printed_reads_as_it_was_written() -> None:
    definition = sc.define(
        "f", sp.Sum(x**k, (k, 0, n)) + sp.Integral(y * sp.exp(-t), (t, 0, x)), params=(x, y, n)
    )
    assert "Integral(y*exp(-t), (t, 0, x)) + Sum(x**k, (k, 0, n))" in repr(definition)
    assert pickle.loads(pickle.dumps(definition)) == definition
    assert str(definition.gradient()[1]) == "Integral(exp(-t), (t, 0, x))"
    other = sc.define(
        "f", sp.Sum(x**j, (j, 0, n)) + sp.Integral(y * sp.exp(-s), (s, 0, x)), params=(x, y, n)
    )
    assert other == definition


def test_the_double_integral_of_sympys_suite() -> None:
    """http://mpmath.org/doc/current/calculus/integration.html: the corner is a singularity."""
    f = sc.lambdify([a], sp.Integral(1 / (1 - x**2 * y**2), (x, 0, 1), (y, 0, a)))
    assert 1.23370055 < f(1) < 1.233700551
