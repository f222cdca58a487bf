"""Moments with axes, as modules: sums of products of data, and what stands around them.

What sums and contracts in twice the precision does not depend on the formula: sizes, and so which
columns are multiplied, are known at binding only. It takes a table and a program. So it is one
module for all definitions. Columns, and what a function makes of sums, are NumPy's.
"""

from __future__ import annotations

from collections.abc import Sequence

from symcompile.binding.gram import Arrays
from symcompile.emit.arrays import ArrayPrinter
from symcompile.emit.library import Support, support
from symcompile.emit.limits import LIMITS
from symcompile.emit.lines import indent
from symcompile.emit.llvm import linking, lowered_module
from symcompile.emit.numbers import Numbers, numbers_of
from symcompile.emit.python import array_result, helpers, taken
from symcompile.emit.signature import Identifiers, identifiers, known_inputs
from symcompile.emit.templates import part, render
from symcompile.frontend.definition import Definition
from symcompile.frontend.roles import squeezed
from symcompile.ir.affine import lift
from symcompile.ir.graph import Function, payload
from symcompile.naming import Names
from symcompile.options import Backend

_SUMMARY = "Sums of products of arrays, in twice the precision."


def emit_gram(backend: Backend, threads: int | None, *, fused: bool) -> str:
    """Return the source of a module with ``sums`` and ``contractions``.

    Args:
        backend: ``"llvm"``, or ``"python"`` for NumPy.
        threads: how many threads there may be; None asks the environment at each call.
        fused: whether the processor has fused multiply-adds.
    """
    if backend != "llvm":
        return render("python/gram.py.j2", summary=_SUMMARY)
    exported = ["sc_gram", "sc_contractions"]
    context: dict[str, object] = {
        "code": "",
        "summary": _SUMMARY,
        "numbers": Numbers("float64", "float64"),
        "support": Support(),
        "loops": True,
        "threads": threads,
        "rank": 4,
        "vector": (),
        "glue": "",
        "pieces": False,
        "integrates": False,
        **LIMITS,
    }
    c = part("llvm/gram.c.j2", context)
    features = {"__FMA__": "1"} if fused else {}
    lowered = lowered_module(c, exported, Support(), 8, features=features)
    context |= linking(lowered, exported, Support(), loops=True)
    return part("llvm/gram.py.j2", context)


def emit_arrays(definition: Definition, arrays: Arrays) -> str:
    """Return the source of a module with the functions of arrays around moments.

    All take ``p``, ``v`` (or ``u``), the constants, the sizes and the data. ``columns``, ``known``
    and ``computed`` return lists of columns and of atoms.
    """
    names = identifiers(definition)
    functions = (arrays.columns, arrays.known, arrays.computed, arrays.rest)
    data = tuple(f"sum{k}" for k in range(len(arrays.sums)))
    bodies = [
        _function(definition, names, function, data if function is arrays.rest else ())
        for function in functions
    ]
    text = "\n".join(bodies)
    needed = support(text, "python")
    used = helpers(text + needed.text)
    return render(
        "python/arrays.py.j2",
        bodies=bodies,
        name=arrays.rest.name,
        support=needed,
        used=used,
        pieces=bool(used & {"_split", "_joined"}),
        scalar="_over" in used,
        numbers=numbers_of(definition),
        text=text,
    )


def _function(
    definition: Definition, names: Identifiers, function: Function, sums: Sequence[str]
) -> str:
    used = Names([*names.all(), "p", "u", "v", "constants", "sizes", "data", *sums])
    data = (*names.data, *(used.fresh(name) for name in sums))
    every = Identifiers(names.params, data, names.constants, names.sizes, names.known_sizes)
    graph = function.graph
    order = graph.ancestors(function.roots())
    known = {node: text for node, text in known_inputs(function, every).items() if node in order}
    for node in order:
        if graph[node].op == "input" and payload(graph[node]).role in ("direction", "cotangent"):
            used.fresh(known[node])
    printer = ArrayPrinter(graph, function.roots(), known, names.known_sizes, used)
    lines = printer.run()
    name = function.name
    if name in ("columns", "known", "computed"):
        pieces = [printer.full(node).text for node in function.roots()]
        lines.append(f"return [{', '.join(pieces)}]")
    else:
        results = []
        for output in function.outputs:
            made, text = array_result(printer, output, numbers_of(definition))
            lines += made
            results.append(text)
        lines.append(f"return {', '.join(results)}")
    shapes = [squeezed(shape) for shape in definition.param_shapes]
    roles = {payload(graph[node]).role for node in order if graph[node].op == "input"}
    setup = [f"[{', '.join(names.sizes)}] = sizes"] if names.sizes else []
    for role, texts, vector in (
        ("param", names.params, "p"),
        ("direction", [f"v{k}" for k in range(len(names.params))], "v"),
    ):
        if role in roles:
            setup += taken(texts, vector, shapes, printer.segments(shapes))
    if "cotangent" in roles:
        value = definition.output
        shape = printer.subscripts.shape_text([lift(size) for size in value.shape])
        dims = "".join(f", {printer.segments(dim)}" for dim in value.layout)
        cotangents = [f"u{k}" for k in range(len(value.entries))]
        text = f"_split(np.reshape(v, {shape}){dims})"
        setup += [f"[{', '.join(cotangents)}] = {text}"]
    if "data" in roles:
        setup.append(f"[{', '.join(data)}] = data")
    if "constant" in roles:
        setup.append(f"[{', '.join(names.constants)}] = constants")
    code = [*setup, 'with np.errstate(all="ignore"):', *["    " + line for line in lines]]
    return f"def {name}(p, v, constants, sizes, data):\n{indent(code, 1)}\n"
