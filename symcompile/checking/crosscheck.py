"""Every backend against the oracle, against the others, and against SymPy.

The full data go to the comparison of backends with each other and to the timings. The oracle,
which is slow, sees some of the samples. Of a definition in index notation there are no samples to
leave out: the oracle sees all data, or none if that is too much.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from symcompile.arguments import Array
from symcompile.checking.fitcheck import compare_fits
from symcompile.checking.judging import (
    Result,
    Truth,
    difference,
    judge,
    misfit,
    seconds_per_call,
    worst_entry,
)
from symcompile.checking.layout import expected_dtypes, expected_shapes
from symcompile.checking.oracle import Oracle
from symcompile.checking.reference import NoReferenceError, Reference
from symcompile.checking.report import Fit, Report, Row
from symcompile.checking.setting import Setting
from symcompile.errors import BackendError, SymcompileError, ToolchainError
from symcompile.ir.dtypes import is_single
from symcompile.ir.graph import Kind
from symcompile.options import BACKENDS, Options

if TYPE_CHECKING:
    from rich.console import Console

    from symcompile.frontend.definition import Definition

__all__ = ["Fit", "Report", "Row", "crosscheck"]


def crosscheck(
    definition: Definition,
    *data: Any,
    p: ArrayLike | None = None,
    constants: Mapping[Any, float] | None = None,
    backends: Sequence[str] | None = None,
    tolerance: float = 16.0,
    oracle_samples: int = 200,
    time_calls: bool = True,
    fit: bool = True,
    options: Options | None = None,
    console: Console | None = None,
    quiet: bool = False,
) -> Report:
    """Check every function of every backend, and print a table.

    Args:
        definition: what :func:`~symcompile.define` returns.
        data: the columns, each of shape (n,), or one data frame or mapping of them; or arrays
            of their declared shapes.
        p: the parameters to check at, packed, shape (P,); by default a few points, always the
            same, where the value is finite.
        constants: values of the constants, by name or symbol; and, where ``p`` is not given,
            sizes that the parameters alone have.
        backends: which; by default all that work here. One that is asked for and does not
            work is a failure.
        tolerance: how far a backend may be off the oracle, in conditioned ulp (see
            :mod:`symcompile.checking.rounding`). Two backends may differ by twice that.
        oracle_samples: how many of the samples the oracle sees, at most.
        time_calls: whether to time the functions, and ``sympy.lambdify``'s beside them.
        fit: whether to compare BFGS runs, where the output is a scalar.
        options: how to compile.
        console: where to print; by default to standard output.
        quiet: whether not to print.

    Raises:
        ArgumentValueError: data that do not fit, or no point was found where the value is
            finite: give ``p``.
        BackendError: no such backend.

    Example:
        >>> import sympy as sp, symcompile as sc
        >>> x, y = sp.symbols("x y")
        >>> definition = sc.define("z", x**2 + x*sp.cos(y), params=(x, y))
        >>> from symcompile.checking.crosscheck import crosscheck
        >>> report = crosscheck(definition, backends=["python"], time_calls=False, quiet=True)
        >>> report.ok, report.max_ulp < 2
        (True, True)
    """
    setting = Setting(definition, data, constants or {}, p, oracle_samples)
    report = check_all(
        setting,
        backends=backends,
        tolerance=tolerance,
        time_calls=time_calls,
        start=None if p is None else setting.points[0],
        fit=fit,
        options=options,
    )
    if not quiet:
        from rich.console import Console as RichConsole

        (console or RichConsole()).print(report)
    return report


def check_all(
    setting: Setting,
    *,
    backends: Sequence[str] | None = None,
    tolerance: float = 16.0,
    time_calls: bool = True,
    start: Array | None = None,
    fit: bool = True,
    options: Options | None = None,
) -> Report:
    """Check every function of every backend in a setting.

    Args:
        setting: the definition, its data, and the points.
        backends, tolerance, time_calls, fit, options: as in :func:`crosscheck`.
        start: where BFGS runs start; None chooses.

    Raises:
        BackendError: no such backend.
    """
    unknown = set(backends or ()) - set(BACKENDS)
    if unknown:
        raise BackendError(f"no backend {sorted(unknown)[0]!r}: use {', '.join(BACKENDS)}")
    definition = setting.definition
    check = _Check(setting, tolerance)
    check.compile(tuple(backends or BACKENDS), backends is not None, options or Options())
    for function in setting.functions:
        check.measure(function, time_calls)
    check.ask_sympy()
    real = definition.dtype == "float64" and definition.output.kind is Kind.REAL
    if fit and real and definition.scalar and definition.params:
        check.fit(start)
    return check.report()


def _compile(definition: Definition, backend: str, options: Options) -> Any:
    from symcompile.compiler import compile as compile_definition

    return compile_definition(definition, backend=backend, options=options)  # type: ignore[arg-type]


class _Check:
    def __init__(self, setting: Setting, tolerance: float) -> None:
        self.setting = setting
        self.definition = setting.definition
        self.tolerance = tolerance
        self.kernels: dict[str, Any] = {}
        self.rows: list[Row] = []
        self.fits: tuple[Fit, ...] = ()
        self.failures: list[str] = []
        self.notes: list[str] = []

    def compile(self, backends: Sequence[str], requested: bool, options: Options) -> None:
        for backend in backends:
            try:
                self.kernels[backend] = _compile(self.definition, backend, options)
            except (ToolchainError, ImportError) as error:
                reason = f"not available: {error}"
                self.rows.append(Row(backend, "", ok=not requested, note=reason))
                (self.failures if requested else self.notes).append(f"{backend}: {reason}")
            except SymcompileError as error:
                self.rows.append(Row(backend, "", ok=False, note=str(error)))
                self.failures.append(f"{backend}: does not compile: {error}")
        if not self.kernels:
            self.failures.append("no backend works here")

    # -- one function on all backends ------------------------------------------------------

    def measure(self, function: str, time_calls: bool) -> None:
        count = self.setting.count(function)
        points = range(len(self.setting.points) if self.setting.affordable(function) else 1)
        if count == 0:
            self.notes.append(self.too_large(function))
        vectors = self.setting.vectors(function, self.setting.some(count))
        exact: dict[int, Truth] = {}
        if count:
            exact = {k: judge(self.setting.oracle(k, count), function, vectors) for k in points}
        if exact and not any(result.judged.any() for result in exact.values()):
            self.notes.append(
                f"{function}: not compared with the oracle: no finite value or derivative at this p"
            )
        full: dict[str, list[Result]] = {}
        found: dict[str, tuple[float | None, float | None]] = {}
        for backend in self.kernels:
            try:
                full[backend] = [
                    self.call(backend, function, k, self.setting.columns) for k in points
                ]
                found[backend] = self.errors(backend, function, count, exact)
            except _MisfitError as error:
                full.pop(backend, None)
                self.failures.append(f"{backend}: {function} {error}")
        baseline = self.baseline(function) if time_calls else None
        for backend in self.kernels:
            if backend not in full:
                self.rows.append(Row(backend, function, np.inf, np.inf, ok=False))
                continue
            ulp, conditioned = found[backend]
            apart = self.apart(backend, function, full, exact)
            seconds = self.seconds(backend, function) if time_calls else None
            mine = f"{backend}: {function} "
            ok = not any(failure.startswith(mine) for failure in self.failures)
            ok = ok and not (apart or 0.0) > 2 * self.tolerance
            speedup = baseline / seconds if baseline and seconds else None
            self.rows.append(
                Row(backend, function, ulp, conditioned, apart, seconds, speedup, ok=ok)
            )

    def too_large(self, function: str) -> str:
        operations = f"{self.setting.operations:,} operations"
        head = f"{function}: not compared with the oracle: "
        if not self.definition.indexed:
            return f"{head}the formula is too large ({operations})"
        backends = ", only backends with each other" if len(self.kernels) > 1 else ""
        return f"{head}too much work for it ({operations} at one p){backends}"

    def call(self, backend: str, function: str, point: int, columns: Sequence[Array]) -> Result:
        try:
            # What a kernel computes is judged below; its warnings are not the matter.
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                got = self.method(backend, function, point, columns)()
        except Exception as error:
            raise _MisfitError(f"raised {type(error).__name__}: {error}") from error
        parts = got if function == "value_and_grad" else (got,)
        wrong = misfit(
            parts,
            expected_shapes(self.definition, function, self.setting.sizes_of(columns)),
            expected_dtypes(self.definition, function),
        )
        if wrong:
            raise _MisfitError(wrong)
        return tuple(np.asarray(part) for part in parts)

    def method(
        self, backend: str, function: str, point: int, columns: Sequence[Array]
    ) -> Callable[[], Any]:
        arguments = (self.setting.points[point], *self.setting.vectors(function, columns), *columns)
        return partial(
            getattr(self.kernels[backend], function), *arguments, **self.setting.constants
        )

    def errors(
        self, backend: str, function: str, count: int, exact: Mapping[int, Truth]
    ) -> tuple[float | None, float | None]:
        """Return the largest error in ulp and in conditioned ulp; say where it is too large."""
        worst: tuple[float | None, float | None] = (None, None)
        said = False
        for k, truth in exact.items():
            got = self.call(backend, function, k, self.setting.some(count))
            single = is_single(self.definition.dtype)
            entry = worst_entry(self.setting.oracle(k, count).mp, truth, got, single)
            if entry is None:
                continue
            worst = (max(worst[0] or 0.0, entry.ulp), max(worst[1] or 0.0, entry.conditioned))
            if not entry.conditioned <= self.tolerance and not said:
                said = True
                at = np.array2string(self.setting.points[k], precision=6, threshold=6)
                self.failures.append(
                    f"{backend}: {function} is off by {entry.conditioned:.3g} conditioned ulp, "
                    f"beyond the tolerance of {self.tolerance:g}: {entry.text} at p = {at}"
                )
        return worst

    def apart(
        self,
        backend: str,
        function: str,
        full: Mapping[str, list[Result]],
        exact: Mapping[int, Truth],
    ) -> float | None:
        """Return the largest difference to another backend, in conditioned ulp."""
        largest: float | None = None
        for other, results in full.items():
            if other == backend:
                continue
            for k, (mine, theirs) in enumerate(zip(full[backend], results, strict=True)):
                apart = difference(
                    mine, theirs, exact.get(k), self.definition, self.setting.samples
                )
                largest = apart if largest is None else max(largest, apart)
                pair = " and ".join(sorted((backend, other)))
                text = f"{pair} differ in {function} by "
                known = any(failure.startswith(text) for failure in self.failures)
                if not apart <= 2 * self.tolerance and not known:
                    self.failures.append(
                        f"{text}{apart:.3g} conditioned ulp, beyond {2 * self.tolerance:g}"
                    )
        return largest

    # -- SymPy, SciPy, time ----------------------------------------------------------------

    @cached_property
    def reference(self) -> Reference | str:
        try:
            return Reference(self.definition)
        except NoReferenceError as error:
            return str(error)

    def baseline(self, function: str) -> float | None:
        if isinstance(self.reference, str) or function not in Reference.functions:
            return None
        try:
            call = self.reference.numpy(function, self.setting.constants)
            return seconds_per_call(
                partial(call, self.setting.points[0].tolist(), *self.setting.columns)
            )
        except Exception:  # what SymPy makes need not run
            return None

    def seconds(self, backend: str, function: str) -> float:
        return seconds_per_call(self.method(backend, function, 0, self.setting.columns))

    def ask_sympy(self) -> None:
        if isinstance(self.reference, str):
            self.notes.append(f"SymPy's diff: not compared: {self.reference}")
            return
        derivatives = ("grad", "hessian") if self.definition.scalar else ("jacobian",)
        agreed = []
        for function in ("value", *derivatives):
            count = self.setting.count(function)
            if function not in self.setting.functions or count == 0:
                continue
            oracle = self.setting.oracle(0, count)
            truth = judge(oracle, function, ())
            try:
                entries = self.reference.exact(
                    function,
                    oracle.mp,
                    self.setting.points[0].tolist(),
                    self.setting.some(count),
                    self.setting.constants,
                )
            except NoReferenceError as error:
                self.notes.append(f"SymPy's {function}: not compared: {error}")
                continue
            if not truth.judged.any():
                continue
            if truth.agrees(oracle.mp, entries):
                agreed.append(function)
            else:
                self.failures.append(f"the oracle and SymPy's diff disagree about {function}")
        if agreed:
            self.notes.append(f"The oracle agrees with SymPy's diff: {', '.join(agreed)}.")

    def fit(self, start: Array | None) -> None:
        objectives = {
            backend: partial(self.objective, kernel) for backend, kernel in self.kernels.items()
        }
        if start is None:
            start = np.zeros(self.setting.size)
            if not self.starts(start):
                start = self.setting.points[0]
        try:
            self.fits = compare_fits(objectives, start)
        except Exception as error:
            self.failures.append(f"BFGS raised {type(error).__name__}: {error}")
        for run in self.fits:
            if run.agrees is False:
                first = self.fits[0]
                self.failures.append(
                    f"{run.backend}: BFGS ends at {run.x} after {run.iterations} iterations, "
                    f"{first.backend} at {first.x} after {first.iterations}"
                )

    def starts(self, start: Array) -> bool:
        """Return whether a run can start there."""
        if not self.setting.searchable:
            return False
        origin = Oracle(self.definition, start, self.setting.some(8), self.setting.constants)
        finite = np.isfinite(float(origin.value().item())) and not origin.kinked().any()
        # From a stationary point there is no run to compare.
        return bool(finite and np.any(origin.grad() != 0))

    def objective(self, kernel: Any, p: Array) -> tuple[float, Array]:
        value, grad = kernel.value_and_grad(p, *self.setting.columns, **self.setting.constants)
        return value, np.asarray(grad)

    def report(self) -> Report:
        order: dict[str, int] = {backend: k for k, backend in enumerate(BACKENDS)}
        rows = sorted(self.rows, key=lambda row: order[row.backend])
        return Report(
            name=self.definition.name,
            rows=tuple(rows),
            tolerance=self.tolerance,
            fits=self.fits,
            failures=tuple(self.failures),
            notes=tuple(self.notes),
        )


class _MisfitError(Exception):
    """A result that is not of the right kind, or none."""
