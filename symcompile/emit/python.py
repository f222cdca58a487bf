"""Schedule -> a module in plain Python: NumPy over samples, :mod:`math` for scalars."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from symcompile.emit.dialect import NUMPY, SCALAR_PYTHON, Dialect
from symcompile.emit.expression import Printer
from symcompile.emit.lines import filled, indent, unpacked
from symcompile.emit.signature import (
    Identifiers,
    Signature,
    header,
    identifiers,
    known_inputs,
    signature,
    used_slots,
)
from symcompile.emit.templates import render
from symcompile.frontend.definition import Definition
from symcompile.ir.graph import Output, payload
from symcompile.naming import Names
from symcompile.schedule import Schedule


@dataclass(frozen=True)
class _Body:
    """A function as the template takes it: its signature and its lines."""

    signature: Signature
    code: str
    core: str


def emit_python(definition: Definition, schedules: Sequence[Schedule]) -> str:
    """Return the source of a Python module with the functions of ``schedules``."""
    names = identifiers(definition)
    make = _array_function if definition.data else _scalar_function
    bodies = [make(definition, names, schedule) for schedule in schedules]
    text = "\n".join(body.code + body.core for body in bodies)
    special = "special." in text or "polygamma(" in text
    needs = "NumPy and SciPy's special functions" if special else "NumPy only"
    return render(
        "python/kernel.py.j2",
        header=header(definition, names, [s.function for s in schedules], needs),
        definition=definition,
        constants=constant_defaults(definition, names),
        bodies=bodies,
        special=special,
        used=helpers(text),
    )


_HELPERS = (
    *("floor", "ceil", "gamma", "loggamma", "digamma", "polygamma"),
    *("_number", "_vector", "_columns", "_cotangents", "_samples_first"),
)


def helpers(text: str) -> frozenset[str]:
    """Return which of the templates' helper functions a piece of generated code calls."""
    return frozenset(name for name in _HELPERS if re.search(rf"(?<![\w.]){name}\(", text))


def constant_defaults(
    definition: Definition, names: Identifiers
) -> tuple[tuple[str, float | None], ...]:
    """Return the keyword and the default of each constant."""
    pairs = zip(names.constants, definition.constants, strict=True)
    return tuple((name, default) for name, (_, default) in pairs)


def _names_in_use(names: Identifiers, schedule: Schedule) -> Names:
    used = Names([*names.all(), "count", "p", "u", "v"])
    for node in schedule.graph.nodes:
        if node.op == "input" and payload(node).role in ("direction", "cotangent"):
            role, slot = payload(node)
            used.fresh(f"{'v' if role == 'direction' else 'u'}{slot}")
    return used


def _array_function(definition: Definition, names: Identifiers, schedule: Schedule) -> _Body:
    function = schedule.function
    sig = signature(definition, names, function)
    used = _names_in_use(names, schedule)
    printer = Printer(schedule.graph, NUMPY, known_inputs(function, names), used)
    lines: list[str] = []
    stored: dict[tuple[int, int], str] = {}
    for output in function.outputs:
        if output.per_sample:
            lines.append(f"{output.name} = np.empty(({len(output.entries)}, count))")
    sums = used.numbered("s")
    for number, phase in enumerate(schedule.phases):
        bodies = [schedule.graph[node].args[0] for node in phase.sums]
        results = [*bodies, *[store.node for store in phase.stores]]
        for statement in printer.statements(phase.nodes, results, schedule.hoisted(number)):
            lines.append(f"{statement.name} = {statement.text}")
        for node, body in zip(phase.sums, bodies, strict=True):
            name = next(sums)
            lines.append(f"{name} = np.sum({printer.text(body)})")
            printer.name(node, name)
        for store in phase.stores:
            output = function.outputs[store.output]
            if output.per_sample:
                lines.append(f"{output.name}[{store.entry}] = {printer.text(store.node)}")
            else:
                stored[store.output, store.entry] = printer.text(store.node)
    lines += _returned(function.outputs, stored)
    setup = _setup(definition, names, schedule)
    code = [*setup, 'with np.errstate(all="ignore"):', *["    " + line for line in lines]]
    return _Body(sig, indent(code, 1), "")


def _setup(definition: Definition, names: Identifiers, schedule: Schedule) -> list[str]:
    """Return the lines that check and unpack the arguments of an array function."""
    function = schedule.function
    lines = []
    if names.params:
        lines += unpacked(names.params, f'_vector(p, "p", {len(names.params)})')
    directions = used_slots(function, "direction")
    if directions:
        size = len(names.params)
        lines += unpacked([f"v{k}" for k in range(size)], f'_vector(v, "v", {size})')
    lines += unpacked(names.data, columns_call(names))
    lines.append(f"count = {names.data[0]}.shape[0]")
    if function.name == "vjp":
        size = len(definition.output.entries)
        call = (
            f"_cotangents(u, count, {size})"
            if definition.output.per_sample
            else f'_vector(u, "u", {size})'
        )
        lines += unpacked([f"u{k}" for k in range(size)], call)
    return lines + [f'{name} = _number({name}, "{name}")' for name in names.constants]


def columns_call(names: Identifiers) -> str:
    """Return the call that checks and converts the data columns."""
    return f"_columns(DATA, {', '.join(names.data)})"


def _returned(outputs: Sequence[Output], stored: dict[tuple[int, int], str]) -> list[str]:
    """Return the lines that make the results of an array function and return them."""
    lines: list[str] = []
    results: list[str] = []
    for number, output in enumerate(outputs):
        if output.per_sample:
            results.append(f"_samples_first({output.name}, {output.shape})")
            continue
        entries = [stored[number, k] for k in range(len(output.entries))]
        if output.shape == ():
            results.append(f"float({entries[0]})")
        else:
            shape = f".reshape({output.shape})" if len(output.shape) > 1 else ""
            lines += filled(f"{output.name} = np.array([", entries, f"]){shape}", 2)
            results.append(output.name)
    return [*lines, f"return {', '.join(results)}"]


def _scalar_function(definition: Definition, names: Identifiers, schedule: Schedule) -> _Body:
    function = schedule.function
    sig = signature(definition, names, function)
    core = scalar_core(
        f"_{function.name}", names, schedule, cotangents=len(definition.output.entries)
    )
    size = len(names.params)
    args = [f'*_vector(p, "p", {size}).tolist()']
    if sig.vector:
        count = size if sig.vector == "v" else len(definition.output.entries)
        args.append(f'*_vector({sig.vector}, "{sig.vector}", {count}).tolist()')
    args += [f'_number({name}, "{name}")' for name in names.constants]
    lines = filled("found = _call(", [f"_{function.name}", *args], ")")
    start = 0
    results = []
    for output in function.outputs:
        stop = start + len(output.entries)
        if output.shape == ():
            results.append(f"float(found[{start}])")
        else:
            part = "found" if len(function.outputs) == 1 else f"found[{start}:{stop}]"
            shape = f".reshape({output.shape})" if len(output.shape) > 1 else ""
            results.append(f"np.array({part}, dtype=np.float64){shape}")
        start = stop
    lines.append(f"return {', '.join(results)}")
    return _Body(sig, indent(lines, 1), core)


def scalar_core(
    name: str,
    names: Identifiers,
    schedule: Schedule,
    *,
    cotangents: int = 0,
    dialect: Dialect = SCALAR_PYTHON,
    brackets: str = "()",
) -> str:
    """Return a function of plain numbers that returns the entries of all outputs.

    Args:
        name: what it is called.
        names: the identifiers of its arguments.
        schedule: the function, without loops.
        cotangents: how many numbers ``u`` holds.
        dialect: Python or Numba.
        brackets: what the entries are returned in; empty for a single one by itself.
    """
    function = schedule.function
    used = _names_in_use(names, schedule)
    printer = Printer(schedule.graph, dialect, known_inputs(function, names), used)
    roots = function.roots()
    nodes = [node for phase in schedule.phases for node in phase.nodes]
    lines = [f"{s.name} = {s.text}" for s in printer.statements(nodes, roots)]
    entries = [printer.text(root) for root in roots]
    if brackets:
        comma = "," if brackets == "()" and len(entries) == 1 else ""
        lines += filled(f"return {brackets[0]}", entries, f"{comma}{brackets[1]}", 1)
    else:
        lines.append(f"return {entries[0]}")
    args = list(names.params)
    if function.name in ("hvp", "jvp"):
        args += [f"v{k}" for k in range(len(names.params))]
    if function.name == "vjp":
        args += [f"u{k}" for k in range(cotangents)]
    args += names.constants
    head = filled(f"def {name}(", args, "):", 0)
    return "\n".join([*head, indent(lines, 1)])
