"""Sums of exponentials, shifted by their largest exponent so that none overflows.

With ``m`` the largest exponent, ``sum(c*exp(a)) = exp(m)*sum(c*exp(a - m))``. So

- ``log(sum(c*exp(a))) = m + log(sum(c*exp(a - m)))``, log-sum-exp;
- ``exp(b)/sum(c*exp(a)) = exp(b - m)/sum(c*exp(a - m))``, softmax;
- ``log(x*exp(a)) = log(x) + a``.

The identities hold for any ``m``, so it is a constant where they are differentiated:
``detach``. Derivatives then share the shifted exponentials. Where all exponents are infinite,
``m`` is 0, and the result what IEEE 754 makes of the formula as written.

Source: P. Blanchard, D. J. Higham, N. J. Higham, *Accurately computing the log-sum-exp and
softmax functions* (IMA J. Numer. Anal. 41, 2021).
"""

from __future__ import annotations

from dataclasses import dataclass

from symcompile.ir.algebra import exact
from symcompile.ir.build import Builder
from symcompile.ir.graph import Axis, Special, View
from symcompile.ir.sums import factors, product
from symcompile.ir.views import support

_MOST_TERMS = 16
_DEPTH = 6


@dataclass(frozen=True)
class _Term:
    """``rest*exp(exponent)``."""

    exponent: int
    rest: int


def log_of(b: Builder, argument: int) -> int | None:
    """Return the logarithm of a product or sum of exponentials, or None of anything else."""
    shifted = _shift(b, argument)
    if shifted is not None:
        shift, total = shifted
        return b.call("add", shift, b.call("log", total))
    top, bottom, negative = factors(b.graph, argument)
    if negative:
        return None
    found: int | None = None
    kept: tuple[list[int], list[int]] = ([], [])
    for nodes, others, op in ((top, kept[0], "add"), (bottom, kept[1], "sub")):
        for node in nodes:
            part = _log_of_positive(b, node, argument)
            if part is None:
                others.append(node)
            elif found is None:
                found = part if op == "add" else b.call("neg", part)
            else:
                found = b.call(op, found, part)
    if found is None:
        return None
    rest = product(b, *kept)
    return found if exact(b.graph, rest) == 1 else b.call("add", b.call("log", rest), found)


def log1p_of(b: Builder, small: int) -> int | None:
    """Return ``log(1 + small)`` of a sum of exponentials: the softplus of its logarithm."""
    shifted = _shift(b, small)
    if shifted is None:
        return None
    shift, total = shifted
    return b.call("softplus", b.call("add", shift, b.call("log", total)))


def quotient(b: Builder, node: int) -> int | None:
    """Return a quotient of exponentials and sums of them that cannot overflow, or None."""
    graph = b.graph
    top, bottom, negative = factors(graph, node)
    exponents = [e for f in top if (e := _exponent(b, f)) is not None]
    if not exponents:
        return None
    shifts: list[int] = []
    below: list[int] = []
    for factor in bottom:
        inside, view = _behind(b, factor)
        shifted = _shift(b, inside)
        if shifted is None:
            below.append(factor)
            continue
        shift, total = shifted
        axes = graph[factor].axes
        shifts.append(_seen(b, shift, view, axes))
        below.append(_seen(b, total, view, axes))
    if not shifts:
        return None
    exponent = exponents[0]
    for other in exponents[1:]:
        exponent = b.call("add", exponent, other)
    for shift in shifts:
        exponent = b.call("sub", exponent, shift)
    rest = [f for f in top if _exponent(b, f) is None]
    return product(b, [*rest, b.call("exp", exponent)], below, negative)


def _log_of_positive(b: Builder, node: int, whole: int) -> int | None:
    """Return the logarithm of a factor that is an exponential or a sum of them."""
    exponent = _exponent(b, node)
    if exponent is not None:
        return exponent
    inside, view = _behind(b, node)
    if node == whole or b.graph[inside].op != "reduce_sum" or not _positive(b, inside):
        return None
    shifted = _shift(b, inside)
    if shifted is None:
        found = b.call("log", inside)
    else:
        found = b.call("add", shifted[0], b.call("log", shifted[1]))
    return _seen(b, found, view, b.graph[node].axes)


def _positive(b: Builder, node: int, depth: int = _DEPTH) -> bool:
    """Return whether a node is positive for all arguments, as far as can be seen."""
    found = b.graph[node]
    if found.op in ("exp", "extent"):
        return True
    value = exact(b.graph, node)
    if value is not None:
        return value > 0
    if depth and found.op in ("add", "mul", "div", "reduce_sum", "view"):
        args = found.args[:1] if found.op == "view" else found.args
        return all(_positive(b, arg, depth - 1) for arg in args)
    return False


def _behind(b: Builder, node: int) -> tuple[int, View | None]:
    found = b.graph[node]
    if found.op == "view" and len(found.args) == 1:
        assert isinstance(found.data, View)
        if found.data.plain is not None:
            return found.args[0], found.data
    return node, None


def _seen(b: Builder, node: int, view: View | None, axes: tuple[Axis, ...]) -> int:
    return node if view is None else b.view(node, view, axes)


def _exponent(b: Builder, node: int) -> int | None:
    """Return a where a node is ``exp(a)``, broadcast perhaps."""
    inside, view = _behind(b, node)
    found = b.graph[inside]
    if found.op != "exp":
        return None
    return _seen(b, found.args[0], view, b.graph[node].axes)


def _shift(b: Builder, node: int) -> tuple[int, int] | None:
    """Return the shift of a sum of exponentials, and the sum without it."""
    if b.graph[node].op == "reduce_sum":
        return _shift_reduction(b, node)
    if b.graph[node].op == "add":
        return _shift_sum(b, node)
    return None


def _term(b: Builder, node: int) -> _Term:
    """Return a product as an exponential and the rest; the exponent is 0 where there is none."""
    top, bottom, negative = factors(b.graph, node)
    exponent = b.constant(0)
    rest: tuple[list[int], list[int]] = ([], [])
    for nodes, others, op in ((top, rest[0], "add"), (bottom, rest[1], "sub")):
        for factor in nodes:
            found = _exponent(b, factor)
            if found is None:
                others.append(factor)
            else:
                exponent = b.call(op, exponent, found)
    return _Term(exponent, product(b, *rest, negative))


def _shift_reduction(b: Builder, node: int) -> tuple[int, int] | None:
    graph = b.graph
    path: list[tuple[int, Axis]] = []
    body = node
    while graph[body].op == "reduce_sum":
        position = graph[body].data
        assert isinstance(position, int)
        body = graph[body].args[0]
        path.append((position, graph[body].axes[position]))
    term = _term(b, body)
    axes = graph[body].axes
    if not graph[term.exponent].axes or len(support(graph, term.exponent)) == 0:
        return None

    def largest(exponent: int) -> tuple[int, int]:
        kept = list(range(len(axes)))
        for position, axis in reversed(path):
            exponent = b.reduce("reduce_max", exponent, position, axis)
            del kept[position]
        shift = _detached(b, exponent)
        return shift, b.broadcast(shift, kept, axes)

    if any(largest(inner)[1] == by for inner, by in _differences(b, term.exponent)):
        return None  # it is shifted already
    shift, spread = largest(term.exponent)
    total = b.call("mul", term.rest, b.call("exp", b.call("sub", term.exponent, spread)))
    for position, axis in reversed(path):
        total = b.reduce("reduce_sum", total, position, axis)
    return shift, total


def _shift_sum(b: Builder, node: int) -> tuple[int, int] | None:
    graph = b.graph
    parts: list[int] = []
    pending = [node]
    while pending:
        index = pending.pop()
        if graph[index].op == "add" and len(parts) + len(pending) < _MOST_TERMS:
            pending += reversed(graph[index].args)
        else:
            parts.append(index)
    terms = [_term(b, part) for part in parts]
    exponents = [term.exponent for term in terms]
    growing = [e for e in exponents if exact(graph, e) is None]
    if len(growing) < 2 or any(
        _is_detached(b, by) for e in growing for _, by in _differences(b, e)
    ):
        return None
    largest = exponents[0]
    for exponent in exponents[1:]:
        largest = b.call("max", largest, exponent)
    shift = _detached(b, largest)
    total: int | None = None
    for term in terms:
        part = b.call("mul", term.rest, b.call("exp", b.call("sub", term.exponent, shift)))
        total = part if total is None else b.call("add", total, part)
    assert total is not None
    return shift, total


def _detached(b: Builder, largest: int) -> int:
    """Return the largest exponent as a shift: 0 where it is infinite, and without a slope."""
    infinite = b.call("eq", b.call("abs", largest), b.constant(Special.INF))
    return b.call("detach", b.call("select", infinite, b.constant(0), largest))


def _differences(b: Builder, exponent: int) -> list[tuple[int, int]]:
    """Return the pairs (x, y) for which an exponent may have been written as ``x - y``."""
    graph = b.graph
    node = graph[exponent]
    if node.op == "sub":
        return [(node.args[0], node.args[1])]
    if node.op == "neg" and graph[node.args[0]].op == "add":
        x, y = graph[node.args[0]].args
        return [(b.call("neg", x), y), (b.call("neg", y), x)]
    return []


def _is_detached(b: Builder, node: int) -> bool:
    return b.graph[_behind(b, node)[0]].op == "detach"
