"""What a call returns: containers, shapes and types, the same from every backend."""

from __future__ import annotations

import math

import numpy as np
import pytest

import symcompile as sc
from tests.lambdify.functions import backends, function, y


@backends
def test_containers_are_mirrored(backend: sc.Backend) -> None:
    found = function("containers", backend)(2, 3)
    total, pair, mapping, matrix, array, less, nothing, true, single, sparse, seven, empty = found
    assert type(found) is list
    assert (total, pair, nothing, single, seven) == (5.0, (6.0, ()), [], (3.0,), 7.0)
    assert mapping == {"difference": -1.0, y: [3.0]}
    assert [type(v) for v in (total, pair, single, seven)] == [float, tuple, tuple, float]
    assert less is True
    assert true is True
    assert matrix.tolist() == [[2, 3], [6, 1], [0, 2]]
    assert array.tolist() == [[[2, 3]]]
    assert sparse.tolist() == [[0, 2], [0, 0]]
    assert empty.shape == (0, 3)
    assert {m.dtype.name for m in (matrix, array, sparse, empty)} == {"float64"}


@backends
def test_every_result_has_the_common_shape(backend: sc.Backend) -> None:
    points = np.linspace(1, 2, 5)
    found = function("containers", backend)(points, np.array([[1.5], [3.0]]))
    total, pair, mapping, matrix, array, less, _, true, single, sparse, seven, empty = found
    for part in (total, pair[0], mapping["difference"], mapping[y][0], single[0], seven):
        assert part.shape == (2, 5)
        assert part.dtype == np.float64
    for part in (less, true):
        assert part.shape == (2, 5)
        assert part.dtype == np.bool_
    assert less.tolist() == (points < np.array([[1.5], [3.0]])).tolist()
    assert (matrix.shape, array.shape, sparse.shape) == (
        (2, 5, 3, 2),
        (2, 5, 1, 1, 2),
        (2, 5, 2, 2),
    )
    assert empty.shape == (2, 5, 0, 3)
    assert matrix[1, 2].tolist() == [[1.5, 3.0], [4.5, 1.0], [0.0, 1.5]]
    assert set(seven.ravel()) == {7.0}


@backends
def test_nested_arguments(backend: sc.Backend) -> None:
    f = function("nested", backend)
    assert f(10, [[[52]], 31], [44]) == [10.0, 52.0, 31.0, 44.0]
    assert f(10.0, ([(52.0,)], 31.0), np.array([44.0])) == [10.0, 52.0, 31.0, 44.0]
    found = f(np.arange(3.0), [[[52]], 31], [np.zeros((2, 1))])
    assert [part.shape for part in found] == [(2, 3)] * 4
    assert found[1].tolist() == [[52.0] * 3] * 2
    for wrong in ((10, 52, 31, 44), (10, 52, [44]), (10, [[[52]], 31]), ()):
        with pytest.raises(TypeError):
            f(*wrong)
    with pytest.raises(ValueError, match="values"):
        f(10, [[[52]], 31, 0], [44])


@backends
def test_a_wrong_number_of_arguments_names_them(backend: sc.Backend) -> None:
    f = function("plain", backend)
    for wrong in ((1,), (1, 2, 3), ()):
        with pytest.raises(TypeError, match=r"function\(x, y\)"):
            f(*wrong)
    with pytest.raises(TypeError, match="function"):
        f(1, 2, nonsense=3)
    assert f(1.0, y=2.0) == f(y=2.0, x=1.0) == f(1.0, 2.0)


@backends
def test_scalars_follow_ieee(backend: sc.Backend) -> None:
    f = function("ieee", backend)
    with np.errstate(all="raise"):  # of no concern to us
        inverse, log, root, exp, piece = f(0.0)
        assert (inverse, log, root, exp, piece) == (math.inf, -math.inf, 0.0, 1.0, 0.0)
        at = f(np.array([0.0, -1.0, 1000.0, 4.0]))
    assert at[0].tolist() == [math.inf, -1.0, 1e-3, 0.25]
    assert math.isnan(f(-1.0)[1])
    assert math.isnan(f(-1.0)[2])
    assert at[3][2] == math.inf
    np.testing.assert_array_equal(at[4], [0.0, -1.0, 1e6, np.nan])


@backends
def test_numbers_of_any_kind(backend: sc.Backend) -> None:
    import sympy as sp

    f = function("plain", backend)
    expected = f(2.0, 3.0)
    for two in (2, np.float32(2), np.int8(2), np.array(2), np.array(2.0), True + 1, sp.Integer(2)):
        found = f(two, 3.0)
        assert type(found) is float
        assert found == expected
    assert f(10**400 // 10**399, 0) == 110.0
    with pytest.raises(TypeError, match="argument x: numbers are needed"):
        f("a", 1)
    with pytest.raises(TypeError):
        f(sp.Symbol("x"), 1)
    with pytest.raises(TypeError):
        f(None, 1)
