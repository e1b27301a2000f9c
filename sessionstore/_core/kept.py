"""Larger values that are kept beside a session: lists, longstrings (bytes) and documents (bytes).

A field of the session, `:` with the letter of the kind and the name, holds the id of the value's
own key and its size in bytes. So a value appears, is replaced and goes with its field, in the
script that writes that; and it can be written at length beforehand, where nobody sees it.

What changes a value in place is carried out at once, for the holder only, and once: it leaves a
receipt, so that it can be sent again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from sessionstore._core.keys import Home
from sessionstore._core.keys import ticket as new_ticket
from sessionstore._core.operation import Arguments, Flow, Operation
from sessionstore._core.records import refuse
from sessionstore._core.scripts import load

__all__ = [
    "DOCUMENT",
    "LIST",
    "LONGSTRING",
    "PAGE",
    "PIECE",
    "Done",
    "Kind",
    "carry",
    "change_list",
    "change_text",
    "field_of",
    "read_items",
    "read_text",
    "sizes_of",
    "stage",
    "whole",
]

CHANGE_LIST, CHANGE_TEXT, READ_KEPT, STAGE = map(
    load, ("change_list", "change_text", "read_kept", "stage")
)

Kind = Literal["list", "longstring", "document"]
LIST: Kind = "list"
LONGSTRING: Kind = "longstring"
DOCUMENT: Kind = "document"
LETTERS: dict[Kind, bytes] = {LIST: b"l", LONGSTRING: b"t", DOCUMENT: b"x"}

NAMED = 16
"""So many letters of a field name the key of a value; behind them is its size."""

PAGE = 500
"""Items in one call."""

PIECE = 1 << 20
"""Bytes in one call."""


class Done(NamedTuple):
    """What a change has made: the length of the value, and what its field holds now."""

    length: int
    field: bytes


def field_of(kind: Kind, name: str) -> bytes:
    """Return the field of a session that names a value kept beside it."""
    return b":" + LETTERS[kind] + name.encode()


def sizes_of(kind: Kind, fields: Mapping[bytes, bytes]) -> dict[str, int]:
    """Return the bytes of all values of a kind by name, from the fields of a session."""
    begin = b":" + LETTERS[kind]
    found = sorted((at[2:].decode(), raw) for at, raw in fields.items() if at.startswith(begin))
    return {name: int(raw[NAMED:]) for name, raw in found}


def change_list(
    home: Home,
    fence: int,
    name: str,
    items: Sequence[bytes],
    start: int | None = None,
    count: int = 0,
    cap: int | None = None,
) -> Operation[Done]:
    """Put items in place of `count` others; start None: behind the last."""
    where: Arguments = ("" if start is None else start, count, "" if cap is None else cap)
    return _change(CHANGE_LIST, home, fence, field_of(LIST, name), (*where, *items))


def change_text(
    home: Home, fence: int, name: str, raw: bytes, start: int | None = None
) -> Operation[Done]:
    """Write bytes over those from `start` on; None: behind the last."""
    where = "" if start is None else start
    return _change(CHANGE_TEXT, home, fence, field_of(LONGSTRING, name), (where, raw))


def read_items(
    home: Home, fence: int, name: str, start: int, count: int
) -> Operation[tuple[int, list[bytes]]]:
    """Read a page of a list; the answer begins with the length of all."""
    return _read(home, fence, field_of(LIST, name), start, count)


def read_text(
    home: Home, fence: int, kind: Kind, name: str, start: int, count: int
) -> Operation[tuple[int, bytes]]:
    """Read a range of bytes; the answer begins with the size of all."""
    return _read(home, fence, field_of(kind, name), start, count)


def whole(home: Home, fence: int, kind: Kind, name: str) -> Flow[bytes]:
    """Read all bytes of a longstring or document, a piece at a time."""
    found = bytearray()
    while True:
        size, piece = yield from read_text(home, fence, kind, name, len(found), PIECE)
        found += piece
        if len(found) >= size or not piece:
            return bytes(found)


def stage(home: Home, content: bytes | Sequence[bytes]) -> Flow[bytes]:
    """Write a new value where nobody sees it; return what a field must hold to name it."""
    id = new_ticket()
    page = PIECE if isinstance(content, bytes) else PAGE
    for at in range(0, len(content), page):
        yield from _piece(home, id, at, content[at : at + page])
    size = len(content) if isinstance(content, bytes) else sum(map(len, content))
    return b"%b%d" % (id.encode(), size)


def carry(
    source: Home, fence: int, target: Home, fields: Mapping[bytes, bytes]
) -> Flow[dict[bytes, bytes]]:
    """Copy what is kept beside a session to another home; return the fields that name it there."""
    carried = {}
    for field, named in fields.items():
        if field.startswith(b":"):
            id = new_ticket()
            page = PAGE if field[1:2] == LETTERS[LIST] else PIECE
            at, length = 0, 1
            while at < length:
                length, part = yield from _read(source, fence, field, at, page)
                if part:
                    yield from _piece(target, id, at, part)
                at += page
            carried[field] = id.encode() + named[NAMED:]
    return carried


def _piece(home: Home, id: str, at: int, piece: bytes | Sequence[bytes]) -> Operation[None]:
    given: Arguments = (at, 0, piece) if isinstance(piece, bytes) else (at, 1, *piece)
    return Operation(STAGE, (home.value(id),), given, lambda _: None)


def _change(script: Any, home: Home, fence: int, field: bytes, given: Arguments) -> Operation[Done]:
    def parse(reply: Sequence[Any]) -> Done:
        if reply[0] != b"DONE":
            refuse(home.id, reply, fence)
        return Done(reply[1], reply[2])

    id = new_ticket()
    keys = (home.session, home.bucket.parameters, home.receipt(id))
    return Operation(script, keys, (fence, field, id, *given), parse)


def _read(home: Home, fence: int, field: bytes, start: int, count: int) -> Operation[Any]:
    def parse(reply: Sequence[Any]) -> Any:
        if reply[0] != b"READ":
            refuse(home.id, reply, fence)
        return reply[1], reply[2]

    keys = (home.session, home.bucket.parameters)
    return Operation(READ_KEPT, keys, (fence, field, start, count), parse)
