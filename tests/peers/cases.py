"""The published cases, judged: run as ``python -m tests.peers.cases --help``."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

import symcompile as sc
from tests.peers.exact import Tape, judge_point, scales
from tests.peers.published import (
    Point,
    Problem,
    feynman_problems,
    folder,
    lambdify_problems,
)
from tests.peers.units import exact_number, ulps

#: The tolerated error in ulp of what is asked for, to be multiplied by the condition number.
ALLOWED = {"value": 8.0, "gradient": 16.0, "jacobian": 16.0, "hessian": 16.0}

_BATCH = 100
#: For one case on its own; compiling takes seconds.
_SECONDS = 60


@dataclass(frozen=True)
class Verdict:
    """What became of a case: the error and where it is largest, or what went wrong."""

    problem: Problem
    ulp: float
    allowed: float
    remark: str = ""

    @property
    def good(self) -> bool:
        """Whether it is as it should be."""
        return not self.remark and self.ulp <= self.allowed

    def __str__(self) -> str:
        head = f"{self.problem.name:24} {self.ulp:10.4g} of {self.allowed:<8.4g}"
        return f"{head} {self.remark}  [{str(self.problem.expr)[:100]}]"


def judge(problem: Problem, results: Sequence[Any], containers: bool = True) -> Verdict:
    """Compare what a case gave at each of its points."""
    limit = ALLOWED[problem.op]
    ratio, worst = -1.0, (0.0, limit)
    remark = ""
    for point, got in zip(problem.points, results, strict=True):
        allowed = point.allowed(limit)
        try:
            error = _compare(got, point.answer, problem, containers)
        except _MisfitError as misfit:
            return Verdict(problem, np.inf, allowed, f"at {point.given}: {misfit}")
        if error > allowed and problem.op == "hessian":
            error /= hessian_condition(problem, point)
        if error / allowed > ratio:
            ratio, worst = error / allowed, (error, allowed)
            if error > allowed:
                remark = f"at {point.given}: got {got!r}, exact {_short(point.answer)}"
    return Verdict(problem, *worst, remark)


def hessian_condition(problem: Problem, point: Point) -> float:
    """Return how far rounding moves an entry of a Hessian, in units of it: at the worst entry.

    The files say no condition numbers of Hessians, whose entries may cancel.
    """
    tape = Tape(problem.expr, problem.args)
    worst = 1.0
    for k in range(len(problem.args)):
        axis = [float(j == k) for j in range(len(problem.args))]
        truth = judge_point(tape, point.given, axis).truth
        _, _, moved = scales(tape, point.given, axis, truth)
        for entry, scale in zip(truth.product, moved, strict=True):
            if abs(entry) > 1e-20:
                worst = max(worst, float(scale / abs(entry)))
    return worst


class _MisfitError(Exception):
    """A result of another shape, container or kind."""


def _compare(got: Any, answer: Any, problem: Problem, containers: bool) -> float:
    """Return the largest error in ulp.

    Raises:
        _MisfitError: another shape, container or kind.
    """
    if isinstance(answer, bool):
        if np.ndim(got) or bool(got) is not answer or np.asarray(got).dtype.kind not in "bif":
            raise _MisfitError(f"got {got!r}, which should be {answer}")
        return 0.0
    if isinstance(answer, dict) and "tuple" in answer:
        if containers and not isinstance(got, tuple):
            raise _MisfitError(f"a {type(got).__name__} where a tuple should be")
        return _entries(got, answer["tuple"], problem, containers)
    if isinstance(answer, dict) and "matrix" in answer:
        if containers and not isinstance(got, np.ndarray):
            raise _MisfitError(f"a {type(got).__name__} where an array should be")
        shape, expected = np.shape(got), np.shape(_skeleton(answer["matrix"]))
        if containers and shape != expected:
            raise _MisfitError(f"shape {shape}, which should be {expected}")
        return _entries(got, answer["matrix"], problem, containers)
    if isinstance(answer, list):
        arrays = problem.elementwise or problem.op != "value"
        if containers and not isinstance(got, np.ndarray if arrays else list):
            raise _MisfitError(
                f"a {type(got).__name__} where {'an array' if arrays else 'a list'} is"
            )
        return _entries(got, answer, problem, containers)
    if np.ndim(got) or np.asarray(got).dtype.kind not in "bifc":
        raise _MisfitError(f"got {got!r} where a number should be")
    return ulps(got[()] if isinstance(got, np.ndarray) else got, exact_number(answer))


def _entries(got: Any, answers: Sequence[Any], problem: Problem, containers: bool) -> float:
    if len(got) != len(answers):
        raise _MisfitError(f"{len(got)} entries where {len(answers)} should be")
    found = [
        _compare(each, answer, problem, containers)
        if not isinstance(answer, list)
        else _entries(each, answer, problem, containers)
        for each, answer in zip(got, answers, strict=True)
    ]
    return max(found, default=0.0)


def _skeleton(answer: Any) -> Any:
    return [_skeleton(each) for each in answer] if isinstance(answer, list) else 0


def _short(answer: Any) -> Any:
    if isinstance(answer, str):
        return answer[:24]
    if isinstance(answer, dict):
        return {key: _short(value) for key, value in answer.items()}
    return [_short(each) for each in answer] if isinstance(answer, list) else answer


def run_alone(problem: Problem, backend: str) -> Verdict:
    """Compile one case on its own, call it and judge it."""
    return guarded(problem, lambda: judge(problem, _results(problem, backend)))


def guarded(problem: Problem, run: Callable[[], Verdict]) -> Verdict:
    """Return a verdict, also where there is an exception or a warning, or where it takes long."""
    try:
        with warnings.catch_warnings(), time_limit(_SECONDS):
            warnings.simplefilter("error")
            return run()
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        remark = f"{type(error).__name__} ({where.name}): {error}"
        return Verdict(problem, np.inf, ALLOWED[problem.op], remark[:400])


@contextmanager
def time_limit(seconds: int) -> Iterator[None]:
    """Raise TimeoutError in the main thread if the block takes longer."""

    def stop(*_: Any) -> None:
        raise TimeoutError(f"it takes longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _results(problem: Problem, backend: Any) -> list[Any]:
    if problem.op == "value":
        f = sc.lambdify(problem.args, problem.expr, backend=backend)
        return [f(*point.given) for point in problem.points]
    dtype = "complex128" if problem.complex else "float64"
    definition = sc.define("case", problem.expr, params=problem.args, dtype=dtype)
    kernel = sc.compile(definition, backend=backend)
    name = "grad" if problem.op == "gradient" else problem.op
    return [getattr(kernel, name)(point.given) for point in problem.points]


def run_batched(problems: Sequence[Problem], backend: str) -> list[Verdict]:
    """Compile and judge cases, many in one function where they allow it."""
    groups: dict[Any, list[Problem]] = {}
    alone = []
    for problem in problems:
        key = _group(problem)
        if key is None:
            alone.append(problem)
        else:
            groups.setdefault(key, []).append(problem)
    found = [run_alone(problem, backend) for problem in alone]
    for group in groups.values():
        for start in range(0, len(group), _BATCH):
            found += _together(group[start : start + _BATCH], backend)
    order = {problem.name: position for position, problem in enumerate(problems)}
    return sorted(found, key=lambda verdict: order[verdict.problem.name])


def _group(problem: Problem) -> Any:
    """Return what cases must share to be compiled in one function, or None."""
    entries = problem.expr if isinstance(problem.expr, list) else [problem.expr]
    plain = all(isinstance(entry, sp.Expr) for entry in entries)
    if problem.special or not plain or not all(isinstance(s, sp.Symbol) for s in problem.args):
        return None
    op = "hessian" if problem.op == "gradient" else problem.op
    # A formula that holds I leaves the reals, and all that is compiled with it.
    return op, problem.complex, any(entry.has(sp.I) for entry in entries)


def _together(problems: list[Problem], backend: Any) -> list[Verdict]:
    """Judge cases of one kind, compiled in one function; halves of them if that fails."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            results = _joined(problems, backend)
    except Exception:
        if len(problems) == 1:
            return [run_alone(problems[0], backend)]
        half = len(problems) // 2
        return _together(problems[:half], backend) + _together(problems[half:], backend)
    return [
        guarded(problem, lambda problem=problem, got=got: judge(problem, got, False))
        for problem, got in zip(problems, results, strict=True)
    ]


def _joined(problems: Sequence[Problem], backend: Any) -> list[list[Any]]:
    """Return the results of each problem at each of its points, from one function."""
    symbols: list[sp.Symbol] = []
    starts, formulas = [], []
    for problem in problems:
        own = {s: sp.Dummy(s.name, **s._assumptions_orig) for s in problem.args}
        starts.append(len(symbols))
        symbols += own.values()
        entries = problem.expr if isinstance(problem.expr, list) else [problem.expr]
        formulas.append([sp.sympify(entry).xreplace(own) for entry in entries])
    count = max(len(problem.points) for problem in problems)
    rows = [[number for problem in problems for number in _at(problem, k)] for k in range(count)]
    if problems[0].op == "value":
        f = sc.lambdify(symbols, [entry for own in formulas for entry in own], backend=backend)
        values = [f(*row) for row in rows]
        return [_value(values, problems, formulas, k) for k in range(len(problems))]
    spans = [
        slice(start, start + len(problem.args))
        for start, problem in zip(starts, problems, strict=True)
    ]
    dtype = "complex128" if problems[0].complex else "float64"
    jacobian = problems[0].op == "jacobian"
    # A Hessian of a sum over different parameters is one block for each.
    expr = (
        [e for own in formulas for e in own] if jacobian else sp.Add(*(own[0] for own in formulas))
    )
    kernel = sc.compile(
        sc.define("cases", expr, params=symbols, dtype=dtype),  # type: ignore[arg-type]
        backend=backend,
    )
    if jacobian:
        lengths = np.cumsum([0, *map(len, formulas)])
        found = [kernel.jacobian(row) for row in rows]
        return [
            [found[j][lengths[k] : lengths[k + 1], spans[k]] for j in range(len(problem.points))]
            for k, problem in enumerate(problems)
        ]
    gradients = [kernel.grad(row) for row in rows]
    hessians = [kernel.hessian(row) for row in rows]
    return [
        [
            gradients[j][span] if problem.op == "gradient" else hessians[j][span, span]
            for j in range(len(problem.points))
        ]
        for problem, span in zip(problems, spans, strict=True)
    ]


def _at(problem: Problem, k: int) -> tuple[Any, ...]:
    points: Sequence[Point] = problem.points
    return points[min(k, len(points) - 1)].given


def _value(
    values: Sequence[list[Any]],
    problems: Sequence[Problem],
    formulas: Sequence[list[Any]],
    k: int,
) -> list[Any]:
    start = sum(len(own) for own in formulas[:k])
    listed = isinstance(problems[k].expr, list)
    parts = [row[start : start + len(formulas[k])] for row in values[: len(problems[k].points)]]
    return parts if listed else [part[0] for part in parts]


def select(names: Iterable[str], categories: Iterable[str], cases: str) -> list[Problem]:
    """Return the cases of some names or categories; all of them without any."""
    path = folder()
    if path is None:
        raise SystemExit("the published cases are not here (SYMCOMPILE_SHARED_DATA names them)")
    problems: list[Problem] = []
    if cases in ("lambdify", "all"):
        problems += lambdify_problems(path)
    if cases in ("feynman", "all"):
        problems += feynman_problems(path)
    chosen, kinds = tuple(names), tuple(categories)
    return [
        problem
        for problem in problems
        if (not chosen or problem.name.startswith(chosen))
        and (not kinds or problem.category.startswith(kinds))
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge the published cases; return 1 if there are failures."""
    parser = argparse.ArgumentParser(prog="tests.peers.cases", description=__doc__)
    parser.add_argument("--backend", choices=sc.BACKENDS, action="append", help="default: all")
    parser.add_argument("--category", action="append", default=[], help="a prefix will do")
    parser.add_argument("--id", action="append", default=[], help="a prefix will do")
    parser.add_argument("--cases", choices=("lambdify", "feynman", "all"), default="all")
    parser.add_argument("--alone", action="store_true", help="a function for each case")
    parser.add_argument("-v", "--verbose", action="store_true", help="also what is good")
    chosen = parser.parse_args(arguments)
    problems = select(chosen.id, chosen.category, chosen.cases)
    failures = 0
    for backend in chosen.backend or sc.BACKENDS:
        start = time.perf_counter()
        # Compiling a function for each takes its time.
        alone = chosen.alone or backend == "python"
        verdicts = (
            (run_alone(problem, backend) for problem in problems)
            if alone
            else run_batched(problems, backend)
        )
        bad = []
        for verdict in verdicts:
            if not verdict.good:
                bad.append(verdict)
            if chosen.verbose or not verdict.good:
                print(f"{backend:7} {'' if verdict.good else 'BAD '}{verdict}", flush=True)
        seconds = time.perf_counter() - start
        kinds = Counter(verdict.problem.category for verdict in bad)
        told = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
        print(f"{backend}: {len(bad)} of {len(problems)} bad, {seconds:.0f} s. {told}")
        failures += len(bad)
    return 1 if failures else 0


if __name__ == "__main__":
    if "SYMCOMPILE_CACHE_DIR" not in os.environ:
        os.environ["SYMCOMPILE_CACHE_DIR"] = tempfile.mkdtemp(prefix="symcompile-cases-")
    sys.exit(main())
