"""Schedule -> a module in plain Python: NumPy over samples, :mod:`math` for scalars."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from symcompile.emit.arrays import ArrayPrinter
from symcompile.emit.blocks import lines_of
from symcompile.emit.bodies import helpers_of, integrates, with_helpers
from symcompile.emit.dialect import NUMPY, SCALAR_PYTHON, Dialect
from symcompile.emit.expression import Printer
from symcompile.emit.library import support
from symcompile.emit.lines import WIDTH, filled, indent, item_text, tuple_text, unpacked
from symcompile.emit.numbers import Numbers, numbers_of
from symcompile.emit.signature import (
    Identifiers,
    Signature,
    header,
    identifiers,
    imported,
    known_inputs,
    signature,
    used_slots,
)
from symcompile.emit.templates import render
from symcompile.frontend.definition import Definition
from symcompile.frontend.roles import Shape, squeezed
from symcompile.ir.affine import Affine, lift
from symcompile.ir.dtypes import is_single
from symcompile.ir.graph import Axes, Function, Kind, Output, payload
from symcompile.naming import Names
from symcompile.planning import Scalars, Schedule, contents, used_later


@dataclass(frozen=True)
class _Body:
    """A function as the template takes it: its signature and its lines."""

    signature: Signature
    code: str
    core: str


def emit_python(
    definition: Definition, schedules: Sequence[Schedule], threads: int | None = None
) -> str:
    """Return the source of a Python module with the functions of ``schedules``, on one thread."""
    names = identifiers(definition)
    make = _array_function if definition.data else _scalar_function
    if definition.indexed:
        make = _indexed_function
    bodies = [make(definition, names, schedule) for schedule in schedules]
    dialect = SCALAR_PYTHON if make is _scalar_function else NUMPY
    inner = helpers_of(schedules, dialect)
    calls = "\n".join(body.code + body.core for body in bodies)
    bodies[0] = replace(bodies[0], core=with_helpers(bodies[0].core, inner, calls, "python"))
    text = "\n".join(body.code + body.core for body in bodies)
    needed = support(text, "python")
    needs = imported("NumPy", special=needed.special, integrates=integrates(text))
    used = helpers(text + needed.text)
    return render(
        "python/kernel.py.j2",
        header=header(definition, names, [s.function for s in schedules], needs),
        definition=definition,
        constants=constant_defaults(definition, names),
        tables=tables(definition),
        bodies=bodies,
        support=needed,
        used=used,
        pieces="_split" in used or "_joined" in used,
        scalar=not (definition.data or definition.indexed) or "_over" in used or integrates(text),
        numbers=numbers_of(definition),
        text=text,
        block=BLOCK,
    )


#: How many samples NumPy does at a time: what is computed with them stays in the cache.
BLOCK = 8192

_HELPERS = (
    *("floor", "ceil", "gamma", "_over", "_mostly"),
    *("_number", "_vector", "_columns", "_cotangents", "_samples_first"),
    *("_in_blocks", "_arrays", "_shaped", "_split", "_joined", "_scatter", "_nearest"),
    *("complex_", "clog1p", "cexpm1", "csign", "_rounded"),
)


def helpers(text: str) -> frozenset[str]:
    """Return which of the templates' helper functions a piece of generated code calls."""
    called = set(re.findall(r"(?<![\w.])[A-Za-z_]\w*(?=\()", text))
    found = {name for name in _HELPERS if name in called}
    found |= {"_number"} if "_arrays" in found else set()
    return frozenset(found | ({"_over"} if "_mostly" in found else set()))


def constant_defaults(
    definition: Definition, names: Identifiers
) -> tuple[tuple[str, float | None], ...]:
    """Return the keyword and the default of each constant."""
    pairs = zip(names.constants, definition.constants, strict=True)
    return tuple((name, default) for name, (_, default) in pairs)


def tables(definition: Definition) -> tuple[tuple[str, str], ...]:
    """Return the names and texts of what a module says about its arrays: none without any.

    Sizes are called by their identifiers.
    """
    if not definition.indexed:
        return ()
    names = identifiers(definition)

    def entry(size: Affine) -> object:
        return size_entry(size, names.known_sizes)

    def shapes(declared: Sequence[Shape]) -> list[object]:
        return [tuple(map(entry, shape)) for shape in declared]

    known = names.known_sizes
    derived = [(known[d.name], entry(d.value), d.divisor) for d in definition.derived]
    required = [(entry(r.value), r.text) for r in definition.required]
    wholes = [(w.slot, entry(w.low), entry(w.high)) for w in definition.wholes]
    found: tuple[tuple[str, Sequence[object]], ...] = (
        ("SIZES", names.sizes),
        ("PARAM_SHAPES", shapes(definition.param_shapes)),
        ("DATA_SHAPES", shapes(definition.data_shapes)),
        ("DERIVED", derived),
        ("REQUIRED", required),
        ("WHOLES", wholes),
    )
    return tuple((name, _table(name, items)) for name, items in found)


def _table(name: str, items: Sequence[object]) -> str:
    """Return a tuple, one item a line where it is too long for one line."""
    text = tuple_text(items)
    if len(name) + 3 + len(text) <= WIDTH:
        return text
    return "\n".join(["(", *[f"    {item_text(item)}," for item in items], ")"])


def size_entry(size: Affine, names: Mapping[str, str]) -> object:
    """Return a size as generated modules hold it: a number, a name, or factors by name.

    >>> n = Affine.of("n")
    >>> [size_entry(size, {"n": "n"}) for size in (Affine(3), n, 2*n - 1)]
    [3, 'n', {'n': 2, '': -1}]
    """
    if size.number is not None:
        return size.number
    if size == Affine.of(size.sizes[0]):
        return names[size.sizes[0]]
    entry = {names[str(name)]: factor for name, factor in size.terms}
    return {**entry, "": size.const} if size.const else entry


def _names_in_use(names: Identifiers, schedule: Schedule) -> Names:
    used = Names([*names.all(), "count", "p", "u", "v"])
    for node in schedule.graph.nodes:
        if node.op == "input" and payload(node).role in ("direction", "cotangent"):
            role, slot = payload(node)
            used.fresh(f"{'v' if role == 'direction' else 'u'}{slot}")
    return used


def _array_function(definition: Definition, names: Identifiers, schedule: Schedule) -> _Body:
    function = schedule.function
    sig = signature(definition, names, function)
    used = _names_in_use(names, schedule)
    numbers = numbers_of(definition)
    printer = Printer(schedule.graph, NUMPY.of(numbers.dtype), known_inputs(function, names), used)
    lines: list[str] = []
    stored: dict[tuple[int, int], str] = {}
    for output in function.outputs:
        if output.per_sample:
            made = numbers.made(output.kind)
            lines.append(f"{output.name} = np.empty(({len(output.entries)}, count){made})")
    sums = used.numbered("s")
    phases = [contents(phase) for phase in schedule.phases]
    columns = _columns(names, function, definition)
    functions: list[str] = []
    for number, (nodes, reductions, stores) in enumerate(phases):
        bodies = [schedule.graph[node].args[0] for node in reductions]
        results = [*bodies, *[store.node for store in stores]]
        later = used_later(schedule.graph, phases[number + 1 :])
        statements = printer.statements(nodes, results, later)
        if isinstance(schedule.phases[number], Scalars):
            lines += [f"{statement.name} = {statement.text}" for statement in statements]
            for store in stores:
                output = function.outputs[store.output]
                if output.per_sample:
                    lines.append(f"{output.name}[{store.entry}] = {printer.text(store.node)}")
                else:
                    stored[store.output, store.entry] = printer.text(store.node)
            continue
        block = [f"{statement.name} = {statement.text}" for statement in statements]
        kept = {printer.text(n): schedule.graph[n].kind for n in nodes if n in later}
        for name, kind in kept.items():
            made = ", dtype=bool" if kind is Kind.BOOL else numbers.made(kind)
            lines.append(f"{name} = np.empty(count{made})")
            own = used.fresh(f"{name}_block")
            block.append(f"{own}[:] = {name}")
            columns[own] = name
        for store in stores:
            name = function.outputs[store.output].name
            block.append(f"{name}[{store.entry}] = {printer.text(store.node)}")
            columns[name] = name
        sums_of = [_sum(printer.text(body), numbers, schedule.graph[body].kind) for body in bodies]
        named = [next(sums) for _ in reductions]
        comma = "," if len(sums_of) == 1 else ""
        block += filled("return (", sums_of, f"{comma})", 2) if sums_of else ["return ()"]
        words = set(re.findall(r"(?<![\w.])[A-Za-z_]\w*", "\n".join(block)))
        passed = {own: name for own, name in columns.items() if own in words}
        called = used.fresh(f"block{len(functions)}")
        functions += ["", *filled(f"def {called}(", list(passed), "):", 1), indent(block, 1)]
        call = filled("_in_blocks(", [called, "count", *passed.values()], ")", 2)
        lines += _assigned(named, call)
        columns.update({name: name for name in kept})
        for node, name in zip(reductions, named, strict=True):
            if is_single(numbers.dtype):
                lines.append(f"{name} = np.{numbers.inner(schedule.graph[node].kind)}({name})")
            printer.name(node, name)
    lines += _returned(function.outputs, stored, numbers)
    setup = [*_setup(definition, names, schedule), *functions, *([""] if functions else [])]
    code = [*setup, 'with np.errstate(all="ignore"):', *["    " + line for line in lines]]
    return _Body(sig, indent(code, 1), "")


def _columns(names: Identifiers, function: Function, definition: Definition) -> dict[str, str]:
    """Return the arrays over the samples that a function is given: in a block, and in all."""
    found = {name: name for name in names.data}
    if function.name == "vjp" and definition.output.per_sample:
        found |= {f"u{k}": f"u{k}" for k in range(len(definition.output.entries))}
    return found


def _assigned(names: Sequence[str], call: list[str]) -> list[str]:
    """Return the statement that gives names to the results of a call."""
    if not names:
        return call
    targets = ", ".join(names) + ("," if len(names) == 1 else "")
    if len(names) == 1:
        targets = f"({targets})"
    return [f"{targets} = {call[0]}", *call[1:]]


def _sum(text: str, numbers: Numbers, kind: Kind) -> str:
    """Return a sum over samples, in double precision at least."""
    if not is_single(numbers.dtype):
        return f"np.sum({text})"
    wide = "complex128" if kind is Kind.COMPLEX else "float64"
    return f"np.sum({text}, dtype=np.{wide})"


def _setup(definition: Definition, names: Identifiers, schedule: Schedule) -> list[str]:
    """Return the lines that check and unpack the arguments of an array function."""
    function = schedule.function
    lines = []
    if names.params:
        lines += unpacked(names.params, f'_vector(p, "p", {len(names.params)})')
    directions = used_slots(function, "direction")
    if directions:
        size = len(names.params)
        lines += unpacked([f"v{k}" for k in range(size)], f'_vector(v, "v", {size})')
    lines += unpacked(names.data, columns_call(names))
    lines.append(f"count = {names.data[0]}.shape[0]")
    if function.name == "vjp":
        size = len(definition.output.entries)
        how = numbers_of(definition).cotangent(definition.output)
        call = (
            f"_cotangents(u, count, {size}{how})"
            if definition.output.per_sample
            else f'_vector(u, "u", {size}{how})'
        )
        lines += unpacked([f"u{k}" for k in range(size)], call)
    number = f"np.{numbers_of(definition).argument}"
    return lines + [f'{name} = {number}(_number({name}, "{name}"))' for name in names.constants]


def columns_call(names: Identifiers) -> str:
    """Return the call that checks and converts the data columns."""
    return f"_columns(DATA, {', '.join(names.data)})"


def _returned(
    outputs: Sequence[Output], stored: dict[tuple[int, int], str], numbers: Numbers
) -> list[str]:
    """Return the lines that make the results of an array function and return them."""
    lines: list[str] = []
    results: list[str] = []
    for number, output in enumerate(outputs):
        if output.per_sample:
            results.append(f"_samples_first({output.name}, {output.shape})")
            continue
        entries = [stored[number, k] for k in range(len(output.entries))]
        if output.shape == ():
            results.append(numbers.number(entries[0], output.kind))
        else:
            shape = f".reshape({output.shape})" if len(output.shape) > 1 else ""
            end = f"]{numbers.made(output.kind)}){shape}"
            lines += filled(f"{output.name} = np.array([", entries, end, 2)
            results.append(output.name)
    return [*lines, f"return {', '.join(results)}"]


# ------------------------------------------------------------------ index notation


def _indexed_function(definition: Definition, names: Identifiers, schedule: Schedule) -> _Body:
    function = schedule.function
    sig = signature(definition, names, function)
    used = _names_in_use(names, schedule)
    known = known_inputs(function, names)
    numbers = numbers_of(definition)
    printer = ArrayPrinter(function.graph, function.roots(), known, names.known_sizes, used)
    lines = printer.run()
    results = []
    for output in function.outputs:
        made, text = array_result(printer, output, numbers)
        lines += made
        results.append(text)
    lines.append(f"return {', '.join(results)}")
    setup = _indexed_setup(definition, names, function, printer)
    code = [*setup, 'with np.errstate(all="ignore"):', *["    " + line for line in lines]]
    return _Body(sig, indent(code, 1), "")


def _indexed_setup(
    definition: Definition, names: Identifiers, function: Function, printer: ArrayPrinter
) -> list[str]:
    """Return the lines that check and unpack the arguments of a function over arrays."""
    given = [name for name in names.constants if name in names.sizes]
    constants = ", ".join(f"{item_text(name)}: {name}" for name in given)
    left = [f"{_target(part)}" for part in (names.data, names.sizes)]
    known = f", {{{constants}}}" if constants else ""
    call = f"_arrays(p, {_target(names.data)}{known})"
    lines = [f"p, {left[0]}, {left[1]} = {call}"]
    if len(lines[0]) + 4 > WIDTH:
        lines = ["p, data, found = (", f"    {call}", ")"]
        lines += unpacked(names.data, "data") if names.data else []
        lines += unpacked(names.sizes, "found") if names.sizes else []
    shapes = [squeezed(shape) for shape in definition.param_shapes]
    if used_slots(function, "param"):
        lines += taken(names.params, "p", shapes, printer.segments(shapes))
    if used_slots(function, "direction"):
        directions = [f"v{k}" for k in range(len(names.params))]
        vector = '_vector(v, "v", p.size)'
        lines += taken(directions, vector, shapes, printer.segments(shapes))
    elif function.name in ("hvp", "jvp"):
        lines.append('_vector(v, "v", p.size)')
    if function.name == "vjp":
        value = definition.output
        cotangents = [f"u{k}" for k in range(len(value.entries))]
        shape = printer.subscripts.shape_text([lift(size) for size in value.shape])
        dims = "".join(f", {printer.segments(dim)}" for dim in value.layout)
        how = numbers_of(definition).cotangent(value)
        lines += unpacked(cotangents, f'_split(_shaped(u, "u", {shape}{how}){dims})')
    number = "np.complex128" if numbers_of(definition).arguments_complex else "np.float64"
    return lines + [
        f'{name} = {number}(_number({name}, "{name}"))'
        for name in names.constants
        if name not in names.sizes
    ]


def _target(names: Sequence[str]) -> str:
    return f"({', '.join(names)}{',' if len(names) == 1 else ''})"


def array_result(printer: ArrayPrinter, output: Output, numbers: Numbers) -> tuple[list[str], str]:
    """Return the lines that put a result together, and its text."""
    if not output.layout:
        return [], numbers.number(printer.full(output.entries[0]).text, output.kind)
    pieces = [printer.full(entry).text for entry in output.entries]
    dims = output.layout
    shape = ""
    if output.dims is None or output.name in ("value", "jvp"):
        if len(dims) != len(output.shape):
            shape = f".reshape({printer.subscripts.shape_text([lift(s) for s in output.shape])})"
    elif len(dims) > 2:
        shape = f".reshape(-1, {output.name}.shape[-1])"
    kind = numbers.returned(output.kind)
    dtype = "" if kind == "float64" else f", dtype=np.{kind}"
    if len(dims) == 1 and not any(dims[0]):
        return filled(f"{output.name} = np.array([", pieces, f"]{dtype}){shape}", 2), output.name
    texts = ", ".join(printer.segments(segments) for segments in dims)
    end = f"], {texts}{dtype})"
    return filled(f"{output.name} = _joined([", pieces, end, 2), output.name + shape


def taken(names: Sequence[str], vector: str, segments: Sequence[Axes], text: str) -> list[str]:
    """Return the assignment that takes a vector apart: its text is ``text``."""
    if not any(segments):
        return unpacked(names, vector)
    return unpacked(names, f"_split({vector}, {text})")


def _scalar_function(definition: Definition, names: Identifiers, schedule: Schedule) -> _Body:
    function = schedule.function
    sig = signature(definition, names, function)
    core = scalar_core(
        f"_{function.name}", names, schedule, cotangents=len(definition.output.entries)
    )
    size = len(names.params)
    numbers = numbers_of(definition)
    args = [f'*_vector(p, "p", {size}).tolist()']
    if sig.vector:
        count = size if sig.vector == "v" else len(definition.output.entries)
        how = numbers.cotangent(definition.output) if sig.vector == "u" else ""
        args.append(f'*_vector({sig.vector}, "{sig.vector}", {count}{how}).tolist()')
    args += [f'_number({name}, "{name}")' for name in names.constants]
    lines = filled("found = _call(", [f"_{function.name}", *args], ")")
    start = 0
    results = []
    for output in function.outputs:
        stop = start + len(output.entries)
        if output.shape == ():
            text = f"found[{start}]"
            if is_single(numbers.dtype):
                text = f"_rounded({text}, np.{numbers.returned(output.kind)}).item()"
            else:
                text = numbers.number(text, output.kind)
            results.append(text)
        else:
            part = "found" if len(function.outputs) == 1 else f"found[{start}:{stop}]"
            shape = f".reshape({output.shape})" if len(output.shape) > 1 else ""
            call = "_rounded({}, {})" if is_single(numbers.dtype) else "np.array({}, dtype={})"
            results.append(call.format(part, f"np.{numbers.returned(output.kind)}") + shape)
        start = stop
    lines.append(f"return {', '.join(results)}")
    return _Body(sig, indent(lines, 1), core)


def scalar_core(
    name: str,
    names: Identifiers,
    schedule: Schedule,
    *,
    cotangents: int = 0,
    dialect: Dialect = SCALAR_PYTHON,
    brackets: str = "()",
) -> str:
    """Return a function of plain numbers that returns the entries of all outputs.

    Args:
        name: what it is called.
        names: the identifiers of its arguments.
        schedule: the function, without loops.
        cotangents: how many numbers ``u`` holds.
        dialect: Python or Numba.
        brackets: what the entries are returned in; empty for a single one by itself.
    """
    function = schedule.function
    used = _names_in_use(names, schedule)
    printer = Printer(schedule.graph, dialect, known_inputs(function, names), used)
    roots = function.roots()
    nodes = [node for phase in schedule.phases for node in contents(phase)[0]]
    lines = lines_of(printer, nodes, roots)
    entries = [printer.text(root) for root in roots]
    if brackets:
        comma = "," if brackets == "()" and len(entries) == 1 else ""
        lines += filled(f"return {brackets[0]}", entries, f"{comma}{brackets[1]}", 1)
    else:
        lines.append(f"return {entries[0]}")
    args = list(names.params)
    if function.name in ("hvp", "jvp"):
        args += [f"v{k}" for k in range(len(names.params))]
    if function.name == "vjp":
        args += [f"u{k}" for k in range(cotangents)]
    args += names.constants
    head = filled(f"def {name}(", args, "):", 0)
    return "\n".join([*head, indent(lines, 1)])
