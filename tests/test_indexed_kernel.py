"""Kernels over arrays: how they are called and bound, and what is said when arrays do not fit."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp

import symcompile as sc
from symcompile.compiler import emit, plan
from symcompile.errors import ArgumentTypeError, ArgumentValueError, UnsupportedFunctionError
from tests.models import BY_NAME

n, d, q, m = sp.symbols("n d q m", integer=True, positive=True)
I, J, K = sp.Idx("i", n), sp.Idx("j", d), sp.Idx("k", q)  # noqa: E741
b, lam = sp.symbols("b lam")
RNG = np.random.default_rng(7)
X, Y = RNG.normal(size=(6, 3)), RNG.normal(size=6)
P = RNG.normal(size=4)


@pytest.fixture(scope="module")
def ridge() -> sc.Kernel:
    """Mean squared error of a linear model with an offset, and a penalty."""
    data, y = sp.IndexedBase("X", shape=(n, d)), sp.IndexedBase("y", shape=(n,))
    w = sp.IndexedBase("w", shape=(d,))
    z = sp.Sum(w[J] * data[I, J], (J, 0, d - 1)) + b
    penalty = lam * sp.Sum(w[J] ** 2, (J, 0, d - 1))
    loss = sp.Sum((z - y[I]) ** 2, (I, 0, n - 1)) / n + penalty
    definition = sc.define("ridge", loss, params=(w, b), data=(data, y), constants={lam: 0.25})
    return sc.compile(definition, backend="python")


@pytest.fixture(scope="module")
def lookup() -> sc.Kernel:
    """A sum of entries of a table that data picks, squared."""
    r = sp.IndexedBase("r", shape=(n,), integer=True)
    table = sp.IndexedBase("T", shape=(m, q))
    loss = sp.Sum(table[r[I], K] ** 2, (K, 0, q - 1), (I, 0, n - 1))
    return sc.compile(loss, name="lookup", params=table, data=r, constants=q, backend="python")


def _ridge(p: Any, X: Any = X, Y: Any = Y, lam: float = 0.25) -> Any:
    return np.mean((X @ p[:3] + p[3] - Y) ** 2) + lam * np.sum(p[:3] ** 2)


def test_values(ridge: sc.Kernel) -> None:
    assert ridge.value(P, X, Y) == pytest.approx(_ridge(P), rel=1e-14)
    assert ridge.value(P, X, Y, lam=2) == pytest.approx(_ridge(P, lam=2.0), rel=1e-14)
    assert type(ridge.value(P, X, Y)) is float
    residual = X @ P[:3] + P[3] - Y
    grad = np.append(X.T @ residual / 3 + 0.5 * P[:3], residual.mean() * 2)
    np.testing.assert_allclose(ridge.grad(P, X, Y), grad, rtol=1e-13)
    assert ridge.hessian(P, X, Y).shape == (4, 4)


def _layouts() -> dict[str, Any]:
    wide = np.zeros((12, 9))
    wide[::2, ::3] = X
    record = np.zeros(6, dtype=[("a", "i2"), ("x", "f8", 3)])
    record["x"] = X
    return {
        "column-major": np.asfortranarray(X),
        "strided": wide[::2, ::3],
        "backward": X[::-1, ::-1].copy()[::-1, ::-1],
        "transposed": X.T.copy().T,
        "odd strides": record["x"],
        "big endian": X.astype(">f8"),
        "lists": X.tolist(),
        "objects": X.astype(object),
        "read only": np.broadcast_to(X, X.shape),
    }


@pytest.mark.parametrize("kind", _layouts())
def test_layouts(ridge: sc.Kernel, kind: str) -> None:
    array = _layouts()[kind]
    expected = ridge.value_and_grad(P, X, Y)
    for found in (ridge.value_and_grad(P, array, Y), ridge.bind(array, Y).value_and_grad(P)):
        assert found[0] == pytest.approx(expected[0], rel=1e-14)
        np.testing.assert_allclose(found[1], expected[1], rtol=1e-13)


@pytest.mark.parametrize("kind", ["column-major", "strided", "backward", "transposed"])
def test_good_arrays_are_not_copied(ridge: sc.Kernel, kind: str) -> None:
    array = _layouts()[kind]
    assert ridge.bind(array, Y).data[0] is array
    assert not np.shares_memory(ridge.bind(array, Y, copy=True).data[0], array)


def test_results_are_new(ridge: sc.Kernel) -> None:
    c, w = sp.IndexedBase("c", shape=(d,)), sp.IndexedBase("w", shape=(d,))
    dot = sc.compile(sp.Sum(c[J] * w[J], (J, 0, d - 1)), params=w, data=c, backend="python")
    data = np.ones(3)
    grad = dot.grad(data, data)
    np.testing.assert_array_equal(grad, data)
    assert not np.shares_memory(grad, data)


def test_tables(ridge: sc.Kernel) -> None:
    pd = pytest.importorskip("pandas")
    expected = ridge.value(P, X, Y)
    assert ridge.value(P, {"y": Y, "X": X}) == expected
    assert ridge.bind({"y": list(Y), "X": X}).value(P) == expected
    assert ridge.value(P, pd.DataFrame(X), pd.Series(Y)) == expected
    u, v = sp.IndexedBase("u", shape=(n,)), sp.IndexedBase("v", shape=(n,))
    dot = sc.compile(
        b * sp.Sum(u[I] * v[I], (I, 0, n - 1)), params=b, data=(u, v), backend="python"
    )
    frame = pd.DataFrame({"v": [1.0, 2.0], "u": [3.0, 4.0]})
    assert dot.value([2], frame) == dot.bind(frame).value([2]) == 22.0


BAD: list[tuple[tuple[Any, ...], type[Exception], str]] = [
    ((P, X, Y[1:]), ArgumentValueError, "y has 5 entries (axis 0), but X fixes n = 6"),
    ((P[1:], X, Y), ArgumentValueError, "p has 3 entries, but the parameters take 4: w (3,), b"),
    ((P, X[0], Y), ArgumentValueError, "X has shape (3,); it takes an array of shape (n, d)"),
    ((P, X, X), ArgumentValueError, "y has shape (6, 3); it takes an array of shape (n,)"),
    ((P, X.astype(complex), Y), ArgumentTypeError, "X holds complex numbers"),
    ((P, [["a"]], Y), ArgumentTypeError, "X holds strings"),
    ((P, X), ArgumentTypeError, "takes 2 data arrays or one table of them; 1 given"),
    ((P, {"X": X}), ArgumentValueError, "the table has no column y"),
]


@pytest.mark.parametrize(("args", "kind", "says"), BAD, ids=[says for *_, says in BAD])
def test_arrays_that_do_not_fit(
    ridge: sc.Kernel, args: Any, kind: type[Exception], says: str
) -> None:
    with pytest.raises(kind) as caught:
        ridge.value(*args)
    assert says in str(caught.value)
    if args[0] is P:
        with pytest.raises(kind) as caught:
            ridge.bind(*args[1:])
        assert says in str(caught.value)


def test_vectors_that_do_not_fit(ridge: sc.Kernel) -> None:
    with pytest.raises(ArgumentValueError, match="v has 3 entries; it is a direction in the space"):
        ridge.hvp(P, P[1:], X, Y)
    with pytest.raises(
        ArgumentValueError, match=r"u has shape \(2,\); it is shaped like the value"
    ):
        ridge.vjp(P, [1, 2], X, Y)
    objective = ridge.bind(X, Y)
    with pytest.raises(ArgumentValueError, match="p has 3 entries, but the parameters take 4"):
        objective.value(P[1:])


def test_finite(ridge: sc.Kernel) -> None:
    bad = X.copy()
    bad[2, 1] = np.inf
    with pytest.raises(
        ArgumentValueError, match=r"X is inf at \[2, 1\] .* 1 entry of 18 not finite"
    ):
        ridge.bind(bad, Y, check_finite=True)


# ------------------------------------------------------------------ shapes of values


def test_columns_and_vectors() -> None:
    model = BY_NAME["ridge"]
    kernel = sc.compile(sc.define("ridge", **model.make()), backend="python")
    column = Y[:, None]
    expected = kernel.value_and_grad(P[:3], X, column)
    for y in (Y, column, Y.tolist()):
        found = kernel.value_and_grad(P[:3], X, y)
        bound = kernel.bind(X, y)
        assert found[0] == expected[0] == bound.value(P[:3])
        np.testing.assert_array_equal(found[1], expected[1])
    assert kernel.unpack(P[:3])["w"].shape == (3, 1)  # type: ignore[union-attr]


def test_a_value_keeps_its_shape() -> None:
    data, w = sp.MatrixSymbol("X", n, d), sp.MatrixSymbol("w", d, 1)
    kernel = sc.compile(data * w, params=w, data=data, backend="python")
    found = kernel.value(P[:3], X)
    np.testing.assert_allclose(found, X @ P[:3, None], rtol=1e-14)
    np.testing.assert_array_equal(kernel.jacobian(P[:3], X), X)
    np.testing.assert_array_equal(kernel.jvp(P[:3], P[:3], X), found)
    u = RNG.normal(size=(6, 1))
    np.testing.assert_allclose(kernel.vjp(P[:3], u, X), u[:, 0] @ X, rtol=1e-14)
    with pytest.raises(ArgumentValueError, match=r"u has shape \(5, 1\).*\(6, 1\)"):
        kernel.vjp(P[:3], np.ones((5, 1)), X)
    with pytest.raises(UnsupportedFunctionError, match=r"the value has shape \(n, 1\)"):
        kernel.grad(P[:3], X)


# ------------------------------------------------------------------ sizes and indices


def test_whole_numbers(lookup: sc.Kernel) -> None:
    T = RNG.normal(size=(3, 2))
    rows = [2, 0, 2, 1]
    expected = np.sum(T[rows] ** 2)
    for r in (rows, np.array(rows), np.array(rows, dtype=np.int8), np.array(rows, dtype=float)):
        assert lookup.value(T.ravel(), r, q=2) == pytest.approx(expected, rel=1e-14)
        assert lookup.bind(r, q=2).value(T.ravel()) == pytest.approx(expected, rel=1e-14)
    grad = np.zeros((3, 2))
    np.add.at(grad, rows, 2 * T[rows])
    np.testing.assert_allclose(lookup.grad(T.ravel(), rows, q=2), grad.ravel(), rtol=1e-14)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (
            [0, 1, 3],
            "r is 3 at row 2 (counting from 0); as an index it takes whole numbers from 0 to",
        ),
        ([0, -1, 1], "r is -1 at row 1"),
        ([0, 1.5, 1], "r is 1.5 at row 1"),
        ([0, np.nan, 1], "r is nan at row 1"),
    ],
)
def test_indices_out_of_range(lookup: sc.Kernel, rows: Any, says: str) -> None:
    array = np.array(rows, dtype=float)
    calls: list[Callable[[], object]] = [
        lambda: lookup.value(np.ones(6), rows, q=2),
        lambda: lookup.value(np.ones(6), array, q=2),
        lambda: lookup.bind(rows, q=2).value(np.ones(6)),
    ]
    for call in calls:
        with pytest.raises(ArgumentValueError) as caught:
            call()
        assert says in str(caught.value)


def test_sizes_by_keyword(lookup: sc.Kernel) -> None:
    with pytest.raises(ArgumentTypeError, match="needs the size"):
        lookup.value(np.ones(6), [0, 1])
    with pytest.raises(ArgumentValueError, match=r"the size q is 2\.5: give a whole number"):
        lookup.value(np.ones(6), [0, 1], q=2.5)
    with pytest.raises(ArgumentValueError, match="p has 5 entries, but the parameters take 6"):
        lookup.value(np.ones(5), [0, 1], q=2)


def test_a_size_that_p_says() -> None:
    model = BY_NAME["mlp_indexed"]
    problem = model.small()
    kernel = sc.compile(sc.define("mlp", **model.make()), backend="python")
    assert kernel.value(problem.p, *problem.arrays) == pytest.approx(
        kernel.value(problem.p, *problem.arrays, **problem.constants), rel=1e-15
    )
    objective = kernel.bind(*problem.arrays)
    assert "h" not in objective.constants
    assert objective.unpack(problem.p)["W1"].shape == problem.params["W1"].shape  # type: ignore[union-attr]


def test_a_definition_without_data() -> None:
    x = sp.IndexedBase("x", shape=(n,))
    valley = sp.Sum(100 * (x[I + 1] - x[I] ** 2) ** 2 + (1 - x[I]) ** 2, (I, 0, n - 2))
    kernel = sc.compile(valley, params=x, backend="python")
    for size in (2, 3, 50):
        assert kernel.value(np.ones(size)) == 0.0
        assert kernel.grad(np.zeros(size)).tolist() == [-2.0] * (size - 1) + [0.0]


# ------------------------------------------------------------------ objectives


def test_objective(ridge: sc.Kernel) -> None:
    objective = ridge.bind(np.asfortranarray(X), Y, lam=0.5)
    assert objective.sizes == {"n": 6, "d": 3}
    assert objective.constants == {"lam": 0.5}
    assert objective.n_samples is None
    assert repr(objective) == "<objective ridge: python, 2 parameters, X (6, 3), y (6,), lam=0.5>"
    again = pickle.loads(pickle.dumps(objective))
    assert again.value(P) == objective.value(P) == copy.deepcopy(objective).value(P)
    assert objective.value(P.tolist()) == objective.value(P)


def test_by_name(ridge: sc.Kernel) -> None:
    objective = ridge.bind(X, Y)
    pieces = objective.unpack(P)
    assert list(pieces) == ["w", "b"]
    np.testing.assert_array_equal(objective.pack(pieces), P)
    np.testing.assert_array_equal(objective.pack(b=P[3], w=P[:3]), P)
    np.testing.assert_array_equal(ridge.pack(pieces), P)
    np.testing.assert_array_equal(ridge.unpack(P, X, Y)["w"], P[:3])
    np.testing.assert_array_equal(objective.unpack(objective.grad(P))["w"], ridge.grad(P, X, Y)[:3])
    with pytest.raises(
        ArgumentValueError, match=r"w has 2 entries .axis 0., but the data fix d = 3"
    ):
        objective.pack(w=[1, 2], b=0)


@pytest.mark.parametrize("method", ["BFGS", "Newton-CG", "trust-exact", "Nelder-Mead"])
def test_minimize(ridge: sc.Kernel, method: str) -> None:
    objective = ridge.bind(X, Y)
    design = np.column_stack([X, np.ones(6)])
    exact = np.linalg.solve(
        design.T @ design / 6 + 0.25 * np.diag([1.0, 1, 1, 0]), design.T @ Y / 6
    )
    start = {"w": np.zeros(3), "b": 1}
    options = {"maxiter": 5000, "xatol": 1e-6, "fatol": 1e-12} if method == "Nelder-Mead" else {}
    result = objective.minimize(start, method=method, **options)
    np.testing.assert_allclose(result.x, exact, atol=1e-3)
    assert list(result.params) == ["w", "b"]
    np.testing.assert_array_equal(result.params["w"], result.x[:3])
    assert result.params["b"] == result.x[3]


def test_least_squares() -> None:
    data, w = sp.MatrixSymbol("X", n, d), sp.MatrixSymbol("w", d, 1)
    y = sp.MatrixSymbol("y", n, 1)
    kernel = sc.compile(data * w - y, params=w, data=(data, y), backend="python")
    result = kernel.bind(X, Y).least_squares({"w": [0, 0, 0]})
    np.testing.assert_allclose(result.params["w"][:, 0], np.linalg.lstsq(X, Y)[0], rtol=1e-7)


def test_what_does_not_fit_an_optimiser_says_what_would() -> None:
    data, w = sp.MatrixSymbol("X", n, d), sp.MatrixSymbol("w", d, 1)
    residuals = sc.compile(data * w, params=w, data=data, backend="python").bind(X)
    with pytest.raises(sc.UnsupportedFunctionError, match="sum over all indices"):
        residuals.minimize([0, 0, 0])
    with pytest.raises(sc.UnsupportedFunctionError, match="sum over all indices"):
        residuals.kernel.definition.gradient()
    number = sc.compile((w.T * w)[0, 0], params=w, backend="python").bind()
    with pytest.raises(sc.UnsupportedFunctionError, match="with a free index"):
        number.least_squares([0, 0, 0])


def test_a_size_that_arrays_say_is_no_keyword(ridge: sc.Kernel) -> None:
    with pytest.raises(sc.ArgumentTypeError, match="n is a size, which the shapes"):
        ridge.value(P, X, Y, n=6)


# ------------------------------------------------------------------ generated modules

_ALONE = """
import sys, importlib.util

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("sympy", "symcompile"):
            raise AssertionError(f"the generated module imports {name}")

sys.meta_path.insert(0, Blocker())
sys.path[:] = [p for p in sys.path if p]
spec = importlib.util.spec_from_file_location("alone", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
X, y = [[1, 2], [3, 4], [5, 6]], [1, 0, 1]
print(module.value([1, -1, 2], X, y), module.SIZES)
for p, data in (([1, 2], (X, y)), ([1, -1, 2], (X, y[1:])), ([1, -1, 2], (X[0], y))):
    try:
        module.value(p, *data)
    except ValueError as error:
        print(error)
"""


def test_generated_modules_check_by_themselves(ridge: sc.Kernel, tmp_path: Path) -> None:
    path = tmp_path / "alone.py"
    source = emit(ridge.definition, plan(ridge.definition, ["value"]), "python")
    path.write_text(source, encoding="utf-8")
    command = [sys.executable, "-c", _ALONE, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    first, *errors = done.stdout.splitlines()
    value, sizes = first.split(" ", 1)
    rows = np.array([[1, 2], [3, 4], [5, 6]])
    residual = rows @ [1, -1] + 2 - [1, 0, 1]
    assert float(value) == pytest.approx(np.mean(residual**2) + 0.25 * 2, rel=1e-15)
    assert sizes in ("('n', 'd')", "('d', 'n')")
    assert errors == [
        "p has 2 numbers, not 3: w (2,), b ()",
        "axis 0 of y is 2, not 3 (n = 3, d = 2)",
        "X has shape (2,); 2 dimensions are needed",
    ]


def test_source_reads_well(ridge: sc.Kernel) -> None:
    source = ridge.source
    assert "X @ w" in source
    assert "broadcast_to(" not in source.split("def _real")[0]
    assert max(map(len, source.split("\n"))) <= 110


def test_no_loops_over_data(ridge: sc.Kernel) -> None:
    code = ridge.source.split("def _real")[0]
    assert "for " not in code.split("import math")[1]


def test_no_name_of_a_user_stands_in_source() -> None:
    evil = ('x"""\nraise SystemExit', "*/ #error z", "y\\", "{% raw %}")
    rows, columns = (sp.Symbol(name, integer=True, positive=True) for name in evil[:2])
    row, column = sp.Idx("i", rows), sp.Idx("j", columns)
    data = sp.IndexedBase(evil[0] + "a", shape=(rows,))
    w = sp.IndexedBase(evil[2], shape=(columns,))
    constant = sp.Symbol(evil[3])
    total = sp.Sum(
        data[row] * w[column] ** 2 * constant, (row, 0, rows - 1), (column, 0, columns - 1)
    )
    definition = sc.define("evil", total, params=w, data=data, constants=(constant,))
    source = emit(definition, plan(definition), "python")
    space: dict[str, Any] = {"__name__": "evil"}
    exec(compile(source, "evil", "exec"), space)
    ((keyword, _),) = space["CONSTANTS"]
    assert space["value"]([1, 2], [1, 2, 3], **{keyword: 0.5}) == 15.0
    named = ("PARAMS = ", "DATA = ", "REQUIRED = ")
    code = source.split("Generated by symcompile")[1]
    assert code.isascii()
    for line in code.split("\n"):
        assert line.startswith(named) or not any(
            text in line for text in ("#error", "{%", '"""\\n')
        )


def test_many_arrays() -> None:
    names = [f"longer_name_{k}" for k in range(12)]
    data = [sp.IndexedBase(name, shape=(n,)) for name in names]
    w = sp.IndexedBase("w", shape=(n,))
    total = sp.Sum(sp.Add(*[k * a[I] * w[I] for k, a in enumerate(data)]), (I, 0, n - 1))
    kernel = sc.compile(total, params=w, data=data, backend="python")
    arrays = list(RNG.normal(size=(12, 5)))
    expected = sum(k * a for k, a in enumerate(arrays))
    np.testing.assert_allclose(kernel.grad(np.zeros(5), *arrays), expected, rtol=1e-13)


def test_division_by_zero_is_infinite() -> None:
    w = sp.IndexedBase("w", shape=(n,))
    kernel = sc.compile(
        (b / lam + sp.Sum(w[I], (I, 0, n - 1)) / (n - 2)),
        params=(w, b),
        constants=lam,
        backend="python",
    )
    assert kernel.value([1, 2, 3], lam=0.0) == np.inf
    assert kernel.value([1, -1, 0], lam=1.0) != kernel.value([1, -1, 0], lam=1.0)
