"""What type checkers and Cython read of a generated module: its ``.pyi`` and its ``.pxd``."""

from __future__ import annotations

from collections.abc import Sequence

from symcompile.emit.c_interface import comment
from symcompile.emit.c_program import exported
from symcompile.emit.lines import filled, number_text
from symcompile.emit.numbers import Numbers, numbers_of
from symcompile.emit.signature import identifiers, signature
from symcompile.emit.templates import render
from symcompile.frontend.definition import Definition
from symcompile.ir.graph import Function, Kind, Output


def emit_stub(definition: Definition, functions: Sequence[Function], module: str, text: str) -> str:
    """Return the types of a module.

    Args:
        definition: whose module it is.
        functions: the functions of the module.
        module: its name.
        text: its source.
    """
    names, numbers = identifiers(definition), numbers_of(definition)
    number = "complex" if numbers.arguments_complex else "float"
    bodies = []
    for function in functions:
        called = signature(definition, names, function)
        positional = ["p", *([called.vector] if called.vector else []), *names.data]
        arguments = [f"{name}: npt.ArrayLike" for name in positional]
        keywords = []
        for name, (_, default) in zip(names.constants, definition.constants, strict=True):
            if name in names.sizes:
                keywords.append(f"{name}: float | None = None")
            elif default is None:
                keywords.append(f"{name}: {number}")
            else:
                keywords.append(f"{name}: {number} = {number_text(default)}")
        types = [_type(output, numbers) for output in function.outputs]
        result = types[0] if len(types) == 1 else f"tuple[{', '.join(types)}]"
        arguments += ["*", *keywords] if keywords else []
        head = filled(f"def {called.name}(", arguments, f") -> {result}:", 0)
        bodies.append("\n".join([*head, f'    """{called.summary}"""']))
    return render(
        "shared/stub.pyi.j2",
        module=module,
        bodies=bodies,
        record="__symcompile__" in text,
        exports="cdef api " in text,
    )


def emit_declarations(definition: Definition, functions: Sequence[Function], module: str) -> str:
    """Return what other Cython modules ``cimport`` of one.

    Args:
        definition: whose module it is.
        functions: the functions of the module.
        module: its name.
    """
    found = exported(definition, functions)
    declarations = []
    for function in found:
        told = comment(function.notes(), "# ", "# ", "")
        head = function.declared(function.python, "cdef ", " noexcept nogil")
        declarations.append("\n".join([*told, *head]))
    return render(
        "cython/kernel.pxd.j2",
        module=module,
        sized=any(function.sized for function in found),
        declarations=declarations,
    )


def _type(output: Output, numbers: Numbers) -> str:
    """Return the type of a result."""
    if not output.layout and not output.per_sample:
        return "complex" if output.kind is Kind.COMPLEX else "float"
    return f"npt.NDArray[np.{numbers.returned(output.kind)}]"
