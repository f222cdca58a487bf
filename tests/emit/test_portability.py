"""The C of a module compiles where there is no vector libm, and calls it where there is one."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import sympy as sp

from symcompile.compiler import plan
from symcompile.emit.c_program import emit_c
from symcompile.emit.clones import cloned
from symcompile.frontend.definition import define

FLAGS = (
    *("-S", "-O1", "-ftree-vectorize", "-fopenmp-simd", "-fno-math-errno", "-fno-trapping-math"),
    *("-ffp-contract=off", "-Werror=implicit-function-declaration", "-o", "-"),
)
COMPILERS = ("gcc", "clang", "musl-gcc", "aarch64-linux-gnu-gcc")


def c_source() -> str:
    """Return a module's functions in C, in one file; a Cython module holds the same text."""
    x, w = sp.symbols("x w")
    found = define("portable", sp.log(1 + sp.exp(w * x)), params=w, data=x, reduce="sum")
    header, code = emit_c(found, plan(found, ["value"]))
    return code.replace('#include "portable.h"\n', header)


def assembly(compiler: str, code: str, folder: Path) -> str:
    file = folder / "portable.c"
    file.write_text(code)
    command = [compiler, *FLAGS, str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.mark.parametrize("compiler", COMPILERS)
def test_code_compiles_anywhere(compiler: str, tmp_path: Path) -> None:
    if not shutil.which(compiler):
        pytest.skip(f"{compiler} is not here")
    text = assembly(compiler, c_source(), tmp_path)
    assert re.search(r"\bexp\b", text)
    if compiler in ("clang", "musl-gcc"):
        assert "_ZGV" not in text


def test_loops_are_there_for_several_processors(tmp_path: Path) -> None:
    if not shutil.which("gcc") or platform.machine() != "x86_64":
        pytest.skip("for gcc on x86-64")
    text = assembly("gcc", c_source(), tmp_path)
    if "_ZGV" not in text:
        pytest.skip("this C library has no vector functions")
    assert "gnu_indirect_function" in text
    for variant in ("_ZGVbN2v_exp", "_ZGVdN4v_exp", "_ZGVeN8v_exp"):
        assert variant in text
    # What is for one processor is there once.
    once = c_source().replace("SC_CLONES static", "static")
    assert "gnu_indirect_function" not in assembly("gcc", once, tmp_path)
    one = assembly("gcc", f"#define __AVX2__ 1\n{c_source()}", tmp_path)
    assert "gnu_indirect_function" not in one


def test_long_bodies_are_there_once() -> None:
    loop = ["#pragma omp simd", "for (;;) {}"]
    assert cloned(loop) and not cloned([*loop, *["x++;"] * 3000])


def test_arm_is_told_of_its_vector_functions(tmp_path: Path) -> None:
    compiler = "aarch64-linux-gnu-gcc"
    if not shutil.which(compiler):
        pytest.skip(f"{compiler} is not here")
    code = c_source()
    assert "__GLIBC_PREREQ(2, 40)" in code
    # Headers of an older library declare the same functions.
    text = assembly(compiler, code.replace("__GLIBC_PREREQ(2, 40)", "1"), tmp_path)
    assert {"_ZGVnN2v_exp", "_ZGVnN2v_log1p"} <= set(re.findall(r"_ZGV\w+", text))
