"""What everything about jobs is built from: the way to the servers, and who is acting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from sessionstore._redis.aio import AsyncDriver
from sessionstore._redis.sync import Driver
from sessionstore.jobs._calls import JobCalls

__all__ = ["JobContext"]

D = TypeVar("D", Driver, AsyncDriver)


@dataclass(frozen=True, slots=True)
class JobContext(Generic[D]):
    """One for each view of a store."""

    driver: D
    calls: JobCalls
