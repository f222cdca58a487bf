"""Functions of the library -> C: a small, typed part of Python, statement by statement.

The library (``symcompile/library``) is written once. Python and Numba take its text as it is; here
it becomes C. What it may use is what both languages mean the same by:

- arguments and locals that are ``float``, ``complex``, ``int`` or ``bool``, and results that may be
  a pair of floats;
- assignment, ``if``, ``while``, ``for k in range(...)``, ``return``, ``break``, ``continue``;
- arithmetic, comparisons, ``and``/``or``/``not``, conditional expressions, :mod:`math`,
  :mod:`cmath`, and the parts of complex numbers;
- tuples of numbers as constants of the module, and calls of other functions of the library and of
  ``scipy.special``.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterable, Mapping

#: What some functions are called in C; the others have the name they have in :mod:`math`.
_MATH = {"gamma": "tgamma", "fabs": "fabs", "isnan": "isnan", "isinf": "isinf"}
_NUMBERS = {"inf": "INFINITY", "nan": "NAN", "pi": "3.141592653589793", "e": "2.718281828459045"}
_TYPES = {
    "float": "double",
    "complex": "sc_complex",
    "int": "ptrdiff_t",
    "bool": "int",
    "pair": "sc_pair",
}
_PARTS = {"real": "creal", "imag": "cimag"}
_OPERATORS: dict[type[ast.AST], tuple[str, int]] = {
    ast.Add: ("+", 5),
    ast.Sub: ("-", 5),
    ast.Mult: ("*", 6),
    ast.Div: ("/", 6),
    ast.FloorDiv: ("/", 6),
    ast.Mod: ("%", 6),
    ast.Lt: ("<", 4),
    ast.LtE: ("<=", 4),
    ast.Gt: (">", 4),
    ast.GtE: (">=", 4),
    ast.Eq: ("==", 3),
    ast.NotEq: ("!=", 3),
    ast.And: ("&&", 2),
    ast.Or: ("||", 1),
}
_UNARY, _ATOM, _CHOICE = 7, 9, 0
#: What the library must not call its variables.
_TAKEN = frozenset({*dir(math), *"j0 j1 jn y0 y1 yn I signgam".split()} - {"e"})


def declaration(function: ast.FunctionDef) -> str:
    """Return the head of a function in C."""
    arguments = [f"{_TYPES[annotation(arg.annotation)]} {arg.arg}" for arg in function.args.args]
    result = _TYPES[annotation(function.returns)]
    return f"static {result} sc_{function.name}({', '.join(arguments)})"


def annotation(node: ast.expr | None) -> str:
    """Return the type that an annotation names, such as ``float`` or ``pair``."""
    if node is None:
        return "float"
    if isinstance(node, ast.Name) and node.id in _TYPES:
        return node.id
    if isinstance(node, ast.Subscript) and ast.unparse(node) == "tuple[float, float]":
        return "pair"
    raise ValueError(f"a type that C does not have: {ast.unparse(node)}")


def constant(name: str, value: ast.expr) -> str:
    """Return a constant of a module in C."""
    if isinstance(value, ast.Tuple):
        entries = [_Function({}, {}, None).expression(entry)[0] for entry in value.elts]
        lines, line = [], ""
        for entry in entries:
            if len(line) + len(entry) > 90:
                lines.append(line)
                line = ""
            line += f" {entry}," if line else f"{entry},"
        body = "\n".join(f"    {text}" for text in [*lines, line])
        return f"static const double sc{name}[] = {{\n{body}\n}};"
    return f"static const double sc{name} = {_Function({}, {}, None).expression(value)[0]};"


def complex_calls(
    function: ast.FunctionDef, results: Mapping[str, str], constants: Iterable[str]
) -> frozenset[int]:
    """Return the calls of ``scipy.special`` whose last argument is complex, by identity."""
    inner = _Function(results, dict.fromkeys(constants, ast.Constant(0.0)), function)
    inner.learn()
    return frozenset(
        id(node)
        for node in ast.walk(function)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).startswith("special.")
        and inner.expression(node.args[-1])[1] == "complex"
    )


def _wider(first: str, second: str) -> str:
    """Return the type of what is made of two numbers."""
    for kind in ("complex", "float"):
        if kind in (first, second):
            return kind
    return first


def translate(
    function: ast.FunctionDef, results: Mapping[str, str], constants: Mapping[str, ast.expr]
) -> str:
    """Return a function in C.

    Args:
        function: the function.
        results: the types of what the functions that it may call return.
        constants: the constants of the module that it may read.
    """
    return _Function(results, constants, function).text()


class _Function:
    """One function on its way to C."""

    def __init__(
        self,
        results: Mapping[str, str],
        constants: Mapping[str, ast.expr],
        function: ast.FunctionDef | None,
    ) -> None:
        self.results, self.constants, self.function = results, constants, function
        self.types: dict[str, str] = {}
        self.pairs = 0
        if function is not None:
            self.types = {a.arg: annotation(a.annotation) for a in function.args.args}

    def learn(self) -> set[str]:
        """Find the types of locals; return the names of those that loops count with."""
        assert self.function is not None
        loops = {
            node.target.id
            for node in ast.walk(self.function)
            if isinstance(node, ast.For) and isinstance(node.target, ast.Name)
        }
        for name in loops:
            self.types[name] = "int"
        self._infer(self.function.body)
        return loops

    def text(self) -> str:
        assert self.function is not None
        body = list(self.function.body)
        note = ast.get_docstring(self.function)
        if note is not None:
            body = body[1:]
        arguments = set(self.types)
        loops = self.learn()
        clash = _TAKEN & set(self.types)
        if clash:
            raise ValueError(f"{self.function.name}: C has functions called {sorted(clash)}")
        local = [name for name in self.types if name not in arguments | loops]
        lines = []
        for kind, type_name in _TYPES.items():
            names = [name for name in local if self.types[name] == kind]
            if names:
                lines.append(f"{type_name} {', '.join(names)};")
        lines += self.block(body)
        comment = f"/* {' '.join(note.split())} */\n" if note else ""
        inside = "\n".join("    " + line for line in lines)
        return f"{comment}{declaration(self.function)}\n{{\n{inside}\n}}\n"

    def _infer(self, body: Iterable[ast.stmt]) -> None:
        """Find the types of locals: a number that is assigned a double anywhere is one."""
        for _ in range(3):
            for statement in body:
                for node in ast.walk(statement):
                    if isinstance(node, ast.Assign):
                        for target in node.targets:
                            self._learn(target, node.value)
                    elif isinstance(node, ast.AugAssign):
                        self._learn(node.target, node.value)

    def _learn(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Tuple):
            parts = value.elts if isinstance(value, ast.Tuple) else None
            for k, name in enumerate(target.elts):
                if parts is None:
                    assert isinstance(name, ast.Name)
                    self.types[name.id] = "float"
                else:
                    self._learn(name, parts[k])
            return
        assert isinstance(target, ast.Name), ast.unparse(target)
        try:
            kind = self.expression(value)[1]
        except KeyError:  # of a local whose type is not known yet
            return
        before = self.types.get(target.id, kind)
        self.types[target.id] = _wider(kind, before)

    # -- statements ------------------------------------------------------------------------

    def block(self, body: Iterable[ast.stmt]) -> list[str]:
        return [line for statement in body for line in self.statement(statement)]

    def inner(self, head: str, body: Iterable[ast.stmt]) -> list[str]:
        return [f"{head} {{", *("    " + line for line in self.block(body)), "}"]

    def statement(self, node: ast.stmt) -> list[str]:
        if isinstance(node, ast.Return):
            if isinstance(node.value, ast.Tuple):
                first, second = (self.expression(part)[0] for part in node.value.elts)
                return [f"return (sc_pair){{{first}, {second}}};"]
            assert node.value is not None
            return [f"return {self.expression(node.value)[0]};"]
        if isinstance(node, ast.Assign):
            (target,) = node.targets
            return self.assignment(target, node.value)
        if isinstance(node, ast.AugAssign):
            whole = ast.BinOp(node.target, node.op, node.value)
            return self.assignment(node.target, whole)
        if isinstance(node, ast.If):
            lines = self.inner(f"if ({self.expression(node.test)[0]})", node.body)
            if not node.orelse:
                return lines
            if len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If):
                rest = self.statement(node.orelse[0])
                return [*lines[:-1], f"}} else {rest[0]}", *rest[1:]]
            return [*lines[:-1], *self.inner("} else", node.orelse)]
        if isinstance(node, ast.While):
            return self.inner(f"while ({self.expression(node.test)[0]})", node.body)
        if isinstance(node, ast.For):
            return self.loop(node)
        if isinstance(node, ast.Break):
            return ["break;"]
        if isinstance(node, ast.Continue):
            return ["continue;"]
        raise ValueError(f"a statement that has no C: {ast.unparse(node)}")

    def assignment(self, target: ast.expr, value: ast.expr) -> list[str]:
        if not isinstance(target, ast.Tuple):
            assert isinstance(target, ast.Name)
            return [f"{target.id} = {self.expression(value)[0]};"]
        names = [part.id for part in target.elts if isinstance(part, ast.Name)]
        if isinstance(value, ast.Tuple):
            # All are computed before any is assigned.
            self.pairs += 1
            held = [f"held{self.pairs}_{k}" for k in range(len(names))]
            found = [self.expression(part) for part in value.elts]
            lines = [
                f"const {_TYPES[kind]} {hold} = {text};"
                for hold, (text, kind) in zip(held, found, strict=True)
            ]
            lines += [f"{name} = {hold};" for name, hold in zip(names, held, strict=True)]
        else:
            self.pairs += 1
            held_pair = f"pair{self.pairs}"
            lines = [f"const sc_pair {held_pair} = {self.expression(value)[0]};"]
            lines += [f"{names[0]} = {held_pair}.first;", f"{names[1]} = {held_pair}.second;"]
        return ["{", *("    " + line for line in lines), "}"]

    def loop(self, node: ast.For) -> list[str]:
        assert isinstance(node.target, ast.Name) and isinstance(node.iter, ast.Call)
        parts = [self.expression(arg, 5)[0] for arg in node.iter.args]
        if len(parts) == 1:
            parts.insert(0, "0")
        name, step = node.target.id, parts[2] if len(parts) > 2 else "1"
        less = ">" if step.startswith("-") else "<"
        by = {"1": f"{name}++", "-1": f"{name}--"}.get(step, f"{name} += {step}")
        head = f"for (ptrdiff_t {name} = {parts[0]}; {name} {less} {parts[1]}; {by})"
        return self.inner(head, node.body)

    # -- expressions -----------------------------------------------------------------------

    def expression(self, node: ast.expr, level: int = 0) -> tuple[str, str]:
        """Return the text of an expression, in parentheses if it binds less than ``level``."""
        text, kind, binds = self.parts(node)
        return (f"({text})" if binds < level else text), kind

    def parts(self, node: ast.expr) -> tuple[str, str, int]:
        """Return the text of an expression, its type, and how tightly it binds."""
        if isinstance(node, ast.Constant):
            kind = type(node.value).__name__
            text = str(int(bool(node.value))) if kind == "bool" else repr(node.value)
            return text, kind, _ATOM
        if isinstance(node, ast.Name):
            if node.id in self.constants:
                return f"sc{node.id}", "float", _ATOM
            return node.id, self.types[node.id], _ATOM
        if isinstance(node, ast.UnaryOp):
            text, kind = self.expression(node.operand, _UNARY)
            if isinstance(node.op, ast.Not):
                return f"!{text}", "bool", _UNARY
            return f"-{text}", kind, _UNARY
        if isinstance(node, ast.BinOp):
            return self.binary(node)
        if isinstance(node, ast.BoolOp):
            sign, binds = _OPERATORS[type(node.op)]
            texts = [self.expression(value, binds + 1)[0] for value in node.values]
            return f" {sign} ".join(texts), "bool", binds
        if isinstance(node, ast.Compare):
            return self.comparison(node)
        if isinstance(node, ast.IfExp):
            test = self.expression(node.test, 1)[0]
            yes, kind = self.expression(node.body, 1)
            no, other = self.expression(node.orelse, _CHOICE)
            return f"{test} ? {yes} : {no}", _wider(kind, other), _CHOICE
        if isinstance(node, ast.Attribute):
            if node.attr in _PARTS:
                return f"{_PARTS[node.attr]}({self.expression(node.value)[0]})", "float", _ATOM
            return _NUMBERS[node.attr], "float", _ATOM
        if isinstance(node, ast.Subscript):
            return self.subscript(node)
        if isinstance(node, ast.Call):
            return self.call(node)
        raise ValueError(f"an expression that has no C: {ast.unparse(node)}")

    def binary(self, node: ast.BinOp) -> tuple[str, str, int]:
        sign, binds = _OPERATORS[type(node.op)]
        left, kind = self.expression(node.left, binds)
        right, other = self.expression(node.right, binds + 1)
        if "complex" in (kind, other) and isinstance(node.op, ast.FloorDiv | ast.Mod):
            raise ValueError(f"only whole numbers have //: {ast.unparse(node)}")
        if other == "complex" and (kind == other or isinstance(node.op, ast.Div)):
            name = {"*": "sc_mul", "/": "sc_div"}.get(sign)
            if name is not None:
                first, second = self.expression(node.left)[0], self.expression(node.right)[0]
                return f"{name}({first}, {second})", "complex", _ATOM
        if "complex" in (kind, other):
            return f"{left} {sign} {right}", "complex", binds
        if isinstance(node.op, ast.Div):
            if kind == other == "int":
                left = f"(double){self.expression(node.left, _UNARY)[0]}"
            return f"{left} / {right}", "float", binds
        if isinstance(node.op, ast.FloorDiv | ast.Mod) and "float" in (kind, other):
            raise ValueError(f"only whole numbers have //: {ast.unparse(node)}")
        return f"{left} {sign} {right}", "float" if "float" in (kind, other) else "int", binds

    def comparison(self, node: ast.Compare) -> tuple[str, str, int]:
        operands = [node.left, *node.comparators]
        texts = []
        for k, op in enumerate(node.ops):
            sign, binds = _OPERATORS[type(op)]
            left = self.expression(operands[k], binds + 1)[0]
            texts.append(f"{left} {sign} {self.expression(operands[k + 1], binds + 1)[0]}")
        return " && ".join(texts), "bool", _OPERATORS[ast.And][1] if len(texts) > 1 else 3

    def subscript(self, node: ast.Subscript) -> tuple[str, str, int]:
        if isinstance(node.value, ast.Call):  # one of several results of SciPy's
            assert isinstance(node.slice, ast.Constant)
            assert isinstance(node.value.func, ast.Attribute)
            arguments = ", ".join(self.expression(arg)[0] for arg in node.value.args)
            kind = self.expression(node.value.args[-1])[1]
            variant = "_z" if kind == "complex" else ""
            name = f"sc_special_{node.value.func.attr}{variant}_{node.slice.value!r}"
            return f"{name}({arguments})", _wider("float", kind), _ATOM
        assert isinstance(node.value, ast.Name)
        return f"sc{node.value.id}[{self.expression(node.slice)[0]}]", "float", _ATOM

    def call(self, node: ast.Call) -> tuple[str, str, int]:
        found = [self.expression(arg) for arg in node.args]
        arguments = ", ".join(text for text, _ in found)
        if isinstance(node.func, ast.Attribute):
            module, name = ast.unparse(node.func).split(".")
            if module == "special":
                variant = "_z" if found[-1][1] == "complex" else ""
                kind = _wider("float", found[-1][1])
                return f"sc_special_{name}{variant}({arguments})", kind, _ATOM
            if module == "cmath":
                return f"c{name}({arguments})", "complex", _ATOM
            kind = "bool" if name.startswith("is") else "float"
            return f"{_MATH.get(name, name)}({arguments})", kind, _ATOM
        assert isinstance(node.func, ast.Name)
        name = node.func.id
        if name in ("float", "int"):
            text = self.expression(node.args[0], _UNARY)[0]
            return f"({_TYPES[name]}){text}", name, _UNARY
        if name == "complex":
            return f"sc_join({arguments})", "complex", _ATOM
        if name == "abs":
            size = "cabs" if found[0][1] == "complex" else "fabs"
            return f"{size}({arguments})", "float", _ATOM
        if name == "floor":
            return f"floor({arguments})", "float", _ATOM
        if name == "len":
            value = self.constants[ast.unparse(node.args[0])]
            assert isinstance(value, ast.Tuple)
            return str(len(value.elts)), "int", _ATOM
        return f"sc_{name}({arguments})", self.results[name], _ATOM
