"""The options of a job, as the fields of its hash that differ from what the store assumes."""

from __future__ import annotations

from typing import Literal, get_args

from sessionstore._checks import Duration, check_id, milliseconds, whole_number
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
    durations = {"d": (delay, "delay"), "m": (max_wait, "max_wait"), "v": (keep, "keep")}
    for field, (duration, name) in {**durations, "h": (grace, "grace")}.items():
        if duration is not None:
            fields[field] = milliseconds(duration, name)
    if may_lose is not None:
        fields["y"] = whole_number(may_lose, "may_lose", least=0, most=1000)
    if not {on_logout, on_timeout} <= set(AT_END):
        raise ConfigError(f"on_logout and on_timeout are one of {', '.join(AT_END)}")
    if (policy := on_logout[0] + on_timeout[0]) != "cc":
        fields["r"] = policy
    return fields


def _signed_milliseconds(duration: Duration, name: str) -> int:
    """Return a duration that may be negative in whole milliseconds."""
    if isinstance(duration, (int, float)) and not isinstance(duration, bool) and duration < 0:
        return -milliseconds(-duration, name)
    return milliseconds(duration, name)
