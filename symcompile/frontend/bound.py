"""Lowering what binds a variable, in formulas of numbers: sums, products, integrals, derivatives.

The summand or integrand is lowered into a graph of its own, where the variable hides a symbol of
the same name, and any other symbol is captured as it is met.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import sympy as sp

from symcompile.errors import LoweringError
from symcompile.frontend import indexed
from symcompile.frontend.brief import brief
from symcompile.frontend.closed_forms import closed_form
from symcompile.frontend.frames import SAMPLE, Term
from symcompile.frontend.plan import Handler, NeedsIndicesError, Plan
from symcompile.frontend.scope import Scope
from symcompile.ir.bodies import abstracted, closed, transplanted
from symcompile.ir.graph import Graph, Input, Kind, Special

if TYPE_CHECKING:
    from symcompile.frontend.lowering import Lowering

#: Sums within sums and the like go no deeper, nor do derivatives of derivatives.
_DEEPEST = 40


class _Terms(dict[Any, Term]):
    """The symbols of a body: bound ones, and those around it, captured when they are asked for."""

    def __init__(self, around: Mapping[Any, Term], graph: Graph, outer: Graph) -> None:
        super().__init__()
        self.around, self.graph, self.outer = around, graph, outer
        #: The nodes around the body that it captures.
        self.captured: list[int] = []

    def get(self, key: Any, default: Any = None) -> Any:
        if not super().__contains__(key):
            term = self.around.get(key)
            if term is None:
                return default
            self[key] = self.capture(term.node)
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        return self.get(key) is not None

    def __getitem__(self, key: Any) -> Term:
        found: Term | None = self.get(key)
        if found is None:
            raise KeyError(key)
        return found

    def capture(self, node: int) -> Term:
        """Return the term that stands for a node around the body."""
        if node not in self.captured:
            self.captured.append(node)
        slot = self.captured.index(node)
        return Term(self.graph.input("captured", slot, (), self.outer[node].kind))


class Enclosed:
    """A lowering for what stands within a sum, an integral or a substitution.

    Args:
        around: the lowering of the formula around it.
        expr: for error messages.

    Attributes:
        graph: what it is lowered into.
        lowering: what lowers it.
        terms: its symbols.
    """

    def __init__(self, around: Lowering, expr: Any) -> None:
        if around.depth >= _DEEPEST:
            raise LoweringError(f"{brief(expr)} is nested too deeply", expr)
        self.around = around
        self.graph = Graph()
        self.lowering = around.within(self.graph, self._symbols)
        self.frames = self.lowering.frames

    def _symbols(self, around: Mapping[Any, Term]) -> dict[Any, Term]:
        self.terms = _Terms(around, self.graph, self.around.graph)
        return self.terms

    def variable(self) -> Term:
        """Return the term of the variable."""
        return Term(self.graph.input("bound", 0))

    def bind(self, symbol: Any, term: Term) -> None:
        """Let a symbol stand for a term; it hides what is called so around it."""
        self.terms[symbol] = term

    def made(self, op: str, limits: Sequence[Term], root: Term) -> Term:
        """Return an operation with the body whose result is ``root``."""
        body, slots = closed(self.graph, root.node)
        captured = [self.terms.captured[slot] for slot in slots]
        args = (*[limit.node for limit in limits], *captured)
        return _term(self.around, self.around.graph.bound(op, args, body))


def _term(lowering: Lowering, node: int) -> Term:
    return Term(node, (SAMPLE,) if lowering.graph[node].axes else ())


def _limit(expr: Any) -> tuple[Any, Any, Any]:
    """Return the variable and the limits of the outermost sum or integral.

    Raises:
        LoweringError: there are none, or not two.
        NeedsIndicesError: the variable is an index.
    """
    variable, *bounds = expr.limits[-1]
    if not isinstance(variable, sp.Symbol):
        raise NeedsIndicesError(f"cannot compile {brief(expr)}: its variable is no symbol", expr)
    if len(bounds) != 2:
        what = "integral" if isinstance(expr, sp.Integral) else "sum or product"
        raise LoweringError(
            f"cannot compile {brief(expr)} ({type(expr).__name__}): an indefinite {what} is no "
            f"number; give {variable} limits, as in ({variable}, 0, 1), or call .doit() on it",
            expr,
        )
    return variable, bounds[0], bounds[1]


def _inner(expr: Any) -> Any:
    """Return what stands within the outermost sum or integral: perhaps another."""
    return expr.func(expr.function, *expr.limits[:-1]) if expr.limits[1:] else expr.function


def _refuse_sizes(self: Lowering, limit: Any, expr: Any) -> None:
    """Complain of a limit that is a size: a constant that is an integer, or not declared at all."""
    stack, seen = [limit], set()
    while stack:
        part = stack.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, sp.Symbol) and self.is_size(part):
            raise NeedsIndicesError(f"{brief(expr)}: the limit {part} is a size", expr)
        stack += part.args


def _stepped(op: str, self: Lowering, expr: Any, scope: Scope) -> Plan:
    if self.indexed:
        return indexed.HANDLERS[type(expr).__name__](self, expr, scope)
    if getattr(expr.function, "is_Matrix", False):
        raise NeedsIndicesError(f"{brief(expr)} is a sum of matrices", expr)
    variable, low, high = _limit(expr)
    for limit in (low, high):
        _refuse_sizes(self, limit, expr)
    if low.is_infinite or high.is_infinite:
        found = closed_form(expr)
        return Plan((found,), lambda terms: terms[0])

    def combine(terms: list[Term]) -> Term:
        enclosed = Enclosed(self, expr)
        enclosed.bind(variable, enclosed.variable())
        root = enclosed.lowering.term(_inner(expr))
        complexes = [self.graph[term.node].kind is Kind.COMPLEX for term in terms]
        ends = [
            self.frames.apply("re", term) if complex_ else term
            for term, complex_ in zip(terms, complexes, strict=True)
        ]
        return enclosed.made(op, ends, root)

    return Plan((low, high), combine)


def _integral(self: Lowering, expr: Any, scope: Scope) -> Plan:
    variable, low, high = _limit(expr)

    def combine(terms: list[Term]) -> Term:
        enclosed = Enclosed(self, expr)
        along, scale = enclosed.variable(), None
        if any(self.graph[term.node].kind is Kind.COMPLEX for term in terms):
            terms, along, scale = _straight(self, enclosed, terms)
        enclosed.bind(variable, along)
        root = enclosed.lowering.term(_inner(expr))
        if scale is not None:
            root = enclosed.frames.apply("mul", root, scale)
        return enclosed.made("integral", terms, root)

    return Plan((low, high), combine)


def _straight(
    self: Lowering, enclosed: Enclosed, terms: Sequence[Term]
) -> tuple[list[Term], Term, Term | None]:
    """Return real limits, the variable and its slope on the straight way between complex limits.

    One limit may be infinite: the way then runs along the real axis.
    """
    apply, constant, t = enclosed.frames.apply, self.frames.constant, enclosed.variable()
    low, high = (enclosed.terms.capture(term.node) for term in terms)
    infinite = [isinstance(self.graph[term.node].data, Special) for term in terms]
    if infinite[1]:
        return [constant(0), terms[1]], apply("add", low, t), None
    if infinite[0]:
        return [terms[0], constant(0)], apply("add", high, t), None
    slope = apply("sub", high, low)
    along = apply("add", low, apply("mul", slope, t))
    return [constant(0), constant(1)], along, slope


def _derivative(self: Lowering, expr: Any, scope: Scope) -> Plan:
    variables: list[Any] = []
    for variable, count in expr.variable_count:
        if not getattr(count, "is_Integer", False) or len(variables) + count > _DEEPEST:
            raise LoweringError(
                f"cannot compile {brief(expr)} (Derivative): the order must be a number, at most "
                f"{_DEEPEST}",
                expr,
            )
        variables += [variable] * int(count)

    def combine(terms: list[Term]) -> Term:
        node = terms[0].node
        for term, variable in zip(terms[1:], variables, strict=True):
            if self.graph[term.node].op == "const":
                raise LoweringError(f"{brief(expr)}: {variable} is a number", expr)
            body, captured = abstracted(self.graph, node, term.node)
            node = self.graph.bound("derivative", (term.node, *captured), body)
        return _term(self, node)

    return Plan((expr.expr, *variables), combine)


def _substitution(self: Lowering, expr: Any, scope: Scope) -> Plan:
    def combine(terms: list[Term]) -> Term:
        enclosed = Enclosed(self, expr)
        for variable, term in zip(expr.variables, terms, strict=True):
            enclosed.bind(variable, enclosed.terms.capture(term.node))
        root = enclosed.lowering.term(expr.expr)
        leaves = {Input("captured", k): n for k, n in enumerate(enclosed.terms.captured)}
        (node,) = transplanted(self.graph, enclosed.graph, [root.node], leaves)
        return _term(self, node)

    return Plan(expr.point, combine)


#: What lowers each SymPy class that binds a variable, in a formula of numbers.
HANDLERS: dict[str, Handler] = {
    "Sum": partial(_stepped, "sum"),
    "Product": partial(_stepped, "product"),
    "Integral": _integral,
    "Derivative": _derivative,
    "Subs": _substitution,
}
