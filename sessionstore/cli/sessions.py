"""`ls`, `show` and `end`: the sessions of a store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Any, Final

import typer

from sessionstore import SessionInfo, Snapshot
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
    when,
)
from sessionstore.data._values import encode
from sessionstore.errors import ConfigError, UndecodableValue

__all__ = ["end", "ls", "show"]

OWNERS = {"": "(anonymous)", "*": "* (public)"}
KEPT: Final = ("list", "longstring", "document")


def ls(
    owner: Owner = None,
    pattern: Annotated[str, typer.Option(help="Which ids: * is any characters, ? is one.")] = "*",
    limit: Annotated[int, typer.Option(help="How many at most; 0: all.", min=0)] = 0,
    json: Json = False,
    url: Url = DEFAULT_URL,
    prefix: Prefix = DEFAULT_PREFIX,
    buckets: Buckets = 256,
) -> None:
    """List sessions, in no order."""
    with store_at(url, prefix, buckets) as store:
        found = list(islice(store.list(owner=owner, pattern=pattern), limit or None))
    if json:
        print_json([_facts(info) for info in found])
        return
    if not found:
        say("no session" if owner is None and pattern == "*" else "no such session")
        return
    now = datetime.now(UTC)
    rows = [
        (
            info.id,
            OWNERS.get(info.owner, info.owner),
            info.holder or "",
            when(info.last_activity, now),
            when(info.deadline, now),
        )
        for info in found
    ]
    numbers = ("last activity", "ends")
    table(("id", "owner", "open at", *numbers), rows, right=numbers)


def show(
    id: Annotated[str, typer.Argument(help="The session's name, or its generated id.")],
    owner: Owner = None,
    values: Annotated[bool, typer.Option("--values", help="Show the values too.")] = False,
    json: Json = False,
    url: Url = DEFAULT_URL,
    prefix: Prefix = DEFAULT_PREFIX,
    buckets: Buckets = 256,
) -> None:
    """Show a session: its facts, and what attributes it has."""
    with store_at(url, prefix, buckets) as store:
        snapshot = store.read(id, owner)
    attributes = list(_attributes(snapshot, values))
    if json:
        print_json({**_facts(snapshot.info), "attributes": attributes})
        return
    now = datetime.now(UTC)
    info = snapshot.info
    held = f"{info.holder}, lease ends {when(info.held_until or now, now)}" if info.holder else "no"
    sheet(
        (
            ("id", info.id),
            ("sid", info.sid),
            ("owner", OWNERS.get(info.owner, info.owner)),
            ("open", held),
            ("fence", str(info.fence)),
            ("created", _moment(info.created, now)),
            ("last activity", _moment(info.last_activity, now)),
            ("ends", _moment(info.deadline, now)),
            ("idle timeout", short(info.timeout)),
        )
    )
    line("")
    if not attributes:
        line("no attributes")
        return
    rows: list[tuple[Cell, ...]] = [
        (
            told["name"],
            told["type"],
            "?" if told["bytes"] is None else size(told["bytes"]),
            *([told["value"]] if values else []),
        )
        for told in attributes
    ]
    table(("attribute", "type", "size", *(["value"] if values else [])), rows, right=["size"])


def end(
    id: Annotated[
        str | None, typer.Argument(help="The session; without one, all of --owner.")
    ] = None,
    owner: Owner = None,
    keep: Annotated[str | None, typer.Option(help="With --owner alone: but not this one.")] = None,
    reason: Annotated[
        str, typer.Option(help="With --owner alone: what those who hold one are told.")
    ] = "",
    wait: Annotated[str, typer.Option(help="With an id: how long to wait for its holder.")] = "0",
    url: Url = DEFAULT_URL,
    prefix: Prefix = DEFAULT_PREFIX,
    buckets: Buckets = 256,
) -> None:
    """End a session, or all sessions of an owner. What is open ends when its holder closes it."""
    if id is None and owner is None:
        raise ConfigError("say which session to end, or all of whom with --owner")
    if id is not None and (keep is not None or reason):
        raise ConfigError("--keep and --reason go with --owner alone, not with an id")
    if id is None and wait != "0":
        raise ConfigError("--wait goes with an id")
    with store_at(url, prefix, buckets) as store:
        if id is not None:
            ended = store.delete(id, owner, wait=duration(wait))
            line("ended" if ended else "it is open; it ends when its holder closes it")
        elif owner is not None:
            count = store.end_all(owner, keep=keep, reason=reason or "signed out")
            line("ended 1 session" if count == 1 else f"ended {count} sessions")


def _facts(info: SessionInfo) -> dict[str, Any]:
    return asdict(info)


def _attributes(snapshot: Snapshot, values: bool) -> Iterator[dict[str, Any]]:
    for name in sorted(snapshot):
        try:
            value = snapshot[name]
        except UndecodableValue:
            told: dict[str, Any] = {"name": name, "type": "(cannot be decoded)", "bytes": None}
            yield {**told, "value": ""} if values else told
            continue
        kind = "None" if value is None else type(value).__name__
        told = {"name": name, "type": kind, "bytes": len(encode(value, name))}
        yield {**told, "value": repr(value)} if values else told
    for beside in KEPT:
        for name, length in snapshot.kept(beside).items():
            told = {"name": name, "type": beside, "bytes": length}
            yield {**told, "value": ""} if values else told


def _moment(moment: datetime, now: datetime) -> str:
    return f"{moment.astimezone().isoformat(' ', timespec='seconds')} ({when(moment, now)})"
