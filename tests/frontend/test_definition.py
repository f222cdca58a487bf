"""``define``: roles, shapes, identity, and its errors."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import Any

import pytest
import sympy as sp

from symcompile.errors import DefinitionError, LoweringError, SymcompileError
from symcompile.frontend.definition import define

w, v, x, y, lam = sp.symbols("w v x y lam")


@pytest.mark.parametrize(
    ("expr", "data", "reduce", "shape", "per_sample"),
    [
        (w, (), None, (), False),
        (w * x, x, None, (), True),
        (w * x, x, "mean", (), False),
        ([w, v], (), None, (2,), False),
        ([w, x], x, None, (2,), True),
        ([w, x], x, "sum", (2,), False),
        ([w], (), None, (1,), False),
        (sp.Matrix([[w, v, 1], [0, v, w]]), (), None, (2, 3), False),
        (sp.Matrix([w, x]), x, None, (2, 1), True),
        (sp.ImmutableMatrix([[w]]), (), None, (1, 1), False),
        (sp.Array([[w, v]]), (), None, (1, 2), False),
        ({"a": w, "b": v * w}, (), None, (2,), False),
        (sp.Tuple(w, v), (), None, (2,), False),
        ([(y, w + v), y**2], (), None, (), False),
        ([(y, w + v)], (), None, (), False),
        ([(y, w + v), y, y * w], (), None, (2,), False),
        (sp.cse([sp.sin(w + v), sp.cos(w + v)]), (), None, (2,), False),
        (sp.cse(sp.sin(w + v) + sp.cos(w + v)), (), None, (), False),
        (sp.cse(sp.Matrix([[sp.sin(w + v), sp.cos(w + v)]])), (), None, (1, 2), False),
    ],
)
def test_shapes(expr: Any, data: Any, reduce: Any, shape: Any, per_sample: bool) -> None:
    found = define("f", expr, params=(w, v), data=data, reduce=reduce)
    assert found.output.shape == shape
    assert found.output.per_sample is per_sample
    assert found.scalar is (shape == () and not per_sample)


@pytest.mark.parametrize("name", ["", "2f", "a b", "def", "f-g", "é", "__f", "a;b", "../f", 3])
def test_bad_names(name: Any) -> None:
    with pytest.raises(DefinitionError, match="identifier"):
        define(name, w, params=w)


@pytest.mark.parametrize(
    ("expr", "roles", "message"),
    [
        (w, {"params": (w, w)}, "two places"),
        (w * x, {"params": w, "data": (x, w)}, "two places"),
        (w, {"params": "w"}, "SymPy symbols"),
        (w, {"params": ("w",)}, "not a SymPy symbol"),
        (w, {"params": (w + 1,)}, "not a SymPy symbol"),
        (w, {"params": w, "reduce": "mean"}, "no samples"),
        (w * x, {"params": w, "data": x, "reduce": "max"}, "mean"),
        ([], {"params": w}, "empty"),
        ([[w + 1, w], [w, w]], {"params": w}, "nest"),
        ([(w, v)], {"params": (w, v)}, "already"),
        ([(y, w), (y, w)], {"params": w}, "already"),
        ([(y, w), y, (x, w)], {"params": w}, "first"),
        (w * lam, {"params": w, "constants": {lam: "abc"}}, "not a number"),
        (w * lam, {"params": w, "constants": {lam: x}}, "not a number"),
        (w, {"params": w, "constants": (sp.Dummy("t"), sp.Dummy("t"))}, "two of one name"),
    ],
)
def test_errors(expr: Any, roles: dict[str, Any], message: str) -> None:
    with pytest.raises(DefinitionError, match=message) as caught:
        define("f", expr, **roles)
    assert isinstance(caught.value, SymcompileError | ValueError)


def test_an_intermediate_may_not_come_after_its_use() -> None:
    a, b = sp.symbols("a b")
    with pytest.raises(LoweringError, match="the symbol b"):
        define("f", [(a, b + w), (b, w)], params=w)


def test_equality_and_hash_follow_the_formula() -> None:
    first = define("f", w * x + 1, params=w, data=x, reduce="sum")
    assert first == define("f", 1 + x * w, params=w, data=x, reduce="sum")
    assert len({first, define("f", 1 + x * w, params=w, data=x, reduce="sum")}) == 1
    for other in (
        define("g", w * x + 1, params=w, data=x, reduce="sum"),
        define("f", w * x + 1, params=w, data=x, reduce="mean"),
        define("f", w * x + 1, params=w, data=x),
        define("f", w * x + 2, params=w, data=x, reduce="sum"),
        define("f", w * x + 1, params=x, data=w, reduce="sum"),
        define("f", [w * x + 1], params=w, data=x, reduce="sum"),
        define("f", w * x + 1, params=w, data=x, reduce="sum", constants={lam: 1.0}),
    ):
        assert first != other
    assert first != "f"


def test_pickles_without_sympy_trees() -> None:
    first = define("f", {"a": w * x + 1}, params=w, data=x, constants={lam: 0.5})
    copy = pickle.loads(pickle.dumps(first))
    assert copy == first
    assert copy.source is None
    assert copy.keys == ("a",)
    assert b"sympy" not in pickle.dumps(first).replace(b"symcompile", b"")


def test_the_digest_is_the_same_in_every_process() -> None:
    code = """
import sympy as sp
from symcompile.frontend.definition import define
w, x = sp.symbols("w x")
print(define("f", sp.Max(w*x, x**2, w, 1)*sp.sin(w + x + 1), params=w, data=x).digest)
"""
    runs = [
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    ]
    assert runs[0] == runs[1]
    assert len(runs[0]) == 65


def test_constants_of_thousands_of_digits() -> None:
    huge = sp.Rational(7**9000 + 1, 7**9000)
    first = define("f", huge * w, params=w)
    assert first == define("f", huge * w, params=w)
    assert first != define("f", (huge + 1) * w, params=w)


def test_two_dummies_of_one_name() -> None:
    one, two = sp.Dummy("t"), sp.Dummy("t")
    found = define("f", one - two, params=(one, two))
    assert found.params == ("_t", "_t")
    assert found != define("f", two - one, params=(one, two))
