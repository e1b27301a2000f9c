"""What SOUL does about misuse: it cancels the request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sessionstore import ConfigError, NotPermitted, SessionStoreError

__all__ = ["RequestCancelled", "cancelling"]


class RequestCancelled(SessionStoreError):
    """A call that makes no sense, for which the documents have no return code; nothing was done.

    `function` is its documented name, `why` what is wrong with the call. The login goes on, and a
    session that is open stays open.
    """

    def __init__(self, function: str, *, why: str) -> None:
        super().__init__(f"request cancelled in {function}: {why}")
        self.function = function
        self.why = why


@contextmanager
def cancelling(function: str) -> Iterator[None]:
    """Cancel the request where the store refuses an argument, or the user lacks the privilege."""
    try:
        yield
    except (ConfigError, NotPermitted) as error:
        raise RequestCancelled(function, why=str(error)) from error
