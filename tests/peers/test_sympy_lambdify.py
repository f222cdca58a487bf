"""SymPy's own tests of ``lambdify``, as installed, with ours in its place.

The tests judge numbers; those of its list that are about something else are in ``EXCLUDED``, with
the reason. Our function stands in for the name ``lambdify`` in the test module, through an adapter
that only chooses the backend and what is computed with: it has no way back to SymPy's.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import sympy

import symcompile as sc

#: Tests of plain calls that judge numbers, and of complex numbers.
NUMERIC = """
    23536_lambdify_cse_dummy ITE Idx Indexed MatrixSymbol_issue_15578 Min_Max Piecewise Sum
    amin_amax_minimum_maximum array_symbol beta_math beta_scipy betainc_regularized_scipy
    betainc_scipy curly_matrix_symbol docs double_integral empty_modules exponentiation
    fresnel_integrals_scipy imag_real integral issue_13167_21411 issue_13642 issue_13881
    issue_15654 issue_16536 issue_16930 issue_17898 issue_19764 issue_22726 issue_22739
    issue_22992 issue_25288 issue_2790 lambdify_Derivative_arg_issue_16468
    lambdify__arguments_with_invalid_python_identifiers lambdify_cse
    lambdify_derivative_and_functions_as_arguments lambdify_dummy_arg lambdify_empty_tuple
    lambdify_mixed_symbol_dummy_args list_args math math_lambda nested_args no_args
    numpy_array_arg numpy_dotproduct numpy_inverse numpy_logical_ops numpy_matmul
    numpy_piecewise numpy_special_math numpy_translation_abs numpy_transpose own_module
    python_div_zero_issue_11306 python_keywords scipy_bernoulli scipy_fns scipy_harmonic
    scipy_polys scipy_special_math sin single_arg single_e spherical_bessel sqrt str_args trig
    trig_float trig_symbolic true_false vector_simple
""".split()
COMPLEX = """
    cmath_acos cmath_acosh cmath_asin cmath_asinh cmath_atan cmath_atanh
    cmath_complex_identities cmath_cos cmath_cosh cmath_log cmath_sin cmath_sinh cmath_sqrt
    cmath_tan cmath_tanh
""".split()

#: What the other tests are about. Names that are not in the installed SymPy do no harm.
EXCLUDED = {
    "1/0.0 is infinite here, as IEEE 754 says, and not a ZeroDivisionError": "vector_discontinuous",
    "symbolic or arbitrary-precision results, from modules= that are not numeric": """
        atoms issue_12173 lambdify_Derivative_zeta matrix mpmath_lambda mpmath_precision
        number_precision numpy_old_matrix sinc_mpmath sym_integral sympy_lambda issue9474
        issue_14941 numpy_matrix sym_list_args sym_single_arg imps
    """,
    "modules=, printer= or a namespace that define or print functions anew": """
        namespace_order own_namespace_1 own_namespace_2 special_printers
        lambdify_Derivative_custom_printer lambdify_imps
    """,
    "the text, the docstring or the attributes of the function that SymPy prints": """
        lambdify_docstring_size_limit_matrix lambdify_docstring_size_limit_nested_expr
        lambdify_docstring_size_limit_simple_symbol bad_args deprecated_set dummification
        issue_15827 issue_20070 lambdify_docstring lambdify_inspect lambdify_linecache
        scipy_sparse_matrix
    """,
    "libraries that are no backends here": """
        cupy_array_arg cupy_array_arg_using_numpy cupy_dotproduct issue_12984 issue_9334 issue_9871
        numexpr_printer numexpr_userfunctions numpy_numexpr tensorflow_array_arg
        tensorflow_basic_math tensorflow_complexes tensorflow_logical_operations
        tensorflow_multi_max tensorflow_multi_min tensorflow_piecewise tensorflow_placeholders
        tensorflow_relational tensorflow_variables jax_array_arg jax_dotproduct
        jax_array_arg_using_numpy
    """,
    "other parts of SymPy: they do not call lambdify": """
        assoc_legendre_numerical_evaluation imps_errors imps_wrong_args issue_12092 issue_14911
        math_transl mpmath_transl numpy_transl scipy_transl
    """,
}


def _module() -> ModuleType:
    return pytest.importorskip("sympy.utilities.tests.test_lambdify")


def _adapter(backend: str) -> Callable[..., Any]:
    """Return ours, called like SymPy's: ``modules`` says whether numbers are complex."""

    def lambdify(args: Any, expr: Any, modules: Any = None, **keywords: Any) -> Any:
        given = {_name(m) for m in (modules if isinstance(modules, list | tuple) else [modules])}
        # cmath's functions, and SciPy's lambertw, are those of complex numbers.
        if "cmath" in given or ("scipy" in given and sympy.sympify(expr).has(sympy.LambertW)):
            keywords["dtype"] = "complex128"
        function = sc.lambdify(args, expr, modules, backend=backend, **keywords)  # type: ignore[arg-type]

        def call(*values: Any) -> Any:
            found = function(*values)
            # Ours gives floats for ints, and to SymPy 462 is not 462.0.
            whole = isinstance(found, float) and found.is_integer()
            return int(found) if whole and all(type(v) is int for v in values) else found

        return call

    return lambdify


def _name(module: Any) -> str:
    return str(getattr(module, "__name__", module))


def _run(name: str, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = _module()
    test = getattr(module, f"test_{name}", None)
    if test is None:
        pytest.skip(f"SymPy {sympy.__version__} has no test_{name}")
    monkeypatch.setattr(module, "lambdify", _adapter(backend))
    test()


names = pytest.mark.parametrize("name", [*NUMERIC, *COMPLEX])


@names
def test_python(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _run(name, "python", monkeypatch)


@pytest.mark.long
@pytest.mark.parametrize("backend", ["numba", "cython", "llvm"])
@names
def test_compiled(name: str, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _run(name, backend, monkeypatch)


def test_the_list_is_complete() -> None:
    """Every test of the SymPy that the lists were made from is in one of them."""
    if not sympy.__version__.startswith("1.14"):
        pytest.skip("the lists are those of SymPy 1.14")
    known = [*NUMERIC, *COMPLEX, *(name for text in EXCLUDED.values() for name in text.split())]
    assert len(known) == len(set(known))
    there = {name.removeprefix("test_") for name in vars(_module()) if name.startswith("test_")}
    assert there <= set(known)


def test_the_adapter_has_no_way_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("SymPy's lambdify is called")

    monkeypatch.setattr(sys.modules["sympy.utilities.lambdify"], "lambdify", refuse)
    monkeypatch.setattr(sympy, "lambdify", refuse)
    for name in ("single_arg", "trig", "lambdify_cse", "beta_scipy", "double_integral"):
        _run(name, "python", monkeypatch)
