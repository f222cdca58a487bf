"""The meaning of the IR: an interpreter in mpmath, at any precision.

It is the definition that backends are judged by, so it takes nothing from the passes or the
derivative rules. Real stays real: what mpmath would answer with a complex number is NaN here,
and a division by zero is an infinity, as IEEE 754 says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import mpmath
from mpmath.ctx_mp import MPContext

from symcompile.ir.graph import Graph, Input, Node, Special
from symcompile.ir.ops import OPS

Number = Any  # mpf of whichever context is in use
Perturb = Callable[[int, Number], Number]


def context(digits: int) -> MPContext:
    """Return an mpmath context of its own with ``digits`` decimal digits."""
    mp = mpmath.mp.clone()
    mp.dps = digits
    return mp


def to_mpf(mp: MPContext, value: Fraction | Special) -> Number:
    """Return an exact constant as a number of ``mp``."""
    if isinstance(value, Fraction):
        return mp.mpf(value.numerator) / value.denominator
    return {Special.INF: mp.inf, Special.NEG_INF: -mp.inf, Special.NAN: mp.nan}[value]


def _real(mp: MPContext, value: Number) -> Number:
    if isinstance(value, mp.mpc):
        return value.real if value.imag == 0 else mp.nan
    return value


def _divide(mp: MPContext, x: Number, y: Number) -> Number:
    if y != 0:
        return x / y
    return mp.nan if x == 0 or mp.isnan(x) else mp.sign(x) * mp.inf


def _power(mp: MPContext, x: Number, y: Number) -> Number:
    if x == 0 and y < 0:
        return mp.inf
    return mp.power(x, y)


def _extreme(mp: MPContext, x: Number, y: Number, largest: bool) -> Number:
    if mp.isnan(x) or mp.isnan(y):
        return mp.nan
    return max(x, y) if largest else min(x, y)


_CASES: dict[str, Callable[..., Any]] = {
    "add": lambda mp, x, y: x + y,
    "sub": lambda mp, x, y: x - y,
    "mul": lambda mp, x, y: x * y,
    "div": _divide,
    "neg": lambda mp, x: -x,
    "pow": _power,
    "powi": lambda mp, x, k: _power(mp, x, mp.mpf(int(k))),
    "polygamma": lambda mp, n, x: mp.polygamma(int(n), x),
    "sign": lambda mp, x: x if mp.isnan(x) else mp.sign(x),
    "cbrt": lambda mp, x: mp.sign(x) * mp.cbrt(abs(x)),
    "min": lambda mp, x, y: _extreme(mp, x, y, False),
    "max": lambda mp, x, y: _extreme(mp, x, y, True),
    "select": lambda mp, c, x, y: x if c else y,
    "softplus": lambda mp, x: mp.log1p(mp.exp(x)) if x < 0 else x + mp.log1p(mp.exp(-x)),
    "sigmoid": lambda mp, x: 1 / (1 + mp.exp(-x)),
    "sech_squared": lambda mp, x: mp.sech(x) ** 2,
    "lt": lambda mp, x, y: x < y,
    "le": lambda mp, x, y: x <= y,
    "eq": lambda mp, x, y: x == y,
    "ne": lambda mp, x, y: x != y,
    "and": lambda mp, x, y: x and y,
    "or": lambda mp, x, y: x or y,
    "not": lambda mp, x: not x,
    "true": lambda mp: True,
    "false": lambda mp: False,
    "pi": lambda mp: +mp.pi,
    "e": lambda mp: +mp.e,
    "euler_gamma": lambda mp: +mp.euler,
    "catalan": lambda mp: +mp.catalan,
    "golden_ratio": lambda mp: +mp.phi,
}


def apply_op(mp: MPContext, op: str, args: Sequence[Number]) -> Number:
    """Return one operation on numbers of ``mp``; real in, real (or NaN) out."""
    case = _CASES.get(op)
    try:
        if case is not None:
            return _real(mp, case(mp, *args))
        return _real(mp, getattr(mp, OPS[op].mpmath or op)(*args))
    except (ValueError, ZeroDivisionError):  # a pole
        return mp.nan


def evaluate(
    graph: Graph,
    roots: Sequence[int],
    mp: MPContext,
    inputs: Mapping[Input, Number | Sequence[Number]],
    samples: int = 0,
    perturb: Perturb | None = None,
) -> list[Number | list[Number]]:
    """Evaluate nodes: a number each, or a list along the sample axis.

    Args:
        graph: the graph.
        roots: the nodes wanted.
        mp: the arithmetic.
        inputs: a number, or ``samples`` numbers, for each input node.
        samples: the length of the sample axis.
        perturb: called with each node that is computed and its value; what it returns is used
            instead. This is how rounding errors are modelled.

    Example:
        >>> g = Graph()
        >>> x = g.input("param", 0)
        >>> mp = context(50)
        >>> str(evaluate(g, [g.add("exp", (x,))], mp, {Input("param", 0): mp.mpf(1)})[0])[:20]
        '2.718281828459045235'
    """
    values: dict[int, Any] = {}
    for index in graph.ancestors(roots):
        node = graph[index]
        value = _node_value(graph, node, values, mp, inputs, samples)
        if perturb is not None and node.args and not isinstance(value, bool):
            if isinstance(value, list):
                value = [v if isinstance(v, bool) else perturb(index, v) for v in value]
            else:
                value = perturb(index, value)
        values[index] = value
    return [values[root] for root in roots]


def _node_value(
    graph: Graph,
    node: Node,
    values: Mapping[int, Any],
    mp: MPContext,
    inputs: Mapping[Input, Any],
    samples: int,
) -> Any:
    if node.op == "const":
        return to_mpf(mp, node.data)  # type: ignore[arg-type]
    if node.op == "input":
        return inputs[node.data]  # type: ignore[index]
    if node.op == "extent":
        return mp.mpf(samples)
    args = [values[arg] for arg in node.args]
    if node.op == "reduce_sum":
        return mp.fsum(args[0])
    if not node.axes:
        return apply_op(mp, node.op, args)
    columns = [
        arg if graph[index].axes else [arg] * samples
        for index, arg in zip(node.args, args, strict=True)
    ]
    return [apply_op(mp, node.op, row) for row in zip(*columns, strict=True)]
