"""Values that are stored as a tag with a payload: numbers beyond 64 bit, moments, UUIDs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

__all__ = ["INT", "PAYLOADS", "READERS"]


def _write_moment(value: datetime | time) -> bytes:
    """Return `~` for fold, the ISO form, and after `|` a zone's key or an offset's name."""
    zone, rest = value.tzinfo, ""
    if type(zone) is ZoneInfo and zone.key:
        try:
            zone.__reduce__()
        except Exception:  # noqa: BLE001 - of pickle, which would also go by the key
            raise ValueError("its ZoneInfo was read from a file, whatever its key says") from None
        value, rest = value.replace(tzinfo=None), f"|{zone.key}"
    elif type(zone) is timezone:
        offset, name = zone.utcoffset(None), zone.tzname(None)
        rest = f"|{name}" if name != timezone(offset).tzname(None) else ""
    elif zone is not None:
        raise ValueError("its tzinfo is neither a ZoneInfo with a key nor a timezone")
    return f"{'~' * value.fold}{value.isoformat()}{rest}".encode()


def _read_moment(kind: Any, payload: bytes) -> Any:
    text = payload.decode()
    iso, bar, rest = text.removeprefix("~").partition("|")
    value = kind.fromisoformat(iso)
    if bar:
        zone = value.tzinfo and timezone(value.tzinfo.utcoffset(None), rest)
        value = value.replace(tzinfo=zone or ZoneInfo(rest))
    return value.replace(fold=1) if text[0] == "~" else value


# The tags are stored: a number never changes its meaning.
INT = 16  # an int that msgpack cannot hold
_TICK = timedelta.resolution  # a microsecond
Payload = tuple[int, Callable[[Any], bytes], Callable[[bytes], Any]]
PAYLOADS: dict[type, Payload] = {
    Decimal: (17, lambda value: str(value).upper().encode(), lambda raw: Decimal(raw.decode())),
    UUID: (18, lambda value: value.bytes, lambda raw: UUID(bytes=raw)),
    datetime: (19, _write_moment, lambda raw: _read_moment(datetime, raw)),
    date: (20, lambda day: day.isoformat().encode(), lambda raw: date.fromisoformat(raw.decode())),
    time: (21, _write_moment, lambda raw: _read_moment(time, raw)),
    timedelta: (22, lambda span: b"%d" % (span // _TICK), lambda raw: int(raw) * _TICK),
}
READERS = {tag: read for tag, _, read in PAYLOADS.values()}
READERS[INT] = lambda raw: int.from_bytes(raw, "big", signed=True)
