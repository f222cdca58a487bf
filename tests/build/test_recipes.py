"""A warm start: the module of a definition is found without compiling it again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sympy as sp

import symcompile as sc
from symcompile import compiler
from symcompile.build import recipes
from symcompile.build.cache import Cache
from symcompile.build.loader import load_known, surroundings

w, x, y = sp.symbols("w x y")


def squares(name: str = "squares", **changes: Any) -> sc.Definition:
    return sc.define(name, (w * x - y) ** 2, params=w, data=(x, y), **{"reduce": "sum", **changes})


def recipe_of(definition: sc.Definition, *names: str, backend: str = "python") -> str:
    return recipes.recipe(definition, backend, names or ("value",), ("here",))


def test_a_warm_start_runs_no_pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = sc.Options(cache_dir=tmp_path)
    first = sc.compile(squares(), backend="python", options=options)

    def fail(*_: object) -> None:
        raise AssertionError("the pipeline ran")

    monkeypatch.setattr(compiler, "plan", fail)
    monkeypatch.setattr(compiler, "emit", fail)
    again = sc.compile(squares(), backend="python", options=options)
    assert again.source == first.source
    assert again.value([2.0], [1.0], [3.0]) == 1.0
    with pytest.raises(AssertionError, match="pipeline ran"):
        sc.compile(squares(reduce="mean"), backend="python", options=options)


def test_a_warm_start_imports_neither_passes_nor_templates(tmp_path: Path) -> None:
    code = """
import sys, sympy as sp, symcompile as sc
x = sp.Symbol("x")
print(sc.compile(x**2, params=x, backend="python").grad([3]))
print(sorted({"jinja2", "symcompile.passes", "numpy.ma"} & sys.modules.keys()))
"""
    env = {"SYMCOMPILE_CACHE_DIR": str(tmp_path), "PYTHONPATH": ":".join(sys.path)}
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
        )
    assert done.stdout.splitlines() == ["[6.]", "[]"]


def test_what_decides_the_source_is_in_the_recipe() -> None:
    one = recipe_of(squares())
    assert one == recipe_of(squares())
    others = [
        recipe_of(squares("other")),
        recipe_of(squares(reduce="mean")),
        recipe_of(squares(stable=False)),
        recipe_of(squares(dtype="float32")),
        recipe_of(squares(), "value", "grad"),
        recipe_of(squares(), backend="numba"),
        recipes.recipe(squares(), "python", ("value",), ("elsewhere",)),
    ]
    assert len({one, *others}) == len(others) + 1


def test_names_of_intermediates_are_in_the_recipe() -> None:
    def definition(name: str) -> sc.Definition:
        middle = sp.Symbol(name)
        return sc.define("f", [(middle, sp.sin(x)), (y, middle**2)], params=x)

    assert definition("s").digest == definition("t").digest
    assert recipe_of(definition("s")) != recipe_of(definition("t"))


def test_a_changed_compiler_has_other_recipes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = recipe_of(squares())
    (tmp_path / "kernel.py.j2").write_text("changed")
    monkeypatch.setattr(recipes, "template_folder", lambda: tmp_path)
    recipes._compiler.cache_clear()
    try:
        assert recipe_of(squares()) != one
    finally:
        recipes._compiler.cache_clear()


@pytest.mark.parametrize("damage", ["", "00", "no digest at all", "{other}"])
def test_a_damaged_note_is_not_followed(tmp_path: Path, damage: str) -> None:
    cache = Cache(tmp_path)
    key, other, recipe = "a" * 64, "b" * 64, "c" * 64
    for each in (key, other):
        cache.get_or_build(each, lambda folder: (folder / "f").write_text("1") and None)
    cache.note(recipe, key)
    entry = cache.noted(recipe)
    assert entry is not None and entry.name == key
    path = cache._note(recipe)
    path.write_text(damage.format(other=path.read_text().replace(key, other)))
    assert cache.noted(recipe) is None


def test_an_entry_that_is_gone_is_built_again(tmp_path: Path) -> None:
    options = sc.Options(cache_dir=tmp_path)
    sc.compile(squares(), backend="python", options=options)
    assert Cache(tmp_path).clear() == 1
    assert not (tmp_path / "recipes").exists()
    kernel = sc.compile(squares(), backend="python", options=options)
    assert kernel.value([2.0], [1.0], [3.0]) == 1.0
    assert Cache(tmp_path).info().entries == 1


def test_unknown_recipes(tmp_path: Path) -> None:
    options = sc.Options(cache_dir=tmp_path)
    assert load_known("d" * 64, "python", "squares_python", options) is None
    assert surroundings("python", options) == surroundings("python", options)
    with pytest.raises(ValueError, match="64 hexadecimal digits"):
        Cache(tmp_path).noted("../escape")
