"""Errors as COM throws them: a number, and what went wrong in words."""

from __future__ import annotations

from enum import IntEnum

from sessionstore import SessionStoreError

__all__ = ["ComError", "Number"]


class Number(IntEnum):
    """The numbers of errors, by the names that they have in the documents.

    Four numbers are documented; three were never published, and are ours; the rest are COM's own.
    """

    errInputParametersCantCreate = 1101
    errParameterNameEmpty = 1201
    errParameterDoubleName = 1202
    errNoSession = 1501

    errCollectionIndexOutOfRange = 1001
    errCollectionItemNotFound = 1002
    errParameterMethodUnsupported = 1203

    E_NOTIMPL = 0x80004001
    E_ABORT = 0x80004004
    E_FAIL = 0x80004005
    E_ACCESSDENIED = 0x80070005
    E_INVALIDARG = 0x80070057
    DISP_E_TYPEMISMATCH = 0x80020005
    DISP_E_OVERFLOW = 0x8002000A


class ComError(SessionStoreError):
    """An error of the library: `number` (see `Number`), `description` and `source`.

    If a call has several, this is the topmost; all are in `Errors` of the job or the server.
    """

    def __init__(self, number: int, *, description: str, source: str = "OxSvrSpt") -> None:
        name = f"{Number(number).name}, " if number in set(Number) else ""
        shown = hex(number) if number > 0x7FFFFFFF else str(number)
        super().__init__(f"{description} ({name}{shown})")
        self.number = number
        self.description = description
        self.source = source
