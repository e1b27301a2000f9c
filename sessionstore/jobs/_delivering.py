"""Handing events to a handler, one after the other, for as long as a sink is there."""

from __future__ import annotations

import asyncio
import inspect
import logging
import random
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from typing import Any

from sessionstore._core.jobs import jobs, submitting
from sessionstore._core.jobs.following import Following, Gap, check_cursor
from sessionstore._core.jobs.groups import JobEvent
from sessionstore._core.jobs.keys import find_job
from sessionstore._core.jobs.records import Job
from sessionstore._core.keys import Home
from sessionstore._core.records import instant
from sessionstore._core.sessions import Scope
from sessionstore._ids import shown
from sessionstore._redis.aio import AsyncDriver
from sessionstore.data import decode
from sessionstore.errors import (
    ConfigError,
    JobNotFound,
    SessionStoreError,
    StoreClosed,
    StoreUnavailable,
)
from sessionstore.jobs._answers import answer_of, refusal_of
from sessionstore.jobs._calls import JobCalls
from sessionstore.jobs._events import TYPES, Event

__all__ = ["Delivering", "Handler", "Raised", "Wanted"]

Handler = Callable[..., Any]
"""Gets type, body and user data; and the event, if it has an argument of that name."""

ALWAYS = {"gap", "session-ended"}
"""What every handler is told, whichever types it wants: nothing else follows, or it was missed."""

SOONEST, LATEST = 0.05, 2.0
"""Seconds between two tries to read what cannot be read."""

LOG = logging.getLogger("sessionstore.jobs")


class Raised(Exception):
    """A handler raised something: what kind of error, and the answer that this is to a question.

    The error itself goes no further: some kinds would end the loop of all sinks, or cannot be the
    result of a future.
    """

    def __init__(self, error: BaseException, answer: bytes | None) -> None:
        super().__init__()
        self.kind = type(error).__name__
        self.answer = answer


class Wanted:
    """What a handler wants to be told."""

    def __init__(
        self,
        handler: Handler,
        types: Collection[str] | None,
        user_data: Any,
        after: str | None = None,
    ) -> None:
        if not callable(handler):
            raise ConfigError(f"a handler is a function, not {type(handler).__name__}")
        if types is not None and not are_types(types):
            raise ConfigError(f"types are some of {', '.join(TYPES)}")
        self.after = check_cursor(after)
        self.handler = handler
        self.types = None if types is None else ALWAYS | set(types)
        self.user_data = user_data
        self._takes_event = takes_event(handler)

    def takes(self, event: Event) -> bool:
        """Whether an event is to be handed over."""
        return self.types is None or event.type in self.types

    def call(self, event: Event) -> Any:
        """Hand an event over."""
        more = {"event": event} if self._takes_event else {}
        return self.handler(event.type, event.body, self.user_data, **more)

    @staticmethod
    def answer(event: Event, value: Any) -> bytes | None:
        """Return what a handler has answered, if it was asked and says something."""
        return answer_of(value) if event.type == "ask" and value is not None else None

    @staticmethod
    def raised(event: Event, error: BaseException) -> Raised:
        """Return what a handler has raised, whatever that is, as an error of its own."""
        return Raised(error, refusal_of(error) if event.type == "ask" else None)


def are_types(given: object) -> bool:
    """Whether something is a collection of types of events."""
    if not isinstance(given, Collection) or isinstance(given, (str, bytes)):
        return False
    return all(isinstance(one, str) and one in TYPES for one in given)


def takes_event(handler: Handler) -> bool:
    """Whether a handler has an argument named `event`."""
    try:
        parameters = inspect.signature(handler).parameters.values()
    except (TypeError, ValueError):
        return False
    return any(one.name == "event" or one.kind is one.VAR_KEYWORD for one in parameters)


class Delivering:
    """Follows the events of one session, and hands them to one handler."""

    def __init__(
        self,
        driver: AsyncDriver,
        calls: JobCalls,
        wanted: Wanted,
        call: Callable[[Event], Awaitable[bytes | None]],
    ) -> None:
        self._driver = driver
        self._calls = calls
        self._wanted = wanted
        self._call = call
        self._rings = asyncio.Event()
        self._checking = False
        self._over = False
        self.error: BaseException | None = None
        """What ended it, if that was not the end of its session nor a close."""

    async def begin(self, home: Home, scope: Scope) -> None:
        """Subscribe, find out where to begin, and deliver from then on."""
        keys = self._calls.keys
        group = await self._driver.run(submitting.attach(keys, home, scope))
        self._following = Following(keys, group, home.sid, self._calls.user)
        self._listening = self._driver.ringing.listen(group.events, self._hear)
        try:
            await self._driver.run(self._following.begin(self._wanted.after))
        except BaseException:
            self._listening.close()
            raise
        self._task = asyncio.get_running_loop().create_task(self._work(), name="sessionstore-sink")

    @property
    def cursor(self) -> str:
        """How far events were handed over."""
        return self._following.cursor

    @property
    def is_over(self) -> bool:
        """Whether nothing is delivered any more."""
        return self._over

    def when_over(self, then: Callable[[], object]) -> None:
        """Call something when nothing is delivered any more."""
        self._task.add_done_callback(lambda _: then())

    async def close(self) -> None:
        """Deliver nothing any more; what the handler does just now is cancelled."""
        self._end()
        if self._task is not asyncio.current_task():
            self._task.cancel()
            await asyncio.wait([self._task])

    def _end(self) -> None:
        self._over = True
        self._listening.close()

    def _hear(self, message: bytes | None) -> None:
        self._following.hear(message)
        self._rings.set()

    async def _work(self) -> None:
        try:
            await self._following_on()
        except Exception as error:  # noqa: BLE001 - nobody awaits this task
            self.error = error
            LOG.error("a sink has stopped: %s", type(error).__name__)  # noqa: TRY400 - as above
        except BaseException as error:
            if not (self._over or self._listening.is_over):
                self.error = error
            raise
        finally:
            self._end()

    async def _following_on(self) -> None:
        delay = SOONEST
        while not self._over:
            self._rings.clear()
            try:
                found = await self._driver.run(self._following.next())
            except StoreClosed:
                return
            except SessionStoreError as error:
                if not isinstance(error, StoreUnavailable):
                    LOG.exception("the events of a session cannot be read; trying again")
                self._following.look()
                await self._rings_within(delay * random.uniform(0.5, 1))  # noqa: S311
                delay = min(LATEST, delay * 2)
                continue
            delay = SOONEST
            if self._checking and self._following.missed(found):
                self._listening.doubt()
            self._checking = False
            for told in found:
                if not await self._deliver(told):
                    return
            if not found:
                await self._rest()

    async def _rest(self) -> None:
        """Wait for a ring, or until it is time to look whether one was missed."""
        if not await self._rings_within(self._following.check_after):
            self._following.look()
            self._checking = True

    async def _rings_within(self, seconds: float) -> bool:
        """Wait for a ring, or for a line that is sure again, so long; tell whether it came."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._rings.wait()
                return True
        return False

    async def _deliver(self, told: JobEvent | Gap) -> bool:
        try:
            event = self._event(told)
        except SessionStoreError as error:
            self._complain("an event of a sink cannot be decoded", told, type(error).__name__)
        else:
            if self._wanted.takes(event):
                await self._hand_over(event)
            if event.type == "session-ended":
                self._over = True
        self._following.note_told(told)
        return not self._over

    async def _hand_over(self, event: Event) -> None:
        try:
            answer = await self._call(event)
        except Raised as raised:  # the next event is the next chance of the handler
            self._complain("the handler of a sink failed", event, raised.kind)
            answer = raised.answer
        if answer is not None:
            await self._answer(event, answer)

    async def _answer(self, event: Event, answer: bytes) -> None:
        delay = SOONEST
        while not self._over:
            try:
                await self._give(event, answer)
            except StoreUnavailable:  # a job waits for it
                await asyncio.sleep(delay * random.uniform(0.5, 1))  # noqa: S311 - no secret
                delay = min(LATEST, delay * 2)
            except SessionStoreError as error:
                if not isinstance(error, JobNotFound):
                    self._complain("an answer was not taken", event, type(error).__name__)
                return
            else:
                return

    async def _give(self, event: Event, answer: bytes) -> None:
        job = find_job(self._calls.keys, event.job)
        question = str(event.body["question"])
        await self._driver.do(jobs.answer(job, self._calls.user, question, answer))

    def _event(self, told: JobEvent | Gap) -> Event:
        if isinstance(told, JobEvent):
            return Event.of(told)
        id, sequence = told.position
        return Event(
            id=id or "0-0",
            sequence=sequence or 0,
            job="",
            type="gap",
            body={"why": told.why, "jobs": [_snapshot(job) for job in told.jobs]},
            at=instant(int((id or "0").partition("-")[0])),
        )

    def _complain(self, what: str, about: Any, error: str) -> None:
        """Log that something went wrong, by its kind: what it says may hold what users keep."""
        kind = "gap" if isinstance(about, Gap) else about.type
        job = "" if isinstance(about, Gap) else about.job
        LOG.error("%s (%s of job %s): %s", what, kind, shown(job), error)


def _snapshot(job: Job) -> dict[str, Any]:
    """Return how a job is, for who has missed what it told."""

    def decoded(field: str) -> Any:
        raw = job.fields.get(field.encode())
        return decode(raw, job.state) if raw else None

    over = decoded("z")
    return {
        "job": job.id,
        "name": job.text("n"),
        "state": job.state,
        "progress": decoded("i"),
        "status": decoded("j"),
        "result": over if job.state == "done" else None,
        "errors": over if job.state == "failed" and over else [],
        "why": job.text("Z"),
    }
