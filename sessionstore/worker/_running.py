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
from sessionstore.worker._children import Children
from sessionstore.worker._claiming import Claiming, Line
from sessionstore.worker._context import AsyncJobContext
from sessionstore.worker._failures import Errors, failure
from sessionstore.worker._processes import DIES_WITHIN
from sessionstore.worker._reporting import Reporter
from sessionstore.worker._run import Run

__all__ = ["GIVEN_BACK_WITHIN", "Running"]

log = logging.getLogger("sessionstore.worker")

LOST = Stopped("lease lost", "it may be done elsewhere by now")
SHUTDOWN = Stopped("shutdown", outcomes.GIVEN_BACK)
ENDED = "session ended: "

BEFORE_A_START = "me"
"""Fields that mean something only before a job starts."""

LAST_CHANCE = 1.0
"""Seconds in which code ends that is cancelled because the worker ends, or it is left behind."""

GIVEN_BACK_WITHIN = 5.0
"""Seconds that jobs have to stop at most, when the worker is to end at once."""


class Running:
    """The jobs that a worker has started."""

    def __init__(self, driver: AsyncDriver, keys: Keyspace) -> None:
        self.runs: dict[str, Run] = {}
        self.claiming: Claiming
        self.beating: Beating
        self.children = Children()
        self.empty = asyncio.Event()
        self.empty.set()
        self._driver = driver
        self._keys = keys
        self._gives_back = False

    # From a start on

    def begin(self, line: Line, entry: Entry, started: Started, end: float) -> None:
        """Run a job that was started for this worker."""
        run = Run(find_job(self._keys, entry.job), entry, started, line, end)
        run.reporter = Reporter(self._driver, run, self.refused)
        self.runs[run.id] = run
        self.empty.clear()
        self.beating.add(run)
        try:
            errors = self._begin(run)
        except Exception as error:  # noqa: BLE001 - whatever it is, the job has an end
            self._failed_at(run, error)
        else:
            if errors:
                self.ended(run, outcomes.failed(errors))
            elif self._gives_back:  # it was on its way
                self._give_back(run)

    def _begin(self, run: Run) -> Errors:
        """Begin to run the code of a job; return why it cannot run."""
        job = run.started.job
        name = job.text("n")
        definition = run.definition = find_definition(name)
        if definition is None:
            return [failure("unknown-job", f"no engine of this worker has a job {name}")]
        try:
            parameters = decode(job.fields[b"p"], "parameters")
            definition.check(parameters)
        except BaseException as error:  # noqa: BLE001 - of a class of the application
            text = error.why if isinstance(error, JobRefused) else "they cannot be read"
            return [failure("bad-parameters", text)]
        self._see_to_options(run, definition)
        loop = asyncio.get_running_loop()
        if definition.is_async:
            run.code = loop.create_task(_run(run, definition, parameters))
            run.interrupt = partial(_cancel, run.code)
        else:
            run.code = loop.create_task(self.children.run(run, definition, job.fields[b"p"]))
        run.code.add_done_callback(partial(self._code_ended, run))
        return []

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

    def _code_ended(self, run: Run, code: asyncio.Task[Outcome | None]) -> None:
        try:
            if code.cancelled():
                if run.stopping is None and self._gives_back:
                    run.stopping = SHUTDOWN  # all tasks of the loop were cancelled
                self.ended(run, outcomes.of_error(run, asyncio.CancelledError()))
            else:
                self.ended(run, code.result())
        except Exception as error:  # noqa: BLE001 - whatever it is, the job has an end
            self._failed_at(run, error)

    def _failed_at(self, run: Run, error: Exception) -> None:
        """End a job at which this worker itself has failed: the last resort.

        Should even that fail, the lease of the job ends, and another worker has it.
        """
        log.error("this worker has failed at job %s", run.id, exc_info=error)
        try:
            text = f"the worker itself has failed: {type(error).__name__}"
            self.ended(run, outcomes.failed([failure("worker-failed", text)]))
        except Exception:
            log.exception("what became of job %s cannot be told", run.id)
            run.settled = True
            self._forget(run)

    # What becomes of it

    def ended(self, run: Run, outcome: Outcome | None) -> None:
        """Free the slot of a job whose code has ended, and decide what became of it."""
        if not run.over:
            run.over = True
            for timer in run.timers:
                timer.cancel()
            self.claiming.give_slot()
        self.end(run, outcome)

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
        try:
            if not run.settled:
                self._write_down(run, outcome)
        except Exception as error:  # noqa: BLE001 - whatever it is, the job has an end
            self._failed_at(run, error)

    def _write_down(self, run: Run, outcome: Outcome) -> None:
        said = run.reporter.last()
        run.settled = True
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
        self._gives_back = True
        self.children.expect([])
        for run in list(self.runs.values()):
            self._give_back(run)

    def _give_back(self, run: Run) -> None:
        self.stop(run, SHUTDOWN, grace=min(run.grace, GIVEN_BACK_WITHIN))

    async def close(self) -> None:
        """End what is still there; but for code of async jobs that does not stop, that is all."""
        codes = []
        for run in list(self.runs.values()):
            run.settled = True
            run.reporter.close()
            for timer in run.timers:
                timer.cancel()
            if run.code is not None:
                run.code.cancel()
                codes.append(run.code)
        if codes:
            await asyncio.wait(codes, timeout=LAST_CHANCE)
        await self.children.close()

    def _stop_code(self, run: Run, why: Stopped, grace: float) -> None:
        if run.over:
            return
        run.stopping = why
        loop = asyncio.get_running_loop()
        harder = grace - min(1.0, grace / 4)
        run.timers += (
            loop.call_later(harder, _signal, run, signal.SIGTERM),
            loop.call_later(grace, self._grace_is_over, run),
        )
        run.interrupt()

    def _grace_is_over(self, run: Run) -> None:
        if run.over:
            return
        if run.signal is not None:
            run.signal(signal.SIGKILL)
            loop = asyncio.get_running_loop()
            run.timers.append(loop.call_later(DIES_WITHIN, self._does_not_die, run))
            return
        log.warning("job %s does not stop; it goes on, but counts no more", run.id)
        if not run.settled and run.stopping is not None:
            self.end(run, outcomes.of_stop(run, run.stopping))

    def _does_not_die(self, run: Run) -> None:
        """Give up a process that the system keeps, as it does while a file server is away."""
        log.error("the process of job %s was killed, and does not end", run.id)
        if run.stopping is not None:
            self.ended(run, outcomes.of_stop(run, run.stopping))

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


def _cancel(code: asyncio.Task[Outcome | None]) -> None:
    if not code.cancelling():  # once: it may be cleaning up
        code.cancel()


def _signal(run: Run, number: int) -> None:
    if run.signal is not None:
        run.signal(number)


async def _run(run: Run, definition: JobDefinition, given: dict[str, Any]) -> Outcome | None:
    """Run the code of an async job; return what comes of it, or of what it has raised."""
    try:
        context = AsyncJobContext(run.reporter, run.facts)
        return outcomes.of_result(await definition.function(context, **given))
    except (SystemExit, KeyboardInterrupt) as error:  # else the worker would end
        raised: BaseException = RuntimeError(f"the job raised {type(error).__name__}")
        raised.__cause__ = error
    except asyncio.CancelledError as error:
        if run.code is not None and run.code.cancelling():
            raise
        raised = error
    except BaseException as error:  # noqa: BLE001 - code of the job
        raised = error
    return outcomes.of_error(run, raised)


def _told_to_stop(why: str) -> Stopped:
    if why.startswith(ENDED):
        return Stopped("session ended", why)
    return Stopped("cancelled", why)
