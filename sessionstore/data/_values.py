"""Values as bytes and back: msgpack with a closed set of tagged types, never pickle.

    None bool int float str bytes list dict      msgpack's own
    tuple set frozenset                          an array whose first item is an empty tag
    Enum, frozen dataclass, if registered        the same: tag, name, member | version and fields
    int beyond 64 bit, Decimal, UUID,            a tag with a payload
    datetime date time timedelta
    dataclass, if registered                     a tag with the id of an object; see graph.py

Types are exact: a subclass (namedtuple, OrderedDict …) would come back as its base, so it is
refused, as is anything else. Tags 6 to 15 are kept for shapes to come, tags from 33 for payloads
to come; an older reader refuses both.

A set is written in the order of its members' bytes, so that equal sets are equal bytes. A dict
keeps its order, which is part of it: the same items in another order are other bytes. So are
equal values of another form: 1 and True, 0.0 and -0.0, Decimal("1") and Decimal("1.0").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from zoneinfo import ZoneInfoNotFoundError

from msgpack import ExtraData, ExtType, Packer, StackError, Unpacker, unpackb

from sessionstore.data._payloads import INT, PAYLOADS, READERS
from sessionstore.data._registry import ENUM, KINDS, OBJECT, RegisteredType, Unreadable, kind_named
from sessionstore.errors import TypeRefused, UndecodableValue

__all__ = [
    "BAD",
    "MAX_DEPTH",
    "OBJECT_TAG",
    "Reader",
    "Refer",
    "Writer",
    "changes_in_place",
    "check_lengths",
    "decode",
    "encode",
]

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


Refer = Callable[[Any, str], bytes]
"""Gives the id of an object that was met at a path."""


class Reader:
    """What reading needs to know of the objects referred to, and tells of what it has read."""

    __slots__ = ("changed", "empty", "objects", "too_early")

    def __init__(self, objects: Mapping[bytes, object]) -> None:
        self.objects = objects
        self.empty: set[bytes] = set()  # ids of those that have no fields yet
        self.changed = False  # whether something is not as it was stored: upgraded
        self.too_early = False  # whether an empty one was used that is hashed by its fields


def encode(value: Any, path: str, refer: Refer | None = None) -> bytes:
    """Return the bytes of a value, or raise TypeRefused with the path to the offending part."""
    kind = type(value)
    if kind in _NATIVE:
        try:
            packer = _idle_packers.pop() if _idle_packers else Packer(strict_types=True)
            raw: bytes = packer.pack(value)  # a packer that failed is not used again
        except (TypeError, ValueError, OverflowError, RecursionError, IndexError):
            pass  # the writer knows whether a part is tagged or refused (IndexError: a race lost)
        else:
            if len(raw) <= _KEPT_PACKER_BYTES:
                _idle_packers.append(packer)
            # msgpack also took some types that are not ours, and more depth than is allowed.
            if kind in _SCALARS or (kind is list and _are_scalars(map(type, value))):
                return raw
            if _is_as_packed(value):
                return raw
    return Writer(refer).write(value, path, MAX_DEPTH)


def decode(raw: bytes, path: str, reader: Reader | None = None) -> Any:
    """Return the value of some bytes, or raise UndecodableValue. The bytes are not trusted."""
    try:
        if len(raw) > _LONG_BYTES:
            check_lengths(raw)
        try:
            # unpackb limits each length to len(raw) by itself, and the depth to 1024.
            value = unpackb(raw, ext_hook=_untag, strict_map_key=False)
        except KeyError:
            value = _unpack_shapes(raw, reader or Reader({}))
        if _TIMESTAMP_TAG in raw and _TIMESTAMP.search(raw):
            # Refuses a Timestamp, which msgpack reads without asking us.
            encode(value, path, lambda _value, _path: b"")
    except Exception as error:  # noqa: BLE001 - bad bytes provoke many kinds
        why = str(error) if type(error) is Unreadable else _WHYS.get(type(error), BAD)
    else:
        return value
    raise UndecodableValue(path, why=why)  # not while handling: errors of msgpack hold the data


def changes_in_place(value: object) -> bool:
    """Tell whether a value can become another one without being assigned anew."""
    kind = type(value)
    if kind in _UNCHANGING:
        return False
    if kind is not tuple and kind is not frozenset:
        return True
    parts = list(value)  # type: ignore[call-overload]
    for part in parts:  # which grow meanwhile: they may be nested deeper than Python recurses
        kind = type(part)
        if kind is tuple or kind is frozenset:
            parts += part
        elif kind not in _UNCHANGING:
            return True
    return False


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


class _Member:
    """Begins an array that is a member of an Enum."""


class _Fields:
    """Begins an array that is a frozen dataclass."""


class Writer:
    """Makes the bytes of any value: slower than msgpack, but it knows all types and the path."""

    __slots__ = ("pack", "packer", "refer")

    def __init__(self, refer: Refer | None) -> None:
        self.packer = Packer(strict_types=True)
        self.pack: Callable[[Any], bytes] = self.packer.pack
        self.refer = refer

    def write(self, value: Any, path: str, room: int) -> bytes:
        """Write any value; `room` is how deep it may be."""
        kind, raw, why = type(value), b"", ""
        try:
            if kind in _SCALARS:
                raw = self.pack(value)
            elif kind in PAYLOADS:
                tag, payload, _ = PAYLOADS[kind]
                raw = self.pack(ExtType(tag, payload(value)))
        except OverflowError:
            big = value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)
            raw = self.pack(ExtType(INT, big))
        except ValueError as error:
            lone = type(error) is UnicodeEncodeError
            why = "a lone surrogate is not text" if lone else str(error)

        if kind in _SHAPE_TAGS or kind in KINDS:
            if room:
                shape = self._shape if kind in _SHAPE_TAGS else self._registered
                return shape(value, path, room - 1)
            why = "nested too deeply, or in itself"
        if not raw:
            raise TypeRefused(path, type_name=kind.__qualname__, why=why)
        return raw

    def named(self, kind: RegisteredType, member: str) -> bytes:
        """Write the name of a class, and the name of a member or the version."""
        return self.pack(kind.name) + self.pack(member or kind.version)

    def fields(self, kind: RegisteredType, value: Any, path: str, room: int) -> bytes:
        """Write the fields of an instance."""
        try:
            fields = kind.parts(value)
        except AttributeError:
            raise TypeRefused(path, type_name=kind.name, why="not all fields are set") from None
        parts = [self.packer.pack_map_header(len(fields))]
        for name, part in fields.items():
            parts.append(self.pack(name))
            parts.append(self.write(part, f"{path}.{name}", room))
        return b"".join(parts)

    def _registered(self, value: Any, path: str, room: int) -> bytes:
        kind = KINDS[type(value)]
        if kind.form is ENUM:
            return b"\x93" + self.pack(ExtType(_MEMBER, b"")) + self.named(kind, value.name)
        if kind.form is OBJECT:
            if self.refer is None:
                raise TypeRefused(path, type_name=kind.name, why="no object can be stored here")
            return self.pack(ExtType(OBJECT_TAG, self.refer(value, path)))
        named = self.pack(ExtType(_FIELDS, b"")) + self.named(kind, "")
        return b"\x94" + named + self.fields(kind, value, path, room)

    def _shape(self, value: Any, path: str, room: int) -> bytes:
        kind, write = type(value), self.write
        if kind is dict:
            parts = [self.packer.pack_map_header(len(value))]
            for key, part in value.items():
                parts.append(write(key, path + ".keys()", room))
                parts.append(write(part, path + _step(key), room))
            return b"".join(parts)

        if kind is set or kind is frozenset:
            parts = sorted([write(part, path + "{…}", room) for part in value])
        else:
            parts = [write(part, f"{path}[{at}]", room) for at, part in enumerate(value)]
        if kind is not list:
            parts.insert(0, self.pack(ExtType(_SHAPE_TAGS[kind], b"")))
        return b"".join((self.packer.pack_array_header(len(parts)), *parts))


def _step(key: object) -> str:
    if type(key) is str:
        return f"[{key[:40]!r}]"
    return f"[{key}]" if type(key) is int and abs(key) < 1 << 64 else "[…]"


def _untag(tag: int, payload: bytes) -> Any:
    return READERS[tag](payload)


def _unpack_shapes(raw: bytes, reader: Reader) -> Any:
    """Read a value that has tuples, sets or classes in it, with one flat reader at any depth."""
    pending = 0

    def untag(tag: int, payload: bytes) -> Any:
        nonlocal pending
        if tag == OBJECT_TAG:
            found = reader.objects.get(payload)
            if found is None:
                raise Unreadable("it refers to an object that is not there")
            if payload in reader.empty and type(found).__hash__ not in _HASHES_OF_IDENTITY:
                reader.too_early = True
            return found
        if tag not in _SHAPES or payload:
            return _untag(tag, payload)
        pending += 1
        return _SHAPES[tag]

    def shape(parts: list[Any]) -> Any:
        nonlocal pending
        if not parts or type(parts[0]) is not type:
            return parts
        pending -= 1
        if parts[0] is _Member:
            _, name, member = parts
            return kind_named(name).member(member)
        if parts[0] is _Fields:
            return _value(reader, *parts[1:])
        return parts[0](parts[1:])

    value = unpackb(raw, ext_hook=untag, list_hook=shape, strict_map_key=False)
    if pending:
        raise ValueError  # a shape's tag where no shape begins
    return value


def _value(reader: Reader, name: object, version: object, fields: dict[str, Any]) -> Any:
    kind = kind_named(name)
    if kind.form in (ENUM, OBJECT):
        raise Unreadable(f"{kind.name} is not a class of values any more")
    value = kind.new()
    if kind.fill(value, version, fields):
        reader.changed = True
    return value


def check_lengths(raw: bytes) -> None:
    """Fail on missing parts, before nested lists are allocated by the lengths that they claim."""
    unpacker = Unpacker(max_buffer_size=len(raw), strict_map_key=False)
    unpacker.feed(raw)
    unpacker.skip()


# The tags are stored: a number never changes its meaning.
_SHAPE_TAGS: dict[type, int] = {list: 0, dict: 0, tuple: 1, set: 2, frozenset: 3}  # 0: none
_HASHES_OF_IDENTITY = (object.__hash__, None)
_MEMBER, _FIELDS = 4, 5
_SHAPES: dict[int, type] = {tag: kind for kind, tag in _SHAPE_TAGS.items() if tag}
_SHAPES |= {_MEMBER: _Member, _FIELDS: _Fields}
OBJECT_TAG = 32
_UNCHANGING = _SCALARS | PAYLOADS.keys()

BAD = "not well-formed"
_WHYS: dict[type, str] = {
    ExtraData: "bytes follow its end",
    KeyError: "it has a tag that this version does not know",
    StackError: "nested too deeply",
    UnicodeDecodeError: "text that is not UTF-8",
    ZoneInfoNotFoundError: "its time zone is not known on this machine",
}
