"""Writing whole values before they are named: lists, longstrings and documents of any size.

    reserve   make sure of the room; what an earlier call left that came to nothing goes
    stage     write a value, piece by piece, where nobody sees it
    name      the save (or the arrival at another home) that enters it in its field; see kept.py
    unstage   or it comes to nothing

What is not named half a minute after its last piece is gone. A value has a receipt when it is
whole, and none is named without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Any

from sessionstore._core.beside import (
    PAGE,
    PIECE,
    Content,
    cuts,
    identity,
    is_list,
    naming,
    read_beside,
    size_of,
)
from sessionstore._core.keys import Home
from sessionstore._core.keys import ticket as new_ticket
from sessionstore._core.layout import BESIDE
from sessionstore._core.operation import Arguments, Flow, Operation
from sessionstore._core.records import refuse
from sessionstore._core.scripts import load
from sessionstore._core.sessions import Changes
from sessionstore.errors import SessionStoreError, StoreUnavailable

__all__ = ["carry", "stage", "unstage"]

RESERVE, STAGE, UNSTAGE = map(load, ("reserve", "stage", "unstage"))


def stage(
    home: Home, fence: int, contents: Mapping[bytes, Content], along: Changes
) -> Flow[dict[bytes, bytes]]:
    """Write new values where nobody sees them; return what their fields must hold to name them.

    Args:
        home: of the session.
        fence: of the opening.
        contents: the values by the fields that will name them.
        along: what else will be changed in the call that names them.
    """
    ids = {field: new_ticket() for field in contents}
    named = {field: naming(ids[field], size_of(content)) for field, content in contents.items()}
    yield from _reserve(home, fence, ids, named, along, sum(map(size_of, contents.values())))
    whole: list[str] = []
    try:
        for field, content in contents.items():
            value = home.value(ids[field])
            for at, end in pairwise(cuts(content)):
                claim, last = (home.session, str(fence)), end == len(content)
                yield from _piece(home, claim, [value, *whole], at, content[at:end], last)
            whole.append(value)
    except (StoreUnavailable, GeneratorExit):
        raise
    except BaseException:
        with suppress(SessionStoreError):
            yield from unstage(home, named)
        raise
    return named


def unstage(home: Home, named: Mapping[bytes, bytes]) -> Flow[None]:
    """Remove values that were written to be named by a call that came to nothing.

    `named` is what the call was to write; what has its name all the same stays.
    """
    fields = [field for field in named if field.startswith(BESIDE)]
    if fields:
        values = [home.value(identity(named[field])) for field in fields]
        yield from Operation(UNSTAGE, (home.session, *values), tuple(fields), lambda _: None)


def carry(
    source: Home,
    fence: int,
    target: Home,
    ticket: str,
    *,
    fields: Iterable[bytes],
    put: Mapping[bytes, bytes | None],
    carried: dict[bytes, bytes],
) -> Flow[None]:
    """Copy what is kept beside a session to another home, and write what is put beside it there.

    It is for the move of that ticket. What fields must hold to name it all is put into `carried`,
    also if this breaks off.
    """
    claim, whole = (target.bucket.decision(ticket), ""), list[str]()
    new = {field: raw for field, raw in put.items() if raw is not None}
    for field in (*fields, *new):
        id = new_ticket()
        carried[field] = naming(id, 0)
        value, page = target.value(id), PAGE if is_list(field) else PIECE
        at, length, size = 0, 1, 0
        while at < length:
            if field in new:
                length, part = len(new[field]), new[field]
            else:
                length, part = yield from read_beside(source, fence, field, at, page)
            if not part:
                break
            for first, end in pairwise(cuts(part)):
                last = at + end >= length
                piece = part[first:end]
                yield from _piece(target, claim, [value, *whole], at + first, piece, last)
            at += len(part)
            size += size_of(part)
        carried[field] = naming(id, size)
        whole.append(value)


def _reserve(
    home: Home,
    fence: int,
    ids: Mapping[bytes, str],
    named: Mapping[bytes, bytes],
    along: Changes,
    staged: int,
) -> Operation[None]:
    """Make sure of the room for new values, together with all that is changed in the same call."""

    def parse(reply: Sequence[Any]) -> None:
        if reply != b"RESERVED":
            refuse(home.id, reply, fence)

    written = {**along.written, **named}
    wanted = staged + sum(len(field) + len(raw) for field, raw in written.items())
    others = [at for at in (*along.written, *along.removed) if at not in ids]
    given: Arguments = (fence, wanted, len(ids), *ids.values(), *ids, *others)
    return Operation(RESERVE, (home.session, home.bucket.parameters), given, parse)


def _piece(
    home: Home, claim: tuple[str, str], values: Sequence[str], at: int, piece: Content, last: bool
) -> Operation[None]:
    """Write a piece of the first of some values; the others are whole, and stay for longer."""

    def parse(reply: Sequence[Any]) -> None:
        if reply != b"STAGED":
            refuse(home.id, reply, int(fence or 0))

    key, fence = claim
    listed, parts = (0, (piece,)) if isinstance(piece, bytes) else (1, tuple(piece))
    given: Arguments = (fence, at, listed, int(last), *parts)
    return Operation(STAGE, (key, home.bucket.parameters, *values), given, parse)
