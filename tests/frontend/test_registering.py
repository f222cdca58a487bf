"""Functions of a user's own, on all backends, with derivatives of first and higher order."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import sympy as sp

import symcompile as sc
from symcompile.errors import DefinitionError, LoweringError
from symcompile.ir.ops import BY_SYMPY_CLASS, OPS
from symcompile.ir.ops.registered import FUNCTIONS, SOURCES
from symcompile.ir.special_values import VALUES
from symcompile.options import BACKENDS, Backend

x, y = sp.symbols("x y", real=True)
swish = sp.Function("swish")
blend = sp.Function("blend")


class softabs(sp.Function):  # noqa: N801
    """sqrt(x^2 + 1), which knows its own derivative."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> Any:
        """Return x over itself."""
        return self.args[0] / self


def blended(a: float, b: float) -> float:
    """Return a geometric mean after some steps of arithmetic and geometric means."""
    for _ in range(4):
        a, b = 0.5 * (a + b), math.sqrt(a * b)
    return a if a > b else b


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    tables: tuple[dict[str, Any], ...] = (OPS, SOURCES, FUNCTIONS, BY_SYMPY_CLASS, VALUES)
    before = [dict(table) for table in tables]
    yield
    for table, kept in zip(tables, before, strict=True):
        table.clear()
        table.update(kept)


def _register() -> None:
    sc.register(
        swish,
        python="def swish(x):\n    return x / (1.0 + math.exp(-x))",
        numpy="({0} / (1 + np.exp(-{0})))",
        c="double swish(double x) { return x / (1.0 + exp(-x)); }",
        derivatives=[lambda t: swish(t) / t + swish(t) * (1 - swish(t) / t)],
        mpmath=lambda mp, t: t / (1 + mp.exp(-t)),
    )
    sc.register(
        softabs, python="math.hypot({0}, 1.0)", numpy="np.hypot({0}, 1.0)", c="hypot({0}, 1.0)"
    )
    sc.register(blend, python=blended, derivatives=[None, None])


@pytest.mark.parametrize("backend", BACKENDS)
def test_values_and_derivatives(backend: Backend) -> None:
    _register()
    kernel = sc.compile(swish(x * y) + softabs(x) ** 3, params=(x, y), backend=backend)
    plain = sc.compile(
        x * y / (1 + sp.exp(-x * y)) + (x**2 + 1) ** sp.Rational(3, 2),
        params=(x, y),
        backend="python",
    )
    point = [0.75, -1.5]
    for name in ("value", "grad", "hessian"):
        found, expected = getattr(kernel, name)(point), getattr(plain, name)(point)
        assert np.allclose(found, expected, rtol=1e-13, atol=0)


@pytest.mark.parametrize("backend", BACKENDS)
def test_arrays(backend: Backend) -> None:
    _register()
    function = sc.lambdify([x, y], swish(x) + blend(x, y), backend=backend)
    a, b = np.array([[0.5], [2.0]]), np.array([1.0, 3.0, 0.25])
    expected = [[s / (1 + math.exp(-s)) + blended(s, t) for t in b] for s in a[:, 0]]
    assert np.allclose(function(a, b), expected, rtol=1e-14, atol=0)
    assert function(0.5, 1.0) == pytest.approx(expected[0][0], rel=1e-14)


def test_crosscheck_judges_by_mpmath() -> None:
    _register()
    definition = sc.define("swished", swish(x) ** 2, params=x)
    assert sc.crosscheck(definition, p=[0.75], backends=("python",)).ok


def test_samples() -> None:
    _register()
    a = sp.Symbol("a")
    kernel = sc.compile(
        (swish(a * x) - y) ** 2, params=a, data=(x, y), reduce="mean", backend="python"
    )
    data = np.array([0.5, 1.0]), np.array([1.0, 2.0])
    step = 1e-6
    slope = (kernel.value([1.2 + step], *data) - kernel.value([1.2 - step], *data)) / (2 * step)
    assert kernel.grad([1.2], *data)[0] == pytest.approx(slope, rel=1e-7)


def test_no_derivative_is_said() -> None:
    _register()
    with pytest.raises(LoweringError, match="blend has no derivative in its argument 1"):
        sc.compile(blend(x, 2), params=x, backend="python")


@pytest.mark.parametrize(
    ("function", "given", "message"),
    [
        ("sin", {"python": "math.sin({0})"}, "is a function already"),
        ("Piecewise", {"python": "math.sin({0})"}, "is a function already"),
        ("no name", {"python": "math.sin({0})"}, "is no function"),
        (3, {"python": "math.sin({0})"}, "is no function"),
        ("mine", {"python": "math.sin"}, "neither an expression"),
        ("mine", {"python": "math.sin({0})"}, "give its spelling in C"),
        ("mine", {"python": "def f(x): return x +"}, "no Python"),
        ("mine", {"python": "def f(*x): return x"}, "by position"),
        ("mine", {"python": "def f(x):\n    return {}[x]"}, "cannot be translated"),
        ("mine", {"python": "def f(x): return x", "c": "pow({0}, {1})"}, "2 arguments in c"),
        (
            "mine",
            {"python": "def f(x): return x", "derivatives": [None] * 2},
            "2 derivatives for 1",
        ),
    ],
)
def test_bad_input(function: Any, given: dict[str, Any], message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        sc.register(function, **given)
    assert "user_mine" not in OPS
