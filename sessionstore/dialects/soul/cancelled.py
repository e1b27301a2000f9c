"""What SOUL does about misuse: it cancels the request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sessionstore import ConfigError, NotPermitted, SessionStoreError

__all__ = ["RequestCancelled", "cancelling", "required_name"]

MAX_NAME_BYTES = 255


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


def required_name(name: str, function: str) -> str:
    """Return the name of a list, longstring or object, if it is one: 1 to 255 bytes."""
    if not name:
        raise RequestCancelled(function, why="the name is required")
    if len(name.encode("utf-8", "surrogatepass")) > MAX_NAME_BYTES:
        raise RequestCancelled(function, why=f"the name is longer than {MAX_NAME_BYTES} bytes")
    return name
