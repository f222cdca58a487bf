"""What people read of a compilation."""

from __future__ import annotations

import pytest
import sympy as sp

from symcompile.frontend.definition import Definition, define
from symcompile.options import Stage
from symcompile.stages import show_stage
from tests.corpus import BY_NAME
from tests.models import MODELS

MODEL = {model.name: model for model in MODELS}


def model(name: str) -> Definition:
    return define(name, **MODEL[name].make())


def shown(name: str, stage: Stage, function: str) -> str:
    """Return what is shown of one function."""
    parts = show_stage(model(name), stage).split("\n\n")
    return next(part for part in parts if part.lstrip("# ").startswith(f"{function}: "))


def test_costs_of_functions_over_arrays() -> None:
    listing = show_stage(model("logreg"), "ir")
    assert "# logreg as optimised, for d = 100, n = 10000\n" in listing
    head = "# value: 2*d*n + 8*n operations, 1 division, 2*n library calls\nvalue(w[d], b"
    assert head in listing


def test_functions_per_sample_keep_their_counts() -> None:
    w, x = sp.symbols("w x")
    definition = define("square", (w * x - 1) ** 2, params=w, data=x, reduce="mean")
    assert "# square as optimised\n\n# value: 5 operations\n" in show_stage(definition, "ir")


def test_a_schedule_per_sample() -> None:
    w, x = sp.symbols("w x")
    definition = define("square", (w * x - 1) ** 2, params=w, data=x, reduce="mean")
    assert (
        show_stage(definition, "schedule").split("\n\n")[0]
        == """\
value: 5 operations
  for each sample i:
    t0[i] = w*x[i] - 1
    s0 += t0[i]*t0[i]
  once:
    value = s0/n"""
    )


def test_what_is_computed_when_data_are_bound() -> None:
    w, x, y = sp.symbols("w x y")
    definition = define("f", (w * sp.log(x) - y) ** 2, params=w, data=(x, y), reduce="mean")
    assert (
        show_stage(definition, "binding")
        == """\
once, when data are bound:
  derived[i, 0] = log(x[i])
  m0 = sum over i of y[i]**2
  m1 = sum over i of y[i]*derived[i, 0]
  m2 = sum over i of derived[i, 0]**2
from moments: value, grad, value_and_grad, hessian, hvp, jacobian, jvp, vjp"""
    )
    definition = define("f", sp.exp(w * x), params=w, data=x, reduce="sum")
    assert show_stage(definition, "binding").endswith("vjp (exp of the parameters)")


def test_a_schedule_over_arrays() -> None:
    assert (
        shown("logreg", "schedule", "value_and_grad")
        == """\
value_and_grad: 4*d*n + 15*n + 1 operations, n + 3 divisions, 2*n library calls
  for each tile of n:
    a product of matrices:  # 2*d*n operations
      s0[i] = sum over j < d of w[j]*X[i, j]
    over i in the tile:  # 15*n operations, n divisions, 2*n library calls
      t0[i] = y[i]*(b + s0[i])
      t1[i] = -t0[i]
      t2[i] = exp(-abs(t0[i]))
      t3[i] = select(0 <= t1[i], 1, t2[i])/(1 + t2[i])*y[i]
      t4[i] = -1/n*t3[i]
      s1 += max(t1[i], 0) + log1p(t2[i])
      s2 += t3[i]
    a product of matrices:  # 2*d*n operations
      grad.w[j] = sum over i < n of t4[i]*X[i, j]
    buffers of a tile: s0[tile], t4[tile]
    totals: s1, s2, grad.w[d]
  once:
    value = s1/n
    grad.b = -s2/n"""
    )


def test_scatters_say_where_they_add() -> None:
    listing = shown("matfac", "schedule", "value_and_grad")
    assert "[c[i], k] += t1[i]*U[r[i], k]" in listing


def test_a_largest_value() -> None:
    assert " max= " in shown("softmax_onehot", "schedule", "value")


@pytest.mark.parametrize("stage", ["ir", "schedule"])
@pytest.mark.parametrize("name", sorted(MODEL))
def test_every_model_can_be_shown(name: str, stage: Stage) -> None:
    listing = show_stage(model(name), stage)
    assert "None" not in listing
    assert max(map(len, listing.splitlines())) < 2000


@pytest.mark.parametrize("name", ["branches", "hostile_params", "matrix", "chain_20"])
def test_formulas_of_scalars_can_be_shown(name: str) -> None:
    assert show_stage(BY_NAME[name].definition, "schedule").startswith("value: ")
