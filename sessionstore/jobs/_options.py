"""The options of a job, as the fields of its hash that differ from what the store assumes."""

from __future__ import annotations

from sessionstore._checks import Duration, check_id, milliseconds

__all__ = ["fields_of"]


def fields_of(
    *,
    key: str | None = None,
    delay: Duration | None = None,
    priority: Duration | None = None,
    max_wait: Duration | None = None,
    keep: Duration | None = None,
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
    for field, (duration, name) in durations.items():
        if duration is not None:
            fields[field] = milliseconds(duration, name)
    return fields


def _signed_milliseconds(duration: Duration, name: str) -> int:
    """Return a duration that may be negative in whole milliseconds."""
    if isinstance(duration, (int, float)) and not isinstance(duration, bool) and duration < 0:
        return -milliseconds(-duration, name)
    return milliseconds(duration, name)
