"""Others that do the same work: whether they are here, and C by hand."""

from __future__ import annotations

import ctypes
import importlib
import os
import shutil
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

from benchmarks.suite.base import MissingError
from symcompile.build.cpu import has_feature

#: How to get what is not here.
REMEDIES = {
    "symjit": "not installed; pip install symjit needs Rust where there is no wheel",
}

#: Peers whose versions are reported.
PEERS = ("jax", "jaxlib", "heyoka", "symengine", "symjit", "casadi")


def peer(name: str) -> Any:
    """Import a peer.

    Raises:
        MissingError: it is not installed.
    """
    try:
        module = importlib.import_module(name)
    except ImportError:
        raise MissingError(
            REMEDIES.get(name, 'not installed; pip install ".[peers]" brings it')
        ) from None
    if name == "jax":
        module.config.update("jax_enable_x64", True)
    return module


#: How hand-written C is compiled. NaN and infinity keep their meaning, as in symcompile's code.
FLAGS = (
    *("-O3", "-march=native", "-fopenmp", "-fopenmp-simd", "-fno-math-errno"),
    *("-fno-trapping-math", "-fPIC", "-shared"),
)

#: glibc's vector functions, declared so that GCC calls them in vector loops.
VECTOR_MATH = """
#include <math.h>
#if defined(__GLIBC__) && defined(__x86_64__)
__attribute__((simd("notinbranch"))) extern double exp(double);
__attribute__((simd("notinbranch"))) extern double log1p(double);
__attribute__((simd("notinbranch"))) extern double sin(double);
__attribute__((simd("notinbranch"))) extern double cos(double);
#endif
"""


@lru_cache
def library(source: str) -> ctypes.CDLL:
    """Compile C written by hand.

    Raises:
        MissingError: there is no C compiler, or it refuses.
    """
    command = os.environ.get("CC") or shutil.which("gcc") or shutil.which("cc")
    if not command:
        raise MissingError("no C compiler")
    wide = ("-mprefer-vector-width=512",) if has_feature("avx512f") else ()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "hand.c")
        path.write_text(VECTOR_MATH + source, encoding="utf-8")
        done = subprocess.run(
            [*command.split(), *FLAGS, *wide, str(path), "-o", f"{folder}/hand.so", "-lm"],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise MissingError(f"the C compiler refuses: {done.stderr[:200]}")
        return ctypes.CDLL(f"{folder}/hand.so")


def pointer(array: Any) -> ctypes.c_void_p:
    """Return where an array lies."""
    return ctypes.c_void_p(array.ctypes.data)
