"""One session as it should be, told with plain Python, and how a refusal is told; see model.py."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["LEASE", "TIMEOUT", "Modelled", "Refusal", "pool_of"]

LEASE = 100
TIMEOUT = 200


class Refusal(Exception):
    """The model says no; `error` is what the store must raise.

    `about` is what that must say: why the session ended, which limit it was, which attributes.
    """

    def __init__(self, error: type[Exception], about: object = None) -> None:
        super().__init__(error.__name__, about)
        self.error = error
        self.about = about


def pool_of(owner: str) -> str:
    """Return the limit that counts the sessions of an owner."""
    return "public" if owner == "*" else "private"


@dataclass(eq=False)
class Modelled:
    """One session, from its creation until its tombstone is gone."""

    sid: str
    id: str
    owner: str
    timeout: int
    life: int | None
    """How long it may live still; None: for ever."""
    data: dict[str, Any]
    idle: int = 0
    holder: object = None
    """Who opened it, or whom it was handed to; perhaps the lease is over."""
    lease: int = 0
    granted: bool = False
    """It was handed to a waiter that has not taken it up yet."""
    pending: str | None = None
    """It ends when it is given back, for this reason."""
    ended: str | None = None
    """It is known to have ended: there is a tombstone that says why."""
    gone: bool = False
    """Its key expired before anybody noticed that it was over."""
    counted: bool = True
    """It is in the index of its owner."""
    line: list[object] = field(default_factory=list)
    """Who waits, in order."""
    silent: set[object] = field(default_factory=set)
    """Who of them is taken for dead, and is passed over until it asks again."""

    @property
    def held(self) -> bool:
        return self.holder is not None and self.lease > 0

    @property
    def pool(self) -> str:
        """Which limit of all sessions counts it."""
        return pool_of(self.owner)

    @property
    def over(self) -> str | None:
        """Why it is over, if it is, though perhaps nobody has noticed."""
        if self.ended is not None:
            return self.ended
        if self.life is not None and self.life <= 0:
            return "lifetime"
        if self.held:
            return None
        return self.pending or ("timed out" if self.idle >= self.timeout else None)

    @property
    def alive(self) -> bool:
        return not self.gone and self.over is None

    def goes_by(self, seconds: int) -> None:
        """Let time go by."""
        if self.life is not None:
            self.life -= seconds
        self.idle += seconds
        if self.held:
            self.lease -= seconds
            if self.lease <= 0 and not self.granted:
                self.idle = -self.lease  # a lost lease is a close at its end
