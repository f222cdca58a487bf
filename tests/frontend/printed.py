"""Random expressions over the table of functions, as SymPy makes and prints them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import sympy as sp
from sympy.core.function import UndefinedFunction

from symcompile.frontend.vocabulary import functions

SYMBOLS = sp.symbols("x y z a_1 lam")
_RELATIONS = (sp.Lt, sp.Le, sp.Gt, sp.Ge, sp.Eq, sp.Ne)
_FLOATS = ["0.5", "2.25", "1e-3", "1e10", "-0.125"]
#: SymPy's own evaluation of these may take long, or does not end in what evaluates to itself.
_LEFT_OUT = frozenset(
    """
    And Or Not Xor ITE Piecewise Mod hyper re im arg conjugate Abs isnan isinf adjoint transpose
    exp_polar periodic_argument polar_lift principal_branch
    """.split()
)


def expressions(rng: random.Random, count: int) -> Iterator[sp.Expr]:
    """Yield expressions of which SymPy prints all there is."""
    while count:
        try:
            expr = _expression(rng, rng.randint(1, 4))
        except (ValueError, TypeError, ZeroDivisionError, NotImplementedError):
            continue
        if _is_plain(expr):
            count -= 1
            yield expr


def _is_plain(expr: Any) -> bool:
    """Return whether an expression is printed in full, and evaluates to itself."""
    if not isinstance(expr, sp.Expr) or expr.has(sp.nan, sp.zoo, sp.oo, sp.AccumBounds):
        return False
    if expr.has(sp.Sum, sp.Product, sp.Integral, sp.Derivative):
        return False
    if any(sp.Float(float(str(number))) != number for number in expr.atoms(sp.Float)):
        return False  # SymPy prints 15 digits
    if any(max(abs(n.p), n.q) > 1000 for n in expr.atoms(sp.Rational)):
        return False
    return not any(isinstance(f, UndefinedFunction) for f in expr.atoms(sp.Function)) and all(
        part.func(*part.args) == part for part in sp.preorder_traversal(expr) if part.args
    )


def _expression(rng: random.Random, depth: int) -> Any:
    kind = rng.random()
    if depth == 0:
        if kind < 0.6:
            return rng.choice(SYMBOLS)
        if kind < 0.8:
            return sp.Integer(rng.randint(-5, 9))
        if kind < 0.9:
            return sp.Rational(rng.randint(-9, 9), rng.randint(1, 9))
        if kind < 0.95:
            return sp.Float(rng.choice(_FLOATS))
        return rng.choice([sp.pi, sp.E, sp.EulerGamma, sp.Catalan, sp.I])

    def part() -> Any:
        return _expression(rng, rng.randint(0, depth - 1))

    if kind < 0.2:
        return sp.Add(*[part() for _ in range(rng.randint(2, 4))])
    if kind < 0.4:
        return sp.Mul(*[part() for _ in range(rng.randint(2, 4))])
    if kind < 0.5:
        return part() / part()
    if kind < 0.6:
        return part() ** rng.choice([2, -1, 3, sp.Rational(1, 2), sp.Rational(-2, 3), SYMBOLS[0]])
    if kind < 0.68:
        return sp.Piecewise((part(), _condition(rng, depth)), (part(), True))
    name = rng.choice(sorted(known.__name__ for known in {*functions().values()}))
    if name in _LEFT_OUT:
        return -part()
    function = functions()[name]
    counts = sorted(function.nargs) if function.nargs.is_FiniteSet else [1, 2, 3]
    arguments = [part() for _ in range(rng.choice(counts))]
    if any(a.is_number and not a.is_Symbol and not abs(a.n(5)) < 30 for a in arguments):
        return arguments[0]  # SymPy would multiply out bernoulli(10**6)
    if len(arguments) > 2:  # nor is jacobi(5, x, y, z) for SymPy
        arguments[:-1] = [sp.Integer(rng.randint(0, 4)) for _ in arguments[:-1]]
    return function(*arguments)


def _condition(rng: random.Random, depth: int) -> Any:
    left, right = (_expression(rng, rng.randint(0, max(depth - 2, 0))) for _ in range(2))
    found = rng.choice(_RELATIONS)(left, right)
    kind = rng.random()
    if kind < 0.2:
        return sp.And(found, _condition(rng, 0))
    if kind < 0.4:
        return sp.Or(found, _condition(rng, 0))
    if kind < 0.5:
        return sp.Xor(found, _condition(rng, 0))
    return found
