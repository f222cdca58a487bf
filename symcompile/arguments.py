"""What callers pass, as arrays of one dtype, or an error in the caller's own terms."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from symcompile.errors import ArgumentTypeError, ArgumentValueError
from symcompile.ir.affine import Affine

#: Of doubles, unless the definition says otherwise.
Array = NDArray[Any]

#: Identity is the fastest test; a dtype that only equals this one takes the slower way.
FLOAT64: Final = np.dtype(np.float64)

_SHOWN = 8


def is_plain(array: object) -> bool:
    """Return whether an argument can be handed on as it stands: a float64 ndarray."""
    return type(array) is np.ndarray and array.dtype is FLOAT64


def listed(names: Sequence[object]) -> str:
    """Return names for a message, shortened when there are many."""
    shown = [str(name) for name in names[:_SHOWN]]
    if len(names) > _SHOWN:
        shown.append(f"... ({len(names)} in all)")
    return ", ".join(shown) or "nothing"


def to_array(
    value: Any, what: str, *, strided: bool = False, dtype: np.dtype[Any] = FLOAT64
) -> Array:
    """Return anything made of numbers as an array of the same shape, of doubles by default.

    Args:
        value: numbers, nested lists, an array of any real dtype and layout, a pandas or polars
            series. Missing values of a nullable series become NaN.
        what: how a message names it, such as ``"column x"``.
        strided: whether any strides will do that are whole numbers of entries.
        dtype: float64, float32 or complex128.

    Returns:
        A C-contiguous (unless ``strided``), aligned, native array; ``value`` itself where it is
        one already.

    Raises:
        ArgumentTypeError: strings, ragged lists, anything but numbers; complex numbers where
            ``dtype`` is real.
        ArgumentValueError: masked entries, or integers too large for a float.

    Example:
        >>> to_array([1, True, 2.5], "column x")
        array([1. , 1. , 2.5])
    """
    plain = type(value) is np.ndarray and value.dtype is dtype
    if plain and value.flags.aligned and _laid_out(value, strided):
        found: Array = value
        return found
    array = _as_numpy(value, what)
    kind = array.dtype.kind
    if kind == "O":
        return _from_objects(array, value, what, dtype)
    if kind == "c" and dtype.kind != "c":
        raise ArgumentTypeError(
            f"{what} holds complex numbers; give real ones, such as its .real, or define the "
            'formula with dtype="complex128"'
        )
    if kind in "US":
        raise ArgumentTypeError(f"{what} holds strings; convert them to numbers first")
    if kind not in "biufc":
        raise ArgumentTypeError(f"{what} holds {array.dtype} values, not real numbers")
    if strided and array.dtype == dtype and array.flags.aligned and _laid_out(array, True):
        return np.asarray(array, dtype)
    if np.can_cast(array.dtype, dtype):
        return np.require(array, dtype, ["C", "ALIGNED"]).reshape(array.shape)
    with np.errstate(over="ignore", under="ignore"):
        # ascontiguousarray would turn a scalar into an array of one entry.
        return np.require(array, dtype, ["C", "ALIGNED"]).reshape(array.shape)


def _laid_out(array: NDArray[Any], strided: bool) -> bool:
    if not strided:
        return array.flags.c_contiguous
    return all(stride % array.itemsize == 0 for stride in array.strides)


def _as_numpy(value: Any, what: str) -> NDArray[Any]:
    # A masked array is one of a module that has been imported then, which takes a while.
    if "numpy.ma" in sys.modules and isinstance(value, np.ma.MaskedArray):
        if np.ma.is_masked(value):
            raise ArgumentValueError(f"{what} has masked entries; fill or drop them first")
        return np.asarray(value.data)
    if isinstance(value, Mapping | set | frozenset):
        raise ArgumentTypeError(f"{what} is a {type(value).__name__}, not a sequence of numbers")
    dtype = getattr(value, "dtype", None)
    try:
        if (
            dtype is not None
            and not isinstance(dtype, np.dtype)
            and getattr(dtype, "kind", "") in tuple("biuf")
            and hasattr(value, "to_numpy")
        ):
            # pandas' nullable columns: np.asarray gives objects, or fails at what is missing.
            return np.asarray(value.to_numpy(dtype=np.float64, na_value=np.nan))
        return np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        if "inhomogeneous" in str(error):
            raise ArgumentTypeError(f"{what} is ragged: its rows differ in length") from None
        raise ArgumentTypeError(
            f"{what} cannot be made an array of numbers, it is a {type(value).__name__}: {error}"
        ) from None


def _from_objects(array: NDArray[Any], value: object, what: str, dtype: np.dtype[Any]) -> Array:
    """Convert Python numbers one by one: NumPy itself would also read strings."""
    convert: Callable[[Any, str], complex] = to_complex if dtype.kind == "c" else to_number
    if array.ndim == 0 and array.item() is value:
        return np.array(convert(value, what), dtype)
    found = np.empty(array.shape, dtype)
    for place, item in enumerate(array.flat):
        found.flat[place] = convert(item, f"entry {place} of {what}")
    return found


def to_complex(value: Any, what: str) -> complex:
    """Return one number as a complex one.

    Raises:
        ArgumentTypeError: it is not one number.
        ArgumentValueError: it is too large for a float.

    Example:
        >>> to_complex(2, "the constant a"), to_complex(1 + 2j, "the constant a")
        ((2+0j), (1+2j))
    """
    if isinstance(value, complex | np.complexfloating):
        return complex(value)
    if isinstance(value, np.ndarray) and value.shape == () and value.dtype.kind == "c":
        return complex(value)
    return complex(to_number(value, what))


def to_number(value: Any, what: str) -> float:
    """Return one real number as a float.

    Raises:
        ArgumentTypeError: it is not one real number.
        ArgumentValueError: it is too large for a float.

    Example:
        >>> from fractions import Fraction
        >>> to_number(Fraction(1, 4), "the constant a")
        0.25
    """
    if isinstance(value, str | bytes | bytearray):
        raise ArgumentTypeError(f"{what} is the string {value!r}, not a number")
    if isinstance(value, complex | np.complexfloating):
        raise ArgumentTypeError(f"{what} is complex ({value}); only real numbers work here")
    dtype = getattr(value, "dtype", None)
    if dtype is not None and getattr(dtype, "kind", "") not in tuple("biuf"):
        raise ArgumentTypeError(f"{what} holds {dtype} values, not real numbers")
    shape = getattr(value, "shape", ())
    if shape != ():
        raise ArgumentTypeError(f"{what} has shape {shape}; give one number")
    try:
        return float(value)
    except OverflowError:
        raise ArgumentValueError(f"{what} is too large for a float") from None
    except (TypeError, ValueError):
        shown = "None" if value is None else f"a {type(value).__name__}"
        raise ArgumentTypeError(f"{what} is {shown}, not a number") from None


def to_vector(
    value: Any, name: str, params: Sequence[str], dtype: np.dtype[Any] = FLOAT64
) -> Array:
    """Return parameters, or a direction in their space, as an array of shape ``(P,)``.

    Args:
        value: numbers in the order of ``params``; for a single one the number itself will do.
        name: how a message names it.
        params: names of the parameters.
        dtype: float64, float32 or complex128.

    Raises:
        ArgumentTypeError: it does not consist of numbers, real ones where ``dtype`` is.
        ArgumentValueError: it has another shape than ``(P,)``.
    """
    array = to_array(value, name, dtype=dtype)
    if array.ndim == 0 and len(params) == 1:
        return array.reshape(1)
    if array.ndim != 1:
        raise ArgumentValueError(
            f"{name} has shape {array.shape}; it is one flat vector of shape ({len(params)},)"
        )
    if len(array) != len(params):
        raise ArgumentValueError(
            f"{name} has {count(len(array), 'entry', 'entries')}, but there "
            f"{'is' if len(params) == 1 else 'are'} {count(len(params), 'parameter')}"
            + (f": {listed(params)}" if params else "")
        )
    return array


def start_vector(value: Any, params: Sequence[str]) -> Array:
    """Return the start of a fit, given in packed order or by name, as a new ``(P,)`` array.

    Raises:
        ArgumentTypeError: it does not consist of real numbers.
        ArgumentValueError: its length is wrong, or names are missing or unknown.

    Example:
        >>> start_vector({"w1": 2, "w0": 1}, ["w0", "w1"])
        array([1., 2.])
    """
    if isinstance(value, Mapping):
        given = {str(name): number for name, number in value.items()}
        if len(set(params)) < len(params):
            raise ArgumentValueError("two parameters share a name: give x0 in packed order")
        missing = [name for name in params if name not in given]
        unknown = [name for name in given if name not in params]
        if missing or unknown:
            parts = [f"lacks {listed(missing)}"] if missing else []
            parts += [f"names {listed(unknown)}, which is no parameter"] if unknown else []
            raise ArgumentValueError(f"x0 {' and '.join(parts)}; it takes {listed(params)}")
        value = [to_number(given[name], f"x0[{name!r}]") for name in params]
    return to_vector(value, "x0", params).copy()


def is_table(value: Any) -> bool:
    """Return whether one argument stands for all columns: a data frame or a mapping."""
    if isinstance(value, np.ndarray):
        return value.dtype.names is not None
    return isinstance(value, Mapping) or (
        hasattr(value, "columns") and hasattr(value, "__getitem__")
    )


def take_columns(table: Any, names: Sequence[str]) -> tuple[Any, ...]:
    """Return the columns of a table that the data symbols name.

    Args:
        table: a pandas or polars DataFrame, a structured array, or a mapping of arrays.
        names: names of the data symbols.

    Raises:
        ArgumentValueError: columns are missing, or the names do not tell them apart.
        ArgumentTypeError: the table does not give its columns by name.
    """
    if len(set(names)) < len(names):
        raise ArgumentValueError(
            f"two data symbols share a name ({listed(names)}): pass the columns by position"
        )
    if isinstance(table, np.ndarray):
        there: list[object] = list(table.dtype.names or ())
    else:
        there = list(table) if isinstance(table, Mapping) else list(table.columns)
    # A mapping may be keyed by the SymPy symbols themselves.
    keys = {str(key): key for key in reversed(there)}
    missing = [name for name in names if name not in keys]
    if missing:
        raise ArgumentValueError(
            f"the table has no column {listed(missing)}; it has {listed(there)}. "
            "Rename columns to the symbols' names, or pass them one by one"
        )
    try:
        return tuple(table[keys[name]] for name in names)
    except Exception as error:
        raise ArgumentTypeError(
            f"the {type(table).__name__} does not give its columns by name: {error}"
        ) from error


def to_columns(
    data: Sequence[Any], names: Sequence[str], dtype: np.dtype[Any] = FLOAT64
) -> tuple[Array, ...]:
    """Return data columns as arrays of one length ``(n,)``, n at least 1.

    Args:
        data: as many columns as ``names``.
        names: names of the data symbols.
        dtype: float64, float32 or complex128.

    Raises:
        ArgumentTypeError: a column does not consist of real numbers.
        ArgumentValueError: columns are empty, not flat, or differ in length.
    """
    columns = []
    for value, name in zip(data, names, strict=True):
        array = to_array(value, f"column {name}", dtype=dtype)
        if array.ndim == 2 and array.shape[1] == 1:
            array = to_array(array[:, 0], name, dtype=dtype)
        if array.ndim != 1:
            hint = "a single sample is [value]" if array.ndim == 0 else "pass one column of it"
            raise ArgumentValueError(
                f"column {name} has shape {array.shape}; it takes one number a sample, "
                f"shape (n,): {hint}"
            )
        columns.append(array)
    lengths = [len(column) for column in columns]
    if len(set(lengths)) > 1:
        pairs = [f"{name} has {size}" for name, size in zip(names, lengths, strict=True)]
        raise ArgumentValueError(f"columns differ in length: {listed(pairs)}")
    if lengths and lengths[0] == 0:
        raise ArgumentValueError(f"there are no samples: {listed(names)} must not be empty")
    return tuple(columns)


def fitted(array: Array, name: str, shape: Sequence[Affine]) -> Array:
    """Return a view of an array with as many dimensions as are declared.

    A dimension of size 1 by declaration may be missing, and a vector may be given as a column.

    Raises:
        ArgumentValueError: it has another number of dimensions.

    Example:
        >>> fitted(np.ones((3, 1)), "y", (Affine.of("n"),)).shape
        (3,)
        >>> fitted(np.ones(3), "y", (Affine.of("n"), Affine(1))).shape
        (3, 1)
    """
    if array.ndim == len(shape):
        return array
    if array.ndim == len(shape) + 1 and array.shape[-1] == 1:
        return array[..., 0]
    if array.ndim == sum(size.number != 1 for size in shape):
        return array[tuple(None if size.number == 1 else slice(None) for size in shape)]
    declared = f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"
    raise ArgumentValueError(
        f"{name} has shape {array.shape}; it takes "
        + (f"an array of shape {declared}" if shape else "one number")
    )


def require_finite(arrays: Sequence[Array], names: Sequence[str], what: str = "column ") -> None:
    """Check that all data are finite.

    Raises:
        ArgumentValueError: names the array, its first bad entry (from 0), and how many there are.
    """
    for array, name in zip(arrays, names, strict=True):
        bad = ~np.isfinite(array)
        if bad.any():
            value, where = first_bad(array, bad)
            total, size = int(np.count_nonzero(bad)), array.size
            noun = count(total, "row") if array.ndim == 1 else count(total, "entry", "entries")
            raise ArgumentValueError(
                f"{what}{name} is {value} at {where} (counting from 0); {noun} of {size} not finite"
            )


def require_whole(
    array: Array, name: str, low: int | None, high: int | None, sizes: str = ""
) -> None:
    """Check data that is used as an index.

    Args:
        array: the data.
        name: its name.
        low: the least that is allowed, None where that is not known yet.
        high: the most that is allowed, likewise.
        sizes: what these follow from, for the message.

    Raises:
        ArgumentValueError: names the first entry that is no whole number from ``low`` to ``high``.

    Example:
        >>> require_whole(np.array([0.0, 2.0]), "r", 0, 2)
    """
    bad = array != np.floor(array)
    if low is not None:
        bad |= array < low
    if high is not None:
        bad |= array > high
    if bad.any():
        value, where = first_bad(array, bad)
        span = "" if low is None else f" from {low}"
        span += "" if high is None else f" to {high}"
        raise ArgumentValueError(
            f"{name} is {value} at {where} (counting from 0); as an index it takes whole numbers"
            f"{span}{f', where {sizes}' if sizes else ''}"
        )


def first_bad(array: Array, bad: NDArray[np.bool_]) -> tuple[str, str]:
    """Return the first entry that is marked, as text, and where it is."""
    place = np.unravel_index(int(np.argmax(bad)), array.shape)
    value = array[place].item()
    whole = isinstance(value, float) and value.is_integer()
    shown = f"{value:g}" if whole else str(value)
    if array.ndim == 1:
        return shown, f"row {place[0]}"
    return shown, f"[{', '.join(map(str, place))}]"


def count(number: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun.

    >>> count(1, "row"), count(2, "row"), count(0, "entry", "entries")
    ('1 row', '2 rows', '0 entries')
    """
    return f"{number} {one if number == 1 else many or one + 's'}"
