"""What is read of a session: attributes, decoded when first looked at, and facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from sessionstore._core.buckets import Row
from sessionstore._core.keys import Home
from sessionstore._core.records import instant
from sessionstore._core.sessions import Reading
from sessionstore.data.values import decode

__all__ = ["Attributes", "SessionInfo", "Snapshot"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionInfo:
    """What a listing tells of a session. Times are by the clock of Redis, in UTC."""

    id: str
    """The name given by its creator, or the generated id."""

    sid: str
    """The id that is unique in the whole store."""

    owner: str
    """A user id, `*` for public, empty for anonymous."""

    timeout: timedelta
    created: datetime
    last_activity: datetime
    deadline: datetime
    """When it ends if nothing happens; for an open one, if its holder does not come back."""

    fence: int
    holder: str | None
    """Who has it open."""

    held_until: datetime | None
    """When the holder's lease ends unless it is renewed."""

    @classmethod
    def of(cls, row: Row | Reading, home: Home) -> Self:
        """Return what a script told of a session."""
        facts = row.facts
        return cls(
            id=home.id,
            sid=home.sid,
            owner=facts.owner,
            timeout=timedelta(milliseconds=facts.timeout),
            created=instant(facts.created),
            last_activity=instant(facts.activity),
            deadline=instant(row.deadline),
            fence=facts.fence,
            holder=row.holder or None,
            held_until=instant(row.lease_end) if row.holder else None,
        )


class Attributes(Mapping[str, Any]):
    """Attributes by name, decoded when they are first looked at."""

    def __init__(self, id: str, stored: dict[str, bytes], fields: Sequence[str] | None) -> None:
        self._id = id
        self._stored = stored
        self._fields = fields
        self._values: dict[str, Any] = {}
        self._dropped: set[str] = set()
        self._assigned: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        try:
            return self._values[name]
        except KeyError:
            pass
        if name in self._dropped or name not in self._stored:
            if self._fields is not None and name not in self._fields:
                raise KeyError(f"{name!r} was not asked for: fields={list(self._fields)}")
            raise KeyError(name)
        value = self._values[name] = decode(self._stored[name], name)
        return value

    def __contains__(self, name: object) -> bool:
        return name in self._values or (name in self._stored and name not in self._dropped)

    def __iter__(self) -> Iterator[str]:
        for name in self._stored:
            if name not in self._dropped:
                yield name
        for name in self._values:
            if name not in self._stored:
                yield name

    def __len__(self) -> int:
        new = sum(name not in self._stored for name in self._values)
        return len(self._stored) - len(self._dropped) + new


class Snapshot(Attributes):
    """A session as it was when it was read; changing it changes nothing."""

    def __init__(self, reading: Reading) -> None:
        super().__init__(reading.home.id, reading.values, None)
        self.info = SessionInfo.of(reading, reading.home)

    @property
    def id(self) -> str:
        """The name given by its creator, or the generated id."""
        return self.info.id

    @property
    def owner(self) -> str:
        """A user id, `*` for public, empty for anonymous."""
        return self.info.owner

    def __repr__(self) -> str:
        return f"<Snapshot of session {self.id!r}: {len(self)} attributes>"
