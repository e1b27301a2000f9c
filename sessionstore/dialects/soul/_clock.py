"""Moments as SOUL writes them, in UTC."""

from __future__ import annotations

from datetime import datetime

__all__ = ["to_milliseconds", "to_seconds"]


def to_seconds(moment: datetime) -> str:
    """Return a moment as YYYYMMDDHHMISS."""
    return f"{moment:%Y%m%d%H%M%S}"


def to_milliseconds(moment: datetime) -> str:
    """Return a moment as YYYYMMDDHHMISSXXX."""
    return f"{moment:%Y%m%d%H%M%S}{moment.microsecond // 1000:03}"
