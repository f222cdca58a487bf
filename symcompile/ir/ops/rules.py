"""What derivative rules are written with, and the derivatives that there are not."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from symcompile.errors import LoweringError
from symcompile.ir.build import Value, call
from symcompile.ir.ops.constants import CONSTANTS

HALF = Fraction(1, 2)
# Reciprocals of smaller numbers may overflow.
_LEAST = Fraction(1, 2**1000)


@dataclass(frozen=True)
class Refused:
    """The derivative in an argument in which there is none that could be compiled.

    Attributes:
        function: what people call the function.
        argument: what they call the argument.
    """

    function: str
    argument: str

    def __call__(self, *args: Value) -> Value:
        """Say so."""
        raise LoweringError(
            f"{self.function} has no derivative in its {self.argument} that can be compiled: make"
            f" the {self.argument} a constant or a data column rather than a parameter"
        )


def number(like: Value, name: str) -> Value:
    """Return a named constant, such as ``pi``, in the graph of ``like``."""
    return Value(like.builder, like.builder.call(name))


def is_rounded(x: Value) -> bool:
    """Return whether a value is a number such as ``pi`` or ``4*pi``, which no double holds.

    Its reciprocal, rounded once too, is as good to multiply by as it is to divide by.
    """
    graph = x.builder.graph
    node = graph[x.node]
    if node.op == "mul":
        factor = graph[node.args[0]].data
        if not isinstance(factor, Fraction) or not _LEAST < abs(factor) < 1 / _LEAST:
            return False
        node = graph[node.args[1]]
    return node.op in CONSTANTS and not node.args


def exp(x: Value) -> Value:
    """Return the exponential."""
    return call("exp", x)


def log(x: Value) -> Value:
    """Return the logarithm."""
    return call("log", x)


def sqrt(x: Value) -> Value:
    """Return the square root."""
    return call("sqrt", x)


def sin(x: Value) -> Value:
    """Return the sine."""
    return call("sin", x)


def cos(x: Value) -> Value:
    """Return the cosine."""
    return call("cos", x)


def power(x: Value, y: Value) -> Value:
    """Return a power."""
    return call("pow", x, y)


def digamma(x: Value) -> Value:
    """Return the logarithmic derivative of gamma."""
    return call("digamma", x)


def digamma_difference(x: Value, d: Value) -> Value:
    """Return the digamma function at x + d less that at x."""
    return call("digamma_difference", x, d)


def one_less_square(x: Value) -> Value:
    """Return 1 - x^2 as (1 - x)(1 + x), which is accurate near 1, with -2x as its slope.

    That of the product would cancel about 0.
    """
    product = (1 - x) * (1 + x)
    if x.complex or x.builder.textbook:
        return product
    b = x.builder
    return Value(b, b.call("sloped", call("detach", product).node, x.node, (-2 * x).node))


def where(condition: Value, yes: Value, no: Value) -> Value:
    """Return a choice."""
    return call("select", condition, yes, no)
