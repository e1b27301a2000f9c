"""The one place where the command line prints: lines, tables, JSON, progress.

What is printed may come from anybody who can choose an id, an owner or the name of an attribute. So
every text is shown as it is written, never as markup, and whatever has no shape of its own (control
characters, escape sequences, line ends, marks that turn the direction) is shown as an escape.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from sessionstore.errors import ConfigError

__all__ = [
    "Cell",
    "card",
    "duration",
    "line",
    "print_json",
    "progress",
    "say",
    "sheet",
    "short",
    "size",
    "table",
    "visible",
    "when",
]

Cell = str | tuple[str, str]
"""A text, or a text and its style."""

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
LENGTH = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|)")
WIDE = 4096
"""Columns of what is no terminal: there a line of a table stays one line."""


def visible(text: str) -> str:
    """Return a text with an escape in place of every character that would not be seen."""
    if text.isprintable():
        return text
    return "".join(
        mark if mark.isprintable() else mark.encode("unicode_escape").decode("ascii")
        for mark in text
    )


def line(text: str, style: str = "") -> None:
    """Write a line to stdout: what was asked for."""
    _console().print(_text(text, style), soft_wrap=True)


def say(text: str) -> None:
    """Write a line to stderr: what is said beside that."""
    _console(beside=True).print(_text(text), soft_wrap=True)


def print_json(value: Any) -> None:
    """Write a value to stdout, on one line of ASCII."""
    print(json.dumps(value, default=_plain), flush=True)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    if isinstance(value, timedelta):
        return value.total_seconds()
    raise TypeError(f"{type(value).__name__} is not written as JSON")


def table(
    columns: Sequence[str], rows: Iterable[Sequence[Cell]], *, right: Iterable[str] = ()
) -> None:
    """Write a table with a head to stdout; the columns of numbers are set to the right."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        made.add_column(_text(name), justify="right" if name in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*map(_text, row))
    _console().print(made)


def sheet(rows: Iterable[tuple[str, Cell]]) -> None:
    """Write names and values to stdout, one pair a line."""
    made = Table(box=None, show_header=False, pad_edge=False)
    made.add_column(style="dim")
    made.add_column(overflow="fold")
    for name, value in rows:
        made.add_row(_text(name), _text(value))
    _console().print(made)


def card(title: str, rows: Iterable[tuple[str, Cell]], last: tuple[str, Cell]) -> None:
    """Write names and figures to stdout, in a frame; the last one is what it is about."""
    made = Table(box=box.ROUNDED, show_header=False, title=_text(title, "bold"))
    made.add_column(overflow="fold")
    made.add_column(justify="right", overflow="fold")
    for name, value in rows:
        made.add_row(_text(name), _text(value))
    made.add_section()
    made.add_row(*map(_text, last))
    _console().print(made)


@contextmanager
def progress(doing: str, total: int, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Show on a terminal how far something is; gives what is to be told how many more are done."""
    console = _console(beside=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *(*columns, TimeRemainingColumn()),
        console=console,
        disable=quiet or not console.is_terminal,
        transient=True,
    ) as shown:
        task = shown.add_task(visible(doing), total=total)
        yield lambda more: shown.advance(task, more)


def _text(cell: Cell, style: str = "") -> Text:
    text, style = cell if isinstance(cell, tuple) else (cell, style)
    return Text(visible(text), style=style)


def _console(*, beside: bool = False) -> Console:
    made = Console(stderr=beside, highlight=False, markup=False, emoji=False)
    if not made.is_terminal:
        made.width = WIDE
    return made


def escape_what_the_terminal_lacks() -> None:
    """Let a character that the encoding of the terminal does not have be written as an escape."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


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
