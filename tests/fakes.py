"""Modules as backends make them, written by hand with NumPy, and calls that cannot work."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import sympy as sp

from symcompile.errors import ArgumentTypeError, ArgumentValueError
from symcompile.frontend.definition import Definition, define

w0, w1, x, y, lam = sp.symbols("w0 w1 x y lambda")

P = np.array([0.5, -1.5])
V = np.array([2.0, 3.0])
X = np.array([1.0, 2.0, 4.0])
Y = np.array([1.0, 0.0, -2.0])


def linreg() -> Definition:
    return define(
        "linreg",
        (w0 + w1 * x - y) ** 2 + lam * w0**2,
        params=(w0, w1),
        data=(x, y),
        reduce="mean",
        constants={lam: 0.25},
    )


def residuals() -> Definition:
    return define("residuals", [w0 + w1 * x - y, w0 * x], params=(w0, w1), data=(x, y))


class Linreg(ModuleType):
    """What a backend would make of :func:`linreg`, with the strictness of generated code."""

    CONSTANTS = (("lambda_", 0.25),)

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__("linreg_fake")
        self.names = names
        self.calls = 0

    def __getattribute__(self, name: str) -> Any:
        known = ("value", "grad", "value_and_grad", "hessian", "hvp", "jacobian", "jvp", "vjp")
        if name in known and name not in super().__getattribute__("names"):
            raise AttributeError(name)
        return super().__getattribute__(name)

    def _check(self, p: Any, X: Any, Y: Any) -> None:
        self.calls += 1
        for array in (p, X, Y):
            assert isinstance(array, np.ndarray | list)
        if len(p) != 2 or len(X) != len(Y):
            raise ValueError("the module says so")

    def value(self, p: Any, X: Any, Y: Any, *, lambda_: float = 0.25) -> float:
        self._check(p, X, Y)
        return float(np.mean((p[0] + p[1] * np.asarray(X) - Y) ** 2) + lambda_ * p[0] ** 2)

    def grad(self, p: Any, X: Any, Y: Any, *, lambda_: float = 0.25) -> Any:
        self._check(p, X, Y)
        r = 2 * (p[0] + p[1] * X - Y)
        return np.array([np.mean(r) + 2 * lambda_ * p[0], np.mean(r * X)])

    def value_and_grad(self, p: Any, X: Any, Y: Any, *, lambda_: float = 0.25) -> Any:
        return self.value(p, X, Y, lambda_=lambda_), self.grad(p, X, Y, lambda_=lambda_)

    def hessian(self, p: Any, X: Any, Y: Any, *, lambda_: float = 0.25) -> Any:
        self._check(p, X, Y)
        return 2 * np.array([[1 + lambda_, np.mean(X)], [np.mean(X), np.mean(X**2)]])

    def hvp(self, p: Any, v: Any, X: Any, Y: Any, *, lambda_: float = 0.25) -> Any:
        if len(v) != 2:
            raise ValueError("the module says so")
        return self.hessian(p, X, Y, lambda_=lambda_) @ v

    def jacobian(self, p: Any, X: Any, Y: Any, *, lambda_: float = 0.25) -> Any:
        return self.grad(p, X, Y, lambda_=lambda_)

    def jvp(self, p: Any, v: Any, X: Any, Y: Any, *, lambda_: float = 0.25) -> Any:
        return float(self.grad(p, X, Y, lambda_=lambda_) @ v)

    def vjp(self, p: Any, u: Any, X: Any, Y: Any, *, lambda_: float = 0.25) -> Any:
        return u * self.grad(p, X, Y, lambda_=lambda_)


class Residuals(ModuleType):
    CONSTANTS = ()

    def value(self, p: Any, X: Any, Y: Any) -> Any:
        return np.column_stack([p[0] + p[1] * X - Y, p[0] * X])

    def vjp(self, p: Any, u: Any, X: Any, Y: Any) -> Any:
        if u.shape != (len(X), 2):
            raise ValueError("the module says so")
        return np.array([np.sum(u[:, 0] + u[:, 1] * X), np.sum(u[:, 0] * X)])


FUNCTIONS = {
    "value": (P,),
    "grad": (P,),
    "value_and_grad": (P,),
    "hessian": (P,),
    "hvp": (P, V),
    "jacobian": (P,),
    "jvp": (P, V),
    "vjp": (P, np.array([2.0])),
}


BAD_CALLS: list[tuple[tuple[Any, ...], dict[str, Any], type[Exception], str]] = [
    ((P, X), {}, ArgumentTypeError, "takes 2 data columns or one table of them; 1 given"),
    ((P, X, Y, Y), {}, ArgumentTypeError, "linreg.value_and_grad(p, x, y, *, lambda=0.25)"),
    ((P,), {}, ArgumentTypeError, "0 given"),
    ((P, X, Y[:2]), {}, ArgumentValueError, "x has 3, y has 2"),
    ((P, X, [1.0]), {}, ArgumentValueError, "x has 3, y has 1"),
    ((P, [], []), {}, ArgumentValueError, "there are no samples"),
    ((P, X, ["1", "2", "3"]), {}, ArgumentTypeError, "column y holds strings"),
    ((P, X + 0j, Y), {}, ArgumentTypeError, "column x holds complex"),
    ((P, [[1], [1, 2]], Y), {}, ArgumentTypeError, "column x is ragged"),
    ((P, {"x": X, "z": Y}), {}, ArgumentValueError, "no column y; it has x, z"),
    ((P, X, Y), {"lam": 1.0}, ArgumentTypeError, "no keyword 'lam'; its constants: lambda"),
    ((P, X, Y), {"lambda": "1"}, ArgumentTypeError, "the constant lambda is the string '1'"),
]
BAD_VECTORS: list[tuple[Any, type[Exception], str]] = [
    ([1.0], ArgumentValueError, "p has 1 entry, but there are 2 parameters: w0, w1"),
    (np.ones(3), ArgumentValueError, "p has 3 entries"),
    (P + 0j, ArgumentTypeError, "p holds complex"),
    (["1", "2"], ArgumentTypeError, "p holds strings"),
    (None, ArgumentTypeError, "p is None"),
]
