"""Lowering of special functions that are more, or less, than one operation of the table.

Those that are one operation stand in the table alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import sympy as sp

from symcompile.errors import LoweringError
from symcompile.frontend.brief import brief
from symcompile.frontend.frames import Term
from symcompile.frontend.plan import Handler, Plan
from symcompile.frontend.scope import Scope

if TYPE_CHECKING:
    from symcompile.frontend.lowering import Lowering

#: Up to this many factors, a binomial of a whole number is written as a product.
_MOST_FACTORS = 24


def _instead(expr: Any) -> Plan:
    """Return the plan of another expression, of the same value."""
    return Plan((expr,), lambda terms: terms[0])


def _by_count(*ops: tuple[int, str], after: Iterable[int] = ()) -> Handler:
    """Return what lowers a function to the operation for its number of arguments.

    Args:
        ops: numbers of arguments, and operations.
        after: whole numbers that come after the arguments, where there are fewest.
    """
    by_count = dict(ops)
    fewest = min(by_count)

    def plan(self: Lowering, expr: Any, scope: Scope) -> Plan:
        op = by_count.get(len(expr.args))
        if op is None:
            raise LoweringError(
                f"cannot compile {brief(expr)}: {type(expr).__name__} takes"
                f" {' or '.join(map(str, sorted(by_count)))} arguments here",
                expr,
            )
        more = tuple(after) if len(expr.args) == fewest else ()

        def combine(terms: list[Term]) -> Term:
            return self.frames.apply(op, *terms, *(self.frames.constant(k) for k in more))

        return Plan(expr.args, combine)

    return plan


def _after(op: str, *numbers: int | Fraction) -> Handler:
    """Return what lowers a function to an operation whose first arguments are ``numbers``."""

    def plan(self: Lowering, expr: Any, scope: Scope) -> Plan:
        def combine(terms: list[Term]) -> Term:
            return self.frames.apply(op, *(self.frames.constant(k) for k in numbers), *terms)

        return Plan(expr.args, combine)

    return plan


def _polygamma(self: Lowering, expr: Any, scope: Scope) -> Plan:
    order, argument = expr.args
    if order == 0:
        return Plan((argument,), lambda terms: self.frames.apply("digamma", terms[0]))
    if order.is_number and not (order.is_Integer and order > 0):
        raise LoweringError(
            f"{brief(expr)}: the order of polygamma must be a whole number, not negative", expr
        )
    return Plan(expr.args, lambda terms: self.frames.apply("polygamma", *terms))


def _heaviside(self: Lowering, expr: Any, scope: Scope) -> Plan:
    def combine(terms: list[Term]) -> Term:
        apply, constant = self.frames.apply, self.frames.constant
        x, middle = terms
        zero = constant(0)
        # What is neither above, nor below, nor equal is NaN, and stays it.
        found = apply("select", apply("eq", x, zero), middle, x)
        found = apply("select", apply("lt", zero, x), constant(1), found)
        return apply("select", apply("lt", x, zero), zero, found)

    x, middle = expr.args
    return Plan((x, sp.S.Zero if middle is sp.nan else middle), combine)


def _frac(self: Lowering, expr: Any, scope: Scope) -> Plan:
    def combine(terms: list[Term]) -> Term:
        return self.frames.apply("sub", terms[0], self.frames.apply("floor", terms[0]))

    return Plan(expr.args, combine)


def _offset_integral(self: Lowering, expr: Any, scope: Scope) -> Plan:
    def combine(terms: list[Term]) -> Term:
        apply, op = self.frames.apply, "logarithmic_integral"
        return apply("sub", apply(op, terms[0]), apply(op, self.frames.constant(2)))

    return Plan(expr.args, combine)


def _eta(self: Lowering, expr: Any, scope: Scope) -> Plan:
    if len(expr.args) == 1:
        return _after("dirichlet_eta", 0)(self, expr, scope)
    return _after("hurwitz_eta", 0)(self, expr, scope)


def _binomial(self: Lowering, expr: Any, scope: Scope) -> Plan:
    top, bottom = expr.args
    if not (bottom.is_Integer and 0 <= bottom <= _MOST_FACTORS):
        return Plan(expr.args, lambda terms: self.frames.apply("binomial", *terms))
    count = int(bottom)

    def combine(terms: list[Term]) -> Term:
        apply, constant = self.frames.apply, self.frames.constant
        found = constant(1)
        for k in range(count):
            factor = apply("sub", terms[0], constant(k)) if k else terms[0]
            found = apply("div", apply("mul", found, factor) if k else factor, constant(k + 1))
        return found

    return Plan((top,), combine)


def _hyper(self: Lowering, expr: Any, scope: Scope) -> Plan:
    above, below, argument = expr.args
    shape = (len(above), len(below))
    if shape == (0, 0):
        return _instead(sp.exp(argument))
    if shape == (1, 0):
        return _instead((1 - argument) ** (-above[0]))
    op = {(0, 1): "hyp0f1", (1, 1): "hyp1f1", (2, 1): "hyp2f1"}.get(shape)
    if op is None:
        raise LoweringError(
            f"cannot compile {brief(expr)}: of the hypergeometric functions there are 0F1, 1F1 and"
            f" 2F1; try sympy.hyperexpand on it",
            expr,
        )
    return Plan((*above, *below, argument), lambda terms: self.frames.apply(op, *terms))


def _hankel(first: str, second: str, sign: int) -> Handler:
    def plan(self: Lowering, expr: Any, scope: Scope) -> Plan:
        def combine(terms: list[Term]) -> Term:
            apply = self.frames.apply
            imaginary = apply("mul", Term(self.graph.add("imaginary")), apply(second, *terms))
            return apply("add" if sign > 0 else "sub", apply(first, *terms), imaginary)

        return Plan(expr.args, combine)

    return plan


def _bernoulli(self: Lowering, expr: Any, scope: Scope) -> Plan:
    if len(expr.args) != 1:
        raise LoweringError(f"cannot compile {brief(expr)}: write out the polynomial", expr)

    def combine(terms: list[Term]) -> Term:
        return self.frames.apply("bernoulli", terms[0], self.frames.constant(Fraction(1, 2)))

    return Plan(expr.args, combine)


def _genocchi(self: Lowering, expr: Any, scope: Scope) -> Plan:
    # SymPy rewrites it only where the index is known to be whole.
    if len(expr.args) != 1:
        raise LoweringError(f"cannot compile {brief(expr)}: write out the polynomial", expr)
    (n,) = expr.args
    return _instead(2 * (1 - sp.Integer(2) ** n) * sp.bernoulli(n))


def _one_argument(op: str) -> Handler:
    def plan(self: Lowering, expr: Any, scope: Scope) -> Plan:
        if len(expr.args) != 1:
            raise LoweringError(f"cannot compile {brief(expr)}: write out the polynomial", expr)
        return Plan(expr.args, lambda terms: self.frames.apply(op, terms[0]))

    return plan


def _laguerre(self: Lowering, expr: Any, scope: Scope) -> Plan:
    def combine(terms: list[Term]) -> Term:
        degree, argument = terms
        return self.frames.apply("assoc_laguerre", degree, self.frames.constant(0), argument)

    return Plan(expr.args, combine)


def _fold(op: str) -> Handler:
    return lambda self, expr, scope: Plan(expr.args, lambda terms: self.fold(op, terms))


def _largest(op: str) -> Handler:
    """Return what lowers ``amin`` and ``amax``: the extreme of all entries."""

    def plan(self: Lowering, expr: Any, scope: Scope) -> Plan:
        array = expr.args[0]
        entries = list(getattr(array, "flat", lambda: sp.flatten(array.args or [array]))())
        return Plan(entries, lambda terms: self.fold(op, terms))

    return plan


def _rewritten(how: str) -> Handler:
    """Return what lowers a function as SymPy rewrites it."""

    def plan(self: Lowering, expr: Any, scope: Scope) -> Plan:
        other = expr.doit() if how == "doit" else expr.rewrite(getattr(sp, how))
        if other == expr or other.has(type(expr)):
            raise LoweringError(f"cannot compile {brief(expr)}: SymPy cannot write it out", expr)
        return _instead(other)

    return plan


def _zeta(self: Lowering, expr: Any, scope: Scope) -> Plan:
    return _after("zeta" if len(expr.args) == 1 else "hurwitz", 0)(self, expr, scope)


#: What lowers each SymPy class.
HANDLERS: dict[str, Handler] = {
    "polygamma": _polygamma,
    "beta": _by_count((2, "beta")),
    "LambertW": _by_count((1, "lambertw"), (2, "lambertw"), after=(0,)),
    "zeta": _zeta,
    "dirichlet_eta": _eta,
    "elliptic_k": _by_count((1, "elliptic_k")),
    "elliptic_e": _by_count((1, "elliptic_e"), (2, "elliptic_e_incomplete")),
    "elliptic_pi": _by_count((2, "elliptic_pi"), (3, "elliptic_pi_incomplete")),
    "harmonic": _by_count((1, "harmonic"), (2, "harmonic_general")),
    "Li": _offset_integral,
    "Heaviside": _heaviside,
    "frac": _frac,
    "binomial": _binomial,
    "hyper": _hyper,
    "hankel1": _hankel("besselj", "bessely", 1),
    "hankel2": _hankel("besselj", "bessely", -1),
    "hn1": _hankel("spherical_j", "spherical_y", 1),
    "hn2": _hankel("spherical_j", "spherical_y", -1),
    "laguerre": _laguerre,
    "bernoulli": _bernoulli,
    "fibonacci": _one_argument("fibonacci"),
    "tribonacci": _one_argument("tribonacci"),
    "euler": _one_argument("euler_number"),
    "genocchi": _genocchi,
    "catalan": _one_argument("catalan_number"),
    "multigamma": _rewritten("doit"),
    "Sqrt": _one_argument("sqrt"),
    "isnan": _one_argument("isnan"),
    "isinf": _one_argument("isinf"),
    "Mod": _by_count((2, "mod")),
    "minimum": _fold("min"),
    "maximum": _fold("max"),
    "amin": _largest("min"),
    "amax": _largest("max"),
}
