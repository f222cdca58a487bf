"""``lambdify``: a formula as a function of numbers and arrays, called like SymPy's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import sympy as sp

from symcompile.compiler import BackendName, choose_backend, plan
from symcompile.emit.elementwise import Container, Elementwise, emit_elementwise
from symcompile.errors import DefinitionError
from symcompile.frontend.definition import define
from symcompile.options import Backend, Options


class Lambdified:
    """A compiled formula. Call it with numbers or arrays; it pickles.

    Attributes:
        backend: what it was compiled with.
        elementwise: the formula, in the IR.
        module: the generated module.
    """

    __slots__ = ("backend", "elementwise", "module", "options")

    elementwise: Elementwise
    backend: Backend
    options: Options
    module: Any

    __call__: Callable[..., Any]

    def __reduce__(self) -> tuple[Any, ...]:
        return _load, (self.elementwise, self.backend, self.options)

    def __repr__(self) -> str:
        points = self.elementwise.points
        return f"<lambdified ({', '.join(points.params)}): {self.backend}>"


def lambdify(
    args: sp.Symbol | Iterable[sp.Symbol],
    expr: Any,
    modules: Any = None,
    *,
    backend: BackendName = "auto",
    options: Options | None = None,
    **ignored: Any,
) -> Lambdified:
    """Compile a formula into a function, as ``sympy.lambdify`` does.

    Args:
        args: a symbol, or a sequence of symbols: the function's arguments in order.
        expr: an expression, a list or tuple of expressions, or a Matrix.
        modules: accepted for compatibility, and ignored, as are SymPy's other keywords.
        backend: ``"auto"`` answers at once, with plain Python and NumPy; the compiled backends
            take a moment the first time and are faster from then on.
        options: how to compile.

    Returns:
        A function. Numbers in give floats out; arrays broadcast, and each result has the shape
        that the arguments have together. A Matrix gives an array, its axes last.

    Raises:
        DefinitionError: arguments that are not symbols.
        LoweringError: a subexpression that cannot be compiled exactly.

    Example:
        >>> x = sp.Symbol("x")
        >>> f = lambdify(x, (sp.sin(x) + x**2)/2)
        >>> round(f(10), 8), f([0.0, 10.0]).round(2).tolist()
        (49.72798944, [0.0, 49.73])
    """
    symbols = (args,) if isinstance(args, sp.Symbol) else tuple(args)
    for symbol in symbols:
        if not isinstance(symbol, sp.Symbol):
            raise DefinitionError(f"lambdify: the argument {symbol!r} is not a SymPy symbol")
    container: Container = "scalar"
    if isinstance(expr, list | tuple):
        container = "list" if isinstance(expr, list) else "tuple"
    elif isinstance(expr, sp.MatrixBase | sp.NDimArray):
        container = "array"
    points = define("function", expr, params=symbols)
    columns = define("function", expr, data=symbols)
    function = Elementwise(points, columns, container)
    chosen = "python" if backend == "auto" else choose_backend(backend)
    return _load(function, chosen, Options() if options is None else options)


def _load(function: Elementwise, backend: Backend, options: Options) -> Lambdified:
    from symcompile.build.loader import build_cython, build_python

    (points,) = plan(function.points, ["value"])
    (columns,) = plan(function.columns, ["value"])
    source = emit_elementwise(function, points, columns, backend)
    name = f"function_{backend}"
    if backend == "cython":
        module = build_cython(source, name, options)
    else:
        module = build_python(source, name, options)
    # A class of its own: a static __call__ costs less than one that forwards its arguments.
    call = staticmethod(module.function)
    kind = type("Lambdified", (Lambdified,), {"__slots__": (), "__call__": call})
    found: Lambdified = kind()
    found.elementwise, found.backend, found.options = function, backend, options
    found.module = module
    return found
