"""SymPy's own way: ``diff`` and ``lambdify``, for small formulas.

It is what the oracle is compared with, and what the speed of kernels is measured against.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from numpy.typing import NDArray

from symcompile.frontend.definition import Definition

#: Trees with more nodes than this are not differentiated by SymPy: it would take too long.
_LARGEST = 250
_FUNCTIONS = ("value", "grad", "value_and_grad", "hessian", "jacobian")

Column = NDArray[np.float64]


class NoReferenceError(Exception):
    """SymPy cannot do it; says why."""


class Reference:
    """A definition's functions as SymPy makes them.

    Args:
        definition: the definition; one that SymPy cannot differentiate in a moment is refused.

    Raises:
        NoReferenceError: the formula is not at hand (unpickled, named intermediates), is in index
            notation, is large, or has symbols that share a name.
    """

    functions = _FUNCTIONS

    def __init__(self, definition: Definition) -> None:
        if definition.indexed:
            raise NoReferenceError("it does not differentiate sums over arrays of any size")
        if definition.dtype != "float64":
            raise NoReferenceError(f"it is asked about float64 only, not {definition.dtype}")
        source = definition.source
        if source is None or definition.source_params is None:
            raise NoReferenceError("there is no SymPy expression without named intermediates")
        if not _is_small(source):
            raise NoReferenceError(f"the expression has more than {_LARGEST} nodes")
        free: set[sp.Symbol] = set().union(*(sp.sympify(e).free_symbols for e in source))
        params = list(definition.source_params)
        others = {str(s): s for s in free - set(params)}
        names = [*definition.data, *(name for name, _ in definition.constants)]
        if len(others) != len(free - set(params)) or len(set(names)) < len(names):
            raise NoReferenceError("symbols share a name")
        symbols = [*params, *(others.get(name, sp.Dummy()) for name in names)]
        # Real symbols: the derivative of Abs is then a sign.
        real = {symbol: sp.Dummy(f"s{k}", real=True) for k, symbol in enumerate(symbols)}
        self._definition = definition
        self._arguments = list(real.values())
        self._params = self._arguments[: len(params)]
        self._source = [sp.sympify(e).xreplace(real) for e in source]
        self._exprs: Callable[[str], list[Any]] = cache(self._derive)

    def _derive(self, name: str) -> list[Any]:
        if name == "value":
            return self._source
        if name == "value_and_grad":
            return self._source + self._exprs("grad")
        first = [_slope(e, q) for e in self._source for q in self._params]
        if name in ("grad", "jacobian"):
            return first
        return [_slope(e, q) for e in first for q in self._params]

    def exact(
        self,
        name: str,
        mp: Any,
        p: Sequence[float],
        columns: Sequence[Column],
        constants: Mapping[str, float],
    ) -> list[Any]:
        """Return the entries of a function as numbers of ``mp``, samples first.

        Raises:
            NoReferenceError: SymPy or mpmath cannot do it.
        """
        try:
            function = sp.lambdify(self._arguments, self._exprs(name), modules="mpmath")
            # mpmath's own functions take their precision from one global place.
            with mpmath.workdps(mp.dps):
                head = [mpmath.mpf(float(value)) for value in p]
                tail = [mpmath.mpf(value) for value in self._constants(constants)]
                rows = zip(*columns, strict=True) if columns else [()]
                found = [
                    [
                        +mpmath.mpmathify(entry)
                        for entry in function(*head, *[mpmath.mpf(float(v)) for v in row], *tail)
                    ]
                    for row in rows
                ]
        except Exception as error:
            raise NoReferenceError(f"{type(error).__name__}: {error}") from error
        if self._definition.reduce is None:
            return [entry for row in found for entry in row]
        totals = [mp.fsum(column) for column in zip(*found, strict=True)]
        if self._definition.reduce == "sum":
            return totals
        return [total / len(found) for total in totals]

    def numpy(self, name: str, constants: Mapping[str, float]) -> Callable[..., Any]:
        """Return ``f(p, *columns)`` of the kind a user of ``sympy.lambdify`` would write.

        Raises:
            NoReferenceError: SymPy cannot do it.
        """
        try:
            exprs = self._exprs(name)
            one = name == "value" and not self._definition.output.shape
            function = sp.lambdify(
                self._arguments, exprs[0] if one else exprs, modules=["scipy", "numpy"]
            )
        except Exception as error:
            raise NoReferenceError(f"{type(error).__name__}: {error}") from error
        tail = self._constants(constants)
        reductions: dict[str | None, Any] = {"mean": np.mean, "sum": np.sum}
        combine = reductions.get(self._definition.reduce)

        def call(p: Sequence[float], *columns: Column) -> Any:
            found = function(*p, *columns, *tail)
            if combine is None:
                return found
            return combine(found) if one else [combine(entry) for entry in found]

        return call

    def _constants(self, given: Mapping[str, float]) -> list[float]:
        defaults = self._definition.constants
        return [float(given.get(name, default)) for name, default in defaults]  # type: ignore[arg-type]


def _slope(expr: Any, symbol: Any) -> Any:
    # Off the kinks, where alone derivatives are compared, the impulses there are zero.
    return sp.diff(expr, symbol).replace(sp.DiracDelta, lambda *_: sp.S.Zero)


def _is_small(exprs: Sequence[Any]) -> bool:
    stack, seen = list(exprs), 0
    while stack:
        seen += 1
        if seen > _LARGEST:
            return False
        stack.extend(getattr(stack.pop(), "args", ()))
    return True
