"""What the compiled backends share in calling the checks of a generated module."""

from __future__ import annotations

from collections.abc import Sequence

from symcompile.emit.lines import WIDTH, item_text, unpacked
from symcompile.emit.results import tuple_of
from symcompile.emit.signature import Identifiers
from symcompile.frontend.definition import Definition


def arrays_call(definition: Definition, names: Identifiers, sizes: Sequence[str]) -> list[str]:
    """Return the lines that check and convert all arrays, and find the sizes.

    Args:
        definition: whose function it is.
        names: the identifiers of its symbols.
        sizes: the variables that hold the sizes, in order.
    """
    given = [name for name, _ in definition.constants if name in definition.sizes]
    constants = ", ".join(
        f"{item_text(names.known_sizes[g])}: {names.known_sizes[g]}" for g in given
    )
    known = f", {{{constants}}}" if constants else ""
    call = f"_arrays(p, {tuple_of(names.data)}{known})"
    line = f"p, {tuple_of(names.data)}, {tuple_of(sizes)} = {call}"
    if names.data and sizes and len(line) + 4 <= WIDTH:
        return [line]
    lines = [f"p, sc_data, sc_sizes = {call}"]
    lines += unpacked(names.data, "sc_data") if names.data else []
    return lines + (unpacked(list(sizes), "sc_sizes") if sizes else [])
