"""Running jobs: from a start to what became of it, and everything that can come in between."""

from __future__ import annotations

import asyncio
import logging
import time
from functools import partial
from typing import Any

from tenacity import RetryCallState

from sessionstore._core.jobs.flows import Finished
from sessionstore._core.jobs.jobs import Outcome
from sessionstore._core.jobs.keys import find_job
from sessionstore._core.jobs.records import Entry, Started
from sessionstore._core.keys import Keyspace
from sessionstore._redis.aio import AsyncDriver
from sessionstore.data import decode
from sessionstore.errors import JobRefused, SessionStoreError
from sessionstore.jobs.engine import JobDefinition, find_definition
from sessionstore.jobs.stopped import Stopped
from sessionstore.worker._beating import Beating
from sessionstore.worker._claiming import Claiming, Line
from sessionstore.worker._context import AsyncJobContext
from sessionstore.worker._failures import (
    LARGEST_RESULT,
    Errors,
    encoded,
    errors_of,
    failure,
    refusal_of_result,
    written,
)
from sessionstore.worker._reporting import Reporter
from sessionstore.worker._run import Run

__all__ = ["Running"]

log = logging.getLogger("sessionstore.worker")

LOST = Stopped("lease lost", "it may be done elsewhere by now")
ENDED = "session ended: "


class Running:
    """The jobs that a worker has started."""

    def __init__(self, driver: AsyncDriver, keys: Keyspace) -> None:
        self.runs: dict[str, Run] = {}
        self.claiming: Claiming
        self.beating: Beating
        self.empty = asyncio.Event()
        self.empty.set()
        self._driver = driver
        self._keys = keys

    # From a start on

    def begin(self, line: Line, entry: Entry, started: Started, end: float) -> None:
        """Run a job that was started for this worker."""
        run = Run(find_job(self._keys, entry.job), entry, started, line, end)
        run.reporter = Reporter(self._driver, run, self.refused)
        self.runs[run.id] = run
        self.empty.clear()
        self.beating.add(run)
        name = started.job.text("n")
        definition = run.definition = find_definition(name)
        if definition is None:
            text = f"no engine of this worker has a job {name}"
            self._fail_at_once(run, [failure("unknown-job", text)])
            return
        try:
            parameters = decode(started.job.fields[b"p"], "parameters")
            definition.check(parameters)
        except (SessionStoreError, KeyError, AttributeError) as error:
            text = error.why if isinstance(error, JobRefused) else "they cannot be read"
            self._fail_at_once(run, [failure("bad-parameters", text)])
            return
        self._see_to_options(run, definition)
        coroutine = _guarded(definition, AsyncJobContext(run), parameters)
        task = asyncio.get_running_loop().create_task(coroutine)
        run.interrupt = task.cancel
        task.add_done_callback(partial(self._async_ended, run))

    def _see_to_options(self, run: Run, definition: JobDefinition) -> None:
        job = run.started.job
        missing = {
            name: value
            for name, value in definition.fields.items()
            if name != "m" and name.encode() not in job.fields
        }
        if missing:
            run.reporter.tellings.write(missing)
            run.reporter.told()
        if definition.timeout is not None:
            late = Stopped("timeout", f"it took more than {definition.timeout:g} s")
            handle = asyncio.get_running_loop().call_later(definition.timeout, self.stop, run, late)
            run.timers.append(handle)

    def _fail_at_once(self, run: Run, errors: Errors) -> None:
        run.over = True
        self.end(run, _failed(errors))
        self.claiming.give_slot()

    def _async_ended(self, run: Run, task: asyncio.Task[Any]) -> None:
        if task.cancelled():
            outcome = self._outcome_of_error(run, asyncio.CancelledError())
        elif (error := task.exception()) is not None:
            outcome = self._outcome_of_error(run, error)
        else:
            outcome = _outcome_of_result(task.result())
        self.ended(run, outcome)

    # What becomes of it

    def ended(self, run: Run, outcome: Outcome | None) -> None:
        """The code of a job has ended: its slot is free."""
        run.over = True
        self.end(run, outcome)
        self.claiming.give_slot()

    def end(self, run: Run, outcome: Outcome | None) -> None:
        """Decide what became of a start, unless that was decided; None: it is no longer ours."""
        if run.settled:
            self._forget(run)
            return
        for timer in run.timers:
            timer.cancel()
        if outcome is None:
            run.settled = True
            self._forget(run)
        elif run.reporter.is_idle:
            self._write_down(run, outcome)
        else:
            task = asyncio.get_running_loop().create_task(self._write_down_later(run, outcome))
            run.interrupt = lambda: task  # keeps it

    async def _write_down_later(self, run: Run, outcome: Outcome) -> None:
        await run.reporter.settle()
        if not run.settled:
            self._write_down(run, outcome)

    def _write_down(self, run: Run, outcome: Outcome) -> None:
        run.settled = True
        said = run.reporter.last()
        self.claiming.finish(Finished(run.entry, run.token, outcome, said), run)

    def written_down(self, run: Run, answer: str | None) -> None:
        """What became of a job stands, or cannot be told any more."""
        if answer:
            log.warning("job %s had ended otherwise: %s", run.id, answer)
        self._forget(run)

    def _forget(self, run: Run) -> None:
        if run.over and run.settled and self.runs.get(run.id) is run:
            del self.runs[run.id]
            self.beating.remove(run)
            if not self.runs:
                self.empty.set()

    def _outcome_of_error(self, run: Run, error: BaseException) -> Outcome | None:
        stopping = run.stopping
        if stopping is not None:
            if stopping.kind in ("cancelled", "session ended"):
                return Outcome("cancelled", why=stopping.reason)
            if stopping.kind == "shutdown":
                return Outcome("back", why="the worker was stopped")
            if stopping.kind == "lease lost":
                return None
            return self._failure(run, [failure(stopping.kind, stopping.reason)], TimeoutError())
        return self._failure(run, errors_of(error), error)

    def _failure(self, run: Run, errors: Errors, error: BaseException) -> Outcome:
        definition = run.definition
        if definition is None or not isinstance(error, definition.retry_on):
            return _failed(errors)
        return self.tried(run, errors)

    def tried(self, run: Run, errors: Errors) -> Outcome:
        """Return what becomes of a try that failed in a way that may be tried again."""
        definition = run.definition
        if definition is None or run.tries >= definition.attempts:
            return _failed(errors)
        state = RetryCallState(None, None, (), {})  # type: ignore[arg-type]
        state.attempt_number = run.tries
        delay = max(0.0, definition.backoff(state))
        return Outcome("again", why=_in_words(errors), delay_ms=round(delay * 1000))

    # What comes in between

    def heard(self, id: str, token: str, answer: str, sent: float) -> None:
        """Take in what a beat says of a job; `sent` is when it was sent, by the monotonic clock."""
        run = self.runs.get(id)
        if run is None or run.token != token or run.settled:
            return
        profile = self.beating.profile
        if answer[0] in "RC":
            run.deadline = max(run.deadline, sent + profile.lease - profile.margin)
        if answer[0] == "C":
            self.stop(run, _told_to_stop(answer[9:]), grace=int(answer[1:9]) / 1000)
        elif answer[0] == "L":
            self.lose(run)
        elif answer[0] == "O":
            self.refused(run, answer[1:])

    def refused(self, run: Run, answer: str) -> None:
        """A report or beat was refused: the job is lost, or over (its state, and why)."""
        if answer == "lost":
            self.lose(run)
        else:
            _, _, why = answer.partition(" ")
            run.settled = True
            self._stop_code(run, _told_to_stop(why))

    def lose(self, run: Run) -> None:
        """Nothing that the job does counts any more."""
        run.settled = True
        self._stop_code(run, LOST)

    def stop(self, run: Run, why: Stopped, grace: float | None = None) -> None:
        """Have a job stop, within a grace in seconds."""
        if run.stopping is not None or run.settled:
            return
        self._stop_code(run, why)
        seconds = run.grace if grace is None else grace
        run.timers.append(asyncio.get_running_loop().call_later(seconds, self._grace_is_over, run))

    def _stop_code(self, run: Run, why: Stopped) -> None:
        if run.over:
            return
        run.stopping = why
        run.interrupt()

    def _grace_is_over(self, run: Run) -> None:
        if run.over or run.settled:
            return
        log.warning("job %s does not stop; it goes on, but counts no more", run.id)
        self.end(run, self._outcome_of_error(run, asyncio.CancelledError()))

    def watch(self) -> None:
        """Look for leases that are over, and for jobs that have said nothing for too long."""
        now = time.monotonic()
        for run in list(self.runs.values()):
            if run.settled:
                continue
            if run.deadline < now:
                log.error("the lease of job %s is over: it is stopped", run.id)
                self.lose(run)
                continue
            limit = run.definition.stall_timeout if run.definition else None
            if limit is not None and now - run.said_at > limit:
                self.stop(run, Stopped("stalled", f"it has said nothing for {limit:g} s"))


async def _guarded(definition: JobDefinition, context: AsyncJobContext, given: Any) -> Any:
    try:
        return await definition.function(context, **given)
    except (SystemExit, KeyboardInterrupt) as error:  # else the worker would end
        raise RuntimeError(f"the job raised {type(error).__name__}") from error


def _told_to_stop(why: str) -> Stopped:
    if why.startswith(ENDED):
        return Stopped("session ended", why)
    return Stopped("cancelled", why)


def _outcome_of_result(result: Any) -> Outcome:
    try:
        return Outcome("done", encoded(result, "result", largest=LARGEST_RESULT))
    except SessionStoreError as error:
        return _failed([refusal_of_result(error)])


def _failed(errors: Errors) -> Outcome:
    return Outcome("failed", written(errors), _in_words(errors))


def _in_words(errors: Errors) -> str:
    return f"{errors[0]['code']}: {errors[0]['text']}"[:200]
