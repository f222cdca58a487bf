"""Numba's loops: in vector registers where there is a vector libm, and right in any case."""

from __future__ import annotations

import math
import os
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import mpmath
import numpy as np
import pytest
import sympy as sp

import symcompile as sc
from symcompile.compiler import emit, plan

x, w = sp.symbols("x w")

#: Functions that have vector variants, and where they are compared with mpmath.
FUNCTIONS: dict[str, tuple[sp.Expr, float, float]] = {
    "exp": (sp.exp(x), -700.0, 700.0),
    "log": (sp.log(x), 1e-300, 1e3),
    "sin": (sp.sin(x), -30.0, 30.0),
    "cos": (sp.cos(x), -30.0, 30.0),
    "tan": (sp.tan(x), -1.5, 1.5),
    "asin": (sp.asin(x), -1.0, 1.0),
    "acos": (sp.acos(x), -1.0, 0.9),
    "atan": (sp.atan(x), -50.0, 50.0),
    "sinh": (sp.sinh(x), -20.0, 20.0),
    "cosh": (sp.cosh(x), -20.0, 20.0),
    "tanh": (sp.tanh(x), -5.0, 5.0),
    "asinh": (sp.asinh(x), -50.0, 50.0),
    "acosh": (sp.acosh(x), 1.1, 50.0),
    "atanh": (sp.atanh(x), -0.99, 0.99),
    "erf": (sp.erf(x), -3.0, 3.0),
    "erfc": (sp.erfc(x), -3.0, 5.0),
    "cbrt": (sp.cbrt(x), 0.0, 1e3),
    "pow": (x ** sp.Rational(13, 7), 0.0, 1e3),
    "atan2": (sp.atan2(x, 2), -5.0, 5.0),
}
SPECIAL = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 5e-324, 1e308, -1e308, 710.0, -746.0] * 8)


@pytest.fixture(scope="module")
def functions() -> Any:
    """Return what computes all functions, in modules of ten: more results are not vectorised."""
    exprs = [expr for expr, _, _ in FUNCTIONS.values()]
    return [sc.lambdify(x, exprs[k : k + 10], backend="numba") for k in range(0, len(exprs), 10)]


def _all(functions: Any, values: Any) -> list[Any]:
    return [result for f in functions for result in f(values)]


def test_loops_call_vector_functions(functions: Any) -> None:
    _all(functions, np.ones(3))
    found: set[str] = set()
    there: set[str] = set()
    for f in functions:
        text = "\n".join(f.module._tiles.inspect_asm().values())
        found |= set(re.findall(r"_ZGV[a-z]N\d+v+_(\w+)", text))
        there |= set(f.module._found)
    assert found >= there
    libc, version = platform.libc_ver()
    if platform.machine() == "x86_64" and libc == "glibc" and int(version.split(".")[1]) >= 35:
        assert there >= set(FUNCTIONS)


def test_vector_functions_are_accurate(functions: Any) -> None:
    rng = np.random.default_rng(5)
    for k, (name, (expr, low, high)) in enumerate(FUNCTIONS.items()):
        values = rng.uniform(low, high, 301)
        found = _all(functions, values)[k]
        exact = sp.lambdify(x, expr, "mpmath")
        with mpmath.workdps(40):
            right = [exact(mpmath.mpf(v)) for v in values]
            wrong = [abs(mpmath.mpf(f) - r) for f, r in zip(found, right, strict=True)]
            units = [w / np.spacing(abs(float(r))) for w, r in zip(wrong, right, strict=True)]
        assert max(units) <= 4.5, name


def test_vector_functions_do_as_scalar_ones_at_special_values(functions: Any) -> None:
    found = _all(functions, SPECIAL)
    scalars = np.array([_all(functions, float(value)) for value in SPECIAL])
    for k, name in enumerate(FUNCTIONS):
        scalar = scalars[:, k]
        np.testing.assert_allclose(found[k], scalar, rtol=1e-15, err_msg=name)
        if name not in ("log", "acos", "acosh"):
            zero = scalar == 0.0
            assert (np.signbit(found[k][zero]) == np.signbit(scalar[zero])).all(), name


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_sums_in_any_order_keep_nan_and_infinity(bad: float) -> None:
    kernel = sc.compile(w * x, params=w, data=x, reduce="sum", backend="numba")
    values = np.linspace(0.0, 1.0, 3001)
    assert kernel.value([2.0], values) == pytest.approx(2 * math.fsum(values), rel=1e-15)
    values[1234] = bad
    np.testing.assert_equal(kernel.value([2.0], values), bad)
    values[7] = -bad
    assert math.isnan(kernel.value([2.0], values))


def test_sums_stay_compensated() -> None:
    kernel = sc.compile(w * x, params=w, data=x, reduce="sum", backend="numba")
    values = np.random.default_rng(0).uniform(0.1, 1.0, 2_000_000)
    assert kernel.value([1.0], values) == pytest.approx(math.fsum(values), rel=2e-15)


def test_data_of_any_stride() -> None:
    kernel = sc.compile(sp.exp(w * x), params=w, data=x, reduce="sum", backend="numba")
    rows = np.random.default_rng(0).normal(size=(1500, 3))
    for column in (rows[:, 1], rows[::-1, 1], rows[:, 1].copy(), rows[:, 1].copy()[::-1]):
        right = math.fsum(np.exp(0.5 * column))
        assert kernel.value([0.5], column) == pytest.approx(right, rel=1e-14)


_PROGRAM = """
import sys
import numpy as np
{before}
import module
print(module.value([0.5], np.linspace(0.0, 1.0, 777)))
print(sum(module._value.stats.cache_hits.values()), module._value.stats.cache_path)
"""

_NO_MVEC = """
import llvmlite.binding as llvm
llvm.load_library_permanently = lambda name: (_ for _ in ()).throw(RuntimeError(name))
llvm.address_of_symbol = lambda name: None
"""


def _run(folder: Path, before: str = "", **environment: str) -> list[str]:
    found = subprocess.run(
        [sys.executable, "-c", _PROGRAM.format(before=before)],
        cwd=folder,
        env={**os.environ, "NUMBA_CACHE_DIR": str(folder / "cache"), **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    return found.stdout.split()


def test_compiled_code_is_kept_and_not_taken_where_the_vector_functions_are_missing(
    tmp_path: Path,
) -> None:
    definition = sc.define("kept", sp.exp(w * x), params=w, data=x, reduce="sum")
    source = emit(definition, plan(definition, ["value"]), "numba")
    (tmp_path / "module.py").write_text(source)
    right = math.fsum(np.exp(0.5 * np.linspace(0.0, 1.0, 777)))
    hits = []
    for before in ("", "", _NO_MVEC, _NO_MVEC, ""):
        value, hit, _ = _run(tmp_path, before)
        assert float(value) == pytest.approx(right, rel=1e-14)
        hits.append(int(hit))
    missing = hits[2] if llvm.address_of_symbol("_ZGVbN2v_exp") is None else 0
    assert hits == [0, 1, missing, 1, 1]


def test_a_processor_that_numba_is_told_of(tmp_path: Path) -> None:
    definition = sc.define("kept", sp.exp(w * x), params=w, data=x, reduce="sum")
    (tmp_path / "module.py").write_text(emit(definition, plan(definition, ["value"]), "numba"))
    value, *_ = _run(tmp_path, NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="")
    right = math.fsum(np.exp(0.5 * np.linspace(0.0, 1.0, 777)))
    assert float(value) == pytest.approx(right, rel=1e-14)


def test_one_row_for_each_sample() -> None:
    kernel = sc.compile([sp.exp(w * x), sp.sin(w * x)], params=w, data=x, backend="numba")
    values = np.linspace(-2.0, 2.0, 1301)
    found = kernel.value([0.7], values)
    right = np.array([np.exp(0.7 * values), np.sin(0.7 * values)]).T
    np.testing.assert_allclose(found, right, rtol=2e-15, atol=1e-16)
    slopes = kernel.jacobian([0.7], values)[:, :, 0]
    right = np.array([values * np.exp(0.7 * values), values * np.cos(0.7 * values)]).T
    np.testing.assert_allclose(slopes, right, rtol=2e-15, atol=1e-16)
