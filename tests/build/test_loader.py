"""Importing generated modules by path, and building them through the cache."""

from __future__ import annotations

import importlib
import os
import pickle
import subprocess
import sys
import threading
import traceback
import warnings
from pathlib import Path

import pytest

from symcompile.build import loader, private
from symcompile.build.cache import Cache
from symcompile.build.loader import build_cython, build_python, load_module
from symcompile.build.toolchain import find_toolchain
from symcompile.errors import BackendError, CompileError, ToolchainError
from symcompile.options import Options

PYX = """
import numpy as np

cdef extern from *:
    '''
    #include <math.h>
    static double sine(double x) { return sin(x); }
    '''
    double sine(double)

def values(x):
    return np.array([sine(each) for each in x])
"""


@pytest.fixture
def options(tmp_path: Path) -> Options:
    return Options(optimize=1, cache_dir=tmp_path / "cache")


@pytest.fixture
def compiler() -> None:
    try:
        find_toolchain()
    except ToolchainError as error:
        pytest.skip(str(error))


def test_source_is_loaded_under_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "kernel.py").write_text("def f(x):\n    return x + 1\n")
    path_before = list(sys.path)
    module = load_module(tmp_path / "kernel.py", "kernel")
    assert module.f(1) == 2
    assert module.__name__.startswith("symcompile_generated.")
    assert module.__name__.endswith(".kernel")
    assert sys.modules[module.__name__] is module
    assert importlib.import_module(module.__name__) is module
    assert "kernel" not in sys.modules
    assert sys.path == path_before
    assert module.__file__ == str(tmp_path / "kernel.py")
    assert pickle.loads(pickle.dumps(module.f)) is module.f


def test_same_path_same_module_and_a_changed_file_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "kernel.py"
    file.write_text("x = 1\n")
    module = load_module(file, "kernel")
    (tmp_path / "link").symlink_to(tmp_path)
    assert load_module(tmp_path / "link" / "kernel.py", "kernel") is module
    # Same length, within the same second: what Python's own bytecode files miss.
    file.write_text("x = 2\n")
    os.utime(file, ns=(0, file.stat().st_mtime_ns + 1))
    assert load_module(file, "kernel").x == 2
    assert list(tmp_path.glob("__pycache__/*")) == []


def test_modules_of_one_name_do_not_meet(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "json.py").write_text(f"x = {name!r}\n")
    found = [load_module(tmp_path / name / "json.py", "json").x for name in ("a", "b")]
    assert found == ["a", "b"]
    assert hasattr(sys.modules.get("json", importlib.import_module("json")), "loads")


def test_traceback_shows_generated_lines(options: Options) -> None:
    module = build_python("def f(x):\n    return 1 / x  # generated\n", "kernel", options)
    with pytest.raises(ZeroDivisionError) as caught:
        module.f(0)
    assert "return 1 / x  # generated" in "".join(traceback.format_exception(caught.value))


def test_failed_import_leaves_no_module(tmp_path: Path) -> None:
    (tmp_path / "kernel.py").write_text("raise RuntimeError('at import')\n")
    before = {name for name in sys.modules if name.endswith(".kernel")}
    with pytest.raises(RuntimeError, match="at import"):
        load_module(tmp_path / "kernel.py", "kernel")
    assert {name for name in sys.modules if name.endswith(".kernel")} == before


def test_what_cannot_be_loaded(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match=r"missing\.py"):
        load_module(tmp_path / "missing.py", "missing")
    suffix = importlib.machinery.EXTENSION_SUFFIXES[0]
    (tmp_path / f"kernel{suffix}").write_bytes(b"no library")
    with pytest.raises(BackendError, match="SYMCOMPILE_CACHE_DIR"):
        load_module(tmp_path / f"kernel{suffix}", "kernel")


def test_python_source_is_cached(options: Options, tmp_path: Path) -> None:
    source = "X = [1.5]\n"
    module = build_python(source, "kernel", options)
    assert module.X == [1.5]
    assert build_python(source, "kernel", options) is module
    assert build_python("X = [2.5]\n", "kernel", options).X == [2.5]
    assert Cache(tmp_path / "cache").info().entries == 2
    assert module.__cached__ is not None
    assert Path(module.__cached__).exists()


def test_numba_source_is_keyed_by_numba_and_processor(
    options: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys: list[tuple[str, ...]] = []
    key = loader.key
    monkeypatch.setattr(loader, "key", lambda *parts: keys.append(parts) or key(*parts))
    build_python("try:\n    from numba import njit\nexcept ImportError: pass\n", "k", options)
    build_python("# numba is not imported\n", "k", options)
    with_numba, without = keys
    assert loader.cpu_features() in with_numba
    assert loader._version("llvmlite") in with_numba
    assert loader.cpu_features() not in without


def test_python_syntax_error_shows_the_line(options: Options, tmp_path: Path) -> None:
    with pytest.raises(CompileError, match=r"line 2\n +return x \+\* 2") as caught:
        build_python("def f(x):\n    return x +* 2\n", "kernel", options)
    assert Cache(tmp_path / "cache").info().entries == 0
    (log,) = (tmp_path / "cache" / "logs").iterdir()
    assert str(log) in str(caught.value)
    assert "return x +* 2" in log.read_text()


def test_name_must_be_an_identifier(options: Options) -> None:
    for name in ("a-b", "../a", ""):
        with pytest.raises(ValueError, match="identifier"):
            build_python("", name, options)


def test_unusable_cache_falls_back_with_one_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    options = Options(cache_dir=tmp_path / "file" / "cache")
    monkeypatch.setattr(private, "_warned", threading.Event())
    with pytest.warns(RuntimeWarning, match="SYMCOMPILE_CACHE_DIR"):
        first = build_python("x = 1\n", "kernel", options)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert build_python("x = 1\n", "kernel", options) is first
        assert build_python("x = 2\n", "kernel", options).x == 2
    assert first.x == 1


def test_cython_source_is_compiled_once(options: Options, compiler: None) -> None:
    before = Path.cwd(), list(sys.path)
    module = build_cython(PYX, "waves", options)
    assert module.values([0.0, 1.0]) == pytest.approx([0.0, 0.8414709848078965], rel=1e-15)
    assert build_cython(PYX, "waves", options) is module
    assert "waves" not in sys.modules
    assert (Path.cwd(), sys.path) == before

    # Another process takes the binary as it is: Cython is not even imported.
    script = (
        "import sys\nfrom pathlib import Path\nfrom symcompile.build.loader import build_cython\n"
        "from symcompile.options import Options\n"
        "options = Options(optimize=1, cache_dir=Path(sys.argv[1]))\n"
        "module = build_cython(sys.stdin.read(), 'waves', options)\n"
        "print(module.__file__, module.values([0.0])[0], 'Cython' in sys.modules)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script, str(options.cache_dir)],
        input=PYX,
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert result.stdout.split() == [module.__file__, "0.0", "False"]


def test_cython_error_names_the_log(options: Options, compiler: None) -> None:
    with pytest.raises(CompileError, match=r"cdef nonsense(.|\n)*waves-\w+\.log") as caught:
        build_cython("cdef nonsense x\n", "waves", options)
    log = Path(str(caught.value).rsplit(": ", 1)[1])
    assert "'nonsense' is not a type identifier" in log.read_text()


def test_cython_key_follows_target_and_level(
    options: Options, compiler: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys: list[str] = []

    class RecordedError(Exception):
        pass

    def record(entry_key: str, *rest: object) -> None:
        keys.append(entry_key)
        raise RecordedError

    monkeypatch.setattr(loader, "_cached", record)
    cases = [
        (PYX, "a", Options()),
        (PYX, "a", Options(target="portable")),
        (PYX, "a", Options(optimize=3)),
        (PYX, "b", Options()),
        (PYX + "\n", "a", Options()),
    ]
    for case in cases:
        with pytest.raises(RecordedError):
            build_cython(*case)
    assert len(set(keys)) == len(cases)
    with pytest.raises(RecordedError):
        build_cython(PYX, "a", Options(cache_dir=options.cache_dir))
    assert keys[-1] == keys[0]


@pytest.mark.long
def test_numba_keeps_its_machine_code_in_the_entry(tmp_path: Path) -> None:
    source = (
        "import numba\n\n\n@numba.njit(cache=True)\ndef f(x):\n    return x * 2.0\n\n\n"
        "@numba.njit(cache=True)\ndef g(x):\n    return f(x) + 1.0\n"
    )
    script = (
        "import sys\nfrom pathlib import Path\nfrom symcompile.build.loader import build_python\n"
        "from symcompile.options import Options\n"
        "module = build_python(sys.stdin.read(), 'k', Options(cache_dir=Path(sys.argv[1])))\n"
        "print(module.g(3.0), sum(module.g.stats.cache_hits.values()))\n"
    )
    outputs = [
        subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / "cache")],
            input=source,
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parents[2],
        ).stdout.split()
        for _ in range(2)
    ]
    assert outputs == [["7.0", "0"], ["7.0", "1"]]
    assert Cache(tmp_path / "cache").info().entries == 1


def test_a_module_for_llvm_is_executed_where_it_will_lie_and_once(tmp_path: Path) -> None:
    """What was made while it was built is what importing it from the cache would make."""
    text = """
import pathlib
OBJECT, OBJECT_FILE = b"code", pathlib.Path(__file__).with_suffix(".o")
runs = []
def value():
    return OBJECT_FILE.read_bytes()
"""
    options = Options(cache_dir=str(tmp_path))
    module = loader.build_llvm(text, "once_llvm", options)
    path = Path(str(module.__file__))
    assert path.is_relative_to(tmp_path)
    assert module.value() == b"code"
    assert module.value.__code__.co_filename == str(path)
    assert pickle.loads(pickle.dumps(module.value)) is module.value
    module.runs.append(1)
    for again in (loader.build_llvm(text, "once_llvm", options), load_module(path, "once_llvm")):
        assert again.runs == [1]
    assert sys.modules[module.__name__] is module
    # A damaged entry is made again, and what is imported is what lies there.
    (path.parent / "once_llvm.o").write_bytes(b"")
    assert loader.build_llvm(text, "once_llvm", options).value() == b"code"
