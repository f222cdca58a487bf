"""What is given for parameters: starts and fixed values of every group, and bounds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from symcompile.arguments import Array, listed, to_array, to_number
from symcompile.errors import ArgumentTypeError, ArgumentValueError
from symcompile.fitting.batch.groups import plain

#: Returns the columns of a group by name.
Rows = Callable[[int], Mapping[str, Any]]


class Values:
    """Values of parameters in every group.

    Args:
        what: ``"start"`` or ``"fixed"``, for messages.
        keys: what the groups are called.
        rows: the columns of a group by its number.
        columns: for text: the values of a column at the first row of each group.
    """

    def __init__(
        self, what: str, keys: Any, rows: Rows, columns: Callable[[str, str], Array]
    ) -> None:
        self._what, self._keys, self._rows, self._columns = what, keys, rows, columns
        #: Why a value could not be found, by the number of the group.
        self.failed: dict[int, str] = {}

    def read(self, given: Any, names: Sequence[str]) -> dict[str, Array]:
        """Return values for each parameter, ``(G,)``; NaN where a function fails.

        Args:
            given: for each of the names a number, one number for each group (in order, or by the
                group's key), the name of a column, or a function of the group's columns; or one
                function of them that returns all. A name without a value gets 1.
            names: the parameters.

        Raises:
            ArgumentTypeError, ArgumentValueError: a value is not of that form.
        """
        if callable(given):
            return self._all_called(given, names)
        if not isinstance(given, Mapping):
            raise ArgumentTypeError(
                f"{self._what}: a mapping from names to values is needed, not "
                f"{type(given).__name__}"
            )
        values = {str(name): value for name, value in given.items()}
        return {name: self._one(name, values.get(name, 1.0)) for name in names}

    def _one(self, name: str, value: Any) -> Array:
        count, what = len(self._keys), f"{self._what} of {name}"
        if isinstance(value, str):
            return self._columns(value, what)
        if callable(value):
            return self._called(name, value)
        if isinstance(value, Mapping) or (hasattr(value, "index") and hasattr(value, "loc")):
            return self._by_key(value, what)
        array = to_array(value, what)
        if array.ndim == 0:
            return np.full(count, float(array))
        if array.shape != (count,):
            raise ArgumentValueError(
                f"{what}: one number, or one for each of the {count} groups is needed, not an "
                f"array of shape {array.shape}"
            )
        return array

    def _by_key(self, value: Any, what: str) -> Array:
        known = dict(value.items())
        found = [known.get(key, math.nan) for key in plain(self._keys)]
        return np.array([to_number(number, what) for number in found], np.float64)

    def _called(self, name: str, function: Callable[[Mapping[str, Any]], Any]) -> Array:
        return self._all_called(lambda rows: {name: function(rows)}, [name])[name]

    def _all_called(
        self, function: Callable[[Mapping[str, Any]], Mapping[str, Any]], names: Sequence[str]
    ) -> dict[str, Array]:
        found = {name: np.full(len(self._keys), math.nan) for name in names}
        for group in range(len(self._keys)):
            try:
                values = {str(k): v for k, v in function(self._rows(group)).items()}
                for name in names:
                    found[name][group] = float(values[name])
            except Exception as error:  # a user's function: it fails for its group alone
                said = f"no value for {error}" if isinstance(error, KeyError) else str(error)
                self.failed[group] = f"{self._what}: {said or type(error).__name__}"
        return found


def limits(bounds: Mapping[Any, Any] | None, free: Sequence[str]) -> tuple[Array, Array]:
    """Return the lower and the upper bound of each parameter.

    Args:
        bounds: pairs by name; None in a pair stands for no bound.
        free: the parameters.

    Raises:
        ArgumentTypeError, ArgumentValueError: a name that is not fitted, no pair, an empty range.
    """
    low, high = np.full(len(free), -math.inf), np.full(len(free), math.inf)
    if bounds is None:
        return low, high
    if not isinstance(bounds, Mapping):
        raise ArgumentTypeError(
            f"bounds: a mapping from names to pairs is needed, not {type(bounds).__name__}"
        )
    for name, pair in ((str(name), pair) for name, pair in bounds.items()):
        if name not in free:
            raise ArgumentValueError(f"bounds: {name} is not fitted; {listed(free)} are")
        try:
            first, second = pair
        except (TypeError, ValueError):
            raise ArgumentTypeError(f"bounds of {name}: a pair (low, high) is needed") from None
        k, what = list(free).index(name), f"a bound of {name}"
        low[k] = -math.inf if first is None else to_number(first, what)
        high[k] = math.inf if second is None else to_number(second, what)
        if not low[k] <= high[k]:
            raise ArgumentValueError(f"bounds of {name}: {low[k]} is not below {high[k]}")
    return low, high
