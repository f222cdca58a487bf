"""An objective over partitions: what ``kernel.bind`` returns for data that are not in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import ArrayLike

from symcompile.arguments import Array, count, listed, to_vector
from symcompile.errors import ArgumentTypeError, ArgumentValueError, UnsupportedFunctionError
from symcompile.partitions.passes import over
from symcompile.partitions.sources import Source
from symcompile.partitions.tasks import Sums

if TYPE_CHECKING:
    from scipy.optimize import OptimizeResult

    from symcompile.kernel import Kernel, Objective


class PartitionedObjective:
    """A kernel and data in partitions. Made by :meth:`symcompile.Kernel.bind`.

    Each call makes one pass over the data: a task for each partition, and a tree of sums that is
    always the same, so results do not depend on who computes them.

    Attributes:
        kernel: the kernel.
        source: the partitions.
    """

    def __init__(self, kernel: Kernel, source: Source, constants: dict[str, float]) -> None:
        definition = kernel.definition
        if definition.indexed or definition.reduce is None or not definition.scalar:
            raise UnsupportedFunctionError(
                f"{definition.name} is no sum over samples: data in partitions need a formula per "
                'sample with reduce="sum" or "mean"'
            )
        if constants or kernel.interface.required:
            raise ArgumentTypeError(
                f"{definition.name} has constants ({listed(kernel.constants)}), which data in "
                "partitions do not take: put numbers in their place in the formula"
            )
        missing = [name for name in definition.data if name not in source.names]
        if missing:
            raise ArgumentValueError(
                f"{source.kind} have no column {listed(missing)}; they have {listed(source.names)}"
            )
        self.kernel = kernel
        self.source = source

    @property
    def params(self) -> tuple[str, ...]:
        """Names of the parameters, in the order in which ``p`` packs them."""
        return self.kernel.params

    def value(self, p: ArrayLike, /) -> float:
        """Return the value."""
        return float(self._pass("value", p)[0])

    def grad(self, p: ArrayLike, /) -> Array:
        """Return the gradient, shape ``(P,)``."""
        return self._array("grad", p)

    def value_and_grad(self, p: ArrayLike, /) -> tuple[float, Array]:
        """Return both."""
        value, gradient = self._pass("value_and_grad", p)
        return float(value), gradient

    def hessian(self, p: ArrayLike, /) -> Array:
        """Return the Hessian, shape ``(P, P)``."""
        return self._array("hessian", p)

    def hvp(self, p: ArrayLike, v: ArrayLike, /) -> Array:
        """Return the Hessian times ``v``, shape ``(P,)``."""
        return self._array("hvp", p, v)

    def fitted(self, name: str) -> Callable[..., Any]:
        """Return a method."""
        self.kernel.interface.require(name)
        method: Callable[..., Any] = getattr(self, name)
        return method

    def minimize(self, x0: Any, method: Any = None, **options: Any) -> OptimizeResult:
        """Minimise with SciPy and exact derivatives; see :meth:`symcompile.Objective.minimize`."""
        from symcompile.optimize import minimize

        return minimize(cast("Objective", self), x0, method, **options)

    def __repr__(self) -> str:
        definition = self.kernel.definition
        parts = [self.kernel.backend, count(len(definition.params), "parameter"), self.source.kind]
        return f"<objective {definition.name}: {', '.join(parts)}>"

    def _array(self, name: str, *vectors: ArrayLike) -> Array:
        return np.asarray(self._pass(name, *vectors)[0])

    def _pass(self, name: str, p: ArrayLike, v: ArrayLike | None = None) -> list[Any]:
        definition = self.kernel.definition
        self.kernel.interface.require(name)
        dtype = self.kernel.interface.dtype
        at = to_vector(p, "p", definition.params, dtype)
        direction = None if v is None else to_vector(v, "v", definition.params, dtype)
        task = Sums(name, definition, self.kernel.backend, (name,), at, direction)
        found = over(self.source, definition.data, task)
        if found is None:
            raise ArgumentValueError("there are no samples: all partitions are empty")
        rows: int = found[0]
        results: list[Any] = found[1:]
        if definition.reduce == "mean":
            return [result / rows for result in results]
        return results
