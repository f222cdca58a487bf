"""The statement of a fit: a model, the roles of its symbols, and what is to be minimised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import sympy as sp

from symcompile.arguments import Array
from symcompile.fitting.losses import Loss
from symcompile.frontend.definition import Definition, define
from symcompile.frontend.walking import free_symbols


@dataclass(frozen=True, eq=False)
class Problem:
    """A fit without its data: formulas, and what is known of each parameter.

    ``P`` counts all parameters: free and fixed ones of the model, then the loss's own. Tied ones
    are no parameters any more: their formulas stand in the model.

    Attributes:
        model: the prediction of a sample, in parameters and columns.
        response: what is predicted, in columns: ``y``, or a formula such as ``log(y)``.
        loss: what a sample adds, in prediction and response.
        params: the parameters, ``P`` of them.
        columns: the columns of the table that the formulas need.
        start: where parameters start, shape ``(P,)``.
        lower, upper: their bounds, shape ``(P,)``; infinite where there are none.
        fixed: which ones stay at their start, shape ``(P,)``, bool.
        given: which ones the user gave a start for, shape ``(P,)``, bool.
        tied: the formulas of tied parameters, by name, in parameters.
        sigma: the standard error of a response, in columns, or None.
        weight: how often a sample counts, in columns, or None.
        penalty: what is added to the sum of losses, in parameters; 0 for nothing.
        kinks: what the absolute value of each parameter costs, shape ``(P,)``.
    """

    model: sp.Expr
    response: sp.Expr
    loss: Loss
    params: tuple[sp.Symbol, ...]
    columns: tuple[sp.Symbol, ...]
    start: Array
    lower: Array
    upper: Array
    fixed: Array
    given: Array
    tied: Mapping[str, sp.Expr]
    sigma: sp.Expr | None = None
    weight: sp.Expr | None = None
    penalty: sp.Expr = sp.S.Zero
    kinks: Array = field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        if len(self.kinks) != len(self.params):
            object.__setattr__(self, "kinks", np.zeros(len(self.params)))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters, in the order of ``params``."""
        return tuple(symbol.name for symbol in self.params)

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the columns, in the order of ``columns``."""
        return tuple(symbol.name for symbol in self.columns)

    @property
    def squares(self) -> bool:
        """Whether the criterion is a sum of squares and nothing else."""
        return self.loss.kind == "squares" and self.penalty == 0 and not self.kinks.any()

    @cached_property
    def residual(self) -> Definition:
        """The weighted residual of each sample: ``sqrt(weight)*(model - response)/sigma``."""
        difference = self._difference()
        if self.weight is not None:
            difference *= sp.sqrt(self.weight)
        return self._define("residual", difference)

    @cached_property
    def difference(self) -> Definition:
        """The residual of each sample without its weight: ``(model - response)/sigma``."""
        return self._define("difference", self._difference())

    @cached_property
    def prediction(self) -> Definition:
        """The model, for each sample."""
        used = free_symbols(self.model)
        columns = tuple(symbol for symbol in self.columns if symbol in used)
        return define("prediction", self.model, params=self.params, data=columns)

    @cached_property
    def observed(self) -> Definition:
        """The response, for each sample."""
        return define("observed", self.response, data=self.columns)

    @cached_property
    def term(self) -> Definition:
        """The loss of each sample."""
        return self._define("term", self.losses)

    @property
    def precision(self) -> sp.Expr:
        """What a squared residual is multiplied by, ``weight/sigma**2``, in columns."""
        weight = sp.S.One if self.weight is None else self.weight
        return weight if self.sigma is None else weight / self.sigma**2

    @cached_property
    def criterion(self) -> Definition:
        """The sum of the losses of all samples, without the penalty."""
        return self._define("criterion", self.losses, reduce="sum")

    @cached_property
    def penalty_definition(self) -> Definition | None:
        """The penalty as a function of the parameters, or None."""
        if self.penalty == 0:
            return None
        return define("penalty", self.penalty, params=self.params)

    def _difference(self) -> sp.Expr:
        difference = self.model - self.response
        return difference if self.sigma is None else difference / self.sigma

    @property
    def losses(self) -> sp.Expr:
        """The loss of a sample, with its weight."""
        own = self.params[len(self.params) - len(self.loss.own) :]
        if self.loss.residual:
            term = self.loss.term(self._difference(), sp.S.Zero, *own)
        else:
            term = self.loss.term(self.model, self.response, *own)
        return term if self.weight is None else self.weight * term

    def _define(self, name: str, expression: sp.Expr, reduce: str | None = None) -> Definition:
        return define(
            name,
            expression,
            params=self.params,
            data=self.columns,
            reduce=reduce,  # type: ignore[arg-type]
        )
