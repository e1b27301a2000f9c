"""An open session without the waiting: a mapping that knows what has changed, and what to do."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, TypeVar

from sessionstore._core import flows, kept, relocation, sessions
from sessionstore._core.keys import Home
from sessionstore._core.operation import Flow, Operation
from sessionstore._core.process import generation
from sessionstore._core.sessions import Changes, Opened, Reading, field_of
from sessionstore.attributes import Attributes
from sessionstore.config import Duration, optional_milliseconds
from sessionstore.data.values import changes_in_place
from sessionstore.documents import Documents
from sessionstore.errors import (
    LeaseLost,
    SessionEnded,
    SessionNotOpen,
    SessionStoreError,
)
from sessionstore.facts import Facts
from sessionstore.requests import Mode, Requests, attribute_name

__all__ = ["OpenSession"]

T = TypeVar("T")


class OpenSession(Facts, Attributes, MutableMapping[str, Any]):
    """What `Session` and `AsyncSession` share: everything but the waiting for Redis."""

    def __init__(
        self,
        requests: Requests,
        opened: Opened | Reading,
        mode: Mode = "exclusive",
        fields: Sequence[str] | None = None,
        lease: int | None = None,
    ) -> None:
        now = opened.now if isinstance(opened, Reading) else opened.lease_end - opened.lease
        super().__init__(
            opened.fields, opened.home.id, fields, now=now, set_aside=requests.set_aside
        )
        self._assigned: dict[str, bytes] = {}
        self._requests = requests
        self._process = generation()
        self._home = opened.home
        self._facts = opened.facts
        self._mode = mode
        # The lease: when it ends by the clock of Redis, how long it is, as asked for (None: the
        # store's); all in ms. Without one, the deadline is known as it was read.
        self.lease_end = opened.lease_end
        self.lease = opened.lease if isinstance(opened, Opened) else 0
        self.asked_lease = lease
        self._deadline = opened.deadline if isinstance(opened, Reading) else 0
        self._open = mode != "exclusive" or self.lease > 0
        self._queued = isinstance(opened, Opened) and opened.waited
        self._waited = timedelta(0)
        self._lost = False
        self._sequence = 0
        self._documents = Documents()

    __hash__ = object.__hash__
    __eq__ = object.__eq__

    def __setitem__(self, name: str, value: Any) -> None:
        attribute_name(name)
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
        milliseconds = optional_milliseconds(lifetime, "lifetime")
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
        if self._has(name, field_of(name)):
            self._dropped.add(name)

    def has_opened(self, seconds: float) -> None:
        """Note how long the open took, if it was spent in line."""
        if self._queued:
            self._waited = timedelta(seconds=seconds)

    def has_lost(self) -> None:
        """Note that the lease is lost, so that the next call says so."""
        self._lost = self._open

    def _shed(self) -> None:
        if self._lifetimes:
            for field in self._lifetimes.over():
                name = field[1:].decode()
                self._stored.pop(field, None)
                self._values.pop(name, None)
                self._assigned.pop(name, None)

    def _changes(self) -> Changes:
        self._shed()
        values, fixed = {}, {}
        for name, value in self._values.items():
            if changes_in_place(value):
                values[field_of(name)] = (name, value)
            elif name in self._assigned:
                fixed[field_of(name)] = self._assigned[name]
        for name, field in self._replaced():
            fixed[field] = self._stored[field_of(name)]
        dropped = sorted(map(field_of, self._dropped)) if self._dropped else ()
        return self._graph.changes(values, fixed, dropped, self._whole)

    def _changing(self) -> Flow[Changes]:
        """Return what to write; loads what was not asked for if it may refer to the same."""
        changes = self._changes()
        shared = self._mode == "shared"
        if shared and self._graph.touches_objects(changes):
            raise SessionNotOpen(self.id, doing="changing objects, exclusively")
        if not self._whole and not shared and self._touches_unknown(changes):
            self._has_all((yield from self.guarded(flows.rest(self._home, self.fence))))
            changes = self._changes()
        documents = self._documents.changed()
        if documents:
            self.check_held("changing documents")
            staged = yield from self._documents.staging(self._home, documents)
            changes = Changes(
                {**changes.written, **staged.written}, [*changes.removed, *staged.removed]
            )
        return changes

    def _has_saved(self, changes: Changes) -> None:
        self._documents.has_saved()
        self._lifetimes.has_saved(changes)
        self._graph.has_saved(changes)
        self._forget_replaced()
        self._dropped.clear()
        self._assigned.clear()

    def _check_open(self, doing: str) -> None:
        if self._lost:
            raise LeaseLost(self.id, fence=self.fence)
        if not self._open:
            raise SessionNotOpen(self.id, doing=doing)

    def _check_writable(self, doing: str) -> None:
        self._check_open(doing)
        if self._mode == "read":
            raise SessionNotOpen(self.id, doing=f"{doing}, only for reading")

    # For what is kept beside it: lists, longstrings and documents.

    def check_held(self, doing: str) -> None:
        """Raise unless this is the one holder: nobody else may touch what is kept beside it."""
        self._check_open(doing)
        if self._mode != "exclusive":
            raise SessionNotOpen(self.id, doing=f"{doing}, exclusively")

    def has_kept(self, field: bytes, raw: bytes | None) -> None:
        """Note what the field of a kept value holds now; None: there is none any more."""
        if raw is None:
            self._stored.pop(field, None)
        else:
            self._stored[field] = raw

    def _loading(self, name: str) -> Flow[Any]:
        self.check_held("reading a document")
        return (yield from self.guarded(self._documents.loading(self._home, self.fence, name)))

    def put_document(self, name: str, tree: Any) -> None:
        """Put an XML document into the session, at the next save or close.

        Args:
            name: of the document.
            tree: an ElementTree of lxml, without a document type and entities, of up to 16 MiB.

        Raises:
            TypeRefused, ValueTooLarge, SessionNotOpen; ConfigError if lxml is not installed.
        """
        self.check_held("changing a document")
        self._documents.put(attribute_name(name), tree)

    def drop_document(self, name: str) -> None:
        """Remove an XML document from the session, at the next save or close."""
        self.check_held("changing a document")
        self._documents.put(attribute_name(name), None)

    def keeping(self, field: bytes, content: bytes | Sequence[bytes] | None) -> Flow[None]:
        """Put a whole value in place of what is kept under a field, or of None remove it."""
        raw = None if content is None else (yield from kept.stage(self._home, content))
        changes = Changes(removed=[field]) if raw is None else Changes({field: raw})
        yield from self.guarded(self._keeping(changes))
        self.has_kept(field, raw)

    def _keeping(self, changes: Changes) -> Flow[None]:
        self._sequence += 1
        yield from flows.save(self._home, self.fence, self._sequence, changes)

    # What each method does, as a flow; the shells below only run it.

    def guarded(self, flow: Operation[T] | Flow[T]) -> Flow[T]:
        """Do something with the session, and note if it turns out to be lost or over."""
        try:
            return (yield from flow)
        except LeaseLost:
            self._lost = True
            raise
        except SessionEnded:
            self._open = False
            raise

    def _saving(self) -> Flow[None]:
        self._check_writable("saving")
        changes = yield from self._changing()
        stamped = self._lifetimes.stamped(changes, self._stored)
        if self._mode == "exclusive":
            yield from self.guarded(self._keeping(stamped))
        elif stamped.written or stamped.removed:
            seen = self._lifetimes.as_stored(self._stored)
            yield from self.guarded(
                flows.merge(self._requests.keys, self._home, self._facts.created, stamped, seen)
            )
        self._has_saved(changes)

    def _renewing(self) -> Flow[None]:
        self._check_open("renewing")
        if self._mode == "exclusive":
            (lease_end,) = yield from sessions.renew([(self._home, self.fence, self.asked_lease)])
            if not lease_end:
                self._lost = True
            self._check_open("renewing")
            self.lease_end = lease_end

    def _closing(self, id: str | None, owner: str | None, timeout: Duration | None) -> Flow[None]:
        if not self._open and not self._lost and (id, owner, timeout) == (None, None, None):
            return
        self._check_open("closing")
        timeout_ms = optional_milliseconds(timeout, "timeout")
        if self._mode != "exclusive":
            if (id, owner, timeout) != (None, None, None):
                raise SessionNotOpen(self.id, doing="changing its id, owner or timeout")
            if self._mode == "shared":
                yield from self._saving()
            self._open = False
            return
        target = self._requests.target(self._home, self.owner, id, owner)
        if target is not None and self._documents.changed():
            yield from self._saving()  # a document is staged in the bucket where it will be named
        changes = yield from self._changing()
        stamped = self._lifetimes.stamped(changes, self._stored)
        yield from self.guarded(self._giving_back(stamped, timeout_ms, target))
        self._has_saved(changes)
        # A renewal that was under way and came after the close has found nothing to renew.
        self._open = self._lost = False

    def _giving_back(
        self, changes: Changes, timeout: int | None, target: tuple[Home, str] | None
    ) -> Flow[None]:
        if target is None:
            yield from flows.close(self._home, self.fence, changes, timeout)
            if timeout is not None:
                self._facts = self._facts.with_timeout(timeout)
            return
        self._sequence += 1
        requests = self._requests
        facts = yield from relocation.move(
            requests.keys, self._home, *target, self.fence, self._sequence, changes, timeout
        )
        if facts is not None:
            self._home, self._facts = target[0], facts

    def _discarding(self) -> Flow[None]:
        if self._open and self._mode == "exclusive" and not self._lost:
            yield from self.guarded(flows.close(self._home, self.fence, Changes(), None))
        self._open = False

    def _deleting(self) -> Flow[None]:
        self._check_open("deleting")
        fence = self.fence if self._mode == "exclusive" else None
        yield from self.guarded(self._ending(fence))
        self._open = False

    def _ending(self, fence: int | None) -> Flow[None]:
        requests = self._requests
        yield from flows.delete(
            requests.keys, self._home, requests.label, sessions.ANY, fence=fence
        )

    def _leaving(self, error: BaseException | None) -> Flow[None]:
        """Leave the `with` block: save and close, or after an error drop what was not saved."""
        if self._process != generation():
            self._open = False  # a forked child unwinds through a block of its parent's
            return
        if error is None:
            try:
                yield from self._closing(None, None, None)
            except SessionStoreError:
                with suppress(SessionStoreError):
                    yield from self._discarding()
                raise
        else:
            with suppress(SessionStoreError):  # the error that led here says more
                yield from self._discarding()
        self._open = False

    def __repr__(self) -> str:
        state = self._mode if self._open else "closed"
        kind = type(self).__name__
        return f"<{kind} {self.id!r} of {self.owner!r}: {state}, {len(self)} attributes>"
