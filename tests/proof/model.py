"""What a store should do, told with plain Python: no scripts, no keys, no indexes, no clock.

Time is a number of seconds that goes by for one session at a time. All durations here are whole
tens of seconds, so what the real clock adds during a test never decides anything.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sessionstore import (
    QuotaExceeded,
    SessionEnded,
    SessionExists,
    SessionInUse,
    SessionNotFound,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["LEASE", "TIMEOUT", "Model", "Modelled", "Refusal"]

LEASE = 100
TIMEOUT = 200


class Refusal(Exception):
    """The model says no; `error` is what the store must raise, `reason` why the session ended."""

    def __init__(self, error: type[Exception], reason: str | None = None) -> None:
        super().__init__(error.__name__, reason)
        self.error = error
        self.reason = reason


@dataclass(eq=False)
class Modelled:
    """One session, from its creation until its tombstone is gone."""

    sid: str
    id: str
    owner: str
    timeout: int
    life: int | None
    """How long it may live still; None: for ever."""
    data: dict[str, Any]
    idle: int = 0
    holder: object = None
    """Who opened it, or whom it was handed to; perhaps the lease is over."""
    lease: int = 0
    granted: bool = False
    """It was handed to a waiter that has not taken it up yet."""
    pending: str | None = None
    """It ends when it is given back, for this reason."""
    ended: str | None = None
    """It is known to have ended: there is a tombstone that says why."""
    gone: bool = False
    """Its key expired before anybody noticed that it was over."""
    counted: bool = True
    """It is in the index of its owner."""
    line: list[object] = field(default_factory=list)

    @property
    def held(self) -> bool:
        return self.holder is not None and self.lease > 0

    @property
    def over(self) -> str | None:
        """Why it is over, if it is, though perhaps nobody has noticed."""
        if self.ended is not None:
            return self.ended
        if self.life is not None and self.life <= 0:
            return "lifetime"
        if self.held:
            return None
        return self.pending or ("timed out" if self.idle >= self.timeout else None)

    @property
    def alive(self) -> bool:
        return not self.gone and self.over is None

    def goes_by(self, seconds: int) -> None:
        """Let time go by."""
        if self.life is not None:
            self.life -= seconds
        self.idle += seconds
        if self.held:
            self.lease -= seconds
            if self.lease <= 0 and not self.granted:
                self.idle = -self.lease  # a lost lease is a close at its end


class Model:
    """All sessions of a store."""

    def __init__(self) -> None:
        self.sessions: dict[str, Modelled] = {}
        self.most_per_owner: int | None = None
        self.evicts = False
        self.longest: int | None = None
        self.granted: list[Modelled] = []
        """Handed to a waiter since somebody last looked here."""

    # What is there.

    def alive(self, owner: str | None = None) -> list[Modelled]:
        return [one for one in self.sessions.values() if one.alive and owner in (None, one.owner)]

    def read(self, sid: str) -> Modelled:
        found = self.sessions.get(sid)
        if found is None or found.gone:
            raise Refusal(SessionNotFound)
        if found.over is not None:
            raise Refusal(SessionEnded, found.over)
        return found

    def _settled(self, sid: str) -> Modelled:
        """Return a session after what time has done to it was carried out."""
        found = self.sessions.get(sid)
        if found is not None and not found.gone:
            self._settle(found)
        return self.read(sid)

    def _settle(self, one: Modelled) -> None:
        if one.over is not None:
            self._end(one, one.over)
        elif one.holder is not None and not one.held:
            self._pass_on(one)

    def _end(self, one: Modelled, reason: str) -> None:
        one.ended = one.ended or reason
        one.counted = False
        one.holder, one.lease = None, 0
        one.line.clear()

    def _pass_on(self, one: Modelled) -> None:
        one.holder, one.lease, one.granted = None, 0, False
        if one.line:
            one.holder, one.lease, one.granted = one.line.pop(0), LEASE, True
            self.granted.append(one)

    def _capped(self, timeout: int) -> int:
        return timeout if self.longest is None else min(timeout, self.longest)

    # Calls; `evicted` tells which of equally idle sessions the store has chosen.

    def create(
        self, made: Modelled, ticket: object, evicted: Callable[[Iterable[str]], set[str]]
    ) -> None:
        """Make a session; with a ticket it is open."""
        self._take_name(made.sid)
        self._make_room(made.owner, evicted)
        made.timeout = self._capped(made.timeout)
        made.holder, made.lease = ticket, LEASE if ticket else 0
        self.sessions[made.sid] = made

    def _take_name(self, sid: str) -> None:
        before = self.sessions.get(sid)
        if before is None or before.gone:
            return
        if before.over is None:
            raise Refusal(SessionExists)
        self._end(before, before.over)

    def _make_room(
        self,
        owner: str,
        evicted: Callable[[Iterable[str]], set[str]],
        leaving: Modelled | None = None,
    ) -> None:
        """Make room for one more of an owner; `leaving` will not be there any more."""
        most = self.most_per_owner
        listed = [one for one in self.sessions.values() if one.owner == owner and one.counted]
        if owner in ("", "*") or most is None or len(listed) - (leaving in listed) < most:
            return
        for one in listed:
            if one.gone:
                one.counted = False
            elif one.over is not None:
                self._end(one, one.over)
        alive = [one for one in self.alive(owner) if one is not leaving]
        excess = len(alive) - most + 1
        if excess <= 0:
            return
        idle = sorted((one for one in alive if not one.held), key=lambda one: -one.idle)
        if not self.evicts or len(idle) < excess:
            raise Refusal(QuotaExceeded)
        last = idle[excess - 1].idle
        chosen = {one.sid for one in idle if one.idle > last}
        alike = [one.sid for one in idle if one.idle == last]
        picked = evicted(alike)
        assert len(chosen | picked) == excess, f"evicted {picked} of {alike}, and {chosen}"
        for one in idle:
            if one.sid in chosen | picked:
                self._end(one, "evicted")

    def open(self, sid: str, ticket: object, waits: bool) -> Modelled | None:
        """Open it; None: in line."""
        one = self._settled(sid)
        if one.holder is None or one.holder is ticket:
            if one.holder is None or one.granted:
                one.holder, one.lease, one.granted = ticket, LEASE, False
            return one
        if not waits:
            raise Refusal(SessionInUse)
        if ticket not in one.line:
            one.line.append(ticket)
        return None

    def leave(self, sid: str, ticket: object) -> None:
        """A waiter goes away, perhaps with a grant."""
        one = self.sessions.get(sid)
        if one is None or one.gone:
            return
        if ticket in one.line:
            one.line.remove(ticket)
        if one.holder is ticket and one.held and one.ended is None:
            self._give_back(one)

    def _give_back(self, one: Modelled) -> None:
        if one.pending:
            self._end(one, one.pending)
        else:
            self._pass_on(one)

    def save(self, one: Modelled, data: dict[str, Any]) -> None:
        self._check_not_over(one)
        one.data = data

    def _check_not_over(self, one: Modelled) -> None:
        if one.over is not None:
            self._settle(one)
            raise Refusal(SessionEnded, one.over)

    def renew(self, one: Modelled) -> None:
        one.lease = LEASE

    def close(self, one: Modelled, data: dict[str, Any], timeout: int | None) -> None:
        self._check_not_over(one)
        one.idle = 0
        if not one.pending:
            one.data = data
            if timeout is not None:
                one.timeout = self._capped(timeout)
        self._give_back(one)

    def move(
        self,
        one: Modelled,
        to: Modelled,
        timeout: int | None,
        evicted: Callable[[Iterable[str]], set[str]],
    ) -> bool:
        """Close it with another id or owner; False: it ended instead."""
        self._check_not_over(one)
        if one.pending:
            self._end(one, one.pending)
            return False
        self._take_name(to.sid)
        self._make_room(to.owner, evicted, leaving=one)
        to.timeout = self._capped(one.timeout if timeout is None else timeout)
        to.life = one.life
        self._end(one, "moved")
        self.sessions[to.sid] = to
        return True

    def touch(self, sid: str) -> None:
        one = self._settled(sid)
        if not one.held:
            one.idle = 0

    def delete(self, sid: str, reason: str = "deleted") -> bool:
        """End it; False: when it is given back."""
        found = self.sessions.get(sid)
        if found is not None and not found.gone and found.over is not None:
            self._settle(found)
        one = self.read(sid)
        if one.held:
            one.pending = one.pending or reason
            return False
        self._end(one, reason)
        return True

    def delete_own(self, one: Modelled) -> None:
        self._check_not_over(one)
        self._end(one, "deleted")

    def end_all(self, owner: str) -> int:
        ends = self.alive(owner)
        for one in ends:
            self.delete(one.sid, "signed out")
        return len(ends)

    def sweep(self) -> int:
        """End all that is over; the answer is how many that were."""
        ends = [one for one in self.sessions.values() if one.ended is None and not one.alive]
        for one in ends:
            if one.gone:
                del self.sessions[one.sid]
            else:
                self._end(one, str(one.over))
        return len(ends)

    def cap(self, longest: int | None) -> None:
        """Set max_timeout."""
        self.longest = longest
        if longest is None:
            return
        for one in self.sessions.values():
            if one.ended is None and not one.gone:
                one.timeout = self._capped(one.timeout)
                self._settle(one)

    def expires(self, one: Modelled) -> None:
        """The key of a session that is over expires unseen, or that of its tombstone."""
        if one.ended is None:
            one.gone = True
        else:
            del self.sessions[one.sid]
