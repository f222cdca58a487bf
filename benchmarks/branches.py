"""What a choice costs on numbers: the branch that is taken, and not the other.

The formula is cheap for positive x and dear otherwise. Each side is compared with the same
formula without a choice: value and gradient in one call. Run ``python benchmarks/branches.py``.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from timing import interleaved, machine, ratio, seconds

import symcompile as sc

x, y = sp.symbols("x y")
cheap = x**2 + y
dear = sp.Add(*[sp.sin(k * x + y) * sp.exp(-((k - x) ** 2)) for k in range(1, 61)])


def compiled(name: str, formula: sp.Expr, backend: str):
    """Return the value and the gradient of a formula in x and y, as a function."""
    return sc.compile(sc.define(name, formula, params=(x, y)), backend=backend).value_and_grad


def measure(backend: str) -> list[str]:
    """Return the lines of the table for a backend."""
    choice = compiled("choice", sp.Piecewise((cheap, x > 0), (dear, True)), backend)
    alone = {"cheap": compiled("cheap", cheap, backend), "dear": compiled("dear", dear, backend)}
    points = {"cheap": np.array([0.5, 0.3]), "dear": np.array([-0.5, 0.3])}
    ways = {}
    for side, point in points.items():
        ways[f"{side} alone"] = lambda f=alone[side], p=point: f(p)
        ways[f"{side} taken"] = lambda p=point: choice(p)
    times = interleaved(ways)
    lines = []
    for side in points:
        both = [seconds(float(np.median(times[f"{side} {how}"]))) for how in ("alone", "taken")]
        found = ratio(times, f"{side} taken", f"{side} alone")
        lines.append(f"  {backend:<8} {side:<6} {both[0]:>9} {both[1]:>9} {found:>8.2f}")
    found = ratio(times, "dear taken", "cheap taken")
    return [
        *lines,
        f"  {backend:<8} the dear branch costs {found:.1f} times what the cheap one does",
    ]


if __name__ == "__main__":
    print(machine())
    print("\n  backend  branch     alone     taken    ratio")
    for backend in sc.BACKENDS:
        print("\n".join(measure(backend)))
