"""Jobs under a seeded interleaving: many clients, workers and sweepers, one step at a time.

Between any two steps a fault may come: an operation is carried out twice, with steps of others in
between; its answer is an error, whether it was carried out or not; an actor is gone for good; the
lease of a job or of a session ends; a queue is lost, or is as it was before. What everybody was
told is compared with what is stored:

- a job is with one worker at a time: as long as its lease lasts nobody else starts it, and once
  somebody else has, nothing that the former worker says counts;
- whatever was told with an acknowledgement stands in the events of its session once, in order;
- the events of a session have no gap; each job has one end there, with nothing behind it;
- that a session has ended is told once, and last;
- in the end every job that was acknowledged is over, the queues are empty, and every key expires.

A failed run says its seed; `SIMULATION_SEED=N` plays it again.
"""

from __future__ import annotations

import random
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sessionstore import SessionStore, SessionStoreError, StoreUnavailable
from sessionstore._core import scripts, sweeping
from sessionstore._core.jobs import flows, groups, jobs, submitting
from sessionstore._core.jobs.flows import Finished
from sessionstore._core.jobs.jobs import Given, Outcome, Report
from sessionstore._core.jobs.keys import find_group, find_job, queue
from sessionstore._core.jobs.records import Job, Later, Started, Submitted
from sessionstore._core.jobs.submitting import Order
from sessionstore._core.operation import Operation, Wake, batch
from sessionstore._core.records import Moving, NotArrived
from sessionstore._shell.opened import OpenSession
from tests.faults.simulation import Running
from tests.faults.simulation_actors import REFUSED, Broken, bury
from tests.faults.simulation_end import at_once, lapses

if TYPE_CHECKING:
    from collections.abc import Generator

    Actor = Generator[Any, Any, None]

__all__ = ["JobSimulation"]

IDS = ("a", "b")
OWNERS = ("ann", "bob", "")
LEASE = 3_600_000
STEPS = 4000
ENDS = {"done": "result", "failed": "failed", "cancelled": "cancelled", "lost": "lost"}
NEVER_MORE = (*REFUSED, SessionStoreError, NotArrived, Moving)

LAPSED = scripts._script(
    "lapsed",
    """#!lua
if redis.call('HGET', KEYS[1], 's') ~= 'running' then return 0 end
redis.call('HSET', KEYS[1], 'l', 1)
redis.call('ZADD', KEYS[2], 1, ARGV[1])
return 1""",
)
"""The lease of a job is over."""

DUE = scripts._script(
    "due_jobs",
    """#!lua
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do redis.call('ZADD', KEYS[1], 1, id) end
return 1""",
)
"""All jobs of a bucket are due to be looked at."""

OVERDUE = scripts._script(
    "overdue_jobs",
    """#!lua
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local job = string.sub(KEYS[1], 1, -3) .. 'j:' .. id
  if redis.call('HGET', job, 's') == 'running' then redis.call('HSET', job, 'l', 1) end
  if redis.call('EXISTS', job) == 1 then redis.call('HSET', job, 'd', 1) end
  redis.call('ZADD', KEYS[1], 1, id)
end
return 1""",
)
"""All leases of a bucket are over, and all of its jobs are due."""

FORGOTTEN = scripts._script(
    "forgotten",
    """#!lua
for _, key in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('UNLINK', key) end
return 1""",
)
"""A queue is lost."""

LATE = scripts._script(
    "late",
    """#!lua
for _, index in ipairs({'c', 'd'}) do
  index = string.sub(KEYS[1], 1, -2) .. index
  for _, job in ipairs(redis.call('ZRANGE', index, 0, -1)) do redis.call('ZADD', index, 1, job) end
end
return 1""",
)
"""What was taken from a queue is looked at by others, too."""


@dataclass
class Told:
    """What the actors know of one job."""

    group: str = ""
    owner: str = ""
    token: str = ""
    """Of the last start that anybody was told."""
    leased: bool = False
    reports: list[bytes] = field(default_factory=list)
    """Bodies that were acknowledged."""
    outcomes: list[bytes] = field(default_factory=list)
    retried: bool = False


class JobSimulation:
    """One run with one seed, in an empty store."""

    def __init__(self, store: SessionStore, seed: int) -> None:
        self.seed = seed
        self.chance = random.Random(seed)
        self.history: list[str] = []
        self._store = store
        self._calls = store._calls
        self._keys = store._calls.keys
        self._answer = store._driver._answer
        self._queues = [queue(self._keys, name) for name in ("fast", "slow")]
        self._told: dict[str, Told] = {}
        self._running: list[Running] = []
        self._marks = 0
        self._known: dict[str, Submitted] = {}

    def run(self) -> None:
        """Play it; Broken says what was not true."""
        try:
            born = (("a", "ann"), ("b", "bob"), ("a", ""))
            at_once(self._answer, [self._creates("", *whose) for whose in born])
            for number in range(3):
                self._start(f"client{number}", self._client(f"client{number}"))
                self._start(f"worker{number}", self._worker(f"worker{number}"))
            self._start("sweeper", self._sweeper())
            for _ in range(STEPS):
                if not self._running:
                    break
                self._one_step(self.chance.choice(self._running))
            self._drain()
            self._compare()
        except Broken as error:
            told = "\n".join(self.history[-150:])
            raise Broken(f"seed {self.seed}: {error}\n{told}") from error
        finally:
            for running in self._running:
                bury(running.actor)

    # What is done to the actors

    def _start(self, name: str, actor: Actor) -> None:
        self._running.append(Running(name, actor, next(actor)))

    def _one_step(self, running: Running) -> None:
        fault = self.chance.random()
        if fault < 0.01:
            self.history.append(f"{running.name} crashes")
            if self.chance.random() < 0.5:
                self._carry_out(running)
            self._running.remove(running)
            bury(running.actor)
            return
        if fault < 0.05:
            self._lapse()
        elif fault < 0.06:
            self._lose_queue()
        elif fault < 0.08:
            at_once(self._answer, [self._ask(LATE, place.limits) for place in self._queues])
        elif fault < 0.09:
            self._bring_back()
        if fault > 0.98 and not isinstance(running.step, Wake):
            if self.chance.random() < 0.5:
                self._carry_out(running)
            self._go_on(running, StoreUnavailable("no answer", unknown=True))
            return
        answer = self._carry_out(running)
        if self.chance.random() < 0.1 and running.lost < 3:
            running.lost += 1
            self.history.append(f"{running.name} loses the answer")
            return
        running.lost = 0
        self._go_on(running, answer)

    def _go_on(self, running: Running, answer: Any) -> None:
        try:
            if isinstance(answer, Exception):
                running.step = running.actor.throw(answer)
            else:
                running.step = running.actor.send(answer)
        except StopIteration:
            self._running.remove(running)

    def _carry_out(self, running: Running) -> Any:
        step = running.step
        if isinstance(step, Wake):
            return None
        answer = self._answer(step)
        one = isinstance(step, Operation)
        for operation, said in zip(
            [step] if one else step, [answer] if one else answer, strict=True
        ):
            self._note(running.name, operation, said)
        return answer

    def _note(self, name: str, operation: Operation[Any], said: Any) -> None:
        """Remember what was done, and see that the worker who did it was the one who may."""
        script = operation.script.name
        self.history.append(f"{name}: {script} {operation.keys[0]} -> {str(said)[:100]}")
        if script not in ("start", "report", "finish") or said == b"ABSENT":
            return
        told = self._told.setdefault(operation.keys[0].partition("}j:")[2], Told())
        if script == "start" and said[0] == b"STARTED":
            token = said[1].decode()
            if token != told.token and told.leased:
                raise Broken(f"{name} starts what another runs")
            told.token, told.leased = token, True
        elif said in (b"TOLD", b"FINISHED"):
            token = operation.args[0]
            if token != told.token and said == b"TOLD":
                raise Broken(f"{name} tells of what another runs")
            if script == "finish" and token == told.token:
                told.leased = False

    def _ask(self, script: scripts.Script, *keys: str, args: tuple[Any, ...] = ()) -> Actor:
        return iter(Operation(script, keys, args, lambda reply: reply))

    def _lapse(self) -> None:
        """Let the lease of some job, or of some session, end now."""
        if self._told and self.chance.random() < 0.7:
            id = self.chance.choice(list(self._told))
            job = find_job(self._keys, id)
            asked = self._ask(LAPSED, job.job, f"{job.bucket.tag}jx", args=(id,))
            if at_once(self._answer, [asked]) == [1]:
                self._told[id].leased = False
                self.history.append(f"time: the lease of {id} ends")
            return
        home = self._keys.named(self.chance.choice(IDS), self.chance.choice(OWNERS))
        at_once(self._answer, [lapses(home)])

    def _lose_queue(self) -> None:
        place = self.chance.choice(self._queues)
        self.history.append(f"queue {place.name} is lost")
        pattern = f"{place.limits[:-1]}*"
        at_once(self._answer, [self._ask(FORGOTTEN, place.limits, args=(pattern,))])

    def _bring_back(self) -> None:
        """Have a queue be as it was before: jobs are in it that are over."""
        if not self._told:
            return
        id = self.chance.choice(list(self._told))
        place = self.chance.choice(self._queues)
        again = flows.Waiting(id, place.name, self._told[id].owner, 0, 0, False)
        at_once(self._answer, [iter(flows.queues.enqueue(place, [again], check=False))])

    # What the actors do

    def _client(self, name: str) -> Actor:
        deeds = (
            self._creates, self._submits, self._submits, self._submits, self._submits,
            self._moves, self._moves, self._deletes, self._cancels, self._retries, self._asks,
            self._adopts,
        )  # fmt: skip
        yield Wake("", 0)
        for _ in range(self.chance.randint(4, 10)):
            does = self.chance.choice(deeds)
            try:
                yield from does(name, self.chance.choice(IDS), self.chance.choice(OWNERS))
            except NEVER_MORE as error:
                self.history.append(f"{name} is told {type(error).__name__}")

    def _creates(self, name: str, id: str, owner: str) -> Actor:
        yield from self._calls.create(id, owner, opened=False)

    def _submits(self, name: str, id: str, owner: str) -> Actor:
        home, scope = self._calls.find(id, owner)
        place = self.chance.choice(self._queues)
        fields: dict[str, str | bytes | int] = {
            "n": "E.Job", "q": place.name,
            "r": self.chance.choice(("cc", "cc", "ff", "oo")), "y": 2,
            "h": self.chance.choice((0, 5000)),
        }  # fmt: skip
        if self.chance.random() < 0.2:
            fields["k"] = "key"
        many = self.chance.choice((1, 1, 1, 3)) if "k" not in fields else 1
        order = Order(place.name, Given([b"p"] * many, fields))
        known = self._known.get(home.sid) if self.chance.random() < 0.5 else None
        submitted = yield from self._knowing(
            submitting.submit(self._keys, home, scope, order, known)
        )
        self._known.setdefault(home.sid, submitted)

    def _knowing(self, flow: Actor) -> Generator[Any, Any, Any]:
        """Note a job as soon as it is there, whatever becomes of who submits it."""
        answer: Any = None
        step = next(flow)
        try:
            while True:
                try:
                    answer = yield step
                except BaseException as error:  # noqa: BLE001 - the flow raises it again
                    step = flow.throw(error)
                    continue
                if isinstance(step, Wake):
                    step = flow.send(answer)
                    continue
                one = isinstance(step, Operation)
                steps = (
                    zip([step], [answer], strict=True) if one else zip(step, answer, strict=True)
                )
                for operation, said in steps:
                    if operation.script.name not in ("submit", "submit_away"):
                        continue
                    with suppress(*NEVER_MORE):
                        found = operation.parse(said)
                        if isinstance(found, Submitted):
                            for id in found.jobs:
                                told = self._told.setdefault(id, Told())
                                told.group, told.owner = found.group, found.owner
                step = flow.send(answer)
        except StopIteration as stop:
            return stop.value

    def _moves(self, name: str, id: str, owner: str) -> Actor:
        opening = self._calls.open(id, owner, wait=None, mode="exclusive")
        session = OpenSession(self._calls, (yield from opening.flow), opening.how)
        to = self.chance.choice(IDS), self.chance.choice(OWNERS)
        try:
            yield from session._closing(*to, None)
        except REFUSED:
            yield from session._closing(None, None, None)

    def _deletes(self, name: str, id: str, owner: str) -> Actor:
        if self.chance.random() < 0.3 and owner:
            yield from self._calls.end_all(owner, keep=None, reason="signed out")
        else:
            yield from self._calls.delete(id, owner, wait=0)

    def _any(self) -> str | None:
        return self.chance.choice(list(self._told)) if self._told else None

    def _cancels(self, name: str, id: str, owner: str) -> Actor:
        if job := self._any():
            yield from jobs.cancel(find_job(self._keys, job), "", "not wanted", None)

    def _retries(self, name: str, id: str, owner: str) -> Actor:
        if job := self._any():
            self._told[job].retried = True
            yield from flows.retry(self._keys, find_job(self._keys, job), "")

    def _adopts(self, name: str, id: str, owner: str) -> Actor:
        if job := self._any():
            home, scope = self._calls.find(id, owner)
            yield from submitting.adopt(self._keys, find_job(self._keys, job), "", home, scope)

    def _asks(self, name: str, id: str, owner: str) -> Actor:
        if job := self._any():
            yield from flows.result(find_job(self._keys, job), "", 0)

    def _worker(self, name: str) -> Actor:
        yield Wake("", 0)
        done: list[Finished] = []
        for _ in range(self.chance.randint(4, 12)):
            place = self.chance.choice(self._queues)
            try:
                done = yield from self._works(name, place, done)
            except NEVER_MORE as error:
                self.history.append(f"{name} is told {type(error).__name__}")
                done = []

    def _works(self, name: str, place: Any, done: list[Finished]) -> Generator[Any, Any, Any]:
        """Finish what was done before, take more of a queue and do it; return what is done."""
        told, claimed = yield from flows.take(
            self._keys, place, most=self.chance.randint(1, 3), lease_ms=LEASE, done=done
        )
        for one, said in zip(done, told, strict=True):
            known = one.entry.job in self._told
            if known and said == "" and one.outcome.state == "done":
                self._told[one.entry.job].outcomes.append(one.outcome.body)
        started = yield from flows.start(self._keys, claimed.entries, name, LEASE)
        results, dropped, later = [], [], []
        for entry, one in zip(claimed.entries, started, strict=True):
            if isinstance(one, Started):
                results.append((yield from self._does(name, entry, one)))
            elif one is None:
                dropped.append(entry)
            elif isinstance(one, Later):
                later.append((entry, one))
        if dropped or later:
            yield from flows.take(
                self._keys, place, most=0, lease_ms=LEASE, dropped=dropped, later=later
            )
        return results

    def _does(self, name: str, entry: Any, one: Started) -> Generator[Any, Any, Finished]:
        job, number = find_job(self._keys, entry.job), 0
        for number in range(1, self.chance.randint(0, 3) + 1):
            body = self._mark(name)
            said = yield from jobs.report(job, one.token, Report(number, {}, [("log", body)]))
            if said == "" and entry.job in self._told:
                self._told[entry.job].reports.append(body)
        if self.chance.random() < 0.3:
            yield from jobs.beat(job.bucket, LEASE, [(job, one.token)])
        state = self.chance.choice(("done", "done", "done", "failed", "again", "back"))
        outcome = Outcome(state, self._mark(name) if state == "done" else b"", state)
        return Finished(entry, one.token, outcome, Report(number + 1))

    def _mark(self, name: str) -> bytes:
        self._marks += 1
        return f"{name}-{self._marks}".encode()

    def _sweeper(self) -> Actor:
        yield Wake("", 0)
        for _ in range(6):
            try:
                if self.chance.random() < 0.5:
                    at_once(
                        self._answer,
                        [self._ask(DUE, f"{one.tag}jx") for one in self._keys.buckets],
                    )
                yield from flows.sweep(self._keys, self._keys.buckets)
                yield from sweeping.sweep(self._keys, self._keys.buckets)
            except NEVER_MORE as error:
                self.history.append(f"sweeper is told {type(error).__name__}")

    # How it ends

    def _drain(self) -> None:
        """Let a healthy worker do what is left."""
        run = self._store._driver.run
        for told in self._told.values():
            told.leased = False
        for _ in range(30):
            at_once(
                self._answer,
                [lapses(self._keys.named(id, owner)) for id in IDS for owner in OWNERS],
            )
            run(sweeping.sweep(self._keys, self._keys.buckets))
            at_once(
                self._answer, [self._ask(OVERDUE, f"{one.tag}jx") for one in self._keys.buckets]
            )
            at_once(self._answer, [self._ask(LATE, place.limits) for place in self._queues])
            run(flows.sweep(self._keys, self._keys.buckets))
            for place in self._queues:
                done: list[Finished] = []
                while True:
                    told, claimed = run(
                        flows.take(self._keys, place, most=5, lease_ms=LEASE, done=done)
                    )
                    for one, said in zip(done, told, strict=True):
                        if said != "":
                            raise Broken(f"the only worker is refused: {said}")
                        if one.entry.job in self._told:
                            self._told[one.entry.job].outcomes.append(one.outcome.body)
                    if not claimed.entries:
                        break
                    started = run(flows.start(self._keys, claimed.entries, "last", LEASE))
                    done, dropped = [], []
                    for entry, start in zip(claimed.entries, started, strict=True):
                        if isinstance(start, Started):
                            outcome = Outcome("done", self._mark("last"))
                            done.append(Finished(entry, start.token, outcome, Report(1)))
                        else:
                            dropped.append(entry)
                    run(flows.take(self._keys, place, most=0, lease_ms=LEASE, dropped=dropped))
            if not any(self._size(f"{one.tag}jx") for one in self._keys.buckets):
                return
        raise Broken("jobs are left that nobody does")

    def _size(self, key: str) -> int:
        (size,) = at_once(self._answer, [self._ask(SIZE, key)])
        return int(size)

    def _compare(self) -> None:
        run = self._store._driver.run
        found = run(batch([jobs.read(find_job(self._keys, id), "") for id in sorted(self._told)]))
        seen: dict[str, list[groups.JobEvent]] = defaultdict(list)
        told_of = {told.group for told in self._told.values() if told.group}
        for group in sorted(told_of | {job.text("g") for job in found}):
            self._compare_group(group, seen)
        for job in found:
            self._compare_job(job, seen[job.id])
        for place in self._queues:
            for suffix in "rdc":
                if self._size(f"{place.limits[:-1]}{suffix}"):
                    raise Broken(f"queue {place.name} is not empty: {suffix}")

    def _compare_group(self, group: str, seen: dict[str, list[groups.JobEvent]]) -> None:
        page = self._store._driver.do(groups.follow(find_group(self._keys, group), "", 500))
        numbers = [event.sequence for event in page.events]
        if numbers != list(range(1, len(numbers) + 1)):
            raise Broken(f"the events of {group} have gaps: {numbers}")
        over = [at for at, event in enumerate(page.events) if event.type == "session-ended"]
        if over and over != [len(numbers) - 1]:
            raise Broken(
                f"{group}: that the session has ended is not the last: {_shown(page.events)}"
            )
        if page.live:
            raise Broken(f"{group} has jobs that live")
        for event in page.events:
            seen[event.job].append(event)

    def _compare_job(self, job: Job, events: list[groups.JobEvent]) -> None:
        told = self._told[job.id]
        if job.live:
            raise Broken(f"{job.id} is {job.state} for ever")
        ends = [
            at
            for at, event in enumerate(events)
            if event.type in ENDS.values() and event.why != "adopted"
        ]
        again = [at for at, event in enumerate(events) if event.why == "retried"]
        if any(event.why == "adopted" for event in events):
            return  # it tells two sessions, one after the other
        silent = job.text("S") == "1"
        if not silent and len(ends) != len(again) + 1:
            raise Broken(f"{job.id} has {len(ends)} ends: {_shown(events)}")
        for at in ends:
            if at + 1 < len(events) and events[at + 1].why not in ("retried", "adopted"):
                raise Broken(f"{job.id} tells something after its end: {_shown(events)}")
        if not silent and not told.retried and events and events[-1].type != ENDS[job.state]:
            raise Broken(f"{job.id} is {job.state}, and tells {_shown(events)}")
        logs = [event.body for event in events if event.type == "log"]
        acknowledged = [body for body in told.reports if body in logs or not silent]
        if [body for body in logs if body in acknowledged] != acknowledged:
            raise Broken(f"{job.id}: {acknowledged} was acknowledged, {logs} stands there")
        if not told.retried and told.outcomes and job.fields.get(b"z") != told.outcomes[-1]:
            raise Broken(f"{job.id}: another outcome than the one that was acknowledged")
        if not told.retried and len(told.outcomes) > 1:
            raise Broken(f"{job.id} was done {len(told.outcomes)} times")


def _shown(events: list[groups.JobEvent]) -> list[tuple[int, str, str]]:
    return [(event.sequence, event.type, event.why) for event in events]


SIZE = scripts._script("size_of_key", "#!lua flags=no-writes\nreturn redis.call('ZCARD', KEYS[1])")
