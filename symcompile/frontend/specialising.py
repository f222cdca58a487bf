"""Specialising: numbers take the place of some inputs of a definition."""

from __future__ import annotations

import math
import numbers as abstract
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from symcompile.errors import ArgumentTypeError, ArgumentValueError
from symcompile.ir.build import Builder
from symcompile.ir.graph import Input

if TYPE_CHECKING:
    from symcompile.frontend.definition import Definition


def specialised(definition: Definition, given: Mapping[str, Any], name: str | None) -> Definition:
    """Return a definition without some inputs; see :meth:`Definition.specialise`."""
    if definition.indexed:
        raise ArgumentTypeError(
            f"{definition.name} is in index or matrix notation, of which arrays cannot be "
            "replaced by numbers: substitute in SymPy, before define"
        )
    values = {key: _exact(value, key) for key, value in given.items()}
    roles = {
        "param": list(definition.params),
        "data": list(definition.data),
        "constant": [constant for constant, _ in definition.constants],
    }
    known = [one for listed in roles.values() for one in listed]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ArgumentValueError(
            f"{definition.name} has no {', '.join(unknown)}; its symbols are {', '.join(known)}"
        )
    kept = {role: [one for one in listed if one not in values] for role, listed in roles.items()}
    if definition.reduce is not None and not kept["data"]:
        raise ArgumentValueError(
            f"{definition.name} combines samples, and no column is left that says how many there "
            "are: keep one"
        )
    b = Builder()
    mapping: dict[int, int] = {}
    source = definition.ir
    inputs = {node.data: node for node in source if isinstance(node.data, Input)}
    for role, listed in kept.items():  # in the order of their slots, used or not
        for slot, one in enumerate(listed):
            node = inputs[Input(role, roles[role].index(one))]  # type: ignore[arg-type]
            b.graph.input(role, slot, node.axes, node.kind)  # type: ignore[arg-type]
    for index in source.ancestors(definition.output.entries):
        data = source[index].data
        if not isinstance(data, Input):
            mapping[index] = b.copy_node(source, index, mapping)
            continue
        symbol = roles[data.role][data.slot]
        if symbol in values:
            mapping[index] = b.constant(values[symbol])
        else:
            node = source[index]
            slot = kept[data.role].index(symbol)
            mapping[index] = b.graph.input(data.role, slot, node.axes, node.kind)
    entries = tuple(mapping[entry] for entry in definition.output.entries)
    per_sample = definition.output.per_sample and bool(kept["data"])
    return replace(
        definition,
        name=name or definition.name,
        params=tuple(kept["param"]),
        data=tuple(kept["data"]),
        constants=tuple(pair for pair in definition.constants if pair[0] not in values),
        ir=b.graph,
        output=replace(definition.output, entries=entries, per_sample=per_sample),
        source=None,
        source_params=None,
        sizes=definition.sizes if kept["data"] else (),
    )


def _exact(value: Any, name: str) -> Fraction:
    """Return a real number as the fraction that it is."""
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        raise ArgumentTypeError(f"{name} is specialised to a number, not {value!r}")
    if isinstance(value, abstract.Rational):
        return Fraction(int(value.numerator), int(value.denominator))
    if getattr(value, "is_Rational", False):  # SymPy's
        return Fraction(int(value.p), int(value.q))
    number = float(value)
    if not math.isfinite(number):
        raise ArgumentValueError(f"{name} is specialised to {number}: it takes a finite number")
    return Fraction(number)
