"""Records of verified modules: what :mod:`symcompile.recheck` reads."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from symcompile.build.versions import installed_version
from symcompile.checking.judging import judge
from symcompile.checking.report import Report, Row
from symcompile.checking.rounding import to_number, units
from symcompile.checking.setting import Setting
from symcompile.ir.dtypes import is_single
from symcompile.recheck import FORMAT, json_number, kept

if TYPE_CHECKING:
    from symcompile.generate import Source

# A record is for a few calls: samples, and entries of a result, evenly spread.
_SAMPLES, _ENTRIES = 8, 64
_PACKAGES = {
    "python": ("numpy", "scipy"),
    "numba": ("numpy", "numba", "llvmlite", "scipy"),
    "cython": ("numpy", "cython", "scipy"),
    "llvm": ("numpy", "llvmlite", "scipy"),
}


def records(setting: Setting, report: Report, sources: Iterable[Source]) -> dict[str, Any]:
    """Return the record of each module, by the module's name.

    The same definition, versions and processor give the same record.

    Args:
        setting: what was checked.
        report: what came of it.
        sources: the modules' sources.
    """
    arrays: list[dict[str, Any]] = []
    cases = {name: case for name in setting.functions if (case := _case(setting, name, arrays))}
    found = {}
    for source in sources:
        rows = [row for row in report.rows if row.backend == source.backend and row.function]
        others = {row.backend for row in report.rows if row.function} - {source.backend}
        found[source.module] = {
            "format": FORMAT,
            "name": report.name,
            "backend": source.backend,
            "ok": all(row.ok for row in rows) and bool(rows),
            "tolerance": report.tolerance,
            "definition": setting.definition.digest,
            "source": hashlib.sha256(source.text.encode()).hexdigest(),
            "functions": {row.function: _compared(row, sorted(others)) for row in rows},
            "notes": list(report.notes),
            "versions": _versions(source.backend),
            "arrays": arrays,
            "cases": cases,
        }
    return found


def _compared(row: Row, others: list[str]) -> dict[str, Any]:
    """Return with what a function was compared, and the largest errors."""
    oracle = ["oracle"] if row.conditioned_ulp is not None else []
    return {
        "compared": oracle + (others if row.difference is not None else []),
        "ok": row.ok,
        "ulp": _number(row.ulp),
        "conditioned_ulp": _number(row.conditioned_ulp),
        "difference": _number(row.difference),
    }


def _number(value: float | None) -> float | str | None:
    return None if value is None else json_number(value)


def _versions(backend: str) -> dict[str, str]:
    names = ("symcompile", "sympy", "mpmath", *_PACKAGES[backend])
    found = {name: version for name in names if (version := installed_version(name))}
    return {**found, "python": platform.python_version(), "machine": platform.machine()}


def _case(setting: Setting, function: str, arrays: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return a call and what it should return; None where the oracle does not say.

    The arguments are numbers of ``arrays``, where what is new among them is put.
    """
    count = min(setting.count(function), _SAMPLES)
    if not count:
        return None
    columns = setting.some(count)
    vectors = setting.vectors(function, columns)
    truth = judge(setting.oracle(0, count), function, vectors)
    single = is_single(setting.definition.dtype)
    results = []
    for k, exact in enumerate(truth.parts):
        judged = np.flatnonzero(truth.mask(k))
        spread = np.linspace(0, len(judged) - 1, min(len(judged), _ENTRIES)).round().astype(int)
        entries = judged[np.unique(spread)] if len(judged) else judged
        scales = np.asarray(truth.scales[k], dtype=np.float64).reshape(-1)[entries]
        nearest = [to_number(one, single) for one in exact.reshape(-1)[entries]]
        sizes = zip(nearest, scales.tolist(), strict=True)
        results.append(
            {
                "shape": list(exact.shape),
                "entries": entries.tolist(),
                "expected": kept(np.array(nearest)),
                "units": kept([units(abs(one), scale, single)[1] for one, scale in sizes]),
            }
        )
    arguments = [kept(one) for one in (setting.points[0], *vectors, *columns)]
    arrays += [one for one in arguments if one not in arrays]
    return {
        "arguments": [arrays.index(one) for one in arguments],
        "constants": {name: float(value) for name, value in sorted(setting.constants.items())},
        "results": results,
    }
