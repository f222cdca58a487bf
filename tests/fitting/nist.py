"""Regression problems with certified answers, small enough to stand here.

Of the Statistical Reference Datasets of NIST, https://www.itl.nist.gov/div898/strd/: data,
starts, certified parameters and their certified standard deviations. Where more of them lie
beside the checkout, tests read those too.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


def _problem(
    name: str,
    formula: str,
    starts: tuple[list[float], list[float]],
    certified: list[float],
    certified_sd: list[float],
    data: dict[str, Any],
) -> dict[str, Any]:
    return {
        "name": name,
        "formula": formula,
        "response": "y",
        "params": [f"b{k + 1}" for k in range(len(certified))],
        "start1": starts[0],
        "start2": starts[1],
        "certified": certified,
        "certified_sd": certified_sd,
        "data": data,
    }


# fmt: off
NONLINEAR = [
    _problem(
        "BoxBOD", "b1*(1 - exp(-b2*x))", ([1, 1], [100, 0.75]),
        [2.1380940889e2, 5.4723748542e-1], [1.2354515176e1, 1.0455993237e-1],
        {"x": [1, 2, 3, 5, 7, 10], "y": [109, 149, 149, 191, 213, 224]},
    ),
    _problem(
        "Rat43", "b1/((1 + exp(b2 - b3*x))**(1/b4))", ([100, 10, 1, 1], [700, 5, 0.75, 1.3]),
        [6.9964151270e2, 5.2771253025, 7.5962938329e-1, 1.2792483859],
        [1.6302297817e1, 2.0828735829, 1.9566123451e-1, 6.8761936385e-1],
        {"x": list(range(1, 16)), "y": [
            16.08, 33.83, 65.80, 97.20, 191.55, 326.20, 386.87, 520.53, 590.03, 651.92, 724.93,
            699.56, 689.96, 637.56, 717.41]},
    ),
    _problem(
        "MGH10", "b1*exp(b2/(x + b3))", ([2, 400000, 25000], [0.02, 4000, 250]),
        [5.6096364710e-3, 6.1813463463e3, 3.4522363462e2],
        [1.5687892471e-4, 2.3309021107e1, 7.8486103508e-1],
        {"x": list(range(50, 126, 5)), "y": [
            34780, 28610, 23650, 19630, 16370, 13720, 11540, 9744, 8261, 7030, 6005, 5147, 4427,
            3820, 3307, 2872]},
    ),
    _problem(
        "MGH17", "b1 + b2*exp(-x*b4) + b3*exp(-x*b5)",
        ([50, 150, -100, 1, 2], [0.5, 1.5, -1, 0.01, 0.02]),
        [3.7541005211e-1, 1.9358469127, -1.4646871366, 1.2867534640e-2, 2.2122699662e-2],
        [2.0723153551e-3, 2.2031669222e-1, 2.2175707739e-1, 4.4861358114e-4, 8.9471996575e-4],
        {"x": list(range(0, 321, 10)), "y": [
            0.844, 0.908, 0.932, 0.936, 0.925, 0.908, 0.881, 0.850, 0.818, 0.784, 0.751, 0.718,
            0.685, 0.658, 0.628, 0.603, 0.580, 0.558, 0.538, 0.522, 0.506, 0.490, 0.478, 0.467,
            0.457, 0.448, 0.438, 0.431, 0.424, 0.420, 0.414, 0.411, 0.406]},
    ),
]
# fmt: on
_T = 0.05 * np.arange(24)
_LANCZOS = 0.0951 * np.exp(-_T) + 0.8607 * np.exp(-3 * _T) + 1.5576 * np.exp(-5 * _T)
_SD3 = [0.017197908859, 0.097041624475, 0.041488663282]
_SD3 += [0.10766312506, 0.058371576281, 0.034436403035]
NONLINEAR.append(
    _problem(
        "Lanczos3",
        "b1*exp(-b2*x) + b3*exp(-b4*x) + b5*exp(-b6*x)",
        ([1.2, 0.3, 5.6, 5.5, 6.5, 7.6], [0.5, 0.7, 3.6, 4.2, 4, 6.3]),
        [0.086816414977, 0.95498101505, 0.84400777463, 2.9515951832, 1.5825685901, 4.9863565084],
        _SD3,
        {"x": [k * 5 / 100 for k in range(24)], "y": [round(v, 4) for v in _LANCZOS.tolist()]},
    )
)

_X = np.arange(21.0)
#: The differences from a polynomial whose coefficients are 1; Wampler (1970).
_DELTA = np.array([759, -2048, 2048, -2048, 2523, -2048, 2048, -2048, 1838, -2048, 2048.0])
_NOISE = np.concatenate((_DELTA, _DELTA[-2::-1]))
_SD = [2152.32624678170, 2363.55173469681, 779.343524331583]
_SD += [101.475507550350, 5.64566512170752, 0.112324854679312]
LINEAR = [
    _problem(
        name,
        "b1 + b2*x + b3*x**2 + b4*x**3 + b5*x**4 + b6*x**5",
        ([0.0] * 6, [1.0] * 6),
        [1.0] * 6,
        [factor * sd for sd in _SD],
        {"x": _X, "y": sum(_X**k for k in range(6)) + factor * _NOISE},
    )
    for name, factor in (("Wampler1", 0), ("Wampler3", 1), ("Wampler4", 100), ("Wampler5", 10000))
]


def beside(folder: str) -> list[dict[str, Any]]:
    """Return the problems of a folder beside the checkout, if it is there."""
    return [json.loads(path.read_text()) for path in sorted((SHARED / folder).glob("*.json"))]
