"""An event loop in a thread of its own, for what synchronous code leaves to run."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from sessionstore._core.process import reset_in_child
from sessionstore._redis.aio import AsyncDriver
from sessionstore.errors import StoreClosed

__all__ = ["Looping"]

T = TypeVar("T")


class Looping:
    """Runs coroutines for any thread; the loop begins with the first, and ends when it is closed.

    A forked child begins anew, without what runs in its parent.
    """

    def __init__(self, driver: Callable[[], AsyncDriver]) -> None:
        self._make = driver
        self._closed = False
        self.reset()
        reset_in_child(self)

    def reset(self) -> None:
        """Forget the loop of the parent process."""
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._driver: AsyncDriver | None = None
        self._thread: threading.Thread | None = None

    def run(self, work: Callable[[AsyncDriver], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine with the driver of the loop, and return what it returns.

        Not to be called by what runs in the loop itself, which would wait for ever.
        """
        with self._lock:
            if self._closed:
                raise StoreClosed
            loop, driver = self._begun()
            future = asyncio.run_coroutine_threadsafe(work(driver), loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()  # if the caller was interrupted
            raise

    def close(self) -> None:
        """Close the connections, and end the loop with all that runs in it."""
        with self._lock:
            self._closed = True
            loop, thread = self._loop, self._thread
            self._loop = None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            if thread is not threading.current_thread():
                thread.join()

    def _begun(self) -> tuple[asyncio.AbstractEventLoop, AsyncDriver]:
        if self._loop is None or self._driver is None:
            self._loop = asyncio.new_event_loop()
            self._driver = self._make()
            work = (self._loop, self._driver)
            name = "sessionstore-loop"
            self._thread = threading.Thread(target=_work, args=work, name=name, daemon=True)
            self._thread.start()
        return self._loop, self._driver


def _work(loop: asyncio.AbstractEventLoop, driver: AsyncDriver) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        loop.run_until_complete(driver.close())
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    finally:
        loop.close()
