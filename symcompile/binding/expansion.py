"""Sums over the samples, multiplied out into products of parameters and products of columns.

Data alone are never multiplied out: ``x - 1e8`` stays one column, so that what cancels between
data cancels as it does in a pass over them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction

from symcompile.ir.graph import (
    REDUCTIONS,
    SAMPLES,
    Function,
    Graph,
    Input,
    Kind,
    payload,
)
from symcompile.ir.ops import OPS

#: A product of powers, ascending: of scalars (nodes of the function), or of columns.
Powers = tuple[tuple[int, int], ...]
#: The coefficient of each product of scalars with a product of columns.
Polynomial = Mapping[tuple[Powers, Powers], Fraction]

#: The inputs that are known only at a call.
LATE = frozenset({"param", "direction", "cotangent"})
_MOST_TERMS = 2000
_LARGEST_POWER = 16
#: What the spelling of an operation may use: see :func:`written`.
_WORDS = frozenset({"math", "abs", "if", "else", "and", "or", "not", "True", "False"})
_ONE: tuple[Powers, Powers] = ((), ())


class NotPolynomialError(Exception):
    """Says what keeps a function from being a polynomial of few terms in what is known late."""


def written(op: str) -> bool:
    """Return whether an operation of scalars can be written with Python's own functions.

    >>> written("exp"), written("besselj")
    (True, False)
    """
    words = re.findall(r"(?<![\w.])[A-Za-z_]\w*", OPS[op].python) if op in OPS else ["nothing"]
    return _WORDS.issuperset(words)


class Columns:
    """What depends on data alone and has a value for each sample, of several functions.

    Attributes:
        graph: the formulas of the columns: equal ones are one node.
    """

    def __init__(self) -> None:
        self.graph = Graph()

    def copied(self, graph: Graph, index: int, known: dict[int, int]) -> int:
        """Return the node of :attr:`graph` that is node ``index`` of another graph."""
        for at in graph.ancestors([index]):
            if at not in known:
                known[at] = self._copy(graph, at, known)
        return known[index]

    def reciprocal(self, column: int) -> int:
        """Return one over a column."""
        return self.graph.add("div", (self.graph.constant(1), column))

    def _copy(self, graph: Graph, at: int, known: Mapping[int, int]) -> int:
        node = graph[at]
        args = tuple(known[arg] for arg in node.args)
        if node.kind is Kind.COMPLEX:
            raise NotPolynomialError("it has complex numbers")
        if node.op == "const":
            return self.graph.constant(node.data)  # type: ignore[arg-type]
        if node.op == "input":
            found = payload(node)
            return self.graph.input(found.role, found.slot, node.axes, node.kind)
        if node.op == "extent":
            return self.graph.extent(SAMPLES)
        if node.op in REDUCTIONS:
            return self.graph.reduce(node.op, args[0], 0)
        if node.op not in OPS:
            raise NotPolynomialError(f"{node.op} of the data")
        return self.graph.add(node.op, args)


class Expansion:
    """The sums of one function, multiplied out.

    Attributes:
        sums: each sum over the samples that the result is made from, as a polynomial in nodes of
            the function and columns; in topological order.
        late: which nodes are known only at a call.
    """

    def __init__(self, function: Function, columns: Columns) -> None:
        """Multiply out.

        Raises:
            NotPolynomialError: says why there is no such polynomial.
        """
        self.graph = function.graph
        self.columns = columns
        self.late: dict[int, bool] = {}
        self.sums: dict[int, Polynomial] = {}
        self._known: dict[int, int] = {}
        self._polynomials: dict[int, Polynomial] = {}
        order = self.graph.ancestors(function.roots())
        for index in order:
            node = self.graph[index]
            own = isinstance(node.data, Input) and node.data.role in LATE
            self.late[index] = own or any(self.late[arg] for arg in node.args)
        for index in self._needed(function, order):
            node = self.graph[index]
            if node.op == "reduce_sum":
                self.sums[index] = self.polynomial(node.args[0])
            elif node.op in REDUCTIONS:
                raise NotPolynomialError("a product or a maximum over the samples")
            elif node.axes:
                raise NotPolynomialError("it has a value for each sample")
            else:
                self._scalar(index)
                if node.op in OPS and not written(node.op):
                    raise NotPolynomialError(f"{node.op} of sums")

    def _needed(self, function: Function, order: Sequence[int]) -> list[int]:
        """Return the nodes that are computed from sums and scalars, and these."""
        wanted = set(function.roots())
        for index in reversed(order):
            if index in wanted and not self.graph[index].axes:
                node = self.graph[index]
                if node.op not in REDUCTIONS:
                    wanted.update(node.args)
                    continue
                body = self.polynomial(node.args[0]) if node.op == "reduce_sum" else {}
                wanted.update(variable for scalars, _ in body for variable, _ in scalars)
        return [index for index in order if index in wanted]

    def polynomial(self, root: int) -> Polynomial:
        """Return a node over the samples multiplied out."""
        found = self._polynomials
        pending = [root]
        while pending:
            index = pending[-1]
            if index in found:
                pending.pop()
                continue
            node = self.graph[index]
            within = bool(node.axes) and (self.late[index] or node.op in ("mul", "neg"))
            missing = [arg for arg in node.args if within and arg not in found]
            if missing:
                pending += missing
                continue
            found[index] = self._node(index) if node.axes else self._scalar(index)
            if len(found[index]) > _MOST_TERMS:
                raise NotPolynomialError("it has too many terms")
        return found[root]

    def _scalar(self, index: int) -> Polynomial:
        node = self.graph[index]
        if node.kind is Kind.COMPLEX:
            raise NotPolynomialError("it has complex numbers")
        if node.op == "const":
            if not isinstance(node.data, Fraction):
                raise NotPolynomialError("it has an infinite constant")
            return {_ONE: node.data} if node.data else {}
        return {(((index, 1),), ()): Fraction(1)}

    def _node(self, index: int) -> Polynomial:
        node, found = self.graph[index], self._polynomials
        late = self.late[index]
        if node.op == "neg":
            return _scaled(found[node.args[0]], Fraction(-1))
        if node.op == "mul":
            return _product(found[node.args[0]], found[node.args[1]])
        if not late:
            return self._column(self._copied(index))
        if node.op in ("add", "sub"):
            sign = Fraction(1 if node.op == "add" else -1)
            return _sum(found[node.args[0]], _scaled(found[node.args[1]], sign))
        if node.op == "div":
            return _product(found[node.args[0]], self._inverse(node.args[1]))
        if node.op in ("pow", "powi"):
            exponent = self.graph[node.args[1]].data
            if isinstance(exponent, Fraction) and exponent.denominator == 1:
                power = exponent.numerator
                if 0 < power <= _LARGEST_POWER:
                    result = found[node.args[0]]
                    for _ in range(power - 1):
                        result = _product(result, found[node.args[0]])
                    return result
        raise NotPolynomialError(f"{node.op} of the parameters")

    def _inverse(self, index: int) -> Polynomial:
        """Return one over a node."""
        node = self.graph[index]
        if not node.axes:
            if node.op == "const" and isinstance(node.data, Fraction) and node.data:
                return {_ONE: 1 / node.data}
            return {(((index, -1),), ()): Fraction(1)}
        if self.late[index]:
            raise NotPolynomialError("a quotient by the parameters")
        return self._column(self.columns.reciprocal(self._copied(index)))

    def _copied(self, index: int) -> int:
        return self.columns.copied(self.graph, index, self._known)

    def _column(self, column: int) -> Polynomial:
        return {((), ((column, 1),)): Fraction(1)}


def _scaled(terms: Polynomial, factor: Fraction) -> Polynomial:
    return {key: factor * value for key, value in terms.items()} if factor != 1 else terms


def _sum(left: Polynomial, right: Polynomial) -> Polynomial:
    found = dict(left)
    for key, value in right.items():
        total = found.get(key, Fraction(0)) + value
        if total:
            found[key] = total
        else:
            found.pop(key, None)
    return found


def _product(left: Polynomial, right: Polynomial) -> Polynomial:
    if len(left) * len(right) > 16 * _MOST_TERMS:
        raise NotPolynomialError("it has too many terms")
    found: dict[tuple[Powers, Powers], Fraction] = {}
    for (scalars, columns), value in left.items():
        for (more_scalars, more_columns), factor in right.items():
            key = (_joined(scalars, more_scalars), _joined(columns, more_columns))
            total = found.get(key, Fraction(0)) + value * factor
            if total:
                found[key] = total
            else:
                del found[key]
    return found


def _joined(left: Powers, right: Powers) -> Powers:
    """Return a product of products.

    >>> _joined(((1, 2), (3, 1)), ((2, 1), (3, 1)))
    ((1, 2), (2, 1), (3, 2))
    """
    if not left or not right:
        return left or right
    powers = dict(left)
    for base, power in right:
        powers[base] = powers.get(base, 0) + power
    return tuple(sorted((base, power) for base, power in powers.items() if power))
