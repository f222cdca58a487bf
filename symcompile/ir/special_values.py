"""What special functions mean, in mpmath, where that is not one function of the same name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mpmath.ctx_mp import MPContext

Number = Any


def _negative(mp: MPContext, x: Number) -> bool:
    """Return whether a number is real and below zero."""
    return not isinstance(x, mp.mpc) and bool(x < 0)


def _on_axis(mp: MPContext, x: Number) -> Number:
    """Return a complex number as a real one, if it is one."""
    return x.real if isinstance(x, mp.mpc) and x.imag == 0 else x


def _whole(mp: MPContext, x: Number) -> bool:
    return bool(mp.isfinite(x) and x == mp.floor(x))


def _erfcinv(mp: MPContext, x: Number) -> Number:
    # 1 - x is rounded: so many digits more as x has zeros in front.
    if not 0 <= x <= 2:
        return mp.nan
    if x in (0, 2):
        return mp.inf if x == 0 else -mp.inf
    extra = max(0, -int(mp.mag(x))) + 20
    with mp.workprec(mp.prec + extra):
        found = mp.erfinv(1 - x)
    return +found


def _derivative(function: Callable[..., Number]) -> Callable[..., Number]:
    """Return the k-th derivative of a function in its first argument after k."""

    def value(mp: MPContext, k: Number, s: Number, *rest: Number) -> Number:
        order = int(k)
        if order == 0:
            return function(mp, s, *rest)
        with mp.workdps(2 * mp.dps + 10):
            found = mp.diff(lambda t: function(mp, t, *rest), s, order)
        return +found

    return value


def _zeta(mp: MPContext, k: Number, s: Number) -> Number:
    if s == 1:
        return mp.inf if k == 0 else mp.nan
    return mp.zeta(s, 1, int(k))


def _hurwitz(mp: MPContext, k: Number, s: Number, a: Number) -> Number:
    if s == 1 or (a <= 0 and _whole(mp, a)):
        return mp.inf if k == 0 else mp.nan
    if k == 0 and s <= 0 and _whole(mp, s):
        return -mp.bernpoly(1 - int(s), a) / (1 - s)
    return mp.zeta(s, a, int(k))


def _lambertw(mp: MPContext, x: Number, k: Number) -> Number:
    if x == 0:
        return mp.mpf(0) if k == 0 else -mp.inf
    return mp.lambertw(x, int(k))


def _spherical(mp: MPContext, kind: str, n: Number, x: Number) -> Number:
    odd = _whole(mp, n) and int(n) % 2 == 1
    if _negative(mp, x) and _whole(mp, n):
        return (-1 if odd == (kind == "j") else 1) * _spherical(mp, kind, n, -x)
    if x == 0:
        if kind == "y":
            return -mp.inf
        return mp.mpf(1) if n == 0 else mp.mpf(0)
    function = mp.besselj if kind == "j" else mp.bessely
    return mp.sqrt(mp.pi / (2 * x)) * function(n + mp.mpf(1) / 2, x)


def _polynomial(name: str) -> Callable[..., Number]:
    """Return a polynomial of a degree that may be negative: then zero."""

    def value(mp: MPContext, n: Number, *rest: Number) -> Number:
        if n < 0 and _whole(mp, n):
            return mp.mpf(0)
        return getattr(mp, name)(int(n) if _whole(mp, n) else n, *rest)

    return value


def _chebyshevt(mp: MPContext, n: Number, x: Number) -> Number:
    n = abs(n)
    if not _whole(mp, n):
        return mp.chebyt(n, x)
    # DLMF 18.9.1; mpmath's has no value near 0.
    before, now = x, mp.mpf(1)
    for _ in range(int(n)):
        before, now = now, 2 * x * now - before
    return now


def _chebyshevu(mp: MPContext, n: Number, x: Number) -> Number:
    if not _whole(mp, n):
        return mp.chebyu(n, x)
    if n < -1:
        return -_chebyshevu(mp, -n - 2, x)
    before, now = mp.mpf(0), mp.mpf(0 if n < 0 else 1)
    for _ in range(int(n)):
        before, now = now, 2 * x * now - before
    return now


def _gegenbauer(mp: MPContext, n: Number, a: Number, x: Number) -> Number:
    if not _whole(mp, n):
        return mp.gegenbauer(n, a, x)
    if n < 0:
        return mp.mpf(0)
    # DLMF 18.9.1; mpmath's has no value at 0.
    before, now = mp.mpf(0), mp.mpf(1)
    for k in range(int(n)):
        before, now = now, (2 * (k + a) * x * now - (k + 2 * a - 1) * before) / (k + 1)
    return now


def _laguerre(mp: MPContext, n: Number, a: Number, x: Number) -> Number:
    if n < 0 and _whole(mp, n):
        if a == 0:
            return mp.exp(x) * mp.laguerre(-n - 1, 0, -x)
        if _whole(mp, a) and a + n >= 0:
            return mp.mpf(0)
    return mp.laguerre(n, a, x)


def _legendre(mp: MPContext, n: Number, x: Number) -> Number:
    n = -n - 1 if n < 0 else n
    if _whole(mp, n):
        return mp.legendre(int(n), x)
    return mp.hyp2f1(-n, n + 1, 1, (1 - x) / 2)


def _assoc_legendre(mp: MPContext, n: Number, m: Number, x: Number) -> Number:
    if _whole(mp, n) and _whole(mp, m):
        n, order = int(n if n >= 0 else -n - 1), abs(int(m))
        if order > n:
            return mp.mpf(0)
        found = _gegenbauer(mp, n - order, order + mp.mpf(1) / 2, x) * mp.fac2(2 * order - 1)
        found *= (-1) ** order * mp.sqrt((1 - x) * (1 + x)) ** order
        if m < 0:
            found *= (-1) ** order * mp.factorial(n - order) / mp.factorial(n + order)
        return found
    return mp.legenp(n, m, x)


def _hermite_prob(mp: MPContext, n: Number, x: Number) -> Number:
    if n < 0:
        return mp.mpf(0)
    return mp.hermite(int(n), x / mp.sqrt(2)) / mp.sqrt(2) ** int(n)


def _moment(
    mp: MPContext, p: Number, q: Number, r: Number, n: Number, z: Number, m: Number
) -> Number:
    if 1 - max(m, n) * mp.sin(min(abs(z), mp.pi / 2)) ** 2 < 0:
        return mp.nan

    def integrand(t: Number) -> Number:
        square = mp.sin(t) ** 2
        weight = mp.power(1 - m * square, -q / 2) * mp.power(1 - n * square, -r)
        return mp.power(square, p) * weight

    return mp.quad(integrand, mp.linspace(0, z, 2 + int(abs(z))))


def _binomial(mp: MPContext, n: Number, k: Number) -> Number:
    whole = _on_axis(mp, k)
    if _negative(mp, whole) and _whole(mp, whole):
        return mp.mpf(0)
    return mp.binomial(n, k)


def _tribonacci(mp: MPContext, n: Number) -> Number:
    if n < 0 or not _whole(mp, n):
        return mp.nan
    first, second, third = mp.mpf(0), mp.mpf(1), mp.mpf(1)
    for _ in range(int(n)):
        first, second, third = second, third, first + second + third
    return first


def _subfactorial(mp: MPContext, n: Number) -> Number:
    if n < 0 or not _whole(mp, n):
        return mp.nan
    found = mp.mpf(1)
    for k in range(1, int(n) + 1):
        found = k * found + (-1) ** k
    return found


def _harmonic(mp: MPContext, n: Number, m: Number) -> Number:
    if m == 1:
        return mp.harmonic(n)
    if n >= 0 and _whole(mp, n):
        return mp.fsum(mp.power(k, -m) for k in range(1, int(n) + 1))
    return mp.zeta(m) - mp.zeta(m, n + 1)


def _bernoulli(mp: MPContext, n: Number, half: Number) -> Number:
    if n == 1:
        return half
    if n >= 0 and _whole(mp, n):
        return mp.bernoulli(int(n))
    return -n * mp.zeta(1 - n)


def _mod(mp: MPContext, x: Number, y: Number) -> Number:
    if y == 0 or mp.isinf(x):
        return mp.nan
    if mp.isinf(y):
        return x if x == 0 or (x < 0) == (y < 0) else y
    return x - y * mp.floor(x / y)


def _polylog(mp: MPContext, s: Number, z: Number) -> Number:
    if z > 1:
        return mp.nan
    if z == 1:
        return mp.zeta(s) if s > 1 else mp.inf
    if abs(z) < 1e-5:
        return mp.fsum(z**k / mp.mpf(k) ** s for k in range(1, mp.dps // 5 + 3))
    if z < -1 and not _whole(mp, s):
        # The integral of Fermi and Dirac, with its order raised by recurrence of derivatives.
        x, order = mp.log(-z), s
        if order <= 0:
            return mp.polylog(s, z)
        points = [0, max(x, 1) / 2, max(x, 1), 2 * max(x, 1), max(x, 1) + 40, mp.inf]
        integrand = lambda t: t ** (order - 1) / (mp.exp(t - x) + 1)  # noqa: E731
        return -mp.quad(integrand, points) / mp.gamma(order)
    return mp.polylog(s, z)


def _lower_gamma(mp: MPContext, a: Number, x: Number) -> Number:
    if isinstance(x, mp.mpc):  # mpmath's does not return for some
        return mp.power(x, a) / a * mp.hyp1f1(a, a + 1, -x)
    return mp.gammainc(a, 0, x) if a > 0 else mp.gamma(a) - mp.gammainc(a, x)


def _real_from_zero(name: str) -> Callable[..., Number]:
    """Return a function that is real from zero on, and minus infinity there."""

    def value(mp: MPContext, x: Number) -> Number:
        return mp.nan if _negative(mp, x) else -mp.inf if x == 0 else getattr(mp, name)(x)

    return value


def _polylog_ratio(mp: MPContext, j: Number, s: Number, z: Number) -> Number:
    order = int(j)
    if abs(z) < 0.5:
        terms = int(mp.dps * 2.4 / -mp.log(abs(z))) + 40 if z else 1
        return mp.fsum(
            mp.rf(k + 1, order) * z**k / mp.mpf(k + order + 1) ** s for k in range(terms)
        )
    # z d/dz takes Li_s to Li_(s-1); here it is shift - 1 of what is divided by z.
    weights = [mp.mpf(1)]
    for root in range(1, order + 1):
        lower, upper = [-root * w for w in weights], weights
        weights = [x + y for x, y in zip([*lower, 0], [0, *upper], strict=True)]
    with mp.workdps(mp.dps + 15):
        found = mp.fsum(w * _polylog(mp, s - k, z) for k, w in enumerate(weights))
    return found / z ** (order + 1)


def _hurwitz_eta(mp: MPContext, s: Number, a: Number) -> Number:
    if a <= 0 and _whole(mp, a):
        return mp.nan
    steps = max(0, 1 - int(mp.floor(a)))
    head = mp.fsum((-1) ** i * mp.power(a + i, -s) for i in range(steps))
    b = a + steps
    if s == 1:
        tail = (mp.digamma((b + 1) / 2) - mp.digamma(b / 2)) / 2
    else:
        tail = (mp.zeta(s, b / 2) - mp.zeta(s, (b + 1) / 2)) / mp.power(2, s)
    return head + (-1) ** steps * tail


#: For each operation a function of mpmath's context and the arguments.
VALUES: dict[str, Callable[..., Number]] = {
    "erfcinv": _erfcinv,
    "erfcx": lambda mp, x: mp.exp(x * x) * mp.erfc(x),
    "erf2": lambda mp, x, y: mp.erf(y) - mp.erf(x),
    "polygamma": lambda mp, n, x: mp.polygamma(int(n), x) if _whole(mp, n) and n >= 0 else mp.nan,
    "digamma_difference": lambda mp, x, d: mp.digamma(x + d) - mp.digamma(x),
    "upper_gamma": lambda mp, a, x: mp.gammainc(a, x),
    "lower_gamma": _lower_gamma,
    "beta_incomplete": lambda mp, *args: mp.betainc(*args),
    "beta_regularized": lambda mp, *args: mp.betainc(*args, regularized=True),
    "lambertw": _lambertw,
    "expi": lambda mp, x: mp.ei(x),
    "logarithmic_integral": lambda mp, x: mp.nan if _negative(mp, x) else mp.li(x),
    "sine_integral": lambda mp, x: mp.si(x),
    "cosine_integral": _real_from_zero("ci"),
    "hyperbolic_sine_integral": lambda mp, x: mp.shi(x),
    "hyperbolic_cosine_integral": _real_from_zero("chi"),
    "zeta": _zeta,
    "hurwitz": _hurwitz,
    "dirichlet_eta": _derivative(lambda mp, s: mp.altzeta(s)),
    "hurwitz_eta": _derivative(_hurwitz_eta),
    "polylog": _polylog,
    "polylog_ratio": _polylog_ratio,
    "sinpi": lambda mp, x: mp.sinpi(x),
    "cospi": lambda mp, x: mp.cospi(x),
    "hypot_slope": lambda mp, x, y, f: x / f if f else mp.nan,
    "elliptic_k": lambda mp, m: mp.ellipk(m),
    "elliptic_e": lambda mp, m: mp.ellipe(m),
    "elliptic_d": lambda mp, m: mp.elliprd(0, 1 - m, 1) / 3,
    "elliptic_g": lambda mp, m: mp.elliprd(0, 1, 1 - m) / 3,
    "elliptic_f": lambda mp, z, m: mp.ellipf(z, m),
    "elliptic_e_incomplete": lambda mp, z, m: mp.ellipe(z, m),
    "elliptic_moment": _moment,
    "elliptic_pi": lambda mp, n, m: mp.ellippi(n, m),
    "elliptic_pi_incomplete": lambda mp, n, z, m: mp.ellippi(n, z, m),
    "spherical_j": lambda mp, n, x: _spherical(mp, "j", n, x),
    "spherical_y": lambda mp, n, x: _spherical(mp, "y", n, x),
    "sinc": lambda mp, x: mp.sinc(x),
    "airyaiprime": lambda mp, x: mp.airyai(x, derivative=1),
    "airybiprime": lambda mp, x: mp.airybi(x, derivative=1),
    "legendre": _legendre,
    "assoc_legendre": _assoc_legendre,
    "chebyshevt": _chebyshevt,
    "chebyshevu": _chebyshevu,
    "gegenbauer": _gegenbauer,
    "jacobi": _polynomial("jacobi"),
    "hermite": _polynomial("hermite"),
    "hermite_prob": _hermite_prob,
    "assoc_laguerre": _laguerre,
    "factorial": lambda mp, x: mp.factorial(x),
    "factorial2": lambda mp, x: mp.fac2(x),
    "rising_factorial": lambda mp, x, k: mp.rf(x, k),
    "falling_factorial": lambda mp, x, k: mp.ff(x, k),
    "binomial": _binomial,
    "catalan_number": lambda mp, n: mp.binomial(2 * n, n) / (n + 1),
    "harmonic": lambda mp, n: mp.harmonic(n),
    "harmonic_general": _harmonic,
    "subfactorial": _subfactorial,
    "fibonacci": lambda mp, n: mp.fib(n),
    "lucas": lambda mp, n: mp.fib(n - 1) + mp.fib(n + 1),
    "tribonacci": _tribonacci,
    "euler_number": lambda mp, n: mp.eulernum(int(n)) if _whole(mp, n) and n >= 0 else mp.nan,
    "bernoulli": _bernoulli,
    "log2": lambda mp, x: mp.log(x, 2),
    "log10": lambda mp, x: mp.log10(x),
    "exp2": lambda mp, x: mp.power(2, x),
    "fma": lambda mp, x, y, z: x * y + z,
    "logaddexp": lambda mp, x, y: max(x, y) + mp.log1p(mp.exp(-abs(x - y))),
    "logaddexp2": lambda mp, x, y: max(x, y) + mp.log1p(mp.power(2, -abs(x - y))) / mp.log(2),
    "cosm1": lambda mp, x: -2 * mp.sin(x / 2) ** 2,
    "powm1": lambda mp, x, y: mp.powm1(x, y),
    "mod": _mod,
    "isnan": lambda mp, x: bool(mp.isnan(x)),
    "isinf": lambda mp, x: bool(mp.isinf(x)),
    "tribonacci_constant": lambda mp: (
        (1 + mp.cbrt(19 - 3 * mp.sqrt(33)) + mp.cbrt(19 + 3 * mp.sqrt(33))) / 3
    ),
}
