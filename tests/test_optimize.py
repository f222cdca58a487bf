"""Fits by SciPy's methods, with the derivatives each of them takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import sympy as sp
from scipy import optimize

from symcompile.compiler import compile as compile_kernel
from symcompile.demo.specimens import make_specimens
from symcompile.errors import ArgumentTypeError, ArgumentValueError, UnsupportedFunctionError
from symcompile.frontend.definition import define
from symcompile.kernel import Kernel
from symcompile.objective import Objective
from symcompile.options import Options

w0, w1, x, y = sp.symbols("w0 w1 x y")

SECOND_ORDER = ("Newton-CG", "trust-ncg", "trust-krylov", "trust-constr", "trust-exact", "dogleg")
FIRST_ORDER = ("CG", "BFGS", "L-BFGS-B", "TNC", "SLSQP")
VALUE_ONLY = ("Nelder-Mead", "Powell", "COBYLA")

OPTIMUM = [12.6899981, -0.7180591]
LOSS = 2.7447662570799594


class Bowl(ModuleType):
    """The sum of (k + 1)*(p[k] - k)**2 over k, counting calls."""

    CONSTANTS = ()

    def __init__(self) -> None:
        super().__init__("bowl")
        self.calls: Counter[str] = Counter()

    def value(self, p: Any) -> float:
        self.calls["value"] += 1
        k = np.arange(len(p))
        return float(np.sum((k + 1) * (p - k) ** 2))

    def value_and_grad(self, p: Any) -> tuple[float, Any]:
        self.calls["value_and_grad"] += 1
        k = np.arange(len(p))
        return float(np.sum((k + 1) * (p - k) ** 2)), 2 * (k + 1) * (p - k)

    def hessian(self, p: Any) -> Any:
        self.calls["hessian"] += 1
        return np.diag(2.0 * np.arange(1, len(p) + 1))

    def hvp(self, p: Any, v: Any) -> Any:
        self.calls["hvp"] += 1
        return 2 * np.arange(1, len(p) + 1) * v


def bowl(size: int) -> tuple[Objective, Bowl]:
    module = Bowl()
    symbols = sp.symbols(f"p:{size}")
    definition = define("bowl", sum(symbols), params=symbols)
    names = ("value", "value_and_grad", "hessian", "hvp")
    return Kernel(definition, "python", Options(), lambda _: module, names).bind(), module


@pytest.fixture(scope="module")
def lecture() -> Iterator[Objective]:
    definition = define(
        "linreg", (w0 + w1 * x - y) ** 2, params=(w0, w1), data=(x, y), reduce="mean"
    )
    yield compile_kernel(definition, backend="python").bind(*make_specimens())


def test_the_published_fit(lecture: Objective) -> None:
    found = lecture.minimize([0, 0], method="BFGS")
    assert isinstance(found, optimize.OptimizeResult)
    assert found.success
    np.testing.assert_allclose(found.fun, LOSS, rtol=1e-13)
    np.testing.assert_allclose(found.x, OPTIMUM, atol=5e-8)
    assert (found.nit, found.nfev, found.njev) == (9, 10, 10)
    inverse = [[5.57425906, -1.09086733], [-1.09086733, 0.23434848]]
    np.testing.assert_allclose(found.hess_inv, inverse, atol=5e-9)


@pytest.mark.parametrize("method", [*FIRST_ORDER, *SECOND_ORDER, *VALUE_ONLY, None])
def test_every_method_finds_the_optimum(lecture: Objective, method: str | None) -> None:
    # TNC counts calls, not iterations.
    limit = {"maxfun": 4000} if method == "TNC" else {"maxiter": 4000}
    found = lecture.minimize([1.0, 1.0], method=method, tol=1e-9, **limit)
    # Powell's method creeps along the narrow valley, and stops early.
    np.testing.assert_allclose(found.x, OPTIMUM, rtol=2e-3 if method == "Powell" else 1e-4)
    np.testing.assert_allclose(found.fun, LOSS, rtol=1e-6 if method == "Powell" else 1e-8)


@pytest.mark.parametrize(
    ("method", "used"),
    [
        *[(method, {"value_and_grad"}) for method in FIRST_ORDER],
        *[(method, {"value"}) for method in VALUE_ONLY],
        *[(method, {"value_and_grad", "hessian"}) for method in SECOND_ORDER],
        ("NEWTON-cg", {"value_and_grad", "hessian"}),
        (None, {"value_and_grad"}),
    ],
)
def test_each_method_gets_the_derivatives_it_takes(method: str | None, used: set[str]) -> None:
    objective, module = bowl(3)
    found = objective.minimize([1.0, 3.0, 0.0], method=method)
    np.testing.assert_allclose(found.x, [0, 1, 2], atol=1e-3)
    assert module.calls.keys() == used


@pytest.mark.parametrize("method", SECOND_ORDER)
def test_many_parameters_take_products_where_the_method_does(method: str) -> None:
    objective, module = bowl(60)
    start = np.arange(60) + 0.1
    found = objective.minimize(start, method=method)
    np.testing.assert_allclose(found.x, np.arange(60), atol=1e-2)
    second = "hessian" if method in ("trust-exact", "dogleg") else "hvp"
    assert module.calls.keys() == {"value_and_grad", second}


def test_the_hessian_can_be_replaced() -> None:
    objective, module = bowl(2)
    objective.minimize([1, 1], method="Newton-CG", hess=None)
    assert module.calls.keys() == {"value_and_grad"}
    objective.minimize([1, 1], method="trust-constr", hess=optimize.BFGS())
    assert module.calls.keys() == {"value_and_grad"}
    objective.minimize([1, 1], method="trust-ncg", hessp=objective.hvp)
    assert module.calls.keys() == {"value_and_grad", "hvp"}


@pytest.mark.parametrize(
    "method", ["L-BFGS-B", "TNC", "SLSQP", "trust-constr", "Nelder-Mead", None]
)
def test_bounds(lecture: Objective, method: str | None) -> None:
    # The optimum of the slope alone, where the intercept stays at its bound.
    X, Y = lecture.data
    slope = np.sum(X * (Y - 10)) / np.sum(X * X)
    # From (5, 1) SciPy 1.17's L-BFGS-B gives up early or not, with the last bit of the loss,
    # whoever computes it.
    start = [9.0, 0.0]
    found = lecture.minimize(start, method, bounds=[(None, 10), (None, None)])
    np.testing.assert_allclose(found.x, [10, slope], rtol=1e-3)


def test_constraints(lecture: Objective) -> None:
    line = optimize.LinearConstraint([[1, 1]], 5, 5)
    found = lecture.minimize([0, 0], "SLSQP", constraints=line, ftol=1e-12)
    np.testing.assert_allclose(found.x.sum(), 5)
    # On that line the gradient is orthogonal to it.
    gradient = lecture.grad(found.x)
    np.testing.assert_allclose(gradient[0], gradient[1], rtol=1e-4)


def test_options_go_where_scipy_wants_them() -> None:
    objective, _ = bowl(2)
    seen: list[Any] = []
    found = objective.minimize([5, 5], method="BFGS", maxiter=1, callback=seen.append)
    assert found.nit == 1
    assert len(seen) == 1
    assert objective.minimize([5, 5], "BFGS", options={"maxiter": 1}).nit == 1
    assert objective.minimize([5, 5], "BFGS", options={"gtol": 1e9}, maxiter=9).nit == 0
    assert objective.minimize([5, 5], method="BFGS", tol=1e9).nit == 0
    with pytest.warns(optimize.OptimizeWarning, match="Unknown solver options: nonsense"):
        objective.minimize([5, 5], "BFGS", nonsense=1)


def test_a_method_of_ones_own() -> None:
    objective, _ = bowl(2)
    seen: dict[str, Any] = {}

    def method(fun: Any, x0: Any, args: Any, **keywords: Any) -> optimize.OptimizeResult:
        seen.update(keywords, value=fun(x0), grad=keywords["jac"](x0))
        return optimize.OptimizeResult(x=x0)

    found = objective.minimize([1, 1], method=method, step=0.5)
    np.testing.assert_array_equal(found.x, [1.0, 1.0])
    assert seen["step"] == 0.5
    assert seen["value"] == 1.0
    np.testing.assert_array_equal(seen["grad"], [2.0, 0.0])


@pytest.mark.parametrize("start", [[0, 0], np.zeros(2, int), {"w1": 0, "w0": 0}, {w0: 0, w1: 0}])
def test_starts(lecture: Objective, start: Any) -> None:
    np.testing.assert_allclose(lecture.minimize(start, "BFGS").x, OPTIMUM, atol=5e-8)


def test_the_start_stays_as_it_was(lecture: Objective) -> None:
    start = np.zeros(2)
    lecture.minimize(start, "L-BFGS-B")
    np.testing.assert_array_equal(start, [0.0, 0.0])


@pytest.mark.parametrize(
    ("start", "kind", "says"),
    [
        ([0], ArgumentValueError, "x0 has 1 entry, but there are 2 parameters: w0, w1"),
        ([[0, 0]], ArgumentValueError, r"x0 has shape \(1, 2\)"),
        ({"w0": 0}, ArgumentValueError, "x0 lacks w1"),
        (["0", "0"], ArgumentTypeError, "x0 holds strings"),
    ],
)
def test_starts_that_do_not_fit(
    lecture: Objective, start: Any, kind: type[Exception], says: str
) -> None:
    with pytest.raises(kind, match=says):
        lecture.minimize(start)


@pytest.mark.parametrize("method", ["BFGS", "trust-exact", "Newton-CG", "Nelder-Mead"])
@pytest.mark.parametrize("start", [3, [3.0], {"w0": 3}])
def test_one_parameter(method: str, start: Any) -> None:
    objective = compile_kernel((w0 - 2) ** 2, params=w0, backend="python").bind()
    np.testing.assert_allclose(objective.minimize(start, method).x, [2.0], atol=1e-4)


@pytest.mark.parametrize("keyword", ["jac", "fun", "args"])
def test_what_the_objective_brings_itself(lecture: Objective, keyword: str) -> None:
    with pytest.raises(ArgumentTypeError, match=f"{keyword}= is not taken"):
        lecture.minimize([0, 0], **{keyword: None})


@pytest.fixture(scope="module")
def residuals() -> Objective:
    definition = define("residual", w0 + w1 * x - y, params=(w0, w1), data=(x, y))
    return compile_kernel(definition, backend="python").bind(*make_specimens())


def test_least_squares(residuals: Objective) -> None:
    for method in ("trf", "lm", "dogbox"):
        found = residuals.least_squares({"w0": 0, "w1": 0}, method=method)
        np.testing.assert_allclose(found.x, OPTIMUM, rtol=1e-7)
        np.testing.assert_allclose(2 * found.cost / 150, LOSS, rtol=1e-12)
    bounded = residuals.least_squares([0, 0], bounds=([0, 0], [10, 10]))
    assert np.all((bounded.x >= 0) & (bounded.x <= 10))


def test_least_squares_of_several_outputs(residuals: Objective) -> None:
    definition = define("both", [w0 + w1 * x - y, (w0 - 1) / 10], params=(w0, w1), data=(x, y))
    objective = compile_kernel(definition, backend="python").bind(*residuals.data)
    found = objective.least_squares([0, 0])
    X, Y = residuals.data
    rows = np.vstack([np.column_stack([np.ones(150), X]), np.tile([0.1, 0.0], (150, 1))])
    expected = np.linalg.lstsq(rows, np.concatenate([Y, np.full(150, 0.1)]), rcond=None)[0]
    np.testing.assert_allclose(found.x, expected, rtol=1e-7)


def test_each_fit_has_its_kind_of_value(lecture: Objective, residuals: Objective) -> None:
    with pytest.raises(UnsupportedFunctionError, match=r"needs a scalar.*least_squares"):
        residuals.minimize([0, 0])
    with pytest.raises(UnsupportedFunctionError, match="linreg is one number: use minimize"):
        lecture.least_squares([0, 0])
    with pytest.raises(ArgumentTypeError, match="jac= is not taken"):
        residuals.least_squares([0, 0], jac="2-point")
    nothing = compile_kernel(x**2, data=x, reduce="sum", backend="python").bind([1.0])
    with pytest.raises(UnsupportedFunctionError, match="nothing to vary"):
        nothing.minimize([])


@pytest.mark.parametrize("method", [*FIRST_ORDER, *SECOND_ORDER])
def test_the_result_is_scipys_own(lecture: Objective, method: str) -> None:
    second = {"hess": lecture.hessian} if method in SECOND_ORDER else {}
    expected = optimize.minimize(
        lecture.value_and_grad, [1.0, 1.0], jac=True, method=method, **second
    )
    found = lecture.minimize([1.0, 1.0], method=method)
    for name in ("x", "fun", "nfev", "njev", "nhev", "nit", "status", "message"):
        if name in expected:
            np.testing.assert_array_equal(found[name], expected[name])


@pytest.mark.parametrize("method", [*FIRST_ORDER, *SECOND_ORDER])
def test_a_point_is_computed_once(method: str) -> None:
    objective, module = bowl(3)
    found = objective.minimize([1.0, 3.0, 0.5], method=method)
    # SciPy counts what it asks for; both halves of a pair are asked for at each point.
    assert module.calls["value_and_grad"] <= max(found.nfev, found.get("njev", 0)) + 1


def test_a_method_of_ones_own_gets_both_functions(lecture: Objective) -> None:
    def descend(fun: Any, x0: Any, args: Any, **options: Any) -> optimize.OptimizeResult:
        p = list(x0)
        step = -1e-4 * np.asarray(options["jac"](p))
        return optimize.OptimizeResult(x=np.add(p, step), fun=fun(np.add(p, step)), success=True)

    found = lecture.minimize([1.0, 1.0], method=descend)
    assert found.fun < lecture.value([1.0, 1.0])
