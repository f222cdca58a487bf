"""Schedule -> a Cython module: the C functions verbatim, and Python functions that call them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from symcompile.emit.c import CEmitter, CFunction, vector_functions
from symcompile.emit.glue import arrays_call
from symcompile.emit.lines import filled, indent, unpacked
from symcompile.emit.python import columns_call, constant_defaults, helpers, tables
from symcompile.emit.results import Results
from symcompile.emit.signature import Identifiers, Signature, header, identifiers, signature
from symcompile.emit.templates import render
from symcompile.frontend.definition import Definition
from symcompile.frontend.roles import squeezed
from symcompile.ir.affine import Affine
from symcompile.ir.graph import Function, Output
from symcompile.ir.volume import ZERO, Volume
from symcompile.planning import Schedule
from symcompile.schedule import BLOCKS, TILE


@dataclass(frozen=True)
class _Body:
    """A function as the template takes it."""

    signature: Signature
    code: str
    c: CFunction
    extern: str


def emit_cython(definition: Definition, schedules: Sequence[Schedule]) -> str:
    """Return the source of a Cython module with the functions of ``schedules``."""
    names = identifiers(definition)
    bodies = [_body(definition, names, schedule) for schedule in schedules]
    code = "\n".join(body.c.text for body in bodies)
    glue = "\n".join(body.code for body in bodies)
    used = helpers(glue)
    special = "sc_digamma(" in code or "sc_polygamma(" in code
    needs = "NumPy and SciPy's special functions" if special else "NumPy only"
    return render(
        "cython/kernel.pyx.j2",
        header=header(definition, names, [s.function for s in schedules], needs),
        definition=definition,
        constants=constant_defaults(definition, names),
        bodies=bodies,
        code=indent(code.rstrip().split("\n"), 1),
        vector=vector_functions(schedules),
        special=special,
        used=used,
        pieces=bool(used & {"_split", "_joined"}),
        glue=glue,
        loops=any(schedule.loops for schedule in schedules) or bool(definition.data),
        arrays=definition.indexed,
        tables=tables(definition),
        rank=rank(definition),
        **LIMITS,
    )


#: What the generated loops are made for: sizes in doubles, and the operations worth a thread.
LIMITS = {
    "blocks": BLOCKS,
    "tile": TILE,
    "cached": 98_304,
    "summed": 262_144,
    "thread": "1e6",
}


def rank(definition: Definition) -> int:
    """Return the most dimensions of any data array, at least one."""
    return max([1, *(len(shape) for shape in definition.data_shapes)])


def c_name(definition: Definition, function: str) -> str:
    """Return the name of the C function behind a kernel's function."""
    return f"{definition.name}_{function}"


def _body(definition: Definition, names: Identifiers, schedule: Schedule) -> _Body:
    function = schedule.function
    name = c_name(definition, function.name)
    emitter = CEmitter(definition, names, schedule, name)
    emitted = emitter.emit()
    return _Body(
        signature=signature(definition, names, function),
        code=indent(_Glue(definition, names, function, emitter, emitted).lines(), 1),
        c=emitted,
        extern=extern_declaration(emitted.declaration),
    )


def extern_declaration(declaration: str) -> str:
    """Return a C declaration as Cython's ``extern`` blocks have it."""
    flat = re.sub(r"\s+", " ", declaration).replace("( ", "(").replace(" )", ")")
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
        self.vector = {"hvp": "v", "jvp": "v", "vjp": "u"}.get(function.name, "")
        self.results = Results(self._size)
        self.call: list[str] = []

    def lines(self) -> list[str]:
        lines = self._arrays() if self.definition.indexed else self._columns()
        if self.names.constants:
            listed = ", ".join(self._constant(name) for name in self.names.constants)
            lines.append(f"sc_constants = np.array([{listed}], dtype=np.float64)")
            self.call.append("sc_doubles(sc_constants)")
        self.call += [f"sc_as_array({name})" for name in self.names.data]
        self.call += self.emitter.sizes()
        results = []
        for output in self.function.outputs:
            lines.append(self._allocation(output))
            if output.layout:
                self.call.append(f"sc_doubles({output.name})")
                results.append(self.results.returned(output))
            else:
                self.call.append(f"&{output.name}")
                results.append(output.name)
        lines += self._called()
        return [*lines, f"return {', '.join(results)}"]

    def _constant(self, name: str) -> str:
        # A size has been read already.
        return name if name in self.names.sizes else f'_number({name}, "{name}")'

    def _flat(self, name: str, length: str) -> list[str]:
        self.call.append(f"sc_doubles({name})")
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
            lines.append(f"u = _cotangents(u, n, {entries})")
            self.call.append("sc_doubles(u)")
        return lines

    # -- index notation --------------------------------------------------------------------

    def _arrays(self) -> list[str]:
        """Read the sizes off arrays that are good as they are; else ask the general way."""
        names, definition = self.names, self.definition
        found = self._sizes_of_data()
        lines = [f"cdef Py_ssize_t {', '.join(f'sc_{s} = 0' for s in names.sizes)}"]
        slow = arrays_call(definition, names, [f"sc_{s}" for s in names.sizes])
        if found is None:
            lines += slow
        else:
            ranks = [
                f"sc_is_array({name}, {len(squeezed(shape))})"
                for name, shape in zip(names.data, definition.data_shapes, strict=True)
            ]
            lines += filled("if ", ranks, ":", sep=" and ")
            lines += [f"    sc_{s} = {text}" for s, text in found.items()]
            lines += filled("if not (", self._agreement(found), "):", sep=" and ")
            lines += ["    " + line for line in slow]
        if not names.sizes:
            lines = lines[1:]
        self.call.append("sc_doubles(p)") if names.params else None
        if self.vector == "v":
            lines += self._flat("v", "p.size")
        if self.vector == "u":
            lines.append(f'u = _shaped(u, "u", {self.results.shape(definition.output)})')
            self.call.append("sc_doubles(u)")
        return lines

    def _sizes_of_data(self) -> dict[str, str] | None:
        """Return where each size can be read off the data, or None if one cannot."""
        definition = self.definition
        found: dict[str, str] = {}
        for name, shape in zip(self.names.data, definition.data_shapes, strict=True):
            for k, axis in enumerate(squeezed(shape)):
                for size, ident in self.names.known_sizes.items():
                    if axis.extent == Affine.of(size):
                        found.setdefault(ident, f"sc_dim({name}, {k})")
        complete = definition.sizes and all(s in found for s in self.names.sizes)
        named = any(name in definition.sizes for name, _ in definition.constants)
        if not complete or named or definition.derived or not definition.params:
            return None
        return {s: found[s] for s in self.names.sizes}

    def _agreement(self, found: dict[str, str]) -> list[str]:
        """Return the conditions under which arguments are good as they are."""
        definition, names = self.definition, self.names
        tests = [f"sc_{s} > 0" for s in names.sizes]
        for name, shape in zip(names.data, definition.data_shapes, strict=True):
            for k, axis in enumerate(squeezed(shape)):
                text = self.results.size(axis.extent)
                if found.get(text.removeprefix("sc_")) != f"sc_dim({name}, {k})":
                    tests.append(f"sc_dim({name}, {k}) == {text}")
        for required in definition.required:
            tests.append(f"{self.results.size(required.value)} >= 0")
        for whole in definition.wholes:
            ends = f"{self.results.size(whole.low)}, {self.results.size(whole.high)}"
            tests.append(f"sc_is_whole({names.data[whole.slot]}, {ends})")
        length = ZERO
        for shape in definition.param_shapes:
            length = length + Volume.product(squeezed(shape))
        return [*tests, f"sc_is_vector(p, {self.results.volume(length)})"]

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
        return _released(name, call)

    def _allocation(self, output: Output) -> str:
        if not output.layout:
            return f"cdef double {output.name} = 0.0"
        if output.per_sample:
            return f"{output.name} = np.empty(({len(output.entries)}, n))"
        return f"{output.name} = sc_new({self.results.length(output)})"


def _released(name: str, call: Sequence[str]) -> list[str]:
    """Return the call without the GIL; what needs the GIL is looked up before."""
    lines, args = ["cdef int sc_status = 0"], []
    for text in call:
        kind, _, inside = text.partition("(")
        if kind in ("sc_doubles", "sc_as_array"):
            target = f"sc_{inside.rstrip(')')}_"
            lines.append(f"cdef {_C_TYPES[kind]}{target} = {text}")
            args.append(target)
        else:
            args.append(text)
    inner = filled(f"sc_status = {name}(", args, ")", 2)
    return [
        *lines,
        "with nogil:",
        *["    " + part for part in inner],
        "if sc_status < 0:",
        "    raise MemoryError()",
    ]


_C_TYPES = {"sc_doubles": "double *", "sc_as_array": "sc_array "}
