"""What is computed when data are bound, for people to read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from symcompile.binding.gram import describe_arrays
from symcompile.binding.kept import Kept
from symcompile.binding.split import Split, powers_of
from symcompile.ir.graph import Input
from symcompile.ir.printer import format_function


def describe_kept(kept: Iterable[Kept | None]) -> Iterator[str]:
    """Yield what functions that make a pass over the data keep of them, if these are many."""
    found: dict[str, list[str]] = {}
    for each in kept:
        if each is not None:
            found.setdefault(", ".join(each.texts), []).append(each.function.name)
    for texts, names in found.items():
        yield f"kept for such a pass, if the data are large enough: {texts} ({', '.join(names)})"


def describe(split: Split, names: Mapping[Input, str], functions: Sequence[str]) -> Iterator[str]:
    """Yield the columns and moments of a split, and which functions need the data in each call.

    Args:
        split: what the functions need of the data.
        names: what the inputs are called.
        functions: the names of the functions.
    """
    if split.products:
        yield "once, when data are bound:"
        columns = [
            f"{names[Input('data', slot)]}[i]" if slot >= 0 else f"derived[i, {~slot}]"
            for slot in split.columns
        ]
        if split.derived is not None:
            _, *lines = format_function(split.derived.function, names).splitlines()
            yield from lines
        for number, powers in enumerate(powers_of(split)):
            factors = [
                column + (f"**{power}" if power > 1 else "")
                for column, power in zip(columns, powers, strict=True)
                if power
            ]
            yield f"  m{number} = sum over i of {'*'.join(factors)}"
    if split.arrays:
        yield "once, when data are bound:"
    texts: dict[str, list[str]] = {}
    for name, arrays in split.arrays.items():
        texts.setdefault("\n".join(describe_arrays(arrays, names)), []).append(name)
    for text, found in texts.items():
        yield text
        yield f"from moments: {', '.join(found)}"
    bound = [name for name in functions if name in split.functions]
    if bound:
        yield f"from moments: {', '.join(bound)}"
    reasons: dict[str, list[str]] = {}
    for name in functions:
        if name in split.reasons:
            reasons.setdefault(split.reasons[name], []).append(name)
    for reason, found in reasons.items():
        yield f"a pass over the data for each call: {', '.join(found)} ({reason})"
