"""``Kernel``: the functions of a compiled definition, called with data."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import MethodType, ModuleType
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import ArrayLike

from symcompile.arguments import Array, count, listed, require_finite
from symcompile.autodiff.derive import SCALAR_FUNCTIONS
from symcompile.background import Background, Load
from symcompile.binding.split import Split
from symcompile.calling import Generated, bound
from symcompile.errors import ArgumentTypeError, ArgumentValueError, SymcompileError
from symcompile.interface import Interface
from symcompile.objective import Objective, Value
from symcompile.options import Backend, Options
from symcompile.packing import pack, unpack
from symcompile.sizes import Piece

if TYPE_CHECKING:
    from symcompile.binding.kept import Kept
    from symcompile.compiler import Binding
    from symcompile.frontend.definition import Definition

__all__ = ["Kernel", "Objective"]

_BIND_OPTIONS = ("copy", "check_finite")


class Kernel:
    """A definition compiled by one backend. Made by :func:`symcompile.compile`.

    Every method takes the parameters ``p`` of shape ``(P,)``, then the data columns, each of
    shape ``(n,)``, and the constants by keyword. Lists, arrays of any real dtype and layout,
    and pandas or polars series are taken; so is, in place of the columns, one data frame or
    mapping with a column for each data symbol. Computations are in the dtype of the definition.

    In index or matrix notation data are arrays of the shapes that are declared. Their sizes, and
    the length of ``p``, say the sizes of all arrays; what they leave open is a keyword. Whatever
    their strides, arrays of that dtype are used where they lie.

    The methods raise :class:`~symcompile.ArgumentTypeError` and
    :class:`~symcompile.ArgumentValueError` when the arguments do not fit, and
    :class:`~symcompile.UnsupportedFunctionError` for what this definition cannot have.

    Attributes:
        definition: what was compiled.
        backend: ``"python"``, ``"numba"`` or ``"cython"``. Of a kernel that was compiled with
            ``meanwhile``, that one until all functions loaded are those of the better backend.
        options: how it was compiled.

    Example:
        >>> import sympy as sp, symcompile as sc
        >>> w, x, y = sp.symbols("w x y")
        >>> kernel = sc.compile((w*x - y)**2, params=w, data=(x, y), reduce="sum",
        ...                     backend="python")
        >>> kernel.value_and_grad([2], [1, 2], [3, 4])
        (1.0, array([-2.]))
    """

    def __init__(
        self,
        definition: Definition,
        backend: str,
        options: Options,
        load: Load,
        functions: tuple[str, ...] = SCALAR_FUNCTIONS,
        background: Background | None = None,
        binding: Binding | None = None,
    ) -> None:
        """Load the functions of a kernel.

        Args:
            definition: what was compiled.
            backend: by which backend.
            options: how.
            load: returns a module that holds the functions it is given the names of.
            functions: those to load now, where the definition can have them; the others are
                loaded when first used.
            background: what builds the same functions with a better backend.
            binding: what functions need of the data, and the functions of the data alone.
        """
        self.definition = definition
        self.backend = self._meanwhile = backend
        self.options = options
        self.interface = Interface(definition)
        self._load = load
        self._binding = binding
        self._n_data = len(definition.data)
        #: What is handed on as it stands. In index notation float32 is not: it is rounded to.
        self._plain: np.dtype[Any] = self.interface.dtype
        if definition.indexed and definition.dtype == "float32":
            self._plain = np.dtype(object)
        self._loaded: dict[str, Generated] = {}
        self._module: ModuleType | None = None
        self._background = background
        self._adopted: frozenset[str] = frozenset()
        self._lock = threading.Lock()
        self._bound: weakref.WeakSet[Objective] = weakref.WeakSet()
        eager = tuple(name for name in self.functions if name in functions)
        if eager:
            self._bring(eager)

    # ------------------------------------------------------------------ functions

    def value(self, p: ArrayLike, /, *data: Any, **constants: float) -> Value:
        """Return the value: a float, or an array.

        Its shape is ``()`` for a scalar, ``(m,)`` for ``m`` outputs, that of the Matrix for a
        Matrix; with data and ``reduce=None`` a first axis of ``n`` samples comes before these.
        """
        result: Value = self._call("value", (p,), data, constants)
        return result

    def grad(self, p: ArrayLike, /, *data: Any, **constants: float) -> Array:
        """Return the gradient of a scalar, shape ``(P,)``."""
        result: Array = self._call("grad", (p,), data, constants)
        return result

    def value_and_grad(
        self, p: ArrayLike, /, *data: Any, **constants: float
    ) -> tuple[float, Array]:
        """Return a scalar and its gradient of shape ``(P,)``, computed together.

        It is what ``scipy.optimize.minimize(..., args=data, jac=True)`` takes.
        """
        result: tuple[float, Array] = self._call("value_and_grad", (p,), data, constants)
        return result

    def hessian(self, p: ArrayLike, /, *data: Any, **constants: float) -> Array:
        """Return the Hessian of a scalar, shape ``(P, P)``, symmetric."""
        result: Array = self._call("hessian", (p,), data, constants)
        return result

    def hvp(self, p: ArrayLike, v: ArrayLike, /, *data: Any, **constants: float) -> Array:
        """Return the Hessian of a scalar times ``v``, both of shape ``(P,)``.

        The Hessian itself is never made. It is what SciPy takes as ``hessp``.
        """
        result: Array = self._call("hvp", (p, v), data, constants)
        return result

    def jacobian(self, p: ArrayLike, /, *data: Any, **constants: float) -> Array:
        """Return the derivatives of all ``m`` outputs.

        The shape is ``(m, P)``, or ``(P,)`` for a scalar; with data and ``reduce=None``
        ``(n, m, P)`` and ``(n, P)``. A Matrix counts as its entries, row by row.
        """
        result: Array = self._call("jacobian", (p,), data, constants)
        return result

    def jvp(self, p: ArrayLike, v: ArrayLike, /, *data: Any, **constants: float) -> Value:
        """Return the Jacobian times ``v`` of shape ``(P,)``, shaped like the value."""
        result: Value = self._call("jvp", (p, v), data, constants)
        return result

    def vjp(self, p: ArrayLike, u: ArrayLike, /, *data: Any, **constants: float) -> Array:
        """Return ``u``, shaped like the value, times the Jacobian: shape ``(P,)``."""
        result: Array = self._call("vjp", (p, u), data, constants)
        return result

    # ------------------------------------------------------------------ binding

    def bind(
        self, /, *data: Any, copy: bool = False, check_finite: bool = False, **constants: float
    ) -> Objective:
        """Fix the data and the constants, checking and converting them once.

        What happens when the arrays change afterwards is undefined, unless they are copied.

        Of a formula per sample with ``reduce="sum"`` or ``"mean"`` the data may also be larger
        than memory or lie on a cluster: a Dask DataFrame, a mapping of Dask arrays, or a folder
        of Parquet files. Then each call makes a pass over the partitions.

        Args:
            data: the columns, each of shape ``(n,)``, or one data frame or mapping.
            copy: whether to copy the columns.
            check_finite: whether to refuse NaN and infinities.
            constants: values of the constants; those with a default may be left out.

        Raises:
            ArgumentTypeError: of wrong type or number, an unknown or missing constant.
            ArgumentValueError: lengths that differ, no samples, missing columns, and, with
                ``check_finite``, the first row that is not finite.

        Example:
            >>> import sympy as sp, symcompile as sc
            >>> w, x, y = sp.symbols("w x y")
            >>> kernel = sc.compile((w*x - y)**2, params=w, data=(x, y), reduce="sum",
            ...                     backend="python")
            >>> kernel.bind({"y": [3, 4], "x": [1, 2]}).value([2])
            1.0
        """
        clash = [name for name in _BIND_OPTIONS if name in self.constants]
        if clash:
            raise ArgumentTypeError(
                f"{self.definition.name}.bind cannot tell the constant {listed(clash)} from its "
                "own keyword of that name: rename the constant in the definition"
            )
        if len(data) == 1:
            from symcompile.partitions.sources import source_of

            source = source_of(data[0])
            if source is not None:
                from symcompile.partitions.objective import PartitionedObjective

                return cast(Objective, PartitionedObjective(self, source, constants))
        columns = self.interface.columns("bind", data)
        numbers = self.interface.numbers("bind", constants)
        if self.definition.indexed:
            sizes = self.interface.solver(columns, numbers).sizes
            self.interface.check_wholes(columns, sizes)
        if check_finite:
            what = "" if self.definition.indexed else "column "
            require_finite(columns, self.definition.data, what)
        if copy:
            columns = tuple(column.copy() for column in columns)
        objective = Objective(self, columns, numbers)
        if self._background is not None:
            self._bound.add(objective)
            objective.rebind(self.loaded)  # what was adopted in between
        return objective

    # ------------------------------------------------------------------ names

    def unpack(self, p: ArrayLike, /, *data: Any, **sizes: Any) -> dict[str, Piece]:
        """Return the parameters in ``p`` by name; see :meth:`Definition.unpack`."""
        return unpack(self.definition, p, data, sizes)

    def pack(self, values: Mapping[Any, Any] | None = None, /, **named: Any) -> Array:
        """Return parameters given by name in one vector; see :meth:`Definition.pack`."""
        return pack(self.definition, {**(values or {}), **named})

    # ------------------------------------------------------------------ what it is

    @property
    def params(self) -> tuple[str, ...]:
        """Names of the parameters, in the order in which ``p`` packs them."""
        return self.definition.params

    @property
    def data(self) -> tuple[str, ...]:
        """Names of the data columns, in call order."""
        return self.definition.data

    @property
    def constants(self) -> tuple[str, ...]:
        """Names of the constants."""
        return self.interface.constants

    @property
    def functions(self) -> tuple[str, ...]:
        """Names of the functions that this kernel can have."""
        return self.interface.functions

    @property
    def loaded(self) -> tuple[str, ...]:
        """Names of the functions loaded so far."""
        return tuple(self._loaded)

    @property
    def module(self) -> ModuleType:
        """The generated module; of a kernel loaded piece by piece, the one with ``value``."""
        if self._module is None:
            self._module = self._load(("value",))
            if "value" not in self._loaded:
                self._take(self._module, "value")
        return self._module

    @property
    def source(self) -> str:
        """The text of :attr:`module`."""
        path = Path(str(self.module.__file__))
        if path.suffix != ".py":  # An extension lies beside what it was made from.
            path = path.with_name(f"{self.module.__name__.rpartition('.')[2]}.pyx")
        return path.read_text(encoding="utf-8")

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for what is built in the background, if anything is.

        Args:
            timeout: so many seconds at most.

        Returns:
            Whether all functions loaded are those of the backend that was asked for.

        Example:
            >>> import sympy as sp, symcompile as sc
            >>> x = sp.Symbol("x")
            >>> sc.compile(x**2, params=x, backend="python").wait()
            True
        """
        if self._background is None:
            return True
        self._background.wait(timeout)
        return self.backend == self._background.backend

    def adopt(self, backend: str, module: ModuleType, names: tuple[str, ...]) -> None:
        """Take functions from the module of another backend, from the next call on.

        A call under way ends as it began. What has been bound takes them as well; a minimiser
        that runs keeps the function that it was given.
        """
        with self._lock:
            for name in names:
                self._take(module, name)
            self._adopted |= frozenset(names)
            if "value" in names or self._module is None:
                self._module = module
            if self._adopted >= self._loaded.keys():
                self.backend = backend
            bound = list(self._bound)
        for objective in bound:
            objective.rebind(names)

    def __repr__(self) -> str:
        definition = self.definition
        parts = [self.backend, count(len(definition.params), "parameter")]
        if definition.data:
            parts.append(f"data ({listed(definition.data)})")
        if definition.constants:
            parts.append(f"constants ({listed(self.constants)})")
        if definition.reduce:
            parts.append(f"reduce {definition.reduce}")
        return f"<kernel {definition.name}: {', '.join(parts)}>"

    def _repr_latex_(self) -> str:
        return self.definition._repr_latex_()

    def __reduce__(self) -> tuple[Callable[..., Kernel], tuple[Any, ...]]:
        if self._background is None:
            return _rebuild, (self.definition, self.backend, self.options)
        target = self._background.backend
        budget = self._background.budget
        return _rebuild, (self.definition, target, self.options, self._meanwhile, budget)

    # ------------------------------------------------------------------ calling

    def _call(
        self, name: str, vectors: tuple[Any, ...], data: tuple[Any, ...], constants: dict[str, Any]
    ) -> Any:
        interface = self.interface
        function = (self._loaded.get(name) or self.generated(name)).function
        if len(data) == self._n_data and not constants and not interface.required:
            plain = self._plain
            for array in (*vectors, *data):
                if type(array) is not np.ndarray or array.dtype is not plain:
                    break
            else:
                try:
                    return function(*vectors, *data)
                except (TypeError, ValueError):
                    pass  # The checks below say what is wrong, in the caller's own terms.
        columns = interface.columns(name, data)
        return self.checked(name, vectors, columns, interface.numbers(name, constants))

    def checked(
        self,
        name: str,
        vectors: tuple[Any, ...],
        columns: tuple[Array, ...],
        numbers: dict[int, float],
    ) -> Any:
        """Call a function with data that are known to be good, checking the vectors.

        Args:
            name: the function.
            vectors: ``p``, and ``v`` or ``u`` where the function takes one.
            columns: the data.
            numbers: the constants that are given, by slot.
        """
        converted = self.interface.vectors(name, vectors, columns, numbers)
        try:
            return self.function(name, numbers)(*converted, *columns)
        except SymcompileError:
            raise
        except TypeError as error:
            raise ArgumentTypeError(f"{self.interface.signature(name)}: {error}") from None
        except ValueError as error:
            raise ArgumentValueError(f"{self.interface.signature(name)}: {error}") from None

    def function(self, name: str, numbers: dict[int, float]) -> Callable[..., Any]:
        """Return a generated function, loaded if need be, with the constants fixed."""
        function = self.generated(name).function
        return partial(function, **self.keywords(name, numbers)) if numbers else function

    def split(self, name: str) -> Split:
        """Return what a function needs of the data."""
        if self._binding is None:
            return Split(reasons={name: "it was not compiled here"})
        return self._binding.split(name)

    def kept(self, name: str) -> Kept | None:
        """Return what is computed once of a function when data are bound."""
        return None if self._binding is None else self._binding.kept(name)

    def keeping(self, name: str, backend: Backend) -> tuple[ModuleType, Kernel]:
        """Return what computes that, and a kernel that takes it as data and constants."""
        binding, kept = self._binding, self.kept(name)
        assert binding is not None
        assert kept is not None
        derived = binding.derived(name, backend)

        def load(names: tuple[str, ...]) -> ModuleType:
            (wanted,) = names
            return binding.bound(wanted, backend)

        return derived, Kernel(kept.definition, backend, self.options, load, ())

    def derived_and_moments(self, name: str, numbers: dict[int, float]) -> tuple[Any, Any]:
        """Return the functions of the data alone that moments of a function need."""
        assert self._binding is not None
        derived, moments = self._binding.functions(name)
        if derived is None:
            return None, moments
        keywords = tuple(keyword for keyword, _ in derived.CONSTANTS)
        given = {keywords[slot]: value for slot, value in numbers.items()}
        return partial(derived.derived, **given), moments

    def keywords(self, name: str, numbers: dict[int, float]) -> dict[str, float]:
        """Return constants by the keywords of a generated function."""
        keywords = self.generated(name).keywords
        return {keywords[slot]: value for slot, value in numbers.items()}

    def generated(self, name: str) -> Generated:
        """Return a generated function, loaded if need be."""
        loaded = self._loaded.get(name)
        if loaded is None:
            self.interface.require(name)
            self._bring((name,))
            loaded = self._loaded[name]
        return loaded

    def _bring(self, names: tuple[str, ...]) -> None:
        """Load functions, those of the better backend if they are built within its budget."""
        better = self._background
        if better is not None and better.budget:
            better.start(self, names)
            if self._loaded.keys() >= set(names):
                return
        module = self._load(names)
        with self._lock:
            # Another thread may have been first, with a better one perhaps.
            missing = [name for name in names if name not in self._loaded]
            for name in missing:
                self._take(module, name)
            if missing:
                self.backend = self._meanwhile
            if self._module is None and "value" in missing:
                self._module = module
        if better is not None and not better.budget and missing:
            better.start(self, names)

    def _take(self, module: ModuleType, name: str) -> Generated:
        """Take a function from a module, and call it without a Python frame where it allows."""
        loaded = self._loaded[name] = Generated.of(module, name)
        required = self.interface.required
        self.__dict__.pop(name, None)
        if hasattr(module, "_bound") and not required and self._plain == self.interface.dtype:
            # The method takes what the function does not. It stands in the class, this before it.
            general = MethodType(getattr(type(self), name), self)
            self.__dict__[name] = bound(loaded, general, self.__reduce__())
        return loaded


def _rebuild(
    definition: Definition,
    backend: Any,
    options: Options,
    meanwhile: Any = None,
    budget: float = 0.0,
) -> Kernel:
    # What unpickling needs stands above this module, which the compiler imports.
    from symcompile.compiler import compile as compile_

    return compile_(
        definition, backend=backend, options=options, meanwhile=meanwhile, budget=budget
    )
