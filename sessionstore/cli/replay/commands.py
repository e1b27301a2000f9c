"""`replay` and `demo`: a real access log, or one like it, against a store shared by app servers."""

from __future__ import annotations

import random
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from sessionstore.cli.options import DEFAULT_URL, Json, Url
from sessionstore.cli.output import print_json, progress, say
from sessionstore.cli.replay import access_log, load_balancer
from sessionstore.cli.replay.access_log import Log
from sessionstore.cli.replay.app_server import Where
from sessionstore.cli.replay.client_sessions import end_sessions, lost_updates
from sessionstore.cli.replay.figures import Figures, percentile_ms, show
from sessionstore.cli.replay.made_up_traffic import generated
from sessionstore.cli.report.show import show_report
from sessionstore.doctor import forget, memory_used
from sessionstore.embedded import EmbeddedServer
from sessionstore.errors import ConfigError, StoreNotFound
from sessionstore.store import SessionStore

__all__ = ["demo", "replay"]

BUCKETS = 256
DEMO_REQUESTS = 10_000
MOST = 500
LOST = 1

Servers = Annotated[int, typer.Option(help="How many app servers, each a process.", min=1, max=64)]
Concurrency = Annotated[
    int, typer.Option(help="Calls under way at a time, at all servers.", min=1, max=MOST)
]
RunPrefix = Annotated[
    str | None,
    typer.Option(help="What all keys begin with; without it, something new for this run."),
]


def replay(
    log: Annotated[
        Path, typer.Argument(help="An access log in Common or Combined Log Format, plain or gzip.")
    ],
    servers: Servers = 3,
    concurrency: Concurrency = 16,
    url: Url = DEFAULT_URL,
    json: Json = False,
    prefix: RunPrefix = None,
) -> None:
    """Replay an access log on app servers that share its clients' sessions; no update may be lost.

    Each request opens its client's session, waits if another app server has it open, counts, notes
    the path and closes it, as fast as it goes. The default URL is a server only for this run. In
    any other store the run leaves nothing behind, and a store that is there keeps its parameters.
    """
    _run(log, log.name, servers, concurrency, url, json, prefix)


def demo(
    log: Annotated[
        Path | None, typer.Argument(help="An access log; without one, traffic is made up.")
    ] = None,
    servers: Servers = 3,
    concurrency: Concurrency = 16,
    url: Url = DEFAULT_URL,
    json: Json = False,
    requests: Annotated[int, typer.Option(help="How many to make up.", min=1)] = DEMO_REQUESTS,
) -> None:
    """See it work: app servers that share sessions, then a job that outlives its worker.

    With --json only the figures of the first part are written, and there is no second.
    """
    say(
        f"{servers} app servers share the sessions of all clients; any of them may get any request."
    )
    say(
        "Each request adds one to its client's counter; if two had a session open at once, one of"
        " them would be lost."
    )
    if log is not None:
        _run(log, log.name, servers, concurrency, url, json, None)
    else:
        _run_made_up(requests, servers, concurrency, url, json)
    if not json and not show_report(None if url == DEFAULT_URL else url):
        raise typer.Exit(LOST)


def _run_made_up(requests: int, servers: int, concurrency: int, url: str, json: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="sessionstore-") as folder:
        made_up = Path(folder) / "access.log"
        with made_up.open("w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in generated(requests, seed=1))
        _run(made_up, "made-up traffic", servers, concurrency, url, json, None)


def _run(
    path: Path, name: str, servers: int, concurrency: int, url: str, json: bool, prefix: str | None
) -> None:
    if concurrency < servers:
        raise ConfigError("--concurrency is the total of all --servers, so at least as many")
    log = access_log.read(path)
    with _somewhere(url, prefix, concurrency, log) as where:
        figures = _measured(log, where, servers, concurrency, quiet=json)
    if json:
        print_json(asdict(figures))
    else:
        show(figures, name=name)
    if figures.lost_updates:
        say(f"sessionstore: {figures.lost_updates} updates were lost")
        raise typer.Exit(LOST)


@contextmanager
def _somewhere(url: str, prefix: str | None, concurrency: int, log: Log) -> Iterator[Where]:
    """Give a store of its own to the run, or one that is there, and clean up after it."""
    if url == DEFAULT_URL:
        with EmbeddedServer() as server:
            where = Where(server.url, prefix or "replay", BUCKETS)
            _prepare(where)
            yield where
        return
    where = Where(url, prefix or f"replay-{secrets.token_hex(4)}", BUCKETS)
    there = prefix is not None and _check(where, concurrency)
    try:
        if not there:
            _prepare(where)
        yield where
    finally:
        with where.connect() as store:
            end_sessions(store, log.requests)
        if not there:
            forget(url, prefix=where.prefix, buckets=BUCKETS)


def _check(where: Where, concurrency: int) -> bool:
    """Return whether there is a store already, after making sure that it can be used as it is."""
    try:
        store = where.connect(create=False)
    except StoreNotFound:
        return False
    with store:
        if store.count():
            raise ConfigError(f"there are sessions under the prefix {where.prefix!r}; use another")
        most = store.parameters().max_waiters
        if concurrency > most + 1:
            raise ConfigError(
                f"all {concurrency} requests may want one session, and the store lets {most} wait"
                f" (max_waiters); give --concurrency {most + 1} at most, or another prefix"
            )
    return True


def _prepare(where: Where) -> None:
    with where.connect() as store:
        store.configure(max_waiters=MOST)  # all may want the session of one client at once


def _measured(log: Log, where: Where, servers: int, concurrency: int, *, quiet: bool) -> Figures:
    seed = random.SystemRandom().randrange(1 << 32)
    with where.connect() as store:
        _warm_up(store)
        before = memory_used(where.url)
        with progress("replaying", len(log.requests), quiet=quiet) as advance:
            measured = load_balancer.replay(
                log.requests, where, servers=servers, concurrency=concurrency, seed=seed,
                progress=advance,
            )  # fmt: skip
        after = memory_used(where.url)
        lost = lost_updates(store, log.requests)
    sessions = len({request.client for request in log.requests})
    grown = None if before is None or after is None else after - before
    return Figures(
        requests=len(measured.opens),
        sessions=sessions,
        seconds=round(measured.seconds, 3),
        requests_per_second=round(len(measured.opens) / measured.seconds, 1),
        open_ms_p50=percentile_ms(measured.opens, 50),
        open_ms_p99=percentile_ms(measured.opens, 99),
        waits=len(measured.handovers),
        handover_ms_p50=percentile_ms(measured.handovers, 50),
        handover_ms_p99=percentile_ms(measured.handovers, 99),
        bytes_per_session=None if grown is None or grown < 0 else round(grown / sessions),
        lost_updates=lost,
        malformed_lines=log.malformed,
        servers=servers,
        concurrency=concurrency,
        seed=seed,
    )


def _warm_up(store: SessionStore) -> None:
    """Let the server know the scripts, whose memory is none of the sessions'."""
    session = store.create(open=False)
    try:
        store.open(session.id).close()
    finally:
        store.delete(session.id)
