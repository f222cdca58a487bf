"""The benchmarks of ``python -m benchmarks``, by name, in the order in which they run."""

from __future__ import annotations

from benchmarks.suite import (
    calls,
    columns,
    elementwise,
    fits,
    logistic,
    nested,
    pendulum,
    projection,
    regression,
    slopes,
    starts,
)
from benchmarks.suite.base import Benchmark

BENCHMARKS: dict[str, Benchmark] = {
    benchmark.name: benchmark
    for benchmark in (
        Benchmark("calls", "calls of small functions, and small fits", calls.run),
        Benchmark("elementwise", "(sin(x) + x**2)/2 of arrays", elementwise.run),
        Benchmark("logistic", "logistic loss and gradient, 1,000,000 x 10", logistic.run),
        Benchmark("regression", "linear regressions, bound and fitted", regression.run),
        Benchmark("nested", "f <- sin(f*b)*cos(f + c) + f**2/3, 1,000 deep", nested.run),
        Benchmark("nested-10000", "the same, 10,000 deep", nested.run_deep),
        Benchmark("pendulum", "pendulums on a cart: right-hand side and Jacobian", pendulum.run),
        Benchmark("gradients", "value and gradient relative to the value", slopes.run),
        Benchmark("projection", "2 x 15 Jacobian of a reprojection error", projection.run),
        Benchmark("columns", "a power law of 1,000,000 samples, logarithms kept", columns.run),
        Benchmark("many-fits", "10,000 fits of three parameters to 20 points", fits.run),
        Benchmark("starts", "to the first result, cold and from the cache", starts.run),
    )
}
