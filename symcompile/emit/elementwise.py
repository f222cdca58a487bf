"""Modules with one elementwise function: scalars in, scalars out; arrays in, arrays out.

The same formula is scheduled twice: over arguments that are numbers, and over columns of
samples. The three backends share everything but the two cores.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from symcompile.emit.c import CEmitter, CFunction, vector_functions
from symcompile.emit.chunks import LONGEST_WHOLE
from symcompile.emit.cython import LIMITS, extern_declaration
from symcompile.emit.dialect import NUMBA, NUMPY
from symcompile.emit.expression import Printer
from symcompile.emit.lines import filled, indent
from symcompile.emit.numba import LIMITS as NUMBA_LIMITS
from symcompile.emit.numba import NumbaEmitter
from symcompile.emit.python import helpers, scalar_core
from symcompile.emit.signature import header, identifiers, known_inputs
from symcompile.emit.templates import render
from symcompile.frontend.definition import Definition
from symcompile.naming import Names
from symcompile.options import Backend
from symcompile.planning import Schedule, contents

Container = Literal["scalar", "list", "tuple", "array"]


@dataclass(frozen=True)
class Elementwise:
    """A function to be called with numbers or arrays.

    Attributes:
        points: the definition over numbers: its arguments are parameters.
        columns: the definition over arrays: its arguments are data.
        container: what several results are returned in.
    """

    points: Definition
    columns: Definition
    container: Container

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the results of one call with numbers."""
        return tuple(size for size in self.points.output.shape if isinstance(size, int))


def emit_elementwise(
    function: Elementwise, points: Schedule, columns: Schedule, backend: Backend
) -> str:
    """Return the source of a module with one elementwise function."""
    names = identifiers(function.points)
    cores = {"python": _python_cores, "numba": _numba_cores, "cython": _c_cores}
    core, array_core = cores[backend](function, points, columns)
    text = core + array_core
    used = helpers(text) if backend != "cython" else frozenset[str]()
    special = _needs_special(text, backend)
    engine = {"python": "NumPy", "numba": "NumPy and Numba", "cython": "NumPy"}[backend]
    context = {
        "header": header(
            function.points,
            names,
            [points.function],
            f"{engine} and SciPy's special functions" if special else engine,
        ),
        "args": list(names.params),
        "count": len(function.points.output.entries),
        "container": function.container,
        "shape": function.shape,
        "core": core,
        "array_core": array_core,
        "used": used,
        "special": special,
    }
    if backend == "numba":
        context |= {
            "whole": len(points.graph) <= LONGEST_WHOLE,
            "loops": bool(names.params),
            "text": text,
            **NUMBA_LIMITS,
        }
    if backend == "cython":
        declared = [_c(function, points, "scalar").declaration]
        if names.params:
            declared.append(_c(function, columns, "array").declaration)
        context |= {
            "name": function.points.name,
            "loops": bool(names.params),
            "glue": "",
            "rank": 1,
            **LIMITS,
            "code": indent(text.rstrip().split("\n"), 1),
            "vector": vector_functions([columns]),
            "externs": [extern_declaration(declaration) for declaration in declared],
        }
        del context["core"], context["array_core"]
    suffix = "pyx" if backend == "cython" else "py"
    return render(f"{backend}/elementwise.{suffix}.j2", **context)


_BRACKETS: dict[Container, str] = {"scalar": "", "list": "[]", "tuple": "()", "array": "[]"}


def _needs_special(text: str, backend: Backend) -> bool:
    calls: dict[Backend, Sequence[str]] = {
        "python": ("special.", "polygamma("),
        "numba": ("digamma(", "polygamma("),
        "cython": ("sc_digamma(", "sc_polygamma("),
    }
    return any(call in text for call in calls[backend])


def _python_cores(function: Elementwise, points: Schedule, columns: Schedule) -> tuple[str, str]:
    names = identifiers(function.points)
    core = scalar_core("_scalar", names, points, brackets=_BRACKETS[function.container])
    graph = columns.graph
    used = Names([*names.params, "out", "count"])
    ids = identifiers(function.columns)
    printer = Printer(graph, NUMPY, known_inputs(columns.function, ids), used)
    entries = columns.function.outputs[0].entries
    nodes = [node for phase in columns.phases for node in contents(phase)[0]]
    lines = [f"{s.name} = {s.text}" for s in printer.statements(nodes, entries)]
    lines += [f"out[{k}] = {printer.text(entry)}" for k, entry in enumerate(entries)]
    head = filled("def _array(", [*names.params, "out"], "):", 0)
    return core, "\n".join([*head, indent(lines, 1)])


def _numba_cores(function: Elementwise, points: Schedule, columns: Schedule) -> tuple[str, str]:
    names = identifiers(function.points)
    if len(points.graph) > LONGEST_WHOLE:
        scalar = NumbaEmitter(function.points, names, points, "_packed_scalar").emit()
    else:
        # Numba compiles lists slowly; a tuple becomes one outside.
        brackets = "" if function.container == "scalar" else "()"
        core = scalar_core("_scalar", names, points, dialect=NUMBA, brackets=brackets)
        scalar = f"@jit\n{core}"
    if not function.columns.data:
        return scalar, ""
    return scalar, NumbaEmitter(
        function.columns, identifiers(function.columns), columns, "_array"
    ).emit()


def _c(function: Elementwise, schedule: Schedule, kind: str) -> CFunction:
    definition = function.points if kind == "scalar" else function.columns
    name = f"{definition.name}_{kind}"
    return CEmitter(definition, identifiers(definition), schedule, name).emit()


def _c_cores(function: Elementwise, points: Schedule, columns: Schedule) -> tuple[str, str]:
    scalar = _c(function, points, "scalar").text
    array = _c(function, columns, "array").text if function.columns.data else ""
    return scalar, array
