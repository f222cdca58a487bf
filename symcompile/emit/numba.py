"""Schedule -> a module for Numba: the loops of the C backend, as Python writes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from symcompile.emit.dialect import NUMBA
from symcompile.emit.expression import Printer
from symcompile.emit.lines import filled, indent, unpacked
from symcompile.emit.nest import NestEmitter
from symcompile.emit.python import columns_call, constant_defaults, helpers
from symcompile.emit.signature import (
    Identifiers,
    Signature,
    header,
    identifiers,
    signature,
)
from symcompile.emit.templates import render
from symcompile.frontend.definition import Definition
from symcompile.ir.graph import Output
from symcompile.schedule import BLOCKS, SCALAR_TILE, Phase, Schedule


@dataclass(frozen=True)
class _Body:
    """A function as the template takes it: how it is called, its wrapper, its compiled core."""

    signature: Signature
    code: str
    core: str


def emit_numba(definition: Definition, schedules: Sequence[Schedule]) -> str:
    """Return the source of a Numba module with the functions of ``schedules``."""
    names = identifiers(definition)
    bodies = [
        _Body(
            signature(definition, names, schedule.function),
            indent(_wrapper(definition, names, schedule), 1),
            NumbaEmitter(names, schedule, f"_{schedule.function.name}").emit(),
        )
        for schedule in schedules
    ]
    text = "\n".join(body.code + "\n" + body.core for body in bodies)
    used = helpers(text)
    special = bool(used & {"digamma", "polygamma"})
    needs = "NumPy, Numba and SciPy's special functions" if special else "NumPy and Numba"
    return render(
        "numba/kernel.py.j2",
        header=header(definition, names, [s.function for s in schedules], needs),
        definition=definition,
        constants=constant_defaults(definition, names),
        bodies=bodies,
        special=special,
        used=used,
        loops="_accumulate(" in text or "_blocks(" in text,
        blocks=BLOCKS,
        tile=SCALAR_TILE,
    )


class NumbaEmitter(NestEmitter):
    """Prints one scheduled function as a compiled core; each data column is an array."""

    dialect = NUMBA
    end = ""
    count = "float(n)"

    def emit(self) -> str:
        """Return the compiled core, and its pieces before it."""
        body = [f"n = {self.ids.data[0]}.shape[0]"] if self.ids.data else []
        body += [f"u{slot} = u[{slot}]" for slot in self.rows]
        body += self.body()
        arguments = [*self.vectors(), *self.ids.data, *[o.name for o in self.function.outputs]]
        head = filled(f"def {self.name}(", arguments, "):", 0)
        return "\n".join([*self.pieces, "@jit", *head, indent(body or ["pass"], 1)])

    def piece(self, name: str, arguments: Sequence[str], body: Sequence[str]) -> str:
        """Return a function that Numba compiles by itself."""
        return "\n".join(["@jit", f"def {name}({', '.join(arguments)}):", indent(body, 1), "", ""])

    def work_array(self, slots: int) -> str:
        """Return the statement that makes a work array."""
        return f"work = np.empty({slots})"

    def loop(self, printer: Printer, phase: Phase) -> list[str]:
        """Return a loop over the samples, in blocks of tiles."""
        bodies = [self.graph[node].args[0] for node in phase.sums]
        results = bodies + [store.node for store in phase.stores]
        local = printer.inside()
        partial = self.names.fresh("sums")
        accumulators = [next(self.accumulators) for _ in phase.sums]
        inner = self.assigned(local.statements(phase.nodes, results))
        for name, body in zip(accumulators, bodies, strict=True):
            inner.append(f"{name} += {local.text(body)}")
        for store in phase.stores:
            output = self.function.outputs[store.output]
            inner.append(f"{output.name}[{store.entry}, i] = {local.text(store.node)}")
        tile = [f"{name} = 0.0" for name in accumulators]
        tile += ["for i in range(start, min(start + TILE, stop)):", indent(inner, 1)]
        tile += [
            f"_accumulate({partial}[block, {k}], {name})" for k, name in enumerate(accumulators)
        ]
        lines = []
        if accumulators:
            lines.append(f"{partial} = np.zeros((BLOCKS, {len(accumulators)}, 2))")
        lines += [
            "for block in range(_blocks(n)):",
            "    stop = min((block + 1)*_block_size(n), n)",
            "    for start in range(block*_block_size(n), stop, TILE):",
            indent(tile, 2),
        ]
        for k, node in enumerate(phase.sums):
            name = self.names.fresh(f"s{k}")
            lines.append(f"{name} = _total({partial}[:, {k}])")
            printer.name(node, name)
        return lines


def _wrapper(definition: Definition, names: Identifiers, schedule: Schedule) -> list[str]:
    """Return the lines of the Python function: arguments in, compiled core, results out."""
    function = schedule.function
    size, entries = len(names.params), len(definition.output.entries)
    lines: list[str] = []
    call: list[str] = []
    if size:
        call.append(f'_vector(p, "p", {size})')
    if function.name in ("hvp", "jvp"):
        call.append(f'_vector(v, "v", {size})')
    if names.data:
        lines += unpacked(names.data, columns_call(names))
        lines.append(f"n = {names.data[0]}.shape[0]")
    if function.name == "vjp":
        per_sample = definition.output.per_sample
        call.append(
            f"_cotangents(u, n, {entries})" if per_sample else f'_vector(u, "u", {entries})'
        )
    if names.constants:
        listed = ", ".join(f'_number({name}, "{name}")' for name in names.constants)
        call.append(f"np.array([{listed}])")
    call += names.data
    for output in function.outputs:
        call.append(output.name)
        lines.append(f"{output.name} = np.empty({_allocated(output)})")
    lines += filled(f"_{function.name}(", call, ")")
    lines.append(f"return {', '.join(_result(output) for output in function.outputs)}")
    return lines


def _allocated(output: Output) -> str:
    count = len(output.entries)
    return f"({count}, n)" if output.per_sample else str(count)


def _result(output: Output) -> str:
    if output.per_sample:
        return f"_samples_first({output.name}, {output.shape})"
    if output.shape == ():
        return f"float({output.name}[0])"
    return output.name if len(output.shape) == 1 else f"{output.name}.reshape({output.shape})"
