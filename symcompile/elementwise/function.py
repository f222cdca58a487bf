"""A formula of numbers as a function: its module for each kind of call, and what a call means."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter, Signature
from typing import Any

import numpy as np

from symcompile.compiler import BackendName
from symcompile.elementwise.variants import Variant, Variants
from symcompile.errors import ArgumentTypeError, ArgumentValueError, LoweringError
from symcompile.frontend.called import Called, Formula
from symcompile.frontend.calls import Arguments, Mirror, Nest, Place
from symcompile.options import Backend, Options


class Lambdified:
    """A compiled formula: call it with numbers or arrays. It pickles, and is safe in threads.

    Attributes:
        backend: what it was compiled with; what computes arrays, where none was asked for.
        arguments: what a call passes.
        source: the generated module's text.
        module: the generated module.
    """

    _variants: Variants
    _default: Variant
    _keys: Any
    _simple: int
    arguments: Arguments
    backend: Backend
    module: types.ModuleType

    __call__: Callable[..., Any]

    @property
    def source(self) -> str:
        """The text of the generated module."""
        return self._variants.sources[self._default]

    @property
    def definition(self) -> Any:
        """The formula, over numbers."""
        return self._variants.called(self._default).definition

    def __reduce__(self) -> tuple[Any, ...]:
        variants = self._variants
        everything = variants.lowered
        if variants.formula is not None:
            # Unpickled, it cannot lower what it has not met: complex arguments are likely.
            whole = Variant("complex128")
            try:
                variants.called(whole)
            except LoweringError:
                everything = dict(everything)
        return load, (None, dict(everything), self._default, variants.asked, variants.options)

    def __copy__(self) -> Lambdified:
        return self

    def __deepcopy__(self, memo: Any) -> Lambdified:
        return self

    def __repr__(self) -> str:
        return f"<lambdified {self.arguments.signature}: {self.backend}>"

    def _general(self, *args: Any, out: Any = None, **named: Any) -> Any:
        """Return the results of any call: what is not done at once by the compiled function."""
        if not named and out is None and _are_doubles(args, self._simple):
            return self._variants.module_for(self._default, args)._run(*args)
        return self._any(args, named, out)

    def _any(self, args: Sequence[Any], named: Mapping[str, Any], out: Any) -> Any:
        """Return the results of a call with arguments of any kind."""
        values = unpacked(self.arguments, args, named)
        items = self.arguments.items
        arrays = [number_array(v, item.text) for v, item in zip(values, items, strict=True)]
        variant = self._variant(arrays)
        try:
            module = self._variants.module_for(variant, arrays)
        except LoweringError as error:
            if variant.dtype == self._default.dtype:
                raise
            raise ArgumentTypeError(f"complex arguments: {error}") from error
        mirror = self._variants.called(variant).mirror
        found = module._run(*arrays, out=unkeyed(out, mirror))
        return found if self._keys is None else keyed(found, mirror)

    def _variant(self, arrays: Sequence[np.ndarray[Any, Any]]) -> Variant:
        items = self.arguments.items
        ranks = []
        for number, (item, array) in enumerate(zip(items, arrays, strict=True)):
            if item.matrix and array.ndim < 2:
                if array.ndim and (1 not in item.shape or array.shape != (item.size,)):
                    raise ArgumentValueError(
                        f"{item.text} has shape {array.shape}: it is a matrix of shape {item.shape}"
                    )
                ranks.append((number, array.ndim))
        complex_ = {k for k, array in enumerate(arrays) if array.dtype.kind == "c"}
        dtype, real, _ = self._default
        if complex_ and dtype != "complex128":
            dtype, real = "complex128", frozenset(range(len(items))) - complex_
            found = Variant(dtype, real, tuple(ranks))
            if self._variants.formula is None and found not in self._variants.lowered:
                return Variant(dtype, frozenset(), tuple(ranks))
            return found
        return Variant(dtype, real, tuple(ranks))


def _are_doubles(args: Sequence[Any], count: int) -> bool:
    """Return whether a call is one with so many arrays of doubles, or floats, and nothing else."""
    if len(args) != count:
        return False
    for value in args:
        if type(value) is not float and (
            type(value) is not np.ndarray or value.dtype != np.float64
        ):
            return False
    return True


def unpacked(arguments: Arguments, args: Sequence[Any], named: Mapping[str, Any]) -> list[Any]:
    """Return what a call passes for each argument.

    Raises:
        ArgumentTypeError: too many or too few arguments, or unknown names.
        ArgumentValueError: a nest of another length.
    """
    found = list(args)
    if len(found) < len(arguments.tree) and named:
        rest = dict(named)
        for name, place in list(zip(arguments.names, arguments.tree, strict=True))[len(found) :]:
            text = arguments.items[place].text if isinstance(place, int) else name
            if name not in rest and text not in rest:
                break
            found.append(rest.pop(name) if name in rest else rest.pop(text))
        named = rest
    count = len(arguments.tree)
    if named or len(found) != count:
        wrong = f"not {', '.join(map(repr, named))}" if named else f"{len(args)} given"
        raise ArgumentTypeError(
            f"function{arguments.signature} takes {count} argument{'s' * (count != 1)}; {wrong}"
        )
    values: list[Any] = [None] * len(arguments.items)
    for value, place in zip(found, arguments.tree, strict=True):
        _unpack(arguments, value, place, values)
    return values


def _unpack(arguments: Arguments, value: Any, place: Place, into: list[Any]) -> None:
    if isinstance(place, int):
        into[place] = value
        return
    try:
        parts = list(value)
    except TypeError:
        raise ArgumentTypeError(
            f"function{arguments.signature}: {len(place)} values are needed where "
            f"{value!r:.60} is given"
        ) from None
    if len(parts) != len(place):
        raise ArgumentValueError(
            f"function{arguments.signature}: {len(place)} values are needed, not {len(parts)}"
        )
    for part, inner in zip(parts, place, strict=True):
        _unpack(arguments, part, inner, into)


def number_array(value: Any, name: str) -> np.ndarray[Any, Any]:
    """Return an argument as an array of numbers.

    Raises:
        ArgumentTypeError: it holds something else.
    """
    array = np.asarray(value)
    if array.dtype.kind in "biufc":
        return array
    if array.dtype.kind == "O" and value is not None:
        for dtype in (np.float64, np.complex128):
            try:
                return array.astype(dtype)
            except (TypeError, ValueError, OverflowError):
                continue
    raise ArgumentTypeError(f"argument {name}: numbers are needed, not {value!r:.60}")


def keyed(found: Any, mirror: Mirror) -> Any:
    """Return results with the dicts that the formula has, which modules know as tuples."""
    if isinstance(mirror, int):
        return found
    parts = [keyed(part, inner) for part, inner in zip(found, mirror.items, strict=True)]
    if mirror.kind == "dict":
        return dict(zip(mirror.keys, parts, strict=True))
    return parts if mirror.kind == "list" else tuple(parts)


def unkeyed(out: Any, mirror: Mirror) -> Any:
    """Return arrays to write to, those of dicts in the order in which the formula has them.

    Raises:
        ArgumentValueError: a dict with other keys than the formula's.
    """
    if isinstance(out, dict):
        if isinstance(mirror, int) or mirror.kind != "dict" or out.keys() != set(mirror.keys):
            keys = () if isinstance(mirror, int) else mirror.keys
            wanted = f"the keys {list(keys)}" if keys else "no dict"
            raise ArgumentValueError(f"out: {wanted} where {list(out)} are given")
        out = [out[key] for key in mirror.keys]
    if isinstance(out, list | tuple) and isinstance(mirror, Nest) and len(out) == len(mirror.items):
        return [unkeyed(part, inner) for part, inner in zip(out, mirror.items, strict=True)]
    return out


def load(
    formula: Formula | None,
    lowered: dict[Variant, Called],
    default: Variant,
    backend: BackendName,
    options: Options,
) -> Lambdified:
    variants = Variants(formula, lowered, backend, options)
    module = variants.module(default)
    called = variants.called(default)
    keys = called.mirror if not isinstance(called.mirror, int) and called.mirror.mapped() else None

    # A class of its own, whose call is the compiled function: nothing forwards its arguments.
    own = {
        "__doc__": property(_documentation),
        "__signature__": signature_of(called.arguments),
        "backend": property(lambda self: variants.computes(default)),
    }
    direct = keys is None and hasattr(module, "caller")
    bases = (Lambdified, module.caller()) if direct else (Lambdified,)
    kind = type("Lambdified", bases, own)
    found: Lambdified = module.instance(kind) if direct else kind()
    found._variants, found._default, found._keys = variants, default, keys
    found.arguments, found.module = called.arguments, module
    items = called.arguments.items
    plain = all(item.shape == () and not item.matrix for item in items)
    flat = called.arguments.tree == tuple(range(len(items)))
    #: How many arrays of doubles the default variant takes without a further look; else -1.
    found._simple = len(items) if plain and flat and default == Variant("float64") else -1
    if direct:
        return found
    bound = _bound(module, found._general, called.arguments)
    if keys is not None:

        def call(*args: Any, **named: Any) -> Any:
            return keyed(bound(*args, **named), called.mirror)

        kind.__call__ = staticmethod(call)  # type: ignore[method-assign]
        found._keys = None
    else:
        kind.__call__ = staticmethod(bound)  # type: ignore[method-assign]
    return found


def _bound(module: types.ModuleType, general: Callable[..., Any], arguments: Arguments) -> Any:
    """Return a module's function, with ``general`` in place of the module's own."""
    if hasattr(module, "bind"):
        return module.bind(general)
    function = module.function
    names = {**vars(module), "_general": general}
    code = function.__code__
    # What Python says of a wrong number of arguments begins with this.
    name = f"function{arguments.signature}"
    code = code.replace(co_qualname=name) if hasattr(code, "co_qualname") else code
    found = types.FunctionType(code, names, "function", function.__defaults__)
    found.__kwdefaults__ = function.__kwdefaults__
    found.__qualname__ = name
    found.__doc__ = function.__doc__
    return found


def signature_of(arguments: Arguments) -> Signature:
    names = [Parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in arguments.names]
    return Signature([*names, Parameter("out", Parameter.KEYWORD_ONLY, default=None)])


_LONGEST_LINE, _MOST_LINES = 200, 20


def _documentation(self: Lambdified) -> str:
    from symcompile.frontend.raising import formula_lines

    lines = formula_lines(self.definition, limit=_LONGEST_LINE)
    if len(lines) > _MOST_LINES:
        lines = [*lines[: _MOST_LINES - 2], "...", lines[-1]]
    shown = "\n".join(f"    {line}" for line in lines)
    return (
        f"Return the formula for numbers, or elementwise for arrays, broadcast.\n\n"
        f"Called as function{self.arguments.signature}; out= takes arrays to write to.\n\n{shown}"
    )
