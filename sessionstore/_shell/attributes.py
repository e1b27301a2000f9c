"""What is read of a session: attributes, decoded when first looked at, and facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self, get_args

from sessionstore._core.beside import Kind, sizes_of
from sessionstore._core.buckets import Row
from sessionstore._core.keys import Home
from sessionstore._core.layout import ATTRIBUTE, OBJECTS
from sessionstore._core.records import Reading, instant
from sessionstore._core.sessions import Changes, field_of
from sessionstore._core.stamps import parted
from sessionstore._ids import shown
from sessionstore._shell.lifetimes import Lifetimes
from sessionstore.data._graph import ASIDE, Graph, aside_field, name_aside, refers
from sessionstore.errors import ConfigError, UndecodableValue

__all__ = [
    "Attributes",
    "Kind",
    "SessionInfo",
    "Snapshot",
    "Told",
    "wants_all",
]

DOT = ord(".")
KINDS = get_args(Kind)


class Told:
    """What a dataclass shows of itself: all there is, and ids as people may read them."""

    __slots__: tuple[str, ...] = ()

    def __repr__(self) -> str:
        told = {name: getattr(self, name) for name in self.__slots__}
        shows = {name: shown if name in ("id", "sid") else repr for name in told}
        pairs = (f"{name}={shows[name](value)}" for name, value in told.items())
        return f"{type(self).__name__}({', '.join(pairs)})"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SessionInfo(Told):
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


def wants_all(fields: Mapping[bytes, bytes]) -> bool:
    """Whether some fields refer to others, so that those must be read as well."""
    return OBJECTS in fields and any(
        refers(parted(raw)[1]) for at, raw in fields.items() if at[0] == DOT
    )


def field_if_any(name: object) -> bytes:
    """Return the field that would hold an attribute; of what is no name, one that never is."""
    if not isinstance(name, str):
        return b""
    # With half of a surrogate pair it is in no session.
    return ATTRIBUTE + name.encode("utf-8", "surrogatepass")


class Attributes(Mapping[str, Any]):
    """Attributes by name, decoded when they are first looked at."""

    def __init__(
        self,
        fields: dict[bytes, bytes],
        id: str,
        asked_for: Sequence[str] | None = None,
        *,
        now: int,
        set_aside: bool = False,
    ) -> None:
        self._lifetimes = Lifetimes(fields, now)
        # What is stored: also the facts of the session; an attribute's field has a dot.
        self._stored, others = fields, {}
        if asked_for is not None:
            names = set(map(field_of, asked_for))
            others = {at: raw for at, raw in fields.items() if at[0] == DOT and at not in names}
            self._stored = {at: raw for at, raw in fields.items() if at not in others}
        # Whether nothing that could refer to an object was left out.
        self._whole = asked_for is None or OBJECTS not in fields or wants_all(self._stored)
        self._graph = Graph(self._stored, others)
        self._whose = id
        self._asked_for = asked_for
        self._values: dict[str, Any] = {}
        self._dropped: set[str] = set()
        # Where the bytes of what could not be decoded go, should its name get another value.
        self._asides: dict[str, bytes] | None = {} if set_aside else None

    def __getitem__(self, name: str) -> Any:
        self._drop_expired()
        try:
            return self._values[name]
        except (KeyError, TypeError):  # what cannot be hashed is no name
            pass
        field = field_if_any(name)
        if not self._has(name, field):
            if self._asked_for is not None and name not in self._asked_for:
                raise KeyError(f"{name!r} was not asked for; add it to fields=")
            raise KeyError(name)
        try:
            value = self._values[name] = self._graph.read(field, name)
        except UndecodableValue as error:
            if self._asides is None:
                raise error.within(self._whose) from None
            self._asides[name] = aside_field(name)
            raise KeyError(name) from None
        return value

    def __contains__(self, name: object) -> bool:
        self._drop_expired()
        if not isinstance(name, str):
            return False
        return name in self._values or (
            self._has(name, field_if_any(name)) and self._is_readable(name)
        )

    def __iter__(self) -> Iterator[str]:
        stored = [field[1:].decode() for field in self._stored if field[0] == DOT]
        yield from (name for name in stored if name in self)
        yield from self._values.keys() - stored

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @property
    def set_aside(self) -> tuple[str, ...]:
        """The names whose bytes are kept although they could not be decoded; see `connect`."""
        kept = {name_aside(field) for field in self._stored if field.startswith(ASIDE)}
        list(self)  # looks at all of them
        return tuple(sorted(kept | set(self._asides or ())))

    def _drop_expired(self) -> None:
        """Forget the attributes whose lifetime is over by now."""

    def _note_all(self, fields: Mapping[bytes, bytes]) -> None:
        """Note all that is stored; what was not asked for stays invisible."""
        self._graph.note_loaded({at: parted(raw)[1] for at, raw in fields.items()})
        self._whole = True

    def _touches_unknown(self, changes: Changes) -> bool:
        """Whether changes may make an object unused of which not all is known that refers to it."""
        known = set(map(field_of, self._asked_for or ()))
        fields = (*changes.written, *changes.removed)
        return not known.issuperset(fields) or self._graph.touches_objects(changes)

    def _replaced(self) -> list[tuple[str, bytes]]:
        """Return what is set aside while its name has a new value, and where its bytes go."""
        asides = self._asides
        if not asides:
            return []
        return [(name, field) for name, field in asides.items() if name in self._values]

    def _forget_replaced(self, sent: Changes) -> None:
        for name, field in list(self._asides.items() if self._asides else ()):
            if field in sent.written:
                if name not in self._values:  # the new value was removed since
                    self._dropped.add(name)
                del self._asides[name]  # type: ignore[union-attr]

    def _unread(self, sent: Changes) -> list[bytes]:
        """Return what is sent of which it is not known what is stored: it was not asked for."""
        if self._asked_for is None:
            return []
        known = {*map(field_of, self._asked_for), *self._stored}
        return [field for field in (*sent.written, *sent.removed) if field not in known]

    def _has(self, name: str, field: bytes) -> bool:
        return (
            field in self._stored
            and name not in self._dropped
            and (self._asides is None or name not in self._asides)
        )

    def _is_readable(self, name: str) -> bool:
        """Whether an attribute is not to be set aside; one that cannot be read is an error else."""
        if self._asides is None:
            return True
        try:
            self[name]
        except KeyError:
            return False
        return True

    def kept(self, kind: Kind) -> dict[str, int]:
        """Return what is kept beside it, of the kind `list`, `longstring` or `document`.

        These are names with their size in bytes, as it is stored; with `fields=` given to the open,
        none. Raises ConfigError for another kind.
        """
        if kind not in KINDS:
            raise ConfigError(f"a kind is one of {', '.join(KINDS)}")
        return sizes_of(kind, self._stored)


class Snapshot(Attributes):
    """A session as it was when it was read; changing it changes nothing."""

    def __init__(self, reading: Reading, *, set_aside: bool = False) -> None:
        super().__init__(reading.fields, reading.home.id, now=reading.now, set_aside=set_aside)
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
        return f"<Snapshot of session {shown(self.id)}: {len(self)} attributes>"
