"""Examples in docstrings and in the README run, and give what they say."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
from pathlib import Path
from typing import Any

import pytest

import symcompile as sc
from symcompile.definition_file import load_definitions
from symcompile.stages import show_stage

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(sc.__path__, "symcompile.")
    if not module.name.endswith("__main__")
)


@pytest.mark.parametrize("name", ["symcompile", *MODULES])
def test_docstrings(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def blocks(path: Path) -> list[str]:
    """Return the Python in a page, without what needs built modules."""
    found = re.findall(r"```python\n(.*?)```", path.read_text(encoding="utf-8"), re.S)
    return [block for block in found if "from generated import" not in block]


def shown(code: str, call: str) -> tuple[float, list[float]]:
    """Return the value and the gradient that stand in the comment behind a call."""
    (text,) = re.findall(re.escape(call) + r" *# (.*)", code)
    value, grad = eval(text, {"array": list})
    return value, grad


def run_shown(code: str, names: dict[str, Any]) -> None:
    """Run lines; what a call has behind it in a comment is what it gives."""
    for line in code.splitlines():
        call, _, comment = line.partition("  #")
        if not comment or re.match(r"\w+ = ", call):
            exec(line, names)
            continue
        found, stated = eval(call, names), eval(comment.strip(), names)
        pairs = zip(found, stated, strict=True) if isinstance(stated, tuple) else [(found, stated)]
        for one, other in pairs:
            assert one == other or one == pytest.approx(other, rel=1e-8)


def test_readme() -> None:
    first, formulas, second, fits = blocks(ROOT / "README.md")
    names: dict[str, Any] = {}
    exec(first, names)
    value, grad = shown(first, "kernel.value_and_grad([0, 0], X, Y)")
    found = names["kernel"].value_and_grad([0, 0], names["X"], names["Y"])
    assert found[0] == pytest.approx(value, rel=1e-14)
    assert found[1].tolist() == pytest.approx(grad, rel=1e-14)

    run_shown(formulas, dict(names))
    exec(second, names)
    value, grad = shown(second, "objective.value_and_grad([0, 0, 0])")
    found = names["objective"].value_and_grad([0, 0, 0])
    assert found[0] == pytest.approx(value, rel=1e-14)
    assert found[1].tolist() == pytest.approx(grad, rel=1e-14)
    (fitted,) = re.findall(r"fit\.params *# (\{.*\}), rounded", second)
    expected = eval(fitted, {"array": list})
    assert names["fit"].params["w"].tolist() == pytest.approx(expected["w"], abs=5e-3)
    assert names["fit"].params["b"] == pytest.approx(expected["b"], abs=5e-3)
    assert names["logreg"].pack(w=[0.5, -1], b=2).tolist() == [0.5, -1, 2]
    exec(fits, names)
    assert names["result"].success
    assert names["result"].params["b"] == pytest.approx(0.6, abs=0.02)


def test_readme_shows_the_ir_as_it_is() -> None:
    (part,) = re.findall(r"```\n(# value_and_grad.*?)\n```", (ROOT / "README.md").read_text(), re.S)
    (logreg,) = load_definitions(ROOT / "examples" / "logreg.py")
    assert part in show_stage(logreg, "ir", "python")


def test_the_page_about_data_larger_than_memory_runs() -> None:
    pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    space: dict[str, Any] = {}
    for block in blocks(ROOT / "docs" / "beyond-memory.md"):
        exec(block, space)


@pytest.mark.parametrize(
    "page",
    [
        "fit-results.md",
        "index-notation.md",
        "kinks.md",
        "lambdify.md",
        "many-fits.md",
        "your-own-functions.md",
    ],
)
def test_pages_run(page: str) -> None:
    names: dict[str, Any] = {}
    for block in blocks(ROOT / "docs" / page):
        exec(block, names)


def test_public_names_have_docstrings() -> None:
    for name in sc.__all__:
        found = getattr(sc, name)
        assert isinstance(found, tuple) or found.__doc__, name


def test_no_module_hides_a_public_name() -> None:
    for name in MODULES:
        importlib.import_module(name)
    for name in ("compile", "crosscheck", "define", "lambdify"):
        assert callable(getattr(sc, name)), name


def test_dtypes_page() -> None:
    names: dict[str, Any] = {}
    for block in blocks(ROOT / "docs" / "dtypes.md"):
        exec(block, names)
    assert names["kernel"].value([1j, 2], [0.0, 1.0])[0] == 0.5


def test_pictures_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in blocks(ROOT / "docs" / "pictures.md"):
        exec(block, names)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["f.png", "f.svg"]


def test_sums_and_integrals() -> None:
    (code,) = blocks(ROOT / "docs" / "sums-and-integrals.md")
    run_shown(code, {"array": list})


def test_calling_kernels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from click.testing import CliRunner

    from symcompile.cli import main
    from tests.interop.programs import build_extension, compiler, importing_from, run

    page = ROOT / "docs" / "calling-kernels.md"
    definitions, *python = blocks(page)
    text = page.read_text(encoding="utf-8")
    (cython,) = re.findall(r"```cython\n(.*?)```", text, re.S)
    head, program = re.findall(r"```c\n(.*?)```", text, re.S)
    monkeypatch.chdir(tmp_path)
    Path("peaks.py").write_text(definitions)
    built = CliRunner().invoke(main, ["build", "peaks.py", "--out", "kernels", "--c"])
    assert built.exit_code == 0, built.output
    assert head in Path("kernels/line.h").read_text()

    with importing_from(tmp_path):
        names: dict[str, Any] = {}
        for block in python:
            exec(block, names)

        Path("user_of_peaks.pyx").write_text(cython)
        build_extension(tmp_path, "user_of_peaks")
        user, value = importlib.import_module("user_of_peaks"), names["peak_cython"].value
        slope = names["peak_cython"].grad([0.5, 1.5, 2.0])[0]
        total = user.total(names["np"].array([0.5]), 1.5, 2.0)
        assert total == pytest.approx(2 * value([0.5, 1.5, 2.0]) + slope, rel=1e-14)

    Path("main.c").write_text(program)
    command = (*compiler(), "-O2", "-fopenmp-simd", "-Ikernels", "main.c", "kernels/line.c")
    run(tmp_path, *command, "-o", "main", "-lm", "-lpthread")
    assert run(tmp_path, "./main").split() == ["11.6667", "-6", "-8.66667"]
