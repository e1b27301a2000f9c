"""What lists and longstrings see of the open session beside which they are kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from sessionstore._core.keys import Home
from sessionstore._core.operation import Flow, Operation

__all__ = ["Beside"]

T = TypeVar("T")


class Guarded(Protocol):
    """Does something with the session, and notes if it turns out to be lost or over."""

    def __call__(self, flow: Operation[T] | Flow[T], /) -> Flow[T]:
        """Return what the flow returns."""


class Put(Protocol):
    """Puts a whole value in place of what is kept under a field, or of None removes it."""

    def __call__(self, field: bytes, content: bytes | Sequence[bytes] | None, /) -> Flow[None]:
        """Do so at one moment."""


@dataclass(frozen=True, slots=True)
class Beside:
    """An open session, as whatever is kept beside it uses it."""

    home: Home
    fence: int

    check_held: Callable[[str], None]
    """Raises unless this is the one holder: nobody else may touch what is kept beside it."""

    guarded: Guarded
    put: Put

    note: Callable[[bytes, bytes | None], None]
    """Notes what the field of a value holds now; None: there is none any more."""
