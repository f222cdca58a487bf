"""Jacobians: the mode that takes fewer operations, and a row for each sample in reverse mode."""

from __future__ import annotations

import itertools
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp

from symcompile import compile as compile_definition
from symcompile.compiler import plan
from symcompile.frontend.definition import Definition, define
from tests.graphs import counted

x, y, z, s, t = sp.symbols("x y z s t")


def against_mpmath(definition: Definition, formulas: list[Any], p: Any, column: Any) -> None:
    """Compare the Jacobian of each sample with mpmath's numerical derivatives."""
    kernel = compile_definition(definition, backend="python")
    found = kernel.jacobian(p, column)
    found = found.reshape(len(column), len(formulas), len(p))
    symbols = sp.symbols([*definition.params, *definition.data])
    functions = [sp.lambdify(symbols, f, "mpmath") for f in formulas]
    with mpmath.workdps(60):
        for (i, number), (m, f), k in itertools.product(
            enumerate(column), enumerate(functions), range(len(p))
        ):

            def along(q: Any, number: Any = number, f: Any = f, k: int = k) -> Any:
                point = [q if j == k else mpmath.mpf(e) for j, e in enumerate(p)]
                return f(*point, mpmath.mpf(number))

            want = mpmath.diff(along, mpmath.mpf(p[k]))
            assert abs(found[i, m, k] - want) < 1e-13 * (1 + abs(want)), (number, m, k)


COLUMN = np.array([0.3, 0.9, 1.6, 2.4])
POINT = [0.7, 1.1, -0.4, 0.8, 1.3]


@pytest.mark.parametrize(
    "formulas",
    [
        [sp.sin(x * t + y) * sp.exp(z * t) / (s + t * y)],
        [x * sp.exp(-y * t) + z, sp.sqrt(s + t**2) * x],
        [sp.Piecewise((sp.sqrt(t - 1) * x * y, t > 1), (sp.exp(z * t) / s, True))],
        # What the branch not taken has no derivative in: log of a negative number.
        [sp.Piecewise((sp.log(x - t) * y, t < x), (sp.log(t + s) * z, True)) ** 2],
        [x * y, t * x],  # one does not depend on the samples
    ],
    ids=str,
)
def test_rows_of_samples(formulas: list[Any]) -> None:
    r = sp.Symbol("r")
    definition = define("f", formulas, params=(x, y, z, s, r), data=t)
    against_mpmath(definition, formulas, POINT, COLUMN)


def test_many_parameters_of_a_sample_take_reverse_mode() -> None:
    # Each parameter reaches all that come after it: forward mode is as long as their pairs.
    names, chain = sp.symbols("p:20"), t
    for p in names:
        chain = sp.sin(chain * p + t)
    formulas = [chain, sp.exp(chain) * t]
    definition = define("f", formulas, params=names, data=t)
    value, jacobian = (counted(definition, name)[0] for name in ("value", "jacobian"))
    assert jacobian < 5 * value
    against_mpmath(definition, formulas, [0.6 + 0.05 * k for k in range(20)], COLUMN[:2])


def test_what_stands_outside_the_samples_is_differentiated_there() -> None:
    # Long functions of the parameters, and a short one of the sample.
    deep = x
    for k in range(20):
        deep = sp.sin(deep * y + k)
    definition = define("f", [deep * t, sp.exp(deep) + t * z], params=(x, y, z), data=t)
    (schedule,) = plan(definition, ("jacobian",))
    graph = schedule.function.graph
    looped = [k for k in graph.ancestors(schedule.function.roots()) if graph[k].axes]
    assert len(looped) < 20
    against_mpmath(definition, [deep * t, sp.exp(deep) + t * z], [0.4, 0.9, 1.2], COLUMN)


def test_square_jacobian_takes_the_mode_that_reaches_less() -> None:
    # One long function, of one parameter, in every row: reverse mode goes through it for each.
    names = sp.symbols("p:8")
    deep = names[0]
    for k in range(30):
        deep = sp.sin(deep + k)
    formulas = [deep * p for p in names]
    definition = define("f", formulas, params=names)
    value, jacobian = (counted(definition, name)[0] for name in ("value", "jacobian"))
    assert jacobian < 3 * value
    found = compile_definition(definition, backend="python").jacobian(np.linspace(0.5, 1.5, 8))
    exact = sp.lambdify(names[0], [deep, deep.diff(names[0])], "mpmath")
    with mpmath.workdps(40):
        factor, slope = exact(mpmath.mpf(0.5))
        rest = [mpmath.mpf(float(e)) for e in np.linspace(0.5, 1.5, 8)]
        for m, row in enumerate(found):
            want = [factor if k == m else 0 for k in range(8)]
            want[0] += rest[m] * slope
            assert max(abs(got - e) for got, e in zip(row, want, strict=True)) < 1e-14
