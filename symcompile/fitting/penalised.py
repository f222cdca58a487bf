"""The sum of losses, wherever it comes from, and the penalty beside it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from symcompile.arguments import Array
from symcompile.fitting.problem import Problem

if TYPE_CHECKING:
    from symcompile.kernel import Objective


class Penalised:
    """A criterion made of a sum over samples, which its subclasses compute.

    Attributes:
        problem: what is fitted.
        size: how many parameters there are, ``P``.
        squares: whether it is a sum of squares and nothing else.
        remote: whether a pass over the data costs more than what is computed in it.
    """

    remote = False

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.size = len(problem.params)
        self.squares = problem.squares

    @cached_property
    def _penalty(self) -> Objective | None:
        from symcompile.compiler import compile

        definition = self.problem.penalty_definition
        return None if definition is None else compile(definition, backend="python").bind()

    def require_finite(self) -> None:
        """Look for what is not finite in the data; those in memory were checked before."""

    def sum_value(self, p: Array) -> float:
        """Return the sum of losses."""
        raise NotImplementedError

    def sum_value_and_grad(self, p: Array) -> tuple[float, Array]:
        """Return the sum of losses and its gradient, shape ``(P,)``."""
        raise NotImplementedError

    def sum_hessian(self, p: Array) -> Array:
        """Return the second derivatives of the sum of losses, shape ``(P, P)``."""
        raise NotImplementedError

    def sum_all(self, p: Array) -> tuple[float, Array, Array]:
        """Return value, gradient and second derivatives of the sum of losses."""
        return (*self.sum_value_and_grad(p), self.sum_hessian(p))

    def value(self, p: Array) -> float:
        """Return the criterion."""
        value = self.sum_value(p)
        return value if self._penalty is None else value + float(self._penalty.value(p))

    def value_and_grad(self, p: Array) -> tuple[float, Array]:
        """Return the criterion and its gradient, shape ``(P,)``."""
        value, gradient = self.sum_value_and_grad(p)
        if self._penalty is not None:
            more, slope = self._penalty.value_and_grad(p)
            value, gradient = value + more, gradient + slope
        return float(value), gradient

    def hessian(self, p: Array) -> Array:
        """Return second derivatives, shape ``(P, P)``."""
        hessian = self.sum_hessian(p)
        return hessian if self._penalty is None else hessian + self._penalty.hessian(p)

    def all(self, p: Array) -> tuple[float, Array, Array]:
        """Return value, gradient and second derivatives, in one pass where that is worth it."""
        value, gradient, hessian = self.sum_all(p)
        if self._penalty is not None:
            more, slope = self._penalty.value_and_grad(p)
            value, gradient = value + more, gradient + slope
            hessian = hessian + self._penalty.hessian(p)
        return float(value), gradient, hessian
