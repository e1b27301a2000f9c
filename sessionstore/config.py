"""The parameters of a store."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Literal

from sessionstore._checks import Duration
from sessionstore._parameter_values import check

__all__ = ["AtLimit", "AtTimeout", "Duration", "Parameters"]

AtLimit = Literal["refuse", "evict"]
AtTimeout = Literal["end", "keep"]


@dataclass(frozen=True, slots=True)
class Parameters:
    """What holds for every session of a store, at once for all app servers that share it.

    They are kept in the store itself and enforced by its scripts. None for a limit means no limit.
    """

    timeout: timedelta = timedelta(seconds=900)
    """Idle time after the last close (or touch) at which a session ends, unless it has its own."""

    max_timeout: timedelta | None = None
    """Cap on every session's idle time; lowering it shortens existing sessions at once."""

    lifetime: timedelta | None = None
    """Time after its creation at which a session ends in any case, unless it has its own."""

    lease: timedelta = timedelta(seconds=30)
    """Time a holder may keep a session open without renewing; who has been told a longer one keeps
    that until the close."""

    wait: timedelta = timedelta(0)
    """Time an open waits for a session that somebody else has open."""

    max_waiters: int = 64
    """How many may wait for one session, at most 500."""

    max_per_owner: int | None = None
    """How many sessions one owner may have."""

    max_private: int | None = None
    """How many sessions that are not public the store may hold."""

    max_public: int | None = None
    """How many public sessions the store may hold."""

    at_limit: AtLimit = "refuse"
    """What a create does at a limit: refuse, or evict the least recently active unheld session."""

    at_timeout: AtTimeout = "end"
    """What becomes of a session that times out: it ends at once, or it is kept, counts and can be
    opened until `sweep()` is called (or for a year). Both hold for existing sessions, too."""

    max_bytes: int | None = 1 << 20
    """How many bytes of attributes, names included, one session may hold."""

    linger: timedelta = timedelta(seconds=60)
    """How long an ended session can still say why it ended; what has ended keeps to the old one."""

    max_events: int = 100
    """How many events each bucket keeps, give or take a hundred: 25,600 in all by default."""

    max_jobs: int | None = 100
    """How many live jobs one session may have."""

    max_jobs_per_owner: int | None = None
    """How many live jobs the sessions of one owner may have; of an anonymous one: that session."""

    def __post_init__(self) -> None:
        check({field.name: getattr(self, field.name) for field in fields(self)})
