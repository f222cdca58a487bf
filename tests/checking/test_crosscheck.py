"""Cross-checks: right kernels pass, broken ones fail and are named."""

from __future__ import annotations

import io
import json
import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp
from rich.console import Console

from symcompile import compile as compile_definition
from symcompile import crosscheck, define
from symcompile.checking.fitcheck import compare_fits
from symcompile.checking.report import Fit, Report, Row
from symcompile.errors import ArgumentValueError, BackendError, CompileError, ToolchainError
from symcompile.frontend.definition import Definition

module = sys.modules["symcompile.checking.crosscheck"]  # the package's attribute is the function

w0, w1, x, y = sp.symbols("w0 w1 x y")
LINREG = define("linreg", (w0 + w1 * x - y) ** 2, params=(w0, w1), data=(x, y), reduce="mean")
FIELD = define("field", [sp.sin(w0) * x, w1 / x], params=(w0, w1), data=x)
RANDOM = np.random.default_rng(1)
X = RANDOM.uniform(2, 7, 40)
Y = 12 - 0.7 * X + RANDOM.normal(size=40)

Change = Callable[[Any], Any]


class Broken:
    """A kernel whose functions return something else."""

    def __init__(self, kernel: Any, changes: dict[str, Change]) -> None:
        self._kernel, self._changes = kernel, changes

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._kernel, name)
        change = self._changes.get(name)
        if change is None:
            return method
        return lambda *args, **kwargs: change(method(*args, **kwargs))


def check(definition: Definition, *data: Any, **kwargs: Any) -> Report:
    return crosscheck(definition, *data, **{"time_calls": False, "quiet": True, **kwargs})


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Report]:
    """Check LINREG with Python kernels under every name, the one called numba broken."""

    def run(definition: Definition = LINREG, *data: Any, **changes: Change) -> Report:
        python = compile_definition(definition, backend="python")

        def stand_in(definition: Definition, backend: str, options: Any) -> Any:
            return Broken(python, changes) if backend == "numba" else python

        monkeypatch.setattr(module, "_compile", stand_in)
        return check(definition, *(data or (X, Y)))

    return run


def rows(report: Report, backend: str) -> dict[str, Row]:
    return {row.function: row for row in report.rows if row.backend == backend}


def test_right_kernels_pass() -> None:
    report = check(LINREG, X, Y)
    assert report.ok, str(report)
    assert report.failures == ()
    assert 0 < report.max_ulp <= 16
    functions = "value grad value_and_grad hessian hvp jacobian jvp vjp".split()
    for backend in {row.backend for row in report.rows if row.function}:
        assert list(rows(report, backend)) == functions
    fits = report.fits
    assert fits
    assert all(fit.agrees for fit in fits)
    slope, start = np.polyfit(X, Y, 1)
    assert fits[0].x == pytest.approx((start, slope), rel=1e-4)
    assert "The oracle agrees with SymPy's diff: value, grad, hessian." in report.notes


def test_right_kernels_pass_with_vectors_constants_and_a_mapping() -> None:
    report = check(FIELD, {"x": X}, oracle_samples=10)
    assert report.ok, str(report)
    assert set(rows(report, "python")) == {"value", "jacobian", "jvp", "vjp"}
    lam = sp.Symbol("lam")
    ridge = define("ridge", w0**2 * lam + sp.exp(w0), params=w0, constants=(lam,))
    assert check(ridge, constants={lam: 0.5}).ok
    assert check(define("sine", sp.sin(x), data=x), X).ok
    assert check(define("number", sp.pi)).ok


def test_backends_may_be_broken_by_a_little(broken: Callable[..., Report]) -> None:
    report = broken(grad=lambda grad: grad * (1 + 1e-10))
    assert not report.ok
    assert report.max_ulp > 1e3
    assert not rows(report, "numba")["grad"].ok
    assert rows(report, "python")["grad"].ok is False  # it differs from another
    assert rows(report, "cython")["value"].ok
    assert any(failure.startswith("numba: grad is off by") for failure in report.failures)
    assert not any(failure.startswith("python:") for failure in report.failures)
    assert "NOT OK" in str(report)


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("hessian", lambda h: -h, "hessian is off by"),
        ("value_and_grad", lambda pair: (pair[0], -pair[1]), "value_and_grad is off by"),
        ("hvp", lambda h: h + np.array([0.0, 1e-9]), "[1] computed"),
        ("grad", lambda g: g[:1], "grad has shape (1,), not (2,)"),
        ("grad", lambda g: g.astype(np.float32), "grad has dtype float32, not float64"),
        ("grad", list, "grad returns list, not an array"),
        ("value", lambda v: np.array([v]), "value returns ndarray, not a float"),
        ("value_and_grad", lambda pair: pair[0], "value_and_grad returns float, not a tuple"),
        ("value", lambda v: math.nan, "value is off by inf"),
        ("jvp", lambda v: 1 / 0, "jvp raised ZeroDivisionError"),
    ],
)
def test_breakages_are_named(
    broken: Callable[..., Report], name: str, change: Change, words: str
) -> None:
    report = broken(**{name: change})
    assert not report.ok
    named = [failure for failure in report.failures if words in failure]
    assert named
    assert all(failure.startswith("numba: ") for failure in named)
    assert not rows(report, "numba")[name].ok


def test_samples_that_the_oracle_does_not_see(broken: Callable[..., Report]) -> None:
    column = np.linspace(1.0, 2.0, 1000)

    def last_but_one(value: Any) -> Any:
        value = value.copy()
        if len(value) == 1000:
            value[-2] *= 1 + 1e-12
        return value

    report = broken(FIELD, column, value=last_but_one)
    seen = rows(report, "numba")["value"].conditioned_ulp
    assert seen is not None
    assert seen <= 16
    assert any("numba and python differ in value" in failure for failure in report.failures)


def test_fits_that_differ() -> None:
    def bowl(x: np.ndarray) -> tuple[float, np.ndarray]:
        return float(x @ x), 2 * x

    def moved(x: np.ndarray) -> tuple[float, np.ndarray]:
        return bowl(x - 1e-6)

    def linear(x: np.ndarray) -> tuple[float, np.ndarray]:
        return float(x.sum()), np.ones_like(x)

    start = np.array([1.0, 2.0])
    assert [fit.agrees for fit in compare_fits({"a": bowl, "b": bowl}, start)] == [True, True]
    assert [fit.agrees for fit in compare_fits({"a": bowl, "b": moved}, start)] == [True, False]
    # Without a minimum there is nothing to agree about.
    assert compare_fits({"a": linear, "b": bowl}, start)[1].agrees is None


def test_backends_that_are_not_available(monkeypatch: pytest.MonkeyPatch) -> None:
    def only_python(definition: Definition, backend: str, options: Any) -> Any:
        if backend == "cython":
            raise ToolchainError("there is no C compiler")
        if backend == "numba":
            raise ImportError("no numba")
        return compile_definition(definition, backend="python")

    monkeypatch.setattr(module, "_compile", only_python)
    report = check(LINREG, X, Y)
    assert report.ok
    assert any("cython: not available: there is no C compiler" in note for note in report.notes)
    assert "not available" in str(report)
    wanted = check(LINREG, X, Y, backends=["python", "cython"])
    assert not wanted.ok
    assert "there is no C compiler" in wanted.failures[0]


def test_source_that_does_not_compile_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def stand_in(definition: Definition, backend: str, options: Any) -> Any:
        if backend == "cython":
            raise CompileError("line 3: expected ;")
        return compile_definition(definition, backend="python")

    monkeypatch.setattr(module, "_compile", stand_in)
    report = check(LINREG, X, Y)
    assert [f for f in report.failures if f == "cython: does not compile: line 3: expected ;"]


def test_points() -> None:
    # Finite for 1 < w0 alone, which takes the later of the points that are tried.
    narrow = define("narrow", sp.log(sp.log(w0)), params=w0)
    assert check(narrow, backends=["python"]).ok
    nowhere = define("nowhere", sp.sqrt(-1 - w0**2), params=w0)
    with pytest.raises(ArgumentValueError, match="p="):
        check(nowhere, backends=["python"])
    kink = check(define("kink", sp.Abs(w0), params=w0), p=[0.0], backends=["python"], fit=False)
    assert kink.ok
    missing = "grad: not compared with the oracle: no finite value or derivative at this p"
    assert missing in kink.notes
    assert rows(kink, "python")["grad"].ulp is None
    with pytest.raises(BackendError, match="fortran"):
        check(LINREG, X, Y, backends=["fortran"])


def test_named_intermediates_have_no_sympy_reference() -> None:
    t = sp.Symbol("t")
    named = define("named", [(t, sp.sin(w0)), t**2 + t], params=w0)
    report = check(named, backends=["python"])
    assert report.ok
    assert any("SymPy's diff: not compared" in note for note in report.notes)


def test_printing_and_timing() -> None:
    console = Console(file=io.StringIO(), width=100)
    report = crosscheck(LINREG, X, Y, backends=["python"], console=console)
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    assert "cross-check of linreg" in printed
    assert report.verdict() in printed
    assert max(map(len, str(report).splitlines())) <= 100
    for row in report.rows:
        assert row.seconds is not None
        assert row.seconds > 0
    assert rows(report, "python")["grad"].speedup is not None


def test_reports_as_json() -> None:
    report = Report(
        "f",
        (Row("python", "value", math.inf, math.inf, 0.0, 1e-6, 2.0, False),),
        16.0,
        (Fit("python", (1.0, math.nan), 2.0, 3, 4, True),),
        ("python: value is off",),
    )
    found = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert found["ok"] is False
    assert found["rows"][0]["ulp"] == "inf"
    assert found["fits"][0]["x"] == [1.0, "nan"]
    assert "wrong" in str(report)
