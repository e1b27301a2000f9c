"""What an open session says of itself."""

from __future__ import annotations

from datetime import datetime, timedelta

from sessionstore._core import records
from sessionstore._core.keys import Home
from sessionstore._core.records import instant
from sessionstore._shell.calls import Mode
from sessionstore._shell.closing import Closing

__all__ = ["OpenFacts"]


class OpenFacts:
    """The facts of an open session, as they were told when it was opened or last saved."""

    _home: Home
    _facts: records.Facts
    _mode: Mode
    _open: bool
    _lost: bool
    _sent_close: Closing | None
    _waited: timedelta
    _deadline: int
    _lease_end: int

    @property
    def id(self) -> str:
        """The name given by its creator, or the generated id."""
        return self._home.id

    @property
    def sid(self) -> str:
        """The id that is unique in the whole store."""
        return self._home.sid

    @property
    def owner(self) -> str:
        """A user id, `*` for public, empty for anonymous."""
        return self._facts.owner

    @property
    def fence(self) -> int:
        """The number of this opening; hand it to resources that must refuse a stale holder."""
        return self._facts.fence

    @property
    def timeout(self) -> timedelta:
        """The idle time after which the session ends, counted from its close."""
        return timedelta(milliseconds=self._facts.timeout)

    @property
    def created(self) -> datetime:
        """When the session was made."""
        return instant(self._facts.created)

    @property
    def last_activity(self) -> datetime:
        """The last close or touch before this opening."""
        return instant(self._facts.activity)

    @property
    def deadline(self) -> datetime:
        """When the session ends if its holder never comes back, or if nothing happens to it."""
        facts = self._facts
        deadline = self._deadline or (self._lease_end or facts.activity) + facts.timeout
        return instant(min(deadline, facts.ends or deadline))

    @property
    def waited(self) -> timedelta:
        """How long the open waited in line; 0 if nobody else had the session."""
        return self._waited

    @property
    def mode(self) -> Mode:
        """How it was opened."""
        return self._mode

    @property
    def is_open(self) -> bool:
        """Whether it is open here, as far as is known here."""
        unknown = self._sent_close is not None and self._sent_close.unknown
        return self._may_be_open() and not unknown

    def _may_be_open(self) -> bool:
        return self._open and not self._lost
