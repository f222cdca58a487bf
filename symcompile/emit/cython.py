"""Schedule -> a Cython module: the C functions verbatim, and Python functions that call them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from symcompile.emit.c import CEmitter, CFunction, vector_functions
from symcompile.emit.lines import filled, indent, unpacked
from symcompile.emit.python import columns_call, constant_defaults, helpers
from symcompile.emit.signature import Identifiers, Signature, header, identifiers, signature
from symcompile.emit.templates import render
from symcompile.frontend.definition import Definition
from symcompile.ir.graph import Function, Output
from symcompile.schedule import BLOCKS, TILE, Schedule


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
        used=helpers("\n".join(body.code for body in bodies)),
        loops=bool(definition.data),
        blocks=BLOCKS,
        tile=TILE,
    )


def c_name(definition: Definition, function: str) -> str:
    """Return the name of the C function behind a kernel's function."""
    return f"{definition.name}_{function}"


def _body(definition: Definition, names: Identifiers, schedule: Schedule) -> _Body:
    function = schedule.function
    emitted = CEmitter(names, schedule, c_name(definition, function.name)).emit()
    return _Body(
        signature=signature(definition, names, function),
        code=indent(_glue(definition, names, function, emitted), 1),
        c=emitted,
        extern=extern_declaration(emitted.declaration),
    )


def extern_declaration(declaration: str) -> str:
    """Return a C declaration as Cython's ``extern`` blocks have it."""
    flat = re.sub(r"\s+", " ", declaration).replace("( ", "(").replace(" )", ")")
    return flat.replace("static ", "").replace("*restrict ", "*") + " nogil"


def _glue(
    definition: Definition, names: Identifiers, function: Function, emitted: CFunction
) -> list[str]:
    """Return the lines of the Python function: arguments in, C call, results out."""
    lines: list[str] = []
    call: list[str] = []
    size = len(names.params)
    outputs = len(definition.output.entries)

    def vector(name: str, length: int) -> None:
        lines.append(f"if not sc_is_vector({name}, {length}):")
        lines.append(f'    {name} = _vector({name}, "{name}", {length})')
        call.append(f"sc_doubles({name})")

    if size:
        vector("p", size)
    if function.name in ("hvp", "jvp"):
        vector("v", size)
    if function.name == "vjp" and not definition.output.per_sample:
        vector("u", outputs)
    if names.data:
        ready = [f"sc_is_column({name}, {names.data[0]})" for name in names.data]
        lines += filled("if not (", ready, "):", sep=" and ")
        lines += ["    " + line for line in unpacked(names.data, columns_call(names))]
        lines.append(f"cdef Py_ssize_t n = sc_length({names.data[0]})")
    if function.name == "vjp" and definition.output.per_sample:
        lines.append(f"u = _cotangents(u, n, {outputs})")
        call.append("sc_doubles(u)")
    if names.constants:
        listed = ", ".join(f'_number({name}, "{name}")' for name in names.constants)
        lines.append(f"sc_constants = np.array([{listed}])")
        call.append("sc_doubles(sc_constants)")
    if names.data:
        call += [*[f"sc_as_column({name})" for name in names.data], "n"]
    results = []
    for output in function.outputs:
        lines.append(_allocation(output))
        if output.shape == () and not output.per_sample:
            call.append(f"&{output.name}")
            results.append(output.name)
        else:
            call.append(f"sc_doubles({output.name})")
            results.append(_shaped(output))
    if emitted.loops:
        lines += _released(emitted.name, call)
    else:
        lines += filled(f"{emitted.name}(", call, ")")
    lines.append(f"return {', '.join(results)}")
    return lines


def _released(name: str, call: Sequence[str]) -> list[str]:
    """Return the call without the GIL; what needs the GIL is looked up before."""
    lines, args = [], []
    for text in call:
        kind, _, inside = text.partition("(")
        if kind in ("sc_doubles", "sc_as_column"):
            target = f"sc_{inside.rstrip(')')}"
            lines.append(f"cdef {_C_TYPES[kind]}{target} = {text}")
            args.append(target)
        else:
            args.append(text)
    return [*lines, "with nogil:", *["    " + part for part in filled(f"{name}(", args, ")", 2)]]


_C_TYPES = {"sc_doubles": "double *", "sc_as_column": "sc_column "}


def _allocation(output: Output) -> str:
    if output.per_sample:
        return f"{output.name} = np.empty(({len(output.entries)}, n))"
    if output.shape == ():
        return f"cdef double {output.name} = 0.0"
    return f"{output.name} = sc_new({len(output.entries)})"


def _shaped(output: Output) -> str:
    if output.per_sample:
        return f"_samples_first({output.name}, {output.shape})"
    return output.name if len(output.shape) == 1 else f"{output.name}.reshape({output.shape})"
