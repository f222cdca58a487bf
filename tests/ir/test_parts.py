"""Identities of complex numbers, against arithmetic of many digits."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symcompile.ir.build import Builder
from symcompile.ir.graph import Input, Kind, Special
from symcompile.ir.interpreter import context, evaluate

MP = context(40)
_NUMBER = st.floats(-4, 4)

Make = Callable[[Builder, int, int, int], int]

#: Formulas of two real numbers and a complex one: what the builder makes of them is simpler.
_FORMULAS: dict[str, Make] = {
    "i*i": lambda b, x, y, z: b.call("mul", b.call("imaginary"), b.call("imaginary")),
    "i*x": lambda b, x, y, z: b.call("mul", b.call("imaginary"), x),
    "i*z": lambda b, x, y, z: b.call("mul", b.call("imaginary"), z),
    "x + i*y": lambda b, x, y, z: b.call("add", x, b.call("mul", y, b.call("imaginary"))),
    "x - i*y": lambda b, x, y, z: b.call("sub", x, b.call("mul", y, b.call("imaginary"))),
    "i*y - x": lambda b, x, y, z: b.call("sub", b.call("mul", y, b.call("imaginary")), x),
    "-(x + i*y)": lambda b, x, y, z: b.call("neg", b.call("complex", x, y)),
    "i*y*x": lambda b, x, y, z: b.call("mul", b.call("mul", b.call("imaginary"), y), x),
    "re(x + i*y)": lambda b, x, y, z: b.call("re", b.call("complex", x, y)),
    "im(conj z)": lambda b, x, y, z: b.call("im", b.call("conj", z)),
    "re(conj z)": lambda b, x, y, z: b.call("re", b.call("conj", z)),
    "conj conj z": lambda b, x, y, z: b.call("conj", b.call("conj", z)),
    "conj(x + i*y)": lambda b, x, y, z: b.call("conj", b.call("complex", x, y)),
    "arg(x + i*y)": lambda b, x, y, z: b.call("arg", b.call("complex", x, y)),
    "abs(x + i*y)": lambda b, x, y, z: b.call("abs", b.call("complex", x, y)),
    "widen(x)*y": lambda b, x, y, z: b.call("mul", b.call("widen", x), y),
    "cbrt(-z)": lambda b, x, y, z: b.call("cbrt", b.call("neg", z)),
}


class _Plain(Builder):
    """A builder without the identities."""

    def call(self, op: str, *args: int) -> int:
        return self.graph.add(op, args)


@pytest.mark.parametrize("name", _FORMULAS)
@given(x=_NUMBER, y=_NUMBER, re=_NUMBER, im=_NUMBER)
@settings(max_examples=20, deadline=None)
def test_identities(name: str, x: float, y: float, re: float, im: float) -> None:
    found = []
    for b in (Builder(), _Plain()):
        graph = b.graph
        first, second = graph.input("param", 0), graph.input("param", 1)
        third = graph.input("param", 2, (), Kind.COMPLEX)
        root = _FORMULAS[name](b, first, second, third)
        inputs = {Input("param", 0): MP.mpf(x), Input("param", 1): MP.mpf(y)}
        values = evaluate(graph, [root], MP, {**inputs, Input("param", 2): MP.mpc(re, im)})
        found.append((values[0], graph[root].kind))
    (got, kind), (exact, plain) = found
    assert kind is plain
    assert abs(got - exact) <= 1e-30 * (1 + abs(exact))


def test_what_was_complex_stays_so() -> None:
    b = Builder()
    square = b.call("mul", b.call("imaginary"), b.call("imaginary"))
    assert b.graph[square].op == "complex" and b.graph[b.graph[square].args[0]].data == -1
    root = b.call("sqrt", square)
    assert evaluate(b.graph, [root], MP, {}) == [MP.mpc(0, 1)]
    assert b.graph[b.call("abs", b.constant(Special.INF))].kind is Kind.REAL
