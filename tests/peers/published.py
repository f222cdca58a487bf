"""Published cases of two kinds, as SymPy expressions with exact answers.

The files' text is read with SymPy's parser, which evaluates it: they are test data that we trust.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import sympy as sp
from sympy.parsing.sympy_parser import parse_expr

ROOT = Path(__file__).resolve().parents[2]

_CODEGEN = (
    "sympy.codegen.cfunctions",
    "sympy.codegen.numpy_nodes",
    "sympy.codegen.scipy_nodes",
)


@dataclass(frozen=True)
class Point:
    """Arguments, the exact answer as published, and its condition number."""

    given: tuple[Any, ...]
    answer: Any
    cond: float = 1.0

    def allowed(self, ulps: float) -> float:
        """Return the error allowed, in ulp."""
        return ulps * max(1.0, self.cond)


@dataclass(frozen=True)
class Problem:
    """A case.

    Attributes:
        name: its name in its file.
        category: its kind there.
        op: what is asked for: ``value``, ``gradient``, ``jacobian`` or ``hessian``.
        args: the arguments; they may nest.
        expr: the formula.
        points: where it is evaluated.
        elementwise: whether the arguments are arrays that broadcast.
        special: whether it is about how it is called, so that it has a function of its own.
    """

    name: str
    category: str
    op: str
    args: tuple[Any, ...]
    expr: Any = field(repr=False)
    points: tuple[Point, ...] = field(repr=False)
    elementwise: bool = False
    special: bool = False

    @property
    def complex(self) -> bool:
        """Whether there are complex numbers among the arguments or in the answers."""
        return any(_has_complex((point.given, point.answer)) for point in self.points)


def folder() -> Path | None:
    """Return the folder of the published cases, or None where there is none."""
    override = os.environ.get("SYMCOMPILE_SHARED_DATA")
    found = Path(override) if override else ROOT.parent / "shared" / "data"
    return found if found.is_dir() else None


def lambdify_problems(path: Path) -> list[Problem]:
    """Return the cases of ``lambdify_cases.json``."""
    cases = json.loads((path / "lambdify_cases.json").read_text(encoding="utf-8"))
    return [problem for case in cases for problem in _problems(case)]


def feynman_problems(path: Path) -> list[Problem]:
    """Return the cases of ``feynman.json``: of each formula value, gradient and Hessian."""
    found = []
    for case in json.loads((path / "feynman.json").read_text(encoding="utf-8")):
        names = [variable["name"] for variable in case["variables"]]
        table = {name: sp.Symbol(name, real=True) for name in names}
        expr = parse_expr(case["formula"], local_dict=dict(table))
        args = tuple(table.values())
        for op, key in (("value", "f"), ("gradient", "grad"), ("hessian", "hess")):
            points = tuple(
                Point(tuple(at["x"]), {"matrix": _clean(at[key])} if op == "hessian" else at[key])
                for at in case["points"]
                if at.get(key) is not None  # it has none where it is not smooth
            )
            if points:
                found.append(Problem(f"{case['id']}/{op}", "feynman", op, args, expr, points))
    return found


def _clean(rows: list[list[str]]) -> list[list[str]]:
    """Return a Hessian whose zeros, which were found by differences, are zeros."""
    largest = max(abs(float(entry)) for row in rows for entry in row)
    return [["0.0" if abs(float(e)) < 1e-40 * largest else e for e in row] for row in rows]


def _problems(case: Mapping[str, Any]) -> Iterator[Problem]:
    arrays, rename = case.get("locals", {}), case.get("rename", {})
    assumptions = {"real": True} if case.get("assume") == "real" else {}
    table: dict[str, Any] = {}

    def argument(given: Any) -> Any:
        if isinstance(given, list):
            return [argument(each) for each in given]
        if given not in table:
            table[given] = _symbol(given, arrays.get(given), rename, case, assumptions)
        return table[given]

    args = tuple(argument(given) for given in case["args"])
    namespace = dict(table)
    if case.get("ns") == "codegen":
        namespace = {**_codegen(), **namespace}
    expr = parse_expr(case["expr"], local_dict=namespace)
    points = tuple(
        Point(tuple(_input(value, case) for value in at["in"]), at["out"], at.get("cond", 1.0))
        for at in case["points"]
    )
    nested = any(isinstance(given, list) for given in case["args"])
    special = bool(nested or arrays or rename or case.get("elementwise") or case.get("funcs"))
    name, category, op = case["id"], case["category"], case["op"]
    elementwise = bool(case.get("elementwise"))
    yield Problem(name, category, op, args, expr, points, elementwise, special)
    if case.get("doit"):
        done = expr.doit()
        yield Problem(f"{name}/doit", category, op, args, done, points, elementwise, special)


def _symbol(
    name: str,
    kind: str | None,
    rename: Mapping[str, str],
    case: Mapping[str, Any],
    assumptions: Mapping[str, bool],
) -> Any:
    if kind == "IndexedBase":
        return sp.IndexedBase(name)
    if kind is not None:  # MatrixSymbol(3,1)
        rows, columns = kind.removeprefix("MatrixSymbol(").removesuffix(")").split(",")
        return sp.MatrixSymbol(name, int(rows), int(columns))
    spelling = rename.get(name, name)
    if case.get("funcs") and "(" in spelling:
        return parse_expr(spelling, local_dict={"t": sp.Symbol("t"), "f": sp.Function("f")})
    return sp.Symbol(spelling, **assumptions)


def _codegen() -> dict[str, Any]:
    from importlib import import_module

    found: dict[str, Any] = {}
    for place in _CODEGEN:
        module = import_module(place)
        found.update(
            (name, item)
            for name, item in vars(module).items()
            if isinstance(item, type) and item.__module__ == place
        )
    return found


def _input(value: Any, case: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        return complex(float(value["re"]), float(value["im"]))
    if isinstance(value, str):
        return float(value)
    if isinstance(value, list):
        numbers = [_input(each, case) for each in value]
        arrays = case.get("locals") or case.get("elementwise") or case.get("matrix_in")
        return np.array(numbers) if arrays else numbers
    return value


def _has_complex(value: Any) -> bool:
    if isinstance(value, dict):
        return "re" in value or any(map(_has_complex, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_has_complex, value))
    return isinstance(value, complex)
