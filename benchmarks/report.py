"""What was found: as a table, as JSON, as a picture."""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.suite.base import Comparison
from benchmarks.timing import seconds


@dataclass
class Row:
    """A comparison as it is written down: see ``Comparison``.

    Attributes:
        medians: seconds a piece.
        fastest: the same in the fastest round.
        ratios: relative to the base, where there is one.
        goals: of each the way, the limit, the base (None for seconds), what was reached (None
            where it was not measured), and whether it was met.
        times: seconds a call in every round.
    """

    benchmark: str
    title: str
    base: str | None
    piece: str
    pieces: int
    medians: dict[str, float]
    fastest: dict[str, float]
    ratios: dict[str, float]
    goals: list[dict[str, Any]]
    differences: dict[str, float]
    skipped: dict[str, str]
    notes: list[str]
    times: dict[str, list[float]]


def row_of(benchmark: str, found: Comparison) -> Row:
    """Return a comparison as it is written down."""
    goals = []
    for goal in found.goals:
        reached = found.reached(goal)
        known = not math.isnan(reached)
        met = reached <= goal.limit if known else None
        goals.append({**asdict(goal), "reached": reached if known else None, "met": met})
    ratios = {}
    if found.base in found.times:
        ratios = {way: found.ratio(way) for way in found.times}
    return Row(
        benchmark, found.title, found.base, found.piece, found.pieces,
        {way: found.median(way) for way in found.times},
        {way: min(times) / found.pieces for way, times in found.times.items()},
        ratios, goals, found.differences,
        found.skipped, list(found.notes), found.times,
    )  # fmt: skip


@dataclass
class Report:
    """All rows, and what they were measured on."""

    machine: dict[str, Any]
    versions: dict[str, str]
    rounds: int
    rows: list[Row]
    failed: list[str] = field(default_factory=list)

    def write(self, folder: Path) -> None:
        """Write ``table.json``."""
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(asdict(self), indent=1, ensure_ascii=False)
        (folder / "table.json").write_text(text + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Report:
        """Read what :meth:`write` wrote."""
        found = json.loads(path.read_text(encoding="utf-8"))
        found["rows"] = [Row(**row) for row in found["rows"]]
        return cls(**found)

    def show(self) -> None:
        """Print the table, what is missing, and what it was measured on."""
        from rich.console import Console
        from rich.table import Table

        console = Console()
        if not console.is_terminal:
            console = Console(width=150)  # a table in a file is not to be folded
        table = Table(
            "work", "way", title="times, and medians of ratios within a round (smaller is faster)"
        )
        for heading in ("median", "fastest", "relative", "goal", "reached", ""):
            table.add_column(heading, justify="right")
        for row in self.rows:
            self._add(table, row)
            table.add_section()
        console.print(table)
        for row in self.rows:
            for way, why in row.skipped.items():
                console.print(f"{row.title}: no {way}: {why}", highlight=False, markup=False)
        for text in self.failed:
            console.print(text, style="red", highlight=False, markup=False)
        for facts in (self.machine, self.versions):
            text = ", ".join(f"{name} {value}" for name, value in facts.items())
            console.print(text, highlight=False, markup=False)

    @staticmethod
    def _add(table: Any, row: Row) -> None:
        goals = [_goal(goal) for goal in row.goals]
        titles = [row.title, *row.notes]
        ways = []
        for way, median in sorted(row.medians.items(), key=lambda item: item[1]):
            relative = f"{row.ratios[way]:.3g}" if way in row.ratios else ""
            unit = "" if row.piece == "call" else f" / {row.piece}"
            ways.append((way, seconds(median), seconds(row.fastest[way]) + unit, relative))
        for k in range(max(len(ways), len(goals), len(titles))):
            title = titles[k] if k < len(titles) else ""
            way = ways[k] if k < len(ways) else ("", "", "", "")
            goal = goals[k] if k < len(goals) else ("", "", "")
            table.add_row(title, *way, *goal)

    def page(self, path: Path, picture: Path | None) -> None:
        """Write the table as Markdown."""
        facts = [", ".join(f"{k} {v}" for k, v in d.items()) for d in (self.machine, self.versions)]
        lines = [
            "# Performance",
            "",
            "Written by `python -m benchmarks --page`. Everything in a comparison is timed in",
            "turn, in one process, once the results agree. A ratio is the median, over the rounds,",
            "of the time relative to the way marked as the base; a goal in seconds is about the",
            f"fastest round. {self.rounds} rounds; {facts[0]}; {facts[1]}.",
            "",
        ]
        if picture is not None:
            shown = os.path.relpath(picture, path.parent)
            lines += [f"![Times relative to the base of each comparison]({shown})", ""]
        for row in self.rows:
            lines += [f"## {row.title}", ""]
            if row.medians:
                piece = "" if row.piece == "call" else f" / {row.piece}"
                lines += [
                    f"| way | median{piece} | fastest{piece} | relative |",
                    "|---|---|---|---|",
                ]
            for way, median in sorted(row.medians.items(), key=lambda item: item[1]):
                ratio = "base" if way == row.base else f"{row.ratios.get(way, math.nan):.3g}"
                ratio = ratio if row.ratios else ""
                cells = (way, seconds(median), seconds(row.fastest[way]), ratio)
                lines.append(f"| {' | '.join(cells)} |")
            said = [f"{note}." for note in row.notes]
            said += [f"Goal: {g}: {r or 'none'}, {v}." for g, r, v in map(_goal, row.goals)]
            said += [f"No {way}: {why}." for way, why in row.skipped.items()]
            lines += ["", *[f"- {text}" for text in said], ""] if said else [""]
        path.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")

    def draw(self, folder: Path) -> Path | None:
        """Draw ``table.png``: of each comparison all ways, relative to its base."""
        try:
            import matplotlib
        except ImportError:
            return None
        matplotlib.use("Agg")
        from matplotlib import pyplot as plt

        rows = [row for row in self.rows if len(row.ratios) > 1]
        if not rows:
            return None
        folder.mkdir(parents=True, exist_ok=True)
        figure, axes = plt.subplots(figsize=(11, 1.6 + 0.62 * len(rows)), layout="constrained")
        drawn: set[str] = set()
        for height, row in enumerate(reversed(rows)):
            axes.axhline(height, color="0.92", zorder=0)
            for way, ratio in row.ratios.items():
                if way == row.base:
                    continue
                style = _style(way)
                axes.plot(ratio, height, label=None if way in drawn else way, ls="", **style)
                drawn.add(way)
            for goal in row.goals:
                limit = _relative(goal, row)
                if limit is not None:
                    axes.plot(limit, height, "|", color="crimson", ms=20, mew=2, zorder=1)
        axes.plot([], [], "|", color="crimson", ms=14, mew=2, label="goal")
        axes.axvline(1.0, color="0.4", lw=1, zorder=0)
        axes.set_xscale("log")
        labels = [f"{row.title}\nrelative to {row.base}" for row in reversed(rows)]
        axes.set_yticks(range(len(rows)), labels, fontsize=8)
        axes.set_ylim(-0.7, len(rows) - 0.3)
        axes.set_xlabel("time, relative (left is faster)")
        axes.grid(axis="x", color="0.9")
        axes.set_axisbelow(True)
        handles, names = axes.get_legend_handles_labels()
        pairs = sorted(zip(names, handles, strict=True), key=lambda p: _order(p[0]))
        axes.legend(
            [h for _, h in pairs], [n for n, _ in pairs], fontsize=8, ncols=4,
            loc="lower center", bbox_to_anchor=(0.3, 1.0), frameon=False,
        )  # fmt: skip
        path = folder / "table.png"
        figure.savefig(path, dpi=130)
        plt.close(figure)
        return path


_OWN = {"cython": "#0b5394", "llvm": "#38761d", "numba": "#3d85c6", "python": "#9fc5e8"}
_PEERS = {
    "C by hand": ("s", "#990000"),
    "JAX": ("D", "#e69138"),
    "heyoka": ("^", "#6a329f"),
    "CasADi": ("P", "#a64d79"),
    "symengine": ("v", "#7f6000"),
    "symjit": ("<", "#45818e"),
    "Numba by hand": ("X", "#666666"),
    "value and gradient": ("h", "#0b5394"),
}


def _style(way: str) -> dict[str, Any]:
    """Return colour and mark of a way: circles are symcompile's."""
    if way.startswith("symcompile"):
        colour = _OWN.get(way.rpartition(" ")[2], "#0b5394")
        return {"marker": "o", "ms": 9, "color": colour, "zorder": 3}
    mark, colour = _PEERS.get(way, ("*", "#999999"))
    return {"marker": mark, "ms": 7, "color": colour, "zorder": 4}


def _order(name: str) -> tuple[int, str]:
    return (0 if name.startswith("symcompile") else 2 if name == "goal" else 1, name)


def _relative(goal: dict[str, Any], row: Row) -> float | None:
    """Return a goal relative to the base of a row."""
    limit: float = goal["limit"]
    if goal["base"] is None:
        return limit / row.fastest[row.base] if row.base in row.fastest else None
    ratio = row.ratios.get(goal["base"])
    return None if ratio is None else limit * ratio


def _goal(goal: dict[str, Any]) -> tuple[str, str, str]:
    """Return what is aimed at, what was reached, and the verdict."""
    if goal["base"] is None:
        shown = seconds
        text = f"{goal['way']} <= {seconds(goal['limit'])}"
    else:

        def shown(value: float) -> str:
            return f"{value:.2f}"

        text = f"{goal['way']} <= {goal['limit']:.2f} {goal['base']}"
    reached = goal["reached"]
    if reached is None:
        return text, "", "not measured"
    return text, shown(reached), "met" if goal["met"] else "missed"
