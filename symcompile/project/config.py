"""``[tool.symcompile]`` of a ``pyproject.toml``, as frozen records.

Every key is checked: one that is not known, or of a wrong type or value, is an error that names
the key, says what is allowed, and guesses what was meant.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast, get_args

from symcompile.errors import ProjectError
from symcompile.ir.dtypes import DType
from symcompile.options import BACKENDS, Backend, Target

#: What a kernel may have; which of these it has follows from its formula.
FUNCTIONS = ("value", "grad", "value_and_grad", "hessian", "hvp", "jacobian", "jvp", "vjp")
DTYPES: tuple[DType, ...] = get_args(DType)
TARGETS: tuple[Target, ...] = get_args(Target)

_FILE = "pyproject.toml"
_TABLE = "tool.symcompile"


@dataclass(frozen=True)
class Wanted:
    """What is built of a definition.

    Attributes:
        backends: in the order of ``BACKENDS``.
        functions: None for all that the definition can have.
        dtypes: None for the definition's own.
        target: the processors that it is compiled for.
        verify: whether its modules are checked as they are built, and have a record beside them.
    """

    backends: tuple[Backend, ...] = ("cython",)
    functions: tuple[str, ...] | None = None
    dtypes: tuple[DType, ...] | None = None
    target: Target = "portable"
    verify: bool = False


@dataclass(frozen=True)
class Project:
    """What a project asks for.

    Attributes:
        root: the folder of its ``pyproject.toml``.
        patterns: which files hold definitions, relative to ``root``.
        package: the dotted name of the package that takes the modules.
        out: the folder of that package.
        wanted: what is built of a definition of which nothing else is said.
        kernels: what is built of the others, by name.
    """

    root: Path
    patterns: tuple[str, ...]
    package: str
    out: Path
    wanted: Wanted = Wanted()
    kernels: Mapping[str, Wanted] = field(default_factory=dict)

    def files(self) -> tuple[Path, ...]:
        """Return the definition files, sorted.

        Raises:
            ProjectError: a pattern matches no file.
        """
        found: dict[Path, None] = {}
        for pattern in self.patterns:
            matches = sorted(path for path in self.root.glob(pattern) if path.is_file())
            if not matches:
                raise ProjectError(
                    f"{self.root / _FILE}: no file matches {pattern!r} in {_TABLE}.definitions"
                )
            found |= dict.fromkeys(matches)
        return tuple(found)

    def of(self, name: str) -> Wanted:
        """Return what is built of a definition."""
        return self.kernels.get(name, self.wanted)

    @property
    def compiles(self) -> bool:
        """Whether there is something for a C compiler."""
        every = (self.wanted, *self.kernels.values())
        return any("cython" in wanted.backends for wanted in every)


def find_project(start: Path) -> Project:
    """Return the project of a folder, whose ``pyproject.toml`` lies there or above.

    Raises:
        ProjectError: there is none with a table ``[tool.symcompile]``, or that is wrong.
    """
    start = start.resolve()
    for folder in (start, *start.parents):
        found = read_project(folder)
        if found is not None:
            return found
    raise ProjectError(
        f"no {_FILE} with a table [{_TABLE}] in {start} or above: add one, or name a FILE of "
        "definitions"
    )


def read_project(root: Path) -> Project | None:
    """Return what the ``pyproject.toml`` in a folder asks for, or None if it does not speak of it.

    Raises:
        ProjectError: it cannot be read, or something in it is wrong.
    """
    path = root / _FILE
    try:
        text = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ProjectError(f"{path} cannot be read: {error.strerror or error}") from error
    if b"symcompile" not in text:
        return None
    try:
        document = tomllib.loads(text.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ProjectError(f"{path} is not valid TOML: {error}") from error
    tool = document.get("tool")
    if not isinstance(tool, dict) or "symcompile" not in tool:
        return None
    return _project(root, tool, _Table(path, _TABLE, tool["symcompile"]))


_WANTED = ("backends", "functions", "dtypes", "target", "verify")
_KEYS = ("definitions", "package", "out", *_WANTED, "kernels")


def _project(root: Path, tool: Mapping[str, Any], table: _Table) -> Project:
    table.only(_KEYS)
    patterns = table.texts("definitions")
    if not patterns:
        raise table.error("definitions", 'is missing: name files, as ["kernels/*.py"]')
    for pattern in patterns:
        if Path(pattern).is_absolute() or ".." in Path(pattern).parts or not pattern:
            raise table.error("definitions", f"has {pattern!r}: name files below the project")
    package = table.text("package")
    if package is None:
        raise table.error("package", 'is missing: name the modules\' package, as "mine.kernels"')
    if not all(part.isidentifier() for part in package.split(".")):
        raise table.error("package", f"is {package!r}: a dotted name is needed, as mine.kernels")
    out = table.text("out")
    folder = root / out if out else _package_folder(root, tool, package)
    wanted = _wanted(table, Wanted())
    kernels = {
        name: _wanted(inner.only(_WANTED), wanted) for name, inner in table.tables("kernels")
    }
    return Project(root, patterns, package, folder, wanted, kernels)


def _wanted(table: _Table, default: Wanted) -> Wanted:
    backends = table.choices("backends", BACKENDS)
    functions = table.choices("functions", FUNCTIONS)
    dtypes = table.choices("dtypes", DTYPES)
    target = table.text("target")
    if target is not None:
        table.check("target", target, TARGETS)
    verify = table.truth("verify")
    return replace(
        default,
        backends=default.backends if backends is None else cast(tuple[Backend, ...], backends),
        functions=default.functions if functions is None else functions,
        dtypes=default.dtypes if dtypes is None else cast(tuple[DType, ...], dtypes),
        target=default.target if target is None else cast(Target, target),
        verify=default.verify if verify is None else verify,
    )


def _package_folder(root: Path, tool: Mapping[str, Any], package: str) -> Path:
    """Return where a package lies: as setuptools is told, else below ``src`` if its parent is."""
    parts = package.split(".")
    mapping = tool.get("setuptools", {})
    mapping = mapping.get("package-dir", {}) if isinstance(mapping, dict) else {}
    for length in range(len(parts), -1, -1):
        known = mapping.get(".".join(parts[:length])) if isinstance(mapping, dict) else None
        if isinstance(known, str):
            return root.joinpath(known, *parts[length:])
    inside = (root / "src").is_dir() and not (root / parts[0]).is_dir()
    return root.joinpath("src" if inside else "", *parts)


@dataclass(frozen=True)
class _Table:
    """A table of the file, which knows its own name."""

    path: Path
    name: str
    content: Any

    def __post_init__(self) -> None:
        if not isinstance(self.content, dict):
            raise ProjectError(f"{self.path}: {self.name} is {_kind(self.content)}, not a table")

    def error(self, key: str, message: str) -> ProjectError:
        return ProjectError(f"{self.path}: {self.name}.{key} {message}")

    def only(self, keys: Iterable[str]) -> _Table:
        """Refuse all keys but these."""
        keys = tuple(keys)
        for key in self.content:
            if key not in keys:
                raise self.error(key, f"is not known{_meant(key, keys)}; {_allowed(keys)}")
        return self

    def text(self, key: str) -> str | None:
        value = self.content.get(key)
        if value is not None and not isinstance(value, str):
            raise self.error(key, f"is {_kind(value)}: a text is needed")
        return value

    def truth(self, key: str) -> bool | None:
        value = self.content.get(key)
        if value is not None and not isinstance(value, bool):
            raise self.error(key, f"is {_kind(value)}: true or false is needed")
        return value

    def texts(self, key: str) -> tuple[str, ...] | None:
        """Return a list of texts; one text is a list of one."""
        value = self.content.get(key)
        if isinstance(value, str):
            return (value,)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise self.error(key, f"is {_kind(value)}: a list of texts is needed")
        return tuple(value)

    def choices(self, key: str, allowed: tuple[str, ...]) -> tuple[str, ...] | None:
        """Return which of ``allowed`` are named, in the order of those."""
        values = self.texts(key)
        if values is None:
            return None
        if not values:
            raise self.error(key, f"is empty; {_allowed(allowed)}")
        for value in values:
            self.check(key, value, allowed)
        return tuple(one for one in allowed if one in values)

    def check(self, key: str, value: str, allowed: tuple[str, ...]) -> None:
        if value not in allowed:
            raise self.error(key, f"has {value!r}{_meant(value, allowed)}; {_allowed(allowed)}")

    def tables(self, key: str) -> list[tuple[str, _Table]]:
        inner = _Table(self.path, f"{self.name}.{key}", self.content.get(key, {}))
        return [
            (name, _Table(self.path, f"{inner.name}.{name}", content))
            for name, content in inner.content.items()
        ]


def _meant(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(known), 1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _allowed(words: Iterable[str]) -> str:
    return f"allowed: {', '.join(words)}"


def _kind(value: object) -> str:
    kinds: tuple[tuple[type, str], ...] = (
        (bool, "true or false"),
        (str, "a text"),
        (int, "a number"),
        (float, "a number"),
        (dict, "a table"),
        (list, "a list"),
    )
    return next((name for kind, name in kinds if isinstance(value, kind)), type(value).__name__)
