"""The value of a formula of numbers as the callbacks that C libraries and SciPy take.

The variables of a formula stand in one order: data, parameters, constants. The first of them come
with the call, the others from ``user_data``. Without ``user_data`` constants have their defaults,
and what has none is NaN.
"""

from __future__ import annotations

from symcompile.emit.c_interface import (
    CPP_WORDS,
    Argument,
    Exported,
    Interface,
    c_number,
    core_name,
)
from symcompile.emit.lines import filled
from symcompile.emit.signature import Identifiers
from symcompile.frontend.definition import Definition, squeezed
from symcompile.naming import Names

#: Formulas of more numbers have no callbacks, since these hold them on the stack.
_MOST = 256
#: Functions of more arguments are no pleasure to call.
_MOST_BY_VALUE = 16

_USER = Argument("void *", "user_data")


class Callbacks:
    """The callbacks of one definition; which it has depends on its shape.

    Args:
        definition: whose value they compute.
        names: the identifiers of its symbols.
    """

    def __init__(self, definition: Definition, names: Identifiers) -> None:
        self.definition, self.names = definition, names
        self.interface = Interface(definition, names)
        self.core = core_name(definition, "value")
        self.prefix = definition.name
        self.outputs = len(definition.output.entries)
        self.variables = [*names.data, *names.params, *names.constants]
        output, count = definition.output, len(self.variables)
        real = self.interface.numbers.plain and definition.dtype == "float64"
        #: Whether it is a formula of numbers: one sample at a time, or no data at all.
        self.pointwise = (
            real
            and not definition.indexed
            and (output.per_sample or not definition.data)
            and 0 < count <= _MOST
        )
        #: Whether it maps one row of numbers to a number.
        self.row = real and definition.scalar and len(definition.data) == 1 and self._one_axis()

    def functions(self) -> list[Exported]:
        """Return them."""
        found: list[Exported] = []
        if self.pointwise and self.definition.output.shape == ():
            if not self.definition.data and len(self.variables) <= _MOST_BY_VALUE:
                found.append(self._by_value())
            found += [self._integrand(), self._integrand_n(), self._filter()]
        if self.pointwise:
            found.append(self._mapping())
        if self.pointwise and not self.definition.data and len(self._free()) >= self.outputs:
            found.append(self._rhs())
        if self.row:
            found.append(self._row_filter())
        return found

    def preamble(self) -> str:
        """Return what they share, in C."""
        if not self.pointwise:
            return ""
        count = len(self.variables)
        defaults = ["NAN"] * (count - len(self.names.constants))
        defaults += [
            "NAN" if default is None else c_number(default)
            for _, default in self.definition.constants
        ]
        head = filled(
            f"static void {self.prefix}_variables(",
            ["double *all", "const double *first", "ptrdiff_t given", "const double *rest"],
            ")",
            0,
        )
        table = filled(f"static const double defaults[{count}] = {{", defaults, "};")
        return "\n".join(
            [
                f"/* The variables {', '.join(self.variables)}: so many are given, and the rest. */"
                if count <= 8
                else "/* The variables in order: so many are given, and the rest. */",
                *head,
                "{",
                *("    " + line for line in table),
                f"    for (ptrdiff_t k = 0; k < {count}; k++) {{",
                "        all[k] = k < given ? first[k] : rest ? rest[k - given] : defaults[k];",
                "    }",
                "}",
                "",
            ]
        )

    # -- formulas of numbers ---------------------------------------------------------------

    def _value(self, out: str, array: str = "all") -> str:
        """Return the computation of the value from an array of the variables; not 0 if it fails."""
        call = []
        data, params = len(self.names.data), len(self.names.params)
        if params:
            call.append(_from(array, data))
        if self.names.constants:
            call.append(_from(array, data + params))
        call += [f"(sc_array){{{_from(array, k)}, {{1}}}}" for k in range(data)]
        call += ["1"] if data else []
        return f"{self.core}({', '.join([*call, out])})"

    def _exported(
        self, name: str, returns: str, arguments: tuple[Argument, ...], summary: str, *body: str
    ) -> Exported:
        return Exported(f"{self.prefix}_{name}", name, returns, arguments, summary, body)

    def _by_value(self) -> Exported:
        free = Names([], CPP_WORDS)
        arguments = [free.fresh(name) for name in self.variables]
        name, array = f"{self.prefix}_at", "sc_variables"
        body = [
            *filled(f"const double {array}[{len(arguments)}] = {{", arguments, "};"),
            "double sc_value = NAN;",
            f"return {self._value('&sc_value', array)} < 0 ? NAN : sc_value;",
        ]
        typed = tuple(Argument("double ", argument) for argument in arguments)
        return Exported(name, name, "double ", typed, "Return the value.", tuple(body))

    def _order(self) -> str:
        return ", ".join(self.variables) if len(self.variables) <= 12 else "data, p, constants"

    def _integrand(self) -> Exported:
        rest = ", ".join(self.variables[1:])
        told = f"; user_data points to {rest}" if rest and len(self.variables) <= 12 else ""
        return self._exported(
            "integrand",
            "double ",
            (Argument("double ", "x"), _USER),
            f"Return the value where {self.variables[0]} is x{told}.",
            f"double all[{len(self.variables)}], value = NAN;",
            f"{self.prefix}_variables(all, &x, 1, user_data);",
            f"return {self._value('&value')} < 0 ? NAN : value;",
        )

    def _integrand_n(self) -> Exported:
        count = len(self.variables)
        return self._exported(
            "integrand_n",
            "double ",
            (Argument("int ", "n"), Argument("double *", "x"), _USER),
            f"Return the value; the variables are {self._order()}: x holds the first n of them, "
            "user_data the others.",
            f"double all[{count}], value = NAN;",
            f"{self.prefix}_variables(all, x, n, user_data);",
            f"return n > {count} || {self._value('&value')} < 0 ? NAN : value;",
        )

    def _filter(self) -> Exported:
        count = len(self.variables)
        return self._exported(
            "filter_function",
            "int ",
            _FILTER,
            f"Compute the value; the variables are {self._order()}: buffer holds the first "
            "filter_size of them, user_data the others. Return 1, or 0 if there are too many.",
            f"double all[{count}];",
            f"{self.prefix}_variables(all, buffer, filter_size, user_data);",
            f"return filter_size <= {count} && {self._value('return_value')} >= 0;",
        )

    def _mapping(self) -> Exported:
        count = len(self.variables)
        return self._exported(
            "mapping",
            "int ",
            (
                Argument("intptr_t *", "output_coordinates"),
                Argument("double *", "input_coordinates"),
                Argument("int ", "output_rank"),
                Argument("int ", "input_rank"),
                _USER,
            ),
            f"Compute the value as input_coordinates; the variables are {self._order()}: "
            "output_coordinates are the first of them, user_data holds the others. Return 1, or 0 "
            "where the numbers of dimensions do not fit.",
            f"double all[{count}], first[{count}];",
            f"if (output_rank > {count} || input_rank != {self.outputs}) {{",
            "    return 0;",
            "}",
            "for (int k = 0; k < output_rank; k++) {",
            "    first[k] = (double)output_coordinates[k];",
            "}",
            f"{self.prefix}_variables(all, first, output_rank, user_data);",
            f"return {self._value('input_coordinates')} >= 0;",
        )

    # -- differential equations --------------------------------------------------------------

    def _time(self) -> int | None:
        """Return which variable is the time: the one called t."""
        symbols = [*self.definition.params, *(name for name, _ in self.definition.constants)]
        return symbols.index("t") if "t" in symbols else None

    def _free(self) -> list[int]:
        """Return the parameters that are not the time: the state, and then others."""
        return [k for k in range(len(self.names.params)) if k != self._time()]

    def _rhs(self) -> Exported:
        """Return the right-hand side: time and state in, rates out."""
        time, count, states = self._time(), len(self.variables), self.outputs
        state = self._free()[:states]
        others = [k for k in range(count) if k not in state and k != time]
        moves = [f"all[{time}] = t;"] if time is not None else ["(void)t;"]
        if state == list(range(state[0], state[0] + states)):
            target = _from("all", state[0])
            moves.append(f"memcpy({target}, y, {states} * sizeof(double));")
        else:
            moves += [f"all[{k}] = y[{at}];" for at, k in enumerate(state)]
        names = self.variables
        told = f"The state y is {', '.join(names[k] for k in state)}" if states <= 12 else "y"
        if others:
            moves += ["if (rest) {"]
            if others == list(range(others[0], others[0] + len(others))):
                size = f"{len(others)} * sizeof(double)"
                moves.append(f"    memcpy({_from('all', others[0])}, rest, {size});")
            else:
                moves += [f"    all[{k}] = rest[{at}];" for at, k in enumerate(others)]
            moves.append("}")
            told += f"; user_data points to {', '.join(names[k] for k in others[:12])}"
        return self._exported(
            "rhs",
            "void ",
            (
                Argument("double ", "t"),
                Argument("double *", "y"),
                Argument("double *", "dy"),
                _USER,
            ),
            f"Compute the rates dy of an ordinary differential equation. {told}.",
            f"double all[{count}];",
            "const double *const rest = user_data;" if others else "(void)user_data;",
            f"{self.prefix}_variables(all, NULL, 0, NULL);",
            *moves,
            f"if ({self._value('dy')} < 0) {{",
            f"    for (int k = 0; k < {states}; k++) {{",
            "        dy[k] = NAN;",
            "    }",
            "}",
        )

    # -- rows ------------------------------------------------------------------------------

    def _one_axis(self) -> bool:
        """Return whether the data is one row, whose length is the only size."""
        definition = self.definition
        if not definition.indexed:
            return True
        shape = squeezed(definition.data_shapes[0])
        known = len(shape) == 1 and len(definition.sizes) == 1
        return known and shape[0].extent.text(str) == definition.sizes[0]

    def _row_filter(self) -> Exported:
        """Return the value of a row: what a filter makes of a neighbourhood."""
        names, constants = self.names, self.interface.constants
        size = names.sizes[0] if self.definition.indexed else "n"
        length, row = self.interface.length(), names.data[0]
        body = ["const double *const rest = user_data;"]
        call = ["rest"] if names.params else []
        call += ["buffer", *([] if self.definition.indexed else ["1"]), "filter_size"]
        told = ["p"] if names.params else []
        if constants:
            call.append(f"rest ? rest + {length} : NULL" if names.params else "rest")
            told.append("the constants")
            if size in length:
                body.insert(0, f"const ptrdiff_t {size} = filter_size;")
        if not told:
            body = ["(void)user_data;"]
        value = f"{self.prefix}_value({', '.join([*call, 'return_value'])}) >= 0"
        needed = names.params or not self.interface.complete
        body.append(f"return {'rest && ' if needed else ''}{value};")
        source = f" user_data points to {' and then '.join(told)}." if told else ""
        return self._exported(
            "filter_function",
            "int ",
            _FILTER,
            f"Compute the value of {row}, the buffer.{source} Return 1, or 0 for failure.",
            *body,
        )


_FILTER = (
    Argument("double *", "buffer"),
    Argument("intptr_t ", "filter_size"),
    Argument("double *", "return_value"),
    _USER,
)


def _from(array: str, start: int) -> str:
    return f"{array} + {start}" if start else array
