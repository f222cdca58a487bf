"""Formulas from text that nobody vouches for: a command line, a file.

The text is never evaluated. It is scanned (:mod:`~symcompile.frontend.scanning`), read by Python's
``ast``, and what the tree holds is compared with a list of what may be there; each part is then
made by :mod:`~symcompile.frontend.bounded`, which measures numbers before SymPy combines them.
"""

from __future__ import annotations

import ast
import difflib
import unicodedata
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sympy as sp
from sympy.logic.boolalg import Boolean

from symcompile.errors import ArgumentTypeError, ParseError
from symcompile.frontend.bounded import Maker, RefusedError
from symcompile.frontend.scanning import failure, scan
from symcompile.frontend.vocabulary import COMPARISONS, POWERS, constants, functions

_RELATIONS: Mapping[type[ast.AST], Any] = {
    ast.Lt: sp.Lt,
    ast.LtE: sp.Le,
    ast.Gt: sp.Gt,
    ast.GtE: sp.Ge,
    ast.Eq: sp.Eq,
    ast.NotEq: sp.Ne,
}
_LOGIC: Mapping[type[ast.AST], Any] = {
    ast.And: sp.And,
    ast.Or: sp.Or,
    ast.BitAnd: sp.And,
    ast.BitOr: sp.Or,
    ast.BitXor: sp.Xor,
}
_SUM = (ast.Add, ast.Sub)
_LOGICAL_CALLS = {"And": sp.And, "Or": sp.Or, "Xor": sp.Xor, "Not": sp.Not}


def parse(text: str, symbols: Mapping[str, Any] | Iterable[Any] | None = None) -> Any:
    """Read a formula, without evaluating the text.

    Python's grammar for ``+ - * / **``, brackets and numbers; the functions of the table of
    operations under SymPy's names, and under NumPy's where these mean the same; ``pi``, ``E``,
    ``I``, ``oo``, ``nan``, ``EulerGamma`` and their like; any other name is a symbol. Comparisons
    and ``and``, ``or``, ``not`` (or ``&``, ``|``, ``~``) are for the conditions of ``Piecewise``.
    So ``parse(str(expr))`` is ``expr`` again.

    Whole numbers are exact, and so is a quotient of them. A number with a point or an exponent is
    the double that Python reads, as a SymPy ``Float``.

    Args:
        text: at most 50,000 characters; it may have several lines.
        symbols: symbols to use where their names occur, by name, or as many as there are; others
            are made without assumptions. They come before constants and functions of their name.

    Raises:
        ParseError: the text is not such a formula, or is too long, too deep or has too large
            numbers; the message shows where.

    Example:
        >>> import sympy as sp, symcompile as sc
        >>> sc.parse("a*exp(-b*x) + c")
        a*exp(-b*x) + c
        >>> x = sp.Symbol("x", positive=True)
        >>> sc.parse("sqrt(x**2)", [x])
        x
        >>> sc.parse("2*x^2")
        Traceback (most recent call last):
            ...
        symcompile.errors.ParseError: line 1, column 4: write ** for a power
            2*x^2
               ^
    """
    if not isinstance(text, str):
        raise ArgumentTypeError(f"parse: the formula is text, not {type(text).__name__}")
    known = _known(symbols)
    scan(text)
    tree = _tree(text)
    return _Reader(text, known).read(tree)


def _known(symbols: Mapping[str, Any] | Iterable[Any] | None) -> dict[str, Any]:
    """Return the symbols that the caller gives, by their names as Python reads them."""
    if symbols is None:
        return {}
    pairs = symbols.items() if isinstance(symbols, Mapping) else [(str(s), s) for s in symbols]
    for name, symbol in pairs:
        if not isinstance(name, str) or not isinstance(symbol, sp.Symbol):
            raise ArgumentTypeError(f"parse: symbols are SymPy symbols, by name; not {symbol!r}")
    return {unicodedata.normalize("NFKC", name): symbol for name, symbol in pairs}


def _tree(text: str) -> ast.expr:
    """Return Python's tree of a text; columns in it count UTF-8 bytes of one line."""
    line = "".join(" " if c in "\t\n\r" else c for c in text)
    spaces = len(line) - len(line.lstrip())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # The bracket makes leading spaces harmless.
            return ast.parse(f"({line})", mode="eval").body
    except SyntaxError as error:
        place = (error.offset or 1) - 2
        message = "this is not a formula"
        raise failure(text, max(place, spaces), message) from None
    except (ValueError, MemoryError, RecursionError):
        message = "this formula is too long for one sum or product; put parts of it in brackets"
        raise failure(text, 0, message) from None


class _Reader:
    """Turns Python's tree of a formula into SymPy's, without recursion."""

    def __init__(self, text: str, known: Mapping[str, Any]) -> None:
        self._text = text
        self._known = known
        self._make = Maker()

    def read(self, root: ast.expr) -> Any:
        """Return the formula."""
        order: list[ast.expr] = []
        stack = [root]
        while stack:
            node = stack.pop()
            order.append(node)
            stack.extend(self._children(node))
        found: dict[int, Any] = {}
        for node in reversed(order):
            try:
                found[id(node)] = self._combine(node, found)
            except ParseError:
                raise
            except RefusedError as error:
                raise self._error(node, str(error)) from None
            except RecursionError:
                raise self._error(node, "this is nested too deeply") from None
            except Exception as error:  # SymPy's own refusals, of many types
                said = " ".join(str(error).split())[:200]
                raise self._error(node, f"SymPy cannot make this: {said}") from error
        result = found[id(root)]
        self._number(root, result)
        return result

    def _error(self, node: ast.expr, message: str) -> ParseError:
        line = f"({self._text})".encode(errors="replace")
        place = len(line[: node.col_offset].decode(errors="replace")) - 1
        return failure(self._text, place, message)

    # What may stand in a formula, and what it is made of.

    def _children(self, node: ast.expr) -> list[ast.expr]:
        """Return the parts of a node.

        Raises:
            ParseError: nodes of this kind are not read.
        """
        match node:
            case ast.Constant() | ast.Name():
                return []
            case ast.BinOp(op=ast.Add() | ast.Sub()):
                return [term for _, term in _chain(node, _SUM)]
            case ast.BinOp(op=ast.Mult() | ast.Div()):
                return [factor for _, factor in _factors(node)[1]]
            case ast.BinOp(op=ast.BitAnd() | ast.BitOr() | ast.BitXor()):
                return [part for _, part in _chain(node, (type(node.op),))]
            case ast.BinOp(op=ast.Pow()):
                return [node.left, node.right]
            case ast.UnaryOp(op=ast.UAdd() | ast.USub() | ast.Not() | ast.Invert()):
                return [node.operand]
            case ast.BoolOp():
                return node.values
            case ast.Compare():
                return [node.left, *node.comparators]
            case ast.Tuple():
                return node.elts
            case ast.Call(func=ast.Name()):
                if node.keywords or any(isinstance(arg, ast.Starred) for arg in node.args):
                    raise self._error(node, "arguments have no names, and no stars")
                return node.args
        kind = type(node).__name__
        raise self._error(node, f"this cannot stand in a formula ({kind})")

    def _combine(self, node: ast.expr, found: Mapping[int, Any]) -> Any:
        """Return what a node means, given what its parts mean."""
        match node:
            case ast.Constant():
                return self._constant(node)
            case ast.Name():
                return self._name(node)
            case ast.BinOp(op=ast.Add() | ast.Sub()):
                terms = [
                    self._negated(self._number(term, found[id(term)]), minus)
                    for minus, term in _chain(node, _SUM)
                ]
                return self._make.total(terms)
            case ast.BinOp(op=ast.Mult() | ast.Div()):
                return self._product(node, found)
            case ast.BinOp(op=ast.Pow()):
                base, exponent = (self._number(p, found[id(p)]) for p in (node.left, node.right))
                return self._make.power(base, exponent)
            case ast.BinOp():
                return self._bits(node, found)
            case ast.UnaryOp(op=ast.Not() | ast.Invert()):
                return self._logic(sp.Not, [node.operand], found)
            case ast.UnaryOp():
                number = self._number(node.operand, found[id(node.operand)])
                return self._negated(number, isinstance(node.op, ast.USub))
            case ast.BoolOp():
                return self._logic(_LOGIC[type(node.op)], node.values, found)
            case ast.Compare():
                return self._comparison(node, found)
            case ast.Tuple():
                return tuple(found[id(part)] for part in node.elts)
            case ast.Call():
                return self._call(node, found)
        raise AssertionError(node)

    # Numbers and names.

    def _constant(self, node: ast.Constant) -> Any:
        value = node.value
        if value is True or value is False:
            return sp.true if value else sp.false
        if isinstance(value, int):
            return sp.Integer(value)
        if isinstance(value, float):
            if value in (float("inf"), float("-inf")):
                raise self._error(node, "this number is larger than any double")
            return sp.Float(value)
        raise self._error(node, "this cannot stand in a formula")

    def _name(self, node: ast.Name) -> Any:
        symbol = self._known.get(node.id)
        if symbol is not None:
            return symbol
        number = constants().get(node.id)
        return sp.Symbol(node.id) if number is None else number

    # Arithmetic.

    def _number(self, node: ast.expr, value: Any) -> Any:
        """Return a value, which has to be a number."""
        if isinstance(value, sp.Expr):
            return value
        if isinstance(value, tuple):
            raise self._error(node, "pairs in brackets are for Piecewise alone")
        raise self._error(
            node, "a number is needed here, not a condition; write Piecewise((1, c), (0, True))"
        )

    def _negated(self, value: Any, minus: bool) -> Any:
        return self._make.product([sp.S.NegativeOne, value]) if minus else value

    def _product(self, node: ast.BinOp, found: Mapping[int, Any]) -> Any:
        factors = []
        negative, parts = _factors(node)
        for divides, part in parts:
            value = self._number(part, found[id(part)])
            if divides and value.is_Number and not value:
                raise self._error(part, "this divides by zero")
            factors.append(self._make.power(value, sp.S.NegativeOne) if divides else value)
        return self._make.product([sp.S.NegativeOne, *factors] if negative else factors)

    # Conditions.

    def _truths(self, nodes: Iterable[ast.expr], found: Mapping[int, Any]) -> list[Any]:
        values = [(node, found[id(node)]) for node in nodes]
        for node, value in values:
            if not _is_truth(value):
                raise self._error(node, "a condition is needed here, like x > 0")
        return [value for _, value in values]

    def _logic(self, operation: Any, nodes: Sequence[ast.expr], found: Mapping[int, Any]) -> Any:
        return self._make.logic(operation, self._truths(nodes, found))

    def _bits(self, node: ast.BinOp, found: Mapping[int, Any]) -> Any:
        """Return what ``&``, ``|`` or ``^`` makes of conditions."""
        parts = [part for _, part in _chain(node, (type(node.op),))]
        if isinstance(node.op, ast.BitXor):
            values = [found[id(part)] for part in parts]
            if not all(map(_is_truth, values)) or all(isinstance(v, sp.Expr) for v in values):
                end = parts[0].end_col_offset or 0
                column = f"({self._text})".encode().find(b"^", end)
                raise self._error(_at(node, column), "write ** for a power")
        return self._logic(_LOGIC[type(node.op)], parts, found)

    def _comparison(self, node: ast.Compare, found: Mapping[int, Any]) -> Any:
        parts = [node.left, *node.comparators]
        values = [self._number(part, found[id(part)]) for part in parts]
        pairs = zip(node.ops, values, values[1:], strict=False)
        answers = []
        for op, left, right in pairs:
            if type(op) not in _RELATIONS:
                raise self._error(node, "write a comparison with <, <=, >, >=, == or !=")
            answers.append(self._make.compare(_RELATIONS[type(op)], left, right))
        return answers[0] if len(answers) == 1 else self._make.logic(sp.And, answers)

    # Functions.

    def _call(self, node: ast.Call, found: Mapping[int, Any]) -> Any:
        assert isinstance(node.func, ast.Name)
        name, arguments = node.func.id, [found[id(arg)] for arg in node.args]
        if name in _LOGICAL_CALLS:
            return self._logic(_LOGICAL_CALLS[name], node.args, found)
        if name == "Piecewise":
            return self._piecewise(node, found)
        if name == "ITE" and len(node.args) == 3:
            return self._choice(node, found)
        if name in COMPARISONS and len(arguments) == 2:
            numbers = [self._number(arg, found[id(arg)]) for arg in node.args]
            return self._make.compare(COMPARISONS[name], *numbers)
        if name in POWERS and len(arguments) == POWERS[name]:
            numbers = [self._number(arg, found[id(arg)]) for arg in node.args]
            return self._make.power(*numbers, *([sp.S.Half] if name == "sqrt" else []))
        function = functions().get(name)
        if function is None:
            raise self._error(node, self._unknown(name))
        given = [
            sp.Tuple(*(self._number(arg, part) for part in value))
            if isinstance(value, tuple) and name == "hyper"
            else self._number(arg, value)
            for arg, value in zip(node.args, arguments, strict=True)
        ]
        return self._make.call(function, given)

    def _piecewise(self, node: ast.Call, found: Mapping[int, Any]) -> Any:
        pieces = []
        for arg in node.args:
            if not isinstance(arg, ast.Tuple) or len(arg.elts) != 2:
                raise self._error(
                    arg, "Piecewise has pairs, as in Piecewise((x, x > 0), (0, True))"
                )
            value, condition = arg.elts
            number = self._number(value, found[id(value)])
            pieces.append((number, *self._truths([condition], found)))
        return self._make.choice(pieces)

    def _choice(self, node: ast.Call, found: Mapping[int, Any]) -> Any:
        """Return an ITE; SymPy has one of truth values, and Piecewise for numbers."""
        condition, yes, no = node.args
        answers = [found[id(yes)], found[id(no)]]
        if all(map(_is_truth, answers)) and not all(isinstance(a, sp.Expr) for a in answers):
            return sp.ITE(*self._truths(node.args, found))
        numbers = [self._number(part, found[id(part)]) for part in (yes, no)]
        (truth,) = self._truths([condition], found)
        return self._make.choice([(numbers[0], truth), (numbers[1], sp.true)])

    def _unknown(self, name: str) -> str:
        names = [*functions(), *POWERS, *COMPARISONS]
        if name in ("cbrt", "root"):
            return f"{name!r} is read in two ways: write x**(1/3), or Cbrt(x) for the real root"
        close = difflib.get_close_matches(name[:40], names, n=3)
        hint = f"; did you mean {' or '.join(close)}?" if close else ""
        return f"{name[:40]!r} is not a function that is known here{hint}"


def _chain(node: ast.expr, operators: tuple[type[ast.AST], ...]) -> list[tuple[bool, ast.expr]]:
    """Return the operands of a sum or the like, and whether each is subtracted."""
    found: list[tuple[bool, ast.expr]] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, operators):
        found.append((isinstance(node.op, ast.Sub), node.right))
        node = node.left
    return [(False, node), *reversed(found)]


def _factors(node: ast.expr) -> tuple[bool, list[tuple[bool, ast.expr]]]:
    """Return whether a product is negated, its factors, and whether each divides.

    -(x + y)*z/(9*(x - y)) has four factors and a sign. SymPy, given 9*(x - y) alone, would multiply
    that out.
    """
    found: list[tuple[bool, ast.expr]] = []
    negative = False
    stack = [(False, node)]
    while stack:
        divides, part = stack.pop()
        if isinstance(part, ast.UnaryOp) and isinstance(part.op, ast.USub):
            negative = not negative
            stack.append((divides, part.operand))
        elif isinstance(part, ast.BinOp) and isinstance(part.op, ast.Mult | ast.Div):
            stack.append((divides ^ isinstance(part.op, ast.Div), part.right))
            stack.append((divides, part.left))
        else:
            found.append((divides, part))
    return negative, found


def _is_truth(value: Any) -> bool:
    return isinstance(value, Boolean)  # a Symbol is one, too


def _at(node: ast.expr, column: int) -> ast.expr:
    """Return something to point at."""
    return ast.Constant(None, lineno=node.lineno, col_offset=column)
