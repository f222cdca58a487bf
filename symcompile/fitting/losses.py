"""Losses: what a fit minimises the sum of, as formulas in a prediction and a response."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import sympy as sp

from symcompile.arguments import listed
from symcompile.errors import ArgumentTypeError, ArgumentValueError

Term: TypeAlias = Callable[..., sp.Expr]
#: What the minimum of a loss is: that of the sum of squares, of a smooth function (whose second
#: derivatives may be taken), or of one with kinks.
Kind = Literal["squares", "smooth", "kinked"]


@dataclass(frozen=True)
class Own:
    """A parameter that a loss brings along, such as the scale of a distribution.

    Attributes:
        name: of the parameter; a fit shows it beside those of the model.
        start: where it starts.
        lower: the least value that it may have.
        upper: the largest one.
    """

    name: str
    start: float = 1.0
    lower: float = -float("inf")
    upper: float = float("inf")


@dataclass(frozen=True)
class Loss:
    """What one sample adds to what a fit minimises.

    Attributes:
        name: how messages and reports call it.
        term: returns the loss of a sample as SymPy, from the prediction, the response and the
            loss's own parameters.
        kind: how it is minimised.
        residual: whether it is one of the residual alone, prediction minus response. A residual
            is divided by ``sigma`` where that is given; other losses take no ``sigma``.
        likelihood: whether the sum is a negative logarithm of a likelihood, up to what does not
            depend on parameters.
        constant: what is left out of it, as a formula in the response: the AIC counts it.
        own: parameters of its own.
        mean: what a prediction means for the response, such as a probability for its logarithm
            of odds; None where it is the response's mean itself.
    """

    name: str
    term: Term
    kind: Kind = "smooth"
    residual: bool = False
    likelihood: bool = False
    constant: Callable[[sp.Expr], sp.Expr] | None = None
    own: tuple[Own, ...] = ()
    mean: Callable[[sp.Expr], sp.Expr] | None = None

    def __getstate__(self) -> dict[str, Any]:
        # Functions made on the spot do not pickle; their formulas do.
        arguments = sp.symbols("f y", cls=sp.Dummy)
        own = [sp.Dummy(one.name) for one in self.own]
        state = dict(self.__dict__)
        for name, taken in (
            ("term", (*arguments, *own)),
            ("constant", arguments[1:]),
            ("mean", arguments[:1]),
        ):
            if state[name] is not None:
                state[name] = sp.Lambda(taken, state[name](*taken))
        return state


def least_squares() -> Loss:
    """Return the square of the residual, the negative log-likelihood of a known normal error."""
    return Loss("least_squares", lambda f, y: (f - y) ** 2, "squares", residual=True)


_BY_NAME: Final[dict[str, Callable[[], Loss]]] = {"least_squares": least_squares}


def names() -> Sequence[str]:
    """Return the names that a fit takes as its loss."""
    return tuple(_BY_NAME)


def as_loss(given: object) -> Loss:
    """Return a loss from its name, from a function of prediction and response, or as it is.

    Raises:
        ArgumentValueError: no loss has that name.
        ArgumentTypeError: it is neither.
    """
    if isinstance(given, Loss):
        return given
    if isinstance(given, str):
        if given in _BY_NAME:
            return _BY_NAME[given]()
        close = difflib.get_close_matches(given, _BY_NAME, 1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise ArgumentValueError(
            f"there is no loss {given!r}: {hint}it is one of {listed(list(_BY_NAME))}, or a "
            "function of prediction and response"
        )
    if callable(given):
        return Loss(getattr(given, "__name__", "loss").strip("<>"), given)
    raise ArgumentTypeError(
        "a loss is a name, one of sc.losses, or a function that returns a formula from a "
        f"prediction and a response; not {type(given).__name__}"
    )
