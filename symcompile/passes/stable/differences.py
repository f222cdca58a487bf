"""Functions of two arguments that nearly cancel: ``f(x) - f(y)``, and ``exp(z) - exp(-z)``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from fractions import Fraction

from symcompile.ir.build import Builder, Value, call
from symcompile.ir.graph import Special
from symcompile.passes.stable.site import (
    Site,
    Term,
    difference,
    less,
    refined,
    square_of,
    unrefined,
    where,
    with_slopes,
)
from symcompile.passes.stable.terms import (
    DLMF,
    Part,
    argument,
    logarithm,
    meetings,
    of_two,
    operation,
    parts,
    replaced,
    sum_rule,
    taken_apart,
    whole,
)

_HAMMING = "R. W. Hamming, Numerical Methods for Scientists and Engineers (2nd ed., 1973), ch. 3"


def _opposite(x: Value, y: Value) -> bool:
    """Return whether ``y`` is ``-x`` as it is written."""
    return y.builder.call("neg", y.node) == x.node or (-x).node == y.node


def _sinh(site: Site) -> Value | None:
    def form(f: Value, h: Value) -> Value | None:
        return 2 * call("sinh", argument(f)) if _opposite(argument(f), argument(h)) else None

    return of_two(site, frozenset({"exp", "expm1"}), form)


def _two_cosh(site: Site) -> Value | None:
    def form(f: Value, h: Value) -> Value | None:
        if not _opposite(argument(f), argument(h)):
            return None
        if operation(f) == operation(h) == "exp":
            return 2 * call("cosh", argument(f))
        if operation(f) == operation(h) == "expm1":
            root = call("sinh", argument(f) / 2)
            return refined(f + h, 4 * (root * root))
        return None

    return of_two(site, frozenset({"exp", "expm1"}), form, same=True)


def _hyperbolic(site: Site) -> Value | None:
    def form(sign: int) -> Callable[[Value, Value], Value | None]:
        def made(f: Value, h: Value) -> Value | None:
            if {operation(f), operation(h)} != {"sinh", "cosh"} or argument(f).node != argument(
                h
            ).node:
                return None
            first = 1 if operation(f) == "cosh" or sign > 0 else -1
            return first * call("exp", sign * argument(f))

        return made

    kinds = frozenset({"sinh", "cosh"})
    found = of_two(site, kinds, form(-1))
    return of_two(site, kinds, form(1), same=True) if found is None else found


def _hyperbolic_squares(site: Site) -> Value | None:
    def form(f: Value, h: Value) -> Value | None:
        bases = [square_of(f.builder, v.node) for v in (f, h)]
        if None in bases:
            return None
        first, second = (Value(f.builder, base) for base in bases if base is not None)
        if {operation(first), operation(second)} != {"sinh", "cosh"} or argument(
            first
        ).node != argument(second).node:
            return None
        return f.lift(1 if operation(first) == "cosh" else -1)

    return of_two(site, frozenset({"mul", "powi"}), form)


def _of_differences(
    op: str, form: Callable[[Value, Value, Value], Value], always: bool = False
) -> Callable[[Site], Value | None]:
    """Return a rule for ``op(x) - op(y)``; ``form`` is given ``x``, ``y`` and ``x - y``."""

    def apply(site: Site) -> Value | None:
        def made(f: Value, h: Value) -> Value | None:
            x, y = argument(f), argument(h)
            if op == "log":
                x, y = (1 + v if operation(w) == "log1p" else v for v, w in ((x, f), (y, h)))
            d = difference(site.b, x.node, y.node)
            if d is None:
                if not always:
                    return None
                d = x - y
            return form(x, y, d)

        return of_two(site, frozenset({op, "log1p"} if op == "log" else {op}), made)

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
    plain = logarithm(x) - logarithm(y)
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

    return of_two(site, frozenset({"pow"}), form)


def _logged(b: Builder, term: Term) -> tuple[Fraction, Value] | None:
    """Return c and x where a term is ``c*x*log(x)``."""
    if term.node is None:
        return None
    c, top, bottom = taken_apart(b, Term(term.coefficient, unrefined(b, term.node)))
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
            plain = x * logarithm(x) - y * logarithm(y)
            ratio = _log_difference(x, y, d)
            inside = Value(b, b.call("lt", b.constant(0), call("min", x, y).node))
            better = where(inside, y * ratio + d * logarithm(x), plain)
            # As a function of d and y: x is y + d.
            slopes = [logarithm(x) + 1, ratio]
            made = with_slopes(refined(plain, better), [d, y], lambda f, s=slopes: s)  # type: ignore[misc]
            return replaced(site, Counter([i, j]), Part(c, "", -1, (), ()), made)
    return None


def _inverse_roots(site: Site) -> Value | None:
    """``1/sqrt(x) - 1/sqrt(y) = -(x - y)/(sqrt(x)*sqrt(y)*(sqrt(x) + sqrt(y)))``."""
    for i, part, j, other in meetings(site).of_two:
        if part.op == other.op == "sqrt" and part.below and part.coefficient == -other.coefficient:
            p, q = site.value(part.node), site.value(other.node)
            d = difference(site.b, argument(p).node, argument(q).node)
            if d is not None:
                return replaced(site, Counter([i, j]), part, -d / p / q / (p + q))
    return None


def _right_angle(site: Site) -> Value | None:
    """``pi/2 - atan(x)``, ``pi/2 - asin(x)`` and ``pi/2 - acos(x)``."""
    b = site.b
    pi = b.call("pi")
    wholes: list[Part] = []
    for i, term in enumerate(site.terms):
        for part in parts(b, term, frozenset({"atan", "asin", "acos"})):
            top = tuple(sorted([*part.top, pi]))
            wholes = wholes or [whole(b, term) for term in site.terms]
            for j, other in enumerate(wholes):
                if (
                    part.below
                    or other.rest != (top, part.bottom)
                    or other.coefficient != -part.coefficient / 2
                ):
                    continue
                x = argument(site.value(part.node))
                if part.op == "atan":
                    made = -call("atan2", x.lift(1), x)
                else:
                    made = -call("acos" if part.op == "asin" else "asin", x)
                return replaced(site, Counter([i, j]), part, made)
    return None


RULES = [
    sum_rule("2 sinh", _sinh, "exp(z) - exp(-z) = 2*sinh(z)", f"{DLMF} 4.28.1", "exp", "expm1"),
    sum_rule(
        "2 cosh",
        _two_cosh,
        "exp(z) + exp(-z) = 2*cosh(z), expm1(z) + expm1(-z) = 4*sinh(z/2)^2",
        f"{DLMF} 4.28.2, 4.35.20",
        "exp",
        "expm1",
    ),
    sum_rule(
        "cosh -+ sinh",
        _hyperbolic,
        "cosh(z) + sinh(z) = exp(z), cosh(z) - sinh(z) = exp(-z)",
        f"{DLMF} 4.28.3",
        "cosh",
        "sinh",
    ),
    sum_rule(
        "cosh^2 - sinh^2",
        _hyperbolic_squares,
        "cosh(z)^2 - sinh(z)^2 = 1",
        f"{DLMF} 4.35.11",
        "mul",
        "powi",
    ),
    sum_rule(
        "sqrt - sqrt",
        _of_differences("sqrt", _sqrt_difference, always=True),
        "sqrt(x) - sqrt(y) = (x - y)/(sqrt(x) + sqrt(y)) for x, y >= 0, not both 0",
        f"{_HAMMING}; the product of sum and difference",
        "sqrt",
    ),
    sum_rule(
        "1/sqrt - 1/sqrt",
        _inverse_roots,
        "1/sqrt(x) - 1/sqrt(y) = -(x - y)/(sqrt(x)*sqrt(y)*(sqrt(x) + sqrt(y)))",
        f"{_HAMMING}; over one denominator",
        "div",
    ),
    sum_rule(
        "cbrt - cbrt",
        _of_differences("cbrt", _cbrt_difference),
        "cbrt(x) - cbrt(y) = (x - y)/(p^2 + p*q + q^2) with p and q the two roots",
        f"{_HAMMING}; (p - q)*(p^2 + p*q + q^2) = p^3 - q^3",
        "cbrt",
    ),
    sum_rule(
        "power - power",
        _power_difference,
        "x^a - y^a = y^a*expm1(a*log1p((x - y)/y)), taken where y/2 < x < 5*y",
        "(x/y)^a = exp(a*log(x/y))",
        "pow",
        "refined",
    ),
    sum_rule(
        "log - log",
        _of_differences("log", _log_difference),
        "log(x) - log(y) = log1p((x - y)/y), taken where y/2 < x < 5*y",
        f"{_HAMMING}; x/y = 1 + (x - y)/y",
        "log",
        "log1p",
    ),
    sum_rule(
        "x log x - y log y",
        _entropies,
        "x*log(x) - y*log(y) = y*log1p((x - y)/y) + (x - y)*log(x) for x, y > 0",
        f"{_HAMMING}; log(x) = log(y) + log1p((x - y)/y)",
        "sloped",
        meets=False,
    ),
    sum_rule(
        "atan - atan",
        _of_differences("atan", _atan_difference),
        "atan(x) - atan(y) = atan2(x - y, 1 + x*y)",
        f"{DLMF} 4.24.15; the sine and cosine of the difference, times sqrt(1+x^2)*sqrt(1+y^2)",
        "atan",
    ),
    sum_rule(
        "sin - sin",
        _of_differences("sin", _sin_difference),
        "sin(x) - sin(y) = 2*sin((x - y)/2)*cos((x + y)/2)",
        f"{DLMF} 4.21.9",
        "sin",
    ),
    sum_rule(
        "cos - cos",
        _of_differences("cos", _cos_difference),
        "cos(x) - cos(y) = -2*sin((x - y)/2)*sin((x + y)/2)",
        f"{DLMF} 4.21.11",
        "cos",
    ),
    sum_rule(
        "tan - tan",
        _of_differences("tan", _tan_difference),
        "tan(x) - tan(y) = sin(x - y)/(cos(x)*cos(y))",
        f"{DLMF} 4.21.5; over one denominator",
        "tan",
    ),
    sum_rule(
        "exp - exp",
        _of_differences("exp", _exp_difference),
        "exp(x) - exp(y) = exp(y)*expm1(x - y)",
        "definition of expm1",
        "exp",
    ),
    sum_rule(
        "sigmoid - sigmoid",
        _of_differences("sigmoid", _sigmoid_difference, always=True),
        "s(x) - s(y) = -s(x)*s(-y)*expm1(y - x) = s(-x)*s(y)*expm1(x - y), s the sigmoid",
        "s(x)*(1 - s(y)) - s(y)*(1 - s(x)), and s(-x)*s(y) = exp(y - x)*s(x)*s(-y)",
        "sigmoid",
    ),
    sum_rule(
        "tanh - tanh",
        _of_differences("tanh", _tanh_difference, always=True),
        "tanh(x) - tanh(y) = 2*(sigmoid(2*x) - sigmoid(2*y))",
        "tanh(x) = 2*sigmoid(2*x) - 1",
        "tanh",
    ),
    sum_rule(
        "erf - erf",
        _of_differences("erf", _erf_difference, always=True),
        "erf(x) - erf(y) = erfc(y) - erfc(x) = erfc(-x) - erfc(-y)",
        f"{DLMF} 7.2.2, 7.4.1",
        "erf",
    ),
    sum_rule(
        "right angle",
        _right_angle,
        "pi/2 - atan(x) = atan2(1, x), pi/2 - asin(x) = acos(x), pi/2 - acos(x) = asin(x)",
        f"{DLMF} 4.24.3; the angle between the axis and (x, 1)",
        "atan",
        "asin",
        "acos",
        meets=False,
    ),
]
