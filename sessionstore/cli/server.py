"""`up`, `params`, `sweep` and `doctor`: the server, and the store in it as a whole."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import asdict, fields, replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from sessionstore.cli.options import (
    DEFAULT_PREFIX,
    DEFAULT_URL,
    Buckets,
    Json,
    Prefix,
    Url,
    store_at,
)
from sessionstore.cli.output import Cell, duration, line, print_json, say, short, table
from sessionstore.config import Parameters
from sessionstore.doctor import Finding, Verdict, examine
from sessionstore.embedded import EmbeddedServer
from sessionstore.errors import ConfigError, StoreUnavailable

__all__ = ["doctor", "params", "sweep", "up"]

LOOKS = {
    Verdict.GOOD: ("green", "good"),
    Verdict.ADVICE: ("yellow", "could be better"),
    Verdict.CHANGE: ("bold red", "must change"),
    Verdict.UNCHECKED: ("dim", "not checked"),
}


def up(
    dir: Annotated[  # noqa: A002 - it is called --dir
        Path | None, typer.Option(help="Keep the data here; without it, it goes when you leave.")
    ] = None,
) -> None:
    """Run an embedded server until Ctrl-C, and print its URL for other processes."""
    with suppress(KeyboardInterrupt), EmbeddedServer(dir) as server:
        line(server.url)
        if not server.started_here:
            say("it was running already, and goes on when you leave; Ctrl-C to leave")
        elif dir is None:
            say("with data that goes when you leave (see --dir); Ctrl-C to stop")
        else:
            say(f"also embedded://{server.directory}; Ctrl-C to stop")
        leave = threading.Event()
        while not leave.wait(1):
            if server.pid is None:  # one that answers slowly is not gone
                raise StoreUnavailable("the server has gone: somebody stopped or killed it")


def params(
    changes: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME=VALUE]...", help="What to set: 3, 900, 15m, 1h, none."),
    ] = None,
    json: Json = False,
    url: Url = DEFAULT_URL,
    prefix: Prefix = DEFAULT_PREFIX,
    buckets: Buckets = 256,
) -> None:
    """Show the parameters of the store, after setting some: at once, for all who share it."""
    wanted: dict[str, Any] = {}
    for name, value in map(_change, changes or ()):
        if name in wanted:
            raise ConfigError(f"{name} is given twice; say what it is to be once")
        wanted[name] = value
    with store_at(url, prefix, buckets, create=bool(wanted)) as store:
        found = store.configure(**wanted) if wanted else store.parameters()
    if json:
        print_json(asdict(found))
        return
    default = Parameters()
    rows: list[tuple[Cell, ...]] = []
    for name in (field.name for field in fields(Parameters)):
        value, usual = _written(getattr(found, name)), _written(getattr(default, name))
        rows.append((name, value if value == usual else (value, "bold"), (usual, "dim")))
    table(("parameter", "value", "default"), rows)


def sweep(url: Url = DEFAULT_URL, prefix: Prefix = DEFAULT_PREFIX, buckets: Buckets = 256) -> None:
    """End the sessions that are due, and free their memory."""
    with store_at(url, prefix, buckets) as store:
        count = store.sweep()
    line("ended 1 session" if count == 1 else f"ended {count} sessions")


def doctor(json: Json = False, url: Url = DEFAULT_URL, prefix: Prefix = DEFAULT_PREFIX) -> None:
    """Look for what is wrong with the server and the store; say what to change, and why."""
    findings = examine(url, prefix=prefix)
    if json:
        print_json([{**asdict(found), "verdict": found.verdict.value} for found in findings])
    else:
        _print(findings)
    if any(found.verdict is Verdict.CHANGE for found in findings):
        raise typer.Exit(1)


def _print(findings: list[Finding]) -> None:
    servers: dict[Finding, list[str]] = {}  # of a finding, for what is found at many is said once
    for found in findings:
        servers.setdefault(replace(found, node=""), []).append(found.node)
    all_servers = {found.node for found in findings} - {""}
    rows: list[tuple[Cell, ...]] = []
    for found, at in servers.items():
        style, word = LOOKS[found.verdict]
        where = "all" if "" in at or set(at) == all_servers else ", ".join(at)
        place = [where] if all_servers else []
        rows.append((found.check, *place, (word, style), found.found, found.advice))
    columns = ("server",) if all_servers else ()
    table(("check", *columns, "verdict", "found", "what to do, and why"), rows)


def _change(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    known = {field.name: field for field in fields(Parameters)}
    if not equals:
        raise ConfigError(f"{text!r} sets nothing; write NAME=VALUE")
    if name not in known:
        raise ConfigError(f"no parameter {name!r}; there are {', '.join(known)}")
    if value.lower() == "none":
        return name, None
    if "timedelta" in str(known[name].type):
        return name, duration(value)
    if "int" in str(known[name].type):
        try:
            return name, int(value)
        except ValueError:
            raise ConfigError(f"{name} is a whole number or none, not {value!r}") from None
    return name, value


def _written(value: object) -> str:
    if value is None:
        return "none"
    return short(value) if isinstance(value, timedelta) else str(value)
