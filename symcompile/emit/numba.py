"""Schedule -> a module for Numba: the loops of the C backend, as Python writes them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from symcompile.emit.bodies import helpers_of, integrates, with_helpers
from symcompile.emit.dialect import NUMBA
from symcompile.emit.expression import Printer
from symcompile.emit.library import support
from symcompile.emit.limits import LIMITS
from symcompile.emit.lines import filled, indent
from symcompile.emit.memory import Array, added, scaled
from symcompile.emit.nest import NestEmitter
from symcompile.emit.numba_calls import arrays_typed, columns_typed, ranks
from symcompile.emit.numba_sweep import SweepFunction
from symcompile.emit.numbers import made, numbers_of
from symcompile.emit.python import constant_defaults, helpers, tables
from symcompile.emit.signature import (
    Identifiers,
    Signature,
    header,
    identifiers,
    imported,
    signature,
)
from symcompile.emit.syntax import Pack, Product
from symcompile.emit.templates import render
from symcompile.emit.wrapper import wrapper
from symcompile.frontend.definition import Definition
from symcompile.ir.dtypes import is_single
from symcompile.ir.graph import Axes, Kind
from symcompile.ir.ops import OPS
from symcompile.ir.volume import Volume
from symcompile.planning import Schedule, Sweep, left_behind, spent


@dataclass(frozen=True)
class _Body:
    """A function as the template takes it: how it is called, its wrapper, its compiled core."""

    signature: Signature
    code: str
    core: str


def emit_numba(
    definition: Definition, schedules: Sequence[Schedule], threads: int | None = None
) -> str:
    """Return the source of a Numba module with the functions of ``schedules``.

    Args:
        definition: whose functions they are.
        schedules: the functions.
        threads: how many threads there may be; None asks the environment at each call.
    """
    names = identifiers(definition)
    bodies = [
        _Body(
            signature(definition, names, schedule.function),
            indent(wrapper(definition, names, schedule, _threads(names, schedule)), 1),
            NumbaEmitter(definition, names, schedule, f"_{schedule.function.name}").emit(),
        )
        for schedule in schedules
    ]
    inner = helpers_of(schedules, NUMBA)
    calls = "\n".join(body.code + body.core for body in bodies)
    bodies[0] = replace(bodies[0], core=with_helpers(bodies[0].core, inner, calls, "numba"))
    text = "\n".join(body.code + "\n" + body.core for body in bodies)
    used = helpers(text)
    needed = support(text, "numba")
    typed = arrays_typed(definition, names) if definition.indexed else ""
    needs = imported("NumPy and Numba", special=needed.special, integrates=integrates(text))
    return render(
        "numba/kernel.py.j2",
        header=header(definition, names, [s.function for s in schedules], needs),
        definition=definition,
        constants=constant_defaults(definition, names),
        bodies=bodies,
        support=needed,
        used=used,
        numbers=numbers_of(definition),
        loops="_threaded(" in text,
        vector=vector_functions(text),
        text=text,
        tables=tables(definition),
        threads=threads,
        pieces=bool(used & {"_split", "_joined"}),
        callable=not definition.indexed or bool(typed),
        arrays=typed,
        columns=columns_typed(names),
        ranks=ranks(definition),
        **LIMITS,
    )


#: What an accumulation in a variable is, whose order does not matter.
_IN_ANY_ORDER = {"reduce_sum": "_plus", "reduce_prod": "_times", "reduce_max": "_larger"}


class NumbaEmitter(NestEmitter):
    """Prints one scheduled function as a compiled core; each data array is an array."""

    language = NUMBA
    end = ""
    infinity = "math.inf"

    def __init__(
        self, definition: Definition, names: Identifiers, schedule: Schedule, name: str
    ) -> None:
        super().__init__(definition, names, schedule, name)
        self.sweeps = 0

    def emit(self) -> str:
        """Return the compiled core, and its pieces before it."""
        body = self.body()
        arguments = [*self.arguments(), *(["threads"] if self.schedule.loops else [])]
        head = filled(f"def {self.name}(", arguments, "):", 0)
        return "\n".join([*self.pieces, "@jit", *head, indent(body or ["pass"], 1)])

    def arguments(self) -> list[str]:
        """Return the arguments of the core: the vectors, the data, the sizes and the results."""
        results = [output.name for output in self.function.outputs]
        return [*self.vectors(), *self.ids.data, *self.sizes(), *results]

    # -- hooks -----------------------------------------------------------------------------

    def piece(self, name: str, arguments: Sequence[str], body: Sequence[str]) -> str:
        """Return a function that Numba compiles by itself."""
        return "\n".join(["@jit", f"def {name}({', '.join(arguments)}):", indent(body, 1), "", ""])

    def work_array(self, slots: int) -> str:
        """Return the statement that makes a work array."""
        return f"work = np.empty({slots}{', dtype=np.complex128' if self.complex else ''})"

    def part(self, text: str, kind: Kind) -> str:
        """Return a number in a work array: its real part, where the array is complex."""
        return text if kind is Kind.COMPLEX or not self.complex else f"{text}.real"

    def data_array(self, slot: int, axes: Axes) -> Array:
        """Return a data array: NumPy's own, of whatever strides."""
        return Indexed(self.ids.data[slot], "0", ("1",) * len(axes))

    def as_real(self, text: str) -> str:
        """Return a whole number as a double."""
        return f"f32({text})" if is_single(self.numbers.dtype) else f"float({text})"

    def as_index(self, text: str) -> str:
        """Return a double that is a whole number as an index."""
        return f"int({text})"

    # -- syntax of loops -------------------------------------------------------------------

    def loop(self, index: str, count: str, body: Sequence[str], hint: str) -> list[str]:
        """Return a loop from 0 to ``count``."""
        return [f"for {index} in range({count}):", indent(body, 1)]

    def hint(self, vector: bool, sums: Sequence[tuple[str, str]]) -> str:
        """Return nothing: LLVM sees for itself."""
        return ""

    def variable(self, name: str, value: str, kind: Kind = Kind.REAL) -> str:
        """Return the start of a number that changes."""
        return f"{name} = {f'complex({value})' if kind is Kind.COMPLEX else value}"

    def update(self, op: str, target: str, text: str, kind: Kind = Kind.REAL) -> str:
        """Return an accumulation."""
        if target.isidentifier() and kind is not Kind.COMPLEX:
            return f"{target} = {_IN_ANY_ORDER[op]}({target}, {text})"
        if op == "reduce_max":
            return f"{target} = np.maximum({target}, {text})"
        return f"{target} {'*' if op == 'reduce_prod' else '+'}= {text}"

    def filled(self, base: str, start: str, count: str, value: str, kind: Kind = Kind.REAL) -> str:
        """Return the statement that fills ``count`` numbers of an array from ``start`` on."""
        return f"{base}[{'' if start == '0' else start}:{added([start, count])}] = {value}"

    def clamped(self, index: str, extent: str) -> str:
        """Return an index moved into its range."""
        return f"min(max({index}, 0), {extent} - 1)"

    def accumulated(self, slot: str, name: str, kind: Kind = Kind.REAL) -> list[str]:
        """Return the statements that add to a compensated sum."""
        if kind is Kind.COMPLEX:
            return [
                f"_accumulate({_from('part', slot)}, {name}.real)",
                f"_accumulate({_from('part', added([slot, '2']))}, {name}.imag)",
            ]
        return [f"_accumulate({_from('part', slot)}, {name})"]

    def in_row(self, array: Array, texts: Sequence[str], lead: str, rows: dict[str, str]) -> str:
        """Return an element of an array, in a row whose indices LLVM sees not to be negative."""
        absolute = f"start + {lead}"
        places = [k for k, text in enumerate(texts) if re.search(rf"\b{lead}\b", text)]
        if isinstance(array, Indexed) or len(places) != 1:
            return array.element(texts)
        (place,) = places
        if array.strides[place] != "1" or texts[place] not in (lead, absolute):
            return array.element(texts)
        others = [scaled(t, s) for t, s in zip(texts, array.strides, strict=True)]
        others[place] = "0" if texts[place] == lead else "start"
        row = _from(array.base, added([array.offset, *others]))
        if row == array.base:
            return f"{row}[{lead}]"
        if row not in rows:
            rows[row] = self.names.fresh(f"{array.base}_row")
        return f"{rows[row]}[{lead}]"

    def packed(self, pack: Pack, at: Sequence[str], lead: str) -> str:
        """Return an element of a tile of an input, at its other indices and the lead one."""
        return f"{pack.name}[{', '.join([*at, lead])}]"

    def contraction(self, product: Product) -> list[str]:
        """Return the statements that add a product of matrices to an array.

        Matrices are copied, and a function is called; with a vector it is a loop.
        """
        rows, columns, summed = product.counts
        i, j, m = product.variables
        first, second, out = product.left, product.right, product.out
        if columns == "1" and not product.complex:
            dot = self.names.fresh("dot")
            term = f"{dot} = _plus({dot}, {first.element}*{second.element})"
            inner = self.loop(m, summed, [term], "")
            return self.loop(i, rows, [f"{dot} = 0.0", *inner, f"{out.element} += {dot}"], "")
        if rows == "1" and not product.complex:
            factor = self.names.fresh("factor")
            line = f"{out.element} += {factor}*{second.element}"
            inner = self.loop(j, columns, [line], "")
            return self.loop(m, summed, [f"{factor} = {first.element}", *inner], "")
        dtype = made(Kind.COMPLEX if product.complex else Kind.REAL)
        left, right, result = (self.names.fresh(name) for name in ("left", "right", "product"))
        return [
            f"{left} = np.empty(({rows}, {summed}){dtype})",
            *self._nested((i, rows), (m, summed), f"{left}[{i}, {m}] = {first.element}"),
            f"{right} = np.empty(({summed}, {columns}){dtype})",
            *self._nested((m, summed), (j, columns), f"{right}[{m}, {j}] = {second.element}"),
            f"{result} = _multiply({left}, {right})",
            *self._nested((i, rows), (j, columns), f"{out.element} += {result}[{i}, {j}]"),
        ]

    def _nested(self, outer: tuple[str, str], inner: tuple[str, str], line: str) -> list[str]:
        if outer[0] == inner[0]:  # only one of the two is a loop
            inner = (f"{inner[0]}_", inner[1])
        return self.loop(*outer, self.loop(*inner, [line], ""), "")

    # -- sweeps ----------------------------------------------------------------------------

    def sweep(self, printer: Printer, sweep: Sweep) -> list[str]:
        """Return a loop over tiles, in blocks: the call of a function of its own."""
        allocated = self._arrays_of(sweep)
        number, self.sweeps = self.sweeps, self.sweeps + 1
        return [
            *allocated,
            *SweepFunction(self, self.for_vectors(sweep), printer, number).emit(),
        ]

    def _arrays_of(self, sweep: Sweep) -> list[str]:
        """Return the statements that make the arrays of full size that a sweep leaves behind."""
        lines = []
        for node in left_behind(self.schedule, sweep):
            if node in self.held:
                continue
            if node in self.schedule.direct:
                self.held[node] = self.whole_array("", node)
                continue
            label = self.graph.labels.get(node)
            name = self.names.fresh(label) if label else next(self.held_names)
            self.held[node] = self.whole_array(name, node)
            size = self.volume(Volume.product(self.graph[node].axes))
            lines.append(f"{name} = np.zeros({size}{made(self.graph[node].kind)})")
        return lines


def _from(array: str, start: str) -> str:
    """Return an array from some place on."""
    return array if start == "0" else f"{array}[{start}:]"


class Indexed(Array):
    """An array of NumPy's, indexed by all its axes."""

    def element(self, indices: Sequence[str]) -> str:
        """Return the element at some indices."""
        return f"{self.base}[{', '.join(indices)}]"


def _threads(names: Identifiers, schedule: Schedule) -> list[str]:
    """Return what a core with loops is told beside its arguments: how many threads there may be."""
    if not schedule.loops:
        return []
    cost = spent(schedule).text(lambda size: names.known_sizes.get(size, size))
    return [f"_threads({cost})"]


def vector_functions(text: str) -> list[tuple[str, str]]:
    """Return the functions of libm that loops call with vectors, and Numba's own names of them."""
    found: dict[str, str] = {}
    for row in OPS.values():
        if row.libm and re.search(rf"(?<![\w.]){row.libm}\(", text):
            found.setdefault(row.libm, row.numba.split("(")[0])
    return sorted(found.items())
