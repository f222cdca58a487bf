"""Multiplying out: nodes that are polynomials of few terms, with exact coefficients."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from symcompile.ir.graph import Graph

#: A product of powers: (node, exponent) pairs, ascending by node.
Monomial = tuple[tuple[int, int], ...]
Polynomial = Mapping[Monomial, Fraction]

_MOST_TERMS = 64
_MOST_BITS = 1 << 16


def polynomials(
    graph: Graph,
    roots: Sequence[int],
    variables: Iterable[int],
    values: Mapping[int, Fraction] | None = None,
) -> list[Polynomial] | None:
    """Return nodes multiplied out, or None where one is no polynomial of few terms.

    Args:
        graph: the graph.
        roots: the nodes wanted.
        variables: the nodes that stand for themselves.
        values: inputs whose value is known.

    Example:
        >>> g = Graph()
        >>> x = g.input("param", 0)
        >>> square = g.add("powi", (g.add("add", (x, g.constant(1))), g.constant(2)))
        >>> [(m, int(c)) for m, c in polynomials(g, [square], [x])[0].items()]
        [((), 1), (((0, 1),), 2), (((0, 2),), 1)]
    """
    found: dict[int, dict[Monomial, Fraction]] = {}
    for variable in variables:
        found[variable] = {((variable, 1),): Fraction(1)}
    for node, value in (values or {}).items():
        found[node] = {(): value} if value else {}
    for index in graph.ancestors(roots):
        if index not in found:
            made = _node(graph, index, found)
            if made is None or not _reasonable(made):
                return None
            found[index] = made
    return [dict(sorted(found[root].items())) for root in roots]


def _reasonable(terms: dict[Monomial, Fraction]) -> bool:
    return len(terms) <= _MOST_TERMS and all(
        c.numerator.bit_length() + c.denominator.bit_length() <= _MOST_BITS for c in terms.values()
    )


def _node(
    graph: Graph, index: int, found: Mapping[int, dict[Monomial, Fraction]]
) -> dict[Monomial, Fraction] | None:
    node = graph[index]
    if isinstance(node.data, Fraction):
        return {(): node.data} if node.data else {}
    args = [found[arg] for arg in node.args]
    if node.op == "neg":
        return {m: -c for m, c in args[0].items()}
    if node.op in ("add", "sub"):
        return _sum(args[0], args[1], 1 if node.op == "add" else -1)
    if node.op == "mul":
        return _product(args[0], args[1])
    if node.op == "div":
        divisor = args[1].get(())
        if divisor is None or len(args[1]) != 1:
            return None
        return {m: c / divisor for m, c in args[0].items()}
    if node.op == "powi":
        power = graph[node.args[1]].data
        if not isinstance(power, Fraction) or not 0 <= power <= _MOST_TERMS:
            return None
        return _power(args[0], int(power))
    return None


def _sum(
    x: dict[Monomial, Fraction], y: dict[Monomial, Fraction], sign: int
) -> dict[Monomial, Fraction]:
    total = dict(x)
    for monomial, coefficient in y.items():
        value = total.get(monomial, Fraction(0)) + sign * coefficient
        if value:
            total[monomial] = value
        else:
            total.pop(monomial, None)
    return total


def _product(x: dict[Monomial, Fraction], y: dict[Monomial, Fraction]) -> dict[Monomial, Fraction]:
    total: dict[Monomial, Fraction] = {}
    for m1, c1 in x.items():
        for m2, c2 in y.items():
            powers = dict(m1)
            for node, exponent in m2:
                powers[node] = powers.get(node, 0) + exponent
            monomial = tuple(sorted(powers.items()))
            total[monomial] = total.get(monomial, Fraction(0)) + c1 * c2
    return {m: c for m, c in total.items() if c}


def _power(x: dict[Monomial, Fraction], power: int) -> dict[Monomial, Fraction] | None:
    result: dict[Monomial, Fraction] = {(): Fraction(1)}
    for _ in range(power):
        result = _product(result, x)
        if not _reasonable(result):
            return None
    return result
