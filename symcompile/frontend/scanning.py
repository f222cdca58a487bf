"""A first, linear look at the text of a formula, before Python's parser sees it.

Python's parser recurses: deep brackets end in MemoryError, and on a small stack in a crash. It also
reads more than formulas. So what can not belong to a formula is refused here, where the place and
a helpful word are at hand, and nesting is measured by counting.
"""

from __future__ import annotations

import keyword
import re
import unicodedata
from dataclasses import dataclass

from symcompile.errors import ParseError

#: The longest text that is read, in characters.
LONGEST = 50_000
#: The most numbers, names and signs that are read.
MOST_TOKENS = 10_000
#: The deepest nesting of brackets, signs and powers.
DEEPEST = 100
#: The longest whole number, in digits.
LONGEST_NUMBER = 1000

_NUMBER = re.compile(r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_SIGN = re.compile(r"\*\*|<=|>=|==|!=|<<|>>|//|->|:=|[-+*/()<>,&|~^%@=:;.\[\]{}!?$#`'\"\\]")
_WORDS = frozenset(["and", "or", "not", "True", "False"])
_PREFIX = frozenset(["+", "-", "~", "not"])
_BINARY = frozenset(
    ["+", "-", "*", "/", "**", "<", "<=", ">", ">=", "==", "!=", "&", "|", "^", "and", "or"]
)

_PIECEWISE = "write Piecewise((a, condition), (b, True)) for a choice"
_REFUSED = {
    "%": "write Mod(a, b) for the remainder",
    "//": "write floor(a/b)",
    "=": "a formula does not assign, and arguments have no names; write == to compare",
    ":=": "a formula does not assign",
    ".": "attributes are not read; name what you mean by a single word",
    "[": "subscripts are not read; name each number by a single word, like x0",
    "]": "subscripts are not read",
    "{": "there are no braces in a formula; use round brackets",
    "}": "there are no braces in a formula; use round brackets",
    "!": "write factorial(n)",
    "@": "write * for a product",
    "'": "there are no strings in a formula",
    '"': "there are no strings in a formula",
    "#": "there are no comments in a formula",
    "<<": "write a*2**b",
    ">>": "write a/2**b",
    "\u2212": "write -",
    "\u00d7": "write *",
    "\u00b7": "write *",
    "\u22c5": "write *",
    "\u00f7": "write /",
    "\u00b2": "write **2",
    "\u00b3": "write **3",
    "\u221a": "write sqrt(x)",
    "\u2264": "write <=",
    "\u2265": "write >=",
    "\u2260": "write !=",
    "if": _PIECEWISE,
    "else": _PIECEWISE,
    "lambda": "it is a word of Python's; call it lam, say",
    "is": "write == to compare",
    "in": "write comparisons",
}


@dataclass(frozen=True)
class Token:
    """A number, a name or a sign, and where it begins."""

    kind: str
    text: str
    start: int


def failure(text: str, start: int, message: str) -> ParseError:
    """Return the error that points at a place of a text."""
    start = min(max(start, 0), len(text))
    before = text[:start]
    line = before.count("\n") + 1
    first = before.rfind("\n") + 1
    row = text[first:].split("\n", 1)[0]
    column = start - first
    left = max(0, column - 50)
    shown = "".join(c if c.isprintable() else "?" for c in row[left : left + 72])
    caret = " " * (column - left) + "^"
    where = f"line {line}, column {column + 1}"
    return ParseError(f"{where}: {message}\n    {shown}\n    {caret}", line, column + 1)


def scan(text: str) -> list[Token]:
    """Return the numbers, names and signs of a text.

    >>> [token.text for token in scan("a*exp(-2.5*x)")]
    ['a', '*', 'exp', '(', '-', '2.5', '*', 'x', ')']

    Raises:
        ParseError: something cannot belong to a formula, or there is too much of it.
    """
    if len(text) > LONGEST:
        message = f"a formula has at most {LONGEST} characters, and this one {len(text)}"
        raise failure(text, LONGEST, message)
    tokens: list[Token] = []
    place = 0
    while place < len(text):
        char = text[place]
        if char in " \t\n\r":
            place += 1
            continue
        token = _token(text, place)
        if len(tokens) == MOST_TOKENS:
            raise failure(text, place, f"a formula has at most {MOST_TOKENS} numbers and signs")
        tokens.append(token)
        place += len(token.text)
    if not tokens:
        raise failure(text, 0, "there is no formula")
    _check_order(text, tokens)
    _check_nesting(text, tokens)
    return tokens


def _token(text: str, place: int) -> Token:
    char = text[place]
    match = _NUMBER.match(text, place)
    if match:
        return _number(text, match.group(), place)
    if _in_name(char):
        end = place
        while end < len(text) and _in_name(text[end]):
            end += 1
        return _name(text, text[place:end], place)
    match = _SIGN.match(text, place)
    if match is None or match.group() not in (*_BINARY, *_PREFIX, "(", ")", ",", "^"):
        sign = match.group() if match else char
        raise failure(text, place, _unknown_sign(sign))
    return Token("sign", match.group(), place)


def _in_name(char: str) -> bool:
    # Python has the middle dot in names, Catalan has; in a formula it is a product.
    return f"a{char}".isidentifier() and char != "\u00b7"


def _number(text: str, found: str, place: int) -> Token:
    after = text[place + len(found) : place + len(found) + 1]
    if after in ("j", "J"):
        raise failure(text, place + len(found), "write I for the imaginary unit, as in 2*I")
    if after and _in_name(after):
        raise failure(text, place + len(found), "write * between a number and what follows it")
    if len(found) > LONGEST_NUMBER:
        raise failure(text, place, f"a number has at most {LONGEST_NUMBER} digits")
    return Token("number", found, place)


def _name(text: str, found: str, place: int) -> Token:
    plain = unicodedata.normalize("NFKC", found)  # as Python reads names
    if not plain.isidentifier() or not found.isidentifier():
        raise failure(text, place, "this is not a name")
    if plain in _WORDS and plain == found:
        return Token("sign" if plain in ("and", "or", "not") else "name", found, place)
    if keyword.iskeyword(plain):
        hint = _REFUSED.get(plain, "it is a word of Python's; choose another name")
        raise failure(text, place, f"{plain!r} cannot stand in a formula: {hint}")
    if plain.startswith("__"):
        raise failure(text, place, "names do not begin with two underscores")
    return Token("name", found, place)


def _unknown_sign(sign: str) -> str:
    if sign in _REFUSED:
        return f"{sign!r} cannot stand in a formula: {_REFUSED[sign]}"
    if sign.isascii() and sign.isprintable():
        return f"{sign!r} cannot stand in a formula"
    name = unicodedata.name(sign, "")
    return (
        f"the character U+{ord(sign):04X}{f' ({name})' if name else ''} cannot stand in a formula"
    )


def _check_order(text: str, tokens: list[Token]) -> None:
    """Refuse two values beside each other, or what is called but is no name."""
    before: Token | None = None
    for token in tokens:
        if before is not None:
            ends = before.kind != "sign" or before.text == ")"
            starts = token.kind != "sign" or token.text in ("(", "not", "~")
            call = before.kind == "name" and token.text == "("
            if ends and starts and not call:
                what = "only a name can be called; " if token.text == "(" else ""
                raise failure(text, token.start, f"{what}write * for a product")
        before = token


def _check_nesting(text: str, tokens: list[Token]) -> None:
    """Measure nesting: brackets, signs before a value, and towers of powers."""
    open_brackets: list[tuple[int, int]] = []
    depth = run = 0
    prefix = True
    for token in tokens:
        sign = token.text if token.kind == "sign" else ""
        if sign == "(":
            open_brackets.append((token.start, run))
            depth += run + 1
            run = 0
        elif sign == ")":
            if not open_brackets:
                raise failure(text, token.start, "this bracket was never opened")
            run = open_brackets.pop()[1]
            depth -= run + 1
        elif sign == "**" or (prefix and sign in _PREFIX):
            run += 1
        elif sign:
            run = 0
        prefix = bool(sign) and sign != ")"
        if depth + run > DEEPEST:
            raise failure(text, token.start, f"this is nested more than {DEEPEST} deep")
    if open_brackets:
        raise failure(text, open_brackets[-1][0], "this bracket is never closed")
