"""Generated functions as callables: last arguments given, checks left to the rare call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MethodType, ModuleType
from typing import Any, NamedTuple

Call = Callable[..., Any]


class Bound(tuple[Any, ...]):
    """What a call consists of, and the owner of the callable that makes it.

    It holds the function, the callable that takes what the function is not made for, the names
    of those arguments that go by keyword (None for none), and the arguments that come last. The
    order is that of ``sc_call`` in ``templates/cython/arguments.h.j2``.

    A callable pickles as an attribute of its owner, as ``multiprocessing.Pool.map(f.value, ...)``
    asks for. So its owner pickles as the kernel or objective that has this attribute. It is not
    that object itself, so that no cycle keeps large data alive.

    Attributes:
        origin: what the owner unpickles as: a callable and its arguments.
    """

    origin: tuple[Call, tuple[Any, ...]]

    def __reduce__(self) -> Any:
        return self.origin


class Generated(NamedTuple):
    """A function of a generated module.

    Attributes:
        module: where it comes from.
        name: its name.
        function: the function itself.
        keywords: what it calls the constants.
    """

    module: ModuleType
    name: str
    function: Call
    keywords: tuple[str, ...]

    @classmethod
    def of(cls, module: ModuleType, name: str) -> Generated:
        """Take a function from a module."""
        keywords = tuple(keyword for keyword, _ in module.CONSTANTS)
        return cls(module, name, getattr(module, name), keywords)


def bound(
    generated: Generated,
    general: Call,
    origin: tuple[Call, tuple[Any, ...]],
    arguments: tuple[Any, ...] = (),
    keywords: Mapping[str, Any] | None = None,
    doc: str | None = None,
) -> Call:
    """Return a generated function without its last arguments.

    Args:
        generated: the function. A module that was compiled to C makes the callable itself, which
            then costs a few nanoseconds more than the function.
        general: takes the calls that the function is not made for, and those in which it raises
            TypeError or ValueError: it says in the caller's own terms what is wrong.
        origin: what the callable's owner unpickles as; the callable is its attribute.
        arguments: those that follow what the callable is called with.
        keywords: those that go by keyword.
        doc: the docstring, where the module does not bring one.
    """
    function, keywords = generated.function, keywords or {}
    make = getattr(generated.module, "_bound", None)
    if make is not None:
        owner = Bound((function, general, tuple(keywords) or None, *arguments, *keywords.values()))
        owner.origin = origin
        made: Call = make(generated.name, owner)
        return made

    def call(_: Bound, *vectors: Any) -> Any:
        try:
            return function(*vectors, *arguments, **keywords)
        except (TypeError, ValueError):
            pass  # What is checked now says what is wrong.
        return general(*vectors)

    return owned(generated.name, origin, call, doc)


def owned(
    name: str, origin: tuple[Call, tuple[Any, ...]], call: Call, doc: str | None = None
) -> Call:
    """Return a function of Python's as a method that pickles as the attribute ``name``.

    Args:
        name: of the method.
        origin: what its owner unpickles as.
        call: takes the owner and the vectors of a call.
        doc: the docstring.
    """
    call.__name__ = name
    call.__qualname__ = f"Objective.{name}"
    call.__doc__ = doc
    owner = Bound()
    owner.origin = origin
    return MethodType(call, owner)


def first_of(quick: Call, other: Call) -> Call:
    """Return what asks a function, and another one where that returns None, for :func:`owned`."""

    def call(_: Bound, *vectors: Any) -> Any:
        result = quick(*vectors)
        return other(*vectors) if result is None else result

    return call
