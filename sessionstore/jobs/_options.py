"""The options of a job, as the fields of its hash that differ from what the store assumes."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal, get_args

from sessionstore._checks import (
    Duration,
    check_id,
    milliseconds,
    positive_milliseconds,
    whole_number,
)
from sessionstore.errors import ConfigError

__all__ = ["AtEnd", "fields_of"]

AtEnd = Literal["cancel", "finish", "orphan"]
"""What becomes of a job whose session ends: cancelled, finished in silence, or kept for another."""

AT_END = get_args(AtEnd)


def fields_of(
    *,
    key: str | None = None,
    delay: Duration | None = None,
    priority: Duration | None = None,
    max_wait: Duration | None = None,
    keep: Duration | None = None,
    grace: Duration | None = None,
    may_lose: int | None = None,
    on_logout: AtEnd = "cancel",
    on_timeout: AtEnd = "cancel",
) -> dict[str, str | bytes | int]:
    """Return the fields of a job's hash for its options; None is as the store has it.

    `layout.py` tells of the fields. Raises ConfigError.
    """
    fields: dict[str, str | bytes | int] = {}
    if key is not None:
        fields["k"] = check_id(key, "key")
    if priority is not None:
        fields["e"] = _signed_milliseconds(priority, "priority")
    if max_wait is not None:
        fields["m"] = positive_milliseconds(max_wait, "max_wait")
    durations = {"d": (delay, "delay"), "v": (keep, "keep"), "h": (grace, "grace")}
    for field, (duration, name) in durations.items():
        if duration is not None:
            fields[field] = milliseconds(duration, name)
    if may_lose is not None:
        fields["y"] = whole_number(may_lose, "may_lose", least=0, most=1000)
    if on_logout not in AT_END or on_timeout not in AT_END:
        raise ConfigError(f"on_logout and on_timeout are one of {', '.join(AT_END)}")
    if (policy := on_logout[0] + on_timeout[0]) != "cc":
        fields["r"] = policy
    return fields


def _signed_milliseconds(duration: Duration, name: str) -> int:
    """Return a duration that may be negative in whole milliseconds."""
    given: object = duration.total_seconds() if isinstance(duration, timedelta) else duration
    if isinstance(given, (int, float)) and given < 0:
        return -milliseconds(-given, name)
    return milliseconds(duration, name)
