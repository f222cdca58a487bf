"""How long compiling takes: cold, and warm from the cache, beyond the imports.

Run ``python benchmarks/compile_times.py``. Each start is a process of its own; deep formulas
are the recursion f <- sin(f*b)*cos(f + c) + f**2/3, written with named intermediates.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile

from timing import machine, seconds

_START = """
import time
import Cython.Compiler.Main, filelock, jinja2, numpy, platformdirs, scipy, sympy as sp
import symcompile as sc, symcompile.build.loader, symcompile.emit.cython, symcompile.kernel
w0, w1, x, y = sp.symbols("w0 w1 x y")
start = time.perf_counter()
linreg = sc.define("linreg", (w0 + w1*x - y)**2, params=(w0, w1), data=(x, y), reduce="mean")
kernel = sc.compile(linreg, backend="{backend}")
kernel.value_and_grad([0.0, 0.0], [1.0, 2.0], [3.0, 4.0])
print(time.perf_counter() - start)
"""

_DEEP = """
import time
import sympy as sp
import symcompile as sc
b, c, f = sp.symbols("b c f")
steps, last = [], f
for k in range({depth}):
    name = sp.Symbol(f"f{{k}}")
    steps.append((name, sp.sin(last*b)*sp.cos(last + c) + last**2/3))
    last = name
start = time.perf_counter()
kernel = sc.compile(sc.define("deep", steps, params=(f, b, c)), backend="{backend}")
kernel.value_and_grad([0.5, 0.4, 0.3])
print(time.perf_counter() - start)
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
    print("\nthe lecture's kernel, eight functions, to the first result, beyond imports")
    for backend in ("python", "numba", "cython"):
        code = _START.format(backend=backend)
        cold, warm = [], []
        for _ in range(3):
            with tempfile.TemporaryDirectory() as folder:
                cold.append(run(code, folder))
                warm += [run(code, folder) for _ in range(3)]
        print(
            f"  {backend:<8} cold {seconds(statistics.median(cold)):>8}"
            f"   warm {seconds(statistics.median(warm)):>8}"
        )
    print("\nvalue and gradient of the recursion, cold")
    for depth, backends in ((100, ("python", "numba", "cython")), (1000, ("python", "cython"))):
        for backend in backends:
            with tempfile.TemporaryDirectory() as folder:
                taken = run(_DEEP.format(depth=depth, backend=backend), folder)
            print(f"  depth {depth:<5} {backend:<8} {seconds(taken):>8}")


if __name__ == "__main__":
    main()
