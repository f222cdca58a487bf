"""What a ``pyproject.toml`` may say, and what is said of what it may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from symcompile.errors import ProjectError
from symcompile.project.config import Wanted, find_project, read_project

COMPLETE = """
[tool.symcompile]
definitions = ["kernels/*.py", "more.py"]
package = "mine.kernels"
backends = ["numba", "python"]
functions = "value"
dtypes = ["float32"]
target = "portable"

[tool.symcompile.kernels.loss]
backends = "cython"
target = "native"
"""


def read(folder: Path, text: str) -> None:
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")


def test_everything(tmp_path: Path) -> None:
    read(tmp_path, COMPLETE)
    (tmp_path / "kernels").mkdir()
    for name in ("kernels/b.py", "kernels/a.py", "more.py"):
        (tmp_path / name).touch()
    project = find_project(tmp_path / "kernels")
    assert project.root == tmp_path
    assert project.out == tmp_path / "mine" / "kernels"
    assert [file.name for file in project.files()] == ["a.py", "b.py", "more.py"]
    assert project.wanted == Wanted(("python", "numba"), ("value",), ("float32",), "portable")
    assert project.of("loss") == Wanted(("cython",), ("value",), ("float32",), "native")
    assert project.of("other") is project.wanted
    assert project.compiles


@pytest.mark.parametrize(
    ("more", "folders", "expected"),
    [
        ("", (), "mine/kernels"),
        ("", ("src",), "src/mine/kernels"),
        ("", ("src", "mine"), "mine/kernels"),
        ('out = "lib"', (), "lib"),
        ('[tool.setuptools]\npackage-dir = {"" = "python"}', (), "python/mine/kernels"),
        ('[tool.setuptools]\npackage-dir = {mine = "lib"}', ("src",), "lib/kernels"),
    ],
)
def test_the_folder_of_the_package(
    tmp_path: Path, more: str, folders: tuple[str, ...], expected: str
) -> None:
    for folder in folders:
        (tmp_path / folder).mkdir()
    read(tmp_path, f'[tool.symcompile]\ndefinitions = "k.py"\npackage = "mine.kernels"\n{more}\n')
    assert find_project(tmp_path).out == tmp_path / expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("backend = []", ("tool.symcompile.backend is not known", "did you mean 'backends'?")),
        ('backends = ["cyton"]', ("tool.symcompile.backends has 'cyton'", "'cython'?", "llvm")),
        ("backends = []", ("tool.symcompile.backends is empty", "allowed: python")),
        ("backends = 3", ("tool.symcompile.backends is a number", "list of texts")),
        ("functions = ['gradient']", ("functions has 'gradient'", "did you mean 'grad'?")),
        ("dtypes = ['float16']", ("dtypes has 'float16'", "float64")),
        ("target = 'nativ'", ("target has 'nativ'", "did you mean 'native'?")),
        ("target = true", ("target is true or false", "a text is needed")),
        ("kernels = 1", ("tool.symcompile.kernels is a number, not a table",)),
        ("kernels.f = 1", ("tool.symcompile.kernels.f is a number",)),
        ("kernels.f.package = 'x'", ("kernels.f.package is not known", "allowed: backends")),
        ("kernels.f.target = 'x'", ("tool.symcompile.kernels.f.target has 'x'",)),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, said: tuple[str, ...]) -> None:
    read(tmp_path, f'[tool.symcompile]\ndefinitions = "k.py"\npackage = "mine"\n{text}\n')
    with pytest.raises(ProjectError) as caught:
        find_project(tmp_path)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'pyproject.toml'}: ")
    assert "\n" not in message
    for fragment in said:
        assert fragment in message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "tool.symcompile.definitions is missing"),
        ('definitions = "k.py"', "tool.symcompile.package is missing"),
        ('definitions = "../k.py"\npackage = "p"', "name files below the project"),
        ('definitions = "/k.py"\npackage = "p"', "name files below the project"),
        ('definitions = "k.py"\npackage = "a-b"', "a dotted name is needed"),
        ('definitions = "k.py"\npackage = "a" "b"', "is not valid TOML"),
    ],
)
def test_what_is_missing(tmp_path: Path, text: str, said: str) -> None:
    read(tmp_path, f"[tool.symcompile]\n{text}\n")
    with pytest.raises(ProjectError, match=said):
        find_project(tmp_path)


def test_no_file_matches(tmp_path: Path) -> None:
    read(tmp_path, '[tool.symcompile]\ndefinitions = "k*.py"\npackage = "p"\n')
    with pytest.raises(ProjectError, match=r"no file matches 'k\*\.py'"):
        find_project(tmp_path).files()


def test_others_are_left_alone(tmp_path: Path) -> None:
    assert read_project(tmp_path) is None
    read(tmp_path, "[project]\nname = 'other'\n[tool.ruff]\n")
    assert read_project(tmp_path) is None
    read(tmp_path, "[build-system]\nrequires = ['symcompile']\n")
    assert read_project(tmp_path) is None
    with pytest.raises(ProjectError, match=r"no pyproject.toml with a table \[tool.symcompile\]"):
        find_project(tmp_path)
