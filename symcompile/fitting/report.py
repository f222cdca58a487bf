"""A fit in words and tables: text, HTML, LaTeX, and numbers for JSON."""

from __future__ import annotations

import html as markup
import io
import math
from typing import TYPE_CHECKING, Any

import sympy as sp

from symcompile.arguments import count
from symcompile.frontend.raising import formula
from symcompile.recheck import json_number

if TYPE_CHECKING:
    from symcompile.fitting.result import FitResult, IntervalMethod

#: Two parameters whose correlation is less than this are not listed.
_CORRELATED = 0.1
#: A formula longer than this is cut in a report.
_LONGEST = 300
_WIDTH = 100


def text(result: FitResult, level: float, method: IntervalMethod) -> str:
    """Return a report for a terminal."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    out = io.StringIO()
    console = Console(file=out, width=_WIDTH, highlight=False, color_system=None)

    def tabled(header: list[str], rows: list[list[str]]) -> None:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, show_header=any(header))
        for k, name in enumerate(header):
            table.add_column(name, justify="right" if k else "left", no_wrap=bool(k))
        for row in rows:
            table.add_row(*map(Text, row))
        console.print(table)

    for line in _head(result):
        console.print(Text(line))
    console.print()
    tabled(*_parameters(result, level, method))
    console.print()
    tabled(["", ""], _figures(result))
    pairs = _correlations(result)
    if pairs:
        console.print()
        tabled(["correlation", ""], pairs)
    for warning in result.warnings:
        console.print(Text(f"warning: {warning}"))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def html(result: FitResult) -> str:
    """Return a report for Jupyter: self-contained, without scripts."""

    def tabled(header: list[str], rows: list[list[str]]) -> str:
        head = "".join(f"<th>{markup.escape(name)}</th>" for name in header)
        body = "".join(
            "<tr>" + "".join(f"<td>{markup.escape(cell)}</td>" for cell in row) + "</tr>"
            for row in rows
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    lines = _head(result)
    parts = [f"<p><strong>{markup.escape(lines[0])}</strong><br>"]
    parts.append("<br>".join(markup.escape(line) for line in lines[1:]) + "</p>")
    parts.append(tabled(*_parameters(result, 0.95, "asymptotic")))
    parts.append(tabled(["", ""], _figures(result)))
    pairs = _correlations(result)
    if pairs:
        parts.append(tabled(["correlation", ""], pairs))
    if result.warnings:
        items = "".join(f"<li>{markup.escape(warning)}</li>" for warning in result.warnings)
        parts.append(f"<p><strong>Warnings</strong></p><ul>{items}</ul>")
    return f"<div>{''.join(parts)}</div>"


def as_dict(result: FitResult, level: float, method: IntervalMethod) -> dict[str, Any]:
    """Return the figures of a report, ready for JSON."""
    intervals = result.intervals(level, method)
    digits = result.solution.digits
    kept = {} if digits is None else dict(zip(result.names, digits.tolist(), strict=True))
    parameters = {
        name: {
            "value": _finite(value),
            "stderr": _finite(result.stderr[name]),
            "lower": _finite(intervals[name][0]),
            "upper": _finite(intervals[name][1]),
            "digits": _finite(kept.get(name, math.nan)),
            "kind": _kind(result, name),
        }
        for name, value in result.params.items()
    }
    return {
        "model": formula(result.problem.prediction, _LONGEST),
        "response": formula(result.problem.observed, _LONGEST),
        "loss": result.problem.loss.name,
        "success": result.success,
        "message": result.message,
        "warnings": list(result.warnings),
        "params": parameters,
        "level": level,
        "intervals": method,
        "covariance": {
            "names": list(result.names),
            "matrix": [[_finite(one) for one in row] for row in result.covariance.tolist()],
        },
        "n": result.n,
        "dof": result.dof,
        "minimum": _finite(result.loss),
        "chi2": _finite(result.chi2),
        "reduced_chi2": _finite(result.reduced_chi2),
        "r2": _finite(result.r2),
        "log_likelihood": _finite(result.log_likelihood),
        "aic": _finite(result.aic),
        "aicc": _finite(result.aicc),
        "bic": _finite(result.bic),
        "iterations": result.iterations,
        "evaluations": result.evaluations,
        "method": result.solution.method,
    }


def latex(result: FitResult, numbers: bool) -> str:
    """Return the model as LaTeX, with its fitted numbers or with names."""
    problem = result.problem
    if not numbers:
        return f"{sp.latex(problem.response)} = {sp.latex(problem.model)}"
    values = {
        symbol: _rounded(value, error)
        for symbol, value, error in zip(
            problem.params,
            result.solution.p.tolist(),
            result.inference.stderr.tolist(),
            strict=True,
        )
    }
    fitted = problem.model.xreplace(values)
    return f"{sp.latex(problem.response)} = {sp.latex(fitted)}"


def _rounded(value: float, error: float) -> sp.Expr:
    """Return a number to two digits of its error, or to six."""
    digits = 6
    if math.isfinite(error) and error > 0 and value:
        digits = math.floor(math.log10(abs(value))) - math.floor(math.log10(error)) + 2
    return sp.Float(value, min(max(digits, 1), 15))


def _head(result: FitResult) -> list[str]:
    problem = result.problem
    line = f"{formula(problem.observed, _LONGEST)} = {formula(problem.prediction, _LONGEST)}"
    state = result.message[:1].upper() + result.message[1:]
    work = f"{count(result.iterations, 'step')}, {count(result.evaluations, 'evaluation')}"
    return [line, f"{problem.loss.name}, {result.solution.method}: {work}", f"{state}."]


def _parameters(
    result: FitResult, level: float, method: IntervalMethod
) -> tuple[list[str], list[list[str]]]:
    intervals = result.intervals(level, method)
    percent = f"{100 * level:g}%"
    name = "profile" if method == "profile" else "interval"
    header = ["parameter", "value", "stderr", "relative", f"{percent} {name}", "", ""]
    rows = []
    for key, value in result.params.items():
        error, (low, high) = result.stderr[key], intervals[key]
        share = f"{100 * error / abs(value):.2g}%" if value and math.isfinite(error) else ""
        kind = _kind(result, key)
        if kind == "fixed":
            rows.append([key, _number(value), "", "", "", "", "fixed"])
        else:
            note = "" if kind == "fitted" else kind
            rows.append(
                [key, _number(value), _short(error), share, _number(low), _number(high), note]
            )
    return header, rows


def _kind(result: FitResult, name: str) -> str:
    if name in result.problem.tied:
        return "tied"
    index = result.names.index(name)
    if result.problem.fixed[index]:
        return "fixed"
    return "at a bound" if result.solution.active[index] else "fitted"


def _figures(result: FitResult) -> list[list[str]]:
    rows = [["samples", str(result.n)], ["degrees of freedom", str(result.dof)]]
    if result.problem.loss.kind != "squares" or not result.criterion.squares:
        rows.append(["minimum", _number(result.loss)])
    rows.append(["chi2", _number(result.chi2)])
    rows.append(["reduced chi2", _number(result.reduced_chi2)])
    rows.append(["R2", _number(result.r2)])
    if not math.isnan(result.log_likelihood):
        rows += [["AIC", _number(result.aic)], ["BIC", _number(result.bic)]]
    return rows


def _correlations(result: FitResult) -> list[list[str]]:
    found = []
    matrix, names = result.correlation, result.names
    for i in range(len(names)):
        for j in range(i):
            if abs(matrix[i, j]) >= _CORRELATED:
                found.append((abs(matrix[i, j]), f"{names[j]}, {names[i]}", matrix[i, j]))
    found.sort(key=lambda one: -one[0])
    return [[names, f"{value:+.4f}"] for _, names, value in found[:10]]


def _number(value: float) -> str:
    return f"{value:.10g}" if math.isfinite(value) else _unknown(value)


def _short(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else _unknown(value)


def _unknown(value: float) -> str:
    return "unknown" if math.isnan(value) else f"{value:g}"


def _finite(value: float) -> float | str | None:
    return None if math.isnan(value) else json_number(float(value))
