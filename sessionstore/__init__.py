"""Sessions as Redis hashes that any number of app servers share and exactly one holder has open.

    from sessionstore import SessionStore

    store = SessionStore.connect("embedded://")
    with store.create(owner="alice") as session:
        session["cart"] = ["tea"]
    with store.open(session.id, wait=5) as session:
        session["cart"].append("milk")

`SessionStore` is for synchronous code, `AsyncSessionStore` for asyncio; the names are the same.
"""

from sessionstore._shell.attributes import SessionInfo, Snapshot
from sessionstore.async_store import AsyncSessionStore
from sessionstore.atomic import ABSENT, AsyncAtomic, Atomic
from sessionstore.config import Duration, Parameters
from sessionstore.data import stored, upgrade
from sessionstore.errors import (
    ConfigError,
    Conflict,
    JobCancelled,
    JobFailed,
    JobLost,
    JobNotFound,
    JobNotOver,
    JobRefused,
    LeaseLost,
    NotPermitted,
    QuotaExceeded,
    SessionEnded,
    SessionExists,
    SessionInUse,
    SessionNotFound,
    SessionNotOpen,
    SessionStoreError,
    StoreClosed,
    StoreNotFound,
    StoreUnavailable,
    TimedOut,
    TypeRefused,
    UndecodableValue,
    ValueTooLarge,
)
from sessionstore.events import AsyncEvents, Event, Events
from sessionstore.lists import AsyncSessionList, SessionList
from sessionstore.longstrings import AsyncLongstring, Longstring
from sessionstore.session import AsyncSession, Session
from sessionstore.store import SessionStore

__version__ = "0.1.0"

__all__ = [
    "ABSENT",
    "AsyncAtomic",
    "AsyncEvents",
    "AsyncLongstring",
    "AsyncSession",
    "AsyncSessionList",
    "AsyncSessionStore",
    "Atomic",
    "ConfigError",
    "Conflict",
    "Duration",
    "Event",
    "Events",
    "JobCancelled",
    "JobFailed",
    "JobLost",
    "JobNotFound",
    "JobNotOver",
    "JobRefused",
    "LeaseLost",
    "Longstring",
    "NotPermitted",
    "Parameters",
    "QuotaExceeded",
    "Session",
    "SessionEnded",
    "SessionExists",
    "SessionInUse",
    "SessionInfo",
    "SessionList",
    "SessionNotFound",
    "SessionNotOpen",
    "SessionStore",
    "SessionStoreError",
    "Snapshot",
    "StoreClosed",
    "StoreNotFound",
    "StoreUnavailable",
    "TimedOut",
    "TypeRefused",
    "UndecodableValue",
    "ValueTooLarge",
    "stored",
    "upgrade",
]
