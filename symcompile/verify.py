"""Data for a cross-check of definitions that come without any."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from symcompile.checking.layout import number
from symcompile.errors import ArgumentValueError, BuildFileError
from symcompile.ir.affine import Affine

if TYPE_CHECKING:
    from symcompile.checking.setting import Setting
    from symcompile.frontend.definition import Definition

Arrays = tuple[NDArray[np.float64], ...]

SAMPLES = 200

# More of them would only make the search slower.
_LOOKED_AT = 16
_RANGES = ((-2.0, 2.0), (0.1, 2.0), (1.0, 4.0), (0.05, 0.95))
# Sizes of arrays that are tried: small, and told apart by their values.
_SMALLEST, _LARGEST, _PERMUTED = 2, 12, 5


def candidates(definition: Definition) -> Iterator[tuple[Arrays, dict[str, float]]]:
    """Yield data and constants to try a definition with, the same ones on every run.

    The first are of either sign; those that follow suit formulas with logarithms and roots.

    Args:
        definition: what ``define`` returns.

    Yields:
        A column of shape (200,) for each data symbol, or an array of its declared shape with
        small sizes that all differ; and a value for each constant that has no default, and for
        each size that no data have.

    Raises:
        BuildFileError: no small sizes meet what the definition requires of them.

    Example:
        >>> import sympy as sp, symcompile as sc
        >>> w, x = sp.symbols("w x")
        >>> (columns, constants), *_ = candidates(sc.define("f", w*x, params=w, data=x))
        >>> columns[0].shape, constants
        ((200,), {})
    """
    sizes = small_sizes(definition) if definition.indexed else {"n": SAMPLES}
    shapes = definition.data_shapes or ((Affine.of("n"),),) * len(definition.data)
    wholes = {whole.slot: whole for whole in definition.wholes}
    said = {name for shape in shapes for size in shape for name in size.sizes}
    said |= {one.name for one in definition.derived} | dict(definition.constants).keys()
    needed = [name for name, default in definition.constants if default is None]
    unsaid = [name for name in definition.sizes if name in needed or name not in said]
    for low, high in _RANGES:
        draw = random.Random(f"{definition.name} {low} {high}")
        arrays = []
        for slot, declared in enumerate(shapes):
            shape = [number(size, sizes) for size in declared]
            if slot in wholes:
                ends = number(wholes[slot].low, sizes), number(wholes[slot].high, sizes)
                entries = [float(draw.randint(*ends)) for _ in range(math.prod(shape))]
            else:
                entries = [draw.uniform(low, high) for _ in range(math.prod(shape))]
            arrays.append(np.array(entries).reshape(shape))
        constants = {
            name: draw.uniform(max(low, 0.1), high) for name in needed if name not in unsaid
        }
        constants.update({name: float(sizes[name]) for name in unsaid})
        yield tuple(arrays), constants


def small_sizes(definition: Definition) -> dict[str, int]:
    """Return small sizes that a definition in index notation works with; they differ if possible.

    Raises:
        BuildFileError: there are none.
    """
    derived = {one.name for one in definition.derived}
    fixed = {
        name: int(value)
        for name, value in definition.constants
        if value is not None and name in definition.sizes
    }
    free = [name for name in definition.sizes if name not in derived and name not in fixed]
    for sizes in _choices(free):
        sizes.update(fixed)
        for one in definition.derived:
            sizes[one.name] = number(one.value, sizes) // one.divisor
        if _fits(definition, sizes):
            return sizes
    raise BuildFileError(
        f"no small sizes were found that {definition.name} works with: call "
        "symcompile.crosscheck with data of your own"
    )


def _choices(names: Sequence[str]) -> Iterator[dict[str, int]]:
    for start in range(_SMALLEST, _LARGEST):
        for step in (1, 2, 3):
            values = [start + step * k for k in range(len(names))]
            orders = itertools.permutations(values) if len(values) <= _PERMUTED else [values]
            yield from (dict(zip(names, order, strict=True)) for order in orders)
    for size in range(1, _LARGEST):  # where they must be equal
        yield dict.fromkeys(names, size)


def _fits(definition: Definition, sizes: Mapping[str, int]) -> bool:
    graph = definition.ir
    axes = {axis for node in graph for axis in node.axes}
    shapes = (*definition.param_shapes, *definition.data_shapes)
    extents = [*(axis.extent for axis in axes), *(size for shape in shapes for size in shape)]
    return (
        all(number(extent, sizes) >= 1 for extent in extents)
        and all(number(one.value, sizes) >= 0 for one in definition.required)
        and all(number(one.high - one.low, sizes) >= 0 for one in definition.wholes)
    )


def described(definition: Definition, arrays: Arrays) -> str:
    """Return what made-up data are, as text; nothing if there are none."""
    if not arrays:
        return ""
    if not definition.indexed:
        return f"Data: {SAMPLES} samples made up, the same on every run."
    pairs = zip(definition.data, arrays, strict=True)
    shapes = ", ".join(f"{name} {array.shape}" for name, array in pairs)
    return f"Data: {shapes}; made up, the same on every run."


def made_up_setting(definition: Definition) -> Setting:
    """Return a setting to check a definition in, without data of anybody's.

    Raises:
        BuildFileError: its value is finite on none of the data that are tried.
    """
    from symcompile.checking.setting import Setting

    columns, constants = made_up(definition)
    return Setting(definition, columns, constants, None, SAMPLES)


def made_up(definition: Definition) -> tuple[Arrays, dict[str, float]]:
    """Return the first candidate on which the value is finite, or finite most often.

    Raises:
        BuildFileError: it is finite on none.
    """
    from symcompile.checking.differences import finite
    from symcompile.checking.setting import Setting

    best, most = None, 0.0
    for arrays, constants in candidates(definition):
        try:
            setting = Setting(definition, arrays, constants, None, _LOOKED_AT)
        except ArgumentValueError:  # no point at which the value is finite
            continue
        value = setting.oracle(0, setting.count("value") or 1).value()
        share = float(np.mean(finite(value)))
        if share > most:
            best, most = (arrays, constants), share
        if share == 1.0:
            break
    if best is None:
        raise BuildFileError(
            f"no data were found on which {definition.name} is finite: call "
            "symcompile.crosscheck with data of your own"
        )
    return best
