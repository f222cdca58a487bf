"""What a minimiser asks of a fit, wherever the data lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from symcompile.arguments import Array

if TYPE_CHECKING:
    from symcompile.frontend.definition import Definition


class Criterion(Protocol):
    """The sum of losses over all samples, and the penalty, as a function of all parameters.

    Attributes:
        size: how many parameters there are, ``P``.
        squares: whether it is a sum of squared residuals and nothing else: then ``triangle``
            may be called.
        remote: whether a pass over the data costs more than what is computed in it.
    """

    size: int
    squares: bool
    remote: bool

    @property
    def n(self) -> int:
        """How many samples there are."""

    def require_finite(self) -> None:
        """Look for what is not finite in the data, after a sum was not.

        Raises:
            ArgumentValueError: names the column and the place.
        """

    def value(self, p: Array) -> float:
        """Return the sum."""

    def value_and_grad(self, p: Array) -> tuple[float, Array]:
        """Return the sum and its gradient, shape ``(P,)``."""

    def hessian(self, p: Array) -> Array:
        """Return second derivatives, shape ``(P, P)``."""

    def all(self, p: Array) -> tuple[float, Array, Array]:
        """Return value, gradient and second derivatives, in one pass where that is worth it."""

    def triangle(self, p: Array) -> Array:
        """Return the triangular factor of residuals and their Jacobian, shape ``(P + 1, P + 1)``.

        It is ``R`` of the QR factorisation of ``[J | r]``: so ``R[:P, :P]`` is that of the
        Jacobian, ``R[:P, P]`` the residuals in its basis, and ``R[P, P]**2`` the sum of squares
        that no step can remove to first order. The value is ``sum(R[:, P]**2)``, the gradient
        ``2*J.T @ r``. Signs of rows are not determined. With fewer samples than columns the
        missing rows are zero.
        """

    def outer(self, p: Array) -> Array:
        """Return the sum of the outer products of each sample's gradient, shape ``(P, P)``."""

    def sums(self, definition: Definition, p: Sequence[float]) -> Array:
        """Return the outputs of a definition over the problem's columns, summed, shape ``(m,)``.

        Args:
            definition: with ``reduce="sum"``, the problem's columns for data, and several outputs.
            p: its parameters.
        """
