"""Modules for LLVM: what they are made of, how they are called, and that they stand alone."""

from __future__ import annotations

import math
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp

import symcompile as sc
from symcompile.compiler import build, emit, plan
from symcompile.generate import generate, write
from symcompile.options import Backend, Options
from tests.corpus import BY_NAME

a, b, lam, x, y = sp.symbols("a b lam x y")
LINE = sc.define("line", (a + b * x - y) ** 2 + lam * a**2, params=(a, b), data=(x, y),
                 reduce="mean", constants={lam: 0.5})  # fmt: skip


def _long(levels: int, step: Any) -> sc.Definition:
    found, f = [], a
    for k in range(levels):
        name = sp.Symbol(f"t{k}")
        found.append((name, step(f)))
        f = name
    return sc.define("long", [*found, f], params=(a, b))


@pytest.mark.parametrize(
    "step",
    [
        lambda f: sp.sin(f * b) * sp.cos(f + b) + f**2 / 3,
        lambda f: sp.Max(sp.sin(f), b / 7) - sp.sign(f) * sp.Abs(f) / 3,
        lambda f: sp.gamma(1 + f**2 / 9) / 2 + sp.besselj(0, f),
    ],
    ids=["smooth", "kinks", "special"],
)
def test_long_straight_code_is_that_of_plain_python(step: Any) -> None:
    definition = _long(400, step)
    text = emit(definition, plan(definition, ["value_and_grad"]), "llvm")
    assert "define internal void @long_value_and_grad_0(ptr noalias" in text
    names = ("value", "value_and_grad")
    ours, plain = (build(definition, k, Options(), names) for k in ("llvm", "python"))
    for point in ([0.3, 0.7], [-0.2, 0.1]):
        p = np.array(point)
        found, expected = ours.value_and_grad(p), plain.value_and_grad(p)
        assert found[0] == pytest.approx(expected[0], rel=1e-12, abs=1e-300)
        np.testing.assert_allclose(found[1], expected[1], rtol=1e-10, atol=1e-300)


def test_calls_that_need_converting_give_the_same() -> None:
    kernel = sc.compile(LINE, backend="llvm")
    xs, ys, p = np.arange(5.0), np.arange(5.0) ** 2, np.array([0.5, -1.0])
    value, slope = kernel.value_and_grad(p, xs, ys)
    assert value == kernel.value_and_grad([0.5, -1], list(range(5)), ys.astype(int))[0]
    strided = kernel.value_and_grad(np.array([0.5, 9.0, -1.0])[::2], xs.repeat(2)[::2], ys)
    assert strided[0] == pytest.approx(value, rel=1e-15)
    np.testing.assert_allclose(strided[1], slope, rtol=1e-15)
    assert kernel.value(p, xs, ys, lam=0.0) == pytest.approx(value - 0.125, rel=1e-14)
    module = kernel.module
    assert module.value(p, xs, ys) == kernel.value(p, xs, ys)
    with pytest.raises(ValueError, match="2 numbers are needed, not 3"):
        module.value(np.zeros(3), xs, ys)
    with pytest.raises(TypeError):
        module.value(p, xs)
    with pytest.raises(ValueError, match="y has 4 samples, x has 5"):
        module.value(p, xs, ys[:4])


def test_what_is_bound_is_checked_and_documented() -> None:
    kernel = sc.compile(LINE, backend="llvm")
    xs = np.arange(5.0)
    bound = kernel.bind(xs, xs**2).value
    assert bound(np.array([0.5, -1.0])) == kernel.value([0.5, -1.0], xs, xs**2)
    assert "value" in str(bound.__doc__)
    for wrong in ((1, 2), [kernel.value, kernel.value, None]):
        with pytest.raises(ValueError, match="a tuple of a function"):
            kernel.module._bound("value", wrong)


def test_calls_leave_no_references_behind() -> None:
    kernel = sc.compile(LINE, backend="llvm")
    xs, ys, p = np.arange(700.0), np.arange(700.0) ** 2, np.array([0.5, -1.0])
    for name in ("value_and_grad", "hessian", "jacobian"):
        if name in kernel.functions:
            getattr(kernel, name)(p, xs, ys)
    before = [sys.getrefcount(array) for array in (xs, ys, p)]
    for _ in range(50):
        _, slope = kernel.value_and_grad(p, xs, ys)
        matrix = kernel.hessian(p, xs, ys)
        value = kernel.value([0.5, -1.0], xs, ys)
    assert value == pytest.approx(np.mean((0.5 - xs - ys) ** 2) + 0.5 * 0.5**2, rel=1e-14)
    assert [sys.getrefcount(array) for array in (xs, ys, p)] == before
    assert sys.getrefcount(slope) == sys.getrefcount(matrix) == 2


@pytest.mark.parametrize("name", ["matrix", "per_sample_scalar", "linreg", "sampled_special"])
def test_results_have_the_shapes_and_the_order_of_other_backends(name: str) -> None:
    case = BY_NAME[name]
    names = ("value", "jacobian")
    ours, plain = (build(case.definition, k, Options(), names) for k in ("llvm", "cython"))
    p = np.array(case.points[0], dtype=float)
    for function in names:
        found = getattr(ours, function)(p, *case.arrays)
        expected = getattr(plain, function)(p, *case.arrays)
        assert np.shape(found) == np.shape(expected)
        np.testing.assert_allclose(found, expected, rtol=1e-13)


def test_a_module_stands_alone(tmp_path: Path) -> None:
    """It imports neither SymPy nor symcompile, with its machine code beside it or without."""
    (source,) = generate(LINE, ["llvm"])
    write(source, tmp_path)
    code = """
import sys, numpy as np
import line_llvm
p, xs, ys = np.array([0.5, -1.0]), np.arange(5.0), np.arange(5.0)**2
print(line_llvm.value_and_grad(p, xs, ys), line_llvm.value([0, 0], [1, 2], [3, 4], lam=2))
print(sorted({"sympy", "symcompile", "jinja2", "numba"} & set(sys.modules)))
line_llvm.OBJECT_FILE.write_bytes(line_llvm.OBJECT)
"""
    found = set()
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        found.add(done.stdout)
    assert len(found) == 1
    assert found.pop().endswith("[]\n")
    assert len(list(tmp_path.glob("line_llvm.*.o"))) == 1


def test_code_reaches_any_address() -> None:
    """Sections and libraries may lie further apart than a 32-bit offset reaches."""
    if platform.machine() != "x86_64":
        pytest.skip("the assembly of x86-64 is looked at")
    text = _assembly(sc.lambdify(x, sp.exp(x) + 1.5, backend="llvm").module)
    calls = [line.split()[-1] for line in text.splitlines() if line.split()[:1] == ["callq"]]
    assert calls
    own = re.findall(r"^(\w+):", text, re.MULTILINE)
    assert {call for call in calls if not call.startswith("*")} <= {*own}
    assert "movabsq" in text


def test_code_of_another_formula_is_not_taken(tmp_path: Path) -> None:
    """What lies beside a module is used for the text that it was made from only."""
    code = """
import line_llvm
print(line_llvm.value([1.0, 2.0], [1.0, 2.0], [5.0, 7.0]))
line_llvm.OBJECT_FILE.write_bytes(line_llvm.OBJECT)
"""
    found = []
    for formula in ((a + b * x - y) ** 2, (a + b * x - y) ** 4):
        definition = sc.define("line", formula, params=(a, b), data=(x, y), reduce="sum")
        (source,) = generate(definition, ["llvm"])
        write(source, tmp_path)
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        found.append(float(done.stdout))
    assert found == [8.0, 32.0]


def test_a_loop_leaves_no_vector_register_in_use() -> None:
    """What the upper halves hold would slow down libm in the whole process: all are cleared."""
    f = sc.lambdify(x, sp.sin(x) + x**2, backend="llvm")
    text = _assembly(f.module)
    if "zmm" not in text and "ymm" not in text:
        pytest.skip("this processor has no such registers")
    assert "vzeroupper" in text


def _assembly(module: Any) -> str:
    import llvmlite.binding as llvm

    machine, _ = module._machine(2)
    lines, _ = module._attributes()
    parsed = llvm.parse_assembly("\n".join([module.TEXT, *lines]))
    parsed.verify()
    parsed.triple, parsed.data_layout = machine.triple, str(machine.target_data)
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=2))
    builder.getModulePassManager().run(parsed, builder)
    return str(machine.emit_assembly(parsed))


def test_loops_call_vector_functions_where_there_are_any() -> None:
    f = sc.lambdify(x, sp.exp(x) + sp.sin(x) * sp.cos(x), backend="llvm")
    _, variants = f.module._attributes()
    if not variants:
        pytest.skip("no vector libm here")
    text = _assembly(f.module)
    for name in ("exp", "sin", "cos"):
        assert any(symbol.endswith(f"_{name}") and symbol in text for symbol in variants), name


@pytest.mark.parametrize("backend", ["llvm", "cython"])
def test_columns_of_any_stride_and_length(backend: Backend) -> None:
    """Of every length about that of a tile, and of more blocks than there are threads."""
    definition = sc.define("line", (a + b * x - y) ** 2, params=(a, b), data=(x, y), reduce="sum")
    kernel = sc.compile(definition, backend=backend)
    table = np.random.default_rng(5).normal(size=(300_001, 3))
    p = np.array([0.5, -1.25])
    for n in (*range(1, 10), *range(2045, 2052), 4096, 4097, 131_072, 131_073, 300_001):
        for xs, ys in (
            (table[:n, 0], table[:n, 2]),
            (table[:n, 0][::-1], table[:n, 1].copy()),
            (table[: 2 * n : 2, 1][: n // 2 + 1], table[: n // 2 + 1, 0]),
        ):
            size = min(len(xs), len(ys))
            value, slope = kernel.value_and_grad(p, xs[:size], ys[:size])
            error = p[0] + p[1] * xs[:size] - ys[:size]
            assert value == pytest.approx(math.fsum(error**2), rel=1e-13)
            assert slope[0] == pytest.approx(math.fsum(2 * error), rel=1e-11, abs=1e-10)
            assert slope[1] == pytest.approx(math.fsum(2 * error * xs[:size]), rel=1e-12)
