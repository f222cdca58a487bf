"""Special functions on all backends: values and derivatives against mpmath at 60 digits."""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

import numpy as np
import pytest
import sympy as sp

import symcompile as sc
from symcompile.frontend.lowering import Lowering
from symcompile.ir.graph import Graph, Input
from symcompile.ir.interpreter import context, evaluate
from symcompile.options import Backend
from tests.specials import SPECIALS, Special, x, y

MP = context(60)
_STEP = MP.mpf(10) ** -15  # relative
#: In units of the last place, to be multiplied by the condition number where that is above one.
_VALUE, _SLOPE = 8, 16

Exact = Callable[..., Any]


@cache
def _exact(case: Special) -> Exact:
    """Return a formula as a function of numbers of many digits: as lowered, before any pass."""
    graph = Graph()
    nodes = {symbol: graph.input("param", k) for k, symbol in enumerate((x, y))}
    root = Lowering(graph, nodes).lower(case.formula)

    def value(*point: Any) -> Any:
        inputs = {Input("param", k): MP.mpf(number) for k, number in enumerate(point)}
        return evaluate(graph, [root], MP, inputs)[0]

    return value


def _slope(function: Exact, point: Sequence[Any], k: int) -> Any:
    """Return the derivative in the argument at ``k``."""

    size = _STEP * (abs(point[k]) or 1)

    def moved(step: Any) -> Any:
        return function(*[MP.mpf(n) + (step if i == k else 0) for i, n in enumerate(point)])

    return (moved(size) - moved(-size)) / (2 * size)


def _slope_at(function: Exact, k: int, *point: Any) -> Any:
    return _slope(function, point, k)


def _points(case: Special) -> list[tuple[float, float]]:
    return [p if isinstance(p, tuple) else (p, 0.5) for p in case.points]


def _error(found: float, function: Exact, point: tuple[float, float], inexact: str) -> float:
    """Return the error in ulp over the condition number, in the arguments ``inexact``."""
    exact = function(*point)
    if not MP.isfinite(exact):
        return 0.0 if str(float(exact)) == str(found) else math.inf
    if not math.isfinite(found):
        return math.inf
    error = abs(MP.mpf(found) - exact) / MP.mpf(math.ulp(float(exact)))
    condition = MP.mpf(0)
    for k, name in enumerate("xy"):
        if name in inexact and exact != 0:
            slope = _slope(function, point, k)
            condition += abs(point[k] * slope / exact) if MP.isfinite(slope) else 0
    return float(error / max(MP.mpf(1), condition))


_ALL = [
    "python",
    *(pytest.param(name, marks=pytest.mark.long) for name in ("numba", "cython", "llvm")),
]


@pytest.fixture(scope="module", params=_ALL)
def backend(request: pytest.FixtureRequest) -> Backend:
    return request.param


@pytest.mark.parametrize("group", ["numbers", "arrays"])
def test_values(backend: Backend, group: str) -> None:
    wrong = []
    for cases in _batches(SPECIALS, backend):
        function = sc.lambdify([x, y], [case.formula for case in cases], backend=backend)
        for k, case in enumerate(cases):
            points = _points(case)
            if group == "arrays":
                found = function(*np.array(points).T)[k].tolist()
            else:
                found = [float(function(*point)[k]) for point in points]
            for point, number in zip(points, found, strict=True):
                error = _error(number, _exact(case), point, case.wrt or "x")
                if not error <= _VALUE:
                    wrong.append((case.name, point, number, error))
    assert not wrong, "\n".join(map(str, wrong))


_EXTREMES = (math.nan, math.inf, -math.inf, 0.0, -1.0, 1e308, 5e-324)


@pytest.mark.parametrize("case", SPECIALS, ids=lambda case: case.name)
def test_extremes_answer_at_once(case: Special) -> None:
    function = sc.lambdify([x, y], case.formula, backend="python")
    points = np.array(list(itertools.product(_EXTREMES, _EXTREMES[:-1])))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for point in points.tolist():
            assert isinstance(float(function(*point)), float)
        assert function(*points.T).shape == (len(points),)


@pytest.mark.parametrize("wrt", ["x", "xy"])
def test_derivatives(backend: Backend, wrt: str) -> None:
    constants = {y: 0.5} if wrt == "x" else ()
    wrong = []
    for cases in _batches([case for case in SPECIALS if case.wrt == wrt], backend):
        formulas = sp.Matrix([case.formula for case in cases])
        definition = sc.define("specials", formulas, params=(x, y)[: len(wrt)], constants=constants)
        kernel = sc.compile(definition, backend=backend)
        for row, case in enumerate(cases):
            for point in _points(case):
                given = {} if wrt == "xy" else {"y": point[1]}
                jacobian = kernel.jacobian(list(point[: len(wrt)]), **given)
                for k in range(len(wrt)):
                    found = float(jacobian[row, k])
                    error = _error(found, partial(_slope_at, _exact(case), k), point, wrt)
                    if not error <= _SLOPE:
                        wrong.append((case.name, wrt[k], point, found, error))
    assert not wrong, "\n".join(map(str, wrong))


def _batches(cases: Sequence[Special], backend: Backend) -> list[list[Special]]:
    """Return what is compiled at a time: all, but in Python each formula by itself."""
    return [[case] for case in cases] if backend == "python" else [list(cases)]
