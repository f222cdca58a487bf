"""The symbolic gradient: equal to SymPy's, and printed as SymPy prints it."""

from __future__ import annotations

import random

import pytest
import sympy as sp

from symcompile.autodiff.symbolic import SymbolicGradient, symbolic_gradient
from symcompile.errors import UnsupportedFunctionError
from symcompile.frontend.definition import define
from tests.frontend.test_raising import EXPRESSIONS, chain

x, y, b, c = sp.symbols("x y b c")
w0, w1 = sp.symbols("w0 w1")
POINT = {x: sp.Rational(7, 10), y: sp.Rational(13, 10)}

# What SymPy differentiates by other rules: steps, and functions of complex numbers.
_STEPS = (sp.Abs, sp.sign, sp.floor, sp.ceiling, sp.Max, sp.Min)
SMOOTH = [e for e in EXPRESSIONS if not e.has(*_STEPS)]


def numeric(expr: sp.Expr) -> sp.Float:
    return sp.N(sp.expand_func(expr).subs(POINT).doit(), 40, maxn=300)


@pytest.mark.parametrize("expr", SMOOTH, ids=str)
def test_equals_sympy(expr: sp.Expr) -> None:
    gradient = symbolic_gradient(define("f", expr, params=(x, y)))
    assert gradient.params == (x, y)
    assert not gradient.intermediates
    # A double in the formula is one for both, but SymPy rounds as it goes.
    tolerance = sp.Float("1e-14" if expr.has(sp.Float) else "1e-30", 40)
    for found, symbol in zip(gradient, (x, y), strict=True):
        expected = numeric(sp.diff(expr, symbol))
        assert abs(numeric(found) - expected) <= tolerance * (1 + abs(expected))


@pytest.mark.parametrize(
    "expr",
    [
        x**2 + x * sp.cos(y),
        (sp.sin(x) + x**2) / 2,
        (x + 2 * y - 1) ** 2,
        (x**2 + 1) ** 3 * y,
        sp.exp(-(x**2) / 2) * y,
        sp.log(x) / y,
        sp.sqrt(x) + y ** sp.Rational(1, 3),
        x**2.5 + 0.5 * y**2,
        2.5 * x**2 - 1.0 * x * y,
        0.1 * x**2 + 2 * x,
        x * sp.atan(y),
        sp.sin(x * y),
        sp.sin(x) ** 2 + sp.sin(x),
        sp.exp(x) / (1 + sp.exp(x)),
        sp.Piecewise((x**2, x > 0), (x * y, True)),
        sp.erf(x),
        sp.loggamma(x),
    ],
    ids=str,
)
def test_prints_as_sympy(expr: sp.Expr) -> None:
    expected = [sp.diff(expr, symbol) for symbol in (x, y)]
    gradient = symbolic_gradient(define("f", expr, params=(x, y)))
    assert str(gradient) == repr(gradient) == str(expected)


def test_powers_are_those_of_a_textbook() -> None:
    gradient = symbolic_gradient(define("f", x**y, params=(x, y)))
    assert str(gradient) == "[x**(y - 1)*y, x**y*log(x)]"


def test_assumptions_of_symbols_are_kept() -> None:
    p = sp.Symbol("p", positive=True)
    assert symbolic_gradient(define("f", p**3, params=p))[0].free_symbols == {p}


def test_loss_over_data() -> None:
    loss = define("f", (w0 + w1 * x - y) ** 2, params=(w0, w1), data=(x, y), reduce="mean")
    gradient = symbolic_gradient(loss)
    assert str(gradient[0]) == "2*Sum(w0 + w1*x[i] - y[i], (i, 0, n - 1))/n"
    xs, ys = [1, 2, 4], [3, 5, 4]
    found = []
    for expr in gradient:
        n = next(s for s in expr.free_symbols if s.name == "n")
        terms = expr.subs(n, 3).doit()
        bases = {base.label.name: base for base in terms.atoms(sp.IndexedBase)}
        for k in range(3):
            terms = terms.subs({bases["x"][k]: xs[k], bases["y"][k]: ys[k]})
        found.append(sp.expand(terms))
    total = sum((w0 + w1 * p - q) ** 2 for p, q in zip(xs, ys, strict=True)) / 3
    assert found == [sp.expand(sp.diff(total, w)) for w in (w0, w1)]


def test_logistic_loss_with_intermediates_over_data() -> None:
    z = w0 + w1 * x
    big = sum(sp.log(1 + sp.exp(-k * y * z)) * sp.sin(k * z) for k in range(1, 8))
    gradient = symbolic_gradient(define("f", big, params=(w0, w1), data=(x, y), reduce="sum"))
    assert gradient.intermediates
    assert all(isinstance(symbol, sp.Indexed) for symbol, _ in gradient.intermediates)
    assert "[i] = " in str(gradient)
    assert "aligned" in gradient._repr_latex_()


def written_out() -> sp.Expr:
    uniform = random.Random(3).uniform
    points = [(uniform(2, 7), uniform(6, 15)) for _ in range(150)]
    return sum((w0 + w1 * p - q) ** 2 for p, q in points) / 150


class TestWrittenOutOverNumbers:
    loss = written_out()

    def test_long_sum_is_multiplied_out(self) -> None:
        gradient = symbolic_gradient(define("f", self.loss, params=(w0, w1)))
        assert not gradient.intermediates
        assert str(gradient).startswith("[2.0*w0 + ")
        assert len(str(gradient)) < 120
        for found, symbol in zip(gradient, (w0, w1), strict=True):
            expected = sp.expand(sp.diff(self.loss, symbol))
            for term in (w0, w1, sp.S.One):
                a, e = found.coeff(term), expected.coeff(term)
                if term is sp.S.One:
                    a, e = (v.as_coefficients_dict()[term] for v in (found, expected))
                assert abs(a - e) <= 1e-13 * abs(e)

    def test_simplified_prints_as_sympy(self) -> None:
        simplified = sp.simplify(self.loss)
        expected = [sp.diff(simplified, w) for w in (w0, w1)]
        assert str(symbolic_gradient(define("f", simplified, params=(w0, w1)))) == str(expected)


def test_deep_chain_has_a_line_for_each_intermediate_and_prints_some() -> None:
    gradient = symbolic_gradient(define("f", chain(300), params=(b, c)))
    assert len(gradient.intermediates) > 300
    text = str(gradient)
    assert "\n...\n" in text
    assert len(text.splitlines()) == 102
    # The chain of values stands first; SymPy differentiates it by the chain rule, numerically.
    point = {b: sp.Float("0.7", 30), c: sp.Float("1.3", 30)}
    table = dict(point)
    for symbol, expr in gradient.intermediates:
        table[symbol] = expr.xreplace(table)
    f, slope = point[b], sp.Integer(1)
    u = sp.Symbol("u")
    step = sp.sin(u * b) * sp.cos(u + c) + u**2 / 3
    for _ in range(300):
        at = {u: f, **point}
        slope = sp.diff(step, u).xreplace(at) * slope + sp.diff(step, b).xreplace(at)
        f = step.xreplace(at)
    found = gradient[0].xreplace(table)
    assert abs(found - slope) <= 1e-20 * (1 + abs(slope))


def test_sequence_and_empty() -> None:
    gradient = symbolic_gradient(define("f", x * y, params=(x, y)))
    assert (len(gradient), list(gradient), gradient[0], gradient[1:]) == (2, [y, x], y, (x,))
    assert str(symbolic_gradient(define("f", sp.Integer(2)))) == "[]"
    assert isinstance(gradient, SymbolicGradient)
    assert gradient._repr_latex_() == r"$\displaystyle \left[ y, \  x\right]$"


def test_constants_keep_their_symbols() -> None:
    gradient = symbolic_gradient(define("f", c * x**2 + 0.5 * c, params=x, constants=(c,)))
    assert list(gradient) == [2 * c * x]


def test_vectors_have_none() -> None:
    with pytest.raises(UnsupportedFunctionError, match="not one number"):
        symbolic_gradient(define("f", [x, y], params=(x, y)))
