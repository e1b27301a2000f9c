"""Running jobs: from a start to what became of it, and everything that can come in between."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from functools import partial
from typing import Any

from sessionstore._core.jobs.flows import Finished
from sessionstore._core.jobs.jobs import Outcome
from sessionstore._core.jobs.keys import find_job
from sessionstore._core.jobs.records import Entry, Started
from sessionstore._core.keys import Keyspace
from sessionstore._redis.aio import AsyncDriver
from sessionstore.data import decode
from sessionstore.errors import JobRefused
from sessionstore.jobs.engine import JobDefinition, find_definition
from sessionstore.jobs.stopped import Stopped
from sessionstore.worker import _outcomes as outcomes
from sessionstore.worker._beating import Beating
from sessionstore.worker._children import Children, Died
from sessionstore.worker._claiming import Claiming, Line
from sessionstore.worker._context import AsyncJobContext
from sessionstore.worker._failures import Errors, failure
from sessionstore.worker._reporting import Reporter
from sessionstore.worker._run import Run

__all__ = ["GIVEN_BACK_WITHIN", "Running"]

log = logging.getLogger("sessionstore.worker")

LOST = Stopped("lease lost", "it may be done elsewhere by now")
ENDED = "session ended: "

BEFORE_A_START = "me"
"""Fields that mean something only before a job starts."""

GIVEN_BACK_WITHIN = 5.0
"""Seconds that jobs have to stop at most, when the worker is to end at once."""


class Running:
    """The jobs that a worker has started."""

    def __init__(self, driver: AsyncDriver, keys: Keyspace) -> None:
        self.runs: dict[str, Run] = {}
        self.claiming: Claiming
        self.beating: Beating
        self.children = Children(self._child_said, self._child_died)
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
        except Exception as error:  # noqa: BLE001 - a class of the application may refuse them, too
            text = error.why if isinstance(error, JobRefused) else "they cannot be read"
            self._fail_at_once(run, [failure("bad-parameters", text)])
            return
        self._see_to_options(run, definition)
        if not definition.is_async:
            self.children.begin(run, definition, started.job.fields[b"p"])
            return
        context = AsyncJobContext(run.reporter, run.facts)
        coroutine = _guarded(definition, context, parameters)
        task = asyncio.get_running_loop().create_task(coroutine)
        run.interrupt = task.cancel
        task.add_done_callback(partial(self._async_ended, run))

    def _see_to_options(self, run: Run, definition: JobDefinition) -> None:
        job = run.started.job
        missing = {
            name: value
            for name, value in definition.fields.items()
            if name not in BEFORE_A_START and name.encode() not in job.fields
        }
        if missing:
            with run.reporter as tellings:
                tellings.write(missing)
        if definition.timeout is not None:
            late = Stopped("timeout", f"it took more than {definition.timeout:g} s")
            handle = asyncio.get_running_loop().call_later(definition.timeout, self.stop, run, late)
            run.timers.append(handle)

    def _fail_at_once(self, run: Run, errors: Errors) -> None:
        run.over = True
        self.end(run, outcomes.failed(errors))
        self.claiming.give_slot()

    def _async_ended(self, run: Run, task: asyncio.Task[Any]) -> None:
        if task.cancelled():
            outcome = outcomes.of_error(run, asyncio.CancelledError())
        elif (error := task.exception()) is not None:
            outcome = outcomes.of_error(run, error)
        else:
            outcome = outcomes.of_result(task.result())
        self.ended(run, outcome)

    def _child_said(self, run: Run, how: str, body: bytes, again: bool) -> None:
        if how == "done":
            self.ended(run, Outcome("done", body))
        elif run.stopping is not None:
            self.ended(run, outcomes.of_stop(run, run.stopping))
        else:
            self.ended(run, outcomes.of_failure(run, decode(body, "errors"), again=again))

    def _child_died(self, run: Run, died: Died | None) -> None:
        if died is not None:
            errors = [failure("process-ended", str(died))]
            self.ended(run, outcomes.of_error(run, died, errors))
        elif run.stopping is not None:
            self.ended(run, outcomes.of_stop(run, run.stopping))
        else:
            self.ended(run, Outcome("back", why="no process can be started", delay_ms=1000))

    # What becomes of it

    def ended(self, run: Run, outcome: Outcome | None) -> None:
        """Free the slot of a job whose code has ended."""
        run.over = True
        for timer in run.timers:
            timer.cancel()
        self.end(run, outcome)
        self.claiming.give_slot()

    def end(self, run: Run, outcome: Outcome | None) -> None:
        """Decide what became of a start, unless that was decided; None: it is no longer ours."""
        if run.settled:
            self._forget(run)
            return
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
        """Take in that what became of a job is written down, or cannot be any more."""
        if answer:
            log.warning("job %s had ended otherwise: %s", run.id, answer)
        self._forget(run)

    def _forget(self, run: Run) -> None:
        if run.over and run.settled and self.runs.get(run.id) is run:
            del self.runs[run.id]
            self.beating.remove(run)
            if not self.runs:
                self.empty.set()

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
            left_ms, _, reason = answer[1:].partition(" ")
            self.stop(run, _told_to_stop(reason), grace=int(left_ms) / 1000)
        elif answer[0] == "L":
            self.lose(run)
        elif answer[0] == "O":
            self.refused(run, answer[1:])

    def refused(self, run: Run, answer: str) -> None:
        """Take in that a report or beat was refused: `lost`, or a state, and why."""
        if answer == "lost":
            self.lose(run)
        else:
            _, _, why = answer.partition(" ")
            run.settled = True
            self._stop_code(run, _told_to_stop(why), run.grace)

    def lose(self, run: Run) -> None:
        """Stop a job of which nothing counts any more."""
        run.settled = True
        self._stop_code(run, LOST, run.grace)

    def stop(self, run: Run, why: Stopped, grace: float | None = None) -> None:
        """Have a job stop, within a grace in seconds."""
        if run.stopping is not None or run.settled:
            return
        self._stop_code(run, why, run.grace if grace is None else grace)

    def give_back(self) -> None:
        """Have all jobs stop, to be done elsewhere."""
        for run in list(self.runs.values()):
            why = Stopped("shutdown", outcomes.GIVEN_BACK)
            self.stop(run, why, grace=min(run.grace, GIVEN_BACK_WITHIN))

    def _stop_code(self, run: Run, why: Stopped, grace: float) -> None:
        if run.over:
            return
        run.stopping = why
        run.interrupt()
        loop = asyncio.get_running_loop()
        harder = grace - min(1.0, grace / 4)
        run.timers += (
            loop.call_later(harder, _signal, run, signal.SIGTERM),
            loop.call_later(grace, self._grace_is_over, run),
        )

    def _grace_is_over(self, run: Run) -> None:
        if run.over:
            return
        if run.signal is not None:
            run.signal(signal.SIGKILL)
            return
        log.warning("job %s does not stop; it goes on, but counts no more", run.id)
        if not run.settled and run.stopping is not None:
            self.end(run, outcomes.of_stop(run, run.stopping))

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


def _signal(run: Run, number: int) -> None:
    if run.signal is not None:
        run.signal(number)


async def _guarded(definition: JobDefinition, context: AsyncJobContext, given: Any) -> Any:
    try:
        return await definition.function(context, **given)
    except (SystemExit, KeyboardInterrupt) as error:  # else the worker would end
        raise RuntimeError(f"the job raised {type(error).__name__}") from error


def _told_to_stop(why: str) -> Stopped:
    if why.startswith(ENDED):
        return Stopped("session ended", why)
    return Stopped("cancelled", why)
