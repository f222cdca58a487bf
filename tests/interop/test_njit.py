"""Numba modules called from a user's own compiled functions."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numba
import numpy as np
import pytest

import symcompile as sc
from symcompile.compiler import emit, plan
from tests.interop import programs


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, ModuleType]]:
    folder = tmp_path_factory.mktemp("numba")
    definitions = (
        *(programs.BLEND, programs.ROWS, programs.FIT, programs.TWISTED, programs.SERIES),
        programs.SPREAD,
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
    rows = modules["rows"]

    @numba.njit
    def both(p: Any, u: Any, x: Any, y: Any) -> Any:
        return rows.value(p, x, y), rows.vjp(p, u, x, y)

    rng = np.random.default_rng(1)
    p, table, u = np.array([0.3, -0.4]), rng.normal(size=(700, 2)), rng.normal(size=(700, 2))
    kernel = sc.compile(programs.ROWS, backend="python")
    columns = table[:, 0], table[:, 1].copy()
    value, vjp = both(p, u, *columns)
    np.testing.assert_allclose(value, kernel.value(p, *columns), rtol=1e-14)
    np.testing.assert_allclose(vjp, kernel.vjp(p, u, *columns), rtol=1e-12)
    with pytest.raises(ValueError, match="different lengths"):
        both(p, u, columns[0][1:], columns[1])
    with pytest.raises(ValueError, match="empty"):
        both(p, u, columns[0][:0], columns[1][:0])


def test_arrays_give_their_sizes(modules: dict[str, ModuleType]) -> None:
    fit = modules["fit"]

    @numba.njit
    def descend(w: Any, X: Any, y: Any) -> Any:
        for _ in range(5):
            _, grad = fit.value_and_grad(w, X, y, h=0.3)
            w = w - 0.1 * grad
        return w

    rng = np.random.default_rng(6)
    w, X, y = rng.normal(size=4), rng.normal(size=(30, 3)), rng.normal(size=30)
    kernel = sc.compile(programs.FIT, backend="python")
    want = w
    for _ in range(5):
        want = want - 0.1 * kernel.grad(want, X, y, h=0.3)
    np.testing.assert_allclose(descend(w, X, y), want, rtol=1e-12)
    for wrong in ((w[1:], X, y), (w, X, y[1:])):
        with pytest.raises(ValueError, match="do not fit"):
            descend(*wrong)


def test_complex_numbers(modules: dict[str, ModuleType]) -> None:
    twisted = modules["twisted"]
    p = np.array([0.3 + 1j, 0.2 - 0.5j])
    got = numba.njit(lambda p: twisted.value(p, h=0.5 + 0.25j))(p)
    want = sc.compile(programs.TWISTED, backend="python").value(p, h=0.5 + 0.25j)
    assert got == pytest.approx(want, rel=1e-14)


def test_bits_are_those_of_a_call_from_python(modules: dict[str, ModuleType]) -> None:
    spread = modules["spread"]
    x = np.random.default_rng(8).normal(size=5000)
    inside = numba.njit(lambda p, x: spread.value(p, x))(np.array([0.3]), x)
    assert inside == spread.value([0.3], x)


def test_what_cannot_be_called_is_refused(modules: dict[str, ModuleType]) -> None:
    series = modules["series"]
    assert series.value([0.5], n=3) == pytest.approx(3.5)
    with pytest.raises(numba.TypingError):
        numba.njit(lambda p: series.value(p, n=3))(np.array([0.5]))
