"""Typed options of a compilation. Everything that changes generated code or binaries."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from symcompile.errors import ArgumentTypeError, ArgumentValueError

Backend = Literal["python", "numba", "cython", "llvm"]
BACKENDS: tuple[Backend, ...] = get_args(Backend)
#: Those whose source is for people to read; `build` writes them unless it is told otherwise.
READABLE: tuple[Backend, ...] = ("python", "numba", "cython")

#: What `symcompile show` can show a definition after.
Stage = Literal["sympy", "recognise", "ir", "schedule", "binding", "source"]
STAGES: tuple[Stage, ...] = get_args(Stage)

#: What `symcompile graph` can draw, and as what.
GraphStage = Literal["written", "optimised"]
GraphFormat = Literal["svg", "png", "pdf"]

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
        threads: how many threads a call may use, where it is worth more than one; None takes
            ``SYMCOMPILE_NUM_THREADS``, ``OMP_NUM_THREADS`` or the number of processors, as they
            are at each call. Results do not depend on it.

    Raises:
        ArgumentTypeError: ``threads`` is no whole number.
        ArgumentValueError: ``threads`` is less than one.
    """

    target: Target = "native"
    optimize: int | None = None
    cache_dir: Path | None = None
    threads: int | None = None

    def __post_init__(self) -> None:
        threads: object = self.threads
        if threads is None:
            return
        if not isinstance(threads, int) or isinstance(threads, bool):
            raise ArgumentTypeError(
                f"threads={threads!r}: a whole number is needed, or None for the environment's"
            )
        if threads < 1:
            raise ArgumentValueError(f"threads={threads}: at least one thread is needed")

    def with_threads(self, threads: int | None) -> Options:
        """Return these options with another number of threads; None leaves it as it is."""
        return self if threads is None else replace(self, threads=threads)
