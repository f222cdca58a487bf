"""A criterion over data in partitions, larger than memory or on a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from symcompile.arguments import Array
from symcompile.errors import ArgumentValueError
from symcompile.fitting.penalised import Penalised
from symcompile.fitting.problem import Problem
from symcompile.partitions.passes import Task, over
from symcompile.partitions.sources import Source
from symcompile.partitions.tasks import Check, Factor, Outer, Sums

if TYPE_CHECKING:
    from symcompile.compiler import BackendName
    from symcompile.frontend.definition import Definition

#: A factor is not carried so far that its sum of squares falls by more than this.
_CARRIED: Final = 1e-6


class Partitioned(Penalised):
    """The criterion of a problem over partitions; see :class:`~.criterion.Criterion`.

    Each call is a pass: a task for each partition, and a tree that puts results together. Of a
    model that is linear in its free parameters one triangular factor is that of all points, but
    for its last column, so a fit of it takes one pass or two.

    Attributes:
        problem: what is fitted.
        source: the partitions.
        linear: whether the model is linear in all free parameters together.
        passes: how many passes over the data were made so far.
    """

    remote = True

    def __init__(
        self,
        problem: Problem,
        source: Source,
        backend: BackendName = "auto",
        *,
        threads: int | None = None,
        linear: bool = False,
        progress: bool | None = None,
    ) -> None:
        super().__init__(problem)
        self.source = source
        self.linear = linear
        self.passes = 0
        self._threads = threads
        self._progress = progress
        self._backend = _resolved(backend)
        self._factor: tuple[Array, Array] | None = None

    @cached_property
    def n(self) -> int:
        """How many samples there are."""
        known = self.source.rows
        return known if known is not None else self._pass(Check(self.problem.column_names))

    def require_finite(self) -> None:
        """Look for what is not finite, after a sum was not.

        Raises:
            ArgumentValueError: names the column and the place.
        """
        self._pass(Check(self.problem.column_names))

    def sum_value(self, p: Array) -> float:
        """Return the sum of losses."""
        return float(self._sums(("value",), p)[0])

    def sum_value_and_grad(self, p: Array) -> tuple[float, Array]:
        """Return the sum of losses and its gradient, shape ``(P,)``."""
        value, gradient = self._sums(("value_and_grad",), p)
        return float(value), gradient

    def sum_hessian(self, p: Array) -> Array:
        """Return the second derivatives of the sum of losses, shape ``(P, P)``."""
        hessian: Array = self._sums(("hessian",), p)[0]
        return hessian

    def sum_all(self, p: Array) -> tuple[float, Array, Array]:
        """Return value, gradient and second derivatives of the sum of losses, in one pass."""
        value, gradient, hessian = self._sums(("value_and_grad", "hessian"), p)
        return float(value), gradient, hessian

    def triangle(self, p: Array) -> Array:
        """Return ``R`` of ``[J | r]``, shape ``(P + 1, P + 1)``."""
        if self._factor is not None:
            at, factor = self._factor
            carried = factor.copy()
            carried[:, -1] += factor[:, :-1] @ (p - at)
            if np.sum(carried[:, -1] ** 2) >= _CARRIED * np.sum(factor[:, -1] ** 2):
                return carried
        found: Array = self._pass(Factor(self.problem.residual, self._backend, p))
        if self.linear and np.isfinite(found).all():
            self._factor = p.copy(), found
        return found

    def outer(self, p: Array) -> Array:
        """Return the sum of the outer products of each sample's gradient, shape ``(P, P)``."""
        found: Array = self._pass(Outer(self.problem.term, self._backend, p))
        return found

    def sums(self, definition: Definition, p: Sequence[float]) -> Array:
        """Return the outputs of a definition over the columns, summed, shape ``(m,)``."""
        task = Sums("sums", definition, self._backend, ("value",), np.asarray(p, float))
        return np.asarray(self._pass(task)[1])

    def _sums(self, functions: tuple[str, ...], p: Array) -> list[Any]:
        task = Sums("losses", self.problem.criterion, self._backend, functions, p)
        found: list[Any] = self._pass(task)[1:]
        return found

    def _pass(self, task: Task) -> Any:
        self.passes += 1
        names = self.problem.column_names
        found = over(self.source, names, task, self._progress, self._threads)
        if found is None:
            raise ArgumentValueError("there are no samples: all partitions are empty")
        return found


def _resolved(backend: BackendName) -> str:
    """Return the backend that tasks compile with: LLVM needs no compiler on a worker."""
    if backend != "auto":
        return backend
    from importlib.util import find_spec

    return "llvm" if find_spec("llvmlite") is not None else "python"
