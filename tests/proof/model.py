"""What a store should do, told with plain Python: no scripts, no keys, no indexes, no clock.

Time is a number of seconds that goes by for one session at a time. All durations here are whole
tens of seconds, so what the real clock adds during a test never decides anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessionstore import (
    Conflict,
    QuotaExceeded,
    SessionEnded,
    SessionExists,
    SessionInUse,
    SessionNotFound,
)
from tests.proof.model_session import LEASE, Modelled, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Evicted = Callable[[Iterable[str]], set[str]]
    Swept = Callable[[], bool]

__all__ = ["Model"]


class Model:
    """All sessions of a store."""

    def __init__(self) -> None:
        self.sessions: dict[str, Modelled] = {}
        self.most_per_owner: int | None = None
        self.most: dict[str, int | None] = {"private": None, "public": None}
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
            self._end(found, found.over)  # what was seen to have ended stays so
            raise Refusal(SessionEnded, found.over)
        return found

    def _settled(self, sid: str, asking: object = None) -> Modelled:
        """Return a session after what time has done to it was carried out."""
        found = self.sessions.get(sid)
        if found is not None and not found.gone:
            found.silent.discard(asking)
            self._settle(found, asking)
        return self.read(sid)

    def _settle(self, one: Modelled, asking: object = None) -> None:
        if one.over is not None:
            self._end(one, one.over)
        elif not one.held:
            if one.holder is not None and one.granted:  # its turn came, and it did not
                one.line.insert(0, one.holder)
                one.silent |= {one.holder} - {asking}
            self._pass_on(one)

    def _end(self, one: Modelled, reason: str) -> None:
        one.ended = one.ended or reason
        one.counted = False
        one.holder, one.lease = None, 0
        one.line.clear()

    def _pass_on(self, one: Modelled) -> None:
        one.holder, one.lease, one.granted = None, 0, False
        living = [waiter for waiter in one.line if waiter not in one.silent]
        if living:
            one.holder, one.lease, one.granted = living[0], LEASE, True
            one.line.remove(one.holder)
            self.granted.append(one)

    def _capped(self, timeout: int) -> int:
        return timeout if self.longest is None else min(timeout, self.longest)

    # Calls; `evicted` tells which of equally idle sessions the store has chosen; `swept` sweeps if
    # the store has swept to find a seat, and tells whether it has.

    def create(self, made: Modelled, ticket: object, evicted: Evicted, swept: Swept) -> None:
        """Make a session; with a ticket it is open."""
        self._take_name(made.sid)
        self._make_room(made.owner, evicted)
        self._take_seat(made.pool, evicted, swept)
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

    def _make_room(self, owner: str, evicted: Evicted, leaving: Modelled | None = None) -> None:
        """Make room for one more of an owner; if they have the one `leaving`, it is none more."""
        most = self.most_per_owner
        listed = [one for one in self.sessions.values() if one.owner == owner and one.counted]
        if owner in ("", "*") or most is None or leaving in listed or len(listed) < most:
            return
        for one in listed:
            if one.gone:
                del self.sessions[one.sid]
            elif one.over is not None:
                self._end(one, one.over)
        alive = self.alive(owner)
        excess = len(alive) - most + 1
        idle = [one for one in alive if not one.held]
        if excess > 0 and (not self.evicts or len(idle) < excess):
            raise Refusal(QuotaExceeded, "owner")
        self._evict(idle, excess, evicted)

    def _take_seat(self, pool: str, evicted: Evicted, swept: Swept) -> None:
        """Make room for one more of all."""
        has_swept, most = swept(), self.most[pool]
        if most is None:
            assert not has_swept
            return
        alive = [one for one in self.alive() if one.pool == pool]
        excess = len(alive) - most + 1
        if excess <= 0:
            return
        assert has_swept, "the store has not looked for what is over"
        idle = [one for one in alive if not one.held]
        if not self.evicts or len(idle) < excess:
            raise Refusal(QuotaExceeded, pool)
        self._evict(idle, excess, evicted)

    def _evict(self, idle: list[Modelled], excess: int, evicted: Evicted) -> None:
        """End those that are idle for longest."""
        if excess <= 0:
            return
        idle = sorted(idle, key=lambda one: -one.idle)
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
        one = self._settled(sid, ticket)
        if one.holder is None or one.holder is ticket:
            if one.holder is None or one.granted:
                one.holder, one.lease, one.granted = ticket, LEASE, False
            return one
        if not waits:
            raise Refusal(SessionInUse)
        if ticket not in one.line:
            one.line.append(ticket)
        return None

    def hush(self, sid: str, ticket: object) -> None:
        """A waiter gives no sign of life for too long; it may come back."""
        one = self.sessions.get(sid)
        if one is not None and ticket in one.line:
            one.silent.add(ticket)

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

    def merge(self, of: Modelled, changes: Mapping[str, Any], seen: Mapping[str, Any]) -> None:
        """Save without holding it; `changes` are new values by name, None for a removed one."""
        one = self._settled(of.sid)
        if one is not of:
            raise Refusal(SessionEnded, "deleted")
        if one.held:
            raise Refusal(SessionInUse)
        theirs = {name for name in changes if one.data.get(name) != seen.get(name)}
        if theirs:
            raise Refusal(Conflict, theirs)
        given = {name: value for name, value in changes.items() if value is not None}
        one.data = {k: v for k, v in one.data.items() if k not in changes} | given
        one.idle = 0

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
        evicted: Evicted,
        swept: Swept,
    ) -> bool:
        """Close it with another id or owner; False: it ended instead."""
        self._check_not_over(one)
        if one.pending:
            self._end(one, one.pending)
            return False
        self._take_name(to.sid)
        self._make_room(to.owner, evicted, leaving=one)
        if to.pool != one.pool:
            self._take_seat(to.pool, evicted, swept)
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
        for one in [one for one in self.sessions.values() if one.owner == owner and one.gone]:
            del self.sessions[one.sid]
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
