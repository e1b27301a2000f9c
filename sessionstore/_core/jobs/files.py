"""Files of a job: written piece by piece before anything names them, and read so."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sessionstore._core.jobs.keys import JobKey
from sessionstore._core.jobs.records import refuse
from sessionstore._core.operation import Flow, Operation, batch
from sessionstore._core.scripts import load
from sessionstore.errors import JobRefused, StoreUnavailable

__all__ = ["MOST_BYTES", "read_file", "stage", "stage_all"]

STAGE_FILE, READ_FILE = map(load, ("stage_file", "read_file"))

PIECE = 256 << 10
"""Bytes in a piece: a server is busy with one for less than a millisecond."""

PIECES = 256
MOST_BYTES = PIECE * PIECES
"""Bytes that all files of a job may have; each takes whole pieces."""

AT_ONCE = 8
"""Pieces in one round trip."""


class Piece(NamedTuple):
    """A piece of a file, and what the job says of the file: its number, and its bytes."""

    number: str
    size: int
    content: bytes


def stage(job: JobKey, name: str, content: bytes) -> Flow[tuple[str, str]]:
    """Write a file; return the field of the job's hash that names it, and what that holds.

    Whoever writes that field, by submitting the job or by a report of it, makes the file one of
    the job's. Raises JobRefused if the job has no room for it.
    """
    number = str(secrets.randbelow(10**15))
    for at in range(0, max(len(content), 1), PIECE):
        yield from _stage(job, name, number, at // PIECE, content[at : at + PIECE])
    return f"*{name}", f"{number} {len(content)}"


def stage_all(job: JobKey, files: Mapping[str, bytes]) -> Flow[dict[str, str]]:
    """Write files; return the fields that name them."""
    named = {}
    for name, content in files.items():
        field, value = yield from stage(job, name, content)
        named[field] = value
    return named


def _stage(job: JobKey, name: str, number: str, at: int, piece: bytes) -> Operation[None]:
    def parse(reply: bytes) -> None:
        if reply == b"FULL":
            why = f"its files, of which {name!r} is one, have more than {MOST_BYTES} bytes"
            raise JobRefused("size", value=MOST_BYTES, why=why)
        if reply != b"STAGED":
            raise StoreUnavailable(f"the file {name!r} took too long; try again")

    return Operation(STAGE_FILE, (job.files,), (number, at, piece, PIECES), parse)


def read_file(job: JobKey, user: str, name: str) -> Flow[bytes | None]:
    """Read a file of a job; None if it has none of that name."""
    while True:
        first = yield from _read(job, user, name, 0)
        if first is None:
            return None
        pieces = [first]
        for at in range(1, -(-first.size // PIECE), AT_ONCE):
            wanted = range(at, min(at + AT_ONCE, -(-first.size // PIECE)))
            more = yield from batch([_read(job, user, name, one) for one in wanted])
            pieces += (piece for piece in more if piece is not None)
        content = b"".join(piece.content for piece in pieces)
        if {piece.number for piece in pieces} == {first.number}:  # else it was put anew meanwhile
            if len(content) != first.size:
                raise StoreUnavailable(f"the file {name!r} is not there any more, or not all of it")
            return content


def _read(job: JobKey, user: str, name: str, at: int) -> Operation[Piece | None]:
    def parse(reply: Sequence[Any]) -> Piece | None:
        if reply == b"NO FILE":
            return None
        if reply == b"ABSENT":
            refuse(job.id, reply)
        number, size = reply[0].split()
        return Piece(number, int(size), reply[1])

    keys = (job.job, job.files, job.bucket.parameters)
    return Operation(READ_FILE, keys, (user, name, at), parse)
