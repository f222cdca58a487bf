"""Making SymPy expressions from parts that nobody vouches for, in bounded time.

SymPy simplifies as it makes: ``factorial(10**9)`` or ``9**9**9`` is multiplied out, a comparison
of two numbers may evaluate them to any precision, and what is known of a sum is asked of each of
its terms. So numbers are measured before they are combined, and SymPy simplifies only *light*
expressions: small, without towers of exponentials. Others are made as they stand
(``evaluate=False``), which has the same value. Either way, what SymPy has simplified already comes
out as it was.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cmp_to_key
from typing import Any

import sympy as sp

#: The largest numerator, denominator and the like, in bits; doubles end at 1024.
_MOST_BITS = 20_000
#: The same, where a number is factorised for a root of it.
_ROOT_BITS = 1100
#: The largest number times bits of its base that may stand in an exponent with letters.
_EXPONENT_BITS = 100_000
#: How many parts an expression may have for SymPy to simplify it.
_LIGHT = 40
#: How many parts SymPy is given to simplify in one formula.
_ALLOWANCE = 2500
#: How many conditions are compared with each other in one formula.
_MOST_CONDITIONS = 2000
_LARGEST_LIGHT = 10**6
_LARGEST_LIGHT_POWER = 32
#: Numbers given to special functions: the largest, and the largest that SymPy may work out.
_LARGEST_EXACT = 1000
_LARGEST_EVALUATED = 20
#: The highest order of what is a polynomial or a product, which SymPy multiplies out.
_LARGEST_ORDER = 100

_PLAIN = frozenset(
    """
    exp log sin cos tan cot sec csc asin acos atan acot asec acsc atan2 sinc
    sinh cosh tanh coth sech csch asinh acosh atanh acoth asech acsch
    Abs sign floor ceiling frac re im conjugate arg Heaviside
    log1p expm1 exp2 log2 log10 hypot fma Cbrt Sqrt isnan isinf logaddexp logaddexp2
    """.split()
)

#: Special functions that SymPy leaves alone, however large the number.
_CALM = frozenset(
    """
    erf erfc erfi erf2 erfinv erfcinv Ei li Li Si Ci Shi Chi LambertW fresnels fresnelc
    elliptic_k elliptic_e elliptic_f elliptic_pi airyai airybi airyaiprime airybiprime
    besselj bessely besseli besselk
    """.split()
)

_POLYNOMIAL = frozenset(
    """
    legendre assoc_legendre chebyshevt chebyshevu hermite hermite_prob laguerre assoc_laguerre
    gegenbauer jacobi RisingFactorial FallingFactorial bernoulli euler genocchi bell
    """.split()
)


class RefusedError(ValueError):
    """Why an expression is not made."""


class Maker:
    """Makes the expressions of one formula.

    >>> x = sp.Symbol("x")
    >>> make = Maker()
    >>> make.power(make.total([x, x]), sp.Integer(2)), make.call(sp.gamma, [sp.Integer(5)])
    (4*x**2, 24)
    """

    def __init__(self) -> None:
        self._allowance = _ALLOWANCE
        self._conditions = _MOST_CONDITIONS

    def total(self, terms: Sequence[Any]) -> Any:
        """Return a sum."""
        parts = [part for term in terms for part in sp.Add.make_args(term)]
        if not _are_numbers(terms) and any(map(_is_infinite, parts)):
            return _in_order(sp.Add, parts)
        return _finite(sp.Add(*terms))

    def product(self, factors: Sequence[Any]) -> Any:
        """Return a product."""
        parts = [part for factor in factors for part in sp.Mul.make_args(factor)]
        if not _are_numbers(factors) and not self._is_light(factors) and any(map(_asks, parts)):
            return _in_order(sp.Mul, parts)
        return _finite(sp.Mul(*factors))

    def power(self, base: Any, exponent: Any) -> Any:
        """Return ``base**exponent``."""
        if base.is_Number and not base and exponent.is_Number and exponent < 0:
            raise RefusedError("this divides by zero")
        _check_power(base, exponent)
        if base is sp.E:
            return self.call(sp.exp, [exponent])
        if _are_numbers([base, exponent]) or exponent.is_Integer:
            return _finite(sp.Pow(base, exponent))
        return _finite(sp.Pow(base, exponent, evaluate=self._is_light([base, exponent])))

    def compare(self, relation: Any, left: Any, right: Any) -> Any:
        """Return a comparison; of two numbers, the answer."""
        if relation not in (sp.Eq, sp.Ne) and sp.I in (left, right):
            raise RefusedError("complex numbers have no order")
        return relation(left, right, evaluate=_are_numbers([left, right]))

    def logic(self, operation: Any, conditions: Sequence[Any]) -> Any:
        """Return And, Or, Xor or Not of conditions."""
        count = sum(len(c.args) if isinstance(c, operation) else 1 for c in conditions)
        self._conditions -= count**2 if operation is sp.Xor else count
        if self._conditions < 0:
            raise RefusedError("these are too many conditions")
        return operation(*conditions)

    def choice(self, pieces: Sequence[tuple[Any, Any]]) -> Any:
        """Return a Piecewise."""
        return sp.Piecewise(*pieces, evaluate=False) if _may_hold(pieces) else sp.nan

    def call(self, function: Any, arguments: Sequence[Any]) -> Any:
        """Return a function of arguments."""
        name = function.__name__
        if issubclass(function, sp.Min | sp.Max):
            few = len(arguments) <= 6 and self._is_light(arguments)
            return function(*arguments, evaluate=few or _are_numbers(arguments))
        if name == "Mod":
            if arguments[1:] and arguments[1].is_Number and not arguments[1]:
                raise RefusedError("this divides by zero")
            return function(*arguments, evaluate=_are_numbers(arguments))
        evaluate = self._is_light(arguments)
        if name not in _PLAIN:
            evaluate = _check_special(name, arguments) and evaluate
        found = _as_it_stands(function, arguments)
        if evaluate:
            simplified = function(*arguments)
            # Intervals, as of sin(oo), are no numbers; exp(-1e5) is better left as it is.
            if _is_usable(simplified):
                found = simplified
        return _finite(found)

    def _is_light(self, args: Sequence[Any]) -> bool:
        """Return whether SymPy may simplify a function of ``args``."""
        parts = _light_parts(args)
        if parts is None or parts > self._allowance:
            return False
        self._allowance -= parts
        return True


#: The order in which SymPy keeps what it simplified.
_SYMPY_ORDER = cmp_to_key(sp.Basic.compare)


def _in_order(operation: Any, parts: Sequence[Any]) -> Any:
    """Return a sum or product as it stands, its parts in the order that SymPy gives them."""
    number = operation(*[part for part in parts if part.is_Number])
    others = sorted((part for part in parts if not part.is_Number), key=_SYMPY_ORDER)
    return operation(*([] if number == operation.identity else [number]), *others, evaluate=False)


def _asks(factor: Any) -> bool:
    """Return whether SymPy asks for much in a product with a factor.

    Of zero and infinity it asks whether the others are finite, or positive; of an exponent, whether
    it is zero.
    """
    if factor.is_Number:
        return bool(not factor or _is_infinite(factor))
    exponent = factor.args[-1] if isinstance(factor, sp.Pow | sp.exp) else sp.S.One
    return _light_parts([exponent]) is None


def _light_parts(args: Sequence[Any]) -> int | None:
    """Return how many parts light expressions have; None if they are not light."""
    stack = [(arg, False) for arg in args]
    parts = 0
    while stack:
        expr, exponent = stack.pop()
        parts += 1
        if parts > _LIGHT:
            return None
        if expr.is_Number:
            largest = _LARGEST_LIGHT_POWER if exponent else _LARGEST_LIGHT
            if not _is_moderate(expr, largest):
                return None
        elif isinstance(expr, sp.Function) or expr.is_Pow:
            constant = expr.is_Pow and all(arg.is_Rational for arg in expr.args)
            if not constant and not _has_symbol(expr):
                return None
            stack.extend((arg, expr.is_Pow and k == 1) for k, arg in enumerate(expr.args))
        else:
            stack.extend((arg, exponent) for arg in expr.args)
    return parts


def _has_symbol(expr: Any) -> bool:
    """Return whether there is a symbol in an expression, as far as one looks."""
    stack, seen = [expr], 0
    while stack and seen <= _LIGHT:
        current = stack.pop()
        seen += 1
        if current.is_Symbol:
            return True
        stack.extend(current.args)
    return False


def _is_moderate(number: Any, largest: int) -> bool:
    if number.is_Rational:
        return bool(max(abs(number.p), number.q) <= largest)
    return bool(number.is_Float) and (not number or -1000 < _log2(number) < math.log2(largest))


def _are_numbers(args: Sequence[Any]) -> bool:
    return all(arg.is_Number for arg in args)


def _as_it_stands(function: Any, arguments: Sequence[Any]) -> Any:
    """Return a function that SymPy does not simplify, if it ever does."""
    try:
        return function(*arguments, evaluate=False)
    except TypeError as error:
        if "evaluate" not in str(error):
            raise
        return function(*arguments)  # as logaddexp, which it never does


def _is_usable(expr: Any) -> bool:
    if not isinstance(expr, sp.Expr) or isinstance(expr, sp.AccumBounds):
        return False
    return not expr.is_Number or _bits(expr) <= _MOST_BITS


def _is_infinite(number: Any) -> bool:
    return number in (sp.oo, -sp.oo, sp.nan)


def _finite(expr: Any) -> Any:
    """Return an expression that SymPy did not find to be infinite, or too large."""
    if expr.is_Number:
        if _bits(expr) > _MOST_BITS:
            raise RefusedError("this number is far larger or smaller than any double")
    elif expr is sp.zoo or (expr.is_Mul and sp.zoo in expr.args):
        raise RefusedError("this divides by zero")
    return expr


def _bits(number: Any) -> float:
    """Return the size of a number: how far its exponent, or an exact one's parts, reach."""
    if number.is_Rational:
        return float(max(int(number.p).bit_length(), int(number.q).bit_length()))
    return abs(_log2(number)) if number.is_Float and number else 0.0


def _log2(number: Any) -> float:
    """Return the logarithm of a Float's size."""
    _, mantissa, exponent, width = number._mpf_
    return float(exponent + width) if mantissa else math.inf


def _size(number: Any) -> float:
    """Return a number's absolute value as a float, infinity where it is beyond them."""
    if number.is_Rational:
        bits = int(number.p).bit_length() - int(number.q).bit_length()
        if abs(bits) > 1000:
            return math.inf if bits > 0 else 0.0
        return abs(int(number.p) / int(number.q))
    if not number.is_Float:
        return math.inf
    return math.inf if _log2(number) > 1000 else abs(float(number))


def _check_power(base: Any, exponent: Any) -> None:
    """Refuse powers that would take long, or much memory.

    Raises:
        RefusedError: this is one.
    """
    largest = _largest_number(exponent)
    widest = max((_base_bits(factor) for factor in sp.Mul.make_args(base)), default=0.0)
    if not widest or not largest:
        return
    limit = _MOST_BITS if exponent.is_Number else _EXPONENT_BITS
    if largest * widest > limit:
        raise RefusedError("this power is far larger or smaller than any double")
    if not exponent.is_Integer and exponent.is_Rational and widest > _ROOT_BITS:
        raise RefusedError("this is a root of too large a number")


def _base_bits(factor: Any) -> float:
    """Return how many bits a factor brings to a power, each time it is multiplied."""
    base, exponent = factor.as_base_exp()
    if base.is_Number and base not in (sp.S.Zero, sp.S.One, sp.S.NegativeOne):
        scale = max(_size(exponent), 1.0) if exponent.is_Number else 1.0
        return max(_bits(base), 1.0) * scale
    return 0.0


def _largest_number(expr: Any) -> float:
    """Return the largest number that an exponent is, or the largest exact one that is in it."""
    if expr.is_Number:
        return 0.0 if _is_infinite(expr) else _size(expr)
    stack, largest, seen = [expr], 0.0, set[int]()
    while stack:
        current = stack.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        if current.is_Rational:
            largest = max(largest, _size(current))
        else:
            stack.extend(current.args)
    return largest


def _check_special(name: str, arguments: Sequence[Any]) -> bool:
    """Return whether SymPy may simplify a special function of ``arguments``.

    Raises:
        RefusedError: it would try to work out a number that is too large.
    """
    # Of sums and the like SymPy knows little, and jacobi(9, x + 1, y, z) takes it for ever.
    *parameters, last = arguments or [sp.S.Zero]
    evaluate = last.is_Symbol or last.is_Rational
    if name in _POLYNOMIAL:
        evaluate = evaluate and all(number.is_Rational for number in parameters)
    for number in arguments:
        if not number.is_Number:
            evaluate = evaluate and number.is_Symbol
            continue
        evaluate = evaluate and number.is_Rational and _is_moderate(number, _LARGEST_EVALUATED)
        exact = number.is_Rational and name not in _CALM
        if exact and not _is_moderate(number, _LARGEST_EXACT):
            raise RefusedError(
                f"exact numbers in {name} end at {_LARGEST_EXACT}: write {number!s:.20}.0"
                if number.is_Integer and abs(number) < 10**15
                else f"exact numbers in {name} end at {_LARGEST_EXACT}"
            )
        if name in _POLYNOMIAL and number.is_Integer and abs(number) > _LARGEST_ORDER:
            raise RefusedError(f"the order of {name} is at most {_LARGEST_ORDER}")
    return bool(evaluate)


def _may_hold(pieces: Sequence[tuple[Any, Any]]) -> bool:
    return any(condition is not sp.false for _, condition in pieces)
