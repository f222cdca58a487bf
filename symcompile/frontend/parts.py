"""SymPy's parts of complex numbers, and its polar forms, in the IR.

Of a real number the imaginary part is 0, and the rest follows. A polar number is lowered as the
complex number it stands for: which sheet of a logarithm it is on, doubles do not say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from symcompile.frontend.frames import Term
from symcompile.frontend.plan import Handler, Plan
from symcompile.frontend.scope import Scope
from symcompile.ir.graph import Kind

if TYPE_CHECKING:
    from symcompile.frontend.lowering import Lowering


def _is_real(self: Lowering, term: Term) -> bool:
    return self.graph[term.node].kind is not Kind.COMPLEX


def _re(self: Lowering, expr: Any, scope: Scope) -> Plan:
    def combine(terms: list[Term]) -> Term:
        return terms[0] if _is_real(self, terms[0]) else self.frames.apply("re", terms[0])

    return Plan(expr.args, combine)


def _im(self: Lowering, expr: Any, scope: Scope) -> Plan:
    def combine(terms: list[Term]) -> Term:
        if _is_real(self, terms[0]):
            return self.frames.constant(0)
        return self.frames.apply("im", terms[0])

    return Plan(expr.args, combine)


def _conjugate(self: Lowering, expr: Any, scope: Scope) -> Plan:
    def combine(terms: list[Term]) -> Term:
        return terms[0] if _is_real(self, terms[0]) else self.frames.apply("conj", terms[0])

    return Plan(expr.args, combine)


def _arg(self: Lowering, expr: Any, scope: Scope) -> Plan:
    def combine(terms: list[Term]) -> Term:
        if _is_real(self, terms[0]):
            return self.frames.apply("atan2", self.frames.constant(0), terms[0])
        return self.frames.apply("arg", terms[0])

    return Plan(expr.args[:1], combine)


def _imaginary(self: Lowering, expr: Any, scope: Scope) -> Plan:
    return Plan((), lambda _: Term(self.graph.add("imaginary")))


def _first(self: Lowering, expr: Any, scope: Scope) -> Plan:
    return Plan(expr.args[:1], lambda terms: terms[0])


def _exp(self: Lowering, expr: Any, scope: Scope) -> Plan:
    return Plan(expr.args, lambda terms: self.frames.apply("exp", *terms))


HANDLERS: dict[str, Handler] = {
    "re": _re,
    "im": _im,
    "conjugate": _conjugate,
    "adjoint": _conjugate,
    "transpose": _first,
    "arg": _arg,
    "periodic_argument": _arg,
    "ImaginaryUnit": _imaginary,
    "exp_polar": _exp,
    "polar_lift": _first,
    "principal_branch": _first,
}
