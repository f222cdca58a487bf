"""The names that a formula given as text may use: functions and constants."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import Any

import sympy as sp
from sympy.core.function import Application

from symcompile.frontend.scalars import HANDLERS, NAMED, supported_functions

_PLACES = ("sympy", "sympy.codegen.cfunctions", "sympy.codegen.numpy_nodes")

#: Names that NumPy and Python's math have for what SymPy calls otherwise.
_ALIASES = {
    "abs": "Abs",
    "absolute": "Abs",
    "arccos": "acos",
    "arccosh": "acosh",
    "arcsin": "asin",
    "arcsinh": "asinh",
    "arctan": "atan",
    "arctan2": "atan2",
    "arctanh": "atanh",
    "ceil": "ceiling",
    "conj": "conjugate",
    "ln": "log",
    "max": "Max",
    "min": "Min",
    "mod": "Mod",
}

#: Comparisons as SymPy prints and calls them.
COMPARISONS: Mapping[str, Any] = MappingProxyType(
    {name: getattr(sp, name) for name in ("Eq", "Ne", "Lt", "Le", "Gt", "Ge")}
)

#: What a power is written as, where it is written as a call.
POWERS = MappingProxyType({"sqrt": 1, "pow": 2})


@cache
def functions() -> Mapping[str, Any]:
    """Return the SymPy class of each function by the names that text may call it by.

    They are the functions of the table of operations, under SymPy's names, and NumPy's where
    these mean the same. ``cbrt`` is not among them: SymPy's is complex for negative numbers,
    NumPy's is real.

    >>> functions()["arctan2"], functions()["besselj"] is functions()["sin"], "eval" in functions()
    (atan2, False, False)
    """
    found = {name: _resolve(name) for name in (*supported_functions(), *HANDLERS)}
    known = {name: item for name, item in found.items() if item is not None}
    for name in ("And", "Or", "Not", "Xor", "ITE", "Piecewise"):
        known[name] = getattr(sp, name)
    for alias, name in _ALIASES.items():
        if name in known:
            known[alias] = known[name]
    return MappingProxyType(known)


@cache
def constants() -> Mapping[str, Any]:
    """Return the numbers with a name.

    >>> constants()["pi"], constants()["E"], constants()["oo"], constants()["I"]
    (pi, E, oo, I)
    """
    named = {str(getattr(sp.S, name)): getattr(sp.S, name) for name in NAMED}
    return MappingProxyType({**named, "oo": sp.oo, "nan": sp.nan, "I": sp.I})


def _resolve(name: str) -> Any:
    """Return SymPy's class of a name; None where it is no function of numbers."""
    for place in _PLACES:
        found = getattr(import_module(place), name, None)
        if isinstance(found, type) and issubclass(found, Application):
            return found
    return None
