"""Larger values that are kept beside a session: lists, longstrings (bytes) and documents (bytes).

A field of the session, `:` with the letter of the kind and the name, holds the id of the value's
own key and its size in bytes. So a value appears, is replaced and goes with its field, in the
script that writes that; and it can be written at length beforehand, where nobody sees it. Room for
that is asked for first; what is not named half a minute after its last piece is gone, and so is,
with the next such call for the session, what a call left that came to nothing.

What changes a value in place is carried out at once, for the holder only, and once: it leaves a
receipt, so that it can be sent again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from sessionstore._core.keys import Home
from sessionstore._core.keys import ticket as new_ticket
from sessionstore._core.layout import DOCUMENT_BESIDE, LIST_BESIDE, LONGSTRING_BESIDE
from sessionstore._core.operation import Arguments, Flow, Operation
from sessionstore._core.records import refuse
from sessionstore._core.scripts import load

__all__ = [
    "DOCUMENT",
    "LIST",
    "LONGSTRING",
    "PAGE",
    "PIECE",
    "Content",
    "Done",
    "Kind",
    "change_list",
    "change_text",
    "cuts",
    "field_named",
    "identity",
    "is_list",
    "naming",
    "read_beside",
    "read_items",
    "read_text",
    "size_of",
    "sizes_of",
    "whole",
]

CHANGE_LIST, CHANGE_TEXT, READ_BESIDE = map(load, ("change_list", "change_text", "read_beside"))

Kind = Literal["list", "longstring", "document"]
LIST: Kind = "list"
LONGSTRING: Kind = "longstring"
DOCUMENT: Kind = "document"
MARKS: dict[Kind, bytes] = {
    LIST: LIST_BESIDE,
    LONGSTRING: LONGSTRING_BESIDE,
    DOCUMENT: DOCUMENT_BESIDE,
}

NAMED = 16
"""So many letters of a field name the key of a value; behind them is its size."""

PAGE = 500
"""Items in one call."""

PIECE = 1 << 20
"""Bytes in one call, unless a single item has more."""

ALL = "*"
"""All that there is, as what is to be replaced."""

Content = bytes | Sequence[bytes]
"""The whole of a value: bytes, or the items of a list."""


class Done(NamedTuple):
    """What a change has made: the length of the value, and what its field holds now."""

    length: int
    field: bytes


def field_named(kind: Kind, name: str) -> bytes:
    """Return the field of a session that names a value kept beside it."""
    return MARKS[kind] + name.encode()


def sizes_of(kind: Kind, fields: Mapping[bytes, bytes]) -> dict[str, int]:
    """Return the bytes of all values of a kind by name, from the fields of a session."""
    mark = MARKS[kind]
    found = sorted((at[2:].decode(), raw) for at, raw in fields.items() if at.startswith(mark))
    return {name: int(raw[NAMED:]) for name, raw in found}


def cuts(content: Content) -> list[int]:
    """Return where a value is cut into pieces for the way, its begin and end included."""
    if isinstance(content, bytes):
        return [*range(0, len(content), PIECE), len(content)]
    places, bytes_ = [0], 0
    for at, item in enumerate(content):
        if at > places[-1] and (at - places[-1] == PAGE or bytes_ + len(item) > PIECE):
            places.append(at)
            bytes_ = 0
        bytes_ += len(item)
    return [*places, len(content)] if content else [0]


def size_of(content: Content) -> int:
    """Return how many bytes a value has."""
    return len(content) if isinstance(content, bytes) else sum(map(len, content))


def is_list(field: bytes) -> bool:
    """Whether a field names a list; else it names bytes."""
    return field.startswith(LIST_BESIDE)


def naming(id: str, size: int) -> bytes:
    """Return what a field holds that names a value."""
    return b"%b%d" % (id.encode(), size)


def identity(named: bytes) -> str:
    """Return the id in what such a field holds."""
    return named[:NAMED].decode()


def change_list(
    home: Home,
    fence: int,
    name: str,
    items: Sequence[bytes],
    start: int | None = None,
    count: int | None = 0,
    *,
    cap: int | None = None,
    ahead: int = 0,
) -> Operation[Done]:
    """Put items in place of `count` others (None: all); start None: behind the last.

    `ahead` is how many bytes of items the caller will put behind these.
    """
    first, old = "" if start is None else start, ALL if count is None else count
    where: Arguments = (first, old, "" if cap is None else cap, ahead)
    return _change(CHANGE_LIST, home, fence, field_named(LIST, name), (*where, *items))


def change_text(
    home: Home, fence: int, name: str, raw: bytes, start: int | str | None = None, *, ahead: int = 0
) -> Operation[Done]:
    """Write bytes over those from `start` on; None: behind the last; ALL: all that are there go.

    `ahead` is how many bytes the caller will write behind these.
    """
    where = "" if start is None else start
    return _change(CHANGE_TEXT, home, fence, field_named(LONGSTRING, name), (where, ahead, raw))


def read_items(
    home: Home, fence: int, name: str, start: int, count: int
) -> Operation[tuple[int, list[bytes]]]:
    """Read a page of a list; the answer begins with the length of all."""
    return read_beside(home, fence, field_named(LIST, name), start, count)


def read_text(
    home: Home, fence: int, kind: Kind, name: str, start: int, count: int
) -> Operation[tuple[int, bytes]]:
    """Read a range of bytes; the answer begins with the size of all."""
    return read_beside(home, fence, field_named(kind, name), start, count)


def whole(home: Home, fence: int, kind: Kind, name: str) -> Flow[bytes]:
    """Read all bytes of a longstring or document, a piece at a time."""
    found = bytearray()
    while True:
        size, piece = yield from read_text(home, fence, kind, name, len(found), PIECE)
        found += piece
        if len(found) >= size or not piece:
            return bytes(found)


def _change(script: Any, home: Home, fence: int, field: bytes, given: Arguments) -> Operation[Done]:
    def parse(reply: Sequence[Any]) -> Done:
        if reply[0] != b"DONE":
            refuse(home.id, reply, fence)
        return Done(reply[1], reply[2])

    id = new_ticket()
    keys = (home.session, home.bucket.parameters, home.receipt(id))
    return Operation(script, keys, (fence, field, id, *given), parse)


def read_beside(home: Home, fence: int, field: bytes, start: int, count: int) -> Operation[Any]:
    """Read a page of a list or a range of bytes, by its field."""

    def parse(reply: Sequence[Any]) -> Any:
        if reply[0] != b"READ":
            refuse(home.id, reply, fence)
        return reply[1], reply[2]

    keys = (home.session, home.bucket.parameters)
    return Operation(READ_BESIDE, keys, (fence, field, start, count), parse)
