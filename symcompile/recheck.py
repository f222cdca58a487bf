"""What a generated module was verified against, and verifying it again: with NumPy alone.

A record lies beside its module, as ``linreg_cython.json``. It says what the module was made from,
what was compared with what, and how far off it was; and it holds a few calls with their results to
50 digits, rounded once, so that the check can be made again where neither SymPy nor a compiler is.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from symcompile.errors import BuildFileError

#: The version of the format.
FORMAT = 1


@dataclass(frozen=True)
class Recheck:
    """What one function of a module gave now.

    Attributes:
        function: its name.
        conditioned_ulp: its largest error at the recorded points, in conditioned ulp.
        recorded: what the record says of that; None if it says nothing.
        ok: whether it is within the tolerance of the record.
        note: what is wrong.
    """

    function: str
    conditioned_ulp: float
    recorded: float | None
    ok: bool
    note: str = ""

    @property
    def failure(self) -> str:
        """What is wrong, in words; empty if nothing is."""
        if self.ok:
            return ""
        return self.note or f"off by {self.conditioned_ulp:.3g} conditioned ulp"


def json_number(value: float) -> float | str:
    """Return a number as JSON can hold it, which has neither infinity nor NaN.

    >>> json_number(1.5), json_number(-math.inf)
    (1.5, '-inf')
    """
    return value if math.isfinite(value) else str(value)


def record_path(module: Path, name: str) -> Path:
    """Return where the record of a module lies.

    Args:
        module: the module's file.
        name: the module's own name.

    Example:
        >>> record_path(Path("lib/linreg_cython.cpython-311-x86_64-linux-gnu.so"), "linreg_cython")
        PosixPath('lib/linreg_cython.json')
    """
    return module.with_name(f"{name}.json")


def written(record: Mapping[str, Any]) -> str:
    """Return a record as text, the same text for the same record: a line for each function."""
    lines = []
    for key, value in sorted(record.items()):
        if isinstance(value, dict):
            inner = [f"  {json.dumps(k)}: {_compact(v)}" for k, v in sorted(value.items())]
            lines.append(f" {json.dumps(key)}: {{\n" + ",\n".join(inner) + "\n }")
        else:
            lines.append(f" {json.dumps(key)}: {_compact(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _compact(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def imported(name: str) -> tuple[ModuleType, dict[str, Any]]:
    """Import a generated module, by its dotted name or its path, and read its record.

    Raises:
        BuildFileError: there is no such module, or no record of it that can be read.
    """
    path = Path(name)
    try:
        if path.suffix in (".py", ".so", ".pyd"):
            module = _from_path(path)
        else:
            module = importlib.import_module(name)
    except ImportError as error:
        raise BuildFileError(
            f"{name} cannot be imported: {error}. Name an installed module, or a file."
        ) from error
    file = record_path(Path(str(module.__file__)), module.__name__.rpartition(".")[2])
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BuildFileError(
            f"{name} has no record: {file.name} is not beside it. "
            "`symcompile verify FILE --out DIR` writes one."
        ) from None
    except (OSError, ValueError) as error:
        raise BuildFileError(f"the record {file} cannot be read: {error}") from error
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise BuildFileError(f"{file} is not a record of format {FORMAT}")
    return module, record


class _Loader(importlib.machinery.SourceFileLoader):
    """Leaves nothing beside what it reads."""

    def set_data(self, path: str, data: object, *, _mode: int = 0o666) -> None:
        """Write no bytecode."""


def _from_path(path: Path) -> ModuleType:
    name = path.name.partition(".")[0]
    loader = _Loader(name, str(path)) if path.suffix == ".py" else None
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    if spec is None or spec.loader is None or not path.exists():
        raise ImportError(f"no module lies at {path}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def recheck(module: ModuleType, record: Mapping[str, Any]) -> tuple[Recheck, ...]:
    """Call a module's functions as recorded, and compare what they return.

    Args:
        module: the generated module.
        record: its record.

    Returns:
        One for each function with recorded calls.

    Raises:
        BuildFileError: the record is not one of this format.
    """
    try:
        tolerance = float(record["tolerance"])
        found = []
        for function, case in sorted(record["cases"].items()):
            recorded = record["functions"].get(function, {}).get("conditioned_ulp")
            arrays = [restored(record["arrays"][k]) for k in case["arguments"]]
            error, note = _error(module, function, arrays, case)
            # What was rounded once may be half a unit off by itself.
            ok = error <= tolerance + 0.5 and not note
            found.append(Recheck(function, error, recorded, ok, note))
    except (KeyError, TypeError, ValueError) as error:
        raise BuildFileError(f"the record of {module.__name__} is damaged: {error!r}") from error
    return tuple(found)


def _error(
    module: ModuleType, function: str, args: Sequence[Any], case: Mapping[str, Any]
) -> tuple[float, str]:
    """Return the largest error of a function in conditioned ulp, and what else is wrong."""
    expected = [(restored(part["expected"]), part) for part in case["results"]]
    try:
        with np.errstate(all="ignore"):
            got = getattr(module, function)(*args, **case["constants"])
    except Exception as error:
        return math.inf, f"raised {type(error).__name__}: {error}"
    parts = got if isinstance(got, tuple) else (got,)
    if len(parts) != len(expected):
        return math.inf, f"returned {len(parts)} results, not {len(expected)}"
    worst = 0.0
    for part, (exact, kept) in zip(parts, expected, strict=True):
        result = np.asarray(part)
        if list(result.shape) != kept["shape"]:
            return math.inf, f"returned shape {result.shape}, not {tuple(kept['shape'])}"
        entries = result.reshape(-1)[kept["entries"]]
        with np.errstate(all="ignore"):
            apart = np.abs(entries - exact) / restored(kept["units"])
        same = (entries == exact) | (np.isnan(entries) & np.isnan(exact))
        apart = np.where(same, 0.0, np.where(np.isnan(apart), math.inf, apart))
        worst = max(worst, float(apart.max(initial=0.0)))
    return worst, ""


def kept(array: Any) -> dict[str, Any]:
    """Return numbers as JSON can hold them, every bit of them: shape, type and entries.

    >>> kept(np.array([1.5, np.inf]))
    {'dtype': 'float64', 'shape': [2], 'data': [1.5, 'inf']}
    """
    found = np.asarray(array)
    flat = found.reshape(-1)
    if found.dtype.kind == "c":
        flat = flat.view(flat.real.dtype)
    numbers = [json_number(x) for x in flat.astype(np.float64).tolist()]
    return {"dtype": str(found.dtype), "shape": list(found.shape), "data": numbers}


def restored(one: Mapping[str, Any]) -> Any:
    """Return the array that :func:`kept` was given.

    >>> restored(kept(np.array([1.5, np.inf])))
    array([1.5, inf])
    """
    dtype = np.dtype(one["dtype"])
    numbers: Sequence[Any] = one["data"]
    flat = np.array([float(x) for x in numbers])
    if dtype.kind == "c":
        return flat.view(np.complex128).astype(dtype).reshape(one["shape"])
    return flat.astype(dtype).reshape(one["shape"])
