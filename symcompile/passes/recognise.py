"""Numerically stable forms in place of ones that overflow or cancel.

Runs before differentiation, so that derivatives are those of the stable form, and again after.
Each rewrite is an identity of real numbers:

- ``log(1 + u) = log1p(u)`` and ``exp(u) - 1 = expm1(u)``: no cancellation where u is small.
- ``log(1 + exp(z)) = softplus(z)``: no overflow; its derivative is ``sigmoid(z)``.
- ``a/(1 + exp(z)) = a*sigmoid(-z)``: its derivative does not become inf/inf.
- ``a*exp(z)/(1 + exp(z)) = a*sigmoid(z)``, among further factors and in small powers.
- sums of exponentials: see :mod:`symcompile.passes.exponentials`.

Source: N. J. Higham, *Accuracy and Stability of Numerical Algorithms* (2nd ed., 2002),
sections 1.14 and 27; M. Mächler, *Accurately computing log(1 - exp(-|a|))* (2012).
"""

from __future__ import annotations

from fractions import Fraction

from symcompile.ir.algebra import exact
from symcompile.ir.build import Builder
from symcompile.ir.graph import Function, Node
from symcompile.passes.exponentials import log1p_of, log_of, quotient
from symcompile.passes.rewrite import rewrite

# Products of more factors are not searched.
_MOST_FACTORS = 8


def recognise(function: Function) -> Function:
    """Return ``function`` with stable forms where their unstable spellings stood."""
    return rewrite(function, _rule)


def _rule(b: Builder, node: Node, args: tuple[int, ...]) -> int | None:
    if node.op == "log":
        small = _one_plus(b, args[0])
        return log_of(b, args[0]) if small is None else _log1p(b, small)
    if node.op == "log1p":
        return _log1p(b, args[0])
    if node.op == "sub":
        return _expm1(b, args)
    if node.op == "div":
        found = _sigmoid(b, args)
        return quotient(b, b.call("div", *args)) if found is None else found
    return None


def _one_plus(b: Builder, node: int) -> int | None:
    """Return u where ``node`` is ``1 + u``."""
    found = b.graph[node]
    if found.op == "add":
        for first, second in (found.args, found.args[::-1]):
            if exact(b.graph, first) == 1:
                return second
    if found.op == "sub":
        if exact(b.graph, found.args[0]) == 1:
            return b.call("neg", found.args[1])
        if exact(b.graph, found.args[1]) == Fraction(-1):
            return found.args[0]
    return None


def _exponent(b: Builder, node: int) -> int | None:
    """Return z where ``node`` is ``exp(z)``."""
    found = b.graph[node]
    return found.args[0] if found.op == "exp" else None


def _log1p(b: Builder, small: int) -> int:
    z = _exponent(b, small)
    if z is not None:
        return b.call("softplus", z)
    found = log1p_of(b, small)
    return b.call("log1p", small) if found is None else found


def _expm1(b: Builder, args: tuple[int, ...]) -> int | None:
    for first, second, negate in ((args[0], args[1], False), (args[1], args[0], True)):
        z = _exponent(b, first)
        if z is not None and exact(b.graph, second) == 1:
            result = b.call("expm1", z)
            return b.call("neg", result) if negate else result
    return None


def _sigmoid(b: Builder, args: tuple[int, ...]) -> int | None:
    top, kept, changed = args[0], b.constant(1), False
    for factor in _factors(b, args[1]):
        base, power = _power(b, factor)
        small = _one_plus(b, base)
        z = None if small is None else _exponent(b, small)
        if small is None or z is None:
            kept = b.call("mul", kept, factor)
            continue
        changed = True
        for _ in range(power):
            rest = _without(b, top, small)
            if rest is None:
                top = b.call("mul", top, b.call("sigmoid", b.call("neg", z)))
            else:
                top = b.call("mul", rest, b.call("sigmoid", z))
    return b.call("div", top, kept) if changed else None


def _factors(b: Builder, product: int, most: int = _MOST_FACTORS) -> list[int]:
    """Return the factors of a product; the last ones together where there are many."""
    found: list[int] = []
    pending = [product]
    while pending:
        node = b.graph[pending[-1]]
        if node.op == "mul" and len(found) + len(pending) < most:
            pending[-1:] = node.args[::-1]
        else:
            found.append(pending.pop())
    return found


def _power(b: Builder, node: int) -> tuple[int, int]:
    """Return base and exponent of a small power."""
    found = b.graph[node]
    if found.op == "powi":
        power = exact(b.graph, found.args[1])
        if power is not None and 0 < power <= _MOST_FACTORS:
            return found.args[0], int(power)
    return node, 1


def _without(b: Builder, product: int, factor: int) -> int | None:
    """Return ``product`` without one ``factor`` of it, or None where it has no such factor."""
    factors = _factors(b, product)
    if factor not in factors:
        return None
    factors.remove(factor)
    result = b.constant(1)
    for node in factors:
        result = b.call("mul", result, node)
    return result
