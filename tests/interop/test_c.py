"""C without Python: what is written compiles without a warning, and computes what Python does."""

from __future__ import annotations

import ctypes
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp

import symcompile as sc
from symcompile.compiler import plan
from symcompile.definition_file import load_definitions
from symcompile.emit.c_program import emit_c
from symcompile.generate import difference_c, generate_c, write_c
from tests.interop import programs
from tests.interop.programs import STRICT, compiler, run

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples"
DEFINITIONS = {
    d.name: d
    for d in (
        *(programs.BLEND, programs.ROWS, programs.SPREAD, programs.DENSITY, programs.FIT),
        *(programs.SERIES, programs.SINGLE, programs.TWISTED, programs.OSCILLATOR),
    )
}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """All of them in one library, which no warning came with."""
    folder = tmp_path_factory.mktemp("c")
    for definition in DEFINITIONS.values():
        assert write_c(definition, folder)
        assert not write_c(definition, folder)
    files = [f"{name}.c" for name in DEFINITIONS]
    flags = (*STRICT, "-O1", "-fPIC", "-shared")
    run(folder, *compiler(), *flags, *files, "-o", "all.so", "-lm", "-lpthread")
    return ctypes.CDLL(str(folder / "all.so"))


def _pointer(array: np.ndarray[Any, Any]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def _arguments(name: str) -> dict[str, Any]:
    """Return the arguments of a definition's value, by what they are."""
    rng = np.random.default_rng(5)
    columns = rng.normal(size=(700, 2))
    made: dict[str, dict[str, Any]] = {
        "blend": {"p": [0.7, 1.5, 2.0], "constants": {"h": 0.75}},
        "rows": {"p": [0.3, -0.4], "data": columns.T, "constants": {"h": 0.125}},
        "spread": {"p": [0.3], "data": columns.T[:1], "constants": {"h": 0.5}},
        "density": {"p": [0.3, 1.4], "data": columns.T},
        "fit": {
            "p": rng.normal(size=4),
            "data": (rng.normal(size=(50, 3)), rng.normal(size=50)),
            "sizes": {"n": 50, "d": 3},
            "constants": {"h": 0.3},
        },
        "series": {"p": [0.9], "sizes": {"n": 40}, "constants": {"h": 3.0}},
        "single": {"p": [0.3], "data": columns.T[:1], "constants": {"h": 0.5}},
        "twisted": {"p": [0.3 + 1j, 0.2 - 0.5j], "constants": {"h": 0.25 + 0.5j}},
        "oscillator": {"p": [0.3, 1.0], "constants": {"h": 1.5, "t": 0.25}},
    }
    return {"data": (), "sizes": {}, "constants": {}, **made[name]}


@pytest.mark.parametrize("defaults", [False, True], ids=["given", "defaults"])
@pytest.mark.parametrize("name", DEFINITIONS)
def test_c_computes_what_python_does(library: ctypes.CDLL, name: str, defaults: bool) -> None:
    definition, given = DEFINITIONS[name], _arguments(name)
    kernel = sc.compile(definition, backend="python")
    kind = {"float32": np.float32, "complex128": np.complex128}.get(definition.dtype, np.float64)
    sizes = {k: v for k, v in given["sizes"].items() if k in dict(definition.constants)}
    p = np.array(given["p"], dtype=kind)
    data = [np.array(column, dtype=kind) for column in given["data"]]
    named = {} if defaults else given["constants"]
    constants = np.array(list(given["constants"].values()), dtype=kind)
    rng = np.random.default_rng(3)
    for schedule in plan(definition):
        function = schedule.function.name
        arguments: list[Any] = [_pointer(p)]
        more: list[Any] = []
        if function in ("hvp", "jvp"):
            more = [rng.normal(size=p.size).astype(kind)]
            arguments.append(_pointer(more[0]))
        if function == "vjp":
            shape = np.shape(kernel.value(p, *data, **named, **sizes))
            more = [rng.normal(size=shape).astype(kind)]
            # One row for each output, the samples last.
            rows = np.ascontiguousarray(np.moveaxis(np.atleast_1d(more[0]), 0, -1))
            arguments.append(_pointer(rows))
        held = []
        for column in data:
            if definition.indexed:
                held.append(np.ascontiguousarray(column))
                arguments.append(_pointer(held[-1]))
            else:
                held.append(np.repeat(column, 3))  # every third is meant
                arguments += [_pointer(held[-1]), ctypes.c_ssize_t(3)]
        if data and not definition.indexed:
            arguments.append(ctypes.c_ssize_t(len(data[0])))
        if definition.indexed:
            arguments += [ctypes.c_ssize_t(given["sizes"][size]) for size in definition.sizes]
        if given["constants"]:
            arguments.append(ctypes.c_void_p() if defaults else _pointer(constants))
        want = getattr(kernel, function)(p, *more, *data, **named, **sizes)
        wants = want if isinstance(want, tuple) else (want,)
        got = [np.full(np.size(w), np.nan, dtype=kind) for w in wants]
        arguments += [_pointer(g) for g in got]
        assert getattr(library, f"{name}_{function}")(*arguments) == 0
        for output, g, right in zip(schedule.function.outputs, got, wants, strict=True):
            w = np.moveaxis(right, 0, -1) if output.per_sample else np.asarray(right)
            tolerance = 2e-6 if kind is np.float32 else 1e-13
            np.testing.assert_allclose(g.reshape(w.shape), w, rtol=tolerance, atol=tolerance)


def _doubles(*values: float) -> Any:
    return (ctypes.c_double * len(values))(*values)


def _number(library: ctypes.CDLL, name: str) -> Callable[..., float]:
    function = getattr(library, name)
    function.restype = ctypes.c_double
    return function  # type: ignore[no-any-return]


def test_values_of_numbers(library: ctypes.CDLL) -> None:
    at = _number(library, "blend_at")
    want = sc.compile(programs.BLEND, backend="python").value([0.7, 1.5, 2.0], h=0.75)
    got = at(*map(ctypes.c_double, (0.7, 1.5, 2.0, 0.75)))
    assert got == pytest.approx(want, rel=1e-15)


def test_integrands_take_the_rest_from_user_data(library: ctypes.CDLL) -> None:
    value = sc.compile(programs.BLEND, backend="python").value
    one, several = _number(library, "blend_integrand"), _number(library, "blend_integrand_n")
    want = value([0.7, 1.5, 2.0], h=0.75)
    assert one(ctypes.c_double(0.7), _doubles(1.5, 2.0, 0.75)) == pytest.approx(want, rel=1e-15)
    assert several(2, _doubles(0.7, 1.5), _doubles(2.0, 0.75)) == pytest.approx(want, rel=1e-15)
    # All that has no default is given: the constants have theirs.
    want = value([0.7, 1.5, 2.0])
    assert several(3, _doubles(0.7, 1.5, 2.0), None) == pytest.approx(want, rel=1e-15)
    assert math.isnan(one(ctypes.c_double(0.7), None))
    assert math.isnan(several(5, _doubles(1, 2, 3, 4, 5), None))


def test_data_come_before_parameters(library: ctypes.CDLL) -> None:
    value = sc.compile(programs.DENSITY, backend="python").value
    several = _number(library, "density_integrand_n")
    want = value([0.3, 1.4], [0.5], [2.0])[0]
    assert several(2, _doubles(0.5, 2.0), _doubles(0.3, 1.4)) == pytest.approx(want, rel=1e-15)
    assert several(4, _doubles(0.5, 2.0, 0.3, 1.4), None) == pytest.approx(want, rel=1e-15)


def test_rates_know_the_time(library: ctypes.CDLL) -> None:
    value = sc.compile(programs.OSCILLATOR, backend="python").value
    rates = _doubles(0.0, 0.0)
    library.oscillator_rhs(ctypes.c_double(0.7), _doubles(0.3, 1.0), rates, _doubles(1.5))
    assert list(rates) == pytest.approx(value([0.3, 1.0], h=1.5, t=0.7).tolist(), rel=1e-15)
    library.oscillator_rhs(ctypes.c_double(0.7), _doubles(0.3, 1.0), rates, None)
    assert list(rates) == pytest.approx(value([0.3, 1.0], t=0.7).tolist(), rel=1e-15)


def test_the_examples_compute_what_python_does(tmp_path: Path) -> None:
    (linreg,) = load_definitions(EXAMPLES / "linreg.py")
    (pendulum,) = load_definitions(EXAMPLES / "pendulum.py")
    write_c(linreg, tmp_path)
    write_c(pendulum, tmp_path)
    c = EXAMPLES / "c"
    flags = (*STRICT, "-O2", "-I.")
    run(
        tmp_path,
        *compiler(),
        *(*flags, "-fopenmp-simd", str(c / "descend.c"), "linreg.c"),
        *("-lm", "-lpthread", "-o", "descend"),
    )
    found = [float(text) for text in run(tmp_path, "./descend").split()]
    kernel = sc.compile(linreg, backend="python")
    table = np.array([[0.0, 1.1], [1.0, 2.9], [2.0, 5.2], [3.0, 7.1], [4.0, 8.8]])
    p = np.zeros(2)
    for _ in range(200):
        value, grad = kernel.value_and_grad(p, *table.T)
        p -= 0.1 * grad
    assert found == pytest.approx([*p, value], rel=1e-13)

    cpp = shutil.which("c++")
    if cpp is None:
        pytest.skip("no C++ compiler")
    run(tmp_path, *compiler(), *flags, "-c", "pendulum.c", "-o", "pendulum.o")
    strict = ("-std=c++11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I.")
    run(tmp_path, cpp, *strict, str(c / "swing.cpp"), "pendulum.o", "-lm", "-o", "swing")
    found = [float(text) for text in run(tmp_path, "./swing").split()]
    from scipy.integrate import solve_ivp

    rates = sc.compile(pendulum, backend="python").value
    named = {"m1": 1.3, "m2": 0.7, "l1": 0.9, "l2": 1.4, "g": 9.81}
    want = solve_ivp(
        lambda t, s: rates(s, **named), (0, 1), [0.4, -1.1, 0.9, 2.0], rtol=1e-11, atol=1e-11
    ).y[:, -1]
    assert found == pytest.approx(want.tolist(), rel=1e-6)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_examples_compile_without_a_warning(path: Path, tmp_path: Path) -> None:
    for definition in load_definitions(path):
        write_c(definition, tmp_path)
        run(tmp_path, *compiler(), *STRICT, "-c", f"{definition.name}.c")


@pytest.mark.skipif(shutil.which("c++") is None, reason="no C++ compiler")
def test_any_symbol_may_stand_in_a_header(tmp_path: Path) -> None:
    names = ["*/ int x; /*", "class", "this", "EOF", "errno", "x_stride", "value", "linreg", "λ"]
    symbols = [sp.Symbol(name) for name in names]
    formula = sum(sp.sin(symbol) * k for k, symbol in enumerate(symbols, 1))
    half = len(symbols) // 2
    definition = sc.define(
        "hostile", formula, params=symbols[:half], data=symbols[half:], reduce="sum"
    )
    write_c(definition, tmp_path)
    plain = sc.define("template", formula, params=symbols)
    write_c(plain, tmp_path)
    run(tmp_path, *compiler(), *STRICT, "-c", "hostile.c")
    run(tmp_path, *compiler(), *STRICT, "-c", "template.c")
    user = tmp_path / "user.cpp"
    lines = ["#include <cerrno>", "#include <cstdio>"]
    lines += ['#include "hostile.h"', '#include "template.h"', "int main() { return EOF == 0; }"]
    user.write_text("\n".join([*lines, ""]))
    run(tmp_path, "c++", "-Wall", "-Wextra", "-Werror", "-c", "user.cpp")


@pytest.mark.parametrize(
    ("formula", "named"),
    [
        (sp.airyai(programs.a * programs.x), "airy"),
        (sp.Integral(sp.exp(-programs.a * programs.t**2), (programs.t, 0, programs.x)), "SciPy"),
    ],
)
def test_what_needs_scipy_is_refused(formula: sp.Expr, named: str) -> None:
    definition = sc.define("f", formula, params=(programs.a, programs.x))
    with pytest.raises(sc.UnsupportedFunctionError, match=f"f cannot be written in C.*{named}"):
        emit_c(definition, plan(definition, ["value"]))


def test_what_has_its_own_c_is_not(tmp_path: Path) -> None:
    definition = sc.define(
        "mittag", sp.erf(programs.a) + sp.LambertW(programs.x), params=(programs.a, programs.x)
    )
    write_c(definition, tmp_path)
    run(tmp_path, *compiler(), *STRICT, "-shared", "-fPIC", "mittag.c", "-o", "m.so", "-lm")
    at = _number(ctypes.CDLL(str(tmp_path / "m.so")), "mittag_at")
    want = math.erf(0.5) + float(sp.LambertW(3).evalf())
    assert at(ctypes.c_double(0.5), ctypes.c_double(3.0)) == pytest.approx(want, rel=1e-15)


def test_text_is_the_same_again_and_compared(tmp_path: Path) -> None:
    assert generate_c(programs.FIT) == generate_c(programs.FIT)
    assert "+int fit_value(" in difference_c(programs.FIT, tmp_path)
    write_c(programs.FIT, tmp_path)
    assert difference_c(programs.FIT, tmp_path) == ""
