"""What figures were measured on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_PACKAGES = ("symcompile", "sympy", "numpy", "scipy", "numba", "llvmlite", "cython")


def processor() -> str:
    """Return the processor's name, where the system tells."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or "?")


def versions(peers: tuple[str, ...] = ()) -> dict[str, str]:
    """Return the version of everything that takes part; of what is missing, nothing."""
    found = {"python": platform.python_version()}
    for name in (*_PACKAGES, *peers):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            if name == "symcompile":
                import symcompile

                found[name] = symcompile.__version__
    return found


def compiler() -> str:
    """Return what the C compiler calls itself."""
    import subprocess

    from symcompile.build.toolchain import find_toolchain
    from symcompile.errors import ToolchainError

    try:
        command = find_toolchain().command
    except ToolchainError:
        return "none"
    done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=False)
    return done.stdout.partition("\n")[0]


def machine() -> dict[str, Any]:
    """Return what decides how fast it is."""
    return {
        "processor": processor(),
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "libc": " ".join(platform.libc_ver()),
        "compiler": compiler(),
    }


def limited(threads: int) -> int:
    """Keep this process to a number of processors, and return how many it has.

    It works on every library alike, as long as none has started its threads.
    """
    if not hasattr(os, "sched_setaffinity"):
        return min(threads, os.cpu_count() or 1)
    processors = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, processors[:threads])
    found = min(threads, len(processors))
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[name] = str(found)
    return found
