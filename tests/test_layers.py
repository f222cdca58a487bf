"""What imports what: downward only, and generated modules stand alone."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sympy as sp

from symcompile.compiler import emit, plan
from symcompile.frontend.definition import define
from symcompile.options import BACKENDS, Backend
from tests.corpus import BY_NAME

PACKAGE = Path(__file__).resolve().parent.parent / "symcompile"

#: From the bottom up. A module imports what stands before it, or beside it in its own package.
LAYERS = (
    *("library", "errors", "recheck", "options", "naming", "translate", "cc"),
    *("ir", "frontend", "autodiff", "passes", "planning", "sweeps", "schedule"),
    *("binding", "emit", "build"),
    *(
        "compiler",
        "sizes",
        "arguments",
        "packing",
        "interface",
        "moments",
        "columns",
        "gram",
        "calling",
        "optimize",
        "objective",
        "background",
        "kernel",
        "elementwise",
    ),
    *("partitions", "fitting"),
    *("definition_file", "generate", "checking", "stages", "verify", "drawing"),
    *("project", "demo", "commands", "cli"),
)
# Names what users call, and runs it.
_TOP = frozenset({"__init__", "__main__"})


def _layer(module: str) -> str:
    return module.split(".")[1] if "." in module else "__init__"


def _imports(path: Path) -> set[str]:
    """Return the modules of the package that a file imports when it is imported."""
    found: set[str] = set()
    pending: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module or "")
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue  # what is imported late cannot make a cycle at import
        pending += ast.iter_child_nodes(node)
    return {name for name in found if name.split(".")[0] == "symcompile"}


_FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", _FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_run_downward(path: Path) -> None:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    own = parts[0]
    if own in _TOP:
        return
    assert own in LAYERS, f"{own} needs a place in the list of layers"
    for name in _imports(path):
        layer = _layer(name)
        if layer == own:
            continue
        assert layer in LAYERS, f"{path} imports {name}"
        assert LAYERS.index(layer) < LAYERS.index(own), f"{'.'.join(parts)} imports {name}"


def test_the_core_imports_nothing_heavy() -> None:
    code = """
import sys, sympy
before = set(sys.modules)
import symcompile
heavy = {"numba", "Cython", "scipy", "jinja2", "rich", "matplotlib", "pandas", "click"}
print(sorted(heavy & {name.split(".")[0] for name in set(sys.modules) - before}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


_EMIT = """
import hashlib, sys
from symcompile.compiler import emit, plan
from symcompile.options import BACKENDS
from tests.corpus import BY_NAME
for name in ("branches", "logistic", "hostile_params", "per_sample", "from_cse", "matrix",
             "sampled_special", "hostile_labels", "extremes", "chain_20"):
    definition = BY_NAME[name].definition
    schedules = plan(definition)
    for backend in BACKENDS:
        text = emit(definition, schedules, backend)
        print(name, backend, hashlib.sha256(text.encode()).hexdigest(), definition.digest)
"""


def test_source_is_the_same_under_every_hash_seed() -> None:
    root = str(PACKAGE.parent)
    running = [
        subprocess.Popen(
            [sys.executable, "-c", _EMIT],
            stdout=subprocess.PIPE,
            text=True,
            cwd=root,
            env={
                **os.environ,
                "PYTHONHASHSEED": seed,
                "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")]),
            },
        )
        for seed in ("0", "4242")
    ]
    outputs = [process.communicate()[0] for process in running]
    assert outputs[0].count("\n") == 40
    assert outputs[0] == outputs[1]


_BLOCKED = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("sympy", "symcompile"):
            raise AssertionError(f"the generated module imports {name}")

sys.meta_path.insert(0, Blocker())
sys.path[:] = [p for p in sys.path if p]
import importlib.util
spec = importlib.util.spec_from_file_location(sys.argv[1], sys.argv[2])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
print(float(module.value([1.3, 2.2], [0.5, 1.0], [1.0, 2.0])))
"""


@pytest.mark.parametrize("backend", ["python", "numba"])
def test_generated_modules_stand_alone(backend: Backend, tmp_path: Path) -> None:
    definition = BY_NAME["sampled_special"].definition
    path = tmp_path / f"alone_{backend}.py"
    path.write_text(emit(definition, plan(definition, ["value"]), backend), encoding="utf-8")
    command = [sys.executable, "-c", _BLOCKED, path.stem, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout)


_EVIL = (
    *("\U0001f600", 'x"""\nraise SystemExit', "y\\", "*/ #error z", "{% raw %}", "\u00e9'''"),
    *("#pragma", "\u202e"),
)


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_name_of_a_user_stands_in_source(backend: Backend) -> None:
    evil, label = [sp.Symbol(text) for text in _EVIL], sp.Symbol('h"""')
    definition = define(
        "evil",
        [(label, evil[0] + evil[1]), label * sp.Add(*evil[1:])],
        params=evil[:4],
        data=evil[4:6],
        constants={evil[6]: 1.0, evil[7]: 2.0},
        reduce="sum",
    )
    text = emit(definition, plan(definition, ["value"]), backend)
    code = text.split("Generated by symcompile")[1]
    assert code.isascii()
    listed = ("PARAMS = ", "DATA = ")
    assert not any(
        fragment in line and not line.startswith(listed)
        for line in code.split("\n")
        for fragment in ("raise SystemExit", "#error", "{%", '#pragma"')
    )
    if backend == "python":
        space: dict[str, Any] = {"__name__": "evil"}
        exec(compile(text, "evil", "exec"), space)
        assert space["PARAMS"] == _EVIL[:4]
        assert space["DATA"] == _EVIL[4:6]
        assert all(name.isidentifier() for name, _ in space["CONSTANTS"])
