"""What the helper functions of sums, products and integrals are called.

Equal bodies are one helper. While code is printed, helpers are called after a hash of what they
are; :func:`numbered` gives them their final names.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence

from symcompile.emit.dialect import Dialect
from symcompile.ir.body import Body

#: What a helper is called, by language and operation; in Python, the term by itself.
WORDS: Mapping[str, Mapping[str, str]] = {
    "C": {"sum": "sum", "product": "product", "integral": "integral"},
    "Numba": {"sum": "sum", "product": "product", "integral": "integral"},
    "Python": {"sum": "term", "product": "factor", "integral": "integrand"},
    "NumPy": {"sum": "terms", "product": "factors", "integral": "integrand"},
}
#: The functions of the templates that take a term.
DRIVERS = {
    ("Python", "sum"): "_sum",
    ("Python", "product"): "_product",
    ("Python", "integral"): "_integral",
    ("NumPy", "sum"): "_sums",
    ("NumPy", "product"): "_products",
    ("NumPy", "integral"): "_integrals",
}
_ANY = "sum|product|integral|terms?|factors?|integrand"
# Found sooner: code is long, and hardly anything in it ends like this.
_ENDS = re.compile(r"_[0-9a-f]{12}(?![a-zA-Z0-9])")
_NAME = re.compile(rf"(?<![a-zA-Z0-9])({_ANY})_([0-9a-f]{{12}})(?![a-zA-Z0-9])")


def key(op: str, body: Body) -> str:
    """Return what tells a body from others, the same in every run."""
    return hashlib.sha256(f"{op} {body!r}".encode()).hexdigest()[:12]


def call(op: str, body: Body, dialect: Dialect, args: Sequence[str]) -> str:
    """Return the call of a helper, as text."""
    name = f"{WORDS[dialect.name][op]}_{key(op, body)}"
    driver = DRIVERS.get((dialect.name, op))
    if driver is None:
        return f"{name}({', '.join(args)})"
    return f"{driver}({', '.join([name, *args])})"


def numbered(text: str) -> str:
    """Return a module with its helpers numbered in the order in which they occur."""
    if _ENDS.search(text) is None:
        return text
    numbers: dict[str, int] = {}
    count = 0
    for _, digest in _NAME.findall(text):
        if digest in numbers:
            continue
        while re.search(rf"(?<![a-zA-Z0-9])(?:{_ANY})_{count}(?![a-zA-Z0-9])", text):
            count += 1
        numbers[digest] = count
        count += 1
    return _NAME.sub(lambda m: f"{m[1]}_{numbers[m[2]]}", text)
