"""``symcompile graph``."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from symcompile.cli import main

FILE = """
import sympy as sp
import symcompile as sc

w, x = sp.symbols("w x")
square = sc.define("square", (w*x - 1)**2, params=w, data=x, reduce="mean")
cube = sc.define("cube", w**3, params=w)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("defs.py").write_text(FILE, encoding="utf-8")
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["graph", *arguments], catch_exceptions=False)


def test_it_draws_all_definitions_or_those_named(folder: Path) -> None:
    done = run("defs.py")
    assert done.exit_code == 0, done.output
    assert done.output == ("square.svg: 8 nodes, 7 edges\ncube.svg: 3 nodes, 2 edges\n")
    assert Path("square.svg").read_text(encoding="utf-8").startswith("<?xml")
    assert run("defs.py", "cube", "--format", "pdf").exit_code == 0
    assert Path("cube.pdf").read_bytes().startswith(b"%PDF")
    assert not Path("square.pdf").exists()


def test_values_and_derivatives(folder: Path) -> None:
    done = run("defs.py", "square", "--backward", "--at", "w=2,x=[1, 2.5]", "--out", "s.png")
    assert done.exit_code == 0, done.output
    assert Path("s.png").read_bytes().startswith(b"\x89PNG")
    plain = run("defs.py", "square", "--stage", "optimised", "--out", "plain", "--format", "png")
    assert plain.exit_code == 0, plain.output
    assert Path("plain.png").stat().st_size < Path("s.png").stat().st_size


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing"], "has no definition 'nothing'; it has square, cube"),
        (["--out", "one.svg"], "2 definitions are drawn: name one"),
        (["cube", "--out", "c.gif"], "use .svg, .png, .pdf"),
        (["cube", "--out", "c.svg", "--format", "png"], "is no .png"),
        (["cube", "--at", "w"], "is not NAME=NUMBER"),
        (["cube", "--at", "w=__import__('os')"], "is a number or a list"),
        (["cube", "--at", "w=1,w=2"], "given twice"),
        (["cube", "--at", "q=1"], "has no q"),
        (["square", "--at", "w=1"], "missing for x"),
        (["square", "--at", "w=1,x=[[1],2]"], "x"),
        (["cube", "--limit", "2"], "pass limit=3"),
    ],
)
def test_mistakes_are_told_in_a_line(folder: Path, arguments: list[str], said: str) -> None:
    done = run("defs.py", *arguments)
    assert done.exit_code == 2
    assert said in done.output
    assert "Traceback" not in done.output


def test_the_page_says_what_is_so(folder: Path) -> None:
    root = Path(__file__).resolve().parent.parent.parent
    page = (root / "docs" / "pictures.md").read_text(encoding="utf-8")
    commands = [shlex.split(s) for s in page.splitlines() if s.startswith("symcompile graph")]
    assert len(commands) == 2
    for _, _, file, *rest in commands:
        done = run(str(root / file), *rest)
        assert done.exit_code == 0, done.output
    assert Path("linreg.png").exists() and Path("mlp.pdf").exists()
