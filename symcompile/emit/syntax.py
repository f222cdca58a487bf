"""What a language has to say about loops, and the records that a sweep is printed with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from symcompile.emit.memory import Array
from symcompile.ir.affine import Affine
from symcompile.ir.graph import Kind
from symcompile.ir.volume import Volume

#: Tiles are shorter where a sample needs more numbers than this, to stay in the cache.
WIDE = 190


@dataclass(frozen=True)
class Operand:
    """A factor of a product of matrices, or the sum it is added to.

    Attributes:
        array: where it lies.
        start: its first entry, from the array's base on.
        row: the stride of its first index.
        column: the stride of its second index.
        element: the entry at the variables of the loops, as text.
    """

    array: Array
    start: str
    row: str
    column: str
    element: str


@dataclass(frozen=True)
class Product:
    """``out[i, j] += sum over l of left[i, l]*right[l, j]``: counts and variables of i, j, l.

    ``kinds`` are those of the two factors.
    """

    counts: tuple[str, str, str]
    variables: tuple[str, str, str]
    left: Operand
    right: Operand
    out: Operand
    kinds: tuple[Kind, Kind] = (Kind.REAL, Kind.REAL)

    @property
    def complex(self) -> bool:
        """Whether any factor is complex."""
        return Kind.COMPLEX in self.kinds


def width(kind: Kind) -> int:
    """Return how many doubles a number takes."""
    return 2 if kind is Kind.COMPLEX else 1


class Syntax(Protocol):
    """How a language writes loops and updates."""

    infinity: str

    def loop(self, index: str, count: str, body: Sequence[str], hint: str) -> list[str]:
        """Return a loop from 0 to ``count``; ``hint`` stands before it."""

    def hint(self, vector: bool, sums: Sequence[tuple[str, str]]) -> str:
        """Return what to tell the compiler of an innermost loop: operation and variable."""

    def variable(self, name: str, value: str, kind: Kind = Kind.REAL) -> str:
        """Return the declaration of a number that changes."""

    def update(self, op: str, target: str, text: str, kind: Kind = Kind.REAL) -> str:
        """Return an accumulation."""

    def filled(self, base: str, start: str, count: str, value: str, kind: Kind = Kind.REAL) -> str:
        """Return the statement that fills ``count`` numbers of an array from ``start`` on."""

    def clamped(self, index: str, extent: str) -> str:
        """Return an index moved into its range."""

    def in_row(self, array: Array, texts: Sequence[str], lead: str, rows: dict[str, str]) -> str:
        """Return an element of an array within a loop along ``lead``.

        A language may take the row that it lies in by itself: ``rows`` says what it is called.
        """

    def packed(self, pack: Pack, at: Sequence[str], lead: str) -> str:
        """Return an element of a tile of an input, at its other indices and the lead one."""

    def contraction(self, product: Product) -> list[str]:
        """Return the statements that add a product of matrices to an array."""

    def accumulated(self, slot: str, name: str, kind: Kind = Kind.REAL) -> list[str]:
        """Return the statements that add to a compensated sum: of both parts, where it has two."""


@dataclass
class Total:
    """What a sweep adds up.

    Attributes:
        node: the reduction or scatter.
        size: how many doubles.
        slot: where its partial results lie among those of a block.
        compensated: whether they are sums with a compensation each.
        tile: the array for what is added up before that is done, or an empty text.
        alone: whether ``tile`` is an array of its own for each block, with no compensation.
    """

    node: int
    size: Volume
    slot: Volume
    compensated: bool
    tile: str
    alone: bool
    kind: Kind = Kind.REAL


@dataclass
class Buffer:
    """An array that lives as long as a tile; its size is per sample, unless it is ``whole``."""

    name: str
    size: Volume
    whole: bool = False
    kind: Kind = Kind.REAL

    @property
    def doubles(self) -> Volume:
        """Its size in doubles."""
        return self.size * width(self.kind)


@dataclass
class Pack:
    """A tile of an input with its lead axis contiguous."""

    name: str
    source: int
    axis: int
    offset: Affine
    steps: tuple[str, ...]
    buffer: str


@dataclass(frozen=True)
class Index:
    """The variable of a loop: within its tile, and in all."""

    name: str
    at: str
    absolute: str
