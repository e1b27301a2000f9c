"""Why a job is to stop."""

from __future__ import annotations

from typing import Literal

__all__ = ["Stopped", "Why"]

Why = Literal["cancelled", "session ended", "shutdown", "lease lost", "timeout", "stalled"]


class Stopped(BaseException):  # passes by `except Exception`, as it must
    """A job is to stop; raised in plain functions, where asyncio has `CancelledError`.

    `kind` is `cancelled` (by a person), `session ended`, `shutdown` (it is done elsewhere, later),
    `lease lost` (it may run elsewhere already), `timeout` or `stalled`; `reason` says it in words.
    """

    def __init__(self, kind: Why, reason: str) -> None:
        super().__init__(f"{kind}: {reason}" if reason != kind else reason)
        self.kind = kind
        self.reason = reason
