"""Lowering of numbers: arithmetic, branches, logic and the functions that need a word more.

Functions that are one operation each stand in the table of operations alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import sympy as sp
from sympy.core.function import AppliedUndef

from symcompile.errors import LoweringError
from symcompile.frontend.brief import brief
from symcompile.frontend.frames import Term
from symcompile.frontend.parts import HANDLERS as PARTS
from symcompile.frontend.plan import Handler, Plan
from symcompile.frontend.scope import Scope, facts_of
from symcompile.frontend.specials import HANDLERS as SPECIALS
from symcompile.ir.graph import Kind, Special
from symcompile.ir.ops import BY_SYMPY_CLASS, CONSTANTS

if TYPE_CHECKING:
    from symcompile.frontend.lowering import Lowering

_HINTS = {
    "Derivative": "in index notation none is taken; call .doit() on it",
    "Integral": "in index notation none is computed; call .doit() on it",
    "Sum": "call .doit() on it where its limits are numbers",
    "Product": "call .doit() on it where its limits are numbers",
    "Subs": "call .doit() on it",
    "ComplexInfinity": "the formula divides by zero",
    "DiracDelta": "differentiate with symcompile, not with SymPy: it has the one-sided rules",
}

_COMPARISONS = {
    "StrictLessThan": ("lt", False),
    "LessThan": ("le", False),
    "StrictGreaterThan": ("lt", True),
    "GreaterThan": ("le", True),
    "Equality": ("eq", False),
    "Unequality": ("ne", False),
}

# Reciprocals and inverses of them: outer reciprocal?, operation, inner reciprocal?
_RECIPROCALS = {
    "sec": (True, "cos", False),
    "csc": (True, "sin", False),
    "cot": (True, "tan", False),
    "sech": (True, "cosh", False),
    "csch": (True, "sinh", False),
    "coth": (True, "tanh", False),
    "asec": (False, "acos", True),
    "acsc": (False, "asin", True),
    "asech": (False, "acosh", True),
    "acsch": (False, "asinh", True),
    "acoth": (False, "atanh", True),
}

#: Constants such as pi: the operation of each SymPy class.
NAMED = {sympy: op for op, (_, sympy) in CONSTANTS.items()}


def _mul(self: Lowering, expr: Any, scope: Scope) -> Plan:
    return self.product(expr.args)


def _pow(self: Lowering, expr: Any, scope: Scope) -> Plan:
    base, exponent = expr.args
    if exponent.is_Rational:
        power = Fraction(int(exponent.p), int(exponent.q))
        if power > 0:
            return Plan((base,), lambda terms: self.power(terms[0], power))
        one = self.frames.constant(1)
        return Plan(
            (base,), lambda terms: self.frames.apply("div", one, self.power(terms[0], -power))
        )
    return Plan(expr.args, lambda terms: self.frames.apply("pow", *terms))


def _log(self: Lowering, expr: Any, scope: Scope) -> Plan:
    def combine(terms: list[Term]) -> Term:
        logs = [self.frames.apply("log", term) for term in terms]
        return logs[0] if len(logs) == 1 else self.frames.apply("div", *logs)

    return Plan(expr.args, combine)


def _branches(
    self: Lowering, scope: Scope, pairs: Sequence[tuple[Any, Any]]
) -> Sequence[Scope] | None:
    """Return where each value and condition is lowered: what the earlier conditions left."""
    if not self.indexed:
        return None
    scopes = []
    indices, extents = self.context.indices, self.frames.extents
    for _, condition in pairs:
        facts, more = facts_of(condition, indices, scope, extents)
        scopes += [scope.known(facts, guarded=more), scope]
        facts, more = facts_of(condition, indices, scope, extents, holds=False)
        scope = scope.known(facts, guarded=more)
    return scopes


def _piecewise(self: Lowering, expr: Any, scope: Scope) -> Plan:
    pieces = [part for pair in expr.args for part in pair.args]

    def combine(terms: list[Term]) -> Term:
        result = self.frames.constant(Special.NAN)
        for value, condition in reversed(list(zip(terms[::2], terms[1::2], strict=True))):
            if self.graph[condition.node].op == "true":
                result = value
            else:
                result = self.frames.apply("select", self.truth(condition), value, result)
        return result

    return Plan(pieces, combine, _branches(self, scope, [pair.args for pair in expr.args]))


def _chain(op: str) -> Handler:
    return lambda self, expr, scope: Plan(expr.args, lambda terms: self.fold(op, terms))


def _logic(op: str) -> Handler:
    return lambda self, expr, scope: Plan(
        expr.args, lambda terms: self.fold(op, [self.truth(term) for term in terms])
    )


def _ite(self: Lowering, expr: Any, scope: Scope) -> Plan:
    def combine(terms: list[Term]) -> Term:
        apply, kinds = self.frames.apply, [self.graph[term.node].kind for term in terms]
        condition, yes, no = self.truth(terms[0]), terms[1], terms[2]
        if Kind.BOOL not in kinds[1:]:
            return apply("select", condition, yes, no)
        yes, no = self.truth(yes), self.truth(no)
        otherwise = apply("and", apply("not", condition), no)
        return apply("or", apply("and", condition, yes), otherwise)

    condition, yes, no = expr.args
    scopes = _branches(self, scope, [(yes, condition), (no, sp.true)])
    return Plan(expr.args, combine, scopes and [scope, scopes[0], scopes[2]])


def _not(self: Lowering, expr: Any, scope: Scope) -> Plan:
    return Plan(expr.args, lambda terms: self.frames.apply("not", self.truth(terms[0])))


def _literal(op: str) -> Handler:
    return lambda self, expr, scope: Plan((), lambda _: Term(self.graph.add(op)))


def _same(self: Lowering, expr: Any, scope: Scope) -> Plan:
    return Plan(expr.args, lambda terms: terms[0])


def _comparison(op: str, swap: bool) -> Handler:
    return lambda self, expr, scope: Plan(
        expr.args, lambda terms: self.frames.apply(op, *(terms[::-1] if swap else terms))
    )


def _reciprocal(outer: bool, op: str, inner: bool) -> Handler:
    def plan(self: Lowering, expr: Any, scope: Scope) -> Plan:
        def combine(terms: list[Term]) -> Term:
            (term,) = terms
            one = self.frames.constant(1)
            if inner:
                term = self.frames.apply("div", one, term)
            term = self.frames.apply(op, term)
            return self.frames.apply("div", one, term) if outer else term

        return Plan(expr.args, combine)

    return plan


def _refuse(self: Lowering, expr: Any, scope: Scope) -> Plan:
    raise refusal(expr)


#: What lowers each SymPy class that is more, or less, than one operation.
HANDLERS: dict[str, Handler] = {
    "Add": _chain("add"),
    "Mul": _mul,
    "Pow": _pow,
    "log": _log,
    "Piecewise": _piecewise,
    "Min": _chain("min"),
    "Max": _chain("max"),
    "And": _logic("and"),
    "Or": _logic("or"),
    "Xor": _logic("ne"),
    "Not": _not,
    "ITE": _ite,
    "BooleanTrue": _literal("true"),
    "BooleanFalse": _literal("false"),
    "UnevaluatedExpr": _same,
    "ComplexInfinity": _refuse,
    **PARTS,
    **SPECIALS,
    **{name: _comparison(*how) for name, how in _COMPARISONS.items()},
    **{name: _reciprocal(*how) for name, how in _RECIPROCALS.items()},
}


def refusal(expr: Any) -> LoweringError:
    """Return the error that says why ``expr`` cannot be compiled, and what to do."""
    name = type(expr).__name__
    hint = _HINTS.get(name)
    if isinstance(expr, AppliedUndef):
        name, hint = "undefined function", "give its formula, or a symbol in its place"
    if hint is None:
        hint = f"known functions: {', '.join(supported_functions())}"
    return LoweringError(f"cannot compile {brief(expr)} ({name}): {hint}", expr)


def supported_functions() -> Iterable[str]:
    """Return the names of the SymPy functions that can be lowered, sorted."""
    names = {"log", "sqrt", "Piecewise", "Min", "Max", "ITE", *SPECIALS, *_RECIPROCALS}
    named = {name for name in BY_SYMPY_CLASS if name not in NAMED}
    return sorted(names | named, key=str.lower)
