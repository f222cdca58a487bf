"""Two terms of a sum that nearly cancel: ``f(z) - 1``, and ``f(x) - f(y)``.

Terms are compared with all their other factors, so that ``a*exp(z) - a`` is seen as well as
``exp(z) - 1``; the terms may stand anywhere in a flat sum.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from symcompile.ir.algebra import exact
from symcompile.ir.build import Builder, Value, call
from symcompile.ir.graph import Special
from symcompile.passes.stable.site import (
    Rule,
    Site,
    Term,
    difference,
    joined,
    less,
    refined,
    split,
    square_of,
    total,
    unrefined,
    where,
    with_slopes,
)

_DLMF = "NIST DLMF"

#: Terms of more factors are not searched: sums of long products would take quadratic time.
_MOST_FACTORS = 8

_HAMMING = "R. W. Hamming, Numerical Methods for Scientists and Engineers (2nd ed., 1973), ch. 3"


@dataclass(frozen=True)
class _Part:
    """A term taken apart: ``coefficient*rest*op(z)``, or divided by it where ``below``."""

    coefficient: Fraction
    op: str
    node: int
    top: tuple[int, ...]
    bottom: tuple[int, ...]
    below: bool = False

    @property
    def rest(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        return self.top, self.bottom


def _without(nodes: tuple[int, ...], k: int) -> tuple[int, ...]:
    return tuple(sorted(nodes[:k] + nodes[k + 1 :]))


class _Factors(NamedTuple):
    """A product: the number in front, its other factors and divisors, and their operations."""

    number: Fraction
    top: tuple[int, ...]
    bottom: tuple[int, ...]
    ops: frozenset[str]


_NONE = _Factors(Fraction(1), (), (), frozenset())


def _factors(b: Builder, node: int | None) -> _Factors:
    """Return the factors of a node; None is the number 1."""
    if node is None:
        return _NONE
    found: _Factors | None = b.memo.get(("factors", node))
    if found is None:
        top, bottom, negative = split(b, node)
        c = Fraction(-1 if negative else 1)
        for nodes, power in ((top, 1), (bottom, -1)):
            for factor in list(nodes):
                value = exact(b.graph, factor)
                if value:
                    c *= value**power
                    nodes.remove(factor)
        few = len(top) + len(bottom) <= _MOST_FACTORS
        ops = frozenset(b.graph[factor].op for factor in (*top, *bottom) if few)
        found = _Factors(c, tuple(sorted(top)), tuple(sorted(bottom)), ops)
        b.memo["factors", node] = found
    return found


def _taken_apart(b: Builder, term: Term) -> tuple[Fraction, tuple[int, ...], tuple[int, ...]]:
    """Return the number in front of a term, its other factors, and its other divisors."""
    found = _factors(b, term.node)
    return term.coefficient * found.number, found.top, found.bottom


def _whole(b: Builder, term: Term) -> _Part:
    """Return a term as a coefficient and a rest."""
    c, top, bottom = _taken_apart(b, term)
    return _Part(c, "", -1, top, bottom)


def _parts(b: Builder, term: Term, ops: frozenset[str]) -> Iterator[_Part]:
    own = _factors(b, term.node).ops
    if not own or ("pow" not in ops and not own & ops):
        return
    c, top, bottom = _taken_apart(b, term)
    if "pow" in ops:
        top = tuple(unrefined(b, node) for node in top)
    for k, node in enumerate(top):
        if b.graph[node].op in ops:
            yield _Part(c, b.graph[node].op, node, _without(top, k), bottom)
    for k, node in enumerate(bottom):
        if b.graph[node].op in ops:
            yield _Part(c, b.graph[node].op, node, tuple(sorted(top)), _without(bottom, k), True)


def _replaced(site: Site, gone: Counter[int], part: _Part, made: Value) -> Value:
    """Return the sum with two terms replaced by ``part`` with ``made`` as its function."""
    b = site.b
    node = joined(b, [*part.top, made.node], list(part.bottom)).node
    terms: list[Term] = []
    for k, term in enumerate(site.terms):
        if k not in gone:
            terms.append(term)
        elif k == min(gone):
            terms.append(Term(part.coefficient, node))
    return total(b, terms)


def _beside_one(
    site: Site, ops: frozenset[str], form: Callable[[Value, Value, bool], Value | None]
) -> Value | None:
    """Replace ``f + 1`` (or ``f - 1``, where the last argument of ``form`` is true)."""
    b = site.b
    wholes: list[_Part] = []
    for i, term in enumerate(site.terms):
        for part in _parts(b, term, ops):
            if part.below:
                continue
            wholes = wholes or [_whole(b, term) for term in site.terms]
            for j, other in enumerate(wholes):
                if (
                    j == i
                    or other.rest != part.rest
                    or abs(other.coefficient) != abs(part.coefficient)
                ):
                    continue
                made = form(
                    site.value(part.node), site.number(1), other.coefficient != part.coefficient
                )
                if made is not None:
                    return _replaced(site, Counter([i, j]), part, made)
    return None


def _two(
    site: Site,
    ops: frozenset[str],
    form: Callable[[Value, Value], Value | None],
    same: bool = False,
) -> Value | None:
    """Replace ``f(x) - f(y)`` (``f(x) + f(y)`` if ``same``) by what ``form`` makes of the two."""
    b = site.b
    found: list[tuple[int, _Part]] = []
    for i, term in enumerate(site.terms):
        found += [(i, part) for part in _parts(b, term, ops) if not part.below]
    for a, (i, part) in enumerate(found):
        for j, other in found[a + 1 :]:
            sign = 1 if same else -1
            if i == j or part.rest != other.rest or part.coefficient != sign * other.coefficient:
                continue
            made = form(site.value(part.node), site.value(other.node))
            if made is not None:
                return _replaced(site, Counter([i, j]), part, made)
    return None


def _arg(f: Value) -> Value:
    return Value(f.builder, f.builder.graph[f.node].args[0])


def _op(f: Value) -> str:
    return f.builder.graph[f.node].op


# -- beside one --------------------------------------------------------------------------------


def _expm1(site: Site) -> Value | None:
    def form(f: Value, one: Value, minus: bool) -> Value | None:
        return call("expm1", _arg(f)) if minus else None

    return _beside_one(site, frozenset({"exp"}), form)


def _cosine(site: Site) -> Value | None:
    def form(f: Value, one: Value, minus: bool) -> Value:
        half = _arg(f) / 2
        root = call("sin" if minus else "cos", half)
        better = 2 * (root * root)
        return refined(f - 1, -better) if minus else refined(f + 1, better)

    return _beside_one(site, frozenset({"cos"}), form)


def _sine(site: Site) -> Value | None:
    def form(f: Value, one: Value, minus: bool) -> Value:
        quarter = Value(f.builder, f.builder.call("pi")) / 4
        half = _arg(f) / 2
        root = call("sin", quarter - half if minus else quarter + half)
        better = 2 * (root * root)
        return refined(f - 1, -better) if minus else refined(f + 1, better)

    return _beside_one(site, frozenset({"sin"}), form)


def _cosh(site: Site) -> Value | None:
    def form(f: Value, one: Value, minus: bool) -> Value | None:
        root = call("sinh", _arg(f) / 2)
        return refined(f - 1, 2 * (root * root)) if minus else None

    return _beside_one(site, frozenset({"cosh"}), form)


def _tanh(site: Site) -> Value | None:
    def form(f: Value, one: Value, minus: bool) -> Value:
        twice = 2 * _arg(f)
        return -2 * call("sigmoid", -twice) if minus else 2 * call("sigmoid", twice)

    return _beside_one(site, frozenset({"tanh"}), form)


def _sigmoid(site: Site) -> Value | None:
    def form(f: Value, one: Value, minus: bool) -> Value | None:
        return -call("sigmoid", -_arg(f)) if minus else None

    return _beside_one(site, frozenset({"sigmoid"}), form)


def _erf(site: Site) -> Value | None:
    def form(f: Value, one: Value, minus: bool) -> Value | None:
        if _op(f) == "erfc":
            return -call("erf", _arg(f)) if minus else None
        return -call("erfc", _arg(f)) if minus else call("erfc", -_arg(f))

    return _beside_one(site, frozenset({"erf", "erfc"}), form)


_SQUARES = {"sin": "cos", "cos": "sin", "tanh": "sech_squared", "cosh": "sinh"}


def _squared(site: Site) -> Value | None:
    def form(f: Value, one: Value, minus: bool) -> Value | None:
        base = square_of(f.builder, f.node)
        inner = None if base is None else Value(f.builder, base)
        if inner is None or not minus or _op(inner) not in _SQUARES:
            return None
        other = call(_SQUARES[_op(inner)], _arg(inner))
        if _op(inner) == "tanh":
            return -other
        square = call("powi", other, 2)
        return square if _op(inner) == "cosh" else -square

    return _beside_one(site, frozenset({"mul", "powi"}), form)


def _power(site: Site) -> Value | None:
    def form(f: Value, one: Value, minus: bool) -> Value | None:
        base, exponent = (Value(f.builder, arg) for arg in f.builder.graph[f.node].args)
        if not minus or (_op(f) == "powi" and abs(exponent.exact() or Fraction(0)) <= 4):
            return None
        log = exponent * _log(base)
        near = less(call("abs", log), 1)
        return refined(f - 1, where(near, call("expm1", log), f - 1))

    return _beside_one(site, frozenset({"pow", "powi"}), form)


def _log(base: Value) -> Value:
    """Return a logarithm, as log1p of what is left of ``base - 1``."""
    b = base.builder
    small = difference(b, base.node, b.constant(1))
    return call("log", base) if small is None else call("log1p", small)


# -- two of a kind -----------------------------------------------------------------------------


def _opposite(x: Value, y: Value) -> bool:
    """Return whether ``y`` is ``-x`` as it is written."""
    return y.builder.call("neg", y.node) == x.node or (-x).node == y.node


def _sinh(site: Site) -> Value | None:
    def form(f: Value, h: Value) -> Value | None:
        return 2 * call("sinh", _arg(f)) if _opposite(_arg(f), _arg(h)) else None

    return _two(site, frozenset({"exp", "expm1"}), form)


def _two_cosh(site: Site) -> Value | None:
    def form(f: Value, h: Value) -> Value | None:
        if not _opposite(_arg(f), _arg(h)):
            return None
        if _op(f) == _op(h) == "exp":
            return 2 * call("cosh", _arg(f))
        if _op(f) == _op(h) == "expm1":
            root = call("sinh", _arg(f) / 2)
            return refined(f + h, 4 * (root * root))
        return None

    return _two(site, frozenset({"exp", "expm1"}), form, same=True)


def _hyperbolic(site: Site) -> Value | None:
    def form(sign: int) -> Callable[[Value, Value], Value | None]:
        def made(f: Value, h: Value) -> Value | None:
            if {_op(f), _op(h)} != {"sinh", "cosh"} or _arg(f).node != _arg(h).node:
                return None
            first = 1 if _op(f) == "cosh" or sign > 0 else -1
            return first * call("exp", sign * _arg(f))

        return made

    kinds = frozenset({"sinh", "cosh"})
    found = _two(site, kinds, form(-1))
    return _two(site, kinds, form(1), same=True) if found is None else found


def _hyperbolic_squares(site: Site) -> Value | None:
    def form(f: Value, h: Value) -> Value | None:
        bases = [square_of(f.builder, v.node) for v in (f, h)]
        if None in bases:
            return None
        first, second = (Value(f.builder, base) for base in bases if base is not None)
        if {_op(first), _op(second)} != {"sinh", "cosh"} or _arg(first).node != _arg(second).node:
            return None
        return f.lift(1 if _op(first) == "cosh" else -1)

    return _two(site, frozenset({"mul", "powi"}), form)


def _of_differences(
    op: str, form: Callable[[Value, Value, Value], Value], always: bool = False
) -> Callable[[Site], Value | None]:
    """Return a rule for ``op(x) - op(y)``; ``form`` is given ``x``, ``y`` and ``x - y``."""

    def apply(site: Site) -> Value | None:
        def made(f: Value, h: Value) -> Value | None:
            x, y = _arg(f), _arg(h)
            if op == "log":
                x, y = (1 + v if _op(w) == "log1p" else v for v, w in ((x, f), (y, h)))
            d = difference(site.b, x.node, y.node)
            if d is None:
                if not always:
                    return None
                d = x - y
            return form(x, y, d)

        return _two(site, frozenset({op, "log1p"} if op == "log" else {op}), made)

    return apply


def _sqrt_difference(x: Value, y: Value, d: Value) -> Value:
    left, right = call("sqrt", x), call("sqrt", y)
    s = left + right
    infinity = Value(x.builder, x.builder.constant(Special.INF))
    return where(less(s, infinity), d / s, left - right)


def _cbrt_difference(x: Value, y: Value, d: Value) -> Value:
    p, q = call("cbrt", x), call("cbrt", y)
    return d / (p * p + p * q + q * q)


def _close(d: Value, y: Value) -> tuple[Value, Value]:
    """Return d/y, and whether y is positive and ``y + d`` of its order of magnitude."""
    b, ratio = d.builder, d / y
    near = b.call("and", less(ratio.lift(Fraction(-1, 2)), ratio).node, less(ratio, 4).node)
    return ratio, Value(b, b.call("and", less(y.lift(0), y).node, near))


def _log_difference(x: Value, y: Value, d: Value) -> Value:
    plain = _log(x) - _log(y)
    ratio, near = _close(d, y)
    better = where(near, call("log1p", ratio), plain)
    # As a function of d and y: x is y + d.
    return with_slopes(refined(plain, better), [d, y], lambda f: [1 / x, -(d / x / y)])


def _atan_difference(x: Value, y: Value, d: Value) -> Value:
    # Both arguments of atan2 divided by what keeps x*y in range.
    m = call("max", call("abs", x), 1)
    value = call("atan2", d / m, 1 / m + (x / m) * y)
    u, v = 1 + x * x, 1 + y * y
    # The difference as a function of d and y: x is y + d.
    return with_slopes(value, [d, y], lambda f: [1 / u, -(d * (x + y)) / u / v])


def _sin_difference(x: Value, y: Value, d: Value) -> Value:
    return 2 * call("sin", d / 2) * call("cos", y + d / 2)


def _cos_difference(x: Value, y: Value, d: Value) -> Value:
    return -2 * call("sin", d / 2) * call("sin", y + d / 2)


def _tan_difference(x: Value, y: Value, d: Value) -> Value:
    return call("sin", d) / (call("cos", x) * call("cos", y))


def _exp_difference(x: Value, y: Value, d: Value) -> Value:
    return call("exp", y) * call("expm1", d)


def _sigmoid_difference(x: Value, y: Value, d: Value) -> Value:
    up = call("sigmoid", x) * call("sigmoid", -y)
    down = call("sigmoid", -x) * call("sigmoid", y)
    better = where(less(d, 0), down * call("expm1", d), -(up * call("expm1", -d)))
    return refined(call("sigmoid", x) - call("sigmoid", y), better)


def _tanh_difference(x: Value, y: Value, d: Value) -> Value:
    inner = _sigmoid_difference(2 * x, 2 * y, 2 * d)
    better = 2 * Value(x.builder, x.builder.graph[inner.node].args[1])
    return refined(call("tanh", x) - call("tanh", y), better)


def _erf_difference(x: Value, y: Value, d: Value) -> Value:
    half = Fraction(1, 2)
    plain = call("erf", x) - call("erf", y)
    upper = call("erfc", y) - call("erfc", x)
    lower = call("erfc", -x) - call("erfc", -y)
    better = where(
        less(x.lift(half), call("min", x, y)),
        upper,
        where(less(call("max", x, y), -half), lower, plain),
    )
    return refined(plain, better)


def _power_difference(site: Site) -> Value | None:
    def form(f: Value, h: Value) -> Value | None:
        b = f.builder
        (x, e), (y, k) = b.graph[f.node].args, b.graph[h.node].args
        d = difference(b, x, y)
        if e != k or d is None:
            return None
        ratio, near = _close(d, Value(b, y))
        better = h * call("expm1", Value(b, e) * call("log1p", ratio))
        return refined(f - h, where(near, better, f - h))

    return _two(site, frozenset({"pow"}), form)


def _logged(b: Builder, term: Term) -> tuple[Fraction, Value] | None:
    """Return c and x where a term is ``c*x*log(x)``."""
    if term.node is None:
        return None
    c, top, bottom = _taken_apart(b, Term(term.coefficient, unrefined(b, term.node)))
    if len(top) != 2 or bottom:
        return None
    for log, other in (top, top[::-1]):
        node = b.graph[log]
        if node.op == "log" and node.args[0] == other:
            return c, Value(b, other)
        if node.op == "log1p" and (1 + Value(b, node.args[0])).node == other:
            return c, Value(b, other)
    return None


def _entropies(site: Site) -> Value | None:
    b = site.b
    found = [(i, part) for i, t in enumerate(site.terms) if (part := _logged(b, t)) is not None]
    for a, (i, (c, x)) in enumerate(found):
        for j, (other, y) in found[a + 1 :]:
            d = difference(b, x.node, y.node)
            if c != -other or d is None:
                continue
            plain = x * _log(x) - y * _log(y)
            ratio = _log_difference(x, y, d)
            inside = Value(b, b.call("lt", b.constant(0), call("min", x, y).node))
            better = where(inside, y * ratio + d * _log(x), plain)
            # As a function of d and y: x is y + d.
            slopes = [_log(x) + 1, ratio]
            made = with_slopes(refined(plain, better), [d, y], lambda f, s=slopes: s)  # type: ignore[misc]
            return _replaced(site, Counter([i, j]), _Part(c, "", -1, (), ()), made)
    return None


def _inverse_roots(site: Site) -> Value | None:
    """``1/sqrt(x) - 1/sqrt(y) = -(x - y)/(sqrt(x)*sqrt(y)*(sqrt(x) + sqrt(y)))``."""
    b = site.b
    found: list[tuple[int, _Part]] = []
    for i, term in enumerate(site.terms):
        found += [(i, p) for p in _parts(b, term, frozenset({"sqrt"})) if p.below]
    for a, (i, part) in enumerate(found):
        for j, other in found[a + 1 :]:
            if i == j or part.rest != other.rest or part.coefficient != -other.coefficient:
                continue
            p, q = site.value(part.node), site.value(other.node)
            d = difference(b, _arg(p).node, _arg(q).node)
            if d is not None:
                return _replaced(site, Counter([i, j]), part, -d / p / q / (p + q))
    return None


def _right_angle(site: Site) -> Value | None:
    """``pi/2 - atan(x)``, ``pi/2 - asin(x)`` and ``pi/2 - acos(x)``."""
    b = site.b
    pi = b.call("pi")
    wholes: list[_Part] = []
    for i, term in enumerate(site.terms):
        for part in _parts(b, term, frozenset({"atan", "asin", "acos"})):
            top = tuple(sorted([*part.top, pi]))
            wholes = wholes or [_whole(b, term) for term in site.terms]
            for j, other in enumerate(wholes):
                if (
                    part.below
                    or other.rest != (top, part.bottom)
                    or other.coefficient != -part.coefficient / 2
                ):
                    continue
                x = _arg(site.value(part.node))
                if part.op == "atan":
                    made = -call("atan2", x.lift(1), x)
                else:
                    made = -call("acos" if part.op == "asin" else "asin", x)
                return _replaced(site, Counter([i, j]), part, made)
    return None


_SUMS = ("add", "sub")


def _sum_rule(
    name: str,
    apply: Callable[[Site], Value | None],
    identity: str,
    source: str,
    *needs: str,
    complex: bool = False,
) -> Rule:
    return Rule(name, _SUMS, apply, identity, source, frozenset(needs), complex)


RULES = [
    _sum_rule("expm1", _expm1, "exp(z) - 1 = expm1(z)", "definition of expm1", "exp", complex=True),
    _sum_rule(
        "1 -+ cos",
        _cosine,
        "1 - cos(z) = 2*sin(z/2)^2, 1 + cos(z) = 2*cos(z/2)^2",
        f"{_DLMF} 4.21.21, 4.21.22",
        "cos",
    ),
    _sum_rule(
        "1 -+ sin",
        _sine,
        "1 -+ sin(z) = 2*sin(pi/4 -+ z/2)^2",
        f"{_DLMF} 4.21.21 at pi/2 - z",
        "sin",
    ),
    _sum_rule("cosh - 1", _cosh, "cosh(z) - 1 = 2*sinh(z/2)^2", f"{_DLMF} 4.35.20", "cosh"),
    _sum_rule(
        "1 -+ tanh",
        _tanh,
        "1 -+ tanh(z) = 2*sigmoid(-+2*z)",
        f"{_DLMF} 4.28.2, both halves divided by exp(z)",
        "tanh",
    ),
    _sum_rule(
        "1 - sigmoid",
        _sigmoid,
        "1 - 1/(1 + exp(-z)) = 1/(1 + exp(z))",
        "over one denominator",
        "sigmoid",
    ),
    _sum_rule(
        "1 -+ erf",
        _erf,
        "1 - erf(z) = erfc(z), 1 + erf(z) = erfc(-z), 1 - erfc(z) = erf(z)",
        f"{_DLMF} 7.2.2, 7.4.1",
        "erf",
        "erfc",
    ),
    _sum_rule(
        "1 - square",
        _squared,
        "1 - sin^2 = cos^2, 1 - cos^2 = sin^2, 1 - tanh^2 = 1/cosh^2, cosh^2 - 1 = sinh^2",
        f"{_DLMF} 4.21.12, 4.35.11, 4.35.12",
        "mul",
        "powi",
    ),
    _sum_rule(
        "power - 1",
        _power,
        "x^y - 1 = expm1(y*log(x)) for x > 0; taken where |y*log(x)| < 1",
        "definition of the power",
        "pow",
        "powi",
        "refined",
    ),
    _sum_rule("2 sinh", _sinh, "exp(z) - exp(-z) = 2*sinh(z)", f"{_DLMF} 4.28.1", "exp", "expm1"),
    _sum_rule(
        "2 cosh",
        _two_cosh,
        "exp(z) + exp(-z) = 2*cosh(z), expm1(z) + expm1(-z) = 4*sinh(z/2)^2",
        f"{_DLMF} 4.28.2, 4.35.20",
        "exp",
        "expm1",
    ),
    _sum_rule(
        "cosh -+ sinh",
        _hyperbolic,
        "cosh(z) + sinh(z) = exp(z), cosh(z) - sinh(z) = exp(-z)",
        f"{_DLMF} 4.28.3",
        "cosh",
        "sinh",
    ),
    _sum_rule(
        "cosh^2 - sinh^2",
        _hyperbolic_squares,
        "cosh(z)^2 - sinh(z)^2 = 1",
        f"{_DLMF} 4.35.11",
        "mul",
        "powi",
    ),
    _sum_rule(
        "sqrt - sqrt",
        _of_differences("sqrt", _sqrt_difference, always=True),
        "sqrt(x) - sqrt(y) = (x - y)/(sqrt(x) + sqrt(y)) for x, y >= 0, not both 0",
        f"{_HAMMING}; the product of sum and difference",
        "sqrt",
    ),
    _sum_rule(
        "1/sqrt - 1/sqrt",
        _inverse_roots,
        "1/sqrt(x) - 1/sqrt(y) = -(x - y)/(sqrt(x)*sqrt(y)*(sqrt(x) + sqrt(y)))",
        f"{_HAMMING}; over one denominator",
        "div",
    ),
    _sum_rule(
        "cbrt - cbrt",
        _of_differences("cbrt", _cbrt_difference),
        "cbrt(x) - cbrt(y) = (x - y)/(p^2 + p*q + q^2) with p and q the two roots",
        f"{_HAMMING}; (p - q)*(p^2 + p*q + q^2) = p^3 - q^3",
        "cbrt",
    ),
    _sum_rule(
        "power - power",
        _power_difference,
        "x^a - y^a = y^a*expm1(a*log1p((x - y)/y)), taken where y/2 < x < 5*y",
        "(x/y)^a = exp(a*log(x/y))",
        "pow",
        "refined",
    ),
    _sum_rule(
        "log - log",
        _of_differences("log", _log_difference),
        "log(x) - log(y) = log1p((x - y)/y), taken where y/2 < x < 5*y",
        f"{_HAMMING}; x/y = 1 + (x - y)/y",
        "log",
        "log1p",
    ),
    _sum_rule(
        "x log x - y log y",
        _entropies,
        "x*log(x) - y*log(y) = y*log1p((x - y)/y) + (x - y)*log(x) for x, y > 0",
        f"{_HAMMING}; log(x) = log(y) + log1p((x - y)/y)",
        "sloped",
    ),
    _sum_rule(
        "atan - atan",
        _of_differences("atan", _atan_difference),
        "atan(x) - atan(y) = atan2(x - y, 1 + x*y)",
        f"{_DLMF} 4.24.15; the sine and cosine of the difference, times sqrt(1+x^2)*sqrt(1+y^2)",
        "atan",
    ),
    _sum_rule(
        "sin - sin",
        _of_differences("sin", _sin_difference),
        "sin(x) - sin(y) = 2*sin((x - y)/2)*cos((x + y)/2)",
        f"{_DLMF} 4.21.9",
        "sin",
    ),
    _sum_rule(
        "cos - cos",
        _of_differences("cos", _cos_difference),
        "cos(x) - cos(y) = -2*sin((x - y)/2)*sin((x + y)/2)",
        f"{_DLMF} 4.21.11",
        "cos",
    ),
    _sum_rule(
        "tan - tan",
        _of_differences("tan", _tan_difference),
        "tan(x) - tan(y) = sin(x - y)/(cos(x)*cos(y))",
        f"{_DLMF} 4.21.5; over one denominator",
        "tan",
    ),
    _sum_rule(
        "exp - exp",
        _of_differences("exp", _exp_difference),
        "exp(x) - exp(y) = exp(y)*expm1(x - y)",
        "definition of expm1",
        "exp",
    ),
    _sum_rule(
        "sigmoid - sigmoid",
        _of_differences("sigmoid", _sigmoid_difference, always=True),
        "s(x) - s(y) = -s(x)*s(-y)*expm1(y - x) = s(-x)*s(y)*expm1(x - y), s the sigmoid",
        "s(x)*(1 - s(y)) - s(y)*(1 - s(x)), and s(-x)*s(y) = exp(y - x)*s(x)*s(-y)",
        "sigmoid",
    ),
    _sum_rule(
        "tanh - tanh",
        _of_differences("tanh", _tanh_difference, always=True),
        "tanh(x) - tanh(y) = 2*(sigmoid(2*x) - sigmoid(2*y))",
        "tanh(x) = 2*sigmoid(2*x) - 1",
        "tanh",
    ),
    _sum_rule(
        "erf - erf",
        _of_differences("erf", _erf_difference, always=True),
        "erf(x) - erf(y) = erfc(y) - erfc(x) = erfc(-x) - erfc(-y)",
        f"{_DLMF} 7.2.2, 7.4.1",
        "erf",
    ),
    _sum_rule(
        "right angle",
        _right_angle,
        "pi/2 - atan(x) = atan2(1, x), pi/2 - asin(x) = acos(x), pi/2 - acos(x) = asin(x)",
        f"{_DLMF} 4.24.3; the angle between the axis and (x, 1)",
        "atan",
        "asin",
        "acos",
    ),
]
