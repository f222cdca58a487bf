"""``Objective``: a kernel bound to its data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from symcompile.arguments import Array, count
from symcompile.calling import bound, first_of, owned
from symcompile.columns import Columns
from symcompile.gram.moments import ArrayMoments
from symcompile.moments import Moments
from symcompile.packing import pack, unpack
from symcompile.sizes import Piece

if TYPE_CHECKING:
    from scipy.optimize import OptimizeResult

    from symcompile.kernel import Kernel

Value = float | NDArray[np.float64]


class Objective:
    """A kernel with its data and constants fixed. Made by :meth:`symcompile.Kernel.bind`.

    It has the kernel's methods without the data. Each takes the parameters ``p`` of shape
    ``(P,)`` in float64, and fails as the kernel's does.

    Attributes:
        kernel: the kernel.
        data: the columns, float64 arrays of shape ``(n,)``; in index notation arrays of any shape.
        n_samples: n, or None for a definition without data or in index notation.
        sizes: in index notation the sizes that the data and the constants say.
    """

    def __init__(
        self, kernel: Kernel, columns: tuple[Array, ...], numbers: dict[int, float]
    ) -> None:
        """Hold data that are checked already.

        Args:
            kernel: the kernel.
            columns: its data columns.
            numbers: the constants that are given, by slot.
        """
        self.kernel = kernel
        self.data = columns
        definition = kernel.definition
        self.n_samples = len(columns[0]) if columns and not definition.indexed else None
        self.sizes: dict[str, int] = {}
        if definition.indexed:
            self.sizes = kernel.interface.solver(columns, numbers).sizes
        self._numbers = numbers
        self._moments: ArrayMoments | Moments = (
            ArrayMoments(kernel, columns, numbers, self.sizes)
            if definition.indexed
            else Moments(kernel, columns, numbers)
        )
        self._columns = Columns(kernel, columns, numbers, self.sizes)
        self.rebind(kernel.loaded)

    def rebind(self, names: Iterable[str]) -> None:
        """Take functions of the kernel, anew where there are some already: it has better ones.

        What is computed once, the first call says: that takes a look at the whole formula.
        """
        few = self._moments.few and self._columns.few
        for name in names:
            self.__dict__.pop(name, None)
            if few:
                self._method(name)

    # These serve documentation and what is not loaded yet: `_method` puts one without the
    # lookups in their place.

    def value(self, p: ArrayLike) -> Value:
        """Return the value: a float, or an array shaped like ``Kernel.value``'s."""
        result: Value = self._method("value")(p)
        return result

    def grad(self, p: ArrayLike) -> Array:
        """Return the gradient of a scalar, shape ``(P,)``."""
        result: Array = self._method("grad")(p)
        return result

    def value_and_grad(self, p: ArrayLike) -> tuple[float, Array]:
        """Return a scalar and its gradient of shape ``(P,)``, computed together."""
        result: tuple[float, Array] = self._method("value_and_grad")(p)
        return result

    def hessian(self, p: ArrayLike) -> Array:
        """Return the Hessian of a scalar, shape ``(P, P)``."""
        result: Array = self._method("hessian")(p)
        return result

    def hvp(self, p: ArrayLike, v: ArrayLike) -> Array:
        """Return the Hessian of a scalar times ``v``, both of shape ``(P,)``."""
        result: Array = self._method("hvp")(p, v)
        return result

    def jacobian(self, p: ArrayLike) -> Array:
        """Return the derivatives of all outputs, shaped like ``Kernel.jacobian``'s."""
        result: Array = self._method("jacobian")(p)
        return result

    def jvp(self, p: ArrayLike, v: ArrayLike) -> Value:
        """Return the Jacobian times ``v`` of shape ``(P,)``, shaped like the value."""
        result: Value = self._method("jvp")(p, v)
        return result

    def vjp(self, p: ArrayLike, u: ArrayLike) -> Array:
        """Return ``u``, shaped like the value, times the Jacobian: shape ``(P,)``."""
        result: Array = self._method("vjp")(p, u)
        return result

    def unpack(self, p: ArrayLike, /) -> dict[str, Piece]:
        """Return the parameters in ``p`` by name: floats, and arrays of their declared shapes.

        A gradient, or any other vector in the space of ``p``, comes apart in the same way.

        Raises:
            ArgumentValueError: ``p`` has another length.

        Example:
            >>> import sympy as sp, symcompile as sc
            >>> w, x, y = sp.symbols("w x y")
            >>> kernel = sc.compile((w*x - y)**2, params=w, data=(x, y), reduce="sum",
            ...                     backend="python")
            >>> objective = kernel.bind([1, 2], [3, 4])
            >>> objective.unpack(objective.grad([2]))
            {'w': -2.0}
        """
        return unpack(self.kernel.definition, p, (), self.sizes)

    def pack(self, values: Mapping[Any, Any] | None = None, /, **named: Any) -> Array:
        """Return parameters given by name in one new vector of shape ``(P,)``.

        Raises:
            ArgumentValueError: names are missing or unknown, or shapes do not fit.
        """
        return pack(self.kernel.definition, {**(values or {}), **named}, self.sizes)

    def _method(self, name: str) -> Callable[..., Any]:
        method: Callable[..., Any] | None = self.__dict__.get(name)
        if method is None:
            method = self.__dict__[name] = self._made(name)
        return method

    def _made(self, name: str, *, fit: bool = False) -> Callable[..., Any]:
        """Return one function of the kernel as a method without the data.

        ``fit`` says that it will be called often.
        """
        kernel, columns, numbers = self.kernel, self.data, self._numbers
        quick = self._moments.function(name, fit=fit)
        served = self._columns.serving(name) if quick is None else None
        if served is not None:
            kernel, columns, numbers = served
        passing = bound(
            kernel.generated(name),
            _general(kernel, name, columns, numbers),
            self.__reduce__(),
            columns,
            kernel.keywords(name, numbers),
            getattr(Objective, name).__doc__,
        )
        if quick is None:
            return passing
        return owned(name, self.__reduce__(), first_of(quick, passing), passing.__doc__)

    def minimize(
        self,
        x0: Any,
        method: str | Callable[..., Any] | None = None,
        bounds: Any = None,
        constraints: Any = (),
        hess: Any = "auto",
        **scipy_options: Any,
    ) -> OptimizeResult:
        """Minimise with ``scipy.optimize.minimize``, passing exact derivatives.

        Methods that take a gradient get it; those that take second derivatives get the Hessian,
        or products with it when there are many parameters; others get the value alone.

        Args:
            x0: where to start: shape ``(P,)``, or a mapping of each parameter's name to a number
                or an array.
            method: as SciPy's; None lets SciPy choose.
            bounds: as SciPy's.
            constraints: as SciPy's.
            hess: ``"auto"`` as described, else what SciPy takes, None for nothing.
            scipy_options: ``tol``, ``callback``, ``options`` and ``hessp`` are handed on; all
                others, such as ``maxiter`` or ``gtol``, join the method's ``options``.

        Returns:
            SciPy's result, and in ``params`` the solution ``x`` by name.

        Raises:
            UnsupportedFunctionError: the value is not a scalar, or there are no parameters.
            ArgumentValueError: ``x0`` does not fit the parameters.
            ArgumentTypeError: ``x0`` is not made of numbers.

        Example:
            >>> import sympy as sp, symcompile as sc
            >>> w, x, y = sp.symbols("w x y")
            >>> kernel = sc.compile((w*x - y)**2, params=w, data=(x, y), reduce="mean",
            ...                     backend="python")
            >>> kernel.bind([1, 2], [2, 4]).minimize([0], method="BFGS").x.round(6)
            array([2.])
        """
        from symcompile.optimize import minimize

        return minimize(
            self,
            x0,
            method,
            bounds=bounds,
            constraints=constraints,
            hess=hess,
            **scipy_options,
        )

    def least_squares(self, x0: Any, **scipy_options: Any) -> OptimizeResult:
        """Minimise half the sum of the squares of the values, with the exact Jacobian.

        Args:
            x0: where to start: shape ``(P,)``, or a mapping of each parameter's name to a number
                or an array.
            scipy_options: what ``scipy.optimize.least_squares`` takes: ``bounds``, ``method``,
                ``loss``, ``ftol``, ...

        Returns:
            SciPy's result, and in ``params`` the solution ``x`` by name.

        Raises:
            UnsupportedFunctionError: the value is a scalar, or there are no parameters.
            ArgumentValueError: ``x0`` does not fit the parameters.
            ArgumentTypeError: ``x0`` is not made of numbers.

        Example:
            >>> import sympy as sp, symcompile as sc
            >>> w, x, y = sp.symbols("w x y")
            >>> kernel = sc.compile(w*x - y, params=w, data=(x, y), backend="python")
            >>> kernel.bind([1, 2], [2, 4]).least_squares([0]).x.round(6)
            array([2.])
        """
        from symcompile.optimize import least_squares

        return least_squares(self, x0, **scipy_options)

    def fitted(self, name: str) -> Callable[..., Any]:
        """Return the method ``name`` for callers that call it as often as a fit does.

        Moments take the place of the data where that is worth it for so many calls.
        """
        self.kernel.interface.require(name)
        return self._made(name, fit=True)

    @property
    def plan(self) -> str:
        """What each method is computed from, and why: moments, or a pass over the data.

        A sum over the samples that is a polynomial in the parameters is computed from *moments*,
        sums of products of columns, where there are enough samples. They are computed once, at the
        first call, in twice the precision; where terms cancel so far that a pass over the data
        would be more accurate, there is a pass.

        A pass need not start from the data. What depends on them alone and costs more than being
        read, such as logarithms, is *kept* where the data are large enough: it is computed once,
        at the first call, by the same functions. That takes memory for as many columns.

        Example:
            >>> import sympy as sp, symcompile as sc
            >>> w, x, y = sp.symbols("w x y")
            >>> kernel = sc.compile((w*x - y)**2, params=w, data=(x, y), reduce="sum",
            ...                     backend="python")
            >>> kernel.bind(range(10), range(10)).plan.splitlines()[0].partition(": ")[2]
            'a pass over the data (10 samples are few)'
        """
        found: dict[str, list[str]] = {}
        for name in self.kernel.functions:
            text, passes = self._moments.planned(name)
            text = self._columns.planned(name, text) if passes else text
            found.setdefault(text, []).append(name)
        return "\n".join(f"{', '.join(names)}: {text}" for text, names in found.items())

    @property
    def params(self) -> tuple[str, ...]:
        """Names of the parameters, in the order in which ``p`` packs them."""
        return self.kernel.params

    @property
    def constants(self) -> dict[str, float]:
        """Names and values of the constants."""
        found: dict[str, float] = {}
        for slot, (name, default) in enumerate(self.kernel.definition.constants):
            value = self._numbers.get(slot, self.sizes.get(name, default))
            if value is not None:  # a size that only p says is not known yet
                found[name] = value
        return found

    def __repr__(self) -> str:
        definition = self.kernel.definition
        parts = [self.kernel.backend, count(len(definition.params), "parameter")]
        if self.n_samples is not None:
            parts.append(count(self.n_samples, "sample"))
        parts += [f"{name} {array.shape}" for name, array in self._arrays()]
        parts += [f"{name}={value!r}" for name, value in self.constants.items()]
        return f"<objective {definition.name}: {', '.join(parts)}>"

    def _arrays(self) -> list[tuple[str, Array]]:
        """Return the data by name, in index notation, as far as a line has room for."""
        if not self.kernel.definition.indexed:
            return []
        return list(zip(self.kernel.definition.data, self.data, strict=True))[:6]

    def __reduce__(self) -> tuple[type[Objective], tuple[Any, ...]]:
        return Objective, (self.kernel, self.data, self._numbers)


def _general(
    kernel: Kernel, name: str, columns: tuple[Array, ...], numbers: dict[int, float]
) -> Callable[..., Any]:
    """Return what checks the vectors of a call. It does not know the objective: that is a cycle."""
    if name in ("hvp", "jvp", "vjp"):
        return lambda p, v: kernel.checked(name, (p, v), columns, numbers)
    return lambda p: kernel.checked(name, (p,), columns, numbers)
