"""The C compiler: finding it, saying what it is, running Cython and it."""

from __future__ import annotations

import importlib
import os
import platform
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from symcompile.build.cpu import cpu_features, has_feature
from symcompile.build.diagnostics import (
    RejectedSourceError,
    disk_full,
    first_c_errors,
    first_cython_errors,
)
from symcompile.build.versions import installed_version
from symcompile.errors import ToolchainError
from symcompile.options import Options

__all__ = [
    "Toolchain",
    "compile_extension",
    "cpu_features",
    "extension_suffix",
    "find_toolchain",
    "identity",
    "optimization_level",
]

# Flags that a compiler may lack; those it refuses are dropped. NaN and infinity keep their
# IEEE meaning: what is given up is errno and the floating-point exception flags.
_OPTIONAL_FLAGS = (
    "-ftree-vectorize",
    # At -O1 only this makes GCC clear the upper halves of vector registers as a function returns.
    # Left in use, they slow down all code that knows nothing of them, libm's to a fifth.
    "-fexpensive-optimizations",
    "-fopenmp-simd",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-ffp-contract=off",
    "-pthread",
    "-fwrapv",
)

_PROBE = "#include <math.h>\ndouble probe(double x);\ndouble probe(double x) { return exp(x); }\n"

_OTHER_BACKENDS = "The numba and python backends need no compiler."

# Cython keeps its options and its type tables in module globals.
_cython_lock = threading.Lock()

_refused: dict[tuple[Toolchain, tuple[str, ...]], frozenset[str]] = {}


@dataclass(frozen=True)
class Toolchain:
    """A resolved C compiler and the Python headers that it compiles against.

    Attributes:
        command: the compiler and the arguments that belong to it; the first is a path.
        stamp: path, modification time and size of every program in ``command``.
        include_dirs: the folders that hold ``Python.h`` and ``pyconfig.h``.
    """

    command: tuple[str, ...]
    stamp: tuple[str, ...]
    include_dirs: tuple[str, ...]


def find_toolchain() -> Toolchain:
    """Find the C compiler: ``CC``, else the one that built Python, else one on ``PATH``.

    Returns:
        The toolchain; found once for each value of ``CC`` and ``PATH``.

    Raises:
        ToolchainError: no compiler or no Python headers; says what to install.
    """
    return _find_toolchain(os.environ.get("CC", "").strip(), os.environ.get("PATH"))


@lru_cache(maxsize=8)
def _find_toolchain(cc: str, path: str | None) -> Toolchain:
    if sys.platform == "win32":
        raise ToolchainError(f"The cython backend does not work on Windows yet. {_OTHER_BACKENDS}")
    command = _find_command(cc, path)
    return Toolchain(command, _stamp(command, path), _find_headers())


def _find_command(cc: str, path: str | None) -> tuple[str, ...]:
    if cc:
        # A compiler that someone asked for is not silently replaced by another.
        command = _resolve(cc, path)
        if command is None:
            raise ToolchainError(
                f"The C compiler that the environment variable CC names, {cc!r}, was not found. "
                f"Correct or unset CC. {_OTHER_BACKENDS}"
            )
        return command
    candidates = (sysconfig.get_config_var("CC") or "cc", "cc", "gcc", "clang")
    for candidate in candidates:
        command = _resolve(candidate, path)
        if command is not None:
            return command
    tried = ", ".join(dict.fromkeys(shlex.split(candidate)[0] for candidate in candidates))
    raise ToolchainError(
        f"No C compiler found on PATH (tried {tried}). Install one (Debian and Ubuntu: "
        "apt install build-essential; Fedora: dnf install gcc; macOS: xcode-select --install) "
        f"or set CC. {_OTHER_BACKENDS}"
    )


def _resolve(command: str, path: str | None) -> tuple[str, ...] | None:
    try:
        words = shlex.split(command)
    except ValueError:
        return None
    program = shutil.which(words[0], path=path) if words else None
    # The compiler runs in another folder, where a relative path would mean another file.
    return None if program is None else (str(Path(program).absolute()), *words[1:])


def _stamp(command: tuple[str, ...], path: str | None) -> tuple[str, ...]:
    stamp: list[str] = []
    for word in command:
        # `ccache gcc`: the second program decides as much as the first.
        program = None if word.startswith("-") else shutil.which(word, path=path)
        if program is not None:
            real = os.path.realpath(program)
            status = Path(real).stat()
            stamp += (real, str(status.st_mtime_ns), str(status.st_size))
    return tuple(stamp)


def _find_headers() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    folders = tuple(dict.fromkeys((paths["include"], paths["platinclude"])))
    if not any(Path(folder, "Python.h").is_file() for folder in folders):
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise ToolchainError(
            f"Python.h of Python {version} is not in {folders[0]}. Install Python's headers "
            f"(Debian and Ubuntu: apt install python{version}-dev; Fedora: dnf install "
            f"python3-devel). {_OTHER_BACKENDS}"
        )
    return folders


def extension_suffix() -> str:
    """The ending of an extension's file name, as ``.cpython-311-x86_64-linux-gnu.so``."""
    return str(sysconfig.get_config_var("EXT_SUFFIX"))


def optimization_level(options: Options) -> int:
    """The C compiler's optimisation level: the one asked for, else 1.

    Most of what the compiler sees is Cython's handling of arguments. With the vectoriser on,
    the loops run as fast at -O1 as at -O3, and the whole compiles sooner
    (``benchmarks/optimization.py`` measures both).

    Args:
        options: ``optimize`` is raised to 1 where it is lower: without optimisation every
            intermediate goes through memory.

    Example:
        >>> optimization_level(Options()), optimization_level(Options(optimize=3))
        (1, 3)
    """
    return 1 if options.optimize is None else max(1, options.optimize)


def identity(toolchain: Toolchain, options: Options) -> tuple[str, ...]:
    """Everything apart from the source that decides the binary: a part of the cache key.

    Covers the compiler, its flags, Python's ABI, the C library, the versions of Cython and
    NumPy and, for the native target, the processor. Runs no program.

    Raises:
        ToolchainError: Cython is not installed.
    """
    return (
        "command",
        *toolchain.command,
        "stamp",
        *toolchain.stamp,
        "flags",
        *_fixed_flags(),
        *_tunable_flags(options),
        "include",
        *toolchain.include_dirs,
        "abi",
        extension_suffix(),
        sys.version,
        platform.machine(),
        _libc(),
        "packages",
        _version("cython"),
        _version("numpy"),
        "cpu",
        cpu_features() if options.target == "native" else "portable",
    )


def _version(package: str) -> str:
    version = installed_version(package)
    if version is None:
        raise ToolchainError(
            f"The cython backend needs the package {package}: pip install {package}"
        )
    return version


def _libc() -> str:
    # A binary that asks for a newer C library than this machine has does not load.
    names = getattr(os, "confstr_names", {})
    return (os.confstr("CS_GNU_LIBC_VERSION") or "") if "CS_GNU_LIBC_VERSION" in names else ""


def _fixed_flags() -> tuple[str, ...]:
    if sys.platform == "darwin":
        # A universal Python loads only the half it runs as.
        shared = ("-bundle", "-undefined", "dynamic_lookup", "-arch", platform.machine())
    else:
        shared = ("-shared",)
    return (*shared, "-fPIC", "-w")


def _tunable_flags(options: Options) -> tuple[str, ...]:
    if options.target != "native":
        return _OPTIONAL_FLAGS
    # gcc prefers half-width vectors on processors where full width is faster for such loops.
    wide = ("-mprefer-vector-width=512",) if has_feature("avx512f") else ()
    return (*_OPTIONAL_FLAGS, "-march=native", *wide)


def compile_extension(toolchain: Toolchain, pyx: Path, workdir: Path, *, options: Options) -> Path:
    """Compile a Cython source file into an extension module.

    The same source gives the same binary wherever it is compiled; the working directory of
    this process is left alone and nothing is printed.

    Args:
        toolchain: what :func:`find_toolchain` returned.
        pyx: the source; its stem is the module's name.
        workdir: an existing folder that takes the extension; intermediate files come and go
            in a folder of their own within it.
        options: target and optimisation level.

    Returns:
        ``workdir / (pyx.stem + EXT_SUFFIX)``.

    Raises:
        CompileError: Cython or the C compiler rejects the source; shows the first offending
            lines.
        ToolchainError: the compiler does not work.
    """
    with tempfile.TemporaryDirectory(prefix="build-", dir=workdir) as name:
        scratch = Path(name).resolve()
        source = scratch / f"{pyx.stem}.pyx"
        shutil.copyfile(pyx, source)
        _cythonize(source)
        built = scratch / (pyx.stem + extension_suffix())
        _compile_c(
            toolchain,
            source.with_suffix(".c"),
            built,
            level=optimization_level(options),
            flags=_tunable_flags(options),
        )
        target = workdir / built.name
        built.replace(target)
    return target


def _cythonize(source: Path) -> None:
    try:
        cython = importlib.import_module("Cython.Compiler.Main")
    except ImportError as error:
        raise ToolchainError(f"Cython cannot be imported ({error}): pip install cython") from error
    with _cython_lock:
        settings = cython.CompilationOptions(
            language_level=3, use_listing_file=1, errors_to_stderr=0, emit_linenums=False
        )
        try:
            result = cython.compile(str(source), settings, full_module_name=source.stem)
            failed = result.num_errors > 0 or result.c_file is None
            crash = ""
        except Exception as error:  # Cython's own bugs surface as any exception at all
            failed, crash = True, f"\n{type(error).__name__}: {error}"
    if failed:
        listing = source.with_suffix(".lis")
        log = listing.read_text(encoding="utf-8", errors="replace") if listing.exists() else ""
        log = log.replace(f"{source.parent}{os.sep}", "")
        raise RejectedSourceError(
            f"Cython rejected the generated source {source.name}:\n"
            f"{first_cython_errors(log)}{crash}",
            log + crash,
        )


def _compile_c(
    toolchain: Toolchain, source: Path, target: Path, *, level: int, flags: tuple[str, ...]
) -> None:
    import numpy

    includes = [f"-I{folder}" for folder in (*toolchain.include_dirs, numpy.get_include())]
    known = (toolchain, flags)

    def attempt() -> subprocess.CompletedProcess[str]:
        refused = _refused.get(known, frozenset())
        accepted = [flag for flag in flags if flag not in refused]
        arguments = [*_fixed_flags(), f"-O{level}", *accepted, *includes]
        return _run(toolchain, source.parent, [*arguments, source.name, "-o", target.name, "-lm"])

    # Trial compilations are for compilers that lack a flag; others don't pay for them.
    result = attempt()
    full = result.returncode and disk_full(result.stderr)
    if result.returncode and known not in _refused and not full:
        _refused[known] = _refused_flags(toolchain, source.parent, flags)
        if _refused[known]:
            result = attempt()
    if result.returncode:
        command = shlex.join(result.args)
        raise RejectedSourceError(
            f"The C compiler rejected {source.name}, generated from {source.stem}.pyx "
            f"(exit status {result.returncode}):\n{first_c_errors(result.stderr)}",
            f"{command}\n{result.stderr}",
        )


def _refused_flags(toolchain: Toolchain, folder: Path, flags: tuple[str, ...]) -> frozenset[str]:
    probe = folder / "probe.c"
    probe.write_text(_PROBE, encoding="utf-8")

    def trial(*flags: str) -> subprocess.CompletedProcess[str]:
        return _run(toolchain, folder, [*_fixed_flags(), *flags, probe.name, "-o", "probe", "-lm"])

    plain = trial()
    if plain.returncode:
        raise ToolchainError(
            f"The C compiler {shlex.join(toolchain.command)} cannot compile a one-line program:\n"
            f"{first_c_errors(plain.stderr)}\nInstall the C library's headers and a linker "
            "(Debian and Ubuntu: apt install build-essential; macOS: xcode-select --install). "
            f"{_OTHER_BACKENDS}"
        )
    return frozenset(flag for flag in flags if trial(flag).returncode)


def _run(
    toolchain: Toolchain, folder: Path, arguments: list[str]
) -> subprocess.CompletedProcess[str]:
    # Run in the folder with relative names, so that no absolute path gets into the binary;
    # the compiler's own temporary files then go when the folder goes, killed or not.
    environment = {**os.environ, "LC_ALL": "C", "TMPDIR": str(folder)}
    try:
        return subprocess.run(
            [*toolchain.command, *arguments],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise ToolchainError(
            f"The C compiler {toolchain.command[0]} cannot be run: {error}. {_OTHER_BACKENDS}"
        ) from error
