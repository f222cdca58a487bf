"""Matrix notation: what is computed, against SymPy's explicit matrices, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp

from symcompile.errors import DefinitionError, LoweringError
from symcompile.frontend.definition import Definition, define
from tests.frontend.numeric import evaluate

n, d, m = sp.symbols("n d m", integer=True, positive=True)
i, j, k = sp.symbols("i j k", integer=True)
a = sp.Symbol("a")
A, B, S = (sp.MatrixSymbol(name, n, n) for name in "ABS")
X, Y = sp.MatrixSymbol("X", n, d), sp.MatrixSymbol("Y", n, d)
W = sp.MatrixSymbol("W", d, m)
w, v = sp.MatrixSymbol("w", d, 1), sp.MatrixSymbol("v", 1, d)
y, z = sp.MatrixSymbol("y", n, 1), sp.MatrixSymbol("z", n, 1)
F, f = sp.MatrixSymbol("F", 3, 2), sp.MatrixSymbol("f", 2, 1)
E = sp.MatrixSymbol("E", 1, 1)
ones = sp.OneMatrix(n, 1)

SIZES = {n: 3, d: 2, m: 2}
SYMBOLS = (A, B, S, X, Y, W, w, v, y, z, F, f, E)


def draw(symbol: Any) -> Any:
    rng = np.random.default_rng(len(str(symbol)) * 100 + ord(str(symbol)[0]))
    return rng.uniform(0.5, 1.5, tuple(int(sp.sympify(size).subs(SIZES)) for size in symbol.shape))


def found(expr: Any, **roles: Any) -> tuple[Definition, Any]:
    definition = define("f", expr, params=(*SYMBOLS[:6], a), data=SYMBOLS[6:], **roles)
    sizes = {str(size): value for size, value in SIZES.items()}
    params = (*map(draw, SYMBOLS[:6]), 0.7)
    return definition, evaluate(definition, params, tuple(map(draw, SYMBOLS[6:])), sizes=sizes)


def expected(expr: Any) -> Any:
    """Return the value by explicit matrices."""
    values = {str(symbol): draw(symbol) for symbol in SYMBOLS}

    def explicit(e: Any) -> Any:
        if isinstance(e, sp.MatrixSymbol):
            return values[e.name]
        if isinstance(e, sp.Identity | sp.OneMatrix | sp.ZeroMatrix):
            shape = tuple(int(sp.sympify(size).subs(SIZES)) for size in e.shape)
            kind = {"Identity": np.eye(shape[0]), "OneMatrix": np.ones(shape)}
            return kind.get(type(e).__name__, np.zeros(shape))
        if isinstance(e, sp.BlockMatrix):
            rows, columns = e.blocks.shape
            return np.block(
                [[explicit(e.blocks[r, c]) for c in range(columns)] for r in range(rows)]
            )
        if isinstance(e, sp.matrices.expressions.applyfunc.ElementwiseApplyFunction):
            return np.vectorize(sp.lambdify(*_lambda(e.args[0])))(explicit(e.args[1]))
        if e == a:
            return 0.7
        if isinstance(e, sp.Symbol):
            return float(SIZES[e])
        if not e.args:
            return float(e)
        args = [explicit(arg) for arg in e.args]
        name = type(e).__name__
        if name in ("MatMul", "Mul"):
            total = args[0]
            for arg in args[1:]:
                total = total @ arg if np.ndim(total) == np.ndim(arg) == 2 else total * arg
            return total
        if name in ("MatAdd", "Add"):
            return sum(args[1:], args[0])
        if name == "MatPow":
            return np.linalg.matrix_power(args[0], int(args[1]))
        plain = {
            "Transpose": np.transpose,
            "Trace": np.trace,
            "HadamardProduct": lambda *rest: np.prod(np.stack(rest), axis=0),
            "HadamardPower": np.power,
            "Pow": np.power,
            "DotProduct": lambda p, q: np.ravel(p) @ np.ravel(q),
            "MatrixElement": lambda p, r, c: p[int(r), int(c)],
            "DiagMatrix": lambda p: np.diag(np.ravel(p)),
            "DiagonalMatrix": lambda p: p * np.eye(*p.shape),
            "DiagonalOf": lambda p: np.diag(p)[:, None],
            "exp": np.exp,
        }
        return plain[name](*args)

    return explicit(expr)


def _lambda(function: Any) -> tuple[Any, Any]:
    if isinstance(function, sp.Lambda):
        return function.variables[0], function.expr.subs(a, 0.7)
    x = sp.Symbol("x")
    return x, function(x)


@pytest.mark.parametrize(
    "expr",
    [
        X * w,
        X * w - y,
        2 * X * w / 3 - a * y / n,
        v * w,
        y * v,
        y * y.T * X,
        X.T * (X * w - y),
        -X,
        A * B * S,
        A * B * y,
        (A + B.T) ** 2 * y,
        A**3,
        A**0 + B,
        A**9,
        A.T * A.T,
        (A * B).T,
        (X * w).T * A,
        A + 3 * sp.Identity(n),
        sp.MatMul(sp.Identity(n), A, evaluate=False),
        sp.MatMul(2, sp.Identity(n), evaluate=False) + A,
        sp.MatAdd(A, sp.ZeroMatrix(n, n), evaluate=False),
        sp.MatMul(A, sp.ZeroMatrix(n, d), evaluate=False) + X,
        X + ones * v,
        ones * v,
        sp.OneMatrix(n, d),
        a * sp.OneMatrix(n, 1),
        ones.T * X,
        ones.T * ones,
        X * sp.OneMatrix(d, m),
        sp.HadamardProduct(X, Y, X),
        sp.HadamardProduct(X, ones * v),
        sp.HadamardPower(X, 3),
        sp.HadamardPower(X, a),
        sp.HadamardPower(X, Y),
        sp.HadamardPower(X, -1),
        X.applyfunc(sp.exp),
        (X * W).applyfunc(sp.tanh) * W.T,
        X.applyfunc(lambda t: a * t**2 + 1 / t),
        X.applyfunc(sp.exp).applyfunc(sp.log),
        (X.applyfunc(sp.exp) * W).applyfunc(lambda t: t / (1 + t)),
        (ones * v).applyfunc(sp.sin) + Y,
        sp.BlockMatrix([[A, X], [X.T, sp.Identity(d)]]),
        sp.BlockMatrix([[A, y], [y.T, E]]),
        sp.BlockMatrix([[y], [w]]),
        sp.BlockMatrix([[ones * v, sp.ZeroMatrix(n, n)]]),
        sp.BlockMatrix([[A, X], [sp.ZeroMatrix(d, n), W * W.T]]) * sp.BlockMatrix([[y], [w]]),
        sp.DiagMatrix(y),
        sp.DiagMatrix(y) * A,
        A * sp.DiagMatrix(y) * z,
        sp.DiagMatrix(y) * z,
        sp.DiagMatrix(y) * sp.DiagMatrix(z),
        X * sp.DiagMatrix(v) * w,
        sp.DiagonalMatrix(A),
        sp.DiagonalOf(A),
        F * f,
        F.T * F,
        E,
        E * E,
        y * E,
        sp.Trace(A) * B,
        sp.MatMul(a + sp.Trace(A * B), X),
    ],
    ids=str,
)
def test_matrices(expr: Any) -> None:
    definition, value = found(expr)
    want = expected(expr)
    np.testing.assert_allclose(value, want, rtol=1e-12)
    assert np.shape(value) == np.shape(want)
    assert definition.indexed


@pytest.mark.parametrize(
    "expr",
    [
        sp.Trace(A),
        sp.Trace(A * B * S),
        sp.Trace(X.T * Y) / n,
        sp.Trace(3 * A * B + a * S.T),
        sp.Trace(A**2) + sp.Trace(A**3 * B),
        sp.Trace(y * y.T),
        sp.Trace(sp.Identity(n)),
        sp.Trace(a * sp.Identity(n)),
        sp.Trace(ones * ones.T),
        sp.Trace(y.T * A * y),
        sp.Trace(E),
        sp.Trace(A**10),
        sp.Trace(X.applyfunc(sp.exp).T * X),
        sp.DotProduct(y, z) + sp.DotProduct(v, w),
        sp.exp(sp.Trace(A)) * a,
    ],
    ids=str,
)
def test_numbers_of_matrices(expr: Any) -> None:
    _, value = found(expr)
    np.testing.assert_allclose(value, expected(expr), rtol=1e-12)


def _elements(expr: Any) -> Any:
    whole = expected(expr)
    definition, _ = found(expr)
    del definition
    return whole


@pytest.mark.parametrize(
    "matrix",
    [
        A,
        A * B + S.T,
        (A * X * W).applyfunc(sp.exp) * W.T,
        sp.HadamardProduct(X, Y) + ones * v,
        sp.BlockMatrix([[A, X], [X.T, sp.Identity(d)]]),
        A**3,
        A + 2 * sp.Identity(n),
        sp.DiagMatrix(y) + A,
        y * v,
    ],
    ids=str,
)
def test_elements_by_index(matrix: Any) -> None:
    want = expected(matrix)
    rows, columns = matrix.shape
    weights = np.arange(want.shape[1]) + 1
    total = sp.Sum((j + 1) * matrix[i, j] ** 2, (i, 0, rows - 1), (j, 0, columns - 1))
    np.testing.assert_allclose(found(total)[1], np.sum(want**2 * weights), rtol=1e-12)
    shifted = sp.Sum(matrix[i + 1, 0] * matrix[rows - 1, j], (i, 0, rows - 2), (j, 0, 1))
    np.testing.assert_allclose(
        found(shifted)[1], np.sum(want[1:, 0]) * np.sum(want[-1, :2]), rtol=1e-12
    )
    np.testing.assert_allclose(found(matrix[0, columns - 1])[1], want[0, -1], rtol=1e-12)
    corner = sp.Sum(matrix[i, 0], (i, 0, sp.floor(n / 2)))
    np.testing.assert_allclose(found(corner)[1], np.sum(want[:2, 0]), rtol=1e-12)


def test_elements_that_are_not_expanded() -> None:
    element = sp.matrices.expressions.matexpr.MatrixElement
    total = sp.Sum(element(A * B, i, i) + element(A * B, i, 0), (i, 0, n - 1))
    want = expected(A * B)
    np.testing.assert_allclose(found(total)[1], np.trace(want) + want[:, 0].sum(), rtol=1e-12)
    guarded = sp.Piecewise((element(A * B, i - 1, 0), i > 0), (0, True))
    total = sp.Sum(guarded, (i, 0, n - 1))
    np.testing.assert_allclose(found(total)[1], want[:-1, 0].sum(), rtol=1e-12)
    with pytest.raises(DefinitionError, match="leaves the range 0 to n - 1"):
        found(sp.Sum(element(A * B, i + 1, 0), (i, 0, n - 1)))


def test_matrix_and_index_notation_make_the_same_nodes() -> None:
    quick = (X * w - y).T * (X * w - y)
    definition, _ = found([quick[0, 0], sp.Sum(((X * w)[i, 0] - y[i, 0]) ** 2, (i, 0, n - 1))])
    ops = [node.op for node in definition.ir]
    assert ops.count("reduce_sum") == 3  # the product with w once, and the two sums of squares


def test_a_trace_of_a_product_never_makes_the_product() -> None:
    definition, _ = found(sp.Trace(X.T * Y))
    assert max(len(node.axes) for node in definition.ir) == 2


def test_gathered_columns() -> None:
    r = sp.IndexedBase("r", shape=(m,), integer=True)
    total = sp.Sum(W[r[k], k], (k, 0, m - 1))
    definition = define("f", total, params=W, data=r)
    value = evaluate(definition, (draw(W),), (np.array([1, 0]),), sizes={"m": 2, "d": 2})
    np.testing.assert_allclose(value, draw(W)[1, 0] + draw(W)[0, 1])
    assert [(h.slot, str(h.low), str(h.high)) for h in definition.wholes] == [(0, "0", "d - 1")]


def test_shapes_of_values_are_kept() -> None:
    for expr, shape in ((X * w, ("n", "1")), (v * w, ("1", "1")), (F, ("3", "2")), (X, ("n", "d"))):
        definition, _ = found(expr)
        assert tuple(map(str, definition.output.shape)) == shape
    definition, _ = found(X * w)
    assert definition.output.dims == (((definition.ir[definition.output.entries[0]].axes),),)
    assert definition.param_shapes[4][1] == definition.data_shapes[0][0]


@pytest.mark.parametrize(
    ("expr", "error", "message"),
    [
        (A.inv() * y, LoweringError, "solve the linear system"),
        (sp.Trace(A.inv()), LoweringError, "solve the linear system"),
        (sp.MatPow(A, -2), LoweringError, "solve the linear system"),
        (sp.MatPow(A, a), LoweringError, "whole number"),
        (sp.Determinant(A), LoweringError, "Determinant"),
        (sp.KroneckerProduct(A, B), LoweringError, "KroneckerProduct"),
        (sp.MatrixSymbol("Q", n, n) * y, LoweringError, "the array Q"),
        ([X * w, a], DefinitionError, "matrix among several"),
        (sp.Sum(a * X, (i, 0, n - 1)), LoweringError, "sum of matrices"),
        (sp.Sum(X[i, j], (i, 0, n), (j, 0, d - 1)), DefinitionError, "leaves"),
        (X[0:1, 0:1], LoweringError, "MatrixSlice"),
        (sp.MatMul(i, X), (DefinitionError, LoweringError), "index i|symbol i"),
        (sp.MatMul(A[i, i], X), DefinitionError, "matrix for each i"),
        # SymPy lets symbols that differ pass for one size.
        (X * y, DefinitionError, r"X has shape \(n, d\), and y has .* so d columns meet n rows"),
        (X * X, DefinitionError, "square"),
        (A * X * X, DefinitionError, "d columns meet n rows"),
        (sp.MatMul(sp.DiagMatrix(y), w), DefinitionError, "n columns meet d rows"),
        (X + X.T, DefinitionError, r"X\.T has shape \(d, n\)"),
        (sp.HadamardProduct(X, X.T), DefinitionError, r"X\.T has shape \(d, n\)"),
        (sp.HadamardPower(X, X.T), DefinitionError, r"X\.T has shape \(d, n\)"),
        (sp.Trace(X), DefinitionError, "square"),
        (sp.Trace(X * X), DefinitionError, "d columns meet n rows"),
        (sp.Trace(A * X), DefinitionError, "square"),
        (sp.MatPow(X, 9), DefinitionError, "square"),
        (X.applyfunc(sp.Lambda(a, a**2)), DefinitionError, "a is the variable of a Lambda"),
        (sp.exp(A), LoweringError, r"applyfunc\(exp\)"),
        (sp.exp(v * w), LoweringError, r"A\[0, 0\]"),
        (sp.Matrix([[a, 1], [1, a]]) * f, LoweringError, "pass this one as data"),
    ],
    ids=str,
)
def test_refusals(expr: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        found(expr)


def test_matrices_as_columns_are_refused() -> None:
    with pytest.raises(DefinitionError, match="IndexedBase"):
        define("f", sp.Trace(A) * a, params=A, data=a)
    with pytest.raises(DefinitionError, match="constants are numbers"):
        define("f", sp.Trace(A), params=A, constants=(B,))
