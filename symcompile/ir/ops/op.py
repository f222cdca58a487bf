"""The record of one operation, and rows of the usual kinds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from symcompile.ir.build import Value

Pull = Callable[..., Value]

INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/"}

#: What :mod:`cmath` and C99's ``<complex.h>`` have for complex numbers.
_CMATH = frozenset(
    {"sqrt", "exp", "log", "sin", "cos", "tan", "asin", "acos", "atan"}
    | {"sinh", "cosh", "tanh", "asinh", "acosh", "atanh"}
)


class Spelling(NamedTuple):
    """How each backend writes an operation."""

    python: str
    numpy: str
    numba: str
    c: str


@dataclass(frozen=True)
class Op:
    """One operation.

    Attributes:
        name: its name in the IR.
        arity: how many arguments it takes.
        derivatives: per argument a rule or None; see the module.
        python: spelling for scalars with :mod:`math`; raises where IEEE gives NaN or infinity.
        numpy: spelling for arrays.
        numba: spelling inside a Numba function.
        c: spelling in C.
        mpmath: name of the function in mpmath, for the oracle; None where it has its own case.
        sympy: the SymPy class lowered to it, if it is one to one.
        libm: the C function behind it, where glibc has a vector variant.
        domain: per argument the open interval in which tests sample it.
        special: whether it is a special function, so that a call costs far more than an addition.
        complex: its spellings where an argument or the result is complex; None where it is one
            of real numbers only.
    """

    name: str
    arity: int
    derivatives: tuple[Pull | None, ...]
    python: str
    numpy: str
    numba: str
    c: str
    mpmath: str | None = None
    sympy: str | None = None
    libm: str | None = None
    domain: tuple[tuple[float, float], ...] = ((-3.0, 3.0),)
    complex: Spelling | None = None
    special: bool = False


def function(
    name: str,
    derivative: Pull | None,
    *,
    sympy: str | None = None,
    libm: str | None = None,
    numpy: str | None = None,
    mpmath: str | None = None,
    domain: tuple[float, float] = (-3.0, 3.0),
    python: str | None = None,
    numba: str | None = None,
    vector: bool = True,
    complex: Spelling | None = None,
) -> Op:
    """Return a row for a function of one argument that libm, NumPy and mpmath all have."""
    c_name = libm or name
    array = f"{numpy or 'np.' + name}({{0}})"
    if complex is None and name in _CMATH:
        complex = Spelling(f"cmath.{name}({{0}})", array, f"cmath.{name}({{0}})", f"c{name}({{0}})")
    return Op(
        name,
        1,
        (derivative,),
        python=f"{python or 'math.' + name}({{0}})",
        numpy=array,
        numba=f"{numba or 'math.' + name}({{0}})",
        c=f"{c_name}({{0}})",
        mpmath=mpmath or name,
        sympy=sympy,
        libm=c_name if vector else None,
        domain=(domain,),
        complex=complex,
    )


def infix(name: str, *derivatives: Pull) -> Op:
    text = f"{{0}} {INFIX[name]} {{1}}"
    box = ((-3.0, 3.0), (0.2, 3.0) if name == "div" else (-3.0, 3.0))
    division = text if name != "div" else "sc_div({0}, {1})"
    c = "sc_mul({0}, {1})" if name == "mul" else division
    return Op(
        name, 2, derivatives, text, text, text, text, domain=box,
        complex=Spelling(text, text, text, c),
    )  # fmt: skip


def comparison(name: str, symbol: str) -> Op:
    text = f"({{0}} {symbol} {{1}})"
    # Complex numbers have no order.
    complex = Spelling(text, text, text, text) if name in ("eq", "ne") else None
    box = ((-3.0, 3.0),) * 2
    return Op(name, 2, (None, None), text, text, text, text, domain=box, complex=complex)


def scipy(
    op: str,
    *derivatives: Pull | None,
    name: str | None = None,
    entry: int | None = None,
    mpmath: str | None = None,
    sympy: str | None = None,
    domain: tuple[float, float] | tuple[tuple[float, float], ...] = (-3.0, 3.0),
    c: str | None = None,
    complex: Spelling | bool = False,
) -> Op:
    """Return a row for one of SciPy's special functions, called through its pointer in C.

    Args:
        op: its name in the IR.
        derivatives: a rule for each argument.
        name: its name in SciPy, if that is another one.
        entry: which of its results, where it has several.
        mpmath: its name in mpmath, if that is another one.
        sympy: the SymPy class lowered to it.
        domain: the open interval in which tests sample it, or one for each argument.
        c: its spelling in C, if libm has it.
        complex: whether SciPy has it for a complex argument, the last, or other spellings for it.
    """
    name = name or op
    arity = len(derivatives)
    arguments = places(arity)
    python = f"special.{name}({arguments})"
    suffix = ""
    if entry is not None:
        python += f"[{entry}]"
        suffix = f"_{entry}"
    return Op(
        op,
        arity,
        derivatives,
        python=f"float({python})",
        numpy=python,
        numba=f"special_{name}{suffix}({arguments})",
        c=c or f"sc_special_{name}{suffix}({arguments})",
        mpmath=mpmath or op,
        sympy=sympy,
        domain=_boxes(domain, arity),
        complex=pointer(name, arity, entry) if complex is True else complex or None,
        special=True,
    )


def library(
    op: str,
    derivatives: tuple[Pull | None, ...],
    *,
    mpmath: str | None = None,
    sympy: str | None = None,
    domain: tuple[float, float] | tuple[tuple[float, float], ...] = (-3.0, 3.0),
    complex: Spelling | bool = False,
    numpy: str | None = None,
    good: str = "",
) -> Op:
    """Return a row for a function of :mod:`symcompile.library`.

    Args:
        op: its name, in the IR and in the library.
        derivatives: a rule for each argument.
        mpmath: its name in mpmath, if that is another one.
        sympy: the SymPy class lowered to it.
        domain: the open interval in which tests sample it, or one for each argument.
        complex: its spellings for complex arguments, if SciPy has them, or whether the library has
            a variant for them, with ``_z`` after its name.
        numpy: what computes it over arrays; by default it is called for one element after the
            other, which takes microseconds for each.
        good: the condition under which that is accurate; nothing where it always is.
    """
    arity = len(derivatives)
    arguments = places(arity)
    if numpy is None:
        numpy = f"_over(_{op}, {arguments})"
    elif good:
        numpy = f"_mostly({numpy}, {good}, _{op}, {arguments})"
    return Op(
        op,
        arity,
        derivatives,
        python=f"_{op}({arguments})",
        numpy=numpy,
        numba=f"_{op}({arguments})",
        c=f"sc_{op}({arguments})",
        mpmath=mpmath or op,
        sympy=sympy,
        domain=_boxes(domain, arity),
        complex=variant(op, arity) if complex is True else complex or None,
        special=True,
    )


def pointer(name: str, arity: int = 1, entry: int | None = None) -> Spelling:
    """Return the spellings of SciPy's function of a complex number, the last argument.

    >>> pointer("sici", entry=0).c
    'sc_special_sici_z_0({0})'
    """
    arguments = places(arity)
    python = f"special.{name}({arguments})"
    ident = f"special_{name}_z"
    if entry is not None:
        python += f"[{entry}]"
        ident += f"_{entry}"
    return Spelling(
        f"complex({python})", python, f"{ident}({arguments})", f"sc_{ident}({arguments})"
    )


def variant(op: str, arity: int = 1) -> Spelling:
    """Return the spellings of the library's function of complex numbers."""
    call = f"{op}_z({places(arity)})"
    return Spelling(f"_{call}", f"_over(_{op}_z, {places(arity)})", f"_{call}", f"sc_{call}")


def places(arity: int) -> str:
    """Return the places of arguments in a spelling.

    >>> places(2)
    '{0}, {1}'
    """
    return ", ".join(f"{{{k}}}" for k in range(arity))


def _boxes(
    domain: tuple[float, float] | tuple[tuple[float, float], ...], arity: int
) -> tuple[tuple[float, float], ...]:
    """Return one interval for each argument."""
    if isinstance(domain[0], tuple):
        return domain
    return (domain,) * arity
