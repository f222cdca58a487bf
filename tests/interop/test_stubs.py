"""The types of generated modules are those of their functions, and satisfy a strict checker."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from symcompile.generate import generate, write, write_package
from symcompile.options import BACKENDS
from tests.interop import programs

GOLDEN = Path(__file__).resolve().parent.parent.parent / "generated"


def _functions(text: str) -> dict[str, tuple[list[str], list[str], list[str | None], str | None]]:
    """Return positional and keyword arguments, defaults and documentation of public functions."""
    found = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            arguments = node.args
            defaults = [ast.unparse(d) if d else None for d in arguments.kw_defaults]
            found[node.name] = (
                [a.arg for a in arguments.args],
                [a.arg for a in arguments.kwonlyargs],
                defaults,
                ast.get_docstring(node),
            )
    return found


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*_python.py")), ids=lambda path: path.name)
def test_signatures_are_those_of_the_module(path: Path) -> None:
    module = _functions(path.read_text(encoding="utf-8"))
    for backend in ("python", "numba", "cython"):
        name = path.name.replace("_python.py", f"_{backend}.pyi")
        stub = _functions((GOLDEN / name).read_text(encoding="utf-8"))
        assert {"value", "jvp"} <= stub.keys()
        assert stub == {name: module[name] for name in stub}
        assert stub.keys() == {name for name in module if name != "derived"}


_USER = """
import numpy as np
import numpy.typing as npt
from scipy.optimize import OptimizeResult

from kernels import (
    blend_python, fit_cython, fit_numba, oscillator_llvm, rows_python, series_python, twisted_python
)

def descend(w: npt.NDArray[np.float64], X: npt.NDArray[np.float64], y: list[float]) -> float:
    value, grad = fit_cython.value_and_grad(w, X, y, h=0.3)
    w -= 0.1*grad
    found: npt.NDArray[np.float64] = fit_numba.hessian(w, X, y)
    return value + float(found[0, 0]) + blend_python.value([1, 2, 3], h=2)

rates: npt.NDArray[np.float64] = oscillator_llvm.value([0.0, 1.0], t=0.5)
rows: npt.NDArray[np.float64] = rows_python.jacobian((1.0, 2.0), [1.0], [2.0])
number: float = series_python.value([0.5], n=3)
turned: complex = twisted_python.value([1j, 2.0], h=1j)
capsules = fit_cython.__pyx_capi__["fit_value"]
names: tuple[str, ...] = blend_python.PARAMS
"""
_WRONG = {
    "blend_python.value()": "Missing positional argument",
    "blend_python.value([1.0], 2.0)": "Too many positional arguments",
    "blend_python.value([1.0], k=2.0)": 'Unexpected keyword argument "k"',
    'blend_python.value([1.0], h="a")': 'Argument "h"',
    "blend_python.value([1.0]).shape": 'has no attribute "shape"',
    "blend_python.gradient([1.0])": 'Module has no attribute "gradient"',
}


def test_a_strict_checker_accepts_and_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = pytest.importorskip("mypy.api")
    package = tmp_path / "kernels"
    definitions = (
        *(programs.BLEND, programs.FIT, programs.ROWS, programs.SERIES, programs.OSCILLATOR),
        programs.TWISTED,
    )
    for definition in definitions:
        for source in generate(definition, BACKENDS):
            write(source, package)
    write_package(package)
    lines = [line for line in _USER.split("\n") if "scipy" not in line]
    (tmp_path / "user.py").write_text("\n".join(lines))
    wrong = "".join(f"{text}\n" for text in _WRONG)
    (tmp_path / "wrong.py").write_text("from kernels import blend_python\n" + wrong)
    monkeypatch.chdir(tmp_path)
    cache = f"--cache-dir={tmp_path / 'mypy'}"
    output, errors, status = api.run(["--strict", cache, "user.py", "kernels"])
    assert not status, output + errors
    output, _, status = api.run(["--strict", cache, "wrong.py"])
    assert status
    for line, message in enumerate(_WRONG.values(), 2):
        assert any(
            f"wrong.py:{line}:" in found and message in found for found in output.split("\n")
        )
