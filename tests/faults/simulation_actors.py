"""What the clients of a simulation do, and what they claim of it: told so, sure, refused."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from sessionstore import (
    Conflict,
    LeaseLost,
    QuotaExceeded,
    SessionEnded,
    SessionExists,
    SessionInUse,
    SessionNotFound,
    SessionNotOpen,
    StoreUnavailable,
)
from sessionstore._core.altering import alter
from sessionstore._core.operation import Operation, Wake
from sessionstore._shell.opened import OpenSession
from sessionstore.data._values import decode, encode
from sessionstore.lists import _ListFlows
from tests.faults.simulation_limits import CHANGES, CHANGING, LIMITS

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Generator

    from sessionstore._shell.calls import Calls
    from tests.faults.simulation_limits import InForce

    Actor: TypeAlias = Generator[Any, Any, None]
    Deed: TypeAlias = Callable[[str, str, str], Actor]

__all__ = ["LISTED", "REFUSED", "Broken", "Cast", "Claims", "Scene", "bury", "scene_of"]

REFUSED = (
    LeaseLost, SessionEnded, SessionNotFound, SessionNotOpen, SessionExists, SessionInUse,
    QuotaExceeded, Conflict, StoreUnavailable,
)  # fmt: skip

IDS = ("a", "b")
OWNERS = ("ann", "bob", "")
MORE_IDS = ("a", "b", "c", "d")
MORE_OF_ANN = ("ann", "ann", "ann", "bob", "")


LISTED = "listed"
"""The list that is kept beside a session."""


def empty(born: str) -> dict[str, Any]:
    """Return what a new session holds: its name for life, and no marks."""
    return {"born": born, "marks": [], "atoms": [born]}


class Broken(AssertionError):
    """Something that must always be true was not."""


class Scene(NamedTuple):
    """Under which limits a seed is played, and who and what there is."""

    number: int
    limits: dict[str, Any]
    ids: tuple[str, ...]
    owners: tuple[str, ...]

    @property
    def changing(self) -> bool:
        """Whether clients set the limits."""
        return self.number == CHANGING

    @property
    def crowded(self) -> bool:
        """Whether clients make sessions for one owner, who may not have them all."""
        return "max_per_owner" in self.limits


def scene_of(seed: int) -> Scene:
    """Return the scene of a seed."""
    number = seed % len(LIMITS)
    limits = LIMITS[number]
    crowded = "max_per_owner" in limits
    return Scene(number, limits, MORE_IDS if crowded else IDS, MORE_OF_ANN if crowded else OWNERS)


@dataclass
class Claims:
    """What the actors were told, by the session that they met: its `born` mark."""

    sure: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    refused: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    fences: dict[str, int] = field(default_factory=dict)
    holders: dict[str, str] = field(default_factory=dict)
    """Who holds a session, by SID, until its lease is over."""
    history: list[tuple[str, Any, Any]] = field(default_factory=list)
    marks: int = 0

    def note(self, name: str, what: Any, answer: Any = None) -> None:
        """Remember what happened to whom; it is made text when it is asked for."""
        self.history.append((name, what, answer))

    def told(self) -> list[str]:
        """Return the history as lines."""
        return [
            f"{name}: {what.script.name} {what.keys[0]} -> {str(answer)[:90]}"
            if isinstance(what, Operation)
            else f"{name}: {what}" + (f" {answer}" if answer is not None else "")
            for name, what, answer in self.history
        ]

    def mark(self, name: str) -> str:
        """Return a mark that nobody had before."""
        self.marks += 1
        return f"{name}-{self.marks}"

    def holds(self, name: str, session: OpenSession) -> None:
        """Note that somebody was given a session; Broken if it is another's."""
        sid = session.sid
        other = self.holders.get(sid)
        if other is not None:
            raise Broken(f"{name} gets {sid} while {other} holds it")
        last = self.fences.get(sid, 0)
        if session.fence <= last:
            raise Broken(f"the fence of {sid} does not rise: {session.fence} after {last}")
        self.fences[sid] = session.fence
        self.holders[sid] = name

    def forget(self, name: str) -> None:
        """Note that somebody holds nothing any more."""
        for sid in [sid for sid, holder in self.holders.items() if holder == name]:
            del self.holders[sid]


class Cast:
    """The lives of actors; what they do by chance, and with which of the sessions of a scene."""

    def __init__(
        self,
        calls: Calls,
        scene: Scene,
        chance: random.Random,
        claims: Claims,
        in_force: InForce,
    ) -> None:
        self._calls = calls
        self._in_force = in_force
        self._scene = scene
        self._chance = chance
        self._claims = claims
        deeds: tuple[Deed, ...] = (
            self._creates, self._adds, self._adds, self._adds, self._saves, self._saves,
            self._shares, self._moves, self._deletes, self._reads, self._lists, self._alters,
        )  # fmt: skip
        crowd: tuple[Deed, ...] = (self._crowds,) * 10 + (self._deletes,) * 2
        if scene.crowded:
            deeds += crowd
        if scene.changing:
            deeds += (self._configures,) * 3 + (self._asks, self._sweeps) + (self._creates,) * 4
        self._deeds = deeds

    def born(self, id: str, owner: str) -> Actor:
        """Make a session that is there from the beginning."""
        data = empty(self._claims.mark("first"))
        yield from self._calls.create(id, owner, data=data, opened=False)

    def life(self, name: str) -> Actor:
        """Do a few things, one after the other, and hear what became of them."""
        yield Wake("", 0)  # everybody begins at a step
        for _ in range(self._chance.randint(2, 6)):
            does = self._chance.choice(self._deeds)
            id, owner = (
                self._chance.choice(self._scene.ids),
                self._chance.choice(self._scene.owners),
            )
            try:
                yield from does(name, id, owner)
            except REFUSED as error:
                self._claims.note(name, f"is told {type(error).__name__}", error)
                self._claims.forget(name)

    def _creates(self, name: str, id: str, owner: str) -> Actor:
        born = self._claims.mark(name)
        opened = yield from self._calls.create(id, owner, data=empty(born), opened=True)
        session = OpenSession(self._calls, opened)
        self._claims.holds(name, session)
        yield from self._adding(name, session, saves=self._chance.randrange(2))

    def _crowds(self, name: str, id: str, owner: str) -> Actor:
        """Make one more session of ann, closed: she is at her limit, or near it."""
        data = empty(self._claims.mark(name))
        yield from self._calls.create(id, "ann", data=data, opened=False)

    def _opens(self, name: str, id: str, owner: str) -> Generator[Any, Any, OpenSession]:
        wait = self._chance.choice((0, 3600))
        opening = self._calls.open(id, owner, wait=wait, mode="exclusive")
        opened = yield from opening.flow
        session = OpenSession(self._calls, opened, opening.how)
        self._claims.holds(name, session)
        return session

    def _adds(self, name: str, id: str, owner: str) -> Actor:
        session = yield from self._opens(name, id, owner)
        yield from self._adding(name, session, saves=0)

    def _saves(self, name: str, id: str, owner: str) -> Actor:
        session = yield from self._opens(name, id, owner)
        yield from self._adding(name, session, saves=self._chance.randint(1, 3))

    def _adding(self, name: str, session: OpenSession, saves: int) -> Actor:
        for _ in range(saves):
            yield from self._marking(name, session, session._saving)
        yield from self._marking(name, session, lambda: session._closing(None, None, None))
        self._claims.forget(name)

    def _marking(self, name: str, session: OpenSession, call: Callable[[], Actor]) -> Actor:
        """Put a mark into a session, and note what the call says became of it."""
        mark, born = self._claims.mark(name), session["born"]
        session["marks"] = [*session["marks"], mark]
        try:
            yield from call()
        except (LeaseLost, Conflict, SessionInUse):
            self._claims.refused[born].add(mark)
            raise
        self._claims.sure[born].add(mark)

    def _shares(self, name: str, id: str, owner: str) -> Actor:
        opening = self._calls.open(id, owner, wait=None, mode="shared")
        session = OpenSession(self._calls, (yield from opening.flow), opening.how)
        yield from self._marking(name, session, session._saving)

    def _moves(self, name: str, id: str, owner: str) -> Actor:
        session = yield from self._opens(name, id, owner)
        to_id, to_owner = self._chance.choice(self._scene.ids), self._chance.choice(OWNERS)
        try:
            yield from self._marking(name, session, lambda: session._closing(to_id, to_owner, None))
        except (SessionExists, QuotaExceeded):
            # It stays open, and its mark is still to be saved.
            born, mark = session["born"], session["marks"][-1]
            yield from session._closing(None, None, None)
            self._claims.sure[born].add(mark)
        self._claims.forget(name)

    def _lists(self, name: str, id: str, owner: str) -> Actor:
        """Append to a list beside a session, and perhaps put all of it in place anew."""
        session = yield from self._opens(name, id, owner)
        there, born = _ListFlows(session._beside(), LISTED), session["born"]
        for _ in range(self._chance.randint(1, 3)):
            mark = self._claims.mark(name)
            try:
                yield from there._appending((mark,), None)
            except LeaseLost:
                self._claims.refused[born].add(mark)
                raise
            self._claims.sure[born].add(mark)
        if self._chance.random() < 0.3:
            there_now = yield from there._loading(0, 10_000)
            yield from there._exchanging(there_now, there._sorted(there_now, None, True))
        yield from session._closing(None, None, None)
        self._claims.forget(name)

    def _alters(self, name: str, id: str, owner: str) -> Actor:
        """Put a mark into an attribute without opening the session."""
        mark, borns = self._claims.mark(name), []

        def change(raw: bytes | None) -> bytes:
            assert raw is not None
            atoms = decode(raw, "atoms")
            borns.append(atoms[0])
            return encode([*atoms, mark], "atoms")

        home, scope = self._calls.find(id, owner)
        how = self._chance.choice(("fail", "wait", "apply"))
        try:
            altering = alter(
                self._calls.keys,
                home,
                self._calls.label,
                scope,
                "atoms",
                change=change,
                when_open=how,
                wait_ms=3_600_000,
            )
            yield from self._holding(name, altering)
        except (LeaseLost, Conflict, SessionInUse):
            for born in borns:
                self._claims.refused[born].add(mark)
            raise
        self._claims.sure[borns[-1]].add(mark)

    def _holding(self, name: str, flow: Actor) -> Actor:
        """Play a flow that opens a session by itself, and note that it holds it."""
        step = next(flow)
        with suppress(StopIteration):
            while True:
                try:
                    answer = yield step
                except BaseException as error:  # noqa: BLE001 - the flow raises it again
                    step = flow.throw(error)
                    continue
                opens = isinstance(step, Operation) and step.script.name == "open"
                if opens and answer[0] == b"OPEN":
                    sid = step.keys[0].partition("}s:")[2]
                    if self._claims.holders.get(sid, name) != name:
                        raise Broken(f"{name} gets {sid} while another holds it")
                    self._claims.holders[sid] = name
                step = flow.send(answer)

    def _configures(self, name: str, id: str, owner: str) -> Actor:
        change = self._chance.choice(CHANGES)
        self._claims.note(name, "configures", change)
        yield from self._in_force.noting(self._calls.configure(change))

    def _asks(self, name: str, id: str, owner: str) -> Actor:
        yield from self._in_force.noting(self._calls.parameters())

    def _sweeps(self, name: str, id: str, owner: str) -> Actor:
        yield from self._calls.sweep(None)

    def _deletes(self, name: str, id: str, owner: str) -> Actor:
        yield from self._calls.delete(id, owner, wait=self._chance.choice((0, 0, 3600)))

    def _reads(self, name: str, id: str, owner: str) -> Actor:
        yield from self._calls.read(id, owner)
        yield from self._calls.touch(id, owner)


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
