"""What is computed of a partition: functions of a kernel, and triangular factors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from symcompile.arguments import Array
from symcompile.errors import ArgumentValueError
from symcompile.frontend.definition import Definition
from symcompile.partitions.sources import blocks

if TYPE_CHECKING:
    from symcompile.kernel import Kernel

#: Rows whose Jacobian stands in memory at a time.
_ROWS: Final = 1 << 14
#: Entries of a matrix for which OpenBLAS takes one thread in the products of a factorisation.
_ALONE: Final = 1 << 13


@lru_cache(maxsize=64)
def kernel_of(definition: Definition, backend: str) -> Kernel:
    """Return a kernel of one thread, compiled once for each process, or taken from the cache."""
    from symcompile.compiler import compile

    return compile(definition, backend=backend, threads=1)  # type: ignore[arg-type]


@dataclass(frozen=True, eq=False)
class Sums:
    """The sums of functions of a kernel over the samples.

    Attributes:
        name: shown while it runs.
        definition: with ``reduce="sum"``, or ``"mean"``: a mean counts by its rows.
        backend: which computes.
        functions: their names; value_and_grad counts as two results.
        p: the parameters.
        vector: the direction of a product with the Hessian, or None.
    """

    name: str
    definition: Definition
    backend: str
    functions: tuple[str, ...]
    p: Array
    vector: Array | None = None

    def __call__(self, partition: Any) -> list[Any] | None:
        """Return the rows of the partition, and each function's sum."""
        kernel = kernel_of(self.definition, self.backend)
        total: list[Any] | None = None
        for columns in blocks(partition, self.definition.data):
            rows = len(columns[0])
            if not rows:
                continue
            weight = rows if self.definition.reduce == "mean" else 1
            found: list[Any] = [rows]
            with np.errstate(all="ignore"):
                for function in self.functions:
                    vectors = (self.p,) if self.vector is None else (self.p, self.vector)
                    result = getattr(kernel, function)(*vectors, *columns)
                    results = result if isinstance(result, tuple) else (result,)
                    found += [weight * one for one in results]
            total = found if total is None else self.join(total, found)
        return total

    def join(self, one: list[Any], other: list[Any]) -> list[Any]:
        """Add them up."""
        return [a + b for a, b in zip(one, other, strict=True)]


def _slices(partition: Any, definition: Definition) -> Iterator[list[Array]]:
    """Yield the columns of a partition, so few rows that a Jacobian of them is small."""
    for columns in blocks(partition, definition.data):
        for start in range(0, len(columns[0]), _ROWS):
            yield [column[start : start + _ROWS] for column in columns]


@dataclass(frozen=True, eq=False)
class Factor:
    """The triangular factor of residuals and their Jacobian; see ``Criterion.triangle``.

    Factors of blocks are factored again in pairs, as in TSQR (Demmel, Grigori, Hoemmen and Langou
    2012): as accurate as one factorisation of all.

    Attributes:
        definition: the residual of each sample.
        backend: which computes.
        p: the parameters.
    """

    definition: Definition
    backend: str
    p: Array
    name: str = "factor"

    def __call__(self, partition: Any) -> Array | None:
        """Return the factor of the partition, shape ``(P + 1, P + 1)``."""
        kernel = kernel_of(self.definition, self.backend)
        total: Array | None = None
        for part in _slices(partition, self.definition):
            total = self._added(total, kernel, part)
        return total

    def _added(self, total: Array | None, kernel: Kernel, columns: Sequence[Array]) -> Array:
        with np.errstate(all="ignore"):
            rows = kernel.jacobian(self.p, *columns).reshape(len(columns[0]), -1)
            both = np.column_stack((rows, np.reshape(kernel.value(self.p, *columns), -1)))
        return triangular(both if total is None else np.vstack((total, both)))

    def join(self, one: Array, other: Array) -> Array:
        """Return the factor of both."""
        return triangular(np.vstack((one, other)))


@dataclass(frozen=True, eq=False)
class Outer:
    """The sum of the outer products of each sample's gradient.

    Attributes:
        definition: the loss of each sample.
        backend: which computes.
        p: the parameters.
    """

    definition: Definition
    backend: str
    p: Array
    name: str = "gradients"

    def __call__(self, partition: Any) -> Array | None:
        """Return the sum over the partition, shape ``(P, P)``."""
        kernel = kernel_of(self.definition, self.backend)
        total: Array | None = None
        for part in _slices(partition, self.definition):
            rows = kernel.jacobian(self.p, *part).reshape(len(part[0]), -1)
            found: Array = rows.T @ rows
            total = found if total is None else total + found
        return total

    def join(self, one: Array, other: Array) -> Array:
        """Add them up."""
        return one + other


@dataclass(frozen=True)
class Check:
    """Counts rows, and refuses what is not finite.

    Attributes:
        columns: which to look at.
    """

    columns: tuple[str, ...]
    name: str = "check"

    def __call__(self, partition: Any) -> int:
        """Return the rows of the partition.

        Raises:
            ArgumentValueError: names the column and the row.
        """
        rows = 0
        for columns in blocks(partition, self.columns):
            for name, column in zip(self.columns, columns, strict=True):
                bad = np.flatnonzero(~np.isfinite(column))
                if len(bad):
                    raise ArgumentValueError(
                        f"column {name} is {column[bad[0]]} in row {rows + bad[0]}: drop such rows"
                    )
            rows += len(columns[0])
        return rows

    def join(self, one: int, other: int) -> int:
        """Add them up."""
        return one + other


def triangular(rows: Array) -> Array:
    """Return the triangular factor of a matrix, square whatever its number of rows is.

    Factors of parts, stacked, have the factor of the whole: so parts may be reduced in a tree. Rows
    are factored some at a time here too, so few that BLAS takes one thread for them: its bits
    depend on how many it takes, and that is set otherwise on a worker than at home.
    """
    width = rows.shape[1]
    if not np.isfinite(rows).all():  # LAPACK may not come back from NaN
        return np.full((width, width), np.nan)
    height = max(_ALONE // width, 2 * width)
    while len(rows) > height:
        pieces = -(-len(rows) // height)
        padded = np.zeros((pieces * height, width))  # rows of zeros change no factor
        padded[: len(rows)] = rows
        factors = np.linalg.qr(padded.reshape(pieces, height, width), mode="r")
        rows = np.asarray(factors).reshape(-1, width)
    factor: Array = np.asarray(np.linalg.qr(rows, mode="r"))
    if len(factor) == width:
        return factor
    whole = np.zeros((width, width))
    whole[: len(factor)] = factor
    return whole
