"""Fitting the lecture's line on every backend, and what comes out beside what was published."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import sympy as sp

from symcompile.compiler import compile as compile_
from symcompile.demo import lecture, published
from symcompile.demo.published import Comparison, Figure, compare

if TYPE_CHECKING:
    from symcompile.kernel import Kernel
    from symcompile.objective import Objective
    from symcompile.options import Backend

# The first is exact to its last digit; what comes after it may be off by a few roundings.
_ROUNDINGS = 4e-15


def fit(objective: Objective) -> Any:
    """Return SciPy's result of BFGS from (0, 0)."""
    return objective.minimize(published.START, method="BFGS")


def line_figures(
    objectives: Mapping[Backend, Objective], fits: Mapping[Backend, Any]
) -> list[Comparison]:
    """Return the published fit, loss and gradient beside those of the backends."""
    found = {name: _of_fit(result) for name, result in fits.items()}
    there = {name: _of_point(objective) for name, objective in objectives.items()}
    return [*compare(published.FIT, found), *compare(published.AT_POINT, there)]


def scalar_figures(backends: tuple[Backend, ...]) -> list[Comparison]:
    """Return the lecture's two functions of numbers, beside what was published and SymPy says."""
    waves = {b: [compile_(lecture.wave(), backend=b).value([10.0])] for b in backends}
    surfaces = {b: _of_surface(compile_(lecture.surface(), backend=b)) for b in backends}
    return [
        *compare((published.WAVE,), {b: [float(v) for v in found] for b, found in waves.items()}),
        *compare(tuple(_surface_figures()), surfaces),
    ]


def _of_fit(result: Any) -> list[float]:
    inverse = result.hess_inv
    return [
        float(result.fun),
        *map(float, result.x),
        float(result.nit),
        float(result.nfev),
        *(float(inverse[place]) for place in ((0, 0), (0, 1), (1, 1))),
    ]


def _of_point(objective: Objective) -> list[float]:
    value, grad = objective.value_and_grad(published.POINT)
    return [value, *grad.tolist()]


def _of_surface(kernel: Kernel) -> list[float]:
    value, grad = kernel.value_and_grad([2.0, math.pi / 4])
    return [value, *grad.tolist()]


def _surface_figures() -> Iterator[Figure]:
    """Yield what SymPy says about z = x**2 + x*cos(y) at (2, pi/4), to 16 digits."""
    at = {lecture.x: 2, lecture.y: sp.pi / 4}
    for name, expr in (
        ("z", lecture.SURFACE),
        ("∂z/∂x", sp.diff(lecture.SURFACE, lecture.x)),
        ("∂z/∂y", sp.diff(lecture.SURFACE, lecture.y)),
    ):
        text = str(sp.N(expr.subs(at), 16))
        yield Figure(name, text, _ROUNDINGS)
