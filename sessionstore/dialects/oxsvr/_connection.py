"""The session behind all that an `ISession` has given out; when it is gone, all of that is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sessionstore import ABSENT, Session, SessionEnded, SessionNotFound, SessionStore
from sessionstore.dialects.oxsvr._com import ComError, Number
from sessionstore.jobs import Jobs

__all__ = ["Connection"]

TRIES = 1000


class Connection:
    """The way to a session, which nobody has open because of it.

    Once the session was found to be over, it is over here, whatever is asked for.
    """

    def __init__(self, store: SessionStore, id: str) -> None:
        self.store = store
        self.jobs = Jobs(store)
        self.id = id
        self._over = False

    @contextmanager
    def working(self) -> Iterator[None]:
        """Do something with the session; ComError errNoSession if it is over, for any reason."""
        if self._over:
            raise self._no_session()
        try:
            yield
        except (SessionNotFound, SessionEnded) as gone:
            self._over = True
            raise self._no_session() from gone

    def check(self) -> None:
        """Count this moment as activity of the session; errNoSession if it is over."""
        with self.working():
            self.store.touch(self.id)

    def read(self) -> Session:
        """Return the session as it is now, and count that as activity; errNoSession."""
        with self.working():
            return self.store.open(self.id, mode="read")

    def end(self) -> None:
        """End the session, or see to it that it ends when whoever has it open closes it."""
        with self.working():
            self.store.delete(self.id)
        self._over = True

    def change(self, name: str, change: Callable[[Any], Any]) -> None:
        """Change an attribute by a function of its value (ABSENT: there is none); errNoSession.

        It is changed at one moment, and whoever has the session open has nothing to do with it.
        E_FAIL if others were faster every time.
        """
        for _ in range(TRIES):
            old = self.read().get(name, ABSENT)
            new = change(old)
            with self.working():
                atomic = self.store.atomic(self.id, when_open="apply")
                if new == old or atomic.set_if(name, new, old):
                    return
        raise ComError(Number.E_FAIL, description="others change the session all the time")

    @staticmethod
    def _no_session() -> ComError:
        return ComError(
            Number.errNoSession, description="the session is over: logged out, timed out or dropped"
        )
