"""Attributes that can be changed, and what of them is not saved yet.

Whether something is unsaved is found by comparing it with what is stored, and by nothing else. So
it does not matter what happens while a save is under way: what was sent is noted as stored then,
and what differs from that goes out with the next one.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from sessionstore._checks import optional_milliseconds
from sessionstore._core.sessions import Changes, field_of
from sessionstore._shell.attributes import DOT, Attributes
from sessionstore._shell.calls import attribute_name
from sessionstore._shell.documents import Documents
from sessionstore.config import Duration
from sessionstore.data._values import changes_in_place

__all__ = ["Changeable", "Unsaved"]


class Unsaved(NamedTuple):
    """What has changed since the last save: attributes with their objects, and documents."""

    changes: Changes
    documents: Mapping[str, bytes | None]


class Changeable(Attributes, MutableMapping[str, Any]):
    """Attributes that can be assigned, changed in place and removed, and documents."""

    _popping: Iterator[str] = iter(())

    def __init__(
        self,
        fields: dict[bytes, bytes],
        id: str,
        asked_for: Sequence[str] | None,
        *,
        now: int,
        set_aside: bool,
    ) -> None:
        super().__init__(fields, id, asked_for, now=now, set_aside=set_aside)
        self._assigned: dict[str, bytes] = {}
        self._documents = Documents()

    @abstractmethod
    def _check_writable(self, doing: str) -> None:
        """Raise unless changes are taken now."""

    def __setitem__(self, name: str, value: Any) -> None:
        name = attribute_name(name)
        self._check_writable("assigning")
        self._is_readable(name)  # if it is not, its bytes are not lost by this
        # Encoding says now, not at the save, that it cannot be stored; what may change until then
        # is encoded once more.
        self._assigned[name] = self._graph.check(field_of(name), name, value)
        self._values[name] = value
        self._dropped.discard(name)
        self._lifetimes.give(field_of(name), None)

    def set(self, name: str, value: Any, *, lifetime: Duration | None = None) -> None:
        """Assign an attribute that ends by itself.

        Args:
            name: of the attribute.
            value: as for an assignment, which would let it live as long as the session.
            lifetime: time from now after which it is gone, by the clock of Redis, whether the
                session is open or not; None: it lives as long as the session.

        Raises:
            TypeRefused, SessionNotOpen, LeaseLost, ConfigError.
        """
        milliseconds, name = optional_milliseconds(lifetime, "lifetime"), attribute_name(name)
        self[name] = value
        self._lifetimes.give(field_of(name), milliseconds)

    def lifetime(self, name: str) -> timedelta | None:
        """Return how long an attribute has left; None: as long as the session. Or KeyError."""
        if name not in self:
            raise KeyError(name)
        left = self._lifetimes.left(field_of(name))
        return None if left is None else timedelta(milliseconds=left)

    def __delitem__(self, name: str) -> None:
        self._check_writable("removing")
        if name not in self:
            raise KeyError(name)
        self._values.pop(name, None)
        self._assigned.pop(name, None)
        if name not in (self._asides or ()):
            self._dropped.add(name)  # also one not stored: a save that is under way may store it

    def clear(self) -> None:
        """Remove all attributes."""
        for name in list(self):
            del self[name]

    def popitem(self) -> tuple[str, Any]:
        """Remove an attribute, and return it with its name; KeyError if there is none."""
        for names in (self._popping, iter(self)):  # on from the last call, or anew
            self._popping = names
            for name in names:
                if name in self:
                    return name, self.pop(name)
        raise KeyError("the session has no attributes")

    def _drop_expired(self) -> None:
        if self._lifetimes:
            for field in self._lifetimes.drop_over(self._stored):
                name = field[1:].decode()
                self._values.pop(name, None)
                self._assigned.pop(name, None)
                self._dropped.add(name)

    def _changes(self) -> Changes:
        """Return what differs from what is stored: only by that a value is saved or unsaved."""
        self._drop_expired()
        values, fixed = {}, {}
        for name, value in self._values.items():
            if changes_in_place(value):
                values[field_of(name)] = (name, value)
            elif name in self._assigned:
                fixed[field_of(name)] = self._assigned[name]
        for name, field in self._replaced():
            fixed[field] = self._stored[field_of(name)]
        dropped: list[bytes] = []
        if self._dropped:
            dropped = sorted(filter(self._may_be_stored, map(field_of, self._dropped)))
        return self._graph.changes(values, fixed, dropped, self._whole)

    def _may_be_stored(self, field: bytes) -> bool:
        """Whether a field is stored, or it is not known because it was not asked for."""
        unknown = self._asked_for is not None and field[1:].decode() not in self._asked_for
        return field in self._stored or unknown

    def _note_saved(self, sent: Changes, documents: Mapping[str, bytes | None]) -> None:
        """Note that just this is stored now: more may have changed since it was sent.

        A signal handler may raise in between: then what is not noted yet counts as not saved.
        """
        if documents:
            self._documents.note_saved(documents)
        self._graph.note_saved(self._lifetimes.note_saved(sent))
        for field in sent.removed:
            if field[0] == DOT:
                self._dropped.discard(field[1:].decode())
        if self._asides:
            self._forget_replaced(sent)
