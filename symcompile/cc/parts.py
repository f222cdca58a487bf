"""A file of C as two modules of LLVM's: loops, which are worth optimising, and what is around them.

What Python calls looks at its arguments and hands them on. That is run once a call, and is as long
as many a formula: optimised, it would be most of what a compilation takes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from symcompile.errors import LoweringError

_NAME = re.compile(r"@[\w.]+")
_HEAD = re.compile(r"^define (?:internal )?(.*?)(?: #\d+)? \{$", re.MULTILINE)
_OPEN = re.compile(r"@[\w.]+ = (?!internal|external)")
_CHANGING = re.compile(r"@[\w.]+ = (internal )?global ")
_PARAMETER = re.compile(r"(?: noalias)? %a\d+")


def module(
    definitions: Sequence[str],
    declarations: Iterable[str],
    bodies: Iterable[str],
    notes: Iterable[str],
) -> str:
    """Return the text of one module; variables that nothing mentions are left out."""
    bodies = list(bodies)
    by_name = {_named(definition): definition for definition in definitions}
    kept = {name for name, text in by_name.items() if " = internal " not in text}
    kept |= _mentioned(by_name, {name for text in bodies for name in _NAME.findall(text)} | kept)
    used = [text for name, text in by_name.items() if name in kept]
    return "\n".join([*used, *declarations, *bodies, *notes])


def modules(
    definitions: Sequence[str],
    declarations: Sequence[str],
    bodies: Mapping[str, str],
    notes: Sequence[str],
    loops: Iterable[str],
    glue: Iterable[str],
) -> tuple[str, str]:
    """Return the texts of two modules that call each other.

    Args:
        definitions: the variables of the file, which only the first module may change.
        declarations: the functions that are elsewhere.
        bodies: the functions of the file, by name.
        notes: the metadata.
        loops: functions of the first module. It has what they call too, but for glue.
        glue: functions of the second one, which has what they call too, but for loops. What both
            call and neither names is small, and there twice.

    Raises:
        LoweringError: both modules need a variable that can change.
    """
    calls = {
        name: frozenset(found[1:] for found in {*_NAME.findall(text)})
        for name, text in bodies.items()
    }
    own = frozenset(loops) & calls.keys(), frozenset(glue) & calls.keys()
    parts = [_reached(own[k], calls, own[1 - k]) for k in (0, 1)]
    called = [frozenset[str]().union(*(calls[name] for name in part)) for part in parts]
    by_name = {_named(text): text for text in definitions}
    needed = [_mentioned(by_name, {f"@{name}" for name in names}) for names in called]
    needed[0] |= {
        name for name, text in by_name.items() if _OPEN.match(text)
    }  # others may set them
    for name in sorted(needed[0] & needed[1]):
        if _CHANGING.match(by_name[name]):
            raise LoweringError(f"C: {by_name[name]} is needed in two modules")
    texts = list[str]()
    for k, part in enumerate(parts):
        variables = [text for name, text in by_name.items() if name in needed[k]]
        outside = [text for text in declarations if _NAME.findall(text)[0][1:] in called[k]]
        outside += [_declared(bodies[name]) for name in sorted(called[k] & own[1 - k])]
        found = [
            text.replace("define internal ", "define ", 1)
            if name in own[k] & called[1 - k]
            else text
            for name, text in bodies.items()
            if name in part
        ]
        texts.append("\n".join([*variables, *outside, *found, *notes]))
    return texts[0], texts[1]


def _named(definition: str) -> str:
    return definition.split(" ", 1)[0]


def _mentioned(by_name: Mapping[str, str], names: Iterable[str]) -> set[str]:
    """Return those of some names that are variables, and the variables that these mention."""
    found = set[str]()
    pending = list(names)
    while pending:
        name = pending.pop()
        if name in by_name and name not in found:
            found.add(name)
            pending += _NAME.findall(by_name[name])
    return found


def _reached(
    first: Iterable[str], calls: Mapping[str, frozenset[str]], beyond: Collection[str]
) -> set[str]:
    """Return functions, and those of the file that they call, but for some."""
    found, pending = set(first), list(first)
    while pending:
        for name in calls[pending.pop()]:
            if name in calls and name not in found and name not in beyond:
                found.add(name)
                pending.append(name)
    return found


def _declared(body: str) -> str:
    match = _HEAD.search(body)
    assert match is not None, body
    return f"declare {_PARAMETER.sub('', match[1])}"
