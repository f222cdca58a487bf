"""Powers as multiplications and roots, where that is as accurate.

``x**k`` by repeated squaring has a relative error of at most (k - 1)/2 ulp, within the
condition number k of the power itself (D. E. Knuth, *The Art of Computer Programming*, vol. 2,
section 4.6.3).
"""

from __future__ import annotations

from fractions import Fraction

from symcompile.ir.algebra import exact
from symcompile.ir.build import Builder
from symcompile.ir.graph import Kind, Node, Special

_LARGEST_POWER = 64
_LARGEST_HALF_POWER = 16


#: What may be cheaper as something else.
OPS = frozenset({"pow", "powi"})


def reduced(b: Builder, node: Node, args: tuple[int, ...]) -> int | None:
    """Return a cheap power written out, or None of anything else."""
    if node.op not in OPS:
        return None
    exponent = exact(b.graph, args[1])
    if exponent is None:
        return None
    if exponent.denominator == 1:
        return _whole(b, args[0], exponent.numerator)
    if exponent.denominator == 2 and abs(exponent) <= _LARGEST_HALF_POWER:
        return _half(b, args[0], exponent)
    if abs(exponent) == Fraction(1, 3) and b.graph[args[0]].kind is not Kind.COMPLEX:
        # Rounding 1/3 would cost |log x| ulp; the cube root of a negative number is complex.
        root = b.call("cbrt", args[0])
        negative = b.call("lt", args[0], b.constant(0))
        root = b.call("select", negative, b.constant(Special.NAN), root)
        return root if exponent > 0 else b.call("div", b.constant(1), root)
    return None


def _whole(b: Builder, base: int, power: int) -> int:
    if abs(power) > _LARGEST_POWER:
        return b.call("pow", base, b.constant(power))
    result = _repeated(b, base, abs(power))
    return result if power >= 0 else b.call("div", b.constant(1), result)


def _half(b: Builder, base: int, exponent: Fraction) -> int:
    whole = int(abs(exponent))
    root = b.call("sqrt", base)
    result = b.call("mul", _repeated(b, base, whole), root) if whole else root
    return result if exponent > 0 else b.call("div", b.constant(1), result)


def _repeated(b: Builder, base: int, power: int) -> int:
    """Return ``base**power`` by squaring; smaller powers are shared through the graph."""
    if power == 0:
        return b.constant(1)
    result: int | None = None
    square = base
    while True:
        if power & 1:
            result = square if result is None else b.call("mul", result, square)
        power >>= 1
        if not power:
            assert result is not None
            return result
        square = b.call("mul", square, square)
