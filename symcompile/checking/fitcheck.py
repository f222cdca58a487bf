"""BFGS runs of several kernels of one definition, against each other."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symcompile.checking.report import Fit
from symcompile.checking.rounding import EPS

Array = NDArray[np.float64]
Objective = Callable[[Array], tuple[float, Array]]

_RELATIVE = 1e-8


def compare_fits(objectives: Mapping[str, Objective], x0: Array) -> tuple[Fit, ...]:
    """Run BFGS with each objective and compare the runs with the first.

    Two runs agree if they take the same number of iterations and end at the same point, to 1e-8
    relative. Where they do not, the first is repeated with value and gradient off by a rounding
    error; if that changes it too, or one did not converge, the runs prove nothing and are not
    judged.

    Args:
        objectives: value and gradient, by backend.
        x0: where to start, shape (P,).

    Example:
        >>> import numpy as np
        >>> f = lambda x: (float(x @ x), 2*x)
        >>> [fit.iterations for fit in compare_fits({"a": f, "b": f}, np.ones(2))]
        [2, 2]
    """
    fits = [_run(backend, objective, x0) for backend, objective in objectives.items()]
    if not fits:
        return ()
    first = fits[0]
    sensitive: bool | None = None
    judged = [first]
    for fit in fits[1:]:
        agrees: bool | None = _same(first, fit)
        if not agrees:
            if sensitive is None:
                sensitive = not _same(first, _run("", _rounded(objectives[first.backend]), x0))
            finished = first.converged and fit.converged
            agrees = False if finished and not sensitive else None
        judged.append(replace(fit, agrees=agrees))
    return tuple(judged)


def _run(backend: str, objective: Objective, x0: Array) -> Fit:
    from scipy.optimize import minimize

    # Trial steps may leave the domain; the line search deals with that.
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        found: Any = minimize(objective, x0, jac=True, method="BFGS")
    return Fit(
        backend=backend,
        x=tuple(float(entry) for entry in found.x),
        fun=float(found.fun),
        iterations=int(found.nit),
        evaluations=int(found.nfev),
        converged=bool(found.success),
    )


def _same(a: Fit, b: Fit) -> bool:
    x, y = np.array(a.x), np.array(b.x)
    size = max(1.0, float(np.abs(x).max(initial=0.0)))
    return a.iterations == b.iterations and bool(np.all(np.abs(x - y) <= _RELATIVE * size))


def _rounded(objective: Objective) -> Objective:
    signs = np.random.default_rng(0)

    def rounded(x: Array) -> tuple[float, Array]:
        value, grad = objective(x)
        up = signs.choice((-1.0, 1.0), size=len(grad) + 1)
        return float(value) * (1 + EPS * up[-1]), grad * (1 + 4 * EPS * up[:-1])

    return rounded
