"""XML documents of a session: trees, loaded when asked for and written when they changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sessionstore._core import beside, staging
from sessionstore._core.keys import Home
from sessionstore._core.operation import Flow
from sessionstore._core.sessions import Changes
from sessionstore.data._documents import check, parse, serialise, unchecked

__all__ = ["Documents"]

Tree = Any
"""An ElementTree of lxml, which only who has documents needs."""


class Documents:
    """The documents of an open session that were looked at, put there or dropped."""

    def __init__(self) -> None:
        self._trees: dict[str, Tree | None] = {}
        self._stored: dict[str, bytes | None] = {}

    def loading(self, home: Home, fence: int, name: str) -> Flow[Tree | None]:
        """Return the tree of a document, always the same one; None if there is none."""
        if name not in self._trees:
            raw = yield from beside.whole(home, fence, beside.DOCUMENT, name)
            # An empty one is none: a document has a root.
            self._trees[name] = parse(raw, name) if raw else None
            self._stored[name] = unchecked(tree, name) if (tree := self._trees[name]) else None
        return self._trees[name]

    def put(self, name: str, tree: Tree) -> None:
        """Put a tree in place of a document, at the next save."""
        serialise(tree, name)  # says now, not at the save, that it cannot be stored
        self._trees[name] = tree

    def drop(self, name: str) -> None:
        """Remove a document, at the next save."""
        self._trees[name] = None

    def changed(self) -> dict[str, bytes | None]:
        """Return what has to be written: documents by name; None is one to be removed."""
        if not self._trees:
            return {}
        now = {
            name: None if tree is None else unchecked(tree, name)
            for name, tree in self._trees.items()
        }
        changed = {
            name: raw
            for name, raw in now.items()
            if name not in self._stored or raw != self._stored[name]
        }
        for name, raw in changed.items():
            if raw is not None:
                check(raw, self._trees[name], name)
        return changed

    @staticmethod
    def by_field(changed: Mapping[str, bytes | None]) -> dict[bytes, bytes | None]:
        """Return changed documents by the fields that name them."""
        return {beside.field_named(beside.DOCUMENT, name): raw for name, raw in changed.items()}

    def staging(
        self, home: Home, fence: int, changed: Mapping[str, bytes | None], along: Changes
    ) -> Flow[Changes]:
        """Write documents where nobody sees them; return the fields that will name them.

        `along` is what else is saved with them.
        """
        fields = self.by_field(changed)
        removed = [field for field, raw in fields.items() if raw is None]
        contents = {field: raw for field, raw in fields.items() if raw is not None}
        if not contents:
            return Changes({}, removed)
        along = Changes(along.written, [*along.removed, *removed])
        return Changes((yield from staging.stage(home, fence, contents, along)), removed)

    def note_saved(self, sent: Mapping[str, bytes | None]) -> None:
        """Note what was sent, which is stored now."""
        self._stored |= sent
