"""The child processes that run plain functions, as the worker sees them."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import signal
import sys
from collections.abc import Coroutine, Iterable
from functools import partial
from typing import Any

from sessionstore._core.jobs.jobs import Outcome
from sessionstore.data import decode
from sessionstore.jobs.engine import JobDefinition
from sessionstore.worker import _outcomes as outcomes
from sessionstore.worker._failures import failure
from sessionstore.worker._processes import Spawned, start_module
from sessionstore.worker._questions import Question
from sessionstore.worker._run import Run

__all__ = ["Children", "Died"]

log = logging.getLogger("sessionstore.worker")

MOST_JOBS = 200
"""So many jobs does a child do until another one takes its place: what leaks ends with it."""

TRIES = 3
"""So many processes in turn are given a job that they do not begin, as they end before that."""


class Died(ChildProcessError):
    """A child process has ended while it ran a job."""


class Child:
    """A process that does one job at a time."""

    def __init__(self, spawned: Spawned) -> None:
        self.spawned = spawned
        self._jobs = 0
        self._requests: set[asyncio.Task[None]] = set()

    def prepare(self, definitions: Iterable[JobDefinition]) -> None:
        """Have it import what it needs for jobs that may come."""
        jobs = [[definition.name, *_origin(definition)] for definition in definitions]
        self.spawned.say(["prepare", 0, jobs])

    @property
    def is_good(self) -> bool:
        """Whether it may be given another job."""
        spawned = self.spawned
        return not (spawned.has_ended or spawned.is_garbled) and self._jobs < MOST_JOBS

    async def do(
        self, run: Run, definition: JobDefinition, parameters: bytes
    ) -> tuple[str, bytes, bool] | None:
        """Do a job: return how it ended, what it said last, and whether it may be tried again.

        None: it has not even begun. Died if the process ends meanwhile.
        """
        self._jobs += 1
        module, main = _origin(definition)
        order = {
            "id": run.id,
            "name": definition.name,
            "module": module,
            "main": main,
            "facts": run.facts,
            "parameters": parameters,
        }
        self.spawned.say(["do", self._jobs, order])
        try:
            return await self._done(run)
        finally:
            for task in self._requests:
                task.cancel()

    async def _done(self, run: Run) -> tuple[str, bytes, bool] | None:
        taken = False
        while True:
            match await self.spawned.hear():
                case [int(number), *_] if number < self._jobs:
                    pass  # of an earlier job, such as a thread that it has left behind
                case [self._jobs, "taken"]:
                    taken = True
                case [self._jobs, "tell", dict(fields), list(events)] if _are_told(fields, events):
                    with run.reporter as tellings:
                        tellings.add(fields, map(tuple, events))
                case [self._jobs, "request", int(number), *request]:
                    self._see_to(run, number, request)
                case [self._jobs, "done", bytes(body)]:
                    return "done", body, False
                case [self._jobs, "failed", bytes(body), bool(again)]:
                    return "failed", body, again
                case None:
                    break
                case _:
                    self.spawned.is_garbled = True
                    break
        if taken:
            raise Died(await self._how_it_ended())
        return None

    def stop(self, run: Run) -> None:
        """Have the function stop, by a soft exception."""
        if (why := run.stopping) is not None:
            self.spawned.say(["stop", self._jobs, why.kind, why.reason])

    async def end(self) -> None:
        """Have the process end."""
        await self.spawned.end()

    def _see_to(self, run: Run, number: int, request: list[Any]) -> None:
        task = asyncio.ensure_future(self._answer(run, self._jobs, number, request))
        self._requests.add(task)
        task.add_done_callback(self._requests.discard)

    async def _how_it_ended(self) -> str:
        if self.spawned.is_garbled:
            await self.spawned.end()
            return "its process was ended, for the job wrote into the line to its worker"
        status = await self.spawned.end(grace=1)  # should it hang, without its socket
        if status < 0:
            known = -status in set(signal.Signals)  # real-time ones have no names
            name = signal.Signals(-status).name if known else f"signal {-status}"
            return f"its process was ended by {name}"
        return f"its process ended by itself, with status {status}"

    async def _answer(self, run: Run, job: int, number: int, request: list[Any]) -> None:
        answer, trouble = b"", ""
        try:
            match request:
                case ["ask", str(id), bytes(body), wait_ms]:
                    answer = await run.reporter.ask_with(Question(id, body), wait_ms)
                case ["read", str(name)]:
                    answer = await run.reporter.read(name)
                case ["attach", name, bytes(data)]:
                    await run.reporter.attach(name, data)
        except Exception as error:  # noqa: BLE001 - it is the job's, which asked
            trouble = str(error) or type(error).__name__
        self.spawned.say(["answer", job, number, answer, trouble])


class Children:
    """Runs plain functions in child processes: each when there is none idle.

    One is started ahead, so that who comes next finds it ready; it is the next one's in any case.
    """

    def __init__(self) -> None:
        self._idle: list[Child] = []
        self._there: set[Child] = set()
        """All of them."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._expected: list[JobDefinition] = []
        self._ahead: asyncio.Task[Child] | None = None

    def expect(self, definitions: Iterable[JobDefinition]) -> None:
        """Have a process ready for such jobs from now on; for none, start no more ahead."""
        self._expected = list(definitions)
        self._start_ahead()

    async def run(self, run: Run, definition: JobDefinition, parameters: bytes) -> Outcome | None:
        """Run the code of a job; return what comes of it, or of the end of its process."""
        try:
            answer = await self._answer(run, definition, parameters)
        except Died as died:
            return outcomes.of_error(run, died, [failure("process-ended", str(died))])
        match answer:
            case ["done", body, _]:
                return Outcome("done", body)
            case _ if run.stopping is not None:
                return outcomes.of_stop(run, run.stopping)
            case [_, body, again]:
                return outcomes.of_failure(run, decode(body, "errors"), again=again)
        return Outcome("back", why="no process can be started", delay_ms=1000)

    async def close(self) -> None:
        """End all processes."""
        if self._ahead is not None:
            self._ahead.cancel()
            await asyncio.gather(self._ahead, return_exceptions=True)
        await asyncio.gather(*self._tasks, *map(self._end, self._there))

    async def _answer(
        self, run: Run, definition: JobDefinition, parameters: bytes
    ) -> tuple[str, bytes, bool] | None:
        answer = None
        for _ in range(TRIES):
            if answer is not None or run.stopping is not None:
                break
            try:
                child = await self._take()
            except OSError as error:
                log.error("no process can be started: %s", error)  # noqa: TRY400
                break
            run.interrupt, run.signal = partial(child.stop, run), child.spawned.send_signal
            good = False
            try:
                if run.stopping is None:
                    answer = await child.do(run, definition, parameters)
                good = child.is_good and run.stopping is None
            finally:
                run.interrupt, run.signal = _nothing, None
                self._give(child, good=good)
        return answer

    async def _take(self) -> Child:
        while True:
            if self._idle:
                child = self._idle.pop()
            elif self._ahead is not None:
                ahead, self._ahead = self._ahead, None
                child = await ahead
            else:
                return await self._start()
            if child.is_good:
                return child
            self._keep(self._end(child))

    async def _start(self) -> Child:
        child = Child(await start_module("sessionstore.worker._child"))
        self._there.add(child)
        child.prepare(self._expected)
        return child

    def _start_ahead(self) -> None:
        if self._expected and not self._idle and self._ahead is None:
            self._ahead = asyncio.get_running_loop().create_task(self._start())

    def _give(self, child: Child, *, good: bool) -> None:
        if good:
            self._idle.append(child)
        else:
            self._keep(self._end(child))
            self._start_ahead()

    async def _end(self, child: Child) -> None:
        await child.end()
        self._there.discard(child)

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _are_told(fields: dict[Any, Any], events: list[Any]) -> bool:
    """Return whether these are fields and events, as a report has them."""
    return all(
        isinstance(name, str) and isinstance(value, bytes | str | int)
        for name, value in fields.items()
    ) and all(isinstance(event, list) and [*map(type, event)] == [str, bytes] for event in events)


def _nothing() -> None:
    return None


def _origin(definition: JobDefinition) -> tuple[str, str]:
    """Return the module that a child imports for a job, or else the program it runs."""
    name = getattr(definition.function, "__module__", "")
    if name != "__main__":
        return name, ""
    main = sys.modules["__main__"]
    spec = getattr(main, "__spec__", None)
    if spec is not None and importlib.util.find_spec(spec.name):
        return spec.name, ""
    return name, str(getattr(main, "__file__", ""))
