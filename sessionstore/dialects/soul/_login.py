"""What all functions of a thread work on: who is logged in, and the session it has open."""

from __future__ import annotations

from collections.abc import Callable

from sessionstore import Session, SessionStore
from sessionstore.dialects.soul._cancelled import RequestCancelled
from sessionstore.dialects.soul._cleanup import Cleanup

__all__ = ["Login"]


class Login:
    """A user on a thread: its view of the store, its number, and at most one open session."""

    def __init__(
        self,
        store: SessionStore,
        userid: str,
        privileged: bool,
        number: int,
        cleanup: Cleanup,
        leave: Callable[[int], None],
    ) -> None:
        self.userid = userid
        self.privileged = privileged
        self.number = number
        self._store = store
        self._cleanup = cleanup
        self._leave = leave
        self._opened: Session | None = None
        self._logged_in = True

    @property
    def open_session(self) -> Session | None:
        """The session that is open on this thread, as a session of the store; None if none is."""
        return self._opened if self._opened is not None and self._opened.is_open else None

    def _working(self, function: str) -> None:
        if not self._logged_in:
            raise RequestCancelled(function, why="this thread has logged out")

    def _in_session(self, function: str) -> Session:
        self._working(function)
        if (session := self.open_session) is None:
            raise RequestCancelled(function, why="no session is open on this thread")
        return session
