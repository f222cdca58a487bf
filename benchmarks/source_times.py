"""How long it takes from a definition to the source of its module.

Run ``python benchmarks/source_times.py``. Each start is a process of its own; deep formulas are the
recursion f <- sin(f*b)*cos(f + c) + f**2/3, written with named intermediates. The pendulum is
SymPy's, of several links on a cart, with its right-hand side solved for the accelerations: written
out, five links take 900,000 operations, each further one nine times as many.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

from timing import machine, seconds

_SOURCE = """
import time
import sympy as sp
import symcompile as sc
from symcompile.compiler import emit, plan
import symcompile.autodiff.bodies, symcompile.autodiff.derive, symcompile.passes
import symcompile.schedule
import symcompile.emit.{backend}
{formula}
emit(sc.define("first", sp.Symbol("x")**2, params=sp.Symbol("x")), plan(sc.define("first",
     sp.Symbol("x")**2, params=sp.Symbol("x"))), "{backend}")
start = time.perf_counter()
definition = sc.define("subject", formula, params=params, constants=constants)
emit(definition, plan(definition, {names}), "{backend}")
print(time.perf_counter() - start)
"""

_CHAIN = """
b, c, f = params = sp.symbols("b c f")
formula, last, constants = [], f, ()
for k in range({depth}):
    name = sp.Symbol(f"f{{k}}")
    formula.append((name, sp.sin(last*b)*sp.cos(last + c) + last**2/3))
    last = name
"""

# The symbols are renamed before the system is solved: SymPy's own substitution walks trees.
_PENDULUM = """
from sympy.core.function import AppliedUndef
from sympy.physics.mechanics.models import n_link_pendulum_on_cart
model = n_link_pendulum_on_cart({links}, True, True)
states = [*model.q, *model.u]
params = sp.symbols(f"x0:{{len(states)}}")
mass, forcing = model.mass_matrix, model.forcing
inputs = sorted((mass.atoms(AppliedUndef) | forcing.atoms(AppliedUndef)) - set(states), key=str)
names = dict(zip(states, params)) | {{u: sp.Symbol(str(u.func)) for u in inputs}}
mass, forcing = mass.xreplace(names), forcing.xreplace(names)
constants = sorted((mass.free_symbols | forcing.free_symbols) - set(params), key=str)
formula = mass.LUsolve(forcing)
"""


def run(code: str, folder: str) -> float:
    """Return the seconds that a fresh process prints."""
    env = {**os.environ, "SYMCOMPILE_CACHE_DIR": folder}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def main() -> None:
    """Print the table."""
    print(machine())
    print("\nfrom a definition to the source of the module")
    large = [
        (f"recursion, depth {depth:,}", _CHAIN.format(depth=depth), ("value", "value_and_grad"))
        for depth in (1000, 10_000)
    ]
    large += [
        (f"pendulum, {links} links", _PENDULUM.format(links=links), ("value", "jacobian"))
        for links in (5, 10)
    ]
    for title, formula, names in large:
        print(f"  {title:<24}", end="")
        for backend in ("python", "cython", "numba"):
            code = _SOURCE.format(formula=formula, names=names, backend=backend)
            with tempfile.TemporaryDirectory() as folder:
                taken = min(run(code, folder) for _ in range(2))
            print(f"   {backend} {seconds(taken):>8}", end="", flush=True)
        print()


if __name__ == "__main__":
    main()
