"""What templates compile to is kept, and made again where it is missing or damaged."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_RENDERED = """
import sys
from pathlib import Path
from jinja2 import Environment
from symcompile.build.bytecode import keep_templates
from symcompile.emit.templates import environment
from symcompile.options import Options

compiled = []
original = Environment.compile
Environment.compile = lambda self, *args, **kw: compiled.append(1) or original(self, *args, **kw)
keep_templates(Options(cache_dir=sys.argv[1]))
for name in ("llvm/imports.py.j2", "shared/header.py.j2"):
    environment().get_template(name)
print(len(compiled))
"""


def _compiled(tmp_path: Path, write: bool = True) -> int:
    """Return how many of two templates a process has to compile."""
    env = {**os.environ, "PYTHONPYCACHEPREFIX": str(tmp_path / "bytecode")}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    if not write:
        env["PYTHONDONTWRITEBYTECODE"] = "1"
    command = [sys.executable, "-c", _RENDERED, str(tmp_path / "cache")]
    return int(subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout)


def _kept(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and "jinja3" in path.name]


def test_templates_are_compiled_once(tmp_path: Path) -> None:
    assert [_compiled(tmp_path) for _ in range(2)] == [2, 0]
    assert len(_kept(tmp_path / "bytecode")) == 2
    assert not (tmp_path / "cache").exists()


def test_damaged_bytecode_is_made_again(tmp_path: Path) -> None:
    _compiled(tmp_path)
    torn, empty = _kept(tmp_path / "bytecode")
    torn.write_bytes(torn.read_bytes()[:30])
    empty.write_bytes(b"")
    assert [_compiled(tmp_path) for _ in range(2)] == [2, 0]


def test_bytecode_of_another_source_or_of_others_is_not_used(tmp_path: Path) -> None:
    _compiled(tmp_path)
    one, other = _kept(tmp_path / "bytecode")
    one.write_bytes(other.read_bytes())
    other.chmod(0o666)
    assert _compiled(tmp_path) == 2


def test_where_python_writes_no_bytecode_it_is_in_the_cache(tmp_path: Path) -> None:
    assert [_compiled(tmp_path, write=False) for _ in range(2)] == [2, 0]
    assert len(list((tmp_path / "cache" / "templates").iterdir())) == 2
    assert not _kept(tmp_path / "bytecode")
