"""Records of verified modules: written, read, and checked again where SymPy is not."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from symcompile.cli import main
from symcompile.errors import BuildFileError
from symcompile.recheck import imported, kept, recheck, restored

FILE = """
import sympy as sp
import symcompile as sc
a, b, x, y = sp.symbols("a b x y")
wave = sc.define("wave", a*x - y, params=a, data=(x, y), reduce="mean")
rows = sc.define("rows", [a*sp.exp(b), b], params=(a, b))
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a definition file, and modules with records in lib/."""
    folder = tmp_path_factory.mktemp("records")
    (folder / "models.py").write_text(FILE)
    for command in ("build", "verify"):
        arguments = [command, str(folder / "models.py"), "--out", str(folder / "lib")]
        done = CliRunner().invoke(main, [*arguments, "--backend", "python"], catch_exceptions=False)
        assert done.exit_code == 0, done.output
    return folder


def run(*args: str) -> Any:
    return CliRunner().invoke(main, ["verify", *args], catch_exceptions=False)


def test_a_module_shows_its_record(built: Path) -> None:
    module, record = imported(str(built / "lib" / "wave_python.py"))
    assert module.__symcompile__ == record
    assert record["ok"] and record["name"] == "wave" and record["backend"] == "python"
    assert record["functions"]["grad"]["compared"] == ["oracle"]
    assert record["functions"]["grad"]["conditioned_ulp"] < 16
    assert {"symcompile", "sympy", "numpy", "python"} <= record["versions"].keys()
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = module.nothing


def test_records_hold_the_truth_rounded_once(built: Path) -> None:
    _, record = imported(str(built / "lib" / "wave_python.py"))
    case = record["cases"]["value"]
    p, x, y = (restored(record["arrays"][k]) for k in case["arguments"])
    (part,) = case["results"]
    expected = np.mean(p[0] * x - y)
    np.testing.assert_allclose(restored(part["expected"]), [expected], rtol=1e-14)


def test_the_same_again_is_the_same_text(built: Path) -> None:
    path = built / "lib" / "rows_python.json"
    before = path.read_bytes()
    done = run(str(built / "models.py"), "--out", str(built / "lib"), "--backend", "python")
    assert done.exit_code == 0
    assert path.read_bytes() == before and len(before) < 10_000


def test_without_sympy(built: Path, tmp_path: Path) -> None:
    code = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("sympy", "mpmath", "jinja2", "Cython", "numba", "scipy"):
            raise ImportError(f"{name} is blocked")
sys.meta_path.insert(0, Blocked())
sys.path.insert(0, sys.argv.pop(1))
from symcompile.cli import main
main()
"""
    command = [sys.executable, "-c", code, str(built), "verify", "--installed", "lib.wave_python"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert "lib.wave_python against its record" in done.stdout and "value_and_grad" in done.stdout


def test_a_module_that_computes_something_else_fails(built: Path, tmp_path: Path) -> None:
    text = (built / "lib" / "rows_python.py").read_text()
    assert "exp(" in text
    (tmp_path / "rows_python.py").write_text(re.sub(r"(\w+\.exp\()", r"1.0000001*\1", text))
    (tmp_path / "rows_python.json").write_text((built / "lib" / "rows_python.json").read_text())
    done = run("--installed", str(tmp_path / "rows_python.py"), "--json")
    assert done.exit_code == 1
    (found,) = json.loads(done.stdout[: done.stdout.rindex("]") + 1])
    assert not found["ok"]
    assert any("conditioned ulp" in f["failure"] for f in found["functions"])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda p: p.unlink(), "has no record"),
        (lambda p: p.write_text("{"), "cannot be read"),
        (lambda p: p.write_text('{"format": 99}'), "not a record of format 1"),
        (lambda p: p.write_text('{"format": 1, "tolerance": 1}'), "damaged"),
    ],
)
def test_bad_records(built: Path, tmp_path: Path, damage: Any, message: str) -> None:
    for name in ("wave_python.py", "wave_python.json"):
        (tmp_path / name).write_text((built / "lib" / name).read_text())
    damage(tmp_path / "wave_python.json")
    with pytest.raises(BuildFileError, match=message):
        recheck(*imported(str(tmp_path / "wave_python.py")))


def test_what_is_no_module(tmp_path: Path) -> None:
    for name in ("no_such_module_at_all", str(tmp_path / "absent.py")):
        with pytest.raises(BuildFileError, match="cannot be imported"):
            imported(name)


def test_functions_that_fail_are_reported(built: Path) -> None:
    module, record = imported(str(built / "lib" / "wave_python.py"))
    module.value = lambda p, x, y: np.zeros(3)
    module.grad = lambda p, x, y: 1 / 0
    del module.hvp
    found = {one.function: one for one in recheck(module, record)}
    assert "shape (3,), not ()" in found["value"].note
    assert "ZeroDivisionError" in found["grad"].note and "AttributeError" in found["hvp"].note
    assert found["jacobian"].ok and not found["value"].ok


def test_junit_and_json(built: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    file = str(built / "models.py")
    done = run(file, "--backend", "python", "--json", "--junit", str(report))
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    assert [one["name"] for one in found] == ["wave", "rows"] and all(one["ok"] for one in found)
    root = ElementTree.parse(report).getroot()
    assert [suite.get("name") for suite in root] == ["wave", "rows"]
    names = {case.get("name") for case in root.iter("testcase")}
    assert {"value", "grad", "jacobian"} <= names and root.get("failures") == "0"


def test_wrong_arguments(built: Path, tmp_path: Path) -> None:
    assert "name a FILE" in run().stderr
    file = str(built / "models.py")
    assert "name a FILE" in run(file, "--installed", "lib").stderr
    (tmp_path / "empty").mkdir()
    done = run(file, "--out", str(tmp_path / "empty"), "--backend", "python")
    assert done.exit_code == 2 and "has no module of wave" in done.stderr
    (tmp_path / "wave_python.py").write_text("old = 1\n")
    done = run(file, "--out", str(tmp_path), "--backend", "python")
    assert done.exit_code == 2 and "is out of date" in done.stderr


@given(
    arrays.arrays(
        st.sampled_from([np.float64, np.float32, np.complex128]),
        arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
    )
)
def test_arrays_survive_json(array: Any) -> None:
    copy = restored(json.loads(json.dumps(kept(array))))
    assert copy.dtype == array.dtype and copy.shape == array.shape
    np.testing.assert_array_equal(copy, array)
