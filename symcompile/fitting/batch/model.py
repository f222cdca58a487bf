"""The model of many fits: which of its symbols are columns, and its functions over points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from symcompile.arguments import Array, listed
from symcompile.errors import ArgumentValueError, DefinitionError
from symcompile.fitting.problem import Problem
from symcompile.frontend.definition import Definition
from symcompile.frontend.walking import free_symbols
from symcompile.options import Options


@dataclass(frozen=True)
class Model:
    """A formula per point.

    Attributes:
        definition: the formula: ``params`` are what is fitted, ``data`` the columns that it
            mentions, ``constants`` the parameters that are fixed.
        params: all parameters, in the order in which they are reported.
    """

    definition: Definition
    params: tuple[str, ...]

    @property
    def free(self) -> tuple[str, ...]:
        """The parameters that are fitted."""
        return self.definition.params

    @property
    def fixed(self) -> tuple[str, ...]:
        """The parameters that are not."""
        return tuple(name for name, _ in self.definition.constants)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it is a function of."""
        return self.definition.data

    def rows(
        self, columns: Sequence[Array], values: Mapping[str, Array], options: Options
    ) -> Array:
        """Return the model and its derivatives at points, each with parameters of its own.

        Args:
            columns: a value for each point, in the order of :attr:`columns`.
            values: for each parameter a value for each point.
            options: where the cache is.

        Returns:
            An array ``(n, 1 + P)``: the model, then its derivative in each free parameter.
        """
        from symcompile.fitting.batch.building import rows_module

        given = [*columns, *(values[name] for name in (*self.free, *self.fixed))]
        found: Array = rows_module(self.definition, options).derived(np.zeros(0), *given)
        return found


def defined(problem: Problem) -> Model:
    """Return the model of a problem.

    Raises:
        ArgumentValueError: it mentions no column.
        DefinitionError: it is no formula of numbers at each point.
        LoweringError: a subexpression that cannot be compiled.
    """
    from symcompile.frontend.definition import define

    used = free_symbols(problem.model)
    columns = [symbol for symbol in problem.columns if symbol in used]
    if not columns:
        raise ArgumentValueError("the model mentions no column of the data")
    pairs = list(zip(problem.params, problem.fixed.tolist(), strict=True))
    absent = [symbol.name for symbol, _ in pairs if symbol not in used]
    if absent:
        raise ArgumentValueError(f"the model has no parameter {listed(absent)}")
    definition = define(
        "model",
        problem.model,
        params=[symbol for symbol, fixed in pairs if not fixed],
        data=columns,
        constants=[symbol for symbol, fixed in pairs if fixed],
    )
    if definition.indexed or definition.output.shape or not definition.output.per_sample:
        raise DefinitionError("the model must be one number at each point, without indices")
    return Model(definition, problem.names)
