"""A readable listing of a function of the IR, a line for each step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Context, Decimal
from fractions import Fraction
from typing import NamedTuple

from symcompile.ir.graph import Axis, Constant, Function, Input, Kind, Output, Special
from symcompile.naming import Names

_INDICES = "ijklmn"
_LONGEST_INLINE = 60
_LEAVES = frozenset({"const", "input", "extent", "true", "false"})

# How tightly operators bind: op -> symbol, its level, the levels its operands need.
_OR, _AND, _COMPARE, _SUM, _PRODUCT, _POWER, _ATOM = range(7)
_BINARY = {
    "add": (" + ", _SUM, _SUM, _SUM),
    "sub": (" - ", _SUM, _SUM, _PRODUCT),
    "mul": ("*", _PRODUCT, _PRODUCT, _PRODUCT),
    "div": ("/", _PRODUCT, _PRODUCT, _POWER),
    "pow": ("**", _POWER, _ATOM, _ATOM),
    "powi": ("**", _POWER, _ATOM, _ATOM),
    "lt": (" < ", _COMPARE, _SUM, _SUM),
    "le": (" <= ", _COMPARE, _SUM, _SUM),
    "eq": (" == ", _COMPARE, _SUM, _SUM),
    "ne": (" != ", _COMPARE, _SUM, _SUM),
    "and": (" and ", _AND, _AND, _AND),
    "or": (" or ", _OR, _OR, _OR),
}
_ROLES = (("param", "direction", "cotangent"), ("data",), ("constant",))


class _Text(NamedTuple):
    text: str
    level: int = _ATOM

    def within(self, level: int) -> str:
        return self.text if self.level >= level else f"({self.text})"


def format_function(function: Function, names: Mapping[Input, str]) -> str:
    """Return a listing: the signature, then one line for each named step.

    A step that varies with the sample is written with its index, ``t0[i]``; what is used once
    stands where it is used, while that stays short. Names that the user gave to intermediates
    are kept.

    Args:
        function: what to list.
        names: what the inputs are called; one that is missing is called after its role.

    Example:
        >>> from symcompile.ir.graph import Graph
        >>> g = Graph()
        >>> w, x = g.input("param", 0), g.input("data", 0, (Axis("n"),))
        >>> root = g.reduce_sum(g.add("mul", (w, x)))
        >>> f = Function("value", g, (Output("value", (root,), (), False),))
        >>> print(format_function(f, {Input("param", 0): "w", Input("data", 0): "x"}))
        value(w; x[i])
          value = sum over i of w*x[i]
    """
    return "\n".join(_Listing(function, names).lines())


class _Listing:
    def __init__(self, function: Function, names: Mapping[Input, str]) -> None:
        self.function = function
        self.graph = function.graph
        self.order = self.graph.ancestors(function.roots())
        extents = [axis.extent for node in self.order for axis in self.graph[node].axes]
        taken = [output.name for output in function.outputs]
        self._unique = Names([*_INDICES, *taken, *(e for e in extents if isinstance(e, str))])
        used = {
            node.data: node.axes
            for node in (self.graph[index] for index in self.order)
            if isinstance(node.data, Input)
        }
        self.inputs: dict[Input, str] = {}
        for key in sorted({*names, *used}, key=lambda k: (k.role, k.slot)):
            name = self._unique.fresh(names.get(key, f"{key.role}{key.slot}"))
            default = (Axis("n"),) if key.role == "data" else ()
            self.inputs[key] = name + _subscript(used.get(key, default))
        self._steps: Iterator[str] = iter(self._unique.numbered("t"))
        self._sums: Iterator[str] = iter(self._unique.numbered("s"))
        self.texts: dict[int, _Text] = {}

    def lines(self) -> Iterator[str]:
        groups = [
            ", ".join(self.inputs[key] for role in roles for key in self._of_role(role))
            for roles in _ROLES
        ]
        yield f"{self.function.name}({'; '.join(group for group in groups if group)})"
        uses = self._uses()
        roots = self.function.roots()
        # A lone result is named by what it is, not twice.
        lone = set(roots) if len(set(roots)) == len(roots) else set()
        for index in self.order:
            node = self.graph[index]
            if node.op in _LEAVES:
                self.texts[index] = self._leaf(index)
                continue
            made = self._print(index)
            once = uses[index] <= 1
            result = index in lone and once
            whole_line = node.op == "reduce_sum" and not result
            short = len(made.text) <= _LONGEST_INLINE
            labelled = index in self.graph.labels
            if result or (once and short and not labelled and not whole_line):
                self.texts[index] = made
                continue
            name = self._name(index)
            yield f"  {name} = {made.text}"
            self.texts[index] = _Text(name)
        for output in self.function.outputs:
            yield from self._results(output)

    def _of_role(self, role: str) -> list[Input]:
        return [key for key in self.inputs if key.role == role]

    def _uses(self) -> dict[int, int]:
        uses = dict.fromkeys(self.order, 0)
        for index in self.order:
            for arg in self.graph[index].args:
                uses[arg] += 1
        for root in self.function.roots():
            uses[root] += 1
        return uses

    def _name(self, index: int) -> str:
        node = self.graph[index]
        label = self.graph.labels.get(index)
        if label is not None:
            name = self._unique.fresh(label)
        else:
            name = next(self._sums if node.op == "reduce_sum" else self._steps)
        return name + _subscript(node.axes)

    def _leaf(self, index: int) -> _Text:
        node = self.graph[index]
        if node.op == "const":
            return _literal(node.data)  # type: ignore[arg-type]
        if isinstance(node.data, Input):
            return _Text(self.inputs[node.data])
        return _Text(str(node.data.extent) if isinstance(node.data, Axis) else node.op)

    def _print(self, index: int) -> _Text:
        node = self.graph[index]
        args = [self.texts[arg] for arg in node.args]
        if node.op == "reduce_sum":
            position = node.data if isinstance(node.data, int) else 0
            return _Text(f"sum over {_INDICES[position]} of {args[0].text}", _OR)
        if node.op == "neg":
            return _Text(f"-{args[0].within(_PRODUCT)}", _SUM)
        if node.op == "not":
            return _Text(f"not {args[0].within(_COMPARE)}", _AND)
        if node.op in _BINARY:
            symbol, level, left, right = _BINARY[node.op]
            # Rounding depends on the grouping, so the text shows it.
            if node.op == "add" and self._adds(node.args[1]):
                right = _PRODUCT
            if node.op == "mul" and self._multiplies(node.args[1]):
                right = _POWER
            if self.graph[node.args[0]].kind is Kind.BOOL and level == _COMPARE:
                left = right = _ATOM
            if level <= _PRODUCT and self.graph[node.args[0]].op == "const":
                left = _OR  # a negative number in front needs no parentheses
            return _Text(f"{args[0].within(left)}{symbol}{args[1].within(right)}", level)
        return _Text(f"{node.op}({', '.join(arg.text for arg in args)})")

    def _adds(self, index: int) -> bool:
        return self.graph[index].op in ("add", "sub", "neg")

    def _multiplies(self, index: int) -> bool:
        return self.graph[index].op in ("mul", "div")

    def _results(self, output: Output) -> Iterator[str]:
        for place, entry in enumerate(output.entries):
            index = [str(k) for k in _unravel(place, output.shape)]
            if output.per_sample:
                index.insert(0, _INDICES[0])
            subscript = f"[{', '.join(index)}]" if index else ""
            yield f"  {output.name}{subscript} = {self.texts[entry].text}"


def _subscript(axes: Sequence[Axis]) -> str:
    return f"[{', '.join(_INDICES[: len(axes)])}]" if axes else ""


def _unravel(place: int, shape: Sequence[int]) -> list[int]:
    index: list[int] = []
    for size in reversed(shape):
        place, rest = divmod(place, size)
        index.insert(0, rest)
    return index


def _literal(value: Constant) -> _Text:
    if isinstance(value, Special):
        return _Text(value.value, _SUM if value is Special.NEG_INF else _ATOM)
    level = _SUM if value < 0 else _ATOM
    if value.denominator == 1 and abs(value) < 10**15:
        return _Text(str(value.numerator), level)
    if value.denominator < 10**6 and abs(value.numerator) < 10**6:
        return _Text(str(value), min(level, _PRODUCT))
    try:
        return _Text(repr(float(value)), level)
    except OverflowError:
        return _Text(_long(value), level)


def _long(value: Fraction) -> str:
    context = Context(prec=17)
    return str(context.divide(Decimal(value.numerator), Decimal(value.denominator)))
