"""Timing several ways of doing one thing, side by side, so that a noisy machine cancels out."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version


def interleaved(
    ways: Mapping[str, Callable[[], object]], rounds: int = 25, least: float = 0.002
) -> dict[str, list[float]]:
    """Return seconds a call for each way, measured in turn, ``rounds`` times.

    Each measurement repeats the call until it has taken ``least`` seconds or so.
    """
    counts = {}
    for name, call in ways.items():
        call()
        start = time.perf_counter()
        call()
        counts[name] = max(1, int(least / max(time.perf_counter() - start, 1e-9)))
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, call in ways.items():
            count = counts[name]
            start = time.perf_counter()
            for _ in range(count):
                call()
            found[name].append((time.perf_counter() - start) / count)
    return found


def ratio(times: Mapping[str, list[float]], name: str, base: str) -> float:
    """Return the median, over the rounds, of one way's time relative to another's."""
    pairs = zip(times[name], times[base], strict=True)
    return statistics.median(a / b for a, b in pairs)


def report(title: str, times: Mapping[str, list[float]], base: str) -> None:
    """Print a table: the median of each way, and its ratio to ``base``."""
    print(f"\n{title}")
    for name, values in times.items():
        print(
            f"  {name:<28} {seconds(statistics.median(values)):>10}"
            f"   {ratio(times, name, base):8.3f} of {base}"
        )


def seconds(value: float) -> str:
    """Return a duration with a unit that suits it.

    >>> seconds(4.43e-8), seconds(0.0123), seconds(2.5)
    ('44.3 ns', '12.3 ms', '2.50 s')
    """
    for unit, size in (("ns", 1e-9), ("us", 1e-6), ("ms", 1e-3)):
        if value < 1000 * size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.2f} s"


def machine() -> str:
    """Return what the figures were measured on."""
    names = ("symcompile", "sympy", "numpy", "numba", "cython")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    return f"Python {platform.python_version()}, {platform.machine()}; {versions}"
