"""Attributes that end by themselves: their values are stored behind the time at which they end.

That time is by the clock of Redis: its time when the session was opened, and what has gone by
here since then. The server removes what is over when it can; here it is not shown in any case.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from math import inf

from sessionstore._core.layout import ATTRIBUTE, HAS_LIFETIMES
from sessionstore._core.sessions import Changes
from sessionstore._core.stamps import end_of, parted, stamp

__all__ = ["Lifetimes"]

DOT = ord(".")


class Lifetimes:
    """When the attributes of one session end; the fields that it is given hold no stamps then."""

    def __init__(
        self, fields: dict[bytes, bytes], now: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ends: dict[bytes, int] = {}
        self._stored: dict[bytes, bytes] = {}  # the stamps, as they are stored
        self._over: dict[bytes, bytes] = {}  # what has ended, as it is stored if it still is
        self._changed: set[bytes] = set()
        self._clock = clock
        self._opened = now
        self._begun = clock()
        self._first = 0.0  # before that, none of them is over
        if HAS_LIFETIMES in fields:
            for field, raw in list(fields.items()):
                stamped, value = parted(raw) if field.startswith(ATTRIBUTE) else (b"", raw)
                if stamped:
                    fields[field] = value
                    self._ends[field] = end_of(stamped)
                    self._stored[field] = stamped
            self.drop_over(fields)

    def __bool__(self) -> bool:
        return bool(self._ends)

    def give(self, field: bytes, milliseconds: int | None) -> None:
        """Let an attribute end after a time, or with None not before the session does."""
        if milliseconds is not None:
            self._ends[field] = int(self._now()) + milliseconds
            self._first = min(self._first, self._ends[field])
            self._changed.add(field)
        elif self._ends.pop(field, None) is not None:
            self._changed.add(field)

    def left(self, field: bytes) -> float | None:
        """Return how many milliseconds an attribute has left; None: as long as the session."""
        end = self._ends.get(field)
        return None if end is None else end - self._now()

    def drop_over(self, fields: dict[bytes, bytes]) -> list[bytes]:
        """Return the attributes that have come to their end, each once.

        Those that end in the store at the same time are dropped from the fields; the others must be
        removed from it.
        """
        now = self._now()
        if now < self._first:
            return []
        over = [field for field, end in self._ends.items() if end <= now]
        self._first = min((end for end in self._ends.values() if end > now), default=inf)
        for field in over:
            if field in fields and self._stored.get(field) == self._stamp(field):
                self._over[field] = self._stored.pop(field) + fields.pop(field)
            del self._ends[field]
            self._changed.discard(field)
        return over

    def stamped(self, changes: Changes, stored: Mapping[bytes, bytes]) -> Changes:
        """Return what to write for some changes, and for lifetimes that were given."""
        if not self._ends and not self._changed:
            return changes
        again = {at: stored[at] for at in self._changed - set(changes.removed) if at in stored}
        written = {at: self._stamp(at) + raw for at, raw in {**again, **changes.written}.items()}
        return Changes(written, changes.removed)

    def as_stored(self, fields: Mapping[bytes, bytes]) -> Mapping[bytes, bytes]:
        """Return fields as the server has them, if nobody has changed them since."""
        stamped = {at: s + fields[at] for at, s in self._stored.items() if at in fields}
        return {**fields, **stamped, **self._over}

    def note_saved(self, sent: Changes) -> Changes:
        """Note what was sent, which is stored now; return it without the stamps."""
        if not (self._ends or self._changed or self._stored or self._over):
            return sent
        written = {}
        for field, raw in sent.written.items():
            stamped, written[field] = parted(raw) if field[0] == DOT else (b"", raw)
            self._stored[field] = stamped
            if stamped == self._stamp(field):  # else it was given another since
                self._changed.discard(field)
            self._over.pop(field, None)
        for field in sent.removed:
            self._stored.pop(field, None)
            self._over.pop(field, None)
        return Changes(written, sent.removed)

    def _stamp(self, field: bytes) -> bytes:
        return stamp(self._ends.get(field))

    def _now(self) -> float:
        return self._opened + (self._clock() - self._begun) * 1000
