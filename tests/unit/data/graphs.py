"""Graphs of objects for tests: how one is stored and read again without a server, and its shape."""

from __future__ import annotations

from collections.abc import Mapping

from sessionstore._core.sessions import Changes
from sessionstore.data._graph import Graph
from tests.unit.data.classes import Article, ByFields, Cart, Member, Node

__all__ = ["Held", "linked", "shape"]

OBJECTS = (Node, Cart, Article, ByFields, Member)


class Held:
    """The attributes of a session with their objects, in this process only."""

    def __init__(self, fields: Mapping[bytes, bytes] | None = None) -> None:
        self.graph = Graph(dict(fields or {}), {})
        self.values: dict[str, object] = {}

    def read(self, name: str) -> object:
        if name not in self.values:
            self.values[name] = self.graph.read(b"." + name.encode(), name)
        return self.values[name]

    def save(self, **values: object) -> Changes:
        """Store what changed, with some attributes more; None removes one."""
        dropped = [b"." + name.encode() for name, value in values.items() if value is None]
        self.values |= values
        self.values = {name: value for name, value in self.values.items() if value is not None}
        given = {b"." + name.encode(): (name, value) for name, value in self.values.items()}
        changes = self.graph.changes(given, {}, dropped, True)
        self.graph.note_saved(changes)
        return changes

    def again(self) -> Held:
        """Return what the next request has."""
        return Held(self.graph.stored)

    def objects(self) -> list[bytes]:
        return [field for field in self.graph.stored if field[:1] == b"@" and len(field) == 9]


def shape(value: object) -> list[object]:
    """A description in which each object has the number it is first met with; not recursive."""
    numbers: dict[int, int] = {}
    told: list[object] = []
    pending = [value]
    while pending:
        at = pending.pop()
        if isinstance(at, OBJECTS):
            known = id(at) in numbers
            told.append((type(at), numbers.setdefault(id(at), len(numbers))))
            if known:
                continue
        names = getattr(at, "__dataclass_fields__", None)
        if names is not None:
            told.append(type(at))
            pending += [getattr(at, name) for name in names]
        elif isinstance(at, (list, tuple)):
            told.append((type(at), len(at)))
            pending += at
        elif isinstance(at, dict):
            told.append((dict, list(at)))
            pending += at.values()
        elif isinstance(at, (set, frozenset)):
            told.append((type(at), len(at)))
            pending += sorted(at, key=lambda part: str(getattr(part, "label", part)))
        else:
            told.append((type(at), at))
    return told


def linked(number: int) -> Node:
    """A chain of nodes, each of which also knows the first."""
    first = last = Node(0)
    for label in range(1, number):
        node = Node(label)
        last.links = (node, first)
        last = node
    return first
