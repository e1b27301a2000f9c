"""The third driver: it interleaves many flows one step at a time, in an order that a seed decides.

Between any two steps a fault may come: an operation is carried out twice, with steps of others in
between (its first answer was lost); a client is gone for good; a lease ends. The server is a real
one. After a run the claims of all actors are compared with what is stored:

- every opening has a fence of its own, and fences rise for one session;
- while one holds a session nobody else gets it;
- each mark that a save or close acknowledged is stored once, each that was refused is not stored;
- a session that moves is in one place, or in none if somebody has ended it;
- in the end nothing is held for longer than a lease, nobody is in line, and every key expires.

A failed run says its seed; `SIMULATION_SEED=N` in the environment of pytest plays it again.
"""

from __future__ import annotations

import random
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sessionstore import (
    Conflict,
    LeaseLost,
    QuotaExceeded,
    SessionEnded,
    SessionExists,
    SessionInUse,
    SessionNotFound,
    SessionNotOpen,
)
from sessionstore._core import sessions
from sessionstore._core.keys import Home, Keyspace
from sessionstore._core.operation import Operation, Wake
from sessionstore._core.records import Moving
from sessionstore._core.sessions import ANY
from sessionstore.opened import OpenSession
from sessionstore.requests import Requests

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from sessionstore import SessionStore

    Actor = Generator[Any, Any, None]

__all__ = ["Broken", "Simulation"]

REFUSED = (
    LeaseLost, SessionEnded, SessionNotFound, SessionNotOpen, SessionExists, SessionInUse,
    QuotaExceeded, Conflict,
)  # fmt: skip

IDS = ("a", "b")
OWNERS = ("ann", "bob", "")
GIVES_BACK = {"close", "delete", "abandon", "retire"}
STEPS = 5000
LIMITS: tuple[dict[str, Any], ...] = (
    {}, {}, {"max_per_owner": 1}, {"max_private": 3}, {"max_private": 3, "at_limit": "evict"},
)  # fmt: skip


class Broken(AssertionError):
    """Something that must always be true was not."""


@dataclass
class Claims:
    """What the actors were told, by the session that they met: its `born` mark."""

    sure: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    refused: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    fences: dict[str, int] = field(default_factory=dict)


@dataclass
class Running:
    """An actor between two steps."""

    name: str
    actor: Actor
    step: Any
    lost: int = 0
    """How often the answer to its step was lost so far."""


class Simulation:
    """One run with one seed, in one store."""

    def __init__(self, store: SessionStore, seed: int) -> None:
        self.seed = seed
        self._limits = LIMITS[seed % len(LIMITS)]
        self.chance = random.Random(seed)
        self.claims = Claims()
        self.history: list[str] = []
        self._store = store
        self._driver = store._driver
        self._client = store._driver._clients.commands
        self._requests: Requests = store._requests
        self._keys: Keyspace = store._requests.keys
        self._marks = 0
        self._holders: dict[str, str] = {}  # who holds a session, by SID, until its lease is over
        self._running: list[Running] = []

    def run(self, actors: int = 6) -> None:
        """Play it; Broken says what was not true."""
        try:
            if self._limits:
                self._store.configure(**self._limits)
            for id, owner in (("a", "ann"), ("b", "bob"), ("a", "")):
                self._born(id, owner)
            for number in range(actors):
                self._start(f"actor{number}")
            self._play_to_the_end()
            self._settle()
            self._compare()
            self._fill()
        except Broken as error:
            told = "\n".join(self.history[-200:])
            raise Broken(f"seed {self.seed}: {error}\n{told}") from error
        finally:
            for running in self._running:
                bury(running.actor)

    # Steps and faults.

    def _play_to_the_end(self) -> None:
        for _ in range(STEPS):
            if not self._running:
                return
            self._one_step(self.chance.choice(self._running))
        raise Broken("the actors do not come to an end")

    def _start(self, name: str) -> None:
        actor = self._life(name)
        self._running.append(Running(name, actor, next(actor)))

    def _one_step(self, running: Running) -> None:
        fault = self.chance.random()
        if fault < 0.01:
            self._note(running, "crashes")
            if self.chance.random() < 0.5:
                self._carry_out(running)  # its last words reached the server
            self._running.remove(running)
            bury(running.actor)
            return
        if fault < 0.06:
            self._lapse()
        answer = self._carry_out(running)
        if self.chance.random() < 0.12 and running.lost < 3:
            running.lost += 1
            self._note(running, "loses the answer")
            if not isinstance(running.step, Wake):
                one = isinstance(running.step, Operation)
                for operation in [running.step] if one else running.step:
                    operation.unanswered = True
            return  # it will be sent again, and others come first perhaps
        running.lost = 0
        try:
            running.step = running.actor.send(answer)
        except StopIteration:
            self._running.remove(running)

    def _carry_out(self, running: Running) -> Any:
        step = running.step
        if isinstance(step, Wake):
            return None  # a waiter may wake at any time, it looks anew
        steps = [step] if isinstance(step, Operation) else step
        for operation in steps:
            if operation.script.name in GIVES_BACK:
                for sid, name in list(self._holders.items()):
                    if name == running.name and operation.keys[0].endswith(f"s:{sid}"):
                        del self._holders[sid]
        answer = self._driver._answer(step)
        answers = [answer] if isinstance(step, Operation) else answer
        for operation, one in zip(steps, answers, strict=True):
            self._note(running, f"{operation.script.name} {operation.keys[0]} -> {str(one)[:90]}")
        return answer

    def _note(self, running: Running, what: str) -> None:
        self.history.append(f"{running.name}: {what}")

    def _lapse(self) -> None:
        """Let the lease of some session end now."""
        held = sorted(self._holders)
        home = self._keys.home(self.chance.choice(held)) if held else self._any_home()
        self._lapses(home)

    def _any_home(self) -> Home:
        return self._keys.named(self.chance.choice(IDS), self.chance.choice(OWNERS))

    def _lapses(self, home: Home) -> None:
        try:
            found = self._driver.do(sessions.read(home, ANY, ()))
        except (SessionNotFound, SessionEnded, Moving):
            return
        if found.holder:
            self._driver.do(sessions.renew([(home, found.facts.fence, -1)]))  # it ended 1 ms ago
            self.history.append(f"the lease of {home.sid} ends")
            self._holders.pop(home.sid, None)

    # What actors do.

    def _life(self, name: str) -> Actor:
        yield Wake("", 0)  # everybody begins at a step
        for _ in range(self.chance.randint(2, 6)):
            does: Callable[[str, str, str], Actor] = self.chance.choice(
                (self._creates, self._adds, self._adds, self._adds, self._saves, self._saves,
                 self._shares, self._moves, self._deletes, self._reads)
            )  # fmt: skip
            try:
                yield from does(name, self.chance.choice(IDS), self.chance.choice(OWNERS))
            except REFUSED as error:
                self.history.append(f"{name}: is told {type(error).__name__} {error}")
                self._forget(name)

    def _born(self, id: str, owner: str) -> None:
        born = self._mark("first")
        self._store.create(id, owner, data={"born": born, "marks": []}, open=False)

    def _creates(self, name: str, id: str, owner: str) -> Actor:
        born = self._mark(name)
        opened = yield from self._requests.create(
            id, owner, None, None, {"born": born, "marks": []}, True
        )
        session = OpenSession(self._requests, opened)
        session["born"], session["marks"] = born, []
        self._holds(name, session)
        yield from self._adding(name, session, saves=self.chance.randrange(2))

    def _opens(self, name: str, id: str, owner: str) -> Generator[Any, Any, OpenSession]:
        wait = self.chance.choice((0, 3600))
        opening = self._requests.open(id, owner, wait, "exclusive", None, None)
        opened = yield from opening.flow
        session = OpenSession(self._requests, opened, *opening.how)
        self._holds(name, session)
        return session

    def _adds(self, name: str, id: str, owner: str) -> Actor:
        session = yield from self._opens(name, id, owner)
        yield from self._adding(name, session, saves=0)

    def _saves(self, name: str, id: str, owner: str) -> Actor:
        session = yield from self._opens(name, id, owner)
        yield from self._adding(name, session, saves=self.chance.randint(1, 3))

    def _adding(self, name: str, session: OpenSession, saves: int) -> Actor:
        for _ in range(saves):
            yield from self._marking(name, session, session._saving)
        yield from self._marking(name, session, lambda: session._closing(None, None, None))
        self._forget(name)

    def _marking(self, name: str, session: OpenSession, call: Callable[[], Actor]) -> Actor:
        """Put a mark into a session, and note what the call says became of it."""
        mark, born = self._mark(name), session["born"]
        session["marks"] = [*session["marks"], mark]
        try:
            yield from call()
        except (LeaseLost, Conflict, SessionInUse):
            self.claims.refused[born].add(mark)
            raise
        self.claims.sure[born].add(mark)

    def _shares(self, name: str, id: str, owner: str) -> Actor:
        opening = self._requests.open(id, owner, None, "shared", None, None)
        session = OpenSession(self._requests, (yield from opening.flow), *opening.how)
        yield from self._marking(name, session, session._saving)

    def _moves(self, name: str, id: str, owner: str) -> Actor:
        session = yield from self._opens(name, id, owner)
        to_id, to_owner = self.chance.choice(IDS), self.chance.choice(OWNERS)
        try:
            yield from self._marking(name, session, lambda: session._closing(to_id, to_owner, None))
        except (SessionExists, QuotaExceeded):
            # It stays open, and its mark is still to be saved.
            born, mark = session["born"], session["marks"][-1]
            yield from session._closing(None, None, None)
            self.claims.sure[born].add(mark)
        self._forget(name)

    def _deletes(self, name: str, id: str, owner: str) -> Actor:
        yield from self._requests.delete(id, owner, self.chance.choice((0, 0, 3600)))

    def _reads(self, name: str, id: str, owner: str) -> Actor:
        yield from self._requests.read(id, owner)
        yield from self._requests.touch(id, owner)

    # What they claim.

    def _mark(self, name: str) -> str:
        self._marks += 1
        return f"{name}-{self._marks}"

    def _holds(self, name: str, session: OpenSession) -> None:
        other = self._holders.get(session.sid)
        if other is not None:
            raise Broken(f"{name} gets {session.sid} while {other} holds it")
        last = self.claims.fences.get(session.sid, 0)
        if session.fence <= last:
            raise Broken(f"the fence of {session.sid} does not rise: {session.fence} after {last}")
        self.claims.fences[session.sid] = session.fence
        self._holders[session.sid] = name

    def _forget(self, name: str) -> None:
        for sid, holder in list(self._holders.items()):
            if holder == name:
                del self._holders[sid]

    # In the end.

    def _settle(self) -> None:
        """Let all leases end, and see that every session can be had at once."""
        homes = [self._keys.named(id, owner) for owner in OWNERS for id in IDS]
        for _ in range(50):  # those in line may be dead, too: each gets its turn and misses it
            for home in homes:
                self._lapses(home)
                with suppress(*REFUSED):
                    owner = home.sid.partition(":")[0]
                    self._store.open(home.id, owner, wait=0).close()
            in_line = any(self._client.exists(home.waiters) for home in homes)
            if not in_line and not any(info.holder for info in self._store.list()):
                break
        else:
            raise Broken("somebody is in line still")
        self._store.sweep()
        for info in list(self._store.list()):
            try:
                self._store.open(info.id, info.owner, wait=0).close()
            except REFUSED as error:
                raise Broken(f"{info.sid} cannot be opened: {error}") from error

    def _fill(self) -> None:
        """See that the limits are kept, and that nothing that is gone takes up room."""
        limits = self._limits
        alive = self._store.count()
        if most := limits.get("max_private"):
            if alive > most:
                raise Broken(f"{alive} sessions are alive, {most} may be")
            try:
                for number in range(most - alive):
                    self._store.create(f"more{number}", "carol", open=False)
            except QuotaExceeded as error:
                raise Broken(f"refused with {alive} of {most} alive: {error}") from error
            if limits.get("at_limit") != "evict":
                with suppress(QuotaExceeded):
                    self._store.create("too many", "carol", open=False)
                    raise Broken("there is room for more than the limit")
        if most := limits.get("max_per_owner"):
            for owner in ("ann", "bob"):
                if self._store.count(owner) > most:
                    raise Broken(f"{owner} has more than {most}")

    def _compare(self) -> None:
        seen: dict[str, str] = {}
        for info in list(self._store.list()):
            found: Mapping[str, Any] = self._store.read(info.id, info.owner)
            born, marks = found["born"], found["marks"]
            if born in seen:
                raise Broken(f"{born} is in two places: {seen[born]} and {info.sid}")
            seen[born] = info.sid
            if len(set(marks)) != len(marks):
                raise Broken(f"a mark is in {info.sid} twice: {marks}")
            if lost := self.claims.sure[born] - set(marks):
                raise Broken(f"acknowledged, and not in {info.sid}: {lost}")
            if landed := self.claims.refused[born] & set(marks):
                raise Broken(f"refused, and in {info.sid} all the same: {landed}")


class Crashed(BaseException):
    """What an actor whose client is gone is thrown, until it has ended: its cleaning up is lost."""


def bury(actor: Actor) -> None:
    """End an actor without doing what it still wants to do."""
    for _ in range(100):
        try:
            actor.throw(Crashed())
        except (Crashed, StopIteration):
            return
    raise Broken("an actor does not die")
