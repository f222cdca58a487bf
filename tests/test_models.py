"""Models in index and matrix notation: against JAX, against 50 digits, and called in many ways.

``Exact`` evaluates SymPy's own expression, node by node as SymPy has it, in 50-digit arithmetic.
It shares nothing with the compiler, nor with the array code that JAX runs.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

import mpmath
import numpy as np
import pytest
import sympy as sp
from numpy.typing import NDArray
from sympy.core.relational import Relational

import symcompile as sc
from symcompile.kernel import Kernel
from tests.models import BY_NAME, MODELS, Array, Model, Problem

# Relative to the largest entry. JAX is off by 2e-15 at most on these models: their sums have a
# few dozen terms, no larger than the result times 100. What is wrong is wrong by far more.
TOLERANCE = 1e-13

DIGITS = 50
STEP = mpmath.mpf(10) ** -12  # the error of central differences is of the order of its square

CORE = [model for model in MODELS if model.core]
QUICK = {  # compiling takes seconds a model
    "python": MODELS,
    "cython": [BY_NAME["matfac"]],
    "numba": [],
    "llvm": [BY_NAME[name] for name in ("mlp_indexed", "gmm", "matfac")],
}


def close(found: Any, expected: Any, tolerance: float = TOLERANCE) -> bool:
    """Return whether arrays agree in shape, and in value relative to the largest entry."""
    found, expected = np.asarray(found), np.asarray(expected, dtype=float)
    assert found.shape == expected.shape
    scale = np.max(np.abs(expected), initial=0.0)
    return bool(np.max(np.abs(found - expected), initial=0.0) <= tolerance * scale)


def runs(models: Collection[Model]) -> list[Any]:
    """Return models with backends; those that are not quick to compile run with ``--long``."""
    return [
        pytest.param(
            model,
            backend,
            id=f"{model}-{backend}",
            marks=() if model in QUICK[backend] else (pytest.mark.long,),
        )
        for model in models
        for backend in sc.BACKENDS
    ]


@cache
def kernel(model: Model, backend: str) -> Kernel:
    """Return a compiled model."""
    return sc.compile(sc.define(model.name, **model.make()), backend=backend)


@cache
def direction(model: Model) -> NDArray[np.float64]:
    """Return a direction in the space of the parameters."""
    return np.random.default_rng(5).normal(size=model.small().p.size)


# ------------------------------------------------------------------ 50 digits


class Exact:
    """The value of a SymPy expression, or of a list of them, at 50 digits.

    Sums are loops over whole numbers; matrices are arrays of mpmath's numbers.
    """

    def __init__(self, expr: Any, problem: Problem) -> None:
        """Take the data, the constants and the sizes of a problem; ``p`` comes later."""
        self.expr = expr
        self.problem = problem
        symbols = set() if isinstance(expr, list) else expr.free_symbols
        self.free = sorted((x for x in symbols if isinstance(x, sp.Idx)), key=str)
        self.tables: dict[str, Any] = {}
        self.numbers: dict[str, Any] = {**problem.constants, **problem.sizes}
        for name, value in problem.data.items():
            self._put(name, value)

    def _put(self, name: str, value: Any) -> None:
        if np.issubdtype(value.dtype, np.integer):
            self.tables[name] = value
        elif value.shape:
            self.tables[name] = _objects(value)
        else:
            self.numbers[name] = mpmath.mpf(value.item())

    def at(self, p: Iterable[Any]) -> Any:
        """Return the value: a number, or an array of them, with an axis for each free index."""
        packed = np.array([mpmath.mpf(x) for x in p], dtype=object)
        for name, value in zip(self.problem.params, self.problem.unpack(packed), strict=True):
            if value.shape:
                self.tables[name] = value
            else:
                self.numbers[name] = value.item()
        if isinstance(self.expr, list):
            return np.array([self(e, {}) for e in self.expr], dtype=object)
        if isinstance(self.expr, sp.MatrixExpr):
            return self.matrix(self.expr, {})
        ranges = [self.span(x.lower, x.upper, {}) for x in self.free]
        places = [dict(zip(self.free, at, strict=True)) for at in itertools.product(*ranges)]
        values = np.array([self(self.expr, place) for place in places], dtype=object)
        return values.reshape([len(r) for r in ranges])

    def span(self, lower: Any, upper: Any, bound: Mapping[Any, int]) -> range:
        """Return the whole numbers between limits; SymPy counts backwards below one less."""
        first, last = self.whole(lower, bound), self.whole(upper, bound)
        assert last >= first - 1
        return range(first, last + 1)

    def whole(self, expr: Any, bound: Mapping[Any, int]) -> int:
        """Return the value of an index or a limit."""
        value = self(expr, bound)
        assert value == int(value)
        return int(value)

    def __call__(self, e: Any, bound: Mapping[Any, int]) -> Any:
        """Return the value of a scalar, given that of the bound indices."""
        if e in bound:
            return bound[e]
        match e:
            case sp.Integer():
                return int(e)
            case sp.Rational():
                return mpmath.mpf(e.p) / e.q
            case sp.Float() | sp.NumberSymbol():
                return mpmath.mpf(str(sp.N(e, DIGITS + 10)))
            case sp.Symbol():
                return self.numbers[e.name]
            case sp.Indexed():
                index = [self.whole(x, bound) for x in e.indices]
                return self.entry(self.tables[e.base.name], *index)
            case _ if type(e).__name__ == "MatrixElement":
                matrix, *index = e.args
                return self.entry(
                    self.matrix(matrix, bound), *[self.whole(x, bound) for x in index]
                )
            case sp.Sum() | sp.Product():
                terms = self.terms(e, bound)
                return mpmath.fsum(terms) if isinstance(e, sp.Sum) else mpmath.fprod(terms)
            case sp.Trace():
                return np.trace(self.matrix(e.arg, bound))
            case sp.Piecewise():
                return next(self(v, bound) for v, when in e.args if self.holds(when, bound))
            case sp.KroneckerDelta():
                return int(self.whole(e.args[0], bound) == self.whole(e.args[1], bound))
            case sp.Add():
                return mpmath.fsum(self(a, bound) for a in e.args)
            case sp.Mul():
                return mpmath.fprod(self(a, bound) for a in e.args)
            case sp.Pow():
                base, power = (mpmath.mpf(self(a, bound)) for a in e.args)
                return base ** (int(power) if power == int(power) else power)
            case sp.Max() | sp.Min():
                return (max if isinstance(e, sp.Max) else min)(self(a, bound) for a in e.args)
            case sp.Abs():
                return abs(self(e.args[0], bound))
            case sp.Function():
                return getattr(mpmath, type(e).__name__)(self(e.args[0], bound))
        raise NotImplementedError(type(e))

    def entry(self, table: Any, *index: int) -> Any:
        """Return an entry. An index out of range is an error, below zero too."""
        assert all(0 <= x < extent for x, extent in zip(index, table.shape, strict=True))
        return table[index]

    def terms(self, e: Any, bound: Mapping[Any, int]) -> Iterator[Any]:
        """Yield the terms of a sum. Its last limits are the outermost."""

        def within(limits: tuple[Any, ...], bound: Mapping[Any, int]) -> Iterator[Any]:
            if not limits:
                yield self(e.function, bound)
                return
            *rest, (index, lower, upper) = limits
            for at in self.span(lower, upper, bound):
                yield from within(tuple(rest), {**bound, index: at})

        return within(e.limits, bound)

    def holds(self, e: Any, bound: Mapping[Any, int]) -> bool:
        """Return whether a condition holds."""
        if e in (sp.true, sp.false):
            return bool(e)
        assert isinstance(e, Relational)
        compare: Callable[..., Any] = {
            sp.Lt: lambda a, b: a < b,
            sp.Le: lambda a, b: a <= b,
            sp.Gt: lambda a, b: a > b,
            sp.Ge: lambda a, b: a >= b,
            sp.Eq: lambda a, b: a == b,
            sp.Ne: lambda a, b: a != b,
        }[e.func]
        return bool(compare(self(e.lhs, bound), self(e.rhs, bound)))

    def matrix(self, e: Any, bound: Mapping[Any, int]) -> Any:
        """Return a matrix as an array of numbers."""

        def each(args: Iterable[Any]) -> list[Any]:
            return [self.matrix(a, bound) if a.is_Matrix else self(a, bound) for a in args]

        match e:
            case sp.MatrixSymbol():
                table = self.tables[e.name]
                return table.reshape([self.whole(x, bound) for x in e.shape])
            case sp.Identity() | sp.OneMatrix() | sp.ZeroMatrix():
                rows, columns = (self.whole(x, bound) for x in e.shape)
                make = {"Identity": np.eye, "OneMatrix": np.ones, "ZeroMatrix": np.zeros}
                shape = rows if isinstance(e, sp.Identity) else (rows, columns)
                return _objects(make[type(e).__name__](shape))
            case sp.MatMul():
                return _folded(lambda a, b: a @ b if np.ndim(a) else a * b, each(e.args))
            case sp.MatAdd():
                return _folded(lambda a, b: a + b, each(e.args))
            case sp.HadamardProduct():
                return _folded(lambda a, b: a * b, each(e.args))
            case sp.MatPow():
                base, power = self.matrix(e.base, bound), self.whole(e.exp, bound)
                return _folded(lambda a, b: a @ b, [base] * power)
            case sp.HadamardPower():
                return self.matrix(e.base, bound) ** self.whole(e.exp, bound)
            case sp.Transpose():
                return self.matrix(e.arg, bound).T
            case sp.BlockMatrix():
                rows, columns = e.blockshape
                return np.block(
                    [
                        [self.matrix(e.blocks[r, c], bound) for c in range(columns)]
                        for r in range(rows)
                    ]
                )
            case _ if type(e).__name__ == "ElementwiseApplyFunction":
                (variable,) = e.function.variables
                entries = self.matrix(e.expr, bound)
                values = [self(e.function.expr, {**bound, variable: x}) for x in entries.flat]
                return np.array(values, dtype=object).reshape(entries.shape)
        raise NotImplementedError(type(e))


def _objects(values: Any) -> Any:
    array = np.empty(np.shape(values), dtype=object)
    array.flat = [mpmath.mpf(float(x)) for x in np.ravel(values)]
    return array


def _folded(operation: Callable[..., Any], values: list[Any]) -> Any:
    first, *rest = values
    for value in rest:
        first = operation(first, value)
    return first


def _floats(values: Any) -> NDArray[np.float64]:
    return np.array(values, dtype=float)


def formula(model: Model) -> Any:
    """Return a model's expression; that of a formula per sample as a sum over samples."""
    made = model.make()
    if made.get("reduce") is None:
        return made["expr"]
    assert made["reduce"] == "mean"
    i, n = sp.symbols("i n", integer=True, positive=True)
    columns = {x: sp.IndexedBase(x.name)[i] for x in made["data"]}
    return sp.Sum(made["expr"].subs(columns), (i, 0, n - 1)) / n


class Results(NamedTuple):
    """What is expected of a model at its small sizes.

    Attributes:
        value: shaped like the value.
        jacobian: the gradient of a scalar, else one row for each entry of the value.
        curved: the Hessian of a scalar times ``direction``.
        hessian: the Hessian of a scalar.
    """

    value: NDArray[np.float64]
    jacobian: NDArray[np.float64]
    curved: NDArray[np.float64] | None = None
    hessian: NDArray[np.float64] | None = None


@cache
def exact(model: Model) -> Results:
    """Return value and derivatives by central differences at 50 digits, without the Hessian."""
    problem, expr = model.small(), formula(model)
    with mpmath.workdps(DIGITS):
        at = Exact(expr, problem).at
        start = np.array([mpmath.mpf(x) for x in problem.p], dtype=object)
        steps = np.eye(len(start), dtype=int).astype(object) * STEP

        def value(p: Any) -> Any:
            return np.asarray(at(p), dtype=object)

        columns = [(value(start + e) - value(start - e)) / (2 * STEP) for e in steps]
        found = _floats(value(start))
        jacobian = _floats(np.stack(columns, axis=-1)).reshape(-1, len(start))
        if not model.scalar:
            return Results(found, jacobian)
        along = np.array([mpmath.mpf(x) for x in direction(model)], dtype=object) * STEP
        ahead, behind = start + along, start - along
        curved = [
            (value(ahead + e) - value(behind + e) - value(ahead - e) + value(behind - e))
            / (4 * STEP**2)
            for e in steps
        ]
        return Results(found, jacobian[0], _floats(curved))


@pytest.fixture(scope="module")
def jax() -> Any:
    """JAX, in double precision on the CPU."""
    module = pytest.importorskip("jax")
    module.config.update("jax_enable_x64", True)
    module.config.update("jax_platforms", "cpu")
    return module


@cache
def by_jax(model: Model) -> Results:
    """Return value and derivatives by JAX."""
    import jax

    problem = model.small()
    loss = model.jax(problem)

    def everything(p: Any, *data: Any) -> tuple[Any, ...]:
        parts = loss(p, *data), jax.jacrev(loss)(p, *data)
        return (*parts, jax.hessian(loss)(p, *data)) if model.scalar else parts

    value, jacobian, *hessian = map(np.asarray, jax.jit(everything)(problem.p, *problem.arrays))
    if not model.scalar:
        return Results(value, jacobian.reshape(-1, problem.p.size))
    return Results(value, jacobian, hessian[0] @ direction(model), hessian[0])


# ------------------------------------------------------------------ the models themselves


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_formula_and_array_code_agree(model: Model) -> None:
    """Needs nothing of the compiler: SymPy's formula at 50 digits against NumPy."""
    problem = model.small()
    arguments = (*problem.unpack(problem.p), *problem.arrays)
    assert close(model.loss(np, *arguments, **problem.constants), exact(model).value)


@pytest.mark.long
@pytest.mark.parametrize("model", MODELS, ids=str)
def test_formula_and_jax_agree(model: Model, jax: Any) -> None:
    """Needs nothing of the compiler: derivatives at 50 digits against JAX."""
    found, expected = by_jax(model), exact(model)
    assert close(found.value, expected.value)
    assert close(found.jacobian, expected.jacobian)
    if model.scalar:
        assert close(found.curved, expected.curved)


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_problem_fits_model(model: Model) -> None:
    """Needs nothing of the compiler: names, their order and the packing."""
    made, problem = model.make(), model.small()
    assert _names(made.get("params", ())) == list(problem.params)
    assert _names(made.get("data", ())) == list(problem.data)
    assert set(_names(made.get("constants", ()))) == set(problem.constants)
    for name, piece in zip(problem.params, problem.unpack(problem.p), strict=True):
        assert np.array_equal(piece, problem.params[name])


def _names(symbols: Any) -> list[str]:
    single = isinstance(symbols, sp.Symbol | sp.IndexedBase | sp.MatrixSymbol)
    return [str(symbol) for symbol in ([symbols] if single else symbols)]


# ------------------------------------------------------------------ kernels


@pytest.mark.parametrize(("model", "backend"), runs(MODELS))
def test_exact(model: Model, backend: str) -> None:
    check(model, backend, exact(model))


@pytest.mark.parametrize(("model", "backend"), runs(CORE))
def test_jax(model: Model, backend: str, jax: Any) -> None:
    check(model, backend, by_jax(model))


@pytest.mark.long
@pytest.mark.parametrize("backend", sc.BACKENDS)
@pytest.mark.parametrize("model", [model for model in MODELS if not model.core], ids=str)
def test_jax_on_all(model: Model, backend: str, jax: Any) -> None:
    check(model, backend, by_jax(model))


def check(model: Model, backend: str, expected: Results) -> None:
    """Assert that all functions of a kernel give what is expected."""
    k, problem = kernel(model, backend), model.small()
    p, v, data, constants = problem.p, direction(model), problem.arrays, problem.constants
    value, jacobian = expected.value, expected.jacobian
    assert close(k.value(p, *data, **constants), value)
    assert close(k.jacobian(p, *data, **constants), jacobian)
    assert close(k.jvp(p, v, *data, **constants), (jacobian @ v).reshape(value.shape))
    u = np.random.default_rng(6).normal(size=value.shape)
    assert close(k.vjp(p, u, *data, **constants), np.ravel(u) @ np.atleast_2d(jacobian))
    if not model.scalar:
        return
    assert close(k.grad(p, *data, **constants), jacobian)
    both = k.value_and_grad(p, *data, **constants)
    assert close(both[0], value)
    assert close(both[1], jacobian)
    assert close(k.hvp(p, v, *data, **constants), expected.curved)
    hessian = k.hessian(p, *data, **constants)
    assert close(hessian @ v, expected.curved)
    if expected.hessian is not None:
        assert close(hessian, expected.hessian)
    bound = k.bind(*data, **constants)
    assert bound.value(p) == k.value(p, *data, **constants)
    assert np.array_equal(bound.value_and_grad(p)[1], both[1])


# ------------------------------------------------------------------ calling them


def fortran(array: Array) -> Array:
    """Return a copy in column-major order."""
    return np.array(array, order="F")


def strided(array: Array) -> Array:
    """Return the same numbers with gaps between them, in every dimension."""
    wide = np.full([3 * extent for extent in array.shape], 99, dtype=array.dtype)
    view = wide[(slice(1, None, 3),) * array.ndim]
    view[...] = array
    return view


def reverse(array: Array) -> Array:
    """Return the same numbers with negative strides."""
    back = (slice(None, None, -1),) * array.ndim
    return np.array(array[back])[back]


def transposed(array: Array) -> Array:
    """Return the same numbers as a transposed view of a copy."""
    return np.array(array.T).T


def narrow(array: Array) -> Array:
    """Return indices as 32-bit integers, anything else as it is."""
    return array.astype(np.int32) if array.dtype.kind == "i" else array


LAYOUTS = (fortran, strided, reverse, transposed, narrow, np.ndarray.tolist)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
@pytest.mark.parametrize(("model", "backend"), runs(CORE))
def test_layouts(model: Model, backend: str, layout: Callable[[Array], Any]) -> None:
    problem, k = model.small(), kernel(model, backend)
    arrays = [layout(array) for array in problem.arrays]
    value, grad = k.value_and_grad(problem.p, *arrays, **problem.constants)
    expected = k.value_and_grad(problem.p, *problem.arrays, **problem.constants)
    assert close(value, expected[0], 1e-14)
    assert close(grad, expected[1], 1e-14)
    objective = k.bind(*arrays, **problem.constants)
    assert close(objective.value_and_grad(problem.p)[1], expected[1], 1e-14)


@pytest.mark.parametrize("name", ["ridge", "poisson"])
def test_column_may_be_a_vector(name: str) -> None:
    model = BY_NAME[name]
    problem, k = model.small(), kernel(model, "python")
    X, y = problem.arrays
    expected = k.value_and_grad(problem.p, X, y, **problem.constants)
    value, grad = k.value_and_grad(problem.p, X, y[:, 0], **problem.constants)
    assert value == expected[0]
    assert np.array_equal(grad, expected[1])


def test_rows_and_columns_of_data_say_the_same() -> None:
    rows, columns = BY_NAME["logreg"], BY_NAME["logreg_columns"]
    problem = rows.small()
    X, y = problem.arrays
    value, grad = kernel(rows, "python").value_and_grad(problem.p, X, y)
    other = kernel(columns, "python").value_and_grad(problem.p, *X.T, y)
    assert close(value, other[0])
    assert close(grad, other[1])


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_pack_and_unpack(model: Model) -> None:
    problem = model.small()
    definition = sc.define(model.name, **model.make())
    pieces = definition.unpack(problem.p, **problem.sizes)
    assert list(pieces) == list(problem.params)
    for name, value in problem.params.items():
        assert np.shape(pieces[name]) == value.shape
        assert np.array_equal(pieces[name], value)
    assert np.array_equal(definition.pack(**pieces), problem.p)
    backwards = dict(reversed(problem.params.items()))
    assert np.array_equal(definition.pack(**backwards), problem.p)


def test_sizes_that_disagree() -> None:
    model = BY_NAME["logreg"]
    problem, k = model.small(), kernel(model, "python")
    X, y = problem.arrays
    for p, data in (
        (problem.p, (X, y[1:])),
        (problem.p, (X[:, 1:], y)),
        (problem.p[1:], (X, y)),
        (problem.p, (X.T, y)),
        (problem.p, (X[0], y)),
    ):
        with pytest.raises(sc.ArgumentValueError):
            k.value_and_grad(p, *data)


@pytest.mark.parametrize("wrong", [-1, 3, 2.5])
def test_labels_out_of_range(wrong: float) -> None:
    model = BY_NAME["softmax_labels"]
    problem = model.small()
    X, label = problem.arrays
    labels = np.where(np.arange(label.size) == 1, wrong, label)
    for backend in ("python", "cython"):
        with pytest.raises(sc.SymcompileError):
            kernel(model, backend).value_and_grad(problem.p, X, labels, **problem.constants)
