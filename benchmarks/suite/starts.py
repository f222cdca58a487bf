"""To the first result of the lecture's kernel, beyond imports: cold, and warm from the cache."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.suite.base import Comparison, Setting, own

ROOT = Path(__file__).resolve().parents[2]

# Each start is a process of its own, which prints the seconds beyond its imports. Objects that
# imports left to the garbage collector are counted with them.
_START = """
import gc, time
import Cython.Compiler.Main, jinja2, llvmlite.binding, numpy, platformdirs, scipy
import sympy as sp, sympy.tensor.tensor
import symcompile as sc, symcompile.build.loader, symcompile.emit.llvm, symcompile.kernel
w0, w1, x, y = sp.symbols("w0 w1 x y")
gc.collect()
start = time.perf_counter()
linreg = sc.define("linreg", (w0 + w1*x - y)**2, params=(w0, w1), data=(x, y), reduce="mean")
kernel = sc.compile(linreg, backend="{backend}")
kernel.value_and_grad([0.0, 0.0], [1.0, 2.0], [3.0, 4.0])
print(time.perf_counter() - start)
"""


def run(setting: Setting) -> Iterator[Comparison]:
    """Measure both for each backend.

    Bytecode is there, as it is after an installation: a start that is not counted writes it.
    """
    cold = Comparison("value and gradient of a linear regression, cold start")
    warm = Comparison("the same from the cache")
    rounds = min(setting.rounds, 3)
    with tempfile.TemporaryDirectory() as bytecode:
        for backend in setting.backends:
            for number in range(rounds + 1):
                with tempfile.TemporaryDirectory() as folder:
                    for comparison in (cold, *[warm] * 2):
                        setting.say(f"{comparison.title}: {backend}")
                        try:
                            taken = _start(backend, folder, bytecode)
                        except subprocess.CalledProcessError as error:
                            lines = error.stderr.strip().splitlines()
                            comparison.skipped[own(backend)] = lines[-1] if lines else "failed"
                            continue
                        if number:
                            comparison.times.setdefault(own(backend), []).append(taken)
    yield cold
    yield warm


def _start(backend: str, folder: str, bytecode: str) -> float:
    env = {**os.environ, "SYMCOMPILE_CACHE_DIR": folder, "PYTHONPYCACHEPREFIX": bytecode}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    env["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [env.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-c", _START.format(backend=backend)],
        env=env, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return float(done.stdout)
