"""symcompile: from symbolic mathematics to fast numerical modules.

>>> import sympy as sp, symcompile as sc
>>> w0, w1, x, y = sp.symbols("w0 w1 x y")
>>> linreg = sc.define("linreg", (w0 + w1*x - y)**2, params=(w0, w1), data=(x, y), reduce="mean")
>>> kernel = sc.compile(linreg, backend="python")
>>> kernel.value([0, 1], [1.0, 2.0], [1.0, 4.0])
2.0
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from symcompile.errors import (
    ArgumentTypeError,
    ArgumentValueError,
    BackendError,
    BuildFileError,
    CacheError,
    CompileError,
    DefinitionError,
    LoweringError,
    ParseError,
    SymcompileError,
    ToolchainError,
    UnsupportedFunctionError,
)
from symcompile.options import BACKENDS, Options

if TYPE_CHECKING:
    from symcompile.checking.crosscheck import crosscheck
    from symcompile.checking.report import Report
    from symcompile.compiler import compile
    from symcompile.elementwise import lambdify
    from symcompile.fitting import losses
    from symcompile.fitting.api import fit
    from symcompile.fitting.curve_fit import curve_fit
    from symcompile.fitting.estimator import SymbolicRegressor
    from symcompile.fitting.many import FitManyResult, fit_many
    from symcompile.fitting.result import FitResult
    from symcompile.frontend.definition import Definition, define
    from symcompile.frontend.parse import parse
    from symcompile.frontend.registering import register
    from symcompile.kernel import Kernel, Objective

    __version__: str

__all__ = [
    "BACKENDS",
    "ArgumentTypeError",
    "ArgumentValueError",
    "BackendError",
    "BuildFileError",
    "CacheError",
    "CompileError",
    "Definition",
    "DefinitionError",
    "FitManyResult",
    "FitResult",
    "Kernel",
    "LoweringError",
    "Objective",
    "Options",
    "ParseError",
    "Report",
    "SymbolicRegressor",
    "SymcompileError",
    "ToolchainError",
    "UnsupportedFunctionError",
    "compile",
    "crosscheck",
    "curve_fit",
    "define",
    "fit",
    "fit_many",
    "lambdify",
    "losses",
    "parse",
    "register",
]

# Imported when first used: what needs SymPy, too, so that records can be checked without it.
_LAZY = {
    "Definition": "symcompile.frontend.definition",
    "define": "symcompile.frontend.definition",
    "compile": "symcompile.compiler",
    "crosscheck": "symcompile.checking.crosscheck",
    "Report": "symcompile.checking.report",
    "Kernel": "symcompile.kernel",
    "Objective": "symcompile.kernel",
    "lambdify": "symcompile.elementwise",
    "fit": "symcompile.fitting.api",
    "fit_many": "symcompile.fitting.many",
    "FitManyResult": "symcompile.fitting.many",
    "curve_fit": "symcompile.fitting.curve_fit",
    "SymbolicRegressor": "symcompile.fitting.estimator",
    "FitResult": "symcompile.fitting.result",
    "losses": "symcompile.fitting.losses",
    "parse": "symcompile.frontend.parse",
    "register": "symcompile.frontend.registering",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import PackageNotFoundError, version

        try:
            value: Any = version("symcompile")
        except PackageNotFoundError:  # a checkout on the path, not installed
            value = "unknown"
    elif name in _LAZY:
        from importlib import import_module

        module = import_module(_LAZY[name])
        value = getattr(module, name, module)  # `losses` is the module itself
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value
