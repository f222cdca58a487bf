"""Where arrays lie in memory: base, offset and strides, as text over sizes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from symcompile.ir.graph import Axes, Output
from symcompile.ir.volume import ONE, ZERO, Volume

SizeName = Callable[[str], str]


@dataclass(frozen=True)
class Array:
    """An array in memory.

    Attributes:
        base: the pointer, or flat array, it lies in.
        offset: where it starts in there.
        strides: how many doubles lie between neighbours, per axis.
        relative: the axis whose index counts from the start of the tile, or None.
    """

    base: str
    offset: str
    strides: tuple[str, ...]
    relative: int | None = None

    def element(self, indices: Sequence[str]) -> str:
        """Return the element at some indices."""
        parts = [scaled(i, s) for i, s in zip(indices, self.strides, strict=True)]
        return f"{self.base}[{added([self.offset, *parts])}]"


def row_major(axes: Axes) -> tuple[Volume, ...]:
    """Return the strides of an array that lies row by row.

    >>> from symcompile.ir.affine import Affine
    >>> from symcompile.ir.graph import Axis
    >>> [str(v) for v in row_major((Axis(Affine.of("n")), Axis(Affine.of("d"))))]
    ['d', '1']
    """
    strides = []
    step = ONE
    for axis in reversed(axes):
        strides.append(step)
        step = step * Volume.of(axis.extent)
    return tuple(reversed(strides))


@dataclass(frozen=True)
class Place:
    """Where one entry of an output lies: its offset, and a stride for each axis that it fills."""

    offset: Volume
    strides: tuple[Volume, ...]


def places(output: Output) -> tuple[Place, ...]:
    """Return the place of each entry of an output.

    Dimensions lie row-major, but for the samples, which lie together.
    """
    layout = output.layout
    order = list(range(len(layout)))
    if output.per_sample:
        order = [*order[1:], 0]
    lengths = dimension_lengths(output)
    steps = [ONE] * len(layout)
    step = ONE
    for k in reversed(order):
        steps[k] = step
        step = step * lengths[k]
    found = [Place(ZERO, ())]
    for k, dim in enumerate(layout):
        grown = []
        for place in found:
            start = ZERO
            for segment in dim:
                strides = tuple(s * steps[k] for s in row_major(segment))
                grown.append(Place(place.offset + start * steps[k], place.strides + strides))
                start = start + Volume.product(segment)
        found = grown
    return tuple(found)


def dimension_lengths(output: Output) -> list[Volume]:
    """Return the length of each dimension of an output."""
    return [_total([Volume.product(segment) for segment in dim]) for dim in output.layout]


def length(output: Output) -> Volume:
    """Return how many numbers an output holds."""
    result = ONE
    for part in dimension_lengths(output):
        result = result * part
    return result


def _total(parts: Sequence[Volume]) -> Volume:
    result = ZERO
    for part in parts:
        result = result + part
    return result


def scaled(index: str, stride: str) -> str:
    """Return ``index*stride``, as short as can be.

    >>> scaled("i + 1", "d"), scaled("i", "1"), scaled("0", "d")
    ('(i + 1)*d', 'i', '0')
    """
    if "0" in (index, stride):
        return "0"
    if stride == "1":
        return index
    return f"{tight(index)}*{tight(stride)}" if index != "1" else stride


def tight(text: str) -> str:
    """Return text in parentheses where it could fall apart beside a product."""
    plain = text.isidentifier() or text.isdigit() or _wrapped(text)
    return text if plain or all(c.isalnum() or c in "_*" for c in text) else f"({text})"


def _wrapped(text: str) -> bool:
    depth = 0
    for k, char in enumerate(text):
        depth += (char in "([") - (char in ")]")
        if depth == 0 and char in " +-":
            return False
        if depth == 0 and char in ")" and k < len(text) - 1:
            return False
    return text.endswith((")", "]"))


def added(parts: Sequence[str]) -> str:
    """Return a sum without zeros.

    >>> added(["0", "i*d", "-1"]), added([])
    ('i*d - 1', '0')
    """
    found = ""
    for part in parts:
        if part == "0":
            continue
        if not found:
            found = part
        elif part.startswith("-"):
            found += f" - {part[1:]}"
        else:
            found += f" + {part}"
    return found or "0"
