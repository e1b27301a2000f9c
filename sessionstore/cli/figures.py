"""The outcome of a replay: its figures, as JSON and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.markup import escape
from rich.table import Table

from sessionstore.cli.output import sheet

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
    """None if the server does not tell how much memory it uses."""

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


def shown(figures: Figures, *, name: str) -> Table:
    """Return the figures as a table for people."""
    lost = figures.lost_updates
    rows = [
        ("requests", f"{figures.requests:,}"),
        ("sessions", f"{figures.sessions:,}"),
        ("requests/s", f"{figures.requests_per_second:,.0f}"),
        ("open p50 / p99", _pair(figures.open_ms_p50, figures.open_ms_p99)),
        ("opens that had to wait", f"{figures.waits:,} ({figures.waits / figures.requests:.1%})"),
        ("hand-over p50 / p99", _pair(figures.handover_ms_p50, figures.handover_ms_p99)),
        (
            "bytes per session",
            "the server does not tell"
            if figures.bytes_per_session is None
            else f"{figures.bytes_per_session:,}",
        ),
        ("lost updates", str(lost)),
    ]
    if figures.malformed_lines:
        rows.insert(2, ("malformed lines", f"{figures.malformed_lines:,} (skipped)"))
    made = sheet(rows, title=f"[bold]{escape(name)}[/]")
    made.caption = (
        f"{figures.servers} app servers, {figures.concurrency} requests at a time,"
        f" {figures.seconds:.1f} s, seed {figures.seed}"
    )
    return made


def _pair(first: float | None, second: float | None) -> str:
    return "none" if first is None or second is None else f"{first:.2f} / {second:.2f} ms"
