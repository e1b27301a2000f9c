"""What must be true after every fault."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessionstore._core.keys import PERMANENT
from tests.support.worlds import DIGITS

if TYPE_CHECKING:
    from tests.support.servers import Server

__all__ = [
    "BUCKETS",
    "every_key_expires",
    "keys_of",
    "living",
    "renew_no_more",
    "waiting",
    "whole",
]

BUCKETS = 4


def keys_of(server: Server, prefix: str, kind: str = "") -> list[str]:
    """Return the keys of a store; `kind` is what follows the tag, such as `w:`."""
    with server.client() as client:
        found: list[str] = list(client.scan_iter(f"{{{prefix}:*}}{kind}*", count=1000))
    return found


def every_key_expires(server: Server, prefix: str) -> None:
    """Check that what is not known as permanent goes away by itself."""
    keys = [key for key in keys_of(server, prefix) if not PERMANENT.fullmatch(key)]
    with server.client() as client:
        pipeline = client.pipeline(transaction=False)
        for key in keys:
            pipeline.pttl(key)
        left: list[int] = pipeline.execute()
    stays = [key for key, ms in zip(keys, left, strict=True) if ms == -1]
    assert not stays, f"never expire: {stays}"


def waiting(server: Server, prefix: str) -> int:
    """Return how many tickets are in line, for all sessions of a store."""
    with server.client() as client:
        return sum(int(client.llen(key)) for key in keys_of(server, prefix, "w:"))


def living(server: Server, prefix: str) -> int:
    """Return how many in line are believed to live, for all sessions of a store."""
    with server.client() as client:
        seconds, microseconds = client.time()
        now = 1000 * seconds + microseconds // 1000
        places = [
            place for key in keys_of(server, prefix, "w:") for place in client.lrange(key, 0, -1)
        ]
    return sum(int(place[:DIGITS]) > now for place in places)


def renew_no_more(store: Any) -> None:
    """Let a store forget to renew the leases of what it has open now."""
    for renewer in store._renewer._renewers.values():
        renewer._book._kept.clear()


def whole(text: Any) -> int:
    """Return a reply as a number."""
    return int(text)
