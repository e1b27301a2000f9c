"""`worker`: does the jobs of engines, in this process or in several."""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from typing import Annotated

import typer

from sessionstore.cli.options import (
    DEFAULT_PREFIX,
    DEFAULT_URL,
    VARIABLE,
    Buckets,
    Prefix,
    Url,
)
from sessionstore.cli.output import say
from sessionstore.errors import ConfigError
from sessionstore.jobs.engine import known_definitions
from sessionstore.worker import Worker

__all__ = ["worker"]

TOO_SOON = 5.0
"""Seconds that a process lives at least; one that ends sooner would do so again."""


def worker(
    modules: Annotated[
        list[str], typer.Argument(metavar="MODULE...", help="Modules with engines, to import.")
    ],
    queues: Annotated[
        str, typer.Option(help="From which it takes jobs: a,b; else those of the engines.")
    ] = "",
    slots: Annotated[int, typer.Option(help="Jobs at a time in each process.", min=1)] = 10,
    processes: Annotated[int, typer.Option(help="Processes that do jobs.", min=1)] = 1,
    profile: Annotated[
        str, typer.Option(help="How patient it is: default, interactive or batch.")
    ] = "default",
    ends_with_stdin: Annotated[bool, typer.Option(hidden=True)] = False,
    url: Url = DEFAULT_URL,
    prefix: Prefix = DEFAULT_PREFIX,
    buckets: Buckets = 256,
) -> None:
    """Do jobs. The first SIGTERM or Ctrl-C lets it end what runs; the second gives that back."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    found = _imported(modules)
    names = [name.strip() for name in queues.split(",")] if queues else found
    if processes > 1:
        options: dict[str, str | int] = {
            "queues": ",".join(names),
            "slots": slots,
            "profile": profile,
            "prefix": prefix,
            "buckets": buckets,
        }
        raise typer.Exit(asyncio.run(_Several(modules, options, url, processes).run()))
    works = Worker(
        url,
        prefix=prefix,
        buckets=buckets,
        queues=names,
        slots=slots,
        profile=profile,
        lifeline=sys.stdin.fileno() if ends_with_stdin else None,
    )
    asyncio.run(_work(works))


def _imported(modules: list[str]) -> list[str]:
    """Import modules; return the queues of the jobs in them."""
    sys.path.insert(0, "")
    before = set(known_definitions())
    for name in modules:
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise ConfigError(f"module {name} cannot be imported: {error}") from None
    jobs = set(known_definitions()) - before
    if not jobs:
        raise ConfigError(f"there is no job in {', '.join(modules)}")
    return sorted({job.options.queue for job in jobs})


async def _work(works: Worker) -> None:
    _on_signals(works.stop)
    await works.run()
    if works.left_behind:
        os._exit(0)  # what does not stop would keep the loop from ending


def _on_signals(stop: Callable[[], None]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)


class _Several:
    """Several processes; one that ends by itself is started again, unless that comes to nothing."""

    def __init__(
        self, modules: list[str], options: dict[str, str | int], url: str, count: int
    ) -> None:
        more = [f"--{name}={value}" for name, value in options.items() if value != ""]
        self._command = ("-m", "sessionstore", "worker", "--ends-with-stdin", *more, "--", *modules)
        self._url = url
        self._count = count
        self._stops = 0
        self._there: set[Process] = set()

    async def run(self) -> int:
        """Run them until they are told to stop; return the exit status."""
        _on_signals(self._stop)
        return max(await asyncio.gather(*(self._keep() for _ in range(self._count))))

    def _stop(self) -> None:
        self._stops += 1
        for process in self._there:
            process.send_signal(signal.SIGTERM)

    async def _keep(self) -> int:
        while True:
            begun = time.monotonic()
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *self._command,
                stdin=PIPE,
                env={**os.environ, VARIABLE: self._url},
                start_new_session=True,  # Ctrl-C comes here only, and is passed on
            )
            self._there.add(process)
            for _ in range(self._stops):
                process.send_signal(signal.SIGTERM)
            status = await process.wait()
            self._there.discard(process)
            if self._stops:
                return abs(status)
            say(f"a worker process has ended (status {status})")
            if time.monotonic() - begun < TOO_SOON:
                self._stop()
                return abs(status) or 1
