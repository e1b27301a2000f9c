"""What it takes to write each public method twice, once for asyncio, and describe it once."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from typing import Any, Generic, TypeVar

__all__ = ["Pending", "as_in"]

T = TypeVar("T")
Method = TypeVar("Method", bound=Callable[..., Any])


def as_in(twin: object) -> Callable[[Method], Method]:
    """Give an asyncio method the docstring of its synchronous twin."""

    def decorate(method: Method) -> Method:
        method.__doc__ = twin.__doc__
        return method

    return decorate


class Pending(Generic[T]):
    """Something to await, or to enter with `async with` right away."""

    def __init__(self, begin: Callable[[], Coroutine[Any, Any, T]]) -> None:
        self._begin = begin
        self._entered: Any = None

    def __await__(self) -> Generator[Any, None, T]:
        return self._begin().__await__()

    async def __aenter__(self) -> T:
        self._entered = await self._begin()
        entered: T = await self._entered.__aenter__()
        return entered

    async def __aexit__(self, *failure: object) -> None:
        await self._entered.__aexit__(*failure)
