"""Bodies as text for people: what is summed, multiplied or integrated, from where to where."""

from __future__ import annotations

from collections.abc import Sequence

from symcompile.ir.body import LIMITS, Body
from symcompile.ir.graph import Input
from symcompile.ir.notation import AND, ATOM, BINARY, COMPARE, OR, PRODUCT, SUM, Text, literal

#: What is longer is cut.
_LONGEST = 60
_CUT = 300
_WORDS = {"sum": "sum over", "product": "product over", "integral": "integral over"}


def described(
    op: str, body: Body, variable: str, low: str, high: str, captured: Sequence[str]
) -> str:
    """Return an operation with a body in words.

    >>> from symcompile.ir.bodies import closed
    >>> from symcompile.ir.graph import Graph
    >>> g = Graph()
    >>> root = g.add("pow", (g.input("captured", 0), g.input("bound", 0)))
    >>> described("sum", closed(g, root)[0], "k", "0", "n", ["x"])
    'sum over k from 0 to n of x**k'
    """
    text = formula(body, variable, captured)
    return f"{_WORDS[op]} {variable} from {low} to {high} of {_shortened(text)}"


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def formula(body: Body, variable: str, captured: Sequence[str]) -> str:
    """Return the value of a body as a formula; what is far too long is cut."""
    texts: list[Text] = []
    for node in body.nodes:
        args = [texts[arg] for arg in node.args]
        data = node.data
        if isinstance(data, Input):
            texts.append(Text(variable if data.role == "bound" else captured[data.slot]))
        elif isinstance(data, Body):
            texts.append(with_body(node.op, data, args, variable))
        elif node.op == "const":
            assert not isinstance(data, int) and data is not None
            texts.append(literal(data))  # type: ignore[arg-type]
        else:
            texts.append(_operation(node.op, args))
        if len(texts[-1].text) > _CUT:
            texts[-1] = Text("...")
    return texts[-1].text


def with_body(op: str, body: Body, args: Sequence[Text], outer: str = "") -> Text:
    """Return an operation with a body; its variable is another letter than ``outer``."""
    first = LIMITS[op]
    own = [arg.within(PRODUCT) for arg in args[first:]]
    letters = "tuvw" if op in ("integral", "derivative") else "kjim"
    taken = {outer, *own}
    variable = next((c for c in letters if c not in taken), letters[0] + "_")
    inside = formula(body, variable, [f"({t})" if " " in t else t for t in own])
    if op == "derivative":
        return Text(f"derivative in {variable} at {args[0].text} of {inside}", OR, reaching=True)
    low, high = (arg.text for arg in args[:2])
    return Text(f"{_WORDS[op]} {variable} from {low} to {high} of {inside}", OR, reaching=True)


def _operation(op: str, args: Sequence[Text]) -> Text:
    if op == "neg":
        return Text(f"-{args[0].within(PRODUCT)}", SUM)
    if op == "not":
        return Text(f"not {args[0].within(COMPARE)}", AND)
    if op in BINARY:
        symbol, level, left, right = BINARY[op]
        return Text(f"{args[0].within(left)}{symbol}{args[1].within(right)}", level)
    return Text(f"{op}({', '.join(arg.text for arg in args)})" if args else op, ATOM)
