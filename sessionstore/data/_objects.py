"""One object as bytes and back: the name and version of its class, and its fields."""

from __future__ import annotations

import re

from msgpack import Unpacker, unpackb

from sessionstore.data._registry import OBJECT, RegisteredType, Unreadable, kind_named
from sessionstore.data._values import (
    BAD,
    MAX_DEPTH,
    OBJECT_TAG,
    Reader,
    Refer,
    Writer,
    check_lengths,
    decode,
)
from sessionstore.errors import UndecodableValue

__all__ = [
    "decode_object",
    "encode_object",
    "holds_reference",
    "kind_of_object",
    "references",
]

_REFERENCE_HEAD = b"\xd7\x20"  # an ext of 8 bytes; no text in UTF-8 has this in it
_REFERENCE = re.compile(_REFERENCE_HEAD + rb"([A-Za-z0-9_-]{8})")


def encode_object(value: object, kind: RegisteredType, refer: Refer) -> bytes:
    """Return the bytes of an object, or raise TypeRefused with the path from the object on."""
    writer = Writer(refer)
    return b"\x93" + writer.named(kind, "") + writer.fields(kind, value, "", MAX_DEPTH)


def decode_object(
    raw: bytes, instance: object, kind: RegisteredType, path: str, reader: Reader
) -> None:
    """Fill a new object from its bytes, which `kind_of_object` has looked at."""
    _, version, fields = decode(raw, path, reader)
    try:
        reader.changed |= kind.fill(instance, version, fields)
    except Unreadable as error:
        raise UndecodableValue(path, why=str(error)) from None


def kind_of_object(raw: bytes, path: str) -> RegisteredType:
    """Return the class of an object that is stored, before its fields are read."""
    try:
        check_lengths(raw)
        unpacker = Unpacker(max_buffer_size=len(raw), strict_map_key=False)
        unpacker.feed(raw)
        length, kind = unpacker.read_array_header(), kind_named(unpacker.unpack())
        if length == 3 and kind.form is OBJECT:
            return kind
        why = f"{kind.name} is stored as no object"
    except Exception as error:  # noqa: BLE001 - bad bytes provoke many kinds
        why = str(error) if type(error) is Unreadable else BAD
    raise UndecodableValue(path, why=why)


def references(raw: bytes) -> list[bytes]:
    """Return the ids of the objects that some bytes refer to, be they well-formed or not.

    They are found by their looks, so none is missed. Bytes that only look like one, within some
    text or binary, can do no more than keep the object of just this id from being dropped.
    """
    return _REFERENCE.findall(raw) if _REFERENCE_HEAD in raw else []


def holds_reference(raw: bytes) -> bool:
    """Whether there is a reference among the parts of some bytes; also if they are not well-formed.

    It is asked only of bytes that have the looks of one.
    """
    tags: set[int] = set()
    try:
        check_lengths(raw)
        unpackb(
            raw,
            ext_hook=lambda tag, _payload: tags.add(tag),
            object_pairs_hook=lambda _pairs: None,  # keys need not be hashable
            strict_map_key=False,
        )
    except Exception:  # noqa: BLE001 - bad bytes provoke many kinds
        return True
    return OBJECT_TAG in tags
