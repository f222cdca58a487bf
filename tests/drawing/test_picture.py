"""Pictures of graphs: what they say, against SymPy, and the files they become."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp
from click.testing import CliRunner

import symcompile as sc
from symcompile.cli import main

pytest.importorskip("matplotlib")

X, Y, W0, W1 = sp.symbols("x y w0 w1")
LINE = sc.define("line", (W0 + W1 * X - Y) ** 2, params=(W0, W1), data=(X, Y), reduce="mean")
FILE = """
import sympy as sp, symcompile as sc
x, w = sp.symbols("x w")
first = sc.define("first", sp.sin(w*x), params=w, data=x, reduce="sum")
second = sc.define("second", w**2, params=w)
"""


def by_label(picture: Any) -> dict[str, Any]:
    return {node.label: node for node in picture.nodes.values()}


def test_values_and_adjoints_are_those_of_sympy() -> None:
    f = (X * Y + sp.sin(X)) ** 2
    picture = sc.define("f", f, params=(X, Y)).graph(at={"x": 2, "y": 3}, backward=True)
    nodes = by_label(picture)
    at = {X: 2, Y: 3}
    assert nodes["^ 2"].value == f"{float(f.subs(at)):.4g}"
    assert nodes["^ 2"].role == "result"
    assert nodes["^ 2"].adjoint == "1"
    assert nodes["sin"].value == f"{float(sp.sin(2)):.4g}"
    inner = 2 * (X * Y + sp.sin(X))
    assert nodes["sin"].adjoint == f"{float(inner.subs(at)):.4g}"
    for symbol in (X, Y):
        assert nodes[symbol.name].adjoint == f"{float(f.diff(symbol).subs(at)):.4g}"


def test_columns_are_shown() -> None:
    data = {"x": [1.0, 2, 3], "y": [3.0, 4, 9]}
    nodes = by_label(LINE.graph(at={"w0": 1, W1: 2, **data}, backward=True))
    assert nodes["x"].value == "[1, 2, 3]"
    assert not nodes["x"].adjoint
    _, gradient = sc.compile(LINE, backend="python").value_and_grad([1, 2], *data.values())
    assert nodes["w1"].adjoint == f"{gradient[1]:.4g}"
    many = {"x": np.arange(50.0), "y": np.arange(50.0)}
    assert by_label(LINE.graph(at={"w0": 1, "w1": 2, **many}))["x"].value == "50 [0, …]"


def test_what_is_compiled_shares_more() -> None:
    twice = sc.define("t", sp.log(1 + sp.exp(X * Y)), params=X, data=Y, reduce="sum")
    assert "softplus" not in by_label(twice.graph())
    written, optimised = twice.graph(), twice.graph(stage="optimised")
    assert len(optimised.nodes) != len(written.nodes)


def test_index_notation() -> None:
    n, d = sp.symbols("n d", integer=True, positive=True)
    i, j = sp.Idx("i", n), sp.Idx("j", d)
    w, x = sp.IndexedBase("w", shape=(d,)), sp.IndexedBase("x", shape=(n, d))
    z = sc.define("z", sp.Sum(sp.Sum(w[j] * x[i, j], j) ** 2, i), params=w, data=x)
    at = {"w": [1.0, 2.0], "x": [[1.0, 0.0], [0.0, 3.0]]}
    picture = z.graph(at=at, backward=True)
    gradient = sc.compile(z, backend="python").grad([1.0, 2.0], np.array(at["x"]))
    shown = ", ".join(f"{value:.4g}" for value in gradient)
    assert by_label(picture)["w"].adjoint == f"[{shown}]"


@pytest.mark.parametrize("kind", ["svg", "png", "pdf"])
def test_files_are_the_same_each_time(kind: str, tmp_path: Path) -> None:
    first = LINE.graph(backward=True).save(tmp_path / f"a.{kind}").read_bytes()
    assert LINE.graph(backward=True).save(tmp_path / f"b.{kind}").read_bytes() == first
    assert len(first) > 1000


def test_names_are_text_and_nothing_else(tmp_path: Path) -> None:
    names = ["$x$", "a_b^c", "\\frac", "<b>", "line\nbreak", "naïve ☃", "x" * 200]
    symbols = [sp.Symbol(name) for name in names]
    picture = sc.define("hostile", sp.Add(*symbols), params=symbols).graph()
    assert picture.save(tmp_path / "hostile.svg").stat().st_size > 1000
    assert "<svg" in picture._repr_svg_()


def test_what_does_not_fit_is_said(tmp_path: Path) -> None:
    with pytest.raises(sc.ArgumentValueError, match="lacks y"):
        LINE.graph(at={"w0": 1, "w1": 2, "x": [1]})
    with pytest.raises(sc.ArgumentValueError, match="names z, which"):
        LINE.graph(at={"w0": 1, "w1": 2, "x": [1], "y": [1], "z": 3})
    with pytest.raises(sc.ArgumentTypeError, match="numbers and arrays"):
        LINE.graph(at={"w0": "one", "w1": 2, "x": [1], "y": [1]})
    with pytest.raises(sc.ArgumentValueError, match="differ in length"):
        LINE.graph(at={"w0": 1, "w1": 2, "x": [1], "y": [1, 2]})
    with pytest.raises(sc.UnsupportedFunctionError, match="not one number"):
        sc.define("rows", X * Y, params=X, data=Y).graph(backward=True)
    with pytest.raises(sc.ArgumentValueError, match="no suffix of a picture"):
        LINE.graph().save(tmp_path / "graph.doc")
    with pytest.raises(sc.ArgumentValueError, match="none of 'written'"):
        LINE.graph(stage="final")  # type: ignore[arg-type]
    long = sp.Add(*(sp.sin(k * X) for k in range(1, 250)))
    with pytest.raises(sc.ArgumentValueError, match="cannot be read"):
        sc.define("long", long, params=X).graph()


def test_the_command(tmp_path: Path) -> None:
    file = tmp_path / "kernels.py"
    file.write_text(FILE)

    def run(*arguments: Any) -> Any:
        return CliRunner().invoke(main, ["graph", str(file), *map(str, arguments)])

    both = run("--out", tmp_path / "pictures", "--format", "png")
    assert both.exit_code == 0, both.output
    assert {path.name for path in (tmp_path / "pictures").iterdir()} == {"first.png", "second.png"}
    at = ("--at", "w=2", "--at", "x=[1,2]", "--backward")
    one = run("first", "--out", tmp_path / "one.svg", *at)
    assert one.exit_code == 0, one.output
    assert (tmp_path / "one.svg").read_text().startswith("<?xml")
    for arguments, message in (
        (("third",), "no definition 'third'"),
        (("--out", tmp_path / "one.svg"), "is one picture"),
        (("first", "--at", "w"), "is not NAME=NUMBER"),
        (("first", "--at", "w=1"), "lacks x"),
    ):
        wrong = run(*arguments)
        assert wrong.exit_code == 2
        assert message in wrong.output
