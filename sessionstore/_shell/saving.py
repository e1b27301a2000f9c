"""An open session as long as it stays open: whether it takes changes, and how they are saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, NamedTuple, NoReturn, TypeVar
from weakref import ref

from sessionstore._core import flows, process, staging
from sessionstore._core.keys import ticket as new_ticket
from sessionstore._core.layout import OBJECTS
from sessionstore._core.operation import Flow, Operation
from sessionstore._core.outcomes import is_refusal
from sessionstore._core.records import Held, Opened, Reading, Unstaged
from sessionstore._core.sessions import ANY, Changes
from sessionstore._core.stamps import UNREAD, parted
from sessionstore._shell.beside import Beside
from sessionstore._shell.calls import AT_CREATE, Calls, How, attribute_name
from sessionstore._shell.changeable import Changeable, Unsaved
from sessionstore._shell.closing import Closing
from sessionstore._shell.facts import OpenFacts
from sessionstore.data._graph import refers
from sessionstore.errors import (
    LeaseLost,
    QuotaExceeded,
    SessionEnded,
    SessionNotOpen,
    SessionStoreError,
    StoreUnavailable,
    ValueTooLarge,
)

__all__ = ["SavedSession"]

T = TypeVar("T")

OBJECTS_EXCLUSIVELY = "changing objects, exclusively"

NOT_IN_LINE = timedelta(0)


class Merging(NamedTuple):
    """A shared save that was sent: its ticket, what it writes, and what was read before."""

    ticket: str
    sent: Changes
    seen: Mapping[bytes, bytes]


class Sent(NamedTuple):
    """A save of the holder that was sent: its number in the opening, and what it writes."""

    sequence: int
    changes: Changes
    documents: Mapping[str, bytes | None]


class SavedSession(OpenFacts, Changeable):
    """An open session that can be saved, while it stays open."""

    # What few sessions have is said for all of them here: Python keeps up to 30 attributes of an
    # object without a dict of its own, which is dearer to make and to read.

    _lost, _over = False, ""
    """What a renewal has found: the lease is lost; and why, if the session has ended."""

    _sequence = 0
    """How many saves were sent."""

    _unsettled: Sent | None = None
    """The last save, if it is not known whether it has landed."""

    _merging: Merging | None = None
    """The last shared save, if it is not known whether it has landed."""

    _sent_close: Closing | None = None
    """The last request of the opening, if it is not known whether it has landed."""

    _unconfirmed = False
    """Whether its block was left though a close of it had failed, and none was confirmed since."""

    def __init__(
        self,
        calls: Calls,
        opened: Opened | Reading,
        how: How = AT_CREATE,
        *,
        seconds: float = 0.0,
    ) -> None:
        """Begin with what an open or a create answered, after so many `seconds`."""
        mode, fields, asked_lease_ms = how
        super().__init__(
            opened.fields, opened.home.id, fields, now=opened.now, set_aside=calls.set_aside
        )
        self._calls = calls
        # Whose it is: a forked child has another generation, and a copy is another object.
        self._process, self._original = process.generation, ref(self)
        self._home = opened.home
        self._facts = opened.facts
        self._mode = mode
        # The lease: when it ends by the clock of Redis, how long it is, as asked for (None: the
        # store's); all in ms. Without one, the deadline is known as it was read.
        self._lease_end = opened.lease_end
        self._lease_ms = opened.lease_ms
        self._asked_lease_ms = asked_lease_ms
        self._deadline = opened.deadline
        self._open = mode != "exclusive" or self._lease_ms > 0
        self._waited = timedelta(seconds=seconds) if opened.waited else NOT_IN_LINE

    __hash__ = object.__hash__
    __eq__ = object.__eq__

    def _held(self) -> Held:
        return Held(self._home, self.fence, self._asked_lease_ms, self._lease_ms)

    def _note_lost(self, over: str = "") -> None:
        """Note that the lease is lost, or why the session is over: the next call says so."""
        # To the holder who has sent the close, that one tells more: it may be what ended the lease.
        self._lost, self._over = self._open and self._sent_close is None, over

    def _drop_expired(self) -> None:
        if self._sent_close is None:  # what was sent is compared with what is asked for again
            super()._drop_expired()

    def _unsaved(self) -> Unsaved:
        return Unsaved(self._changes(), self._documents.changed())

    def _must_load(self, changes: Changes) -> bool:
        """Whether what was not asked for is needed, since it may refer to the same objects."""
        if self._mode == "shared":
            if self._graph.touches_objects(changes):
                raise SessionNotOpen(self.id, doing=OBJECTS_EXCLUSIVELY)
            return False
        return not self._whole and self._touches_unknown(changes)

    def _loading_all(self) -> Flow[Unsaved]:
        self._note_all((yield from self._guarded(flows.rest(self._home, self.fence))))
        return self._unsaved()

    def _staging(self, unsaved: Unsaved) -> Flow[Changes]:
        """Return what to send; documents are written beforehand, where nobody sees them."""
        sent = self._lifetimes.stamped(unsaved.changes, self._stored)
        staged = yield from self._guarded(
            self._documents.staging(self._home, self.fence, unsaved.documents, sent)
        )
        return Changes({**sent.written, **staged.written}, [*sent.removed, *staged.removed])

    def _is_original(self) -> bool:
        return self._original() is self and self._process == process.generation

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        # Whatever copies or pickles it comes here.
        raise SessionNotOpen(self.id, doing="a copy of it, here or elsewhere")

    def _check_open(self, doing: str) -> None:
        if not self._is_original():
            raise SessionNotOpen(self.id, doing=f"{doing}: a copy or a forked child")
        if self._lost:
            if self._over:
                raise SessionEnded(self.id, reason=self._over)
            raise LeaseLost(self.id, fence=self.fence)
        if not self._open and self._sent_close is None:
            raise SessionNotOpen(self.id, doing=doing)

    def _check_writable(self, doing: str) -> None:
        self._check_open(doing)
        if self._mode == "read":
            raise SessionNotOpen(self.id, doing=f"{doing}, only for reading")
        self._check_unsent(doing)

    def _check_unsent(self, doing: str) -> None:
        if self._sent_close is not None:
            raise SessionNotOpen(self.id, doing=f"{doing}, its close was sent")

    # For what is kept beside it: lists, longstrings and documents.

    def _beside(self) -> Beside:
        return Beside(
            self._home, self.fence,
            check_held=self._check_held, guarded=self._settled,
            put=self._put_beside, note=self._note_beside,
        )  # fmt: skip

    def _check_held(self, doing: str) -> None:
        """Raise unless this is the one holder: nobody else may touch what is kept beside it."""
        self._check_open(doing)
        if self._mode != "exclusive":
            raise SessionNotOpen(self.id, doing=f"{doing}, exclusively")
        self._check_writable(doing)

    def _note_beside(self, field: bytes, raw: bytes | None) -> None:
        """Note what the field of a kept value holds now; None: there is none any more."""
        if raw is None:
            self._stored.pop(field, None)
        else:
            self._stored[field] = raw

    def _loading(self, name: str) -> Flow[Any]:
        self._check_held("reading a document")
        return (yield from self._settled(self._documents.loading(self._home, self.fence, name)))

    def put_document(self, name: str, tree: Any) -> None:
        """Put an XML document into the session, at the next save or close.

        Args:
            name: of the document.
            tree: an ElementTree of lxml, without a document type and entities, of up to 16 MiB.

        Raises:
            TypeRefused, ValueTooLarge, SessionNotOpen; ConfigError if lxml is not installed.
        """
        self._check_held("changing a document")
        self._documents.put(attribute_name(name), tree)

    def drop_document(self, name: str) -> None:
        """Remove an XML document from the session, at the next save or close."""
        self._check_held("changing a document")
        self._documents.drop(attribute_name(name))

    def _put_beside(self, field: bytes, content: bytes | Sequence[bytes] | None) -> Flow[None]:
        """Put a whole value in place of what is kept under a field, or of None remove it."""
        yield from self._settling()
        named: dict[bytes, bytes] = {}
        if content is not None:
            flow = staging.stage(self._home, self.fence, {field: content}, Changes())
            named = yield from self._guarded(flow)
        yield from self._naming(Changes(named, () if named else [field]))
        self._note_beside(field, named.get(field))

    def _naming(self, changes: Changes) -> Flow[None]:
        """Put or remove a value at once; without an answer, it does not happen later either."""
        self._sequence += 1
        try:
            yield from self._save(self._sequence, changes)
        except BaseException:  # an empty save after it keeps it from landing from then on
            self._sequence += 1
            self._unsettled = Sent(self._sequence, Changes(), {})
            raise

    def _settled(self, flow: Operation[T] | Flow[T]) -> Flow[T]:
        """Do something with what is kept beside the session, once it is known what that is."""
        if self._unsettled is not None:
            yield from self._settling()
        return (yield from self._guarded(flow))

    # What each method does, as a flow; the shells below only run it.

    def _guarded(self, flow: Operation[T] | Flow[T]) -> Flow[T]:
        """Do something with the session, and note if it turns out to be lost or over."""
        try:
            return (yield from flow)
        except SessionStoreError as error:
            self._learn_from(error)
            raise

    def _learn_from(self, error: BaseException) -> None:
        if isinstance(error, LeaseLost):
            self._lost = True
        elif isinstance(error, SessionEnded):
            self._lost, self._over = True, error.reason

    def _saving(self) -> Flow[None]:
        self._check_writable("saving")
        yield from self._settling()
        unsaved = self._unsaved()
        if self._must_load(unsaved.changes):
            unsaved = yield from self._loading_all()
        sent = yield from self._staging(unsaved)
        if self._mode == "exclusive":
            yield from self._sending(sent, unsaved.documents)
        else:
            yield from self._sharing(sent)

    def _sharing(self, sent: Changes) -> Flow[None]:
        if not (sent.written or sent.removed):
            return
        seen = self._lifetimes.as_stored(self._stored)
        if unread := self._unread(sent):
            looks = OBJECTS in self._stored
            found = (yield from self._looking(unread)) if looks else dict.fromkeys(unread, UNREAD)
            seen = {**found, **seen}
        yield from self._merge(Merging(new_ticket(), sent, seen))

    def _looking(self, unread: Sequence[bytes]) -> Flow[Mapping[bytes, bytes]]:
        """Return what is stored of what was not asked for; SessionNotOpen if it has objects."""
        names = [field[1:].decode() for field in unread]
        reading = flows.read(self._calls.keys, self._home, ANY, names)
        fields = (yield from self._guarded(reading)).fields
        found = {field: fields.get(field, b"") for field in unread}
        if any(refers(parted(raw)[1]) for raw in found.values()):
            raise SessionNotOpen(self.id, doing=OBJECTS_EXCLUSIVELY)
        return found

    def _settling(self) -> Flow[None]:
        """Send the last save again if it had no answer: only then is it known what is unsaved."""
        if self._merging is not None:
            yield from self._merge(self._merging)
        if self._unsettled is not None:
            with suppress(ValueTooLarge, QuotaExceeded, Unstaged):  # then it has not landed
                yield from self._send(self._unsettled)

    def _sending(self, changes: Changes, documents: Mapping[str, bytes | None]) -> Flow[None]:
        self._sequence += 1
        yield from self._send(Sent(self._sequence, changes, documents))

    def _send(self, sent: Sent) -> Flow[None]:
        self._unsettled = sent
        try:
            yield from self._save(sent.sequence, sent.changes)
        except SessionStoreError as error:
            if is_refusal(error):
                self._unsettled = None
            raise
        self._note_saved(sent.changes, sent.documents)
        self._unsettled = None

    def _save(self, sequence: int, changes: Changes) -> Flow[None]:
        """Save, and take back what was written for it beforehand, unless it may have landed."""
        try:
            yield from self._guarded(flows.save(self._home, self.fence, sequence, changes))
        except (StoreUnavailable, GeneratorExit):
            raise
        except BaseException:
            with suppress(SessionStoreError):
                yield from staging.unstage(self._home, changes.written)
            raise

    def _merge(self, merging: Merging) -> Flow[None]:
        self._merging = merging
        which = self._facts.which(self._home.sid)
        merge = flows.merge(
            self._calls.keys, self._home, merging.ticket, which, merging.sent, merging.seen
        )
        try:
            yield from self._guarded(merge)
        except SessionStoreError as error:
            if is_refusal(error):
                self._merging = None
            raise
        self._note_saved(merging.sent, {})
        self._merging = None
