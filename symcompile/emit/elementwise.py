"""Modules with one elementwise function: numbers in, numbers out; arrays in, arrays out.

The formula is one of numbers, and scheduled once. The array core is its code again in a loop over
points, each argument and each result in a row of its own; what broadcasts, strides and containers
mean is left to what stands around it, which is the same for every formula.
"""

from __future__ import annotations

from collections.abc import Sequence

from symcompile.emit.bodies import helpers_of, integrates, with_helpers
from symcompile.emit.c import CEmitter, guarded
from symcompile.emit.chunks import LONGEST_WHOLE
from symcompile.emit.clones import cloned
from symcompile.emit.dialect import NUMBA, NUMPY, SCALAR_PYTHON, C, Dialect
from symcompile.emit.expression import Printer
from symcompile.emit.library import Language, Support, support
from symcompile.emit.limits import LIMITS
from symcompile.emit.lines import filled, indent, tuple_text
from symcompile.emit.llvm import linking, lowered_module
from symcompile.emit.numba import NumbaEmitter, vector_functions
from symcompile.emit.numbers import numbers_of
from symcompile.emit.python import BLOCK, helpers, scalar_core
from symcompile.emit.signature import Identifiers, header, imported
from symcompile.emit.slots import C_TYPES, NUMPY_TYPES, Slot, build_format, nest_text
from symcompile.emit.templates import part, render
from symcompile.frontend.called import Called
from symcompile.frontend.calls import Argument, Mirror, Nest, Place
from symcompile.ir.dtypes import input_kind, is_single, numpy_name
from symcompile.ir.graph import BODY_OPS, LEAVES, Kind, payload
from symcompile.ir.ops import OPS
from symcompile.naming import Names
from symcompile.options import Backend
from symcompile.planning import Schedule, cost

_ENGINES = {
    "python": "NumPy",
    "numba": "NumPy and Numba",
    "cython": "NumPy",
    "llvm": "NumPy and llvmlite",
}
_LANGUAGES: dict[Backend, Language] = {
    "python": "python",
    "numba": "numba",
    "cython": "c",
    "llvm": "c",
}


def emit_elementwise(
    called: Called, schedule: Schedule, backend: Backend, threads: int | None = None
) -> str:
    """Return the source of a module with one elementwise function.

    Args:
        called: the formula and how it is called.
        schedule: the formula as numbers.
        backend: the language.
        threads: how many threads there may be; None asks the environment at each call.
    """
    return _Module(called, schedule, backend, threads).source()


class _Module:
    def __init__(
        self, called: Called, schedule: Schedule, backend: Backend, threads: int | None
    ) -> None:
        self.threads = threads
        self.called, self.schedule, self.backend = called, schedule, backend
        self.definition = called.definition
        self.dtype = self.definition.dtype
        self.graph = schedule.graph
        self.entries = schedule.function.outputs[0].entries
        self.slots = [self._slot(k) for k in range(len(called.results))]
        taken = Names()
        self.params = tuple(taken.fresh(name) for name in self.definition.params)
        self.ids = Identifiers(self.params, (), ())
        self.items = self._item_names()
        self.tops = [
            self.items[place] if isinstance(place, int) else name
            for place, name in zip(called.arguments.tree, self._top_names(), strict=True)
        ]
        plain = [slot.shape == () and slot.kind != "complex" for slot in self.slots]
        self.bare = called.mirror == 0 and self.slots[0].shape == ()
        #: Whether the scalar core returns what the caller gets: numbers in one list or tuple.
        self.direct = all(plain) and (self.bare or self._flat(called.mirror))
        self.direct = self.direct and not is_single(self.dtype)  # which is rounded to
        nodes = self.graph.ancestors(self.entries)
        self.nodes = [node for node in nodes if self.graph[node].op not in LEAVES]
        self.long = len(self.nodes) > LONGEST_WHOLE

    def _flat(self, mirror: Mirror) -> bool:
        return (
            isinstance(mirror, Nest)
            and mirror.kind != "dict"
            and mirror.items == tuple(range(len(self.slots)))
        )

    def _slot(self, number: int) -> Slot:
        result, kind = self.called.results[number], self.called.kinds[number]
        dtype = "bool" if kind is Kind.BOOL else numpy_name(self.dtype, kind)
        python = {Kind.BOOL: "bool", Kind.COMPLEX: "complex"}.get(kind, "float")
        c_type = C_TYPES[dtype]
        mixed = self.definition.output.kind is Kind.COMPLEX
        place = (result.shape, result.start, result.size)
        return Slot(dtype, *place, c_type, NUMPY_TYPES[dtype], python, mixed)

    def _dtype_of(self, item: Argument) -> str:
        return numpy_name(self.dtype, self.called.inputs[item.start] if item.size else Kind.REAL)

    @property
    def _uniform(self) -> bool:
        """Whether all arguments are numbers, of one kind."""
        plain = all(item.shape == () for item in self.called.arguments.items)
        return plain and set(self.called.inputs) <= {input_kind(self.dtype)}

    def _item_names(self) -> list[str]:
        """Return the identifiers of arguments: of a number, that of its input."""
        names = Names(self.params)
        return [
            self.params[item.start] if item.shape == () else names.fresh(item.name)
            for item in self.called.arguments.items
        ]

    def _top_names(self) -> list[str]:
        names = Names([*self.params, *self.items])
        return [names.fresh(name) for name in self.called.arguments.names]

    # -- what all backends share ------------------------------------------------------------

    def source(self) -> str:
        """Return the module's text."""
        cores = {"python": self._python, "numba": self._numba, "cython": self._c, "llvm": self._c}
        core, array_core, extra = cores[self.backend]()
        text = core + array_core
        needed = support(text, _LANGUAGES[self.backend])
        engine = _ENGINES[self.backend]
        needs = imported(engine, special=needed.special, integrates=integrates(text))
        arguments = self.called.arguments
        context = {
            "header": header(self.definition, self.ids, [self.schedule.function], needs),
            "support": needed,
            "arguments": tuple_text(
                [(item.text, item.shape, self._dtype_of(item)) for item in arguments.items]
            ),
            "results": tuple_text([(slot.dtype, slot.shape) for slot in self.slots]),
            "tops": self.tops,
            "items": self.items,
            "unpacking": self.unpacking(),
            "inputs": list(self.params),
            "finished": self.backend in ("cython", "llvm"),
            "point": self.numbers(),
            "mirrored": self.mirrored([f"results[{k}]" for k in range(len(self.slots))]),
            **extra,
        }
        if self.backend == "llvm":
            return self._lowered(context, integrates(text))
        suffix = "pyx" if self.backend == "cython" else "py"
        return render(f"{self.backend}/elementwise.{suffix}.j2", **context)

    def _lowered(self, context: dict[str, object], integral: bool) -> str:
        """Return the module for LLVM: the C of the Cython backend, lowered."""
        needed = context["support"]
        assert isinstance(needed, Support)
        exported = ["sc_function", "sc_point_call", "sc_caller_call", "sc_instance_call"]
        exported += ["sc_loop_call"] if self.params else []
        c = part("llvm/elementwise.c.j2", context)
        lowered = lowered_module(c, exported, needed, width=4)
        context |= linking(lowered, exported, needed, loops=True)
        context |= {"integrates": integral, "pieces": False}
        return part("llvm/elementwise.py.j2", context)

    def unpacking(self) -> list[str]:
        """Return the statements that take nested arguments apart."""
        lines = []
        for top, place in zip(self.tops, self.called.arguments.tree, strict=True):
            if not isinstance(place, int):
                lines.append(f"{self._pattern(place)} = {top}")
        return lines

    def _pattern(self, place: Place) -> str:
        if isinstance(place, int):
            return self.items[place]
        return f"[{', '.join(map(self._pattern, place))}]"

    def mirrored(self, texts: Sequence[str]) -> str:
        """Return the expression that puts results into their containers; a dict is a tuple."""

        def text(mirror: Mirror) -> str:
            if isinstance(mirror, int):
                return texts[mirror]
            inner = ", ".join(map(text, mirror.items))
            if mirror.kind == "list":
                return f"[{inner}]"
            return f"({inner},)" if len(mirror.items) == 1 else f"({inner})"

        return text(self.called.mirror)

    def numbers(self) -> str:
        """Return the expression that makes the results of one point of its entries."""
        if self.bare:
            return self._number(self.slots[0], "found")
        mirror = self.called.mirror
        if self.direct and all(slot.kind == "float" for slot in self.slots):
            assert isinstance(mirror, Nest)
            return f"{mirror.kind}(map(float, found))"
        texts = []
        for slot in self.slots:
            if slot.shape == ():
                texts.append(self._number(slot, f"found[{slot.start}]"))
                continue
            part = "found"
            if slot.size < len(self.entries):
                part = f"found[{slot.start}:{slot.start + slot.size}]"
            part = "()" if not slot.size else part
            texts.append(f"_block({part}, {slot.dtype!r}, {slot.shape})".replace("'", '"'))
        return self.mirrored(texts)

    def _number(self, slot: Slot, text: str) -> str:
        """Return the expression that makes an entry a number of Python's."""
        text = self._real(slot, text)
        if slot.kind == "bool":
            return f"bool({text})"
        kind = Kind.COMPLEX if slot.kind == "complex" else Kind.REAL
        return numbers_of(self.definition).number(text, kind)

    def _real(self, slot: Slot, text: str) -> str:
        """Return a number that lies among complex ones as the kind that it is."""
        mixed = self.long and self.definition.output.kind is Kind.COMPLEX
        return f"{text}.real" if mixed and slot.kind != "complex" else text

    def _printer(self, dialect: Dialect, known: Sequence[str], names: Names) -> Printer:
        """Return a printer of the formula's nodes; ``known`` is the text of each input."""
        texts = {
            index: known[payload(node).slot]
            for index, node in enumerate(self.graph.nodes)
            if node.op == "input"
        }
        return Printer(self.graph, dialect, texts, names, eager=True)

    def _rows(self, names: Names) -> list[tuple[str, Slot]]:
        """Return a name for the row of each entry of each result."""
        return [
            (names.fresh(f"r{slot.start + k}"), slot)
            for slot in self.slots
            for k in range(slot.size)
        ]

    # -- the backends -----------------------------------------------------------------------

    def _python(self) -> tuple[str, str, dict[str, object]]:
        brackets = "()"
        if self.bare:
            brackets = ""
        elif self.direct and isinstance(self.called.mirror, Nest):
            brackets = "[]" if self.called.mirror.kind == "list" else "()"
        core = scalar_core("_scalar", self.ids, self.schedule, brackets=brackets)
        printer = self._printer(NUMPY.of(self.dtype), self.params, Names([*self.params, "out"]))
        lines = [f"{s.name} = {s.text}" for s in printer.statements(self.nodes, self.entries)]
        # What is returned must not be an argument, nor twice the same array.
        returned: list[str] = []
        for entry in self.entries[: sum(slot.size for slot in self.slots)]:
            text = printer.text(entry)
            again = text in returned or self.graph[entry].op == "input"
            returned.append(f"np.array({text})" if again else text)
        comma = "," if len(returned) == 1 else ""
        lines += filled("return (", returned, f"{comma})")
        head = filled("def _array(", list(self.params), "):", 0)
        array_core = "\n".join([*head, indent(lines, 1)])
        inner = helpers_of([self.schedule] * 2, SCALAR_PYTHON, NUMPY)
        core = with_helpers(core, inner, core + array_core, "python")
        used = helpers(core + array_core + support(core + array_core, "python").text)
        kind = "complex" if input_kind(self.dtype) is Kind.COMPLEX else "float"
        extra: dict[str, object] = {
            "core": core,
            "array_core": array_core,
            "used": used,
            "direct": self.direct,
            "fast": self._uniform,
            "plain_type": kind,
            "numbers": numbers_of(self.definition),
            "block": BLOCK,
            "text": core + array_core + "_new(_entries(",
        }
        return core, array_core, extra

    def _numba(self) -> tuple[str, str, dict[str, object]]:
        dialect = NUMBA.of(self.dtype)
        if self.long:
            scalar = NumbaEmitter(self.definition, self.ids, self.schedule, "_packed_scalar").emit()
        else:
            # Numba compiles lists slowly; a tuple becomes one outside.
            brackets = "" if self.bare else "()"
            core = scalar_core(
                "_scalar", self.ids, self.schedule, dialect=dialect, brackets=brackets
            )
            scalar = f"@jit\n{core}"
        array = self._numba_array(dialect) if self.params else ""
        scalar = with_helpers(scalar, helpers_of([self.schedule], NUMBA), scalar + array, "numba")
        extra: dict[str, object] = {
            "core": scalar,
            "array_core": array,
            "whole": not self.long,
            "direct": self.direct and self.bare,
            "bare": self.bare,
            "count": len(self.entries),
            "argument": numpy_name(self.dtype, input_kind(self.dtype)),
            "output": numpy_name(self.dtype, self.definition.output.kind),
            "loops": bool(self.params),
            "vector": vector_functions(array),
            "threads": self.threads,
            "points_cost": self._points_cost(),
            "text": scalar + array + "_new(_entries(",
            "fast": self._uniform,
            "plain_type": "complex" if input_kind(self.dtype) is Kind.COMPLEX else "float",
            **LIMITS,
        }
        return scalar, array, extra

    def _numba_array(self, dialect: Dialect) -> str:
        """Return the loop over points: tiles of rows, gathered where they are not contiguous."""
        names = Names([*self.params, *("size", "start", "i", "count", "p", "value", "tile")])
        rows = self._rows(names)
        arguments = ["count"]
        before: list[str] = []
        loop: list[str] = []
        inputs, outs = [], []
        for name in self.params:
            at, step, row, tile = (
                names.fresh(f"{name}_{word}") for word in ("at", "step", "row", "tile")
            )
            arguments += [name, at, step]
            before.append(f"{row} = np.empty(TILE, dtype={name}.dtype)")
            loop.append(f"{tile} = _gathered({name}, {at} + start*{step}, {step}, size, {row})")
            inputs.append(f"{tile}[i]")
        for name, _ in rows:
            arguments.append(name)
            tile = names.fresh(f"{name}_tile")
            loop.append(f"{tile} = {name}[start:start + size]")
            outs.append(f"{tile}[i]")
        lines = self._loop_body(dialect, inputs, outs, rows, names)
        loop += ["for i in range(size):", indent(lines, 1)]
        body = [
            *before,
            "for tile in range(first, last):",
            "    start = tile*TILE",
            "    size = min(TILE, count - start)",
            indent(loop, 1),
        ]
        tiles = ["@jit", *filled("def _tiles(", ["first", "last", *arguments], "):", 0)]
        core = ["@jit", *filled("def _array(", ["threads", *arguments], "):", 0)]
        shared = f"*_shared(_tiles, ({', '.join(arguments)}))"
        work = f"{self._points_cost()}*count"
        run = filled("_threaded(", [shared, "(count + TILE - 1)//TILE", "threads", work], ")")
        return "\n".join([*tiles, indent(body, 1), "", "", *core, indent(run, 1)])

    def _loop_body(
        self,
        dialect: Dialect,
        inputs: Sequence[str],
        outs: Sequence[str],
        rows: Sequence[tuple[str, Slot]],
        names: Names,
    ) -> list[str]:
        end = ";" if dialect.name == "C" else ""
        if not self._vector():
            return self._point_body(dialect, inputs, outs, rows)
        printer = self._printer(dialect, inputs, names)
        lines = [
            dialect.statement(s.name, s.text, s.kind)
            for s in printer.statements(self.nodes, self.entries)
        ]
        for out, entry in zip(outs, self.entries, strict=False):
            lines.append(f"{out} = {printer.text(entry)}{end}")
        return lines

    def _vector(self) -> bool:
        """Return whether the formula may stand in a loop as it is, for vector units."""
        return not self.long and not any(self.graph[n].op in BODY_OPS for n in self.nodes)

    def _point_body(
        self,
        dialect: Dialect,
        inputs: Sequence[str],
        outs: Sequence[str],
        rows: Sequence[tuple[str, Slot]],
    ) -> list[str]:
        """Return the call of the scalar core, for each point."""
        if dialect.name != "C":
            if self.long:
                kinds = input_kind(self.dtype), self.definition.output.kind
                lines = [
                    f"p = np.empty({len(inputs)}, dtype=np.{numpy_name(self.dtype, kinds[0])})"
                ]
                lines += [f"p[{k}] = {text}" for k, text in enumerate(inputs)]
                size, kind = len(self.entries), numpy_name(self.dtype, kinds[1])
                lines.append(f"value = np.empty({size}, dtype=np.{kind})")
                lines.append("_packed_scalar(p, value)")
            else:
                lines = filled("value = _scalar(", list(inputs), ")")
            for k, ((_, slot), out) in enumerate(zip(rows, outs, strict=True)):
                text = "value" if self.bare and not self.long else f"value[{k}]"
                lines.append(f"{out} = {self._real(slot, text)}")
            return lines
        lines = filled("const sc_number p[SC_ENTRIES] = {", list(inputs), "};")
        lines += ["sc_value value[SC_VALUES];", "function_scalar(p, value);"]
        for k, ((_, slot), out) in enumerate(zip(rows, outs, strict=True)):
            lines.append(f"{out} = {slot.from_value(f'value[{k}]')};")
        return lines

    def _c(self) -> tuple[str, str, dict[str, object]]:
        dialect = C.of(self.dtype)
        emitter = CEmitter(self.definition, self.ids, self.schedule, "function_scalar")
        scalar = emitter.emit()
        tile = self._c_tile(dialect) if self.params else ""
        code = with_helpers(scalar.text, helpers_of([self.schedule], C), scalar.text + tile, "c")
        entries = sum(slot.size for slot in self.slots)
        extra: dict[str, object] = {
            "code": indent(guarded(code + tile, self.definition, self.ids).rstrip().split("\n"), 1),
            "vector": self._vector_functions(),
            "loops": True,
            "rank": 1,
            "text": "_new(" + ("_entries(" if self.params else ""),
            "input_types": self._input_types(),
            "number": emitter.element(input_kind(self.dtype)),
            "value": emitter.element(self.definition.output.kind),
            "numbers": numbers_of(self.definition),
            "slots": self.slots,
            "entries": len(self.params),
            "values": len(self.entries),
            "rows": entries,
            "plain": self._uniform,
            "nest": "".join(map(nest_text, self.called.arguments.tree)),
            "complexes": input_kind(self.dtype) is Kind.COMPLEX,
            "nested": any(not isinstance(place, int) for place in self.called.arguments.tree),
            "plain_results": all(slot.shape == () for slot in self.slots),
            "number_type": NUMPY_TYPES[numpy_name(self.dtype, input_kind(self.dtype))],
            "alignment": emitter.element(Kind.REAL),
            "format": build_format(self.called.mirror),
            "points_cost": self._points_cost(),
            "threads": self.threads,
            **LIMITS,
        }
        return code, tile, extra

    def _points_cost(self) -> int:
        """Return what one point costs, in simple operations."""
        return sum(cost(self.graph[n].op) for n in self.nodes) + len(self.params) + 1

    def _vector_functions(self) -> list[str]:
        """Return the functions of libm in the loop that have vector variants."""
        if not self._vector():
            return []
        return sorted({name for n in self.nodes if (name := OPS[self.graph[n].op].libm)})

    def _input_types(self) -> list[str]:
        """Return the C type of each input."""
        return [C.of(self.dtype).types[kind] for kind in self.called.inputs]

    def _c_tile(self, dialect: Dialect) -> str:
        """Return the function that computes a row of points, each operand contiguous."""
        names = Names([*self.params, "size", "at", "i", "p", "value"])
        rows = self._rows(names)
        lines = [
            f"const {kind} *restrict {name} = (const {kind} *)at[{k}];"
            for k, (name, kind) in enumerate(zip(self.params, self._input_types(), strict=True))
        ]
        for k, (name, slot) in enumerate(rows):
            lines.append(
                f"{slot.c_type} *restrict {name} = ({slot.c_type} *)at[{len(self.params) + k}];"
            )
        outs = [f"{name}[i]" for name, _ in rows]
        body = self._loop_body(dialect, [f"{name}[i]" for name in self.params], outs, rows, names)
        hint = ["#pragma omp simd"] if self._vector() else []
        lines += [*hint, "for (ptrdiff_t i = 0; i < size; i++) {", indent(body, 1), "}"]
        head = f"{cloned(lines)}static void function_tile(ptrdiff_t size, char *const *at)"
        return "\n".join(["", "", head, "{", indent(lines, 1), "}", ""])
