"""A function and the number that it nears: ``exp(z) - 1``, ``1 - cos(z)``, ``x^y - 1``."""

from __future__ import annotations

from fractions import Fraction

from symcompile.ir.build import Value, call
from symcompile.passes.stable.site import (
    Site,
    less,
    refined,
    square_of,
    where,
)
from symcompile.passes.stable.terms import (
    DLMF,
    argument,
    beside_one,
    logarithm,
    operation,
    sum_rule,
)


def _expm1(site: Site) -> Value | None:
    def form(f: Value, one: Value, minus: bool) -> Value | None:
        return call("expm1", argument(f)) if minus else None

    return beside_one(site, frozenset({"exp"}), form)


def _cosine(site: Site) -> Value | None:
    def form(f: Value, one: Value, minus: bool) -> Value:
        half = argument(f) / 2
        root = call("sin" if minus else "cos", half)
        better = 2 * (root * root)
        return refined(f - 1, -better) if minus else refined(f + 1, better)

    return beside_one(site, frozenset({"cos"}), form)


def _sine(site: Site) -> Value | None:
    def form(f: Value, one: Value, minus: bool) -> Value:
        quarter = Value(f.builder, f.builder.call("pi")) / 4
        half = argument(f) / 2
        root = call("sin", quarter - half if minus else quarter + half)
        better = 2 * (root * root)
        return refined(f - 1, -better) if minus else refined(f + 1, better)

    return beside_one(site, frozenset({"sin"}), form)


def _cosh(site: Site) -> Value | None:
    def form(f: Value, one: Value, minus: bool) -> Value | None:
        root = call("sinh", argument(f) / 2)
        return refined(f - 1, 2 * (root * root)) if minus else None

    return beside_one(site, frozenset({"cosh"}), form)


def _tanh(site: Site) -> Value | None:
    def form(f: Value, one: Value, minus: bool) -> Value:
        twice = 2 * argument(f)
        return -2 * call("sigmoid", -twice) if minus else 2 * call("sigmoid", twice)

    return beside_one(site, frozenset({"tanh"}), form)


def _sigmoid(site: Site) -> Value | None:
    def form(f: Value, one: Value, minus: bool) -> Value | None:
        return -call("sigmoid", -argument(f)) if minus else None

    return beside_one(site, frozenset({"sigmoid"}), form)


def _erf(site: Site) -> Value | None:
    def form(f: Value, one: Value, minus: bool) -> Value | None:
        if operation(f) == "erfc":
            return -call("erf", argument(f)) if minus else None
        return -call("erfc", argument(f)) if minus else call("erfc", -argument(f))

    return beside_one(site, frozenset({"erf", "erfc"}), form)


_SQUARES = {"sin": "cos", "cos": "sin", "tanh": "sech_squared", "cosh": "sinh"}


def _squared(site: Site) -> Value | None:
    def form(f: Value, one: Value, minus: bool) -> Value | None:
        base = square_of(f.builder, f.node)
        inner = None if base is None else Value(f.builder, base)
        if inner is None or not minus or operation(inner) not in _SQUARES:
            return None
        other = call(_SQUARES[operation(inner)], argument(inner))
        if operation(inner) == "tanh":
            return -other
        square = call("powi", other, 2)
        return square if operation(inner) == "cosh" else -square

    return beside_one(site, frozenset({"mul", "powi"}), form)


def _power(site: Site) -> Value | None:
    def form(f: Value, one: Value, minus: bool) -> Value | None:
        base, exponent = (Value(f.builder, arg) for arg in f.builder.graph[f.node].args)
        if not minus or (operation(f) == "powi" and abs(exponent.exact() or Fraction(0)) <= 4):
            return None
        log = exponent * logarithm(base)
        near = less(call("abs", log), 1)
        return refined(f - 1, where(near, call("expm1", log), f - 1))

    return beside_one(site, frozenset({"pow", "powi"}), form)


RULES = [
    sum_rule("expm1", _expm1, "exp(z) - 1 = expm1(z)", "definition of expm1", "exp", complex=True),
    sum_rule(
        "1 -+ cos",
        _cosine,
        "1 - cos(z) = 2*sin(z/2)^2, 1 + cos(z) = 2*cos(z/2)^2",
        f"{DLMF} 4.21.21, 4.21.22",
        "cos",
    ),
    sum_rule(
        "1 -+ sin",
        _sine,
        "1 -+ sin(z) = 2*sin(pi/4 -+ z/2)^2",
        f"{DLMF} 4.21.21 at pi/2 - z",
        "sin",
    ),
    sum_rule("cosh - 1", _cosh, "cosh(z) - 1 = 2*sinh(z/2)^2", f"{DLMF} 4.35.20", "cosh"),
    sum_rule(
        "1 -+ tanh",
        _tanh,
        "1 -+ tanh(z) = 2*sigmoid(-+2*z)",
        f"{DLMF} 4.28.2, both halves divided by exp(z)",
        "tanh",
    ),
    sum_rule(
        "1 - sigmoid",
        _sigmoid,
        "1 - 1/(1 + exp(-z)) = 1/(1 + exp(z))",
        "over one denominator",
        "sigmoid",
    ),
    sum_rule(
        "1 -+ erf",
        _erf,
        "1 - erf(z) = erfc(z), 1 + erf(z) = erfc(-z), 1 - erfc(z) = erf(z)",
        f"{DLMF} 7.2.2, 7.4.1",
        "erf",
        "erfc",
    ),
    sum_rule(
        "1 - square",
        _squared,
        "1 - sin^2 = cos^2, 1 - cos^2 = sin^2, 1 - tanh^2 = 1/cosh^2, cosh^2 - 1 = sinh^2",
        f"{DLMF} 4.21.12, 4.35.11, 4.35.12",
        "mul",
        "powi",
    ),
    sum_rule(
        "power - 1",
        _power,
        "x^y - 1 = expm1(y*log(x)) for x > 0; taken where |y*log(x)| < 1",
        "definition of the power",
        "pow",
        "powi",
        "refined",
    ),
]
