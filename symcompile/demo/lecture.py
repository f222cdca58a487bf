"""The formulas of the lecture "Symbolic computing for ML"."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from symcompile.frontend.definition import Definition, define

w0, w1, x, y = sp.symbols("w0 w1 x y")

#: The squared error of one specimen.
SQUARED_ERROR: Final = (w0 + w1 * x - y) ** 2

WAVE: Final = (sp.sin(x) + x**2) / 2
SURFACE: Final = x**2 + x * sp.cos(y)


def linreg() -> Definition:
    """Return the mean squared loss of a straight line.

    Example:
        >>> linreg()
        <definition linreg: mean((w0 + w1*x - y)**2); params=(w0, w1), data=(x, y)>
    """
    return define("linreg", SQUARED_ERROR, params=(w0, w1), data=(x, y), reduce="mean")


def wave() -> Definition:
    """Return the function of one number."""
    return define("wave", WAVE, params=x)


def surface() -> Definition:
    """Return the function of two numbers."""
    return define("surface", SURFACE, params=(x, y))


def written_out(lengths: NDArray[np.float64], densities: NDArray[np.float64]) -> Any:
    """Return the loss as the lecture writes it: a sum over numbers, one term for each specimen.

    Args:
        lengths: shape (n,).
        densities: shape (n,).

    Example:
        >>> written_out(np.array([2.0]), np.array([3.0]))
        1.0*(w0 + 2.0*w1 - 3.0)**2
    """
    pairs = zip(lengths.tolist(), densities.tolist(), strict=True)
    terms = [(w0 + w1 * length - density) ** 2 for length, density in pairs]
    return sp.Add(*terms) / sp.Float(len(terms))
