"""Ten thousand fits of three parameters to twenty points each, beside a loop over ``curve_fit``."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

import symcompile as sc
from benchmarks.suite.base import Call, Comparison, Goal, Setting, own, with_backends
from benchmarks.timing import interleaved

GROUPS, POINTS, LOOPED = 10_000, 20, 500
START = (2.0, 1.0, 0.0)
DEFAULT, GIVEN, TIGHT = "curve_fit", "curve_fit, Jacobian given", "curve_fit, to the end"
ENGINES = ("python", "llvm")


def run(setting: Setting) -> Iterator[Comparison]:
    """Compare ``fit_many`` over all groups with loops over some; times are those of a fit."""
    rng = np.random.default_rng(0)
    x = np.linspace(0.0, 4.0, POINTS)
    a, b, c = rng.uniform([[1.0], [0.3], [-1.0]], [[5.0], [2.0], [1.0]], (3, GROUPS))[..., None]
    y = _model(x, a, b, c) + 0.05 * rng.standard_normal((GROUPS, POINTS))
    arrays = {"x": x, "y": y}
    found = Comparison(
        f"{GROUPS:,} fits of a*exp(-b*x) + c to {POINTS} points", base=DEFAULT, piece="fit",
        goals=(Goal("symcompile llvm", 1 / 50, DEFAULT),),
    )  # fmt: skip
    ways: dict[str, Call] = {
        DEFAULT: partial(_loop, x, y),
        GIVEN: partial(_loop, x, y, jac=_jacobian),
    }
    counts = dict.fromkeys(ways, LOOPED)
    known = Setting(tuple(e for e in ENGINES if e in setting.backends), say=setting.say)
    with_backends(found, ways, known, lambda engine: partial(_many, arrays, engine))
    if own("llvm") in ways:
        table = {"x": np.tile(x, GROUPS), "y": y.ravel(), "g": np.repeat(np.arange(GROUPS), POINTS)}
        ways[f"{own('llvm')}, a table"] = partial(_many, table, "llvm", by="g")
    best = _loop(x, y, jac=_jacobian, ftol=1e-15, xtol=1e-15, gtol=1e-15)
    found.notes = tuple(_agreement(name, call(), best) for name, call in ways.items())
    setting.say(f"{found.title}: {', '.join(ways)}")
    times = interleaved(ways, setting.rounds)
    found.times = {n: [t / counts.get(n, GROUPS) for t in ts] for n, ts in times.items()}
    yield found


def _model(x: Any, a: Any, b: Any, c: Any) -> Any:
    return a * np.exp(-b * x) + c


def _jacobian(x: Any, a: float, b: float, c: float) -> Any:
    e = np.exp(-b * x)
    return np.stack([e, -a * x * e, np.ones_like(x)], axis=1)


def _loop(x: Any, y: Any, **more: Any) -> tuple[Any, Any]:
    """Return parameters and covariances of the first groups."""
    from scipy.optimize import curve_fit

    fit: Callable[..., Any] = partial(curve_fit, _model, x, p0=START, **more)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = [fit(row) for row in y[:LOOPED]]
    return np.array([p for p, _ in found]), np.array([covariance for _, covariance in found])


def _many(data: Any, engine: str, by: str | None = None) -> tuple[Any, Any]:
    start = dict(zip("abc", START, strict=True))
    formula = "a*exp(-b*x) + c"
    fits = sc.fit_many(formula, data, by, y="y", start=start, backend=engine)  # type: ignore[arg-type]
    if not fits.success.all():
        raise SystemExit(f"fit_many: {fits!r}")
    return np.stack([fits.params[name] for name in "abc"], axis=1), fits.covariances


def _agreement(name: str, found: tuple[Any, Any], best: tuple[Any, Any]) -> str:
    """Return how far results are from those of ``curve_fit`` that went on to the end.

    Parameters are compared in standard errors, covariances in products of them.
    """
    (p, covariance), (q, expected) = (tuple(part[:LOOPED] for part in r) for r in (found, best))
    errors = np.sqrt(np.einsum("gpp->gp", expected))
    apart = float(np.max(np.abs(p - q) / errors))
    scale = errors[:, :, None] * errors[:, None, :]
    spread = float(np.max(np.abs(covariance - expected) / scale))
    relative = float(np.max(np.abs(np.einsum("gpp->gp", covariance / expected) - 1.0)))
    if name.startswith("symcompile") and not max(apart, spread) <= 1e-6:
        raise SystemExit(f"{name} differs from {TIGHT} by {apart:.1e} standard errors")
    return f"{name}: within {apart:.0e} standard errors of {TIGHT}, variances within {relative:.0e}"
