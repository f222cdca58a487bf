"""Powers of sums with one, and roots of sums of squares."""

from __future__ import annotations

from fractions import Fraction

from symcompile.ir.algebra import exact
from symcompile.ir.build import Builder, Value, call
from symcompile.ir.graph import Special
from symcompile.passes.stable.site import (
    Rule,
    Site,
    Term,
    less,
    refined,
    square_of,
    terms_of,
    total,
    where,
    with_slopes,
)

# Up to these exponents neither the rounding of the base shows much, nor repeated squaring.
_SMALL_POWER, _SMALL_WHOLE = 8, 16
_MOST_SQUARES = 4


def _power_of_sum(site: Site) -> Value | None:
    """``(1 + u)^y``: what rounding ``1 + u`` took away is put back as a factor."""
    b = site.b
    base, exponent = site.args
    number = exact(b.graph, exponent)
    if number is not None:
        cheap = (2 * number).denominator == 1
        if abs(number) <= (_SMALL_WHOLE if cheap else _SMALL_POWER):
            return None
    terms = terms_of(b, base)
    ones = [k for k, t in enumerate(terms) if t.node is None and abs(t.coefficient) == 1]
    if len(ones) != 1 or len(terms) < 2:
        return None
    one = Value(b, b.constant(terms[ones[0]].coefficient))
    u = total(b, [t for k, t in enumerate(terms) if k != ones[0]])
    power, y, rounded = site.original, Value(b, exponent), Value(b, base)
    if site.op == "powi":
        # Repeated squaring is off by half the exponent.
        near = less(call("abs", u), Fraction(1, 2))
        return refined(power, where(near, call("exp", y * call("log1p", u)), power))
    back = rounded - u
    lost = (one - back) + (u - (rounded - back))
    relative = lost / rounded
    better = power * call("exp", y * relative)
    kept = less(call("abs", relative), Fraction(1, 2**50))
    return refined(power, where(kept, better, power))


def _squares(b: Builder, terms: list[Term]) -> list[Value] | None:
    """Return the bases where a sum is one of squares, of positive numbers too."""
    found: list[Value] = []
    for term in terms:
        if term.coefficient <= 0:
            return None
        root = _exact_root(term.coefficient)
        if term.node is None:
            if root is None:
                return None
            found.append(Value(b, b.constant(root)))
            continue
        base = square_of(b, term.node)
        if base is None or root is None:
            return None
        found.append(root * Value(b, base) if root != 1 else Value(b, base))
    return found


def _exact_root(value: Fraction) -> Fraction | None:
    import math

    root = Fraction(math.isqrt(value.numerator), math.isqrt(value.denominator))
    return root if root * root == value else None


# Sums of squares between these lose nothing, neither to overflow nor to subnormal numbers.
_LEAST, _MOST = Fraction(1, 2**960), Fraction(2**1020)


def _hypot(site: Site) -> Value | None:
    b = site.b
    terms = terms_of(b, site.args[0])
    if not 2 <= len(terms) <= _MOST_SQUARES:
        return None
    bases = _squares(b, terms)
    if bases is None:
        return None
    numbers = [v.exact() for v in bases]
    if any(v is not None and not Fraction(1, 10**100) < v < 10**100 for v in numbers):
        return None
    return norm(bases, site.original)


def norm(bases: list[Value], plain: Value) -> Value:
    """Return the root of the sum of squares of ``bases``, whose formula is ``plain``."""
    b = plain.builder
    squared = Value(b, b.graph[plain.node].args[0])
    largest = bases[0] if bases[0].exact() is not None else call("abs", bases[0])
    for base in bases[1:]:
        largest = call("max", largest, base if base.exact() is not None else call("abs", base))
    scaled: Value | None = None
    for base in bases:
        part = base / largest
        scaled = part * part if scaled is None else scaled + part * part
    assert scaled is not None
    safe = b.call("and", less(squared.lift(_LEAST), squared).node, less(squared, _MOST).node)
    edge = b.call("eq", largest.node, b.constant(Special.INF))
    if any(base.exact() is not None for base in bases):  # the sum is at least as large
        safe = less(squared, _MOST).node
    else:
        edge = b.call("or", b.call("eq", largest.node, b.constant(0)), edge)
    far = where(Value(b, edge), largest, largest * call("sqrt", scaled))
    better = where(Value(b, safe), plain, far)
    variable = [base for base in bases if base.exact() is None]
    return with_slopes(refined(plain, better), variable, lambda f: [x / f for x in variable])


RULES = [
    Rule(
        "power of 1 + u",
        ("pow", "powi"),
        _power_of_sum,
        "(1 + u)^y = s^y*exp(y*e/s), s the rounded sum 1 + u and e what rounding took",
        "e is a double: T. J. Dekker, A floating-point technique for extending the available "
        "precision, 1971; log(1 + e/s) = e/s up to rounding, as |e/s| <= 2^-53",
    ),
    Rule(
        "hypot",
        ("sqrt",),
        _hypot,
        "sqrt(x^2 + y^2) = m*sqrt((x/m)^2 + (y/m)^2), m = max(|x|, |y|)",
        "C. Moler, D. Morrison, Replacing square roots by Pythagorean sums, 1983; taken only "
        "where the squares leave the range",
    ),
]
