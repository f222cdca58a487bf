"""Objectives in the hands of :mod:`scipy.optimize`, with their exact derivatives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from symcompile.arguments import start_vector, to_array
from symcompile.errors import ArgumentTypeError, UnsupportedFunctionError
from symcompile.ir.graph import Kind

if TYPE_CHECKING:
    from scipy.optimize import OptimizeResult

    from symcompile.kernel import Objective

Method = str | Callable[..., Any] | None

#: Methods of scipy.optimize.minimize by what derivatives they take.
VALUE_ONLY: Final = frozenset({"nelder-mead", "powell", "cobyla", "cobyqa"})
NEEDS_HESSIAN: Final = frozenset({"dogleg", "trust-exact"})
TAKES_PRODUCTS: Final = frozenset({"newton-cg", "trust-ncg", "trust-krylov", "trust-constr"})

#: With more parameters than this, products with the Hessian cost less than the Hessian.
_SMALL: Final = 50

#: What scipy.optimize.minimize takes itself; all else belongs to the method's options.
_OF_MINIMIZE: Final = frozenset({"tol", "callback", "options", "hessp"})


def minimize(
    objective: Objective,
    x0: Any,
    method: Method = None,
    *,
    bounds: Any = None,
    constraints: Any = (),
    hess: Any = "auto",
    **scipy_options: Any,
) -> OptimizeResult:
    """Minimise a scalar objective; see :meth:`symcompile.Objective.minimize`."""
    definition = objective.kernel.definition
    if not definition.scalar:
        remedy = 'use reduce="mean" or "sum"'
        if definition.indexed:
            remedy = f"sum over all indices ({definition!r} leaves some free)"
        raise UnsupportedFunctionError(
            f"{definition.name}.minimize needs a scalar: {remedy}, or "
            "objective.least_squares(x0) to minimise the sum of the squares of what it returns"
        )
    _require_params(objective, "minimize")
    _require_real(objective, "minimize")
    _refuse(scipy_options, "fun", "jac", "args")
    start = _start(objective, x0)

    from scipy import optimize

    passed = {name: scipy_options.pop(name) for name in _OF_MINIMIZE & scipy_options.keys()}
    options = {**(passed.pop("options", None) or {}), **scipy_options}
    name = method.lower() if isinstance(method, str) else method
    jac = None
    if name in VALUE_ONLY:
        fun = objective.fitted("value")
    else:
        fun, jac = _shared(objective.fitted("value_and_grad"))
    if not isinstance(hess, str) or hess != "auto":
        passed["hess"] = hess
    elif "hessp" not in passed:
        passed.update(_second_derivatives(objective, name, len(start)))
    result = optimize.minimize(
        fun,
        start,
        method=method,
        jac=jac,
        bounds=bounds,
        constraints=constraints,
        options=options or None,
        **passed,
    )
    return _named(objective, result)


def _shared(
    both: Callable[..., tuple[float, NDArray[np.float64]]],
) -> tuple[Callable[..., float], Callable[..., NDArray[np.float64]]]:
    """Return value and gradient as two functions that compute both once for each point.

    It is what SciPy makes of ``jac=True``; but that compares points with NumPy, which takes
    longer than a small objective does.
    """
    last = (0.0, np.empty(0))
    at = b""

    def computed(p: Any) -> tuple[float, NDArray[np.float64]]:
        nonlocal at, last
        point = np.asarray(p, np.float64).tobytes()
        if point != at:
            last = both(p)
            at = point
        return last

    return lambda p: computed(p)[0], lambda p: computed(p)[1]


def _start(objective: Objective, x0: Any) -> NDArray[np.float64]:
    """Return where to start as a new vector."""
    definition = objective.kernel.definition
    if not definition.indexed:
        return start_vector(x0, definition.params)
    if isinstance(x0, Mapping):
        return objective.pack(x0)
    return to_array(x0, "x0").reshape(-1).copy()


def _named(objective: Objective, result: OptimizeResult) -> OptimizeResult:
    """Return a result with the solution by name, where names tell the parameters apart."""
    names, x = objective.params, result.x
    if len(set(names)) == len(names):
        definition = objective.kernel.definition
        # What `unpack` finds out about sizes takes as long as a step of a small fit.
        plain = not definition.indexed and x.dtype == definition.dtype == "float64"
        named = dict(zip(names, x.tolist(), strict=True)) if plain else objective.unpack(x)
        result["params"] = named
    return result


def _second_derivatives(objective: Objective, method: Method, size: int) -> dict[str, Any]:
    if method in NEEDS_HESSIAN:
        return {"hess": objective.fitted("hessian")}
    if method in TAKES_PRODUCTS:
        if size > _SMALL:
            return {"hessp": objective.fitted("hvp")}
        return {"hess": objective.fitted("hessian")}
    return {}


def least_squares(objective: Objective, x0: Any, **scipy_options: Any) -> OptimizeResult:
    """Minimise the sum of squared residuals; see :meth:`symcompile.Objective.least_squares`."""
    definition = objective.kernel.definition
    if definition.scalar:
        raise UnsupportedFunctionError(
            f"{definition.name}.least_squares needs residuals, one for each sample or entry, and "
            f"{definition.name} is one number: use minimize, or define the residual "
            f"{'with a free index, without the sum' if definition.indexed else 'with reduce=None'}"
        )
    _require_params(objective, "least_squares")
    _require_real(objective, "least_squares")
    _refuse(scipy_options, "fun", "jac", "args", "kwargs")
    start = _start(objective, x0)
    size = len(start)

    def residuals(p: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.ravel(objective.value(p))

    def jacobian(p: NDArray[np.float64]) -> NDArray[np.float64]:
        return objective.jacobian(p).reshape(-1, size)

    from scipy import optimize

    return _named(
        objective, optimize.least_squares(residuals, start, jac=jacobian, **scipy_options)
    )


def _require_params(objective: Objective, name: str) -> None:
    if not objective.params:
        raise UnsupportedFunctionError(
            f"{objective.kernel.definition.name}.{name} has nothing to vary: "
            "name the parameters with params= in the definition"
        )


def _require_real(objective: Objective, name: str) -> None:
    """Check that parameters and value are real numbers."""
    definition = objective.kernel.definition
    if definition.dtype == "complex128":
        raise UnsupportedFunctionError(
            f"{definition.name}.{name} needs real parameters: write each complex one as x + I*y "
            'of two real ones, with dtype="float64"'
        )
    if definition.output.kind is Kind.COMPLEX:
        raise UnsupportedFunctionError(
            f"{definition.name}.{name} needs a real value, and this one is complex: take Abs(...), "
            "re(...) or im(...) of it"
        )


def _refuse(options: dict[str, Any], *names: str) -> None:
    for name in names:
        if name in options:
            raise ArgumentTypeError(
                f"{name}= is not taken: the objective brings its own function, data and "
                "derivatives; call scipy.optimize yourself to pass others"
            )
