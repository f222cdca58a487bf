"""Products and quotients: exponentials, gamma functions, what tends to a limit at zero."""

from __future__ import annotations

from fractions import Fraction

from symcompile.ir.algebra import exact
from symcompile.ir.build import Builder, Value, call
from symcompile.passes.exponentials import quotient
from symcompile.passes.stable.site import (
    Rule,
    Site,
    Term,
    argument,
    collected,
    difference,
    gamma_argument,
    joined,
    less,
    refined,
    split,
    terms_of,
    total,
    where,
    with_slopes,
)

# Products of more factors are not searched.
_MOST_FACTORS = 8
# The largest shift between gamma functions that is written out.
_MOST_SHIFTS = 24


def _exponent(b: Builder, node: int) -> int | None:
    return argument(b, node, "exp")


def _one_plus_exp(b: Builder, node: int) -> int | None:
    """Return z where a node is ``1 + exp(z)``."""
    terms = terms_of(b, node)
    if len(terms) != 2 or any(term.coefficient != 1 for term in terms):
        return None
    for one, other in (terms, terms[::-1]):
        if one.node is None:
            return argument(b, other.node, "exp")
    return None


def _powers(b: Builder, nodes: list[int]) -> list[int]:
    """Return factors with small powers written out."""
    found: list[int] = []
    for node in nodes:
        power = exact(b.graph, b.graph[node].args[1]) if b.graph[node].op == "powi" else None
        if power is not None and 0 < power <= _MOST_FACTORS:
            found += [b.graph[node].args[0]] * int(power)
        else:
            found.append(node)
    return found


def _sigmoid(site: Site) -> Value | None:
    b = site.b
    top, bottom, negative = split(b, site.original.node)
    if len(top) + len(bottom) > 4 * _MOST_FACTORS:
        return None
    kept: list[int] = []
    changed = False
    for factor in bottom:
        (base, *more) = _powers(b, [factor])
        z = _one_plus_exp(b, base)
        if z is None:
            kept.append(factor)
            continue
        changed = True
        small = b.call("exp", z)
        for _ in (base, *more):
            if small in top:
                top.remove(small)
                top.append(b.call("sigmoid", z))
            else:
                top.append(b.call("sigmoid", b.call("neg", z)))
    return joined(b, top, kept, negative) if changed else None


def _softmax(site: Site) -> Value | None:
    found = quotient(site.b, site.original.node)
    return None if found is None else site.value(found)


def _tanh(site: Site) -> Value | None:
    """``(exp(z) - 1)/(exp(z) + 1)``, and ``sinh/cosh``."""
    b = site.b
    top, bottom, negative = split(b, site.original.node)
    for factor in top:
        z = argument(b, factor, "expm1")
        x = argument(b, factor, "sinh")
        if z is None and x is None:
            continue
        for divisor in bottom:
            if x is not None and argument(b, divisor, "cosh") == x:
                made = call("tanh", site.value(x))
            elif z is not None and _one_plus_exp(b, divisor) == z:
                made = call("tanh", site.value(z) / 2)
            else:
                continue
            top.remove(factor)
            bottom.remove(divisor)
            return joined(b, [*top, made.node], bottom, negative)
    return None


def _merged(site: Site) -> Value | None:
    b = site.b
    top, bottom, negative = split(b, site.original.node)
    above = [f for f in top if _exponent(b, f) is not None]
    below = [f for f in bottom if _exponent(b, f) is not None]
    if len(above) + len(below) < 2:
        return None
    exponent: Value | None = None
    for factor in above:
        z = site.value(b.graph[factor].args[0])
        exponent = z if exponent is None else exponent + z
    for factor in below:
        z = site.value(b.graph[factor].args[0])
        exponent = -z if exponent is None else exponent - z
    assert exponent is not None
    top = [f for f in top if f not in above]
    bottom = [f for f in bottom if f not in below]
    return joined(b, [*top, call("exp", exponent).node], bottom, negative)


def _bose(site: Site) -> Value | None:
    """``1/(exp(z) - 1)``, and the same times ``exp(z)``."""
    b = site.b
    top, bottom, negative = split(b, site.original.node)
    kept: list[int] = []
    for divisor in bottom:
        bases = _powers(b, [divisor])
        z = argument(b, bases[0], "expm1")
        if z is None:
            kept.append(divisor)
            continue
        exponential = b.call("exp", z)
        for _ in bases:
            if exponential in top:
                top.remove(exponential)
                top.append((-call("bose", -site.value(z))).node)
            else:
                top.append(b.call("bose", z))
    return None if len(kept) == len(bottom) else joined(b, top, kept, negative)


def _reciprocal(site: Site) -> Value | None:
    """Divisors that grow fast: what their reciprocals are, and what slopes these have."""
    b = site.b
    top, bottom, negative = split(b, site.original.node)
    kept: list[int] = []
    for divisor in bottom:
        bases = _powers(b, [divisor])
        inner = b.graph[bases[0]]
        if inner.op not in ("cosh", "sinh", "gamma"):
            kept.append(divisor)
            continue
        z = site.value(inner.args[0])
        if inner.op == "cosh":
            made = [call("sech", z)] * len(bases)
            if len(bases) == 2:
                made = [call("sech_squared", z)]
        else:
            one = 1 / site.value(bases[0])
            sinh = inner.op == "sinh"
            slope = 1 / call("tanh", z) if sinh else call("digamma", z)
            made = [with_slopes(one, [z], lambda f, s=slope: [-(f * s)])] * len(bases)  # type: ignore[misc]
        top += [value.node for value in made]
    return None if len(kept) == len(bottom) else joined(b, top, kept, negative)


def _erfcx(site: Site) -> Value | None:
    b = site.b
    top, bottom, negative = split(b, site.original.node)
    for erfc in top:
        z = argument(b, erfc, "erfc")
        if z is None:
            continue
        x = site.value(z)
        for factor in top:
            exponent = _exponent(b, factor)
            if exponent is None:
                continue
            if exponent in ((x * x).node, call("powi", x, 2).node):
                rest = x.lift(0)
            else:
                found = difference(b, exponent, call("powi", x, 2).node)
                if found is None:
                    continue
                rest = found
            better = call("erfcx", x) if rest.exact() == 0 else call("exp", rest) * call("erfcx", x)
            plain = site.value(factor) * site.value(erfc)
            # To the left erfcx is the larger of the two.
            made = better if rest.exact() == 0 else where(less(x, 0), plain, better)
            top.remove(factor)
            top.remove(erfc)
            return joined(b, [*top, made.node], bottom, negative)
    return None


def _gammas(site: Site) -> Value | None:
    """``gamma(x + k)/gamma(x)`` as a product, or as a function of its own."""
    b = site.b
    top, bottom, negative = split(b, site.original.node)
    for above in top:
        x = gamma_argument(b, above)
        if x is None:
            continue
        for below in bottom:
            y = gamma_argument(b, below)
            if y is None:
                continue
            d = difference(b, x.node, y.node)
            shift = None if d is None else d.exact()
            if shift == 0 or y.node == x.node:
                continue
            top.remove(above)
            bottom.remove(below)
            if shift is None or shift.denominator != 1 or abs(shift) > _MOST_SHIFTS:
                ratio = call("rising_factorial", y, x - y if d is None else d)
                return joined(b, [*top, ratio.node], bottom, negative)
            lower = y if shift > 0 else x
            # Small factors first, so that a product that is in range stays there.
            made = [(lower + k).node for k in range(int(abs(shift)))]
            if shift > 0:
                return joined(b, [*top, *made], bottom, negative)
            result = joined(b, top, bottom, negative)
            for node in made:
                result = result / site.value(node)
            return result
    return None


def _binomial(site: Site) -> Value | None:
    """``gamma(n + 1)/(gamma(k + 1)*gamma(n - k + 1))``, and its reciprocal, a beta function."""
    b = site.b
    top, bottom, negative = split(b, site.original.node)
    found = [[(f, x) for f in nodes if (x := gamma_argument(b, f)) is not None]
             for nodes in (top, bottom)]  # fmt: skip
    for one, two in (found, found[::-1]):
        for whole, n in one:
            for k, (first, x) in enumerate(two):
                for second, y in two[k + 1 :]:
                    rest = collected(terms_of(b, (x + y - n).node))
                    if set(rest) - {None} or rest.get(None, 0) not in (0, 1):
                        continue
                    shift = rest.get(None, 0)
                    if one is found[0] and shift == 1:
                        made = call("binomial", n - 1, x - 1)
                    elif one is found[1] and shift == 0:
                        made = call("beta", x, y)
                    else:
                        continue
                    for node in (whole, first, second):
                        (top if node in top else bottom).remove(node)
                    return joined(b, [*top, made.node], bottom, negative)
    return None


def _cancelled(site: Site) -> Value | None:
    """``(a*d - c)/d``: its derivatives in d, by the rule for quotients, would cancel."""
    b = site.b
    top, bottom, negative = split(b, site.original.node)
    for node in top:
        terms = terms_of(b, node)
        if len(terms) < 2:
            continue
        for d in bottom:
            if exact(b.graph, d) is not None:
                continue
            without = [_divided(b, term, d) for term in terms]
            if all(term is None for term in without):
                continue
            made: list[Term] = []
            for term, rest in zip(terms, without, strict=True):
                if rest is not None:
                    made.append(rest)
                else:
                    part = total(b, [Term(Fraction(1), term.node)]) / site.value(d)
                    made.append(Term(term.coefficient, part.node))
            top.remove(node)
            bottom.remove(d)
            return joined(b, [*top, total(b, made).node], bottom, negative)
    return None


def _divided(b: Builder, term: Term, d: int) -> Term | None:
    """Return a term without the factor d, or None where it has none."""
    if term.node is None:
        return None
    top, bottom, negative = split(b, term.node)
    for k, factor in enumerate(top):
        node = b.graph[factor]
        power = exact(b.graph, node.args[1]) if node.op == "powi" else None
        if factor == d:
            rest = [*top[:k], *top[k + 1 :]]
        elif power is not None and power > 1 and node.args[0] == d:
            rest = [*top[:k], b.call("powi", d, b.constant(power - 1)), *top[k + 1 :]]
        else:
            continue
        found = joined(b, rest, bottom, negative)
        # Times a number, d is rounded once at most: nothing is gained then.
        return None if found.exact() is not None else Term(term.coefficient, found.node)
    return None


def _xlogx(site: Site) -> Value | None:
    """``x*log(x)``, 0 at 0, and the same with factors beside x in the logarithm."""
    b = site.b
    top, bottom, negative = split(b, site.original.node)
    for factor in top:
        op = b.graph[factor].op
        if op not in ("log", "log1p"):
            continue
        inner = b.graph[factor].args[0]
        if op == "log1p":
            above, below = [(1 + site.value(inner)).node], list[int]()
        else:
            above, below, flipped = split(b, inner)
            if flipped:
                continue
        for x in top:
            if x == factor or exact(b.graph, x) is not None or not (x in above or x in below):
                continue
            base = site.value(x)
            rest_above, rest_below = list(above), list(below)
            (rest_above if x in above else rest_below).remove(x)
            others = [n for n in (*rest_above, *rest_below) if exact(b.graph, n) is None]
            if x in others or len(others) > 1:
                continue
            log = site.value(factor)
            zero = base  # times what is beside it, so that NaN stays NaN
            for node in others:
                zero = zero * site.value(node)
            at_zero = Value(b, b.call("eq", x, b.constant(0)))
            value = where(at_zero, zero if others else 0, base * log)
            sign = 1 if x in above else -1
            arguments, slopes = [base], [log + sign]
            for node in others:
                along = site.value(node)
                arguments.append(along)
                slopes.append(base / along if node in rest_above else -(base / along))
            plain = base * log
            found = with_slopes(refined(plain, value), arguments, lambda f, s=slopes: s)  # type: ignore[misc]
            top.remove(factor)
            top.remove(x)
            return joined(b, [*top, found.node], bottom, negative)
    return None


RULES = [
    Rule(
        "tanh",
        ("div",),
        _tanh,
        "(exp(z) - 1)/(exp(z) + 1) = tanh(z/2), sinh(z)/cosh(z) = tanh(z)",
        "NIST DLMF 4.28.4, 4.35.22",
        needs=frozenset({"expm1", "sinh"}),
    ),
    Rule(
        "sigmoid",
        ("div",),
        _sigmoid,
        "1/(1 + exp(-z)) = exp(z)/(1 + exp(z)) = sigmoid(z), computed with exp(-|z|)",
        "both halves times exp(z); the one that does not overflow is taken",
        needs=frozenset({"add", "sub"}),
    ),
    Rule(
        "softmax",
        ("div",),
        _softmax,
        "exp(b)/sum(exp(a_k)) = exp(b - m)/sum(exp(a_k - m)), m the largest",
        "P. Blanchard, D. J. Higham, N. J. Higham, Accurately computing the log-sum-exp and "
        "softmax functions, IMA J. Numer. Anal. 41, 2021",
        needs=frozenset({"exp"}),
    ),
    Rule(
        "bose",
        ("div",),
        _bose,
        "1/(exp(z) - 1) = bose(z), exp(z)/(exp(z) - 1) = -bose(-z); the slope is bose(z)*bose(-z)",
        "both halves divided by exp(z); bose(z) = exp(-z) up to rounding for z > 40",
        early=True,
        needs=frozenset({"expm1"}),
    ),
    Rule(
        "product of exponentials",
        ("mul", "div"),
        _merged,
        "exp(x)*exp(y) = exp(x + y), exp(x)/exp(y) = exp(x - y)",
        "NIST DLMF 4.8.14",
        early=True,
        needs=frozenset({"exp"}),
    ),
    Rule(
        "erfcx",
        ("mul", "div"),
        _erfcx,
        "exp(z^2)*erfc(z) = erfcx(z)",
        "definition of erfcx; W. J. Cody, 1969",
        needs=frozenset({"erfc"}),
    ),
    Rule(
        "binomial, beta",
        ("div", "mul"),
        _binomial,
        "gamma(n + 1)/(gamma(k + 1)*gamma(n - k + 1)) = binomial(n, k), "
        "gamma(x)*gamma(y)/gamma(x + y) = beta(x, y)",
        "NIST DLMF 1.2.6, 5.12.1",
        early=True,
        needs=frozenset({"gamma", "factorial"}),
    ),
    Rule(
        "ratio of gammas",
        ("div", "mul"),
        _gammas,
        "gamma(x + k)/gamma(x) = x*(x + 1)*...*(x + k - 1), or the rising factorial",
        "NIST DLMF 5.5.1, 5.2.5",
        early=True,
        needs=frozenset({"gamma", "factorial"}),
    ),
    Rule(
        "common factor",
        ("div",),
        _cancelled,
        "(a*d - c)/d = a - c/d",
        "the derivative in d is c/d^2, not the difference of a/d and (a*d - c)/d^2",
        early=True,
        needs=frozenset({"add", "sub"}),
    ),
    Rule(
        "reciprocals",
        ("div",),
        _reciprocal,
        "1/cosh(z) = sech(z) with slope -sech*tanh; 1/sinh and 1/gamma with slopes of their own",
        "NIST DLMF 4.34.10, 4.34.11, 5.2.2; the square of the divisor is out of range early",
        early=True,
        needs=frozenset({"cosh", "sinh", "gamma"}),
    ),
    Rule(
        "x log x",
        ("mul", "div"),
        _xlogx,
        "x*log(x) = 0 at x = 0, and x*log(x/y), x*log(y/x) as well",
        "the limit from the right",
        needs=frozenset({"log", "log1p"}),
    ),
]
