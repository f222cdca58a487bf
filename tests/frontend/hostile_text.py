"""Text to try on the parser of formulas: sound, damaged and hostile."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from symcompile.frontend.vocabulary import COMPARISONS, constants, functions

_NAMES = ["x", "y", "z", "a_1", "λ", "gamma", "E1", "lam", "np", "ﬁ", "_x", "beta", "S", "Q"]
_NUMBERS = ["0", "1", "2", "3", "0.5", "1e-3", "2.", ".5", "10", "17", "1/3", "1e300", "100", "007"]

SNIPPETS = [
    "__import__('os').system('true')",
    "().__class__.__bases__[0].__subclasses__()",
    "x.__class__",
    "eval('1')",
    "exec('1')",
    "open('/etc/passwd')",
    "compile('1', '', 'eval')",
    "getattr(x, 'y')",
    "(lambda: 0)()",
    "[x for x in (1, 2)]",
    "{x: y}",
    "{*x}",
    "f'{x}'",
    "b'x'",
    "'''",
    '"""',
    "x if x else y",
    "x := 3",
    "(x := 3)",
    "await x",
    "yield x",
    "yield",
    "print(x)",
    "x = 1",
    "x; y",
    "import os",
    "x\ny",
    "\\\n",
    "#",
    "x[0]",
    "x[::]",
    "...",
    "None",
    "True",
    "False + 1",
    "1j",
    "2J",
    "0x1F",
    "0b1",
    "1_000",
    "1__0",
    "1e",
    "1e+",
    "1.e5.",
    "1..real",
    "*x",
    "**x",
    "sin(*x)",
    "sin(**x)",
    "sin(x=1)",
    "sin(x for x in y)",
    "sin",
    "sin()",
    "sin(,)",
    "sin(x)(y)",
    "(sin)(x)",
    "x(y)",
    "2(x)",
    "x y",
    "9**9**9",
    "10**10**10",
    "2**(10**9)",
    "2**-(10**9)",
    "(-8)**(10**9+1)",
    "(2*x)**(10**9)",
    "(sqrt(2)*x)**(10**9)",
    "2**(10**9*x)*2**(10**9 - 10**9*x)",
    "1.5**10**9",
    "1.0000001**10**15",
    "E**10**9",
    "exp(exp(exp(exp(10))))",
    "exp(exp(exp(exp(10)))) < exp(exp(exp(exp(9))))",
    "Max(exp(exp(exp(exp(10)))), exp(exp(exp(exp(9)))))",
    "Abs(exp(exp(exp(exp(10.0)))) - 1)",
    "floor(exp(exp(exp(exp(10)))))",
    "floor(10**1000/7)",
    "sin(10**1000)",
    "sin(1e300)",
    "factorial(10**9)",
    "factorial(factorial(factorial(9)))",
    "gamma(10**9)",
    "loggamma(10**9)",
    "zeta(-10**9)",
    "zeta(10**6)",
    "harmonic(10**9)",
    "fibonacci(10**9)",
    "bernoulli(10**6)",
    "legendre(10**6, x)",
    "jacobi(9, x + 1, y/3, z)",
    "gegenbauer(20, x/(y + 1), cos(x))",
    "assoc_laguerre(20, x/(y + 1), exp(x))",
    "chebyshevt(10**6, x)",
    "hermite(1000, x)",
    "binomial(10**9, 10**8)",
    "binomial(x, 10**6)",
    "polygamma(10**6, x)",
    "polygamma(0, 10**9)",
    "RisingFactorial(x, 10**6)",
    "besselj(10**9, 10**9)",
    "besselj(1e9, 1e9)",
    "hyper((1, 2), (3,), 0.9999999)",
    "hyper((1e9,), (1e-9,), 1e9)",
    "polylog(1e6, 0.9999999)",
    "Mod(3**(10**9), 7)",
    "Mod(x**10000 + 1, x**9999 + 1)",
    "re((1 + 2*I)**9999)",
    "re((x + I*y)**1000)",
    "arg((1 + I)**99999)",
    "sqrt(" + "9" * 900 + ")",
    "(" + "7" * 600 + "/" + "3" * 600 + ")**(1/3)",
    "9" * 5000,
    "1e999999999",
    "1e-999999999",
    "0." + "0" * 500 + "1",
    "Sum(x, (x, 1, 10**9))",
    "Product(x, (x, 1, 10**9))",
    "Integral(x, x)",
    "Derivative(x, x)",
    "Symbol('x')",
    "sympify('x')",
    "S('x')",
    "Lambda(x, x)",
    "Piecewise",
    "Piecewise()",
    "Piecewise(x)",
    "Piecewise((x, y, z))",
    "Piecewise(((x, y), z))",
    "Piecewise((x, x > 0))",
    "Piecewise((x, False))",
    "Piecewise((x, (x**5 + x + 1 > 0) & (sin(x) < x)), (0, True))",
    "ITE(x, y)",
    "ITE(x > 0, 1, x < 0)",
    "x < y < z == 1",
    "not not x",
    "~~x",
    "~1",
    "x ^ y",
    "(x > 0) ^ (y > 0)",
    "And(x > 0, x <= 0)",
    "Or()",
    "Not(x, y)",
    "Max()",
    "Max(I, 1)",
    "I < 1",
    "nan < oo",
    "oo - oo",
    "0*oo",
    "oo**x",
    "1**oo",
    "0**0",
    "0**-1",
    "0**x",
    "x/0",
    "log(0)",
    "tan(pi/2)",
    "gamma(0)",
    "zoo",
    "sin(oo)",
    "exp(oo*I)",
    "\x00",
    "x\x00y",
    "\ud800",
    "x\udfff",
    "\u202ex + y",
    "x\u200dy",
    "\ufeffx",
    "x\u0301",
    "\u0301",
    "𝐬𝐢𝐧(𝐱)",
    "𝐥𝐚𝐦𝐛𝐝𝐚",
    "𝐓𝐫𝐮𝐞",
    "𝐚𝐧𝐝",
    "١٢٣",
    "x²",
    "x·y",
    "−x",
    "½",
    "∞",
    "\t x",
    "\x0c x",
    "x\r\n+y",
    "\u2028x",
    "x\xa0y",
    "`x`",
    "$x",
    "x?",
    "x!",
    "x!=y",
    "<>",
    "->",
    "@x",
    "x@y",
    "%s",
    "{{ x }}",
    "{% raw %}",
    "*/",
    "__debug__",
    "__builtins__",
    "__x",
    "print",
    "match",
    "type",
]

#: Nested or repeated ``n`` times.
REPEATED: Sequence[Callable[[int], str]] = [
    lambda n: "(" * n,
    lambda n: ")" * n,
    lambda n: "(" * n + "x" + ")" * n,
    lambda n: "-" * n + "x",
    lambda n: "+-~" * n + "x",
    lambda n: "not " * n + "x",
    lambda n: "**".join(["x"] * n),
    lambda n: "**-".join(["x"] * n),
    lambda n: "+".join(["x"] * n),
    lambda n: "*".join(["x"] * n),
    lambda n: "/".join(f"x{k}" for k in range(n)),
    lambda n: "+".join(f"x{k}**{k}" for k in range(n)),
    lambda n: "<".join(["x"] * n),
    lambda n: " and ".join(f"x > {k}" for k in range(n)),
    lambda n: "&".join(f"(x{k} > {k})" for k in range(n)),
    lambda n: "^".join(f"(x{k} > {k})" for k in range(n)),
    lambda n: " or ".join(["x > 1"] * n),
    lambda n: "sin(" * n + "x" + ")" * n,
    lambda n: "Abs(1 + " * n + "x" + ")" * n,
    lambda n: "sqrt(x + " * n + "y" + ")" * n,
    lambda n: "exp(-x*" * n + "y" + ")" * n,
    lambda n: "Max(x, " * n + "y" + ")" * n,
    lambda n: f"Max({', '.join(f'x{k}' for k in range(n))})",
    lambda n: f"Max({', '.join(f'x{k} + sqrt({k})' for k in range(n))})",
    lambda n: "Piecewise((1, x > 0), (" * n + "y" + ", True))" * n,
    lambda n: f"Piecewise({', '.join(f'(x**{k}, x < {k})' for k in range(n))})",
    lambda n: "*".join(f"sqrt({k})" for k in range(n)),
    lambda n: "+".join(f"sqrt({10**60 + k})" for k in range(n)),
    lambda n: "*".join(f"2**(x/{k + 1})" for k in range(n)),
    lambda n: "*".join(f"Abs(x + {k}*y)" for k in range(n)),
    lambda n: "2*(x + " * n + "y" + ")" * n,
    lambda n: "0*(x + sin(" * n + "y" + "))" * n,
    lambda n: "oo*(x + sin(" * n + "y" + "))" * n,
    lambda n: f"x**({'+'.join(f'y{k}*z' for k in range(n))})" + "*x**y",
    lambda n: "(" * n + "x" + ")**2" * n,
    lambda n: "(" * n + "x" + ")**y" * n,
    lambda n: "(" * n + "x" + "+1)**(1/2)" * n,
    lambda n: "(" * n + "2*x" + ")**99" * n,
    lambda n: "*".join(["9" * 900] * n),
    lambda n: "1/" * n + "x",
    lambda n: "x" * n,
    lambda n: "1" * n,
    lambda n: "1." + "1" * n,
    lambda n: f"f({'x,' * n})",
    lambda n: "'" * n,
    lambda n: "[" * n,
    lambda n: "lambda:" * n,
    lambda n: "x if x else " * n + "x",
    lambda n: "\\\n" * n,
    lambda n: " " * n,
    lambda n: "\n" * n + "x",
    lambda n: "x." * n,
    lambda n: "zeta(" * n + "3" + ")" * n,
    lambda n: "+".join(["gamma(1/2)"] * n),
    lambda n: "+".join(f"log({10**50 + k})" for k in range(n)),
    lambda n: "+".join(f"sin(pi*{k}/{k + 7})" for k in range(n)),
    lambda n: "+".join(f"Abs(x + {k}*I*y)" for k in range(n)),
    lambda n: "+".join(f"re((x + I*y)**{k % 40})" for k in range(n)),
    lambda n: "+".join(f"Max(x**2 + {k}, y)" for k in range(n)),
    lambda n: "+".join(f"atan2(y + {k}, x*{k})" for k in range(n)),
    lambda n: "+".join(f"arg(x + {k}*I)" for k in range(n)),
    lambda n: "+".join(f"(x*y*{k})**(1/3)" for k in range(n)),
    lambda n: "+".join(f"floor(x + sqrt({k}) + y)" for k in range(n)),
]

_SIZES = [1, 3, 20, 60, 99, 100, 101, 400, 1000, 2500, 3500, 20_000, 120_000]
_CONSTANTS = """
0 1 -1 1/2 2 5 -7/3 50 1000 10**4 10**9 10**300 0.0 0.5 -2.5 1e9 1e300 1e-300 pi E I oo -oo nan x
""".split()
_CHARACTERS = "()()**+-/,.<>=!&|^~ \t\nxyE01239eijI_[]{}'\":;#@%\\\x00\ud800\u202eλé²·"


def text(rng: random.Random) -> str:
    """Return a text of any kind."""
    kind = rng.random()
    if kind < 0.35:
        return formula(rng, rng.randint(0, 5))
    if kind < 0.7:
        return damaged(rng, formula(rng, rng.randint(0, 4)))
    if kind < 0.8:
        return damaged(rng, f"{formula(rng, 1)} + {rng.choice(SNIPPETS)}")
    if kind < 0.85:
        return rng.choice(SNIPPETS)
    if kind < 0.97:
        return constant_call(rng)
    if kind < 0.985:
        return rng.choice(REPEATED)(rng.choice(_SIZES[:6]))
    return "".join(rng.choices(_CHARACTERS, k=rng.randint(0, 40)))


def largest() -> list[str]:
    """Return what is nested or repeated, in all sizes."""
    return [make(size) for make in REPEATED for size in _SIZES]


def formula(rng: random.Random, depth: int) -> str:
    """Return what is a formula, but that a function may get too few arguments."""
    if depth == 0:
        kind = rng.random()
        if kind < 0.5:
            return rng.choice(_NAMES)
        return rng.choice(_NUMBERS) if kind < 0.9 else rng.choice([*constants()])
    kind = rng.random()
    one, two = formula(rng, depth - 1), formula(rng, rng.randint(0, depth - 1))
    if kind < 0.45:
        sign = rng.choice(["+", "-", "*", "/", " + ", "**", "*", "+"])
        return f"({one}){sign}{two}" if rng.random() < 0.5 else f"{one}{sign}({two})"
    if kind < 0.55:
        return f"-{one}"
    if kind < 0.65:
        choice = f"Piecewise(({one}, {condition(rng, depth)}), ({two}, True))"
        return choice if rng.random() < 0.8 else f"ITE({condition(rng, depth)}, {one}, {two})"
    name = rng.choice([*functions(), "sqrt", "pow"])
    count = rng.choice([1, 1, 1, 2, 2, 3])
    return f"{name}({', '.join([one, two, one][:count])})"


def condition(rng: random.Random, depth: int) -> str:
    """Return a comparison, or several."""
    left, right = formula(rng, rng.randint(0, max(depth - 2, 0))), formula(rng, 0)
    found = f"{left} {rng.choice(['<', '<=', '>', '>=', '==', '!='])} {right}"
    kind = rng.random()
    if kind < 0.2:
        return f"({found}) & ({condition(rng, 0)})"
    if kind < 0.3:
        return f"not {found} or {condition(rng, 0)}"
    if kind < 0.4:
        return f"{rng.choice([*COMPARISONS])}({left}, {right})"
    return found


def constant_call(rng: random.Random) -> str:
    """Return a function of numbers, among them large ones."""
    arguments = [rng.choice(_CONSTANTS) for _ in range(rng.choice([1, 1, 2, 2, 3, 4]))]
    found = f"{rng.choice([*functions()])}({', '.join(arguments)})"
    return found if rng.random() < 0.7 else f"{found}{rng.choice('+-*/<')}{rng.choice(_CONSTANTS)}"


def damaged(rng: random.Random, found: str) -> str:
    """Return a text with pieces cut out, doubled, moved or put in."""
    for _ in range(rng.randint(1, 3)):
        start = rng.randint(0, len(found))
        stop = min(len(found), start + rng.randint(0, 6))
        kind = rng.randrange(4)
        if kind == 0:
            found = found[:start] + found[stop:]
        elif kind == 1:
            found = found[:stop] + found[start:]
        elif kind == 2:
            put = rng.choice([*_CHARACTERS, *SNIPPETS, *functions()])
            found = found[:start] + put + found[start:]
        else:
            found = found[start:] + found[:start]
    return found
