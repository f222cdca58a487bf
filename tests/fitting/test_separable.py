"""Which parameters a model is linear in."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

from symcompile.fitting.separable import linear_parameters


@pytest.mark.parametrize(
    ("model", "linear"),
    [
        ("a + b*x", "ab"),
        ("a*exp(-b*x) + c", "ac"),
        ("a*b*x", "a"),
        ("a/(b + x)", "a"),
        ("(a + b*x)/(1 + c*x)", "ab"),
        ("a**2*x + c", "c"),
        ("Max(a, x)", ""),
    ],
)
def test_linear_in_all_of_them_together(model: str, linear: str) -> None:
    params = sp.symbols("a b c")
    found = linear_parameters(sp.sympify(model), params, np.ones(3, bool))
    assert "".join(s.name for s, there in zip(params, found, strict=True) if there) == linear


def test_what_is_fixed_is_none_of_them() -> None:
    a, b, c, x = sp.symbols("a b c x")
    free = np.array([False, True, True])
    assert linear_parameters(a * b * x + c, (a, b, c), free).tolist() == [False, True, True]


def test_shared_parts_are_looked_at_once() -> None:
    a, b, x = sp.symbols("a b x")
    grown = x
    for _ in range(40):  # a tree of 3**40 parts
        grown = sp.sin(grown * b) * sp.cos(grown + b) + grown**2 / 3
    assert linear_parameters(a * grown + b, (a, b), np.ones(2, bool)).tolist() == [True, False]
