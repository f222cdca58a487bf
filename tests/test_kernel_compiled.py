"""Kernels and objectives over modules that the compiler makes, in this and other processes."""

from __future__ import annotations

import multiprocessing
import pickle
from typing import Any

import numpy as np
import pytest

import symcompile as sc
from symcompile.compiler import compile as compile_kernel
from symcompile.kernel import Kernel
from symcompile.objective import Objective
from symcompile.options import Options
from tests.fakes import BAD_CALLS, BAD_VECTORS, FUNCTIONS, Linreg, P, V, X, Y, linreg


@pytest.fixture
def kernel() -> Kernel:
    """The same by hand."""
    return Kernel(linreg(), "python", Options(), Linreg)


@pytest.fixture(scope="module")
def compiled() -> Kernel:
    return compile_kernel(linreg(), backend="python")


def _flat(result: Any) -> Any:
    parts = result if isinstance(result, tuple) else (result,)
    return np.concatenate([np.ravel(part) for part in parts])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_compiled_kernel_agrees_with_numpy(compiled: Kernel, kernel: Kernel, name: str) -> None:
    vectors = FUNCTIONS[name]
    found = getattr(compiled, name)(*vectors, X, Y)
    expected = getattr(kernel, name)(*vectors, X, Y)
    np.testing.assert_allclose(_flat(found), _flat(expected), rtol=1e-14)


@pytest.mark.parametrize(("args", "keywords", "kind", "says"), BAD_CALLS)
def test_a_compiled_kernel_refuses_what_cannot_work(
    compiled: Kernel, args: Any, keywords: Any, kind: type[Exception], says: str
) -> None:
    with pytest.raises(kind) as caught:
        compiled.value_and_grad(*args, **keywords)
    assert says in str(caught.value)


@pytest.mark.parametrize(("p", "kind", "says"), BAD_VECTORS)
def test_a_compiled_objective_refuses_what_cannot_work(
    compiled: Kernel, p: Any, kind: type[Exception], says: str
) -> None:
    with pytest.raises(kind, match=says):
        compiled.bind(X, Y).value_and_grad(p)


def test_kernels_and_objectives_pickle(compiled: Kernel) -> None:
    expected = compiled.value(P, X, Y, **{"lambda": 2})
    kernel = pickle.loads(pickle.dumps(compiled))
    assert kernel.definition == compiled.definition
    assert (kernel.backend, kernel.options) == (compiled.backend, compiled.options)
    assert kernel.value(P, X, Y, **{"lambda": 2}) == expected
    objective = compiled.bind(X, Y, **{"lambda": 2})
    assert pickle.loads(pickle.dumps(objective)).value(P) == expected
    assert pickle.loads(pickle.dumps(objective.value))(P) == expected
    assert pickle.loads(pickle.dumps(compiled.value))(P, X, Y, **{"lambda": 2}) == expected


def test_source_reads_the_cache(compiled: Kernel) -> None:
    assert "def value_and_grad(p, x, y" in compiled.source


@pytest.mark.long
@pytest.mark.parametrize("start", ["spawn", "fork"])
def test_other_processes(compiled: Kernel, start: str) -> None:
    if start not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {start} here")
    objective = compiled.bind(X, Y)
    points = [P, V, P + V]
    with multiprocessing.get_context(start).Pool(2) as pool:
        assert pool.map(objective.value, points) == [objective.value(p) for p in points]
        assert pool.starmap(compiled.value, [(p, X, Y) for p in points]) == [
            compiled.value(p, X, Y) for p in points
        ]


def test_the_public_names() -> None:
    assert sc.Kernel is Kernel
    assert sc.Objective is Objective
