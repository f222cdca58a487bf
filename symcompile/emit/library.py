"""What generated code needs of SciPy's special functions and of the library, in each language.

The text of a module says what it calls. That, and what it calls in turn, is put before it: in
Python and Numba the library's own text, in C its translation. SciPy's functions are ``special.f``
in Python; Numba and C call them through pointers (:mod:`symcompile.emit.pointers`).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from symcompile.emit.pointers import Pointer
from symcompile.ir.ops.registered import SOURCES
from symcompile.translate import annotation, complex_calls, constant, translate

Language = Literal["python", "numba", "c"]

_FOLDER = Path(__file__).parent.parent / "library"

#: What Numba does not have under the name that Python has it.
_NUMBA = {
    "floor": "np.floor",
    "math.fmod": "np.fmod",
    "math.cbrt": "np.cbrt",
    "math.exp2": "np.exp2",
    "math.log2": "np.log2",
}


@dataclass(frozen=True)
class Support:
    """What a piece of generated code needs.

    Attributes:
        text: definitions to put before it; nothing where it needs none.
        pointers: SciPy's functions that it calls through pointers.
        special: whether it needs SciPy.
        functions: the functions of the library, in Python and Numba.
    """

    text: str = ""
    pointers: tuple[Pointer, ...] = ()
    special: bool = False
    functions: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Definition:
    """A function or constant of the library."""

    name: str
    node: ast.FunctionDef | ast.expr
    text: str
    needs: tuple[str, ...]


#: What a file of the library begins a function or a constant with.
_HEADS = re.compile(r"^(def )?([A-Za-z_]\w*)(?=\(| = |: )", re.MULTILINE)


@cache
def _files() -> dict[str, tuple[Path, bool]]:
    """Return where each name of the library is defined, and whether it is a function.

    Files are not parsed for it, since few modules call anything of the library.
    """
    found: dict[str, tuple[Path, bool]] = {}
    for path in sorted(_FOLDER.glob("*.py")):
        if path.stem != "primitives":
            for head in _HEADS.finditer(path.read_text(encoding="utf-8")):
                found[head.group(2)] = path, bool(head.group(1))
    return found


@cache
def _definitions(path: Path) -> dict[str, _Definition]:
    """Return what a file of the library defines."""
    found: dict[str, _Definition] = {}
    source = path.read_text(encoding="utf-8")
    lines = source.split("\n")
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef):
            name, value = node.name, node
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name, value = node.targets[0].id, node.value  # type: ignore[assignment]
        else:
            continue
        text = "\n".join(lines[node.lineno - 1 : node.end_lineno])
        names = [part.id for part in ast.walk(node) if isinstance(part, ast.Name)]
        found[name] = _Definition(name, value, text, tuple(dict.fromkeys(names)))
    return found


def _definition(name: str) -> _Definition | None:
    """Return a function or constant of the library; None where it has none of that name."""
    place = _files().get(name)
    return _definitions(place[0]).get(name) if place is not None else None


@cache
def functions() -> frozenset[str]:
    """Return the names of the library's functions."""
    return frozenset(name for name, (_, function) in _files().items() if function)


def _closure(names: Iterable[str]) -> list[_Definition]:
    """Return what is named and all that it needs, each after what it needs."""
    found, seen = dict[str, _Definition](), set[str]()

    def visit(name: str) -> None:
        if name not in seen:
            seen.add(name)
            known = _definition(name)
            if known is not None:
                for other in known.needs:
                    visit(other)
                found[name] = known

    for name in names:
        visit(name)
    return list(found.values())


def support(text: str, language: Language) -> Support:
    """Return what a piece of generated code needs before it.

    In Python and Numba a function of the library has an underscore before its name, which no
    symbol of a user's has.
    """
    if language == "c":
        return _c(text)
    called = dict.fromkeys(re.findall(r"(?<![\w.])_(\w+)(?=[(,])", text))
    parts = _closure(name for name in called if name in functions())
    parts += [_registered(op, language) for op in SOURCES if re.search(rf"\b_{op}\b", text)]
    names = tuple(p.name for p in parts if isinstance(p.node, ast.FunctionDef))
    texts = [_adapted(part.text, language) for part in parts]
    if language == "python":
        special = any("special." in piece for piece in [text, *texts])
        return Support(_spaced(parts, texts), (), special, tuple(f"_{name}" for name in names))
    pointers = _pointers("\n".join([text, *texts]), "special_")
    return Support(_spaced(parts, texts), pointers, bool(pointers))


def _registered(op: str, language: Language) -> _Definition:
    """Return a function that a user has registered."""
    text = SOURCES[op].numba if language == "numba" else SOURCES[op].python
    (node,) = ast.parse(text).body
    assert isinstance(node, ast.FunctionDef)
    return _Definition(op, node, text, ())


def _adapted(text: str, language: Language) -> str:
    """Return a function of the library as Python or Numba has it."""
    tree = ast.parse(text)
    whole = _complex_calls(tree)
    edits: list[tuple[int, int, int, str]] = []  # row, column, how much goes, what comes
    several = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Subscript)}

    def edit(node: ast.expr, gone: int, text: str) -> None:
        edits.append((node.lineno, node.col_offset, gone, text))

    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            edits.append((node.lineno, node.col_offset + len("def "), 0, "_"))
            if language == "numba":
                edits.append((node.lineno, node.col_offset, 0, "@jit\n"))
        elif isinstance(node, ast.Name) and (node.id in functions() or node.id in SOURCES):
            edit(node, 0, "_")
        elif language == "numba" and isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name in _NUMBA:
                edit(node.func, len(name), _NUMBA[name])
            elif name.startswith("special.") and id(node) not in several:
                variant = "_z" if id(node) in whole else ""
                edit(node.func, len(name), f"special_{name.removeprefix('special.')}{variant}")
        call = node.value if isinstance(node, ast.Subscript) else node
        if not (isinstance(call, ast.Call) and ast.unparse(call.func).startswith("special.")):
            continue
        assert isinstance(node, ast.expr)
        if language == "numba" and node is not call:
            assert isinstance(node, ast.Subscript)
            name = ast.unparse(call.func).replace(".", "_")
            variant = "_z" if id(call) in whole else ""
            edit(call.func, len(name), f"{name}{variant}_{ast.unparse(node.slice)}")
            assert node.end_lineno is not None and call.end_col_offset is not None
            end = call.end_col_offset
            edits.append((node.end_lineno, end, (node.end_col_offset or 0) - end, ""))
        elif language == "python" and (node is not call or id(call) not in several):
            # NumPy's numbers do not raise; Python's do, and the caller knows what to do then.
            edit(node, 0, "complex(" if id(call) in whole else "float(")
            edits.append((node.end_lineno or 0, node.end_col_offset or 0, 0, ")"))
    lines = text.split("\n")
    for row, column, gone, piece in sorted(edits, reverse=True):
        line = lines[row - 1]
        lines[row - 1] = line[:column] + piece + line[column + gone :]
    return "\n".join(lines)


def _complex_calls(tree: ast.Module) -> frozenset[int]:
    """Return the calls of SciPy's functions of complex numbers in a function of the library."""
    found = frozenset[int]()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and "special." in ast.unparse(node):
            parts = _closure(part.id for part in ast.walk(node) if isinstance(part, ast.Name))
            found |= complex_calls(node, _results(parts), _constants(parts))
    return found


def _results(parts: Iterable[_Definition]) -> dict[str, str]:
    """Return the types of what functions return."""
    return {
        part.name: annotation(part.node.returns)
        for part in parts
        if isinstance(part.node, ast.FunctionDef)
    }


def _constants(parts: Iterable[_Definition]) -> dict[str, ast.expr]:
    """Return the values of constants."""
    return {part.name: part.node for part in parts if not isinstance(part.node, ast.FunctionDef)}


def _c(text: str) -> Support:
    called = dict.fromkeys(re.findall(r"(?<!\w)sc_(\w+)\(", text))
    parts = _closure(name for name in called if name in functions())
    results, constants = _results(parts), _constants(parts)
    texts = [
        translate(part.node, results, constants)
        if isinstance(part.node, ast.FunctionDef)
        else constant(part.name, part.node) + "\n"
        for part in parts
    ]
    texts += [s.c for op, s in SOURCES.items() if s.c and re.search(rf"\bsc_{op}\b", text)]
    pointers = _pointers("\n".join([text, *texts]), "sc_special_")
    return Support("\n".join(texts).rstrip(), pointers, bool(pointers))


def _pointers(text: str, prefix: str) -> tuple[Pointer, ...]:
    found = re.findall(rf"(?<!\w){prefix}(\w+?)(_z)?(?:_\d)?\(", text)
    return tuple(Pointer(name, bool(variant)) for name, variant in sorted(set(found)))


def _spaced(parts: Sequence[_Definition], texts: Sequence[str]) -> str:
    """Return definitions with the blank lines of a module between them."""
    lines: list[str] = []
    before = True
    for part, text in zip(parts, texts, strict=True):
        apart = isinstance(part.node, ast.FunctionDef)
        if lines:
            lines += ["", ""] if apart or before else []
        lines.append(text)
        before = apart
    return "\n".join(lines)
