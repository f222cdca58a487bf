"""What stands between Python and a C function of a module for LLVM, in C."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

from symcompile.emit.c import CEmitter, CFunction
from symcompile.emit.lines import indent
from symcompile.emit.memory import dimension_lengths
from symcompile.emit.numbers import numbers_of
from symcompile.emit.ready import Ready
from symcompile.emit.results import Results
from symcompile.emit.signature import Identifiers
from symcompile.frontend.definition import Definition
from symcompile.ir.affine import lift
from symcompile.ir.graph import Function, Output
from symcompile.planning import spent


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
        self.results = Results(self._size)

    # -- the core --------------------------------------------------------------------------

    def core(self) -> list[str]:
        """Return the function that takes what has been converted."""
        slot = (f"args[{k}]" for k in count())
        call, locals_ = [f"sc_doubles({next(slot)})" for _ in self.emitter.vectors()], []
        for name in self.names.data:
            locals_.append(f"const sc_array sc_{name} = sc_as_array({next(slot)});")
            call.append(f"sc_{name}")
        for name in self.emitter.sizes():
            locals_.append(f"const Py_ssize_t {name} = PyLong_AsSsize_t({next(slot)});")
            call.append(name)
        call += [f"sc_doubles({next(slot)})" for _ in self.function.outputs]
        body = [
            "(void)self;",
            "(void)count;",
            *locals_,
            *self._called(call),
            "if (status < 0) {",
            "    return PyErr_NoMemory();",
            "}",
            "Py_IncRef(&_Py_NoneStruct);",
            "return &_Py_NoneStruct;",
        ]
        head = "PyObject *self, PyObject *const *args, Py_ssize_t count"
        return _defined(f"{self.emitted.name}_core", head, body)

    def _called(self, call: Sequence[str]) -> list[str]:
        """Return the call of the C function, with the interpreter's lock released for long ones."""
        text = f"{self.emitted.name}({', '.join(call)})"
        if not self.emitted.loops:
            return [f"const int status = {text};"]
        cost = spent(self.emitter.schedule).text(lambda size: f"(double){self._size(size)}")
        return [
            f"void *const sc_thread_state = sc_release({cost});",
            f"const int status = {text};",
            "sc_acquire(sc_thread_state);",
        ]

    def _size(self, name: str) -> str:
        return self.names.known_sizes.get(name, name)

    # -- what users call -------------------------------------------------------------------

    def call(self) -> list[str]:
        """Return the function that takes good arguments; nothing where there can be none."""
        constants = [default for _, default in self.definition.constants]
        if not self.numbers.plain or self.function.name == "vjp" or None in constants:
            return []
        vectors = [name for name in self.emitter.vectors() if name != "c"]
        names = [*vectors, *self.names.data]
        if len(vectors) < 1 + (self.function.name in ("hvp", "jvp")):
            names = ["", *names]  # p is given, though there are no parameters
        where = {name: f"args[{k}]" for k, name in enumerate(names) if name}
        ready = Ready(self.definition, self.names, where.__getitem__, size=lambda size: size)
        sizes = ready.sizes() if self.definition.indexed else self._samples(where)
        if sizes is None:
            return []
        tests = [f"count == {len(names)}", "!names"]
        good = [where[name] for name in vectors]
        if self.definition.indexed:
            first, others = ready.ranks(), ready.agreement(good)
        else:
            first, others = self._columns(where, good), []
        inner = [f"const Py_ssize_t {size} = {text};" for size, text in sizes.items()]
        inner += [f"if ({' && '.join(others)}) {{"] if others else ["{"]
        inner += [indent(self._good(where, [repr(float(c or 0.0)) for c in constants]), 1), "}"]
        body = [
            f"if ({' && '.join([*tests, *first])}) {{",
            indent(inner, 1),
            "}",
            "return PyObject_Vectorcall(general, args, (size_t)count, names);",
        ]
        head = "PyObject *general, PyObject *const *args, Py_ssize_t count, PyObject *names"
        return _defined(f"{self.emitted.name}_call", head, body)

    def _samples(self, where: dict[str, str]) -> dict[str, str]:
        """Return where the number of samples is read off."""
        return {"n": f"sc_length({where[self.names.data[0]]})"} if self.names.data else {}

    def _columns(self, where: dict[str, str], vectors: Sequence[str]) -> list[str]:
        """Return the tests for vectors and columns that are good as they are."""
        tests = [f"sc_is_vector({vector}, {len(self.names.params)})" for vector in vectors]
        columns = [where[name] for name in self.names.data]
        return [*tests, *(f"sc_is_column({column}, {columns[0]})" for column in columns)]

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
        lines += self._called(call)
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
