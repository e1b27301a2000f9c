"""What is read of a session: attributes, decoded when first looked at, and facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from sessionstore._core.buckets import Row
from sessionstore._core.keys import Home
from sessionstore._core.records import instant
from sessionstore._core.sessions import Reading, field_of
from sessionstore.data.values import decode

__all__ = ["Attributes", "SessionInfo", "Snapshot"]

DOT = ord(".")


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

    def __init__(self, fields: dict[bytes, bytes], asked_for: Sequence[str] | None = None) -> None:
        self._stored = fields  # also the facts of the session; an attribute's field has a dot
        self._asked_for = asked_for
        self._values: dict[str, Any] = {}
        self._dropped: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        try:
            return self._values[name]
        except KeyError:
            pass
        raw = None if name in self._dropped else self._stored.get(field_of(name))
        if raw is None:
            if self._asked_for is not None and name not in self._asked_for:
                raise KeyError(f"{name!r} was not asked for: fields={list(self._asked_for)}")
            raise KeyError(name)
        value = self._values[name] = decode(raw, name)
        return value

    def __contains__(self, name: object) -> bool:
        return name in self._values or (
            isinstance(name, str) and name not in self._dropped and field_of(name) in self._stored
        )

    def __iter__(self) -> Iterator[str]:
        stored = [field[1:].decode() for field in self._stored if field[0] == DOT]
        yield from (name for name in stored if name not in self._dropped)
        yield from self._values.keys() - stored

    def __len__(self) -> int:
        return sum(1 for _ in self)


class Snapshot(Attributes):
    """A session as it was when it was read; changing it changes nothing."""

    def __init__(self, reading: Reading) -> None:
        super().__init__(reading.fields)
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
