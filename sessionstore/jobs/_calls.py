"""From what a caller says of jobs to the flow that does it: the part that does not wait."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sessionstore._checks import (
    LARGEST,
    Duration,
    check_id,
    check_owner,
    optional_milliseconds,
    whole_number,
)
from sessionstore._core.jobs import flows, groups, jobs, queues, submitting
from sessionstore._core.jobs.files import read_file
from sessionstore._core.jobs.jobs import Given
from sessionstore._core.jobs.keys import JobKey, check_queue, find_group, find_job, queue
from sessionstore._core.jobs.layout import LIVE, TERMINAL
from sessionstore._core.jobs.listing import JobPager, places, places_of
from sessionstore._core.jobs.records import Row, Submitted
from sessionstore._core.jobs.submitting import GONE
from sessionstore._core.keys import Home
from sessionstore._core.operation import Flow
from sessionstore._core.sessions import Scope
from sessionstore._shell.calls import Calls
from sessionstore._shell.opened import OpenSession
from sessionstore.errors import ConfigError, JobNotOver, JobRefused
from sessionstore.jobs._events import Event
from sessionstore.jobs._infos import JobInfo, QueueInfo, outcome_of
from sessionstore.jobs._orders import Declarations, asked, ordered

__all__ = ["JobCalls"]

SLOWEST, FASTEST = 1e-5, 1e6
"""Jobs of a queue that may be started in a second."""

PAGE = 100
MAX_KNOWN = 10_000
LIMITS = {"max_waiting", "max_running", "max_running_per_owner", "rate", "paused"}
STATES = (*LIVE, *TERMINAL)


class JobCalls:
    """Makes flows of what is asked for, by a user or by the trusted application itself."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self.keys = calls.keys
        self._user = calls.limited_to
        self._known: dict[str, Submitted] = {}
        """What the last jobs of sessions told, by SID: whose turn in a queue they take."""
        self._declarations = Declarations(self.keys)

    def session(self, session: Any, owner: str | None) -> tuple[Home, Scope]:
        """Return the home of the session that is meant, open or by its id."""
        if not isinstance(session, OpenSession):
            return self._calls.find(session, owner)
        if owner is not None:
            raise ConfigError("an owner goes with the id of a session, not with an open one")
        return self._calls.find(session.id, session.owner)

    def job(self, id: str) -> JobKey:
        """Return the keys of a job."""
        return find_job(self.keys, check_id(id, "job id"))

    def submit(
        self,
        session: Any,
        name: str,
        parameters: Sequence[Mapping[str, Any]],
        *,
        owner: str | None,
        into: str | None,
        files: Mapping[str, bytes] | None = None,
        **options: Any,
    ) -> Flow[Submitted]:
        """Return the flow that submits a job for each mapping of parameters."""
        home, scope = self.session(session, owner)
        given = asked(self.keys, name, parameters, into, options)
        return self._submitting(home, scope, name, given, files or {})

    def _submitting(
        self, home: Home, scope: Scope, name: str, given: Given, files: Mapping[str, bytes]
    ) -> Flow[Submitted]:
        if not given.parameters:
            return Submitted([], "", "", False)
        declared = yield from self._declarations.find(name)
        known = self._known.get(home.sid)
        order = ordered(self.keys, given, declared, files)
        submitted = yield from submitting.submit(self.keys, home, scope, order, known)
        if known is None or known.owner != submitted.owner:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            self._known[home.sid] = submitted
        return submitted

    def result(self, id: str, timeout: Duration | None) -> Flow[Any]:
        """Return the flow that waits for what a job returns."""
        wait_ms = optional_milliseconds(timeout, "timeout")
        return self._waiting(self.job(id), wait_ms)

    def _waiting(self, job: JobKey, wait_ms: int | None) -> Flow[Any]:
        over = yield from flows.result(job, self._user, wait_ms)
        if over is None:
            raise JobNotOver(job.id)
        return outcome_of(over)

    def execute(self, submitting: Flow[Submitted], timeout: Duration | None) -> Flow[Any]:
        """Return the flow that submits a job and waits for it; nobody needs it after that."""
        wait_ms = optional_milliseconds(timeout, "timeout")
        return self._executing(submitting, wait_ms)

    def _executing(self, submitting: Flow[Submitted], wait_ms: int | None) -> Flow[Any]:
        (id,) = (yield from submitting).jobs
        job = find_job(self.keys, id)
        try:
            return (yield from self._waiting(job, wait_ms))
        except GeneratorExit:
            raise
        except JobNotOver:
            yield from jobs.cancel(job, self._user, "its caller waits no longer", None)
            raise
        except Exception:
            raise
        except BaseException:  # cancelled: nobody wants to know any more
            yield from jobs.cancel(job, self._user, GONE, None)
            raise

    def look(self, id: str) -> Flow[JobInfo]:
        """Return the flow that reads what is known of a job."""
        return self._looking(self.job(id))

    def _looking(self, job: JobKey) -> Flow[JobInfo]:
        return JobInfo.of((yield from jobs.look(job, self._user)))

    def file(self, id: str, name: str) -> Flow[bytes]:
        """Return the flow that reads a file of a job."""
        return self._filing(self.job(id), check_id(name, "the name of a file"))

    def _filing(self, job: JobKey, name: str) -> Flow[bytes]:
        content = yield from read_file(job, self._user, name)
        if content is None:
            raise KeyError(name)
        return content

    def events(self, id: str) -> Flow[list[Event]]:
        """Return the flow that reads what a job has told, of what is kept."""
        return self._reading(self.job(id))

    def _reading(self, job: JobKey) -> Flow[list[Event]]:
        found = yield from jobs.read(job, self._user)
        group, told, after = find_group(self.keys, found.text("g")), list[Event](), ""
        while page := (yield from groups.follow(group, after, PAGE, self._user)):
            if not page.events:
                break
            told += (Event.of(event) for event in page.events if event.job == job.id)
            after = page.events[-1].id
        return told

    def cancel(self, id: str, reason: str, grace: Duration | None) -> Flow[str]:
        """Return the flow that cancels a job."""
        reason = check_id(reason, "reason")
        grace_ms = optional_milliseconds(grace, "grace")
        return iter(jobs.cancel(self.job(id), self._user, reason, grace_ms))

    def answer(self, id: str, question: str, body: bytes) -> Flow[bool]:
        """Return the flow that answers a question."""
        question = check_id(question, "question")
        return iter(jobs.answer(self.job(id), self._user, question, body))

    def retry(self, id: str) -> Flow[None]:
        """Return the flow that does a job again."""
        return self._unless_refused(
            flows.retry(self.keys, self.job(id), self._user),
            "it is {}, and only what has failed, was lost or cancelled is done again",
        )

    def adopt(self, id: str, session: Any, owner: str | None) -> Flow[None]:
        """Return the flow that gives an orphan to a session."""
        found = self.session(session, owner)
        return self._unless_refused(
            submitting.adopt(self.keys, self.job(id), self._user, *found), "{}"
        )

    def _unless_refused(self, flow: Flow[str], why: str) -> Flow[None]:
        if refusal := (yield from flow):
            raise JobRefused("state", why=why.format(refusal))

    def listing(
        self, session: Any, whose: str | None, queue: str | None, state: str | None
    ) -> JobListing:
        """Return a pager over the jobs that are asked for."""
        if state is not None and state not in STATES:
            raise ConfigError(f"state is one of {', '.join(STATES)}, not {state!r}")
        if queue is not None:
            check_queue(queue)
        if session is not None:
            found = self.session(session, whose)
            return JobListing(self, found[0], None, queue, state)
        if whose is not None:
            check_owner(whose)
        return JobListing(self, None, whose, queue, state)

    def queue(self, name: str, changes: Mapping[str, Any]) -> Flow[QueueInfo]:
        """Return the flow that sets limits of a queue, and reads all of them."""
        self._calls.check_privileged("look into a queue, or change its limits")
        place = queue(self.keys, name)
        limits = {limit: _limit(limit, value) for limit, value in changes.items()}

        def configuring() -> Flow[QueueInfo]:
            if limits:
                yield from queues.configure(place, limits)
            return QueueInfo.of(name, (yield from queues.state(place)))

        return configuring()

    @property
    def user(self) -> str:
        """The user whose own and public jobs are all there is; empty: all are."""
        return self._user


class JobListing:
    """Goes through jobs, and keeps those that were asked for."""

    def __init__(
        self,
        calls: JobCalls,
        home: Home | None,
        owner: str | None,
        queue: str | None,
        state: str | None,
    ) -> None:
        self._calls = calls
        self._home = home
        self._owner = owner
        self._queue = queue
        self._state = state
        self._pager: JobPager | None = None

    def page(self) -> Flow[list[JobInfo] | None]:
        """Read on; the jobs of a page come in no order."""
        if self._pager is None:
            keys = self._calls.keys
            found = (
                places(keys, self._state)
                if self._home is None
                else (yield from places_of(keys, self._home))
            )
            self._pager = JobPager(found, self._calls.user)
        rows = yield from self._pager.page()
        return None if rows is None else [JobInfo.of(row) for row in rows if self._wanted(row)]

    def _wanted(self, row: Row) -> bool:
        return (
            self._owner in (None, row.owner)
            and self._queue in (None, row.job.text("q"))
            and self._state in (None, row.job.state)
        )


def _limit(name: str, value: Any) -> str:
    if name not in LIMITS:
        raise ConfigError(f"a queue has no {name!r}; there are {', '.join(sorted(LIMITS))}")
    if name == "paused":
        if not isinstance(value, bool):
            raise ConfigError("paused is True or False")
        return "1" if value else ""
    if value is None:
        return ""
    if name == "rate":
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ConfigError(f"rate is a number of jobs a second, not {type(value).__name__}")
        if not SLOWEST <= value <= FASTEST:
            raise ConfigError("rate is from 0.00001 jobs a second, about one a day, to a million")
        return f"{value:.9f}"
    return str(whole_number(value, name, least=0, most=LARGEST))
