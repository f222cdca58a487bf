"""Numba modules called from a user's own compiled functions."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numba
import numpy as np
import pytest
import sympy as sp

import symcompile as sc
from symcompile.compiler import emit, plan
from tests.interop import programs
from tests.interop.programs import a, b, d, h, i, j, n, x, y

_y, _w = sp.IndexedBase("y", shape=(n,)), sp.IndexedBase("w", shape=(d,))
_r = sp.IndexedBase("r", shape=(n,), integer=True)
#: One size is that of an array, the other follows from the length of p.
_LEVEL = sc.define(
    "level",
    sp.Sum((_y[i] - b) ** 2, (i, 0, n - 1)) * h + sp.Sum(_w[j] ** 2, (j, 0, d - 1)),
    params=(_w, b),
    data=_y,
    constants={h: 0.1},
)
#: A row for each sample.
_PAIR = sc.define("pair", (a * x + b * y, h * a * x * y), params=(a, b), data=(x, y), constants=h)
#: Data that is an index.
_CHOSEN = sc.define("chosen", sp.Sum(_w[_r[i]] * _y[i], (i, 0, n - 1)), params=_w, data=(_r, _y))


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, ModuleType]]:
    folder = tmp_path_factory.mktemp("numba")
    definitions = (
        *(programs.BLEND, _PAIR, _LEVEL, programs.TWISTED, programs.SERIES),
        *(programs.SPREAD, _CHOSEN),
    )
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        for definition in definitions:
            names = [
                s
                for s in ("value", "value_and_grad", "vjp")
                if s != "value_and_grad" or definition.scalar
            ]
            text = emit(definition, plan(definition, names), "numba")
            name = f"called_{definition.name}"
            (folder / f"{name}.py").write_text(text)
            found[definition.name] = importlib.import_module(name)
        yield found


def test_numbers_and_keywords(modules: dict[str, ModuleType]) -> None:
    blend = modules["blend"]

    @numba.njit
    def both(p: Any) -> Any:
        value, grad = blend.value_and_grad(p)
        return value, grad, blend.value(p, h=0.75)

    p = np.array([0.7, 1.5, 2.0])
    kernel = sc.compile(programs.BLEND, backend="python")
    value, grad, other = both(p)
    want, wanted = kernel.value_and_grad(p)
    assert value == pytest.approx(want, rel=1e-14)
    np.testing.assert_allclose(grad, wanted, rtol=1e-13)
    assert other == pytest.approx(kernel.value(p, h=0.75), rel=1e-14)
    with pytest.raises(ValueError, match="wrong length"):
        both(p[:2])
    with pytest.raises(numba.TypingError, match="1-D array of float64"):
        both(np.array([1, 2, 3]))


def test_samples_of_any_stride(modules: dict[str, ModuleType]) -> None:
    pair = modules["pair"]

    @numba.njit
    def both(p: Any, u: Any, x: Any, y: Any) -> Any:
        return pair.value(p, x, y, h=2), pair.vjp(p, u, x, y, h=0.5)

    rng = np.random.default_rng(1)
    p, table, u = np.array([0.3, -0.4]), rng.normal(size=(700, 2)), rng.normal(size=(700, 2))
    kernel = sc.compile(_PAIR, backend="python")
    columns = table[:, 0], table[:, 1].copy()
    value, vjp = both(p, u, *columns)
    np.testing.assert_allclose(value, kernel.value(p, *columns, h=2), rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(vjp, kernel.vjp(p, u, *columns, h=0.5), rtol=1e-12)
    with pytest.raises(ValueError, match="different lengths"):
        both(p, u, columns[0][1:], columns[1])
    with pytest.raises(ValueError, match="empty"):
        both(p, u, columns[0][:0], columns[1][:0])


def test_arrays_give_their_sizes(modules: dict[str, ModuleType]) -> None:
    level = modules["level"]

    @numba.njit
    def descend(w: Any, y: Any) -> Any:
        for _ in range(5):
            _, grad = level.value_and_grad(w, y, h=0.3)
            w = w - 0.1 * grad
        return w

    rng = np.random.default_rng(6)
    w, y = rng.normal(size=4), rng.normal(size=30)
    kernel = sc.compile(_LEVEL, backend="python")
    want = w
    for _ in range(5):
        want = want - 0.1 * kernel.grad(want, y, h=0.3)
    np.testing.assert_allclose(descend(w, y), want, rtol=1e-12)


def test_arrays_that_do_not_fit(modules: dict[str, ModuleType]) -> None:
    chosen = modules["chosen"]

    @numba.njit
    def value(p: Any, r: Any, y: Any) -> float:
        return chosen.value(p, r, y)

    p, r, y = np.array([1.0, 2.0, 4.0]), np.array([0.0, 2.0, 2.0, 1.0]), np.arange(4.0)
    assert value(p, r, y) == pytest.approx(1.0 * 0 + 4.0 * 1 + 4.0 * 2 + 2.0 * 3)
    with pytest.raises(ValueError, match="do not fit"):
        value(p, r, y[1:])
    with pytest.raises(ValueError, match="out of range"):
        value(p, r + 1, y)
    with pytest.raises(ValueError, match="out of range"):
        value(p, r + 0.5, y)


def test_complex_numbers(modules: dict[str, ModuleType]) -> None:
    twisted = modules["twisted"]
    p = np.array([0.3 + 1j, 0.2 - 0.5j])
    got = numba.njit(lambda p: twisted.value(p, h=0.5 + 0.25j))(p)
    want = sc.compile(programs.TWISTED, backend="python").value(p, h=0.5 + 0.25j)
    assert got == pytest.approx(want, rel=1e-14)


def test_bits_are_those_of_a_call_from_python(modules: dict[str, ModuleType]) -> None:
    spread = modules["spread"]
    x = np.random.default_rng(8).normal(size=5000)

    @numba.njit
    def inside(p: Any, x: Any) -> float:
        return spread.value(p, x) + 0.0

    assert inside(np.array([0.3]), x) == spread.value([0.3], x)


def test_what_cannot_be_called_is_refused(modules: dict[str, ModuleType]) -> None:
    series = modules["series"]
    assert series.value([0.5], n=3) == pytest.approx(3.5)
    with pytest.raises(numba.TypingError):
        numba.njit(lambda p: series.value(p, n=3))(np.array([0.5]))
