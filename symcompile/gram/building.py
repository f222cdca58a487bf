"""Modules for moments with axes, from the cache or new."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from types import ModuleType
from typing import TYPE_CHECKING, Any

from symcompile.binding.gram import Arrays
from symcompile.build.cpu import has_feature, has_llvm
from symcompile.options import Backend, Options

if TYPE_CHECKING:
    from symcompile.frontend.definition import Definition


@lru_cache(maxsize=64)
def around(definition: Definition, arrays: Arrays, options: Options) -> ModuleType:
    """Return a module with what stands around the moments of a function over arrays."""
    from symcompile.build.bytecode import keep_templates
    from symcompile.build.loader import build_python
    from symcompile.emit.gram import emit_arrays

    keep_templates(options)
    return build_python(
        emit_arrays(definition, arrays), f"{definition.name}_{arrays.rest.name}_arrays", options
    )


@lru_cache(maxsize=16)
def sums_and_contractions(options: Options) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return what sums products of columns, and what contracts moments, in twice the precision.

    They are the same for all definitions.
    """
    from symcompile.build.bytecode import keep_templates
    from symcompile.build.loader import build_source, load_known, surroundings
    from symcompile.build.recipes import shared_recipe
    from symcompile.emit.gram import emit_gram

    backend: Backend = "llvm" if has_llvm() else "python"
    name, fused = f"gram_{backend}", has_feature("fma")
    recipe = shared_recipe(
        name, (*surroundings(backend, options), str(options.threads), str(fused))
    )
    module = load_known(recipe, backend, name, options)
    if module is None:
        keep_templates(options)
        source = emit_gram(backend, options.threads, fused=fused)
        module = build_source(source, name, backend, options, recipe)
    return module.sums, module.contractions
