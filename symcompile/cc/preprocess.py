"""Text of C -> tokens: comments go, directives are obeyed, macros are replaced.

A token is its text. A ``#pragma`` that says something is a token too, and so begins with ``#``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from symcompile.errors import LoweringError

_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_DIRECTIVE = re.compile(r"^[ \t]*#((?:[^\n\\]|\\\n|\\.)*)$", re.MULTILINE)
_TOKEN = re.compile(
    r"[A-Za-z_\u0080-\U0010ffff][\w\u0080-\U0010ffff]*"
    r"|\.?\d(?:[eEpP][+-]|[\w.])*"
    r'|"(?:[^"\\]|\\.)*"'
    r"|'(?:[^'\\]|\\.)+'"
    r"|\.\.\.|<<=|>>=|->|\+\+|--|&&|\|\||[-+*/%&|^=!<>]=|<<|>>|[^\s]"
)


@dataclass(frozen=True)
class Macro:
    """What stands for a name; ``parameters`` is None where no parentheses follow it."""

    body: Sequence[str]
    parameters: tuple[str, ...] | None = None
    variadic: bool = False


def tokens(text: str, defined: Mapping[str, str]) -> list[str]:
    """Return the tokens of a text of C.

    Args:
        text: the text.
        defined: what is defined before it, as by ``-D``.

    Raises:
        LoweringError: a directive that is not known.
    """
    text = _COMMENT.sub(" ", text)
    macros = {name: Macro(_TOKEN.findall(body)) for name, body in defined.items()}
    found: list[str] = []
    taken = [True]  # whether each group that is open is read
    done = [True]  # whether a part of it has been
    at = 0
    for match in _DIRECTIVE.finditer(text):
        if taken[-1]:
            _expand_into(found, text[at : match.start()], macros)
        at = match.end()
        word, _, rest = match[1].replace("\\\n", " ").strip().partition(" ")
        if word.startswith("if"):
            chosen = taken[-1] and _condition(word, rest, macros)
            taken.append(chosen)
            done.append(chosen or not taken[-2])
        elif word in ("elif", "else"):
            taken[-1] = not done[-1] and (word == "else" or _condition("if", rest, macros))
            done[-1] = done[-1] or taken[-1]
        elif word == "endif":
            taken.pop()
            done.pop()
        elif taken[-1]:
            _obey(word, rest, macros, found)
    _expand_into(found, text[at:], macros)
    return found


def _obey(word: str, rest: str, macros: dict[str, Macro], found: list[str]) -> None:
    if word == "define":
        name, macro = _macro(rest)
        macros[name] = macro
    elif word == "undef":
        macros.pop(rest.strip(), None)
    elif word == "pragma":
        if rest.startswith("omp simd") or "optimize" in rest or "pop_options" in rest:
            found.append(f"#{rest}")
    elif word not in ("include", "error"):
        raise LoweringError(f"C: a directive that is not known: #{word} {rest}")


def _macro(rest: str) -> tuple[str, Macro]:
    match = re.match(r"(\w+)(?:\(([^)]*)\))?", rest)
    assert match is not None, rest
    name, parameters = match.groups()
    body = _TOKEN.findall(rest[match.end() :])
    if parameters is None:
        return name, Macro(body)
    names = tuple(p.strip() for p in parameters.split(",") if p.strip())
    variadic = names[-1:] == ("...",)
    names = (*names[:-1], "__VA_ARGS__") if variadic else names
    return name, Macro(body, names, variadic)


def _expand_into(found: list[str], text: str, macros: Mapping[str, Macro]) -> None:
    items = _TOKEN.findall(text)
    if macros.keys().isdisjoint(items):
        found += items
    else:
        found += _expanded(items, macros, frozenset())


def _expanded(
    items: Sequence[str], macros: Mapping[str, Macro], hidden: frozenset[str]
) -> list[str]:
    """Return tokens with macros replaced, but those that are being replaced already."""
    found: list[str] = []
    at = 0
    while at < len(items):
        item = items[at]
        at += 1
        macro = macros.get(item)
        if macro is None or item in hidden:
            found.append(item)
        elif macro.parameters is None:
            found += _expanded(macro.body, macros, hidden | {item})
        elif at < len(items) and items[at] == "(":
            arguments, at = _arguments(items, at)
            if macro.variadic:
                last = len(macro.parameters) - 1
                rest = [piece for part in arguments[last:] for piece in (",", *part)][1:]
                arguments = [*arguments[:last], rest]
            given = {
                name: _expanded(part, macros, hidden)
                for name, part in zip(macro.parameters, arguments, strict=True)
            }
            body = [piece for part in macro.body for piece in given.get(part, (part,))]
            found += _expanded(body, macros, hidden | {item})
        else:
            found.append(item)
    return found


def _arguments(items: Sequence[str], at: int) -> tuple[list[list[str]], int]:
    """Return the arguments of a macro that is called, and what follows them."""
    depth, parts = 0, list[list[str]]([[]])
    while True:
        item = items[at]
        at += 1
        if item == "(":
            depth += 1
            if depth == 1:
                continue
        elif item == ")":
            depth -= 1
            if not depth:
                return parts if parts != [[]] else [], at
        elif item == "," and depth == 1:
            parts.append([])
            continue
        parts[-1].append(item)


def _condition(word: str, rest: str, macros: Mapping[str, Macro]) -> bool:
    """Return whether a condition of ``#if`` holds."""
    if word in ("ifdef", "ifndef"):
        return (rest.strip() in macros) == (word == "ifdef")
    rest = re.sub(
        r"defined\s*(\(\s*\w+\s*\)|\w+)",
        lambda match: str(int(match[1].strip("( )") in macros)),
        rest,
    )
    return bool(_Condition(_expanded(_TOKEN.findall(rest), macros, frozenset())).value())


class _Condition:
    """The value of a condition: comparisons of whole numbers, with ``!``, ``&&`` and ``||``."""

    _LEVELS = (("||",), ("&&",), ("==", "!="), ("<", ">", "<=", ">="))

    def __init__(self, items: list[str]) -> None:
        self.items = [*items, ""]

    def value(self, level: int = 0) -> int:
        if level == len(self._LEVELS):
            return self._one()
        left = self.value(level + 1)
        while self.items[0] in self._LEVELS[level]:
            sign = self.items.pop(0)
            right = self.value(level + 1)
            left = int(
                {
                    "||": bool(left or right),
                    "&&": bool(left and right),
                    "==": left == right,
                    "!=": left != right,
                    "<": left < right,
                    ">": left > right,
                    "<=": left <= right,
                    ">=": left >= right,
                }[sign]
            )
        return left

    def _one(self) -> int:
        item = self.items.pop(0)
        if item == "!":
            return int(not self._one())
        if item == "(":
            inner = self.value()
            self.items.pop(0)
            return inner
        return int(item) if item.isdigit() else 0
