"""What stands between Python and a C function of a module for LLVM, in C."""

from __future__ import annotations

from collections.abc import Sequence

from symcompile.emit.c import CEmitter, CFunction
from symcompile.emit.lines import indent
from symcompile.emit.memory import dimension_lengths
from symcompile.emit.numbers import numbers_of
from symcompile.emit.results import Results
from symcompile.emit.signature import Identifiers
from symcompile.frontend.definition import Definition
from symcompile.frontend.roles import squeezed
from symcompile.ir.affine import Affine, lift
from symcompile.ir.graph import Function, Output
from symcompile.ir.volume import ZERO, Volume

#: So few samples are not worth letting other threads run.
_FEW = 500


class Glue:
    """Writes two functions of Python's C interface for a C function.

    One, the core, takes what has been checked and converted, and writes results where it is told.
    The other is what users call: it takes calls whose arguments are good as they are, and hands all
    others to the Python function that it is given.
    """

    def __init__(
        self,
        definition: Definition,
        names: Identifiers,
        function: Function,
        emitter: CEmitter,
        emitted: CFunction,
    ) -> None:
        self.definition, self.names, self.function = definition, names, function
        self.emitter, self.emitted = emitter, emitted
        self.numbers = numbers_of(definition)
        self.results = Results(lambda size: names.known_sizes.get(size, size))

    # -- the core --------------------------------------------------------------------------

    def core(self) -> list[str]:
        """Return the function that takes what has been converted."""
        call, locals_ = [], []
        slots = iter(range(10_000))
        for name in self.emitter.vectors():
            call.append(f"sc_doubles(args[{next(slots)}])")
            del name
        for name in self.names.data:
            locals_.append(f"const sc_array sc_{name} = sc_as_array(args[{next(slots)}]);")
            call.append(f"sc_{name}")
        for name in self.emitter.sizes():
            locals_.append(f"const Py_ssize_t sc_{name} = PyLong_AsSsize_t(args[{next(slots)}]);")
            call.append(f"sc_{name}")
        call += [f"sc_doubles(args[{next(slots)}])" for _ in self.function.outputs]
        count = ["sc_" + name for name in self.emitter.sizes()][:1]
        body = [
            "(void)self;",
            "(void)count;",
            *locals_,
            *self._called(call, count[0] if count else "0"),
            "if (status < 0) {",
            "    return PyErr_NoMemory();",
            "}",
            "Py_IncRef(&_Py_NoneStruct);",
            "return &_Py_NoneStruct;",
        ]
        head = "PyObject *self, PyObject *const *args, Py_ssize_t count"
        return _defined(f"{self.emitted.name}_core", head, body)

    def _called(self, call: Sequence[str], count: str) -> list[str]:
        """Return the call of the C function, with the interpreter's lock released for long ones."""
        text = f"{self.emitted.name}({', '.join(call)})"
        if not self.emitted.loops:
            return [f"const int status = {text};"]
        return [
            f"PyThreadState *const state = {count} > {_FEW} ? PyEval_SaveThread() : NULL;",
            f"const int status = {text};",
            "if (state) {",
            "    PyEval_RestoreThread(state);",
            "}",
        ]

    # -- what users call -------------------------------------------------------------------

    def call(self) -> list[str]:
        """Return the function that takes good arguments; nothing where there can be none."""
        sizes = self._sizes()
        constants = self._constants(sizes)
        plain = self.numbers.plain and self.function.name != "vjp"
        if not plain or sizes is None or constants is None:
            return []
        vectors = [name for name in self.emitter.vectors() if name != "c"]
        names = [*vectors, *self.names.data]
        if len(vectors) < 1 + (self.function.name in ("hvp", "jvp")):
            names = ["", *names]  # p is given, though there are no parameters
        where = {name: f"args[{k}]" for k, name in enumerate(names) if name}
        tests = [f"count == {len(names)}", "!names"]
        first, *others = self._checks(sizes, where)
        inner = [*self._size_variables(sizes, where)]
        inner += [f"if ({' && '.join(others)}) {{"] if others else ["{"]
        inner += [indent(self._good(where, constants), 1), "}"]
        body = [
            f"if ({' && '.join([*tests, first])}) {{",
            indent(inner, 1),
            "}",
            "return PyObject_Vectorcall(general, args, (size_t)count, names);",
        ]
        head = "PyObject *general, PyObject *const *args, Py_ssize_t count, PyObject *names"
        return _defined(f"{self.emitted.name}_call", head, body)

    def _sizes(self) -> dict[str, str] | None:
        """Return where each size is read off the data, or None if one cannot be."""
        definition = self.definition
        if not definition.indexed:
            return {"n": f"{self.names.data[0]} 0"} if self.names.data else {}
        found: dict[str, str] = {}
        for name, shape in zip(self.names.data, definition.data_shapes, strict=True):
            for k, axis in enumerate(squeezed(shape)):
                for size, ident in self.names.known_sizes.items():
                    if axis.extent == Affine.of(size):
                        found.setdefault(ident, f"{name} {k}")
        complete = all(size in found for size in self.names.sizes)
        named = any(name in definition.sizes for name, _ in definition.constants)
        if not complete or named or definition.derived or not definition.params:
            return None
        return {size: found[size] for size in self.names.sizes}

    def _constants(self, sizes: dict[str, str] | None) -> list[str] | None:
        """Return the defaults of the constants; None where one has to be given."""
        defaults = [default for _, default in self.definition.constants]
        if any(default is None for default in defaults):
            return None
        del sizes
        return [repr(float(default)) for default in defaults if default is not None]

    def _size_variables(self, sizes: dict[str, str], where: dict[str, str]) -> list[str]:
        lines = []
        for size, text in sizes.items():
            name, axis = text.split()
            lines.append(f"const Py_ssize_t {size} = sc_dim({where[name]}, {axis});")
        return lines

    def _checks(self, sizes: dict[str, str], where: dict[str, str]) -> list[str]:
        """Return the tests that arguments pass that are good as they are.

        The first needs no size; the others do.
        """
        names, definition = self.names, self.definition
        vectors = [name for name in where if name in ("p", "v")]
        if not definition.indexed:
            count = len(names.params)
            own = [f"sc_is_vector({where[name]}, {count})" for name in vectors]
            if names.data:
                start = where[names.data[0]]
                own += [f"sc_is_column({where[name]}, {start})" for name in names.data]
            return [" && ".join(own) or "1"]
        ranks = [
            f"sc_is_array({where[name]}, {len(squeezed(shape))})"
            for name, shape in zip(names.data, definition.data_shapes, strict=True)
        ]
        tests = [f"{size} > 0" for size in sizes]
        for name, shape in zip(names.data, definition.data_shapes, strict=True):
            for k, axis in enumerate(squeezed(shape)):
                text = self.results.size(axis.extent)
                if sizes.get(text) != f"{name} {k}":
                    tests.append(f"sc_dim({where[name]}, {k}) == {text}")
        tests += [f"{self.results.size(r.value)} >= 0" for r in definition.required]
        for whole in definition.wholes:
            ends = f"{self.results.size(whole.low)}, {self.results.size(whole.high)}"
            tests.append(f"sc_is_whole({where[names.data[whole.slot]]}, {ends})")
        length = ZERO
        for shape in definition.param_shapes:
            length = length + Volume.product(squeezed(shape))
        size = self.results.volume(length)
        tests += [f"sc_is_vector({where[name]}, {size})" for name in vectors]
        return [" && ".join(ranks) or "1", *tests]

    def _good(self, where: dict[str, str], constants: Sequence[str]) -> list[str]:
        """Return what is done with arguments that are good."""
        lines, call = [], []
        if constants:
            lines.append(f"static const double sc_defaults[] = {{{', '.join(constants)}}};")
        for name in self.emitter.vectors():
            call.append("sc_defaults" if name == "c" else f"sc_doubles({where[name]})")
        for name in self.names.data:
            lines.append(f"const sc_array sc_{name} = sc_as_array({where[name]});")
            call.append(f"sc_{name}")
        call += self.emitter.sizes()
        made = []
        for k, output in enumerate(self.function.outputs):
            if not output.layout:
                lines.append(f"double sc_number{k} = 0.0;")
                call.append(f"&sc_number{k}")
                continue
            lines += self._made(k, output)
            made.append(k)
            call.append(f"sc_doubles(sc_array{k})")
        count = self.emitter.sizes()[0] if self.emitter.sizes() else "0"
        lines += self._called(call, count)
        lines.append("if (status < 0) {")
        lines += [f"    Py_DECREF(sc_array{k});" for k in made]
        lines += ["    return PyErr_NoMemory();", "}"]
        results = [
            f"sc_array{k}" if k in made else f"PyFloat_FromDouble(sc_number{k})"
            for k in range(len(self.function.outputs))
        ]
        if len(results) == 1:
            return [*lines, f"return {results[0]};"]
        return [*lines, f"return sc_pair_of({', '.join(results)});"]

    def _made(self, k: int, output: Output) -> list[str]:
        """Return the statements that make an array for a result, in the order of its entries."""
        strides = "NULL"
        lines = []
        if output.per_sample:
            inner = [str(size) for size in output.shape]
            shape = ["n", *inner]
            steps = ["8"]
            for at in range(len(inner)):
                rest = "".join(f"{size}*" for size in inner[at + 1 :])
                steps.append(f"8*{rest}n")
            lines.append(f"npy_intp sc_strides{k}[{len(steps)}] = {{{', '.join(steps)}}};")
            strides = f"sc_strides{k}"
        else:
            shape = self._shape(output)
        lines.append(f"npy_intp sc_shape{k}[{len(shape)}] = {{{', '.join(shape)}}};")
        made = f"sc_result({len(shape)}, sc_shape{k}, {strides})"
        before = [f"Py_DECREF(sc_array{j});" for j in range(k) if self.function.outputs[j].layout]
        lines += [f"PyObject *const sc_array{k} = {made};", f"if (!sc_array{k}) {{"]
        return [*lines, *["    " + line for line in before], "    return NULL;", "}"]

    def _shape(self, output: Output) -> list[str]:
        declared = output.dims is None or output.name in ("value", "jvp")
        if declared:
            return [self.results.size(lift(size)) for size in output.shape]
        lengths = [self.results.volume(part) for part in dimension_lengths(output)]
        if output.name == "jacobian" and len(lengths) > 1:
            rows = "*".join(f"({length})" for length in lengths[:-1])
            return [rows, lengths[-1]]
        return lengths


def _defined(name: str, arguments: str, body: Sequence[str]) -> list[str]:
    return [f"static PyObject *{name}({arguments})", "{", indent(body, 1), "}", ""]
