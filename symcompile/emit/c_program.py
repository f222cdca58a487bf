"""Schedule -> a header and a source file of C that need no Python."""

from __future__ import annotations

from collections.abc import Sequence

from symcompile.emit.bodies import helpers_of, integrates, with_helpers
from symcompile.emit.c import CEmitter, guarded, vector_functions
from symcompile.emit.c_callbacks import Callbacks
from symcompile.emit.c_interface import Exported, Interface, comment, core_name, harmless
from symcompile.emit.dialect import C
from symcompile.emit.library import support
from symcompile.emit.limits import LIMITS
from symcompile.emit.numbers import numbers_of
from symcompile.emit.signature import header, identifiers
from symcompile.emit.templates import render
from symcompile.errors import UnsupportedFunctionError
from symcompile.frontend.definition import Definition
from symcompile.ir.graph import Function
from symcompile.planning import Schedule


def exported(definition: Definition, functions: Sequence[Function]) -> tuple[Exported, ...]:
    """Return what a kernel's module exports to other languages.

    Args:
        definition: whose module it is.
        functions: the functions of the module.
    """
    names = identifiers(definition)
    interface = Interface(definition, names)
    found = [interface.function(function) for function in functions]
    if any(function.name == "value" for function in functions):
        found += Callbacks(definition, names).functions()
    return tuple(found)


def interface_code(
    definition: Definition, functions: Sequence[Function], *, static: bool = False
) -> str:
    """Return the exported functions in C, and what they share.

    Args:
        definition: whose they are.
        functions: the functions of the module.
        static: whether they are for one file, which needs no second name for a core.
    """
    names = identifiers(definition)
    parts = [Interface(definition, names).preamble()]
    if any(function.name == "value" for function in functions):
        parts.append(Callbacks(definition, names).preamble())
    parts += [
        function.defined("static " if static else "")
        for function in exported(definition, functions)
        if not (static and function.core)
    ]
    return "\n".join(part for part in parts if part)


def emit_c(definition: Definition, schedules: Sequence[Schedule]) -> tuple[str, str]:
    """Return the text of a header and of a source file with the functions of ``schedules``.

    Raises:
        UnsupportedFunctionError: the formula needs what SciPy computes.
    """
    names = identifiers(definition)
    functions = [schedule.function for schedule in schedules]
    emitted = [
        CEmitter(definition, names, schedule, core_name(definition, schedule.function.name)).emit()
        for schedule in schedules
    ]
    code = "\n".join(function.text for function in emitted)
    code = with_helpers(code, helpers_of(schedules, C), code, "c")
    needed = support(code, "c")
    _refuse(definition, [pointer.name for pointer in needed.pointers], integrates(code))
    head = header(definition, names, functions, "nothing")
    told = [f"    {harmless(line)}" for line in head.formula]
    about = [harmless(line) for line in head.lines if not line.startswith("Imports")]
    functions_of_c = exported(definition, functions)
    declarations = [
        "\n".join(
            [
                *comment(function.notes(), "/* ", "   ", " */"),
                *function.declared(function.name, suffix=";"),
            ]
        )
        for function in functions_of_c
    ]
    text = guarded("\n\n".join(declarations), definition, names).rstrip("\n")
    guard = "".join(c if c.isascii() and c.isalnum() else "_" for c in definition.name).upper()
    shown = {"name": definition.name, "formula": told, "about": about}
    h = render("c/program.h.j2", declarations=text, guard=f"SYMCOMPILE_{guard}_H", **shown)
    inner = code + "\n" + interface_code(definition, functions)
    c = render(
        "c/program.c.j2",
        code=guarded(inner, definition, names).rstrip("\n"),
        loops=any(schedule.loops for schedule in schedules) or bool(definition.data),
        numbers=numbers_of(definition),
        rank=max([1, *(len(shape) for shape in definition.data_shapes)]),
        support=needed,
        threads=None,
        vector=vector_functions(schedules),
        **shown,
        **LIMITS,
    )
    return h, c


def _refuse(definition: Definition, pointers: Sequence[str], integral: bool) -> None:
    """Refuse what C by itself cannot compute."""
    if not pointers and not integral:
        return
    needed = (
        f"calls {', '.join(pointers)} of scipy.special" if pointers else "integrates with SciPy"
    )
    raise UnsupportedFunctionError(
        f"{definition.name} cannot be written in C by itself: it {needed}. Its Cython module has a "
        ".pxd, which other compiled code can use."
    )
