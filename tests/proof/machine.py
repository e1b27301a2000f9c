"""A real store beside a plain model of it: how to do the same in both, and what must be the same.

What clients do by chance is in test_model.py, in rules.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hypothesis.stateful import RuleBasedStateMachine, invariant

from sessionstore import (
    Conflict,
    LeaseLost,
    QuotaExceeded,
    Session,
    SessionEnded,
    SessionStore,
    SessionStoreError,
)
from sessionstore._core.inspection import inspect_pages
from sessionstore._core.operation import Wake
from sessionstore._core.records import Facts
from tests.proof.model import Model
from tests.proof.model_session import LEASE, TIMEOUT, Modelled, Refusal
from tests.support.worlds import BUCKETS, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.support.worlds import Places

__all__ = ["LINGER", "OWNERS", "Handle", "Machine", "Sharer", "Waiter"]

OWNERS = ("ann", "bob", "*", "")
LINGER = 300
CONFIRM = 2000


@dataclass(eq=False)
class Handle:
    """A session that somebody has open, or had."""

    session: Session
    of: Modelled
    ticket: object
    view: dict[str, Any] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Whether it is still the holder, by the model."""
        return self.of.holder is self.ticket and self.of.held and self.of.ended is None


@dataclass(eq=False)
class Sharer:
    """A session that somebody has read, to change it without holding it."""

    session: Session
    of: Modelled
    seen: dict[str, Any]
    view: dict[str, Any]

    def changes(self) -> dict[str, Any]:
        """Return what is to be saved, by name; None is a removed one."""
        names = self.seen.keys() | self.view.keys()
        return {
            name: self.view.get(name)
            for name in names
            if self.view.get(name) != self.seen.get(name)
        }


def about(error: BaseException | None) -> object:
    """Return what an error says: why a session ended, which limit it was, which attributes."""
    if isinstance(error, SessionEnded):
        return error.reason
    if isinstance(error, QuotaExceeded):
        return error.limit
    return set(error.fields) if isinstance(error, Conflict) else None


class Gone(BaseException):
    """A waiter is cancelled."""


class Waiter:
    """An open in line: its flow, taken as far as it goes without waiting."""

    def __init__(self, store: SessionStore, sid: str, id: str, owner: str) -> None:
        self.sid = sid
        self._store = store
        opening = store._calls.open(id, owner, wait=3600, mode="exclusive")
        self._flow, self._how = opening.flow, opening.how
        self._step: Any = None

    def look(self) -> Session | None:
        """Ask for the session; None: still in line."""
        self._step = self._flow.send(None)
        return self._ask()

    @property
    def ticket(self) -> str:
        """The name of its opening, which is that of the list it waits for."""
        assert isinstance(self._step, Wake)
        return self._step.key.rpartition("}g:")[2]

    def leave(self) -> None:
        """Be cancelled."""
        with suppress(Gone):
            self._step = self._flow.throw(Gone())
            self._ask()

    def _ask(self) -> Session | None:
        driver = self._store._driver
        try:
            while not isinstance(self._step, Wake):
                self._step = self._flow.send(driver._answer(self._step))
        except StopIteration as stop:
            return Session(self._store._context, stop.value, self._how)
        return None


class Machine(RuleBasedStateMachine):
    """A store and the model of it, and how to do the same in both."""

    world: World
    limits: dict[str, Any]

    def __init__(self) -> None:
        super().__init__()
        self.world = World("embedded", "sync", self.places.get("embedded"))
        assert self.world.place is not None
        self.store = SessionStore.connect(
            self.world.place.url, prefix=self.world.prefix, buckets=BUCKETS
        )
        self.store.configure(lease=LEASE, timeout=TIMEOUT, linger=LINGER, **self.limits)
        self.model = Model()
        self.model.most_per_owner = self.limits.get("max_per_owner")
        self.model.most = {pool: self.limits.get(f"max_{pool}") for pool in self.model.most}
        self.model.evicts = self.limits.get("at_limit") == "evict"
        self.handles: list[Handle] = []
        self.sharers: list[Sharer] = []
        self.waiters: list[Waiter] = []
        self.came: list[Waiter] = []

    places: Places

    def teardown(self) -> None:
        try:
            found = self.store._driver.run(inspect_pages(self.world.keys))
            assert not found.faults, found.faults
            for one in self.model.alive():  # who missed a turn is in line again when that is seen
                self.both(
                    lambda one=one: self.store.touch(one.id, one.owner),  # type: ignore[misc]
                    lambda one=one: self.model.touch(one.sid),  # type: ignore[misc]
                )
            for one in self.model.sessions.values():
                assert self.world.waiting(one.sid) == len(one.line)
            staying = self.world.staying()
            assert not staying, staying
        finally:
            for waiter in self.came:
                waiter.leave()
            self.store.close()
            self.world.clear()
            self.world.raw.close()

    # Both at once.

    def both(self, real: Callable[[], Any], plain: Callable[[], Any]) -> tuple[bool, Any, Any]:
        """Do the same in both, and see that both refuse it, or none; False if they do."""
        answer, error = None, None
        self.who_is_not_silent_gives_signs_of_life()
        try:
            answer = real()
        except SessionStoreError as raised:
            error = raised
        try:
            said = plain()
        except Refusal as refusal:
            if (type(error), about(error)) != (refusal.error, refusal.about):
                raise AssertionError(f"{error!r}, and not {refusal!r}") from error
            return False, error, None
        finally:
            for one in filter(lambda one: one.granted, self.model.granted):
                # It has 2 s to take it up; that is too short for a test on a busy machine.
                assert self.world.lease_end(one.sid) - self.world.now() <= CONFIRM
                self.world.lease_until(one.sid, self.world.now() + LEASE * 1000)
            self.model.granted.clear()
        if error is not None:
            raise AssertionError(f"the model allows it: {said}") from error
        return True, answer, said

    def who_is_not_silent_gives_signs_of_life(self) -> None:
        """It is believed for 2 s, which is too short for a test on a busy machine, too."""
        for one in self.model.sessions.values():
            if living := [waiter.ticket for waiter in one.line if waiter not in one.silent]:
                self.world.believe(one.sid, living, self.world.now() + CONFIRM)

    def listening(self, call: Callable[[], Any]) -> tuple[Callable[[], Any], Callable[[], bool]]:
        """Return a call of the store, and what has to be asked later: has it swept, for a seat?"""
        sent: list[Any] = []

        def real() -> Any:
            with self.world.wire(self.store) as heard:
                try:
                    return call()
                finally:
                    sent.extend(heard)

        def swept() -> bool:
            has_swept = any(operation.script.name == "sweep" for operation in sent)
            if has_swept:
                self.model.sweep()
                self.some_were_passed_on()
            return has_swept

        return real, swept

    def some_were_passed_on(self) -> None:
        """A sweep that comes by a session whose holder was lost may pass it on; it need not."""
        for one in self.model.sessions.values():
            if one.alive and one.line and not one.held:
                with suppress(SessionStoreError):
                    if self.store.read(one.id, one.owner).info.holder:
                        self.model._settle(one)

    def has_ended(self, sids: Iterable[str]) -> set[str]:
        return {sid for sid in sids if self.world.fields(sid).get("e") == b"evicted"}

    def sid(self, id: str, owner: str) -> str:
        return self.world.keys.named(id, owner).sid

    def any_session(self, pick: int) -> Modelled:
        known = list(self.model.sessions.values())
        return known[pick % len(known)]

    def any_held(self, pick: int) -> Modelled:
        held = [one for one in self.model.alive() if one.held]
        return held[pick % len(held)]

    def any_handle(self, pick: int) -> Handle:
        return self.handles[pick % len(self.handles)]

    def late(self, handle: Handle, call: Callable[[], Any]) -> bool:
        """Do something with a handle that lost its session: it is told so; False if it is good."""
        if handle.good:
            return False
        self.handles.remove(handle)
        try:
            call()
        except LeaseLost:
            return True
        except SessionEnded:
            assert not handle.of.alive
            return True
        raise AssertionError("a holder that lost the session is not told")

    # Time.

    def time_goes_by(self, one: Modelled, seconds: int) -> None:
        self.world.age(one.sid, seconds)
        one.goes_by(seconds)
        for sharer in self.sharers:
            if sharer.of is one:  # it was made earlier now, and whoever has read it knows that
                facts = sharer.session._facts
                made = b"%d" % (facts.created - seconds * 1000)
                sharer.session._facts = Facts({**facts.fields, b"c": made})

    def the_key_of_what_is_over_expires(self, pick: int) -> None:
        over = [one for one in self.model.sessions.values() if one.over is not None]
        if over := [one for one in over if not one.gone]:
            one = over[pick % len(over)]
            if one.ended is None:
                self.world.age(one.sid, LINGER)  # as long as that its key would have stayed
            self.world.raw.delete(self.world.home(one.sid).session)
            self.model.expires(one)

    # What must be the same.

    @invariant()
    def both_have_the_same(self) -> None:
        model, store = self.model, self.store
        listed = {info.sid: info for info in store.list()}
        alive = {one.sid: one for one in model.alive()}
        assert listed.keys() == alive.keys()
        for sid, one in alive.items():
            info = listed[sid]
            assert (info.id, info.owner) == (one.id, one.owner)
            assert info.timeout.total_seconds() == one.timeout
            assert (info.holder is not None) == one.held
        assert store.count() == len(alive)
        for owner in OWNERS:
            assert store.count(owner) == len(model.alive(owner))
        for one in model.sessions.values():
            fine, found, said = self.both(
                lambda one=one: store.read(one.id, one.owner),  # type: ignore[misc]
                lambda one=one: model.read(one.sid),  # type: ignore[misc]
            )
            assert not fine or dict(found) == said.data
