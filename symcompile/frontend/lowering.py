"""SymPy -> IR. Visits each distinct subexpression once, with a stack of its own.

SymPy trees are graphs with shared subtrees: a walk that forgets what it has seen is
exponential, and a recursive one overflows. So nothing here recurses, and nothing calls a SymPy
function that walks (``str``, ``free_symbols``, ``subs``). What cannot be lowered exactly is
refused, with the subexpression and what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, TypeAlias

import sympy as sp
from sympy.core.function import AppliedUndef

from symcompile.errors import LoweringError
from symcompile.frontend.brief import brief
from symcompile.ir.graph import Graph, Kind, Special
from symcompile.ir.ops import BY_SYMPY_CLASS, CONSTANTS

#: The children that an expression needs, and what makes its node from theirs.
_Plan: TypeAlias = tuple[Sequence[Any], Callable[[list[int]], int]]
_Handler: TypeAlias = Callable[["Lowering", Any], _Plan]

# A chain of additions this long is summed pairwise instead, so error grows with its logarithm.
_PAIRWISE = 8

_HINTS = {
    "Derivative": "call .doit() on it, or define the derivative as a symbol",
    "Integral": "call .doit() on it, or integrate numerically",
    "Sum": "call .doit() on it where its limits are numbers",
    "Product": "call .doit() on it where its limits are numbers",
    "Subs": "call .doit() on it",
    "re": "declare the symbols real=True",
    "im": "declare the symbols real=True",
    "conjugate": "declare the symbols real=True",
    "arg": "declare the symbols real=True",
    "ImaginaryUnit": "only real formulas can be compiled",
    "ComplexInfinity": "the formula divides by zero",
    "DiracDelta": "differentiate with symcompile, not with SymPy: it has the one-sided rules",
    "Heaviside": "write it as a Piecewise",
    "Mod": "write Mod(a, b) as a - b*floor(a/b)",
    "factorial": "write factorial(n) as gamma(n + 1)",
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
    "acot": (False, "atan", True),
    "asech": (False, "acosh", True),
    "acsch": (False, "asinh", True),
    "acoth": (False, "atanh", True),
}

_NAMED = {sympy: op for op, (_, sympy) in CONSTANTS.items()}


class Lowering:
    """Lowers expressions into one graph.

    >>> g = Graph()
    >>> x = sp.Symbol("x")
    >>> lowering = Lowering(g, {x: g.input("param", 0)})
    >>> g[lowering.lower(sp.sin(x))].op
    'sin'
    """

    def __init__(self, graph: Graph, symbols: Mapping[sp.Basic, int]) -> None:
        self.graph = graph
        self._symbols = dict(symbols)
        # Keyed by identity: comparing two SymPy graphs can be exponential. The object is kept
        # beside its node so that its address is not used again.
        self._seen: dict[int, tuple[int, Any]] = {}

    def assign(self, symbol: sp.Basic, expr: Any) -> None:
        """Name an intermediate: ``symbol`` stands for ``expr`` from here on."""
        node = self.lower(expr)
        self._symbols[symbol] = node
        if self.graph[node].args:
            self.graph.labels.setdefault(node, str(symbol))

    def knows(self, symbol: sp.Basic) -> bool:
        """Return whether ``symbol`` has a meaning already."""
        return symbol in self._symbols

    def lower(self, expr: Any) -> int:
        """Return the node for ``expr``.

        Raises:
            LoweringError: a subexpression has no exact counterpart.
        """
        try:
            root = sp.sympify(expr, strict=True)  # text would be evaluated
        except (sp.SympifyError, TypeError) as error:
            raise LoweringError(f"{expr!r} is not a SymPy expression", expr) from error
        stack = [root]
        seen = self._seen
        while stack:
            current = stack[-1]
            if id(current) in seen:
                stack.pop()
                continue
            children, combine = self._plan(current)
            pending = [child for child in children if id(child) not in seen]
            if pending:
                stack.extend(reversed(pending))
                continue
            stack.pop()
            node = combine([seen[id(child)][0] for child in children])
            seen[id(current)] = (node, current)
        return seen[id(root)][0]

    def _plan(self, expr: Any) -> _Plan:
        """Return the children that ``expr`` needs, and what makes its node from theirs."""
        name = type(expr).__name__
        graph = self.graph
        if isinstance(expr, AppliedUndef):  # whatever its name: it has no meaning
            raise _refusal(expr)
        handler = _HANDLERS.get(name)
        if handler is not None:
            return handler(self, expr)
        if isinstance(expr, sp.Symbol):
            return (), lambda _: self._symbol(expr)
        if isinstance(expr, sp.Number):
            return (), lambda _: graph.constant(_number(expr))
        if name in _NAMED:
            return (), lambda _: graph.add(_NAMED[name])
        if name in _COMPARISONS:
            op, swap = _COMPARISONS[name]
            return expr.args, lambda nodes: graph.add(op, tuple(nodes[::-1] if swap else nodes))
        if name in _RECIPROCALS:
            return expr.args, lambda nodes: self._reciprocal(name, nodes[0])
        if name in BY_SYMPY_CLASS and isinstance(expr, sp.Function):
            return expr.args, lambda nodes: graph.add(BY_SYMPY_CLASS[name], tuple(nodes))
        raise _refusal(expr)

    def _symbol(self, symbol: sp.Symbol) -> int:
        node: int | None = self._symbols.get(symbol)
        if node is None:
            raise LoweringError(
                f"the symbol {symbol} is neither a parameter, nor data, nor a constant, nor "
                "assigned before it is used; add it to params=, data= or constants=",
                symbol,
            )
        return node

    def _reciprocal(self, name: str, node: int) -> int:
        outer, op, inner = _RECIPROCALS[name]
        one = self.graph.constant(1)
        if inner:
            node = self.graph.add("div", (one, node))
        node = self.graph.add(op, (node,))
        return self.graph.add("div", (one, node)) if outer else node

    def truth(self, node: int) -> int:
        """Return a node as a truth value: a number is true unless it is zero."""
        if self.graph[node].kind is Kind.BOOL:
            return node
        return self.graph.add("ne", (node, self.graph.constant(0)))

    def _fold(self, op: str, nodes: Sequence[int]) -> int:
        """Combine many nodes by one operation, pairwise where there are many."""
        row = list(nodes)
        while len(row) > _PAIRWISE:
            pairs = [self.graph.add(op, (a, b)) for a, b in zip(row[::2], row[1::2], strict=False)]
            row = pairs + row[len(row) & ~1 :]
        total = row[0]
        for node in row[1:]:
            total = self.graph.add(op, (total, node))
        return total

    def power(self, base: int, exponent: Fraction) -> int:
        """Return ``base**exponent`` for an exact exponent."""
        if exponent == 1:
            return base
        if exponent == Fraction(1, 2):
            return self.graph.add("sqrt", (base,))
        op = "powi" if exponent.denominator == 1 else "pow"
        return self.graph.add(op, (base, self.graph.constant(exponent)))


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


def _add(self: Lowering, expr: Any) -> _Plan:
    return expr.args, lambda nodes: self._fold("add", nodes)


def _mul(self: Lowering, expr: Any) -> _Plan:
    above: list[Any] = []
    below: list[tuple[Any, Fraction]] = []
    coefficient = Fraction(1)
    for arg in expr.args:
        if arg.is_Rational:
            coefficient *= Fraction(int(arg.p), int(arg.q))
        elif arg.is_Pow and arg.exp.is_Rational and arg.exp.p < 0:
            below.append((arg.base, Fraction(-int(arg.exp.p), int(arg.exp.q))))
        else:
            above.append(arg)

    def combine(nodes: list[int]) -> int:
        graph = self.graph
        top, bottom = nodes[: len(above)], nodes[len(above) :]
        factors = list(top)
        if abs(coefficient.numerator) != 1 or not factors:
            factors.insert(0, graph.constant(abs(coefficient.numerator)))
        node = self._fold("mul", factors)
        divisors = [self.power(b, e) for b, (_, e) in zip(bottom, below, strict=True)]
        if coefficient.denominator != 1:
            divisors.insert(0, graph.constant(coefficient.denominator))
        if divisors:
            node = graph.add("div", (node, self._fold("mul", divisors)))
        return graph.add("neg", (node,)) if coefficient < 0 else node

    return [*above, *[base for base, _ in below]], combine


def _pow(self: Lowering, expr: Any) -> _Plan:
    base, exponent = expr.args
    if exponent.is_Rational:
        power = Fraction(int(exponent.p), int(exponent.q))
        if power > 0:
            return (base,), lambda nodes: self.power(nodes[0], power)
        one = self.graph.constant(1)
        return (base,), lambda nodes: self.graph.add("div", (one, self.power(nodes[0], -power)))
    return (base, exponent), lambda nodes: self.graph.add("pow", (nodes[0], nodes[1]))


def _log(self: Lowering, expr: Any) -> _Plan:
    def combine(nodes: list[int]) -> int:
        logs = [self.graph.add("log", (node,)) for node in nodes]
        return logs[0] if len(logs) == 1 else self.graph.add("div", (logs[0], logs[1]))

    return expr.args, combine


def _piecewise(self: Lowering, expr: Any) -> _Plan:
    pieces = [part for pair in expr.args for part in pair.args]

    def combine(nodes: list[int]) -> int:
        result = self.graph.constant(Special.NAN)
        for value, condition in reversed(list(zip(nodes[::2], nodes[1::2], strict=True))):
            if self.graph[condition].op == "true":
                result = value
            else:
                result = self.graph.add("select", (self.truth(condition), value, result))
        return result

    return pieces, combine


def _chain(op: str) -> _Handler:
    def handler(self: Lowering, expr: Any) -> _Plan:
        return expr.args, lambda nodes: self._fold(op, nodes)

    return handler


def _logic(op: str) -> Callable[[Lowering, Any], Any]:
    def handler(self: Lowering, expr: Any) -> tuple[Sequence[Any], Callable[[list[int]], int]]:
        return expr.args, lambda nodes: self._fold(op, [self.truth(node) for node in nodes])

    return handler


def _ite(self: Lowering, expr: Any) -> _Plan:
    def combine(nodes: list[int]) -> int:
        g = self.graph
        condition, yes, no = self.truth(nodes[0]), nodes[1], nodes[2]
        if Kind.BOOL not in (g[yes].kind, g[no].kind):
            return g.add("select", (condition, yes, no))
        yes, no = self.truth(yes), self.truth(no)
        otherwise = g.add("and", (g.add("not", (condition,)), no))
        return g.add("or", (g.add("and", (condition, yes)), otherwise))

    return expr.args, combine


def _not(self: Lowering, expr: Any) -> _Plan:
    return expr.args, lambda nodes: self.graph.add("not", (self.truth(nodes[0]),))


def _literal(op: str) -> _Handler:
    return lambda self, expr: ((), lambda _: self.graph.add(op))


def _same(self: Lowering, expr: Any) -> _Plan:
    return expr.args, lambda nodes: nodes[0]


def _polygamma(self: Lowering, expr: Any) -> _Plan:
    order, argument = expr.args
    if not order.is_Integer or order < 0:
        raise LoweringError(
            f"{brief(expr)}: the order of polygamma must be a whole number known now", expr
        )
    if order == 0:
        return (argument,), lambda nodes: self.graph.add("digamma", (nodes[0],))
    node = self.graph.constant(int(order))
    return (argument,), lambda nodes: self.graph.add("polygamma", (node, nodes[0]))


def _refuse(self: Lowering, expr: Any) -> Any:
    raise _refusal(expr)


_HANDLERS: dict[str, _Handler] = {
    "Add": _add,
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
    "polygamma": _polygamma,
    "ComplexInfinity": _refuse,
    "ImaginaryUnit": _refuse,
}


def _refusal(expr: Any) -> LoweringError:
    name = type(expr).__name__
    hint = _HINTS.get(name)
    if isinstance(expr, AppliedUndef):
        name, hint = "undefined function", "give its formula, or a symbol in its place"
    if hint is None:
        hint = f"known functions: {', '.join(supported_functions())}"
    return LoweringError(f"cannot compile {brief(expr)} ({name}): {hint}", expr)


def supported_functions() -> Iterable[str]:
    """Return the names of the SymPy functions that can be lowered, sorted."""
    names = {"log", "sqrt", "Piecewise", "Min", "Max", "ITE", "polygamma", *_RECIPROCALS}
    named = {name for name in BY_SYMPY_CLASS if name not in _NAMED}
    return sorted(names | named, key=str.lower)
