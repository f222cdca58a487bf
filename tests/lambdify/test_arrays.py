"""Arrays in: any rank, stride and type, broadcast, and ``out=``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp

import symcompile as sc
from tests.lambdify.functions import backends, function


def expected(a: Any, b: Any) -> Any:
    return np.asarray(a) * np.cos(b) + np.asarray(a) ** 2


def pairs() -> list[tuple[Any, Any]]:
    rng = np.random.default_rng(3)
    base = rng.normal(size=(6, 8))
    cube = rng.normal(size=(4, 5, 6))
    fields = np.zeros(7, dtype=[("pad", "i1"), ("value", "f8")])
    fields["value"] = rng.normal(size=7)
    return [
        (base, 2.0),
        (3.0, base),
        (base, base),
        (base[:, :1], base[0]),
        (base.T, base.T),
        (base.T, base.reshape(8, 6)),
        (base[::-1, ::2], base[:, 1::2]),
        (base[0], [1, 2, 3, 4, 5, 6, 7, 8]),
        (np.zeros((0, 3)), 1.0),
        (np.zeros((2, 0, 3)), np.ones((1, 3))),
        (cube.transpose(2, 0, 1), cube.transpose(2, 0, 1)),
        (cube.transpose(1, 2, 0)[::-1], 1.5),
        (cube[:, ::2, ::-3], cube[:, :1, :1]),
        (np.broadcast_to(2.5, (3, 4)), np.arange(4)),
        (np.lib.stride_tricks.as_strided(base, (5, 4), (8, 8)), base[:5, :4]),
        (fields["value"], fields["value"][::-1]),
        (base[0].astype(">f8"), base[1].astype(np.float32).astype(np.float64)),
        (np.arange(5, dtype=np.int16), np.array([True, False, True, True, False])),
        (np.array([1, 2.5, 3], dtype=object), 1),
        (np.float64(2.0), np.ones((1, 1, 1, 1))),
        (rng.normal(size=3000), rng.normal(size=3000)[::-1]),
        (rng.normal(size=(700, 3)), rng.normal(size=(3, 700)).T),
        # More points than are done at a time.
        (rng.normal(size=20_001), 0.5),
        (rng.normal(size=40_000)[::2], rng.normal(size=20_000)[::-1]),
        (rng.normal(size=(120, 150)).T, rng.normal(size=(120, 150)).T),
        (rng.normal(size=(120, 150)).T, rng.normal(size=(150, 120))),
        (rng.normal(size=(120, 150)), rng.normal(size=150)),
    ]


@backends
def test_arrays_broadcast_as_numpy_does(backend: sc.Backend) -> None:
    f = function("plain", backend)
    for a, b in pairs():
        found = f(a, b)
        right = expected(np.asarray(a, dtype=float), np.asarray(b, dtype=float))
        assert isinstance(found, np.ndarray)
        assert (found.shape, found.dtype) == (right.shape, np.float64)
        np.testing.assert_allclose(found, right, rtol=1e-13, atol=1e-13)
    with pytest.raises(ValueError, match="broadcast"):
        f([1, 2], [1, 2, 3])


@backends
def test_results_are_laid_out_like_arguments(backend: sc.Backend) -> None:
    f = function("plain", backend)
    columns = np.asfortranarray(np.arange(12.0).reshape(3, 4))
    assert f(columns, columns).flags.f_contiguous
    assert f(columns.copy("C"), 1.0).flags.c_contiguous


@backends
def test_results_are_new_arrays(backend: sc.Backend) -> None:
    f = function("names", backend)
    values = [np.arange(3.0) for _ in range(12)]
    results = f(*values)
    for result in results:
        assert result.flags.writeable
        assert not any(np.shares_memory(result, v) for v in values)


@backends
def test_out(backend: sc.Backend) -> None:
    f = function("plain", backend)
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=(2, 3, 4))
    right = expected(a, b)
    for out in (
        np.empty((3, 4)),
        np.empty((4, 3)).T,
        np.empty((6, 8))[::2, ::-2],
        np.empty((3, 4), order="F"),
    ):
        assert f(a, b, out=out) is out
        np.testing.assert_allclose(out, right, rtol=1e-14)
    # An argument may be written over, and the results may be larger than the arguments.
    np.testing.assert_allclose(f(a, b, out=a), right, rtol=1e-14)
    whole = np.arange(10.0)
    np.testing.assert_allclose(f(whole[:-1], 0.0, out=whole[1:]), np.arange(9.0) * np.arange(1, 10))
    wide = np.empty((2, 3))
    assert f(1.0, 0.0, out=wide).tolist() == [[2.0] * 3] * 2
    point = np.empty(())
    assert f(1.0, 0.0, out=point) is point
    assert point == 2.0


@backends
def test_out_of_several_results(backend: sc.Backend) -> None:
    f = function("nested", backend)
    out = [np.empty(3) for _ in range(4)]
    found = f(np.arange(3.0), [[[1]], 2], [3], out=out)
    assert all(one is other for one, other in zip(found, out, strict=True))
    assert out[0].tolist() == [0, 1, 2]
    assert out[3].tolist() == [3, 3, 3]
    matrices = function("column", backend)
    given = [np.empty((5, 1, 1)), np.empty((5, 3, 3)), np.empty((5, 1, 3)).swapaxes(1, 2)]
    given.append(np.empty((3, 5)).T[..., None])
    points = np.arange(15.0).reshape(5, 3, 1)
    matrices(points, out=tuple(given))
    for one, other in zip(given, matrices(points), strict=True):
        assert one.tolist() == other.tolist()


def test_out_in_dicts_is_written_by_key() -> None:
    x, y = sp.symbols("x y")
    f = sc.lambdify((x, y), {"sum": x + y, "more": [x * y, {"difference": x - y}]})
    total, product, difference = np.empty(3), np.empty(3), np.empty(3)
    given = {"more": [product, {"difference": difference}], "sum": total}
    found = f(np.arange(3.0), 2.0, out=given)
    assert found["sum"] is total and found["more"][1]["difference"] is difference
    assert total.tolist() == [2, 3, 4] and product.tolist() == [0, 2, 4]
    assert difference.tolist() == [-2, -1, 0]
    with pytest.raises(sc.SymcompileError, match="the keys \\['sum', 'more'\\]"):
        f(np.arange(3.0), 2.0, out={"sum": total})
    with pytest.raises(sc.SymcompileError, match="no dict"):
        sc.lambdify(x, 2 * x)(np.arange(3.0), out={"sum": total})
    v, i = sp.IndexedBase("v", shape=(3,)), sp.symbols("i", integer=True)
    g = sc.lambdify(v, {"b": [sp.Sum(v[i], (i, 0, 2))], "a": v[0]})
    first, second = np.empty(()), np.empty(())
    g(np.array([1.0, 2.0, 3.0]), out={"a": first, "b": [second]})
    assert (first, second) == (1.0, 6.0)


@backends
def test_out_that_does_not_fit(backend: sc.Backend) -> None:
    f = function("plain", backend)
    a = np.ones(3)
    frozen = np.empty(3)
    frozen.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        f(a, 1.0, out=frozen)
    with pytest.raises(ValueError, match="shape"):
        f(a, 1.0, out=np.empty(4))
    with pytest.raises(TypeError, match="float64 is needed"):
        f(a, 1.0, out=np.empty(3, dtype=np.float32))
    with pytest.raises(TypeError, match="array is needed"):
        f(a, 1.0, out=[0.0])
    with pytest.raises(ValueError, match="2 arrays, not 1"):
        f(a, 1.0, out=(np.empty(3), np.empty(3)))


@backends
def test_series_and_lists(backend: sc.Backend) -> None:
    pandas = pytest.importorskip("pandas")
    f = function("plain", backend)
    found = f(pandas.Series([1, 2, 3]), [0.0, 0.0, 0.0])
    assert found.tolist() == [2.0, 6.0, 12.0]


@backends
def test_large_arrays_are_shared_by_threads(backend: sc.Backend) -> None:
    f = function("plain", backend)
    a = np.linspace(-3, 3, 300_001)
    np.testing.assert_allclose(f(a, a[::-1]), expected(a, a[::-1]), rtol=1e-12, atol=1e-13)
