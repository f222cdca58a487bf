"""Rendering: templates hold the scaffolding a reader sees, and nothing is undefined in them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symcompile.emit.helper_names import numbered
from symcompile.emit.lines import tuple_text

if TYPE_CHECKING:
    from jinja2 import Environment


def template_folder() -> Path:
    """Return the folder of the templates: in the installed package, or in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "templates"
    return inside if inside.is_dir() else package.parent / "templates"


#: Set by the tests: every key given must be one that the template uses. Finding those takes as
#: long as compiling the template.
CHECKED = "SYMCOMPILE_CHECK_TEMPLATES"


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Return the Jinja2 environment; it refuses what is undefined.

    What templates compile to is kept in memory only, until :mod:`symcompile.build.bytecode` is
    told where the cache is.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    env = Environment(
        loader=FileSystemLoader(template_folder()),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    env.filters["tuple_text"] = tuple_text
    return env


def render(template: str, /, **context: Any) -> str:
    """Return a template filled in; the helper functions in it get their final names.

    Args:
        template: its name.
        context: what it is filled with.

    Raises:
        ValueError: a key that the template lacks; in tests, also one that it does not use.
    """
    if CHECKED in os.environ:
        unused = set(context) - _variables(template)
        if unused:
            raise ValueError(f"the template {template} does not use {', '.join(sorted(unused))}")
    return part(template, context)


def part(template: str, context: Mapping[str, Any]) -> str:
    """Return a template filled in, where another one takes the rest of what is given."""
    from jinja2 import UndefinedError

    try:
        return numbered(environment().get_template(template).render(**context))
    except UndefinedError as error:
        raise ValueError(f"the template {template}: {error}") from error


@lru_cache(maxsize=32)
def _variables(name: str) -> frozenset[str]:
    """Return the free variables of a template and of those that it includes."""
    from jinja2 import meta

    env = environment()
    found: set[str] = set()
    pending = [name]
    while pending:
        assert env.loader is not None
        source = env.loader.get_source(env, pending.pop())[0]
        tree = env.parse(source)
        found |= meta.find_undeclared_variables(tree)
        pending += [n for n in meta.find_referenced_templates(tree) if n is not None]
    return frozenset(found)
