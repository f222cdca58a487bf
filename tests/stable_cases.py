"""Formulas that overflow or cancel as they stand, one or more for each rule about stable forms.

Points are magnitudes from the smallest subnormal number to the largest double, and what lies
around the places where expansions and branches begin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy as sp
from sympy.codegen.cfunctions import Cbrt

x, y = sp.symbols("x y")
exp, log, sqrt, erf, erfc, gamma = sp.exp, sp.log, sp.sqrt, sp.erf, sp.erfc, sp.gamma

MAGNITUDES = (
    *(5e-324, 1e-310, 2.3e-308, 1e-200, 1e-100, 1e-30, 1e-17, 1e-10, 1e-5, 1e-3, 0.03, 0.1),
    *(0.3, 0.49, 0.51, 0.7, 0.99, 1.0, 1.01, 1.5, 1.99, 2.01, 2.9, 3.1, 5.0, 5.1, 10.0, 19.9),
    *(20.1, 36.5, 39.9, 40.1, 100.0, 300.0, 355.0, 700.0, 709.9, 745.0, 1e3, 1e5, 1e8, 1e15),
    *(1e16, 1e17, 1e50, 1e100, 1e160, 1e200, 1e300, 1.7e308),
)
LINE = (*[-m for m in MAGNITUDES[::-1]], 0.0, *MAGNITUDES)


@dataclass(frozen=True)
class Case:
    """A formula, and where it is compared.

    Attributes:
        rule: the rule that must fire.
        formula: in ``x``, or in ``x`` and ``y``.
        low, high: the interval of x; of two variables ``points`` are given.
        points: further points, or all of them.
        gradient: the interval of x where the derivative is compared too; None for the same.
    """

    rule: str
    formula: Any
    low: float = -2e308
    high: float = 2e308
    points: tuple[tuple[float, ...], ...] = ()
    gradient: tuple[float, float] | None = None

    @property
    def symbols(self) -> tuple[sp.Symbol, ...]:
        """The variables, in order."""
        return tuple(s for s in (x, y) if s in self.formula.free_symbols)

    @property
    def places(self) -> list[tuple[float, ...]]:
        """The points at which it is compared."""
        if len(self.symbols) > 1:
            return list(self.points)
        return [(v,) for v in LINE if self.low <= v <= self.high] + list(self.points)


_NEAR = ((1.0, 1e-10), (0.5, 1e-3), (-0.3, 1e-17), (3.0, 1e-300))
_BOTH = ((1.0, 2.0), (20.0, 21.0), (-20.0, -21.0), (300.0, 299.0), (0.1, -0.2), (1e-8, 2e-8))

CASES = [
    Case("log1p", log(1 + x), low=-0.99),
    Case("log1p", log(1 + x + y), points=((1e-20, 1e-18), (0.3, 0.2), (1e300, 1.0))),
    Case("expm1", exp(x) - 1),
    Case("expm1", y * exp(x) - y, points=((1e-10, 3.0), (2.0, 1e-300), (-50.0, 2.0))),
    Case("softplus", log(1 + exp(x))),
    Case("log1mexp", log(1 - exp(x)), high=-5e-324),
    Case("log1mexp", log(1 - exp(-x)), low=5e-324),
    Case("log of expm1", log(exp(x) - 1), low=5e-324),
    Case("log-sum-exp", log(exp(x) + exp(y)), points=(*_BOTH, (1e308, 3.0), (-1e3, -1e3))),
    Case("log1p-sum-exp", log(1 + exp(x) + exp(y)), points=(*_BOTH, (1e308, 3.0), (-50.0, -60.0))),
    Case("softmax", exp(x) / (exp(x) + exp(y)), points=(*_BOTH, (800.0, 799.0), (-800.0, -803.0))),
    Case("sigmoid", 1 / (1 + exp(-x))),
    Case("sigmoid", exp(x) / (1 + exp(x))),
    Case("1 - sigmoid", 1 - 1 / (1 + exp(-x))),
    Case("log of sigmoid", log(1 / (1 + exp(-x)))),
    Case("log of sigmoid", log(1 - 1 / (1 + exp(-x)))),
    Case("sigmoid - sigmoid", 1 / (1 + exp(-x)) - 1 / (1 + exp(-y)), points=_BOTH),
    Case("tanh", (exp(2 * x) - 1) / (exp(2 * x) + 1)),
    Case("tanh", sp.sinh(x) / sp.cosh(x)),
    Case("bose", 1 / (exp(x) - 1), gradient=(1e-150, 2e308)),
    Case("bose", exp(x) / (exp(x) - 1), gradient=(1e-150, 700.0)),
    Case("bose", x**3 / (exp(x) - 1), low=1e-80, high=700.0),
    Case("product of exponentials", exp(x) * sp.exp(y, evaluate=False),
         points=((800.0, -799.0), (-800.0, 799.0), (1.0, 2.0))),
    Case("reciprocals", 1 / sp.cosh(x)),
    Case("reciprocals", sp.cosh(x) ** -2),
    Case("reciprocals", 1 / sp.sinh(x), low=1e-150),
    Case("reciprocals", 1 / gamma(x), low=0.1, high=170.0),
    Case("log of cosh", log(sp.cosh(x))),
    Case("log of sinh", log(sp.sinh(x)), low=5e-324),
    Case("log of 1 + tanh", log(1 + sp.tanh(x)), low=-700.0),
    Case("log of gamma", log(gamma(x)), low=0.1, high=1e300),
    Case("log of erfc", log(erfc(x)), high=1e150),
    Case("log of erfc", log((1 + erf(x)) / 2), low=-1e150),
    Case("asinh, acosh", log(x + sqrt(x**2 + 1))),
    Case("asinh, acosh", log(x + sqrt(x**2 - 1)), low=1.01),
    Case("atanh", log((1 + x) / (1 - x)), low=-0.99, high=0.99),
    Case("log of power", log(x**2), gradient=(1e-300, 1e300)),
    Case("log of power", log(x ** sp.Rational(7, 2)), low=5e-324, gradient=(1e-300, 1e300)),
    Case("erfcx", exp(x**2) * erfc(x), low=-20.0, high=1e8, gradient=(0.0, 5.0)),
    Case("ratio of gammas", gamma(x + 2) / gamma(x), low=0.1, high=1e150),
    Case("ratio of gammas", gamma(x) / gamma(x - 1), low=1.5, high=1e300),
    Case("ratio of gammas", gamma(x + sp.Rational(1, 2)) / gamma(x), low=0.1, high=1e5,
         gradient=(0.1, 5.0)),
    Case("binomial, beta", gamma(x) * gamma(y) / gamma(x + y),
         points=((5.0, 3.0), (200.0, 199.5), (0.5, 0.25))),
    Case("common factor", (x * y - 3) / y, points=((2.0, 1e8), (1.0, 0.5), (1e-9, 3e9))),
    Case("x log x", x * log(x), low=5e-324, gradient=(1e-300, 1e300)),
    Case("power of 1 + u", (1 + 1 / x) ** x, low=0.1, high=1e300, gradient=(0.1, 1e15)),
    Case("power of 1 + u", (1 + x) ** 20, low=-0.9, high=1e10),
    Case("power - 1", x**y - 1, points=((2.0, 1e-10), (1.0000001, 3.0), (0.5, 40.0))),
    Case("hypot", sqrt(x**2 + y**2), points=((3.0, 4.0), (1e200, 1e200), (1e-200, 2e-200),
                                               (3e-200, 1e-205), (1.7e308, 1e300))),
    Case("hypot", sqrt(1 + x**2)),
    Case("1 -+ cos", 1 - sp.cos(x), low=-1e15, high=1e15),
    Case("1 -+ cos", 1 + sp.cos(x), low=-1e8, high=1e8, points=((3.14159,), (3.1415926535,))),
    Case("1 -+ sin", 1 - sp.sin(x), low=-1e8, high=1e8, points=((1.57,), (1.5707963,))),
    Case("cosh - 1", sp.cosh(x) - 1),
    Case("1 -+ tanh", 1 - sp.tanh(x)),
    Case("1 -+ tanh", 1 + sp.tanh(x)),
    Case("1 -+ erf", 1 - erf(x), low=-20.0, high=20.0),
    Case("1 -+ erf", 1 + erf(x), low=-20.0, high=20.0),
    Case("erf - erf", erf(x) - erf(y), points=((5.0, 6.0), (-5.0, -6.0), (0.1, 0.2), (-1.0, 1.0))),
    Case("tanh - tanh", sp.tanh(x) - sp.tanh(y), points=_BOTH),
    Case("1 - square", 1 - sp.tanh(x) ** 2),
    Case("1 - square", 1 - sp.cos(x) ** 2, low=-1e8, high=1e8),
    Case("2 sinh", exp(x) - exp(-x)),
    Case("2 cosh", exp(x) - 2 + exp(-x)),
    Case("cosh -+ sinh", sp.cosh(x) - sp.sinh(x)),
    Case("cosh^2 - sinh^2", sp.cosh(x) ** 2 - sp.sinh(x) ** 2, low=-300.0, high=300.0),
    Case("sqrt - sqrt", sqrt(x + 1) - sqrt(x), low=5e-324, gradient=(1e-300, 1e150)),
    Case("sqrt - sqrt", sqrt(x + y) - sqrt(x), points=((1e5, 1e-8), (3.0, 1.0))),
    Case("1/sqrt - 1/sqrt", 1 / sqrt(x) - 1 / sqrt(x + 1), low=1e-300, high=1e200,
         gradient=(1e-100, 1e100)),
    Case("cbrt - cbrt", Cbrt(x + 1) - Cbrt(x), low=1e-300),
    Case(
        "power - power", (x + 1) ** sp.Rational(1, 5) - x ** sp.Rational(1, 5), low=1e-5, high=1e17
    ),
    Case("log - log", log(x + 1) - log(x), low=5e-324, gradient=(1e-300, 1e150)),
    Case("x log x - y log y", (x + 1) * log(x + 1) - x * log(x), low=5e-324),
    Case("atan - atan", sp.atan(x + 1) - sp.atan(x), low=-1e150, high=1e150),
    Case("sin - sin", sp.sin(x + y) - sp.sin(x), points=_NEAR),
    Case("cos - cos", sp.cos(x + y) - sp.cos(x), points=_NEAR),
    Case("tan - tan", sp.tan(x + y) - sp.tan(x), points=_NEAR),
    Case("exp - exp", exp(x + y) - exp(x), points=_NEAR),
    Case("right angle", sp.pi / 2 - sp.atan(x), gradient=(0.0, 1e150)),
    Case("right angle", sp.pi / 2 - sp.asin(x), low=-0.99, high=0.99, points=((0.99999999,),)),
    Case("conjugate", sqrt(x**2 + 1) - x, high=1e300, gradient=(0.0, 1e150)),
    Case("conjugate", sqrt(1 + x) - 1, low=-0.99),
    Case("conjugate over a factor", (-y + sqrt(y**2 - 4 * x)) / (2 * x),
         points=((1.0, 1e8), (1.0, -1e8), (0.25, 2.0), (1e-300, 1.0))),
    Case("difference of squares", x**2 - y**2,
         points=((1.0000001, 1.0), (1e-3, 1e10), (1e160, 1e160 * (1 - 1e-15)))),
    Case("fractions", 1 / (x + 1) - 1 / x, low=1e-300, high=1e300, gradient=(1e-100, 1e100)),
    Case("fractions", 1 / (x + 1) - 2 / x + 1 / (x - 1), low=1.5, high=1e100),
    Case("fractions", x / (1 + x) - 1, low=-0.5),
    Case("expansion at zero", (x - sp.sin(x)) / x**3, low=-1e8, high=1e8, gradient=(1e-50, 1e8)),
    Case("expansion at zero", exp(x) - 1 - x),
    Case("expansion at zero", exp(x) - 1 - x - x**2 / 2, low=-1e80, high=1e150),
    Case("expansion at zero", sp.tan(x) - x, low=-1.5, high=1.5),
    Case("expansion at zero", x - log(1 + x), low=-0.99),
    Case("expansion at zero", sp.sinh(x) - x),
    Case("expansion at zero", sp.tanh(x) - x),
    Case("expansion at zero", x - sp.atan(x)),
    Case("expansion at zero", 1 / x - sp.cot(x), low=1e-100, high=3.0),
    Case("expansion at zero", sp.coth(x) - 1 / x, low=1e-100),
    Case(
        "expansion at zero",
        (sp.sin(x) - x * sp.cos(x)) / x**3,
        low=-3.0,
        high=3.0,
        gradient=(1e-50, 3.0),
    ),
    Case("expansion at zero", sp.acosh(1 + x), low=5e-324, gradient=(1e-300, 1e300)),
    Case("expansion at zero", sp.acos(1 - x), low=5e-324, high=1.9, gradient=(1e-300, 1.9)),
    Case("limit at zero", sp.sin(x) / x, low=-3.0, high=3.0),
    Case("expansion at zero", (1 - sp.cos(x)) / x**2, low=-3.0, high=3.0, gradient=(1e-50, 3.0)),
    Case("limit at zero", (exp(x) - 1) / x, high=700.0),
    Case("limit at zero", log(1 + x) / x, low=-0.99),
    Case("expansion at infinity", sp.cbrt(x**3 + 1) - x, low=0.1, high=1e90, gradient=(0.1, 1e60)),
]  # fmt: skip
