"""Posing a fit: what a user gives becomes a :class:`~.problem.Problem`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import sympy as sp

from symcompile.arguments import Array, listed, to_number
from symcompile.errors import ArgumentTypeError, ArgumentValueError, DefinitionError
from symcompile.fitting.losses import Loss, Penalty
from symcompile.fitting.problem import Problem
from symcompile.frontend.parse import parse
from symcompile.frontend.walking import free_symbols

Formula: TypeAlias = str | float | sp.Expr
Bound: TypeAlias = "tuple[float | None, float | None]"


def pose(
    model: Formula,
    table: Sequence[str],
    y: Formula,
    *,
    loss: Loss,
    params: Iterable[Any] | None = None,
    start: Mapping[Any, Any] | None = None,
    bounds: Mapping[Any, Any] | None = None,
    fixed: Mapping[Any, Any] | Iterable[Any] | None = None,
    tied: Mapping[Any, Formula] | None = None,
    sigma: Formula | None = None,
    weights: Formula | None = None,
    penalty: Formula | Penalty = 0,
) -> Problem:
    """Return the problem that the arguments of :func:`~symcompile.fit` describe.

    Args:
        model: the prediction; text is parsed, never evaluated.
        table: the names of the table's columns.
        y: the response: a column, or a formula in columns.
        loss: what a sample adds.
        params: the parameters; by default every symbol that is no column, in order of name.
        start: numbers by name; others start at 1, or within their bounds.
        bounds: a pair by name, None or infinity for no bound.
        fixed: numbers by name, or names of parameters that stay at their start.
        tied: formulas by name, in parameters.
        sigma: the standard error of a response: a number, a column or a formula in columns.
        weights: how often a sample counts, in the same way.
        penalty: what is added to the sum, in parameters.

    Raises:
        ParseError: a text is no formula.
        ArgumentValueError, ArgumentTypeError, DefinitionError: say what does not fit.
    """
    known: dict[str, sp.Symbol] = {}
    prediction = _read(model, "the model", known)
    response = _read(y, "y", known)
    starts = _by_name(start, "start")
    limits = _by_name(bounds, "bounds")
    ties = {name: _read(text, f"tied[{name!r}]", known) for name, text in _named(tied, "tied")}
    held = _held(fixed)
    spread = None if sigma is None else _read(sigma, "sigma", known)
    weight = None if weights is None else _read(weights, "weights", known)
    priced = penalty if isinstance(penalty, Penalty) else None
    extra = sp.S.Zero if priced else _read(penalty, "the penalty", known)

    own = [sp.Symbol(_free_name(own.name, known, table)) for own in loss.own]
    columns = set(table)
    listed_names = None if params is None else [_name(symbol) for symbol in _flat(params)]
    names = _parameters(prediction, ties, listed_names, columns, starts, limits, held)
    prediction = _untie(prediction, ties, known)
    extra = _untie(extra, ties, known)
    names = [name for name in names if name not in ties]
    symbols = [known.setdefault(name, sp.Symbol(name)) for name in names]
    every = [*names, *(symbol.name for symbol in own)]
    for given, what in ((starts, "start"), (limits, "bounds"), (held, "fixed")):
        unknown = [name for name in given if name not in every and name not in ties]
        if unknown:
            raise ArgumentValueError(
                f"{what} names {listed(unknown)}, which is no parameter; they are {listed(every)}"
            )
    if not every:
        raise ArgumentValueError(
            "there is nothing to fit: every symbol of the model is a column of the data"
        )
    kinks = np.zeros(len(every))
    if priced is not None:
        extra, kinks = _priced(priced, names, every, symbols)
    used = _columns(prediction, response, spread, weight, extra, symbols, own, columns)
    lower, upper = _bounds(every, limits, loss, len(names))
    fixed_mask = np.array([name in held for name in every], bool)
    values = {**starts, **{name: value for name, value in held.items() if value is not None}}
    begin = _start(every, values, lower, upper, loss, len(names))
    if spread is not None and not loss.residual:
        raise ArgumentValueError(
            f"the loss {loss.name} is none of residuals, so sigma means nothing in it; "
            "use weights= to count samples more or less"
        )
    if fixed_mask.all():
        raise ArgumentValueError("there is nothing to fit: all parameters are fixed")
    return Problem(
        model=prediction,
        response=response,
        loss=loss,
        params=(*symbols, *own),
        columns=tuple(known[name] for name in used),
        start=begin,
        lower=lower,
        upper=upper,
        fixed=fixed_mask,
        given=np.array([name in values for name in every], bool),
        tied=ties,
        sigma=spread,
        weight=weight,
        penalty=extra,
        kinks=kinks,
    )


def _priced(
    penalty: Penalty, names: Sequence[str], every: Sequence[str], symbols: Sequence[sp.Symbol]
) -> tuple[sp.Expr, Array]:
    """Return the smooth part of a penalty, and what absolute values cost."""
    unknown = [name for name in penalty.names if name not in names]
    if unknown:
        raise ArgumentValueError(
            f"the penalty names {listed(unknown)}, which is no parameter of the model; they are "
            f"{listed(list(names))}"
        )
    chosen = penalty.names or tuple(names)
    kinks = np.array([penalty.kinks if name in chosen else 0.0 for name in every])
    squares = [symbol**2 for symbol in symbols if symbol.name in chosen]
    return sp.Float(penalty.squares) * sp.Add(*squares) if penalty.squares else sp.S.Zero, kinks


def _read(given: Any, what: str, known: dict[str, sp.Symbol]) -> sp.Expr:
    """Return a formula; symbols of one name are one symbol in all of them."""
    if isinstance(given, str):
        found = parse(given, known)
    elif isinstance(given, bool) or not isinstance(given, sp.Basic | int | float | np.number):
        raise ArgumentTypeError(
            f"{what} is a SymPy expression or its text, not {type(given).__name__}"
        )
    else:
        # A double is itself, not the decimal number that it prints as.
        found = sp.Float(float(given)) if isinstance(given, float) else sp.sympify(given)
    if not isinstance(found, sp.Expr):
        raise ArgumentTypeError(f"{what} is one number for each sample, not {found!r}")
    renamed = {}
    for symbol in sorted(free_symbols(found), key=str):
        if not isinstance(symbol, sp.Symbol):
            raise DefinitionError(
                f"{what} holds {symbol!r}: write it in symbols, one for each column and parameter"
            )
        first = known.setdefault(symbol.name, symbol)
        if first != symbol:
            renamed[symbol] = first
    return found.xreplace(renamed) if renamed else found


def _name(given: Any) -> str:
    return given if isinstance(given, str) else str(getattr(given, "name", given))


def _flat(given: Any) -> list[Any]:
    if isinstance(given, str):
        return given.replace(",", " ").split()
    if not isinstance(given, sp.Symbol | Iterable):
        raise ArgumentTypeError(f"parameters are listed by name, not as {given!r}")
    return [given] if isinstance(given, sp.Symbol) else list(given)


def _named(given: Mapping[Any, Any] | None, what: str) -> list[tuple[str, Any]]:
    if given is None:
        return []
    if not isinstance(given, Mapping):
        raise ArgumentTypeError(
            f"{what} is a mapping by name of the parameter, not {type(given).__name__}"
        )
    return [(_name(key), value) for key, value in given.items()]


def _by_name(given: Mapping[Any, Any] | None, what: str) -> dict[str, Any]:
    return dict(_named(given, what))


def _held(given: Mapping[Any, Any] | Iterable[Any] | None) -> dict[str, float | None]:
    """Return the fixed parameters, with their value where one is given."""
    if given is None:
        return {}
    if isinstance(given, Mapping):
        return {name: to_number(value, f"fixed[{name!r}]") for name, value in _named(given, "")}
    return {_name(symbol): None for symbol in _flat(given)}


def _parameters(
    model: sp.Expr,
    ties: Mapping[str, sp.Expr],
    listed_names: list[str] | None,
    columns: set[str],
    *mentioned: Mapping[str, Any],
) -> list[str]:
    """Return the names of the model's parameters."""
    there = {symbol.name for symbol in free_symbols(model, *ties.values())}
    if listed_names is not None:
        twice = sorted({name for name in listed_names if listed_names.count(name) > 1})
        if twice:
            raise ArgumentValueError(f"params names {listed(twice)} twice")
        unknown = sorted(there - set(listed_names) - columns - ties.keys())
        if unknown:
            raise ArgumentValueError(
                f"the model holds {listed(unknown)}, which is neither a column nor in params; "
                f"the columns are {listed(sorted(columns))}"
            )
        return listed_names
    # What is given a start is a parameter, whatever columns there are.
    named = {name for names in mentioned for name in names} & there
    # The order in which they are mentioned, then that of names, `b2` before `b10`.
    order = [name for names in mentioned for name in names if name in named]
    rest = sorted(there - columns - named - ties.keys(), key=natural)
    return [*dict.fromkeys(order), *rest]


def natural(name: str) -> tuple[Any, ...]:
    """Return what names are sorted by, ``b2`` before ``b10``."""
    head = name.rstrip("0123456789")
    return head, int(name[len(head) :] or -1), name


def _free_name(name: str, known: Mapping[str, Any], table: Iterable[str]) -> str:
    taken = {*known, *table}
    while name in taken:
        name += "_"
    return name


def _untie(formula: sp.Expr, ties: Mapping[str, sp.Expr], known: Mapping[str, Any]) -> sp.Expr:
    """Put the formulas of tied parameters in, as often as they are tied to each other."""
    replaced = {known[name]: tie for name, tie in ties.items() if name in known}
    for _ in range(len(replaced) + 1):
        if not free_symbols(formula) & replaced.keys():
            return formula
        formula = formula.xreplace(replaced)
    raise ArgumentValueError(f"tied parameters are tied in a circle: {listed(sorted(ties))}")


def _columns(
    model: sp.Expr,
    response: sp.Expr,
    sigma: sp.Expr | None,
    weight: sp.Expr | None,
    penalty: sp.Expr,
    symbols: Sequence[sp.Symbol],
    own: Sequence[sp.Symbol],
    columns: set[str],
) -> list[str]:
    """Return the names of the columns that the formulas need, and check that these exist."""
    parameters = {*symbols, *own}
    alone = {"y": response, "sigma": sigma, "weights": weight}
    for what, formula in alone.items():
        mixed = set() if formula is None else free_symbols(formula) & parameters
        if mixed:
            raise ArgumentValueError(
                f"{what} is made of columns, and {listed(sorted(map(str, mixed)))} is a parameter"
            )
    stray = free_symbols(penalty) - parameters
    if stray:
        raise ArgumentValueError(
            f"the penalty is made of parameters, and {listed(sorted(map(str, stray)))} is none"
        )
    formulas = [model, *(formula for formula in alone.values() if formula is not None)]
    needed = {symbol.name for symbol in free_symbols(*formulas) - parameters}
    missing = sorted(needed - columns)
    if missing:
        raise ArgumentValueError(
            f"the data have no column {listed(missing)}; they have {listed(sorted(columns))}"
        )
    return sorted(needed, key=natural)


def _bounds(
    names: Sequence[str], limits: Mapping[str, Any], loss: Loss, own: int
) -> tuple[Array, Array]:
    lower = np.full(len(names), -math.inf)
    upper = np.full(len(names), math.inf)
    lower[own:] = [one.lower for one in loss.own]
    upper[own:] = [one.upper for one in loss.own]
    for k, name in enumerate(names):
        if name not in limits:
            continue
        pair = limits[name]
        if not isinstance(pair, Sequence) or isinstance(pair, str) or len(pair) != 2:
            raise ArgumentTypeError(f"bounds[{name!r}] is a pair (lower, upper), not {pair!r}")
        low, high = pair
        lower[k] = -math.inf if low is None else to_number(low, f"bounds[{name!r}]")
        upper[k] = math.inf if high is None else to_number(high, f"bounds[{name!r}]")
        if not lower[k] < upper[k]:
            raise ArgumentValueError(
                f"bounds[{name!r}] = ({lower[k]:g}, {upper[k]:g}) leaves no room: the lower bound "
                "is less than the upper one; fixed= holds a parameter"
            )
    return lower, upper


def _start(
    names: Sequence[str],
    values: Mapping[str, Any],
    lower: Array,
    upper: Array,
    loss: Loss,
    own: int,
) -> Array:
    begin = np.clip(np.ones(len(names)), lower, upper)
    begin[own:] = [one.start for one in loss.own]
    for k, name in enumerate(names):
        if name in values:
            begin[k] = to_number(values[name], f"start[{name!r}]")
            if not math.isfinite(begin[k]):
                raise ArgumentValueError(f"start[{name!r}] is {begin[k]}: it is a finite number")
            if not lower[k] <= begin[k] <= upper[k]:
                raise ArgumentValueError(
                    f"start[{name!r}] = {begin[k]:g} lies outside its bounds "
                    f"({lower[k]:g}, {upper[k]:g})"
                )
    return begin
