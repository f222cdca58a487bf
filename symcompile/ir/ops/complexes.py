"""Parts of complex numbers, and complex numbers from parts.

What is linear in the real and the imaginary part only has no rule here: those rules stand in
:mod:`symcompile.autodiff.parts`. ``widen`` is a real number among the complex ones, its imaginary
part +0. ``widen_below`` is the same where the part is the zero whose sign tells the side of the
cuts of asin, acos and atanh that SymPy takes: below beyond 1, above before -1. ``narrow`` is a
complex number as the real one that it is, where a function takes only that.
"""

from __future__ import annotations

from symcompile.ir.build import Value
from symcompile.ir.ops.op import Op, Spelling
from symcompile.ir.ops.rules import Refused


def _times_i(g: Value, f: Value, x: Value, y: Value) -> Value:
    return g * Value(g.builder, g.builder.call("imaginary"))


def _row(name: str, arity: int, spelling: Spelling, *, sympy: str | None = None) -> Op:
    return Op(name, arity, (None,) * arity, "", "", "", "", sympy=sympy, complex=spelling)


ROWS = [
    _row("imaginary", 0, Spelling("1j", "1j", "1j", "sc_join(0.0, 1.0)")),
    _row("re", 1, Spelling("{0}.real", "{0}.real", "{0}.real", "creal({0})")),
    _row("im", 1, Spelling("{0}.imag", "{0}.imag", "{0}.imag", "cimag({0})")),
    _row("conj", 1, Spelling("{0}.conjugate()", "np.conj({0})", "{0}.conjugate()", "conj({0})")),
    _row("arg", 1, Spelling("cmath.phase({0})", "np.angle({0})", "cmath.phase({0})", "carg({0})")),
    Op(
        "widen",
        1,
        (lambda g, f, x: g,),
        *("", "", "", ""),
        complex=Spelling("complex({0})", "complex_({0})", "complex({0})", "sc_join({0}, 0.0)"),
    ),
    Op(
        "widen_below",
        1,
        (lambda g, f, x: g,),
        *("", "", "", ""),
        complex=Spelling(
            "complex({0}, math.copysign(0.0, -{0}))",
            "complex_({0}, np.copysign(0.0, -{0}))",
            "complex({0}, math.copysign(0.0, -{0}))",
            "sc_join({0}, copysign(0.0, -{0}))",
        ),
    ),
    # A real number that a complex one is; NaN where it is none.
    Op(
        "narrow",
        1,
        (Refused("a special function of complex numbers", "order"),),
        "",
        "",
        "",
        "",
        complex=Spelling(
            "_narrow({0})",
            "np.where(np.imag({0}) == 0.0, np.real({0}), np.nan)",
            "_narrow({0})",
            "sc_narrow({0})",
        ),
    ),
    Op(
        "complex",
        2,
        (lambda g, f, x, y: g, _times_i),
        *("", "", "", ""),
        complex=Spelling(
            "complex({0}, {1})", "complex_({0}, {1})", "complex({0}, {1})", "sc_join({0}, {1})"
        ),
    ),
]
