"""Modules that live in memory alone: plain Python needs no compiler, so no cache either."""

from __future__ import annotations

import hashlib
import linecache
import types
import weakref

from symcompile.build.diagnostics import RejectedSourceError


def memory_module(source: str, name: str) -> types.ModuleType:
    """Return a module made of its text; tracebacks and ``inspect`` show its lines.

    Raises:
        CompileError: the source is not valid Python.

    Example:
        >>> memory_module("x = 1", "k").x
        1
    """
    digest = hashlib.sha256(source.encode()).hexdigest()[:16]
    file = f"<symcompile {name} {digest}>"
    module = types.ModuleType(name)
    module.__file__ = file
    try:
        code = compile(source, file, "exec")
    except (SyntaxError, ValueError) as error:
        raise RejectedSourceError(
            f"Python rejected the generated source {name}: {error}", str(error)
        ) from None
    exec(code, vars(module))
    # As files do, text stays in the cache of lines as long as there is code of it.
    _held[file] = _held.get(file, 0) + 1
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    weakref.finalize(module, _release, file)
    return module


_held: dict[str, int] = {}


def _release(file: str) -> None:
    _held[file] -= 1
    if not _held[file]:
        del _held[file]
        linecache.cache.pop(file, None)
