"""The functions of a kernel as C and other Cython modules call them: plain pointers and sizes.

One convention serves the header, the ``.pxd`` and the capsules. The arguments come in the order of
the Python functions: ``p``, ``v`` or ``u``, the data, sizes, constants, and then where the results
go. A column of samples has a stride; an array of index notation is contiguous.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from symcompile.emit.lines import WIDTH, filled, indent
from symcompile.emit.numbers import numbers_of
from symcompile.emit.results import Results, tuple_of
from symcompile.emit.signature import (
    Identifiers,
    describe_shape,
    listed,
    summary_of,
    vectors,
)
from symcompile.frontend.definition import Definition, squeezed
from symcompile.ir.dtypes import input_kind, is_single
from symcompile.ir.graph import Function, Kind, Output
from symcompile.ir.volume import ZERO, Volume
from symcompile.naming import Names

#: What a name in a header must not be, beyond C's words.
CPP_WORDS = frozenset(
    "and and_eq asm bitand bitor catch class compl concept const_cast consteval constexpr constinit"
    " co_await co_return co_yield decltype delete dynamic_cast explicit export false friend mutable"
    " not not_eq nullptr or or_eq private protected reinterpret_cast requires static_cast template"
    " this throw true try typeid using virtual wchar_t xor xor_eq".split()
)


@dataclass(frozen=True)
class Argument:
    """One argument.

    Attributes:
        type: its C type, with a space behind it where one is needed before the name.
        name: its name.
        about: what is said of it; nothing where that goes without saying.
    """

    type: str
    name: str
    about: str = ""

    def __str__(self) -> str:
        return self.type + self.name


@dataclass(frozen=True)
class Exported:
    """A function that other languages call.

    Attributes:
        name: its name, in C and for ``cimport``.
        python: the name that it is exported under by a Cython module.
        returns: its type, with a space behind it.
        arguments: what it takes.
        summary: what it does, in a sentence or more.
        body: its statements, in C.
        core: the function that it is another name of, if it does nothing else.
    """

    name: str
    python: str
    returns: str
    arguments: tuple[Argument, ...]
    summary: str
    body: tuple[str, ...]
    core: str = ""

    @property
    def sized(self) -> bool:
        """Whether its arguments have a type that a header has to name."""
        return any("intptr_t" in argument.type for argument in self.arguments)

    def declared(self, name: str, prefix: str = "", suffix: str = "") -> list[str]:
        """Return its head under a name, which Cython reads as well."""
        arguments = [str(argument) for argument in self.arguments]
        return filled(f"{prefix}{self.returns}{name}(", arguments, f"){suffix}", 0)

    def defined(self, prefix: str = "") -> str:
        """Return its definition in C."""
        head = self.declared(self.name, prefix)
        return "\n".join([*head, "{", indent(self.body, 1), "}", ""])

    def notes(self) -> list[str]:
        """Return what is said of it, line by line."""
        found = [self.summary]
        found += [f"{a.name}: {a.about}." for a in self.arguments if a.about]
        return found

    def declares_extern(self) -> str:
        """Return its declaration as Cython's ``extern`` blocks have it, under a name of its own."""
        arguments = ", ".join(argument.type.rstrip() for argument in self.arguments)
        return f'{self.returns}sc_{self.name} "{self.name}"({arguments}) noexcept nogil'

    def exports(self) -> str:
        """Return the function of a Cython module that others import."""
        head = self.declared(self.python, "cdef api ", " noexcept nogil:")
        inner = self.core or f"sc_{self.name}"
        call = filled(f"{inner}(", [a.name for a in self.arguments], ")")
        if self.returns != "void ":
            call[0] = f"return {call[0]}"
        return "\n".join([*head, indent(call, 1)])


def core_name(definition: Definition, function: str) -> str:
    """Return the name of the C function behind one that is exported."""
    return f"{definition.name}_{function}_core"


class Interface:
    """The exported functions of one definition.

    Args:
        definition: whose functions they are.
        names: the identifiers of its symbols.
    """

    def __init__(self, definition: Definition, names: Identifiers) -> None:
        self.definition, self.names = definition, names
        self.numbers = numbers_of(definition)
        self.results = Results(lambda size: names.known_sizes.get(size, size))
        pairs = zip(names.constants, definition.constants, strict=True)
        #: The constants that are no sizes: identifier, name and default.
        self.constants = [(i, *pair) for i, pair in pairs if i not in names.sizes]
        #: Whether they need not be given.
        self.complete = all(default is not None for _, _, default in self.constants)

    def function(self, function: Function) -> Exported:
        """Return a function of the kernel as it is exported."""
        core = core_name(self.definition, function.name)
        free = Names([*self.names.all(), core, "n"], CPP_WORDS)
        arguments: list[Argument] = []
        call: list[str] = []
        for vector in vectors(self.names, function.name):
            if vector != "c":
                kind = self._kind(vector)
                arguments.append(Argument(f"const {self._real()} *", vector, self._about(vector)))
                call.append(self._given(vector, kind))
        for slot, name in enumerate(self.names.data):
            call.append(self._data(slot, _safe(name, free), arguments, free))
        for size in self._sizes():
            arguments.append(Argument("ptrdiff_t ", size))
            call.append(size)
        before: list[str] = []
        if self.names.constants:
            at = sum(1 for name in vectors(self.names, function.name) if name != "c")
            call.insert(at, self._constants(arguments, before, free))
        for output in function.outputs:
            name = f"{output.name}_out" if output.name in self.names.all() else output.name
            arguments.append(Argument(f"{self._real()} *", name, self._about_result(output)))
            call.append(self._written(name, output))
        name = f"{self.definition.name}_{function.name}"
        summary = summary_of(function, self.names).replace("Return", "Compute", 1)
        summary = summary.replace("a float", "one number")
        body = [*before, *filled(f"return {core}(", call, ");")]
        alike = not before and call == [argument.name for argument in arguments]
        alias = core if alike else ""
        return Exported(name, name, "int ", tuple(arguments), summary, tuple(body), alias)

    @property
    def defaults(self) -> str:
        """The array of the constants' defaults."""
        return f"{self.definition.name}_constants"

    def preamble(self) -> str:
        """Return what the functions share, in C: the constants' defaults."""
        if not self.constants or not self.complete:
            return ""
        values = [c_number(float(default or 0.0)) for _, _, default in self.constants]
        if input_kind(self.numbers.dtype) is Kind.COMPLEX:
            values = [text for value in values for text in (value, "0.0")]
        name = f"static const {self._real()} {self.definition.name}_constants[{len(values)}] = {{"
        return "\n".join([*filled(name, values, "};", 0), ""])

    def length(self) -> str:
        """Return how many numbers ``p`` holds."""
        found = ZERO
        for shape in self.definition.param_shapes:
            found = found + Volume.product(squeezed(shape))
        return self.results.volume(found)

    def strides(self, slot: int) -> list[str]:
        """Return the strides of a contiguous array, without its dimensions of size 1."""
        extents = [axis.extent for axis in squeezed(self.definition.data_shapes[slot])]
        found = []
        for k in range(len(extents)):
            rest = Volume.product(squeezed(self.definition.data_shapes[slot])[k + 1 :])
            found.append(self.results.volume(rest))
        return found

    # -- arguments -------------------------------------------------------------------------

    def _constants(self, arguments: list[Argument], before: list[str], free: Names) -> str:
        """Add the argument for the constants; return the array that the core takes."""
        kind, real = input_kind(self.numbers.dtype), self._real()
        text = name = free.fresh("constants")
        if self.constants:
            arguments.append(Argument(f"const {real} *", name, self._about("constants")))
            text = f"{name} ? {name} : {self.defaults}" if self.complete else name
        if len(self.constants) == len(self.names.constants):
            plain = kind is not Kind.COMPLEX or not self.complete
            return self._given(text if plain else f"({text})", kind)
        # The core has sizes among the constants.
        entries, places = [], iter(range(len(self.constants)))
        if self.constants:
            before.append(f"const {real} *const sc_given = {text};")
        for ident in self.names.constants:
            parts = 2 if kind is Kind.COMPLEX else 1
            if ident in self.names.sizes:
                entries += [f"({real}){ident}", "0.0"][:parts]
            else:
                start = parts * next(places)
                entries += [f"sc_given[{start + k}]" for k in range(parts)]
        before += filled(f"const {real} sc_all[{len(entries)}] = {{", entries, "};")
        return self._given("sc_all", kind)

    def _real(self) -> str:
        return "float" if is_single(self.numbers.dtype) else "double"

    def _kind(self, vector: str) -> Kind:
        return self.definition.output.kind if vector == "u" else input_kind(self.numbers.dtype)

    def _given(self, name: str, kind: Kind, constant: str = "const ") -> str:
        """Return a pointer to reals as one to what they are: a complex number is two of them."""
        if kind is not Kind.COMPLEX:
            return name
        single = is_single(self.numbers.dtype)
        return f"({constant}{'float _Complex' if single else 'sc_complex'} *){name}"

    def _data(self, slot: int, name: str, arguments: list[Argument], free: Names) -> str:
        pointer = f"const {self._real()} *"
        if self.definition.indexed:
            arguments.append(Argument(pointer, name, self._about_array(slot)))
            return f"(sc_array){{{name}, {{{', '.join(self.strides(slot)) or '0'}}}}}"
        stride = free.fresh(f"{name}_stride")
        apart = f"a number for each of n samples, {stride} entries apart{self._parts(False)}"
        arguments.append(Argument(pointer, name, apart))
        arguments.append(Argument("ptrdiff_t ", stride))
        return f"(sc_array){{{name}, {{{stride}}}}}"

    def _sizes(self) -> list[str]:
        if self.definition.indexed:
            return list(self.names.sizes)
        return ["n"] if self.names.data else []

    def _written(self, name: str, output: Output) -> str:
        return self._given(name, output.kind, "")

    # -- what is said of them ----------------------------------------------------------------

    def _parts(self, complex: bool) -> str:
        """Return what is said of complex numbers."""
        complex = complex or input_kind(self.numbers.dtype) is Kind.COMPLEX
        return ", each a real and an imaginary part" if complex else ""

    def _about(self, vector: str) -> str:
        definition, names = self.definition, self.names
        if vector == "p":
            sizes, shapes = names.known_sizes, definition.param_shapes
            told = listed(definition.params, names.params, shapes, sizes)
            return told + self._parts(False)
        if vector == "constants":
            told = listed([s for _, s, _ in self.constants], [i for i, _, _ in self.constants])
            told += self._parts(False)
            return f"{told}; or NULL for their defaults" if self.complete else told
        if vector == "v":
            return "the direction, as long as p"
        return "as the value is laid out"

    def _about_array(self, slot: int) -> str:
        shape = squeezed(self.definition.data_shapes[slot])
        lengths = [self.results.size(axis.extent) for axis in shape]
        told = f"shape {tuple_of(lengths)}, contiguous" if lengths else "one number"
        whole = [whole for whole in self.definition.wholes if whole.slot == slot]
        if whole:
            low, high = self.results.size(whole[0].low), self.results.size(whole[0].high)
            told += f", whole numbers from {low} to {high}"
        return told + self._parts(False)

    def _about_result(self, output: Output) -> str:
        told = describe_shape(output, self.names.known_sizes)
        if output.per_sample:
            inner = ", ".join([str(size) for size in output.shape] + ["n"])
            rows = ", the samples last" if output.shape else ""
            told = f"shape ({inner}{'' if output.shape else ','}){rows}"
        elif not output.layout:
            told = "one number"
        return told + self._parts(output.kind is Kind.COMPLEX)


def _safe(name: str, free: Names) -> str:
    """Return a name for an argument of a function of C++ as well."""
    return free.fresh(f"{name}_") if name in CPP_WORDS else name


def c_number(value: float) -> str:
    """Return a number in C."""
    if value != value:
        return "NAN"
    if value in (float("inf"), float("-inf")):
        return "INFINITY" if value > 0 else "-INFINITY"
    return repr(value)


def comment(lines: Sequence[str], opening: str, margin: str, closing: str) -> list[str]:
    """Return text as a comment of some language, wrapped."""
    found = [
        part
        for line in lines
        for part in textwrap.wrap(line, WIDTH - len(margin) - 4, subsequent_indent="    ")
    ]
    shown = [f"{margin if k else opening}{harmless(line)}" for k, line in enumerate(found)]
    shown[-1] += closing
    return shown


def harmless(line: str) -> str:
    """Return a line that neither ends nor begins a comment in C, whatever symbols are called.

    >>> harmless("a*/b")
    'a* /b'
    """
    return line.replace("*/", "* /").replace("/*", "/ *")
