"""What importing a compiled module costs beyond NumPy, and whether its first call is slow.

``python benchmarks/imports.py`` builds the loss of ``examples/project/`` for Cython and imports it
in new processes, each of which has imported NumPy first. Prints medians and ranges over processes.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROCESSES = 31

_MEASURE = """
import json, sys, time
import numpy as np
t, y = np.linspace(0.0, 5.0, 1000), np.ones(1000)
p = np.array([1.0, 1.0, 0.0])
sys.path.insert(0, sys.argv[1])
before = set(sys.modules)
start = time.perf_counter()
import loss_cython
imported = time.perf_counter()
loss_cython.value_and_grad(p, t, y)
first = time.perf_counter()
loss_cython.value_and_grad(p, t, y)
second = time.perf_counter()
times = []
for _ in range(200):
    begin = time.perf_counter()
    loss_cython.value_and_grad(p, t, y)
    times.append(time.perf_counter() - begin)
print(json.dumps({
    "import": imported - start, "first": first - imported, "second": second - first,
    "usual": sorted(times)[100], "modules": sorted(set(sys.modules) - before),
}))
"""


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["build", "examples/project/kernels/relaxation.py", "--backend", "cython"]
        subprocess.run(
            [sys.executable, "-m", "symcompile", *command, "--out", folder],
            cwd=ROOT,
            check=True,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        runs = [
            json.loads(
                subprocess.run(
                    [sys.executable, "-c", _MEASURE, folder],
                    check=True,
                    stdout=subprocess.PIPE,
                    env={**os.environ, "PYTHONPATH": ""},
                ).stdout
            )
            for _ in range(PROCESSES)
        ]
    print(f"{PROCESSES} processes, value_and_grad of 3 parameters over 1,000 samples")
    for name, text in (
        ("import", "import loss_cython, after NumPy"),
        ("first", "first call"),
        ("second", "second call"),
        ("usual", "usual call"),
    ):
        times = sorted(run[name] * 1e6 for run in runs)
        middle = statistics.median(times)
        print(f"{text:34}{middle:8.1f} us   ({times[0]:.1f} to {times[-1]:.1f})")
    print("modules imported beyond NumPy's:", *runs[0]["modules"])


if __name__ == "__main__":
    main()
