"""Sizes of arrays: found from the shapes of what is passed, and checked against each other.

Shapes are declared in sizes, each dimension affine in them: ``(n, d)``, ``(2*n - 1,)``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from symcompile.errors import ArgumentTypeError, ArgumentValueError

if TYPE_CHECKING:
    from symcompile.frontend.definition import Definition
    from symcompile.ir.affine import Affine

    Declared = tuple[Affine, ...]

Found = tuple[int, ...]
#: What a size came from that was neither solved for nor passed: data that were checked before.
DATA = "the data"
_PASSED = "a keyword"
_LARGEST = 2**62
Piece = NDArray[np.float64] | float


def solve_sizes(
    definition: Definition,
    data_shapes: Sequence[Found],
    p_length: int | None = None,
    constants: Mapping[str, float] | None = None,
) -> dict[str, int]:
    """Return all sizes of a definition.

    Args:
        definition: whose sizes they are.
        data_shapes: the shape of each data array, with as many dimensions as declared.
        p_length: how many numbers ``p`` holds.
        constants: sizes given by keyword; other constants are ignored.

    Raises:
        ArgumentValueError: shapes that disagree with each other or with ``p``, or sizes for which
            the formula reads outside of an array. The message names array and dimension.
        ArgumentTypeError: a size that nothing says.
    """
    solver = Solver(definition, constants or {})
    solver.arrays(definition.data, definition.data_shapes, data_shapes)
    if p_length is not None:
        solver.length(p_length)
    solver.finish()
    if p_length is not None:
        check_length(definition, solver.sizes, p_length)
    return {name: solver.sizes[name] for name in definition.sizes}


class Solver:
    """Finds sizes from one piece of knowledge after the other.

    Args:
        definition: whose sizes they are.
        constants: sizes given by keyword; other constants are ignored.
        origin: what these come from.

    Attributes:
        sizes: those found so far.
        origin: what each was found from.
    """

    def __init__(
        self, definition: Definition, constants: Mapping[str, float], origin: str = _PASSED
    ) -> None:
        self.definition = definition
        self.sizes: dict[str, int] = {}
        self.origin: dict[str, str] = {}
        self._pending: list[tuple[str, int, int, Affine, int]] = []
        self._derived = {derived.name for derived in definition.derived}
        for name, value in constants.items():
            if name in definition.sizes:
                self.sizes[name] = _whole(name, value)
                self.origin[name] = origin

    def arrays(
        self, names: Sequence[str], declared: Sequence[Declared], found: Sequence[Found]
    ) -> None:
        """Learn from the shapes of arrays that have as many dimensions as declared.

        Raises:
            ArgumentValueError: shapes that disagree.
        """
        for name, sizes, shape in zip(names, declared, found, strict=True):
            for axis, (size, length) in enumerate(zip(sizes, shape, strict=True)):
                self._pending.append((name, axis, len(shape), size, length))
        self._solve()

    def length(self, length: int) -> None:
        """Learn the one size that is not known yet from the length of all parameters.

        Raises:
            ArgumentValueError: shapes that disagree once it is known.
        """
        definition = self.definition
        names = {n for shape in definition.param_shapes for size in shape for n in size.sizes}
        unknown = names - self.sizes.keys()
        if len(unknown) != 1 or unknown & self._derived:
            return
        (name,) = unknown

        def total(size: int) -> int:
            return _total(definition, {**self.sizes, name: size})

        low, high = 0, 1
        while total(high) < length and high < _LARGEST:  # p need not grow with it
            low, high = high, 2 * high
        while low < high:
            middle = (low + high) // 2
            if total(middle) < length:
                low = middle + 1
            else:
                high = middle
        self.sizes[name], self.origin[name] = low, "p"
        check_length(definition, self.sizes, length)
        self._solve()

    def finish(self, needed: Iterable[str] | None = None) -> None:
        """Check that all sizes are known, and that no index leaves its array.

        Raises:
            ArgumentTypeError: a size that nothing says.
            ArgumentValueError: sizes out of range.
        """
        missing = [
            name
            for name in (self.definition.sizes if needed is None else needed)
            if name not in self.sizes and name not in self._derived
        ]
        if missing:
            raise ArgumentTypeError(
                f"{self.definition.name} needs the size {missing[0]}, which no array fixes: "
                f"pass {missing[0]}=..."
            )
        for name, size in self.sizes.items():
            if size < 0:
                raise ArgumentValueError(
                    f"{self.origin[name]} makes {name} = {size}: a size is not negative"
                )
        if needed is not None:
            return
        for required in self.definition.required:
            if required.value.evaluate(self.sizes) < 0:
                where = self._where(required.value)
                raise ArgumentValueError(f"{required.text}: out of range where {where}")

    def _solve(self) -> None:
        count = -1
        while count != len(self.sizes):
            count = len(self.sizes)
            for entry in self._pending:
                self._learn(*entry)
            for derived in self.definition.derived:
                if all(name in self.sizes for name in derived.value.sizes):
                    value = derived.value.evaluate(self.sizes) // derived.divisor
                    self.sizes[derived.name] = value
                    self.origin.setdefault(derived.name, self._where(derived.value))
        for name, axis, rank, size, length in self._pending:
            if all(part in self.sizes for part in size.sizes):
                self._check(name, axis, rank, size, length)

    def _learn(self, name: str, axis: int, rank: int, size: Affine, length: int) -> None:
        unknown = [part for part in size.sizes if part not in self.sizes]
        if len(unknown) != 1:
            return
        factor = size.coefficient(unknown[0])
        rest = length - size.evaluate({**self.sizes, unknown[0]: 0})
        if rest % factor:
            raise ArgumentValueError(
                f"{name} has {dimension(axis, rank, length)}, but {size} is never {length}"
                + (f" where {self._where(size)}" if len(size.sizes) > 1 else "")
            )
        self.sizes[unknown[0]] = rest // factor
        self.origin[unknown[0]] = name

    def _check(self, name: str, axis: int, rank: int, size: Affine, length: int) -> None:
        expected = size.evaluate(self.sizes)
        if expected == length:
            return
        has = f"{name} has {dimension(axis, rank, length)}"
        if size.number is not None:
            raise ArgumentValueError(f"{has}, but it takes {expected}")
        if len(size.terms) == 1 and size.const == 0 and size.terms[0][1] == 1:
            raise ArgumentValueError(f"{has}, but {self._origin(size.sizes[0])}")
        raise ArgumentValueError(f"{has}, but {size} = {expected}, as {self._where(size)}")

    def _origin(self, name: str) -> str:
        origin, size = self.origin[name], self.sizes[name]
        if origin == _PASSED:
            return f"{name} = {size} was passed"
        return f"{origin} {'fix' if origin == DATA else 'fixes'} {name} = {size}"

    def _where(self, size: Affine) -> str:
        return " and ".join(self._origin(n) for n in size.sizes if n in self.sizes)


def dimension(axis: int, rank: int, length: int) -> str:
    """Return the length of a dimension in words.

    >>> dimension(1, 2, 5), dimension(0, 1, 1)
    ('5 columns (axis 1)', '1 entry (axis 0)')
    """
    one, many = {(0, 2): ("row", "rows"), (1, 2): ("column", "columns")}.get(
        (axis, rank), ("entry", "entries")
    )
    return f"{length} {one if length == 1 else many} (axis {axis})"


def _whole(name: str, value: float) -> int:
    if not (value >= 0 and float(value).is_integer()):
        raise ArgumentValueError(f"the size {name} is {value}: give a whole number, 0 or more")
    return int(value)


# ------------------------------------------------------------------ parameters


def shapes_of(declared: Iterable[Declared], sizes: Mapping[str, int]) -> list[Found]:
    """Return declared shapes as numbers."""
    return [tuple(size.evaluate(sizes) for size in shape) for shape in declared]


def parameter_lengths(definition: Definition, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """Return how many numbers of ``p`` each parameter takes.

    >>> import sympy as sp
    >>> from symcompile.frontend.definition import define
    >>> a, b = sp.symbols("a b")
    >>> parameter_lengths(define("f", a*b, params=(a, b)), {})
    (1, 1)
    """
    return tuple(math.prod(shape) for shape in shapes_of(definition.param_shapes, sizes))


def _total(definition: Definition, sizes: Mapping[str, int]) -> int:
    shapes = shapes_of(definition.param_shapes, sizes)
    if any(size < 0 for shape in shapes for size in shape):
        return -1
    return sum(map(math.prod, shapes))


def check_length(definition: Definition, sizes: Mapping[str, int], length: int) -> None:
    """Check that ``p`` holds as many numbers as the parameters.

    Raises:
        ArgumentValueError: says how many each parameter takes.
    """
    total = _total(definition, sizes)
    if length == total:
        return
    shapes = shapes_of(definition.param_shapes, sizes)
    parts = [
        f"{name} {shape}" if shape else name
        for name, shape in zip(definition.params, shapes, strict=True)
    ]
    if len(parts) > 8:
        parts = [*parts[:8], f"... ({len(parts)} in all)"]
    raise ArgumentValueError(
        f"p has {length} {'entry' if length == 1 else 'entries'}, but the parameters take "
        f"{total}: {', '.join(parts) or 'there are none'}"
    )


def split(
    definition: Definition, p: NDArray[np.float64], sizes: Mapping[str, int]
) -> dict[str, Piece]:
    """Return the parameters by name: arrays of their declared shapes, and floats.

    The arrays are views of ``p``.

    Raises:
        ArgumentValueError: ``p`` has another length, or two parameters share a name.

    Example:
        >>> import sympy as sp
        >>> from symcompile.frontend.definition import define
        >>> a, b = sp.symbols("a b")
        >>> split(define("f", a*b, params=(a, b)), np.array([1.0, 2.0]), {})
        {'a': 1.0, 'b': 2.0}
    """
    require_names(definition)
    check_length(definition, sizes, p.size)
    pieces: dict[str, Piece] = {}
    start = 0
    shapes = shapes_of(definition.param_shapes, sizes)
    for name, shape in zip(definition.params, shapes, strict=True):
        stop = start + math.prod(shape)
        pieces[name] = p[start:stop].reshape(shape) if shape else p[start].item()
        start = stop
    return pieces


def require_names(definition: Definition) -> None:
    """Check that the names of the parameters tell them apart.

    Raises:
        ArgumentValueError: two are the same.
    """
    if len(set(definition.params)) < len(definition.params):
        raise ArgumentValueError(
            "two parameters share a name, which cannot tell them apart: use the packed order"
        )
