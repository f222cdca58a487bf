"""How many certified digits fits reach on the StRD regression problems of NIST, from both starts.

Run ``python benchmarks/nist.py FOLDER ...`` on folders of JSON files, each with ``formula``,
``response``, ``params``, ``start1``, ``start2``, ``certified``, ``certified_sd`` and ``data``;
without one, on those that stand beside the checkout, if any. The problems and their certified
values: https://www.itl.nist.gov/div898/strd/.

A figure is the least number of correct digits of all parameters, or of all standard errors;
certified values have 11, or 15 where the model is linear. Beside it stands what SciPy's
``curve_fit`` reaches with its defaults, and lmfit where it is installed.
"""

from __future__ import annotations

import json
import math
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import optimize
from timing import machine

import symcompile as sc

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@dataclass(frozen=True)
class Outcome:
    """Where a fit ended: parameters and standard errors, shape ``(P,)``, and what it took."""

    best: Any
    spread: Any
    seconds: float
    steps: int = 0
    estimate: float = math.nan


def problems(folders: list[Path]) -> Iterator[dict[str, Any]]:
    """Yield the problems of folders, in order of name."""
    for folder in folders:
        for path in sorted(folder.glob("*.json")):
            yield json.loads(path.read_text())


def digits(found: Any, certified: Any) -> float:
    """Return the least number of digits to which any number agrees with its certified value."""
    least = 15.9
    for number, right in zip(found, certified, strict=True):
        off = abs(number - right) / (abs(right) or 1)
        if off != off:
            return 0.0
        least = min(least, -math.log10(off) if off else least)
    return max(least, 0.0)


def ours(problem: dict[str, Any], start: Any) -> Outcome:
    """Fit by ``sc.fit`` with its defaults."""
    names = problem["params"]
    begun = time.perf_counter()
    result = sc.fit(
        problem["formula"],
        problem["data"],
        problem.get("response", "y"),
        params=names,
        start=dict(zip(names, start, strict=True)),
    )
    best, errors = ([found[name] for name in names] for found in (result.params, result.stderr))
    seconds = time.perf_counter() - begun
    known = result.solution.digits
    least = math.nan if known is None else float(np.min(known))
    return Outcome(best, errors, seconds, result.iterations, least)


def with_scipy(problem: dict[str, Any], start: Any) -> Outcome:
    """Fit by ``curve_fit`` with its defaults."""
    function, x, y = as_function(problem)
    begun = time.perf_counter()
    best, cov = optimize.curve_fit(function, x, y, p0=start)
    return Outcome(best, np.sqrt(np.diag(cov)), time.perf_counter() - begun)


def with_lmfit(problem: dict[str, Any], start: Any) -> Outcome:
    """Fit by ``lmfit.minimize`` with its defaults."""
    import lmfit

    function, x, y = as_function(problem)
    names = problem["params"]
    given = lmfit.create_params(**dict(zip(names, start, strict=True)))
    begun = time.perf_counter()
    result = lmfit.minimize(lambda p: function(x, *p.valuesdict().values()) - y, given)
    best = [result.params[name].value for name in names]
    errors = [result.params[name].stderr or math.nan for name in names]
    return Outcome(best, errors, time.perf_counter() - begun, result.nfev)


def as_function(problem: dict[str, Any]) -> tuple[Callable[..., Any], Any, Any]:
    """Return the model as a function of NumPy's arrays, its variables and the response."""
    columns = problem["data"]
    response = sc.parse(problem.get("response", "y"))
    y = sc.lambdify([*response.free_symbols], response)(
        *(np.asarray(columns[symbol.name], float) for symbol in response.free_symbols)
    )
    names = [name for name in columns if name not in {str(s) for s in response.free_symbols}]
    model = sc.parse(problem["formula"])
    compiled = sc.lambdify([*names, *problem["params"]], model, backend="python")
    x = np.array([np.asarray(columns[name], float) for name in names])
    return (lambda x, *p: compiled(*x, *p)), x, y


WAYS: dict[str, Callable[[dict[str, Any], Any], Outcome]] = {
    "symcompile": ours,
    "curve_fit": with_scipy,
    "lmfit": with_lmfit,
}


def line(problem: dict[str, Any], start: str) -> str:
    """Return digits of parameters and standard errors, one pair for each way."""
    parts = [f"{problem['name']:<10} {start[-1]}"]
    for name, way in WAYS.items():
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                found = way(problem, problem[start])
        except ImportError:
            parts.append(f"{'':>12}")
            continue
        except (RuntimeError, ValueError, TypeError) as error:
            parts.append(f"  {type(error).__name__:>10.10}")
            continue
        exact = not any(problem["certified_sd"])
        errors = math.nan if exact else digits(found.spread, problem["certified_sd"])
        parts.append(f"  {digits(found.best, problem['certified']):5.1f}{errors:5.1f}")
        if name == "symcompile":
            parts.append(f"  {found.estimate:5.1f} {found.steps:5d} {1e3 * found.seconds:7.0f}")
    return "".join(parts)


def main(folders: list[Path]) -> None:
    """Print the table."""
    print(machine())
    print(
        f"\ncorrect digits, p of parameters, se of standard errors; est: of parameters, by "
        f"estimate\n{'':<12}{'symcompile':>12}{'':>22}{'curve_fit':>12}{'lmfit':>12}\n"
        f"{'problem':<10} s{'p':>7}{'se':>5}{'est':>7} {'steps':>5} {'ms':>7}"
        + f"{'p':>7}{'se':>5}"
        * 2
    )
    for problem in problems(folders):
        for start in ("start1", "start2"):
            print(line(problem, start), flush=True)


if __name__ == "__main__":
    main(
        [Path(name) for name in sys.argv[1:]] or [SHARED / "nist_nonlinear", SHARED / "nist_linear"]
    )
