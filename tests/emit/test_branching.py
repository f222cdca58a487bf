"""Straight-line code with branches: it computes what it says, and only what is needed."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import symcompile as sc
from symcompile.compiler import build, emit, plan
from symcompile.emit.blocks import lines_of
from symcompile.emit.branching import DEEPEST
from symcompile.emit.dialect import SCALAR_PYTHON
from symcompile.emit.expression import Printer
from symcompile.frontend.definition import Definition
from symcompile.ir.build import Builder
from symcompile.ir.graph import Graph, Kind, Output
from symcompile.ir.interpreter import context, evaluate
from symcompile.naming import Names
from symcompile.options import Backend, Options
from tests.emit.test_sweeps import interpreted

MP = context(53)
x, y, z = sp.symbols("x y z")


def branched(graph: Graph, roots: Sequence[int]) -> list[str]:
    """Return the lines of a function of ``p0, p1, ...`` in Python."""
    known = {k: f"p{n.data.slot}" for k, n in enumerate(graph.nodes) if n.op == "input"}  # type: ignore[union-attr]
    nodes = [k for k in graph.ancestors(roots) if graph[k].args]
    printer = Printer(graph, SCALAR_PYTHON, known, Names(known.values()))
    lines = lines_of(printer, nodes, roots)
    return [*lines, f"return [{', '.join(printer.text(root) for root in roots)}]"]


def compiled(graph: Graph, roots: Sequence[int], count: int, **names: Any) -> Any:
    """Return the function of :func:`branched`."""
    body = "\n".join(branched(graph, roots)).replace("\n", "\n    ")
    text = f"def run({', '.join(f'p{k}' for k in range(count))}):\n    {body}"
    space: dict[str, Any] = {"math": math, **names}
    exec(text, space)
    return space["run"]


# -- random graphs -------------------------------------------------------------------------


@st.composite
def choosing_graphs(
    draw: st.DrawFn, size: int = 40, *, plain: bool = False, truths_too: bool = True
) -> tuple[Graph, list[int]]:
    """Return a graph over three numbers with many choices, few conditions, and results.

    With ``plain``, numbers are compared as they are given; choices are between truth values too,
    but for ``truths_too=False``.
    """
    graph = Graph()
    numbers = [graph.input("param", k) for k in range(3)]
    numbers += [graph.constant(0), graph.constant(2)]
    truths: list[int] = []
    for _ in range(draw(st.integers(5, size))):
        kinds = ("two", "one", "truth", "logic", "choice", "choice", "choice", "truths")
        kind = draw(st.sampled_from(kinds))
        recent = st.sampled_from(numbers[-8:] + numbers[:3])
        if kind == "two":
            op = draw(st.sampled_from(("add", "mul", "sub", "min")))
            numbers.append(graph.add(op, (draw(recent), draw(recent))))
        elif kind == "one":
            op = draw(st.sampled_from(("sin", "tanh", "abs", "neg")))
            numbers.append(graph.add(op, (draw(recent),)))
        elif kind == "truth":
            compared = st.sampled_from(numbers[:5]) if plain else recent
            truths.append(graph.add("lt", (draw(compared), draw(compared))))
        elif truths and kind == "logic":
            op = draw(st.sampled_from(("and", "or", "not")))
            count = 1 if op == "not" else 2
            args = tuple(draw(st.sampled_from(truths)) for _ in range(count))
            truths.append(graph.add(op, args))
        elif truths_too and kind == "truths" and len(truths) > 2:
            args = tuple(draw(st.sampled_from(truths)) for _ in range(3))
            truths.append(graph.add("select", args))
        elif truths:
            args = (draw(st.sampled_from(truths)), draw(recent), draw(recent))
            numbers.append(graph.add("select", args))
    return graph, numbers[-1:] if draw(st.booleans()) else numbers[-4:]


_POINTS = [(0.3, -1.2, 2.0), (-0.4, 0.7, 0.1), (1.5, 1.5, -2.0), (0.0, 3.0, 0.5), (-1.0, -0.1, 0.2)]


@settings(max_examples=300, deadline=None)
@given(choosing_graphs())
def test_code_computes_the_results(case: tuple[Graph, list[int]]) -> None:
    graph, roots = case
    run = compiled(graph, roots, 3)
    inputs = [graph[k].data for k in range(3)]
    for point in _POINTS:
        right = evaluate(graph, roots, MP, dict(zip(inputs, map(MP.mpf, point), strict=True)))  # type: ignore[arg-type]
        np.testing.assert_allclose(
            np.array(run(*point), dtype=float), [float(v) for v in right], rtol=1e-12, atol=1e-12
        )


@settings(max_examples=300, deadline=None)
@given(choosing_graphs(plain=True))
def test_code_of_an_arm_is_not_run_for_the_other(case: tuple[Graph, list[int]]) -> None:
    """Whatever runs is needed: some path of choices at this point leads to it."""
    graph, roots = case
    calls: list[float] = []

    class Counting:
        @staticmethod
        def sin(value: float) -> float:
            calls.append(value)
            return math.sin(value)

        tanh = staticmethod(math.tanh)

    run = compiled(graph, roots, 3, math=Counting)
    for point in _POINTS:
        calls.clear()
        run(*point)
        assert len(calls) <= _sines_at(graph, roots, point)


def _sines_at(graph: Graph, roots: Sequence[int], point: Sequence[float]) -> int:
    """Return how many sines a lazy evaluation would compute that asks all conditions it meets."""
    order = graph.ancestors(roots)
    inputs = {graph[k].data: MP.mpf(v) for k, v in enumerate(point)}
    values = dict(zip(order, evaluate(graph, order, MP, inputs), strict=True))  # type: ignore[arg-type]
    needed: set[int] = set()
    pending = list(roots)
    while pending:
        node = pending.pop()
        if node in needed:
            continue
        needed.add(node)
        found = graph[node]
        if found.op == "select":
            pending += [found.args[0], found.args[1 if values[found.args[0]] else 2]]
        else:
            pending += found.args
    return sum(graph[node].op == "sin" for node in needed)


def _merged(cases: Sequence[tuple[Graph, list[int]]]) -> Definition:
    """Return one definition with the results of all."""
    b = Builder()
    for slot in range(3):
        b.graph.input("param", slot)
    roots = []
    for graph, found in cases:
        mapping: dict[int, int] = {}
        for index in graph.ancestors(found):
            mapping[index] = b.copy_node(graph, index, mapping)
        roots += [mapping[root] for root in found if graph[root].kind is not Kind.BOOL]
    output = Output("value", tuple(roots), (len(roots),), False)
    return Definition("merged", ("x", "y", "z"), (), (), None, b.graph, output)


def _built(definition: Definition, backend: Backend) -> Any:
    return build(definition, backend, Options(optimize=1), ("jacobian",))


@pytest.mark.parametrize("backend", ["cython", "numba", "llvm"])
def test_compiled_code_computes_the_results(backend: Backend) -> None:
    found: list[tuple[Graph, list[int]]] = []

    @settings(max_examples=60 if backend == "cython" else 12, derandomize=True, database=None)
    @given(choosing_graphs(size=30, truths_too=False))
    def collect(case: tuple[Graph, list[int]]) -> None:
        found.append(case)

    collect()
    for part in (found[::3], found[1::3]):
        definition = _merged(part)
        modules = [
            build(definition, b, Options(optimize=1), ("jacobian",)) for b in ("python", backend)
        ]
        for point in _POINTS:
            first, second = (module.jacobian(np.array(point)) for module in modules)
            np.testing.assert_allclose(first, second, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("chunk", [6, 25])
def test_long_code_is_cut(chunk: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Pieces pass what others need, and those of a branch are called where it is taken."""
    # The cache knows definitions, not what is patched here.
    options = Options(optimize=1, cache_dir=tmp_path)
    monkeypatch.setattr("symcompile.emit.nest.LONGEST_WHOLE", 20)
    monkeypatch.setattr("symcompile.emit.outline.CHUNK", chunk)
    found: list[tuple[Graph, list[int]]] = []

    @settings(max_examples=40, derandomize=True, database=None)
    @given(choosing_graphs(truths_too=False))
    def collect(case: tuple[Graph, list[int]]) -> None:
        found.append(case)

    collect()
    names = ("value", "jacobian")
    for part in (found[k::8] for k in range(8)):
        definition = _merged(part)
        module = interpreted(definition, names)
        reference = build(definition, "python", Options(), names)
        for name, point in itertools.product(names, _POINTS):
            got, right = (getattr(m, name)(np.array(point)) for m in (module, reference))
            np.testing.assert_allclose(got, right, rtol=1e-12, atol=1e-12)
    compiled_module = build(definition, "cython", options, names)
    for name, point in itertools.product(names, _POINTS):
        got, right = (getattr(m, name)(np.array(point)) for m in (compiled_module, reference))
        np.testing.assert_allclose(got, right, rtol=1e-12, atol=1e-12)


# -- what the code looks like --------------------------------------------------------------


def source(formula: sp.Expr, function: str = "value_and_grad") -> str:
    """Return the scalar code of a function of x and y, in Python."""
    definition = sc.define("f", formula, params=(x, y))
    text = emit(definition, plan(definition, (function,)), "python")
    head = f"def _{function}(x, y):\n"
    return text[text.index(head) + len(head) :].split("\n\n")[0]


def test_value_and_gradient_share_a_block() -> None:
    formula = sp.Piecewise((sp.exp(x * y) * sp.sin(x) ** 2, x > 0), (y**2, True))
    text = source(formula)
    assert text.count("if ") == 1
    before, after = text.split("else:")
    assert "math.exp" in before
    assert "math" not in after


def test_branches_of_one_piecewise_are_a_chain() -> None:
    pieces = [(sp.exp(k * x) * sp.sin(sp.exp(k * x)), x < k) for k in range(1, 5)]
    text = source(sp.Piecewise(*pieces, (0, True)), "value")
    assert text.count("elif ") == 3
    assert "        if" not in text


def test_choices_between_numbers_at_hand_stay_expressions() -> None:
    text = source(sp.Piecewise((x, x > y), (y, True)) + sp.Abs(x), "value")
    assert text == "    return (abs(x) + (x if (y < x) else y),)"


def test_what_branches_share_is_computed_for_them_only() -> None:
    log = sp.log(x)
    text = source(sp.Piecewise((log * sp.sin(log), x > 2), (log**2 * y, x > 0), (0, True)))
    assert text.count("math.log(") == 1
    (line,) = [k for k, line in enumerate(text.split("\n")) if "math.log(" in line]
    assert text.split("\n")[line - 1].strip().startswith("if ")


def _nested(count: int) -> tuple[Graph, list[int]]:
    """Return that many choices, each in an arm of the next, with work before and after."""
    graph = Graph()
    a, b = graph.input("param", 0), graph.input("param", 1)
    root = graph.add("sin", (a,))
    for k in range(count):
        condition = graph.add("lt", (graph.add("mul", (a, graph.constant(k + 1))), b))
        grown = graph.add("add", (root, graph.add("mul", (root, b))))
        root = graph.add("select", (condition, graph.add("sin", (grown,)), b))
    return graph, [root]


def test_deep_nesting_is_cut() -> None:
    """Python allows a hundred levels, and compilers recurse."""
    graph, roots = _nested(3000)
    lines = "\n".join(branched(graph, roots)).split("\n")
    assert max(len(line) - len(line.lstrip()) for line in lines) <= 4 * DEEPEST
    run = compiled(graph, roots, 2)
    for point in ((1.0, 0.5), (0.01, 20.3), (-1.0, 0.2)):
        inputs = {graph[k].data: MP.mpf(v) for k, v in enumerate(point)}
        (right,) = evaluate(graph, roots, MP, inputs)  # type: ignore[arg-type]
        assert run(*point) == pytest.approx([float(right)], rel=1e-9)
