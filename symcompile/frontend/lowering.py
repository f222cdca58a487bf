"""SymPy -> IR. Visits each distinct subexpression once, with a stack of its own.

SymPy trees are graphs with shared subtrees: a walk that forgets what it has seen is
exponential, and a recursive one overflows. So nothing here recurses, and nothing calls a SymPy
function that walks (``str``, ``free_symbols``, ``subs``). What cannot be lowered exactly is
refused, with the subexpression and what to do.

What an expression means may depend on its free indices; so it is lowered once for each meaning
of these. Formulas of numbers have none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from symcompile.errors import LoweringError
from symcompile.frontend import bound, indexed, matrices
from symcompile.frontend.brief import brief
from symcompile.frontend.context import Context
from symcompile.frontend.frames import SAMPLE, Frames, Term
from symcompile.frontend.plan import NeedsIndicesError, Plan
from symcompile.frontend.scalars import HANDLERS, NAMED, refusal
from symcompile.frontend.scope import Scope
from symcompile.ir.graph import Graph, Input, Kind, Special
from symcompile.ir.ops import BY_SYMPY_CLASS
from symcompile.ir.ops.registered import FUNCTIONS

_IN_INDICES = indexed.HANDLERS | matrices.HANDLERS

_HANDLERS = HANDLERS | _IN_INDICES


def has_meaning(name: str) -> bool:
    """Return whether SymPy classes of a name are lowered in a way of their own."""
    return name in _HANDLERS or name in bound.HANDLERS


class Lowering:
    """Lowers expressions into one graph.

    Args:
        graph: where the nodes go.
        symbols: the nodes of symbols that are numbers, or one number for each sample.
        context: the arrays, indices and sizes of a formula in index notation.
        frames: what has the labels of arrays in it.
        leaving: whether functions of real numbers may answer with complex ones.

    >>> g = Graph()
    >>> x = sp.Symbol("x")
    >>> lowering = Lowering(g, {x: g.input("param", 0)})
    >>> g[lowering.lower(sp.sin(x))].op
    'sin'
    """

    def __init__(
        self,
        graph: Graph,
        symbols: Mapping[sp.Basic, int],
        context: Context | None = None,
        frames: Frames | None = None,
        leaving: bool = False,
    ) -> None:
        self.graph = graph
        self.frames = Frames(graph, leaving=leaving) if frames is None else frames
        self._context = context
        self._terms = {
            symbol: Term(node, (SAMPLE,) if graph[node].axes else ())
            for symbol, node in symbols.items()
        }
        #: How many sums, integrals and the like are around it.
        self.depth = 0
        # Keyed by identity: comparing two SymPy graphs can be exponential. The object is kept
        # beside its term so that its address is not used again.
        self._seen: dict[Any, tuple[Term, Any]] = {}

    def within(
        self, graph: Graph, terms: Callable[[Mapping[Any, Term]], dict[Any, Term]]
    ) -> Lowering:
        """Return a lowering into another graph, for what a sum or an integral is of.

        ``terms`` makes its symbols from those here.
        """
        inner = Lowering(graph, {}, leaving=self.frames.leaving)
        inner._terms = terms(self._terms)
        inner.depth = self.depth + 1
        return inner

    @property
    def indexed(self) -> bool:
        """Whether the formula is in index notation."""
        return self._context is not None

    @property
    def context(self) -> Context:
        """What index notation is about."""
        assert self._context is not None, "a formula of numbers has no indices"
        return self._context

    def assign(self, symbol: sp.Basic, expr: Any) -> None:
        """Name an intermediate: ``symbol`` stands for ``expr`` from here on."""
        if self.indexed and self.context.indices.free(expr):
            self.context.indices.define(symbol, expr)
            return
        term = self.term(expr)
        if term.shape is not None:
            raise LoweringError(f"{symbol} is assigned a matrix; write {brief(expr)} itself", expr)
        self._terms[symbol] = term
        if self.graph[term.node].args:
            self.graph.labels.setdefault(term.node, str(symbol))

    def is_size(self, symbol: sp.Symbol) -> bool:
        """Return whether a symbol can only be a size, or is a constant that must be whole."""
        term = self._terms.get(symbol)
        if term is None:
            return True
        data = self.graph[term.node].data
        role = data.role if isinstance(data, Input) else None
        return bool(role == "constant" and symbol.is_integer)

    def knows(self, symbol: sp.Basic) -> bool:
        """Return whether ``symbol`` has a meaning already."""
        return symbol in self._terms or (self._context is not None and self._context.knows(symbol))

    def lower(self, expr: Any) -> int:
        """Return the node for ``expr``.

        Raises:
            LoweringError: a subexpression has no exact counterpart.
        """
        return self.term(expr).node

    def term(self, expr: Any, scope: Scope | None = None) -> Term:
        """Return ``expr`` with the labels of its axes.

        Raises:
            LoweringError: a subexpression has no exact counterpart.
        """
        try:
            root = sp.sympify(expr, strict=True)  # text would be evaluated
        except (sp.SympifyError, TypeError) as error:
            raise LoweringError(f"{expr!r} is not a SymPy expression", expr) from error
        seen = self._seen
        scope = Scope({}) if scope is None else scope
        top = self._key(root, scope)
        stack: list[tuple[Any, Scope, Any, Plan | None]] = [(root, scope, top, None)]
        while stack:
            current, scope, key, plan = stack[-1]
            if key in seen:
                stack.pop()
                continue
            if plan is None:
                plan = self._plan(current, scope)
                stack[-1] = (current, scope, key, plan)
            children, combine, scopes = plan
            if scopes is None:
                keys = [self._key(child, scope) for child in children]
            else:
                keys = [self._key(c, s) for c, s in zip(children, scopes, strict=True)]
            pending = [k for k, child_key in enumerate(keys) if child_key not in seen]
            if pending:
                for k in reversed(pending):
                    inner = scope if scopes is None else scopes[k]
                    stack.append((children[k], inner, keys[k], None))
                continue
            try:
                found = combine([seen[child_key][0] for child_key in keys])
            except LoweringError as error:
                if error.subexpression is not None:
                    raise
                raise LoweringError(f"cannot compile {brief(current)}: {error}", current) from None
            if isinstance(found, Plan):
                stack[-1] = (current, scope, key, found)
                continue
            stack.pop()
            # What was made on the way is kept as well: it is known by its address.
            seen[key] = (found, (current, children))
        return seen[top][0]

    def _key(self, expr: Any, scope: Scope) -> Any:
        if self._context is None:
            return id(expr)
        free = self._context.indices.free(expr)
        return (id(expr), scope.key(free)) if free else id(expr)

    def _plan(self, expr: Any, scope: Scope) -> Plan:
        """Return the children that ``expr`` needs, and what makes its term from theirs."""
        name = type(expr).__name__
        if isinstance(expr, AppliedUndef) and BY_SYMPY_CLASS.get(name) not in FUNCTIONS:
            raise refusal(expr)  # whatever its name: it has no meaning
        if self._context is not None:
            linear = self._context.indices.linear(expr)
            if linear is not None and linear.terms:
                value = self._context.indices.resolve(linear, scope.bindings, expr)
                return Plan((), lambda _: self.frames.index(value))
            if name not in _IN_INDICES and any(isinstance(arg, sp.MatrixExpr) for arg in expr.args):
                raise LoweringError(
                    f"{brief(expr)} ({name}) of a matrix: write A.applyfunc({name}) for every "
                    "entry, and A[0, 0] for the one entry of a 1 by 1 matrix",
                    expr,
                )
        handler = bound.HANDLERS.get(name) if self._context is None else None
        if handler is not None:
            return handler(self, expr, scope)
        handler = _HANDLERS.get(name)
        if handler is not None:
            if self._context is None and name in _IN_INDICES:
                raise NeedsIndicesError(str(refusal(expr)), expr)
            return handler(self, expr, scope)
        if isinstance(expr, sp.Symbol):
            return self._symbol(expr, scope)
        if isinstance(expr, sp.Number):
            return Plan((), lambda _: self.frames.constant(_number(expr)))
        if name in NAMED:
            return Plan((), lambda _: Term(self.graph.add(NAMED[name])))
        if name in BY_SYMPY_CLASS and isinstance(expr, sp.Function):
            return Plan(expr.args, lambda terms: self.frames.apply(BY_SYMPY_CLASS[name], *terms))
        if isinstance(expr, sp.MatrixExpr) and self._context is None:
            raise NeedsIndicesError(str(refusal(expr)), expr)
        raise refusal(expr)

    def _symbol(self, symbol: sp.Symbol, scope: Scope) -> Plan:
        term = self._terms.get(symbol)
        if term is None and self._context is not None:
            bound = scope.bindings.get(symbol)
            if isinstance(bound, Term):
                return Plan((), lambda _: bound)
            macro = self._context.indices.macro(symbol)
            if macro is not None:
                return Plan((macro,), lambda terms: terms[0])
            self._context.refuse_number(symbol)
        if term is None:
            remedy = "add it to params=, data= or constants="
            if self._context is not None and str(symbol) in self._context.indices.sizes.values():
                remedy = "the size of that name has other assumptions: use one symbol for both"
            raise LoweringError(
                f"the symbol {symbol} is neither a parameter, nor data, nor a constant, nor "
                f"assigned before it is used; {remedy}",
                symbol,
            )
        return Plan((), lambda _: term)

    def truth(self, term: Term) -> Term:
        """Return a term as a truth value: a number is true unless it is zero."""
        if self.graph[term.node].kind is Kind.BOOL:
            return term
        return self.frames.apply("ne", term, self.frames.constant(0))

    def fold(self, op: str, terms: Sequence[Term]) -> Term:
        """Combine many terms by one operation, pairwise where there are many."""
        return self.frames.fold(op, terms, sort=self.indexed)

    def power(self, base: Term, exponent: Fraction) -> Term:
        """Return ``base**exponent`` for an exact exponent."""
        if exponent == 1:
            return base
        if exponent == Fraction(1, 2):
            return self.frames.apply("sqrt", base)
        op = "powi" if exponent.denominator == 1 else "pow"
        return self.frames.apply(op, base, self.frames.constant(exponent))

    def product(self, args: Sequence[Any], above: Sequence[Term] = ()) -> Plan:
        """Return the plan of a product of ``args``, and of terms that are there already."""
        factors: list[Any] = []
        below: list[tuple[Any, Fraction]] = []
        coefficient = Fraction(1)
        for arg in args:
            if arg.is_Rational:
                coefficient *= Fraction(int(arg.p), int(arg.q))
            elif arg.is_Pow and arg.exp.is_Rational and arg.exp.p < 0:
                below.append((arg.base, Fraction(-int(arg.exp.p), int(arg.exp.q))))
            else:
                factors.append(arg)

        def combine(terms: list[Term]) -> Term:
            frames = self.frames
            top = [*terms[: len(factors)], *above]
            if abs(coefficient.numerator) != 1 or not top:
                top.insert(0, frames.constant(abs(coefficient.numerator)))
            term = self.fold("mul", top)
            bottom = zip(terms[len(factors) :], below, strict=True)
            divisors = [self.power(base, exponent) for base, (_, exponent) in bottom]
            if coefficient.denominator != 1:
                divisors.insert(0, frames.constant(coefficient.denominator))
            if divisors:
                term = frames.apply("div", term, self.fold("mul", divisors))
            return frames.apply("neg", term) if coefficient < 0 else term

        return Plan([*factors, *[base for base, _ in below]], combine)


def _number(value: sp.Number) -> Fraction | Special:
    if value.is_Rational:
        return Fraction(int(value.p), int(value.q))
    if value is sp.oo:
        return Special.INF
    if value is -sp.oo:
        return Special.NEG_INF
    if value is sp.nan or value != value:
        return Special.NAN
    sign, mantissa, exponent, _ = value._mpf_
    if not mantissa and exponent:
        return Special.INF if value > 0 else Special.NEG_INF
    magnitude = int(mantissa) * (-1 if sign else 1)
    if abs(exponent) > 100_000:
        raise LoweringError(f"the number {brief(value)} is far outside the range of doubles", value)
    return magnitude * Fraction(2) ** int(exponent)
