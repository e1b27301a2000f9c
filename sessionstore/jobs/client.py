"""The jobs of a store, for synchronous code."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from sessionstore._shell.opened import OpenSession
from sessionstore.config import Duration
from sessionstore.jobs._answers import answer_of
from sessionstore.jobs._calls import JobCalls
from sessionstore.jobs._contexts import JobContext
from sessionstore.jobs._delivering import Handler, Wanted
from sessionstore.jobs._files import File, loaded
from sessionstore.jobs._infos import JobInfo, QueueInfo
from sessionstore.jobs._orders import each_of, together
from sessionstore.jobs.handles import JobHandle
from sessionstore.jobs.sinks import Sink
from sessionstore.store import SessionStore

__all__ = ["Jobs"]


class Jobs:
    """Jobs that workers do for sessions; it is made from a store, or from a view of one.

    What a view may not know of is not found: the jobs of a session are for who may open it. All
    methods raise StoreUnavailable and ConfigError.
    """

    def __init__(self, store: SessionStore) -> None:
        context = store._context  # noqa: SLF001 - what every wing is built from
        self._context = JobContext(context.driver, JobCalls(context.calls))
        self._calls = self._context.calls
        self._run = context.driver.run

    def submit(
        self,
        session: OpenSession | str,
        name: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        owner: str | None = None,
        queue: str | None = None,
        delay: Duration | None = None,
        priority: Duration | None = None,
        key: str | None = None,
        max_wait: Duration | None = None,
        keep: Duration | None = None,
        files: Mapping[str, File] | None = None,
        **more: Any,
    ) -> JobHandle:
        """Submit a job of a session: a worker does it, as soon as it is its turn.

        It ends with its session, unless its engine says otherwise. If this process knows its
        engine, the parameters are checked at once, else by the worker: then the job fails.

        Args:
            session: an open one, or the id of one.
            name: `Engine.Job`.
            parameters: by their names, 256 KB in all; or give them as keywords.
            owner: whose the session is, if it is given by its id; as in `SessionStore.open`.
            queue: where it waits; None: as its engine says, or `default`.
            delay: how long it is not started, in seconds or as a timedelta, as all times here.
            priority: head start before other jobs of its owner; may be negative.
            key: while a job of the session with this key lives, it is meant, and no other is made.
            max_wait: how long it may wait for its first start; then it fails.
            keep: how long what became of it can be read after its end; None: an hour.
            files: for the job to read, by name, 64 MB in all: bytes, paths, or files open for
                reading bytes.
            more: parameters as keywords.

        Raises:
            JobRefused: too many jobs live, or the parameters do not fit; SessionNotFound,
            SessionEnded, TypeRefused.
        """
        flow = self._calls.submit(
            session, name, [together(parameters, more)], owner=owner, into=queue,
            delay=delay, priority=priority, key=key, max_wait=max_wait, keep=keep,
            files=loaded(files),
        )  # fmt: skip
        return JobHandle(self._context, self._run(flow).jobs[0])

    def submit_many(
        self,
        session: OpenSession | str,
        name: str,
        parameters: Iterable[Mapping[str, Any]],
        *,
        owner: str | None = None,
        queue: str | None = None,
        delay: Duration | None = None,
        priority: Duration | None = None,
        max_wait: Duration | None = None,
        keep: Duration | None = None,
    ) -> list[JobHandle]:
        """Submit jobs of one name together, one for each mapping of parameters: all or none.

        That costs a fraction of submitting them one by one. What is not said here is as in
        `submit`.

        Args:
            session, name, owner, queue, delay, priority, max_wait, keep: of all, as in `submit`.
            parameters: of each, up to 100, and 256 KB together.

        Returns:
            The jobs, in the order of their parameters.

        Raises:
            JobRefused: so many more must not live, or some parameters do not fit; then none was
            submitted. And what `submit` raises.
        """
        flow = self._calls.submit(
            session, name, each_of(parameters), owner=owner, into=queue,
            delay=delay, priority=priority, max_wait=max_wait, keep=keep,
        )  # fmt: skip
        return [JobHandle(self._context, id) for id in self._run(flow).jobs]

    def execute(
        self,
        session: OpenSession | str,
        name: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        timeout: Duration | None = None,
        owner: str | None = None,
        queue: str | None = None,
        priority: Duration | None = None,
        **more: Any,
    ) -> Any:
        """Submit a job, wait for its end, and return what it returned.

        The arguments are those of `submit`. After `timeout` (None: however long it takes), or if
        the caller is interrupted, the job is cancelled.

        Raises:
            JobNotOver after `timeout`, JobFailed, JobCancelled, JobLost, and what `submit` raises.
        """
        given = [together(parameters, more)]
        flow = self._calls.submit(session, name, given, owner=owner, into=queue, priority=priority)
        return self._run(self._calls.execute(flow, timeout))

    def find(self, id: str) -> JobHandle:
        """Return a job by its id; JobNotFound."""
        self._run(self._calls.look(id))
        return JobHandle(self._context, id)

    def list(
        self,
        session: OpenSession | str | None = None,
        *,
        owner: str | None = None,
        queue: str | None = None,
        state: str | None = None,
    ) -> Iterator[JobInfo]:
        """Iterate over jobs, read in pages and in no order; each comes once, as it was just then.

        Those that live are among them, and for a week those that have failed or were lost, up to
        1,000 in each bucket. Of one session it is also the last 256 that are over.

        Args:
            session: an open one, or the id of one; None: any.
            owner: whose jobs; with the id of a session, whose that is.
            queue: in which they are, or were.
            state: in which they are.
        """
        listing = self._calls.listing(session, owner, queue, state)
        while (page := self._run(listing.page())) is not None:
            yield from page

    def retry(self, id: str) -> None:
        """Do a job again that has failed, was lost or cancelled, for its session, which must live.

        It has its key again. Raises JobNotFound, SessionEnded; JobRefused: it is in another state,
        or another job that lives has its key (limit `state`), or too many jobs live.
        """
        self._run(self._calls.retry(id))

    def adopt(self, id: str, session: OpenSession | str, owner: str | None = None) -> None:
        """Give an orphan, a job that outlived its session, to another session.

        Its sinks are told what became of it until then, and all that it tells from then on. Raises
        JobNotFound, SessionNotFound, SessionEnded; JobRefused (limit `state`) if it is no orphan.
        """
        self._run(self._calls.adopt(id, session, owner))

    def answer(self, id: str, question: str, body: Any) -> bool:
        """Answer a question that a job asks; False if that is too late, or it has another answer.

        Raises JobNotFound, TypeRefused; ValueTooLarge for more than 64 KB.
        """
        return self._run(self._calls.answer(id, question, answer_of(body)))

    def sink(
        self,
        session: OpenSession | str,
        handler: Handler,
        *,
        types: Collection[str] | None = None,
        user_data: Any = None,
        after: str | None = None,
        owner: str | None = None,
    ) -> Sink:
        """Have a handler called with all that the jobs of a session tell, from now on.

        It is called in a thread of its own (in asyncio by a task, which awaits what is to be
        awaited) as `handler(type, body, user_data)`, with `event=` too if it has an argument of
        that name. What it returns for an `ask`, unless that is None, is
        the answer; what it raises is an answer with errors.

        Args:
            session: an open one, or the id of one.
            handler: a function.
            types: of events; None: all. `gap` (events were missed; its body says how the jobs are
                now) and `session-ended` are told in any case.
            user_data: is handed over with each event.
            after: the `cursor` of another sink, after which to go on; `start`: with the first event
                that is kept.
            owner: whose the session is, if it is given by its id; as in `SessionStore.open`.

        Raises:
            SessionNotFound, SessionEnded.
        """
        sink = Sink(self._context, Wanted(handler, types, user_data, after))
        sink._begin(self._calls.session(session, owner))  # noqa: SLF001 - they are of one piece
        return sink

    def configure_queue(self, name: str, **changes: Any) -> QueueInfo:
        """Set limits of a queue, if any are given, and return all of them, and what is in it.

        Args:
            name: of the queue, 1 to 64 letters, digits, `_` or `-`.
            changes: `max_waiting` (jobs of one owner), `max_running`, `max_running_per_owner`,
                `rate` (starts in a second, from 0.00001 to a million), each None for no limit;
                `paused`: whether nothing is started.

        Raises:
            NotPermitted: for a user who is not privileged.
        """
        return self._run(self._calls.queue(name, changes))
