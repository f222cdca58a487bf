"""Laying out generated text."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence

WIDTH = 96


def indent(lines: Iterable[str], depth: int) -> str:
    """Return lines, or blocks of lines, joined, ``depth`` levels of four spaces to the right."""
    pad = "    " * depth
    flat = [line for block in lines for line in block.split("\n")]
    return "\n".join(pad + line if line else line for line in flat)


def filled(
    prefix: str, items: Sequence[str], suffix: str, depth: int = 1, sep: str = ", "
) -> list[str]:
    """Return ``prefix + items + suffix``, on several lines where it is too long for one.

    A number counts as one character, so that where lines break does not depend on sizes.
    """
    whole = f"{prefix}{sep.join(items)}{suffix}"
    if _width(whole) + 4 * depth <= WIDTH:
        return [whole]
    lines = [prefix.rstrip()]
    row = ""
    for item in items:
        if row and _width(row + item + sep) + 4 * (depth + 1) > WIDTH:
            lines.append("    " + row.rstrip())
            row = ""
        row += item + sep
    lines.append("    " + row.removesuffix(sep))
    lines.append(suffix)
    return lines


def _width(text: str) -> int:
    return len(re.sub(r"\d+", "0", text))


def unpacked(names: Sequence[str], value: str) -> list[str]:
    """Return the assignment that names the entries of a sequence."""
    if len(names) == 1:
        return [f"({names[0]},) = {value}"]
    whole = f"{', '.join(names)} = {value}"
    if len(whole) + 4 <= WIDTH:
        return [whole]
    return filled("(", names, f") = {value}")


def number_text(value: object) -> str:
    """Return a number (or None) as Python source; infinity and NaN have no literal."""
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    return repr(value)


def tuple_text(items: Sequence[object]) -> str:
    """Return a tuple as Python source, with the quotes that formatters want.

    Names are escaped to ASCII: nothing that a user names stands in source as it is.
    """
    shown = [item_text(item) for item in items]
    return f"({', '.join(shown)}{',' if len(shown) == 1 else ''})"


def item_text(item: object) -> str:
    """Return a string, a number, or a tuple or mapping of such, as Python source."""
    if isinstance(item, str):
        escaped = item.encode("unicode_escape").decode("ascii")
        return '"' + escaped.replace('"', '\\"') + '"'
    if isinstance(item, Mapping):
        inner = ", ".join(f"{item_text(key)}: {item_text(value)}" for key, value in item.items())
        return f"{{{inner}}}"
    return tuple_text(item) if isinstance(item, tuple) else number_text(item)
