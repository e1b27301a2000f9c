"""What a part of the soak tells at its end, and how the parts look together."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Row", "rendered"]


class Row(NamedTuple):
    """One line of the table; an update is one session opened, counted up and closed."""

    part: str
    load: str
    faults: str
    acknowledged: int
    unknown: int
    lost: int
    stall: float
    """The longest time in seconds for which no update of some session was acknowledged."""


HEADS = ("part", "load", "faults", "acknowledged", "unknown", "lost", "longest stall")


def rendered(rows: Sequence[Row]) -> str:
    """Return the table as it is printed, which is also Markdown."""
    cells = [HEADS, *(_texts(row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [_line(row, widths) for row in cells]
    rule = "|".join(["", *("-" * (width + 2) for width in widths), ""])
    return "\n".join([lines[0], rule, *lines[1:]])


def _texts(row: Row) -> tuple[str, ...]:
    numbers = (f"{number:,}" for number in (row.acknowledged, row.unknown, row.lost))
    return (row.part, row.load, row.faults, *numbers, f"{row.stall:.2f} s")


def _line(texts: Sequence[str], widths: Sequence[int]) -> str:
    cells = [
        text.rjust(width) if at >= 3 else text.ljust(width)
        for at, (text, width) in enumerate(zip(texts, widths, strict=True))
    ]
    return f"| {' | '.join(cells)} |"
