"""Functions of a user's own: one call gives their spellings and derivatives.

A registered function is a row of the table of operations like any other, so it is differentiated,
fused into loops and broadcast as they are.
"""

from __future__ import annotations

import ast
import inspect
import math
import re
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

import sympy as sp
from sympy.core.function import UndefinedFunction

from symcompile.errors import DefinitionError, LoweringError
from symcompile.frontend.lowering import Lowering, has_meaning
from symcompile.ir.graph import Graph
from symcompile.ir.ops import BY_SYMPY_CLASS, OPS
from symcompile.ir.ops.op import Op, Pull, places
from symcompile.ir.ops.registered import FUNCTIONS, SOURCES, Sources, substituted
from symcompile.ir.ops.rules import Refused
from symcompile.ir.special_values import VALUES
from symcompile.translate import translate

_HEAD = re.compile(r"(?:static\s+|inline\s+)*double\s+([A-Za-z_]\w*)\s*\(([^)]*)\)\s*\{")


def register(
    function: Any,
    *,
    python: str | Callable[..., float],
    numpy: str = "",
    numba: str | Callable[..., float] = "",
    c: str = "",
    derivatives: Sequence[Callable[..., Any] | None] | None = None,
    mpmath: Callable[..., Any] | None = None,
) -> None:
    """Make a function known, so that formulas with it can be compiled on every backend.

    A spelling is an expression over ``{0}``, ``{1}``, ...: a call of something that is there, such
    as ``"math.tanh({0})"``, or the source of a function of that many numbers. It gets and returns
    doubles. A process that loads a pickled definition must register its functions before.

    Args:
        function: the SymPy function: a subclass of ``sympy.Function``, an undefined function, or
            its name.
        python: the spelling for numbers, with :mod:`math` and ``special``, SciPy's; or a Python
            function, whose source is taken.
        numpy: an expression for arrays, with ``np`` and ``special``; by default the function for
            numbers is called for each element.
        numba: the spelling in Numba; by default that in Python.
        c: an expression with functions of ``math.h``, or the source of a C function; by default
            the source in Python is translated, which must then be typed, arithmetic on ``float``
            and ``int`` with loops and branches.
        derivatives: for each argument what returns the derivative in it, as a SymPy expression,
            from SymPy arguments; None says that there is none. By default SymPy's ``fdiff`` is
            asked.
        mpmath: called with an mpmath context and numbers of it, the function to any precision.
            ``crosscheck`` judges by it; by default the Python spelling does, in doubles.

    Raises:
        DefinitionError: a name that is taken, or spellings that make no sense.
        LoweringError: a derivative that cannot be compiled.

    Example:
        >>> import sympy as sp, symcompile as sc
        >>> x = sp.Symbol("x")
        >>> bump = sp.Function("bump")
        >>> sc.register(
        ...     bump,
        ...     python="def bump(x: float) -> float:\\n    return math.exp(-x*x)",
        ...     derivatives=[lambda x: -2*x*bump(x)],
        ... )
        >>> kernel = sc.compile(bump(x)**2, params=x, backend="python")
        >>> kernel.value([0.0]), kernel.grad([0.0]).tolist()
        (1.0, [-0.0])
    """
    name = function if isinstance(function, str) else getattr(function, "__name__", "")
    if not (name.isidentifier() and name.isascii()) or not _is_function(function):
        raise DefinitionError(
            f"{function!r} is no function: give a subclass of sympy.Function, or a name"
        )
    op = f"user_{name}"
    if has_meaning(name) or BY_SYMPY_CLASS.get(name, op) != op:
        raise DefinitionError(f"{name} is a function already; call yours something else")
    symbol = sp.Function(name) if isinstance(function, str) else function
    plain = _source(python, "python")
    arity = _arity(name, plain)
    texts = {
        "python": plain,
        "numba": _source(numba, "numba") or plain,
        "c": textwrap.dedent(c).strip(),
        "numpy": numpy,
    }
    for language, text in texts.items():
        _check(name, language, text, arity)
    if not texts["c"]:
        texts["c"] = _translated(name, plain)
    row, sources = _row(op, name, arity, texts)
    before = OPS.get(op)
    OPS[op], SOURCES[op], FUNCTIONS[op] = row, sources, symbol
    BY_SYMPY_CLASS[name] = op
    VALUES[op] = mpmath if mpmath is not None else _in_doubles(op, plain, arity)
    try:
        OPS[op] = _with_derivatives(row, name, symbol, derivatives)
    except Exception:
        if before is None:
            del OPS[op], SOURCES[op], FUNCTIONS[op], BY_SYMPY_CLASS[name], VALUES[op]
        raise


def _is_function(function: Any) -> bool:
    if isinstance(function, str | UndefinedFunction):
        return True
    return isinstance(function, type) and issubclass(function, sp.Function)


def _source(given: str | Callable[..., float], language: str) -> str:
    """Return a spelling as text, without indentation."""
    if callable(given):
        try:
            given = inspect.getsource(given)
        except (OSError, TypeError) as error:
            raise DefinitionError(
                f"{language}: the source of {given!r} is not to be had; give it as text"
            ) from error
    return textwrap.dedent(given).strip()


def _defined(text: str) -> ast.FunctionDef | None:
    """Return the function that a text defines, or None where it is an expression."""
    if not text.startswith(("def ", "@")):
        return None
    try:
        body = ast.parse(text).body
    except SyntaxError as error:
        raise DefinitionError(f"this is no Python: {error}") from error
    if len(body) != 1 or not isinstance(body[0], ast.FunctionDef):
        raise DefinitionError("the source of one function is needed, and nothing else")
    return body[0]


def _arity(name: str, python: str) -> int:
    function = _defined(python)
    if function is None:
        found = {int(k) for k in re.findall(r"\{(\d+)\}", python)}
        if not found:
            raise DefinitionError(
                f"{name}: {python!r} is neither an expression over {{0}}, {{1}}, ... nor the"
                f" source of a function"
            )
        return max(found) + 1
    arguments = function.args
    if arguments.vararg or arguments.kwonlyargs or arguments.kwarg or not arguments.args:
        raise DefinitionError(f"{name}: its arguments must be numbers, by position")
    return len(arguments.args)


def _check(name: str, language: str, text: str, arity: int) -> None:
    """Refuse a spelling that has not the arguments that it should have."""
    if not text:
        return
    head = _HEAD.search(text) if language == "c" else None
    if head is not None:
        count = len([part for part in head.group(2).split(",") if part.strip() != "void"])
    elif language == "c" and "{0}" not in text:
        raise DefinitionError(
            f"{name}: C needs an expression over {{0}}, or 'double {name}(double x) {{ ... }}'"
        )
    else:
        count = _arity(name, text)
    if count != arity:
        raise DefinitionError(f"{name}: {count} arguments in {language}, but {arity} in Python")


def _translated(name: str, python: str) -> str:
    """Return the C of a Python function."""
    function = _defined(python)
    if function is None:
        raise DefinitionError(f"{name}: give its spelling in C too, c=...")
    try:
        return translate(function, {function.name: "float"}, {})
    except (ValueError, KeyError, AssertionError) as error:
        raise DefinitionError(
            f"{name}: its Python cannot be translated ({error}); give its C too, c=..."
        ) from error


def _row(op: str, name: str, arity: int, texts: dict[str, str]) -> tuple[Op, Sources]:
    """Return the row of the table, without derivatives, and the sources behind it."""
    arguments = places(arity)
    spellings, sources = {}, {}
    for language in ("python", "numba", "c"):
        text = texts[language]
        defined = _HEAD.search(text) if language == "c" else _defined(text)
        if defined is None:
            spellings[language] = text
            continue
        own = defined.name if isinstance(defined, ast.FunctionDef) else defined.group(1)
        prefix, called = ("sc_", f"sc_{op}") if language == "c" else ("_", op)
        renamed = re.sub(rf"(?<![\w.]){re.escape(own)}(?=\s*\()", called, text)
        if language == "c" and not re.search(rf"static\s[^;{{]*sc_{op}\s*\(", renamed):
            renamed = re.sub(rf"((?:inline\s+)?double\s+sc_{op})", r"static \1", renamed, count=1)
        sources[language] = renamed
        spellings[language] = f"{prefix}{op}({arguments})"
    numpy = texts["numpy"]
    if not numpy and "python" in sources:
        numpy = f"_over(_{op}, {arguments})"
    if not numpy:
        letters = ", ".join("abcdefgh"[:arity])
        python = texts["python"].format(*"abcdefgh"[:arity])
        sources["python"] = f"def {op}({letters}):\n    return {python}"
        spellings["python"] = f"_{op}({arguments})"
        numpy = f"_over(_{op}, {arguments})"
    row = Op(
        op,
        arity,
        (None,) * arity,
        python=spellings["python"],
        numpy=numpy,
        numba=spellings["numba"],
        c=spellings["c"],
        mpmath=op,
        sympy=name,
        domain=((-1.0, 1.0),) * arity,
        special=True,
    )
    return row, Sources(**sources)


def _with_derivatives(
    row: Op, name: str, symbol: Any, derivatives: Sequence[Callable[..., Any] | None] | None
) -> Op:
    """Return the row with its derivative rules."""
    from dataclasses import replace

    arguments = sp.symbols(f"x:{row.arity}", real=True, cls=sp.Dummy)
    if derivatives is not None and len(derivatives) != row.arity:
        raise DefinitionError(
            f"{name}: {len(derivatives)} derivatives for {row.arity} arguments; None where there"
            f" is none"
        )
    rules: list[Pull | None] = []
    for k in range(row.arity):
        refused = Refused(name, f"argument {k + 1}")
        if derivatives is None:
            expr = _from_sympy(symbol, arguments, k)
        else:
            make = derivatives[k]
            expr = None if make is None else sp.sympify(make(*arguments))
        if expr is None:
            rules.append(refused)
            continue
        graph = Graph()
        nodes = {argument: graph.input("param", i) for i, argument in enumerate(arguments)}
        try:
            root = Lowering(graph, nodes).lower(expr)
        except LoweringError as error:
            raise LoweringError(
                f"the derivative of {name} in argument {k + 1}: {error}", error.subexpression
            ) from error
        rules.append(None if graph[root].data == 0 else substituted(graph, root))
    return replace(row, derivatives=tuple(rules))


def _from_sympy(symbol: Any, arguments: Sequence[Any], k: int) -> Any:
    """Return what SymPy says the derivative is, or None."""
    try:
        found = symbol(*arguments).fdiff(k + 1)
    except (sp.ArgumentIndexError, NotImplementedError, AttributeError):
        return None
    return None if found.has(sp.Derivative, sp.Subs) else found


def _in_doubles(op: str, python: str, arity: int) -> Callable[..., Any]:
    """Return the meaning of a function for which there is no mpmath: what Python computes."""

    def value(mp: Any, *args: Any) -> Any:
        from scipy import special

        names: dict[str, Any] = {"math": math, "special": special}
        function = _defined(python)
        try:
            if function is None:
                text = python.format(*(f"a{k}" for k in range(arity)))
                names |= {f"a{k}": float(arg) for k, arg in enumerate(args)}
                return mp.mpf(eval(text, names))
            exec(compile(python, op, "exec"), names)
            return mp.mpf(names[function.name](*map(float, args)))
        except (ArithmeticError, ValueError):
            return mp.nan

    return value
