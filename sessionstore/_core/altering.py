"""Changing one attribute without opening the session: look, compute, put if nobody else has."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Literal, TypeAlias

from sessionstore._core import flows
from sessionstore._core.keys import Home, Keyspace
from sessionstore._core.keys import ticket as new_ticket
from sessionstore._core.operation import Flow, Wake
from sessionstore._core.records import Opened
from sessionstore._core.sessions import Changes, Scope, field_of
from sessionstore._core.stamps import end_of, parted
from sessionstore.errors import Conflict, SessionInUse, SessionStoreError

__all__ = ["Change", "WhenOpen", "alter"]

Change: TypeAlias = Callable[[bytes | None], bytes | None]
"""From the stored value (None: there is none) to that which shall be; a lifetime stays."""

WhenOpen = Literal["fail", "wait", "apply"]

TRIES = 1000
"""Whoever is refused was overtaken by another who was not, so all together always get on."""

MOVING = 50
"""How long to wait for a session that its holder is moving to another bucket, in milliseconds."""

MOVED_WITHIN = 100
"""So often; whoever moves it is held up then, or dead, and has it until its lease is over."""


def alter(
    keys: Keyspace,
    home: Home,
    label: str,
    scope: Scope,
    name: str,
    *,
    change: Change,
    when_open: WhenOpen,
    wait_ms: int | None,
) -> Flow[None]:
    """Change an attribute; `when_open` says what if somebody has the session open.

    Who waited has the session open for the change, and changes it as everybody does all the same:
    others may apply changes while it is held.
    """
    held: Opened | None = None
    waits = 0
    try:
        for _ in range(TRIES):
            found = yield from flows.read(keys, home, scope, (name,))
            changes = _changes(name, found.fields, change, found.now)
            if changes is None:
                return
            while_held = "any" if when_open == "apply" else ""
            if held is not None:
                while_held = str(held.facts.fence)
            try:
                yield from flows.merge(
                    keys, home, new_ticket(), found.facts.which(home.sid), changes, found.fields,
                    while_held=while_held,
                )  # fmt: skip
            except Conflict:
                continue
            except SessionInUse:
                if when_open == "fail" or waits == MOVED_WITHIN:
                    raise
                if when_open == "apply":
                    waits += 1
                    yield Wake(home.wake(new_ticket()), MOVING)
                else:
                    held = yield from flows.open_session(
                        keys, home, label, scope, lease_ms=None, wait_ms=wait_ms, fields=(name,)
                    )
                continue
            return
        raise Conflict(home.id, fields=(name,))
    finally:
        if held is not None:
            with suppress(SessionStoreError):  # what was done is done, and a lease ends by itself
                yield from flows.close(keys, home, held.facts.fence, Changes(), None)


def _changes(name: str, fields: dict[bytes, bytes], change: Change, now: int) -> Changes | None:
    field = field_of(name)
    stamp, old = parted(fields[field]) if field in fields else (b"", None)
    if stamp and end_of(stamp) <= now:  # it will be removed before anything is written
        stamp, old = b"", None
        del fields[field]
    new = change(old)
    if new == old:
        return None
    return Changes(removed=[field]) if new is None else Changes({field: stamp + new})
