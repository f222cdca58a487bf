"""A criterion that counts how often it was asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from symcompile.arguments import Array
from symcompile.fitting.criterion import Criterion

if TYPE_CHECKING:
    from symcompile.frontend.definition import Definition


class Counted:
    """A criterion as it is, and how many passes over the data it was asked for.

    Attributes:
        passes: so far.
    """

    def __init__(self, criterion: Criterion) -> None:
        self._criterion = criterion
        self.size, self.squares, self.remote = criterion.size, criterion.squares, criterion.remote
        self.passes = 0

    @property
    def n(self) -> int:
        """How many samples there are."""
        return self._criterion.n

    def require_finite(self) -> None:
        """Look for what is not finite in the data."""
        self._criterion.require_finite()

    def value(self, p: Array) -> float:
        """Return the sum."""
        self.passes += 1
        return self._criterion.value(p)

    def value_and_grad(self, p: Array) -> tuple[float, Array]:
        """Return the sum and its gradient, shape ``(P,)``."""
        self.passes += 1
        return self._criterion.value_and_grad(p)

    def hessian(self, p: Array) -> Array:
        """Return second derivatives, shape ``(P, P)``."""
        self.passes += 1
        return self._criterion.hessian(p)

    def all(self, p: Array) -> tuple[float, Array, Array]:
        """Return value, gradient and second derivatives."""
        self.passes += 1
        return self._criterion.all(p)

    def triangle(self, p: Array) -> Array:
        """Return the triangular factor of residuals and their Jacobian."""
        self.passes += 1
        return self._criterion.triangle(p)

    def outer(self, p: Array) -> Array:
        """Return the sum of the outer products of each sample's gradient."""
        self.passes += 1
        return self._criterion.outer(p)

    def sums(self, definition: Definition, p: Sequence[float]) -> Array:
        """Return the outputs of a definition over the columns, summed."""
        self.passes += 1
        return self._criterion.sums(definition, p)
