"""Formulas of Python functions: a function is called with symbols, and what it does is noted."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import sympy as sp

from symcompile.arguments import listed
from symcompile.errors import ArgumentTypeError
from symcompile.frontend.walking import free_symbols

#: What NumPy's operators do, in SymPy. Functions are those that formulas as text may call.
_OPERATORS: Final[dict[str, Callable[..., Any]]] = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b,
    "power": lambda a, b: a**b,
    "float_power": lambda a, b: a**b,
    "negative": lambda a: -a,
    "positive": lambda a: a,
    "square": lambda a: a**2,
    "reciprocal": lambda a: 1 / a,
    "sqrt": sp.sqrt,
    "exp2": lambda a: 2**a,
    "maximum": sp.Max,
    "minimum": sp.Min,
    "hypot": lambda a, b: sp.sqrt(a**2 + b**2),
    "less": sp.Lt,
    "less_equal": sp.Le,
    "greater": sp.Gt,
    "greater_equal": sp.Ge,
    "equal": sp.Eq,
    "not_equal": sp.Ne,
    "logical_and": sp.And,
    "logical_or": sp.Or,
    "logical_not": sp.Not,
    "bitwise_and": sp.And,
    "bitwise_or": sp.Or,
    "invert": sp.Not,
}


class Traced(np.lib.mixins.NDArrayOperatorsMixin):
    """A formula in place of an array: NumPy's operators and functions make formulas of it."""

    def __init__(self, formula: Any) -> None:
        self.formula = formula

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        from symcompile.frontend.vocabulary import functions

        made = _OPERATORS.get(ufunc.__name__) or functions().get(ufunc.__name__)
        if method != "__call__" or options or made is None:
            return NotImplemented
        return Traced(made(*map(_formula, inputs)))

    def __array_function__(
        self, function: Any, types: Any, args: tuple[Any, ...], options: dict[str, Any]
    ) -> Any:
        if function is not np.where or options or len(args) != 3:
            return NotImplemented
        condition, yes, no = map(_formula, args)
        return Traced(sp.Piecewise((yes, condition), (no, True)))

    def __bool__(self) -> bool:
        raise TypeError("which branch is taken depends on the data: use np.where")


def _formula(value: Any) -> Any:
    """Return a formula, or a number as one: a double is itself, not what it prints as."""
    if isinstance(value, Traced):
        return value.formula
    if isinstance(value, float | np.floating):
        number = float(value)
        whole = number.is_integer() and abs(number) < 2**53
        return sp.Integer(int(number)) if whole else sp.Float(number)
    return sp.sympify(value)


def trace(function: Callable[..., Any], rows: int | None) -> tuple[sp.Expr, list[str], list[str]]:
    """Return the formula of a model function as ``scipy.optimize.curve_fit`` takes it.

    Args:
        function: ``f(x, a, b, ...)`` in NumPy's operators and functions, or SymPy's.
        rows: of how many independent variables ``x`` is a sequence; None if it is one.

    Returns:
        The formula, the names of the variables, and those of the parameters.

    Raises:
        ArgumentTypeError: its parameters have no names, or it does what no formula says.

    Example:
        >>> trace(lambda x, a, b: a*np.exp(-b*x), None)
        (a*exp(-b*x), ['x'], ['a', 'b'])
    """
    named = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    title = getattr(function, "__name__", "the function")
    try:
        signature = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        signature = []
    if len(signature) < 2 or any(one.kind not in named for one in signature):
        raise ArgumentTypeError(
            f"{title} is called as f(x, a, b, ...), with a name for each parameter; or give the "
            "model as a formula"
        )
    first, names = signature[0].name, [one.name for one in signature[1:]]
    variables = [first] if rows is None else [f"{first}{k}" for k in range(rows)]
    symbols = [Traced(sp.Symbol(name)) for name in (*variables, *names)]
    x: Any = symbols[0] if rows is None else _Rows(symbols[:rows])
    try:
        found = _formula(function(x, *symbols[len(variables) :]))
    except Exception as error:
        raise ArgumentTypeError(
            f"{title} does what no formula says ({error}): write it in operators, NumPy's "
            "functions and np.where, or give the model as a formula"
        ) from error
    if not isinstance(found, sp.Expr):
        raise ArgumentTypeError(f"{title} returns {type(found).__name__}, not one number a sample")
    return found, variables, names


class _Rows(tuple[Traced, ...]):
    """Independent variables, one a row, as in an array of shape ``(k, n)``."""

    @property
    def shape(self) -> tuple[int]:
        return (len(self),)


def variables_of(model: sp.Expr, given: Sequence[str]) -> list[str]:
    """Check that a formula holds the variables that it is said to be one of.

    Raises:
        ArgumentTypeError: it holds none of them.
    """
    there = {symbol.name for symbol in free_symbols(model)}
    if not there & set(given):
        raise ArgumentTypeError(
            f"the model holds {listed(sorted(there))}, but no {listed(list(given))}: "
            "name its independent variables with x="
        )
    return list(given)
