"""A real store, driven at random beside a plain Python model: after every step both are the same.

The steps are those of many clients: they hold sessions, lose them, wait in line and go away. A
failing case is printed with the blob that plays it again; PROOF_SHRINK=1 in the environment lets
hypothesis make it small first, for minutes.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import initialize, precondition, rule, run_state_machine_as_test

from tests.proof.holding import Holding
from tests.proof.machine import Handle, Waiter
from tests.proof.model_session import TIMEOUT, Modelled
from tests.proof.strategies import (
    ATTRIBUTES,
    LIFE,
    LONGEST,
    MAYBE,
    NAMES,
    OPENED,
    PICK,
    RARE,
    SECONDS,
    STOPS,
    TIMEOUTS,
    WHOSE,
)

if TYPE_CHECKING:
    from sessionstore import Session
    from tests.support.worlds import Places

EXAMPLES = int(os.environ.get("PROOF_EXAMPLES", "25"))
STEPS = 45

SHRINK = (Phase.shrink,) if os.environ.get("PROOF_SHRINK") else ()

POOLS = {"max_private": "private", "max_public": "public"}


class Clients(Holding):
    """Clients of one store, and the model of it."""

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
            session = self.store.create(
                id, owner, timeout=timeout, lifetime=life, data=data, open=opened
            )
            made.sid, made.id = session.sid, session.id
            return session

        heard, swept = self.listening(real)
        fine, session, _ = self.both(
            heard, lambda: self.model.create(made, ticket, self.has_ended, swept)
        )
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
    @rule(pick=PICK, how=STOPS)
    def stop_waiting(self, pick: int, how: str) -> None:
        """A waiter leaves, or dies; or it hangs, and asks again when it goes on."""
        waiter = self.waiters[pick % len(self.waiters)]
        if how != "hangs":
            self.waiters.remove(waiter)
        if how == "leaves":
            self.both(waiter.leave, lambda: self.model.leave(waiter.sid, waiter))
        else:
            self.world.believe(waiter.sid, [waiter.ticket], self.world.now())
            self.model.hush(waiter.sid, waiter)

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

    def limit_pool(self, pool: str, most: int | None) -> None:
        self.store.configure(**{f"max_{pool}": most})
        self.model.most[pool] = most

    def sweep(self) -> None:
        _, ended, says = self.both(self.store.sweep, self.model.sweep)
        assert ended == says
        self.both(lambda: None, self.some_were_passed_on)

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
        elif what == "limit" and "max_per_owner" in self.limits:
            self.limit(pick % 4)
        elif what == "limit of all" and (pools := self.limits.keys() & POOLS.keys()):
            self.limit_pool(
                POOLS[sorted(pools)[pick % len(pools)]], (None, 0, 1, 2, 3, 4)[pick % 6]
            )
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
        self.time_goes_by(one, seconds)

    @precondition(lambda self: any(one.held for one in self.model.alive()))
    @rule(pick=PICK)
    def lapse(self, pick: int) -> None:
        one = self.any_held(pick)
        seconds = one.lease
        self.time_goes_by(one, seconds)


LIMITS: dict[str, dict[str, Any]] = {
    "no limit": {},
    "at its limit an owner is refused": {"max_per_owner": 2},
    "at its limit an owner loses the least active": {"max_per_owner": 2, "at_limit": "evict"},
    "one for each owner": {"max_per_owner": 1},
    "a full store refuses": {"max_private": 3, "max_public": 1},
    "a full store loses the least active": {"max_private": 2, "max_public": 1, "at_limit": "evict"},
    "limits of all and of an owner": {"max_private": 3, "max_per_owner": 1, "at_limit": "evict"},
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
