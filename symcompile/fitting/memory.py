"""A criterion over data in memory."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from symcompile.arguments import Array
from symcompile.fitting.problem import Problem

if TYPE_CHECKING:
    from symcompile.compiler import BackendName
    from symcompile.frontend.definition import Definition
    from symcompile.kernel import Objective


class InMemory:
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
        self.problem = problem
        self.columns = tuple(columns)
        self.n = n
        self.size = len(problem.params)
        self.squares = problem.squares
        self._backend: BackendName = backend
        self._threads = threads

    @cached_property
    def residuals(self) -> Objective:
        """The weighted residuals, bound to the data."""
        from symcompile.compiler import compile

        kernel = compile(self.problem.residual, backend=self._backend, threads=self._threads)
        return kernel.bind(*self.columns)

    @cached_property
    def losses(self) -> Objective:
        """The sum of losses, bound to the data."""
        from symcompile.compiler import compile

        kernel = compile(self.problem.criterion, backend=self._backend, threads=self._threads)
        return kernel.bind(*self.columns)

    @cached_property
    def differences(self) -> Objective:
        """The residuals without weights, bound to the data."""
        from symcompile.compiler import compile

        kernel = compile(self.problem.difference, backend=self._backend, threads=self._threads)
        return kernel.bind(*self.columns)

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

    @cached_property
    def _penalty(self) -> Objective | None:
        from symcompile.compiler import compile

        definition = self.problem.penalty_definition
        return None if definition is None else compile(definition, backend="python").bind()

    def value(self, p: Array) -> float:
        """Return the sum of losses and the penalty."""
        if self.squares:  # so a fit that converges well compiles nothing else
            residuals = np.reshape(self.residuals.value(p), -1)
            return float(residuals @ residuals)
        total = float(self.losses.value(p))
        return total if self._penalty is None else total + float(self._penalty.value(p))

    def value_and_grad(self, p: Array) -> tuple[float, Array]:
        """Return the same and its gradient, shape ``(P,)``."""
        value, gradient = self.losses.value_and_grad(p)
        if self._penalty is not None:
            more, slope = self._penalty.value_and_grad(p)
            value, gradient = value + more, gradient + slope
        return float(value), gradient

    def hessian(self, p: Array) -> Array:
        """Return second derivatives, shape ``(P, P)``."""
        hessian = self.losses.hessian(p)
        return hessian if self._penalty is None else hessian + self._penalty.hessian(p)

    def triangle(self, p: Array) -> Array:
        """Return ``R`` of ``[J | r]``, shape ``(P + 1, P + 1)``."""
        jacobian = self.residuals.jacobian(p).reshape(self.n, self.size)
        both = np.column_stack((jacobian, np.reshape(self.residuals.value(p), -1)))
        return triangular(both)

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


def triangular(rows: Array) -> Array:
    """Return the triangular factor of a matrix, square whatever its number of rows is.

    Factors of parts, stacked, have the factor of the whole: so parts may be reduced in a tree.
    """
    factor: Array = np.asarray(np.linalg.qr(rows, mode="r"))
    width = rows.shape[1]
    if len(factor) == width:
        return factor
    whole = np.zeros((width, width))
    whole[: len(factor)] = factor
    return whole
