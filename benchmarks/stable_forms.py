"""The rules about stable forms, with the error before and after: writes docs/stable-forms.md.

    python benchmarks/stable_forms.py

Errors are measured on the formulas of the tests, over the whole range of doubles.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from symcompile.checking.oracle import Oracle
from symcompile.compiler import compile as compile_
from symcompile.frontend.definition import define
from symcompile.passes.stable.table import RULES
from tests.stable_cases import CASES, Case

PAGE = ROOT / "docs" / "stable-forms.md"
_DIGITS = 250

_HEAD = """\
# Stable forms

`python benchmarks/stable_forms.py` measures the errors and writes this page.

A formula says what is to be computed, not how. As written, `log(1 + exp(x))` overflows at 710 and
`1 - cos(x)` is 0 at 1e-9. These rules put a form in its place that does neither. They look at flat
sums and products, whatever their order and further terms or factors, before derivatives are taken, so that
every derivative is that of the stable form, and once more after. Each is an identity of real numbers; infinity
and NaN are what the formula as written gives where that is not an accident of it.

`stable=False`, in `define` and `compile`, computes the formula as written.
`symcompile show FILE --stage recognise` says which rules fired, and where.

```python
import sympy as sp
import symcompile as sc

x = sp.Symbol("x")
formula = sp.log(1 + sp.exp(x)) - (1 - sp.cos(x))/x**2
assert sc.lambdify(x, formula)(800.0) > 799.99
assert sc.compile(formula, params=x, backend="python", stable=False).value([800.0]) == float("inf")
```

Errors are the largest found, in units in the last place divided by the condition number where that is larger
than one, of the Python backend against 250 digits, from the smallest subnormal number to the largest
double: as written, and with the rule. *lost* stands where nothing is left: an error of more than 2^52
units, an infinity, or NaN.

| rule | identity | why | formula | as written | stable |
|---|---|---|---|---|---|
"""

_TAIL = """
Besides, a quotient such as `(x - sin(x))/x**3` or `(exp(x) - 1 - x)/x**2`, whose terms cancel near zero to
higher order, is computed by its expansion there, and what tends to a limit at zero has that limit:

| rule | formula | as written | stable |
|---|---|---|---|
"""


def errors(case: Case, stable: bool) -> float:
    """Return the largest conditioned error of a formula in ulp."""
    definition = define("f", case.formula, params=case.symbols, stable=stable)
    kernel = compile_(definition, backend="python")
    worst = 0.0
    for point in case.places:
        oracle = Oracle(definition, point, digits=_DIGITS)
        mp, exact = oracle.mp, oracle.value().item()
        if not mp.isfinite(exact):
            continue
        slopes = [mp.mpf(slope) for slope in oracle.grad()]
        pairs = zip(point, slopes, strict=True)
        condition = max(abs(mp.mpf(p) * s / exact) if exact else mp.mpf(1) for p, s in pairs)
        error = _ulps(mp, kernel.value(point), exact)
        worst = max(worst, error / max(1.0, float(min(condition, 1e300))))
    return worst


def _ulps(mp: Any, got: float, exact: Any) -> float:
    try:
        nearest = float(exact)
    except OverflowError:
        nearest = math.copysign(math.inf, exact)
    if not math.isfinite(got) or not math.isfinite(nearest):
        return 0.0 if got == nearest else math.inf
    return float(abs(mp.mpf(got) - exact) / mp.mpf(math.ulp(nearest)))


def shown(error: float) -> str:
    """Return an error as text."""
    return "lost" if error > 2.0**52 or math.isnan(error) else f"{error:.2g}"


def main() -> None:
    """Write the page."""
    from rich.progress import track

    rules = {rule.name: rule for rule in RULES}
    first: dict[str, Case] = {}
    for case in CASES:
        first.setdefault(case.rule, case)
    rows: list[str] = []
    more: list[str] = []
    for name, case in track(first.items(), "measuring", transient=True):
        found = [shown(errors(case, stable)) for stable in (False, True)]
        formula = f"`{case.formula}`"
        if name in rules:
            rule = rules[name]
            rows.append(_row(name, f"`{rule.identity}`", rule.source, formula, *found))
        else:
            more.append(_row(name, formula, *found))
    PAGE.write_text(_HEAD + "\n".join(rows) + "\n" + _TAIL + "\n".join(more) + "\n", "utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}: {len(rows) + len(more)} rules")


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    main()
