"""The symbols of a definition: numbers, arrays and matrices, and the sizes that they share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import sympy as sp

from symcompile.errors import DefinitionError
from symcompile.frontend.frames import Term
from symcompile.ir.affine import Affine
from symcompile.ir.graph import Axes, Axis, Role

Shape = tuple[Affine, ...]
#: What a user may name as a parameter or as data.
Symbol: TypeAlias = sp.Symbol | sp.IndexedBase | sp.MatrixSymbol


@dataclass(frozen=True)
class Whole:
    """Data that is used as an index: whole numbers from ``low`` to ``high``.

    Attributes:
        slot: which data.
        low: the smallest that is allowed.
        high: the largest.
    """

    slot: int
    low: Affine
    high: Affine


@dataclass(frozen=True)
class Required:
    """What sizes must satisfy, ``value >= 0``, or an index leaves its array.

    Attributes:
        value: affine in the sizes.
        text: what it is about, as ``"y[t - 2] for t from 0"``.
    """

    value: Affine
    text: str


def squeezed(shape: Shape) -> Axes:
    """Return the axes of an array of a declared shape: dimensions of size 1 are none."""
    return tuple(Axis(size) for size in shape if size.number != 1)


def is_array(symbol: Any) -> bool:
    """Return whether a symbol of the roles has dimensions."""
    return isinstance(symbol, sp.IndexedBase | sp.MatrixSymbol)


def name_of(symbol: Any) -> str:
    """Return the name of a symbol of the roles."""
    return str(symbol.label if isinstance(symbol, sp.IndexedBase) else symbol)


def symbols_of(symbols: Any, role: str, *, arrays: bool = True) -> tuple[Any, ...]:
    """Return the symbols that a user gave for one role.

    Raises:
        DefinitionError: something that is no symbol.
    """
    if isinstance(symbols, sp.Symbol) or is_array(symbols):
        symbols = (symbols,)
    if isinstance(symbols, str) or not isinstance(symbols, Iterable):
        raise DefinitionError(f"{role}={symbols!r}: give SymPy symbols, as sympy.symbols makes")
    found = tuple(symbols)
    for symbol in found:
        if is_array(symbol):
            if not arrays:
                raise DefinitionError(
                    f"{role}: {name_of(symbol)} is an array, and constants are numbers; put it "
                    "into data="
                )
        elif not isinstance(symbol, sp.Symbol):
            raise DefinitionError(f"{role}: {symbol!r} is not a SymPy symbol")
    return found


@dataclass
class Array:
    """One array or number that is given.

    Attributes:
        name: what the user calls it.
        role: parameter, data or constant.
        slot: which of them.
        shape: its size in each dimension; None where it is not known yet.
        term: its node, whose axes are the dimensions of a size other than 1.
        uses: where sizes are not known, the largest indices into each dimension.
    """

    name: str
    role: Role
    slot: int
    shape: list[Affine | None]
    term: Term | None = None
    uses: list[list[Affine]] = field(default_factory=list)

    @property
    def known(self) -> bool:
        """Whether all sizes are known."""
        return None not in self.shape

    @property
    def sizes(self) -> Shape:
        """The shape, once it is known."""
        return tuple(size for size in self.shape if size is not None)


def inferred(array: Array, fresh: Callable[[str], str]) -> tuple[Affine, ...]:
    """Return the shape that the uses of an array without one suggest.

    A dimension is as large as the largest index into it, where one is never smaller than the
    others; else it is a size of its own, which ``fresh`` gives a name like the one it gets.
    """
    found: list[Affine] = []
    for dimension, known in enumerate(array.shape):
        if known is not None:
            found.append(known)
            continue
        bounds = [high + 1 for high in array.uses[dimension]]
        named = [bound for bound in bounds if bound.number is None] or bounds
        best = [b for b in named if all((b - other).nonnegative() for other in named)]
        found.append(best[0] if best else Affine.of(fresh(f"{array.name}_size{dimension}")))
    return tuple(found)


def undetermined(
    sizes: Sequence[str],
    given: Iterable[str],
    data: Sequence[Shape],
    params: Sequence[Shape],
) -> list[str]:
    """Return the sizes that neither arrays nor ``given`` constants determine, in order.

    A dimension of data gives a size if it is the only one in it that is not known; the length
    of ``p`` gives one more.
    """
    known = set(given)
    dimensions = [dimension for shape in data for dimension in shape]
    packed = {size for shape in params for dimension in shape for size in dimension.sizes}
    while True:
        for dimension in dimensions:
            missing = [size for size in dimension.sizes if size not in known]
            if len(missing) == 1:
                known.add(missing[0])
                break
        else:
            if len(packed.difference(known)) != 1:
                return [size for size in sizes if size not in known]
            known |= packed
