"""What the C compiler's optimisation level costs and brings: compile and run times.

Run ``python benchmarks/optimization.py``.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
import sympy as sp
from timing import interleaved, machine, report, seconds

import symcompile as sc


def main() -> None:
    """Print both for a logistic loss with ten features, 100,000 samples."""
    weights, columns = sp.symbols("w0:10"), sp.symbols("x0:10")
    y = sp.Symbol("y")
    score = sum(w * column for w, column in zip(weights, columns, strict=True))
    definition = sc.define(
        "logistic", sp.log(1 + sp.exp(-y * score)), params=weights, data=(*columns, y), reduce="sum"
    )
    rng = np.random.default_rng(1)
    data = [rng.normal(size=100_000) for _ in range(10)]
    labels, p = np.sign(rng.normal(size=100_000)), rng.normal(size=10)
    print(machine())
    ways = {}
    with tempfile.TemporaryDirectory() as folder:
        for level in (1, 2, 3):
            options = sc.Options(optimize=level, cache_dir=Path(folder))
            start = time.perf_counter()
            kernel = sc.compile(definition, backend="cython", options=options)
            kernel.value_and_grad(p, *data, labels)
            print(f"  -O{level}: compiled in {seconds(time.perf_counter() - start)}")
            objective = kernel.bind(*data, labels)
            ways[f"-O{level}"] = lambda o=objective: o.value_and_grad(p)
        report("value and gradient", interleaved(ways), "-O2")


if __name__ == "__main__":
    main()
