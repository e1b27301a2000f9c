"""The plots of `docs/performance.md`; `python -m benchmarks.plots FILE DIRECTORY` draws them again.

peers.svg   ours beside peers, one panel for each measure
growth.svg  what a cycle costs as the store grows
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
from matplotlib import pyplot as plt

__all__ = ["draw"]

OURS = "sessionstore"
INK, QUIET, STRONG, WARN = "#334155", "#cbd5e1", "#2563eb", "#dc2626"
STYLE: Any = {
    "font.family": "sans-serif",
    "font.size": 9,
    "svg.fonttype": "none",  # text stays text: small, and to be searched
    "svg.hashsalt": "sessionstore",
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": QUIET,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
}

PANELS = (
    ("sync_cycle", 0, "Open, change, close: sync, 1 thread", "cycles/s, more is better"),
    ("async_cycle", 0, "The same: asyncio, 50 concurrent", "cycles/s, more is better"),
    ("hand_over", 0, "Hand-over to a waiter", "ms, logarithmic, less is better"),
    ("memory", 0, "Memory of an empty session of a user", "bytes, less is better"),
)

Told = Mapping[str, Any]


def draw(told: Told, directory: Path) -> None:
    """Draw what there are results for."""
    with mpl.rc_context(STYLE):
        _peers(told["results"], directory / "peers.svg")
        _growth(told["results"], directory / "growth.svg")


def _peers(results: Told, path: Path) -> None:
    panels = [panel for panel in PANELS if panel[0] in results]
    if not panels:
        return
    counts = [len(results[case][at]["figures"]) + 1.6 for case, at, _, _ in panels]
    figure, axes = plt.subplots(
        len(panels),
        1,
        figsize=(7.2, 0.27 * sum(counts)),
        height_ratios=counts,
        layout="constrained",
        squeeze=False,
    )
    for (case, at, title, unit), panel in zip(panels, axes[:, 0], strict=True):
        figures = results[case][at]["figures"]
        names = list(figures)
        colours = [STRONG if name.startswith(OURS) else QUIET for name in names]
        logarithmic = "logarithmic" in unit
        bars = panel.barh(names, list(figures.values()), color=colours, height=0.7, log=logarithmic)
        panel.bar_label(bars, [_short(value) for value in figures.values()], padding=3)
        panel.invert_yaxis()
        panel.margins(x=0.12)
        panel.set_title(f"{title} ({unit})", loc="left", fontsize=9, fontweight="bold")
        panel.tick_params(left=False, bottom=False, labelbottom=False)
        panel.spines[["bottom"]].set_visible(False)
        panel.minorticks_off()
    _save(figure, path, "What the store does beside its peers")


def _growth(results: Told, path: Path) -> None:
    if "scale" not in results:
        return
    result = results["scale"][0]
    figure, panel = plt.subplots(figsize=(7.2, 2.8), layout="constrained")
    panel.axhline(1.1, color=WARN, linewidth=1, linestyle="--")
    panel.annotate(
        "aim: at most 1.10",
        (0.01, 1.1),
        (0, 3),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        color=WARN,
    )
    for (name, points), colour in zip(result["series"].items(), (STRONG, INK, QUIET), strict=False):
        sizes, costs = zip(*points, strict=True)
        panel.plot(sizes, costs, marker="o", color=colour, label=name)
    panel.set_xscale("log")
    marks = [size for size, _ in next(iter(result["series"].values()))]
    panel.set_xticks(marks, [f"{size:,.0f}" for size in marks])
    panel.minorticks_off()
    panel.set_ylim(0, 1.6)
    panel.set_xlabel("sessions in the store")
    panel.set_title(
        "Cost of open, change, close beside a store of 1,000 sessions (1 = the same)",
        loc="left",
        fontsize=9,
        fontweight="bold",
    )
    panel.legend(frameon=False, loc="lower right")
    _save(figure, path, "Cost of a cycle as the store grows")


def _save(figure: Any, path: Path, title: str) -> None:
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
    # Matplotlib has no way to set the title that a reader of the screen hears.
    head, body = path.read_text("utf-8").split(" <metadata>", 1)
    path.write_text(f"{head} <title>{title}</title>\n <metadata>{body}", "utf-8")


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), Path(sys.argv[2]))
