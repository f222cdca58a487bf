"""``lambdify``: a formula as a function of numbers and arrays, called like SymPy's."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping
from typing import Any

from symcompile.compiler import BackendName, choose_backend
from symcompile.elementwise.function import Lambdified, load
from symcompile.elementwise.indexed import load_indexed
from symcompile.elementwise.reduced import load_reduced, reduces
from symcompile.elementwise.variants import Variant
from symcompile.errors import DefinitionError
from symcompile.frontend.called import Formula
from symcompile.frontend.calls import NeedsArraysError
from symcompile.frontend.plan import NeedsIndicesError
from symcompile.ir.dtypes import DTYPES, DType
from symcompile.options import Backend, Options


def lambdify(
    args: Any,
    expr: Any,
    modules: Any = None,
    printer: Any = None,
    use_imps: bool = True,
    dummify: Any = None,
    cse: Any = False,
    docstring_limit: int | None = 1000,
    *,
    backend: BackendName = "auto",
    dtype: DType = "float64",
    stable: bool = True,
    threads: int | None = None,
    options: Options | None = None,
) -> Lambdified:
    """Compile a formula into a function, as ``sympy.lambdify`` does.

    Args:
        args: the function's arguments in order: symbols, nested in lists and tuples to any depth,
            or text as ``"x, y"``. A Dummy, an applied function ``f(t)`` and its derivatives, a
            MatrixSymbol, an IndexedBase or an element of one will do as well.
        expr: an expression, a matrix or an array of any kind, a number or a truth value, text
            (read by :func:`symcompile.parse`), or lists, tuples and dicts of these.
        modules: accepted for compatibility, as are the following keywords of SymPy's: functions
            are those of the backend. ``"cmath"`` means ``dtype="complex128"``; a dict that defines
            a function of the formula is ignored with a warning: :func:`symcompile.register` makes
            one known.
        printer, use_imps, dummify, cse, docstring_limit: ignored; names never clash, and common
            subexpressions are always computed once.
        backend: ``"auto"`` answers at once, with plain Python and NumPy, and compiles for LLVM
            when calls with arrays have done as much work as that takes; results then differ by
            rounding. The compiled backends take a moment the first time and are faster from then
            on.
        dtype: what is computed with. ``"float64"`` and ``"float32"`` take complex arguments all
            the same, and answer these with complex128.
        stable: whether forms that overflow or cancel are computed as ones that do not; see
            :func:`symcompile.define`.
        threads: how many threads a call with arrays may use; see :func:`symcompile.compile`.
        options: how to compile.

    Returns:
        A function. Numbers in give numbers out; arrays broadcast, and each result has the shape
        that the arguments have together, the axes of a matrix last. Results are in the containers
        of ``expr``. ``out=`` takes arrays to write to.

    Raises:
        DefinitionError: arguments that make no sense.
        LoweringError: a subexpression that cannot be compiled exactly.

    Example:
        >>> import sympy as sp
        >>> x, y = sp.symbols("x y")
        >>> f = lambdify(x, (sp.sin(x) + x**2)/2)
        >>> round(f(10), 8), f([0.0, 10.0]).round(2).tolist()
        (49.72798944, [0.0, 49.73])
        >>> lambdify([[x, y]], {"sum": x + y, "both": (x, y)})([1, 2])
        {'sum': 3.0, 'both': (1.0, 2.0)}
    """
    if dtype not in DTYPES:
        raise DefinitionError(f"dtype={dtype!r}: use {', '.join(map(repr, DTYPES))}")
    chosen = backend if backend == "auto" else choose_backend(backend)
    settings = (Options() if options is None else options).with_threads(threads)
    _warn_of_modules(modules, expr)
    if dtype == "float64" and _names_cmath(modules):
        dtype = "complex128"

    def compile(args: Any, expr: Any) -> Lambdified:
        try:
            return load(Formula(args, expr, stable), {}, Variant(dtype), chosen, settings)
        except (NeedsArraysError, NeedsIndicesError):
            first: Backend = "python" if chosen == "auto" else chosen
            return load_indexed(args, expr, dtype, stable, first, settings)

    return load_reduced(args, expr, compile) if reduces(expr) else compile(args, expr)


def _names_cmath(modules: Any) -> bool:
    """Return whether SymPy would compute with complex numbers."""
    given = modules if isinstance(modules, list | tuple) else [modules]
    return any(getattr(one, "__name__", one) == "cmath" for one in given)


def _warn_of_modules(modules: Any, expr: Any) -> None:
    """Warn of a dict of functions that SymPy would use in place of its own."""
    given: Collection[Any] = modules if isinstance(modules, list | tuple) else [modules]
    names = {str(name) for one in given if isinstance(one, Mapping) for name in one}
    if not names:
        return
    from symcompile.frontend.symbols import walk

    exprs = expr if isinstance(expr, list | tuple) else [expr]
    used = {type(part).__name__ for part, _ in walk(exprs)} & names
    if used:
        warnings.warn(
            f"lambdify: modules= defines {', '.join(sorted(used))}, which is ignored: functions "
            "are those of the backend, and symcompile.register makes others known",
            stacklevel=3,
        )
