"""complex128 and float32 beside float64: on every backend, derivatives included.

The oracle is the interpreter at 50 digits with numerical differentiation, in complex arithmetic
where a definition is complex.
"""

from __future__ import annotations

import cmath
import math
import pickle
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import symcompile as sc
from symcompile.emit.dialect import NUMBA, C, to_single
from symcompile.errors import (
    ArgumentTypeError,
    DefinitionError,
    LoweringError,
    UnsupportedFunctionError,
)
from symcompile.ir.graph import Kind

x, y, z, w, u, v = sp.symbols("x y z w u v")
n, d = sp.symbols("n d", integer=True, positive=True)
i, j = sp.Idx("i", n), sp.Idx("j", d)
A, B, Y = (
    sp.IndexedBase("A", shape=(n, d)),
    sp.IndexedBase("B", shape=(d,)),
    sp.IndexedBase("Y", shape=(n,)),
)

_RANDOM = np.random.default_rng(7)
_COLUMN = _RANDOM.uniform(0.2, 1.5, 24)
_TURNED = _COLUMN * np.exp(1j * _RANDOM.uniform(-1.0, 1.0, 24))

#: Definitions, and the data that they are checked with.
_CASES: dict[str, tuple[sc.Definition, tuple[Any, ...]]] = {
    "functions": (
        sc.define(
            "functions",
            [
                *(
                    sp.exp(z) * w,
                    sp.log(z),
                    sp.sqrt(z * w),
                    z**w,
                    z**3 / w,
                    z ** sp.Rational(-3, 2),
                ),
                *(sp.sin(z), sp.cos(z) / w, sp.tan(z), sp.sinh(z), sp.cosh(w), sp.tanh(z * 3)),
                *(sp.asin(z), sp.acos(w), sp.atan(z), sp.asinh(z), sp.acosh(w), sp.atanh(z)),
                sp.cbrt(z),
            ],
            params=(z, w),
            dtype="complex128",
        ),
        (),
    ),
    "loss": (
        sc.define(
            "loss",
            (sp.exp(z * x) - w / (1 + x**2)) ** 2,
            params=(z, w),
            data=x,
            reduce="mean",
            dtype="complex128",
        ),
        (_TURNED,),
    ),
    "rows": (
        sc.define("rows", [z * x + w, sp.exp(x)], params=(z, w), data=x, dtype="complex128"),
        (_TURNED,),
    ),
    "parts": (
        sc.define(
            "parts",
            [
                sp.exp(sp.I * x) * sp.sqrt(y - 2),
                sp.Abs(x + sp.I * y) + sp.arg(sp.exp(sp.I * x) + y),
                sp.re(sp.sin(x + sp.I * y)) * sp.im(1 / (x + sp.I * y)),
                sp.conjugate(x + 2 * sp.I * y) * sp.sign(sp.exp(x + sp.I)),
            ],
            params=(x, y),
        ),
        (),
    ),
    "modulus": (
        sc.define(
            "modulus",
            sp.Abs(u * sp.exp(sp.I * v * x) - sp.sqrt(x - 1)) ** 2,
            params=(u, v),
            data=x,
            reduce="sum",
        ),
        (_COLUMN,),
    ),
    "single": (
        sc.define(
            "single",
            [sp.exp(z * w) / 3, sp.log(1 + sp.exp(z)), sp.erf(z) ** sp.Rational(1, 3), sp.pi * w],
            params=(z, w),
            dtype="float32",
        ),
        (),
    ),
    "single loss": (
        sc.define(
            "single_loss",
            (sp.tanh(z * x) - w * sp.Rational(1, 10)) ** 2,
            params=(z, w),
            data=x,
            reduce="mean",
            dtype="float32",
        ),
        (_COLUMN.astype(np.float32),),
    ),
    "single complex": (
        sc.define(
            "single_complex", sp.exp(sp.I * z * x) / w, params=(z, w), data=x, dtype="float32"
        ),
        (_COLUMN.astype(np.float32),),
    ),
    "arrays": (
        sc.define(
            "arrays",
            sp.Sum((sp.exp(sp.Sum(A[i, j] * B[j], (j, 0, d - 1)) / 4) - Y[i]) ** 2, (i, 0, n - 1))
            / n,
            params=B,
            data=(A, Y),
            dtype="complex128",
        ),
        (_TURNED.reshape(8, 3), _TURNED[:8]),
    ),
    "single arrays": (
        sc.define(
            "single_arrays",
            sp.Eq(sp.IndexedBase("Z")[i], sp.exp(sp.Sum(A[i, j] * B[j], (j, 0, d - 1)) / 4)),
            params=B,
            data=A,
            dtype="float32",
        ),
        (_COLUMN.reshape(8, 3),),
    ),
}
_QUICK = {"loss", "modulus", "single loss"}

_BACKENDS = [
    pytest.param(name, backend, marks=[] if quick else [pytest.mark.long])
    for name in _CASES
    for backend, quick in (
        ("python", True),
        ("cython", name in _QUICK),
        ("numba", False),
        ("llvm", False),
    )
]


@pytest.mark.parametrize(("name", "backend"), _BACKENDS)
def test_every_function_agrees_with_the_oracle(name: str, backend: str) -> None:
    definition, data = _CASES[name]
    report = sc.crosscheck(
        definition, *data, backends=[backend], time_calls=False, fit=False, quiet=True
    )
    assert report.ok, report.failures
    assert report.max_ulp is not None and report.max_ulp <= 8


# ------------------------------------------------------------------ what follows what


def test_dtypes_of_results() -> None:
    kernel = sc.compile(z * x, params=z, data=x, dtype="float32", backend="python")
    assert kernel.value([2], [1, 2]).dtype == np.float32
    assert kernel.jacobian([2], [1, 2]).dtype == np.float32
    assert type(sc.compile(z / 3, params=z, dtype="float32", backend="python").value([1])) is float
    whole = sc.compile(sp.exp(z), params=z, dtype="complex128", backend="python")
    assert type(whole.value([1j])) is complex and whole.grad([1j]).dtype == np.complex128
    size = sc.define("size", sp.Abs(z) + 1, params=z, dtype="complex128")
    assert size.output.kind is Kind.REAL
    constant = sc.define("constant", 3, params=z, dtype="complex128")
    assert sc.compile(constant, backend="python").value([1j]) == 3 + 0j


def test_real_stays_real_unless_the_formula_holds_i() -> None:
    for dtype in ("float64", "float32"):
        real = sc.compile(sp.sqrt(x) + sp.log(x), params=x, dtype=dtype, backend="python")
        assert math.isnan(real.value([-1.0]))
    whole = sc.compile(sp.sqrt(x) + sp.I * 0 * y + sp.I, params=(x, y), backend="python")
    assert whole.value([-4.0, 0.0]) == 3j
    # What cannot leave the reals is not widened; a root of a negative number holds I.
    plain = sc.define("plain", sp.I * y + sp.sqrt(x**2 + 1), params=(x, y))
    assert "widen" not in {node.op for node in plain.ir}
    root = sc.compile(sp.Pow(-8, sp.Rational(1, 3), evaluate=False) * x, params=x, backend="python")
    assert abs(root.value([1.0]) - (1 + 1j * 3**0.5)) < 1e-14


@pytest.mark.parametrize("value", [2.0, -2.0, 0.5, -0.5])
def test_real_arguments_beyond_a_cut_follow_sympy(value: float) -> None:
    functions = [sp.asin, sp.acos, sp.acosh, sp.atanh, sp.sqrt, sp.log, sp.atan, sp.asinh]
    kernel = sc.compile(
        [f(x) + 0 * sp.I * y + sp.I for f in functions], params=(x, y), backend="python"
    )
    found = kernel.value([value, 0.0])
    slopes = kernel.jacobian([value, 0.0])[:, 0]
    for f, got, slope in zip(functions, found, slopes, strict=True):
        exact = complex(sp.N(f(sp.Float(value, 30)), 20))
        assert abs(got - 1j - exact) < 1e-14, f
        expected = complex(sp.N(sp.diff(f(x), x).subs(x, sp.Float(value, 30)), 20))
        # Of two square roots SymPy's formulas may take the other one, where the value is complex.
        assert min(abs(slope - expected), abs(slope + expected)) < 1e-14, f
        step = 1e-6
        beside = kernel.value([value + step, 0.0])[functions.index(f)]
        assert abs((beside - got) / step - slope) < 1e-4, f


@pytest.mark.parametrize("backend", ["python", pytest.param("cython", marks=pytest.mark.long)])
def test_branch_cuts_know_the_sign_of_zero(backend: str) -> None:
    functions = [sp.sqrt, sp.log, sp.asin, sp.acos, sp.atanh, sp.acosh, sp.asinh, sp.atan]
    arrays = [np.sqrt, np.log, np.arcsin, np.arccos, np.arctanh, np.arccosh, np.arcsinh, np.arctan]
    kernel = sc.compile([f(z) for f in functions], params=z, dtype="complex128", backend=backend)  # type: ignore[arg-type]
    points = [complex(a, b) for a in (-2.0, 2.0) for b in (0.0, -0.0)]
    points += [complex(a, b) for a in (0.0, -0.0) for b in (2.0, -2.0)]
    for point in points:
        found = kernel.value([point])
        expected = np.array([f(point) for f in arrays])
        np.testing.assert_allclose(found, expected, rtol=1e-15, atol=1e-300)
        # Derivatives are those of the side: along the cut the value is smooth.
        step = 1e-6 * (1j if point.real == 0 else 1)
        on_axis = complex(point.real, point.imag + 1e-6)
        beside = kernel.value([complex(point.real + 1e-6, point.imag) if point.real else on_axis])
        np.testing.assert_allclose(
            kernel.jacobian([point])[:, 0], (beside - found) / step, rtol=1e-5
        )


# ------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("expr", "words"),
    [
        (sp.Max(z, w), "Max of complex numbers"),
        (sp.Piecewise((z, z < w), (w, True)), "compare re"),
        (sp.floor(z * w), "round re"),
        (sp.atan2(z, w), "real arguments"),
    ],
)
def test_what_complex_numbers_do_not_have(expr: Any, words: str) -> None:
    with pytest.raises(LoweringError, match=words) as caught:
        sc.define("f", expr, params=(z, w), dtype="complex128")
    assert caught.value.subexpression is not None


def test_equality_and_conditions_on_parts_are_fine() -> None:
    expr = sp.Piecewise((sp.exp(z), sp.re(z) < 0), (z**2, sp.Ne(z, 3)), (0, True))
    kernel = sc.compile(expr, params=z, dtype="complex128", backend="python")
    assert kernel.grad([2j - 1])[0] == pytest.approx(cmath.exp(2j - 1))
    assert kernel.grad([2 + 1j])[0] == 4 + 2j and kernel.value([3]) == 0


def test_no_derivative_of_what_is_not_holomorphic() -> None:
    kernel = sc.compile(sp.Abs(z) ** 2, params=z, dtype="complex128", backend="python")
    assert kernel.functions == ("value",) and kernel.value([3 + 4j]) == 25.0
    with pytest.raises(UnsupportedFunctionError, match="real parameters"):
        kernel.grad([1j])
    with pytest.raises(UnsupportedFunctionError, match="real parameters"):
        kernel.bind().minimize([0])
    whole = sc.compile(sp.exp(sp.I * x), params=x, backend="python")
    with pytest.raises(UnsupportedFunctionError, match="needs a real value"):
        whole.bind().minimize([0])


def test_complex_arguments_of_real_definitions() -> None:
    kernel = sc.compile(x**2, params=x, backend="python")
    with pytest.raises(ArgumentTypeError, match="complex128"):
        kernel.value([1j])
    whole = sc.compile(sp.exp(sp.I * x), params=x, backend="python")
    assert whole.vjp([0.0], 2j)[0] == -2  # cotangents are of the kind of the value
    with pytest.raises(ArgumentTypeError):
        whole.jvp([0.0], [1j])
    with pytest.raises(DefinitionError, match="float64"):
        sc.define("f", x, params=x, dtype="float16")  # type: ignore[arg-type]


# ------------------------------------------------------------------ definitions


def test_the_dtype_is_part_of_the_identity() -> None:
    found = {
        dtype: sc.define("f", sp.exp(z), params=z, dtype=dtype)
        for dtype in ("float64", "float32", "complex128")
    }
    assert len({definition.digest for definition in found.values()}) == 3
    for dtype, definition in found.items():
        again = pickle.loads(pickle.dumps(definition))
        assert again == definition and again.dtype == dtype
    assert repr(found["float32"]).endswith("dtype=float32>")
    kernel = pickle.loads(pickle.dumps(sc.compile(found["complex128"], backend="python")))
    assert kernel.value([1j]) == cmath.exp(1j)


def test_packing_and_constants() -> None:
    definition = sc.define("f", z * w * x, params=(z, w), constants={x: 2}, dtype="complex128")
    assert definition.unpack([1j, 2]) == {"z": 1j, "w": 2 + 0j}
    assert definition.pack(z=1j, w=2).dtype == np.complex128
    kernel = sc.compile(definition, backend="python")
    assert kernel.value([1j, 2]) == 4j and kernel.value([1j, 2], x=1j) == -2


def test_headers_say_what_numbers_are() -> None:
    kernel = sc.compile(sp.exp(sp.I * x), params=x, dtype="float32", backend="python")
    assert "Numbers are float32; the value is complex64." in kernel.source
    assert "Numbers" not in sc.compile(x**2, params=x, backend="python").source


# ------------------------------------------------------------------ precision


@given(
    st.fractions()
    | st.builds(lambda a, k: Fraction(a) * Fraction(2) ** k, st.integers(), st.integers(-180, 180))
)
@settings(max_examples=300, deadline=None)
def test_literals_of_24_bits_are_rounded_once(value: Fraction) -> None:
    found = np.float32(to_single(value))
    if not np.isfinite(found):
        assert abs(value) > Fraction(float(np.finfo(np.float32).max))
        return
    error = abs(Fraction(float(found)) - value)
    for other in (
        np.nextafter(found, np.float32(-np.inf)),
        np.nextafter(found, np.float32(np.inf)),
    ):
        if np.isfinite(other):
            assert error <= abs(Fraction(float(other)) - value)
    for text in (C.of("float32").literal(value), NUMBA.of("float32").literal(value)):
        plain = text.replace("f32(", "").rstrip(")f")
        assert np.float32(plain) == found


@pytest.mark.parametrize("backend", ["python", pytest.param("cython", marks=pytest.mark.long)])
def test_sums_over_samples_are_added_in_double(backend: str) -> None:
    kernel = sc.compile(z * x, params=z, data=x, reduce="sum", dtype="float32", backend=backend)  # type: ignore[arg-type]
    column = np.full(3_000_000, 0.1, np.float32)
    exact = 3_000_000 * float(np.float32(0.1))
    assert abs(kernel.value([1.0], column) / exact - 1) < 1e-7
    assert abs(kernel.grad([1.0], column)[0] / exact - 1) < 1e-7


def test_scalars_in_float32_are_computed_in_double_and_rounded_once() -> None:
    kernel = sc.compile((1 + x) - 1, params=x, dtype="float32", backend="python")
    cancelling = sc.compile(sp.exp(x) - sp.exp(y), params=(x, y), dtype="float32", backend="python")
    p = np.array([1.0, 1.0000001], np.float32)
    exact = math.exp(float(p[0])) - math.exp(float(p[1]))
    assert cancelling.value(p) == float(np.float32(exact))
    assert kernel.value([0.1]) == float(np.float32(0.1))
    assert (
        sc.compile(sp.exp(x), params=x, dtype="float32", backend="python").value([100]) == math.inf
    )


# ------------------------------------------------------------------ arithmetic of complex numbers

_PART = st.floats(1e-60, 1e60).flatmap(lambda a: st.sampled_from((a, -a))) | st.just(0.0)
_NUMBER = st.builds(complex, _PART, _PART)
_ANY = st.builds(complex, st.floats(), st.floats())
_OPERATIONS = [z * w, z + w, z - w, z / w, z**2, sp.Abs(z), sp.conjugate(z), sp.exp(z), sp.sqrt(w)]


def _evaluated(a: complex, b: complex) -> list[Any]:
    mp = mpmath.mp.clone()
    mp.dps = 50
    first, second = mp.mpc(a), mp.mpc(b)
    quotient = first / second if second else mp.nan
    return [
        *(first * second, first + second, first - second, quotient, first**2, abs(first)),
        *(mp.conj(first), mp.exp(first), mp.sqrt(second)),
    ]


@pytest.mark.parametrize("backend", ["python", pytest.param("cython", marks=pytest.mark.long)])
def test_arithmetic(backend: str) -> None:
    calls = sc.lambdify((z, w), _OPERATIONS, backend=backend, dtype="complex128")  # type: ignore[arg-type]

    @given(_NUMBER, _NUMBER)
    @settings(max_examples=200, deadline=None)
    def accurate(a: complex, b: complex) -> None:
        found = calls(a, b)
        rows = calls(np.array([a]), np.array([b]))
        for got, row, exact in zip(found, rows, _evaluated(a, b), strict=True):
            size = abs(exact)
            if not 1e-290 < size < 1e300:
                continue
            assert abs(mpmath.mpc(complex(got)) - exact) <= 4 * 2.0**-52 * size
            assert abs(mpmath.mpc(complex(row[0])) - exact) <= 4 * 2.0**-52 * size

    @given(_ANY, _ANY)
    @settings(max_examples=200, deadline=None)
    def sane(a: complex, b: complex) -> None:
        with np.errstate(all="ignore"):
            for got, row in zip(calls(a, b), calls(np.array([a]), np.array([b])), strict=True):
                assert np.isscalar(got) and row.shape == (1,)
        total = calls(a, b)[1]
        assert complex(total) == a + b or cmath.isnan(a + b)

    accurate()
    sane()
