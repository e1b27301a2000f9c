"""Values as bytes and back: msgpack with a closed set of tagged types, never pickle.

    None bool int float str bytes list dict      msgpack's own
    tuple set frozenset                          an array whose first item is an empty tag
    int beyond 64 bit, Decimal, UUID,            a tag with a payload
    datetime date time timedelta

Types are exact: a subclass (IntEnum, namedtuple, OrderedDict …) would come back as its base,
so it is refused, as is anything else. Tags 4 to 15 are kept for shapes to come (an Enum or a
dataclass by registered name), tags from 32 for payloads to come; an older reader refuses both.

A set is written in the order of its members' bytes, so that equal sets are equal bytes. A dict
keeps its order, which is part of it: the same items in another order are other bytes. So are
equal values of another form: 1 and True, 0.0 and -0.0, Decimal("1") and Decimal("1.0").
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgpack import ExtraData, ExtType, Packer, StackError, Unpacker, unpackb

from sessionstore.errors import TypeRefused, UndecodableValue

__all__ = ["MAX_DEPTH", "changes_in_place", "decode", "encode"]

MAX_DEPTH = 100  # of containers in each other, when a value is written

_SCALARS = frozenset({type(None), bool, int, float, str, bytes})
_NATIVE = _SCALARS | {list, dict}
_are_scalars = _SCALARS.issuperset

# A packer must not be shared between threads: it is taken out of here while in use.
_idle_packers: list[Packer] = []
_KEPT_PACKER_BYTES = 64 * 1024

# An ext of type -1, behind the last byte of its length or the head that says so.
_TIMESTAMP = re.compile(rb"[\x04\x08\x0c\xd6\xd7]\xff")
_TIMESTAMP_TAG = 0xFF
_LONG_BYTES = 4096  # from here on, lengths are checked before anything is built


def encode(value: Any, path: str) -> bytes:
    """Return the bytes of a value, or raise TypeRefused with the path to the offending part."""
    kind = type(value)
    if kind in _NATIVE:
        try:
            packer = _idle_packers.pop() if _idle_packers else Packer(strict_types=True)
            raw: bytes = packer.pack(value)  # a packer that failed is not used again
        except (TypeError, ValueError, OverflowError, RecursionError, IndexError):
            pass  # `_write` knows whether a part is tagged or refused (IndexError: a race lost)
        else:
            if len(raw) <= _KEPT_PACKER_BYTES:
                _idle_packers.append(packer)
            # msgpack also took some types that are not ours, and more depth than is allowed.
            if kind in _SCALARS or (kind is list and _are_scalars(map(type, value))):
                return raw
            if _is_as_packed(value):
                return raw
    return _write(Packer(strict_types=True), value, path, MAX_DEPTH)


def decode(raw: bytes, path: str) -> Any:
    """Return the value of some bytes, or raise UndecodableValue. The bytes are not trusted."""
    try:
        if len(raw) > _LONG_BYTES:
            _check_lengths(raw)
        try:
            # unpackb limits each length to len(raw) by itself, and the depth to 1024.
            value = unpackb(raw, ext_hook=_untag, strict_map_key=False)
        except KeyError:
            value = _unpack_shapes(raw)
        if _TIMESTAMP_TAG in raw and _TIMESTAMP.search(raw):
            encode(value, path)  # refuses a Timestamp, which msgpack reads without asking us
    except Exception as error:  # noqa: BLE001 - bad bytes provoke many kinds
        why = _WHYS.get(type(error), "not well-formed")
    else:
        return value
    raise UndecodableValue(path, why=why)  # not while handling: errors of msgpack hold the data


def changes_in_place(value: object) -> bool:
    """Tell whether a value can become another one without being assigned anew."""
    kind = type(value)
    if kind in _UNCHANGING:
        return False
    if kind is tuple or kind is frozenset:
        return any(map(changes_in_place, value))  # type: ignore[call-overload]
    return True


def _is_as_packed(value: Any) -> bool:
    """Tell whether a list or dict holds, level by level, just what msgpack makes of it."""
    level = [value]
    for _ in range(MAX_DEPTH):
        parts: list[Any] = []
        for whole in level:
            if type(whole) is list:
                parts += whole
            elif _are_scalars(map(type, whole)):
                parts += whole.values()
            else:
                return False
        kinds = set(map(type, parts))
        if kinds <= _SCALARS:
            return True
        if not kinds <= _NATIVE:
            return False
        level = [part for part in parts if type(part) not in _SCALARS]
    return False


def _write(packer: Packer, value: Any, path: str, room: int) -> bytes:
    """Return the bytes of any value: slower than msgpack, but it knows all types and the path."""
    kind, raw, why = type(value), b"", ""
    try:
        if kind in _SCALARS:
            raw = packer.pack(value)
        elif kind in _PAYLOADS:
            tag, payload, _ = _PAYLOADS[kind]
            raw = packer.pack(ExtType(tag, payload(value)))
    except OverflowError:
        big = value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)
        raw = packer.pack(ExtType(_INT, big))
    except ValueError as error:
        why = "a lone surrogate is not text" if type(error) is UnicodeEncodeError else str(error)

    if kind in _SHAPE_TAGS:
        if room:
            return _write_shape(packer, value, path, room - 1)
        why = "nested too deeply, or in itself"
    if not raw:
        raise TypeRefused(path, type_name=kind.__qualname__, why=why)
    return raw


def _write_shape(packer: Packer, value: Any, path: str, room: int) -> bytes:
    kind = type(value)
    if kind is dict:
        parts = [packer.pack_map_header(len(value))]
        for key, part in value.items():
            parts.append(_write(packer, key, path + ".keys()", room))
            parts.append(_write(packer, part, path + _step(key), room))
        return b"".join(parts)

    if kind is set or kind is frozenset:
        parts = sorted([_write(packer, part, path + "{…}", room) for part in value])
    else:
        parts = [_write(packer, part, f"{path}[{index}]", room) for index, part in enumerate(value)]
    if kind is not list:
        parts.insert(0, packer.pack(ExtType(_SHAPE_TAGS[kind], b"")))
    return b"".join((packer.pack_array_header(len(parts)), *parts))


def _write_moment(value: datetime | time) -> bytes:
    """Return `~` for fold, the ISO form, and after `|` a zone's key or an offset's name."""
    zone, rest = value.tzinfo, ""
    if type(zone) is ZoneInfo and zone.key:
        value, rest = value.replace(tzinfo=None), f"|{zone.key}"
    elif type(zone) is timezone:
        offset, name = zone.utcoffset(None), zone.tzname(None)
        rest = f"|{name}" if name != timezone(offset).tzname(None) else ""
    elif zone is not None:
        raise ValueError("its tzinfo is neither a ZoneInfo with a key nor a timezone")
    return f"{'~' * value.fold}{value.isoformat()}{rest}".encode()


def _step(key: object) -> str:
    if type(key) is str:
        return f"[{key[:40]!r}]"
    return f"[{key}]" if type(key) is int and abs(key) < 1 << 64 else "[…]"


def _read_moment(kind: Any, payload: bytes) -> Any:
    text = payload.decode()
    iso, bar, rest = text.removeprefix("~").partition("|")
    value = kind.fromisoformat(iso)
    if bar:
        zone = value.tzinfo and timezone(value.tzinfo.utcoffset(None), rest)
        value = value.replace(tzinfo=zone or ZoneInfo(rest))
    return value.replace(fold=1) if text[0] == "~" else value


def _untag(tag: int, payload: bytes) -> Any:
    return _READERS[tag](payload)


def _unpack_shapes(raw: bytes) -> Any:
    """Read a value that has tuples or sets in it, with one flat reader at any depth."""
    pending = 0

    def untag(tag: int, payload: bytes) -> Any:
        nonlocal pending
        if tag not in _SHAPES or payload:
            return _untag(tag, payload)
        pending += 1
        return _SHAPES[tag]

    def shape(parts: list[Any]) -> Any:
        nonlocal pending
        if not parts or type(parts[0]) is not type:
            return parts
        pending -= 1
        return parts[0](parts[1:])

    value = unpackb(raw, ext_hook=untag, list_hook=shape, strict_map_key=False)
    if pending:
        raise ValueError  # a shape's tag where no shape begins
    return value


def _check_lengths(raw: bytes) -> None:
    """Fail on missing parts, before nested lists are allocated by the lengths that they claim."""
    unpacker = Unpacker(max_buffer_size=len(raw), strict_map_key=False)
    unpacker.feed(raw)
    unpacker.skip()


# The tags are stored: a number never changes its meaning.
_SHAPE_TAGS: dict[type, int] = {list: 0, dict: 0, tuple: 1, set: 2, frozenset: 3}  # 0: none
_SHAPES = {tag: kind for kind, tag in _SHAPE_TAGS.items() if tag}
_INT = 16
_TICK = timedelta.resolution  # a microsecond
_Payload = tuple[int, Callable[[Any], bytes], Callable[[bytes], Any]]
_PAYLOADS: dict[type, _Payload] = {
    Decimal: (17, lambda value: str(value).upper().encode(), lambda raw: Decimal(raw.decode())),
    UUID: (18, lambda value: value.bytes, lambda raw: UUID(bytes=raw)),
    datetime: (19, _write_moment, lambda raw: _read_moment(datetime, raw)),
    date: (20, lambda day: day.isoformat().encode(), lambda raw: date.fromisoformat(raw.decode())),
    time: (21, _write_moment, lambda raw: _read_moment(time, raw)),
    timedelta: (22, lambda span: b"%d" % (span // _TICK), lambda raw: int(raw) * _TICK),
}
_READERS = {tag: read for tag, _, read in _PAYLOADS.values()}
_READERS[_INT] = lambda raw: int.from_bytes(raw, "big", signed=True)
_UNCHANGING = _SCALARS | _PAYLOADS.keys()

_WHYS: dict[type, str] = {
    ExtraData: "bytes follow its end",
    KeyError: "it has a tag that this version does not know",
    StackError: "nested too deeply",
    UnicodeDecodeError: "text that is not UTF-8",
    ZoneInfoNotFoundError: "its time zone is not known on this machine",
}
