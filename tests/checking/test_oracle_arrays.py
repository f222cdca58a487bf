"""The oracle for arrays, against the same formulas written out in numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import sympy as sp

from symcompile.checking.differences import doubles
from symcompile.checking.layout import expected_shapes
from symcompile.checking.oracle import Oracle
from symcompile.errors import ArgumentValueError
from symcompile.frontend.definition import Definition, define
from tests import array_models

RANDOM = np.random.default_rng(3)
X, Y = RANDOM.normal(size=(4, 3)), RANDOM.choice([-1.0, 1.0], 4)
W, B = np.array([0.3, -0.7, 1.1]), 0.25
ROWS, U = np.array([2, 0, 2, 1]), RANDOM.normal(size=(4, 2))


def exact(array: Any) -> Any:
    """Return doubles as SymPy's fractions."""
    return np.vectorize(lambda v: sp.Rational(float(v)), otypes=[object])(array)


def _logreg(p: Any) -> Any:
    margins = -exact(Y) * (exact(X) @ p[:3] + p[3])
    return sum(sp.log(1 + sp.exp(m)) for m in margins) / 4


def _factors(p: Any) -> Any:
    table = p.reshape(3, 2)
    inner = [sum(table[k] * exact(u)) for k, u in zip(ROWS, U, strict=True)]
    return sum((z - t) ** 2 for z, t in zip(inner, exact(Y), strict=True))


def _chain(p: Any) -> Any:
    bends = p[2:] - 2 * p[1:-1] + p[:-2]
    return sum(bend**2 * sp.sin(k + 1) for k, bend in enumerate(bends))


def _statistics(p: Any) -> Any:
    z = exact(X) @ p
    return [sum(z), sp.Max(*z), sp.prod(list(z))]


CASES: list[tuple[Callable[[], Definition], Callable[[Any], Any], Any, Sequence[Any]]] = [
    (array_models.logreg, _logreg, [*W, B], (X, Y)),
    (array_models.product, lambda p: list(exact(X) @ p), W, (X,)),
    (array_models.statistics, _statistics, W, (X,)),
    (array_models.factors, _factors, np.linspace(-1, 1.5, 6), (ROWS, U, Y)),
    (array_models.chain, _chain, np.linspace(-1, 2, 5) ** 3, ()),
]


@pytest.mark.parametrize(("make", "plain", "p", "data"), CASES, ids=lambda c: "")
def test_arrays_against_numbers(make: Any, plain: Any, p: Any, data: Any) -> None:
    definition = make()
    symbols = np.array(sp.symbols(f"p:{len(p)}", real=True), dtype=object)
    mine = Oracle(definition, p, data)
    theirs = Oracle(define("plain", plain(symbols), params=tuple(symbols)), p)
    v = np.cos(np.arange(len(p)))
    u = 1 + np.arange(mine.value().size).reshape(mine.value().shape)
    calls: list[tuple[str, tuple[Any, ...], tuple[Any, ...]]] = [
        ("value", (), ()),
        ("jacobian", (), ()),
        ("jvp", (v,), (v,)),
        ("vjp", (u,), (u.ravel(),)),
    ]
    if definition.scalar:
        calls += [("grad", (), ()), ("hessian", (), ()), ("hvp", (v,), (v,))]
    for name, args, others in calls:
        (got,) = mine.result(name, *args)
        (want,) = theirs.result(name, *others)
        (shape,) = expected_shapes(definition, name, mine.sizes)
        assert got.shape == shape, name
        for one, other in zip(got.flat, want.flat, strict=True):
            assert abs(one - other) <= mine.mp.mpf(10) ** -45 * (1 + abs(other)), name
        # Both model the roundings of the same operations, but for the order of sums.
        (scale,), (other_scale,) = mine.scale(name, *args), theirs.scale(name, *others)
        assert scale.shape == shape
        assert np.all(scale >= np.abs(doubles(got)))
        ratio = np.max(scale) / np.max(other_scale)
        assert 1 / 8 < ratio < 8, (name, ratio)
    assert not mine.kinked().any()


def test_shapes_and_sizes() -> None:
    product = array_models.product()
    oracle = Oracle(product, W, [X])
    assert oracle.sizes == {"n": 4, "d": 3}
    assert oracle.value().shape == (4, 1)
    assert oracle.jacobian().shape == (4, 3)
    assert np.array_equal(doubles(oracle.jacobian()), X)
    assert oracle.jvp(W).shape == (4, 1)
    assert oracle.vjp(np.ones((4, 1))).shape == (3,)
    assert oracle.kinked().shape == ()
    assert Oracle(array_models.chain(), np.arange(7.0)).sizes == {"n": 7}
    # An index keeps its value when everything else is perturbed.
    factors = Oracle(array_models.factors(), np.arange(6.0), [ROWS, U, Y])
    assert factors.sizes == {"n": 3, "d": 2, "m": 4}
    assert np.isfinite(factors.scale("grad")[0]).all()


def test_columns_of_one_dimension() -> None:
    definition = array_models.logreg()
    column = Oracle(definition, [*W, B], [X, Y])
    assert column.value() == Oracle(definition, [*W, B], [X, Y[:, None]]).value()


def test_ties_of_the_largest() -> None:
    statistics = array_models.statistics()
    same = np.array([[1.0, 2.0], [2.0, 1.0], [0.0, 0.0]])
    assert Oracle(statistics, [1.0, 1.0], [same]).kinked()
    assert not Oracle(statistics, [1.0, 1.5], [same]).kinked()


def test_scale_of_a_matrix_sum_follows_its_terms() -> None:
    half = np.full((1, 32), 3.0)
    definition = array_models.product()
    cancelling = Oracle(definition, np.ones(64), [np.concatenate([half, -half], axis=1)])
    assert doubles(cancelling.value()) == 0
    assert cancelling.scale("value")[0] > 40
    assert np.array_equal(
        cancelling.scale("jacobian")[0],
        Oracle(definition, np.ones(64), [np.concatenate([half, -half], 1)]).scale("jacobian")[0],
    )


def test_refusals() -> None:
    definition = array_models.logreg()
    for p, data, words in [
        ([1.0, 2.0], [X, Y], "p has 2 entries, but the parameters take 4"),
        ([*W, B], [X, Y[:3]], "y has 3 entries"),
        ([*W, B], [X[0], Y], r"X has shape \(3,\); it takes an array of shape \(n, d\)"),
        ([*W, B], [X], "give 2 arrays"),
    ]:
        with pytest.raises(ArgumentValueError, match=words):
            Oracle(definition, p, data)
    bad = np.array([3, 0, 2, 1])
    with pytest.raises(IndexError, match="3 is out of range"):
        Oracle(array_models.factors(), np.arange(6.0), [bad, U, Y]).value()
