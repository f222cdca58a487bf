"""Random expressions, compiled and judged: run as ``python -m tests.peers.fuzzing --help``."""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import sympy as sp

import symcompile as sc
from symcompile.ir.dtypes import DType
from tests.peers.cases import time_limit
from tests.peers.exact import Judged, OutsideError, Tape, judge_point, scales
from tests.peers.grammar import Example, Grammar
from tests.peers.units import MP, ulps

#: In conditioned ulp: a result may be off by this times the spacing of floats, and times how far
#: one rounding of each operation moves it.
VALUE, DERIVATIVE, SECOND = 8.0, 16.0, 64.0

#: Where SciPy's own implementation is less accurate than that: how many units its result may be
#: off. The functions' page of the documentation lists what is measured.
WEIGHTS: dict[str, float] = {}

#: Nearer to a jump or kink than this, a rounding error may cross it.
_MARGIN = 1e-7
#: What is larger or smaller may overflow or underflow on the way to a second derivative.
_LARGEST, _SMALLEST = 1e60, 1e-60
#: Where a rounding error moves a result by more than this there is nothing to judge.
_HOPELESS = 1e-4
_EPS = {"float64": 2.0**-52, "complex128": 2.0**-52, "float32": 2.0**-23}
#: For one expression on its own; compiling takes seconds.
_SECONDS = 60
#: For 50 digits of its results; some series do not end.
_PATIENCE = 20
_VECTOR = (0.5, -1.25, 0.75)


class Results(NamedTuple):
    """What a backend gives at one point."""

    value: Any
    from_array: Any
    gradient: Any
    product: Any


@dataclass(frozen=True)
class Failure:
    """A result that is wrong, or an exception."""

    example: Example
    backend: str
    what: str
    remark: str

    def __str__(self) -> str:
        return f"{self.backend} {self.what}: {self.remark}\n    {self.example}"


@dataclass
class Tally:
    """How many points were judged, and why others were not."""

    counts: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)

    @property
    def skipped(self) -> float:
        """The part of the points that was not judged."""
        total = sum(self.counts.values())
        return 1 - self.counts["judged"] / total if total else 0.0


class Subject:
    """An example and the exact results at its points."""

    def __init__(self, example: Example, dtype: DType = "float64") -> None:
        self.example = example
        self.dtype = dtype
        self.tape = Tape(
            example.expr, example.symbols, complex=dtype == "complex128", weights=WEIGHTS
        )
        self.vector = _VECTOR[: len(example.symbols)]
        self.truths: list[Judged | str] = [self._truth(point) for point in example.points]

    def _truth(self, point: tuple[Any, ...]) -> Judged | str:
        try:
            with time_limit(_PATIENCE):
                found = judge_point(self.tape, point, self.vector)
        except OutsideError:
            return "outside"
        except TimeoutError:
            return "slow"
        if found.margin < _MARGIN:
            return "kink"
        smallest, largest = found.extremes
        if largest > _LARGEST or smallest < _SMALLEST:
            return "range"
        return found

    def judge(self, backend: str, results: Sequence[Results], tally: Tally) -> None:
        """Compare what a backend gives with the exact results."""
        for point, truth, got in zip(self.example.points, self.truths, results, strict=True):
            if isinstance(truth, str):
                tally.counts[truth] += 1
                continue
            tally.counts["judged"] += 1
            for what, remark in self._errors(point, truth, got, tally):
                tally.failures.append(Failure(self.example, backend, what, f"at {point}: {remark}"))

    def _errors(
        self, point: tuple[Any, ...], truth: Judged, got: Results, tally: Tally
    ) -> list[tuple[str, str]]:
        exact = truth.truth
        entries = [
            ("value", VALUE, got.value, exact.value, 0),
            ("value of an array", VALUE, got.from_array, exact.value, 0),
        ]
        for k, (slope, curve) in enumerate(zip(exact.gradient, exact.product, strict=True)):
            entries.append(("gradient", DERIVATIVE, got.gradient[k], slope, 1 + k))
            entries.append(("hvp", SECOND, got.product[k], curve, 1 + len(exact.gradient) + k))
        suspects = [entry for entry in entries if not self._close(entry, truth)]
        if not suspects:
            return []
        try:
            value, gradient, product = scales(self.tape, point, self.vector, exact)
        except OutsideError:
            return []
        flat = [value, *gradient, *product]
        found = []
        eps = _EPS[self.dtype]
        for what, limit, computed, true, place in suspects:
            scale = float(flat[place])
            if eps * scale > _HOPELESS * max(float(abs(true)), 1e-30):
                tally.counts[f"hopeless {what}"] += 0  # told, but not a point of its own
                if not np.isnan(complex(computed)) and abs(computed - complex(true)) < scale:
                    continue
            error = _distance(computed, true)
            if not error <= limit * eps * scale:
                units = error / (eps * scale) if scale else float("inf")
                plain = ulps(computed, true, self.dtype == "float32")
                expected = complex(true) if self.dtype == "complex128" else float(true)
                remark = f"got {computed!r}, exact {expected!r}, {units:.3g} conditioned ulp of "
                found.append((what, f"{remark}{limit:g}, {plain:.3g} ulp"))
        return found

    def _close(self, entry: tuple[str, float, Any, Any, int], truth: Judged) -> bool:
        _, limit, got, exact, _ = entry
        # Differences leave about this of what is nothing.
        if abs(exact) < 1e-24 * truth.extremes[1] and got == 0:
            return True
        return ulps(got, exact, self.dtype == "float32") <= limit


def _distance(got: Any, exact: Any) -> float:
    number = complex(got)
    if not (np.isfinite(number.real) and np.isfinite(number.imag)):
        return float("inf")
    return float(abs(MP.mpmathify(number) - exact))


def run_alone(subject: Subject, backend: Any) -> list[Results]:
    """Compile one expression, and return its results at its points."""
    return run_together([subject], backend)[0]


def run_together(subjects: Sequence[Subject], backend: Any) -> list[list[Results]]:
    """Compile many expressions as one function, and their sum as one definition."""
    symbols: list[sp.Symbol] = []
    spans, formulas = [], []
    for subject in subjects:
        own = {s: sp.Dummy(s.name, **s._assumptions_orig) for s in subject.example.symbols}
        spans.append(slice(len(symbols), len(symbols) + len(own)))
        symbols += own.values()
        formulas.append(subject.example.expr.xreplace(own))
    dtype = subjects[0].dtype
    keywords = {} if dtype == "float64" else {"dtype": dtype}
    f = sc.lambdify(symbols, formulas, backend=backend, **keywords)
    # The derivatives of a sum over different parameters are those of each.
    total = sc.define("total", sp.Add(*formulas, evaluate=False), params=symbols, dtype=dtype)
    kernel = sc.compile(total, backend=backend)
    count = len(subjects[0].example.points)
    rows = [[x for s in subjects for x in s.example.points[k]] for k in range(count)]
    vector = [v for subject in subjects for v in subject.vector]
    kind = {"float64": np.float64, "float32": np.float32, "complex128": np.complex128}[dtype]
    columns = [np.array(column, dtype=kind) for column in zip(*rows, strict=True)]
    values = [f(*(kind(x) for x in row) if dtype == "float32" else row) for row in rows]
    arrays = f(*columns)
    gradients = [kernel.grad(row) for row in rows]
    products = [kernel.hvp(row, vector) for row in rows]
    return [
        [
            Results(values[k][i], arrays[i][k], gradients[k][span], products[k][span])
            for k in range(count)
        ]
        for i, span in enumerate(spans)
    ]


def judge_all(subjects: Sequence[Subject], backend: str, tally: Tally) -> None:
    """Judge expressions on a backend; where they fail together, halves of them."""
    try:
        with time_limit(_SECONDS + _SECONDS * len(subjects) // 10):
            results = run_together(subjects, backend)
    except Exception as error:
        if len(subjects) > 1:
            half = len(subjects) // 2
            judge_all(subjects[:half], backend, tally)
            judge_all(subjects[half:], backend, tally)
            return
        where = traceback.extract_tb(error.__traceback__)[-1]
        remark = f"{type(error).__name__} in {where.name}: {error}"[:300]
        tally.failures.append(Failure(subjects[0].example, backend, "exception", remark))
        return
    for subject, found in zip(subjects, results, strict=True):
        subject.judge(backend, found, tally)


def subject_of(
    seed: Any, dtype: DType = "float64", depth: int = 3, name: str | None = None
) -> Subject:
    """Return a random example with its exact results."""
    rng = seed if isinstance(seed, random.Random) else random.Random(seed)
    grammar = Grammar(rng, complex=dtype == "complex128", single=dtype == "float32")
    example = grammar.example(depth, name)
    while not _can_be_renamed(example):
        example = grammar.example(depth, name)
    return Subject(example, dtype)


def _can_be_renamed(example: Example) -> bool:
    """Return whether SymPy can build the formula again: not Min of a number it cannot compare."""
    try:
        example.expr.xreplace({symbol: sp.Dummy() for symbol in example.symbols})
    except ValueError:
        return False
    return True


def fuzz(
    seeds: Sequence[Any],
    backends: Sequence[str],
    dtype: DType = "float64",
    batch: int = 100,
    told: Callable[[str], None] | None = None,
    depth: int = 3,
) -> Tally:
    """Judge the examples of seeds on backends, ``batch`` of them in one function."""
    tally = Tally()
    for start in range(0, len(seeds), batch):
        subjects = [subject_of(seed, dtype, depth) for seed in seeds[start : start + batch]]
        for backend in backends:
            before = len(tally.failures)
            began = time.perf_counter()
            judge_all(subjects, backend, tally)
            if told is not None:
                for failure in tally.failures[before:]:
                    told(str(failure))
                seconds = time.perf_counter() - began
                count = start + len(subjects)
                told(f"  {backend} {count}: {len(tally.failures)} bad, {seconds:.0f} s")
    return tally


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge random expressions; return 1 if there are failures."""
    parser = argparse.ArgumentParser(prog="tests.peers.fuzzing", description=__doc__)
    parser.add_argument("--backend", choices=sc.BACKENDS, action="append", help="default: all")
    parser.add_argument("--examples", type=int, default=200)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--batch", type=int, default=100, help="how many in one function")
    parser.add_argument("--depth", type=int, default=3)
    parser.add_argument("--dtype", default="float64", choices=("float64", "float32", "complex128"))
    chosen = parser.parse_args(arguments)
    tally = fuzz(
        range(chosen.first, chosen.first + chosen.examples),
        chosen.backend or sc.BACKENDS,
        chosen.dtype,
        chosen.batch,
        lambda line: print(line, flush=True),
        chosen.depth,
    )
    print(f"{len(tally.failures)} bad; {dict(tally.counts)}, {tally.skipped:.1%} not judged")
    return 1 if tally.failures else 0


if __name__ == "__main__":
    if "SYMCOMPILE_CACHE_DIR" not in os.environ:
        os.environ["SYMCOMPILE_CACHE_DIR"] = tempfile.mkdtemp(prefix="symcompile-fuzz-")
    sys.exit(main())
