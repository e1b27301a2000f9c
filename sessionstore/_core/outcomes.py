"""What an error tells of the call that it ended: whether it has done something."""

from __future__ import annotations

from sessionstore._core.records import Unstaged
from sessionstore.errors import (
    Conflict,
    LeaseLost,
    NotPermitted,
    QuotaExceeded,
    SessionEnded,
    SessionExists,
    SessionInUse,
    SessionNotFound,
    SessionStoreError,
    StoreUnavailable,
    ValueTooLarge,
)

__all__ = ["is_refusal", "is_unknown"]

REFUSALS = (
    Conflict,
    LeaseLost,
    NotPermitted,
    QuotaExceeded,
    SessionEnded,
    SessionExists,
    SessionInUse,
    SessionNotFound,
    Unstaged,
    ValueTooLarge,
)


def is_refusal(error: BaseException) -> bool:
    """Whether it is an answer, and says that nothing was done: nor when it was sent before."""
    return isinstance(error, REFUSALS)


def is_unknown(error: BaseException) -> bool:
    """Whether the call may have done something; if not, one that was sent before it still may."""
    if isinstance(error, StoreUnavailable):
        return error.unknown
    return not isinstance(error, SessionStoreError)  # it was interrupted
