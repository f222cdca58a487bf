"""What callers pass becomes float64 arrays, or an error that says what was wrong."""

from __future__ import annotations

from collections import OrderedDict
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import sympy as sp

from symcompile import arguments
from symcompile.errors import ArgumentTypeError, ArgumentValueError, SymcompileError
from symcompile.ir.affine import Affine

EXPECTED = np.array([1.0, 2.0, 0.0])


def _unaligned() -> np.ndarray:
    raw = np.zeros(25, dtype=np.uint8)
    view = raw[1:].view(np.float64)
    view[:] = EXPECTED
    return view


GOOD: dict[str, Any] = {
    "list": [1, 2, 0],
    "tuple of mixed": (1.0, np.float32(2), False),
    "range": range(3),
    "float32": EXPECTED.astype(np.float32),
    "float16": EXPECTED.astype(np.float16),
    "longdouble": EXPECTED.astype(np.longdouble),
    "int8": EXPECTED.astype(np.int8),
    "uint64": EXPECTED.astype(np.uint64),
    "big endian": EXPECTED.astype(">f8"),
    "strided": np.repeat(EXPECTED, 2)[::2],
    "reversed": EXPECTED[::-1].copy()[::-1],
    "Fortran": np.asfortranarray(np.column_stack([EXPECTED, EXPECTED]))[:, 0],
    "unaligned": _unaligned(),
    "exact numbers": [Fraction(1), Decimal(2), sp.Integer(0)],
    "object": np.array([1, 2.0, False], dtype=object),
    "memoryview": memoryview(EXPECTED),
    "unmasked": np.ma.array(EXPECTED),
}


@pytest.mark.parametrize("kind", GOOD)
def test_every_real_array_is_converted(kind: str) -> None:
    found = arguments.to_array(GOOD[kind], "column x")
    expected = [0, 1, 2] if kind == "range" else EXPECTED
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == np.float64
    assert found.flags.c_contiguous
    assert found.flags.aligned
    assert found.dtype.isnative


@pytest.mark.parametrize("kind", GOOD)
def test_strides_may_stay(kind: str) -> None:
    found = arguments.to_array(GOOD[kind], "x", strided=True)
    np.testing.assert_array_equal(found, [0, 1, 2] if kind == "range" else EXPECTED)
    assert found.dtype == np.float64
    assert found.dtype.isnative
    assert found.flags.aligned
    if kind in ("strided", "reversed", "Fortran"):
        assert np.shares_memory(found, GOOD[kind])
        assert found.strides == GOOD[kind].strides


def test_strides_are_whole_numbers_of_doubles() -> None:
    records = np.zeros(3, dtype=[("a", "i2"), ("x", "f8")])
    assert arguments.to_array(records["x"], "x", strided=True).strides == (8,)


def test_booleans_are_numbers() -> None:
    np.testing.assert_array_equal(arguments.to_array([True, False], "b"), [1.0, 0.0])


def test_a_good_array_is_not_copied() -> None:
    assert arguments.to_array(EXPECTED, "x") is EXPECTED


@pytest.mark.parametrize("shape", [(), (2, 3), (0,)])
def test_the_shape_stays(shape: tuple[int, ...]) -> None:
    assert arguments.to_array(np.ones(shape, dtype=int), "x").shape == shape


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (["1", "2"], "column x holds strings"),
        ("12", "column x holds strings"),
        ([b"1"], "column x holds strings"),
        ([1, "2"], "column x holds strings"),
        (np.array([1.0, "2"], dtype=object), "entry 1 of column x is the string '2'"),
        ([1j, 2], "column x holds complex numbers"),
        (np.array([1j, 2], dtype=object), "entry 0 of column x is complex"),
        ([[1, 2], [3]], "column x is ragged"),
        ([1.0, None], "entry 1 of column x is None"),
        ([1.0, sp.Symbol("a")], "entry 1 of column x is a Symbol"),
        (np.array(["2020-01-01"], dtype="M8[D]"), "holds datetime64"),
        ((n for n in range(3)), "column x is a generator, not a number"),
        ({1.0, 2.0}, "column x is a set"),
        ({"a": [1.0]}, "column x is a dict"),
        (None, "column x is None"),
        (np.zeros(2, dtype=[("a", float)]), "not real numbers"),
    ],
)
def test_what_is_not_real_numbers_is_refused(value: object, says: str) -> None:
    with pytest.raises(ArgumentTypeError) as caught:
        arguments.to_array(value, "column x")
    assert says in str(caught.value)
    assert isinstance(caught.value, TypeError)
    assert isinstance(caught.value, SymcompileError)


def test_masked_entries_are_refused() -> None:
    with pytest.raises(ArgumentValueError, match="x has masked entries"):
        arguments.to_array(np.ma.array([1.0, 2.0], mask=[False, True]), "x")


def test_integers_beyond_floats() -> None:
    np.testing.assert_array_equal(arguments.to_array([10**30], "x"), [1e30])
    with pytest.raises(ArgumentValueError, match="entry 0 of x is too large"):
        arguments.to_array([10**400], "x")


@pytest.mark.parametrize(
    "value", [0.5, np.float32(0.5), np.array(0.5), Fraction(1, 2), sp.Rational(1, 2)]
)
def test_numbers(value: object) -> None:
    found = arguments.to_number(value, "c")
    assert type(found) is float
    assert found == 0.5


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("0.5", "the string '0.5'"),
        (1j, "c is complex"),
        (np.complex64(1), "c is complex"),
        (np.array([0.5]), r"c has shape \(1,\)"),
        ([0.5], "c is a list"),
        (None, "c is None"),
        (sp.Symbol("a"), "c is a Symbol"),
    ],
)
def test_what_is_no_number_is_refused(value: object, says: str) -> None:
    with pytest.raises(ArgumentTypeError, match=says):
        arguments.to_number(value, "c")


def test_vectors() -> None:
    np.testing.assert_array_equal(arguments.to_vector([1, 2], "p", ["a", "b"]), [1.0, 2.0])
    np.testing.assert_array_equal(arguments.to_vector(3, "p", ["a"]), [3.0])
    with pytest.raises(
        ArgumentValueError, match="p has 3 entries, but there are 2 parameters: a, b"
    ):
        arguments.to_vector([1, 2, 3], "p", ["a", "b"])
    with pytest.raises(ArgumentValueError, match=r"p has 1 entry, but there are 0 parameters$"):
        arguments.to_vector([1], "p", [])
    with pytest.raises(ArgumentValueError, match=r"p has shape \(1, 2\); it is one flat vector"):
        arguments.to_vector([[1, 2]], "p", ["a", "b"])
    with pytest.raises(ArgumentValueError, match=r"p has shape \(\)"):
        arguments.to_vector(3, "p", ["a", "b"])


def test_a_start_is_given_in_order_or_by_name() -> None:
    start = np.array([1.0, 2.0])
    found = arguments.start_vector(start, ["a", "b"])
    np.testing.assert_array_equal(found, start)
    assert found is not start
    by_name = OrderedDict([(sp.Symbol("b"), 2), ("a", 1)])
    np.testing.assert_array_equal(arguments.start_vector(by_name, ["a", "b"]), [1.0, 2.0])


@pytest.mark.parametrize(
    ("start", "says"),
    [
        ({"a": 1}, "x0 lacks b; it takes a, b"),
        ({"a": 1, "b": 2, "c": 3}, "x0 names c, which is no parameter"),
        ({"a": 1, "B": 2}, "x0 lacks b and names B"),
        ([1], "x0 has 1 entry"),
    ],
)
def test_starts_that_do_not_fit(start: object, says: str) -> None:
    with pytest.raises(ArgumentValueError, match=says):
        arguments.start_vector(start, ["a", "b"])


def test_starts_by_name_of_parameters_that_share_one() -> None:
    with pytest.raises(ArgumentValueError, match="share a name"):
        arguments.start_vector({"a": 1}, ["a", "a"])


class _Frame:
    """What pandas and polars have in common."""

    columns = ("y", "x", "z")

    def __getitem__(self, name: str) -> list[str]:
        return [f"the {name}"]


def test_tables_give_columns_by_name() -> None:
    for table in (_Frame(), {"x": ["the x"], "y": ["the y"], "extra": 0}):
        assert arguments.is_table(table)
        assert arguments.take_columns(table, ["x", "y"]) == (["the x"], ["the y"])
    records = np.array([(1, 2)], dtype=[("y", float), ("x", float)])
    assert arguments.is_table(records)
    assert [c.tolist() for c in arguments.take_columns(records, ["x", "y"])] == [[2.0], [1.0]]
    x = sp.Symbol("x")
    assert arguments.take_columns({x: [1]}, ["x"]) == ([1],)


@pytest.mark.parametrize("value", [[1.0], np.ones(2), "abc", 1.0, SimpleNamespace(columns=())])
def test_what_is_not_a_table(value: object) -> None:
    assert not arguments.is_table(value)


def test_missing_columns_are_named_with_those_there() -> None:
    with pytest.raises(ArgumentValueError, match="no column w, v; it has y, x, z"):
        arguments.take_columns(_Frame(), ["x", "w", "v"])


def test_tables_cannot_tell_symbols_of_one_name_apart() -> None:
    with pytest.raises(ArgumentValueError, match="share a name"):
        arguments.take_columns({"x": [1]}, ["x", "x"])


def test_tables_that_fail() -> None:
    class Lazy:
        columns = ("x",)

        def __getitem__(self, name: str) -> None:
            raise RuntimeError("collect first")

    with pytest.raises(ArgumentTypeError, match=r"Lazy does not give its columns.*collect first"):
        arguments.take_columns(Lazy(), ["x"])


def test_columns() -> None:
    x, y = arguments.to_columns([[1, 2], np.array([[3], [4]])], ["x", "y"])
    np.testing.assert_array_equal(x, [1.0, 2.0])
    np.testing.assert_array_equal(y, [3.0, 4.0])


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ([[1, 2], [3]], "columns differ in length: x has 2, y has 1"),
        ([[], []], "no samples: x, y must not be empty"),
        ([[1.0], 2.0], r"column y has shape \(\).*a single sample is \[value\]"),
        ([np.ones((2, 2)), [1, 2]], r"column x has shape \(2, 2\)"),
    ],
)
def test_columns_that_do_not_fit(data: list[Any], says: str) -> None:
    with pytest.raises(ArgumentValueError, match=says):
        arguments.to_columns(data, ["x", "y"])


def test_the_first_row_that_is_not_finite_is_named() -> None:
    good = np.ones(4)
    arguments.require_finite([good], ["x"])
    for bad, text in ((np.nan, "nan"), (np.inf, "inf"), (-np.inf, "-inf")):
        column = np.array([0.0, 1.0, bad, np.nan])
        with pytest.raises(ArgumentValueError) as caught:
            arguments.require_finite([good, column], ["x", "y"])
        assert f"column y is {text} at row 2 (counting from 0); 2 rows of 4" in str(caught.value)


def test_long_lists_are_shortened() -> None:
    text = arguments.listed([f"w{k}" for k in range(100)])
    assert text.startswith("w0, w1")
    assert text.endswith("(100 in all)")
    assert len(text) < 80


class TestPandas:
    pd = pytest.importorskip("pandas")

    @pytest.mark.parametrize(
        "dtype", ["float64", "float32", "int64", "Int64", "Float64", "Float32", "bool", "boolean"]
    )
    def test_series(self, dtype: str) -> None:
        series = self.pd.Series([1, 0, 1], dtype=dtype, index=[7, 8, 9])
        found = arguments.to_array(series, "x")
        assert found.dtype == np.float64
        np.testing.assert_array_equal(found, [1.0, 0.0, 1.0])

    @pytest.mark.parametrize("dtype", ["float64", "Int64", "Float64", "boolean"])
    def test_missing_values_are_nan(self, dtype: str) -> None:
        series = self.pd.Series([1, None, 0], dtype=dtype)
        np.testing.assert_array_equal(arguments.to_array(series, "x"), [1.0, np.nan, 0.0])

    @pytest.mark.parametrize("dtype", ["string", "object", "category", "str"])
    def test_strings(self, dtype: str) -> None:
        series = self.pd.Series(["1", "2"], dtype=dtype)
        with pytest.raises(ArgumentTypeError, match="string"):
            arguments.to_array(series, "x")

    def test_dates(self) -> None:
        with pytest.raises(ArgumentTypeError, match="real numbers"):
            arguments.to_array(self.pd.Series(self.pd.to_datetime(["2020-01-01"])), "x")

    def test_frame(self) -> None:
        frame = self.pd.DataFrame({"y": [1, 2], "x": [3.0, 4.0], "name": ["a", "b"]})
        assert arguments.is_table(frame)
        x, y = arguments.to_columns(arguments.take_columns(frame, ["x", "y"]), ["x", "y"])
        np.testing.assert_array_equal(x, [3.0, 4.0])
        np.testing.assert_array_equal(y, [1.0, 2.0])
        assert not arguments.is_table(frame["x"])


class TestPolars:
    def test_frame(self) -> None:
        pl = pytest.importorskip("polars")
        frame = pl.DataFrame({"y": [1, None], "x": [3.0, 4.0], "name": ["a", "b"]})
        assert arguments.is_table(frame)
        x, y = arguments.to_columns(arguments.take_columns(frame, ["x", "y"]), ["x", "y"])
        np.testing.assert_array_equal(x, [3.0, 4.0])
        np.testing.assert_array_equal(y, [1.0, np.nan])
        with pytest.raises(ArgumentTypeError):
            arguments.to_array(frame["name"], "name")


# ------------------------------------------------------------------ arrays of any rank

_N, _D, _ONE = Affine.of("n"), Affine.of("d"), Affine(1)


@pytest.mark.parametrize(
    ("shape", "declared", "expected"),
    [
        ((3, 2), (_N, _D), (3, 2)),
        ((3, 1), (_N,), (3,)),
        ((3,), (_N, _ONE), (3, 1)),
        ((3,), (_ONE, _N), (1, 3)),
        ((1, 3), (_ONE, _N), (1, 3)),
        ((1,), (_N,), (1,)),
        ((1, 1), (_N, _D), (1, 1)),
        ((), (_ONE, _ONE), (1, 1)),
        ((1,), (), ()),
        ((3, 2, 1), (_N, _D), (3, 2)),
    ],
)
def test_dimensions(
    shape: tuple[int, ...], declared: tuple[Affine, ...], expected: tuple[int, ...]
) -> None:
    array = np.ones(shape)
    found = arguments.fitted(array, "X", declared)
    assert found.shape == expected
    assert np.shares_memory(found, array)


@pytest.mark.parametrize(
    ("shape", "declared", "says"),
    [
        ((3,), (_N, _D), "X has shape (3,); it takes an array of shape (n, d)"),
        ((3, 2), (_N,), "X has shape (3, 2); it takes an array of shape (n,)"),
        ((3,), (), "X has shape (3,); it takes one number"),
        ((), (_N - 1, _D), "X has shape (); it takes an array of shape (n - 1, d)"),
    ],
)
def test_dimensions_that_do_not_fit(
    shape: tuple[int, ...], declared: tuple[Affine, ...], says: str
) -> None:
    with pytest.raises(ArgumentValueError) as caught:
        arguments.fitted(np.ones(shape), "X", declared)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([0.0, 3.0, 5.0], "r is 3 at row 1 (counting from 0); as an index it takes whole numbers"),
        ([0.0, -1.0], "r is -1 at row 1"),
        ([0.5], "r is 0.5 at row 0"),
        ([np.nan], "r is nan at row 0"),
        ([np.inf], "r is inf at row 0"),
        ([[0.0, 1.0], [2.0, 7.0]], "r is 7 at [1, 1]"),
    ],
)
def test_indices_that_are_out_of_range(values: Any, says: str) -> None:
    with pytest.raises(ArgumentValueError) as caught:
        arguments.require_whole(np.array(values), "r", 0, 2)
    assert says in str(caught.value)


def test_indices_whose_range_is_known_in_part() -> None:
    labels = np.array([0.0, 7.0, -1.0])
    with pytest.raises(ArgumentValueError, match=r"r is -1 at row 2 .* whole numbers from 0$"):
        arguments.require_whole(labels, "r", 0, None)
    with pytest.raises(ArgumentValueError, match=r"r is 7 .* whole numbers to 3, where m = 4$"):
        arguments.require_whole(labels, "r", None, 3, "m = 4")
    with pytest.raises(ArgumentValueError, match=r"r is 0.5 .* whole numbers$"):
        arguments.require_whole(np.array([0.5]), "r", None, None)


def test_finite_arrays() -> None:
    array = np.ones((2, 3))
    arguments.require_finite([array], ["X"], "")
    array[1, 2] = np.nan
    with pytest.raises(ArgumentValueError, match=r"X is nan at \[1, 2\].*1 entry of 6 not finite"):
        arguments.require_finite([array], ["X"], "")
