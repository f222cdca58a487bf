"""Modules for many fits, from the cache or new."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from types import ModuleType

from symcompile.frontend.definition import Definition
from symcompile.ir.graph import SAMPLES, Function, Input, Output, payload
from symcompile.options import Options


@lru_cache(maxsize=64)
def rows_module(definition: Definition, options: Options) -> ModuleType:
    """Return a module of NumPy with ``derived``, whose parameters are columns too."""
    from symcompile.binding.kept import copied
    from symcompile.build.bytecode import keep_templates
    from symcompile.build.loader import build_source, load_known, surroundings
    from symcompile.build.recipes import recipe
    from symcompile.compiler import emit
    from symcompile.schedule import schedule

    name = f"{definition.name}_rows"
    known = recipe(definition, "python", (name,), surroundings("python", options))
    module = load_known(known, "python", name, options)
    if module is not None:
        return module
    keep_templates(options)
    count, free = len(definition.data), len(definition.params)
    first = {"data": 0, "param": count, "constant": count + free}

    def of_columns(function: Function) -> Function:
        leaves = {
            node: Input("data", first[payload(found).role] + payload(found).slot)
            for node, found in enumerate(function.graph)
            if found.op == "input"
        }
        return copied(function, leaves, (SAMPLES,))

    value = of_columns(Function("value", definition.ir, (definition.output,)))
    constants = tuple(constant for constant, _ in definition.constants)
    made = replace(
        definition,
        name=name,
        params=(),
        data=(*definition.data, *definition.params, *constants),
        constants=(),
        ir=value.graph,
        output=value.outputs[0],
        source=None,
        source_params=None,
    )
    source = emit(made, [schedule(of_columns(_together(definition)))], "python")
    return build_source(source, name, "python", options, known)


@lru_cache(maxsize=64)
def fits_module(definition: Definition, options: Options) -> ModuleType:
    """Return a module of machine code with ``fits``; see ``templates/llvm/fits.c.j2``."""
    from symcompile.build.bytecode import keep_templates
    from symcompile.build.loader import build_source, load_known, surroundings
    from symcompile.build.progress import shown
    from symcompile.build.recipes import recipe
    from symcompile.emit.fits import emit_fits
    from symcompile.schedule import schedule

    name = f"{definition.name}_fits"
    around = (*surroundings("llvm", options), str(options.threads))
    known = recipe(definition, "llvm", (name,), around)
    module = load_known(known, "llvm", name, options)
    if module is not None:
        return module
    keep_templates(options)
    with shown(f"compiling {name}"):
        source = emit_fits(definition, schedule(_together(definition)), options.threads)
        return build_source(source, name, "llvm", options, known)


def _together(definition: Definition) -> Function:
    """Return a formula per sample and its derivatives as one function, which share their work.

    Its one result, ``derived``, has a row for each sample: the value, then the derivative in each
    parameter.
    """
    from symcompile.compiler import derived
    from symcompile.passes import optimise

    (value, jacobian), _ = derived(definition, ("value", "jacobian"))
    entries = (*value.outputs[0].entries, *jacobian.outputs[0].entries)
    output = Output("derived", entries, (len(entries),), True)
    return optimise(Function("derived", value.graph, (output,)), stable=definition.stable)
