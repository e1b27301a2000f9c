"""Collections as scripts know them: counted from 1, and asked by position or by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

from sessionstore.dialects.oxsvr._com import ComError, Number

__all__ = ["Collection", "position"]

T = TypeVar("T")


class Collection(Generic[T]):
    """Things with names, in order; `for` goes through them, and `[...]` is `Item`."""

    @property
    def Count(self) -> int:
        """How many there are."""
        return len(self._entries())

    def Item(self, Index: int | str) -> T:
        """Return one, by its position, from 1, or its name.

        Raises ComError: errCollectionIndexOutOfRange, errCollectionItemNotFound, or
        DISP_E_TYPEMISMATCH for an index that is neither.
        """
        entries = self._entries()
        return entries[position([name for name, _ in entries], Index)][1]

    def __getitem__(self, Index: int | str) -> T:
        return self.Item(Index)

    def __iter__(self) -> Iterator[T]:
        return iter([thing for _, thing in self._entries()])

    def __len__(self) -> int:
        return self.Count

    def _entries(self) -> list[tuple[str, T]]:
        raise NotImplementedError


def position(names: list[str], index: int | str) -> int:
    """Return where something is, from 0; ComError if it is not there."""
    if isinstance(index, str):
        if index not in names:
            raise ComError(
                Number.errCollectionItemNotFound, description=f"there is nothing called {index!r}"
            )
        return names.index(index)
    if isinstance(index, bool) or not isinstance(index, int):
        kind = type(index).__name__
        raise ComError(
            Number.DISP_E_TYPEMISMATCH, description=f"an index is a number or a name, not {kind}"
        )
    if not 1 <= index <= len(names):
        raise ComError(
            Number.errCollectionIndexOutOfRange,
            description=f"there is no number {index} among {len(names)}",
        )
    return index - 1
