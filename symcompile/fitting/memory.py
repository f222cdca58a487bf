"""A criterion over data in memory."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from symcompile.arguments import Array
from symcompile.fitting.penalised import Penalised
from symcompile.fitting.problem import Problem
from symcompile.partitions.tasks import triangular

if TYPE_CHECKING:
    from symcompile.compiler import BackendName
    from symcompile.frontend.definition import Definition
    from symcompile.kernel import Objective


class InMemory(Penalised):
    """The criterion of a problem over columns in memory; see :class:`~.criterion.Criterion`.

    Attributes:
        problem: what is fitted.
        columns: the data, each of shape ``(n,)``.
    """

    def __init__(
        self,
        problem: Problem,
        columns: Sequence[Array],
        n: int,
        backend: BackendName = "auto",
        threads: int | None = None,
    ) -> None:
        super().__init__(problem)
        self.columns = tuple(columns)
        self.n = n
        self._backend: BackendName = backend
        self._threads = threads

    def _bound(self, definition: Definition) -> Objective:
        from symcompile.compiler import compile

        kernel = compile(definition, backend=self._backend, threads=self._threads)
        return kernel.bind(*self.columns)

    @cached_property
    def residuals(self) -> Objective:
        """The weighted residuals, bound to the data."""
        return self._bound(self.problem.residual)

    @cached_property
    def losses(self) -> Objective:
        """The sum of losses, bound to the data."""
        return self._bound(self.problem.criterion)

    @cached_property
    def differences(self) -> Objective:
        """The residuals without weights, bound to the data."""
        return self._bound(self.problem.difference)

    @cached_property
    def weights(self) -> Array:
        """How much each sample counts, shape ``(n,)``."""
        from symcompile.compiler import compile
        from symcompile.frontend.definition import define

        weight = self.problem.weight
        if weight is None:
            return np.ones(self.n)
        kernel = compile(define("weight", weight, data=self.problem.columns), backend="python")
        return np.array(np.broadcast_to(kernel.value([], *self.columns), self.n))

    def sum_value(self, p: Array) -> float:
        """Return the sum of losses."""
        if self.squares:  # so a fit that converges well compiles nothing else
            residuals = np.reshape(self.residuals.value(p), -1)
            return float(residuals @ residuals)
        return float(self.losses.value(p))

    def sum_value_and_grad(self, p: Array) -> tuple[float, Array]:
        """Return the sum of losses and its gradient."""
        found: tuple[float, Array] = self.losses.value_and_grad(p)
        return found

    def sum_hessian(self, p: Array) -> Array:
        """Return the second derivatives of the sum of losses."""
        return self.losses.hessian(p)

    def triangle(self, p: Array) -> Array:
        """Return ``R`` of ``[J | r]``, shape ``(P + 1, P + 1)``."""
        jacobian = self.residuals.jacobian(p).reshape(self.n, self.size)
        both = np.column_stack((jacobian, np.reshape(self.residuals.value(p), -1)))
        return triangular(both)

    def design(self, p: Array, free: Array) -> tuple[Array, Array]:
        """Return residuals that are linear in free parameters: ``A`` and ``b`` of ``A @ p + b``.

        ``A`` has the shape ``(n, k)`` for ``k`` free ones, ``b`` the shape ``(n,)``.
        """
        origin = np.where(free, 0.0, p)
        jacobian = self.residuals.jacobian(origin).reshape(self.n, self.size)
        return jacobian[:, free], np.reshape(self.residuals.value(origin), -1)

    def outer(self, p: Array) -> Array:
        """Return the sum of the outer products of each sample's gradient, shape ``(P, P)``."""
        from symcompile.compiler import compile

        kernel = compile(self.problem.term, backend="python")
        gradients = kernel.jacobian(p, *self.columns).reshape(self.n, self.size)
        product: Array = gradients.T @ gradients
        return product

    def sums(self, definition: Definition, p: Sequence[float]) -> Array:
        """Return the outputs of a definition over the columns, summed, shape ``(m,)``."""
        from symcompile.compiler import compile

        return np.asarray(compile(definition, backend="python").value(p, *self.columns))
