"""How a user's compiled code calls the functions of a Numba module: checks, and sizes found."""

from __future__ import annotations

from symcompile.emit.lines import filled, indent, unpacked
from symcompile.emit.results import Results, tuple_of
from symcompile.emit.signature import Identifiers
from symcompile.frontend.definition import Definition, squeezed
from symcompile.ir.volume import ZERO, Volume


def arrays_typed(definition: Definition, names: Identifiers) -> str:
    """Return the function that compiled code has in the place of ``_arrays``.

    Sizes are read off the arrays, and one off the length of ``p``. Nothing is returned where that
    does not give them all: such a function cannot be called from compiled code.
    """
    results = Results(lambda name: names.known_sizes.get(name, name))
    shapes = [squeezed(shape) for shape in definition.data_shapes]
    lines = unpacked(names.data, "data") if names.data else []
    known: set[str] = set()
    tests: list[str] = []
    for name, shape in zip(names.data, shapes, strict=True):
        for k, axis in enumerate(shape):
            size, text = f"{name}.shape[{k}]", results.size(axis.extent)
            if text in names.sizes and text not in known:
                known.add(text)
                lines.append(f"{text} = {size}")
            else:
                tests.append(f"{size} != {text}")
    length = ZERO
    for declared in definition.param_shapes:
        length = length + Volume.product(squeezed(declared))
    count = results.volume(length)
    missing = [size for size in names.sizes if size not in known]
    given = any(name in definition.sizes for name, _ in definition.constants)
    if len(missing) > 1 or given or definition.derived:
        return ""
    if missing:
        (size,) = missing
        lines += [f"{size} = 0", f"while {size} < p.size and {count} < p.size:", f"    {size} += 1"]
    tests.append(f"p.size != {count}")
    tests += [f"{results.size(required.value)} < 0" for required in definition.required]
    check = filled("if (", tests, "):", 2, sep=" or ")
    lines += check if len(check) > 1 else [f"if {' or '.join(tests)}:"]
    lines.append('    raise ValueError("the shapes of the arguments do not fit together")')
    for whole in definition.wholes:
        name = names.data[whole.slot]
        low, high = results.size(whole.low), results.size(whole.high)
        whole_number = f"({name} == np.floor({name}))"
        lines += [
            f"if not np.all(({name} >= {low}) & ({name} <= {high}) & {whole_number}):",
            '    raise ValueError("data that is used as an index is out of range")',
        ]
    lines.append(f"return np.ascontiguousarray(p), {tuple_of(names.data)}, {tuple_of(names.sizes)}")
    return indent(lines, 2)


def columns_typed(names: Identifiers) -> str:
    """Return the function that compiled code has in the place of ``_columns``."""
    if not names.data:
        return ""
    first, *others = names.data
    arguments = ["sc_names", *names.data]
    tests = [f"{name}.size != {first}.size" for name in others]
    inner = filled("def sc_columns(", arguments, "):", 1)
    if tests:
        check = filled("if (", tests, "):", 2, sep=" or ")
        check = check if len(check) > 1 else [f"if {' or '.join(tests)}:"]
        inner += ["    " + line for line in check]
        inner.append('        raise ValueError("the data have different lengths")')
    inner += [
        f"    if {first}.size == 0:",
        '        raise ValueError("the data is empty: at least one sample is needed")',
    ]
    end = ",)" if not others else ")"
    inner += ["    " + line for line in filled("return (", names.data, end, 2)]
    lines = filled("for value in (", names.data, f"{end}:", 1)
    lines += ['    _check("data", value, 1)', "", *inner, "", "return sc_columns"]
    return "\n".join([*filled("def _columns_typed(", arguments, "):", 0), indent(lines, 1)])


def ranks(definition: Definition) -> tuple[int, ...]:
    """Return how many dimensions each data array has there: those of size 1 are left out."""
    return tuple(len(squeezed(shape)) for shape in definition.data_shapes)
