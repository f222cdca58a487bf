"""The driver: choosing a backend, options, and what is compiled when."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import sympy as sp

import symcompile as sc
from symcompile.compiler import emit, functions_of, plan

a, b, x, lam = sp.symbols("a b x lam")


def run(code: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=True,
    )


def test_define_and_compile_in_one_call() -> None:
    k = sc.compile(a**2 * x + lam, params=a, data=x, reduce="sum", constants={lam: 2.0})
    assert k.backend in sc.BACKENDS
    assert k.value([3], [1, 2]) == 9 * 3 + 2 * 2.0
    assert k.value([3], [1, 2], lam=0) == 27


def test_a_definition_has_its_roles_already() -> None:
    definition = sc.define("f", a, params=a)
    with pytest.raises(sc.SymcompileError, match="already"):
        sc.compile(definition, params=a)


def test_unknown_backend_names_those_there_are() -> None:
    with pytest.raises(sc.BackendError, match="python, numba, cython"):
        sc.compile(a, params=a, backend="fortran")  # type: ignore[arg-type]
    with pytest.raises(ValueError):
        sc.lambdify(a, a, backend="fortran")  # type: ignore[arg-type]


def test_without_a_compiler_all_other_backends_work() -> None:
    done = run(
        """
        import warnings, sympy as sp, symcompile as sc
        a = sp.Symbol("a")
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            first = sc.compile(a**2, params=a)
            second = sc.compile(a**3, params=a)
        print(first.backend, second.backend, first.value([3]), len(said))
        try:
            sc.compile(a**2, params=a, backend="cython")
        except sc.ToolchainError as error:
            print("refused:", error)
        """,
        CC="no-such-compiler",
    )
    head, refused = done.stdout.splitlines()
    assert head == "llvm llvm 9.0 0"
    assert refused.startswith("refused:")
    assert "compiler" in refused and "no-such-compiler" in refused


def test_what_cannot_run_here_is_passed_over_and_said_once() -> None:
    """Without LLVM comes the Cython backend, without a compiler Numba."""
    done = run(
        """
        import warnings, sympy as sp, symcompile as sc
        from symcompile import compiler
        from symcompile.errors import ToolchainError
        def refuse():
            raise ToolchainError("no llvm here.")
        compiler._require_llvm = refuse
        a = sp.Symbol("a")
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            first = sc.compile(a**2, params=a)
            second = sc.compile(a**3, params=a)
        print(first.backend, second.backend, first.value([3]), len(said))
        for one in said:
            print(one.message)
        """,
        CC="no-such-compiler",
    )
    head, first, second = done.stdout.splitlines()
    assert head == "numba numba 9.0 2"
    assert "no llvm here" in first
    assert "no-such-compiler" in second


def test_importing_costs_little_more_than_sympy() -> None:
    done = run(
        """
        import sys, sympy, symcompile
        heavy = ("numba", "Cython", "scipy", "jinja2", "matplotlib", "pandas", "rich", "click")
        print([name for name in heavy if name in sys.modules])
        """
    )
    assert done.stdout.strip() == "[]"


def test_functions_depend_on_what_is_returned() -> None:
    scalar = sc.define("f", a * b, params=(a, b))
    vector = sc.define("g", [a, b], params=(a, b))
    nothing = sc.define("h", x, data=x)
    assert "hessian" in functions_of(scalar)
    assert functions_of(vector) == ("value", "jacobian", "jvp", "vjp")
    assert functions_of(nothing) == ("value",)
    with pytest.raises(sc.UnsupportedFunctionError):
        plan(vector, ["grad"])


def test_large_graphs_are_compiled_function_by_function(tmp_path: Path) -> None:
    steps, last = [], a
    for k in range(600):
        name = sp.Symbol(f"f{k}")
        steps.append((name, sp.sin(last) * b + last / 3))
        last = name
    options = sc.Options(cache_dir=tmp_path)
    k = sc.compile(sc.define("deep", steps, params=(a, b)), backend="python", options=options)
    assert not list(tmp_path.rglob("*_python.py"))
    value, grad = k.value_and_grad([0.3, 0.9])
    (source,) = tmp_path.rglob("*_python.py")
    assert "def value_and_grad" in source.read_text()
    assert "def hessian" not in source.read_text()
    assert value == k.value([0.3, 0.9])
    step = 1e-6
    difference = (k.value([0.3, 0.9 + step]) - k.value([0.3, 0.9 - step])) / (2 * step)
    assert grad[1] == pytest.approx(difference, rel=1e-6)


@pytest.mark.parametrize("backend", sc.BACKENDS)
def test_a_hash_seed_changes_no_byte(backend: sc.Backend) -> None:
    code = f"""
        import hashlib, sympy as sp, symcompile as sc
        from symcompile.compiler import emit, plan
        a, b, x, y = sp.symbols("a b x y")
        d = sc.define("f", [sp.Piecewise((sp.sqrt(a*x), a > x), (sp.Max(a, b, x, y), True)),
                            sp.log(1 + sp.exp(a*b*x)) + a**b + x*y + sp.erf(b)],
                      params=(a, b), data=(x, y))
        print(hashlib.sha256(emit(d, plan(d), "{backend}").encode()).hexdigest())
    """
    assert len({run(code, PYTHONHASHSEED=seed).stdout for seed in ("0", "4711")}) == 1


def test_a_hash_seed_changes_no_byte_of_loops() -> None:
    names = ("gmm", "mlp_matrix", "softmax_labels", "matfac", "neighbours", "normalised")
    code = f"""
        import hashlib, sys, symcompile as sc
        sys.path.insert(0, {str(Path(__file__).parents[1])!r})
        from symcompile.compiler import emit, plan
        from tests.models import MODELS
        for model in MODELS:
            if model.name in {names}:
                d = sc.define(model.name, **model.make())
                plans = plan(d)
                for backend in sc.BACKENDS:
                    source = emit(d, plans, backend)
                    print(model.name, backend, hashlib.sha256(source.encode()).hexdigest())
    """
    found = {run(code, PYTHONHASHSEED=seed).stdout for seed in ("0", "4711")}
    assert len(found) == 1
    assert found.pop().count("\n") == 4 * len(names)


def test_a_scalar_definition_emits_no_loop() -> None:
    definition = sc.define("f", a * sp.sin(b), params=(a, b))
    source = emit(definition, plan(definition), "cython").split("sc_polygamma")[-1]
    code, others, _ = source.partition("/* The variables a, b:")  # what other programs call
    assert others and "static int f_vjp_core(" in code
    assert "for (" not in code


def test_results_do_not_depend_on_strides() -> None:
    k = sc.compile((a * x - b) ** 2, params=(a, b), data=x, reduce="mean", backend="cython")
    table = np.random.default_rng(0).normal(size=(3000, 4))
    assert k.value([1, 2], table[:, 1]) == k.value([1, 2], table[:, 1].copy())
    assert k.value([1, 2], table[::-1, 1]) == pytest.approx(k.value([1, 2], table[:, 1]))


@pytest.mark.parametrize("backend", sc.BACKENDS)
def test_sums_do_not_lose_digits_as_they_grow(backend: sc.Backend) -> None:
    k = sc.compile(a * x, params=a, data=x, reduce="sum", backend=backend)
    column = np.full(3_000_000, 0.1)
    exact = 3_000_000 * 0.1000000000000000055511151231257827
    assert abs(k.value([1.0], column) - exact) / exact < 4e-15
