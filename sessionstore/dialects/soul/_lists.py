"""$lists: those of a request, those of the login by name, and those kept in the session."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from typing import Any, NamedTuple, Protocol

from sessionstore import Session, ValueTooLarge
from sessionstore.dialects.soul._arguments import given, is_whole, required_name
from sessionstore.dialects.soul._cancelled import RequestCancelled
from sessionstore.dialects.soul._login import Login
from sessionstore.dialects.soul._options import NAME_REFUSED, NO_ROOM, admit

__all__ = ["Items", "ListFunctions", "LocalList"]

MISSING_ARGUMENT = -5
INVALID_LIST = -6


class Items(Protocol):
    """What a $list identifier leads to: a list of the session, or one of this login."""

    def append(self, *items: Any) -> int:
        """Add items at the end; return how many there are then."""

    def page(self, start: int = 0, count: int = 100) -> list[Any]:
        """Return some items, from the one at `start`, which begins at 0."""

    def items(self) -> Iterator[Any]:
        """Iterate over all items."""

    def replace(self, items: Sequence[Any]) -> None:
        """Put these in place of all items."""

    def count(self) -> int:
        """Return how many items there are."""


class LocalList:
    """The items of a $list that is not in a session."""

    def __init__(self, items: Iterable[str] = ()) -> None:
        self._items = list(items)

    def append(self, *items: str) -> int:
        """Add items at the end; return how many there are then."""
        self._items += items
        return len(self._items)

    def page(self, start: int = 0, count: int = 100) -> list[str]:
        """Return some items, from the one at `start`, which begins at 0."""
        return self._items[start : start + count]

    def items(self) -> Iterator[str]:
        """Iterate over all items."""
        return iter(self._items)

    def replace(self, items: Sequence[str]) -> None:
        """Put these in place of all items."""
        self._items = list(items)

    def count(self) -> int:
        """Return how many items there are."""
        return len(self._items)


class Bound(NamedTuple):
    """What an identifier is bound to, and the session that must be open for it."""

    items: Items
    session: Session | None


class ListFunctions(Login):
    """The `$List...` functions; identifiers are positive and good until the end of the request."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._numbers = count(1)
        self._lists: dict[int, Bound] = {}
        self._global_lists: dict[str, LocalList] = {}
        self._restored: set[str] = set()

    def list_new(self) -> int:
        """Make an empty $list and return its identifier (`$ListNew`)."""
        self._working("$ListNew")
        return self._bound_to(LocalList())

    def list_add(self, listid: int, item: str | None = None) -> int:
        """Add an item at the end (`$ListAdd`).

        Returns the number of items then, which is that of the new one; -3 no room, -5 no item,
        -6 no such $list.
        """
        self._working("$ListAdd")
        if item is None:
            return MISSING_ARGUMENT
        if (items := self._items(listid)) is None:
            return INVALID_LIST
        try:
            return items.append(str(item))
        except ValueTooLarge:
            return NO_ROOM

    def list_cnt(self, listid: int) -> int:
        """Return the number of items; -6 no such $list (`$ListCnt`)."""
        self._working("$ListCnt")
        items = self._items(listid)
        return INVALID_LIST if items is None else items.count()

    def list_inf(self, listid: int, number: int) -> str:
        """Return an item, counted from 1; null if there is none, or no such $list (`$ListInf`)."""
        self._working("$ListInf")
        items = self._items(listid)
        if items is None or not is_whole(number) or number < 1:
            return ""
        found = items.page(number - 1, 1)
        return str(found[0]) if found else ""

    def list_session(self, name: str, type: str | None = "ANY") -> int:  # noqa: A002 - documented
        """Bind to, or create, a list that is kept in the open session (`$List_Session`).

        Args:
            name: of the list, 1 to 255 bytes.
            type: `ANY`: the list of that name, or a new one; `OLD`: it must be there; `NOTOLD`: it
                must not; `NEW`: a new, empty one in any case; `PREP` and its forms (`PREPOLD`,
                `PREPNEW`, ...): the same, and emptied.

        Returns:
            A $list identifier, good while the session is open; -3 no room, -14 the list is there
            (NOTOLD) or is not (OLD), -15 no such type.

        Raises:
            RequestCancelled: no session is open, or the name is null or too long.
        """
        function = "$List_Session"
        session = self._in_session(function)
        there = required_name(name, function) in session.kept("list")
        refused, emptied = admit(type, there)
        if refused:
            return refused
        items = session.list(name)
        if emptied:
            try:
                items.replace([])
            except ValueTooLarge:
                return NO_ROOM
        return self._bound_to(items, session)

    def list_global(self, name: str, type: str | None = "ANY") -> int:  # noqa: A002 - documented
        """Bind to, or create, a list of this login (`$List_Global`); as `list_session`.

        It outlasts the request, and needs no session.
        """
        function = "$List_Global"
        self._working(function)
        there = required_name(name, function) in self._global_lists
        refused, emptied = admit(type, there)
        if refused:
            return refused
        items = self._global_lists.setdefault(name, LocalList())
        if emptied:
            items.replace([])
        self._restored.add(name)
        return self._bound_to(items)

    def list_save(self, name: str, listid: int) -> int:
        """Save a copy of a $list as a global one, past the end of the request (`$ListSav`).

        Returns 0; -5 no name, -6 no such $list. The name may be in use: then this replaces it.
        """
        self._working("$ListSav")
        if given(name, None) is None:
            return MISSING_ARGUMENT
        name = required_name(name, "$ListSav")
        if (items := self._items(listid)) is None:
            return INVALID_LIST
        self._global_lists[name] = LocalList(map(str, items.items()))
        self._restored.discard(name)
        return 0

    def list_rst(self, name: str) -> int:
        """Restore a list that was saved, in this request or an earlier one (`$ListRst`).

        Returns its identifier; -5 no name, -14 no such list.
        """
        self._working("$ListRst")
        if given(name, None) is None:
            return MISSING_ARGUMENT
        name = required_name(name, "$ListRst")
        if (items := self._global_lists.get(name)) is None:
            return NAME_REFUSED
        self._restored.add(name)
        return self._bound_to(items)

    def list_savl(self, listid: int | None) -> int:
        """List the global lists that this request has not restored yet (`$ListSavL`).

        They replace the content of the $list: for each its number of items in ten digits, a
        blank, its name. Returns how many; -3 no room, -5 no argument, -6 no such $list.
        """
        self._working("$ListSavL")
        if given(listid, None) is None:
            return MISSING_ARGUMENT
        if (items := self._items(listid)) is None:
            return INVALID_LIST
        saved = [
            f"{kept.count():010} {name}"
            for name, kept in sorted(self._global_lists.items())
            if name not in self._restored
        ]
        try:
            items.replace(saved)
        except ValueTooLarge:
            return NO_ROOM
        return len(saved)

    def end_request(self) -> None:
        """End the request and go on with the login: only what has a name outlasts it."""
        self._working("end of request")
        self._forget_lists()

    def _forget_lists(self) -> None:
        self._lists.clear()
        self._restored.clear()

    def _bound_to(self, items: Items, session: Session | None = None) -> int:
        listid = next(self._numbers)
        self._lists[listid] = Bound(items, session)
        return listid

    def _items(self, listid: int | None) -> Items | None:
        bound = self._lists.get(listid or 0) if is_whole(listid) else None
        if bound is None or bound.session not in (None, self.open_session):
            return None
        return bound.items

    def _list_called(self, listid: int, function: str) -> Items:
        if (items := self._items(listid)) is None:
            raise RequestCancelled(function, why="there is no such $list")
        return items

    def _add_all(self, listid: int, rows: list[str], function: str) -> None:
        items = self._list_called(listid, function)
        if rows:
            try:
                items.append(*rows)
            except ValueTooLarge as full:
                raise RequestCancelled(function, why="there is no room in the $list") from full
