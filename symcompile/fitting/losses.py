"""Losses: what a fit minimises the sum of, as formulas in a prediction and a response."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import numpy as np
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
        slopes: of a loss with kinks, what a residual below zero and one above it cost.
        variance: of a response around the prediction, in the loss's own parameters, where
            responses are normal; None where nothing is known of it.
        support: the least and the largest value that a response may have.
    """

    name: str
    term: Term
    kind: Kind = "smooth"
    residual: bool = False
    likelihood: bool = False
    constant: Callable[[sp.Expr], sp.Expr] | None = None
    own: tuple[Own, ...] = ()
    mean: Callable[[sp.Expr], sp.Expr] | None = None
    variance: Callable[..., sp.Expr] | None = None
    slopes: tuple[float, float] = (1.0, 1.0)
    support: tuple[float, float] = (-float("inf"), float("inf"))

    def __getstate__(self) -> dict[str, Any]:
        # Functions made on the spot do not pickle; their formulas do.
        arguments = sp.symbols("f y", cls=sp.Dummy)
        own = [sp.Dummy(one.name) for one in self.own]
        state = dict(self.__dict__)
        for name, taken in (
            ("term", (*arguments, *own)),
            ("constant", arguments[1:]),
            ("mean", arguments[:1]),
            ("variance", tuple(own)),
        ):
            if state[name] is not None:
                state[name] = sp.Lambda(taken, state[name](*taken))
        return state


def least_squares() -> Loss:
    """Return ``r**2``: twice the negative log-likelihood of normal errors of known size."""
    return Loss("least_squares", lambda f, y: (f - y) ** 2, "squares", residual=True)


def absolute() -> Loss:
    """Return ``|r|``: its minimum is a conditional median, which outliers do not move."""
    return Loss("absolute", lambda f, y: sp.Abs(f - y), "kinked", residual=True)


def quantile(q: float = 0.5) -> Loss:
    """Return the check loss: ``q*|r|`` below the response, ``(1 - q)*|r|`` above it.

    Its minimum is the conditional quantile ``q`` (Koenker and Bassett 1978).

    Raises:
        ArgumentValueError: ``q`` is not between 0 and 1.
    """
    q = _between(q, 0, 1, "q")
    low, high = sp.Float(q), 1 - sp.Float(q)
    return Loss(
        f"quantile({q:g})",
        lambda f, y: sp.Max(low * (y - f), high * (f - y)),
        "kinked",
        residual=True,
        slopes=(q, 1 - q),
    )


def huber(delta: float = 1.345) -> Loss:
    """Return ``r**2/2`` to ``delta`` and ``delta*(|r| - delta/2)`` beyond (Huber 1964).

    Give ``sigma``, so that ``delta`` counts standard errors: 1.345 keeps 95% of the efficiency of
    least squares where errors are normal.

    Raises:
        ArgumentValueError: ``delta`` is not positive.
    """
    size = sp.Float(_between(delta, 0, float("inf"), "delta"))

    def term(f: sp.Expr, y: sp.Expr) -> sp.Expr:
        r = sp.Abs(f - y)
        return sp.Piecewise(((f - y) ** 2 / 2, r <= size), (size * (r - size / 2), True))

    return Loss(f"huber({delta:g})", term, residual=True)


def soft_l1(scale: float = 1.0) -> Loss:
    """Return ``scale**2*(sqrt(1 + (r/scale)**2) - 1)``: a smooth absolute value.

    Raises:
        ArgumentValueError: ``scale`` is not positive.
    """
    c = sp.Float(_between(scale, 0, float("inf"), "scale"))
    return Loss(
        f"soft_l1({scale:g})",
        lambda f, y: c**2 * (sp.sqrt(1 + ((f - y) / c) ** 2) - 1),
        residual=True,
    )


def cauchy(scale: float = 1.0) -> Loss:
    """Return ``scale**2/2*log(1 + (r/scale)**2)``: far outliers hardly count.

    Raises:
        ArgumentValueError: ``scale`` is not positive.
    """
    c = sp.Float(_between(scale, 0, float("inf"), "scale"))
    return Loss(
        f"cauchy({scale:g})",
        lambda f, y: c**2 / 2 * sp.log(1 + ((f - y) / c) ** 2),
        residual=True,
    )


def gaussian() -> Loss:
    """Return the negative log-likelihood of normal errors whose size ``sigma`` is fitted too."""
    return Loss(
        "gaussian",
        lambda f, y, s: sp.log(s) + (f - y) ** 2 / (2 * s**2),
        likelihood=True,
        constant=lambda y: sp.log(2 * sp.pi) / 2,
        own=(Own("sigma", 1.0, 0.0),),
        variance=lambda s: s**2,
    )


def logistic() -> Loss:
    """Return ``log(1 + exp(f)) - y*f``: the model is the logarithm of the odds that ``y`` is 1.

    Predictions are probabilities. A response between 0 and 1 is a share.
    """
    return Loss(
        "logistic",
        lambda f, y: sp.log(1 + sp.exp(f)) - y * f,
        likelihood=True,
        mean=lambda f: 1 / (1 + sp.exp(-f)),
        support=(0.0, 1.0),
    )


def poisson() -> Loss:
    """Return ``f - y*log(f)``: the model is the expected count, as in ``exp(a + b*x)``."""
    return Loss(
        "poisson",
        lambda f, y: f - y * sp.log(f),
        likelihood=True,
        constant=lambda y: sp.loggamma(y + 1),
        support=(0.0, float("inf")),
    )


def negative_binomial() -> Loss:
    """Return the negative log-likelihood of counts with mean ``f`` and variance ``f + alpha*f**2``.

    ``alpha`` is fitted too, from 1e-4 on: counts that scatter no more than Poisson's end at that
    bound. Cameron and Trivedi, *Regression Analysis of Count Data* (2013),
    section 3.3 (NB2).
    """

    def term(f: sp.Expr, y: sp.Expr, alpha: sp.Expr) -> sp.Expr:
        size = 1 / alpha
        gammas = sp.loggamma(size) - sp.loggamma(y + size)
        return gammas + (y + size) * sp.log(1 + alpha * f) - y * sp.log(alpha * f)

    return Loss(
        "negative_binomial",
        term,
        likelihood=True,
        constant=lambda y: sp.loggamma(y + 1),
        own=(Own("alpha", 0.5, 1e-4),),
        support=(0.0, float("inf")),
    )


_BY_NAME: Final[dict[str, Callable[[], Loss]]] = {
    made.__name__: made
    for made in (
        least_squares,
        absolute,
        huber,
        soft_l1,
        cauchy,
        logistic,
        poisson,
        negative_binomial,
        gaussian,
        quantile,
    )
}


@dataclass(frozen=True)
class Penalty:
    """What is added for large parameters: ``squares*sum(p**2) + kinks*sum(abs(p))``.

    Attributes:
        squares: the weight of the squares.
        kinks: the weight of the absolute values.
        names: of the parameters; empty for all of the model's.
    """

    squares: float
    kinks: float
    names: tuple[str, ...] = ()


def ridge(alpha: float, *names: str) -> Penalty:
    """Return ``alpha`` times the sum of squares of parameters, of all if none is named.

    Raises:
        ArgumentValueError: ``alpha`` is not positive.
    """
    return Penalty(_between(alpha, 0, float("inf"), "alpha"), 0.0, names)


def lasso(alpha: float, *names: str) -> Penalty:
    """Return ``alpha`` times the sum of absolute values of parameters, of all if none is named.

    Parameters that do not pay for themselves become exactly zero (Tibshirani 1996).

    Raises:
        ArgumentValueError: ``alpha`` is not positive.
    """
    return Penalty(0.0, _between(alpha, 0, float("inf"), "alpha"), names)


def elastic_net(alpha: float, ratio: float, *names: str) -> Penalty:
    """Return ``alpha*ratio`` absolute values plus ``alpha*(1 - ratio)/2`` squares.

    Zou and Hastie (2005). The sum of losses is not divided by the samples, nor by two: with
    least squares ``alpha`` is ``2*n`` times that of scikit-learn, whose ``l1_ratio`` is ``ratio``.

    Raises:
        ArgumentValueError: ``alpha`` is not positive, or ``ratio`` not from 0 to 1.
    """
    alpha, ratio = (
        _between(alpha, 0, float("inf"), "alpha"),
        _between(ratio, 0, 1, "ratio", ends=True),
    )
    return Penalty(alpha * (1 - ratio) / 2, alpha * ratio, names)


def _between(value: Any, low: float, high: float, what: str, *, ends: bool = False) -> float:
    number = isinstance(value, int | float | np.integer | np.floating)
    inside = number and (low < value < high or (ends and value in (low, high)))
    if isinstance(value, bool) or not inside:
        limits = "positive" if high == float("inf") else f"between {low:g} and {high:g}"
        raise ArgumentValueError(f"{what}={value!r} is no number that is {limits}")
    return float(value)


def names() -> Sequence[str]:
    """Return the names that a fit takes as its loss."""
    return tuple(_BY_NAME)


def as_loss(given: Any) -> Loss:
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
        if given in _BY_NAME.values():  # sc.losses.huber, without the brackets
            made: Loss = given()
            return made
        return Loss(getattr(given, "__name__", "loss").strip("<>"), given)
    raise ArgumentTypeError(
        "a loss is a name, one of sc.losses, or a function that returns a formula from a "
        f"prediction and a response; not {type(given).__name__}"
    )
