"""One corpus of definitions that every backend runs, with points to run them at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Literal

import numpy as np
import sympy as sp
from numpy.typing import NDArray
from sympy.core.cache import clear_cache

from symcompile.checking.oracle import Oracle
from symcompile.frontend.definition import Definition, define

Points = Sequence[Sequence[float]]

a, b, c = sp.symbols("a b c")
w0, w1, w2 = sp.symbols("w0 w1 w2")
x, y, z = sp.symbols("x y z")
lam, mu = sp.symbols("lam mu")


@dataclass(frozen=True, eq=False)
class Case:
    """One definition and where to evaluate it.

    Attributes:
        name: a Python identifier.
        make: returns what ``define`` takes as its expression.
        params: its parameters.
        points: the parameters' values, one row a point; away from kinks.
        data: its data symbols.
        columns: their values.
        constants: as in ``define``.
        keywords: values of constants to pass.
        reduce: as in ``define``.
    """

    name: str
    make: Callable[[], Any]
    params: tuple[sp.Symbol, ...]
    points: Points
    data: tuple[sp.Symbol, ...] = ()
    columns: tuple[Sequence[float], ...] = ()
    constants: Any = ()
    keywords: Mapping[str, float] | None = None
    reduce: Literal["mean", "sum"] | None = None

    def __str__(self) -> str:
        return self.name

    @cached_property
    def definition(self) -> Definition:
        """The definition."""
        return define(
            self.name,
            self.make(),
            params=self.params,
            data=self.data,
            reduce=self.reduce,
            constants=self.constants,
        )

    @property
    def arrays(self) -> list[NDArray[np.float64]]:
        """The data columns as arrays."""
        return [np.array(column, dtype=np.float64) for column in self.columns]


@cache
def oracle(case: Case, point: int) -> Oracle:
    """Return the oracle at one point of a case; it remembers what it computed."""
    return Oracle(case.definition, case.points[point], case.arrays, case.keywords)


def nested(depth: int) -> sp.Expr:
    """Return ``f <- sin(f*b)*cos(f + c) + f**2/3`` nested ``depth`` deep.

    SymPy compares what it builds with what its cache holds; comparing two equal formulas that
    are not one object takes time exponential in their depth. So the cache is cleared first.
    """
    clear_cache()
    f: sp.Expr = a
    for _ in range(depth):
        f = sp.sin(f * b) * sp.cos(f + c) + f**2 / 3
    return f


def chain(depth: int) -> list[tuple[sp.Symbol, sp.Expr]]:
    """Return the same as named assignments."""
    found: list[tuple[sp.Symbol, sp.Expr]] = []
    f = a
    for k in range(depth):
        name = sp.Symbol(f"f{k}")
        found.append((name, sp.sin(f * b) * sp.cos(f + c) + f**2 / 3))
        f = name
    return found


def _unary(name: str, function: Callable[[Any], Any], *values: float) -> Case:
    """Return a case for one function: of a parameter, times another."""
    return Case(
        f"fn_{name}", lambda: w1 * function(w0), (w0, w1), [(value, 1.25) for value in values]
    )


_X = (0.3, -1.2, 2.5, 0.01, -3.1, 1.7)
_Y = (1.1, 0.4, -0.7, 2.2, 3.3, 0.9)

FUNCTIONS = [
    _unary("sqrt", sp.sqrt, 0.3, 7.0),
    _unary("exp", sp.exp, -2.1, 3.3),
    _unary("log", sp.log, 0.02, 5.5),
    _unary("log_base", lambda t: sp.log(t, 7), 0.3, 9.5),
    _unary("sin", sp.sin, -2.7, 0.4),
    _unary("cos", sp.cos, -2.7, 0.4),
    _unary("tan", sp.tan, -1.3, 0.4),
    _unary("asin", sp.asin, -0.9, 0.3),
    _unary("acos", sp.acos, -0.9, 0.3),
    _unary("atan", sp.atan, -5.0, 0.3),
    _unary("sinh", sp.sinh, -2.5, 0.02),
    _unary("cosh", sp.cosh, -2.5, 0.02),
    _unary("tanh", sp.tanh, -3.0, 0.02),
    _unary("asinh", sp.asinh, -40.0, 0.02),
    _unary("acosh", sp.acosh, 1.3, 40.0),
    _unary("atanh", sp.atanh, -0.95, 0.02),
    _unary("sec", sp.sec, 0.7, 4.0),
    _unary("csc", sp.csc, 0.7, 4.0),
    _unary("cot", sp.cot, 0.7, 4.0),
    _unary("sech", sp.sech, -1.7, 0.2),
    _unary("csch", sp.csch, -1.7, 0.2),
    _unary("coth", sp.coth, -1.7, 0.2),
    _unary("asec", sp.asec, 1.5, -4.0),
    _unary("acsc", sp.acsc, 1.5, -4.0),
    _unary("acot", sp.acot, 1.5, -4.0),
    _unary("asech", sp.asech, 0.3, 0.8),
    _unary("acsch", sp.acsch, 0.3, -2.0),
    _unary("acoth", sp.acoth, 1.4, -4.0),
    _unary("abs", lambda t: sp.Abs(t) ** 3, 1.5, -0.3),
    _unary("sign", lambda t: t**2 * sp.sign(t), 1.5, -0.3),
    _unary("floor", lambda t: t * sp.floor(t), 1.5, -0.3),
    _unary("ceiling", lambda t: t * sp.ceiling(t), 1.5, -0.3),
    _unary("erf", sp.erf, 0.01, -1.6),
    _unary("erfc", sp.erfc, 3.5, -1.6),
    _unary("gamma", sp.gamma, 4.3, -1.6),
    _unary("loggamma", sp.loggamma, 0.3, 60.0),
    _unary("digamma", sp.digamma, 0.3, 60.0),
    _unary("trigamma", lambda t: sp.polygamma(1, t), 0.3, 17.0),
    _unary("polygamma4", lambda t: sp.polygamma(4, t), 0.3, 17.0),
    Case("fn_atan2", lambda: sp.atan2(w0, w1), (w0, w1), [(1.0, -2.0), (-0.3, 4.0)]),
]

POWERS = [
    Case(
        "powers_whole",
        lambda: w0**2 + w0**-1 * w1**3 - w1**-4 + w0**7 * w1**-7 + w0**33,
        (w0, w1),
        [(1.1, 0.9), (-1.2, 0.7)],
    ),
    Case("power_large", lambda: w0**65 + w1**-70, (w0, w1), [(1.01, 0.99), (-1.02, 1.3)]),
    Case(
        "powers_half",
        lambda: w0 ** sp.Rational(3, 2) + w1 ** sp.Rational(-1, 2) + w0 ** sp.Rational(-7, 2),
        (w0, w1),
        [(1.7, 0.3), (0.9, 4.0)],
    ),
    Case(
        "powers_third",
        lambda: sp.cbrt(w0) + w1 ** sp.Rational(-1, 3) + w0 ** sp.Rational(2, 3) * w1**1.5,
        (w0, w1),
        [(1.7, 0.3), (40.0, 7.0)],
    ),
    Case("power_real", lambda: w0**w1 + w1**2.5 + 3**w0, (w0, w1), [(1.7, 0.3), (0.2, 3.0)]),
    Case("power_nested", lambda: (w0**2 + 1) ** (w1 / 2), (w0, w1), [(0.5, 3.0), (-2.0, -1.0)]),
]

FORMULAS = [
    Case(
        "arithmetic",
        lambda: 3 * w0 - w1 / 7 + sp.Rational(2, 3) * w0 * w1 - (w0 - w1) / (w0 + w1) - 5,
        (w0, w1),
        [(1.3, 0.4), (-2.0, 5.0)],
    ),
    Case(
        "named_constants",
        lambda: sp.pi * w0 + sp.E**w1 + sp.EulerGamma * w0**2 + sp.Catalan + sp.GoldenRatio * w1,
        (w0, w1),
        [(1.3, 0.4)],
    ),
    Case(
        "precise_float",
        lambda: sp.Float("0.1234567890123456789012345678901234", 34) * w0 + sp.Float(1e-30) * w1,
        (w0, w1),
        [(1.3, 0.4)],
    ),
    Case(
        "extremes",
        lambda: sp.Min(w0, w1, 2, w0 * w1) + 3 * sp.Max(w0**2, w1, w0 - w1, -1),
        (w0, w1),
        [(1.3, 0.4), (-2.0, 5.0), (3.0, 2.5)],
    ),
    Case(
        "branches",
        lambda: sp.Piecewise(
            (sp.Piecewise((w0**2, w1 > 1), (w0 * w1, True)), sp.And(w0 > 0, w1 > 0)),
            (sp.sin(w0), sp.Or(w0 < -2, sp.Not(w1 < 1))),
            (w1**3, sp.ITE(w0 > -1, w1 > -1, w1 > -2)),
            (w0 + w1, True),
        ),
        (w0, w1),
        [(1.3, 0.4), (1.3, 1.4), (-3.0, 0.5), (-0.5, 0.5), (-0.5, -1.5), (-1.5, -2.5)],
    ),
    Case(
        "branch_equal",
        lambda: sp.Piecewise((w0, sp.Eq(w1, 1)), (w0**2, sp.Ne(w1, 2)), (w0**3, True)),
        (w0, w1),
        [(1.3, 0.4)],
    ),
    Case("nested_5", lambda: nested(5), (a, b, c), [(0.5, 0.4, 0.3), (-0.8, 1.1, 0.2)]),
    Case("nested_30", lambda: nested(30), (a, b, c), [(0.5, 0.4, 0.3)]),
    Case("chain_20", lambda: chain(20), (a, b, c), [(0.5, 0.4, 0.3)]),
    Case(
        "softplus", lambda: sp.log(1 + sp.exp(w0)), (w0,), [(800.0,), (-800.0,), (-40.0,), (0.3,)]
    ),
    Case("sigmoid", lambda: 1 / (1 + sp.exp(w0)), (w0,), [(700.0,), (-800.0,), (-40.0,), (0.3,)]),
    Case(
        "sigmoid_ratio",
        lambda: w1 * sp.exp(w0) / (1 + sp.exp(w0)),
        (w0, w1),
        [(800.0, 2.0), (-700.0, 2.0), (-40.0, 2.0), (0.3, 2.0)],
    ),
    Case("log1p", lambda: sp.log(1 + w0), (w0,), [(1e-18,), (-1e-9,), (3.0,)]),
    Case("expm1", lambda: sp.exp(w0) - 1, (w0,), [(1e-18,), (-1e-9,), (3.0,)]),
    Case(
        "rosenbrock",
        lambda: (1 - w0) ** 2 + 100 * (w1 - w0**2) ** 2,
        (w0, w1),
        [(-1.2, 1.0), (1.0, 1.0)],
    ),
    Case("constant_only", lambda: sp.sqrt(2) + sp.pi / 4 + 0 * w0, (w0,), [(1.0,)]),
    Case("unused_param", lambda: w0**2, (w0, w1), [(3.0, 4.0)]),
]

SHAPES = [
    Case("vector", lambda: [w0 * w1, sp.sin(w0), sp.Integer(3), w0], (w0, w1), [(1.3, 0.4)]),
    Case("vector_long", lambda: [w0**k / (1 + w0) for k in range(7)], (w0,), [(1.3,)]),
    Case("repeated", lambda: [w0 * w1, w0 * w1, w0 * w1 + 1], (w0, w1), [(1.3, 0.4)]),
    Case(
        "matrix",
        lambda: sp.Matrix([[w0 * w1, sp.exp(w0)], [sp.log(w1), w0], [w1**2, 1]]),
        (w0, w1),
        [(1.3, 0.4)],
    ),
    Case("mapping", lambda: {"area": w0 * w1, "edge": 2 * w0 + w1}, (w0, w1), [(1.3, 0.4)]),
    Case(
        "from_cse",
        lambda: sp.cse([sp.sin(w0 * w1) ** 2 + sp.sin(w0 * w1), sp.exp(sp.sin(w0 * w1))]),
        (w0, w1),
        [(1.3, 0.4)],
    ),
    Case(
        "assignments",
        lambda: [(z, w0 * w1), (y, sp.sin(z) + z), y * z, y + w0],
        (w0, w1),
        [(1.3, 0.4)],
    ),
    Case("no_params", lambda: x**2 + y, (), [()], (x, y), (_X, _Y), reduce="sum"),
    Case("nothing", lambda: sp.sqrt(2), (), [()]),
]

SAMPLED = [
    Case(
        "linreg",
        lambda: (w0 + w1 * x - y) ** 2,
        (w0, w1),
        [(0.3, -0.7)],
        (x, y),
        (_X, _Y),
        reduce="mean",
    ),
    Case(
        "logistic",
        lambda: sp.log(1 + sp.exp(-y * (w0 + w1 * x))) + lam * w1**2,
        (w0, w1),
        [(0.3, -0.7), (300.0, 500.0)],
        (x, y),
        (_X, (1, -1, -1, 1, 1, -1)),
        {lam: 0.125},
        reduce="sum",
    ),
    Case(
        "precedence",  # hoisted sums stand inside of products in the loop
        lambda: sp.sin((w0 + w1) * x) / (w0 - w1) + sp.exp(-((x - (w0 - w1)) ** 2)) * (w1 - w0),
        (w0, w1),
        [(0.3, -0.7)],
        (x,),
        (_X,),
        reduce="sum",
    ),
    Case(
        "per_sample",
        lambda: [sp.sin(w0) * x, sp.Max(x, w1) * lam, w0 - w1, x * y, w0],
        (w0, w1),
        [(0.3, -0.7)],
        (x, y),
        (_X, _Y),
        (lam,),
        {"lam": 1.5},
    ),
    Case("per_sample_scalar", lambda: w0 * sp.exp(w1 * x), (w0, w1), [(0.3, -0.7)], (x,), (_X,)),
    Case("per_sample_alone", lambda: w0 * w1, (w0, w1), [(0.3, -0.7)], (x,), (_X,)),
    Case(
        "per_sample_matrix",
        lambda: sp.Matrix([[w0 * x, y], [1, w1 / y]]),
        (w0, w1),
        [(0.3, -0.7)],
        (x, y),
        (_X, _Y),
    ),
    Case(
        "sampled_branch",
        lambda: sp.Piecewise((w0 * x**2, x > w1), (sp.sqrt(w0) - x, x > -2), (w1, True)),
        (w0, w1),
        [(0.3, 0.2)],
        (x,),
        (_X,),
        reduce="sum",
    ),
    Case(
        "sampled_vector",
        lambda: [w0 * x + y, w1 * sp.cos(x), w0 * w1],
        (w0, w1),
        [(0.3, 0.2)],
        (x, y),
        (_X, _Y),
        reduce="mean",
    ),
    Case(
        "sampled_special",
        lambda: sp.gamma(w0 + x**2) - sp.loggamma(w1 + y**2) + sp.erf(w0 * x) + sp.floor(x) * w1,
        (w0, w1),
        [(1.3, 2.2)],
        (x, y),
        (_X, _Y),
        reduce="mean",
    ),
    Case(
        "required_constant",
        lambda: lam * w0**2 + mu / w0,
        (w0,),
        [(1.3,)],
        constants={lam: 2.5, mu: 3.0},
        keywords={"mu": -1.0},
    ),
]

_HOSTILE = (
    *("x; import os", "lambda", "λ", "Ω_{0}", "2x", "", "x y", '"""', "a\nb", "\\", "#", "{{ p }}"),
    *("n", "i", "p", "u", "v", "c", "k", "t0", "s0", "a0", "v0", "u0", "v1", "u1", "sums", "np"),
    *("count", "out", "work", "value", "grad", "math", "exp", "sin", "double", "SC_TILE", "size"),
    *("start", "stop", "block", "partial", "TILE", "BLOCKS", "DATA", "PARAMS", "found", "self"),
    *("float", "min", "range", "jit", "numba", "special", "array", "columns", "x_column", "None"),
)
_NAMES = tuple(sp.Symbol(name) for name in _HOSTILE)
_TWINS = (sp.Dummy("t"), sp.Dummy("t"), sp.Dummy("p"), sp.Dummy("p"))


def _spread(symbols: Sequence[sp.Symbol]) -> sp.Expr:
    terms = [sp.sin(s * (k + 1)) * (1 + s**2) for k, s in enumerate(symbols)]
    return sp.Add(*terms) * sp.Add(*symbols)


_SOME = tuple(0.01 * (k % 7) - 0.02 for k in range(len(_NAMES)))
_HALF = len(_NAMES) // 2
HOSTILE = [
    Case("hostile_params", lambda: _spread(_NAMES), _NAMES, [_SOME]),
    Case("hostile_twins", lambda: _spread(_TWINS), _TWINS, [(0.1, 0.2, 0.3, 0.4)]),
    Case(
        "hostile_data",
        lambda: w0 * _spread(_NAMES),
        (w0,),
        [(0.4,)],
        _NAMES,
        tuple((0.1, value, -0.2, 0.05) for value in _SOME),
        reduce="sum",
    ),
    Case(
        "hostile_samples",
        lambda: [w0 * _spread(_NAMES[:_HALF]), _spread(_NAMES[_HALF:])],
        (w0,),
        [(0.4,)],
        _NAMES,
        tuple((0.1, value, -0.2, 0.05) for value in _SOME),
    ),
    Case(
        "hostile_constants",
        lambda: w0**2 * _spread(_NAMES),
        (w0,),
        [(0.4,)],
        constants=dict(zip(_NAMES, _SOME, strict=True)),
    ),
    Case(
        "hostile_labels",
        lambda: [
            *[(s, sp.sin(w0 * (k + 2)) / 10) for k, s in enumerate(_NAMES)],
            _spread(_NAMES) * x,
        ],
        (w0,),
        [(0.4,)],
        (x,),
        ((0.5, 2.0),),
        reduce="sum",
    ),
    Case(
        "clashing",  # beside the arrays that carry parameters, directions and constants
        lambda: _spread(sp.symbols("v0 u0 p t0 s0 a0")) * x,
        tuple(sp.symbols("v0 u0 p")),
        [(0.1, 0.2, 0.3)],
        (x, *sp.symbols("t0 s0")),
        ((0.5, 2.0), (0.1, 0.3), (-0.4, 0.2)),
        {sp.Symbol("a0"): 0.25},
        reduce="mean",
    ),
]

CORPUS: list[Case] = [*FUNCTIONS, *POWERS, *FORMULAS, *SHAPES, *SAMPLED, *HOSTILE]
BY_NAME = {case.name: case for case in CORPUS}
