"""Stores for your own unit tests: in this process, with no server, on `fakeredis[lua]`.

    from sessionstore.testing import fake_store

    def test_checkout():
        with fake_store() as store:
            ...

The scripts run as they do on a server, so quotas, leases, fences, waiting and deadlines behave
the same; the suite of this library runs on it. It proves nothing about the engine, though:

- it is several times slower, holds no memory limit and keeps nothing on disk;
- nothing is killed, restarted, partitioned or failed over, so `StoreUnavailable` does not happen;
- there are no slots, hence no undeclared keys of another slot are noticed;
- the `#!lua` lines are taken off the scripts, and with them the flags that a server enforces;
- other processes cannot share it (threads and tasks can, and stores with one `FakeServer` of
  fakeredis).

What needs these is for a test on a real server: `sessionstore.embedded.EmbeddedServer` is one.
"""

from __future__ import annotations

from functools import partial
from typing import Any

try:
    import fakeredis
    from fakeredis import FakeServer
except ImportError as missing:
    raise ImportError("install sessionstore[testing] for its stores without a server") from missing

from sessionstore._core import store
from sessionstore._core.keys import Keyspace
from sessionstore._redis.aio import AsyncDriver
from sessionstore._redis.connect import Deployment
from sessionstore._redis.sync import Driver
from sessionstore._shell.calls import Calls
from sessionstore._shell.context import Context
from sessionstore._shell.renewing import AsyncLeaseRenewer, LeaseRenewer
from sessionstore._shell.twins import Pending
from sessionstore.async_store import AsyncSessionStore
from sessionstore.store import SessionStore

__all__ = ["fake_async_store", "fake_store"]


def fake_store(
    *, prefix: str = "ss", buckets: int = 8, server: FakeServer | None = None
) -> SessionStore:
    """Return a store in this process; as a context manager it is closed at the end.

    Args:
        prefix: what all keys begin with.
        buckets: over how many slots the store is spread; few are quicker here.
        server: who names the same one shares its sessions; None: a new one.
    """
    keys = Keyspace(prefix, buckets)
    driver = Driver(_deployment(fakeredis.FakeRedis, server))
    driver.run(store.start(keys))
    return SessionStore(Context(driver, Calls(keys)), LeaseRenewer(driver.beside()))


def fake_async_store(
    *, prefix: str = "ss", buckets: int = 8, server: FakeServer | None = None
) -> Pending[AsyncSessionStore]:
    """Return a store in this process, to await or to enter with `async with`.

    Args:
        prefix: what all keys begin with.
        buckets: over how many slots the store is spread; few are quicker here.
        server: who names the same one shares its sessions; None: a new one.
    """

    async def connecting() -> AsyncSessionStore:
        keys = Keyspace(prefix, buckets)
        driver = AsyncDriver(_deployment(fakeredis.FakeAsyncRedis, server))
        await driver.run(store.start(keys))
        return AsyncSessionStore(Context(driver, Calls(keys)), AsyncLeaseRenewer(driver.beside()))

    return Pending(connecting)


def _deployment(kind: Any, server: FakeServer | None) -> Deployment:
    server = server or FakeServer()
    awaited = partial(_deployment, fakeredis.FakeAsyncRedis, server)
    return Deployment(kind(server=server, protocol=2), shebang=False, awaited=awaited)
