"""Making the modules of a definition in memory, in this process or in others.

Most of the time of a build is Python's: derivatives, emission, and Cython, which hold the
interpreter's lock. Threads would leave all but one core idle there, so work is shared out to
processes, a definition to each: its backends share the derivatives. What they make comes back as
bytes and is written by the process that asked, so a build that is interrupted leaves nothing behind
in the output, and results do not depend on who was first.
"""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from symcompile.errors import SymcompileError
from symcompile.generate import Source, generate
from symcompile.options import Backend, Options
from symcompile.project.items import Item

Job = tuple[int, tuple[Backend, ...]]


@dataclass(frozen=True)
class Made:
    """A module that was made, or why it was not.

    Attributes:
        item: the number of its item.
        backend: by which backend.
        source: None if it could not be generated.
        extension: the compiled module's file name and content, if it was compiled.
        seconds: how long it took.
        error: empty, or what went wrong.
    """

    item: int
    backend: Backend
    source: Source | None = None
    extension: tuple[str, bytes] | None = None
    seconds: float = 0.0
    error: str = ""


def processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def make(
    collect: Callable[[], tuple[Item, ...]],
    items: tuple[Item, ...],
    jobs: Sequence[Job],
    *,
    compiled: bool,
    workers: int,
) -> Iterator[list[Made]]:
    """Make modules, and yield those of each job as they are ready.

    Args:
        collect: makes ``items`` anew, in a process that does not have them.
        items: what there is to build.
        jobs: for each item of which something is wanted, its number and the backends.
        compiled: whether Cython modules are compiled.
        workers: how many processes may work.

    Raises:
        Exception: what is no error of the user's.
    """
    workers = min(workers, len(jobs))
    if workers <= 1:
        for number, backends in jobs:
            yield _make(items[number], number, backends, compiled)
        return
    method = _method()
    if method == "fork":
        _import_once({backend for _, backends in jobs for backend in backends}, compiled)
    context = multiprocessing.get_context(method)
    _shared[:] = items
    pool = ProcessPoolExecutor(workers, context, _start, (None if method == "fork" else collect,))
    try:
        running: dict[Future[list[Made]], Job] = {}
        for number, backends in jobs:
            try:
                future = pool.submit(_make_shared, number, backends, compiled)
            except BrokenProcessPool:
                yield _ended(number, backends)
            else:
                running[future] = number, backends
        for future in as_completed(running):
            yield _result(future, running[future])
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    finally:
        pool.shutdown()
        _shared.clear()


_shared: list[Item] = []


def _method() -> Literal["fork", "spawn"]:
    """Return how processes start: a fork has the definitions, others read the files themselves."""
    return "fork" if sys.platform.startswith("linux") else "spawn"


def _import_once(backends: set[Backend], compiled: bool) -> None:
    """Import what every process would else import for itself."""
    names = [
        "autodiff.derive",
        "passes",
        "schedule",
        "emit.stubs",
        *(f"emit.{b}" for b in backends),
    ]
    for name in sorted(names):
        importlib.import_module(f"symcompile.{name}")
    if compiled and "cython" in backends:
        with contextlib.suppress(ImportError):  # which is said where it is needed
            importlib.import_module("Cython.Compiler.Main")


def _start(collect: Callable[[], tuple[Item, ...]] | None) -> None:
    # An interrupt from the keyboard ends them at once, without tracebacks.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if collect is not None:
        _shared[:] = collect()


def _make_shared(number: int, backends: tuple[Backend, ...], compiled: bool) -> list[Made]:
    return _make(_shared[number], number, backends, compiled)


def _result(future: Future[list[Made]], job: Job) -> list[Made]:
    try:
        return future.result()
    except BrokenProcessPool:
        return _ended(*job)


def _ended(number: int, backends: tuple[Backend, ...]) -> list[Made]:
    message = "a process that builds was ended from outside (is there enough memory?)"
    return [Made(number, backend, error=message) for backend in backends]


def _make(item: Item, number: int, backends: tuple[Backend, ...], compiled: bool) -> list[Made]:
    """Return the modules of one definition; an error of the user's is part of the answer."""
    made: list[Made] = []
    options = Options(target=item.wanted.target)
    try:
        for source in generate(item.definition, backends, item.names, item.wanted.target):
            start = time.perf_counter()
            extension, error = None, ""
            if source.backend == "cython" and compiled:
                try:
                    extension = _compile(source, options)
                except SymcompileError as failure:
                    error = str(failure)
            seconds = source.seconds + time.perf_counter() - start
            made.append(Made(number, source.backend, source, extension, seconds, error))
    except SymcompileError as failure:
        for backend in backends[len(made) :]:
            made.append(Made(number, backend, error=str(failure)))
    return _verified(item, made, options) if item.wanted.verify and compiled else made


def _verified(item: Item, made: list[Made], options: Options) -> list[Made]:
    """Return modules with their records, or with what is wrong with them."""
    from symcompile.project.verifying import verified

    sources = {one.backend: one.source for one in made if one.source and not one.error}
    start = time.perf_counter()
    found = verified(item, tuple(sources.values()), options)
    each = (time.perf_counter() - start) / max(1, len(sources))
    result = []
    for one in made:
        source, error = found.get(one.backend, (one.source, one.error))
        seconds = one.seconds + (each if one.backend in found else 0.0)
        result.append(replace(one, source=source, error=error, seconds=seconds))
    return result


def _compile(source: Source, options: Options) -> tuple[str, bytes]:
    """Return an extension's file name and content; it is imported on the way, so it loads."""
    from symcompile.build.loader import build_cython

    built = Path(str(build_cython(source.text, source.module, options).__file__))
    return built.name, built.read_bytes()
