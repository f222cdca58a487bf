"""Deep formulas: no recursion anywhere, and linear time."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp

from symcompile.compiler import build, emit, plan
from symcompile.frontend.definition import Definition, define
from symcompile.ir.graph import operation_count
from symcompile.options import Backend, Options
from tests.corpus import a, b, c, chain, nested

_POINT = (0.5, 0.9, -0.8)


def from_the_top(make: Callable[[], Definition]) -> Definition:
    """Return ``make()``, called with nothing below it on the stack.

    SymPy recurses as it builds the formula, and nearly uses up what Python allows; from inside a
    test runner it would get too little.
    """
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(make).result()


def by_hand(depth: int) -> tuple[Any, list[Any]]:
    """Return value and gradient of the nested formula: tangents carried along, in mpmath."""
    mp = mpmath.mp.clone()
    mp.dps = 60 + depth
    start, first, second = (mp.mpf(value) for value in _POINT)
    f, tangent = start, [mp.mpf(1), mp.mpf(0), mp.mpf(0)]
    for _ in range(depth):
        sine, cosine = mp.sin(f * first), mp.cos(f * first)
        rest, slope = mp.cos(f + second), -mp.sin(f + second)
        by_f = cosine * first * rest + sine * slope + 2 * f / 3
        by_b, by_c = cosine * f * rest, sine * slope
        tangent = [by_f * t + extra for t, extra in zip(tangent, (0, by_b, by_c), strict=True)]
        f = sine * rest + f**2 / 3
    return f, tangent


def _check(definition: Definition, depth: int, backend: Backend) -> None:
    module = build(definition, backend, Options(), ("value_and_grad",))
    value, grad = module.value_and_grad(np.array(_POINT))
    expected, gradient = by_hand(depth)
    np.testing.assert_allclose(value, float(expected), rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(grad, [float(g) for g in gradient], rtol=1e-11, atol=1e-280)


@pytest.mark.parametrize(
    ("backend", "depth"),
    [
        ("python", 100),
        ("cython", 100),
        ("llvm", 100),
        ("numba", 30),
        pytest.param("numba", 100, marks=pytest.mark.long),
    ],
)
def test_nested_by_sympy(backend: Backend, depth: int) -> None:
    definition = from_the_top(lambda: define("deep_nested", nested(depth), params=(a, b, c)))
    _check(definition, depth, backend)


@pytest.mark.parametrize(
    "backend", ["python", pytest.param("numba", marks=pytest.mark.long), "cython", "llvm"]
)
def test_named_to_depth_1000(backend: Backend) -> None:
    _check(define("deep_chain", chain(1000), params=(a, b, c)), 1000, backend)


@pytest.mark.parametrize("depth", [30, 1000])
def test_handling_a_deep_definition(depth: int) -> None:
    make = chain(depth) if depth > 100 else nested(depth)
    first = define("deep", make, params=(a, b, c))
    again = define("deep", chain(depth) if depth > 100 else nested(depth), params=(a, b, c))
    other = define("deep", chain(depth - 1), params=(a, b, c))
    copy = pickle.loads(pickle.dumps(first))
    assert first == again == copy
    assert hash(first) == hash(again) == hash(copy)
    assert first != other
    assert len(repr(first)) < 1000
    assert repr(copy)
    assert len(pickle.dumps(first)) < 1000 * depth


def _stages(definition: Definition) -> int:
    """Run every stage up to the source; return how many operations there are."""
    schedules = plan(definition, ["value_and_grad"])
    assert emit(definition, schedules, "cython")
    (schedule,) = schedules
    return operation_count(schedule.graph, schedule.function.roots())


@pytest.mark.parametrize("depth", [500, pytest.param(20_000, marks=pytest.mark.long)])
def test_every_stage_to_great_depth(depth: int) -> None:
    assert _stages(define("deep", chain(depth), params=(a, b, c))) == 23 * depth - 5


def test_work_is_linear_in_depth() -> None:
    def calls(depth: int) -> int:
        definition = define("deep", chain(depth), params=(a, b, c))
        count = 0

        def counted(*_: object) -> None:
            nonlocal count
            count += 1

        sys.setprofile(counted)
        try:
            _stages(definition)
        finally:
            sys.setprofile(None)
        return count

    calls(50)  # what is imported and rendered for the first time
    assert calls(240) < 2.15 * calls(120)


def test_names_do_not_count_as_formula() -> None:
    short = define(
        "f", [(sp.Symbol("h"), sp.sin(a)), (sp.Symbol("g"), 2 * sp.Symbol("h"))], params=a
    )
    long = define("f", 2 * sp.sin(a), params=a)
    assert short.output == long.output


def test_a_sum_of_thousands_of_terms() -> None:
    xs = [0.1 * k for k in range(3000)]
    loss = sp.Add(*[(a + b * t - c) ** 2 for t in xs])
    definition = define("written_out", loss, params=(a, b, c))
    module = build(definition, "python", Options(), ("value",))
    expected = sum((0.3 + 0.7 * t - 0.2) ** 2 for t in xs)
    assert module.value([0.3, 0.7, 0.2]) == pytest.approx(expected, rel=1e-13)


def test_a_deep_formula_in_a_thread_with_a_small_stack() -> None:
    code = """
import sys, threading
sys.setrecursionlimit(150)
threading.stack_size(512*1024)
import sympy as sp
from symcompile.frontend.lowering import Lowering
from symcompile.ir.graph import Function, Graph, Output
from symcompile.autodiff.derive import derive
from symcompile.passes import optimise, recognise
from symcompile.schedule import schedule
from symcompile.emit.chunks import cut
def work():
    graph = Graph()
    f = graph.input("param", 0)
    for k in range(4000):
        f = graph.add("sin", (graph.add("add", (f, graph.input("param", 1))),))
    output = Output("value", (f,), (), False)
    stable = recognise(Function("value", graph, (output,)))
    (function,) = derive(stable.graph, stable.outputs[0], ((), ()), ["grad"])
    plan = schedule(optimise(function))
    cut(plan.graph, plan.phases[0].nodes, set(plan.function.roots()))
    print("done")
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "done\n", done.stderr


def test_the_head_of_a_module_stays_short() -> None:
    definition = define("deep", chain(2000), params=(a, b, c))
    source = emit(definition, plan(definition, ["value"]), "python")
    (line,) = [line for line in source.splitlines() if line.startswith("Operations:")]
    assert "about 10^" in line and len(line) < 120
