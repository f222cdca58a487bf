"""Index notation: what is computed, against the definition of a sum, and what is refused."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from symcompile.errors import DefinitionError, LoweringError
from symcompile.frontend.definition import Definition, define
from symcompile.ir.affine import Affine
from symcompile.ir.graph import View
from tests.frontend.numeric import evaluate

n, m, q = sp.symbols("n m q", integer=True, positive=True)
i, j, k, l, t = sp.symbols("i j k l t", integer=True)  # noqa: E741
I, J = sp.Idx("i", n), sp.Idx("j", m)  # noqa: E741
a, b = sp.symbols("a b")
x, y, w = (sp.IndexedBase(name, shape=(n,)) for name in "xyw")
u = sp.IndexedBase("u", shape=(m,))
out = sp.IndexedBase("out")
A, B = (sp.IndexedBase(name, shape=(n, n)) for name in "AB")
X = sp.IndexedBase("X", shape=(n, m))
r = sp.IndexedBase("r", shape=(n,), integer=True)
c = sp.IndexedBase("c", shape=(n,), integer=True)

SIZES = {n: 5, m: 3, q: 2}


def total(body: Any, *limits: Any) -> sp.Expr:
    return sp.Sum(body, *limits)


over_i, over_j, over_m = (i, 0, n - 1), (j, 0, n - 1), (j, 0, m - 1)


def arrays(symbols: Any, sizes: Mapping[Any, int]) -> dict[str, Any]:
    rng = np.random.default_rng(3)
    found: dict[str, Any] = {}
    for symbol in symbols:
        if isinstance(symbol, sp.IndexedBase):
            shape = tuple(int(sp.sympify(s).subs(sizes)) for s in symbol.shape)
            whole = symbol.assumptions0.get("integer")
            values = rng.integers(0, 3, shape) if whole else rng.uniform(0.5, 1.5, shape)
            found[str(symbol.label)] = values
        else:
            found[str(symbol)] = rng.uniform(0.5, 1.5)
    return found


def expanded(expr: Any, sizes: Mapping[Any, Any], values: Mapping[str, Any]) -> Any:
    """Return the value of an expression by its definition, one number after the other."""
    if isinstance(expr, sp.Sum | sp.Product):
        *inner, (variable, low, high) = expr.limits
        body = expr.func(expr.function, *inner) if inner else expr.function
        span = range(int(expanded(low, sizes, values)), int(expanded(high, sizes, values)) + 1)
        terms = [expanded(body, {**sizes, variable: point}, values) for point in span]
        return sp.Add(*terms) if isinstance(expr, sp.Sum) else sp.Mul(*terms)
    if isinstance(expr, sp.Indexed):
        place = tuple(int(expanded(index, sizes, values)) for index in expr.indices)
        assert min(place) >= 0
        value = values[str(expr.base.label)][place]
        return sp.Integer(int(value)) if isinstance(value, np.integer) else sp.Float(float(value))
    if isinstance(expr, sp.Piecewise):
        for branch, condition in expr.args:
            if expanded(condition, sizes, values) == sp.true:
                return expanded(branch, sizes, values)
    if isinstance(expr, sp.Symbol | sp.Idx):
        return sp.sympify(sizes[expr] if expr in sizes else values[str(expr)])
    if not expr.args:
        return expr
    return expr.func(*[expanded(arg, sizes, values) for arg in expr.args])


def agrees(expr: Any, params: Any = (), data: Any = (), sizes: Any = None) -> Definition:
    """Assert that the value is what its definition says; return it."""
    sizes = dict(SIZES if sizes is None else sizes)
    definition = define("f", expr, params=params, data=data)
    params = params if isinstance(params, tuple) else (params,)
    data = data if isinstance(data, tuple) else (data,)
    values = arrays((*params, *data), sizes)
    given_ = list(values.values())
    known = {str(size): value for size, value in sizes.items()}
    found = evaluate(
        definition, tuple(given_[: len(params)]), tuple(given_[len(params) :]), sizes=known
    )
    assert definition.indexed
    np.testing.assert_allclose(found, float(expanded(expr, sizes, values)), rtol=1e-12)
    return definition


@pytest.mark.parametrize(
    "expr",
    [
        total(x[i], over_i),
        total(x[i] * w[i] + a, over_i),
        total(a, over_i),
        total(a, (i, 0, 3)),
        total(i**2 * x[i], over_i),
        total((-1) ** i * x[i] ** i, over_i),
        total(x[i] / (i + 1) - x[n - 1 - i] * n, over_i),
        total(x[i] * x[i + 1], (i, 0, n - 2)),
        total(x[i - 1] + x[i], (i, 1, n - 1)),
        total(x[2 * i], (i, 0, 2)),
        total(x[2 * i + 1] * x[3 - 2 * i], (i, 0, 1)),
        x[0] * x[n - 1] + x[2],
        total(A[i, j] * A[j, i], over_i, over_j),
        total(A[i, j] * B[j, i] * A[i, i], over_i, over_j),
        total(A[i, j] * A[j, k] * A[k, i], over_i, over_j, (k, 0, n - 1)),
        total(A[i, i], over_i),
        total(A[i, 0] * A[n - 1, i], over_i),
        total(X[i, j] * u[j] * w[i], over_i, over_m),
        total(total(X[i, j] * u[j], over_m) ** 2, over_i),
        total(X[i, j], over_m, (i, 1, n - 2)),
        total(sp.exp(total(X[i, j], over_m)), over_i) / n,
        total(total(w[j], (j, 0, i)), over_i),
        total(total(w[j], (j, i, n - 1)) ** 2, over_i),
        total(w[i] * w[j], (j, i + 1, n - 1), over_i),
        total(w[j], (j, i, i + 2), (i, 0, n - 3)),
        total(w[i] * w[j] * w[k], (k, j, i), (j, 0, i), over_i),
        total(j * a, (j, 0, i), over_i),
        total(a, (j, 0, i), over_i),
        total(total(w[j - i], (j, i, n - 1)) ** 2, over_i),
        total(x[i], (i, 5, 4)),
        total(x[i], (i, n - 1, n - 1)),
        total(x[i], (i, 2, 2)) * a,
        total(x[i] * total(y[i], over_i), over_i),
        total(x[i] * total(y[i] + total(w[i], over_i), over_i), over_i),
        sp.Product(x[i], over_i),
        sp.Product(a, over_i),
        sp.Product(a, (i, 0, 2)),
        sp.Product(x[i], (i, 5, 4)),
        sp.Product(total(X[i, j], over_m), over_i),
        sp.Product(X[i, j], over_m, over_i),
        sp.Product(w[j], (j, 0, i - 1)).subs(i, 3),
        total(sp.Product(w[j], (j, 0, i)), over_i),
        total(sp.KroneckerDelta(i, j) * A[i, j], over_i, over_j),
        total(sp.KroneckerDelta(i + 1, j) * w[i] * w[j], over_i, over_j),
        total(sp.KroneckerDelta(i, 2) * x[i], over_i),
        total(sp.KroneckerDelta(2 * i, j) * A[i, j], over_i, over_j),
        total(sp.Piecewise((x[i], i > 1), (2 * x[i], True)), over_i),
        total(sp.Piecewise((x[i - 1], i > 0), (a, True)), over_i),
        total(sp.Piecewise((a, sp.Eq(i, 0)), (x[i - 1], True)), over_i),
        total(sp.Piecewise((x[i - 1], sp.Ne(i, 0)), (a, True)), over_i),
        total(sp.Piecewise((x[i + 2] - x[i - 2], (i >= 2) & (i <= n - 3)), (0, True)), over_i),
        total(sp.Piecewise((x[j - i], i <= j), (w[i - j], True)), over_i, over_j),
        total(
            sp.Piecewise((A[i, j], sp.Eq(i, j)), (B[i, j] / 2, i < j), (0, True)), over_i, over_j
        ),
        total(sp.Piecewise((x[i], x[i] > 1), (a, True)), over_i),
        total(sp.Max(x[i], w[i], a) + sp.Min(x[i], 1), over_i),
        total(sp.Abs(x[i] - y[i]) * sp.sqrt(w[i]) / (x[i] * y[i] ** 2), over_i),
        total(x[I] * w[I + 1], (I, 0, n - 2)),
        total(X[I, J] * u[J], (J, 0, m - 1), (I, 0, n - 1)),
        total(x[i], (i, 0, sp.floor(n / 2))),
        total(x[i] * sp.floor(n / 2), (i, 0, sp.ceiling(n / 2) - 1)),
        n * total(x[i], over_i) / (n - 1) + sp.sqrt(n) + m,
        total(total(X[i, j] * A[i, k], (k, 0, n - 1)), over_i, over_m),
        total(total(w[i + j], (j, 0, 2)) ** 2, (i, 0, n - 3)),
    ],
    ids=str,
)
def test_agrees_with_its_definition(expr: sp.Expr) -> None:
    agrees(expr, (a, w, u), (x, y, X, A, B))


@pytest.mark.parametrize(
    ("expr", "wholes"),
    [
        (total(u[r[i]], over_i), {(1, "0", "m - 1")}),
        (total(u[r[i]] * x[i] + u[c[i]], over_i), {(1, "0", "m - 1"), (2, "0", "m - 1")}),
        (total(X[i, r[i]], over_i), {(1, "0", "m - 1")}),
        (total(X[r[i], c[i]], over_i), {(1, "0", "n - 1"), (2, "0", "m - 1")}),
        (total(w[r[i] + 1], over_i), {(1, "-1", "n - 2")}),
        (total(w[n - 1 - r[i]], over_i), {(1, "0", "n - 1")}),
        (total(w[r[i + 1]], (i, 0, n - 2)), {(1, "0", "n - 1")}),
        (total(w[r[c[i]]], over_i), {(1, "0", "n - 1"), (2, "0", "n - 1")}),
        (total(w[r[i] + j], over_i, (j, 0, 1)), {(1, "0", "n - 2")}),
        (total(A[r[i], j] * A[j, r[i]], over_i, over_j), {(1, "0", "n - 1")}),
        (w[r[0]] * w[r[n - 1]], {(1, "0", "n - 1")}),
        (total(sp.KroneckerDelta(j, r[i]) * X[i, j], over_i, over_m), set()),
        (total(sp.exp(total(X[r[i], j], over_m)) * r[i], over_i), {(1, "0", "n - 1")}),
    ],
    ids=lambda value: str(sorted(value) if isinstance(value, set) else value),
)
def test_gathers(expr: sp.Expr, wholes: set[Any]) -> None:
    definition = agrees(expr, (w, u, X, A), (x, r, c))
    assert {(v.slot, str(v.low), str(v.high)) for v in definition.wholes} == wholes


@st.composite
def affine_uses(draw: st.DrawFn) -> tuple[sp.Expr, int]:
    """Draw a sum over elements ``z[c0*i + c1*j + c2*n + c3]`` that stay in range, and n."""
    size = draw(st.integers(1, 5))
    extents = [draw(st.integers(0, 2)), draw(st.integers(0, 2))]
    slopes = [draw(st.integers(-2, 2)), draw(st.integers(-2, 2))]
    of_n = draw(st.integers(-1, 1))
    low = sum(min(0, s * (e - 1)) for s, e in zip(slopes, extents, strict=True))
    high = sum(max(0, s * (e - 1)) for s, e in zip(slopes, extents, strict=True))
    offset = draw(st.integers(-low - of_n * size, 15 - high - of_n * size))
    start = draw(st.integers(-2, 2))
    index = slopes[0] * (i - start) + slopes[1] * j + of_n * n + offset
    z = sp.IndexedBase("z", shape=(16,))
    limits = ((i, start, start + extents[0] - 1), (j, 0, extents[1] - 1))
    body = (i + 1) * z[index] * z[15 - index] if draw(st.booleans()) else z[index] * w[0]
    return sp.Sum(body, *limits), size


@settings(max_examples=60, deadline=None)
@given(affine_uses())
def test_index_arithmetic(case: tuple[sp.Expr, int]) -> None:
    expr, size = case
    agrees(expr, (w,), (sp.IndexedBase("z", shape=(16,)),), {n: size})


# ------------------------------------------------------------------ one node for one meaning


def nodes(expr: Any, **roles: Any) -> list[str]:
    definition = define("f", expr, **roles)
    return [node.op for node in definition.ir]


@pytest.mark.parametrize(
    ("expr", "op", "count"),
    [
        (total(x[i] ** 2, over_i) + total(x[j] ** 2, over_j), "reduce_sum", 1),
        (
            total(A[i, j] * w[i], over_i, over_j)
            + total(A[k, l] * w[k], (l, 0, n - 1), (k, 0, n - 1)),
            "reduce_sum",
            2,
        ),
        (
            total(A[i, j] * A[j, i], over_i, over_j) * total(A[j, i] * A[i, j], over_j, over_i),
            "mul",
            2,
        ),
        (
            total(A[i, j] * A[i, k] * w[j], over_i, over_j, (k, 0, n - 1))
            - total(A[k, j] * A[k, i] * w[i], over_i, over_j, (k, 0, n - 1)),
            "reduce_sum",
            3,
        ),
        (total(sp.exp(x[i] * w[i]) / total(sp.exp(x[j] * w[j]), over_j), over_i), "exp", 1),
        (total(sp.sin(w[i] + x[i]) * sp.sin(x[i] + w[i]), over_i), "sin", 1),
        (
            total(sp.exp(w[i] - w[j]), over_i, over_j) + total(sp.exp(w[j] - w[i]), over_i, over_j),
            "exp",
            1,
        ),
        (
            total(w[i], (i, 1, n)).subs(n, n)
            if False
            else total(w[i - 1], (i, 1, n)) + total(w[i], over_i),
            "reduce_sum",
            1,
        ),
    ],
)
def test_equal_up_to_the_names_of_indices_is_one_node(expr: Any, op: str, count: int) -> None:
    assert nodes(expr, params=w, data=(x, A)).count(op) == count


def test_softmax_computes_each_exponential_once() -> None:
    W = sp.IndexedBase("W", shape=(m, q))
    z = total(X[i, j] * W[j, k], over_m)
    share = sp.exp(z) / total(sp.exp(z.subs(k, l)), (l, 0, q - 1))
    loss = -total(sp.log(share), over_i, (k, 0, q - 1))
    found = nodes(loss, params=W, data=X)
    assert (found.count("exp"), found.count("reduce_sum")) == (1, 4)


def test_scalars_do_not_enter_a_loop() -> None:
    definition = define("f", total(a * b * sp.sin(a) * x[i], over_i), params=(a, b), data=x)
    wide = [node.op for node in definition.ir if node.axes]
    assert wide == ["input", "mul"]


def test_size_of_the_graph_does_not_depend_on_depth_of_sharing() -> None:
    expr: Any = w[i]
    for _ in range(60):
        expr = sp.Add(sp.Mul(expr, x[i], evaluate=False), expr, evaluate=False)
    # Under a Sum SymPy's own constructor would walk it.
    assert len(define("f", expr, params=w, data=x).ir) < 200
    s = sp.Symbol("s")
    assert len(define("f", [(s, expr), total(s, over_i)], params=w, data=x).ir) < 200


# ------------------------------------------------------------------ shapes and sizes


def shapes(definition: Definition) -> dict[str, tuple[str, ...]]:
    names = (*definition.params, *definition.data)
    every = (*definition.param_shapes, *definition.data_shapes)
    return {name: tuple(map(str, shape)) for name, shape in zip(names, every, strict=True)}


@pytest.mark.parametrize(
    ("build", "expected", "constants"),
    [
        (lambda z, v: total(z[i] * v[i], over_i), {"z": ("n",), "v": ("n",)}, ()),
        (lambda z, v: total(z[t] * v[t - 1], (t, 1, n - 1)), {"z": ("n",), "v": ("n - 1",)}, ()),
        (lambda z, v: total(z[t] * z[t - 1] * v[0], (t, 1, n - 1)), {"z": ("n",), "v": ("1",)}, ()),
        (
            lambda z, v: total(z[t + k] * v[k], (t, 0, n - 1), (k, 0, q - 1)),
            {"z": ("n + q - 1",), "v": ("q",)},
            (),
        ),
        (lambda z, v: z[0] + z[3] * v[2], {"z": ("4",), "v": ("3",)}, ()),
        (lambda z, v: total(z[2 * i + 1], over_i) * v[0], {"z": ("2*n",), "v": ("1",)}, ()),
        (lambda z, v: total(z[i, j] * v[j], over_i, over_m), {"z": ("n", "m"), "v": ("m",)}, ()),
        (
            lambda z, v: total(z[i], over_i) + total(z[i], (i, 0, m - 1)) + v[0],
            {"z": ("z_size0",), "v": ("1",)},
            ("n", "m"),
        ),
        (lambda z, v: z[i] * v[i], {"z": ("v_size0",), "v": ("v_size0",)}, ()),
        (lambda z, v: total(z[i], over_i) + z[2] + v[0], {"z": ("n",), "v": ("1",)}, ()),
        (
            lambda z, v: total(sp.Piecewise((z[i - 1], i > 0), (v[i], True)), over_i),
            {"z": ("n - 1",), "v": ("n",)},
            (),
        ),
        (lambda z, v: total(z[I] * v[I], (I, 0, n - 1)), {"z": ("n",), "v": ("n",)}, ()),
    ],
)
def test_shapes_are_inferred(build: Any, expected: Any, constants: Any) -> None:
    z, v = sp.IndexedBase("z"), sp.IndexedBase("v")
    definition = define("f", build(z, v), params=v, data=z)
    assert shapes(definition) == expected
    assert {name for name, _ in definition.constants} == set(constants)


def test_sizes_that_no_array_determines_are_constants() -> None:
    z = sp.IndexedBase("z", shape=(n + m,))
    both = define("f", total(z[i], (i, 0, n + m - 1)), params=a, data=z)
    assert set(both.constants) == {("n", None), ("m", None)}
    one = define("f", total(z[i], (i, 0, n - 1)) * u[0], params=u, data=z)
    assert one.constants == ()  # len(p) gives m, and the data then n
    free = define("f", total(a**i, (i, 0, q)), params=a, constants={q: 4})
    assert free.constants == (("q", 4.0),)
    assert free.sizes == ("q",)
    named = define("f", total(a**i, (i, 0, q)) * b, params=a, constants=(b,))
    assert named.constants == (("b", None), ("q", None))
    solved = define("f", total(w[i] * u[j], over_i, over_m), params=(w, u), constants=(n,))
    assert solved.constants == (("n", None),)
    plain = sp.Symbol("n")  # another symbol of the same name
    two = define("f", total(a * x[i], over_i) + total(a, (i, 0, plain - 1)), params=a, data=x)
    assert two.constants == (("n_2", None),)
    assert two.sizes == ("n", "n_2")


def test_derived_sizes() -> None:
    definition = define("f", total(x[2 * i], (i, 0, sp.floor(n / 2) - 1)), params=x, constants=n)
    (half,) = definition.derived
    assert (half.name, str(half.value), half.divisor) == ("n_over_2", "n", 2)
    assert definition.sizes == ("n", "n_over_2")


def test_requirements_on_sizes() -> None:
    definition = define("f", total(x[i] * u[i], over_i), params=u, data=x)
    assert [(str(r_.value), r_.text) for r_ in definition.required] == [
        ("m - n", "u[i] for i from 0 to n - 1")
    ]
    definition = define("f", total(x[i], (i, 2, n - 3)), params=a, data=x)
    assert [str(r_.value) for r_ in definition.required] == ["n - 4"]
    assert define("f", x[3], params=a, data=x).required[0].value == Affine.of("n") - 4


# ------------------------------------------------------------------ values that are arrays


@pytest.mark.parametrize(
    ("expr", "shape"),
    [
        (x[i] * a, (5,)),
        (x[I] * a, (5,)),
        (x[i + 1] - x[i], (4,)),
        (total(X[i, j] * u[j], over_m) * a, (5,)),
        (X[i, j] * u[j] * a, (5, 3)),
        (sp.Eq(out[j, i], X[i, j] * a), (3, 5)),
        (sp.Eq(out[i], total(x[j], (j, 0, i)) * a).subs(i, I), (5,)),
        (sp.Eq(out[I, J], a), (5, 3)),
        (sp.Eq(out[I], a * i), None),
        (a * i * x[i] ** 2, (5,)),
        (A[i, i] * a, (5,)),
        (sp.Piecewise((x[i] - x[i - 1], i > 0), (a, True)), (5,)),
    ],
    ids=str,
)
def test_free_indices_make_arrays(expr: Any, shape: Any) -> None:
    if shape is None:
        with pytest.raises((DefinitionError, LoweringError), match="symbol i"):
            define("f", expr, params=(a, u), data=(x, X, A))
        return
    definition = define("f", expr, params=(a, u), data=(x, X, A))
    values = arrays((a, u, x, X, A), SIZES)
    given_ = tuple(values.values())
    sizes = {str(size): value for size, value in SIZES.items()}
    found = evaluate(definition, given_[:2], given_[2:], sizes=sizes)
    assert found.shape == shape
    body, order = (expr.rhs, expr.lhs.indices) if isinstance(expr, sp.Eq) else (expr, None)
    order = order or sorted(free_indices(body), key=str)
    for place in np.ndindex(*shape):
        at = dict(zip(order, place, strict=True))
        expected = float(expanded(body, {**SIZES, **at}, values))
        np.testing.assert_allclose(found[place], expected, rtol=1e-12)


def free_indices(expr: Any) -> set[Any]:
    return expr.free_symbols & {i, j, I, J}


def test_an_idx_gives_its_range() -> None:
    inner = sp.Idx("i", (1, n - 2))
    definition = define("f", x[inner - 1] + x[inner + 1], params=a, data=x)
    assert [str(size) for size in definition.output.shape] == ["n - 2"]
    found = evaluate(definition, (1.0,), (np.arange(5.0),), sizes={"n": 5})
    assert found.tolist() == [2.0, 4.0, 6.0]


def test_several_outputs_and_intermediates() -> None:
    s = sp.Symbol("s")
    whole = total(x[i] * w[i], over_i)
    values = (np.arange(3.0), np.ones(3) * 2)
    for expr, expected in (
        ([whole, whole**2], [6.0, 36.0]),
        ({"one": whole, "two": w[0]}, [6.0, 0.0]),
        (sp.Matrix([[whole, w[1]], [x[0], 1]]), [[6.0, 1.0], [2.0, 1.0]]),
        ([(s, whole), s + s**2], 42.0),
        ([(s, x[i] * w[i]), total(s**2, over_i)], 20.0),
        (sp.cse([whole + 1, (whole + 1) ** 2]), [7.0, 49.0]),
        (sp.cse(total(sp.exp(w[i] * 0) + sp.sin(w[i] * 0) ** 2, over_i)), 3.0),
    ):
        definition = define("f", expr, params=w, data=x)
        found = evaluate(definition, values[:1], values[1:], sizes={"n": 3})
        np.testing.assert_allclose(found, expected)
        assert not definition.output.per_sample
    labelled = define("f", [(s, whole), s + s**2], params=w, data=x)
    assert list(labelled.ir.labels.values()) == ["s"]


# ------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("expr", "roles", "error", "message"),
    [
        (total(x[i + 1], over_i), {}, DefinitionError, r"x\[i \+ 1\] for i from 0 to n - 1 leaves"),
        (total(x[i - 1], over_i), {}, DefinitionError, r"x\[i - 1\] for i"),
        (
            total(x[i], (i, 0, n)),
            {},
            DefinitionError,
            r"x\[i\] for i from 0 to n leaves the range 0 to n - 1",
        ),
        (x[-1], {}, DefinitionError, r"x\[-1\] leaves"),
        (x[n], {}, DefinitionError, "leaves"),
        (total(x[j + 1], (j, 0, i), over_i), {}, DefinitionError, "leaves"),
        (total(sp.Piecewise((x[i - 2], i > 0), (0, True)), over_i), {}, DefinitionError, "leaves"),
        (total(x[i], (i, 5, 2)), {}, DefinitionError, "backwards"),
        (total(x[i**2], over_i), {}, LoweringError, r"i\*\*2"),
        (total(A[i, i * j], over_i, over_j), {"data": (x, A)}, LoweringError, "not affine"),
        (total(x[i], (i, 0, n**2)), {}, LoweringError, r"limit n\*\*2"),
        (total(x[i], (i, 0, sp.oo)), {}, LoweringError, "finite"),
        (total(a, (i, 0, a)), {}, DefinitionError, "a is a parameter"),
        (total(x[w[i]], over_i), {}, LoweringError, "read from data only"),
        (total(x[r[i] + c[i]], over_i), {"data": (x, r, c)}, LoweringError, "one element"),
        (total(x[2 * r[i]], over_i), {"data": (x, r, c)}, LoweringError, "one element"),
        (total(y[i], over_i), {}, LoweringError, "the array y"),
        (total(x, over_i), {}, LoweringError, "give it an index"),
        (total(x[i], over_i) + b, {}, LoweringError, "the symbol b"),
        (total(sp.IndexedBase("x")[i], over_i), {}, LoweringError, "use one object"),
        ([x[i], x[0]], {}, DefinitionError, "index i is free"),
        (sp.Eq(u[i], x[i] * x[j]), {}, DefinitionError, "index j"),
        (total(x[i] * b, over_i), {"data": (x, b)}, DefinitionError, "IndexedBase"),
        (total(x[i], over_i), {"reduce": "mean"}, DefinitionError, "/n instead"),
        (total(x[i], over_i), {"reduce": "sum"}, DefinitionError, "sums say everything"),
        (total(x[i], over_i), {"data": (x, x)}, DefinitionError, "two places"),
        (total(x[i], over_i), {"data": (x, sp.Symbol("w"))}, DefinitionError, "IndexedBase"),
        (total(x[i], over_i), {"constants": (y,)}, DefinitionError, "constants are numbers"),
        (total(x[i], over_i), {"data": (x, sp.IndexedBase("z"))}, DefinitionError, "give shape="),
        (total(x[i] + i * l, over_i), {}, LoweringError, "the symbol l"),
        (total(x[i] * sp.Symbol("x"), over_i), {}, LoweringError, "the symbol x"),
        (
            total(sp.IndexedBase("z", shape=(n**2,))[i], over_i),
            {"data": sp.IndexedBase("z", shape=(n**2,))},
            LoweringError,
            "size of z",
        ),
        (
            sp.IndexedBase("z", shape=(0,))[i],
            {"data": sp.IndexedBase("z", shape=(0,))},
            DefinitionError,
            "size 0",
        ),
        (
            sp.IndexedBase("z", strides=(1,), shape=(n,))[i],
            {"data": sp.IndexedBase("z", strides=(1,), shape=(n,))},
            DefinitionError,
            "strides",
        ),
        (
            total(sp.gamma(x[i]) * sp.Derivative(a * x[i], a), over_i),
            {},
            LoweringError,
            "Derivative",
        ),
    ],
)
def test_refusals(expr: Any, roles: dict[str, Any], error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        define("f", expr, **{"params": (a, w), "data": x, **roles})


def test_ranks_must_agree() -> None:
    z = sp.IndexedBase("z")
    with pytest.raises(DefinitionError, match="one number of dimensions"):
        define("f", total(z[i] * z[i, i], over_i), params=z)


def test_what_a_name_cannot_be() -> None:
    z = sp.IndexedBase("z")
    with pytest.raises(DefinitionError, match=r"z\[i\] cannot be assigned: name an interm"):
        define("f", [(z[i], x[i] ** 2), total(z[i], over_i)], data=x)
    with pytest.raises(LoweringError, match="other assumptions: use one symbol"):
        define("f", total(x[i], over_i) / sp.Symbol("n"), data=x)


# ------------------------------------------------------------------ identity


def test_equality_and_digest_cover_views() -> None:
    first = define("f", total(x[i] * w[i + 1], (i, 0, n - 2)), params=w, data=x)
    assert first == define("f", total(w[1 + j] * x[j], (j, 0, n - 2)), params=w, data=x)
    for other in (total(x[i + 1] * w[i], (i, 0, n - 2)), total(x[i + 1] * w[i + 1], (i, 0, n - 2))):
        assert first != define("f", other, params=w, data=x)
    copy = pickle.loads(pickle.dumps(first))
    assert copy == first
    assert copy.source is None
    assert b"sympy" not in pickle.dumps(first).replace(b"symcompile", b"")


def test_views_are_clamped_only_where_a_condition_guards_them() -> None:
    def clamped(expr: Any) -> list[bool]:
        definition = define("f", expr, params=a, data=x)
        return [node.data.clamped for node in definition.ir if isinstance(node.data, View)]

    assert clamped(total(sp.Piecewise((x[i - 1], i > 0), (0, True)), over_i)) == [True]
    assert clamped(total(x[i - 1], (i, 1, n - 1))) == [False]
    assert not any(clamped(total(sp.Piecewise((x[n - 1 - i], i > 0), (0, True)), over_i)))
