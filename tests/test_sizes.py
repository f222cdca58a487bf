"""Sizes from shapes, from the length of the parameters, and what is said when they disagree."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

import symcompile as sc
from symcompile.emit.numbers import Numbers
from symcompile.emit.python import tables
from symcompile.emit.templates import environment
from symcompile.errors import ArgumentTypeError, ArgumentValueError
from symcompile.frontend.linear import Derived
from symcompile.frontend.roles import Required
from symcompile.ir.affine import Affine
from symcompile.ir.graph import Graph, Output
from symcompile.sizes import parameter_lengths, solve_sizes, split

n, d, h, m = (Affine.of(name) for name in "ndhm")
ONE = Affine(1)


def made(
    data: dict[str, tuple[Affine, ...]],
    params: dict[str, tuple[Affine, ...]],
    sizes: str,
    *,
    constants: str = "",
    derived: tuple[Derived, ...] = (),
    required: tuple[Required, ...] = (),
) -> sc.Definition:
    """Return a definition of which only the shapes matter."""
    graph = Graph()
    return sc.Definition(
        name="f",
        params=tuple(params),
        data=tuple(data),
        constants=tuple((name, None) for name in constants.split()),
        reduce=None,
        ir=graph,
        output=Output("value", (graph.constant(0),), (), False),
        param_shapes=tuple(params.values()),
        data_shapes=tuple(data.values()),
        sizes=tuple(sizes.split()),
        derived=derived,
        required=required,
        indexed=True,
    )


LOGREG = made({"X": (n, d), "y": (n,)}, {"w": (d,), "b": ()}, "n d")
NETWORK = made({"X": (n, d), "Y": (n, m)}, {"W": (d, h), "c": (h,), "V": (h, m)}, "n d m h")


def test_shapes_of_the_data() -> None:
    assert solve_sizes(LOGREG, [(7, 3), (7,)], 4) == {"n": 7, "d": 3}


def test_length_of_the_parameters() -> None:
    for hidden in (0, 1, 2, 128, 10_001):
        length = 5 * hidden + hidden + hidden * 2
        assert solve_sizes(NETWORK, [(9, 5), (9, 2)], length)["h"] == hidden


def test_constants() -> None:
    assert solve_sizes(NETWORK, [(9, 5), (9, 2)], None, {"h": 4.0, "lam": 0.5})["h"] == 4
    assert solve_sizes(NETWORK, [(9, 5), (9, 2)], 32, {"h": 4})["h"] == 4


def test_one_shape_leads_to_another() -> None:
    f = made({"a": (n + d,), "b": (d + h,), "c": (2 * h - 1,)}, {}, "d h n")
    assert solve_sizes(f, [(10,), (5,), (3,)], 0) == {"d": 3, "h": 2, "n": 7}


def test_a_size_from_the_length_leads_to_others() -> None:
    f = made({"a": (n + d,)}, {"w": (d,)}, "d n")
    assert solve_sizes(f, [(10,)], 4) == {"d": 4, "n": 6}


def test_derived_sizes() -> None:
    f = made({"y": (n,)}, {"w": (m,)}, "n m", derived=(Derived("m", n + 1, 2),))
    assert solve_sizes(f, [(7,)], 4) == {"n": 7, "m": 4}
    assert solve_sizes(f, [(6,)], 3) == {"n": 6, "m": 3}


FIXED = made({"X": (n, Affine(3))}, {}, "n")
EVEN = made({"x": (2 * n,)}, {}, "n")
SHIFTED = made({"x": (n,), "y": (n - 1,)}, {}, "n")
LONGER = made({"x": (n + 2,)}, {}, "n")
BACKWARD = made({"y": (n,)}, {}, "n", required=(Required(n - 3, "y[t - 3] for t from 3"),))


@pytest.mark.parametrize(
    ("definition", "shapes", "length", "says"),
    [
        (LOGREG, [(7, 3), (6,)], 4, "y has 6 entries (axis 0), but X fixes n = 7"),
        (LOGREG, [(7, 3), (7,)], 5, "p has 5 entries, but the parameters take 4: w (3,), b"),
        (NETWORK, [(9, 5), (8, 2)], 32, "Y has 8 rows (axis 0), but X fixes n = 9"),
        (NETWORK, [(9, 5), (9, 2)], 33, "p has 33 entries, but the parameters take 40: W (5, 5)"),
        (FIXED, [(4, 2)], 0, "X has 2 columns (axis 1), but it takes 3"),
        (EVEN, [(5,)], 0, "x has 5 entries (axis 0), but 2*n is never 5"),
        (SHIFTED, [(5,), (5,)], 0, "y has 5 entries (axis 0), but n - 1 = 4, as x fixes n = 5"),
        (LONGER, [(1,)], 0, "x makes n = -1: a size is not negative"),
        (BACKWARD, [(2,)], 0, "y[t - 3] for t from 3: out of range where y fixes n = 2"),
    ],
)
def test_shapes_that_disagree(
    definition: sc.Definition, shapes: list[tuple[int, ...]], length: int, says: str
) -> None:
    with pytest.raises(ArgumentValueError) as caught:
        solve_sizes(definition, shapes, length)
    assert says in str(caught.value)


def test_a_constant_that_disagrees() -> None:
    with pytest.raises(ArgumentValueError, match=r"X has 3 columns .axis 1., but d = 4 was passed"):
        solve_sizes(LOGREG, [(7, 3), (7,)], None, {"d": 4})
    for value in (2.5, -1, float("nan")):
        with pytest.raises(ArgumentValueError, match="whole number"):
            solve_sizes(LOGREG, [(7, 3), (7,)], None, {"d": value})


def test_a_size_that_nothing_says() -> None:
    f = made({}, {"A": (n, d)}, "n d")
    with pytest.raises(ArgumentTypeError, match="needs the size n, which no array fixes: pass n="):
        solve_sizes(f, [], 6)
    assert solve_sizes(f, [], 6, {"d": 3}) == {"n": 2, "d": 3}


def test_pieces() -> None:
    sizes = {"d": 2, "h": 3, "m": 1}
    assert parameter_lengths(NETWORK, sizes) == (6, 3, 3)
    pieces = split(NETWORK, np.arange(12.0), sizes)
    np.testing.assert_array_equal(pieces["W"], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(pieces["c"], [6, 7, 8])
    np.testing.assert_array_equal(pieces["V"], [[9], [10], [11]])


def test_numbers_come_as_floats() -> None:
    pieces = split(LOGREG, np.arange(3.0), {"d": 2})
    assert type(pieces["b"]) is float
    assert pieces["b"] == 2.0


# ------------------------------------------------------------------ in generated modules

_HALF = Derived("m", n + 1, 2)
DEFINITIONS = {
    "logreg": LOGREG,
    "network": NETWORK,
    "network with a size": replace(NETWORK, constants=(("h", None),)),
    "chain": made({"a": (n + d,), "b": (d + h,), "c": (2 * h - 1,)}, {"w": (n, d)}, "d h n"),
    "length first": made({"a": (n + d,)}, {"w": (d,), "v": (2 * d + 1,)}, "d n"),
    "derived": made({"y": (n,)}, {"w": (m,)}, "n m", derived=(_HALF,)),
    "required": made({"y": (n,)}, {}, "n", required=(Required(n - 3, "y[t - 3]"),)),
    "may not grow": made({"X": (n, d)}, {"W": (d, h)}, "n d h"),
    "one": made({"y": (n, ONE), "z": (n,)}, {"w": (d, ONE)}, "n d"),
    "fixed": made({"X": (n, Affine(3))}, {"w": (n - 1,)}, "n"),
}
_HELPERS = ("shared/arguments.py.j2", "shared/sizes.py.j2")


def generated(definition: sc.Definition) -> Any:
    """Return the function with which a generated module checks its arguments."""
    text = [f"{name} = {value}" for name, value in tables(definition)]
    used = {"_arrays", "_number"}
    known = {"used": used, "numbers": Numbers("float64", "float64"), "text": ""}
    text += [environment().get_template(name).render(known) for name in _HELPERS]
    space: dict[str, Any] = {"np": np, "math": math}
    space |= {"PARAMS": definition.params, "DATA": definition.data}
    exec("\n".join(text), space)
    return space["_arrays"]


@pytest.mark.parametrize("name", DEFINITIONS)
@given(data=st.data())
def test_generated_modules_find_the_same(name: str, data: st.DataObject) -> None:
    definition = DEFINITIONS[name]
    size = st.integers(0, 6)
    wanted = {name: data.draw(size) for name in definition.sizes}
    for derived in definition.derived:
        wanted[derived.name] = derived.value.evaluate(wanted) // derived.divisor
    shapes = [
        tuple(max(0, s.evaluate(wanted) + data.draw(st.sampled_from((0,) * 9 + (1,)))) for s in row)
        for row in definition.data_shapes
    ]
    length = sum(parameter_lengths(definition, wanted)) + data.draw(st.sampled_from((0, 0, 0, 1)))
    length = max(length, 0)
    constants = {key: wanted[key] for key, _ in definition.constants if data.draw(st.booleans())}
    arrays = [np.zeros(shape) for shape in shapes]
    call = generated(definition)
    try:
        expected = solve_sizes(definition, shapes, length, constants)
    except (ArgumentValueError, ArgumentTypeError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        with pytest.raises(kind):
            call(np.zeros(length), arrays, constants)
        return
    p, found, sizes = call(np.zeros(length), arrays, constants)
    assert dict(zip(definition.sizes, sizes, strict=True)) == expected
    assert p.shape == (length,)
    squeezed = [
        tuple(s for s, declared in zip(shape, row, strict=True) if declared != ONE)
        for shape, row in zip(shapes, definition.data_shapes, strict=True)
    ]
    assert [array.shape for array in found] == squeezed


def test_generated_modules_do_not_copy_good_arrays() -> None:
    wide = np.zeros((8, 9))
    for X in (wide, wide.T, wide[::2, ::-3], np.asfortranarray(wide)):
        y = np.zeros(len(X))
        _, (found, _), _ = generated(LOGREG)(np.zeros(X.shape[1] + 1), (X, y), {})
        assert np.shares_memory(found, X)
        assert found.strides == X.strides
    record = np.zeros(4, dtype=[("a", "i2"), ("x", "f8", 3)])
    _, (found, _), _ = generated(LOGREG)(np.zeros(4), (record["x"], np.zeros(4)), {})
    assert all(stride % 8 == 0 for stride in found.strides)


# ------------------------------------------------------------------ by name


def test_unpack_and_pack() -> None:
    X = np.ones((9, 5))
    p = np.arange(32.0)
    for pieces in (
        NETWORK.unpack(p, X, np.ones((9, 2))),
        NETWORK.unpack(list(p), d=5, m=2),
        NETWORK.unpack(p, d=5, m=2.0, h=4),
    ):
        assert {name: np.shape(piece) for name, piece in pieces.items()} == {
            "W": (5, 4),
            "c": (4,),
            "V": (4, 2),
        }
        np.testing.assert_array_equal(NETWORK.pack(pieces), p)
        np.testing.assert_array_equal(NETWORK.pack(**pieces), p)


def test_a_column_may_be_a_vector() -> None:
    f = made({}, {"w": (d, ONE), "b": ()}, "d")
    expected = [1.0, 2.0, 3.0]
    np.testing.assert_array_equal(f.pack(w=[1, 2], b=3), expected)
    np.testing.assert_array_equal(f.pack({sp.Symbol("w"): [[1], [2]], "b": 3}), expected)
    np.testing.assert_array_equal(f.unpack(expected)["w"], [[1], [2]])


def test_what_is_packed_is_new() -> None:
    f = made({}, {"w": (d,)}, "d")
    w = np.ones(3)
    assert not np.shares_memory(f.pack(w=w), w)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"W": np.ones((2, 3)), "c": np.ones(3)}, "lacks V; it takes W, c, V"),
        ({"W": [[1]], "c": [1], "V": [[1]], "b": 1}, "has b, which is no parameter"),
        ({"W": np.ones((2, 3)), "c": np.ones(4), "V": [[1]]}, "c has 4 entries (axis 0), but W"),
        ({"W": np.ones(3), "c": np.ones(3), "V": [[1]]}, "W has shape (3,); it takes an array of"),
        (
            {"W": 1, "c": np.ones(3), "V": [[1]]},
            "W has shape (); it takes an array of shape (d, h)",
        ),
    ],
)
def test_what_cannot_be_packed(values: dict[str, Any], says: str) -> None:
    with pytest.raises(ArgumentValueError) as caught:
        NETWORK.pack(values)
    assert says in str(caught.value)


def test_what_cannot_be_unpacked() -> None:
    with pytest.raises(ArgumentTypeError, match="has no size 'x'; its sizes: n, d"):
        LOGREG.unpack([1, 2, 3], x=2)
    with pytest.raises(ArgumentTypeError, match=r"takes all data .X, y. or none; 1 given"):
        LOGREG.unpack([1, 2, 3], np.ones((2, 2)))
    with pytest.raises(ArgumentValueError, match="p has 3 entries, but the parameters take 6"):
        LOGREG.unpack([1, 2, 3], np.ones((2, 5)), [1, 2])


def test_names_that_do_not_tell_apart() -> None:
    a, b = sp.Dummy("a"), sp.Dummy("a")
    f = sc.define("f", a - b, params=(a, b))
    for call in (lambda: f.unpack([1, 2]), lambda: f.pack({"a": 1})):
        with pytest.raises(ArgumentValueError, match="two parameters share a name"):
            call()
