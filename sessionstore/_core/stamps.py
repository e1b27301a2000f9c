"""The time at which an attribute ends by itself, in front of its value: a mark and 13 digits.

The mark is the byte 193, with which no encoded value begins; the time is in milliseconds.
"""

from __future__ import annotations

__all__ = ["UNREAD", "end_of", "parted", "stamp"]

MARK = b"\xc1"
LENGTH = 14

UNREAD = MARK
"""Stands for a stored value that was not read, so that any will do; no value is this byte."""


def parted(raw: bytes) -> tuple[bytes, bytes]:
    """Return the stamp, empty if there is none, and the value behind it."""
    if raw[:1] == MARK and len(raw) >= LENGTH and raw[1:LENGTH].isdigit():
        return raw[:LENGTH], raw[LENGTH:]
    return b"", raw


def stamp(end: int | None) -> bytes:
    """Return the stamp for an end; None: the value lives as long as its session."""
    return b"" if end is None else b"%b%013d" % (MARK, end)


def end_of(stamp: bytes) -> int:
    """Return the end that a stamp tells."""
    return int(stamp[1:])
