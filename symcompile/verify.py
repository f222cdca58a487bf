"""Data for a cross-check of definitions that come without any."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from symcompile.errors import ArgumentValueError, BuildFileError

if TYPE_CHECKING:
    from symcompile.frontend.definition import Definition

Columns = tuple[NDArray[np.float64], ...]

SAMPLES = 200

# More of them would only make the search slower.
_LOOKED_AT = 16


def candidates(definition: Definition) -> Iterator[tuple[Columns, dict[str, float]]]:
    """Yield data and constants to try a definition with, the same ones on every run.

    The first are of either sign; those that follow suit formulas with logarithms and roots.

    Args:
        definition: what ``define`` returns.

    Yields:
        A column of shape (200,) for each data symbol, and a value for each constant that has no
        default.

    Example:
        >>> import sympy as sp, symcompile as sc
        >>> w, x = sp.symbols("w x")
        >>> (columns, constants), *_ = candidates(sc.define("f", w*x, params=w, data=x))
        >>> columns[0].shape, constants
        ((200,), {})
    """
    needed = [name for name, default in definition.constants if default is None]
    for low, high in ((-2.0, 2.0), (0.1, 2.0), (1.0, 4.0), (0.05, 0.95)):
        uniform = random.Random(f"{definition.name} {low} {high}").uniform
        columns = tuple(
            np.array([uniform(low, high) for _ in range(SAMPLES)]) for _ in definition.data
        )
        constants = {name: uniform(max(low, 0.1), high) for name in needed}
        yield columns, constants


def made_up(definition: Definition) -> tuple[Columns, dict[str, float]]:
    """Return the first candidate on which the value is finite, or finite most often.

    Raises:
        BuildFileError: it is finite on none.
    """
    from symcompile.checking.setting import Setting

    best, most = None, 0.0
    for columns, constants in candidates(definition):
        try:
            setting = Setting(definition, columns, constants, None, _LOOKED_AT)
        except ArgumentValueError:  # no point at which the value is finite
            continue
        value = setting.oracle(0, setting.count("value") or 1).value()
        share = float(np.mean(np.isfinite(value.astype(np.float64))))
        if share > most:
            best, most = (columns, constants), share
        if share == 1.0:
            break
    if best is None:
        raise BuildFileError(
            f"no data were found on which {definition.name} is finite: call "
            "symcompile.crosscheck with data of your own"
        )
    return best
