"""From a part of Python to C: the library means the same in both."""

from __future__ import annotations

import ast

import pytest

from symcompile.emit.library import functions, support
from symcompile.naming import RESERVED
from symcompile.translate import complex_calls, translate


def _translated(text: str) -> str:
    (function,) = ast.parse(text).body
    assert isinstance(function, ast.FunctionDef)
    return translate(function, {function.name: "float", "pair": "pair"}, {})


def test_a_function() -> None:
    text = """
def root(x: float, n: int) -> float:
    \"\"\"Return something.\"\"\"
    total = 0.0
    for k in range(1, n + 1):
        if k % 2 == 0 and not x < 1.0:
            total += x / k - (x - 1)
        else:
            total = -total if x != x else n / k
    while total > 3.0:
        total *= 0.5
    return math.sqrt(total)
"""
    assert (
        _translated(text)
        == """/* Return something. */
static double sc_root(double x, ptrdiff_t n)
{
    double total;
    total = 0.0;
    for (ptrdiff_t k = 1; k < n + 1; k++) {
        if (k % 2 == 0 && !(x < 1.0)) {
            total = total + (x / k - (x - 1));
        } else {
            total = x != x ? -total : (double)n / k;
        }
    }
    while (total > 3.0) {
        total = total * 0.5;
    }
    return sqrt(total);
}
"""
    )


def test_several_at_once() -> None:
    text = (
        "def f(a: float, b: float) -> float:\n    a, b = b, a\n    a, b = pair(a, b)\n    return a"
    )
    found = _translated(text)
    assert "const double held1_0 = b;" in found
    assert "const sc_pair pair2 = sc_pair(a, b);" in found


@pytest.mark.parametrize(
    "text",
    [
        "def f(x: str) -> float:\n    return 1.0",
        "def f(x: float) -> float:\n    import os\n    return x",
        "def f(x: float) -> float:\n    return [x][0]",
        "def f(x: float) -> float:\n    return x // 2.0",
        "def f(x: float) -> float:\n    return x**2",
        "def f(x: float) -> float:\n    log = 1.0\n    return log",
    ],
)
def test_what_has_no_c_is_refused(text: str) -> None:
    with pytest.raises((ValueError, KeyError, AssertionError)):
        _translated(text)


@pytest.mark.parametrize("language", ["python", "numba", "c"])
def test_the_library_is_complete(language: str) -> None:
    prefix = {"c": "sc_"}.get(language, "_")
    for name in functions():
        found = support(f"{prefix}{name}(x)", language)  # type: ignore[arg-type]
        assert f"{prefix}{name}(" in found.text
        if language != "c":
            ast.parse(found.text)


def test_support_names_what_scipy_has() -> None:
    found = support("sc_airyai(x) + sc_special_erfi(y)", "c")
    assert [pointer.name for pointer in found.pointers] == ["airy", "erfi"]
    assert support("sin(x)", "c").text == ""
    assert not support("math.sin(x)", "python").special


def test_symbols_do_not_clash_with_the_library() -> None:
    # Functions of the library have an underscore before their names, which no symbol has.
    assert "beta" not in RESERVED


def test_complex_numbers() -> None:
    text = """
def f(z: complex, order: float) -> complex:
    w = z
    total = 0.0
    for k in range(3):
        total += (order + k) / z * w
        w = w / 2.0 - special.psi(z) + special.sici(z)[1] * special.psi(order)
    if abs(z) < z.imag:
        return cmath.exp(total) / z
    return complex(z.real, 0.0) if z != z else -total
"""
    assert (
        _translated(text)
        == """static sc_complex sc_f(sc_complex z, double order)
{
    sc_complex w, total;
    w = z;
    total = 0.0;
    for (ptrdiff_t k = 0; k < 3; k++) {
        total = total + sc_mul(sc_div(order + k, z), w);
        w = w / 2.0 - sc_special_psi_z(z) + sc_special_sici_z_1(z) * sc_special_psi(order);
    }
    if (cabs(z) < cimag(z)) {
        return sc_div(cexp(total), z);
    }
    return z != z ? sc_join(creal(z), 0.0) : -total;
}
"""
    )
    (function,) = ast.parse(text).body
    assert isinstance(function, ast.FunctionDef)
    assert len(complex_calls(function, {}, ())) == 2
