"""The Python function around a compiled core: it converts arguments and makes the results."""

from __future__ import annotations

from collections.abc import Sequence

from symcompile.emit.glue import arrays_call
from symcompile.emit.lines import filled, unpacked
from symcompile.emit.numbers import numbers_of
from symcompile.emit.python import columns_call
from symcompile.emit.results import Results
from symcompile.emit.signature import Identifiers
from symcompile.frontend.definition import Definition
from symcompile.planning import Schedule


def wrapper(
    definition: Definition, names: Identifiers, schedule: Schedule, more: Sequence[str] = ()
) -> list[str]:
    """Return the lines of the Python function: arguments in, compiled core, results out.

    ``more`` is what the core is given after them.
    """
    function = schedule.function
    results = Results(lambda size: names.known_sizes.get(size, size))
    numbers = numbers_of(definition)
    vector = {"hvp": "v", "jvp": "v", "vjp": "u"}.get(function.name, "")
    make = _indexed_arguments if definition.indexed else _column_arguments
    lines, call = make(definition, names, vector, results)
    if names.constants:
        listed = ", ".join(
            name if name in names.sizes else f'_number({name}, "{name}")'
            for name in names.constants
        )
        call.append(f"np.array([{listed}], dtype=np.{numbers_of(definition).argument})")
    call += names.data
    call += names.sizes if definition.indexed else (["n"] if names.data else [])
    for output in function.outputs:
        call.append(output.name)
        size = results.length(output)
        if output.per_sample:
            size = f"({len(output.entries)}, n)"
            call[-1] += ".reshape(-1)"
        lines.append(f"{output.name} = np.empty({size}{numbers.made(output.kind)})")
    lines += filled(f"_{function.name}(", [*call, *more], ")")
    returned = [
        results.returned(output) + numbers.narrowed(output.kind)
        if output.layout
        else numbers.number(f"{output.name}[0]", output.kind)
        for output in function.outputs
    ]
    return [*lines, f"return {', '.join(returned)}"]


def _column_arguments(
    definition: Definition, names: Identifiers, vector: str, results: Results
) -> tuple[list[str], list[str]]:
    size, entries = len(names.params), len(definition.output.entries)
    lines: list[str] = []
    call = [f'_vector(p, "p", {size})'] if size else []
    if vector == "v":
        call.append(f'_vector(v, "v", {size})')
    if names.data:
        lines += unpacked(names.data, columns_call(names))
        lines.append(f"n = {names.data[0]}.shape[0]")
    if vector == "u":
        per_sample = definition.output.per_sample
        how = numbers_of(definition).cotangent(definition.output)
        call.append(
            f"_cotangents(u, n, {entries}{how}).reshape(-1)"
            if per_sample
            else f'_vector(u, "u", {entries}{how})'
        )
    return lines, call


def _indexed_arguments(
    definition: Definition, names: Identifiers, vector: str, results: Results
) -> tuple[list[str], list[str]]:
    lines = arrays_call(definition, names, names.sizes)
    call = ["p"] if names.params else []
    if vector == "v":
        call.append('_vector(v, "v", p.size)')
    if vector == "u":
        how = numbers_of(definition).cotangent(definition.output)
        shape = results.shape(definition.output)
        call.append(f'_shaped(u, "u", {shape}{how}).reshape(-1)')
    return lines, call
