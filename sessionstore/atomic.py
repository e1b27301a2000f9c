"""Changing one attribute at one moment, without opening the session."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final, get_args

from sessionstore._checks import optional_milliseconds, whole_number
from sessionstore._core.altering import WhenOpen, alter
from sessionstore._core.keys import Home
from sessionstore._core.operation import Flow
from sessionstore._core.sessions import Scope
from sessionstore._redis.aio import AsyncDriver
from sessionstore._redis.sync import Driver
from sessionstore._shell.calls import Calls, attribute_name
from sessionstore._shell.context import AsyncRun, Context, Run
from sessionstore._shell.twins import as_in
from sessionstore.config import Duration
from sessionstore.data._values import decode, encode
from sessionstore.errors import ConfigError, TypeRefused

__all__ = ["ABSENT", "AsyncAtomic", "Atomic"]

_NUMBERS = (int, float, Decimal, timedelta)


class _Absent:
    """The value of an attribute that is not there."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()


class _AtomicFlows:
    """What both faces share: everything but the waiting for Redis."""

    def __init__(
        self,
        calls: Calls,
        found: tuple[Home, Scope],
        when_open: WhenOpen,
        wait: Duration | None,
    ) -> None:
        if when_open not in get_args(WhenOpen):
            raise ConfigError(f"when_open is one of fail, wait, apply, not {when_open!r}")
        self._calls = calls
        self._home, self._scope = found
        self._when_open: WhenOpen = when_open
        self._wait_ms = optional_milliseconds(wait, "wait")

    def _altering(self, name: str, change: Callable[[Any], Any]) -> Flow[None]:
        """Change an attribute by a function of its value; ABSENT is one, too."""

        def changed(raw: bytes | None) -> bytes | None:
            old = ABSENT if raw is None else decode(raw, name)
            new = change(old)
            return None if new is ABSENT else encode(new, name)

        calls = self._calls
        yield from alter(
            calls.keys, self._home, calls.label, self._scope,
            name, change=changed, when_open=self._when_open, wait_ms=self._wait_ms,
        )  # fmt: skip

    def _adding(self, name: str, amount: Any) -> Flow[Any]:
        name, sums = attribute_name(name), []
        _check_number(name, amount)

        def add(old: Any) -> Any:
            old = type(amount)() if old is ABSENT else old
            _check_number(name, old)
            try:
                sums.append(old + amount)
            except (TypeError, ArithmeticError) as error:  # such as a Decimal and a float
                kinds = f"{type(old).__name__} and {type(amount).__name__}"
                why = f"these have no sum: {type(error).__name__}"
                raise TypeRefused(name, type_name=kinds, why=why) from None
            return sums[-1]

        yield from self._altering(name, add)
        return sums[-1]

    def _appending(self, name: str, items: tuple[Any, ...], cap: int | None) -> Flow[int]:
        name, lengths = attribute_name(name), []
        cap = None if cap is None else whole_number(cap, "cap", least=0)
        encode(list(items), name)  # says what cannot be stored, before anything is read

        def append(old: Any) -> Any:
            old = [] if old is ABSENT else old
            if type(old) is not list:
                raise TypeRefused(name, type_name=type(old).__name__, why="not a list")
            new = [*old, *items]
            new = new if cap is None else new[max(0, len(new) - cap) :]
            lengths.append(len(new))
            return new

        yield from self._altering(name, append)
        return lengths[-1]

    def _setting(self, name: str, value: Any, expected: Any) -> Flow[bool]:
        name, fits = attribute_name(name), []
        wanted = ABSENT if expected is ABSENT else encode(expected, name)
        if value is not ABSENT:
            encode(value, name)  # as above

        def put(old: Any) -> Any:
            fits.append((ABSENT if old is ABSENT else encode(old, name)) == wanted)
            return value if fits[-1] else old

        yield from self._altering(name, put)
        return fits[-1]

    def _taking(self, name: str) -> Flow[Any]:
        name, taken = attribute_name(name), []

        def take(old: Any) -> Any:
            taken.append(old)
            return ABSENT

        yield from self._altering(name, take)
        if taken[-1] is ABSENT:
            raise KeyError(name)
        return taken[-1]


def _check_number(name: str, number: Any) -> None:
    if type(number) not in _NUMBERS:
        raise TypeRefused(name, type_name=type(number).__name__, why="not a number")


class Atomic(_AtomicFlows):
    """One attribute of a session, changed at one moment, by any number of callers at once.

    Each change counts as activity, unless the session is open. All methods raise SessionNotFound,
    SessionEnded, SessionInUse, TypeRefused, UndecodableValue, ValueTooLarge, StoreUnavailable;
    Conflict, if others were faster a thousand times.
    """

    def __init__(
        self,
        context: Context[Driver],
        found: tuple[Home, Scope],
        when_open: WhenOpen,
        wait: Duration | None,
    ) -> None:
        super().__init__(context.calls, found, when_open, wait)
        self._run: Run = context.driver.run

    def add(self, name: str, amount: Any = 1) -> Any:
        """Add to a number (int, float, Decimal or timedelta; none is 0), and return the sum."""
        return self._run(self._adding(name, amount))

    def append(self, name: str, *items: Any, cap: int | None = None) -> int:
        """Put items behind the last of a list (none is empty), and return its length.

        With `cap`, only the last so many stay. For long lists see `Session.list`.
        """
        return self._run(self._appending(name, items, cap))

    def set_if(self, name: str, value: Any, expected: Any = ABSENT) -> bool:
        """Set an attribute if it is as expected (ABSENT: not there), and tell whether it was."""
        return self._run(self._setting(name, value, expected))

    def take(self, name: str) -> Any:
        """Remove an attribute and return it: of all callers one gets it. Raises KeyError."""
        return self._run(self._taking(name))


class AsyncAtomic(_AtomicFlows):
    """One attribute of a session, changed at one moment, by any number of callers at once.

    Each change counts as activity, unless the session is open. All methods raise SessionNotFound,
    SessionEnded, SessionInUse, TypeRefused, UndecodableValue, ValueTooLarge, StoreUnavailable;
    Conflict, if others were faster a thousand times.
    """

    def __init__(
        self,
        context: Context[AsyncDriver],
        found: tuple[Home, Scope],
        when_open: WhenOpen,
        wait: Duration | None,
    ) -> None:
        super().__init__(context.calls, found, when_open, wait)
        self._run: AsyncRun = context.driver.run

    @as_in(Atomic.add)
    async def add(self, name: str, amount: Any = 1) -> Any:
        return await self._run(self._adding(name, amount))

    @as_in(Atomic.append)
    async def append(self, name: str, *items: Any, cap: int | None = None) -> int:
        return await self._run(self._appending(name, items, cap))

    @as_in(Atomic.set_if)
    async def set_if(self, name: str, value: Any, expected: Any = ABSENT) -> bool:
        return await self._run(self._setting(name, value, expected))

    @as_in(Atomic.take)
    async def take(self, name: str) -> Any:
        return await self._run(self._taking(name))
