"""What a benchmark is, and what it finds."""

from __future__ import annotations

import math
import os
import statistics
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.timing import interleaved
from symcompile.compiler import Binding, build
from symcompile.errors import SymcompileError
from symcompile.frontend.definition import Definition
from symcompile.kernel import Kernel
from symcompile.options import BACKENDS, Options

Call = Callable[[], Any]


@dataclass(frozen=True)
class Setting:
    """How to measure.

    Attributes:
        backends: those of symcompile that are compared.
        rounds: how often everything is measured, in turn.
        data: a folder with published problems, or None.
        threads: how many threads everyone has.
        say: takes what is being done.
    """

    backends: tuple[str, ...] = BACKENDS
    rounds: int = 25
    data: Path | None = None
    threads: int = 2
    say: Callable[[str], None] = lambda text: None


@dataclass(frozen=True)
class Goal:
    """What is aimed at: a time relative to another's, or one in seconds.

    A ratio is the median over the rounds; seconds are those of the fastest round, in which the
    machine had least else to do.

    Attributes:
        way: whose time; a name, or what it begins with: then the best of these.
        limit: the most it should be.
        base: whose time it is relative to; None for seconds (a piece).
    """

    way: str
    limit: float
    base: str | None = None


@dataclass
class Comparison:
    """Several ways of doing one thing.

    Attributes:
        title: the thing.
        times: seconds of each way, in each round.
        base: the way that the others are relative to.
        pieces: how many pieces one call does, of which the time is shown.
        piece: what a piece is called.
        goals: what is aimed at.
        differences: the largest relative difference of each way's results from those of `base`.
        skipped: ways that are missing, and why.
        notes: what else is to be said.
    """

    title: str
    times: dict[str, list[float]] = field(default_factory=dict)
    base: str | None = None
    pieces: int = 1
    piece: str = "call"
    goals: tuple[Goal, ...] = ()
    differences: dict[str, float] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def median(self, way: str) -> float:
        """Return the median seconds of a way, a piece."""
        return statistics.median(self.times[way]) / self.pieces

    def ratio(self, way: str, base: str | None = None) -> float:
        """Return the median, over the rounds, of a way's time relative to another's."""
        base = base or self.base
        if base not in self.times:
            return math.nan
        pairs = zip(self.times[way], self.times[base], strict=True)
        return statistics.median(a / b for a, b in pairs)

    def reached(self, goal: Goal) -> float:
        """Return what a goal is about: a ratio or seconds; NaN where it was not measured."""
        ways = [way for way in self.times if way == goal.way or way.startswith(goal.way + " ")]
        if not ways or (goal.base and goal.base not in self.times):
            return math.nan
        found = [
            self.ratio(w, goal.base) if goal.base else min(self.times[w]) / self.pieces
            for w in ways
        ]
        return min(found)


@dataclass(frozen=True)
class Benchmark:
    """A named benchmark; it yields what it finds, comparison by comparison."""

    name: str
    title: str
    run: Callable[[Setting], Iterator[Comparison]]


class MissingError(Exception):
    """A peer is not here; says why."""


def compare(
    comparison: Comparison,
    ways: Mapping[str, Call],
    setting: Setting,
    *,
    results: Mapping[str, Call] | None = None,
    tolerance: float = 1e-9,
    rounds: int | None = None,
    least: float = 0.002,
    calls: int = 1,
) -> Comparison:
    """Time ways in turn, once their results agree.

    Args:
        comparison: is filled in.
        ways: what is timed, by name.
        setting: how to measure.
        results: what gives the numbers to compare, where it is not what is timed.
        tolerance: the most by which results may differ, relative to the largest number.
        rounds: how often; None takes the setting's.
        least: seconds that a measurement takes at least.
        calls: how many calls one way makes.

    Raises:
        SystemExit: results differ by more.
    """
    results = results or ways
    base = comparison.base if comparison.base in results else next(iter(results))
    expected = flat(results[base]())
    for name, call in results.items():
        comparison.differences[name] = found = difference(flat(call()), expected)
        if not found <= tolerance:
            raise SystemExit(f"{comparison.title}: {name} differs from {base} by {found:.1e}")
    setting.say(f"{comparison.title}: {', '.join(ways)}")
    times = interleaved(ways, rounds or setting.rounds, least)
    comparison.times = {name: [t / calls for t in found] for name, found in times.items()}
    return comparison


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep symcompile to one thread."""
    before = os.environ.get("SYMCOMPILE_NUM_THREADS")
    os.environ["SYMCOMPILE_NUM_THREADS"] = "1"
    try:
        yield
    finally:
        del os.environ["SYMCOMPILE_NUM_THREADS"]
        if before is not None:
            os.environ["SYMCOMPILE_NUM_THREADS"] = before


def flat(result: Any) -> Any:
    """Return the numbers of a result in one row."""
    parts = result if isinstance(result, tuple | list) else (result,)
    return np.concatenate([np.ravel(np.asarray(part, dtype=float)) for part in parts])


def difference(found: Any, expected: Any) -> float:
    """Return the largest difference of two results, relative to the largest number."""
    scale = float(np.max(np.abs(expected))) or 1.0
    return float(np.max(np.abs(found - expected))) / scale


def with_peers(
    comparison: Comparison, ways: dict[str, Call], peers: Mapping[str, Callable[[], Call]]
) -> dict[str, Call]:
    """Add the peers that are here to the ways, and say which are not."""
    for name, make in peers.items():
        try:
            ways[name] = make()
        except MissingError as error:
            comparison.skipped[name] = str(error)
    return ways


def with_backends(
    comparison: Comparison, ways: dict[str, Call], setting: Setting, make: Callable[[str], Call]
) -> dict[str, Call]:
    """Add symcompile's backends to the ways, and say which are missing."""
    for backend in setting.backends:
        setting.say(f"{comparison.title}: {backend} compiles")
        try:
            ways[own(backend)] = make(backend)
        except (SymcompileError, MissingError) as error:
            comparison.skipped[own(backend)] = str(error).partition("\n")[0]
    return ways


def own(backend: str) -> str:
    """Return the name of the way that a backend is."""
    return f"symcompile {backend}"


def kernel_of(
    definition: Definition, backend: str, functions: tuple[str, ...], cache: Path | None = None
) -> Kernel:
    """Compile some functions of a definition, in one module."""
    options = Options(cache_dir=cache)
    load = partial(build, definition, backend, options)  # type: ignore[arg-type]
    binding = Binding(definition, options)
    return Kernel(definition, backend, options, load, functions, binding=binding)
