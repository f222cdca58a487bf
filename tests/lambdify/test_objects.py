"""The function as an object: pickles, copies, signatures, documentation, threads, processes."""

from __future__ import annotations

import copy
import gc
import inspect
import linecache
import math
import pickle
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import sympy as sp

import symcompile as sc
from tests.lambdify.functions import backends, few, function, x, y


@backends
def test_it_pickles(backend: sc.Backend) -> None:
    for name, args in {
        "plain": (3, 1),
        "containers": (2, 3),
        "matrices": ([[1, 2], [3, 4]], [[1], [2]], 1),
    }.items():
        f = function(name, backend)
        again = pickle.loads(pickle.dumps(f))
        assert again.backend == backend
        assert str(again(*args)) == str(f(*args))
        assert repr(again) == repr(f)
        assert again.__doc__ == f.__doc__


def test_it_pickles_with_what_it_may_need() -> None:
    f = pickle.loads(pickle.dumps(sc.lambdify((x, y), x**2 * y)))
    assert f(2j, 1.0) == -4 + 0j
    n = sp.Symbol("n", integer=True)
    rows = sp.MatrixSymbol("M", n, 2)
    again = pickle.loads(pickle.dumps(sc.lambdify(rows, rows.T * rows)))
    assert again([[1, 2]]).tolist() == [[1, 2], [2, 4]]


def test_it_runs_in_another_process() -> None:
    f = sc.lambdify((x, y), {"difference": x**2 - y})
    code = "import pickle, sys; print(pickle.loads(bytes.fromhex(sys.argv[1]))(3, 1))"
    call = [sys.executable, "-c", code, pickle.dumps(f).hex()]
    done = subprocess.run(call, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "{'difference': 8.0}"


@backends
def test_copies(backend: sc.Backend) -> None:
    f = function("plain", backend)
    assert copy.copy(f)(3, 0) == copy.deepcopy([f])[0](3, 0) == 12.0


@backends
def test_it_says_what_it_is(backend: sc.Backend) -> None:
    f = function("nested", backend)
    assert repr(f) == f"<lambdified (w, [[[x]], y], [z]): {backend}>"
    assert str(inspect.signature(f)) == "(w, x_y, z_2, *, out=None)"
    plain = function("plain", backend)
    assert str(inspect.signature(plain)) == "(x, y, *, out=None)"
    assert "x**2 + x*cos(y)" in (plain.__doc__ or "")
    assert "def function(x, y" in plain.source or "function_tile" in plain.source
    inspect.signature(sc.lambdify)


def test_documentation_is_short() -> None:
    f = sc.lambdify(x, sp.Add(*[sp.sin(k * x) for k in range(500)]))
    assert len(f.__doc__ or "") < 5000


def test_tracebacks_show_the_source_as_long_as_it_is_held() -> None:
    f = sc.lambdify(x, x + sp.Rational(12345, 6789))
    file = f.module.__file__ or ""
    assert linecache.getline(file, 1).startswith('"""function')
    again = sc.lambdify(x, x + sp.Rational(12345, 6789))
    del f
    gc.collect()
    assert linecache.getline(file, 1)
    del again
    gc.collect()
    assert file not in linecache.cache


@backends
def test_threads(backend: sc.Backend) -> None:
    f = sc.lambdify((x, y), x * y + 3, backend=backend)
    values = [np.full(100, k) for k in range(8)] + [np.full(100, 1j * k) for k in range(8)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda v: f(v, 2.0), values))
    for one, v in zip(found, values, strict=True):
        np.testing.assert_array_equal(one, v * 2 + 3)


def test_keywords_of_sympy_are_taken() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        f = sc.lambdify(
            [x], x + 1, "numpy", None, True, cse=True, dummify=False, docstring_limit=None
        )
        assert f(1) == 2.0
        assert sc.lambdify(x, sp.sin(x), modules=[{"cos": len}, "numpy"])(0) == 0.0
    with pytest.warns(UserWarning, match="defines sin"):
        sc.lambdify(x, sp.sin(x), modules=[{"sin": len}, "numpy"])
    with pytest.raises(TypeError):
        sc.lambdify(x, x, nonsense=1)  # type: ignore[call-arg]


@few
def test_a_formula_as_written(backend: sc.Backend) -> None:
    softplus = sp.log(1 + sp.exp(x))
    entries, n = sp.IndexedBase("a"), sp.Symbol("n", integer=True)
    i = sp.Symbol("i", integer=True)
    total = sp.Sum(softplus.subs(x, entries[i]), (i, 0, n - 1))
    for stable, found in ((True, 800.0), (False, math.inf)):
        assert sc.lambdify(x, softplus, backend=backend, stable=stable)(800.0) == found
        assert sc.lambdify([entries, n], total, backend=backend, stable=stable)([800.0], 1) == found
