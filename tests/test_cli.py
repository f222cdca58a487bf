"""The command line: what it prints, writes and exits with."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

import symcompile as sc
from symcompile.build.cache import Cache
from symcompile.checking.report import Report
from symcompile.checking.setting import Setting
from symcompile.cli import main

SQUARE = """
import sympy as sp
import symcompile as sc

w, x = sp.symbols("w x")
square = sc.define("square", (w*x - 1)**2, params=w, data=x, reduce="mean")
"""


def run(*arguments: str | Path) -> Result:
    """Run the command; anything but an exit is a failure of the test."""
    found = CliRunner().invoke(main, [str(a) for a in arguments], catch_exceptions=False)
    assert "Traceback" not in found.output
    return found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "square.py"
    path.write_text(SQUARE, encoding="utf-8")
    return path


def alone(code: str, folder: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )


# ---------------------------------------------------------------------- build and check


def test_build_makes_modules_that_import_from_the_folder(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "generated"
    found = run("build", file, "--out", out)
    assert found.exit_code == 0, found.output
    names = {path.name.partition(".")[0] for path in out.iterdir()}
    assert names == {"__init__", "square_python", "square_numba", "square_cython"}
    assert list(out.glob("square_cython.*.so" if os.name == "posix" else "*.pyd"))
    assert found.stdout.count("changed") == 3

    code = (
        "import sys\n"
        "from generated import square_cython, square_numba, square_python\n"
        "assert not {'sympy', 'symcompile'} & set(sys.modules)\n"
        "for m in (square_python, square_numba, square_cython):\n"
        "    value, grad = m.value_and_grad([3.0], [1.0, 2.0])\n"
        "    print(value, grad.tolist())\n"
    )
    done = alone(code, tmp_path, PYTHONPATH="")
    assert done.returncode == 0, done.stderr
    # mean((3x - 1)**2) and mean(2 (3x - 1) x) at x = 1, 2
    assert done.stdout == "14.5 [12.0]\n" * 3
    done = alone("import square_cython as m; print(m.value([3.0], [1.0, 2.0]))", out)
    assert done.stdout == "14.5\n", done.stderr


def test_building_again_changes_nothing(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "generated"
    run("build", file, "--out", out)
    before = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    found = run("build", file, "--out", out)
    assert found.stdout.count("up to date") == 3
    assert {path: path.stat().st_mtime_ns for path in out.iterdir()} == before


def test_build_of_one_backend(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "elsewhere" / "deep"
    assert run("build", file, "--out", out, "--backend", "python").exit_code == 0
    assert {path.name for path in out.iterdir()} == {
        "__init__.py",
        "square_python.py",
        "square_python.pyi",
    }


def test_build_of_c(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("build", file, "--out", out, "--backend", "python", "--c").exit_code == 0
    assert "int square_grad(" in (out / "square.h").read_text()
    options = ("--out", out, "--backend", "python")
    assert run("check", file, *options, "--c").exit_code == 0
    (out / "square.c").unlink()
    assert run("check", file, *options).exit_code == 0
    stale = run("check", file, *options, "--c")
    assert stale.exit_code == 1
    assert "square.c" in stale.stderr


def test_c_of_what_needs_scipy_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "airy.py"
    file.write_text(
        "import sympy as sp, symcompile as sc\n"
        "x = sp.Symbol('x')\n"
        "airy = sc.define('airy', sp.airyai(x), params=x)\n"
    )
    found = run("build", file, "--out", tmp_path / "out", "--backend", "python", "--c")
    assert found.exit_code == 2
    assert "airy cannot be written in C by itself: it calls airy of scipy.special" in found.stderr
    assert not list((tmp_path / "out").glob("*.[ch]"))


def test_an_extension_of_former_source_goes(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "generated"
    out.mkdir()
    for name in ("square_cython.cpython-39-x86_64-linux-gnu.so", "squares_cython.abi3.so"):
        (out / name).touch()
    run("build", file, "--out", out)
    assert not (out / "square_cython.cpython-39-x86_64-linux-gnu.so").exists()
    assert (out / "squares_cython.abi3.so").exists()


def test_without_a_compiler(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    out = tmp_path / "generated"
    found = run("build", file, "--out", out)
    assert found.exit_code == 0
    assert "not compiled" in found.stdout
    assert "no-such-compiler" in found.stderr
    assert (out / "square_cython.pyx").exists()
    assert (out / "square_numba.py").exists()
    asked = run("build", file, "--out", out, "--backend", "cython")
    assert asked.exit_code == 2
    assert "no-such-compiler" in asked.stderr


def test_check(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")  # it never compiles
    out = tmp_path / "generated"
    missing = run("check", file, "--out", out)
    assert missing.exit_code == 1
    assert "--- /dev/null" in missing.stdout
    assert not out.exists()

    run("build", file, "--out", out)
    assert run("check", file, "--out", out).exit_code == 0
    path = out / "square_numba.py"
    path.write_text(path.read_text().replace("def grad(", "def gard("))
    stale = run("check", file, "--out", out)
    assert stale.exit_code == 1
    assert "-def gard(" in stale.stdout
    assert "+def grad(" in stale.stdout
    assert "square_numba.py" in stale.stderr
    assert "square_python.py" not in stale.output
    assert run("check", file, "--out", out, "--backend", "python").exit_code == 0


def test_a_folder_that_cannot_be_written(file: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    found = run("build", file, "--out", tmp_path / "taken" / "in", "--backend", "python")
    assert found.exit_code == 2
    assert "cannot be written" in found.stderr


# ---------------------------------------------------------------------- verify


def test_verify_passes(file: Path) -> None:
    found = run("verify", file, "--backend", "python", "--backend", "numba")
    assert found.exit_code == 0, found.output
    assert "cross-check of square" in found.stdout
    assert "OK" in found.stdout
    assert "cython" not in found.stdout


def test_verify_fails_where_a_backend_is_off(
    file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from symcompile.emit import python

    # What another test has compiled would be taken from the cache.
    monkeypatch.setenv("SYMCOMPILE_CACHE_DIR", str(tmp_path / "cache"))

    emit = python.emit_python

    def broken(*arguments: object) -> str:
        text = emit(*arguments)  # type: ignore[arg-type]
        assert "1.0" in text
        return text.replace("1.0", "1.0000001")

    monkeypatch.setattr(python, "emit_python", broken)
    found = run("verify", file, "--backend", "python", "--backend", "numba")
    assert found.exit_code == 1
    assert "NOT OK" in found.stdout
    assert "square" in found.stderr


def test_verify_finds_data_on_which_the_value_is_finite(tmp_path: Path) -> None:
    path = tmp_path / "roots.py"
    path.write_text(
        "import sympy as sp, symcompile as sc\n"
        "w, x, c = sp.symbols('w x c')\n"
        "roots = sc.define('roots', w*sp.log(x - 1) + sp.sqrt(c), params=w, data=x,"
        " reduce='sum', constants=(c,))\n"
    )
    found = run("verify", path, "--backend", "python")
    assert found.exit_code == 0, found.output


# ---------------------------------------------------------------------- show


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        ("sympy", "mean((w*x - 1)**2)"),
        ("ir", "sum over i of"),
        ("schedule", "for each sample i:"),
        ("binding", "sum over i of x[i]**2"),
        ("source", "def value_and_grad(p, x):"),
    ],
)
def test_show_is_plain_in_a_pipe(file: Path, stage: str, said: str) -> None:
    found = run("show", file, "--stage", stage)
    assert found.exit_code == 0
    assert said in found.stdout
    assert "\x1b" not in found.stdout


def test_shown_source_is_what_build_writes(file: Path, tmp_path: Path) -> None:
    run("build", file, "--out", tmp_path, "--backend", "numba")
    found = run("show", file, "--stage", "source", "--backend", "numba")
    assert found.stdout == (tmp_path / "square_numba.py").read_text()


def test_show_chooses_by_name(tmp_path: Path) -> None:
    path = tmp_path / "two.py"
    path.write_text(SQUARE + "line = sc.define('line', w*x, params=(w, x))\n")
    both = run("show", path, "--stage", "sympy").stdout
    one = run("show", path, "--stage", "sympy", "--name", "line").stdout
    assert one.splitlines()[0] == "line(w, x)"
    assert both.endswith("\n\n" + one)
    none = run("show", path, "--stage", "sympy", "--name", "curve")
    assert none.exit_code == 2
    assert "it has square, line" in none.stderr


# ---------------------------------------------------------------------- cache, errors, help


def test_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sympy as sp

    monkeypatch.setenv("SYMCOMPILE_CACHE_DIR", str(tmp_path / "cache"))
    assert "modules  0" in run("cache", "info").stdout
    x = sp.Symbol("x")
    sc.compile(x**3, params=x, backend="python")
    shown = run("cache", "info").stdout
    assert "modules  1" in shown
    assert str(tmp_path / "cache") in shown
    assert "limit    1 GB" in shown
    assert "oldest   last used 0 minutes ago" in shown
    assert "0 modules, 0 bytes, removed" in run("cache", "prune", "--size", "0").stdout
    for manifest in (tmp_path / "cache").glob("??/*/manifest.json"):
        os.utime(manifest, (time.time() - 40 * 24 * 3600,) * 2)
    assert "oldest   last used 40 days ago" in run("cache", "info").stdout
    assert "0 modules" in run("cache", "prune", "--older-than", "50d").stdout
    assert "1 module, " in run("cache", "prune", "--older-than", "30d").stdout
    monkeypatch.setenv("SYMCOMPILE_CACHE_SIZE", "much")
    wrong = run("cache", "info")
    assert wrong.exit_code != 0
    assert "SYMCOMPILE_CACHE_SIZE" in wrong.stderr
    monkeypatch.setenv("SYMCOMPILE_CACHE_SIZE", "2GB")
    Cache(tmp_path / "cache").get_or_build("a" * 64, lambda folder: (folder / "f").touch())
    assert "limit    2 GB" in run("cache", "info").stdout
    assert "1 module removed" in run("cache", "clear").stdout
    assert "modules  0" in run("cache", "info").stdout


@pytest.mark.parametrize("command", ["build", "check", "verify", "show"])
def test_an_error_of_the_user_is_one_line(command: str, tmp_path: Path) -> None:
    arguments = ["--stage", "ir"] if command == "show" else []
    found = run(command, tmp_path / "missing.py", *arguments)
    assert found.exit_code == 2
    assert found.stderr == f"symcompile: there is no file {tmp_path / 'missing.py'}\n"
    assert found.stdout == ""


def test_a_bug_traces_back(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(path: Path) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("symcompile.project.items.load_definitions", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        run("check", file)


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["show", "f.py"], ["build", "f.py", "--backend", "fortran"]]
)
def test_usage_errors(arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


def test_version_and_help_as_a_module(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "symcompile", "--version"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, f"symcompile {sc.__version__}\n")
    shown = run("--help").stdout
    for command in ("demo", "build", "check", "verify", "show", "cache"):
        assert command in shown


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from symcompile.cli import main\n"
        "main(['--help'], standalone_mode=False)\n"
        "heavy = {'numba', 'Cython', 'scipy', 'jinja2', 'matplotlib', 'pandas'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = alone(code, Path.cwd(), PYTHONPATH=os.pathsep.join(sys.path))
    assert done.stdout.endswith("[]\n"), done.stderr


def test_verify_reports_what_crosscheck_found(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Setting] = []

    def recorded(setting: Setting, **_: object) -> Report:
        seen.append(setting)
        return Report("square", (), 16.0)

    monkeypatch.setattr("symcompile.checking.crosscheck.check_all", recorded)
    run("verify", file)
    run("verify", file)
    first, second = (setting.columns for setting in seen)
    np.testing.assert_array_equal(first, second)
    assert first[0].shape == (200,)


# ---------------------------------------------------------------------- index notation


def test_a_definition_in_index_notation(tmp_path: Path) -> None:
    """Build, use what was built without SymPy, check, verify and show."""
    file, out = Path(__file__).parent.parent / "examples" / "ridge.py", tmp_path / "generated"
    assert run("build", file, "--out", out, "--backend", "python").exit_code == 0
    code = """
import sys
from generated import ridge_python
value, grad = ridge_python.value_and_grad([1.0, -1.0], [[1, 2], [3, 4], [5, 6]], [0, 1, 0], lam=0.5)
print(round(value, 9), grad.round(9).tolist(), "sympy" in sys.modules)
"""
    done = alone(code, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "3.0 [-7.0, -11.666666667] False\n"
    assert "up to date" in run("check", file, "--out", out, "--backend", "python").output
    verified = run("verify", file, "--backend", "python")
    assert verified.exit_code == 0
    assert "Data: X (" in verified.output
    assert "value(w[d]; X[n, d], y[n]; lam)" in run("show", file, "--stage", "ir").output
