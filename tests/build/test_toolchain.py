"""Finding a compiler, saying what it is, and what it says about bad source."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from symcompile.build import cpu, diagnostics, toolchain
from symcompile.build.toolchain import (
    Toolchain,
    compile_extension,
    cpu_features,
    extension_suffix,
    find_toolchain,
    identity,
    optimization_level,
)
from symcompile.errors import BackendError, CompileError, ToolchainError
from symcompile.options import Options

NATIVE = Options()
PORTABLE = Options(target="portable")
QUICK = Options(optimize=1)

C_MODULE = """
#include <Python.h>
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "tiny", NULL, -1, NULL};
PyMODINIT_FUNC PyInit_tiny(void) { return PyModule_Create(&definition); }
"""

PYX = """
cdef extern from *:
    '''
    static double twice(double x) { return 2 * x; }
    '''
    double twice(double)

def double_of(double x):
    return twice(x)
"""


@pytest.fixture(autouse=True)
def fresh_lookup() -> Iterator[None]:
    toolchain._find_toolchain.cache_clear()
    yield
    toolchain._find_toolchain.cache_clear()


@pytest.fixture
def compiler() -> Toolchain:
    try:
        return find_toolchain()
    except ToolchainError as error:
        pytest.skip(str(error))


def wrapper(path: Path, compiler: Toolchain, condition: str) -> Path:
    """A compiler that fails where the shell condition on its arguments holds."""
    command = " ".join(compiler.command)
    path.write_text(
        f'#!/bin/sh\ncase " $* " in {condition}) echo "cc: error: refused" >&2; exit 1;; esac\n'
        f'exec {command} "$@"\n'
    )
    path.chmod(0o755)
    return path


def test_environment_decides(
    compiler: Toolchain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = wrapper(tmp_path / "my cc", compiler, "*nothing*")
    monkeypatch.setenv("CC", f"'{mine}' -DX=1")
    assert find_toolchain().command == (str(mine), "-DX=1")


def test_found_by_name_on_path(
    compiler: Toolchain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CC", raising=False)
    mine = wrapper(tmp_path / "clang", compiler, "*nothing*")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_toolchain().command == (str(mine),)


def test_no_compiler_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CC", raising=False)
    for path in ("", str(tmp_path)):
        monkeypatch.setenv("PATH", path)
        with pytest.raises(ToolchainError, match=r"No C compiler .*build-essential") as caught:
            find_toolchain()
        assert "numba" in str(caught.value)
        assert isinstance(caught.value, BackendError)


@pytest.mark.parametrize("cc", ["/nowhere/cc", "no-such-compiler -O2", "'unbalanced"])
def test_bad_cc_is_named_and_not_replaced(cc: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", cc)
    with pytest.raises(ToolchainError, match="CC") as caught:
        find_toolchain()
    assert repr(cc) in str(caught.value)


def test_missing_headers(
    compiler: Toolchain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toolchain._find_toolchain.cache_clear()
    nowhere = {"include": str(tmp_path), "platinclude": str(tmp_path)}
    monkeypatch.setattr(sysconfig, "get_paths", lambda: nowhere)
    with pytest.raises(ToolchainError, match=r"Python\.h .*-dev"):
        find_toolchain()


def test_windows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain.sys, "platform", "win32")
    with pytest.raises(ToolchainError, match=r"Windows.*numba and python"):
        find_toolchain()


def test_level_is_one_unless_asked_for() -> None:
    assert optimization_level(Options()) == 1
    assert optimization_level(Options(optimize=3)) == 3
    assert optimization_level(Options(optimize=0)) == 1


def test_identity_tells_targets_and_compilers_apart(compiler: Toolchain) -> None:
    others = [
        replace(compiler, command=(*compiler.command, "-DX")),
        replace(compiler, stamp=(*compiler.stamp[:-1], "0")),
        replace(compiler, include_dirs=("/elsewhere",)),
    ]
    identities = {identity(each, NATIVE) for each in (compiler, *others)}
    identities.add(identity(compiler, PORTABLE))
    assert len(identities) == 5
    assert identity(compiler, NATIVE) == identity(compiler, NATIVE)


def test_identity_follows_a_changed_compiler(
    compiler: Toolchain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = wrapper(tmp_path / "cc", compiler, "*nothing*")
    monkeypatch.setenv("CC", str(mine))
    before = identity(find_toolchain(), NATIVE)
    os.utime(mine, ns=(1, 1))
    toolchain._find_toolchain.cache_clear()
    assert identity(find_toolchain(), NATIVE) != before


def test_identity_covers_the_processor_of_native_code_only(
    compiler: Toolchain, monkeypatch: pytest.MonkeyPatch
) -> None:
    native, portable = identity(compiler, NATIVE), identity(compiler, PORTABLE)
    monkeypatch.setattr(toolchain, "cpu_features", lambda: "another processor")
    assert identity(compiler, NATIVE) != native
    assert identity(compiler, PORTABLE) == portable


def test_identity_covers_flags_and_versions(
    compiler: Toolchain, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = identity(compiler, NATIVE)
    with monkeypatch.context() as patch:
        patch.setattr(toolchain, "_OPTIONAL_FLAGS", ("-ffast-math",))
        assert identity(compiler, NATIVE) != before
    for package in ("cython", "numpy"):
        with monkeypatch.context() as patch:
            known = toolchain._version
            patch.setattr(
                toolchain,
                "_version",
                lambda name, changed=package, known=known: (
                    "0.0" if name == changed else known(name)
                ),
            )
            assert identity(compiler, NATIVE) != before
    with monkeypatch.context() as patch:
        patch.setattr(toolchain, "extension_suffix", lambda: ".abi3.so")
        assert identity(compiler, NATIVE) != before


def test_identity_runs_no_program(compiler: Toolchain, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **keywords: object) -> None:
        raise AssertionError("a program was run")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    cpu_features.cache_clear()
    toolchain._find_toolchain.cache_clear()
    identity(find_toolchain(), NATIVE)


def test_cpu_features_read_the_first_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def described(text: str) -> str:
        file = tmp_path / "cpuinfo"
        file.write_text(text)
        monkeypatch.setattr(cpu, "_CPUINFO", file)
        monkeypatch.setattr(cpu.sys, "platform", "linux")
        cpu_features.cache_clear()
        return cpu_features()

    try:
        first = "processor\t: 0\nmodel name\t: P\ncpu MHz\t: 1.0\nflags\t: sse avx512f\n"
        text = described(first)
        assert cpu.has_feature("avx512f")
        assert not cpu.has_feature("avx512")
        # Neither the clock, nor the order of flags, nor other processors matter.
        assert described(first.replace("1.0", "2.0") + "\nprocessor: 1\nflags: x\n") == text
        assert described(first.replace("sse avx512f", "avx512f sse")) == text
        assert described(first.replace(" avx512f", "")) != text
        assert described(first.replace(": P", ": Q")) != text
        assert described("")
    finally:
        cpu_features.cache_clear()


def test_compiles_the_same_binary_anywhere(
    compiler: Toolchain, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = Path.cwd(), list(sys.path), set(sys.modules)
    binaries = []
    for name in ("one", "another one"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "tiny.pyx").write_text(PYX)
        built = compile_extension(compiler, folder / "tiny.pyx", folder, options=QUICK)
        assert built == folder / f"tiny{extension_suffix()}"
        assert {path.name for path in folder.iterdir()} == {"tiny.pyx", built.name}
        binaries.append(built.read_bytes())
    assert binaries[0] == binaries[1]
    assert os.fsencode(tmp_path) not in binaries[0]
    assert (Path.cwd(), sys.path) == before[:2]
    assert "tiny" not in sys.modules
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("where", [".", "/", "/usr"])
def test_no_path_is_in_a_binary(
    compiler: Toolchain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.chdir(where)
    (tmp_path / "tiny.pyx").write_text(PYX + "\ndef failing(x):\n    return [1][x]\n")
    built = compile_extension(compiler, tmp_path / "tiny.pyx", tmp_path, options=QUICK)
    content = built.read_bytes()
    assert b"tiny.pyx" in content
    assert b"/tiny.pyx" not in content
    assert os.fsencode(tmp_path.name) not in content


def test_cython_error_shows_the_line(
    compiler: Toolchain, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pyx = tmp_path / "bad.pyx"
    pyx.write_text("def f(x):\n    return x\n\ncdef no_such_type y\n")
    with pytest.raises(CompileError, match=r"bad\.pyx:4:5: 'no_such_type'") as caught:
        compile_extension(compiler, pyx, tmp_path, options=QUICK)
    assert "cdef no_such_type y" in str(caught.value)
    assert str(tmp_path) not in str(caught.value)
    assert list(tmp_path.iterdir()) == [pyx]
    assert capfd.readouterr() == ("", "")


def test_c_error_shows_the_line_and_keeps_the_log(
    compiler: Toolchain, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pyx = tmp_path / "bad.pyx"
    pyx.write_text(PYX.replace("2 * x;", "2 * no_such_name;"))
    with pytest.raises(CompileError, match=r"bad\.c:\d+:\d+: error: .*no_such_name") as caught:
        compile_extension(compiler, pyx, tmp_path, options=QUICK)
    assert "static double twice(double x) { return 2 * no_such_name; }" in str(caught.value)
    assert isinstance(caught.value, diagnostics.RejectedSourceError)
    assert "-O1" in caught.value.log
    assert list(tmp_path.iterdir()) == [pyx]
    assert capfd.readouterr() == ("", "")


def compile_tiny(compiler: Toolchain, folder: Path) -> None:
    (folder / "tiny.c").write_text(C_MODULE)
    toolchain._compile_c(
        compiler,
        folder / "tiny.c",
        folder / "tiny.so",
        level=1,
        flags=toolchain._tunable_flags(NATIVE),
    )


def test_refused_flags_are_dropped(
    compiler: Toolchain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited = wrapper(tmp_path / "cc", compiler, '*" -fwrapv "*|*" -march=native "*')
    monkeypatch.setenv("CC", str(limited))
    found = find_toolchain()
    compile_tiny(found, tmp_path)
    assert (tmp_path / "tiny.so").exists()
    (refused,) = [flags for (key, _), flags in toolchain._refused.items() if key == found]
    assert refused == {"-fwrapv", "-march=native"}


def test_compiler_that_never_works(
    compiler: Toolchain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", str(wrapper(tmp_path / "cc", compiler, "*")))
    with pytest.raises(ToolchainError, match=r"one-line program:\ncc: error: refused"):
        compile_tiny(find_toolchain(), tmp_path)


def test_compiler_that_is_gone(compiler: Toolchain, tmp_path: Path) -> None:
    gone = replace(compiler, command=(str(tmp_path / "gone"),))
    with pytest.raises(ToolchainError, match="cannot be run"):
        compile_tiny(gone, tmp_path)


def test_only_the_first_errors_are_shown() -> None:
    output = "k.c: In function 'f':\n" + "".join(
        f"k.c:{line}:1: error: bad {line}\n    {line} | source {line}\n      | ^\n"
        for line in range(10)
    )
    shown = diagnostics.first_c_errors(output)
    assert shown.splitlines()[:4] == output.splitlines()[:4]
    assert "bad 2" in shown
    assert "bad 3" not in shown
    assert shown.endswith("... and 7 more errors")
    assert diagnostics.first_c_errors("Killed\n") == "Killed"
    linker = "ld: k.o: undefined reference to `g'\ncollect2: error: ld returned 1 exit status"
    assert diagnostics.first_c_errors(linker) == linker


@pytest.mark.skipif(not cpu.has_feature("avx"), reason="no upper halves of registers here")
def test_functions_leave_no_vector_register_in_use(compiler: Toolchain, tmp_path: Path) -> None:
    """What returns with the upper halves in use slows down libm for the whole process."""
    text = "void f(double *x, double y) { for (int i = 0; i < 1024; i++) x[i] += y; }"
    (tmp_path / "f.c").write_text(text, encoding="utf-8")
    options = Options()
    flags = [
        *toolchain._tunable_flags(options),
        f"-O{toolchain.optimization_level(options)}",
    ]
    subprocess.run([*compiler.command, *flags, "-S", "f.c", "-o", "f.s"], cwd=tmp_path, check=True)
    listing = (tmp_path / "f.s").read_text(encoding="utf-8")
    assert "ymm" in listing or "zmm" in listing
    assert "vzeroupper" in listing


@pytest.mark.skipif(sys.platform != "linux", reason="glibc has the vector functions")
def test_sine_and_cosine_of_one_argument_stay_two_vector_functions(compiler: Toolchain) -> None:
    """GCC joins them to ``sincos``, of which there is no vector variant that it would call."""
    import numpy as np
    import sympy as sp

    from symcompile.elementwise import lambdify

    x = sp.Symbol("x")
    f = lambdify(x, sp.sin(x) * sp.cos(x) + sp.cos(x), backend="cython")
    points = np.linspace(-3.0, 3.0, 1001)
    expected = np.sin(points) * np.cos(points) + np.cos(points)
    np.testing.assert_allclose(f(points), expected, rtol=1e-15, atol=1e-15)
    binary = Path(f.module.__file__).read_bytes()
    if b"_ZGV" in binary:
        assert b"sincos" not in binary
