"""What SymPy's functions mean, in mpmath: a table of facts, independent of the package's own.

A function of this table takes an mpmath context and numbers of it. Real and complex arguments may
both be given; what is complex for real ones says that the point is outside of the real domain.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

_PLACES = (
    "sympy",
    "sympy.codegen.cfunctions",
    "sympy.codegen.numpy_nodes",
    "sympy.codegen.scipy_nodes",
)

Meaning = Callable[..., Any]


def tribonacci_constant(mp: Any) -> Any:
    """Return the real root of x**3 = x**2 + x + 1."""
    root = mp.sqrt(33)
    return (1 + mp.cbrt(19 + 3 * root) + mp.cbrt(19 - 3 * root)) / 3


def _named(name: str) -> Meaning:
    return lambda mp, *args: getattr(mp, name)(*args)


def _cube_root(mp: Any, x: Any) -> Any:
    if isinstance(x, mp.mpc):
        return mp.cbrt(x)
    return mp.sign(x) * mp.cbrt(abs(x))


def _spherical(name: str) -> Meaning:
    def value(mp: Any, n: Any, z: Any) -> Any:
        return mp.sqrt(mp.pi / (2 * z)) * getattr(mp, name)(n + mp.mpf(1) / 2, z)

    return value


def _sequence(first: tuple[int, ...], step: int) -> Meaning:
    """Return a sequence of whole numbers, each the sum of the last few."""

    def value(mp: Any, n: Any) -> Any:
        terms = list(first)
        while len(terms) <= n:
            terms.append(sum(terms[-step:]))
        return mp.mpf(terms[int(n)])

    return value


def _euler(mp: Any, n: Any, *x: Any) -> Any:
    return mp.eulerpoly(int(n), x[0]) if x else mp.mpf(mp.eulernum(int(n)))


def _bernoulli(mp: Any, n: Any, *x: Any) -> Any:
    return mp.bernpoly(int(n), x[0] if x else mp.mpf(1))


def _harmonic(mp: Any, n: Any, *m: Any) -> Any:
    if not m or m[0] == 1:
        return mp.harmonic(n)
    return mp.zeta(m[0]) - mp.zeta(m[0], n + 1)


def _mod(mp: Any, x: Any, y: Any) -> Any:
    return x - y * mp.floor(x / y)


def _heaviside(mp: Any, x: Any, *at: Any) -> Any:
    if x == 0:
        return at[0] if at else mp.mpf(1) / 2
    return mp.mpf(1 if x > 0 else 0)


def _lambert(mp: Any, x: Any, *k: Any) -> Any:
    return mp.lambertw(x, int(k[0].real) if k else 0)


def _multigamma(mp: Any, x: Any, p: Any) -> Any:
    half = mp.mpf(1) / 2
    product = mp.pi ** (p * (p - 1) / 4)
    for k in range(int(p)):
        product *= mp.gamma(x - k * half)
    return product


def _hermite_prob(mp: Any, n: Any, x: Any) -> Any:
    return mp.hermite(n, x / mp.sqrt(2)) / mp.mpf(2) ** (n / 2)


def _eta(mp: Any, s: Any, *a: Any) -> Any:
    if not a:
        return mp.altzeta(s)
    return (mp.zeta(s, a[0] / 2) - mp.zeta(s, (a[0] + 1) / 2)) / mp.mpf(2) ** s


def _catalan(mp: Any, n: Any) -> Any:
    ratio = mp.gamma(n + mp.mpf(1) / 2) / mp.gamma(n + 2)
    return mp.mpf(4) ** n * ratio / mp.sqrt(mp.pi)


def _fibonacci(mp: Any, n: Any, *x: Any) -> Any:
    if not x:
        return mp.fib(n)
    first, second = mp.mpf(0), mp.mpf(1)
    for _ in range(int(n)):
        first, second = second, x[0] * second + first
    return first


def _genocchi(mp: Any, n: Any) -> Any:
    return 2 * (1 - mp.mpf(2) ** n) * _bernoulli(mp, n)


def _subfactorial(mp: Any, n: Any) -> Any:
    value = mp.mpf(1)
    for k in range(1, int(n) + 1):
        value = k * value + (-1) ** k
    return value


MEANINGS: dict[str, Meaning] = {
    **{
        name: _named(name)
        for name in """
            acos acosh acot acoth acsc acsch airyai airybi asec asech asin asinh atan atan2 atanh
            besseli besselj besselk bessely beta binomial cos cosh cot coth csc csch erf erfc erfi
            erfinv exp expint expm1 factorial fresnelc fresnels gamma gegenbauer hankel1 hankel2
            hermite hypot jacobi legendre li log1p loggamma polylog sec sech sin sinc sinh sqrt
            tan tanh zeta
        """.split()
    },
    "Abs": lambda mp, x: abs(x),
    "Cbrt": _cube_root,
    "Chi": _named("chi"),
    "Ci": _named("ci"),
    "Ei": _named("ei"),
    "FallingFactorial": _named("ff"),
    "Heaviside": _heaviside,
    "LambertW": _lambert,
    "Li": lambda mp, x: mp.li(x, offset=True),
    "Max": lambda mp, *args: max(args),
    "Min": lambda mp, *args: min(args),
    "Mod": _mod,
    "RisingFactorial": _named("rf"),
    "Shi": _named("shi"),
    "Si": _named("si"),
    "Sqrt": _named("sqrt"),
    "airyaiprime": lambda mp, x: mp.airyai(x, derivative=1),
    "airybiprime": lambda mp, x: mp.airybi(x, derivative=1),
    "arg": _named("arg"),
    "assoc_laguerre": _named("laguerre"),
    "assoc_legendre": lambda mp, n, m, x: mp.legenp(n, m, x),
    "bernoulli": _bernoulli,
    "betainc": _named("betainc"),
    "betainc_regularized": lambda mp, *args: mp.betainc(*args, regularized=True),
    "catalan": _catalan,
    "ceiling": _named("ceil"),
    "chebyshevt": _named("chebyt"),
    "chebyshevu": _named("chebyu"),
    "conjugate": _named("conj"),
    "cosm1": lambda mp, x: mp.cos(x) - 1,
    "digamma": lambda mp, x: mp.psi(0, x),
    "dirichlet_eta": _eta,
    "elliptic_e": _named("ellipe"),
    "elliptic_f": _named("ellipf"),
    "elliptic_k": _named("ellipk"),
    "elliptic_pi": _named("ellippi"),
    "erf2": lambda mp, x, y: mp.erf(y) - mp.erf(x),
    "erf2inv": lambda mp, x, y: mp.erfinv(mp.erf(x) + y),
    "erfcinv": lambda mp, x: mp.erfinv(1 - x),
    "euler": _euler,
    "exp2": lambda mp, x: mp.mpf(2) ** x,
    "factorial2": _named("fac2"),
    "fibonacci": _fibonacci,
    "floor": _named("floor"),
    "fma": lambda mp, x, y, z: x * y + z,
    "frac": lambda mp, x: x - mp.floor(x),
    "genocchi": _genocchi,
    "harmonic": _harmonic,
    "hermite_prob": _hermite_prob,
    "im": _named("im"),
    "jn": _spherical("besselj"),
    "laguerre": lambda mp, n, x: mp.laguerre(n, 0, x),
    "log": lambda mp, x, *base: mp.log(x) / mp.log(base[0]) if base else mp.log(x),
    "log10": lambda mp, x: mp.log(x) / mp.log(10),
    "log2": lambda mp, x: mp.log(x) / mp.log(2),
    "logaddexp": lambda mp, x, y: mp.log(mp.exp(x) + mp.exp(y)),
    "logaddexp2": lambda mp, x, y: mp.log(mp.mpf(2) ** x + mp.mpf(2) ** y) / mp.log(2),
    "lowergamma": lambda mp, s, x: mp.gammainc(s, 0, x),
    "lucas": _sequence((2, 1), 2),
    "maximum": lambda mp, *args: max(args),
    "minimum": lambda mp, *args: min(args),
    "multigamma": _multigamma,
    "polygamma": lambda mp, n, x: mp.psi(int(n), x),
    "powm1": lambda mp, x, y: mp.power(x, y) - 1,
    "re": _named("re"),
    "sign": _named("sign"),
    "subfactorial": _subfactorial,
    "tribonacci": _sequence((0, 1, 1), 3),
    "trigamma": lambda mp, x: mp.psi(1, x),
    "uppergamma": lambda mp, s, x: mp.gammainc(s, x),
    "yn": _spherical("bessely"),
}


def sympy_class(name: str) -> Any:
    """Return SymPy's class of a function by its name, or None."""
    for place in _PLACES:
        found = getattr(import_module(place), name, None)
        # `sympy.maximum` is a function that finds one, and `sympy.sqrt` one that makes a power.
        if isinstance(found, type) or name == "sqrt":
            return found
    return None
