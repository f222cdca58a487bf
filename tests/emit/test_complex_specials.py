"""Special functions of complex numbers on all backends: values and derivatives against mpmath."""

from __future__ import annotations

import cmath
import math
import warnings
from functools import cache
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp

import symcompile as sc
from symcompile.errors import LoweringError
from symcompile.ir.graph import Input
from symcompile.ir.interpreter import context, evaluate
from symcompile.ir.ops import OPS
from symcompile.options import Backend
from tests.complex_specials import COMPLEX_SPECIALS, k, w, z

MP = context(40)
_STEP = MP.mpf(10) ** -12

#: Values of ``z`` and ``w``: small and large, in each quadrant, and close to the negative axis.
_POINTS = [
    (0.375 + 0.25j, 1.5 - 0.75j),
    (-0.25 + 0.625j, 0.75 + 1.25j),
    (2.5 - 1.75j, 2.25 + 0.5j),
    (-2.375 + 0.125j, 0.5 - 0.5j),
    (5.5 + 3.25j, 1.75 + 2.0j),
]


@cache
def _definition() -> sc.Definition:
    formulas = [case.formula for case in COMPLEX_SPECIALS]
    return sc.define("specials", formulas, params=(z, w), constants={k: 4}, dtype="complex128")


@cache
def _exact(point: tuple[complex, complex]) -> list[tuple[Any, Any, Any, Any]]:
    """Return values, derivatives in z and in w, and second derivatives in z, as lowered."""
    definition = _definition()
    roots = list(definition.output.entries)

    def at(dz: Any, dw: Any) -> list[Any]:
        given = {
            Input("param", 0): MP.mpc(point[0]) + dz,
            Input("param", 1): MP.mpc(point[1]) + dw,
            Input("constant", 0): MP.mpc(4),
        }
        return evaluate(definition.ir, roots, MP, given)

    middle, right, left = at(0, 0), at(_STEP, 0), at(-_STEP, 0)
    above, below = at(0, _STEP), at(0, -_STEP)
    found = []
    for f, r, lo, a, b in zip(middle, right, left, above, below, strict=True):
        slopes = (r - lo) / (2 * _STEP), (a - b) / (2 * _STEP)
        found.append((f, *slopes, (r - 2 * f + lo) / _STEP**2))
    return found


def _ulp(found: complex, exact: Any, condition: Any) -> float:
    if exact == 0:
        return 0.0 if abs(found) < 1e-300 else math.inf
    error = abs(MP.mpc(complex(found)) - exact) / abs(exact) * 2**52
    return float(error / max(1, condition / abs(exact)))


@pytest.mark.parametrize(
    "backend",
    [
        "python",
        *(pytest.param(name, marks=pytest.mark.long) for name in ("numba", "cython", "llvm")),
    ],
)
def test_values_and_derivatives(backend: Backend) -> None:
    kernel = sc.compile(_definition(), backend=backend)
    wrong = []
    for point in _POINTS:
        values, jacobian = kernel.value(list(point)), kernel.jacobian(list(point))
        a, b = map(abs, point)
        for i, (f, fz, fw, fzz) in enumerate(_exact(point)):
            case = COMPLEX_SPECIALS[i]
            errors = (
                _ulp(values[i], f, a * abs(fz) + b * abs(fw)) / case.limit,
                _ulp(jacobian[i, 0], fz, a * abs(fzz) + b * abs(fw)) / (2 * case.limit),
                _ulp(jacobian[i, 1], fw, a * abs(fz) + b * abs(fw)) / (2 * case.limit),
            )
            if not max(errors) <= 1:
                wrong.append((case.name, point, *(round(e * case.limit, 1) for e in errors)))
    assert not wrong, "\n".join(map(str, wrong))


def test_every_special_function_of_complex_numbers_is_among_them() -> None:
    used = {node.op for node in _definition().ir}
    known = {row.name for row in OPS.values() if row.special and row.complex is not None}
    derived = {"erfcx", "digamma_difference", "elliptic_d", "elliptic_g"}
    assert known - derived <= used


@pytest.mark.parametrize(
    "backend",
    [
        "python",
        *(pytest.param(name, marks=pytest.mark.long) for name in ("numba", "cython", "llvm")),
    ],
)
def test_arrays_are_computed_as_numbers_are(backend: Backend) -> None:
    formulas = [case.formula.subs(k, 4) for case in COMPLEX_SPECIALS]
    function = sc.lambdify([z, w], formulas, backend=backend, dtype="complex128")
    columns = function(*np.array(_POINTS).T)
    for i, point in enumerate(_POINTS):
        for column, number, case in zip(columns, function(*point), COMPLEX_SPECIALS, strict=True):
            np.testing.assert_allclose(column[i], number, rtol=1e-13, err_msg=case.name)


def test_on_the_real_axis_they_are_those_of_real_numbers() -> None:
    names = "harmonic factorial beta rising binomial polygamma jn sinc elliptic_k legendre expint_3"
    cases = [case for case in COMPLEX_SPECIALS if case.name in names.split()]
    formulas = [case.formula.subs(k, 4) for case in cases]
    real = sc.lambdify([z, w], formulas, backend="python")
    whole = sc.lambdify([z, w], formulas, backend="python", dtype="complex128")
    for point in ((0.5, 1.25), (0.75, 3.0)):
        np.testing.assert_allclose(whole(*point), real(*point), rtol=1e-14)
    integers = sc.lambdify(z, [sp.factorial(z), sp.binomial(2 * z, z)], dtype="complex128")
    assert list(integers(5)) == [120, 252]


_EXTREMES = (math.nan, math.inf, -math.inf, 0.0, -1.0, 1e308, -1e308, 5e-324)


def test_extremes_answer_at_once() -> None:
    points = np.array([complex(a, b) for a in _EXTREMES for b in _EXTREMES])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for case in COMPLEX_SPECIALS:
            formula = case.formula.subs(k, 4)
            function = sc.lambdify([z, w], formula, backend="python", dtype="complex128")
            for point in points.tolist():
                assert isinstance(complex(function(point, 0.5 + 1j)), complex)
            assert function(points, 0.5 + 1j).shape == points.shape


@pytest.mark.parametrize("branch", [-2, -1, 0, 1, 2])
def test_the_function_of_lambert(branch: int) -> None:
    function = sc.lambdify(z, sp.LambertW(z, branch), backend="python", dtype="complex128")
    near = -cmath.exp(-1)
    points = [0.1, -0.1, -0.35, -0.5, 1.0, 1e-20, 1e200, -1e9, 3j, -2j, -1 + 1e-9j]
    points += [near + d for d in (1e-3, -1e-3, 1e-7j, -1e-7j, 0.1 + 0.2j, 0.1 - 0.2j)]
    for point in map(complex, points):
        exact = MP.lambertw(MP.mpc(point), branch)
        condition = 1 / abs(1 + exact)
        error = abs(MP.mpc(complex(function(point))) - exact) / abs(exact) * 2**52
        assert error <= 8 * max(1, condition), (point, float(error), float(condition))


def test_elliptic_integrals_beyond_one() -> None:
    formulas = [sp.elliptic_k(z), sp.elliptic_e(z)]
    kernel = sc.compile(formulas, params=z, dtype="complex128", backend="python")
    for m in (1.0001, 1.5, 7.0):
        exact = [mpmath.ellipk(mpmath.mpc(m)), mpmath.ellipe(mpmath.mpc(m))]
        np.testing.assert_allclose(kernel.value([m]), np.array(exact, complex), rtol=1e-13)
        k1, e1 = map(complex, exact)
        slopes = [(e1 - (1 - m) * k1) / (2 * m * (1 - m)), (e1 - k1) / (2 * m)]
        np.testing.assert_allclose(kernel.jacobian([m])[:, 0], slopes, rtol=1e-9)


def test_an_order_is_the_real_number_that_it_is() -> None:
    n = sp.Symbol("n")
    function = sc.lambdify([n, z], sp.besselj(n, z), backend="python", dtype="complex128")
    exact = complex(mpmath.besselj(1.5, mpmath.mpc(0.5 + 1j)))
    assert function(1.5, 0.5 + 1j) == pytest.approx(exact)
    assert function(1.5 + 0j, 0.5 + 1j) == function(1.5, 0.5 + 1j)
    assert cmath.isnan(function(1.5 + 1j, 0.5 + 1j))
    found = function(np.array([1.5, 1.5 + 1j]), 0.5 + 1j)
    assert found[0] == pytest.approx(exact) and np.isnan(found[1])
    # Where the argument is a real number, the value may be complex all the same.
    constant = sc.lambdify(n, sp.besselk(n, -2), backend="python", dtype="complex128")
    assert constant(1) == pytest.approx(complex(mpmath.besselk(1, mpmath.mpc(-2))))
    # Orders that are parameters have no derivative, as of real numbers.
    with pytest.raises(LoweringError, match="no derivative in its order"):
        sc.compile(sp.besselj(n, z), params=(n, z), dtype="complex128", backend="python")
    kernel = sc.compile(
        sp.besselj(n, z), params=z, constants={n: 1.5}, dtype="complex128", backend="python"
    )
    slope = complex(mpmath.besselj(1.5, mpmath.mpc(0.5 + 1j), derivative=1))
    assert kernel.grad([0.5 + 1j])[0] == pytest.approx(slope)


def test_others_are_refused() -> None:
    for formula in (sp.zeta(z), sp.polylog(2, z), sp.erfinv(z), sp.elliptic_f(z, w)):
        with pytest.raises(LoweringError, match="real arguments only"):
            sc.define("f", formula, params=(z, w), dtype="complex128")
