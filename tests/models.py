"""Models in index and matrix notation, each with its equivalent in array code.

A model's formula is what a user would write in SymPy. Its ``loss`` says the same with whole
arrays, for NumPy or JAX alike: it takes the namespace first, then the parameters, the data and, by
keyword, the constants. ``tests/test_models.py`` asserts that the two agree.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

Array = NDArray[Any]
Shape = tuple[str | int, ...]
Sizes = Mapping[str, int]
Draw = Callable[[np.random.Generator, tuple[int, ...], Sizes], Array]

n, m, d, q, h = sp.symbols("n m d q h", integer=True, positive=True)
i, j, k, l, t = sp.symbols("i j k l t", integer=True)  # noqa: E741
I, J, K, L = sp.Idx("i", n), sp.Idx("j", d), sp.Idx("k", q), sp.Idx("l", h)  # noqa: E741
lam, delta, b, c, g, s = sp.symbols("lam delta b c g s")


@dataclass(frozen=True)
class Problem:
    """Numbers to evaluate a model at.

    Attributes:
        params: the arrays of the parameters by name, in the order in which they are packed.
        data: the arrays of the data by name, in call order.
        constants: what the kernel is passed by keyword. Sizes that no data array has are
            among them.
        sizes: the value of every symbolic size.
    """

    params: Mapping[str, Array]
    data: Mapping[str, Array]
    constants: Mapping[str, float]
    sizes: Sizes

    @property
    def p(self) -> NDArray[np.float64]:
        """All parameters in one vector, each array row-major."""
        parts = [np.ravel(value, order="C") for value in self.params.values()]
        return np.concatenate(parts) if parts else np.zeros(0)

    @property
    def arrays(self) -> tuple[Array, ...]:
        """The data in call order."""
        return tuple(self.data.values())

    def unpack(self, p: Any) -> tuple[Any, ...]:
        """Cut a vector (NumPy's or JAX's) into arrays shaped like the parameters."""
        pieces, start = [], 0
        for value in self.params.values():
            pieces.append(p[start : start + value.size].reshape(value.shape))
            start += value.size
        return tuple(pieces)


@dataclass(frozen=True, eq=False)
class Model:
    """One model.

    Attributes:
        name: a Python identifier.
        make: returns what ``define`` takes beyond the name.
        loss: ``loss(xp, *params, *data, **constants)`` with ``xp`` NumPy or ``jax.numpy``.
        params: name and shape of each parameter, in sizes.
        data: name and shape of each data array.
        sizes: sizes for a quick test.
        large_sizes: sizes for a benchmark.
        draw: how to draw the arrays that are not normally distributed.
        constants: constants with their values; ``"#n"`` stands for the size ``n``.
        core: whether it is one of those that everything else is tried on.
        scalar: whether the value is one number.
    """

    name: str
    make: Callable[[], dict[str, Any]]
    loss: Callable[..., Any]
    params: Mapping[str, Shape]
    data: Mapping[str, Shape]
    sizes: Sizes
    large_sizes: Sizes | None = None
    draw: Mapping[str, Draw] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)
    core: bool = False
    scalar: bool = True

    def __str__(self) -> str:
        return self.name

    def small(self) -> Problem:
        """Return a few numbers to test with, always the same."""
        return self.problem(np.random.default_rng(zlib.crc32(self.name.encode())), self.sizes)

    def large(self, rng: np.random.Generator) -> Problem:
        """Return as many numbers as a benchmark needs."""
        if self.large_sizes is None:
            raise ValueError(f"{self.name} has no large sizes")
        return self.problem(rng, self.large_sizes)

    def problem(self, rng: np.random.Generator, sizes: Sizes) -> Problem:
        """Return numbers drawn for the sizes given."""

        def array(name: str, shape: Shape) -> Array:
            whole = tuple(_size(extent, sizes) for extent in shape)
            return self.draw.get(name, _normal)(rng, whole, sizes)

        constants = {
            name: _size(value[1:], sizes) if isinstance(value, str) else value
            for name, value in self.constants.items()
        }
        return Problem(
            {name: array(name, shape) for name, shape in self.params.items()},
            {name: array(name, shape) for name, shape in self.data.items()},
            constants,
            sizes,
        )

    def jax(self, problem: Problem) -> Callable[..., Any]:
        """Return the loss for JAX, of the flat parameters and the data."""
        import jax.numpy as jnp

        loss = partial(self.loss, jnp, **problem.constants)
        return lambda p, *data: loss(*problem.unpack(p), *data)


def _size(extent: str | int, sizes: Sizes) -> int:
    """Return an extent such as ``n``, ``2*n + 1`` or ``n + q - 1`` as a number."""
    return int(sp.sympify(str(extent), locals=dict(sizes)))


# ------------------------------------------------------------------ numbers


def _normal(rng: np.random.Generator, shape: tuple[int, ...], sizes: Sizes) -> Array:
    return np.asarray(rng.normal(size=shape))


def _scaled(scale: float, shift: float = 0.0) -> Draw:
    return lambda rng, shape, sizes: np.asarray(shift + scale * rng.normal(size=shape))


def _signs(rng: np.random.Generator, shape: tuple[int, ...], sizes: Sizes) -> Array:
    return rng.choice([-1.0, 1.0], size=shape)


def _counts(rng: np.random.Generator, shape: tuple[int, ...], sizes: Sizes) -> Array:
    return rng.poisson(2.0, size=shape).astype(float)


def _below(size: str) -> Draw:
    """Return a way to draw integers from 0 to below a size; each occurs if there is room."""

    def draw(rng: np.random.Generator, shape: tuple[int, ...], sizes: Sizes) -> Array:
        count = int(np.prod(shape))
        return rng.permutation(np.arange(count) % sizes[size]).reshape(shape).astype(np.int64)

    return draw


def _onehot(rng: np.random.Generator, shape: tuple[int, ...], sizes: Sizes) -> Array:
    return np.eye(shape[1])[rng.integers(shape[1], size=shape[0])]


def _glorot(rng: np.random.Generator, shape: tuple[int, ...], sizes: Sizes) -> Array:
    return rng.normal(size=shape) * np.sqrt(2.0 / sum(shape))


def _pixels(rng: np.random.Generator, shape: tuple[int, ...], sizes: Sizes) -> Array:
    return rng.uniform(size=shape)


def _logsumexp(xp: Any, z: Any, axis: int | None = None) -> Any:
    """Return the library's own log-sum-exp: what a user of it would call."""
    if xp is np:
        from scipy.special import logsumexp
    else:
        from jax.scipy.special import logsumexp
    return logsumexp(z, axis=axis)


# ------------------------------------------------------------------ regression


def _logreg() -> dict[str, Any]:
    X = sp.IndexedBase("X", shape=(n, d))
    y = sp.IndexedBase("y", shape=(n,))
    w = sp.IndexedBase("w", shape=(d,))
    z = sp.Sum(w[J] * X[I, J], (J, 0, d - 1)) + b
    loss = sp.Sum(sp.log(1 + sp.exp(-y[I] * z)), (I, 0, n - 1)) / n
    return {"expr": loss, "params": (w, b), "data": (X, y)}


def _logreg_loss(xp: Any, w: Any, b: Any, X: Any, y: Any) -> Any:
    return xp.mean(xp.logaddexp(0.0, -y * (X @ w + b)))


def _logreg_columns() -> dict[str, Any]:
    weights, columns, y = sp.symbols("w:3"), sp.symbols("x:3"), sp.Symbol("y")
    z = sum(w * x for w, x in zip(weights, columns, strict=True)) + b
    return {
        "expr": sp.log(1 + sp.exp(-y * z)),
        "params": (*weights, b),
        "data": (*columns, y),
        "reduce": "mean",
    }


def _logreg_columns_loss(xp: Any, *arrays: Any) -> Any:
    *weights, b, x0, x1, x2, y = arrays
    z = sum(w * x for w, x in zip(weights, (x0, x1, x2), strict=True)) + b
    return xp.mean(xp.logaddexp(0.0, -y * z))


def _ridge() -> dict[str, Any]:
    X, w = sp.MatrixSymbol("X", n, d), sp.MatrixSymbol("w", d, 1)
    y = sp.MatrixSymbol("y", n, 1)
    loss = ((X * w - y).T * (X * w - y))[0, 0] / n + lam * (w.T * w)[0, 0]
    return {"expr": loss, "params": (w,), "data": (X, y), "constants": {lam: 0.5}}


def _ridge_loss(xp: Any, w: Any, X: Any, y: Any, lam: float) -> Any:
    return xp.mean((X @ w - y) ** 2) + lam * xp.sum(w**2)


def _linreg() -> dict[str, Any]:
    X = sp.IndexedBase("X", shape=(n, d))
    y = sp.IndexedBase("y", shape=(n,))
    w = sp.IndexedBase("w", shape=(d,))
    z = sp.Sum(X[i, j] * w[j], (j, 0, d - 1))
    return {"expr": sp.Sum((z - y[i]) ** 2, (i, 0, n - 1)), "params": w, "data": (X, y)}


def _linreg_bare() -> dict[str, Any]:
    X, y, w = sp.IndexedBase("X"), sp.IndexedBase("y"), sp.IndexedBase("w")
    z = sp.Sum(X[i, j] * w[j], (j, 0, d - 1))
    loss = sp.Sum((z - y[i]) ** 2, (i, 0, n - 1))
    return {"expr": loss, "params": (w,), "data": (X, y), "constants": (n, d)}


def _linreg_loss(xp: Any, w: Any, X: Any, y: Any, **sizes: int) -> Any:
    return xp.sum((X @ w - y) ** 2)


def _poisson() -> dict[str, Any]:
    X, w = sp.MatrixSymbol("X", n, d), sp.MatrixSymbol("w", d, 1)
    y = sp.MatrixSymbol("y", n, 1)
    ones = sp.OneMatrix(n, 1)
    loss = (ones.T * (X * w).applyfunc(sp.exp))[0, 0] - (y.T * X * w)[0, 0]
    return {"expr": loss, "params": (w,), "data": (X, y)}


def _poisson_loss(xp: Any, w: Any, X: Any, y: Any) -> Any:
    return xp.sum(xp.exp(X @ w)) - xp.sum(y * (X @ w))


def _huber() -> dict[str, Any]:
    X = sp.IndexedBase("X", shape=(n, d))
    y, w = sp.IndexedBase("y", shape=(n,)), sp.IndexedBase("w", shape=(d,))
    r = sp.Sum(X[i, j] * w[j], (j, 0, d - 1)) - y[i]
    each = sp.Piecewise((r**2 / 2, sp.Abs(r) < delta), (delta * (sp.Abs(r) - delta / 2), sp.true))
    loss = sp.Sum(each, (i, 0, n - 1)) / n
    return {"expr": loss, "params": (w,), "data": (X, y), "constants": (delta,)}


def _huber_loss(xp: Any, w: Any, X: Any, y: Any, delta: float) -> Any:
    r = X @ w - y
    size = xp.abs(r)
    return xp.mean(xp.where(size < delta, r**2 / 2, delta * (size - delta / 2)))


def _hinge() -> dict[str, Any]:
    X = sp.IndexedBase("X", shape=(n, d))
    y, w = sp.IndexedBase("y", shape=(n,)), sp.IndexedBase("w", shape=(d,))
    z = sp.Sum(X[i, j] * w[j], (j, 0, d - 1)) + b
    loss = sp.Sum(sp.Max(0, 1 - y[i] * z) ** 2, (i, 0, n - 1)) / n
    return {"expr": loss, "params": (w, b), "data": (X, y)}


def _hinge_loss(xp: Any, w: Any, b: Any, X: Any, y: Any) -> Any:
    return xp.mean(xp.maximum(0.0, 1 - y * (X @ w + b)) ** 2)


def _polynomial() -> dict[str, Any]:
    x, y = sp.IndexedBase("x", shape=(n,)), sp.IndexedBase("y", shape=(n,))
    coefficients = sp.IndexedBase("a", shape=(q,))
    z = sp.Sum(coefficients[k] * x[i] ** k, (k, 0, q - 1))
    loss = sp.Sum((z - y[i]) ** 2, (i, 0, n - 1)) / (n - 1)
    return {"expr": loss, "params": (coefficients,), "data": (x, y), "constants": (q,)}


def _polynomial_loss(xp: Any, a: Any, x: Any, y: Any, q: int) -> Any:
    z = x[:, None] ** xp.arange(q) @ a
    return xp.sum((z - y) ** 2) / (x.size - 1)


REGRESSION = [
    Model(
        "logreg",
        _logreg,
        _logreg_loss,
        {"w": ("d",), "b": ()},
        {"X": ("n", "d"), "y": ("n",)},
        {"n": 7, "d": 3},
        {"n": 100_000, "d": 50},
        draw={"y": _signs},
        core=True,
    ),
    Model(
        "logreg_columns",
        _logreg_columns,
        _logreg_columns_loss,
        {"w0": (), "w1": (), "w2": (), "b": ()},
        {"x0": ("n",), "x1": ("n",), "x2": ("n",), "y": ("n",)},
        {"n": 7},
        {"n": 100_000},
        draw={"y": _signs},
    ),
    Model(
        "ridge",
        _ridge,
        _ridge_loss,
        {"w": ("d", 1)},
        {"X": ("n", "d"), "y": ("n", 1)},
        {"n": 7, "d": 3},
        {"n": 100_000, "d": 50},
        constants={"lam": 0.3},
        core=True,
    ),
    Model(
        "linreg",
        _linreg,
        _linreg_loss,
        {"w": ("d",)},
        {"X": ("n", "d"), "y": ("n",)},
        {"n": 7, "d": 3},
        {"n": 100_000, "d": 50},
    ),
    Model(
        "linreg_bare",
        _linreg_bare,
        _linreg_loss,
        {"w": ("d",)},
        {"X": ("n", "d"), "y": ("n",)},
        {"n": 6, "d": 4},
        constants={"n": "#n", "d": "#d"},
    ),
    Model(
        "poisson",
        _poisson,
        _poisson_loss,
        {"w": ("d", 1)},
        {"X": ("n", "d"), "y": ("n", 1)},
        {"n": 7, "d": 3},
        draw={"X": _scaled(0.5), "y": _counts},
    ),
    Model(
        "huber",
        _huber,
        _huber_loss,
        {"w": ("d",)},
        {"X": ("n", "d"), "y": ("n",)},
        {"n": 9, "d": 3},
        constants={"delta": 1.1},
    ),
    Model(
        "hinge",
        _hinge,
        _hinge_loss,
        {"w": ("d",), "b": ()},
        {"X": ("n", "d"), "y": ("n",)},
        {"n": 9, "d": 3},
        draw={"y": _signs},
    ),
    Model(
        "polynomial",  # an index as a number
        _polynomial,
        _polynomial_loss,
        {"a": ("q",)},
        {"x": ("n",), "y": ("n",)},
        {"n": 6, "q": 4},
        constants={"q": "#q"},
    ),
]

# ------------------------------------------------------------------ networks and classes


def _mlp_matrix() -> dict[str, Any]:
    X, Y = sp.MatrixSymbol("X", n, d), sp.MatrixSymbol("Y", n, q)
    W1, b1 = sp.MatrixSymbol("W1", d, h), sp.MatrixSymbol("b1", 1, h)
    W2, b2 = sp.MatrixSymbol("W2", h, q), sp.MatrixSymbol("b2", 1, q)
    ones = sp.OneMatrix(n, 1)
    Z = (X * W1 + ones * b1).applyfunc(sp.tanh) * W2 + ones * b2
    totals = Z.applyfunc(sp.exp) * sp.OneMatrix(q, 1)
    loss = ((ones.T * totals.applyfunc(sp.log))[0, 0] - sp.Trace(Y.T * Z)) / n
    return {"expr": loss, "params": (W1, b1, W2, b2), "data": (X, Y), "constants": (h,)}


def _mlp_entries() -> dict[str, Any]:
    X, Y = sp.MatrixSymbol("X", n, d), sp.MatrixSymbol("Y", n, q)
    W1, b1 = sp.MatrixSymbol("W1", d, h), sp.MatrixSymbol("b1", 1, h)
    W2, b2 = sp.MatrixSymbol("W2", h, q), sp.MatrixSymbol("b2", 1, q)
    ones = sp.OneMatrix(n, 1)
    Z = (X * W1 + ones * b1).applyfunc(sp.tanh) * W2 + ones * b2
    each = sp.log(sp.Sum(sp.exp(Z[i, k]), (k, 0, q - 1))) - sp.Sum(Y[i, k] * Z[i, k], (k, 0, q - 1))
    loss = sp.Sum(each, (i, 0, n - 1)) / n
    return {"expr": loss, "params": (W1, b1, W2, b2), "data": (X, Y), "constants": (h,)}


def _mlp_indexed() -> dict[str, Any]:
    X, Y = sp.IndexedBase("X", shape=(n, d)), sp.IndexedBase("Y", shape=(n, q))
    W1, b1 = sp.IndexedBase("W1", shape=(d, h)), sp.IndexedBase("b1", shape=(h,))
    W2, b2 = sp.IndexedBase("W2", shape=(h, q)), sp.IndexedBase("b2", shape=(q,))
    hidden = sp.tanh(sp.Sum(X[I, J] * W1[J, L], (J, 0, d - 1)) + b1[L])
    z = sp.Sum(hidden * W2[L, K], (L, 0, h - 1)) + b2[K]
    each = sp.log(sp.Sum(sp.exp(z), (K, 0, q - 1))) - sp.Sum(Y[I, K] * z, (K, 0, q - 1))
    loss = sp.Sum(each, (I, 0, n - 1)) / n
    return {"expr": loss, "params": (W1, b1, W2, b2), "data": (X, Y), "constants": (h,)}


def _mlp_loss(xp: Any, W1: Any, b1: Any, W2: Any, b2: Any, X: Any, Y: Any, h: int) -> Any:
    Z = xp.tanh(X @ W1 + b1) @ W2 + b2
    return xp.mean(_logsumexp(xp, Z, axis=1) - xp.sum(Y * Z, axis=1))


def _scores() -> tuple[sp.IndexedBase, sp.IndexedBase, sp.IndexedBase, sp.Expr]:
    X, W = sp.IndexedBase("X", shape=(n, d)), sp.IndexedBase("W", shape=(d, q))
    v = sp.IndexedBase("v", shape=(q,))
    return X, W, v, sp.Sum(W[J, K] * X[I, J], (J, 0, d - 1)) + v[K]


def _softmax_onehot() -> dict[str, Any]:
    X, W, v, z = _scores()
    Y = sp.IndexedBase("Y", shape=(n, q))
    each = sp.log(sp.Sum(sp.exp(z), (K, 0, q - 1))) - sp.Sum(Y[I, K] * z, (K, 0, q - 1))
    return {"expr": sp.Sum(each, (I, 0, n - 1)) / n, "params": (W, v), "data": (X, Y)}


def _softmax_ratio() -> dict[str, Any]:
    X, W, v, z = _scores()
    Y = sp.IndexedBase("Y", shape=(n, q))
    share = sp.exp(z) / sp.Sum(sp.exp(z), (K, 0, q - 1))
    loss = -sp.Sum(Y[I, K] * sp.log(share), (K, 0, q - 1), (I, 0, n - 1)) / n
    return {"expr": loss, "params": (W, v), "data": (X, Y)}


def _softmax_loss(xp: Any, W: Any, v: Any, X: Any, Y: Any) -> Any:
    Z = X @ W + v
    return xp.mean(_logsumexp(xp, Z, axis=1) - xp.sum(Y * Z, axis=1))


def _softmax_labels() -> dict[str, Any]:
    X, W, v, z = _scores()
    label = sp.IndexedBase("label", shape=(n,), integer=True)
    right = sp.Sum(W[J, label[I]] * X[I, J], (J, 0, d - 1)) + v[label[I]]
    loss = sp.Sum(sp.log(sp.Sum(sp.exp(z), (K, 0, q - 1))) - right, (I, 0, n - 1)) / n
    return {"expr": loss, "params": (W, v), "data": (X, label), "constants": (q,)}


def _softmax_ratio_labels() -> dict[str, Any]:
    X, W, v, z = _scores()
    label = sp.IndexedBase("label", shape=(n,), integer=True)
    share = sp.exp(z.subs(K, label[I])) / sp.Sum(sp.exp(z), (K, 0, q - 1))
    loss = -sp.Sum(sp.log(share), (I, 0, n - 1)) / n
    return {"expr": loss, "params": (W, v), "data": (X, label), "constants": (q,)}


def _softmax_delta() -> dict[str, Any]:
    X, W, v, z = _scores()
    label = sp.IndexedBase("label", shape=(n,), integer=True)
    right = sp.Sum(sp.KroneckerDelta(K, label[I]) * z, (K, 0, q - 1))
    loss = sp.Sum(sp.log(sp.Sum(sp.exp(z), (K, 0, q - 1))) - right, (I, 0, n - 1)) / n
    return {"expr": loss, "params": (W, v), "data": (X, label), "constants": (q,)}


def _softmax_labels_loss(xp: Any, W: Any, v: Any, X: Any, label: Any, q: int) -> Any:
    Z = X @ W + v
    return xp.mean(_logsumexp(xp, Z, axis=1) - Z[xp.arange(Z.shape[0]), label])


def _softmax_shares() -> dict[str, Any]:
    X, W, v, z = _scores()
    share = sp.exp(z) / sp.Sum(sp.exp(z), (K, 0, q - 1))
    return {"expr": share, "params": (W, v), "data": (X,), "constants": (q,)}


def _softmax_shares_loss(xp: Any, W: Any, v: Any, X: Any, q: int) -> Any:
    Z = X @ W + v
    return xp.exp(Z - _logsumexp(xp, Z, axis=1)[:, None])


def _gmm() -> dict[str, Any]:
    X = sp.IndexedBase("X", shape=(n, d))
    a = sp.IndexedBase("a", shape=(q,))
    mu, logsd = sp.IndexedBase("mu", shape=(q, d)), sp.IndexedBase("s", shape=(q, d))
    weight = a[k] - sp.log(sp.Sum(sp.exp(a[l]), (l, 0, q - 1)))
    each = -(((X[i, j] - mu[k, j]) * sp.exp(-logsd[k, j])) ** 2) / 2 - logsd[k, j]
    density = sp.Sum(each - sp.log(2 * sp.pi) / 2, (j, 0, d - 1))
    mixture = sp.log(sp.Sum(sp.exp(weight + density), (k, 0, q - 1)))
    loss = -sp.Sum(mixture, (i, 0, n - 1))
    return {"expr": loss, "params": (a, mu, logsd), "data": (X,), "constants": (q,)}


def _gmm_loss(xp: Any, a: Any, mu: Any, s: Any, X: Any, q: int) -> Any:
    weight = a - _logsumexp(xp, a)
    z = (X[:, None, :] - mu) * xp.exp(-s)
    density = xp.sum(-(z**2) / 2 - s - np.log(2 * np.pi) / 2, axis=2)
    return -xp.sum(_logsumexp(xp, weight + density, axis=1))


_MLP: dict[str, Any] = {
    "loss": _mlp_loss,
    "data": {"X": ("n", "d"), "Y": ("n", "q")},
    "sizes": {"n": 4, "d": 3, "h": 2, "q": 3},
    "large_sizes": {"n": 1_000, "d": 784, "h": 128, "q": 10},
    "draw": {"X": _pixels, "Y": _onehot, "W1": _glorot, "W2": _glorot},
    "constants": {"h": "#h"},
    "core": True,
}
_ROWS = {"W1": ("d", "h"), "b1": (1, "h"), "W2": ("h", "q"), "b2": (1, "q")}
_VECTORS = {"W1": ("d", "h"), "b1": ("h",), "W2": ("h", "q"), "b2": ("q",)}
_SOFTMAX: dict[str, Any] = {
    "params": {"W": ("d", "q"), "v": ("q",)},
    "sizes": {"n": 5, "d": 2, "q": 3},
    "large_sizes": {"n": 100_000, "d": 50, "q": 10},
}
_LABELS: dict[str, Any] = {
    **_SOFTMAX,
    "loss": _softmax_labels_loss,
    "data": {"X": ("n", "d"), "label": ("n",)},
    "draw": {"label": _below("q")},
    "constants": {"q": "#q"},
}

CLASSES = [
    Model("mlp_matrix", _mlp_matrix, params=_ROWS, **_MLP),
    Model("mlp_entries", _mlp_entries, params=_ROWS, **{**_MLP, "core": False}),
    Model("mlp_indexed", _mlp_indexed, params=_VECTORS, **_MLP),
    *[
        Model(
            name,
            make,
            _softmax_loss,
            data={"X": ("n", "d"), "Y": ("n", "q")},
            draw={"Y": _onehot},
            core=name == "softmax_onehot",
            **_SOFTMAX,
        )
        for name, make in (("softmax_onehot", _softmax_onehot), ("softmax_ratio", _softmax_ratio))
    ],
    Model("softmax_labels", _softmax_labels, core=True, **_LABELS),
    Model("softmax_ratio_labels", _softmax_ratio_labels, **_LABELS),
    Model("softmax_delta", _softmax_delta, **_LABELS),
    Model(
        "softmax_shares",  # exp(z[i, k]) free and under a sum; free indices go by their names
        _softmax_shares,
        _softmax_shares_loss,
        data={"X": ("n", "d")},
        constants={"q": "#q"},
        scalar=False,
        **_SOFTMAX,
    ),
    Model(
        "gmm",
        _gmm,
        _gmm_loss,
        {"a": ("q",), "mu": ("q", "d"), "s": ("q", "d")},
        {"X": ("n", "d")},
        {"n": 6, "d": 2, "q": 3},
        {"n": 100_000, "d": 8, "q": 10},
        draw={"s": _scaled(0.3)},
        constants={"q": "#q"},
        core=True,
    ),
]

# ------------------------------------------------------------------ gathers, shifts, ranges


def _matfac() -> dict[str, Any]:
    R = sp.IndexedBase("R", shape=(n,))
    r = sp.IndexedBase("r", shape=(n,), integer=True)
    col = sp.IndexedBase("c", shape=(n,), integer=True)
    U, V = sp.IndexedBase("U", shape=(m, q)), sp.IndexedBase("V", shape=(d, q))
    score = sp.Sum(U[r[k], l] * V[col[k], l], (l, 0, q - 1))
    size = sp.Sum(U[i, l] ** 2, (l, 0, q - 1), (i, 0, m - 1))
    size += sp.Sum(V[j, l] ** 2, (l, 0, q - 1), (j, 0, d - 1))
    loss = sp.Sum((R[k] - score) ** 2, (k, 0, n - 1)) + lam * size
    return {
        "expr": loss,
        "params": (U, V),
        "data": (R, r, col),
        "constants": (lam, m, d, q),
    }


def _matfac_loss(xp: Any, U: Any, V: Any, R: Any, r: Any, c: Any, lam: float, **_: int) -> Any:
    score = xp.sum(U[r] * V[c], axis=1)
    return xp.sum((R - score) ** 2) + lam * (xp.sum(U**2) + xp.sum(V**2))


def _gather_twice() -> dict[str, Any]:
    u = sp.IndexedBase("u", shape=(m,))
    r = sp.IndexedBase("r", shape=(n,), integer=True)
    col = sp.IndexedBase("c", shape=(n,), integer=True)
    y = sp.IndexedBase("y", shape=(n,))
    z = sp.exp(u[r[i]]) * u[col[i]] + u[r[col[i]]]
    loss = sp.Sum((y[i] - z) ** 2, (i, 0, n - 1))
    return {"expr": loss, "params": (u,), "data": (y, r, col), "constants": (m,)}


def _gather_twice_loss(xp: Any, u: Any, y: Any, r: Any, c: Any, m: int) -> Any:
    return xp.sum((y - (xp.exp(u[r]) * u[c] + u[r[c]])) ** 2)


def _autoregression() -> dict[str, Any]:
    y = sp.IndexedBase("y", shape=(n,))
    a1, a2 = sp.symbols("a1 a2")
    r = y[t] - c - a1 * y[t - 1] - a2 * y[t - 2]
    return {"expr": sp.Sum(r**2, (t, 2, n - 1)) / (n - 2), "params": (c, a1, a2), "data": y}


def _autoregression_loss(xp: Any, c: Any, a1: Any, a2: Any, y: Any) -> Any:
    return xp.mean((y[2:] - c - a1 * y[1:-1] - a2 * y[:-2]) ** 2)


def _neighbours() -> dict[str, Any]:
    u, y = sp.IndexedBase("u", shape=(n,)), sp.IndexedBase("y", shape=(n,))
    bend = sp.Sum((u[I + 1] - 2 * u[I] + u[I - 1]) ** 2, (I, 1, n - 2))
    fit = sp.Sum((y[I] - u[I]) ** 2, (I, 0, n - 1))
    return {"expr": fit + lam * bend, "params": u, "data": y, "constants": {lam: 3}}


def _neighbours_loss(xp: Any, u: Any, y: Any, lam: float) -> Any:
    bend = u[2:] - 2 * u[1:-1] + u[:-2]
    return xp.sum((y - u) ** 2) + lam * xp.sum(bend**2)


def _neighbours_alone() -> dict[str, Any]:
    u = sp.IndexedBase("u", shape=(n,))
    bend = sp.Sum(sp.exp(u[i + 1] - 2 * u[i] + u[i - 1]), (i, 1, n - 2))
    return {"expr": bend, "params": u, "constants": n}


def _neighbours_alone_loss(xp: Any, u: Any, n: int) -> Any:
    return xp.sum(xp.exp(u[2:] - 2 * u[1:-1] + u[:-2]))


def _computed_shift() -> dict[str, Any]:
    X, w = sp.IndexedBase("X", shape=(n, d)), sp.IndexedBase("w", shape=(d,))
    z = sp.tanh(sp.Sum(X[i, j] * w[j], (j, 0, d - 1)))
    loss = sp.Sum((z.subs(i, i + 1) - z) ** 2, (i, 0, n - 2))
    return {"expr": loss, "params": w, "data": X}


def _computed_shift_loss(xp: Any, w: Any, X: Any) -> Any:
    z = xp.tanh(X @ w)
    return xp.sum((z[1:] - z[:-1]) ** 2)


def _convolution() -> dict[str, Any]:
    x, y = sp.IndexedBase("x"), sp.IndexedBase("y", shape=(n,))
    weights = sp.IndexedBase("h", shape=(q,))
    z = sp.Sum(weights[k] * x[t + k], (k, 0, q - 1))
    loss = sp.Sum((y[t] - z) ** 2, (t, 0, n - 1))
    return {"expr": loss, "params": weights, "data": (x, y), "constants": (q,)}


def _convolution_loss(xp: Any, h: Any, x: Any, y: Any, q: int) -> Any:
    return xp.sum((y - sum(h[k] * x[k : k + y.size] for k in range(q))) ** 2)


def _convolution_shaped() -> dict[str, Any]:
    x, y = sp.IndexedBase("x", shape=(n + q - 1,)), sp.IndexedBase("y", shape=(n,))
    weights = sp.IndexedBase("h", shape=(q,))
    z = sp.Sum(weights[k] * x[t + q - 1 - k], (k, 0, q - 1))  # against the grain
    loss = sp.Sum((y[t] - z) ** 2, (t, 0, n - 1))
    return {"expr": loss, "params": weights, "data": (x, y), "constants": (q,)}


def _convolution_shaped_loss(xp: Any, h: Any, x: Any, y: Any, q: int) -> Any:
    return _convolution_loss(xp, h[::-1], x, y, q)


def _strides() -> dict[str, Any]:
    x, w = sp.IndexedBase("x", shape=(2 * n,)), sp.IndexedBase("w", shape=(2 * n,))
    y = sp.IndexedBase("y", shape=(n,))
    z = x[2 * i] * sp.exp(w[2 * i + 1]) + w[2 * i] * x[2 * n - 1 - 2 * i]
    return {"expr": sp.Sum((z - y[i]) ** 2, (i, 0, n - 1)), "params": w, "data": (x, y)}


def _strides_loss(xp: Any, w: Any, x: Any, y: Any) -> Any:
    return xp.sum((x[::2] * xp.exp(w[1::2]) + w[::2] * x[::-1][::2] - y) ** 2)


def _constant_indices() -> dict[str, Any]:
    x, w = sp.IndexedBase("x", shape=(n,)), sp.IndexedBase("w", shape=(n,))
    A = sp.IndexedBase("A", shape=(2, n))
    expr = w[0] * x[0] + sp.sin(w[n - 1] * x[n - 1]) + sp.Sum(w[i] ** 2 * A[1, i], (i, 0, n - 1))
    return {"expr": expr, "params": (w,), "data": (x, A)}


def _constant_indices_loss(xp: Any, w: Any, x: Any, A: Any) -> Any:
    return w[0] * x[0] + xp.sin(w[-1] * x[-1]) + xp.sum(w**2 * A[1])


def _ranges() -> dict[str, Any]:
    x, w = sp.IndexedBase("x", shape=(n,)), sp.IndexedBase("w", shape=(n,))
    expr = sp.Sum(w[i - 1] * x[i - 1] ** 2, (i, 1, n)) + sp.Sum(i * sp.sin(w[i]), (i, 2, n - 3))
    expr += sp.Sum(w[i] ** 2, (i, 5, 4)) + sp.Sum(w[i] ** 3, (i, n - 1, n - 1))
    return {"expr": expr, "params": (w,), "data": (x,)}


def _ranges_loss(xp: Any, w: Any, x: Any) -> Any:
    return xp.sum(w * x**2) + xp.sum(xp.arange(2, w.size - 2) * xp.sin(w[2:-2])) + w[-1] ** 3


def _triangular() -> dict[str, Any]:
    x, w = sp.IndexedBase("x", shape=(n,)), sp.IndexedBase("w", shape=(n,))
    expr = sp.Sum((x[i] - sp.Sum(w[j], (j, 0, i))) ** 2, (i, 0, n - 1))
    return {"expr": expr, "params": w, "data": x}


def _triangular_loss(xp: Any, w: Any, x: Any) -> Any:
    return xp.sum((x - xp.cumsum(w)) ** 2)


def _pairs() -> dict[str, Any]:
    X, w = sp.IndexedBase("X", shape=(n, n)), sp.IndexedBase("w", shape=(n,))
    expr = sp.Sum(X[i, j] * sp.exp(w[i] - w[j]), (j, i + 1, n - 1), (i, 0, n - 1))
    return {"expr": expr, "params": w, "data": X}


def _pairs_loss(xp: Any, w: Any, X: Any) -> Any:
    return xp.sum(xp.triu(X, 1) * xp.exp(w[:, None] - w))


_PAIRED: dict[str, Any] = {
    "params": {"w": ("n",)},
    "data": {"x": ("n",)},
    "sizes": {"n": 7},
}

INDICES = [
    Model(
        "matfac",
        _matfac,
        _matfac_loss,
        {"U": ("m", "q"), "V": ("d", "q")},
        {"R": ("n",), "r": ("n",), "c": ("n",)},
        {"n": 8, "m": 4, "d": 3, "q": 2},
        {"n": 200_000, "m": 2_000, "d": 1_000, "q": 16},
        draw={"r": _below("m"), "c": _below("d")},
        constants={"lam": 0.2, "m": "#m", "d": "#d", "q": "#q"},
        core=True,
    ),
    Model(
        "gather_twice",
        _gather_twice,
        _gather_twice_loss,
        {"u": ("m",)},
        {"y": ("n",), "r": ("n",), "c": ("n",)},
        {"n": 8, "m": 3},
        draw={"r": _below("m"), "c": _below("m")},
        constants={"m": "#m"},
    ),
    Model(
        "autoregression",
        _autoregression,
        _autoregression_loss,
        {"c": (), "a1": (), "a2": ()},
        {"y": ("n",)},
        {"n": 9},
        {"n": 1_000_000},
        core=True,
    ),
    Model(
        "neighbours",
        _neighbours,
        _neighbours_loss,
        {"u": ("n",)},
        {"y": ("n",)},
        {"n": 7},
        {"n": 1_000_000},
        constants={"lam": 1.5},
        core=True,
    ),
    Model(
        "neighbours_alone",
        _neighbours_alone,
        _neighbours_alone_loss,
        {"u": ("n",)},
        {},
        {"n": 6},
        draw={"u": _scaled(0.4)},
        constants={"n": "#n"},
    ),
    Model(
        "computed_shift",
        _computed_shift,
        _computed_shift_loss,
        {"w": ("d",)},
        {"X": ("n", "d")},
        {"n": 6, "d": 3},
        draw={"X": _scaled(0.6)},
    ),
    Model(
        "convolution",
        _convolution,
        _convolution_loss,
        {"h": ("q",)},
        {"x": ("n + q - 1",), "y": ("n",)},
        {"n": 6, "q": 3},
        constants={"q": "#q"},
    ),
    Model(
        "convolution_shaped",
        _convolution_shaped,
        _convolution_shaped_loss,
        {"h": ("q",)},
        {"x": ("n + q - 1",), "y": ("n",)},
        {"n": 6, "q": 3},
        constants={"q": "#q"},
    ),
    Model(
        "strides",
        _strides,
        _strides_loss,
        {"w": ("2*n",)},
        {"x": ("2*n",), "y": ("n",)},
        {"n": 4},
        draw={"w": _scaled(0.5)},
    ),
    Model(
        "constant_indices",
        _constant_indices,
        _constant_indices_loss,
        {"w": ("n",)},
        {"x": ("n",), "A": (2, "n")},
        {"n": 5},
    ),
    Model("ranges", _ranges, _ranges_loss, **_PAIRED),
    Model("triangular", _triangular, _triangular_loss, **_PAIRED),
    Model("pairs", _pairs, _pairs_loss, {"w": ("n",)}, {"X": ("n", "n")}, {"n": 5}),
]

# ------------------------------------------------------------------ algebra


def _trace_gram() -> dict[str, Any]:
    A = sp.MatrixSymbol("A", m, q)
    return {"expr": sp.Trace(A.T * A), "params": A, "constants": (m, q)}


def _trace_gram_loss(xp: Any, A: Any, m: int, q: int) -> Any:
    return xp.sum(A**2)


def _quadratic() -> dict[str, Any]:
    A, x = sp.MatrixSymbol("A", n, n), sp.MatrixSymbol("x", n, 1)
    expr = (x.T * A * x)[0, 0] / (x.T * x)[0, 0] + (x.T * (A + A.T) ** 2 * x)[0, 0]
    return {"expr": expr, "params": x, "data": A}


def _quadratic_loss(xp: Any, x: Any, A: Any) -> Any:
    y = (A + A.T) @ x
    return xp.sum(x * (A @ x)) / xp.sum(x**2) + xp.sum(y**2)


def _hadamard() -> dict[str, Any]:
    A, B, C = sp.MatrixSymbol("A", n, d), sp.MatrixSymbol("B", n, d), sp.MatrixSymbol("C", n, d)
    P = sp.HadamardProduct(A, B, C) + sp.HadamardPower(A, 2)
    expr = sp.Trace(P.T * C) + sp.Sum(
        sp.hadamard_product(A, A, B)[i, j], (i, 0, n - 1), (j, 0, d - 1)
    )
    return {"expr": expr, "params": (A, B), "data": C}


def _hadamard_loss(xp: Any, A: Any, B: Any, C: Any) -> Any:
    return xp.sum((A * B * C + A**2) * C) + xp.sum(A * A * B)


def _matrix_power() -> dict[str, Any]:
    A, B = sp.MatrixSymbol("A", n, n), sp.MatrixSymbol("B", n, n)
    return {"expr": sp.Trace(A**3 * B) + (A**3)[0, n - 1] * sp.Trace(A**2), "params": A, "data": B}


def _matrix_power_loss(xp: Any, A: Any, B: Any) -> Any:
    cube = A @ A @ A
    return xp.trace(cube @ B) + cube[0, -1] * xp.trace(A @ A)


def _identity() -> dict[str, Any]:
    A, x = sp.MatrixSymbol("A", n, n), sp.MatrixSymbol("x", n, 1)
    y = sp.MatrixSymbol("y", n, 1)
    Z = sp.MatAdd(A, 3 * sp.Identity(n), sp.ZeroMatrix(n, n))
    r = Z * x - y
    expr = (r.T * r)[0, 0] + sp.Sum(Z[i, j] * x[j, 0], (i, 0, n - 1), (j, 0, n - 1))
    return {"expr": expr, "params": (A, x), "data": y}


def _identity_loss(xp: Any, A: Any, x: Any, y: Any) -> Any:
    z = (A + 3 * xp.eye(x.shape[0])) @ x
    return xp.sum((z - y) ** 2) + xp.sum(z)


def _blocks() -> dict[str, Any]:
    A, B, C = sp.MatrixSymbol("A", n, n), sp.MatrixSymbol("B", n, m), sp.MatrixSymbol("C", m, m)
    x, y = sp.MatrixSymbol("x", n, 1), sp.MatrixSymbol("y", m, 1)
    whole, v = sp.BlockMatrix([[A, B], [B.T, C]]), sp.BlockMatrix([[x], [y]])
    lower = sp.BlockMatrix([[A, sp.ZeroMatrix(n, m)], [B.T, sp.Identity(m)]])
    expr = (v.T * whole * v)[0, 0] + sp.Trace(lower.T * whole)
    return {"expr": expr, "params": (x, y, B), "data": (A, C)}


def _blocks_loss(xp: Any, x: Any, y: Any, B: Any, A: Any, C: Any) -> Any:
    whole, v = xp.block([[A, B], [B.T, C]]), xp.concatenate([x, y])
    lower = xp.block([[A, xp.zeros(B.shape)], [B.T, xp.eye(y.shape[0])]])
    return xp.sum(v * (whole @ v)) + xp.sum(lower * whole)


def _whole_sizes() -> dict[str, Any]:
    A, x = sp.MatrixSymbol("A", 3, 2), sp.MatrixSymbol("x", 2, 1)
    y = sp.IndexedBase("y", shape=(3,))
    expr = ((A * x).T * (A * x))[0, 0] + sp.Sum(y[i] * (A * x)[i, 0], (i, 0, 2)) + sp.Trace(A * A.T)
    return {"expr": expr, "params": (A, x), "data": y}


def _whole_sizes_loss(xp: Any, A: Any, x: Any, y: Any) -> Any:
    z = A @ x
    return xp.sum(z**2) + xp.sum(y * z[:, 0]) + xp.sum(A**2)


def _transposed() -> dict[str, Any]:
    A = sp.IndexedBase("A", shape=(n, n))
    X, w = sp.IndexedBase("X", shape=(n, n)), sp.IndexedBase("w", shape=(n,))
    expr = sp.Sum(A[i, j] * A[j, i] * X[i, j], (i, 0, n - 1), (j, 0, n - 1))
    expr += sp.Sum(X[i, i] * A[i, i] * w[i], (i, 0, n - 1))
    return {"expr": expr, "params": (A, w), "data": X}


def _transposed_loss(xp: Any, A: Any, w: Any, X: Any) -> Any:
    return xp.sum(A * A.T * X) + xp.sum(xp.diagonal(X) * xp.diagonal(A) * w)


def _product_of_sums() -> dict[str, Any]:
    x, w = sp.IndexedBase("x", shape=(n,)), sp.IndexedBase("w", shape=(n,))
    v = sp.IndexedBase("v", shape=(d,))
    Y = sp.IndexedBase("Y", shape=(n, d))
    one, two = sp.Sum(w[i] * x[i], (i, 0, n - 1)), sp.Sum(sp.sin(v[j]), (j, 0, d - 1))
    double = sp.Sum(w[i] * x[i] * sp.sin(v[j]), (i, 0, n - 1), (j, 0, d - 1))
    chain = sp.Sum(w[i] * Y[i, j] * v[j], (i, 0, n - 1), (j, 0, d - 1))
    return {"expr": one * two + double**2 + chain, "params": (w, v), "data": (x, Y)}


def _product_of_sums_loss(xp: Any, w: Any, v: Any, x: Any, Y: Any) -> Any:
    product = xp.sum(w * x) * xp.sum(xp.sin(v))
    return product + product**2 + w @ Y @ v


def _contraction() -> dict[str, Any]:
    A, B = sp.IndexedBase("A", shape=(n, m)), sp.IndexedBase("B", shape=(m, d))
    C, w = sp.IndexedBase("C", shape=(d, n)), sp.IndexedBase("w", shape=(n,))
    term = w[l] * A[i, j] * B[j, k] * C[k, l] * w[i]
    expr = sp.Sum(term, (i, 0, n - 1), (j, 0, m - 1), (k, 0, d - 1), (l, 0, n - 1))
    return {"expr": expr, "params": (w, B), "data": (A, C)}


def _contraction_loss(xp: Any, w: Any, B: Any, A: Any, C: Any) -> Any:
    return w @ A @ B @ C @ w


def _products() -> dict[str, Any]:
    x, w = sp.IndexedBase("x", shape=(n,)), sp.IndexedBase("w", shape=(n,))
    A = sp.IndexedBase("A", shape=(n, d))
    expr = sp.Product(1 + w[i] * x[i] / 4, (i, 0, n - 1))
    expr += sp.Sum(w[i] * sp.Product(A[i, j], (j, 0, d - 1)), (i, 0, n - 1))
    return {"expr": expr, "params": (w, A), "data": x}


def _products_loss(xp: Any, w: Any, A: Any, x: Any) -> Any:
    return xp.prod(1 + w * x / 4) + xp.sum(w * xp.prod(A, axis=1))


def _product_zero() -> dict[str, Any]:
    x, w = sp.IndexedBase("x", shape=(n,)), sp.IndexedBase("w", shape=(n,))
    return {"expr": sp.Product(w[i] * x[i], (i, 0, n - 1)), "params": w, "data": x}


def _product_zero_loss(xp: Any, w: Any, x: Any) -> Any:
    return xp.prod(w * x)


def _one_zero(rng: np.random.Generator, shape: tuple[int, ...], sizes: Sizes) -> Array:
    values = rng.normal(size=shape)
    values[1] = 0.0
    return values


def _kronecker() -> dict[str, Any]:
    X, w = sp.IndexedBase("X", shape=(n, n)), sp.IndexedBase("w", shape=(n,))
    same = sp.Sum(sp.KroneckerDelta(i, j) * w[i] * X[i, j], (i, 0, n - 1), (j, 0, n - 1))
    next_ = sp.Sum(sp.KroneckerDelta(i + 1, j) * w[i] * w[j] ** 2, (i, 0, n - 1), (j, 0, n - 1))
    first = sp.Sum((X[i, 0] - sp.KroneckerDelta(i, 0) * w[i]) ** 2, (i, 0, n - 1))
    return {"expr": same + next_ + first, "params": w, "data": X}


def _kronecker_loss(xp: Any, w: Any, X: Any) -> Any:
    first = (X[0, 0] - w[0]) ** 2 + xp.sum(X[1:, 0] ** 2)
    return xp.sum(w * xp.diagonal(X)) + xp.sum(w[:-1] * w[1:] ** 2) + first


def _rbf() -> dict[str, Any]:
    X, a = sp.IndexedBase("X", shape=(n, d)), sp.IndexedBase("a", shape=(n,))
    distance = sp.Sum((X[i, k] - X[j, k]) ** 2, (k, 0, d - 1))
    expr = sp.Sum(a[i] * a[j] * sp.exp(-g * distance), (i, 0, n - 1), (j, 0, n - 1))
    return {"expr": expr, "params": (a, g), "data": X}


def _rbf_loss(xp: Any, a: Any, g: Any, X: Any) -> Any:
    return a @ xp.exp(-g * xp.sum((X[:, None] - X) ** 2, axis=2)) @ a


def _r_squared() -> dict[str, Any]:
    X, w = sp.IndexedBase("X", shape=(n, d)), sp.IndexedBase("w", shape=(d,))
    y = sp.IndexedBase("y", shape=(n,))
    z = sp.Sum(X[I, J] * w[J], (J, 0, d - 1))
    mean = sp.Sum(y[I], (I, 0, n - 1)) / n
    left, whole = sp.Sum((y[I] - z) ** 2, (I, 0, n - 1)), sp.Sum((y[I] - mean) ** 2, (I, 0, n - 1))
    return {"expr": 1 - left / whole, "params": w, "data": (X, y)}


def _r_squared_loss(xp: Any, w: Any, X: Any, y: Any) -> Any:
    return 1 - xp.sum((y - X @ w) ** 2) / xp.sum((y - xp.mean(y)) ** 2)


def _normalised() -> dict[str, Any]:
    X, w = sp.IndexedBase("X", shape=(n, d)), sp.IndexedBase("w", shape=(d,))
    y = sp.IndexedBase("y", shape=(n,))
    z = sp.Sum(X[i, j] * w[j], (j, 0, d - 1))
    mean = sp.Sum(z, (i, 0, n - 1)) / n
    variance = sp.Sum((z - mean) ** 2, (i, 0, n - 1)) / n
    score = (z - mean) / sp.sqrt(variance + lam)
    loss = sp.Sum((y[i] - score) ** 2, (i, 0, n - 1)) / n
    return {"expr": loss, "params": w, "data": (X, y), "constants": {lam: 0.01}}


def _normalised_loss(xp: Any, w: Any, X: Any, y: Any, lam: float) -> Any:
    z = X @ w
    return xp.mean((y - (z - xp.mean(z)) / xp.sqrt(xp.var(z) + lam)) ** 2)


def _soft_maximum() -> dict[str, Any]:
    X, w = sp.IndexedBase("X", shape=(n, d)), sp.IndexedBase("w", shape=(d,))
    z = sp.Sum(X[i, j] * w[j], (j, 0, d - 1))
    expr = sp.log(sp.Sum(sp.exp(z), (i, 0, n - 1)))
    return {"expr": expr - sp.log(n), "params": w, "data": X}


def _soft_maximum_loss(xp: Any, w: Any, X: Any) -> Any:
    return _logsumexp(xp, X @ w) - np.log(X.shape[0])


def _no_data() -> dict[str, Any]:
    x = sp.IndexedBase("x", shape=(n,))
    expr = sp.Sum(100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2, (i, 0, n - 2))
    return {"expr": expr, "params": x, "constants": n}


def _no_data_loss(xp: Any, x: Any, n: int) -> Any:
    return xp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


_SQUARE: dict[str, Any] = {"sizes": {"n": 4}}

ALGEBRA = [
    Model(
        "trace_gram",
        _trace_gram,
        _trace_gram_loss,
        {"A": ("m", "q")},
        {},
        {"m": 3, "q": 4},
        constants={"m": "#m", "q": "#q"},
    ),
    Model("quadratic", _quadratic, _quadratic_loss, {"x": ("n", 1)}, {"A": ("n", "n")}, {"n": 4}),
    Model(
        "hadamard",
        _hadamard,
        _hadamard_loss,
        {"A": ("n", "d"), "B": ("n", "d")},
        {"C": ("n", "d")},
        {"n": 3, "d": 4},
    ),
    Model(
        "matrix_power",
        _matrix_power,
        _matrix_power_loss,
        {"A": ("n", "n")},
        {"B": ("n", "n")},
        {"n": 3},
    ),
    Model(
        "identity",
        _identity,
        _identity_loss,
        {"A": ("n", "n"), "x": ("n", 1)},
        {"y": ("n", 1)},
        {"n": 3},
    ),
    Model(
        "blocks",
        _blocks,
        _blocks_loss,
        {"x": ("n", 1), "y": ("m", 1), "B": ("n", "m")},
        {"A": ("n", "n"), "C": ("m", "m")},
        {"n": 3, "m": 2},
    ),
    Model(
        "whole_sizes",
        _whole_sizes,
        _whole_sizes_loss,
        {"A": (3, 2), "x": (2, 1)},
        {"y": (3,)},
        {},
    ),
    Model(
        "transposed",
        _transposed,
        _transposed_loss,
        {"A": ("n", "n"), "w": ("n",)},
        {"X": ("n", "n")},
        {"n": 3},
    ),
    Model(
        "product_of_sums",
        _product_of_sums,
        _product_of_sums_loss,
        {"w": ("n",), "v": ("d",)},
        {"x": ("n",), "Y": ("n", "d")},
        {"n": 5, "d": 3},
    ),
    Model(
        "contraction",
        _contraction,
        _contraction_loss,
        {"w": ("n",), "B": ("m", "d")},
        {"A": ("n", "m"), "C": ("d", "n")},
        {"n": 4, "m": 3, "d": 2},
    ),
    Model(
        "products",
        _products,
        _products_loss,
        {"w": ("n",), "A": ("n", "d")},
        {"x": ("n",)},
        {"n": 4, "d": 3},
    ),
    Model(
        "product_zero",  # its derivative is not the product divided by a factor
        _product_zero,
        _product_zero_loss,
        {"w": ("n",)},
        {"x": ("n",)},
        {"n": 4},
        draw={"w": _one_zero},
    ),
    Model("kronecker", _kronecker, _kronecker_loss, {"w": ("n",)}, {"X": ("n", "n")}, {"n": 5}),
    Model(
        "rbf",
        _rbf,
        _rbf_loss,
        {"a": ("n",), "g": ()},
        {"X": ("n", "d")},
        {"n": 5, "d": 2},
        {"n": 1_000, "d": 8},
    ),
    Model(
        "r_squared",
        _r_squared,
        _r_squared_loss,
        {"w": ("d",)},
        {"X": ("n", "d"), "y": ("n",)},
        {"n": 7, "d": 3},
        {"n": 100_000, "d": 50},
    ),
    Model(
        "normalised",
        _normalised,
        _normalised_loss,
        {"w": ("d",)},
        {"X": ("n", "d"), "y": ("n",)},
        {"n": 7, "d": 3},
        {"n": 100_000, "d": 50},
        constants={"lam": 0.02},
        core=True,
    ),
    Model(
        "soft_maximum",
        _soft_maximum,
        _soft_maximum_loss,
        {"w": ("d",)},
        {"X": ("n", "d")},
        {"n": 7, "d": 3},
    ),
    Model(
        "rosenbrock",
        _no_data,
        _no_data_loss,
        {"x": ("n",)},
        {},
        {"n": 6},
        {"n": 1_000_000},
        constants={"n": "#n"},
    ),
]

# ------------------------------------------------------------------ values that are arrays


def _linear_map() -> dict[str, Any]:
    X, w = sp.MatrixSymbol("X", n, d), sp.MatrixSymbol("w", d, 1)
    return {"expr": X * w, "params": w, "data": X}


def _linear_map_loss(xp: Any, w: Any, X: Any) -> Any:
    return X @ w


def _layer() -> dict[str, Any]:
    X, W = sp.MatrixSymbol("X", n, d), sp.MatrixSymbol("W", d, q)
    v = sp.MatrixSymbol("v", 1, q)
    expr = (X * W + sp.OneMatrix(n, 1) * v).applyfunc(sp.tanh)
    return {"expr": expr, "params": (W, v), "data": X, "constants": q}


def _layer_loss(xp: Any, W: Any, v: Any, X: Any, q: int) -> Any:
    return xp.tanh(X @ W + v)


def _free_index() -> dict[str, Any]:
    X, w = sp.IndexedBase("X", shape=(n, d)), sp.IndexedBase("w", shape=(d,))
    expr = sp.sin(sp.Sum(X[I, J] * w[J], (J, 0, d - 1)) + b)
    return {"expr": expr, "params": (w, b), "data": X}


def _free_index_loss(xp: Any, w: Any, b: Any, X: Any) -> Any:
    return xp.sin(X @ w + b)


def _several() -> dict[str, Any]:
    X, w = sp.IndexedBase("X", shape=(n, d)), sp.IndexedBase("w", shape=(d,))
    z = sp.Sum(X[i, j] * w[j], (j, 0, d - 1))
    mean = sp.Sum(z, (i, 0, n - 1)) / n
    expr = [mean, sp.Sum((z - mean) ** 2, (i, 0, n - 1)) / (n - 1), w[0] * w[d - 1]]
    return {"expr": expr, "params": w, "data": X}


def _several_loss(xp: Any, w: Any, X: Any) -> Any:
    z = X @ w
    return xp.stack([xp.mean(z), xp.var(z) * X.shape[0] / (X.shape[0] - 1), w[0] * w[-1]])


ARRAYS = [
    Model(
        "linear_map",
        _linear_map,
        _linear_map_loss,
        {"w": ("d", 1)},
        {"X": ("n", "d")},
        {"n": 4, "d": 3},
        scalar=False,
    ),
    Model(
        "layer",
        _layer,
        _layer_loss,
        {"W": ("d", "q"), "v": (1, "q")},
        {"X": ("n", "d")},
        {"n": 4, "d": 3, "q": 2},
        constants={"q": "#q"},
        scalar=False,
    ),
    Model(
        "free_index",
        _free_index,
        _free_index_loss,
        {"w": ("d",), "b": ()},
        {"X": ("n", "d")},
        {"n": 4, "d": 3},
        scalar=False,
    ),
    Model(
        "several",
        _several,
        _several_loss,
        {"w": ("d",)},
        {"X": ("n", "d")},
        {"n": 5, "d": 3},
        scalar=False,
    ),
]

MODELS: list[Model] = [*REGRESSION, *CLASSES, *INDICES, *ALGEBRA, *ARRAYS]
BY_NAME = {model.name: model for model in MODELS}
