"""A worker that does as it is told, a step at a time; and the jobs of a store, on either shell."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

from sessionstore._core.jobs import flows, jobs
from sessionstore._core.jobs.files import stage
from sessionstore._core.jobs.flows import Finished
from sessionstore._core.jobs.jobs import Outcome, Report
from sessionstore._core.jobs.keys import find_job, queue
from sessionstore._core.jobs.records import Entry, Started
from sessionstore.data import encode
from sessionstore.jobs import AsyncJobs
from tests.support.awaitable import AwaitableJobs

if TYPE_CHECKING:
    from sessionstore._core.keys import Keyspace
    from sessionstore._redis.sync import Driver
    from tests.support.worlds import World

__all__ = ["Hand", "Heard", "Running", "jobs_of"]

LEASE_MS = 60_000


def jobs_of(store: Any) -> Any:
    """Return the jobs of a store whose calls are awaited, whichever shell it is."""
    kind = AsyncJobs if type(store).__name__.startswith("Async") else AwaitableJobs
    return kind(store)


class Running:
    """A job that was started, and what it tells."""

    def __init__(self, driver: Driver, keys: Keyspace, entry: Entry, started: Started) -> None:
        self._driver = driver
        self._keys = keys
        self._entry = entry
        self._numbers = count(1)
        self.key = find_job(keys, entry.job)
        self.id = entry.job
        self.token = started.token
        self.job = started.job

    def report(self, *events: tuple[str, Any], **fields: Any) -> str:
        """Tell events, each a type and a value, and write fields of the job."""
        return self.send(self.next_report(*events, **fields))

    def next_report(self, *events: tuple[str, Any], **fields: Any) -> Report:
        """Return the next report, to be sent once or more."""
        told = [(kind, encode(value, kind)) for kind, value in events]
        written = {name: encode(value, name) for name, value in fields.items()}
        return Report(next(self._numbers), written, told)

    def send(self, report: Report) -> str:
        return self._driver.do(jobs.report(self.key, self.token, report))

    def ask(self, question: str, body: Any = None) -> None:
        asked = {"question": question, "type": "yes or no", "body": body}
        report = Report(next(self._numbers), {f"?{question}": b""}, [("ask", encode(asked, "ask"))])
        self._driver.do(jobs.report(self.key, self.token, report))

    def answer(self, question: str) -> bytes:
        return self._driver.do(jobs.read(self.key, "")).fields[f"?{question}".encode()]

    def attach(self, name: str, content: bytes) -> None:
        field, value = self._driver.run(stage(self.key, name, content))
        report = Report(next(self._numbers), {field: value})
        self._driver.do(jobs.report(self.key, self.token, report))

    def beat(self) -> str:
        """Renew its lease; return what it is told."""
        return self._driver.do(jobs.beat(self.key.bucket, LEASE_MS, [(self.key, self.token)]))[0]

    def lapse(self, world: World) -> None:
        """Let its lease be over, also in the queue."""
        world.raw.hset(self.key.job, "l", 1)
        world.raw.zadd(f"{self.key.bucket.tag}jx", {self.id: 1})
        taken = queue(self._keys, self.job.text("q")).limits[:-1] + "c"
        world.raw.zadd(taken, {self._entry.member: 1})

    def finish(
        self, state: str = "done", value: Any = None, why: str = "", *, sure: bool = True
    ) -> str:
        outcome = Outcome(state, b"" if value is None else encode(value, "result"), why)
        said = Report(next(self._numbers))
        done = Finished(self._entry, self.token, outcome, said, sure=sure)
        place = queue(self._keys, self.job.text("q"))
        (told,), _ = self._driver.run(
            flows.take(self._keys, place, most=0, lease_ms=LEASE_MS, done=[done])
        )
        assert isinstance(told, str), told
        return told


class Hand:
    """Takes jobs from queues when it is told to."""

    def __init__(self, driver: Driver, keys: Keyspace) -> None:
        self._driver = driver
        self._keys = keys

    def take(
        self, most: int = 100, name: str = "default", lease_ms: int = LEASE_MS
    ) -> list[Running]:
        """Start what waits."""
        place = queue(self._keys, name)
        _, claimed = self._driver.run(flows.take(self._keys, place, most=most, lease_ms=lease_ms))
        answers = self._driver.run(flows.start(self._keys, claimed.entries, "hand", lease_ms))
        both = list(zip(claimed.entries, answers, strict=True))
        if dropped := [entry for entry, answer in both if answer is None]:
            told = flows.take(self._keys, place, most=0, lease_ms=lease_ms, dropped=dropped)
            self._driver.run(told)
        return [
            Running(self._driver, self._keys, entry, answer)
            for entry, answer in both
            if isinstance(answer, Started)
        ]

    def sweep(self) -> None:
        """Look at the jobs that are due."""
        self._driver.run(flows.sweep(self._keys, self._keys.buckets))

    def start(self, **more: Any) -> Running:
        """Start the one job that waits."""
        (running,) = self.take(**more)
        return running


class Heard:
    """A handler that remembers what it was told."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def __call__(self, type: str, body: Any, user_data: Any, *, event: Any) -> None:  # noqa: A002
        assert (type, body) == (event.type, event.body)
        self.events.append(event)

    @property
    def types(self) -> list[str]:
        return [event.type for event in self.events]

    @property
    def sequence(self) -> list[int]:
        return [event.sequence for event in self.events]
