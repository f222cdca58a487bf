"""Typed options of a compilation. Everything that changes generated code or binaries."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

Backend = Literal["python", "numba", "cython", "llvm"]
BACKENDS: tuple[Backend, ...] = get_args(Backend)
#: Those whose source is for people to read; `build` writes them unless it is told otherwise.
READABLE: tuple[Backend, ...] = ("python", "numba", "cython")

Target = Literal["native", "portable"]


@dataclass(frozen=True)
class Options:
    """How to compile.

    Attributes:
        target: ``"native"`` uses every instruction of this CPU (never for code that is
            shipped); ``"portable"`` the baseline of the architecture.
        optimize: the C compiler's optimisation level, or None to choose by size.
        cache_dir: the cache folder; None takes ``SYMCOMPILE_CACHE_DIR`` or the user's
            cache folder.
    """

    target: Target = "native"
    optimize: int | None = None
    cache_dir: Path | None = None
