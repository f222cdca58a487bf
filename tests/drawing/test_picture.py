"""Pictures: what is on them, what it is worth at a point, and the files."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp
from matplotlib.backends.backend_agg import FigureCanvasAgg

import symcompile as sc
from symcompile.definition_file import load_definitions

ROOT = Path(__file__).resolve().parent.parent.parent
x, y = sp.symbols("x y")
SQUARE = sc.define("f", (x * y + sp.sin(x)) ** 2, params=(x, y))


def number(text: str | None) -> float:
    assert text is not None
    return float(text.replace("−", "-"))


def by_label(picture: Any) -> dict[str, Any]:
    return {node.label: node for node in picture.nodes}


def test_nodes_and_edges_are_those_of_the_formula() -> None:
    picture = SQUARE.graph()
    labels = [node.label for node in picture.nodes]
    assert labels.index("x") < labels.index("sin") < labels.index("+") < labels.index("f")
    assert sorted(labels) == sorted(["x", "y", "×", "sin", "+", "(·)²", "f"])
    named = {(labels[e.start], labels[e.end]) for e in picture.edges}
    assert named == {
        *(("x", "×"), ("y", "×"), ("x", "sin"), ("×", "+"), ("sin", "+")),
        *(("+", "(·)²"), ("(·)²", "f")),
    }
    assert repr(picture) == "<graph of f: 7 nodes, 7 edges>"


def test_values_and_adjoints_are_those_of_sympy() -> None:
    point = {x: 1.5, y: 2.0}
    found = by_label(SQUARE.graph(at=point, backward=True))
    s, t, u = sp.symbols("s t u")  # of the sum, the product and the sine
    product, sine = x * y, sp.sin(x)
    cases = {
        "x": (x, sp.diff((x * y + sine) ** 2, x)),
        "y": (y, sp.diff((x * y + sine) ** 2, y)),
        "×": (product, sp.diff((t + sine) ** 2, t).subs(t, product)),
        "sin": (sine, sp.diff((product + u) ** 2, u).subs(u, sine)),
        "+": (product + sine, sp.diff(s**2, s).subs(s, product + sine)),
        "(·)²": ((product + sine) ** 2, sp.Integer(1)),
        "f": ((product + sine) ** 2, sp.Integer(1)),
    }
    for label, (value, slope) in cases.items():
        assert number(found[label].value) == pytest.approx(float(value.subs(point)), rel=1e-3)
        assert number(found[label].adjoint) == pytest.approx(float(slope.subs(point)), rel=1e-3)


@pytest.mark.parametrize("stage", ["written", "optimised"])
def test_a_loss_over_data(stage: Any) -> None:
    w, b = sp.symbols("w b")
    loss = sc.define(
        "loss", sp.log(1 + sp.exp(-y * (w * x + b))), params=(w, b), data=(x, y), reduce="mean"
    )
    at = {"w": 0.5, "b": -1, "x": [1.0, 2.0, 3.0], "y": [1, -1, 1]}
    found = by_label(loss.graph(at=at, backward=True, stage=stage))
    margin = np.array(at["y"]) * (0.5 * np.array(at["x"]) - 1)
    slope = -np.array(at["y"]) / (1 + np.exp(margin)) / 3
    assert number(found["loss"].value) == pytest.approx(np.log1p(np.exp(-margin)).mean(), rel=1e-3)
    assert number(found["b"].adjoint) == pytest.approx(slope.sum(), rel=1e-3)
    assert number(found["w"].adjoint) == pytest.approx((slope * at["x"]).sum(), rel=1e-3)
    assert found["x"].value == "[1, 2, 3]"
    assert found["x"].adjoint is None
    assert ("softplus" in found) == (stage == "optimised")


def test_arrays_are_summed_up_and_agree_with_the_kernel() -> None:
    (mlp,) = load_definitions(ROOT / "examples" / "mlp.py")
    rng = np.random.default_rng(1)
    shapes = {"W1": (3, 4), "b1": (1, 4), "W2": (4, 2), "b2": (1, 2)}
    params = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    data = {"X": rng.normal(size=(5, 3)), "Y": np.eye(2)[[0, 1, 1, 0, 1]]}
    found = by_label(mlp.graph(at={**params, **data}, backward=True))
    kernel = sc.compile(mlp, backend="python")
    value, grad = kernel.value_and_grad(mlp.pack(params), *data.values())
    assert number(found["mlp"].value) == pytest.approx(value, rel=1e-3)
    slope = mlp.unpack(grad, *data.values())["W1"]
    low, high = found["W1"].adjoint.removeprefix("3×4: ").split(" … ")
    assert [number(low), number(high)] == pytest.approx([slope.min(), slope.max()], rel=1e-3)
    assert found["W1"].detail == "[d, h]"


def test_derivatives_flow_only_where_parameters_reach() -> None:
    picture = sc.define("g", x * sp.exp(y), params=x, data=y, reduce="sum").graph(backward=True)
    flows = {(picture.nodes[e.start].label, e.backward) for e in picture.edges}
    assert {("y", False), ("exp", False), ("x", True), ("×", True)} <= flows


def test_a_definition_without_parameters() -> None:
    found = by_label(sc.define("g", x**2, constants={x: 3}).graph(at={}, backward=True))
    assert (found["x"].value, found["x"].adjoint) == ("3", "6")


def test_places_of_arguments_stand_where_they_matter() -> None:
    picture = sc.define("q", x / y, params=(x, y)).graph()
    assert {(picture.nodes[e.start].label, e.place) for e in picture.edges} == {
        *(("x", "1"), ("y", "2"), ("÷", "")),
    }


@pytest.mark.parametrize(
    "expr",
    [
        sp.Integer(3),
        x,
        sp.pi * x,
        x * x,
        sp.Piecewise((x, x > y), (y**2, True)),
        sp.Max(x, 0),
        x**y,
        2**x,
        sp.Integral(sp.exp(-y * sp.Symbol("t") ** 2), (sp.Symbol("t"), 0, x)),
        sp.Derivative(sp.sin(x * y), x),
        [x, x + y, sp.Integer(0)],
        sp.Matrix([[x, y], [y, x]]),
        {"one": x, "two": x},
    ],
)
def test_formulas_of_every_kind_are_drawn(expr: Any, tmp_path: Path) -> None:
    made = sc.define("made", expr, params=(x, y))
    for stage in ("written", "optimised"):
        picture = made.graph(at={"x": 0.5, "y": 1.5}, backward=made.scalar, stage=stage)  # type: ignore[arg-type]
        assert all(e.start < e.end for e in picture.edges)
        assert all(n.value is not None for n in picture.nodes)
    assert picture.save(tmp_path / "made.png").stat().st_size > 1000


@pytest.mark.parametrize(
    "name",
    ["$x_1^2$", r"\frac{a}{", "a\nb", "α̂--&<>", "\x00\x07", "$", "漢字", "x" * 99, "\ud800"],
)
def test_hostile_names_are_text(name: str) -> None:
    picture = sc.define("h", sp.Symbol(name) ** 2, params=sp.Symbol(name)).graph()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawn = picture._repr_svg_()
    assert drawn.lstrip().startswith("<?xml")

    ElementTree.fromstring(drawn)
    shown = [text.get_text() for text in picture.figure().axes[0].texts]
    assert picture.nodes[0].label in shown
    assert len(picture.nodes[0].label) <= 28 and "\n" not in picture.nodes[0].label


def test_no_text_leaves_its_node_or_meets_another() -> None:
    at = {"x": 1.23456e-7, "y": -2e20}
    figure: Any = SQUARE.graph(at=at, backward=True).figure()
    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    boxes = [text.get_window_extent(renderer) for text in figure.axes[0].texts]
    pages = [box.frozen().padded(-1.5) for box in boxes]
    assert not any(a.overlaps(b) for k, a in enumerate(pages) for b in pages[:k])
    patches = [p for p in figure.axes[0].patches if hasattr(p, "get_boxstyle")]
    shapes = [patch.get_window_extent(renderer) for patch in patches]
    for box in boxes[3:]:  # after the title and the key
        assert any(s.x0 <= box.x0 and box.x1 <= s.x1 and s.y0 <= box.y0 for s in shapes)


_WRITE = """
import sys, sympy as sp, symcompile as sc
x, y = sp.symbols("x y")
f = sc.define("f", (x*y + sp.sin(x))**2, params=(x, y)).graph(at={x: 1, y: 2}, backward=True)
for suffix in ("svg", "png", "pdf"):
    f.save(f"{sys.argv[1]}/f.{suffix}")
"""


def test_files_are_the_same_on_every_run(tmp_path: Path) -> None:
    for seed in ("1", "2"):
        (tmp_path / seed).mkdir()
        command = [sys.executable, "-c", _WRITE, str(tmp_path / seed)]

        subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": seed}, check=True)
    heads = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}
    for suffix, head in heads.items():
        one, two = ((tmp_path / seed / f"f.{suffix}").read_bytes() for seed in ("1", "2"))
        assert one == two
        assert one.startswith(head)


def test_errors_say_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(sc.SymcompileError, match=r"use \.svg, \.png, \.pdf"):
        SQUARE.graph().save(tmp_path / "f.gif")
    with pytest.raises(sc.SymcompileError, match="cannot be written"):
        SQUARE.graph().save(tmp_path / "missing" / "f.svg")
    with pytest.raises(sc.SymcompileError, match=r"has 7 nodes.*limit=7"):
        SQUARE.graph(limit=3)
    with pytest.raises(sc.SymcompileError, match="a value is missing for y"):
        SQUARE.graph(at={"x": 1})
    with pytest.raises(sc.SymcompileError, match="f has no z; it takes x, y"):
        SQUARE.graph(at={"z": 1})
    with pytest.raises(sc.SymcompileError, match="x has shape"):
        SQUARE.graph(at={"x": [1, 2], "y": 1})
    with pytest.raises(sc.SymcompileError, match="'written' or 'optimised'"):
        SQUARE.graph(stage="fast")  # type: ignore[arg-type]
    with pytest.raises(sc.SymcompileError, match="forward only"):
        sc.define("v", [x, y], params=(x, y)).graph(backward=True)
    columns = sc.define("c", x * y, data=(x, y))
    with pytest.raises(sc.SymcompileError, match="different lengths"):
        columns.graph(at={"x": [1], "y": [1, 2]})
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(sc.SymcompileError, match=r'pip install "symcompile\[demo\]"'):
        SQUARE.graph().figure()
