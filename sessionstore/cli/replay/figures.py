"""The outcome of a replay: its figures, as JSON and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sessionstore.cli.output import card, line

__all__ = ["Figures", "percentile_ms", "show"]


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


def show(figures: Figures, *, name: str) -> None:
    """Print the figures for people."""
    malformed = (("malformed lines, skipped", f"{figures.malformed_lines:,}"),)
    size = figures.bytes_per_session
    share = figures.waits / figures.requests
    card(
        name,
        (
            ("requests", f"{figures.requests:,}"),
            *(malformed if figures.malformed_lines else ()),
            ("sessions", f"{figures.sessions:,}"),
            ("requests/s", f"{figures.requests_per_second:,.0f}"),
            ("open p50 / p99", _pair(figures.open_ms_p50, figures.open_ms_p99)),
            ("opens that had to wait", f"{figures.waits:,} ({share:.0%})"),
            ("hand-over p50 / p99", _pair(figures.handover_ms_p50, figures.handover_ms_p99)),
            ("bytes per session in the server", "unknown" if size is None else f"{size:,}"),
        ),
        (
            "lost updates",
            (f"{figures.lost_updates:,}", "bold red" if figures.lost_updates else "bold green"),
        ),
    )
    line(
        f"{figures.servers} app servers, {figures.concurrency} requests at a time,"
        f" {figures.seconds:.1f} s, seed {figures.seed}",
        "dim",
    )


def _pair(first: float | None, second: float | None) -> str:
    return "none" if first is None or second is None else f"{first:.2f} / {second:.2f} ms"
