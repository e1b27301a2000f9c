"""Longstrings of a session: bytes by name, read and written in ranges, of any size up to max_bytes.

What is done to a longstring is done at once, and by the holder only; it is not undone when the
session is left by an exception.
"""

from __future__ import annotations

from itertools import pairwise

from sessionstore._checks import LARGEST, whole_number
from sessionstore._core import beside
from sessionstore._core.operation import Flow, check_length
from sessionstore._shell.beside import Beside
from sessionstore._shell.context import AsyncRun, Run
from sessionstore._shell.twins import as_in
from sessionstore.errors import TypeRefused

__all__ = ["AsyncLongstring", "Longstring"]


class _LongstringFlows:
    """What both longstrings share: everything but the waiting for Redis."""

    def __init__(self, beside: Beside, name: str) -> None:
        self._beside = beside
        self._name = name

    @property
    def name(self) -> str:
        """Its name in the session."""
        return self._name

    def _writing(self, at: int, data: bytes | str) -> Flow[int]:
        return (yield from self._putting(whole_number(at, "at", least=0, most=LARGEST), data))

    def _putting(self, at: int | None, data: bytes | str) -> Flow[int]:
        """Write from a place on, or None: behind the last byte."""
        raw = self._bytes(data)
        check_length(self._name, (at or 0) + len(raw), f"longstring {self._name!r}")
        cuts, size = beside.cuts(raw) if raw else (0, 0), 0
        for first, end in pairwise(cuts):
            place, ahead = None if at is None else at + first, len(raw) - end
            size = yield from self._changing(raw[first:end], place, ahead)
        return size

    def _changing(self, piece: bytes, place: int | str | None, ahead: int = 0) -> Flow[int]:
        held = self._beside
        held.check_held("changing a longstring")
        done = yield from held.guarded(
            beside.change_text(held.home, held.fence, self._name, piece, place, ahead=ahead)
        )
        held.note(beside.field_named(beside.LONGSTRING, self._name), done.field)
        return done.length

    def _range(self, start: int, count: int) -> Flow[tuple[int, bytes]]:
        held = self._beside
        held.check_held("reading a longstring")
        return (
            yield from held.guarded(
                beside.read_text(held.home, held.fence, beside.LONGSTRING, self._name, start, count)
            )
        )

    def _reading(self, start: int, stop: int | None) -> Flow[bytes]:
        start = whole_number(start, "start")
        stop = None if stop is None else whole_number(stop, "stop")
        asked = (
            beside.PIECE if start >= 0 else 0
        )  # from the end: where that is, must be known first
        if stop is not None and start >= 0 and stop >= 0:
            asked = max(0, min(stop - start, beside.PIECE))
        size, first = yield from self._range(min(max(0, start), LARGEST), asked)
        begin, end, _ = slice(start, stop).indices(size)
        found = bytearray(first[: max(0, end - begin)])
        while begin + len(found) < end:
            asked = min(beside.PIECE, end - begin - len(found))
            _, piece = yield from self._range(begin + len(found), asked)
            if not piece:
                break
            found += piece
        return bytes(found)

    def _sizing(self) -> Flow[int]:
        size, _ = yield from self._range(0, 0)
        return size

    def _replacing(self, data: bytes | str) -> Flow[None]:
        raw = self._bytes(data)
        check_length(self._name, len(raw), f"longstring {self._name!r}")
        self._beside.check_held("replacing a longstring")
        if len(raw) > beside.PIECE:
            yield from self._beside.put(beside.field_named(beside.LONGSTRING, self._name), raw)
        else:
            yield from self._changing(raw, beside.ALL)

    def _dropping(self) -> Flow[None]:
        self._beside.check_held("dropping a longstring")
        yield from self._beside.put(beside.field_named(beside.LONGSTRING, self._name), None)

    def _bytes(self, data: bytes | str) -> bytes:
        why = "neither bytes nor text"
        try:
            if isinstance(data, str):
                return data.encode()
            if isinstance(data, (bytes, bytearray, memoryview)):
                return bytes(data)
        except UnicodeEncodeError:
            why = "a lone surrogate is not text"
        raise TypeRefused(self._name, type_name=type(data).__qualname__, why=why)


class Longstring(_LongstringFlows):
    """A longstring of a session that this thread has open; made by the first change of it.

    It holds bytes, and all places and sizes count bytes; text that is given is written as UTF-8.
    All methods raise LeaseLost, SessionEnded, SessionNotOpen (also if the session is not open
    exclusively) and ConfigError, those that write also TypeRefused, ValueTooLarge (a session may
    hold `max_bytes`, a longstring 512 MiB) and QuotaExceeded (`kept`).
    """

    def __init__(self, beside: Beside, name: str, run: Run) -> None:
        super().__init__(beside, name)
        self._run = run

    def read(self, start: int = 0, stop: int | None = None) -> bytes:
        """Return the bytes of a slice; all that is there, if nothing else is said."""
        return self._run(self._reading(start, stop))

    def write(self, at: int, data: bytes | str) -> int:
        """Write over what is there from `at` on, and return the size; a gap becomes zeros.

        More than 1 MiB goes out in pieces of that size: if it is cancelled or fails in between, the
        pieces before that stay.
        """
        return self._run(self._writing(at, data))

    def append(self, data: bytes | str) -> int:
        """Write behind the last byte, and return the size; in pieces as `write`."""
        return self._run(self._putting(None, data))

    def replace(self, data: bytes | str) -> None:
        """Put other bytes in place of all, at one moment."""
        self._run(self._replacing(data))

    def size(self) -> int:
        """Return how many bytes there are."""
        return self._run(self._sizing())

    def drop(self) -> None:
        """Remove the longstring from the session."""
        self._run(self._dropping())


class AsyncLongstring(_LongstringFlows):
    """A longstring of a session that this task has open; made by the first change of it.

    It holds bytes, and all places and sizes count bytes; text that is given is written as UTF-8.
    All methods raise LeaseLost, SessionEnded, SessionNotOpen (also if the session is not open
    exclusively) and ConfigError, those that write also TypeRefused, ValueTooLarge (a session may
    hold `max_bytes`, a longstring 512 MiB) and QuotaExceeded (`kept`).
    """

    def __init__(self, beside: Beside, name: str, run: AsyncRun) -> None:
        super().__init__(beside, name)
        self._run = run

    @as_in(Longstring.read)
    async def read(self, start: int = 0, stop: int | None = None) -> bytes:
        return await self._run(self._reading(start, stop))

    @as_in(Longstring.write)
    async def write(self, at: int, data: bytes | str) -> int:
        return await self._run(self._writing(at, data))

    @as_in(Longstring.append)
    async def append(self, data: bytes | str) -> int:
        return await self._run(self._putting(None, data))

    @as_in(Longstring.replace)
    async def replace(self, data: bytes | str) -> None:
        await self._run(self._replacing(data))

    @as_in(Longstring.size)
    async def size(self) -> int:
        return await self._run(self._sizing())

    @as_in(Longstring.drop)
    async def drop(self) -> None:
        await self._run(self._dropping())
