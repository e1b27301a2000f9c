"""The face of a store for synchronous code; that for asyncio is `async_store.py`, line by line.

Each method says what is wanted to `Calls`, which makes a flow of it, and runs that.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Self

from sessionstore._core.altering import WhenOpen
from sessionstore._core.records import instant
from sessionstore._core.store import now
from sessionstore._redis.sync import Driver
from sessionstore._shell.attributes import SessionInfo, Snapshot
from sessionstore._shell.calls import Mode, Opening, Undecodable
from sessionstore._shell.connecting import connected
from sessionstore._shell.context import Context
from sessionstore._shell.renewing import LeaseRenewer
from sessionstore.atomic import Atomic
from sessionstore.config import Duration, Parameters
from sessionstore.events import Events
from sessionstore.session import Session

__all__ = ["SessionStore"]


class SessionStore:
    """Sessions for synchronous code; safe to share between threads, and across a fork."""

    def __init__(
        self, context: Context[Driver], renewer: LeaseRenewer, *, view: bool = False
    ) -> None:
        self._context = context
        self._driver = context.driver
        self._calls = context.calls
        self._renewer = renewer
        self._is_view = view

    @classmethod
    def connect(
        cls,
        url: str,
        *,
        prefix: str = "ss",
        buckets: int = 256,
        safe: bool = False,
        undecodable: Undecodable = "error",
        create: bool = True,
    ) -> Self:
        """Connect to a store; the first to connect makes it.

        Args:
            url: `redis://`, `rediss://`, `unix://`, `redis+sentinel://host,host/service`,
                `redis+cluster://host,host`; `embedded://` or `embedded:///dir`: a server of ours.
            prefix: what all keys begin with; several stores may share a deployment.
            buckets: over how many slots the store is spread, 1 to 4096, for its whole life.
            safe: report a change as unknown unless a replica confirms it within a second.
            undecodable: what an attribute is whose bytes cannot be decoded: `error`, or `set
                aside`: it seems not to be there, and its bytes are kept.
            create: False: do not make it, so that a mistyped prefix or URL is an error.

        Raises:
            StoreUnavailable: the server cannot be reached, or is older than Redis 7.0.
            ConfigError: a bad URL, or the store was made with another number of buckets.
            StoreNotFound: there is no such store, and `create` is False.
        """
        context = connected(url, prefix, buckets, safe=safe, undecodable=undecodable, create=create)
        return cls(context, LeaseRenewer(context.driver.beside()))

    def as_user(
        self, user: str, *, privileged: bool = False, label: str | None = None
    ) -> SessionStore:
        """Return a view of the store for who is acting; without one, it is the application itself.

        A user who is not privileged may create, see, open and delete only its own and public
        sessions; those of others are not found. It may not sweep, configure, or act for another
        (NotPermitted). `label` is the holder that others see of what is opened from here, instead
        of host and process.
        """
        calls = self._calls.acting(user, privileged, label)
        return SessionStore(Context(self._driver, calls), self._renewer, view=True)

    @property
    def label(self) -> str:
        """Who opens sessions from here, as others see it: host and process."""
        return self._calls.label

    def create(
        self,
        id: str | None = None,
        owner: str | None = None,
        *,
        timeout: Duration | None = None,
        lifetime: Duration | None = None,
        data: Mapping[str, Any] | None = None,
        open: bool = True,
    ) -> Session:
        """Make a session, and open it.

        Args:
            id: a name, unique among the sessions of its owner, 1 to 255 bytes; None: generated,
                with 132 random bits.
            owner: a user id, `*` for public, empty for anonymous; None: the acting user, or
                anonymous.
            timeout: idle time after its close, in seconds or a timedelta; None: the store's. The
                store's max_timeout caps it.
            lifetime: time after which it ends in any case; None: the store's.
            data: the first attributes.
            open: False makes it closed; what is returned can then only be looked at.

        Raises:
            SessionExists, QuotaExceeded (limit `owner`, `private` or `public`), NotPermitted,
            TypeRefused, ValueTooLarge, ConfigError, StoreUnavailable.
        """
        flow = self._calls.create(
            id, owner, timeout=timeout, lifetime=lifetime, data=data, opened=open
        )
        return self._renewed(Session(self._context, self._driver.run(flow)))

    def open(
        self,
        id: str,
        owner: str | None = None,
        *,
        wait: Duration | None = None,
        mode: Mode = "exclusive",
        lease: Duration | None = None,
        fields: Sequence[str] | None = None,
    ) -> Session:
        """Open a session: become its one holder, or read it, or share in writing it.

        Args:
            id: its name, or its generated id.
            owner: whose it is; None: the acting user's, or anonymous. For a generated id: anybody's
                that the acting user may know of.
            wait: how long to wait in line for another holder; None: the store's; 0: not at all.
            mode: `exclusive`; `read`: a snapshot that blocks nobody; `shared`: nobody holds it, and
                a save lands unless another writer changed the same attributes.
            lease: how long the holder may go without renewing, which the store does by itself while
                this process lives; None: the store's.
            fields: the attributes to load; None: all.

        Raises:
            SessionNotFound, SessionEnded, SessionInUse (who holds it, until when), QuotaExceeded
            (limit `waiters`), ConfigError, StoreUnavailable.
        """
        return self._opened(
            self._calls.open(id, owner, wait=wait, mode=mode, lease=lease, fields=fields)
        )

    def read(self, id: str, owner: str | None = None) -> Snapshot:
        """Return a session as it is now, whoever holds it, without counting as activity.

        Raises SessionNotFound, SessionEnded, StoreUnavailable.
        """
        reading = self._driver.run(self._calls.read(id, owner))
        return Snapshot(reading, set_aside=self._calls.set_aside)

    def touch(self, id: str, owner: str | None = None) -> None:
        """Count this moment as activity of a session; SessionNotFound, SessionEnded."""
        self._driver.run(self._calls.touch(id, owner))

    def atomic(
        self,
        id: str,
        owner: str | None = None,
        *,
        when_open: WhenOpen = "fail",
        wait: Duration | None = None,
    ) -> Atomic:
        """Return what changes one attribute at one moment, without opening the session.

        Args:
            id: its name, or its generated id.
            owner: as in `open`.
            when_open: what if somebody has the session open: `fail` with SessionInUse, `wait` in
                line, or `apply` all the same: then what the holder saves to the attribute wins.
            wait: how long to wait in line; None: the store's.
        """
        found = self._calls.find(id, owner)
        return Atomic(self._context, found, when_open, wait)

    def delete(self, id: str, owner: str | None = None, *, wait: Duration = 0) -> bool:
        """End a session; if somebody has it open, when that holder closes it.

        Returns True if it has ended, waiting for that up to `wait`; False if it will when its
        holder closes it ($Session_Delete of SOUL). It waits also where `max_waiters` do, and then
        learns of the end within a second. Raises SessionNotFound, SessionEnded,
        StoreUnavailable.
        """
        return self._driver.run(self._calls.delete(id, owner, wait=wait))

    def list(self, owner: str | None = None, *, pattern: str = "*") -> Iterator[SessionInfo]:
        """Iterate over sessions, read in pages and in no order; each comes once.

        One that is there all the time is among them, also if it gets another id or owner meanwhile:
        up to ten times, if you take 30 s at most from one page of 100 to the next.

        Args:
            owner: whose; `*`: public ones; None: all that the acting user may see.
            pattern: which ids, with `*` for any characters and `?` for one.
        """
        pager = self._calls.listing(owner, pattern)
        while rows := self._driver.run(pager.page()):
            for row in rows:
                if info := self._calls.chosen(row, owner, pattern):
                    yield info

    def count(self, owner: str | None = None) -> int:
        """Return how many sessions are alive: all, an owner's, or public (`*`); or NotPermitted.

        One that gets another id or owner at that moment counts once, if the count takes no longer
        than some seconds. The sessions of all owners are counted one bucket after the other, so
        those made or ended meanwhile may be in it or not.
        """
        return self._driver.run(self._calls.count(owner))

    def end_all(self, owner: str, *, keep: str | None = None, reason: str = "signed out") -> int:
        """End all sessions of an owner but `keep`; those that are open end when they are closed.

        One that gets another id meanwhile ends, too; one that gets another owner is that one's.
        Returns how many that were; of those that got another id, some may be left out or counted
        twice. `reason` is what those who still hold
        one are told, in other words than the store's own (see SessionEnded). Raises NotPermitted,
        ConfigError, StoreUnavailable.
        """
        return self._driver.run(self._calls.end_all(owner, keep=keep, reason=reason))

    def sweep(self, buckets: int | None = None) -> int:
        """End what is due, with an event for each; return how many. Any process may sweep.

        A session ends at its deadline without this; sweeping frees its memory and tells of it.
        With `buckets`, only so many of the store's buckets are looked at, the next ones at the
        next call. Raises NotPermitted, ConfigError, StoreUnavailable.
        """
        return self._driver.run(self._calls.sweep(buckets))

    def events(self, since: str | None = None) -> Events:
        """Iterate over what happened since the `cursor` of an earlier reading, until now.

        A user who is not privileged is told of its own and of public sessions.
        """
        return Events(self._context, since)

    def parameters(self) -> Parameters:
        """Return the parameters in force; a change whose caller was killed is completed first."""
        return self._driver.run(self._calls.parameters())

    def configure(self, **changes: Any) -> Parameters:
        """Set parameters for all who share the store; return those in force, once they are.

        Lowering max_timeout shortens every session, and may end some (SESMAXTO of SOUL). Raises
        ConfigError, NotPermitted, StoreUnavailable. See `Parameters`.
        """
        return self._driver.run(self._calls.configure(changes))

    def now(self) -> datetime:
        """Return the time of Redis, in UTC: all that is told of sessions is by this clock."""
        return instant(self._driver.do(now(self._calls.keys)))

    def close(self) -> None:
        """Close the connections; what is open stays open until its lease ends.

        Whatever uses the store, a view of it or a session after that gets StoreClosed. Closing
        twice does nothing, and closing a view of `as_user` neither: it owns nothing.
        """
        if not self._is_view:
            self._renewer.close()
            self._driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _renewed(self, session: Session) -> Session:
        self._renewer.add(session)
        return session

    def _opened(self, opening: Opening) -> Session:
        begun = time.monotonic()
        opened = self._driver.run(opening.flow)
        seconds = time.monotonic() - begun
        return self._renewed(Session(self._context, opened, opening.how, seconds=seconds))
