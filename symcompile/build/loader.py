"""Importing generated modules: from a path, or built through the cache."""

from __future__ import annotations

import hashlib
import importlib.machinery
import importlib.util
import os
import py_compile
import re
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar, cast

from symcompile.build.cache import VARIABLE, Cache, cache_dir, key
from symcompile.build.cpu import cpu_features
from symcompile.build.diagnostics import RejectedSourceError
from symcompile.build.private import private_root, telling
from symcompile.build.toolchain import (
    compile_extension,
    extension_suffix,
    find_toolchain,
    identity,
    optimization_level,
)
from symcompile.build.versions import installed_version
from symcompile.errors import BackendError, CacheError
from symcompile.options import Backend, Options

_PACKAGE = "symcompile_generated"
_IMPORTS_NUMBA = re.compile(r"^\s*(?:import|from)\s+numba\b", re.MULTILINE)

_Stamp = tuple[int, int, int] | None

_lock = threading.RLock()
_modules: dict[str, tuple[_Stamp, ModuleType]] = {}
_replaced: list[ModuleType] = []


class _GoneError(BackendError):
    """A module whose file is not there: another process may have emptied the cache meanwhile."""


_Build = TypeVar("_Build", bound=Callable[..., ModuleType])


def _twice(build: _Build) -> _Build:
    """Build again where the entry goes between the look into the cache and the import."""

    @wraps(build)
    def built(*arguments: Any, **keywords: Any) -> ModuleType:
        try:
            return build(*arguments, **keywords)
        except _GoneError:
            return build(*arguments, **keywords)

    return cast("_Build", built)


class _SourceLoader(importlib.machinery.SourceFileLoader):
    """Reads bytecode where it is, never writes it.

    Python compares modification times to the second, so bytecode written beside a file
    that is generated again at once would outlive it.
    """

    def set_data(self, path: str, data: object, *, _mode: int = 0o666) -> None:
        """Write nothing."""


def load_module(path: Path, name: str) -> ModuleType:
    """Import a Python or extension module from its path, under a name of its own.

    The module is in ``sys.modules`` as ``symcompile_generated.<digest of path>.<name>``;
    ``sys.path`` is left alone, and a module called ``name`` elsewhere is not disturbed.

    Args:
        path: a ``.py`` file or an extension module.
        name: the module's own name, which is what an extension was compiled as.

    Returns:
        The module. The same path gives the same module; a ``.py`` file that has changed
        since is imported again, an extension cannot be.

    Raises:
        BackendError: the file cannot be loaded.

    Example:
        >>> import tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> file = Path(folder.name, "k.py")
        >>> _ = file.write_text("x = 1")
        >>> load_module(file, "k").x
        1
        >>> folder.cleanup()
    """
    real = os.path.realpath(path)
    extension = real.endswith(tuple(importlib.machinery.EXTENSION_SUFFIXES))
    with _lock:
        stamp = None if extension else _stamp(real)
        known = _modules.get(real)
        if known is not None and known[0] == stamp:
            return known[1]
        if known is not None:
            # Functions that are still in use need its machine code.
            _replaced.append(known[1])
        module = _import(real, name, extension=extension)
        _modules[real] = (stamp, module)
        return module


def _stamp(path: str) -> _Stamp:
    try:
        status = Path(path).stat()
    except FileNotFoundError as error:
        raise _GoneError(f"The module {path} cannot be read: {error}") from error
    except OSError as error:
        raise BackendError(f"The module {path} cannot be read: {error}") from error
    return status.st_ino, status.st_mtime_ns, status.st_size


def _import(path: str, name: str, *, extension: bool) -> ModuleType:
    full_name = f"{_parent(path)}.{name}"
    loader = (
        importlib.machinery.ExtensionFileLoader(full_name, path)
        if extension
        else _SourceLoader(full_name, path)
    )
    spec = importlib.util.spec_from_file_location(full_name, path, loader=loader)
    if spec is None:
        raise BackendError(f"{path} is not a Python module")
    name_was_free = name not in sys.modules
    try:
        module = importlib.util.module_from_spec(spec)
        sys.modules[full_name] = module
        loader.exec_module(module)
    except (ImportError, FileNotFoundError) as error:
        sys.modules.pop(full_name, None)
        if not Path(path).exists():
            raise _GoneError(f"The module {path} is gone") from error
        if not isinstance(error, ImportError):
            raise
        raise BackendError(
            f"The module {path} cannot be loaded: {error}. If its folder forbids programs "
            f"(mounted noexec), set {VARIABLE} to a folder that allows them."
        ) from error
    except BaseException:
        sys.modules.pop(full_name, None)
        raise
    finally:
        # Cython also enters the module under its short name, where it would hide a file
        # of that name which the user imports.
        if extension and name_was_free:
            sys.modules.pop(name, None)
    return module


def _parent(path: str) -> str:
    """Return the package that a module of a file is in."""
    parent = f"{_PACKAGE}.{hashlib.sha256(os.fsencode(path)).hexdigest()[:12]}"
    for package in (_PACKAGE, parent):
        # Pickle and Numba import a function's module by its dotted name.
        if package not in sys.modules:
            sys.modules[package] = ModuleType(package)
            sys.modules[package].__path__ = []
    return parent


def build_source(
    source: str, name: str, backend: Backend, options: Options, recipe: str | None = None
) -> ModuleType:
    """Return the module of a source that was generated for a backend, built through the cache.

    Args:
        source: its text.
        name: the module's name.
        backend: which it is for.
        options: how to compile.
        recipe: what leads to it from now on, if anything does.

    Raises:
        BackendError: a package is missing, or (``ToolchainError``) the C compiler.
        CompileError: the source is rejected.
    """
    make = {"cython": build_cython, "llvm": build_llvm}.get(backend, build_python)
    return make(source, name, options, recipe)


def surroundings(backend: Backend, options: Options) -> tuple[str, ...]:
    """Return what decides, apart from the source, what is built from it.

    Raises:
        BackendError: a package is missing, or (``ToolchainError``) the C compiler.
    """
    if backend == "cython":
        return (str(optimization_level(options)), *identity(find_toolchain(), options))
    engine: tuple[str, ...] = ()
    if backend == "numba":
        engine = (_version("numba"), _version("llvmlite"), cpu_features())
    if backend == "llvm":
        engine = (_version("llvmlite"), cpu_features())
    return (sys.version, _version("numpy"), *engine)


def load_known(recipe: str, backend: Backend, name: str, options: Options) -> ModuleType | None:
    """Return the module that a recipe led to before, or None where that is not in the cache.

    Args:
        recipe: what :func:`~symcompile.build.recipes.recipe` returned.
        backend: which.
        name: the module's name, an identifier.
        options: where the cache is.
    """
    entry = Cache(cache_dir(options)).noted(recipe)
    if entry is None:
        return None
    suffix = extension_suffix() if backend == "cython" else ".py"
    try:
        return load_module(entry / f"{_identifier(name)}{suffix}", name)
    except _GoneError:
        return None


@_twice
def build_python(source: str, name: str, options: Options, recipe: str | None = None) -> ModuleType:
    """Import Python or Numba source through the cache.

    Args:
        source: the module's text.
        name: its name, an identifier.
        options: where the cache is.
        recipe: what :func:`load_known` is to find it by.

    Returns:
        The module, whose file stays in the cache: tracebacks show its lines, and Numba
        keeps its compiled functions beside it.

    Raises:
        CompileError: the source is not valid Python; shows the line.
    """
    file_name = f"{_identifier(name)}.py"

    def build(folder: Path) -> None:
        file = folder / file_name
        file.write_text(source, encoding="utf-8", newline="\n")
        bytecode = folder / "__pycache__" / f"{name}.{sys.implementation.cache_tag}.pyc"
        try:
            py_compile.compile(
                str(file),
                cfile=str(bytecode),
                dfile=file_name,
                doraise=True,
                # The digest of the source decides, not its time of modification.
                invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH,
            )
        except py_compile.PyCompileError as error:
            raise RejectedSourceError(
                f"Python rejected the generated source {file_name}:\n{error.msg}", error.msg
            ) from None

    backend: Backend = "numba" if _IMPORTS_NUMBA.search(source) else "python"
    entry_key = key("python", name, source, *surroundings(backend, options))
    entry = _cached(entry_key, name, source, build, options, recipe)
    return load_module(entry / file_name, name)


@_twice
def build_cython(source: str, name: str, options: Options, recipe: str | None = None) -> ModuleType:
    """Compile Cython source through the cache and import it.

    Args:
        source: the text of the ``.pyx`` file.
        name: the module's name, an identifier.
        options: target, optimisation level and where the cache is.
        recipe: what :func:`load_known` is to find it by.

    Returns:
        The extension module; its ``.pyx`` lies beside it.

    Raises:
        ToolchainError: no working compiler here.
        CompileError: a compiler rejects the source; shows the lines and names the log.
    """
    file_name = f"{_identifier(name)}.pyx"
    toolchain = find_toolchain()

    def build(folder: Path) -> None:
        pyx = folder / file_name
        pyx.write_text(source, encoding="utf-8", newline="\n")
        compile_extension(toolchain, pyx, folder, options=options)

    entry_key = key("cython", name, source, *surroundings("cython", options))
    entry = _cached(entry_key, name, source, build, options, recipe)
    return load_module(entry / (name + extension_suffix()), name)


@_twice
def build_llvm(source: str, name: str, options: Options, recipe: str | None = None) -> ModuleType:
    """Compile a module for LLVM through the cache and import it.

    Args:
        source: the module's text.
        name: its name, an identifier.
        options: where the cache is.
        recipe: what :func:`load_known` is to find it by.

    Returns:
        The module; its machine code lies beside it.

    Raises:
        BackendError: LLVM refuses it, or this Python cannot run it.
    """
    file_name = f"{_identifier(name)}.py"

    entry_key = key("llvm", name, source, *surroundings("llvm", options))
    path = os.path.realpath(Cache(cache_dir(options)).path(entry_key) / file_name)
    made: list[ModuleType] = []

    def build(folder: Path) -> None:
        (folder / file_name).write_text(source, encoding="utf-8", newline="\n")
        module = _executed(source, path, name)
        (folder / module.OBJECT_FILE.name).write_bytes(module.OBJECT)
        made.append(module)

    entry = _cached(entry_key, name, source, build, options, recipe)
    with _lock:
        # Importing it from where it now lies would link its machine code once more.
        if made and os.path.realpath(entry / file_name) == path and path not in _modules:
            sys.modules[made[0].__name__] = made[0]
            _modules[path] = (_stamp(path), made[0])
    return load_module(entry / file_name, name)


def _executed(source: str, path: str, name: str) -> ModuleType:
    """Return a module as importing it from a path would make it, before its file is there."""
    full_name = f"{_parent(path)}.{name}"
    loader = _SourceLoader(full_name, path)
    spec = importlib.util.spec_from_file_location(full_name, path, loader=loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    exec(compile(source, path, "exec", dont_inherit=True), vars(module))
    return module


def _identifier(name: str) -> str:
    if not name.isidentifier():
        raise ValueError(f"a module's name must be an identifier, not {name!r}")
    return name


def _version(package: str) -> str:
    version = installed_version(package)
    if version is None:
        raise BackendError(f"The package {package} is missing: pip install {package}")
    return version


def _cached(
    entry_key: str,
    name: str,
    source: str,
    build: Callable[[Path], None],
    options: Options,
    recipe: str | None,
) -> Path:
    cache = Cache(cache_dir(options))
    try:
        try:
            entry = cache.get_or_build(entry_key, telling(build))
        except CacheError as error:
            # A home folder that cannot be written must not cost the user the kernel.
            cache = Cache(private_root(str(error)))
            return cache.get_or_build(entry_key, telling(build))
        if recipe is not None:
            cache.note(recipe, entry_key)
        return entry
    except RejectedSourceError as error:
        kept = _keep_log(cache, f"{name}-{entry_key[:12]}.log", error, source)
        raise RejectedSourceError(f"{error}{kept}", error.log) from None


def _keep_log(cache: Cache, file_name: str, error: RejectedSourceError, source: str) -> str:
    log = cache.log_folder / file_name
    with suppress(OSError):
        log.parent.mkdir(mode=0o700, exist_ok=True)
        log.write_text(f"{error.log}\n\n{source}", encoding="utf-8", errors="replace")
        return f"\nThe whole output, and the source: {log}"
    return ""
