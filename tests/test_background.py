"""Kernels that compute with one backend while a better one is built."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
import warnings
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import sympy as sp

import symcompile as sc
from symcompile import compiler
from symcompile.errors import CompileError
from symcompile.options import Options

w, x, y = sp.symbols("w x y")
LOSS = (w * x - y) ** 2
COLUMNS = ([1.0, 2.0], [3.0, 5.0])


class Gate:
    """Holds the builds of a backend back until it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, backend: str = "cython") -> None:
        self.opened = threading.Event()
        self.error: Exception | None = None
        self.built: list[tuple[str, ...]] = []
        real = compiler.build

        def build(
            definition: sc.Definition, chosen: Any, options: Options, names: Sequence[str]
        ) -> ModuleType:
            if chosen == backend:
                assert self.opened.wait(60)
                if self.error is not None:
                    raise self.error
                self.built.append(tuple(names))
                chosen = "python"  # which takes no compiler
            return real(definition, chosen, options, names)

        monkeypatch.setattr(compiler, "build", build)
        monkeypatch.setattr(compiler, "_require_toolchain", lambda: None)
        monkeypatch.setattr(compiler, "_is_cached", lambda *_: False)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    return Gate(monkeypatch)


def compiled(**options: Any) -> sc.Kernel:
    definition = sc.define("later", LOSS, params=w, data=(x, y), reduce="sum")
    return sc.compile(definition, backend="cython", meanwhile="python", **options)


def test_it_computes_at_once_and_changes_over(gate: Gate) -> None:
    kernel = compiled()
    assert kernel.backend == "python"
    before = kernel.value_and_grad([2.0], *COLUMNS)
    assert not kernel.wait(0.01)
    gate.opened.set()
    assert kernel.wait(60)
    assert kernel.backend == "cython" and gate.built == [kernel.functions]
    np.testing.assert_array_equal(before[1], kernel.value_and_grad([2.0], *COLUMNS)[1])


def test_what_is_bound_changes_over(gate: Gate) -> None:
    kernel = compiled()
    objective = kernel.bind(*COLUMNS)
    before = objective.__dict__["value"]
    value = objective.value([2.0])
    gate.opened.set()
    assert kernel.wait(60)
    assert objective.__dict__["value"] is not before
    assert objective.value([2.0]) == value


def test_a_failed_build_is_said_once(gate: Gate) -> None:
    gate.error = CompileError("no such luck.")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        kernel = compiled()
        gate.opened.set()
        assert not kernel.wait(60)
        kernel._background.start(kernel, ("value",))  # type: ignore[union-attr]
        kernel.wait(60)
    said = [str(w.message) for w in caught if issubclass(w.category, RuntimeWarning)]
    assert said == ["no such luck. The kernel later stays with python."]
    assert kernel.backend == "python"
    assert kernel.value([2.0], *COLUMNS) == 2.0


def test_large_definitions_change_function_by_function(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiler, "_EAGER_OPERATIONS", 0)
    gate.opened.set()
    kernel = compiled()
    assert kernel.loaded == ()
    kernel.value([2.0], *COLUMNS)
    assert kernel.wait(60) and kernel.backend == "cython"
    kernel.grad([2.0], *COLUMNS)
    assert kernel.wait(60)
    assert gate.built == [("value",), ("grad",)]


def test_pickling(gate: Gate) -> None:
    kernel = compiled()
    copy = pickle.loads(pickle.dumps(kernel))
    assert copy.backend == "python"
    assert copy.value([2.0], *COLUMNS) == 2.0
    gate.opened.set()
    assert copy.wait(60) and copy.backend == "cython"
    assert kernel.wait(60)


def budgeted(seconds: float, **options: Any) -> sc.Kernel:
    definition = sc.define("later", LOSS, params=w, data=(x, y), reduce="sum")
    return sc.compile(definition, backend="cython", budget=seconds, **options)


def test_what_is_built_within_the_budget_is_used_at_once(gate: Gate) -> None:
    gate.opened.set()
    kernel = budgeted(60)
    assert kernel.backend == "cython" and gate.built == [kernel.functions]
    assert kernel.value([2.0], *COLUMNS) == 2.0


def test_after_the_budget_it_computes_without(gate: Gate) -> None:
    kernel = budgeted(0.05)
    assert kernel.backend == "python"
    assert kernel.value([2.0], *COLUMNS) == 2.0
    gate.opened.set()
    assert kernel.wait(60) and kernel.backend == "cython"
    assert gate.built == [kernel.functions]


def test_no_budget_at_all_waits_for_nothing(gate: Gate) -> None:
    kernel = budgeted(0)
    assert kernel.backend == "python"
    gate.opened.set()
    assert kernel.wait(60) and kernel.backend == "cython"


def test_each_function_of_a_large_definition_has_the_budget(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiler, "_EAGER_OPERATIONS", 0)
    kernel = budgeted(0.05)
    kernel.value([2.0], *COLUMNS)
    assert kernel.backend == "python"
    gate.opened.set()
    assert kernel.wait(60)
    kernel._background.budget = 60.0  # type: ignore[union-attr]
    kernel.grad([2.0], *COLUMNS)
    assert kernel.backend == "cython" and gate.built == [("value",), ("grad",)]


def test_a_build_that_fails_within_the_budget(gate: Gate) -> None:
    gate.error = CompileError("no such luck.")
    gate.opened.set()
    with pytest.warns(RuntimeWarning, match="no such luck. The kernel later stays with python."):
        kernel = budgeted(60)
    assert kernel.backend == "python" and kernel.value([2.0], *COLUMNS) == 2.0


def test_a_budget_survives_pickling(gate: Gate) -> None:
    gate.opened.set()
    copy = pickle.loads(pickle.dumps(budgeted(60)))
    assert copy.backend == "cython" and copy._background.budget == 60.0


@pytest.mark.parametrize("budget", [-1.0, float("nan"), float("inf"), "2", True])
def test_what_is_no_budget(budget: Any) -> None:
    with pytest.raises(sc.SymcompileError, match="seconds"):
        sc.compile(w**2, params=w, backend="python", budget=budget)


def test_without_it_there_is_nothing_to_wait_for() -> None:
    kernel = sc.compile(w**2, params=w, backend="python", meanwhile="python")
    assert kernel.backend == "python" and kernel.wait()
    with pytest.raises(sc.SymcompileError, match="no backend 'fortran'"):
        sc.compile(w**2, params=w, backend="numba", meanwhile="fortran")  # type: ignore[arg-type]


def test_a_real_build_and_then_the_cache(tmp_path: Path) -> None:
    options = sc.Options(cache_dir=tmp_path)
    kernel = compiled(options=options)
    assert kernel.value([2.0], *COLUMNS) == 2.0
    assert kernel.wait(300) and kernel.backend == "cython"
    assert kernel.value([2.0], *COLUMNS) == 2.0
    assert compiled(options=options).backend == "cython"


def test_a_program_that_ends_does_not_wait(tmp_path: Path) -> None:
    code = """
import time, sympy as sp, symcompile as sc
from symcompile import compiler
real = compiler.build
def build(definition, backend, options, names):
    if backend == "cython":
        time.sleep(60)
    return real(definition, backend, options, names)
compiler.build = build
compiler._require_toolchain = lambda: None
x = sp.Symbol("x")
print(sc.compile(x**2, params=x, backend="cython", meanwhile="python").value([3.0]))
"""
    env = {"SYMCOMPILE_CACHE_DIR": str(tmp_path), "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=env,
        capture_output=True,
        text=True,
        timeout=45,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "9.0\n", "")
