"""The symbolic gradient: equal to SymPy's, and printed as SymPy prints it."""

from __future__ import annotations

import itertools
import pickle
import random
from typing import Any

import numpy as np
import pytest
import sympy as sp

from symcompile.autodiff.symbolic import SymbolicGradient, symbolic_gradient
from symcompile.errors import UnsupportedFunctionError
from symcompile.frontend.definition import define
from tests import handmade
from tests.frontend.test_raising import EXPRESSIONS, chain
from tests.handmade import SIZES, Handmade

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


# ------------------------------------------------------------------ index notation


class Numbers:
    """Numbers for everything in a gradient in index notation."""

    def __init__(self, gradient: SymbolicGradient, arrays: dict[str, Any], sizes: Any) -> None:
        self.arrays, self.sizes = arrays, sizes
        self.steps = {_base(symbol): (symbol, expr) for symbol, expr in gradient.intermediates}
        self.known: dict[Any, sp.Expr] = {}

    def of(self, expr: Any, at: dict[Any, int]) -> sp.Expr:
        """Return an expression, with numbers for its free indices, as a number."""
        sizes = {s: self.sizes[str(s)] for s in expr.free_symbols if str(s) in self.sizes}
        expr = sp.sympify(expr).xreplace(sizes).subs(at).doit()
        expr = expr.replace(lambda e: isinstance(e, sp.Indexed), self._entry)
        scalars = {s: self._scalar(s) for s in expr.free_symbols}
        return sp.N(expr.xreplace(scalars), 30)

    def _entry(self, element: sp.Indexed) -> sp.Expr:
        place = tuple(int(k) for k in element.indices)
        if _base(element) not in self.steps:
            return sp.Rational(float(self.arrays[_base(element)][place]))
        if element not in self.known:
            symbol, expr = self.steps[_base(element)]
            self.known[element] = self.of(expr, dict(zip(symbol.indices, place, strict=True)))
        return self.known[element]

    def _scalar(self, symbol: sp.Symbol) -> sp.Expr:
        if symbol.name in self.steps:
            return self.of(self.steps[symbol.name][1], {})
        return sp.Rational(float(self.arrays[symbol.name]))


def _base(symbol: Any) -> str:
    return str(symbol.base) if isinstance(symbol, sp.Indexed) else str(symbol)


@pytest.mark.parametrize("make", handmade.SCALARS, ids=lambda make: make.__name__)
def test_arrays_against_complex_steps(make: Any) -> None:
    model: Handmade = make()
    gradient = symbolic_gradient(model.definition)
    arrays = model.arrays()
    numbers = Numbers(gradient, arrays, SIZES)
    shapes = [np.shape(arrays[name]) for name in model.definition.params]
    assert [len(free) for free in gradient.indices] == [len(shape) for shape in shapes]
    for k, name in enumerate(model.definition.params):
        for place in itertools.product(*map(range, shapes[k])):
            at = dict(zip(gradient.indices[k], place, strict=True))
            assert str(gradient.targets[k].subs(at)) == name + (str(list(place)) if place else "")
            assert float(numbers.of(gradient[k], at)) == pytest.approx(
                model.derivative(name, place), rel=1e-11, abs=1e-13
            )


def test_arrays_print_a_line_for_each_parameter() -> None:
    lines = str(symbolic_gradient(handmade.logreg().definition)).splitlines()
    assert [line.split(" = ")[0] for line in lines] == ["d/dw[j]", "d/db"]
    z = "exp(-(b + Sum(X[i, k]*w[k], (k, 0, d - 1)))*y[i])"
    assert lines[0] == f"d/dw[j] = -Sum({z}*X[i, j]*y[i]/(1 + {z}), (i, 0, n - 1))/n"
    gradient = symbolic_gradient(handmade.ridge().definition)
    assert str(gradient) == (
        "d/dw[j] = 2*lam*w[j] "
        "+ 2*Sum((-y[i] + Sum(X[i, k]*w[k], (k, 0, d - 1)))*X[i, j], (i, 0, n - 1))/n"
    )
    latex = gradient._repr_latex_()
    assert r"\frac{\partial}{\partial {w}_{j}} &= 2 lam {w}_{j}" in latex
    assert gradient.params == (sp.IndexedBase("w"),)


def test_scatters_are_kronecker_deltas() -> None:
    gradient = symbolic_gradient(handmade.factors().definition)
    assert "KroneckerDelta(j, r[i])*U[r[i], k], (i, 0, n - 1))" in str(gradient)
    gradient = symbolic_gradient(handmade.diagonal().definition)
    assert str(gradient) == "d/dU[i, j] = exp(U[i, i])*KroneckerDelta(i, j)"


def test_array_gradients_pickle() -> None:
    gradient = symbolic_gradient(handmade.ridge().definition)
    assert str(pickle.loads(pickle.dumps(gradient))) == str(gradient)
