"""Free symbols, as SymPy has them, and of graphs whose trees nobody could walk."""

from __future__ import annotations

import pytest
import sympy as sp

from symcompile.frontend.walking import free_symbols

A, B, X, K = sp.symbols("a b x k")
W, M = sp.IndexedBase("w"), sp.MatrixSymbol("M", 2, 2)


@pytest.mark.parametrize(
    "formula",
    [
        A * sp.exp(-B * X),
        sp.Sum(A**K, (K, 0, B)),
        sp.Integral(K * X, (K, 0, X)) + K,
        sp.Piecewise((A, X > B), (0, True)),
        W[K] * A,
        M[0, 1] + X,
        sp.Trace(M * M),
        sp.Integer(3),
    ],
)
def test_they_are_those_of_sympy(formula: sp.Basic) -> None:
    assert free_symbols(formula) == formula.free_symbols


def test_shared_parts_are_walked_once() -> None:
    grown = X
    for _ in range(60):
        grown = sp.sin(grown * B) * sp.cos(grown + A) + grown**2
    assert free_symbols(grown, K) == {A, B, X, K}
