"""The cache under stress: many processes at once, and builds that are killed.

``python -m benchmarks.cache_stress`` lets 32 processes compile one kernel at once and counts the
compilers that run; then it kills 200 builds with all their processes at random moments, and after
each loads the kernel in a new process. It prints what happened, and fails where a load fails, a
result is wrong, or more than one compiler ran.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import sympy as sp

import symcompile as sc
from symcompile.build.cache import Cache
from symcompile.build.toolchain import find_toolchain

#: In which state a killed build leaves the cache, in the order in which a build comes by.
PHASES = (
    "before the build",
    "source being written",
    "compiling",
    "compiled",
    "manifest written",
    "published",
    "ended before",
)
#: Of ten kills, how many hit which backend.
SHARES = (("cython", 2), ("llvm", 4), ("python", 4))
_TIMEOUT = 300.0
_PRELOADED = (
    *("sympy", "sympy.tensor.tensor", "scipy", "llvmlite.binding", "jinja2", "platformdirs"),
    *("Cython.Compiler.Main", "symcompile", "symcompile.kernel", "symcompile.build.loader"),
    *("symcompile.emit.llvm", "symcompile.emit.cython"),
)

# Children of a server that has imported everything and built nothing: as new as any process,
# without the second that importing SymPy takes.
_context = multiprocessing.get_context("forkserver")


def check(backend: Any, number: int, folder: Path) -> None:
    """Compile the kernel of this number, and compare what it gives with Python's own arithmetic.

    Raises:
        AssertionError: it gives something else.
    """
    x = sp.Symbol("x")
    kernel = sc.compile(
        sp.sin(number * x) ** 2 + sp.Rational(number, 7) * x,
        params=x,
        name=f"stress_{number}",
        backend=backend,
        options=sc.Options(cache_dir=folder),
    )
    value, grad = kernel.value_and_grad([0.3])
    angle = 0.3 * number
    expected = (
        math.sin(angle) ** 2 + number * 0.3 / 7,
        2 * number * math.sin(angle) * math.cos(angle) + number / 7,
    )
    for found, wanted in zip((value, grad[0]), expected, strict=True):
        assert abs(found - wanted) <= 1e-12 * (1 + number), (backend, number, found, wanted)


def _run(backend: str, number: int, folder: Path, start: Connection | None, cc: str) -> None:
    os.setsid()
    os.environ["CC"] = cc
    if start is not None:
        start.send(None)
        start.recv()
    check(backend, number, folder)


@contextmanager
def _counted(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Give a compiler that notes each of its runs in a file, and that file."""
    log, script = folder / "compiler.log", folder / "counted-cc"
    log.touch()
    command = " ".join(f"'{word}'" for word in find_toolchain().command)
    script.write_text(f"#!/bin/sh\necho run >> '{log}'\nexec {command} \"$@\"\n")
    script.chmod(0o700)
    yield script, log


def _started(backend: str, number: int, folder: Path, cc: str) -> tuple[Any, Connection]:
    mine, theirs = _context.Pipe()
    process = _context.Process(target=_run, args=(backend, number, folder, theirs, cc))
    process.start()
    theirs.close()
    return process, mine


def at_once(backend: str, processes: int, folder: Path, cc: str) -> tuple[int, float]:
    """Let many processes compile one kernel.

    Returns:
        How many of them failed, and the seconds from their start to the end of the last.
    """
    running = [_started(backend, 1, folder, cc) for _ in range(processes)]
    for _, connection in running:
        connection.recv()
    begin = time.perf_counter()
    for _, connection in running:
        connection.send(None)
    for process, _ in running:
        process.join(_TIMEOUT)
    seconds = time.perf_counter() - begin
    failed = 0
    for process, _ in running:
        if process.exitcode != 0:
            failed += 1
            process.kill()
    return failed, seconds


def _writing(folder: Path, before: set[Path], process: Any) -> None:
    """Wait until a build has a temporary folder, or has ended."""
    while process.exitcode is None and set((folder / "tmp").glob("*")) <= before:
        time.sleep(0.0002)


def killed(backend: str, number: int, folder: Path, cc: str, after: float, *, written: bool) -> str:
    """Kill a build with its compilers after so many seconds.

    Args:
        backend: which.
        number: of the kernel.
        folder: the cache.
        cc: the compiler.
        after: the seconds.
        written: whether they count from the first file on, not from the call.

    Returns:
        The phase that it was in.
    """
    temporary = folder / "tmp"
    before = set(temporary.glob("*"))
    entries = Cache(folder).info().entries
    process, connection = _started(backend, number, folder, cc)
    connection.recv()
    connection.send(None)
    if written:
        _writing(folder, before, process)
    process.join(after)
    ended = process.exitcode is not None
    if not ended:
        os.killpg(process.pid, signal.SIGKILL)
        process.join(_TIMEOUT)
    if ended:
        return "ended before"
    if Cache(folder).info().entries > entries:
        return "published"
    files = [path for left in set(temporary.glob("*")) - before for path in left.rglob("*")]
    names = {path.name for path in files}
    if not files:
        return "before the build"
    if "manifest.json" in names:
        return "manifest written"
    if any(name.startswith("build-") for name in names):
        return "compiling"
    if any(name.endswith((".so", ".o", ".pyc")) for name in names):
        return "compiled"
    return "source being written"


def _loads(backend: str, number: int, folder: Path, cc: str) -> bool:
    process = _context.Process(target=_run, args=(backend, number, folder, None, cc))
    process.start()
    process.join(_TIMEOUT)
    return process.exitcode == 0


def _report_at_once(processes: int, folder: Path) -> bool:
    good = True
    for backend, expected in (("cython", 1), ("llvm", 0)):
        place = folder / f"once-{backend}"
        place.mkdir()
        with _counted(place) as (cc, log):
            failed, seconds = at_once(backend, processes, place / "cache", str(cc))
            runs = len(log.read_text().splitlines())
        entries = Cache(place / "cache").info().entries
        print(
            f"{processes} processes at once, {backend}: {processes - failed} right results, "
            f"{runs} C compilers ran, {entries} entry, {seconds:.1f} s"
        )
        good = good and not failed and runs == expected and entries == 1
    return good


def _report_killed(kills: int, folder: Path, seed: int) -> bool:
    rng = random.Random(seed)
    cache, cc = folder / "killed", str(find_toolchain().command[0])
    shares = [backend for backend, share in SHARES for _ in range(share)]
    durations: dict[str, tuple[float, float]] = {}
    for number, (backend, _) in enumerate(SHARES, start=1):
        _loads(backend, 10 + number, cache, cc)  # compilers are slow the first time
        process, connection = _started(backend, number, cache, cc)
        connection.recv()
        connection.send(None)
        begin = time.perf_counter()
        _writing(cache, set((cache / "tmp").glob("*")), process)
        first_file = time.perf_counter()
        process.join(_TIMEOUT)
        end = time.perf_counter()
        durations[backend] = end - begin, end - first_file
    phases: dict[str, Counter[str]] = {backend: Counter() for backend, _ in SHARES}
    wrong = 0
    begin = time.perf_counter()
    for index in range(kills):
        backend, number = shares[index % len(shares)], 100 + index
        # Half over the whole of it, half over the shorter time in which files are written.
        written = rng.random() < 0.5
        after = rng.uniform(0, durations[backend][written])
        phases[backend][killed(backend, number, cache, cc, after, written=written)] += 1
        if not _loads(backend, number, cache, cc):
            wrong += 1
            print(f"failed after a kill: {backend}, number {number}")
    print(
        f"{kills} builds killed (seed {seed}): {wrong} loads failed or were wrong afterwards, "
        f"{time.perf_counter() - begin:.0f} s"
    )
    print(f"{'phase':22}" + "".join(f"{backend:>8}" for backend in phases))
    for phase in PHASES:
        print(f"{phase:22}" + "".join(f"{count[phase]:8}" for count in phases.values()))
    left = _swept(cache, cc)
    return not wrong and not left


def _swept(cache: Path, cc: str) -> int:
    """Make what killed builds have left two hours old, build once more, and count what stays."""
    left = list((cache / "tmp").iterdir())
    for path in left:
        os.utime(path, (time.time() - 7200,) * 2)
    _loads("python", 99, cache, cc)
    stay = len(list((cache / "tmp").iterdir()))
    print(f"{len(left)} folders left by killed builds, {stay} after the next build swept them")
    return stay


def main(arguments: list[str] | None = None) -> int:
    """Run both parts; return 0 where all went well."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cache_stress", description=__doc__)
    parser.add_argument("--processes", type=int, default=32)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parsed = parser.parse_args(arguments)
    _context.set_forkserver_preload(list(_PRELOADED))
    folder = Path(tempfile.mkdtemp(prefix="symcompile-stress-"))
    try:
        good = _report_at_once(parsed.processes, folder)
        good = (not parsed.kills or _report_killed(parsed.kills, folder, parsed.seed)) and good
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print("all well" if good else "FAILED")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
