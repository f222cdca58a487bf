"""Compiled Cython modules as other compiled code uses them: ``cimport``, SciPy, and Numba."""

from __future__ import annotations

import ctypes
import importlib
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import mpmath
import numba
import numpy as np
import pytest
from numba.extending import get_cython_function_address
from scipy import LowLevelCallable, integrate, ndimage

import symcompile as sc
from symcompile.build.loader import build_cython
from symcompile.compiler import emit, plan
from symcompile.generate import Source, companions, publish, write, write_package
from symcompile.options import Options
from tests.interop import programs
from tests.interop.programs import build_extension, importing_from, run

_USER = """# cython: language_level=3
cimport cython
from kernels.blend_cython cimport blend_at, blend_value_and_grad, integrand_n, rhs
from kernels.fit_cython cimport fit_value_and_grad
from kernels.rows_cython cimport rows_value


def total(double[::1] points, double a, double b):
    \"\"\"Add up values and derivatives without the GIL.\"\"\"
    cdef double p[3]
    cdef double grad[3]
    cdef double value = 0.0, sum = 0.0
    cdef Py_ssize_t i
    p[1], p[2] = a, b
    with nogil:
        for i in range(points.shape[0]):
            p[0] = points[i]
            if blend_value_and_grad(p, NULL, &value, grad) < 0:
                with gil:
                    raise MemoryError
            sum += value + grad[1] + blend_at(p[0], a, b, 0.5) + integrand_n(3, p, NULL)
    return sum


def gradient(double[::1] w, double[:, ::1] X, double[::1] y, double[::1] out):
    \"\"\"Write the gradient of a fit, with the default of its constant.\"\"\"
    cdef double value = 0.0
    with nogil:
        status = fit_value_and_grad(
            &w[0], &X[0, 0], &y[0], X.shape[0], X.shape[1], NULL, &value, &out[0]
        )
    return status


def rows(double[::1] p, double[:, :] table, double[:, ::1] out):
    \"\"\"Write two rows of values for the columns of a table.\"\"\"
    cdef ptrdiff_t stride = table.strides[0] // sizeof(double)
    with nogil:
        status = rows_value(
            &p[0], &table[0, 0], stride, &table[0, 1], stride, table.shape[0], NULL, &out[0, 0]
        )
    return status
"""


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A package of compiled modules, and a module of a user's that imports from them."""
    folder = tmp_path_factory.mktemp("project")
    package = folder / "kernels"
    # A few functions of each, since a C compiler takes its time.
    wanted = {
        programs.BLEND: ("value", "value_and_grad"),
        programs.FIT: ("value_and_grad",),
        **dict.fromkeys(
            (programs.ROWS, programs.DENSITY, programs.SPREAD, programs.AIRY), ("value",)
        ),
    }
    for definition, names in wanted.items():
        schedules = plan(definition, names)
        text = emit(definition, schedules, "cython")
        beside = companions(definition, [s.function for s in schedules], "cython", text)
        source = Source(definition, "cython", text, 0, 0.0, beside)
        write(source, package)
        built = Path(str(build_cython(text, source.module, Options()).__file__))
        publish(package / built.name, built.read_bytes(), executable=True)
    write_package(package)
    (folder / "user_of_kernels.pyx").write_text(_USER)
    build_extension(folder, "user_of_kernels")
    with importing_from(folder):
        yield folder


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"kernels.{name}_cython")


def _value(definition: sc.Definition) -> Any:
    return sc.compile(definition, backend="python").value


def _user_data(*values: float) -> ctypes.c_void_p:
    array = (ctypes.c_double * len(values))(*values)
    found = ctypes.cast(array, ctypes.c_void_p)
    found.keeps = array  # type: ignore[attr-defined]
    return found


# -- cimport -----------------------------------------------------------------------------------


def test_other_modules_call_kernels_without_the_gil(kernels: Path) -> None:
    user = importlib.import_module("user_of_kernels")
    points = np.linspace(-1, 1, 23)
    kernel = sc.compile(programs.BLEND, backend="python")
    want = 0.0
    for x in points:
        value, grad = kernel.value_and_grad([x, 1.5, 2.0])
        want += value + grad[1] + kernel.value([x, 1.5, 2.0], h=0.5) + value
    assert user.total(points, 1.5, 2.0) == pytest.approx(want, rel=1e-13)


def test_other_modules_pass_arrays_and_strided_columns(kernels: Path) -> None:
    user = importlib.import_module("user_of_kernels")
    rng = np.random.default_rng(1)
    w, X, y, out = rng.normal(size=4), rng.normal(size=(30, 3)), rng.normal(size=30), np.empty(4)
    assert user.gradient(w, X, y, out) == 0
    want = sc.compile(programs.FIT, backend="python").grad(w, X, y)
    np.testing.assert_allclose(out, want, rtol=1e-13)
    p, table, rows = np.array([0.3, -0.4]), rng.normal(size=(60, 5))[::2, 1:], np.empty((2, 30))
    assert user.rows(p, table, rows) == 0
    want = _value(programs.ROWS)(p, table[:, 0], table[:, 1])
    np.testing.assert_allclose(rows.T, want, rtol=1e-14)


def test_sources_compile_beside_their_declarations(kernels: Path) -> None:
    # As one's own build does: Cython reads the .pxd with the .pyx, and must find them in accord.
    for name in ("blend", "spread"):
        run(kernels, sys.executable, "-m", "cython", "-3", f"kernels/{name}_cython.pyx")
        assert (kernels / "kernels" / f"{name}_cython.c").exists()


# -- scipy.LowLevelCallable ----------------------------------------------------------------------


def test_quad_integrates_what_is_compiled(kernels: Path) -> None:
    blend, value = _module("blend"), _value(programs.BLEND)
    several = LowLevelCallable.from_cython(blend, "integrand_n")
    got, _ = integrate.quad(several, 0, 1, args=(1.5, 2.0))
    want, _ = integrate.quad(lambda x: value([x, 1.5, 2.0]), 0, 1)
    assert got == pytest.approx(want, rel=1e-14)
    one = LowLevelCallable.from_cython(blend, "integrand", _user_data(1.5, 2.0, 0.75))
    got, _ = integrate.quad(one, 0, 1)
    assert got == pytest.approx(want + 0.5, rel=1e-14)


def test_nquad_integrates_what_is_compiled(kernels: Path) -> None:
    value = _value(programs.BLEND)
    several = LowLevelCallable.from_cython(_module("blend"), "integrand_n")
    ranges = [(0, 1), (0, 2)]
    got, _ = integrate.nquad(several, ranges, args=(2.0,))
    want, _ = integrate.nquad(lambda x, a, b: value([x, a, b]), ranges, args=(2.0,))
    assert got == pytest.approx(want, rel=1e-13)


def test_special_functions_are_integrated(kernels: Path) -> None:
    call = LowLevelCallable.from_cython(_module("airy"), "integrand", _user_data(2.0))
    got, _ = integrate.quad(call, 0, 3)
    with mpmath.workdps(30):
        want = mpmath.airyai(6, derivative=-1) / 2  # the integral of Ai(2x) from 0 to 3
    assert got == pytest.approx(float(want), rel=1e-13)


def test_a_formula_per_sample_is_integrated_over_its_data(kernels: Path) -> None:
    density = _module("density")
    call = LowLevelCallable.from_cython(density, "integrand_n", _user_data(0.3, 1.4))
    got, _ = integrate.nquad(call, [(-1, 1), (0, 2)])
    root = math.sqrt(1.4)
    want = math.sqrt(1.4 * math.pi) / 2 * (math.erf(0.7 / root) + math.erf(1.3 / root)) * 2.0
    assert got == pytest.approx(want, rel=1e-12)


def test_filters_of_images(kernels: Path) -> None:
    image = np.random.default_rng(2).normal(size=(7, 8))
    footprint = [[1, 1], [0, 1]]
    blend = LowLevelCallable.from_cython(_module("blend"), "filter_function")
    got = ndimage.generic_filter(image, blend, footprint=footprint)
    want = ndimage.generic_filter(image, _value(programs.BLEND), footprint=footprint)
    np.testing.assert_allclose(got, want, rtol=1e-14)
    # A loss over samples is one over the neighbours, however many.
    user = _user_data(0.3, 0.5)
    spread = LowLevelCallable.from_cython(_module("spread"), "filter_function", user)
    got = ndimage.generic_filter(image, spread, size=3)
    value = _value(programs.SPREAD)
    want = ndimage.generic_filter(image, lambda row: value([0.3], row, h=0.5), size=3)
    np.testing.assert_allclose(got, want, rtol=1e-13)


def test_too_many_neighbours_are_an_error(kernels: Path) -> None:
    blend = LowLevelCallable.from_cython(_module("blend"), "filter_function")
    with pytest.raises(RuntimeError):
        ndimage.generic_filter(np.ones((5, 5)), blend, size=3)


def test_images_are_moved(kernels: Path, tmp_path: Path) -> None:
    image = np.random.default_rng(4).normal(size=(6, 7))
    # Per sample: two outputs from two data, which are the coordinates.
    call = LowLevelCallable.from_cython(_module("rows"), "mapping", _user_data(0.5, -0.2, 0.5))
    got = ndimage.geometric_transform(image, call)
    value = _value(programs.ROWS)

    def moved(at: tuple[int, ...]) -> tuple[float, ...]:
        return tuple(value([0.5, -0.2], [at[0]], [at[1]])[0])

    np.testing.assert_allclose(got, ndimage.geometric_transform(image, moved), rtol=1e-12)


# -- a user's own compiled Python ------------------------------------------------------------------


def test_njit_calls_a_cython_module(kernels: Path) -> None:
    address = get_cython_function_address("kernels.blend_cython", "blend_at")
    at = ctypes.CFUNCTYPE(ctypes.c_double, *[ctypes.c_double] * 4)(address)
    pointer, size = ctypes.c_void_p, ctypes.c_ssize_t
    address = get_cython_function_address("kernels.fit_cython", "fit_value_and_grad")
    types = [pointer] * 3 + [size] * 2 + [pointer] * 3
    loss = ctypes.CFUNCTYPE(ctypes.c_int, *types)(address)

    @numba.njit
    def values(points: Any) -> float:
        return sum([at(x, 1.5, 2.0, 0.25) for x in points])

    @numba.njit
    def descend(w: Any, X: Any, y: Any, constants: Any) -> Any:
        value, grad = np.empty(1), np.empty(w.size)
        for _ in range(5):
            n, d = X.shape
            loss(w.ctypes, X.ctypes, y.ctypes, n, d, constants.ctypes, value.ctypes, grad.ctypes)
            w = w - 0.1 * grad
        return w

    points = np.linspace(-1, 1, 7)
    value = _value(programs.BLEND)
    assert values(points) == pytest.approx(sum(value([x, 1.5, 2.0]) for x in points), rel=1e-14)
    rng = np.random.default_rng(6)
    w, X, y = rng.normal(size=4), rng.normal(size=(30, 3)), rng.normal(size=30)
    kernel = sc.compile(programs.FIT, backend="python")
    got, want = descend(w, X, y, np.array([0.3])), w
    for _ in range(5):
        want = want - 0.1 * kernel.grad(want, X, y, h=0.3)
    np.testing.assert_allclose(got, want, rtol=1e-12)
