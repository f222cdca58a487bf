"""The recursion f <- sin(f*b)*cos(f + c) + f**2/3: value and gradient in three numbers."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import sympy as sp

import symcompile as sc
from benchmarks.suite.base import (
    Call,
    Comparison,
    Goal,
    MissingError,
    Setting,
    compare,
    kernel_of,
    with_backends,
    with_peers,
)
from benchmarks.suite.peers import peer

POINT = np.array([0.5, 2.0, 0.3])

#: Deeper than this a backend is left out: what runs its code compiles it in quadratic time.
DEEPEST = {"numba": 100}


def definition_of(depth: int) -> sc.Definition:
    """Return the recursion with named intermediates."""
    f, b, c = sp.symbols("f b c")
    steps: list[Any] = []
    last = f
    for k in range(depth):
        name = sp.Symbol(f"f{k}")
        steps.append((name, sp.sin(last * b) * sp.cos(last + c) + last**2 / 3))
        last = name
    return sc.define("deep", steps, params=(f, b, c))


def run(setting: Setting) -> Iterator[Comparison]:
    """Compare compiling and evaluating, a thousand deep."""
    yield from _compared(1_000, setting, {"llvm": 2.0, "cython": 10.0}, {"heyoka": _heyoka})


def run_deep(setting: Setting) -> Iterator[Comparison]:
    """The same ten thousand deep, where compilers that are not linear show it."""
    yield from _compared(10_000, setting, {}, {})


def _compared(
    depth: int, setting: Setting, goals: dict[str, float], peers: dict[str, Any]
) -> Iterator[Comparison]:
    building = Comparison(
        f"{depth:,} deep: from definition to first result",
        goals=tuple(Goal(f"symcompile {b}", limit) for b, limit in goals.items()),
    )
    running = Comparison(
        f"{depth:,} deep: value and gradient", base="heyoka", goals=(Goal("symcompile", 32e-6),)
    )
    spent: dict[str, float] = {}

    def made(backend: str) -> Call:
        if depth > DEEPEST.get(backend, depth):
            raise MissingError(f"too deep: its compiler takes minutes from {DEEPEST[backend]} on")
        definition = definition_of(depth)
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            kernel = kernel_of(definition, backend, ("value_and_grad",), Path(folder))
            kernel.value_and_grad(POINT)
            spent[f"symcompile {backend}"] = time.perf_counter() - start
        return partial(kernel.value_and_grad, POINT)

    def timed(name: str, make: Any) -> Call:
        setting.say(f"{building.title}: {name} compiles")
        start = time.perf_counter()
        call: Call = make(depth)
        call()
        spent[name] = time.perf_counter() - start
        return call

    ways = with_backends(running, {}, setting, made)
    with_peers(running, ways, {name: partial(timed, name, make) for name, make in peers.items()})
    building.times = {name: [seconds] for name, seconds in spent.items()}
    building.skipped = dict(running.skipped)
    yield building
    yield compare(running, ways, setting)


def _heyoka(depth: int) -> Call:
    heyoka = peer("heyoka")
    f, b, c = heyoka.make_vars("f", "b", "c")
    last = f
    for _ in range(depth):
        last = heyoka.sin(last * b) * heyoka.cos(last + c) + last**2.0 / 3.0
    slopes = heyoka.diff_tensors([last], [f, b, c], diff_order=1).gradient
    function = heyoka.cfunc([last, *slopes], vars=[f, b, c], compact_mode=True)
    out = np.empty(4)

    def call() -> Any:
        function(POINT, outputs=out)
        return out

    return call
