"""The session as one msgpack blob, as most do it by hand: GET, change, SET with an expiry."""

from __future__ import annotations

from collections.abc import Callable

import msgpack
import redis

from benchmarks.work import ATTRIBUTES, CHANGED, TIMEOUT, next_value


def locked_blob(client: redis.Redis) -> Callable[[], None]:
    """Return the cycle under the `Lock` of redis-py, which is what makes it exclusive."""
    cycle = blob(client)

    def locked() -> None:
        with client.lock("lock:blob", timeout=30):
            cycle()

    return locked


def blob(client: redis.Redis) -> Callable[[], None]:
    """Return the cycle that locks nothing."""
    client.set("blob", msgpack.packb(ATTRIBUTES))

    def cycle() -> None:
        session = msgpack.unpackb(client.get("blob"))
        session[CHANGED] = next_value()
        client.set("blob", msgpack.packb(session), ex=TIMEOUT)

    return cycle
