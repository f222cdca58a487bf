"""The driver: the whole pipeline on one screen.

Each stage is a pure function from one frozen record to the next; only the last one touches
the disk.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

from symcompile.autodiff.bodies import take_derivatives
from symcompile.autodiff.derive import available, derive
from symcompile.binding.split import Split, split
from symcompile.errors import BackendError, ToolchainError
from symcompile.frontend.definition import (
    Definition,
    DType,
    Reduce,
    SymbolsLike,
    define,
    squeezed,
)
from symcompile.ir.graph import Function, operation_count
from symcompile.options import BACKENDS, Backend, Options
from symcompile.passes import contract, optimise, recognise
from symcompile.planning import Schedule
from symcompile.schedule import schedule

if TYPE_CHECKING:
    from symcompile.kernel import Kernel

BackendName = Backend | Literal["auto"]

#: Above this many operations, functions are compiled when they are first called.
_EAGER_OPERATIONS = 1500


def plan(definition: Definition, names: Iterable[str] | None = None) -> tuple[Schedule, ...]:
    """Return the scheduled functions of a definition: stages 2 to 5.

    Args:
        definition: what ``define`` returns; the front end (stage 1) has lowered it.
        names: the functions wanted; all that the definition can have by default.
    """
    value = take_derivatives(Function("value", definition.graph, (definition.output,)))
    wanted = functions_of(definition) if names is None else tuple(names)
    if definition.stable:  # 2: before differentiation, so that derivatives are stable too
        value = recognise(value, value_only=wanted == ("value",))
    stable = contract(value)
    derived = derive(  # 3
        stable.graph,
        stable.outputs[0],
        [squeezed(shape) for shape in definition.param_shapes],
        wanted,
    )
    optimised = [optimise(function, stable=definition.stable) for function in derived]  # 4
    return tuple(schedule(function) for function in optimised)  # 5


def emit(
    definition: Definition,
    schedules: Sequence[Schedule],
    backend: Backend,
    moments: Split | None = None,
) -> str:
    """Return the source of a module: stage 6.

    Args:
        definition: whose functions they are.
        schedules: the functions.
        backend: which language it is in.
        moments: what functions of moments need; the module computes it then.
    """
    if moments is None or not moments.products:
        return _emitter(backend)(definition, schedules, None)
    derived = (moments.derived,) if moments.derived is not None else ()
    return _emitter(backend)(definition, (*schedules, *derived), moments)


def build(
    definition: Definition, backend: Backend, options: Options, names: Sequence[str]
) -> ModuleType:
    """Return a module with the functions ``names``, from the cache or new: stage 7."""
    from symcompile.build.loader import build_cython, build_python

    schedules = plan(definition, names)
    found = _splits[definition.digest, tuple(names)] = split(definition, schedules)
    while len(_splits) > _REMEMBERED:
        del _splits[next(iter(_splits))]
    source = emit(definition, schedules, backend, found)
    module_name = f"{definition.name}_{backend}"
    if backend != "cython":
        return build_python(source, module_name, options)
    return build_cython(source, module_name, options)


def split_of(definition: Definition, names: Sequence[str]) -> Split:
    """Return what the functions of one module need of the data; see :mod:`symcompile.binding`."""
    found = _splits.get((definition.digest, tuple(names)))
    return split(definition, plan(definition, names)) if found is None else found


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
    options: Options | None = None,
) -> Kernel:
    """Compile a definition, or define and compile an expression in one call.

    Args:
        definition: what :func:`~symcompile.define` returns, or what it takes as ``expr``.
        backend: ``"python"``, ``"numba"``, ``"cython"``, or ``"auto"`` for the fastest that
            works here; ``kernel.backend`` says which.
        name, params, data, reduce, constants, dtype, stable: as in ``define``, for an expression.
        options: how to compile.

    Raises:
        BackendError: no such backend, or (``ToolchainError``) no C compiler for Cython.
        LoweringError: a subexpression that cannot be compiled exactly.

    Example:
        >>> import sympy as sp
        >>> x, y = sp.symbols("x y")
        >>> compile(x**2 + x*y, params=(x, y), backend="python").grad([2, 3]).tolist()
        [7.0, 2.0]
    """
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
    options = Options() if options is None else options
    eager = _eager(definition)
    last: ToolchainError | None = None
    candidates: tuple[Backend, ...] = ("cython", "numba", "python")
    if backend != "auto":
        candidates = (choose_backend(backend),)
    for candidate in candidates:
        load: Callable[[tuple[str, ...]], ModuleType]
        load = partial(build, definition, candidate, options)
        try:
            if candidate == "cython" and not eager:
                _require_toolchain()
            kernel = Kernel(
                definition, candidate, options, load, eager, partial(split_of, definition)
            )
        except ToolchainError as error:
            last = error
            if backend == "auto":
                _say_once(str(error))
                continue
            raise
        return kernel
    raise BackendError("no backend works here") from last


def _eager(definition: Definition) -> tuple[str, ...]:
    """Return the functions that are compiled at once, in one module."""
    if operation_count(definition.graph, definition.output.entries) > _EAGER_OPERATIONS:
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


def _emitter(
    backend: Backend,
) -> Callable[[Definition, Sequence[Schedule], Split | None], str]:
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


#: What building a module has found out already; the latest come last.
_splits: dict[tuple[str, tuple[str, ...]], Split] = {}
_REMEMBERED = 32

_said: set[str] = set()


def _say_once(message: str) -> None:
    if message not in _said:
        _said.add(message)
        warnings.warn(f"{message} Another backend is used.", stacklevel=3)
