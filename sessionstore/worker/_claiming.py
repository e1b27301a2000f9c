"""Taking jobs from queues: as many as there is room for, and finishing others in the same write.

Whatever happens in one turn of the event loop leaves together. A queue that had less than was
asked for is left alone until its wake-up comes or the time of a block is over; then it is asked
again, whatever the wake-up said.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import NamedTuple

from sessionstore._core.jobs import flows, queues
from sessionstore._core.jobs.flows import Finished
from sessionstore._core.jobs.keys import Queue, queue
from sessionstore._core.jobs.records import Entry, Later, Started
from sessionstore._core.keys import Keyspace
from sessionstore._core.operation import Flow, Wake
from sessionstore._redis.aio import AsyncDriver
from sessionstore.errors import SessionStoreError
from sessionstore.worker._profile import Profile
from sessionstore.worker._run import Run

__all__ = ["Claiming", "Line"]

log = logging.getLogger("sessionstore.worker")

BLOCK_MS = 2000
"""So long does a look at an idle queue block; then it is claimed from in any case."""

SOONEST = 0.01
"""Seconds until a queue is asked again that says that something is due by now."""

RETRY = 0.2
LONGEST_RETRY = 2.0

Begin = Callable[["Line", Entry, Started, float], None]


class Held(NamedTuple):
    """What became of a job, until that is written down."""

    finished: Finished
    run: Run
    tried: int = 0

    def as_it_is_now(self) -> Finished:
        """Return what there is to tell, and whether nobody else can have the job yet."""
        return self.finished._replace(sure=time.monotonic() < self.run.deadline)


class Line:
    """A queue as a worker sees it, and what it is to be told next."""

    def __init__(self, queue: Queue) -> None:
        self.queue = queue
        self.done: list[Held] = []
        self.dropped: list[Entry] = []
        self.later: list[tuple[Entry, Later]] = []
        self.hot = True
        """Whether there may be something to take that it was not asked for yet."""
        self.cold = asyncio.Event()
        """Set when somebody should wait for its wake-up."""
        self.timer: asyncio.TimerHandle | None = None
        """Has it asked when something is due."""
        self.asking = False
        """Whether it is being asked: until that is answered, what there is to tell is gathered."""

    @property
    def has_news(self) -> bool:
        """Whether there is something to tell it."""
        return bool(self.done or self.dropped or self.later)


class Claiming:
    """Fills the slots of a worker."""

    def __init__(
        self,
        driver: AsyncDriver,
        keys: Keyspace,
        names: tuple[str, ...],
        *,
        slots: int,
        worker: str,
        profile: Profile,
        begin: Begin,
        settled: Callable[[Run, str | None], None],
    ) -> None:
        self.lines = [Line(queue(keys, name)) for name in names]
        self.free = slots
        self.answered = time.monotonic()
        """When a claim was last answered."""
        self._driver = driver
        self._keys = keys
        self._worker = worker
        self._profile = profile
        self._begin = begin
        self._settled = settled
        self._closed = False
        """Whether nothing is taken any more."""
        self._over = False
        """Whether nothing is told any more, either."""
        self._turn_is_due = False
        self._turns: set[asyncio.Task[None]] = set()
        self._told = asyncio.Event()
        self._owed = 0
        """How many have ended of which it is not written down what became of them."""
        self._waiting = [asyncio.ensure_future(self._wait(line)) for line in self.lines]
        for waiting in self._waiting:
            waiting.add_done_callback(self._look_at)
        self._first = 0
        self.failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Has the error should taking itself break."""
        self.look()

    def look(self) -> None:
        """Have it looked at, in the next turn of the loop, what there is to take or to tell."""
        if not self._turn_is_due and not self._over:
            self._turn_is_due = True
            asyncio.get_running_loop().call_soon(self._turn)

    def finish(self, finished: Finished, run: Run) -> None:
        """Write down what became of a job; its slot is free."""
        self._owed += 1
        run.line.done.append(Held(finished, run))
        self.look()

    def give_slot(self) -> None:
        """Have one more slot to fill."""
        self.free += 1
        self.look()

    async def drain(self) -> None:
        """Take nothing from now on; pass a wake-up on that may have come here."""
        if self._closed:
            return
        self._closed = True
        for waiting in self._waiting:
            waiting.cancel()
        await asyncio.wait(self._waiting)
        for line in self.lines:
            try:
                await self._driver.do(queues.enqueue(line.queue, [], check=False))
            except SessionStoreError:
                continue  # then the others look when their block is over

    async def close(self) -> None:
        """Wait until all is told; what cannot be told in time was given up."""
        while self._owed or self._turns:
            self._told.clear()
            await self._told.wait()

    async def break_off(self) -> None:
        """Take and tell nothing any more, whatever there is."""
        self._closed = self._over = True
        there = [*self._waiting, *self._turns]
        for task in there:
            task.cancel()
        await asyncio.gather(*there, return_exceptions=True)

    def _turn(self) -> None:
        self._turn_is_due = False
        if self._over:
            return
        try:
            self._ask_and_tell()
        except Exception as error:  # noqa: BLE001 - the worker ends by it
            self._fail(error)

    def _ask_and_tell(self) -> None:
        lines = [line for line in self.lines if not line.asking]
        asked = [line for line in lines if line.hot or line.has_news]
        room = self._shares([] if self._closed else asked)
        for line in lines:
            most = room.get(line.queue.name, 0)
            if not most and not line.has_news:
                continue
            self.free -= most
            done, line.done = line.done, []
            self._start_turn(line, most, done)

    def _shares(self, asked: list[Line]) -> dict[str, int]:
        """Share the free slots out among queues that may have something, in turn."""
        shares: dict[str, int] = {}
        if not asked:
            return shares
        self._first = (self._first + 1) % len(asked)
        left = self.free
        for at, line in enumerate(asked[self._first :] + asked[: self._first]):
            share = -(-left // (len(asked) - at))
            shares[line.queue.name] = share
            left -= share
        return shares

    def _start_turn(self, line: Line, most: int, done: list[Held]) -> None:
        dropped, line.dropped = line.dropped, []
        later, line.later = line.later, []
        if most:
            line.hot = False  # from now on, a wake-up is for the next time
        task = asyncio.get_running_loop().create_task(self._take(line, most, done, dropped, later))
        line.asking = True
        self._turns.add(task)
        task.add_done_callback(self._turn_is_over)

    def _turn_is_over(self, task: asyncio.Task[None]) -> None:
        self._turns.discard(task)
        self._told.set()
        self.look()
        self._look_at(task)

    def _look_at(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        """Have the worker end, for taking itself has broken."""
        if not self.failure.done():
            self.failure.set_exception(error)

    async def _take(
        self,
        line: Line,
        most: int,
        done: list[Held],
        dropped: list[Entry],
        later: list[tuple[Entry, Later]],
    ) -> None:
        left = most
        try:
            told, claimed = await self._driver.run(
                flows.take(
                    self._keys,
                    line.queue,
                    most=most,
                    lease_ms=self._profile.lease_ms,
                    done=[held.as_it_is_now() for held in done],
                    dropped=dropped,
                    later=later,
                )
            )
            line.asking = False
            self.look()
            begun = self.answered = time.monotonic()
            for held, answer in zip(done, told, strict=True):
                if isinstance(answer, SessionStoreError):
                    self._hold(held, answer)
                else:
                    self._end(held, answer)
            if most:
                self._cool(line, claimed, most)
            if claimed.entries:
                left = len(claimed.entries)
                self.free += most - left
                answers = await self._driver.run(
                    flows.start(self._keys, claimed.entries, self._worker, self._profile.lease_ms)
                )
                for entry, started in zip(claimed.entries, answers, strict=True):
                    left -= self._entered(line, entry, started, begun)
        except SessionStoreError as error:
            for held in done:
                self._hold(held, error)
            self._rest(line, error)
            line.asking = False
        finally:
            self.free += left

    def _entered(
        self,
        line: Line,
        entry: Entry,
        answer: Started | Later | SessionStoreError | None,
        begun: float,
    ) -> int:
        """Enter what came of one entry; return how many slots it takes."""
        if isinstance(answer, Started):
            self._begin(line, entry, answer, begun + self._profile.lease - self._profile.margin)
            return 1
        if answer is None:
            line.dropped.append(entry)
        elif isinstance(answer, Later):
            line.later.append((entry, answer))
        # What has no answer is hidden for the time of a lease, and looked at again after that.
        return 0

    def _cool(self, line: Line, claimed: queues.Claimed, most: int) -> None:
        line.hot = line.hot or len(claimed.entries) >= most
        if line.hot:
            return
        line.cold.set()
        if claimed.next_ms is not None and claimed.next_ms < BLOCK_MS:
            self._warm_in(line, max(claimed.next_ms / 1000, SOONEST))

    def _rest(self, line: Line, error: SessionStoreError) -> None:
        """Let a queue be that could not be asked, for a while."""
        log.warning("queue %s cannot be asked: %s", line.queue.name, error)
        line.hot = False
        self._warm_in(line, RETRY)

    def _warm_in(self, line: Line, seconds: float) -> None:
        if line.timer is not None:
            line.timer.cancel()
        line.timer = asyncio.get_running_loop().call_later(seconds, self._warm, line)

    def _warm(self, line: Line) -> None:
        line.hot = True
        self.look()

    def _hold(self, held: Held, error: SessionStoreError) -> None:
        """Keep what could not be written down, as long as nobody else can have the job."""
        if time.monotonic() > held.run.deadline:
            log.error("what became of job %s is lost: %s", held.run.id, error)
            self._end(held, None)
            return
        wait = min(LONGEST_RETRY, RETRY * 2**held.tried)
        again = held._replace(tried=held.tried + 1)
        asyncio.get_running_loop().call_later(wait, self._again, again)

    def _end(self, held: Held, answer: str | None) -> None:
        self._owed -= 1
        self._told.set()
        self._settled(held.run, answer)

    def _again(self, held: Held) -> None:
        held.run.line.done.append(held)
        self.look()

    async def _wait(self, line: Line) -> None:
        """Wait for the wake-up of an idle queue; without room for a job, pass it on."""
        while True:
            await line.cold.wait()
            try:
                await self._driver.run(_wake(line.queue))
                line.cold.clear()  # until it was asked again
                if self.free <= 0:
                    await self._driver.do(queues.enqueue(line.queue, [], check=False))
            except SessionStoreError as error:
                log.warning("queue %s cannot be waited for: %s", line.queue.name, error)
                await asyncio.sleep(RETRY)
            line.hot = True
            self._turn()  # at once: nothing else is gathered by a wait


def _wake(place: Queue) -> Flow[None]:
    yield Wake(place.wake, BLOCK_MS)
