"""Sums, products and integrals of a body -> helper functions, and the calls of them.

In C and Numba a sum is a function with a loop; in Python its term is one, which ``_sum`` and its
like in the templates take, over numbers or over arrays. An integral is QUADPACK's, called through
SciPy from all three: the integrand is a C function there, a ``cfunc`` of Numba's, or a Python
function. Helpers compute with doubles, whatever the formula is in.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence

from symcompile.emit.blocks import lines_of
from symcompile.emit.dialect import NUMBA, NUMPY, SCALAR_PYTHON, C, Dialect
from symcompile.emit.expression import Printer
from symcompile.emit.helper_names import WORDS, key
from symcompile.emit.lines import filled, indent
from symcompile.emit.templates import render
from symcompile.ir.bodies import opened
from symcompile.ir.body import Body
from symcompile.ir.describe import described
from symcompile.ir.graph import Input, Kind
from symcompile.naming import Names
from symcompile.planning import Schedule

_VARIABLES = {"sum": "k", "product": "k", "integral": "t"}
_LETTERS = "abcdfghmnpqrsuvwxyz"

Wanted = tuple[str, Body]


def helpers_of(schedules: Iterable[Schedule], *dialects: Dialect) -> str:
    """Return the helper functions that scheduled functions call, with blank lines after them.

    Args:
        schedules: the functions.
        dialects: the language of all of them, or of each.
    """
    found: dict[tuple[str, Body, str], str] = {}
    for schedule, dialect in zip(schedules, itertools.cycle(dialects), strict=False):
        graph = schedule.graph
        for index in graph.ancestors(schedule.function.roots()):
            _collect(found, graph[index].op, graph[index].data, dialect)
    gap = "\n" if any(name == "C" for *_, name in found) else "\n\n\n"
    return "".join(text + gap for text in found.values())


def _collect(
    found: dict[tuple[str, Body, str], str], op: str, body: object, dialect: Dialect
) -> None:
    """Add the helper of a body after those that it needs."""
    if not isinstance(body, Body):
        return
    if op == "integral" and dialect.name == "NumPy":
        dialect = SCALAR_PYTHON
    place = (op, body, dialect.name)
    if place in found:
        return
    for node in body.nodes:
        _collect(found, node.op, node.data, dialect)
    found[place] = _Helper(op, body, dialect).text()


class _Helper:
    def __init__(self, op: str, body: Body, dialect: Dialect) -> None:
        self.op, self.body = op, body
        self.dialect = {"C": C, "Numba": NUMBA, "NumPy": NUMPY}.get(dialect.name, SCALAR_PYTHON)
        self.name = f"{WORDS[dialect.name][op]}_{key(op, body)}"
        self.variable = _VARIABLES[op]
        slots = body.slots()
        letters = [c for c in _LETTERS if c not in (self.variable, "t", "k")]
        self.captured = (
            letters[: len(slots)]
            if len(slots) <= len(letters)
            else [f"c{slot}" for slot in range(len(slots))]
        )
        self.kinds = [Kind.REAL] * len(slots)
        for node in body.nodes:
            if isinstance(node.data, Input) and node.data.role == "captured":
                self.kinds[node.data.slot] = node.kind
        self.kind = max(Kind.REAL, body.nodes[-1].kind)
        self.says = described(op, body, self.variable, "low", "high", self.captured)
        self.statements, self.result = self._printed()

    def _printed(self) -> tuple[list[str], str]:
        graph = opened(self.body)
        known: dict[int, str] = {}
        for index, node in enumerate(graph.nodes):
            if isinstance(node.data, Input):
                bound = node.data.role == "bound"
                known[index] = self.variable if bound else self.captured[node.data.slot]
        used = ["low", "high", "steps", "step", "sum", "product", "x", "n", *_TAKEN]
        names = Names([*used, self.variable, *self.captured])
        printer = Printer(graph, self.dialect, known, names)
        nodes = [i for i in range(len(graph)) if graph[i].op not in ("input", "const")]
        nodes = [i for i in nodes if graph[i].op not in ("true", "false")]
        if self.dialect is not NUMPY:
            lines = lines_of(printer, nodes, [self.body.root])
        else:
            statements = printer.statements(nodes, [self.body.root])
            lines = [self.dialect.statement(s.name, s.text, s.kind) for s in statements]
        return lines, printer.text(self.body.root)

    def text(self) -> str:
        if self.dialect.name == "C":
            return self._c_integral() if self.op == "integral" else self._c_loop()
        if self.dialect.name == "Numba":
            return self._numba_integral() if self.op == "integral" else self._numba_loop()
        lines = [*self.statements, f"return {self.result}"]
        return self._function(
            self.name, [self.variable, *self.captured], lines, f"Of the {self.says}."
        )

    # -- Python ----------------------------------------------------------------------------

    def _function(self, name: str, args: Sequence[str], lines: Sequence[str], says: str) -> str:
        head = filled(f"def {name}(", list(args), "):", 0)
        return "\n".join([*head, indent([f'"""{says}"""', *lines], 1)])

    def _numba_loop(self) -> str:
        add = self.op == "sum"
        lines = ["first, count, sign = _steps(low, high)"]
        if add:
            lines.append(f"sum, rest = {self._zero()}, {self._zero()}")
            tail = ["return sign*_summed(sum, rest)"]
            update = f"sum, rest = _added(sum, rest, {self.result})"
        else:
            lines.append(f"product = {'1.0' if self.kind is not Kind.COMPLEX else '1.0 + 0.0j'}")
            tail = ["return 1.0/product if sign < 0.0 else sign*product"]
            update = f"product *= {self.result}"
        lines += [
            "for step in range(count):",
            indent([f"{self.variable} = first + step", *self.statements, update], 1),
            *tail,
        ]
        says = f"Return the {self.says}."
        return "@jit\n" + self._function(self.name, ["low", "high", *self.captured], lines, says)

    def _zero(self) -> str:
        return "0.0j" if self.kind is Kind.COMPLEX else "0.0"

    def _numba_integral(self) -> str:
        integrand = self.name.replace("integral", "integrand")
        parts = ("real", "imag") if self.kind is Kind.COMPLEX else ("",)
        loads, packed, count = self._packed("complex({0}, {1})", ".real", ".imag")
        texts = []
        for part in parts:
            own = f"{integrand}_{part}" if part else integrand
            result = f"({self.result}).{part}" if part else self.result
            lines = [f"{self.variable} = x[0]", *loads, *self.statements, f"return {result}"]
            texts.append(self._function(own, ["n", "x"], lines, f"Of the {self.says}."))
            texts.append(f"_quad_{own} = _quadrature({own}, {count})")
        calls = [
            f"_quad_{integrand}{'_' + part if part else ''}({', '.join(['low', 'high', *packed])})"
            for part in parts
        ]
        result = calls[0] if len(calls) == 1 else f"complex({calls[0]}, {calls[1]})"
        says = f"Return the {self.says}."
        outer = self._function(
            self.name, ["low", "high", *self.captured], [f"return {result}"], says
        )
        return "\n\n\n".join([*texts, f"@jit\n{outer}"])

    def _packed(self, join: str, real: str, imag: str) -> tuple[list[str], list[str], int]:
        """Return what loads the captured values from ``x[1:]``, what goes there, and how much."""
        loads: list[str] = []
        packed: list[str] = []
        for name, kind in zip(self.captured, self.kinds, strict=True):
            at = len(packed) + 1
            if kind is Kind.COMPLEX:
                loads.append(
                    self.dialect.statement(name, join.format(f"x[{at}]", f"x[{at + 1}]"), kind)
                )
                packed += [real.format(name) if "{" in real else name + real]
                packed += [imag.format(name) if "{" in imag else name + imag]
            else:
                loads.append(self.dialect.statement(name, f"x[{at}]", kind))
                packed.append(name)
        return loads, packed, len(packed)

    # -- C ---------------------------------------------------------------------------------

    def _c_head(self) -> list[str]:
        result = self.dialect.types[self.kind]
        typed = [
            f"{self.dialect.types[k]} {n}" for n, k in zip(self.captured, self.kinds, strict=True)
        ]
        head = f"static {result} {self.name}("
        return [
            f"/* The {self.says}. */",
            *filled(head, ["double low", "double high", *typed], ")", 0),
        ]

    def _c_loop(self) -> str:
        complex_ = self.kind is Kind.COMPLEX
        lines = ["const sc_steps steps = sc_steps_of(low, high);"]
        if self.op == "sum":
            parts = [("real", "creal"), ("imag", "cimag")] if complex_ else [("sum", "")]
            lines += [f"double {part}[2] = {{0.0, 0.0}};" for part, _ in parts]
            update = [f"sc_add_to({part}, {take}({self.result}));" for part, take in parts]
            if complex_:
                update = [f"const {self.dialect.types[self.kind]} term = {self.result};"]
                update += [f"sc_add_to({part}, {take}(term));" for part, take in parts]
            sums = [f"sc_summed({part}, steps)" for part, _ in parts]
            result = f"sc_join({', '.join(sums)})" if complex_ else sums[0]
        else:
            lines.append(f"{self.dialect.types[self.kind]} product = 1.0;")
            update = [f"product = product*({self.result});"]
            result = "steps.sign < 0.0 ? 1.0/product : steps.sign*product"
        first = f"const double {self.variable} = steps.first + (double)step;"
        lines += [
            "for (ptrdiff_t step = 0; step < steps.count; step++) {",
            indent([first, *self.statements, *update], 1),
            "}",
            f"return {result};",
        ]
        return "\n".join([*self._c_head(), "{", indent(lines, 1), "}", ""])

    def _c_integral(self) -> str:
        integrand = self.name.replace("integral", "integrand")
        complex_ = self.kind is Kind.COMPLEX
        loads, packed, count = self._packed("sc_join({0}, {1})", "creal({0})", "cimag({0})")
        texts, calls = [], []
        for part, take in (("_re", "creal"), ("_im", "cimag")) if complex_ else (("", ""),):
            lines = [f"const double {self.variable} = x[0];", "(void)n;", *loads, *self.statements]
            lines.append(f"return {take}({self.result});" if take else f"return {self.result};")
            head = f"static double {integrand}{part}(int n, double *x)"
            texts.append("\n".join([head, "{", indent(lines, 1), "}", ""]))
            calls.append(f"sc_quad({integrand}{part}, low, high, captured, {count})")
        listed = ", ".join(packed) or "0.0"
        result = f"sc_join({', '.join(calls)})" if complex_ else calls[0]
        lines = [f"const double captured[] = {{{listed}}};", f"return {result};"]
        outer = "\n".join([*self._c_head(), "{", indent(lines, 1), "}", ""])
        return "\n".join([*texts, outer])


#: Names in the scope of helpers that no statement may take.
_TAKEN = ("first", "count", "sign", "rest", "captured", "real", "imag", "term", "math", "np")


def with_helpers(code: str, inner: str, calls: str, language: str) -> str:
    """Return code behind its helpers, and behind what these and all of ``calls`` call."""
    if not inner:
        return code
    text = inner + calls
    if language == "numba":
        return render("numba/bodies.py.j2", text=text) + inner + code
    if language == "c":
        return render("shared/bodies.h.j2", code=text) + "\n" + inner + code
    return (render("python/bodies.py.j2", text=text) + inner + code).rstrip()


def integrates(text: str) -> bool:
    """Return whether a module computes integrals, for which it imports SciPy."""
    return re.search(r"(?<!\w)(_quad|sc_quad)\(", text) is not None
