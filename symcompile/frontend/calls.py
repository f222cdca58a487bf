"""How a formula is called: its arguments, nested as the user nests them, and what it returns.

An argument is a number or an array. Each entry of an array is an input of its own, so matrices
of known sizes need no loops: the formula is one of numbers, and broadcasting is left to the call.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.matrices.expressions.matexpr import MatrixElement, MatrixExpr
from sympy.tensor.array.expressions.array_expressions import (
    ArrayElement,
    ArraySymbol,
    _ArrayExpr,
)

from symcompile.errors import DefinitionError, LoweringError
from symcompile.frontend.brief import brief
from symcompile.ir.ops import WORDS
from symcompile.naming import Names

#: A place in the nest of arguments: the number of an argument, or several places.
Place: TypeAlias = "int | tuple[Place, ...]"

#: More inputs than this are not taken apart into numbers.
MOST_ENTRIES = 4096


@dataclass(frozen=True)
class Argument:
    """One argument of a call: a number, or an array.

    Attributes:
        name: an identifier.
        text: what the user calls it.
        shape: the shape of one point; ``()`` is a number.
        start: which input of the formula its first entry is.
        matrix: whether SymPy calls it a matrix, so that a row may stand for it.
    """

    name: str
    text: str
    shape: tuple[int, ...]
    start: int
    matrix: bool = False

    @property
    def size(self) -> int:
        """How many inputs it is."""
        size = 1
        for length in self.shape:
            size *= length
        return size


@dataclass(frozen=True)
class Arguments:
    """The arguments of a call.

    Attributes:
        items: each of them.
        tree: how they nest: one place for each positional argument.
        names: what the positional arguments are called.
    """

    items: tuple[Argument, ...]
    tree: tuple[Place, ...]
    names: tuple[str, ...]

    @property
    def inputs(self) -> int:
        """How many numbers the formula takes."""
        return sum(item.size for item in self.items)

    @property
    def signature(self) -> str:
        """The arguments as a call is written: ``(w, [x, y])``."""
        return f"({', '.join(self._shown(place) for place in self.tree)})"

    def _shown(self, place: Place) -> str:
        if isinstance(place, int):
            return self.items[place].text
        return f"[{', '.join(map(self._shown, place))}]"


class Given(NamedTuple):
    """What SymPy calls an argument: a symbol or what stands for one, and its entries."""

    symbol: Any
    shape: tuple[int, ...]
    matrix: bool


class NeedsArraysError(LoweringError):
    """The formula is one of arrays, of sizes that only a call knows."""


def parse_arguments(args: Any, *, whole: bool = False) -> tuple[Arguments, list[Given]]:
    """Return the arguments of a call, and what SymPy calls each.

    Args:
        args: a symbol, text as ``"x, y"``, or a sequence of such, nested to any depth.
        whole: whether arrays are not taken apart; their shapes are not looked at then.

    Raises:
        DefinitionError: something that cannot be an argument, or stands there twice.
        NeedsArraysError: an array whose size is not a number.
    """
    given: list[Given] = []
    seen: dict[Any, None] = {}

    def place(arg: Any) -> Place:
        if isinstance(arg, str):
            found = named(arg)
            if len(found) > 1:
                return tuple(map(place, found))
            arg = found[0]
        if isinstance(arg, sp.MatrixBase | sp.NDimArray):
            return tuple(place(entry) for entry in entries_of(arg))
        if _nests(arg):
            return tuple(map(place, arg))
        if arg in seen:
            raise DefinitionError(f"lambdify: {brief(arg)} stands twice among the arguments")
        seen[arg] = None
        given.append(Given(arg, (), False) if whole and _is_whole(arg) else _given(arg))
        return len(given) - 1

    tops = [args] if isinstance(args, sp.Basic) and not _nests(args) else args
    if isinstance(tops, str):
        tops = named(tops)
    if isinstance(tops, sp.MatrixBase | sp.NDimArray):
        tops = entries_of(tops)
    if isinstance(tops, set | frozenset) or not isinstance(tops, Iterable):
        raise DefinitionError(f"lambdify: the arguments {tops!r} have no order: give a list")
    tree = tuple(map(place, tops))
    names = Names(["out"], WORDS)
    items: list[Argument] = []
    start = 0
    for one in given:
        text = str(one.symbol.label if isinstance(one.symbol, sp.IndexedBase) else one.symbol)
        items.append(Argument(names.fresh(text), text[:60], one.shape, start, one.matrix))
        start += items[-1].size
    if start > MOST_ENTRIES:
        raise NeedsArraysError(f"the arguments have {start} entries")
    tops_named = [
        items[top].name if isinstance(top, int) else names.fresh("_".join(_leaf_names(items, top)))
        for top in tree
    ]
    return Arguments(tuple(items), tree, tuple(tops_named)), given


def named(text: str) -> tuple[Any, ...]:
    """Return the symbols that text names, as ``"x, y"``."""
    names = [name for part in text.split(",") for name in part.split()]
    for name in names:
        if not name.isidentifier():
            raise DefinitionError(f"lambdify: the argument {name!r} is not a name: give a Symbol")
    if not names:
        raise DefinitionError("lambdify: an empty text names no argument")
    return tuple(map(sp.Symbol, names))


def _leaf_names(items: Sequence[Argument], place: Place) -> Iterator[str]:
    if isinstance(place, int):
        yield items[place].name
        return
    for inner in place:
        yield from _leaf_names(items, inner)


def _nests(arg: Any) -> bool:
    if isinstance(arg, str | sp.Symbol | MatrixExpr | _ArrayExpr | sp.Indexed | sp.IndexedBase):
        return False
    if isinstance(arg, sp.Basic):
        return isinstance(arg, sp.Tuple)
    return isinstance(arg, Iterable) and not isinstance(arg, set | frozenset | Mapping)


def _is_whole(arg: Any) -> bool:
    return isinstance(arg, sp.MatrixSymbol | sp.IndexedBase | sp.Idx)


def _given(arg: Any) -> Given:
    if isinstance(arg, sp.MatrixSymbol):
        return Given(arg, _sizes(arg, arg.shape), True)
    if isinstance(arg, ArraySymbol):
        return Given(arg, _sizes(arg, arg.shape), False)
    if isinstance(arg, sp.IndexedBase | sp.Idx):
        raise NeedsArraysError(f"{brief(arg)} is an array or an index")
    if isinstance(arg, sp.Symbol | AppliedUndef | sp.Derivative | sp.Indexed | MatrixElement):
        return Given(arg, (), False)
    if isinstance(arg, ArrayElement) or type(arg).__name__ == "BaseScalar":
        return Given(arg, (), False)
    raise DefinitionError(
        f"lambdify: the argument {arg!r} is not a SymPy symbol, nor what can stand for one: a "
        "function f(t) and its derivatives, a MatrixSymbol, an IndexedBase, or an element of these"
    )


def _sizes(symbol: Any, shape: Iterable[Any]) -> tuple[int, ...]:
    sizes = tuple(shape)
    if not all(getattr(size, "is_Integer", isinstance(size, int)) for size in sizes):
        raise NeedsArraysError(f"{brief(symbol)} has a size that is not a number")
    return tuple(map(int, sizes))


# ------------------------------------------------------------------ results


@dataclass(frozen=True)
class Result:
    """One number or array among the results.

    Attributes:
        start: which output of the formula its first entry is.
        shape: the shape for one point; ``()`` is a number.
    """

    start: int
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """How many outputs it is."""
        size = 1
        for length in self.shape:
            size *= length
        return size


Container = Literal["list", "tuple", "dict"]


@dataclass(frozen=True)
class Nest:
    """Results in a container.

    Attributes:
        kind: which container.
        items: what is in it: numbers of results, or nests.
        keys: the keys of a dict.
    """

    kind: Container
    items: tuple[int | Nest, ...]
    keys: tuple[Any, ...] = ()

    def mapped(self) -> bool:
        """Return whether there is a dict anywhere."""
        return self.kind == "dict" or any(i.mapped() for i in self.items if isinstance(i, Nest))


Mirror: TypeAlias = "int | Nest"


def containers(expr: Any, leaf: Any) -> Mirror:
    """Return the nest of containers of an expression; ``leaf`` numbers what is in them."""
    if isinstance(expr, Mapping | sp.Dict):
        items = tuple(containers(value, leaf) for value in expr.values())
        return Nest("dict", items, tuple(expr.keys()))
    if isinstance(expr, list):
        return Nest("list", tuple(containers(item, leaf) for item in expr))
    if isinstance(expr, tuple | sp.Tuple):
        return Nest("tuple", tuple(containers(item, leaf) for item in expr))
    if isinstance(expr, set | frozenset | sp.FiniteSet):
        raise DefinitionError("lambdify: a set has no order: give a list of expressions")
    found: int = leaf(expr)
    return found


def entries_of(array: Any) -> list[Any]:
    """Return the entries of an explicit matrix or array, row-major."""
    if isinstance(array, sp.MatrixBase):
        return list(array.flat())
    if isinstance(array, np.ndarray):
        return array.reshape(-1).tolist()
    return [array[array._get_tuple_index(k)] for k in range(len(array))] if len(array) else []
