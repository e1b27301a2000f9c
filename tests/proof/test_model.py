"""A real store, driven at random beside a plain Python model: after every step both are the same.

The steps are those of many clients: they hold sessions, lose them, wait in line and go away. A
failing case is printed with the blob that plays it again; PROOF_SHRINK=1 in the environment lets
hypothesis make it small first, for minutes.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from sessionstore import LeaseLost, Session, SessionEnded, SessionStore, SessionStoreError
from sessionstore._core.inspection import inspect_pages
from sessionstore._core.operation import Wake
from tests.proof.model import LEASE, TIMEOUT, Model, Modelled, Refusal
from tests.support.worlds import BUCKETS, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.support.worlds import Places

EXAMPLES = int(os.environ.get("PROOF_EXAMPLES", "25"))
STEPS = 45
LINGER = 300
CONFIRM = 2000

SHRINK = (Phase.shrink,) if os.environ.get("PROOF_SHRINK") else ()

OWNERS = ("ann", "bob", "*", "")
IDS = ("a", "b")
NAMES = st.sampled_from(IDS)
MAYBE = st.sampled_from((None, *IDS))
OPENED = st.booleans()
WHOSE = st.sampled_from(OWNERS)
PICK = st.integers(0, 7)
RARE = st.sampled_from(
    ("delete", "touch", "sweep", "cap", "limit", "end_all", "expires", "absent", "delete", "touch")
)
LONGEST = st.sampled_from((None, None, 50, 100))
LIFE = st.sampled_from((None, None, 150))
TIMEOUTS = st.sampled_from((None, None, 0, 60, 100, 900))
ATTRIBUTES = st.dictionaries(st.sampled_from("pqr"), st.integers(0, 3), max_size=2)
SECONDS = st.sampled_from((10, 50, 100, 130))


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


class Gone(BaseException):
    """A waiter is cancelled."""


class Waiter:
    """An open in line: its flow, taken as far as it goes without waiting."""

    def __init__(self, store: SessionStore, sid: str, id: str, owner: str) -> None:
        self.sid = sid
        self._store = store
        opening = store._requests.open(id, owner, 3600, "exclusive", None, None)
        self._flow, self._how = opening.flow, opening.how
        self._step: Any = None

    def look(self) -> Session | None:
        """Ask for the session; None: still in line."""
        self._step = self._flow.send(None)
        return self._ask()

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
            return Session(driver.run, self._store._requests, stop.value, *self._how)
        return None


class Clients(RuleBasedStateMachine):
    """Clients of one store, and the model of it."""

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
        self.model.evicts = self.limits.get("at_limit") == "evict"
        self.handles: list[Handle] = []
        self.waiters: list[Waiter] = []
        self.came: list[Waiter] = []

    places: Places

    def teardown(self) -> None:
        try:
            found = self.store._driver.run(inspect_pages(self.world.keys))
            assert not found.faults, found.faults
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
        try:
            answer = real()
        except SessionStoreError as raised:
            error = raised
        try:
            said = plain()
        except Refusal as refusal:
            refused = refusal.error, refusal.reason
            if (type(error), getattr(error, "reason", None)) != refused:
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

    # Making.

    @initialize(owner=WHOSE)
    def there_is_one(self, owner: str) -> None:
        self.create("a", owner, None, None, {"p": 1}, True)

    @rule(id=MAYBE, owner=WHOSE, timeout=TIMEOUTS, life=LIFE, data=ATTRIBUTES, opened=OPENED)
    def create(
        self, id: str | None, owner: str, timeout: int | None, life: int | None,
        data: dict[str, int], opened: bool,
    ) -> None:  # fmt: skip
        ticket = object() if opened else None
        made = Modelled("", "", owner, TIMEOUT if timeout is None else timeout, life, dict(data))
        if id is not None:
            made.sid, made.id = self.sid(id, owner), id

        def real() -> Session:
            session = self.store.create(id, owner, timeout, life, data, opened)
            made.sid, made.id = session.sid, session.id
            return session

        fine, session, _ = self.both(real, lambda: self.model.create(made, ticket, self.has_ended))
        if fine and opened:
            self.handles.append(Handle(session, made, ticket, dict(data)))

    # Opening and waiting.

    @precondition(lambda self: self.model.sessions)
    @rule(pick=PICK)
    def open(self, pick: int) -> None:
        of, ticket = self.any_session(pick), object()
        fine, session, one = self.both(
            lambda: self.store.open(of.id, of.owner, wait=0),
            lambda: self.model.open(of.sid, ticket, waits=False),
        )
        if fine:
            self.opened(session, one, ticket)

    def opened(self, session: Session, one: Modelled, ticket: object) -> None:
        assert dict(session) == one.data
        assert session.timeout.total_seconds() == one.timeout
        for other in self.handles:
            assert other.session.fence < session.fence or other.session.sid != session.sid
        self.handles.append(Handle(session, one, ticket, dict(session)))

    def what_was_never_made_is_not_there(self, id: str, owner: str) -> None:
        if self.sid(id, owner) not in self.model.sessions:
            self.both(lambda: self.store.open(id, owner), lambda: self.model.read("none"))

    @precondition(lambda self: any(one.held for one in self.model.alive()))
    @rule(pick=PICK)
    def wait_in_line(self, pick: int) -> None:
        of = self.any_held(pick)
        waiter = Waiter(self.store, of.sid, of.id, of.owner)
        self.came.append(waiter)
        self.look(waiter)

    @precondition(lambda self: self.waiters)
    @rule(pick=PICK)
    def look_again(self, pick: int) -> None:
        self.look(self.waiters.pop(pick % len(self.waiters)))

    def look(self, waiter: Waiter) -> None:
        fine, session, one = self.both(
            waiter.look, lambda: self.model.open(waiter.sid, waiter, waits=True)
        )
        if not fine:
            return
        if one is None:
            assert session is None
            self.waiters.append(waiter)
        else:
            assert session is not None
            self.opened(session, one, waiter)

    @precondition(lambda self: self.waiters)
    @rule(pick=PICK)
    def leave_the_line(self, pick: int) -> None:
        waiter = self.waiters.pop(pick % len(self.waiters))
        self.both(waiter.leave, lambda: self.model.leave(waiter.sid, waiter))

    # Holding.

    @precondition(lambda self: self.handles)
    @rule(pick=PICK, name=st.sampled_from("pqr"), value=st.integers(0, 3))
    def assign(self, pick: int, name: str, value: int) -> None:
        handle = self.any_handle(pick)
        handle.session[name] = handle.view[name] = value

    @precondition(lambda self: self.handles)
    @rule(pick=PICK, name=st.sampled_from("pqr"))
    def remove(self, pick: int, name: str) -> None:
        handle = self.any_handle(pick)
        assert (name in handle.session) == (name in handle.view)
        handle.session.pop(name, None)
        handle.view.pop(name, None)

    @precondition(lambda self: self.handles)
    @rule(pick=PICK)
    def save(self, pick: int) -> None:
        handle = self.any_handle(pick)
        if not self.late(handle, handle.session.save):
            self.both(handle.session.save, lambda: self.model.save(handle.of, dict(handle.view)))

    @precondition(lambda self: self.handles)
    @rule(pick=PICK)
    def renew(self, pick: int) -> None:
        handle = self.any_handle(pick)
        if handle.of.over is None and not self.late(handle, handle.session.renew):
            self.both(handle.session.renew, lambda: self.model.renew(handle.of))

    @precondition(lambda self: self.handles)
    @rule(pick=PICK, timeout=TIMEOUTS)
    def close(self, pick: int, timeout: int | None) -> None:
        handle = self.any_handle(pick)

        def real() -> None:
            handle.session.close(timeout=timeout)

        if not self.late(handle, real):
            self.both(real, lambda: self.model.close(handle.of, dict(handle.view), timeout))
            self.handles.remove(handle)

    @precondition(lambda self: self.handles)
    @rule(pick=PICK, timeout=TIMEOUTS, value=st.integers(0, 3))
    def change_and_close(self, pick: int, timeout: int | None, value: int) -> None:
        self.assign(pick, "p", value)
        self.close(pick, timeout)

    @precondition(lambda self: self.handles)
    @rule(pick=PICK, value=st.integers(0, 3))
    def change_and_save(self, pick: int, value: int) -> None:
        self.assign(pick, "q", value)
        self.save(pick)

    @precondition(lambda self: self.handles)
    @rule(pick=PICK)
    def discard(self, pick: int) -> None:
        handle = self.any_handle(pick)
        if not self.late(handle, handle.session.discard):
            self.both(
                handle.session.discard, lambda: self.model.close(handle.of, handle.of.data, None)
            )
            self.handles.remove(handle)

    @precondition(lambda self: self.handles)
    @rule(pick=PICK)
    def delete_what_is_open_here(self, pick: int) -> None:
        handle = self.any_handle(pick)
        if not self.late(handle, handle.session.delete):
            self.both(handle.session.delete, lambda: self.model.delete_own(handle.of))
            self.handles.remove(handle)

    @precondition(lambda self: self.handles)
    @rule(pick=PICK, id=st.sampled_from((None, *IDS)), owner=WHOSE, timeout=TIMEOUTS)
    def move(self, pick: int, id: str | None, owner: str, timeout: int | None) -> None:
        handle = self.any_handle(pick)
        of = handle.of
        if (id in (None, of.id) and owner == of.owner) or self.late(
            handle, lambda: handle.session.close(id=id, owner=owner, timeout=timeout)
        ):
            return
        to = Modelled("", "", owner, 0, None, dict(handle.view))
        if id is not None or ":" in of.sid:
            to.id = of.id if id is None else id
            to.sid = self.sid(to.id, owner)

        def real() -> None:
            handle.session.close(id=id, owner=owner, timeout=timeout)
            to.sid, to.id = handle.session.sid, handle.session.id

        fine, error, _ = self.both(real, lambda: self.model.move(of, to, timeout, self.has_ended))
        if fine or isinstance(error, SessionEnded):
            self.handles.remove(handle)
        else:
            assert handle.session.is_open

    # From outside.

    def delete(self, pick: int) -> None:
        of = self.any_session(pick)
        fine, ended, says = self.both(
            lambda: self.store.delete(of.id, of.owner), lambda: self.model.delete(of.sid)
        )
        assert not fine or ended == says

    def touch(self, pick: int) -> None:
        of = self.any_session(pick)
        self.both(lambda: self.store.touch(of.id, of.owner), lambda: self.model.touch(of.sid))

    def end_all(self, owner: str) -> None:
        _, ended, says = self.both(
            lambda: self.store.end_all(owner), lambda: self.model.end_all(owner)
        )
        assert ended == says

    def cap(self, longest: int | None) -> None:
        self.both(
            lambda: self.store.configure(max_timeout=longest), lambda: self.model.cap(longest)
        )

    def limit(self, most: int) -> None:
        self.store.configure(max_per_owner=most)
        self.model.most_per_owner = most

    def sweep(self) -> None:
        _, ended, says = self.both(self.store.sweep, self.model.sweep)
        assert ended == says
        for one in self.model.sessions.values():
            # A sweep that comes by a session whose holder was lost may pass it on; it need not.
            if (
                one.alive
                and one.line
                and not one.held
                and self.store.read(one.id, one.owner).info.holder
            ):
                self.both(lambda: None, lambda one=one: self.model._settle(one))  # type: ignore[misc]

    @rule(what=RARE, pick=PICK, id=NAMES, owner=WHOSE, longest=LONGEST)
    def something_rare(
        self, what: str, pick: int, id: str, owner: str, longest: int | None
    ) -> None:
        """One rule for many, so that those that hold and wait come more often."""
        if what in ("touch", "delete") and self.model.sessions:
            getattr(self, what)(pick)
        elif what == "sweep":
            self.sweep()
        elif what == "cap":
            self.cap(longest)
        elif what == "limit" and self.limits:
            self.limit(pick % 4)
        elif what == "end_all" and owner:
            self.end_all(owner)
        elif what == "expires":
            self.the_key_of_what_is_over_expires(pick)
        elif what == "absent":
            self.what_was_never_made_is_not_there(id, owner)

    # Time.

    @precondition(lambda self: self.model.alive())
    @rule(pick=PICK, seconds=SECONDS)
    def age(self, pick: int, seconds: int) -> None:
        alive = self.model.alive()
        one = alive[pick % len(alive)]
        self.world.age(one.sid, seconds)
        one.goes_by(seconds)

    @precondition(lambda self: any(one.held for one in self.model.alive()))
    @rule(pick=PICK)
    def lapse(self, pick: int) -> None:
        one = self.any_held(pick)
        seconds = one.lease
        self.world.age(one.sid, seconds)
        one.goes_by(seconds)

    def the_key_of_what_is_over_expires(self, pick: int) -> None:
        over = [one for one in self.model.sessions.values() if one.over is not None]
        if over := [one for one in over if not one.gone]:
            one = over[pick % len(over)]
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


LIMITS: dict[str, dict[str, Any]] = {
    "no limit": {},
    "at its limit an owner is refused": {"max_per_owner": 2},
    "at its limit an owner loses the least active": {"max_per_owner": 2, "at_limit": "evict"},
    "one for each owner": {"max_per_owner": 1},
}


@pytest.mark.parametrize("limits", LIMITS)
def test_whatever_clients_do_the_store_is_what_a_plain_model_of_it_is(
    places: Places, limits: str
) -> None:
    machine = type("Clients", (Clients,), {"places": places, "limits": LIMITS[limits]})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            print_blob=True,
            phases=(Phase.generate, *SHRINK),
            suppress_health_check=list(HealthCheck),
        ),
    )
