"""A report is made by a pool of workers, one of them is killed, and what is told of it is shown."""

from __future__ import annotations

import multiprocessing
import queue
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from multiprocessing.context import SpawnProcess
from typing import Any

from sessionstore.cli.output import line, say
from sessionstore.cli.report import worker
from sessionstore.cli.report.engine import PAGES
from sessionstore.doctor import forget
from sessionstore.embedded import EmbeddedServer
from sessionstore.errors import StoreUnavailable
from sessionstore.jobs import Event, JobHandle, Jobs
from sessionstore.store import SessionStore

__all__ = ["show_report"]

WORKERS = 2
PATIENCE = 60.0
"""Seconds within which something must be told."""

KILL_AT = 0.4
ENDS = ("result", "failed", "cancelled", "lost")


def show_report(url: str | None) -> bool:
    """Show it in a store of its own; return whether the report was made (None: a server, too)."""
    if url is None:
        with EmbeddedServer() as server:
            return show_report(server.url)
    prefix = f"demo-{secrets.token_hex(4)}"
    say(
        f"A session has a report made by one of {WORKERS} workers; what that tells is shown as it"
        " comes. Halfway the worker is killed (kill -9), and another makes the report."
    )
    try:
        with SessionStore.connect(url, prefix=prefix) as store, _pool(url, prefix) as pool:
            return Show(store, pool).run()
    finally:
        forget(url, prefix=prefix)


class Show:
    """A session, its job, and the workers."""

    def __init__(self, store: SessionStore, pool: list[SpawnProcess]) -> None:
        self._store = store
        self._pool = pool
        self._events: queue.Queue[Event] = queue.Queue()
        self._begun: datetime | None = None

    def run(self) -> bool:
        """Submit the job, and show what is told of it until it is over."""
        jobs = Jobs(self._store)
        session = self._store.create(owner="alice", open=False)
        with jobs.sink(session, self._hear):
            job = jobs.submit(session, "Reports.Render", pages=PAGES)
            killed = False
            while True:
                event = self._next()
                self._show(event, job)
                if event.type in ENDS:
                    break
                if not killed and event.type == "progress" and event.body["fraction"] >= KILL_AT:
                    killed = True
                    self._kill(event, job)
        self._store.delete(session.id)
        return event.type == "result"

    def _hear(self, _type: str, _body: Any, _user_data: Any, event: Event) -> None:
        self._events.put(event)

    def _next(self) -> Event:
        try:
            return self._events.get(timeout=PATIENCE)
        except queue.Empty:
            raise StoreUnavailable("the report is not made: no worker tells anything") from None

    def _show(self, event: Event, job: JobHandle) -> None:
        match event.type:
            case "running":
                text = f"at {self._worker(job)}"
            case "progress":
                text = f"{event.body['fraction']:4.0%}  {event.body['text']}"
            case "result":
                text = f"{event.body['pages']} pages, after {job.info().attempts} starts"
            case _:
                text = event.body.get("why", "")
        self._line(event.at, event.type, text, style="green" if event.type == "result" else "")

    def _kill(self, event: Event, job: JobHandle) -> None:
        name = self._worker(job)
        for process in self._pool:
            if process.name == name:
                process.kill()
                process.join()
                text = f"{name}, process {process.pid}; its lease is over in {worker.QUICK.lease} s"
                self._line(event.at, "kill -9", text, style="red")

    def _worker(self, job: JobHandle) -> str:
        """Return which worker has the job: its name ends with host, process and a random part."""
        told = (job.info().worker or "").split(":")
        names = [one.name for one in self._pool if str(one.pid) in told]
        return names[0] if names else "a worker"

    def _line(self, at: datetime, what: str, text: str, *, style: str) -> None:
        self._begun = self._begun or at
        seconds = (at - self._begun).total_seconds()
        line(f"{seconds:6.2f} s  {what:<9} {text}".rstrip(), style)


@contextmanager
def _pool(url: str, prefix: str) -> Iterator[list[SpawnProcess]]:
    spawn = multiprocessing.get_context("spawn")
    pool = [
        spawn.Process(target=worker.main, args=(url, prefix), name=f"worker {number}", daemon=True)
        for number in range(1, WORKERS + 1)
    ]
    try:
        for process in pool:
            process.start()
        yield pool
    finally:
        for process in pool:
            if process.pid is not None:
                process.kill()
                process.join()
