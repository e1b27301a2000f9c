"""The outcome of a replay: its figures, as JSON and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

__all__ = ["Figures", "percentile_ms", "shown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What `replay --json` prints. Times in milliseconds; None if there is nothing to measure."""

    requests: int
    sessions: int
    seconds: float
    requests_per_second: float
    open_ms_p50: float | None
    open_ms_p99: float | None
    waits: int
    """How many opens had to wait for another holder."""

    handover_ms_p50: float | None
    handover_ms_p99: float | None
    bytes_per_session: int | None
    """By how much the memory of the server grew, indexes and events included; None: not told."""

    lost_updates: int
    malformed_lines: int
    servers: int
    concurrency: int
    seed: int


def percentile_ms(times_ns: Sequence[int], percent: int) -> float | None:
    """Return the smallest of the times that `percent` of them do not exceed, in milliseconds."""
    if not times_ns:
        return None
    rank = -(-len(times_ns) * percent // 100)
    return round(sorted(times_ns)[max(rank, 1) - 1] / 1e6, 3)


def shown(figures: Figures, *, name: str) -> Group:
    """Return the figures as a table for people."""
    listing = Table(box=box.ROUNDED, show_header=False, title=f"[bold]{escape(name)}[/]")
    listing.add_column()
    listing.add_column(justify="right")
    listing.add_row("requests", f"{figures.requests:,}")
    if figures.malformed_lines:
        listing.add_row("malformed lines, skipped", f"{figures.malformed_lines:,}")
    listing.add_row("sessions", f"{figures.sessions:,}")
    listing.add_row("requests/s", f"{figures.requests_per_second:,.0f}")
    listing.add_row("open p50 / p99", _pair(figures.open_ms_p50, figures.open_ms_p99))
    share = figures.waits / figures.requests
    listing.add_row("opens that had to wait", f"{figures.waits:,} ({share:.0%})")
    listing.add_row("hand-over p50 / p99", _pair(figures.handover_ms_p50, figures.handover_ms_p99))
    size = figures.bytes_per_session
    listing.add_row("bytes per session in the server", "unknown" if size is None else f"{size:,}")
    style = "bold red" if figures.lost_updates else "bold green"
    listing.add_section()
    listing.add_row("lost updates", f"{figures.lost_updates:,}", style=style)
    how = (
        f"{figures.servers} app servers, {figures.concurrency} requests at a time,"
        f" {figures.seconds:.1f} s, seed {figures.seed}"
    )
    return Group(listing, Text(how, style="dim"))


def _pair(first: float | None, second: float | None) -> str:
    return "none" if first is None or second is None else f"{first:.2f} / {second:.2f} ms"
