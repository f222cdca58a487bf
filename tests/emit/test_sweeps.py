"""Loops over tiles: for any graph over arrays, both compiled backends compute what it means.

A module holds many random graphs, so that few are compiled. Numba's run as plain Python, which
shows what they compute without minutes of compilation; some are compiled.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import numba
import numpy as np
import pytest
import sympy as sp

import symcompile as sc
from symcompile.compiler import build, emit, plan
from symcompile.frontend.definition import Definition
from symcompile.ir.graph import Gather, Graph, View
from symcompile.options import Backend, Options
from tests.graphs import ArrayCase, D, N, at
from tests.merged import LAYOUTS, Layout, drawn, expected, merged, mistakes, point

Place = tuple[int, int, Layout]
#: Sizes and layouts: with n = 1 the axis of length n - 1 is empty.
PLACES: tuple[Place, ...] = (
    (3, 2, "plain"),
    (1, 3, "fortran"),
    (2, 1, "reversed"),
    (4, 3, "broadcast"),
    (5, 2, "strided"),
)
#: Orders of the parameters, an array, a number and an array: the number first, and in between.
ORDERS = ((1, 0, 2), (0, 1, 2), (1, 2, 0), (2, 1, 0), (2, 0, 1))
VECTOR, SCALAR = ("value", "jvp", "vjp", "jacobian"), ("value_and_grad", "hvp", "hessian")


class _Forgiving:
    """The functions of :mod:`math` as Numba has them: they return NaN and infinity."""

    def __getattr__(self, name: str) -> Any:
        found = getattr(math, name)
        if not callable(found):
            return found

        def call(*args: float) -> float:
            try:
                return float(found(*args))
            except ValueError:
                return math.nan
            except OverflowError:
                return math.inf

        return call


def interpreted(definition: Definition, names: Sequence[str]) -> Any:
    """Return Numba's module as plain Python runs it."""
    space: dict[str, Any] = {"__name__": definition.name}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numba.config, "DISABLE_JIT", 1)
        source = emit(definition, plan(definition, names), "numba")
        # A module keeps functions of math by names of its own as soon as it is run.
        patch.setitem(sys.modules, "math", cast(ModuleType, _Forgiving()))
        exec(source, space)
    return SimpleNamespace(**{name: space[name] for name in names})


def test_sines_of_infinity_without_compiling() -> None:
    x = sp.Symbol("x")
    definition = sc.define("sines", sp.sin(x), params=[x])
    module = interpreted(definition, ["value"])
    assert math.isnan(module.value([math.inf]))


def check(
    definition: Definition, module: Any, names: Sequence[str], places: Sequence[Place]
) -> None:
    """Compare the functions of a module with what they mean, at several points."""
    functions = {schedule.function.name: schedule.function for schedule in plan(definition, names)}
    for place in places:
        here = point(definition, *place)
        for name, function in functions.items():
            found = called(module, definition, name, here)
            right = expected(definition, function, here)
            nearby = expected(definition, function, here.moved(1e-12))
            wrong = mistakes(found, right, nearby)
            assert not wrong, (definition.name, name, place, wrong[:3])


def called(module: Any, definition: Definition, name: str, here: Any) -> Any:
    """Return what a module's function returns at a point."""
    keywords = {"amount": here.u.size} if definition.constants else {}
    with np.errstate(all="ignore"):
        return getattr(module, name)(*here.arguments(name), **keywords)


@pytest.mark.parametrize("number", range(2))
def test_numba_without_compiling(number: int) -> None:
    for k, cases in enumerate(_parts(drawn(12, number=number, size=20), 4)):
        vector = merged(f"vector{k}", cases)
        check(vector, interpreted(vector, VECTOR), VECTOR, PLACES)
        scalar = merged(f"scalar{k}", cases, scalar=True)
        check(scalar, interpreted(scalar, SCALAR), SCALAR, PLACES)


@pytest.mark.parametrize("order", ORDERS)
def test_numbers_before_arrays_among_parameters(order: tuple[int, ...]) -> None:
    cases = drawn(4, number=5, size=20)
    vector = merged("vector", cases, order=order)
    check(vector, interpreted(vector, VECTOR), VECTOR, PLACES)
    scalar = merged("scalar", cases, scalar=True, order=order)
    check(scalar, interpreted(scalar, SCALAR), SCALAR, PLACES)


def _parts(cases: Sequence[ArrayCase], size: int) -> list[Sequence[ArrayCase]]:
    return [cases[k : k + size] for k in range(0, len(cases), size)]


# At -O1 a module is compiled in half the time; what it computes is the same.
QUICK = Options(optimize=1)


def test_cython() -> None:
    cases = drawn(10, number=10)
    check_compiled(merged("vector", cases), "cython", VECTOR[:3])
    numbers_first = merged("scalar", cases[:5], scalar=True, order=ORDERS[0])
    check_compiled(numbers_first, "cython", SCALAR[:2])


def test_second_derivatives_in_cython() -> None:
    cases = drawn(2, number=11, size=10)
    check_compiled(merged("matrices", cases), "cython", ("jacobian",))
    check_compiled(merged("curvature", cases, scalar=True), "cython", ("hessian",))


def check_compiled(definition: Definition, backend: Backend, names: Sequence[str]) -> None:
    """Compile a definition and compare it with what it means."""
    module = build(definition, backend, QUICK, names)
    check(definition, module, names, PLACES)


def test_numba() -> None:
    definition = merged("compiled", drawn(2, number=12, size=8))
    check_compiled(definition, "numba", ("value", "vjp"))


@pytest.mark.long
@pytest.mark.parametrize("number", range(100, 400))
def test_any_number_of_graphs(number: int) -> None:
    cases = drawn(6, number=number, size=24)
    order = ORDERS[number % len(ORDERS)]
    vector = merged("vector", cases, order=order)
    scalar = merged("scalar", cases, scalar=True, order=order)
    check(vector, interpreted(vector, VECTOR), VECTOR, PLACES)
    check(scalar, interpreted(scalar, SCALAR), SCALAR, PLACES)
    if number % 10 == 0:
        check_compiled(vector, "cython", VECTOR)
        check_compiled(scalar, "cython", SCALAR)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_several_tiles_and_blocks(layout: Layout, whole_arrays: Any) -> None:
    """Tiles of 512 rows, or of fewer where rows are wide; up to 64 blocks of them."""
    definition, compiled, reference = whole_arrays
    for n, d in ((1100, 3), (513, 1), (130, 300), (40_000, 2)):
        here = point(definition, n, d, layout)
        near = here.moved(1e-12)
        for name in ("value_and_grad", "hvp"):
            found = called(compiled, definition, name, here)
            right, nearby = (_tupled(called(reference, definition, name, p)) for p in (here, near))
            wrong = mistakes(found, right, nearby)
            assert not wrong, (name, n, d, wrong[:3])
            assert all(np.isfinite(result).all() for result in right)


def _multiplies(case: ArrayCase) -> bool:
    """Return whether there is a product over an axis, which is infinite where that is long."""
    return any(node.op == "reduce_prod" for node in case.graph)


def _tupled(found: Any) -> tuple[Any, ...]:
    results = found if isinstance(found, tuple) else (found,)
    return tuple(np.asarray(result) for result in results)


@pytest.fixture(scope="module")
def whole_arrays() -> tuple[Definition, Any, Any]:
    """A definition of many graphs, its module in C, and one in whole arrays of NumPy's."""
    cases = [c for c in drawn(24, number=20, square=False) if not _multiplies(c)]
    assert len(cases) >= 8
    definition = merged("long", cases[:10], scalar=True, order=ORDERS[0])
    names = ("value_and_grad", "hvp")
    modules = [build(definition, b, Options(), names) for b in ("cython", "python")]
    return definition, modules[0], modules[1]


# -- one by one ----------------------------------------------------------------------------


def case(make: Callable[[Graph], list[int]]) -> ArrayCase:
    """Return a case over the inputs of the random ones."""
    graph = Graph()
    return ArrayCase(graph, make(graph), {}, {}, ())


def _clamped_twice(g: Graph) -> list[int]:
    y = g.input("data", 1, (N,))
    once = g.view(y, View((at(0) - 1,), True), (N,))
    return [g.view(once, View((at(0, 2) - 2,), True), (N,))]


def _scattered_as_it_is_and_computed(g: Graph) -> list[int]:
    """Return two scatters that could be one nest; the second is of what another nest computes."""
    y, r = g.input("data", 1, (N,)), g.input("data", 2, (N,))
    by_r = View((Gather(1, (0,)),))
    first = g.scatter(y, by_r, (D,), (r,))
    z = g.add("sin", (g.add("sin", (y,)),))
    return [first, z, g.scatter(g.add("neg", (z,)), by_r, (D,), (r,))]


def _gathered_by_what_is_gathered(g: Graph) -> list[int]:
    """Return a view and a scatter by an index that is a view of a view."""
    w, r = g.input("param", 0, (D,)), g.input("data", 2, (N,))
    again = g.view(r, View((at(0) - 1,), True), (N,))
    twice = g.view(again, View((at(0, 2) - 2,), True), (N,))
    by_it = View((Gather(1, (0,)),))
    return [
        g.view(w, by_it, (N,), (twice,)),
        g.scatter(g.input("data", 1, (N,)), by_it, (D,), (twice,)),
    ]


CASES = {
    "clamped twice": _clamped_twice,
    "scattered as it is and computed": _scattered_as_it_is_and_computed,
    "gathered by what is gathered": _gathered_by_what_is_gathered,
}


@pytest.mark.parametrize("name", CASES)
def test_case_in_numba(name: str) -> None:
    definition = merged("case", [case(CASES[name])])
    check(definition, interpreted(definition, ("value",)), ("value",), PLACES)


def test_cases_in_cython() -> None:
    check_compiled(merged("cases", [case(make) for make in CASES.values()]), "cython", ("value",))


@pytest.mark.parametrize(
    "backend", ["python", "numba", pytest.param("cython", marks=pytest.mark.long), "llvm"]
)
def test_gradient_that_is_the_same_for_all_entries(backend: Backend) -> None:
    n, d = sp.symbols("n d", integer=True, positive=True)
    i, j = sp.Idx("i", n), sp.Idx("j", d)
    w, u = sp.IndexedBase("w", shape=(d,)), sp.IndexedBase("u", shape=(n,))
    loss = sp.Sum(w[j], (j, 0, d - 1)) * sp.Sum(sp.sin(u[i]), (i, 0, n - 1))
    kernel = sc.compile(sc.define("product", loss, params=(w, u), constants=(d,)), backend=backend)
    mixed = np.cos([0.3, 0.4, 0.5])
    hessian = kernel.hessian([1, 2, 0.3, 0.4, 0.5], d=2)
    np.testing.assert_allclose(hessian[:2, 2:], [mixed, mixed])
    np.testing.assert_allclose(hessian[2:, 2:], -3 * np.diag(np.sin([0.3, 0.4, 0.5])))


@pytest.mark.parametrize(
    "backend",
    [
        "python",
        pytest.param("numba", marks=pytest.mark.long),
        # LLVM compiles the same C.
        pytest.param("cython", marks=pytest.mark.long),
        "llvm",
    ],
)
def test_a_number_before_arrays(backend: Backend) -> None:
    """All functions of a line with its offset first, against the formulas."""
    n, d = sp.symbols("n d", integer=True, positive=True)
    i, j = sp.symbols("i j", integer=True)
    b, s = sp.symbols("b s")
    w, y = sp.IndexedBase("w", shape=(d,)), sp.IndexedBase("y", shape=(n,))
    X = sp.IndexedBase("X", shape=(n, d))
    line = sp.Sum(w[j] * X[i, j], (j, 0, d - 1)) + b - y[i]
    loss = sp.Sum(line**2, (i, 0, n - 1)) * s
    kernel = sc.compile(sc.define("line", loss, params=(s, b, w), data=(X, y)), backend=backend)
    rng = np.random.default_rng(3)
    data, targets, p, v = (rng.normal(size=size) for size in ((7, 3), 7, 5, 5))
    design = np.column_stack([np.ones(7), data])
    rest = design @ p[1:] - targets
    grad = np.array([rest @ rest, *(2 * p[0] * design.T @ rest)])
    hessian = np.zeros((5, 5))
    hessian[1:, 1:] = 2 * p[0] * design.T @ design
    hessian[0, 1:] = hessian[1:, 0] = grad[1:] / p[0]
    expected = {
        "value": p[0] * (rest @ rest),
        "grad": grad,
        "jacobian": grad,
        "hessian": hessian,
        "hvp": hessian @ v,
        "jvp": grad @ v,
        "vjp": 1.5 * grad,
    }
    vectors = {"hvp": (v,), "jvp": (v,), "vjp": (1.5,)}
    for name, right in expected.items():
        found = getattr(kernel, name)(p, *vectors.get(name, ()), data, targets)
        np.testing.assert_allclose(found, right, rtol=1e-12, err_msg=name)
    value, slope = kernel.value_and_grad(p, data, targets)
    np.testing.assert_allclose([value, *slope], [expected["value"], *grad], rtol=1e-12)
