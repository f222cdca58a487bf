"""Definitions with numbers in place of inputs, against SymPy's substitution."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp

import symcompile as sc

X, Y, A, K = sp.symbols("x y a k")
FORMULA = sp.exp(-A * X) * sp.sin(Y) + K * X**2 / (1 + Y**2)
ROWS = np.linspace(0.1, 2, 7)


@pytest.mark.parametrize(
    ("given", "subs"),
    [
        ({"a": 2}, {A: 2}),
        ({"x": Fraction(1, 3)}, {X: sp.Rational(1, 3)}),
        ({Y: 0.1, "k": 5}, {Y: sp.Float(0.1), K: 5}),
        ({"a": sp.Rational(2, 7), "y": 1}, {A: sp.Rational(2, 7), Y: 1}),
    ],
)
def test_values_and_derivatives_are_those_of_substitution(given: Any, subs: Any) -> None:
    names = {"a": A, "x": X, "y": Y, "k": K}
    left = {name: symbol for name, symbol in names.items() if symbol not in subs}
    roles = {
        "params": [symbol for name, symbol in left.items() if name in "ax"],
        "data": [symbol for name, symbol in left.items() if name == "y"],
        "constants": [symbol for name, symbol in left.items() if name == "k"],
    }
    whole = sc.define("f", FORMULA, params=(A, X), data=Y, constants=K)
    found = sc.compile(whole.specialise(given), backend="python")
    right = sc.compile(sc.define("g", FORMULA.subs(subs), **roles), backend="python")
    assert (found.params, found.data, found.constants) == (
        right.params,
        right.data,
        right.constants,
    )
    p = [0.7, 1.3][: len(found.params)]
    columns = [ROWS] if found.data else []
    constants = {"k": 3.0} if found.constants else {}
    assert np.allclose(found.value(p, *columns, **constants), right.value(p, *columns, **constants))
    assert np.allclose(
        found.jacobian(p, *columns, **constants), right.jacobian(p, *columns, **constants)
    )


def test_sums_keep_their_samples() -> None:
    loss = sc.define("loss", (A * X - Y) ** 2, params=A, data=(X, Y), reduce="sum")
    found = sc.compile(loss.specialise(x=2, name="at_two"), backend="python")
    assert found.definition.name == "at_two"
    assert found.value([3.0], [1.0, 2.0]) == 25 + 16
    # Of what no column is left in, each sample counts.
    both = sc.define("both", A * X, params=A, data=(X, Y), reduce="sum").specialise(x=2)
    assert sc.compile(both, backend="python").value([3.0], [1.0, 2.0]) == 12


def test_what_is_constant_is_not_computed() -> None:
    definition = sc.define("f", sp.sin(X) * A, params=(A, X))
    found = definition.specialise(x=1)
    assert "sin(x)" not in str(found)
    assert sc.compile(found, backend="python").value([2]) == 2 * float(sp.sin(1))
    again = sc.define("f", sp.sin(X) * A, params=(A, X)).specialise(x=1)
    assert again == found
    assert again.digest == found.digest


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"q": 1}, sc.ArgumentValueError, "has no q; its symbols are a, x, y"),
        ({"a": "two"}, sc.ArgumentTypeError, "not 'two'"),
        ({"a": True}, sc.ArgumentTypeError, "not True"),
        ({"a": float("nan")}, sc.ArgumentValueError, "finite"),
        ({"x": 1, "y": 2}, sc.ArgumentValueError, "keep one"),
    ],
)
def test_what_does_not_fit_is_said(given: Any, error: Any, message: str) -> None:
    loss = sc.define("loss", (A * X - Y) ** 2, params=A, data=(X, Y), reduce="sum")
    with pytest.raises(error, match=message):
        loss.specialise(given)


def test_index_notation_is_refused() -> None:
    n = sp.Symbol("n", integer=True)
    i, w = sp.Idx("i", n), sp.IndexedBase("w", shape=(n,))
    with pytest.raises(sc.ArgumentTypeError, match="index or matrix notation"):
        sc.define("s", sp.Sum(w[i] ** 2, i), params=w).specialise(w=1)
