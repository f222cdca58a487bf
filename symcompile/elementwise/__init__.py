"""``lambdify``: formulas as functions of numbers and arrays, called like SymPy's."""

from symcompile.elementwise.api import lambdify
from symcompile.elementwise.function import Lambdified

__all__ = ["Lambdified", "lambdify"]
