"""Special functions of complex numbers: formulas in ``z`` and ``w``, and the ulp that they may err.

Orders and degrees are the real ``k``, or constants.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import sympy as sp
from sympy.codegen import cfunctions, scipy_nodes

z, w, k = sp.symbols("z w k")


class ComplexSpecial(NamedTuple):
    """A formula, and the most that its values may be off, and twice that its derivatives.

    Attributes:
        name: what it is called.
        formula: the formula.
        limit: in conditioned ulp; larger where SciPy's own function is off by more than 8.
    """

    name: str
    formula: Any
    limit: float = 8.0


#: SciPy's gamma, loggamma and digamma, Bessel and Airy functions, 0F1 and 2F1 of complex numbers.
_GAMMA, _BESSEL, _HYPER = 25.0, 40.0, 80.0

_third = sp.Rational(1, 3)


def _all(limit: float, **formulas: Any) -> list[ComplexSpecial]:
    return [ComplexSpecial(name, formula, limit) for name, formula in formulas.items()]


COMPLEX_SPECIALS = [
    *_all(
        8.0,
        Ei=sp.Ei(z),
        E1=sp.E1(z),
        expint_3=sp.expint(3, z),
        expint_9=sp.expint(9, z),
        expint_whole=sp.expint(-2, z),
        li=sp.li(z),
        Si=sp.Si(z),
        Shi=sp.Shi(z),
        Chi=sp.Chi(z),
        LambertW=sp.LambertW(z),
        LambertW_lower=sp.LambertW(z, -1),
        LambertW_2=sp.LambertW(z, 2),
        erfc=sp.erfc(z),
        erf2=sp.erf2(z, w),
        polygamma=sp.polygamma(1, z),
        polygamma_3=sp.polygamma(3, z),
        harmonic=sp.harmonic(z),
        sinc=sp.sinc(z),
        jn=sp.jn(2, z),
        jn_7=sp.jn(7, z),
        yn=sp.yn(2, z),
        jn_negative=sp.jn(-3, z),
        elliptic_k=sp.elliptic_k(z),
        elliptic_e=sp.elliptic_e(z),
        hyp1f1=sp.hyper([sp.Rational(1, 4)], [sp.Rational(7, 2)], z),
        legendre=sp.legendre(k, z),
        assoc_legendre=sp.assoc_legendre(k, 2, z),
        chebyshevt=sp.chebyshevt(k, z),
        chebyshevu=sp.chebyshevu(k, z),
        gegenbauer=sp.gegenbauer(k, sp.Rational(5, 4), z),
        hermite=sp.hermite(k, z),
        hermite_prob=sp.hermite_prob(k, z),
        laguerre=sp.laguerre(k, z),
        assoc_laguerre=sp.assoc_laguerre(k, sp.Rational(3, 2), z),
        laguerre_degree=sp.assoc_laguerre(sp.Rational(5, 2), sp.Rational(1, 3), z),
        jacobi=sp.jacobi(k, sp.Rational(5, 4), sp.Rational(1, 2), z),
        chebyshevt_degree=sp.chebyshevt(sp.Rational(5, 2), z),
        log2=cfunctions.log2(z),
        log10=cfunctions.log10(z),
        exp2=cfunctions.exp2(z),
        cosm1=scipy_nodes.cosm1(z),
        powm1=scipy_nodes.powm1(z, w),
        fma=cfunctions.fma(z, w, z),
    ),
    *_all(
        _GAMMA,
        gamma=sp.gamma(z),
        loggamma=sp.loggamma(z),
        digamma=sp.digamma(z),
        beta=sp.beta(z, w),
        factorial=sp.factorial(z),
        factorial2=sp.factorial2(z / 2),
        rising=sp.rf(z, w),
        falling=sp.ff(z, w),
        binomial=sp.binomial(z, w),
        catalan=sp.catalan(z),
        expint=sp.expint(sp.Rational(7, 3), z),
        expint_third=sp.expint(_third, z),
        expint_negative=sp.expint(-sp.Rational(5, 3), z),
        uppergamma=sp.uppergamma(sp.Rational(5, 3), z),
        uppergamma_small=sp.uppergamma(sp.Rational(1, 8), z),
        uppergamma_negative=sp.uppergamma(-sp.Rational(7, 3), z),
        uppergamma_large=sp.uppergamma(sp.Rational(31, 3), z),
        lowergamma=sp.lowergamma(sp.Rational(5, 3), z),
        lowergamma_small=sp.lowergamma(sp.Rational(1, 8), z),
        lowergamma_large=sp.lowergamma(sp.Rational(31, 3), z),
        erf=sp.erf(z),
        erfi=sp.erfi(z),
        Ci=sp.Ci(z),
    ),
    *_all(
        _BESSEL,
        fresnels=sp.fresnels(z),
        fresnelc=sp.fresnelc(z),
        besselj=sp.besselj(2, z),
        besselj_order=sp.besselj(sp.Rational(5, 3), z),
        bessely=sp.bessely(k, z),
        besseli=sp.besseli(k, z),
        besselk=sp.besselk(k, z),
        jn_order=sp.jn(_third, z),
        yn_order=sp.yn(_third, z),
        airyai=sp.airyai(z),
        airyaiprime=sp.airyaiprime(z),
        airybi=sp.airybi(z),
        airybiprime=sp.airybiprime(z),
    ),
    *_all(
        _HYPER,
        hyp0f1=sp.hyper([], [sp.Rational(5, 4)], z),
        hyp2f1=sp.hyper([sp.Rational(3, 2), sp.Rational(5, 2)], [sp.Rational(17, 4)], z),
        legendre_degree=sp.legendre(sp.Rational(5, 2), z),
        gegenbauer_degree=sp.gegenbauer(sp.Rational(5, 2), _third, z),
        jacobi_degree=sp.jacobi(sp.Rational(5, 2), _third, 1, z),
    ),
]
