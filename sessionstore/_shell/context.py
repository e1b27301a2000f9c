"""What every part of a store is built from: the way to its servers, and who is acting."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from sessionstore._core.keys import Keyspace
from sessionstore._core.operation import Flow
from sessionstore._redis.aio import AsyncDriver
from sessionstore._redis.sync import Driver
from sessionstore._shell.calls import Calls

__all__ = ["AsyncRun", "Context", "Run"]

T = TypeVar("T")
D = TypeVar("D", Driver, AsyncDriver)


class Run(Protocol):
    """Carries out a flow."""

    def __call__(self, flow: Flow[T], /) -> T:
        """Return what the flow returns, or raise what it raises."""


class AsyncRun(Protocol):
    """The same in asyncio."""

    def __call__(self, flow: Flow[T], /) -> Coroutine[Any, Any, T]:
        """Return what the flow returns, or raise what it raises."""


@dataclass(frozen=True, slots=True)
class Context(Generic[D]):
    """One for each view of a store; whatever is part of it, or built on it, is given this."""

    driver: D
    """Runs flows; the same for all views of a store."""

    calls: Calls
    """Makes flows for whoever is acting here."""

    @property
    def keys(self) -> Keyspace:
        """All keys of the store."""
        return self.calls.keys
