"""Objects that follow a session: what attributes refer to, each stored once in its own field.

    .NAME      an attribute; an object in it is a reference, the id of the object
    @ID        an object: the name and version of its class, and its fields
    @!ID NAME  the bytes of an attribute that could not be decoded, set aside
    @          there are objects: who loads a few attributes only must know that

An object that is used twice is one object with one id, so shared references stay shared and cycles
stay cycles. Each is encoded and decoded by itself, one after another, so the depth of a graph is
not bounded; only values in each other are.

Whether something changed is found by encoding once more, and comparing, what was looked at: that is
attributes, and objects also when only attributes still lead to them that were not. As long as
nothing changed, nothing is written, not even what reading has brought to a newer version. Once
something did, all that can be reached from the attributes is marked: from what is in use by what
it refers to now, from the rest by the references in its bytes. What is not marked goes.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from sessionstore._core.layout import OBJECTS
from sessionstore._core.sessions import Changes
from sessionstore.data._objects import (
    decode_object,
    encode_object,
    holds_reference,
    kind_of_object,
    references,
)
from sessionstore.data._registry import KINDS
from sessionstore.data._values import Reader, changes_in_place, decode, encode
from sessionstore.errors import TypeRefused, UndecodableValue

__all__ = ["ASIDE", "Graph", "aside_field", "name_aside", "refers", "written"]

ASIDE = b"@!"
AT, DOT = ord("@"), ord(".")
_LONGEST_PATH = 400
_ID_BYTES = 6  # 8 characters
_PASSES = 4

Values = Mapping[bytes, tuple[str, Any]]
"""Attributes by field, each with its name."""


class Graph:
    """The objects of one open session or snapshot, with the identity they have in memory.

    `stored` is what is stored, as far as it is loaded; who saves keeps it as it is. `others` are
    attributes that were not asked for: nobody sees them, but objects that they refer to stay.
    """

    def __init__(self, stored: dict[bytes, bytes], others: dict[bytes, bytes]) -> None:
        self.stored = stored
        self.others = others
        self._objects: dict[bytes, Any] = {}
        self._ids: dict[int, bytes] = {}
        self._read: dict[
            bytes, bytes
        ] = {}  # what was read, had it been stored in its version of now

    def read(self, field: bytes, path: str) -> Any:
        """Return the value of an attribute, or raise UndecodableValue."""
        raw = self.stored[field]
        reader = Reader(self._objects)
        before = len(self._objects)
        try:
            if refers(raw):
                self._load(raw, path, reader)
            value = decode(raw, path, reader)
            if reader.changed:
                new = {field, *(b"@" + id_ for id_ in islice(self._objects, before, None))}
                encoded = _Tracing(self, {field: (path, value)}).encoded
                self._read |= {at: raw for at, raw in encoded.items() if at in new}
        except (TypeRefused, UndecodableValue) as error:
            for id_ in list(islice(self._objects, before, None)):
                del self._ids[id(self._objects.pop(id_))]
            if isinstance(error, UndecodableValue):
                raise
            raise UndecodableValue(
                path, why=f"its upgrade gave what is not stored: {error}"
            ) from None
        return value

    def check(self, field: bytes, path: str, value: Any) -> bytes:
        """Return the bytes of a value that was assigned, if it can be stored with all it refers to.

        Raises TypeRefused, with the path to what cannot.
        """
        if not changes_in_place(value):
            return encode(value, path)
        return _Tracing(self, {field: (path, value)}).encoded[field]

    def changes(
        self, values: Values, fixed: Mapping[bytes, bytes], dropped: Iterable[bytes], whole: bool
    ) -> Changes:
        """Return what a save has to write.

        Args:
            values: attributes that may have changed.
            fixed: fields with bytes that are known, to be written if they are not stored yet.
            dropped: fields of attributes that were removed.
            whole: whether all is loaded that could refer to an object; if not, all objects stay.

        Raises:
            TypeRefused: with the path to what cannot be stored.
        """
        removed = list(dropped)
        if not values and not removed and OBJECTS not in self.stored:
            stored = self.stored
            return Changes({field: raw for field, raw in fixed.items() if raw != stored.get(field)})
        tracing = _Tracing(self, values)
        tracing.encoded |= fixed
        stored = self.stored
        follows = whole and self._has_more(tracing.ids)
        if follows:
            tracing.follow_rest(removed)
        changed = any(
            raw not in (stored.get(field), self._read.get(field))
            for field, raw in tracing.encoded.items()
        )
        if not changed and not removed:
            return Changes()
        if whole and (tracing.ids or OBJECTS in stored):
            if not follows:
                tracing.follow_rest(removed)
            kept = tracing.fields()
            removed += [field for field in stored if _is_object(field) and field not in kept]
            if kept:
                tracing.encoded[OBJECTS] = b"1"
            elif OBJECTS in stored:
                removed.append(OBJECTS)
        encoded = tracing.encoded.items()
        return Changes({field: raw for field, raw in encoded if raw != stored.get(field)}, removed)

    def note_saved(self, changes: Changes) -> None:
        """Note what is stored now."""
        for field, raw in changes.written.items():
            self.stored[field] = raw
            self.others.pop(field, None)
            self._read.pop(field, None)
        for field in changes.removed:
            self.stored.pop(field, None)
            self._read.pop(field, None)

    def note_loaded(self, fields: Mapping[bytes, bytes]) -> None:
        """Note all that is stored, beside the attributes that were asked for."""
        for id_ in [id_ for id_ in self._objects if b"@" + id_ not in self.stored]:
            del self._ids[id(self._objects.pop(id_))]  # a new one, whose id may be taken
        for field, raw in fields.items():
            if field not in self.stored:
                where = self.others if field[0] == DOT else self.stored
                where[field] = raw

    def touches_objects(self, changes: Changes) -> bool:
        """Whether some changes are of objects, or of what refers to them."""
        fields = [*changes.written, *changes.removed]
        return any(
            field[0] == AT or refers(self.stored.get(field, b"")) for field in fields
        ) or any(map(refers, changes.written.values()))

    def object_of(self, id: bytes) -> Any:
        """Return an object in memory, or None if it was not loaded."""
        return self._objects.get(id)

    def id_of(self, value: Any) -> bytes:
        """Return the id of an object; a new one if it has none yet."""
        found = self._ids.get(id(value))
        if found is None:
            found = new_id()
            while found in self._objects or b"@" + found in self.stored:
                found = new_id()
            self._know(found, value)
        return found

    def _has_more(self, ids: Collection[bytes]) -> bool:
        """Whether there are stored objects in memory, which may have changed, but for some."""
        if len(ids) == len(self._objects):
            return False
        return any(id_ not in ids and b"@" + id_ in self.stored for id_ in self._objects)

    def _know(self, id_: bytes, value: Any) -> None:
        self._objects[id_] = value  # and so it stays in memory, and nothing else gets its `id()`
        self._ids[id(value)] = id_

    def _load(self, raw: bytes, path: str, reader: Reader) -> None:
        """Make the objects that some bytes refer to, and what these refer to."""
        order = [id_ for id_ in self._below(raw) if id_ not in self._objects]
        kinds = {id_: kind_of_object(self.stored[b"@" + id_], path) for id_ in order}
        for id_, kind in kinds.items():
            self._know(id_, kind.new())
        reader.empty.update(order)
        # In a cycle, one may be needed in a set before it has the fields that it is hashed by. What
        # needs it is read once more then.
        failed: UndecodableValue | None = None
        for _ in range(_PASSES):
            again = []
            for id_ in order:
                reader.too_early = False
                try:
                    decode_object(
                        self.stored[b"@" + id_], self._objects[id_], kinds[id_], path, reader
                    )
                except UndecodableValue as error:
                    if not reader.too_early:
                        raise
                    failed = error
                else:
                    reader.empty.discard(id_)
                if reader.too_early:
                    again.append(id_)
            order = again
            if not order:
                return
        why = "objects that are hashed by each other"
        raise failed or UndecodableValue(path, why=why)

    def _below(self, raw: bytes) -> list[bytes]:
        """Return the ids that some bytes lead to; what an object needs comes before it, if it can.

        So an object that is hashed by its fields has them when it is put into a set.
        """
        order: list[bytes] = []
        seen: set[bytes] = set()
        way: list[tuple[bytes, Iterator[bytes]]] = [(b"", iter(references(raw)))]
        while way:
            at, further = way[-1]
            for id_ in further:
                found = None if id_ in seen else self.stored.get(b"@" + id_)
                if found is not None:
                    seen.add(id_)
                    way.append((id_, iter(references(found))))
                    break
            else:
                way.pop()
                order.append(at)
        return order[:-1]


class _Tracing:
    """Encodes values and the objects that they lead to, each object once."""

    def __init__(self, graph: Graph, values: Values) -> None:
        self._graph = graph
        self.encoded: dict[bytes, bytes] = {}
        self.ids: dict[bytes, tuple[bytes, str]] = {}  # found from which id, by which path
        self._found: list[bytes] = []
        self._at = b""
        for field, (path, value) in values.items():
            self.encoded[field] = encode(value, path, self._refer)
            self._follow()

    def follow_rest(self, dropped: Iterable[bytes]) -> None:
        """Follow what attributes refer to that were not looked at, or not even asked for."""
        graph, skipped = self._graph, {*self.encoded, *dropped}
        for fields in (graph.stored, graph.others):
            for field, raw in fields.items():
                if (field[0] == DOT or field.startswith(ASIDE)) and field not in skipped:
                    self._meet(raw)
        for field in list(self.encoded):
            if field.startswith(ASIDE):
                self._meet(self.encoded[field])
        self._follow()

    def fields(self) -> set[bytes]:
        """Return the fields of all objects that were found."""
        return {b"@" + id_ for id_ in self.ids}

    def _refer(self, value: Any, path: str) -> bytes:
        id_ = self._graph.id_of(value)
        if id_ not in self.ids:
            self.ids[id_] = (self._at, path)
            self._found.append(id_)
        return id_

    def _meet(self, raw: bytes) -> None:
        for id_ in references(raw):
            if id_ not in self.ids and b"@" + id_ in self._graph.stored:
                self.ids[id_] = (b"", "")
                self._found.append(id_)

    def _follow(self) -> None:
        while self._found:
            self._at = self._found.pop()
            value = self._graph.object_of(self._at)
            if value is None:
                self._meet(self._graph.stored[b"@" + self._at])
                continue
            try:
                raw = encode_object(value, KINDS[type(value)], self._refer)
            except TypeRefused as error:
                raise error.at(self._path() + error.path) from None
            self.encoded[b"@" + self._at] = raw
        self._at = b""

    def _path(self) -> str:
        """Return the path to the object that is being encoded, without its middle if it is long."""
        steps, id_ = [], self._at
        while id_:
            id_, step = self.ids[id_]
            steps.append(step)
        path = "".join(reversed(steps))
        half = _LONGEST_PATH // 2
        return path if len(path) <= _LONGEST_PATH else f"{path[:half]}…{path[-half:]}"


def written(values: Values) -> dict[bytes, bytes]:
    """Return the fields of the first attributes of a session, and of the objects among them."""
    return dict(Graph({}, {}).changes(values, {}, (), True).written)


def refers(raw: bytes) -> bool:
    """Whether some bytes refer to an object; those that only look so do not."""
    return bool(references(raw)) and holds_reference(raw)


def new_id() -> bytes:
    """Return the id of a new object: 8 url-safe characters."""
    return secrets.token_urlsafe(_ID_BYTES).encode()


def aside_field(name: str) -> bytes:
    """Return a field for the bytes of an attribute that cannot be decoded."""
    return ASIDE + new_id() + name.encode()


def name_aside(field: bytes) -> str:
    """Return whose bytes are in such a field."""
    return field[len(ASIDE) + 8 :].decode()


def _is_object(field: bytes) -> bool:
    return field[0] == AT and len(field) == 9
