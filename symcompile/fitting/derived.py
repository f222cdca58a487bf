"""Quantities that follow from fitted parameters, with propagated errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import sympy as sp

from symcompile.arguments import Array, listed
from symcompile.errors import ArgumentTypeError, ArgumentValueError
from symcompile.fitting.problem import Problem
from symcompile.frontend.definition import define
from symcompile.frontend.parse import parse


class Estimate(NamedTuple):
    """A quantity that follows from parameters, and its standard error."""

    value: float
    stderr: float


class Estimates(NamedTuple):
    """Several of them.

    Attributes:
        value: shape ``(k,)``.
        stderr: their standard errors, shape ``(k,)``.
        covariance: shape ``(k, k)``.
    """

    value: Array
    stderr: Array
    covariance: Array


def derive(problem: Problem, p: Array, covariance: Array, formula: Any) -> Estimate | Estimates:
    """Return one quantity or several; see :meth:`~symcompile.FitResult.derived`."""
    several = isinstance(formula, Sequence) and not isinstance(formula, str)
    given = list(formula) if several else [formula]
    if not given:
        raise ArgumentValueError("there is no formula to derive: the list is empty")
    read = tuple(_read(problem, one) for one in given)
    found = propagated(problem, p, covariance, read)
    if several:
        return found
    return Estimate(float(found.value[0]), float(found.stderr[0]))


def propagated(
    problem: Problem, p: Array, covariance: Array, formulas: tuple[sp.Expr, ...]
) -> Estimates:
    """Return formulas in parameters, with ``J @ covariance @ J.T`` of their exact Jacobian.

    A parameter that a formula does not change with adds nothing, even where its own error is
    unknown.
    """
    from symcompile.compiler import compile

    ties = {sp.Symbol(name): tie for name, tie in problem.tied.items()}
    for _ in range(len(ties) + 1):
        formulas = tuple(formula.xreplace(ties) for formula in formulas)
    kernel = compile(define("derived", formulas, params=problem.params), backend="python")
    value, slopes = np.asarray(kernel.value(p)), np.asarray(kernel.jacobian(p))
    found = np.empty((len(formulas), len(formulas)))
    for i, one in enumerate(slopes):
        for j, other in enumerate(slopes[: i + 1]):
            rows, columns = one != 0, other != 0
            found[i, j] = found[j, i] = (
                one[rows] @ covariance[np.ix_(rows, columns)] @ other[columns]
            )
    with np.errstate(invalid="ignore"):
        stderr = np.sqrt(np.diag(found))
    return Estimates(value, stderr, found)


def _read(problem: Problem, formula: Any) -> sp.Expr:
    names = {symbol.name: symbol for symbol in problem.params}
    names.update({name: sp.Symbol(name) for name in problem.tied})
    given = parse(formula, names) if isinstance(formula, str) else formula
    if not isinstance(given, sp.Expr):
        raise ArgumentTypeError(f"a derived quantity is a formula, not {given!r}")
    by_name = {symbol: names.get(symbol.name, symbol) for symbol in given.free_symbols}
    stray = sorted(symbol.name for symbol in by_name if symbol.name not in names)
    if stray:
        raise ArgumentValueError(f"{listed(stray)} is no parameter; they are {listed(list(names))}")
    return given.xreplace(by_name)
