"""Jobs of a real store, driven at random beside a plain Python model of them.

The steps are those of callers, workers and users that sign in and out; see also
`tests/jobs/test_simulation.py`, where calls break off halfway. PROOF_SHRINK=1 in the environment
lets hypothesis make a failing case small first.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
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

from sessionstore import JobRefused, SessionEnded, SessionNotFound, SessionStore, SessionStoreError
from sessionstore.jobs import Engine, Jobs
from tests.jobs.support import Hand, Running
from tests.proof import model_jobs as model
from tests.proof.model_session import TIMEOUT, Refusal
from tests.proof.test_model import EXAMPLES, SHRINK, STEPS
from tests.support.worlds import BUCKETS, World

if TYPE_CHECKING:
    from tests.support.worlds import Places

engine = Engine("Proof", queue="proof")
POLICIES = {"Plain": "cc", "Finish": "ff", "Orphan": "oo", "Mixed": "co"}
WORDS = {"c": "cancel", "f": "finish", "o": "orphan"}


def _nothing(job: Any) -> None: ...


for name, policy in POLICIES.items():
    engine.job(
        name,
        on_logout=WORDS[policy[0]],  # type: ignore[arg-type]
        on_timeout=WORDS[policy[1]],  # type: ignore[arg-type]
        may_lose=model.MAY_LOSE,
        grace=3600,
    )(_nothing)

NAMES = st.sampled_from("abc")
OWNERS = st.sampled_from(("ann", "bob", "eve"))
PICK = st.integers(0, 99)


@dataclass(eq=False)
class Known:
    """A session that somebody has made, and what it is called now."""

    name: str
    owner: str
    group: model.Group


class Machine(RuleBasedStateMachine):
    """Callers, workers and users of one store, and the model of its jobs."""

    places: Places
    number = 0

    def __init__(self) -> None:
        super().__init__()
        self.world = World("embedded", "sync", self.places.get("embedded"))
        self.store = SessionStore.connect(
            self.world.place.url, prefix=self.world.prefix, buckets=BUCKETS
        )
        self.store.configure(
            timeout=TIMEOUT, max_jobs=model.MOST, max_jobs_per_owner=model.MOST_PER_OWNER
        )
        self.jobs = Jobs(self.store)
        self.driver = self.world.driver()
        self.hand = Hand(self.driver, self.world.keys)
        self.model = model.Jobs()
        self.sessions: list[Known] = []
        self.running: dict[str, Running] = {}
        self.stale: list[Running] = []
        self.leased: set[str] = set()
        """Jobs that have ended while a worker may go on: to be done again they wait for it."""

    def teardown(self) -> None:
        try:
            self.check_what_was_told()
            self.check_that_nothing_is_left()
        finally:
            self.driver.close()
            self.store.close()
            self.world.clear()
            self.world.raw.close()

    # What is there.

    @property
    def alive(self) -> list[Known]:
        return [one for one in self.sessions if not one.group.ended]

    def session(self, pick: int) -> Known:
        return self.sessions[pick % len(self.sessions)]

    def task(self, pick: int, *states: str) -> model.Task | None:
        found = [one for one in self.model.all.values() if not states or one.state in states]
        return found[pick % len(found)] if found else None

    def same(self, call: Callable[[], Any], should: Callable[[], Any]) -> Any:
        """Do a thing in both; they answer, or refuse for the same reason. None: refused."""
        refusal: Refusal | None = None
        try:
            should()
        except Refusal as refused:
            refusal = refused
        if refusal is None:
            return call()
        with pytest.raises(SessionStoreError) as refused_there:
            call()
        error = refused_there.value
        if isinstance(error, SessionNotFound):  # the tombstone of another session of that name
            assert refusal.error is SessionEnded
        else:
            assert type(error) is refusal.error, error
        if isinstance(error, JobRefused):
            assert error.limit == refusal.about
        return None

    # Sessions.

    @initialize(owner=OWNERS)
    def there_is_one(self, owner: str) -> None:
        self.create("a", owner)

    @rule(name=NAMES, owner=OWNERS)
    def create(self, name: str, owner: str) -> None:
        if not any((one.name, one.owner) == (name, owner) for one in self.alive):
            self.store.create(name, owner=owner, open=False)
            self.sessions.append(Known(name, owner, model.Group(owner, self.bucket(name, owner))))

    def bucket(self, name: str, owner: str) -> str:
        return self.world.keys.home(f"{owner}:{name}").bucket.name

    @rule(pick=PICK, how=st.sampled_from(("delete", "timeout", "end all")))
    def end(self, pick: int, how: str) -> None:
        if not self.alive:
            return
        one = self.alive[pick % len(self.alive)]
        gone = [one]
        if how == "delete":
            assert self.store.delete(one.name, one.owner)
        elif how == "timeout":
            self.world.age(f"{one.owner}:{one.name}", TIMEOUT + 10)
            self.store.sweep()
            self.hand.sweep()
        else:
            gone = [each for each in self.alive if each.owner == one.owner]
            assert self.store.end_all(one.owner, reason="locked") == len(gone)
        why = {"delete": "deleted", "timeout": "timed out", "end all": "locked"}[how]
        for each in gone:
            self.model.end(each.group, why)

    @rule(pick=PICK, owner=OWNERS)
    def sign_in(self, pick: int, owner: str) -> None:
        if not self.alive:
            return
        one = self.alive[pick % len(self.alive)]
        if any((each.name, each.owner) == (one.name, owner) for each in self.alive):
            return
        self.store.open(one.name, one.owner).close(owner=owner)
        one.owner = one.group.owner = owner
        if not any(task.of is one.group for task in self.model.all.values()):
            one.group.bucket = self.bucket(one.name, owner)

    # Callers.

    @rule(pick=PICK, name=st.sampled_from(list(POLICIES)), key=st.sampled_from((None, None, "k")))
    def submit(self, pick: int, name: str, key: str | None) -> None:
        one = self.session(pick)
        holder = self.model.holder(one.group, key) if not one.group.ended else None

        def submit() -> list[str]:
            return [self.jobs.submit(one.name, f"Proof.{name}", owner=one.owner, key=key).id]

        if holder is not None:
            assert submit() == [holder.id]
        elif (ids := self.there(one, submit, 1)) is not None:
            self.model.submitted(ids, one.group, POLICIES[name], key)

    @rule(pick=PICK, name=st.sampled_from(list(POLICIES)), many=st.integers(1, 4))
    def submit_many(self, pick: int, name: str, many: int) -> None:
        one = self.session(pick)

        def submit() -> list[str]:
            found = self.jobs.submit_many(one.name, f"Proof.{name}", [{}] * many, owner=one.owner)
            return [job.id for job in found]

        if (ids := self.there(one, submit, many)) is not None:
            self.model.submitted(ids, one.group, POLICIES[name], None)

    def there(self, one: Known, submit: Callable[[], list[str]], many: int) -> list[str] | None:
        """Submit for a session, if its name is not that of another by now."""
        if any(
            (each.name, each.owner) == (one.name, one.owner)
            for each in self.alive
            if each is not one
        ):
            return None
        found: list[str] | None = self.same(submit, lambda: self.model.submit(one.group, many))
        return found

    @rule(pick=PICK)
    def cancel(self, pick: int) -> None:
        if (one := self.task(pick)) is not None:
            self.jobs.find(one.id).cancel("no more")
            self.model.cancel(one)

    @rule(pick=PICK)
    def retry(self, pick: int) -> None:
        if (one := self.task(pick, "failed", "lost", "cancelled", "done", "running")) is None:
            return
        if not one.live and one.id in self.running.keys() | self.leased:
            return
        self.same(lambda: self.jobs.retry(one.id), lambda: self.model.retry(one))

    @rule(pick=PICK, whom=PICK)
    def adopt(self, pick: int, whom: int) -> None:
        orphans = [one for one in self.model.all.values() if one.orphan]
        session = self.session(whom)
        if not orphans or session.group.ended:
            return
        one = orphans[pick % len(orphans)]
        with suppress(JobRefused):  # the jobs of that session are in another bucket
            self.jobs.adopt(one.id, session.name, session.owner)
            self.model.adopt(one, session.group)

    # Workers.

    @rule(most=st.integers(1, 4))
    def take(self, most: int) -> None:
        for running in self.hand.take(most, name="proof"):
            self.model.start(self.model.all[running.id])
            self.running[running.id] = running

    def started(self, pick: int) -> tuple[model.Task, Running] | None:
        found = [(self.model.all[id], running) for id, running in self.running.items()]
        return found[pick % len(found)] if found else None

    @rule(pick=PICK)
    def progress(self, pick: int) -> None:
        if found := self.started(pick):
            task, running = found
            if task.state == "running":
                assert running.report(("progress", {"fraction": 0.5, "text": ""})) == ""
                task.tell("progress")
            else:
                assert running.report(("progress", {"fraction": 0.5, "text": ""})) != ""

    @rule(pick=PICK, outcome=st.sampled_from(("done", "failed", "cancelled", "again", "back")))
    def finish(self, pick: int, outcome: str) -> None:
        if found := self.started(pick):
            task, running = found
            del self.running[task.id]
            told = running.finish(outcome)
            if task.state == "running":
                assert told == ""
                self.model.finish(task, outcome)
            else:
                assert told != ""
                self.leased.add(task.id)

    @rule(pick=PICK)
    def lose_its_worker(self, pick: int) -> None:
        if (found := self.started(pick)) and found[0].state == "running":
            task, running = found
            del self.running[task.id]
            running.lapse(self.world)
            self.hand.sweep()
            self.stale.append(running)
            self.model.lose(task)

    @precondition(lambda self: self.stale)
    @rule(pick=PICK, finishes=st.booleans())
    def come_back_too_late(self, pick: int, finishes: bool) -> None:
        running = self.stale[pick % len(self.stale)]
        if finishes:
            assert running.finish(value=1, sure=False) != ""
        else:
            assert running.report(("log", "late")) != ""

    @rule()
    def sweep(self) -> None:
        self.hand.sweep()

    # What must be the same.

    @invariant()
    def each_job_is_as_it_should_be(self) -> None:
        for task in self.model.all.values():
            info = self.jobs.find(task.id).info()
            seen = {"state": info.state, "lost": info.lost, "stopping": info.stopping}
            assert seen == self.model.facts(task), task

    @invariant()
    def each_session_has_its_jobs(self) -> None:
        for one in self.alive:
            found = {info.id: info.state for info in self.jobs.list(one.name, owner=one.owner)}
            should = [task for task in self.model.all.values() if task.of is one.group]
            assert found == {task.id: task.state for task in should if not task.silent}

    def check_what_was_told(self) -> None:
        for task in self.model.all.values():
            told = [event.type for event in self.jobs.find(task.id).events()]
            assert told == [what for id, what in task.of.told if id == task.id], task

    def check_that_nothing_is_left(self) -> None:
        """All that waits is there to be taken, once, whoever was first in line."""
        waiting = {id for id, task in self.model.all.items() if task.state == "queued"}
        self.hand.sweep()
        taken = [running.id for running in self.hand.take(100, name="proof")]
        assert sorted(taken) == sorted(waiting)


@pytest.mark.slow
def test_jobs_are_as_the_model_says(places: Places) -> None:
    machine = type("JobsOfAStore", (Machine,), {"places": places})
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
