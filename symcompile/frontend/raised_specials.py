"""Special functions of the IR as SymPy, where that is not the class of the same arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp
from sympy.codegen.cfunctions import isinf, isnan


def _moment(p: Any, q: Any, r: Any, n: Any, z: Any, m: Any) -> Any:
    t = sp.Dummy("t")
    square = sp.sin(t) ** 2
    weight = (1 - m * square) ** (q / 2) * (1 - n * square) ** r
    return sp.Integral(square**p / weight, (t, 0, z))


def _derivative(function: Any) -> Callable[..., Any]:
    """Return what writes the k-th derivative of a function in its first argument."""

    def made(k: Any, s: Any, *rest: Any) -> Any:
        if k == 0:
            return function(s, *rest)
        t = s if s.is_Symbol else sp.Dummy("s")
        found = sp.Derivative(function(t, *rest), (t, k))
        return found if t == s else sp.Subs(found, t, s)

    return made


def _lambertw(x: Any, branch: Any) -> Any:
    return sp.LambertW(x) if branch == 0 else sp.LambertW(x, branch)


def _laguerre(n: Any, a: Any, x: Any) -> Any:
    return sp.laguerre(n, x) if a == 0 else sp.assoc_laguerre(n, a, x)


SPECIALS: dict[str, Callable[..., Any]] = {
    "digamma": sp.digamma,
    "polygamma": sp.polygamma,
    "digamma_difference": lambda x, d: sp.digamma(x + d) - sp.digamma(x),
    "beta": sp.beta,
    "erfcx": lambda x: sp.exp(x**2) * sp.erfc(x),
    "lambertw": _lambertw,
    "zeta": _derivative(sp.zeta),
    "hurwitz": _derivative(sp.zeta),
    "dirichlet_eta": _derivative(sp.dirichlet_eta),
    "hurwitz_eta": _derivative(sp.dirichlet_eta),
    "polylog_ratio": lambda j, s, z: _derivative(lambda t: sp.polylog(s, t) / t)(j, z),
    "sinpi": lambda x: sp.sin(sp.pi * x),
    "cospi": lambda x: sp.cos(sp.pi * x),
    "hypot_slope": lambda x, y, f: x / f,
    "elliptic_k": sp.elliptic_k,
    "elliptic_e": sp.elliptic_e,
    "elliptic_e_incomplete": sp.elliptic_e,
    "elliptic_d": lambda m: (sp.elliptic_k(m) - sp.elliptic_e(m)) / m,
    "elliptic_g": lambda m: (sp.elliptic_e(m) - (1 - m) * sp.elliptic_k(m)) / (m * (1 - m)),
    "elliptic_moment": _moment,
    "elliptic_pi": sp.elliptic_pi,
    "elliptic_pi_incomplete": sp.elliptic_pi,
    "hyp0f1": lambda b, z: sp.hyper((), (b,), z),
    "hyp1f1": lambda a, b, z: sp.hyper((a,), (b,), z),
    "hyp2f1": lambda a, b, c, z: sp.hyper((a, b), (c,), z),
    "assoc_laguerre": _laguerre,
    "catalan_number": sp.catalan,
    "harmonic": sp.harmonic,
    "harmonic_general": sp.harmonic,
    "euler_number": sp.euler,
    "bernoulli": lambda n, half: sp.bernoulli(n),
    "mod": sp.Mod,
    "isnan": isnan,
    "isinf": isinf,
}
