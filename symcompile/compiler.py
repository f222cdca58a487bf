"""The driver: the whole pipeline on one screen.

Each stage is a pure function from one frozen record to the next; only the last one touches
the disk.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

from symcompile.autodiff.derive import available
from symcompile.errors import (
    ArgumentTypeError,
    ArgumentValueError,
    BackendError,
    ToolchainError,
)
from symcompile.frontend.definition import (
    Definition,
    DType,
    Reduce,
    SymbolsLike,
    define,
    squeezed,
)
from symcompile.ir.graph import Function, operation_count
from symcompile.options import BACKENDS, Backend, Options, Target
from symcompile.planning import Schedule

if TYPE_CHECKING:
    from symcompile.background import Load
    from symcompile.binding.kept import Kept
    from symcompile.binding.split import Split
    from symcompile.kernel import Kernel
    from symcompile.passes import Tried

BackendName = Backend | Literal["auto"]

#: Above this many operations, functions are compiled when they are first called.
_EAGER_OPERATIONS = 1500


def plan(definition: Definition, names: Iterable[str] | None = None) -> tuple[Schedule, ...]:
    """Return the scheduled functions of a definition: stages 2 to 5.

    Args:
        definition: what ``define`` returns; the front end (stage 1) has lowered it.
        names: the functions wanted; all that the definition can have by default.
    """
    # Imported here, so that what the cache holds is loaded without them.
    from symcompile.passes import optimise
    from symcompile.schedule import schedule

    functions, before = derived(definition, functions_of(definition) if names is None else names)
    optimised = [optimise(f, stable=definition.stable, before=before) for f in functions]  # 4
    return tuple(schedule(function) for function in optimised)  # 5


def derived(
    definition: Definition, names: Iterable[str]
) -> tuple[tuple[Function, ...], Tried | None]:
    """Return functions of a definition over one graph, which they share: stages 2 and 3.

    Beside them is what the recognition has tried, if its result is what was differentiated.
    """
    from symcompile.autodiff.bodies import take_derivatives
    from symcompile.autodiff.derive import derive
    from symcompile.passes import Tried, contracted, recognise, share_quotients

    value = take_derivatives(Function("value", definition.ir, (definition.output,)))
    wanted = tuple(names)
    tried = Tried()
    if definition.stable:  # 2: before differentiation, so that derivatives are stable too
        value = recognise(value, value_only=wanted == ("value",), tried=tried)
    stable = share_quotients(contracted(value))
    shapes = [squeezed(shape) for shape in definition.param_shapes]
    found = derive(stable.graph, stable.outputs[0], shapes, wanted)  # 3
    return found, tried if stable is value else None


def emit(
    definition: Definition,
    schedules: Sequence[Schedule],
    backend: Backend,
    threads: int | None = None,
    target: Target = "portable",
) -> str:
    """Return the source of a module: stage 6.

    ``threads`` is how many its loops may use; None leaves that to the environment. What is for
    LLVM may be for this processor alone, if it is the ``target``.
    """
    if backend == "llvm":
        from symcompile.emit.llvm import emit_llvm

        return emit_llvm(definition, schedules, threads, width=_vector_width(target))
    return _emitter(backend)(definition, schedules, threads)


def _vector_width(target: Target) -> int:
    """Return how many doubles a vector register of this processor holds; portably, four."""
    from symcompile.build.cpu import has_feature

    if target == "portable":
        return 4
    return 8 if has_feature("avx512f") else 4 if has_feature("avx") else 2


def build(
    definition: Definition, backend: Backend, options: Options, names: Sequence[str]
) -> ModuleType:
    """Return a module with the functions ``names``, from the cache or new: stage 7."""
    return _built(definition, backend, options, names, lambda: plan(definition, names))


def _built(
    definition: Definition,
    backend: Backend,
    options: Options,
    names: Sequence[str],
    schedules: Callable[[], Sequence[Schedule]],
    *more: str,
) -> ModuleType:
    """Return a module with the functions ``names``, whose schedules are asked for if it is new.

    ``more`` says what else than the definition decides what they are.
    """
    from symcompile.build.bytecode import keep_templates
    from symcompile.build.loader import build_source
    from symcompile.build.progress import shown

    known, module = _known(definition, backend, options, names, *more)
    if module is not None:
        return module
    module_name = f"{definition.name}_{backend}"
    keep_templates(options)
    with shown(f"compiling {module_name}: {', '.join(names)}"):
        source = emit(definition, schedules(), backend, options.threads, options.target)
        return build_source(source, module_name, backend, options, known)


def _known(
    definition: Definition, backend: Backend, options: Options, names: Sequence[str], *more: str
) -> tuple[str, ModuleType | None]:
    """Return the recipe of a module, and the module if the cache has it."""
    from symcompile.build.loader import load_known, surroundings
    from symcompile.build.recipes import recipe

    around = (*surroundings(backend, options), options.target, str(options.threads), *more)
    known = recipe(definition, backend, names, around)
    return known, load_known(known, backend, f"{definition.name}_{backend}", options)


class Binding:
    """What a definition's functions need of the data; see :mod:`symcompile.binding`.

    All is found and compiled when it is asked for.
    """

    def __init__(self, definition: Definition, options: Options) -> None:
        self.definition, self.options = definition, options
        self._schedules: dict[str, Schedule] = {}
        self._splits: dict[str, Split] = {}
        self._kept: dict[str, Kept | None] = {}
        self._promising: bool | None = None

    def split(self, name: str) -> Split:
        """Return what one function needs of the data."""
        from symcompile.binding.split import Split, refused, split

        if name not in self._splits:
            reason = refused(self.definition)  # often seen before anything is derived
            self._splits[name] = (
                Split(reasons={name: reason})
                if reason
                else split(self.definition, (self._schedule(name),))
            )
        return self._splits[name]

    def kept(self, name: str) -> Kept | None:
        """Return what is computed once of one function, if anything is worth it."""
        from symcompile.binding.frontier import promising
        from symcompile.binding.kept import keep

        if self._promising is None:
            lowered = Function("value", self.definition.ir, (self.definition.output,))
            self._promising = promising(lowered)
        if not self._promising:  # so the functions need not be made
            return None
        if name not in self._kept:
            self._kept[name] = keep(self.definition, self._schedule(name).function)
        return self._kept[name]

    def derived(self, name: str, backend: Backend) -> ModuleType:
        """Return a module that computes what is kept of a function."""
        kept = self.kept(name)
        assert kept is not None
        names = (["derived"] if kept.columns else []) + (["value"] if kept.numbers else [])
        more = ("derived", name)
        return _built(self.definition, backend, self.options, names, kept.derived, *more)

    def bound(self, name: str, backend: Backend) -> ModuleType:
        """Return a module with a function of the data and of what is kept of it."""
        kept = self.kept(name)
        assert kept is not None
        made = kept.definition
        return _built(made, backend, self.options, (name,), lambda: [kept.bound()], "bound")

    def _schedule(self, name: str) -> Schedule:
        if name not in self._schedules:
            (self._schedules[name],) = plan(self.definition, (name,))
        return self._schedules[name]

    def functions(self, name: str) -> tuple[ModuleType | None, Callable[..., Any]]:
        """Return a module with ``derived``, if columns are, and the function of the moments."""
        from symcompile.build.bytecode import keep_templates
        from symcompile.build.cpu import has_feature, has_llvm
        from symcompile.build.loader import build_source
        from symcompile.emit.moments import emit_moments

        found = self.split(name)
        keep_templates(self.options)
        derived = None
        if found.derived is not None:
            source = emit(self.definition, (found.derived,), "python")
            own = f"{self.definition.name}_derived"
            derived = build_source(source, own, "python", self.options)
        backend: Backend = "llvm" if has_llvm() else "python"
        source = emit_moments(found, backend, self.options.threads, fused=has_feature("fma"))
        return derived, build_source(source, f"moments_{backend}", backend, self.options).moments


def compile(
    definition: Definition | Any,
    *,
    backend: BackendName = "auto",
    name: str = "kernel",
    params: SymbolsLike = (),
    data: SymbolsLike = (),
    reduce: Reduce = None,
    constants: Any = (),
    dtype: DType = "float64",
    stable: bool = True,
    threads: int | None = None,
    options: Options | None = None,
    meanwhile: Backend | None = None,
    budget: float | None = None,
) -> Kernel:
    """Compile a definition, or define and compile an expression in one call.

    Args:
        definition: what :func:`~symcompile.define` returns, or what it takes as ``expr``.
        backend: ``"python"``, ``"numba"``, ``"cython"``, ``"llvm"``, or ``"auto"`` for the fastest
            that works here; ``kernel.backend`` says which.
        name, params, data, reduce, constants, dtype, stable: as in ``define``, for an expression.
        threads: how many threads a call may use, where it is worth more than one; None takes
            ``SYMCOMPILE_NUM_THREADS``, ``OMP_NUM_THREADS`` or the number of processors. Results
            have the same bits for any number. Plain Python uses one.
        options: how to compile.
        meanwhile: a backend that computes while ``backend`` is built in the background, as
            ``"python"``, which needs no compiler. The kernel changes over by itself, function by
            function, and ``kernel.wait()`` waits for that; results differ by rounding, as those
            of backends do. (Numba compiles a function in its first call after the change.) Where
            the build fails there is a warning, once, and the kernel stays as it is. What is in
            the cache already is used at once.
        budget: for how many seconds to wait for ``backend`` before ``meanwhile``, or plain Python
            where that is not given, computes instead: here, and in the first call of a function
            that is compiled by itself, as those of large definitions are. What is being built
            goes on, and the kernel changes over as it does with ``meanwhile``. None waits to the
            end, or not at all with ``meanwhile``.

    Raises:
        ArgumentTypeError, ArgumentValueError: ``threads`` is no positive whole number, or
            ``budget`` no number of seconds.
        BackendError: no such backend, or (``ToolchainError``) no C compiler for Cython.
        LoweringError: a subexpression that cannot be compiled exactly.

    Example:
        >>> import sympy as sp
        >>> x, y = sp.symbols("x y")
        >>> compile(x**2 + x*y, params=(x, y), backend="python").grad([2, 3]).tolist()
        [7.0, 2.0]
    """
    from symcompile.background import Background
    from symcompile.kernel import Kernel

    if not isinstance(definition, Definition):
        definition = define(
            name,
            definition,
            params=params,
            data=data,
            reduce=reduce,
            constants=constants,
            dtype=dtype,
            stable=stable,
        )
    elif params or data or reduce or constants or dtype != "float64" or not stable:
        raise BackendError(
            "a definition has its params, data, reduce, constants, dtype and stable already"
        )
    options = (Options() if options is None else options).with_threads(threads)
    waits = _seconds(budget)
    if budget is not None and meanwhile is None:
        meanwhile = "python"
    eager = _eager(definition)
    binding = Binding(definition, options)
    last: ToolchainError | None = None
    # LLVM's code is as fast as that of a C compiler, and there sooner.
    candidates: tuple[Backend, ...] = ("llvm", "cython", "numba", "python")
    if backend != "auto":
        candidates = (choose_backend(backend),)
    for candidate in candidates:
        load: Load = partial(build, definition, candidate, options)
        try:
            if candidate == "cython" and (meanwhile is not None or not eager):
                _require_toolchain()
            if candidate == "llvm":
                _require_llvm()
            own = () if candidate == "llvm" else eager  # it compiles faster than one can ask
            if meanwhile in (None, candidate) or _is_cached(definition, candidate, options, own):
                return Kernel(definition, candidate, options, load, own, binding=binding)
        except ToolchainError as error:
            last = error
            if backend == "auto":
                _say_once(str(error))
                continue
            raise
        first = choose_backend(str(meanwhile))
        start: Load = partial(build, definition, first, options)
        better = Background(candidate, load, waits)
        return Kernel(definition, first, options, start, eager, better, binding)
    raise BackendError("no backend works here") from last


def _seconds(budget: object) -> float:
    """Return a time to wait; 0 for none."""
    if budget is None:
        return 0.0
    if isinstance(budget, bool) or not isinstance(budget, (int, float)):
        raise ArgumentTypeError(f"budget={budget!r}: a number of seconds is needed, or None")
    if not 0.0 <= budget < math.inf:
        raise ArgumentValueError(f"budget={budget}: seconds are needed, none or more of them")
    return float(budget)


def _is_cached(
    definition: Definition, backend: Backend, options: Options, names: tuple[str, ...]
) -> bool:
    """Return whether a module with these functions need not be built."""
    return bool(names) and _known(definition, backend, options, names)[1] is not None


def _eager(definition: Definition) -> tuple[str, ...]:
    """Return the functions that are compiled at once, in one module."""
    if operation_count(definition.ir, definition.output.entries) > _EAGER_OPERATIONS:
        return ()
    names = functions_of(definition)
    # The Hessian of arrays is the longest of all to compile, and few ask for it.
    return tuple(n for n in names if n != "hessian") if definition.indexed else names


def functions_of(definition: Definition) -> tuple[str, ...]:
    """Return the functions that a kernel of this definition has."""
    return available(definition.scalar, len(definition.params), definition.differentiable)


def choose_backend(name: str) -> Backend:
    """Return ``name`` if it is a backend.

    Raises:
        BackendError: there is no such backend.
    """
    for known in BACKENDS:
        if name == known:
            return known
    raise BackendError(f'no backend {name!r}: use {", ".join(BACKENDS)} or "auto"')


def _emitter(backend: Backend) -> Callable[[Definition, Sequence[Schedule], int | None], str]:
    if backend == "python":
        from symcompile.emit.python import emit_python

        return emit_python
    if backend == "numba":
        from symcompile.emit.numba import emit_numba

        return emit_numba
    from symcompile.emit.cython import emit_cython

    return emit_cython


def _require_toolchain() -> None:
    from symcompile.build.toolchain import find_toolchain

    find_toolchain()


def _require_llvm() -> None:
    from symcompile.build.cpu import has_llvm

    if not has_llvm():
        raise ToolchainError(
            "The llvm backend needs 64-bit little-endian CPython with the interpreter's lock."
        )


_said: set[str] = set()


def _say_once(message: str) -> None:
    if message not in _said:
        _said.add(message)
        warnings.warn(f"{message} Another backend is used.", stacklevel=3)
