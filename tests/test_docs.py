"""Examples in docstrings and in the README run, and give what they say."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import symcompile as sc

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(sc.__path__, "symcompile.")
    if not module.name.endswith("__main__")
)


@pytest.mark.parametrize("name", ["symcompile", *MODULES])
def test_docstrings(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_readme_example() -> None:
    (example,) = re.findall(
        r"```python\n(import sympy.*?)```", (ROOT / "README.md").read_text(), re.S
    )
    names: dict[str, object] = {}
    exec(example, names)
    (shown,) = re.findall(r"value_and_grad\(\[0, 0\], X, Y\)  # (.*)", example)
    value, grad = eval(shown, {"array": list})
    kernel, x, y = names["kernel"], names["X"], names["Y"]
    found = kernel.value_and_grad([0, 0], x, y)  # type: ignore[attr-defined]
    assert found[0] == pytest.approx(value, rel=1e-14)
    assert found[1].tolist() == pytest.approx(grad, rel=1e-14)


def test_public_names_have_docstrings() -> None:
    for name in sc.__all__:
        found = getattr(sc, name)
        assert isinstance(found, tuple) or found.__doc__, name


def test_no_module_hides_a_public_name() -> None:
    for name in MODULES:
        importlib.import_module(name)
    for name in ("compile", "crosscheck", "define", "lambdify"):
        assert callable(getattr(sc, name)), name
