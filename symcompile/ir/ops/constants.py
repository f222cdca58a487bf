"""Numbers with a name."""

from __future__ import annotations

from symcompile.ir.ops.op import Op

#: Named constants, nullary; the passes round them once, together with what they stand in.
CONSTANTS = {
    "pi": ("pi", "Pi"),
    "e": ("e", "Exp1"),
    "euler_gamma": ("euler", "EulerGamma"),
    "catalan": ("catalan", "Catalan"),
    "golden_ratio": ("phi", "GoldenRatio"),
    "tribonacci_constant": ("tribonacci", "TribonacciConstant"),
}

ROWS = [
    Op(name, 0, (), "", "", "", "", mpmath=mp, sympy=sympy)
    for name, (mp, sympy) in CONSTANTS.items()
]
