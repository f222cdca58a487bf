"""The formula of a definition as text and as LaTeX, for people to read.

Made from the IR alone, so that an unpickled definition prints what the original did. Long
formulas get named intermediates, and are cut; no more of them is made than is shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import sympy as sp

from symcompile.frontend.raised_ops import Element
from symcompile.frontend.raiser import Raised, Raiser, raise_nodes, safe_name
from symcompile.frontend.symbols import Symbols
from symcompile.ir.graph import Axes, Graph, Input

if TYPE_CHECKING:
    from symcompile.frontend.definition import Definition

_LINE = 88  # characters of one line of `formula_lines`
_LINES = 12
_LATEX_ENTRIES = 12

__all__ = [
    "Raised",
    "described_roles",
    "formula",
    "formula_latex",
    "formula_lines",
    "raise_nodes",
]


def described_roles(definition: Definition) -> str:
    """Return the roles of a definition's symbols, arrays with their shapes.

    Example:
        >>> import sympy as sp
        >>> from symcompile.frontend.definition import define
        >>> w, x = sp.symbols("w x")
        >>> described_roles(define("f", w*x, params=w, data=x))
        'params=(w), data=(x)'
    """
    groups = role_groups(definition)
    found = [f"{role}=({', '.join(names)})" for role, names in groups.items()]
    if definition.dtype != "float64":
        found.append(f"dtype={definition.dtype}")
    return ", ".join(found)


def role_groups(definition: Definition) -> dict[str, list[str]]:
    """Return the names of each role, those of arrays in index notation as ``X[n, d]``."""
    found = {
        "params": [safe_name(name) for name in definition.params],
        "data": [safe_name(name) for name in definition.data],
        "constants": [safe_name(name) for name, _ in definition.constants],
    }
    if definition.indexed:
        symbols = Symbols(definition)
        for role, key in (("params", "param"), ("data", "data")):
            for slot, name in enumerate(found[role]):
                shape = symbols.shape(Input(key, slot))  # type: ignore[arg-type]
                found[role][slot] = name + symbols.letters.subscript(shape)
    return {role: names for role, names in found.items() if names or role == "params"}


def formula(definition: Definition, limit: int = 200) -> str:
    """Return the formula of ``value`` as one line of SymPy text.

    Args:
        definition: whose formula.
        limit: the most characters; what is longer ends in ``...``.

    Example:
        >>> import sympy as sp
        >>> from symcompile.frontend.definition import define
        >>> x, y = sp.symbols("x y")
        >>> formula(define("f", [x + y, x*sp.cos(y)], params=(x, y)))
        '[x + y, x*cos(y)]'
    """
    view = _View(definition)
    text = ""
    for symbol, expr in view.raiser.intermediates():
        text += f"{symbol} = {expr}; "
        if len(text) > limit:
            return _cut(text, limit)
    return _cut(text + view.text(limit), limit)


def formula_lines(definition: Definition, limit: int = _LINE) -> list[str]:
    """Return the formula as at most a dozen lines: intermediates, then the value.

    The text is safe to stand in a comment or a docstring of generated source.

    Args:
        definition: whose formula.
        limit: the most characters of a line.

    Example:
        >>> import sympy as sp
        >>> from symcompile.frontend.definition import define
        >>> x = sp.Symbol("x")
        >>> formula_lines(define("f", sp.sin(x)**2, params=x))
        ['sin(x)**2']
    """
    view = _View(definition)
    lines = [_cut(f"{s} = {e}", limit) for s, e in view.first_intermediates()]
    if view.more:
        lines.append("...")
    result = view.text(limit)
    return [*lines, _cut(f"value = {result}" if lines else result, limit)]


def formula_latex(definition: Definition) -> str:
    r"""Return the formula as LaTeX, in an ``aligned`` environment where it has many parts.

    Example:
        >>> import sympy as sp
        >>> from symcompile.frontend.definition import define
        >>> w, x = sp.symbols("w x")
        >>> print(formula_latex(define("f", w*x, params=w, data=x, reduce="mean")))
        \frac{1}{n} \sum_{i=1}^{n} w x_{i}
    """
    view = _View(definition)
    lines = [f"{view.latex(s)} &= {view.latex(e)}" for s, e in view.first_intermediates()]
    if not lines:
        return view.latex_value()
    if view.more:
        lines.append(r"&\;\;\vdots")
    lines.append(rf"\mathrm{{value}} &= {view.latex_value()}")
    body = " \\\\\n".join(lines)
    return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: max(limit - 3, 0)] + "..."


class _View:
    """A definition's outputs, ready to be raised.

    A formula per sample is shown without the reduction around it, and without indices.
    """

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        graph = definition.ir
        outputs = definition.output.entries
        symbols = Symbols(definition)
        leaves = symbols.leaves
        if definition.indexed:
            self.entries = [("", entry) for entry in outputs]
        else:
            self.entries = [_reduction(graph, entry) for entry in outputs]
            leaves = {k: e.base.label if isinstance(e, Element) else e for k, e in leaves.items()}
        self.letters = symbols.letters
        self.raiser = Raiser(
            graph,
            [body for _, body in self.entries],
            leaves,
            letters=symbols.letters if definition.indexed else None,
            sizes=symbols.sizes,
        )
        self.extent = None if definition.indexed else next(iter(symbols.sizes.values()))
        (self.index, *_) = (*symbols.letters.used, "i")
        self._indexed: list[Any] = []
        if not definition.indexed:
            self._indexed += [s for key, s in leaves.items() if key.role == "data"]
            self._indexed += [s for node, s in self.raiser.symbols.items() if graph[node].axes]
        #: Whether there are more intermediates than are shown.
        self.more = len(self.raiser.cuts) > _LINES - 1

    def _axes(self, entry: int) -> Axes:
        return self.definition.ir[entry].axes if self.definition.indexed else ()

    def first_intermediates(self) -> Iterator[tuple[Any, Any]]:
        """Yield the intermediates that fit into the lines, one kept for each of ``...``, value."""
        shown = _LINES - 2 if self.more else _LINES - 1
        for _, pair in zip(range(shown), self.raiser.intermediates(), strict=False):
            yield pair

    def text(self, limit: int) -> str:
        """Return the value in SymPy's text, entries beyond ``limit`` characters left out."""
        entries: list[str] = []
        length = 0
        for kind, body in self.entries:
            if length > limit:
                entries.append("...")
                break
            text = str(self.raiser.expression(body))
            axes = self._axes(body)
            if axes:
                names = self.letters.distinct(axes)
                ranges = zip(names, axes, strict=True)
                text = f"[{text} for {', '.join(self.letters.range(*each) for each in ranges)}]"
            entries.append(f"{kind}({text})" if kind else text)
            length += len(text)
        return self._shaped(entries)

    def _shaped(self, entries: Sequence[str]) -> str:
        definition = self.definition
        shape, indexed = definition.output.shape, definition.indexed
        if definition.keys:
            keys = [safe_name(key) for key in definition.keys]
            pairs = zip(keys, entries, strict=False)
            return "{" + ", ".join(f"{k}: {e}" for k, e in pairs) + "}"
        if not shape:
            return entries[0]
        if indexed and len(entries) == 1:
            return entries[0]
        width = shape[1] if len(shape) == 2 else None
        if not isinstance(width, int):
            return f"[{', '.join(entries)}]"
        rows = [f"[{', '.join(row)}]" for row in _rows(entries, width)]
        return f"Matrix([{', '.join(rows)}])"

    def latex(self, expr: Any) -> str:
        """Return an expression as LaTeX, what varies with the sample with an index."""
        names = {symbol: _with_index(sp.latex(symbol), self.index) for symbol in self._indexed}
        return str(sp.latex(expr, symbol_names=names))

    def latex_value(self) -> str:
        """Return the value as LaTeX."""
        entries = []
        for kind, body in self.entries[:_LATEX_ENTRIES]:
            expr = self.raiser.expression(body)
            text = self.latex(expr)
            if kind:
                n = self.latex(self.extent)
                weight = rf"\frac{{1}}{{{n}}} " if kind == "mean" else ""
                if expr.is_Add or expr.is_Piecewise:
                    text = rf"\left({text}\right)"
                text = rf"{weight}\sum_{{{self.index}=1}}^{{{n}}} {text}"
            text += self._latex_ranges(body)
            entries.append(text)
        if len(self.entries) > _LATEX_ENTRIES:
            entries.append(r"\ldots")
        return self._latex_shaped(entries)

    def _latex_ranges(self, body: int) -> str:
        axes = self._axes(body)
        if not axes:
            return ""
        pairs = zip(self.letters.distinct(axes), axes, strict=True)
        ranges = [f"{name} < {sp.latex(self.raiser.affine(a.extent))}" for name, a in pairs]
        return r", \quad " + r",\ ".join(ranges)

    def _latex_shaped(self, entries: Sequence[str]) -> str:
        definition = self.definition
        shape, indexed = definition.output.shape, definition.indexed
        if definition.keys:
            keys = [rf"\mathtt{{{_latex_text(key)}}}" for key in definition.keys]
            pairs = [f"{k} : {e}" for k, e in zip(keys, entries, strict=False)]
            return r"\left\{ " + r", \ ".join(pairs) + r"\right\}"
        if not shape:
            return entries[0]
        if indexed and len(entries) == 1:
            return entries[0]
        width = shape[1] if len(shape) == 2 else None
        if not isinstance(width, int):
            return r"\left[ " + r", \ ".join(entries) + r"\right]"
        rows = " \\\\ ".join(" & ".join(row) for row in _rows(entries, width))
        return rf"\left[\begin{{matrix}}{rows}\end{{matrix}}\right]"


def _reduction(graph: Graph, entry: int) -> tuple[str, int]:
    """Return ``"mean"``, ``"sum"`` or nothing, and what it is taken of."""
    node = graph[entry]
    if node.op == "reduce_sum":
        return "sum", node.args[0]
    if node.op == "div" and graph[node.args[1]].op == "extent":
        top = graph[node.args[0]]
        if top.op == "reduce_sum":
            return "mean", top.args[0]
    return "", entry


def _rows(entries: Sequence[str], width: int) -> list[Sequence[str]]:
    return [entries[k : k + width] for k in range(0, len(entries), max(width, 1))]


def _with_index(latex: str, index: str) -> str:
    match = re.fullmatch(r"(.*)_\{([^{}]*)\}", latex)
    return f"{match[1]}_{{{match[2]},{index}}}" if match else f"{latex}_{{{index}}}"


def _latex_text(key: str) -> str:
    return safe_name(key).replace("_", r"\_")
