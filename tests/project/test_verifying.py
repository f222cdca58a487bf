"""Modules that are checked as they are built, and have a record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from symcompile.project import verifying
from symcompile.recheck import Recheck, imported, recheck
from tests.project.test_building import files, project, run, say, states

__all__ = ["project"]

VERIFY = "verify = true\n"


def test_records_are_built(project: Path) -> None:
    say(project, VERIFY)
    found = run("build", "--jobs", "2")
    assert found.exit_code == 0, found.output
    built = files(project)
    assert {"cube_python.json", "line_python.json"} <= built.keys()
    module, record = imported(str(project / "mine" / "kernels" / "cube_python.py"))
    assert record["ok"] and record == module.__symcompile__
    assert all(one.ok for one in recheck(module, record))
    assert states(run("build")) == ["up to date"] * 2
    (project / "mine" / "kernels" / "cube_python.json").unlink()
    assert sorted(states(run("build"))) == ["changed", "up to date"]
    assert files(project) == built
    done = run("verify", "--installed", str(project / "mine" / "kernels" / "line_python.py"))
    assert done.exit_code == 0 and "jacobian" in done.stdout


def test_a_record_speaks_of_the_functions_that_are_there(project: Path) -> None:
    say(project, '[tool.symcompile.kernels.cube]\nverify = true\nfunctions = ["value", "hvp"]\n')
    assert run("build").exit_code == 0
    assert "line_python.json" not in files(project)
    record = json.loads(files(project)["cube_python.json"])
    assert record["functions"].keys() == record["cases"].keys() == {"value", "hvp"}


def test_what_is_off_is_not_built(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def off(*_: object) -> tuple[Recheck, ...]:
        return (Recheck("grad", 99.0, 0.1, ok=False),)

    monkeypatch.setattr(verifying, "recheck", off)
    say(project, VERIFY)
    found = run("build", "--jobs", "1")
    assert found.exit_code == 2
    assert "not verified: grad: off by 99 conditioned ulp" in found.stderr
    assert not any(name.startswith("cube") for name in files(project))


def test_a_formula_that_is_finite_nowhere(project: Path) -> None:
    cube = project / "kernels" / "cube.py"
    cube.write_text(cube.read_text().replace("x**3", "sp.log(-1 - x**2)"))
    say(project, VERIFY)
    found = run("build", "--jobs", "1")
    assert found.exit_code == 2 and "cube (python): not verified: " in found.stderr
    assert "line_python.json" in files(project)


def test_what_is_no_truth_value(project: Path) -> None:
    say(project, 'verify = "yes"\n')
    found = run("build")
    assert found.exit_code == 2
    assert "tool.symcompile.verify is a text: true or false is needed" in found.stderr
