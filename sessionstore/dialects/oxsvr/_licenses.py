"""The licences that a session has logged in: names, in capitals, kept in the session."""

from __future__ import annotations

from collections.abc import Callable

from sessionstore import ABSENT
from sessionstore.dialects.oxsvr._collection import Collection, position
from sessionstore.dialects.oxsvr._com import ComError, Number
from sessionstore.dialects.oxsvr._connection import Connection
from sessionstore.dialects.oxsvr._jobs import IJob
from sessionstore.dialects.oxsvr._values import text_of

__all__ = ["ILicenses"]

LICENSES = "licenses"


class ILicenses(Collection[str]):
    """The licences of a session; every program that has resumed the session sees the same.

    Everything raises ComError errNoSession when the session is over. What a licence is good for,
    and how many may have it, the server says: see `Check`.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def Add(self, Name: str) -> None:
        """Log a licence in, by its name in capitals; nothing happens if it is."""
        name = text_of(Name).upper()
        if not name:
            raise ComError(Number.E_INVALIDARG, description="a licence has a name")
        self._change(lambda names: names if name in names else [*names, name])

    def Delete(self, Index: int | str) -> None:
        """Log a licence out, by position or name, in any letters; errors as `Item`."""

        def without(names: list[str]) -> list[str]:
            at = position(names, _upper(Index))
            return names[:at] + names[at + 1 :]

        self._change(without)

    def Clear(self) -> None:
        """Log all licences out."""
        self._change(lambda _: [])

    def Item(self, Index: int | str) -> str:
        """Return the name of a licence, by position or name; errors as those of any collection."""
        return super().Item(_upper(Index))

    def Check(self, Name: str) -> None:
        """Ask the server whether a licence could be had, without taking it (`lic.CheckLicense`).

        Raises ComError: the topmost error of the server.
        """
        job = IJob(self._connection, "lic.CheckLicense")
        job.InputParameters.AddNewIntegerParameter("Flags", 0)
        job.InputParameters.AddNewStringParameter("Module", text_of(Name).upper())
        job.Execute()

    def _entries(self) -> list[tuple[str, str]]:
        return [(name, name) for name in self._connection.read().get(LICENSES, [])]

    def _change(self, change: Callable[[list[str]], list[str]]) -> None:
        self._connection.change(LICENSES, lambda old: change([] if old is ABSENT else old))


def _upper(index: int | str) -> int | str:
    return index.upper() if isinstance(index, str) else index
