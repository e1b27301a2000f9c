"""Where the commands print, and how they write tables, JSON, durations and sizes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from sessionstore.errors import ConfigError

__all__ = [
    "duration",
    "notes",
    "out",
    "print_json",
    "say",
    "sheet",
    "short",
    "size",
    "table",
    "when",
]

out = Console(highlight=False)
"""For what was asked for."""

notes = Console(stderr=True, highlight=False)
"""For what is said beside it."""

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
LENGTH = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|)")


def say(text: str) -> None:
    """Write a line to stderr, as it is."""
    notes.print(Text(text), soft_wrap=True)


def print_json(value: Any) -> None:
    """Write a value to stdout, on one line."""
    print(json.dumps(value, default=_plain, ensure_ascii=False))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    if isinstance(value, timedelta):
        return value.total_seconds()
    raise TypeError(f"{type(value).__name__} is not written as JSON")


def table(*columns: str, title: str | None = None, right: Iterable[str] = ()) -> Table:
    """Return an empty table with a head; the columns of numbers are set to the right."""
    made = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False)
    for name in columns:
        made.add_column(name, justify="right" if name in right else "left", overflow="fold")
    return made


def sheet(rows: Iterable[tuple[str, str]], *, title: str | None = None) -> Table:
    """Return a table of names and values, one a line."""
    made = Table(box=None, show_header=False, title=title, title_justify="left", pad_edge=False)
    made.add_column(style="dim")
    made.add_column(overflow="fold")
    for name, value in rows:
        made.add_row(name, escape(value))
    return made


def duration(text: str) -> timedelta:
    """Read a duration: `900`, `0.5` (seconds), `15m`, `1h`, `250ms`, `2d`."""
    found = LENGTH.fullmatch(text.strip())
    if found is None:
        raise ConfigError(f"{text!r} is no duration; write seconds, or 250ms, 15m, 1h, 2d")
    try:
        return timedelta(seconds=float(found[1]) * UNITS[found[2] or "s"])
    except OverflowError:
        raise ConfigError(f"{text!r} is too long for a duration") from None


def short(length: timedelta) -> str:
    """Write a duration as people say it: `250ms`, `42s`, `15m`, `1h 30m`, `2d 3h`."""
    total = length.total_seconds()
    if total < 0:
        return f"-{short(-length)}"
    if total < 1 and total:
        return f"{total * 1000:.0f}ms"
    parts = []
    left = int(total)
    for unit in ("d", "h", "m", "s"):
        count, left = divmod(left, int(UNITS[unit]))
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2]) or "0s"


def when(moment: datetime, now: datetime) -> str:
    """Write a moment as seen from now: `in 15m`, `3s ago`."""
    away = moment - now
    return f"in {short(away)}" if away > timedelta(0) else f"{short(-away)} ago"


def size(count: int) -> str:
    """Write a number of bytes."""
    if count < 10_000:
        return f"{count:,} B"
    return f"{count / 1024:,.0f} KiB" if count < 10 << 20 else f"{count / (1 << 20):,.0f} MiB"
