"""``define``: the pure description of what is to be compiled."""

from __future__ import annotations

import hashlib
import keyword
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import sympy as sp

from symcompile.errors import DefinitionError
from symcompile.frontend.lowering import Lowering
from symcompile.ir.graph import SAMPLES, Graph, Output, Role

if TYPE_CHECKING:
    from symcompile.autodiff.symbolic import SymbolicGradient

Reduce = Literal["mean", "sum"] | None
SymbolsLike: TypeAlias = sp.Symbol | Iterable[sp.Symbol]


@dataclass(frozen=True, eq=False)
class Definition:
    """A function to compile: its formula in the IR, and the roles of its symbols.

    Made by :func:`define`. Compared, hashed and pickled through the IR, never through SymPy.

    Attributes:
        name: a Python identifier; it names files and functions.
        params: names of the parameters, in the order in which they are packed.
        data: names of the data columns, in call order.
        constants: name and default (or None) of each keyword constant.
        reduce: ``"mean"``, ``"sum"`` or None.
        graph: the formula, as first lowered.
        output: what ``value`` returns.
        keys: the keys of a dict of outputs, else empty.
        source: the SymPy expressions it was made from, or None once unpickled.
    """

    name: str
    params: tuple[str, ...]
    data: tuple[str, ...]
    constants: tuple[tuple[str, float | None], ...]
    reduce: Reduce
    graph: Graph
    output: Output
    keys: tuple[str, ...] = ()
    source: tuple[Any, ...] | None = field(default=None, repr=False)
    source_params: tuple[sp.Symbol, ...] | None = field(default=None, repr=False)

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of everything that matters, in hexadecimal."""
        digest = hashlib.sha256()
        head = (self.name, self.params, self.data, self.constants, self.reduce, self.output)
        digest.update(repr((head, self.keys)).encode())
        for node in self.graph.nodes:
            data: object = node.data
            if isinstance(data, Fraction):  # Python refuses to print huge integers in decimal
                data = f"{data.numerator:x}/{data.denominator:x}"
            digest.update(f"{node.op}{node.args}{data}{node.axes};".encode())
        return digest.hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Definition) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __getstate__(self) -> dict[str, Any]:
        # SymPy pickles by walking the tree, which is exponential in shared subtrees.
        return {**self.__dict__, "source": None, "source_params": None}

    def __repr__(self) -> str:
        from symcompile.frontend.raiser import safe_name
        from symcompile.frontend.raising import formula

        def listed(names: Iterable[str]) -> str:
            return ", ".join(map(safe_name, names))

        roles = [f"params=({listed(self.params)})"]
        if self.data:
            roles.append(f"data=({listed(self.data)})")
        if self.constants:
            roles.append(f"constants=({listed(name for name, _ in self.constants)})")
        return f"<definition {self.name}: {formula(self)}; {', '.join(roles)}>"

    def _repr_latex_(self) -> str:
        from symcompile.frontend.raising import formula_latex

        return f"$\\displaystyle {formula_latex(self)}$"

    @property
    def scalar(self) -> bool:
        """Whether ``value`` is one number, so that it has a gradient."""
        return self.output.shape == () and not self.output.per_sample

    def gradient(self) -> SymbolicGradient:
        """Return the gradient as SymPy: named intermediates and results.

        Raises:
            UnsupportedFunctionError: the output is not a scalar.

        Example:
            >>> import sympy as sp
            >>> x, y = sp.symbols("x y")
            >>> define("z", x**2 + x*sp.cos(y), params=(x, y)).gradient()
            [2*x + cos(y), -x*sin(y)]
        """
        from symcompile.autodiff.symbolic import symbolic_gradient

        return symbolic_gradient(self)


def define(
    name: str,
    expr: Any,
    *,
    params: SymbolsLike = (),
    data: SymbolsLike = (),
    reduce: Reduce = None,
    constants: SymbolsLike | Mapping[sp.Symbol, float] = (),
) -> Definition:
    """Describe a function to compile. Nothing is compiled yet.

    Args:
        name: a Python identifier; it names the generated files.
        expr: a SymPy expression, a Matrix, a sequence or a dict of expressions; what
            ``sympy.cse`` returns; or a sequence of ``(symbol, expression)`` assignments, each
            of which may use those before it. The value is then the last one assigned, or the
            expressions that follow the assignments.
        params: the symbols in which derivatives are taken, packed in this order.
        data: symbols with one value per sample.
        reduce: how the samples are combined; None keeps one output row per sample.
        constants: symbols that are neither, passed by keyword; a mapping gives defaults.

    Raises:
        DefinitionError: names or roles that do not make sense.
        LoweringError: a subexpression that cannot be compiled exactly.

    Example:
        >>> import sympy as sp
        >>> w0, w1, x, y = sp.symbols("w0 w1 x y")
        >>> define("linreg", (w0 + w1*x - y)**2, params=(w0, w1), data=(x, y), reduce="mean")
        <definition linreg: mean((w0 + w1*x - y)**2); params=(w0, w1), data=(x, y)>
    """
    _check_name(name)
    if reduce not in ("mean", "sum", None):
        raise DefinitionError(f'reduce={reduce!r}: use "mean", "sum" or None')
    param_symbols = _symbols(params, "params")
    data_symbols = _symbols(data, "data")
    defaults = _defaults(constants)
    if reduce is not None and not data_symbols:
        raise DefinitionError(f'reduce="{reduce}" needs data=: there are no samples to combine')

    graph = Graph()
    table: dict[sp.Basic, int] = {}
    roles: list[tuple[Role, Sequence[sp.Symbol]]] = [
        ("param", param_symbols),
        ("data", data_symbols),
        ("constant", list(defaults)),
    ]
    for role, symbols in roles:
        for slot, symbol in enumerate(symbols):
            if symbol in table:
                raise DefinitionError(f"the symbol {symbol} stands in two places of the roles")
            axes = (SAMPLES,) if role == "data" else ()
            table[symbol] = graph.input(role, slot, axes)

    lowering = Lowering(graph, table)
    assignments, rest = _split(expr)
    for symbol, value in assignments:
        if lowering.knows(symbol):
            raise DefinitionError(f"{symbol} is assigned, but has a meaning already; rename it")
        lowering.assign(symbol, value)
    exprs, shape, keys = _outputs(rest)
    entries = [_reduced(graph, lowering.lower(e), reduce) for e in exprs]
    per_sample = bool(data_symbols) and reduce is None
    return Definition(
        name=name,
        params=tuple(str(s) for s in param_symbols),
        data=tuple(str(s) for s in data_symbols),
        constants=tuple((str(s), value) for s, value in defaults.items()),
        reduce=reduce,
        graph=graph,
        output=Output("value", tuple(entries), shape, per_sample),
        keys=keys,
        source=None if assignments else tuple(exprs),
        source_params=param_symbols,
    )


def _check_name(name: object) -> None:
    text = name if isinstance(name, str) else ""
    good = text.isascii() and text.isidentifier()
    if not good or keyword.iskeyword(text) or text.startswith("__"):
        raise DefinitionError(
            f"the name {name!r} must be a plain Python identifier: it names files and functions"
        )


def _symbols(symbols: SymbolsLike, role: str) -> tuple[sp.Symbol, ...]:
    if isinstance(symbols, sp.Symbol):
        return (symbols,)
    if isinstance(symbols, str) or not isinstance(symbols, Iterable):
        raise DefinitionError(f"{role}={symbols!r}: give SymPy symbols, as sympy.symbols makes")
    found = tuple(symbols)
    for symbol in found:
        if not isinstance(symbol, sp.Symbol):
            raise DefinitionError(f"{role}: {symbol!r} is not a SymPy symbol")
    return found


def _defaults(constants: SymbolsLike | Mapping[sp.Symbol, float]) -> dict[sp.Symbol, float | None]:
    given = tuple(constants) if isinstance(constants, Mapping) else constants
    names = _symbols(given, "constants")
    if len({str(s) for s in names}) < len(names):
        raise DefinitionError("constants: two of one name; they are keywords, so rename one")
    if not isinstance(constants, Mapping):
        return dict.fromkeys(names)
    found: dict[sp.Symbol, float | None] = {}
    for symbol in names:
        try:
            found[symbol] = float(constants[symbol])
        except (TypeError, ValueError) as error:
            raise DefinitionError(f"constants: the default of {symbol} is not a number") from error
    return found


def _is_assignment(item: Any) -> bool:
    return (
        isinstance(item, tuple | list | sp.Tuple)
        and len(item) == 2
        and (isinstance(item[0], sp.Symbol))
    )


def _split(expr: Any) -> tuple[list[tuple[sp.Symbol, Any]], Any]:
    """Separate leading assignments from the outputs."""
    if not isinstance(expr, tuple | list):
        return [], expr
    items = list(expr)
    # What sympy.cse returns: (assignments, [results]).
    if (
        len(items) == 2
        and isinstance(items[0], list)
        and isinstance(items[1], list)
        and all(_is_assignment(item) for item in items[0])
    ):
        results = items[1]
        return [(s, e) for s, e in items[0]], results[0] if len(results) == 1 else results
    count = 0
    while count < len(items) and _is_assignment(items[count]):
        count += 1
    if count == 0:
        return [], items
    if any(_is_assignment(item) for item in items[count:]):
        raise DefinitionError("assignments stand first, the expressions to compute after them")
    assignments = [(symbol, value) for symbol, value in items[:count]]
    rest = items[count:]
    if not rest:
        return assignments, assignments[-1][0]
    return assignments, rest[0] if len(rest) == 1 else rest


def _outputs(expr: Any) -> tuple[list[Any], tuple[int, ...], tuple[str, ...]]:
    """Return the scalar expressions, the shape they are returned in, and the keys of a dict."""
    if isinstance(expr, Mapping):
        return list(expr.values()), (len(expr),), tuple(str(key) for key in expr)
    if isinstance(expr, sp.MatrixBase):
        return list(expr.flat()), tuple(int(size) for size in expr.shape), ()
    if isinstance(expr, sp.NDimArray):
        shape = tuple(int(size) for size in expr.shape)
        return [expr[expr._get_tuple_index(k)] for k in range(len(expr))], shape, ()
    if isinstance(expr, tuple | list | sp.Tuple):
        if not expr:
            raise DefinitionError("there is nothing to compute: the sequence is empty")
        for item in expr:
            if isinstance(item, tuple | list | dict | sp.MatrixBase | sp.NDimArray):
                raise DefinitionError(
                    "outputs nest: give one flat sequence of expressions, or one Matrix"
                )
        return list(expr), (len(expr),), ()
    try:
        # Strict: text would be evaluated.
        return [sp.sympify(expr, strict=True)], (), ()
    except (sp.SympifyError, TypeError) as error:
        raise DefinitionError(f"{expr!r} is not a SymPy expression") from error


def _reduced(graph: Graph, node: int, reduce: Reduce) -> int:
    if reduce is None:
        return node
    count = graph.extent(SAMPLES)
    if not graph[node].axes:  # the same for every sample
        return node if reduce == "mean" else graph.add("mul", (count, node))
    total = graph.reduce_sum(node)
    return graph.add("div", (total, count)) if reduce == "mean" else total
