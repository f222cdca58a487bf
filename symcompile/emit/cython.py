"""Schedule -> a Cython module: the C functions verbatim, and Python functions that call them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from symcompile.emit.bodies import helpers_of, integrates, with_helpers
from symcompile.emit.c import CEmitter, CFunction, guarded, vector_functions
from symcompile.emit.c_interface import core_name
from symcompile.emit.c_program import exported, interface_code
from symcompile.emit.dialect import C
from symcompile.emit.glue import arrays_call
from symcompile.emit.library import support
from symcompile.emit.limits import LIMITS
from symcompile.emit.lines import filled, indent, unpacked
from symcompile.emit.numbers import numbers_of
from symcompile.emit.python import columns_call, constant_defaults, helpers, tables
from symcompile.emit.ready import Ready
from symcompile.emit.results import Results
from symcompile.emit.signature import (
    Identifiers,
    Signature,
    header,
    identifiers,
    imported,
    signature,
)
from symcompile.emit.templates import render
from symcompile.frontend.definition import Definition
from symcompile.ir.dtypes import is_single
from symcompile.ir.graph import Function, Kind, Output
from symcompile.planning import Schedule, spent


@dataclass(frozen=True)
class _Body:
    """A function as the template takes it."""

    signature: Signature
    code: str
    c: CFunction
    extern: str


def emit_cython(
    definition: Definition, schedules: Sequence[Schedule], threads: int | None = None
) -> str:
    """Return the source of a Cython module with the functions of ``schedules``.

    Args:
        definition: whose functions they are.
        schedules: the functions.
        threads: how many threads there may be; None asks the environment at each call.
    """
    names = identifiers(definition)
    bodies = [_body(definition, names, schedule) for schedule in schedules]
    code = "\n".join(body.c.text for body in bodies)
    code = with_helpers(code, helpers_of(schedules, C), code, "c")
    glue = "\n".join(body.code for body in bodies)
    used = helpers(glue)
    needed = support(code, "c")
    functions = [schedule.function for schedule in schedules]
    code += "\n" + interface_code(definition, functions, static=True)
    exports = exported(definition, functions)
    needs = imported("NumPy", special=needed.special, integrates=integrates(code))
    return render(
        "cython/kernel.pyx.j2",
        header=header(definition, names, functions, needs),
        definition=definition,
        constants=constant_defaults(definition, names),
        bodies=bodies,
        exports=exports,
        code=indent(guarded(code, definition, names).rstrip().split("\n"), 1),
        vector=vector_functions(schedules),
        support=needed,
        used=used,
        numbers=numbers_of(definition),
        pieces=bool(used & {"_split", "_joined"}),
        glue=glue,
        text=glue,
        loops=any(schedule.loops for schedule in schedules) or bool(definition.data),
        arrays=definition.indexed,
        tables=tables(definition),
        rank=rank(definition),
        threads=threads,
        **LIMITS,
    )


def rank(definition: Definition) -> int:
    """Return the most dimensions of any data array, at least one."""
    return max([1, *(len(shape) for shape in definition.data_shapes)])


def c_name(definition: Definition, function: str) -> str:
    """Return the name of the C function behind a kernel's function."""
    return f"{definition.name}_{function}"


def _body(definition: Definition, names: Identifiers, schedule: Schedule) -> _Body:
    function = schedule.function
    name = core_name(definition, function.name)
    emitter = CEmitter(definition, names, schedule, name)
    emitted = emitter.emit()
    return _Body(
        signature=signature(definition, names, function),
        code=indent(_Glue(definition, names, function, emitter, emitted).lines(), 1),
        c=emitted,
        extern=extern_declaration(emitted.declaration, numbers_of(definition).plain),
    )


def extern_declaration(declaration: str, plain: bool = True) -> str:
    """Return a C declaration as Cython's ``extern`` blocks have it.

    Where not all numbers are doubles, their pointers are ``void *``: Cython has a type of its own
    for complex numbers.
    """
    flat = re.sub(r"\s+", " ", declaration).replace("( ", "(").replace(" )", ")")
    if not plain:
        flat = re.sub(r"(double|sc_complex|float|float _Complex) \*", "void *", flat)
    return flat.replace("static ", "").replace("*restrict ", "*") + " nogil"


class _Glue:
    """The lines of a Python function: arguments in, C call, results out."""

    def __init__(
        self,
        definition: Definition,
        names: Identifiers,
        function: Function,
        emitter: CEmitter,
        emitted: CFunction,
    ) -> None:
        self.definition, self.names, self.function = definition, names, function
        self.emitter, self.emitted = emitter, emitted
        self.numbers = numbers_of(definition)
        self.vector = {"hvp": "v", "jvp": "v", "vjp": "u"}.get(function.name, "")
        self.results = Results(self._size)
        self.call: list[str] = []

    def lines(self) -> list[str]:
        lines = self._arrays() if self.definition.indexed else self._columns()
        if self.names.constants:
            listed = ", ".join(self._constant(name) for name in self.names.constants)
            kind = self.numbers.argument
            # No array of a user's can lead to this name, as it can to sc__ and its own.
            lines.append(f"SC_constants = np.array([{listed}], dtype=np.{kind})")
            self.call.append("sc_doubles(SC_constants)")
        self.call += [f"sc_as_array({name})" for name in self.names.data]
        self.call += self.emitter.sizes()
        results = []
        for output in self.function.outputs:
            lines.append(self._allocation(output))
            if output.layout:
                self.call.append(f"sc_doubles({output.name})")
                results.append(self.results.returned(output) + self.numbers.narrowed(output.kind))
            elif output.kind is Kind.COMPLEX:
                self.call.append(f"<void *>{output.name}")
                results.append(f"complex({output.name}[0], {output.name}[1])")
            else:
                self.call.append(f"&{output.name}")
                single = is_single(self.numbers.given) and self.numbers.dtype == "float64"
                results.append(f"float(np.float32({output.name}))" if single else output.name)
        lines += self._called()
        return [*lines, f"return {', '.join(results)}"]

    def _constant(self, name: str) -> str:
        # A size has been read already.
        return name if name in self.names.sizes else f'_number({name}, "{name}")'

    def _flat(self, name: str, length: str) -> list[str]:
        self.call.append(f"sc_doubles({name})")
        how = self.numbers.cotangent(self.definition.output) if name == "u" else ""
        if how:  # of another type than the arguments
            return [f'{name} = _vector({name}, "{name}", {length}{how})']
        return [
            f"if not sc_is_vector({name}, {length}):",
            f'    {name} = _vector({name}, "{name}", {length})',
        ]

    # -- a formula per sample --------------------------------------------------------------

    def _columns(self) -> list[str]:
        names, output = self.names, self.definition.output
        size, entries = len(names.params), len(output.entries)
        lines: list[str] = []
        if size:
            lines += self._flat("p", str(size))
        if self.vector == "v":
            lines += self._flat("v", str(size))
        if self.vector == "u" and not output.per_sample:
            lines += self._flat("u", str(entries))
        if names.data:
            ready = [f"sc_is_column({name}, {names.data[0]})" for name in names.data]
            lines += filled("if not (", ready, "):", sep=" and ")
            lines += ["    " + line for line in unpacked(names.data, columns_call(names))]
            lines.append(f"cdef Py_ssize_t n = sc_length({names.data[0]})")
        if self.vector == "u" and output.per_sample:
            how = self.numbers.cotangent(output)
            lines.append(f"u = _cotangents(u, n, {entries}{how})")
            self.call.append("sc_doubles(u)")
        return lines

    # -- index notation --------------------------------------------------------------------

    def _arrays(self) -> list[str]:
        """Read the sizes off arrays that are good as they are; else ask the general way."""
        names, definition = self.names, self.definition
        ready = Ready(definition, names, at=lambda name: name, size=lambda size: f"sc_{size}")
        found = ready.sizes() if names.sizes else None
        lines = [f"cdef Py_ssize_t {', '.join(f'sc_{s} = 0' for s in names.sizes)}"]
        slow = arrays_call(definition, names, [f"sc_{s}" for s in names.sizes])
        if found is None:
            lines += slow
        else:
            lines += filled("if ", ready.ranks(), ":", sep=" and ")
            lines += [f"    sc_{s} = {text}" for s, text in found.items()]
            lines += filled("if not (", ready.agreement(["p"]), "):", sep=" and ")
            lines += ["    " + line for line in slow]
        if not names.sizes:
            lines = lines[1:]
        self.call.append("sc_doubles(p)") if names.params else None
        if self.vector == "v":
            lines += self._flat("v", "p.size")
        if self.vector == "u":
            how = self.numbers.cotangent(definition.output)
            shape = self.results.shape(definition.output)
            lines.append(f'u = _shaped(u, "u", {shape}{how})')
            self.call.append("sc_doubles(u)")
        return lines

    def _size(self, name: str) -> str:
        known = self.names.known_sizes.get(name)
        return name if known is None else f"sc_{known}"

    # -- results ---------------------------------------------------------------------------

    def _called(self) -> list[str]:
        name = self.emitted.name
        sizes = set(self.names.sizes)
        call = [f"sc_{c}" if c in sizes else c for c in self.call]
        if not self.emitted.loops:
            return filled(f"{name}(", call, ")")
        cost = spent(self.emitter.schedule).text(lambda size: f"<double>{self._size(size)}")
        return _released(name, call, self.numbers.plain, cost)

    def _allocation(self, output: Output) -> str:
        numbers, complex = self.numbers, output.kind is Kind.COMPLEX
        kind = "float" if is_single(numbers.dtype) else "double"
        if not output.layout:
            return f"cdef {kind} {output.name}{'[2]' if complex else ' = 0.0'}"
        if output.per_sample:
            made = numbers.made(output.kind)
            return f"{output.name} = np.empty(({len(output.entries)}, n){made})"
        if numbers.plain:
            return f"{output.name} = sc_new({self.results.length(output)})"
        npy = f"NPY_{'C' if complex else ''}{kind.upper()}"
        return f"{output.name} = sc_new({self.results.length(output)}, {npy})"


def _released(name: str, call: Sequence[str], plain: bool, cost: str) -> list[str]:
    """Return the call without the GIL where it is long; what needs the GIL is looked up before."""
    lines, args = ["cdef int sc__status = 0"], []
    for text in call:
        kind, _, inside = text.partition("(")
        if kind in ("sc_doubles", "sc_as_array"):
            target = f"sc__{inside.rstrip(')')}"
            pointer = _C_TYPES[kind] if plain or kind == "sc_as_array" else "void *"
            lines.append(f"cdef {pointer}{target} = {text}")
            args.append(target)
        else:
            args.append(text)
    return [
        *lines,
        *filled("cdef void *sc__thread = sc_release(", [cost], ")"),
        *filled(f"sc__status = {name}(", args, ")"),
        "sc_acquire(sc__thread)",
        "if sc__status < 0:",
        "    raise MemoryError()",
    ]


_C_TYPES = {"sc_doubles": "double *", "sc_as_array": "sc_array "}
