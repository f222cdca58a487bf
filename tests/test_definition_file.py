"""Definition files: what is found in them, and what is said about those that are wrong."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from symcompile.definition_file import load_definitions
from symcompile.errors import BuildFileError

HEAD = "import sympy as sp\nimport symcompile as sc\nx, y = sp.symbols('x y')\n"


def write(folder: Path, text: str, name: str = "file.py") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_definitions_come_in_order_and_once(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        HEAD
        + "second = sc.define('b', x*y, params=(x, y))\n"
        + "first = sc.define('a', x + y, params=(x, y))\n"
        + "alias = second\n"
        + "number = 3\n",
    )
    assert [definition.name for definition in load_definitions(path)] == ["b", "a"]


def test_the_file_runs_in_isolation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path = write(
        tmp_path,
        "from __future__ import annotations\n"
        + HEAD
        + "import dataclasses, sys\n"
        + "@dataclasses.dataclass\nclass Point:\n    at: int = 1\n"
        + "assert __name__ != '__main__' and sys.modules[__name__].__file__ == __file__\n"
        + "print('busy')\n"
        + "f = sc.define('f', x, params=x)\n",
    )
    modules, search = set(sys.modules), list(sys.path)
    load_definitions(path)
    assert set(sys.modules) == modules
    assert sys.path == search
    assert [p.name for p in tmp_path.iterdir()] == ["file.py"]
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "busy\n")


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    for name in ("a", "b"):
        path = write(tmp_path, HEAD + f"f = sc.define('{name}', x, params=x)\n")
        assert load_definitions(path)[0].name == name


def test_two_files_of_one_name_are_two(tmp_path: Path) -> None:
    found = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        path = write(tmp_path / name, HEAD + f"f = sc.define('{name}', x, params=x)\n")
        found.append(load_definitions(path)[0].name)
    assert found == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no definition"),
        (HEAD + "f = x**2\n", "holds no definition"),
        (HEAD + "f = sc.define('f', x +, params=x)\n", r"line 4 is not valid Python .*sc.define"),
        (HEAD + "\nf = 1/0\n", r"line 5: ZeroDivisionError: division by zero"),
        (HEAD + "f = sc.define('1f', x, params=x)\n", r"line 4: the name '1f' must be"),
        (HEAD + "def g():\n    return z\ng()\n", r"line 5: NameError"),
        ("import no_such_module_at_all\n", r"line 1: ModuleNotFoundError.*PYTHONPATH"),
        ("import sys\nsys.exit(0)\n", r"line 2 ends the interpreter"),
        ("x = '\0'\n", r"(cannot be read|not valid Python)"),
        (
            HEAD + "f = sc.define('f', x, params=x)\ng = sc.define('f', y, params=y)\n",
            r"defines 'f' twice, as f and g",
        ),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, said: str) -> None:
    modules = set(sys.modules)
    with pytest.raises(BuildFileError, match=said) as error:
        load_definitions(write(tmp_path, text))
    assert "file.py" in str(error.value)
    assert "\n" not in str(error.value)
    assert {name for name in sys.modules if "_symcompile_definitions" in name} <= modules


def test_not_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "file.py"
    path.write_bytes(b"x = '\xff'\n")
    with pytest.raises(BuildFileError, match=r"file\.py"):
        load_definitions(path)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(BuildFileError, match="there is no file"):
        load_definitions(tmp_path / "missing.py")
    with pytest.raises(BuildFileError, match="is a folder"):
        load_definitions(tmp_path)


def test_an_interrupt_is_not_an_error_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        load_definitions(write(tmp_path, "raise KeyboardInterrupt\n"))
