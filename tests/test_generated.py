"""The golden source in ``generated/`` is what the compiler makes of the examples today."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
import sympy as sp

import symcompile as sc
from symcompile.definition_file import load_definitions
from symcompile.generate import Source, difference, generate, write, write_package
from symcompile.options import READABLE

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "generated"
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def sources(example: Path) -> list[Source]:
    definitions = load_definitions(example)
    return [source for d in definitions for source in generate(d, READABLE)]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_golden_source_is_up_to_date(example: Path, update_golden: bool) -> None:
    found = sources(example)
    if update_golden:
        for source in found:
            write(source, GOLDEN)
        write_package(GOLDEN)
    diff = "".join(difference(source, GOLDEN) for source in found)
    assert not diff, f"\n{diff}\nTo accept: pytest {Path(__file__).name} --update-golden"


def test_nothing_else_is_there() -> None:
    found_sources = [source for example in EXAMPLES for source in sources(example)]
    expected = {source.file for source in found_sources}
    expected |= {name for source in found_sources for name, _ in source.companions}
    suffixes = (".py", ".pyx", ".pyi", ".pxd")
    found = {path.name for path in GOLDEN.iterdir() if path.suffix in suffixes}
    assert found == expected | {"__init__.py"}


def test_a_stale_file_is_found(tmp_path: Path) -> None:
    (source, *_) = sources(EXAMPLES[0])
    write(source, tmp_path)
    assert difference(source, tmp_path) == ""
    path = tmp_path / source.file
    path.write_text(path.read_text().replace("def value(", "def valve("))
    assert "-def valve(" in difference(source, tmp_path)


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*_*.py")), ids=lambda path: path.name)
def test_golden_modules_import_numpy_and_their_engine_only(path: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").split(".")[0])
    engine = {"numba", "llvmlite", "os"} if path.stem.endswith("_numba") else set()
    assert imported <= {*"functools itertools json math pathlib types numpy".split(), *engine}


def test_the_pendulum_keeps_its_energy() -> None:
    a, b, da, db = state = sp.symbols("a b da db")
    m1, m2, l1, l2, g = 1.3, 0.7, 0.9, 1.4, 9.81
    first = sp.Matrix([l1 * sp.sin(a), -l1 * sp.cos(a)])
    second = first + sp.Matrix([l2 * sp.sin(b), -l2 * sp.cos(b)])
    energy = sp.Integer(0)
    for mass, place in ((m1, first), (m2, second)):
        velocity = place.diff(a) * da + place.diff(b) * db
        energy += mass * velocity.dot(velocity) / 2 + mass * g * place[1]
    slope = sp.lambdify(state, [energy.diff(symbol) for symbol in state])
    (pendulum,) = load_definitions(ROOT / "examples" / "pendulum.py")
    kernel = sc.compile(pendulum, backend="python")
    for point in ([0.4, -1.1, 0.9, 2.0], [2.5, 0.3, -1.2, 0.1]):
        rates = kernel.value(point, m1=m1, m2=m2, l1=l1, l2=l2, g=g)
        assert np.dot(slope(*point), rates) == pytest.approx(0, abs=1e-12)
        assert np.abs(rates).min() > 0.05
