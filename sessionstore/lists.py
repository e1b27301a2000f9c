"""Lists of a session: items by number, in order, without loading the whole list.

What is done to a list is done at once, and by the holder only; it is not undone when the session is
left by an exception.
"""

from __future__ import annotations

from collections.abc import (
    AsyncIterator,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from itertools import pairwise
from typing import Any

from sessionstore._checks import LARGEST, truth, whole_number
from sessionstore._core import beside
from sessionstore._core.operation import Flow, check_length
from sessionstore._shell.beside import Beside
from sessionstore._shell.context import AsyncRun, Run
from sessionstore._shell.twins import as_in
from sessionstore.data._values import decode, encode
from sessionstore.errors import ConfigError

__all__ = ["AsyncSessionList", "SessionList"]

_INSERTED_AT_ONCE = 20
"""Items that one call puts between others: each costs a walk through the list."""


class _ListFlows:
    """What both lists share: everything but the waiting for Redis."""

    def __init__(self, beside: Beside, name: str) -> None:
        self._beside = beside
        self._name = name

    @property
    def name(self) -> str:
        """Its name in the session."""
        return self._name

    def _encoded(self, items: Iterable[Any]) -> list[bytes]:
        raw = [encode(item, f"{self._name}[{at}]") for at, item in enumerate(items)]
        check_length(self._name, max(map(len, raw), default=0), f"an item of list {self._name!r}")
        return raw

    def _changing(
        self,
        items: Sequence[bytes],
        start: int | None,
        count: int | None,
        *,
        cap: int | None = None,
        ahead: int = 0,
    ) -> Flow[int]:
        held = self._beside
        held.check_held("changing a list")
        done = yield from held.guarded(
            beside.change_list(
                held.home, held.fence, self._name, items, start, count, cap=cap, ahead=ahead
            )
        )
        held.note(beside.field_named(beside.LIST, self._name), done.field)
        return done.length

    def _reading(self, start: int, count: int) -> Flow[tuple[int, list[bytes]]]:
        held = self._beside
        held.check_held("reading a list")
        start = max(-LARGEST, min(start, LARGEST))
        return (
            yield from held.guarded(
                beside.read_items(held.home, held.fence, self._name, start, count)
            )
        )

    # What runs code of the caller does so at once, and returns a flow. A flow has the turn of the
    # session, and that code would wait for itself there, should it use the session.

    def _appending(self, items: Sequence[Any], cap: int | None) -> Flow[int]:
        cap = None if cap is None else whole_number(cap, "cap", least=0)
        return self._putting_last(self._encoded(items), cap)

    def _putting_last(self, raw: Sequence[bytes], cap: int | None) -> Flow[int]:
        if cap is not None and len(raw) >= cap:  # nothing stays of what is there
            yield from self._replacing_by(raw[len(raw) - cap :])
            return cap
        length = yield from self._putting(raw, None, beside.cuts(raw), cap)
        while cap is not None and length > cap:  # it was longer than that by more than a page
            length = yield from self._changing((), None, 0, cap=cap)
        return length

    def _putting(
        self, raw: Sequence[bytes], start: int | None, cuts: Sequence[int], cap: int | None = None
    ) -> Flow[int]:
        """Put items between or behind others, a part at a time; the first says what will follow."""
        length, ahead = 0, beside.size_of(raw)
        for first, end in pairwise(cuts if raw else (0, 0)):
            part = raw[first:end]
            ahead -= beside.size_of(part)
            at = None if start is None else start + first
            length = yield from self._changing(part, at, 0, cap=cap, ahead=ahead)
        return length

    def _paging(self, start: int, count: int) -> Flow[list[Any]]:
        start, count = whole_number(start, "start"), whole_number(count, "count", least=0)
        found = yield from self._loading(start, count)
        return [decode(raw, f"{self._name}[{start + at}]") for at, raw in enumerate(found)]

    def _loading(self, start: int, count: int) -> Flow[list[bytes]]:
        found: list[bytes] = []
        while len(found) < count:
            asked = min(beside.PAGE, count - len(found))
            length, page = yield from self._reading(start + len(found), asked)
            found += page
            if start < 0:  # from the end: where that is, is known now
                start = max(0, length + start)
            if len(page) < asked:
                break
        return found

    def _there(self, index: int) -> Flow[None]:
        length, _ = yield from self._reading(0, 0)
        if not -length <= index < length:
            raise IndexError(f"list {self._name!r} has {length} items, no such index")

    def _getting(self, index: int) -> Flow[Any]:
        index = whole_number(index, "index")
        length, found = yield from self._reading(index, 1)
        if not -length <= index < length:
            raise IndexError(f"list {self._name!r} has {length} items, no such index")
        return decode(found[0], f"{self._name}[{index}]")

    def _setting(self, index: int, item: Any) -> Flow[None]:
        return self._putting_at(whole_number(index, "index"), self._encoded((item,)))

    def _putting_at(self, index: int, raw: Sequence[bytes]) -> Flow[None]:
        yield from self._there(index)
        yield from self._changing(raw, index, 1)

    def _inserting(self, index: int, items: Sequence[Any]) -> Flow[int]:
        return self._putting_between(whole_number(index, "index"), self._encoded(items))

    def _putting_between(self, index: int, raw: Sequence[bytes]) -> Flow[int]:
        length, _ = yield from self._reading(0, 0)
        at = max(0, length + index) if index < 0 else min(index, length)
        cuts = [*range(0, len(raw), _INSERTED_AT_ONCE), len(raw)]
        return (yield from self._putting(raw, at, cuts)) if raw else length

    def _removing(self, start: int, stop: int | None) -> Flow[int]:
        removed = slice(
            whole_number(start, "start"), None if stop is None else whole_number(stop, "stop")
        )
        length, _ = yield from self._reading(0, 0)
        first, last, _ = removed.indices(length)
        for left in range(last - first, 0, -beside.PAGE):
            yield from self._changing((), first, min(left, beside.PAGE))
        return max(0, last - first)

    def _replacing(self, items: Iterable[Any]) -> Flow[None]:
        if isinstance(items, (str, bytes, bytearray, Mapping)) or not isinstance(items, Iterable):
            raise ConfigError(f"the items of a list are a sequence, not {type(items).__name__}")
        return self._replacing_by(self._encoded(items))

    def _replacing_by(self, raw: Sequence[bytes]) -> Flow[None]:
        self._beside.check_held("replacing a list")
        if len(beside.cuts(raw)) > 2:
            yield from self._beside.put(beside.field_named(beside.LIST, self._name), raw)
        else:
            yield from self._changing(raw, None, None)

    def _sorted(
        self, raw: Sequence[bytes], key: Callable[[Any], Any] | None, reverse: bool
    ) -> list[bytes]:
        items = [decode(one, f"{self._name}[{at}]") for at, one in enumerate(raw)]
        keys = items if key is None else list(map(key, items))
        return [raw[at] for at in sorted(range(len(raw)), key=keys.__getitem__, reverse=reverse)]

    def _exchanging(self, old: Sequence[bytes], new: Sequence[bytes]) -> Flow[bool]:
        """Put items in place of all, if these are still the old ones."""
        if (yield from self._loading(0, LARGEST)) != old:
            return False
        yield from self._replacing_by(new)
        return True

    def _counting(self) -> Flow[int]:
        length, _ = yield from self._reading(0, 0)
        return length

    def _dropping(self) -> Flow[None]:
        self._beside.check_held("dropping a list")
        yield from self._beside.put(beside.field_named(beside.LIST, self._name), None)


def _check_order(key: object, reverse: object) -> None:
    if key is not None and not callable(key):
        raise ConfigError(f"key is a function or None, not {type(key).__name__}")
    truth(reverse, "reverse")


class SessionList(_ListFlows):
    """A list of a session that this thread has open; made by the first change of it.

    All methods raise LeaseLost, SessionEnded, SessionNotOpen (also if the session is not open
    exclusively) and ConfigError, those that write also TypeRefused, ValueTooLarge and QuotaExceeded
    (`kept`).
    """

    def __init__(self, beside: Beside, name: str, run: Run) -> None:
        super().__init__(beside, name)
        self._run = run

    def append(self, *items: Any, cap: int | None = None) -> int:
        """Put items behind the last, and return the length; with `cap`, only the last so many stay.

        The cost does not depend on the length of the list. More than 500 items or 1 MiB go out in
        pieces: if it is cancelled or fails in between, the pieces before that stay.
        """
        return self._run(self._appending(items, cap))

    def page(self, start: int = 0, count: int = 100) -> list[Any]:
        """Return up to `count` items from `start` on; below 0, `start` counts from the end."""
        return self._run(self._paging(start, count))

    def items(self) -> Iterator[Any]:
        """Iterate over all items, read in pages."""
        at = 0
        while page := self._run(self._paging(at, beside.PAGE)):
            yield from page
            at += len(page)

    def get(self, index: int) -> Any:
        """Return an item; below 0, `index` counts from the end. Raises IndexError."""
        return self._run(self._getting(index))

    def set(self, index: int, item: Any) -> None:
        """Put an item in place of another. Raises IndexError."""
        self._run(self._setting(index, item))

    def insert(self, index: int, *items: Any) -> int:
        """Put items before another, and return the length; takes time with the length.

        More than 20 items go out in pieces: if it is cancelled or fails in between, the pieces
        before that stay.
        """
        return self._run(self._inserting(index, items))

    def remove(self, start: int, stop: int | None = None) -> int:
        """Remove the items of a slice, and return how many; takes time with the length.

        More than 500 go in pieces, from the first on: if it is cancelled or fails in between,
        those before that are gone.
        """
        return self._run(self._removing(start, stop))

    def replace(self, items: Iterable[Any]) -> None:
        """Put other items in place of all, at one moment."""
        self._run(self._replacing(items))

    def sort(self, key: Callable[[Any], Any] | None = None, reverse: bool = False) -> None:
        """Sort as `list.sort` does; loads the whole list, and replaces it at one moment.

        If another thread changes it meanwhile, it is sorted anew.
        """
        _check_order(key, reverse)
        while True:
            old = self._run(self._loading(0, LARGEST))
            if self._run(self._exchanging(old, self._sorted(old, key, reverse))):
                return

    def count(self) -> int:
        """Return how many items there are."""
        return self._run(self._counting())

    def drop(self) -> None:
        """Remove the list from the session."""
        self._run(self._dropping())


class AsyncSessionList(_ListFlows):
    """A list of a session that this task has open; made by the first change of it.

    All methods raise LeaseLost, SessionEnded, SessionNotOpen (also if the session is not open
    exclusively) and ConfigError, those that write also TypeRefused, ValueTooLarge and QuotaExceeded
    (`kept`).
    """

    def __init__(self, beside: Beside, name: str, run: AsyncRun) -> None:
        super().__init__(beside, name)
        self._run = run

    @as_in(SessionList.append)
    async def append(self, *items: Any, cap: int | None = None) -> int:
        return await self._run(self._appending(items, cap))

    @as_in(SessionList.page)
    async def page(self, start: int = 0, count: int = 100) -> list[Any]:
        return await self._run(self._paging(start, count))

    @as_in(SessionList.items)
    async def items(self) -> AsyncIterator[Any]:
        at = 0
        while page := await self._run(self._paging(at, beside.PAGE)):
            for item in page:
                yield item
            at += len(page)

    @as_in(SessionList.get)
    async def get(self, index: int) -> Any:
        return await self._run(self._getting(index))

    @as_in(SessionList.set)
    async def set(self, index: int, item: Any) -> None:
        await self._run(self._setting(index, item))

    @as_in(SessionList.insert)
    async def insert(self, index: int, *items: Any) -> int:
        return await self._run(self._inserting(index, items))

    @as_in(SessionList.remove)
    async def remove(self, start: int, stop: int | None = None) -> int:
        return await self._run(self._removing(start, stop))

    @as_in(SessionList.replace)
    async def replace(self, items: Iterable[Any]) -> None:
        await self._run(self._replacing(items))

    @as_in(SessionList.sort)
    async def sort(self, key: Callable[[Any], Any] | None = None, reverse: bool = False) -> None:
        _check_order(key, reverse)
        while True:
            old = await self._run(self._loading(0, LARGEST))
            if await self._run(self._exchanging(old, self._sorted(old, key, reverse))):
                return

    @as_in(SessionList.count)
    async def count(self) -> int:
        return await self._run(self._counting())

    @as_in(SessionList.drop)
    async def drop(self) -> None:
        await self._run(self._dropping())
