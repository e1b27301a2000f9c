"""`jobs ls`, `show`, `tail`, `cancel`, `retry`, `dead` and `drain`: the jobs of a store."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import chain, islice
from typing import Annotated, Any

import typer

from sessionstore.cli.options import (
    DEFAULT_PREFIX,
    DEFAULT_URL,
    Buckets,
    Json,
    Owner,
    Prefix,
    Url,
    store_at,
)
from sessionstore.cli.output import (
    Cell,
    duration,
    line,
    print_json,
    say,
    sheet,
    short,
    size,
    table,
    visible,
    when,
)
from sessionstore.errors import ConfigError, JobNotFound, SessionStoreError
from sessionstore.jobs import Event, JobInfo, Jobs

__all__ = ["app"]

STYLES = {"running": "bold", "done": "green", "failed": "red", "lost": "red", "cancelled": "dim"}
OVER = {"result", "failed", "cancelled", "lost"}
TOLD = {"progress", "log", "queued", "running", "failed", "cancelled", "lost", "session-ended"}
"""Events whose bodies are shown without being asked for: no values that a job works with."""

LOOK_EVERY = 0.5

app = typer.Typer(
    help="The jobs of sessions, and their queues.", no_args_is_help=True, add_completion=False
)

JobId = Annotated[str, typer.Argument(help="The id of the job.", metavar="JOB")]
InQueue = Annotated[str | None, typer.Option("--queue", help="Only what is, or was, in this one.")]


@contextmanager
def _jobs_at(url: str, prefix: str, buckets: int) -> Iterator[Jobs]:
    with store_at(url, prefix, buckets) as store:
        yield Jobs(store)


@app.command()
def ls(
    session: Annotated[
        str | None, typer.Option(help="Only those of this one; --owner says whose it is.")
    ] = None,
    owner: Owner = None,
    queue: InQueue = None,
    state: Annotated[str | None, typer.Option(help="Only those that are queued, ...")] = None,
    limit: Annotated[int, typer.Option(help="How many at most; 0: all.", min=0)] = 0,
    json: Json = False,
    url: Url = DEFAULT_URL,
    prefix: Prefix = DEFAULT_PREFIX,
    buckets: Buckets = 256,
) -> None:
    """List jobs: those that live, and those that have failed or were lost; in no order."""
    with _jobs_at(url, prefix, buckets) as jobs:
        found = jobs.list(session, owner=owner, queue=queue, state=state)
        _list(list(islice(found, limit or None)), json=json)


@app.command()
def dead(
    owner: Owner = None,
    queue: InQueue = None,
    json: Json = False,
    url: Url = DEFAULT_URL,
    prefix: Prefix = DEFAULT_PREFIX,
    buckets: Buckets = 256,
) -> None:
    """List the jobs that have failed or were lost, the last ones first; see retry."""
    with _jobs_at(url, prefix, buckets) as jobs:
        states = ("failed", "lost")
        found = chain(*(jobs.list(owner=owner, queue=queue, state=state) for state in states))
        _list(sorted(found, key=lambda info: info.finished or info.created)[::-1], json=json)


@app.command()
def show(
    id: JobId,
    values: Annotated[
        bool, typer.Option("--values", help="Show what it returned, or its errors.")
    ] = False,
    json: Json = False,
    url: Url = DEFAULT_URL,
    prefix: Prefix = DEFAULT_PREFIX,
    buckets: Buckets = 256,
) -> None:
    """Show a job: its facts, its files, and what it has told."""
    with _jobs_at(url, prefix, buckets) as jobs:
        job = jobs.find(id)
        info, events = job.info(), list(job.events())
        outcome = _outcome(jobs, info) if values else None
    if json:
        told = [_told(event, values=values) for event in events]
        print_json(
            {**asdict(info), "events": told, **({"outcome": repr(outcome)} if values else {})}
        )
        return
    now = datetime.now(UTC)
    rows: list[tuple[str, Cell]] = [
        ("id", info.id),
        ("name", info.name),
        ("state", (info.state, STYLES.get(info.state, ""))),
        ("why", info.why),
        ("queue", info.queue),
        ("session", info.sid),
        ("owner", info.owner),
        ("submitted", when(info.created, now)),
        ("begun", when(info.begun, now) if info.begun else "not yet"),
        ("finished", when(info.finished, now) if info.finished else "not yet"),
        ("worker", info.worker or ""),
        ("attempts", f"{info.attempts}, lost {info.lost}"),
    ]
    rows += [("file", f"{name}, {size(length)}") for name, length in info.files.items()]
    if values:
        rows.append(("outcome", repr(outcome)))
    sheet(rows)
    for event in events:
        _line(event, values=values)


@app.command()
def tail(
    id: Annotated[str, typer.Argument(help="A job, or a session.", metavar="JOB|SESSION")],
    owner: Owner = None,
    begin: Annotated[
        bool, typer.Option("--begin", help="From the first event that is kept, not from now.")
    ] = False,
    values: Annotated[bool, typer.Option("--values", help="Show status and results too.")] = False,
    json: Json = False,
    url: Url = DEFAULT_URL,
    prefix: Prefix = DEFAULT_PREFIX,
    buckets: Buckets = 256,
) -> None:
    """Show what a job tells until it is over, or all jobs of a session until that ends."""
    over = threading.Event()

    def handler(*_: Any, event: Event) -> None:
        if event.job in (job, "") or not job:
            if json:
                print_json(_told(event, values=values))
            else:
                _line(event, values=values, named=not job)
            if job and event.type in OVER:
                over.set()

    with _jobs_at(url, prefix, buckets) as jobs:
        job, session, whose = _meant(jobs, id, owner)
        if job and jobs.find(job).info().finished:
            raise ConfigError("the job is over; see jobs show")
        after = "start" if begin else None
        with jobs.sink(session, handler, after=after, owner=whose) as sink:
            while sink.is_open and not over.wait(LOOK_EVERY):
                if job and jobs.find(job).info().finished:
                    over.wait(LOOK_EVERY)  # it ended before this began to listen
                    break


@app.command()
def cancel(
    id: JobId,
    reason: Annotated[str, typer.Option(help="What is told.")] = "its operator asked for it",
    grace: Annotated[
        str | None, typer.Option(help="How long it may take to stop, such as 10s.")
    ] = None,
    url: Url = DEFAULT_URL,
    prefix: Prefix = DEFAULT_PREFIX,
    buckets: Buckets = 256,
) -> None:
    """Cancel a job."""
    with _jobs_at(url, prefix, buckets) as jobs:
        length = None if grace is None else duration(grace)
        state = jobs.find(id).cancel(reason, grace=length)
    line("it is told to stop" if state == "running" else f"it is {state}")


@app.command()
def retry(
    ids: Annotated[list[str], typer.Argument(help="The ids of jobs.", metavar="JOB...")],
    url: Url = DEFAULT_URL,
    prefix: Prefix = DEFAULT_PREFIX,
    buckets: Buckets = 256,
) -> None:
    """Do jobs again that have failed, were lost or cancelled."""
    refused = 0
    with _jobs_at(url, prefix, buckets) as jobs:
        for id in ids:
            try:
                jobs.retry(id)
            except SessionStoreError as error:
                refused += 1
                say(f"{id}: {error}")
            else:
                line(f"{id}: queued")
    if refused:
        raise typer.Exit(1)


@app.command()
def drain(
    queue: Annotated[str, typer.Argument(help="The queue.")] = "default",
    off: Annotated[bool, typer.Option("--off", help="Start jobs from it again.")] = False,
    wait: Annotated[str, typer.Option(help="How long to wait for what runs.")] = "0",
    url: Url = DEFAULT_URL,
    prefix: Prefix = DEFAULT_PREFIX,
    buckets: Buckets = 256,
) -> None:
    """Start no more jobs from a queue, and wait until those that run are over."""
    until = time.monotonic() + duration(wait).total_seconds()
    with _jobs_at(url, prefix, buckets) as jobs:
        info = jobs.configure_queue(queue, paused=not off)
        while not off and info.taken and time.monotonic() < until:
            time.sleep(LOOK_EVERY)
            info = jobs.configure_queue(queue)
    state = "paused" if info.paused else "open"
    line(f"{queue} is {state}: {info.taken} taken, {info.waiting} waiting, {info.later} for later")
    if not off and info.taken and duration(wait):
        raise typer.Exit(1)


def _meant(jobs: Jobs, id: str, owner: str | None) -> tuple[str, str, str | None]:
    """Return the job that is meant, if it is one, and the session, and whose that is."""
    if owner is None:
        try:
            info = jobs.find(id).info()
        except (JobNotFound, ConfigError):
            return "", id, None
        named = ":" in info.sid
        return info.id, info.sid.partition(":")[2] if named else info.sid, info.owner
    return "", id, owner


def _list(found: list[JobInfo], *, json: bool) -> None:
    if json:
        print_json([asdict(info) for info in found])
        return
    if not found:
        say("no such job")
        return
    now = datetime.now(UTC)
    rows: list[tuple[Cell, ...]] = [
        (
            info.id,
            info.name,
            (info.state, STYLES.get(info.state, "")),
            info.why,
            info.queue,
            info.owner,
            short(now - info.created),
        )
        for info in found
    ]
    table(("id", "job", "state", "why", "queue", "owner", "age"), rows, right=["age"])


def _outcome(jobs: Jobs, info: JobInfo) -> Any:
    if info.finished is None:
        return None
    try:
        return jobs.find(info.id).result(timeout=0)
    except SessionStoreError as error:
        return getattr(error, "errors", ()) or str(error)


def _told(event: Event, *, values: bool) -> dict[str, Any]:
    facts = {name: getattr(event, name) for name in ("id", "sequence", "job", "type", "at")}
    if event.type in TOLD:
        return {**facts, "body": event.body}
    return {**facts, "body": repr(event.body)} if values else facts


def _line(event: Event, *, values: bool, named: bool = False) -> None:
    at = event.at.astimezone().strftime("%H:%M:%S")
    parts = [at, *([event.job[:9]] if named and event.job else []), event.type]
    if values or event.type in TOLD:
        parts += _words(event)
    for number, text in enumerate("  ".join(parts).splitlines() or [""]):
        line(visible(text if number == 0 else f"{'':{len(at)}}  {text}"))


def _words(event: Event) -> Iterable[str]:
    body = event.body
    if event.type == "progress" and isinstance(body, dict):
        fraction = body.get("fraction")
        percent = f"{fraction:4.0%}" if isinstance(fraction, (int, float)) else ""
        return [percent, str(body.get("text", ""))]
    if event.type == "failed":
        texts = [str(one.get("text", "")) for one in body["errors"] if isinstance(one, dict)]
        return [body["why"] or "; ".join(texts)]
    if event.type == "log":
        return [str(body)]
    if isinstance(body, dict) and set(body) <= {"why", "reason"}:
        return [str(text) for text in body.values()]
    return [] if body is None else [repr(body)]
