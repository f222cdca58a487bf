"""Loading a definition file: Python that holds ``sc.define(...)`` at module level."""

from __future__ import annotations

import contextlib
import importlib.machinery
import importlib.util
import itertools
import sys
import traceback
from pathlib import Path
from types import CodeType, ModuleType

from symcompile.errors import BuildFileError, SymcompileError
from symcompile.frontend.definition import Definition

_numbers = itertools.count()


class _Loader(importlib.machinery.SourceFileLoader):
    """Always compiles the text that is there; neither reads nor writes bytecode."""

    def get_code(self, fullname: str) -> CodeType:
        code: CodeType = self.source_to_code(self.get_data(self.path), self.path)
        return code


def load_definitions(path: Path) -> tuple[Definition, ...]:
    """Execute a definition file and return the definitions in it, in order of appearance.

    The file runs as a module with a private name, so ``if __name__ == "__main__":`` is skipped.
    ``sys.path`` stays as it is: what the file imports has to be installed. What it prints goes
    to standard error.

    Args:
        path: a Python file.

    Raises:
        BuildFileError: the file cannot be read or executed, holds no definition, or holds two
            of one name.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "square.py")
        ...     _ = file.write_text(
        ...         "import sympy as sp, symcompile as sc\\n"
        ...         "x = sp.Symbol('x')\\n"
        ...         "square = sc.define('square', x**2, params=x)\\n"
        ...     )
        ...     load_definitions(file)
        (<definition square: x**2; params=(x)>,)
    """
    module = _execute(path)
    found: dict[int, Definition] = {}
    variables: dict[str, str] = {}
    for variable, value in vars(module).items():
        if not isinstance(value, Definition) or id(value) in found:
            continue
        if value.name in variables:
            raise BuildFileError(
                f"{path} defines {value.name!r} twice, as {variables[value.name]} and {variable}: "
                "a definition's name names its files, so rename one"
            )
        variables[value.name] = variable
        found[id(value)] = value
    if not found:
        raise BuildFileError(
            f"{path} holds no definition: assign what symcompile.define(...) returns to a name "
            "at module level"
        )
    return tuple(found.values())


def _execute(path: Path) -> ModuleType:
    if path.is_dir():
        raise BuildFileError(f"{path} is a folder: name a Python file in it")
    if not path.is_file():
        raise BuildFileError(f"there is no file {path}")
    name = f"_symcompile_definitions_{next(_numbers)}"
    loader = _Loader(name, str(path.resolve()))
    spec = importlib.util.spec_from_file_location(name, loader.path, loader=loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    code = _parse(path, loader, name)
    # Dataclasses look their module up while it is being executed.
    sys.modules[name] = module
    try:
        # Standard output belongs to the command: `symcompile show FILE > kernel.py`.
        with contextlib.redirect_stdout(sys.stderr):
            exec(code, module.__dict__)
    except (Exception, SystemExit) as error:
        raise BuildFileError(_failure(path, loader.path, error)) from error
    finally:
        sys.modules.pop(name, None)
    return module


def _parse(path: Path, loader: _Loader, name: str) -> CodeType:
    try:
        return loader.get_code(name)
    except SyntaxError as error:
        line = f", line {error.lineno}" if error.lineno else ""
        text = f": {error.text.strip()}" if error.text else ""
        raise BuildFileError(f"{path}{line} is not valid Python ({error.msg}){text}") from error
    except (OSError, ValueError) as error:  # unreadable, or with null bytes in it
        raise BuildFileError(f"{path} cannot be read: {error}") from error


def _failure(path: Path, file: str, error: BaseException) -> str:
    """Return where in the file it failed, and how, in one line where the error has one."""
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == file
    ]
    where = f"{path}, line {lines[-1]}" if lines else f"{path}"
    if isinstance(error, SymcompileError):
        return f"{where}: {error}"
    if isinstance(error, SystemExit):
        return f"{where} ends the interpreter: a definition file only defines"
    hint = ""
    if isinstance(error, ModuleNotFoundError):
        hint = " (what a definition file imports has to be installed, or on PYTHONPATH)"
    return f"{where}: {type(error).__name__}: {error}{hint}"
