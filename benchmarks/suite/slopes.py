"""Time of value and gradient relative to the value's, over 10,000 points, call overhead excluded.

The problems are published ones, in files that are not part of the project: without the folder
that holds them (``--data``) there is nothing to measure.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import sympy as sp

import symcompile as sc
from benchmarks.suite.base import Comparison, Goal, Setting, kernel_of, one_thread
from benchmarks.timing import interleaved
from symcompile.errors import SymcompileError

POINTS = 10_000


@dataclass(frozen=True)
class Problem:
    """A sum over points of a formula, and what it is called with."""

    name: str
    definition: sc.Definition
    p: Any
    data: tuple[Any, ...]


def run(setting: Setting) -> Iterator[Comparison]:
    """Measure all formulas, a set at a time."""
    for title, load in (
        ("NIST regression", _nist),
        ("least squares of Moré, Garbow, Hillstrom", _classic),
        ("physics", _physics),
    ):
        yield _measured(title, load, setting)


def _measured(title: str, load: Any, setting: Setting) -> Comparison:
    found = Comparison(
        f"{title}: value and gradient : value, {POINTS:,} points", base="value", piece="point",
        pieces=POINTS, goals=(Goal("value and gradient", 2.0, "value"),),
    )  # fmt: skip
    if setting.data is None:
        found.skipped["all"] = "no folder with published problems: pass --data"
        return found
    backend = next(b for b in ("llvm", "cython", "numba", "python") if b in setting.backends)
    ratios: dict[str, float] = {}
    logs = {"value": 0.0, "value and gradient": 0.0}
    for problem in load(setting.data):
        setting.say(f"{title}: {problem.name} ({backend})")
        try:
            times = _times(problem, backend, setting)
        except SymcompileError as error:
            found.skipped[problem.name] = str(error).partition("\n")[0]
            continue
        ratios[problem.name] = times["value and gradient"] / times["value"]
        for way, seconds in times.items():
            logs[way] += math.log(seconds)
    if not ratios:
        found.skipped["all"] = f"none in {setting.data}"
        return found
    # Geometric means, so that the ratio of these is that of the ratios.
    found.times = {way: [math.exp(total / len(ratios))] for way, total in logs.items()}
    worst = sorted(ratios, key=lambda name: -ratios[name])
    found.notes = (
        f"{backend}; {len(ratios)} formulas, geometric means",
        f"above 2: {sum(r > 2 for r in ratios.values())}; the most: "
        + ", ".join(f"{name} {ratios[name]:.2f}" for name in worst[:6]),
    )
    return found


def _times(problem: Problem, backend: str, setting: Setting) -> dict[str, float]:
    """Return the seconds that the points take, without what a call takes."""
    kernel = kernel_of(problem.definition, backend, ("value", "value_and_grad"))
    many = kernel.bind(*problem.data)
    one = kernel.bind(*[column[:1] for column in problem.data])
    value, gradient = many.value_and_grad(problem.p)
    if not (np.isfinite(value) and np.all(np.isfinite(gradient))):
        raise SymcompileError("not finite at its points")
    p = problem.p
    ways = {
        "value": lambda: many.value(p),
        "value and gradient": lambda: many.value_and_grad(p),
        "one value": lambda: one.value(p),
        "one value and gradient": lambda: one.value_and_grad(p),
    }
    with one_thread():
        times = interleaved(ways, min(setting.rounds, 9), 0.001)
    least = {name: min(found) for name, found in times.items()}
    return {name: least[name] - least[f"one {name}"] for name in ("value", "value and gradient")}


def _nist(folder: Path) -> Iterator[Problem]:
    """Models in parameters, the certified ones, over points spread over their data."""
    for path in sorted([*folder.glob("nist_nonlinear/*.json"), *folder.glob("nist_linear/*.json")]):
        case = json.loads(path.read_text(encoding="utf-8"))
        names = {n: sp.Symbol(n) for n in (*case["params"], *case["variables"])}
        formula = sp.sympify(case["formula"], locals=names)
        y = sp.Symbol("y_observed")
        columns = [_spread(case["data"][name]) for name in case["variables"]]
        response = next(iter(set(case["data"]) - set(case["variables"])))
        params = [names[n] for n in case["params"]]
        definition = sc.define(
            _identifier(case["name"]), (formula - y) ** 2, params=params,
            data=[*(names[n] for n in case["variables"]), y], reduce="sum",
        )  # fmt: skip
        p = np.array([float(value) for value in case["certified"]])
        yield Problem(case["name"], definition, p, (*columns, _spread(case["data"][response])))


def _classic(folder: Path) -> Iterator[Problem]:
    """Sums of squares of residuals, about their start."""
    path = folder / "mgh.json"
    for case in json.loads(path.read_text(encoding="utf-8")) if path.exists() else ():
        names = [sp.Symbol(n) for n in case["variables"]]
        known = {s.name: s for s in names}
        loss = sp.Add(*[sp.sympify(r, locals=known) ** 2 for r in case["residuals"]])
        start = np.array([float(value) for value in case["start"]])
        near = 1e-3 * np.random.default_rng(1).uniform(size=(len(names), POINTS))
        yield _about(case["name"], loss, names, start, near)


def _physics(folder: Path) -> Iterator[Problem]:
    """Formulas at points of their ranges."""
    path = folder / "feynman.json"
    for case in json.loads(path.read_text(encoding="utf-8")) if path.exists() else ():
        names = [sp.Symbol(v["name"], positive=v["low"] > 0) for v in case["variables"]]
        formula = sp.sympify(case["formula"], locals={s.name: s for s in names})
        rng, middle = np.random.default_rng(1), []
        for v in case["variables"]:
            middle.append((v["low"] + v["high"]) / 2)
        inside = next((q["x"] for q in case["points"] if q.get("grad")), middle)
        near = 1e-3 * rng.uniform(size=(len(names), POINTS))
        yield _about(case["id"], formula, names, np.array(inside, dtype=float), near)


def _about(name: str, formula: Any, names: Any, p: Any, near: Any) -> Problem:
    """Return a formula at points near one: parameters say which, data how far off each is."""
    steps = sp.symbols(f"step0:{len(names)}")
    moved = {s: s + d for s, d in zip(names, steps, strict=True)}
    definition = sc.define(
        _identifier(name), formula.xreplace(moved), params=names, data=steps, reduce="sum"
    )
    return Problem(name, definition, p, tuple(near))


def _identifier(name: str) -> str:
    return "p_" + "".join(c if c.isalnum() else "_" for c in name)


def _spread(values: Any) -> Any:
    """Return as many points as are measured, between those that are given."""
    given = np.asarray(values, dtype=float)
    return np.interp(np.linspace(0, len(given) - 1, POINTS), np.arange(len(given)), given)
