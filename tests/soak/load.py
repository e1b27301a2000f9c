"""A load of several processes on a few sessions, and the proof of what became of their updates."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections import Counter, defaultdict
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from sessionstore import SessionStore, StoreUnavailable
from tests.faults.checks import BUCKETS
from tests.soak import work
from tests.soak.journal import CLOSING, FAILED, LOST, OPEN, SURE, UNKNOWN, Entry, Journals
from tests.support.processes import Child, all_of
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["NOTHING", "Load", "Outcome", "folder"]

NUMBERS = itertools.count()
DATA = {"n": 0, "fence": 0}


@contextmanager
def folder() -> Iterator[Path]:
    """A directory for one part; it goes when the part is over."""
    with tempfile.TemporaryDirectory(prefix="ss-soak-") as name:
        yield Path(name)


class Outcome(NamedTuple):
    """What a load did, and what is in the store after it."""

    acknowledged: int
    unknown: int
    lost: int
    """Acknowledged, and not in the store."""
    refused: int
    """Told that the lease was lost."""
    failed: Counter[str]
    stall: float

    def __add__(self, other: object) -> Outcome:
        assert isinstance(other, Outcome)
        return Outcome(
            self.acknowledged + other.acknowledged,
            self.unknown + other.unknown,
            self.lost + other.lost,
            self.refused + other.refused,
            self.failed + other.failed,
            max(self.stall, other.stall),
        )


NOTHING = Outcome(0, 0, 0, 0, Counter(), 0.0)


class Load:
    """Processes that count sessions up, from when the block is entered until it is left.

    Args:
        url: where the store is.
        directory: for the journals.
        processes: how many with one thread.
        tasks: how many with an event loop and `work.TASKS` tasks each.
        sessions: how many share the load; the fewer, the more wait in line.
        lease, wait: of every open, in seconds.
        reads: how often a process with one thread looks at a session that it holds.
        owner: whose the sessions are.
        prefix: of the store; empty: a new one.
        safe: whether a replica must confirm each change.
        job: what the processes with one thread do.
    """

    def __init__(
        self,
        url: str,
        directory: Path,
        *,
        processes: int = 3,
        tasks: int = 1,
        sessions: int = 4,
        lease: float | None = 1.0,
        wait: float = 5.0,
        reads: int = 0,
        owner: str = "",
        prefix: str = "",
        safe: bool = False,
        job: Callable[..., None] = work.add,
    ) -> None:
        self.prefix = prefix or f"soak{os.getpid()}-{next(NUMBERS)}"
        self.url = url
        self.ids = tuple(f"s{number}" for number in range(sessions))
        self._directory = directory / self.prefix
        self._directory.mkdir(parents=True)
        self._how = (owner, wait, lease, reads, safe)
        self._jobs = [job] * processes + [work.add_async] * tasks
        self._stack = ExitStack()
        self.journals = Journals(self._directory)
        self.children: dict[str, Child] = {}
        self.said: list[object] = []
        """What the processes answered when they were told to stop."""
        each = f", {tasks} with {work.TASKS} tasks" if tasks else ""
        self.title = f"{processes} processes{each}, {sessions} sessions"

    def connect(self) -> SessionStore:
        return SessionStore.connect(self.url, prefix=self.prefix, buckets=BUCKETS)

    def __enter__(self) -> Self:
        owner = self._how[0]
        with self.connect() as store:
            for id in self.ids:
                store.create(id, owner, data=DATA, open=False, timeout=7 * 86400)
        with self._stack:
            for job in self._jobs:
                self.start(job)
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, kind: object, *error: object) -> None:
        with self._stack:
            if kind is None:
                self.stop()

    def task(self, name: str) -> work.Task:
        directory = str(self._directory)
        return work.Task(name, self.url, self.prefix, directory, self.ids, *self._how)

    def start(self, job: Callable[..., None] = work.add, *more: object) -> str:
        """Start one process more; return its name."""
        name = f"p{next(NUMBERS)}"
        child = self._stack.enter_context(Child(job, self.task(name), *more))
        assert child.hear() == "ready"
        self.children[name] = child
        return name

    def kill(self, name: str) -> None:
        """Kill a process; its journal stays."""
        self.children.pop(name).kill9()

    def stop(self) -> None:
        """Let all finish what they are at."""
        for child in self.children.values():
            child.tell("enough")
        self.said = all_of(self.children.values())
        for child in self.children.values():
            child.end()
        self.children.clear()

    def goes_on(self, more: int = 5, within: float = 30.0) -> None:
        """Wait until some updates more of every session are acknowledged."""
        self.journals.look()
        before = {id: len(self.journals.sure[id]) for id in self.ids}

        def went_on() -> bool:
            self.journals.look()
            for child in self.children.values():
                assert child.alive or not child.hears_within(0) or child.hear() == "done"
            return all(len(self.journals.sure[id]) >= n + more for id, n in before.items())

        wait_until(went_on, "every session is counted up", timeout=within)

    def is_refused(self, more: int = 5, within: float = 30.0) -> None:
        """Wait until some calls more are told that they failed, or that nobody knows."""

        def told() -> int:
            self.journals.look()
            return sum(entry.kind in (UNKNOWN, FAILED) for _, entry in self.journals.all())

        before = told()
        wait_until(lambda: told() >= before + more, "calls are refused", timeout=within)

    def outcome(self, *, may_lose: bool = False) -> Outcome:
        """Return what became of all updates, after checking what must hold.

        Each session holds its total, and beside it how many each process has added. So an update
        that was written over shows in the total, and one that was forgotten in what its process
        knows to be acknowledged.
        """
        journals = self.journals
        journals.look()
        _check_fences(journals)
        sure: Counter[tuple[str, str]] = Counter()
        maybe: Counter[tuple[str, str]] = Counter()
        for name, entry in journals.all():
            sure[entry.id, name] += entry.kind == SURE
            maybe[entry.id, name] += entry.kind == UNKNOWN
        for name, entries in journals.entries.items():
            for entry in _unsettled(entries):
                maybe[entry.id, name] += 1  # killed while it closed
        lost = 0
        with wait_until(self.connect, "the store is there", ignore=(StoreUnavailable,)) as store:
            for id in self.ids:
                data = wait_until(
                    lambda id=id: dict(store.read(id, self._how[0])),  # type: ignore[misc]
                    "it can be read",
                    ignore=(StoreUnavailable,),
                )
                added = {name: n for name, n in data.items() if name not in DATA}
                assert data["n"] == sum(added.values()), f"{id}: an update was written over: {data}"
                for name in journals.entries:
                    n, least = added.get(name, 0), sure[id, name]
                    most = least + maybe[id, name]
                    assert n <= most, f"{id}: {name} was told of {most} at most, {n} are there"
                    assert may_lose or n >= least, f"{id}: {least - n} updates of {name} are lost"
                    lost += max(0, least - n)
        kinds = Counter(entry.kind for _, entry in journals.all())
        return Outcome(
            acknowledged=kinds[SURE],
            unknown=sum(maybe.values()),
            lost=lost,
            refused=kinds[LOST],
            failed=Counter(entry.why for _, entry in journals.all() if entry.kind == FAILED),
            stall=max((_stall(times) for times in journals.sure.values()), default=0.0),
        )


def _unsettled(entries: list[Entry]) -> list[Entry]:
    last = {entry.task: entry for entry in entries}
    return [entry for entry in last.values() if entry.kind == CLOSING]


def _stall(times: list[float]) -> float:
    times = sorted(times)
    return max((after - before for before, after in itertools.pairwise(times)), default=0.0)


def _check_fences(journals: Journals) -> None:
    """No two openings have one fence, and one that began after another was there has a higher."""
    opened: dict[str, list[Entry]] = defaultdict(list)
    for _, entry in journals.all():
        if entry.kind == OPEN:
            opened[entry.id].append(entry)
    for id, entries in opened.items():
        fences = {entry.fence for entry in entries}
        assert len(fences) == len(entries), f"{id}: a fence was given twice"
        known = sorted(entries, key=lambda entry: entry.at)
        highest, at = 0, 0
        for entry in sorted(entries, key=lambda entry: entry.begun):
            while known[at].at < entry.begun:
                highest, at = max(highest, known[at].fence), at + 1
            assert entry.fence > highest, f"{id}: {entry.fence} came after {highest}"
