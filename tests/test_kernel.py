"""Kernels and objectives: how they are called, bound and shown.

The modules are written by hand with NumPy, so that the tests judge the run time alone.
"""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import sympy as sp

from symcompile.errors import (
    ArgumentTypeError,
    ArgumentValueError,
    SymcompileError,
    UnsupportedFunctionError,
)
from symcompile.frontend.definition import define
from symcompile.kernel import Kernel
from symcompile.objective import Objective
from symcompile.options import Options
from tests.fakes import (
    BAD_CALLS,
    BAD_VECTORS,
    FUNCTIONS,
    Linreg,
    P,
    Residuals,
    V,
    X,
    Y,
    lam,
    linreg,
    residuals,
    w0,
    w1,
    x,
)


@pytest.fixture
def kernel() -> Kernel:
    return Kernel(linreg(), "python", Options(), Linreg)


def _same(found: Any, expected: Any) -> None:
    if isinstance(expected, tuple):
        assert len(found) == len(expected)
        for a, b in zip(found, expected, strict=True):
            _same(a, b)
    else:
        assert type(found) is type(expected)
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_reaches_the_module(kernel: Kernel, name: str) -> None:
    vectors = FUNCTIONS[name]
    expected = getattr(Linreg((name, "value", "grad", "hessian")), name)(*vectors, X, Y)
    _same(getattr(kernel, name)(*vectors, X, Y), expected)
    lists = [2.0] if name == "vjp" else [list(v) for v in vectors[1:]]
    again = getattr(kernel, name)(P.tolist(), *lists, X.tolist(), tuple(Y))
    _same(again, expected)
    _same(getattr(kernel.bind(X, Y), name)(*vectors), expected)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_constants_reach_the_module(kernel: Kernel, name: str) -> None:
    vectors = FUNCTIONS[name]
    module = Linreg((name, "value", "grad", "hessian"))
    expected = getattr(module, name)(*vectors, X, Y, lambda_=3.0)
    constants = {"lambda": 3}
    _same(getattr(kernel, name)(*vectors, X, Y, **constants), expected)
    _same(getattr(kernel.bind(X, Y, **constants), name)(*vectors), expected)


def test_good_arguments_go_to_the_module_as_they_are(kernel: Kernel) -> None:
    module: Any = kernel.module
    strided = np.repeat(X, 2)[::2]
    kernel.value(P, strided, Y)
    assert module.calls == 1


@pytest.mark.parametrize("kind", ["float32", "int64", "bool", "longdouble", ">f8", "object"])
def test_dtypes(kernel: Kernel, kind: str) -> None:
    column = np.array([1, 0, 1]).astype(kind)
    expected = kernel.value(P, np.array([1.0, 0.0, 1.0]), Y)
    assert kernel.value(P, column, Y) == expected
    assert kernel.bind(column, Y).value(P) == expected


@pytest.mark.parametrize("bound", [False, True])
def test_tables(kernel: Kernel, bound: bool) -> None:
    pd = pytest.importorskip("pandas")
    expected = kernel.value(P, X, Y)
    frame = pd.DataFrame({"y": Y, "unused": "text", "x": X})
    records = np.rec.fromarrays([Y, X], names="y,x")
    for table in (frame, {"y": list(Y), "x": X}, records):
        found = kernel.bind(table).value(P) if bound else kernel.value(P, table)
        assert found == expected
    series = (frame["x"], frame["y"])
    assert (kernel.bind(*series).value(P) if bound else kernel.value(P, *series)) == expected


def _alone(error: BaseException) -> bool:
    """Whether the traceback shows no second error to distract."""
    return error.__context__ is None or error.__suppress_context__


@pytest.mark.parametrize(("args", "keywords", "kind", "says"), BAD_CALLS)
def test_calls_that_cannot_work(
    kernel: Kernel, args: Any, keywords: Any, kind: type[Exception], says: str
) -> None:
    with pytest.raises(kind) as caught:
        kernel.value_and_grad(*args, **keywords)
    assert says in str(caught.value)
    assert isinstance(caught.value, SymcompileError)
    assert _alone(caught.value)
    with pytest.raises(kind) as caught:
        kernel.bind(*args[1:], **keywords)
    assert says.replace("value_and_grad(p, ", "bind(") in str(caught.value)


@pytest.mark.parametrize(("p", "kind", "says"), BAD_VECTORS)
def test_parameters_that_cannot_work(
    kernel: Kernel, p: Any, kind: type[Exception], says: str
) -> None:
    # Generated modules refuse these themselves; the fake one need not.
    def refuse(*_: Any, **__: Any) -> None:
        raise TypeError("the module says so")

    module: Any = kernel.module
    module.__dict__["grad"] = refuse
    kernel = Kernel(linreg(), "python", Options(), lambda _: module)
    for call in (lambda: kernel.grad(p, X, Y), lambda: kernel.bind(X, Y).grad(p)):
        with pytest.raises(kind, match=says) as caught:
            call()
        assert _alone(caught.value)


def test_directions_that_cannot_work(kernel: Kernel) -> None:
    for call in (
        lambda: kernel.hvp(P, [1.0], X, Y),
        lambda: kernel.bind(X, Y).hvp(P, np.ones(1)),
    ):
        with pytest.raises(ArgumentValueError, match="v has 1 entry"):
            call()
    # One argument too few: what is missing stands in the signature.
    with pytest.raises(ArgumentTypeError, match=r"linreg.hvp\(p, v, x, y"):
        kernel.hvp(P, X, Y)


def test_cotangents_are_shaped_like_the_value() -> None:
    kernel = Kernel(residuals(), "python", Options(), lambda _: Residuals("fake"), ("value",))
    u = np.arange(6.0).reshape(3, 2)
    expected = Residuals("fake").vjp(P, u, X, Y)
    np.testing.assert_array_equal(kernel.vjp(P, u.tolist(), X, Y), expected)
    np.testing.assert_array_equal(kernel.bind(X, Y).vjp(P, u), expected)
    with pytest.raises(ArgumentValueError, match=r"u has shape \(2, 3\).*the value, \(3, 2\)"):
        kernel.vjp(P, u.T, X, Y)


@pytest.mark.parametrize(
    ("error", "kind"), [(ValueError, ArgumentValueError), (TypeError, ArgumentTypeError)]
)
def test_what_the_module_refuses_is_passed_on(
    error: type[Exception], kind: type[Exception]
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise error("the module says so")

    module: Any = ModuleType("fake")
    module.CONSTANTS = (("lambda_", 0.25),)
    module.value = refuse
    kernel = Kernel(linreg(), "python", Options(), lambda _: module, ("value",))
    for call in (lambda: kernel.value(P, X, Y), lambda: kernel.bind(X, Y).value(P)):
        with pytest.raises(kind, match=r"linreg\.value\(p, x, y.*the module says so"):
            call()


def test_errors_of_other_kinds_pass_unchanged() -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise MemoryError

    module: Any = ModuleType("fake")
    module.CONSTANTS = (("lambda_", 0.25),)
    module.value = fail
    kernel = Kernel(linreg(), "python", Options(), lambda _: module, ("value",))
    with pytest.raises(MemoryError):
        kernel.value(P, X, Y)


def test_functions_are_loaded_when_first_used() -> None:
    asked: list[tuple[str, ...]] = []

    def load(names: tuple[str, ...]) -> ModuleType:
        asked.append(names)
        return Linreg((*names, "grad", "hessian"))

    lazy = Kernel(linreg(), "python", Options(), load, ("value",))
    assert asked == [("value",)]
    lazy.hvp(P, V, X, Y)
    lazy.hvp(P, V, X, Y)
    objective = lazy.bind(X, Y)
    held = objective.grad
    _same(held(P), lazy.grad(P, X, Y))
    _same(held(P), objective.grad(P))
    assert asked == [("value",), ("hvp",), ("grad",)]

    asked.clear()
    nothing = Kernel(linreg(), "python", Options(), load, ())
    assert asked == []
    assert nothing.module is nothing.module
    nothing.value(P, X, Y)
    assert asked == [("value",)]


def test_functions_that_a_definition_cannot_have() -> None:
    kernel = Kernel(residuals(), "python", Options(), lambda _: Residuals("fake"), ("value",))
    for name in ("grad", "value_and_grad", "hessian"):
        for owner, args in ((kernel, (P, X, Y)), (kernel.bind(X, Y), (P,))):
            with pytest.raises(UnsupportedFunctionError) as caught:
                getattr(owner, name)(*args)
            text = str(caught.value)
            assert f"residuals.{name} needs a scalar" in text
            assert "shape (n, 2): use jacobian, jvp or vjp" in text
            assert 'reduce="mean"' in text
    matrix = define("pair", [w0, w1], params=(w0, w1))
    kernel = Kernel(matrix, "python", Options(), Linreg)
    with pytest.raises(UnsupportedFunctionError, match=r"shape \(2,\): use jacobian, jvp or vjp$"):
        kernel.hvp(P, V)
    fixed = Kernel(define("f", x**2, data=x, reduce="sum"), "python", Options(), Linreg)
    assert fixed.functions == ("value",)
    with pytest.raises(UnsupportedFunctionError, match=r"f.grad does not exist.*params="):
        fixed.grad([], X)


def test_constants_without_a_default_are_needed() -> None:
    definition = define(
        "f", lam * w0 * x, params=w0, data=x, reduce="sum", constants=(lam, sp.Symbol("ϕ"))
    )

    class Module(ModuleType):
        CONSTANTS = (("lambda_", None), ("phi", None))

        def value(self, p: Any, X: Any, *, lambda_: float, phi: float) -> float:
            return float(lambda_ * p[0] * np.sum(X) + phi)

    kernel = Kernel(definition, "python", Options(), lambda _: Module("fake"), ("value",))
    for call in (lambda: kernel.value([1], X), lambda: kernel.bind(X)):
        with pytest.raises(ArgumentTypeError, match="needs the constant lambda, ϕ: pass lambda="):
            call()
    # Python reads ϕ=1 as φ=1.
    assert kernel.value([2], X, ϕ=1, **{"lambda": 3}) == 43.0
    assert kernel.value(2, X, **{"lambda": 3, "ϕ": 1}) == 43.0
    objective = kernel.bind(X, **{"lambda": 3, "ϕ": 1})
    assert objective.value([2]) == 43.0
    assert objective.constants == {"lambda": 3.0, "ϕ": 1.0}


def test_constants_may_be_called_as_arguments_are() -> None:
    definition = define(
        "f", w0 * sp.Symbol("p") * sp.Symbol("self"), params=w0, constants=sp.symbols("p self")
    )

    class Module(ModuleType):
        CONSTANTS = (("p_", None), ("self_", None))

        def value(self, p: Any, *, p_: float, self_: float) -> float:
            return float(p[0] * p_ * self_)

    kernel = Kernel(definition, "python", Options(), lambda _: Module("fake"), ("value",))
    constants = {"p": 3, "self": 5}
    assert kernel.value([2.0], **constants) == 30.0
    assert kernel.bind(**constants).value([2.0]) == 30.0


def test_bind_refuses_constants_called_as_its_options_are() -> None:
    copy = sp.Symbol("copy")
    definition = define("f", w0 * copy, params=w0, constants={copy: 1})
    kernel = Kernel(definition, "python", Options(), Linreg, ())
    with pytest.raises(ArgumentTypeError, match=r"constant copy .*rename"):
        kernel.bind()


def test_bind_refers_to_the_data_or_copies_them(kernel: Kernel) -> None:
    changing = X.copy()
    assert kernel.bind(changing, Y).data[0] is changing
    objective = kernel.bind(changing, Y, copy=True)
    before = objective.value(P)
    changing += 1
    assert objective.value(P) == before
    assert kernel.bind(changing, Y).value(P) != before


def test_bind_checks_for_finite_data(kernel: Kernel) -> None:
    bad = np.array([1.0, np.nan, 2.0])
    assert np.isnan(kernel.bind(X, bad).value(P))
    with pytest.raises(ArgumentValueError, match="column y is nan at row 1"):
        kernel.bind(X, bad, check_finite=True)
    assert kernel.bind(X, Y, check_finite=True).value(P) == kernel.value(P, X, Y)


def test_data_go_when_the_objective_goes(kernel: Kernel) -> None:
    column = X.copy()
    gone = weakref.ref(column)
    objective = kernel.bind(column, Y)
    objective.value(P)
    gc.disable()
    try:
        del objective, column
        assert gone() is None
    finally:
        gc.enable()


def test_one_parameter_may_be_a_number() -> None:
    definition = define("f", w0**2, params=w0)

    class Module(ModuleType):
        CONSTANTS = ()

        def value(self, p: Any) -> float:
            if np.ndim(p) != 1:
                raise ValueError("the module says so")
            return float(p[0] ** 2)

    kernel = Kernel(definition, "python", Options(), lambda _: Module("fake"), ("value",))
    assert kernel.value(3) == kernel.value([3]) == kernel.bind().value(np.float64(3)) == 9.0
    with pytest.raises(ArgumentTypeError, match=r"f.value\(p\) takes 0 data columns; 1 given"):
        kernel.value(3, X)


def test_what_they_say_of_themselves(kernel: Kernel) -> None:
    assert repr(kernel) == (
        "<kernel linreg: python, 2 parameters, data (x, y), constants (lambda), reduce mean>"
    )
    assert kernel._repr_latex_() == kernel.definition._repr_latex_()
    assert kernel.params == ("w0", "w1")
    assert kernel.data == ("x", "y")
    assert kernel.constants == ("lambda",)
    objective = kernel.bind(X, Y)
    assert repr(objective) == "<objective linreg: python, 2 parameters, 3 samples, lambda=0.25>"
    assert objective.n_samples == 3
    assert objective.params == ("w0", "w1")
    assert objective.value.__doc__ == Objective.value.__doc__
    bare = Kernel(define("f", w0, params=w0), "cython", Options(), Linreg, ())
    assert repr(bare) == "<kernel f: cython, 1 parameter>"
    assert repr(bare.bind()) == "<objective f: cython, 1 parameter>"
    assert bare.bind().n_samples is None


@pytest.mark.parametrize("name", FUNCTIONS)
def test_methods_are_documented(name: str) -> None:
    assert getattr(Kernel, name).__doc__
    assert getattr(Objective, name).__doc__


def test_source_is_the_text_of_the_module(tmp_path: Path) -> None:
    (tmp_path / "f_python.py").write_text("the Python", encoding="utf-8")
    (tmp_path / "f_cython.pyx").write_text("the Cython", encoding="utf-8")
    for file, text in (
        ("f_python.py", "the Python"),
        ("f_cython.cpython-311-x86_64-linux-gnu.so", "the Cython"),
    ):
        module = Linreg(("value",))
        module.__name__ = f"some.package.{file.split('.')[0]}"
        module.__file__ = str(tmp_path / file)
        kernel = Kernel(linreg(), "any", Options(), lambda _, m=module: m, ("value",))
        assert kernel.source == text
