"""An open session without the waiting: a mapping that knows what has changed, and what to do."""

from __future__ import annotations

from contextlib import suppress
from typing import TypeVar

from sessionstore._checks import optional_milliseconds
from sessionstore._core import flows, relocation, sessions
from sessionstore._core.keys import Home
from sessionstore._core.keys import ticket as new_ticket
from sessionstore._core.operation import Flow
from sessionstore._core.records import Facts
from sessionstore._core.sessions import Changes
from sessionstore._ids import shown
from sessionstore._shell.changeable import Unsaved
from sessionstore._shell.closing import AS_IT_WAS, NOTHING, AsAsked, Closing
from sessionstore._shell.saving import SavedSession
from sessionstore.config import Duration
from sessionstore.errors import SessionNotOpen, SessionStoreError, StoreUnavailable

__all__ = ["OpenSession"]

T = TypeVar("T")


class OpenSession(SavedSession):
    """What `Session` and `AsyncSession` share: everything but the waiting for Redis."""

    def _renewing(self) -> Flow[None]:
        self._check_open("renewing")
        self._check_unsent("renewing")
        if self._mode == "exclusive":
            (lease_end,) = yield from sessions.renew([self._held()])
            if isinstance(lease_end, int) and lease_end:
                self._lease_end = lease_end
            else:
                self._lost, self._over = True, lease_end or ""
            self._check_open("renewing")

    def _closing(self, id: str | None, owner: str | None, timeout: Duration | None) -> Flow[None]:
        asked = AS_IT_WAS
        if not (id is None and owner is None and timeout is None):
            asked = AsAsked(id, owner, optional_milliseconds(timeout, "timeout"))
        if self._is_left() and asked is AS_IT_WAS:
            if self._unconfirmed:
                message = f"it is not known whether session {shown(self.id)} was saved when its"
                raise StoreUnavailable(f"{message} block was left; open it and look", unknown=True)
            return
        self._check_open("closing")
        if self._mode != "exclusive" and asked is not AS_IT_WAS:
            raise SessionNotOpen(self.id, doing="changing its id, owner or timeout")
        if self._mode == "read":
            self._open = False
            return
        closing, again = self._sent_close, self._sent_close is not None
        if closing is not None:
            if self._open or asked is not AS_IT_WAS:  # else it repeats what the block has sent
                self._check_same(closing, "close", asked, self._unsaved())
        else:
            target = None
            if asked is not AS_IT_WAS:
                target = self._calls.target(self._home, self.owner, asked.id, asked.owner)
            if self._unsettled is not None or self._merging is not None:
                yield from self._settling()
            unsaved = self._unsaved()
            if self._must_load(unsaved.changes):
                unsaved = yield from self._loading_all()
            closing = Closing("close", asked, unsaved, target)
        yield from self._sending_close(closing, again=again)

    def _is_left(self) -> bool:
        """Whether it is not open here any more, and there is nothing to be sent again."""
        sent = self._sent_close
        return not (self._open or self._lost) and (sent is None or sent.kind == "discard")

    def _sending_close(self, closing: Closing, *, again: bool) -> Flow[None]:
        saved = yield from self._leaving_with(closing, self._giving_back(closing, again=again))
        self._note_saved(saved, closing.unsaved.documents)

    def _leaving_with(self, closing: Closing, flow: Flow[T]) -> Flow[T]:
        """Send the last request of the opening; after it there is none, unless it is refused."""
        self._sent_close = closing
        try:
            done = yield from flow
        except BaseException as error:
            self._learn_from(error)
            closing.unknown = not (closing.landed or closing.is_refused_by(error))
            if closing.landed:
                self._open = False
            if not closing.unknown:
                self._sent_close = None
            raise
        self._open, self._sent_close = False, None
        if closing.kind != "discard":
            self._unconfirmed = False
        return done

    def _check_same(
        self, sent: Closing, kind: str, asked: AsAsked = AS_IT_WAS, unsaved: Unsaved = NOTHING
    ) -> None:
        """Raise unless a last request that was sent is the one that is asked for now."""
        if not sent.is_same(kind, asked, unsaved):
            raise SessionNotOpen(self.id, doing=f"a {kind} after another {sent.kind} was sent")

    def _giving_back(self, closing: Closing, *, again: bool) -> Flow[Changes]:
        unsaved, sent = closing.unsaved, closing.sent
        if sent is None and unsaved.documents and closing.target is None:
            sent = yield from self._staging(unsaved)
        elif sent is None:
            sent = self._lifetimes.stamped(unsaved.changes, self._stored)
        closing.sent = sent
        if self._mode == "shared":
            yield from (self._settling() if self._merging is not None else self._sharing(sent))
            return sent
        timeout = closing.asked.timeout
        if closing.target is None:
            yield from flows.close(
                self._calls.keys, self._home, self.fence, sent, timeout, again=again
            )
            if timeout is not None:
                self._facts = self._facts.with_timeout(timeout)
            return sent
        target, owner = closing.target
        if again and (yield from self._has_arrived(target, closing.ticket)):
            return sent
        closing.ticket = new_ticket()
        self._sequence += 1
        moving = relocation.move(
            self._calls.keys, self._home, target, owner,
            ticket=closing.ticket, fence=self.fence, sequence=self._sequence,
            changes=sent, put=self._documents.by_field(unsaved.documents), timeout_ms=timeout,
        )  # fmt: skip
        try:
            self._note_moved(target, (yield from moving))
        except (Exception, GeneratorExit):
            raise
        except BaseException:  # cancelled: what became of the move can be asked
            with suppress(SessionStoreError):
                closing.landed = yield from self._has_arrived(target, closing.ticket)
            raise
        return sent

    def _has_arrived(self, target: Home, ticket: str) -> Flow[bool]:
        """Find out what became of a move; one that has arrived is completed."""
        source = self._home
        if not (yield from relocation.has_moved(source, target, ticket)):
            return False
        self._note_moved(
            target,
            (yield from relocation.complete(self._calls.keys, source, target, ticket, self.fence)),
        )
        return True

    def _note_moved(self, target: Home, facts: Facts | None) -> None:
        if facts is not None:
            self._home, self._facts = target, facts

    def _discarding(self) -> Flow[None]:
        if not self._is_original():
            self._check_open("discarding")
        if self._sent_close is not None:
            self._check_same(self._sent_close, "discard")
        yield from self._giving_up()
        self._open = False

    def _giving_up(self) -> Flow[None]:
        """Give it back without what has changed; but what was sent is sent again, as it was."""
        if self._mode != "exclusive":
            return
        if (sent := self._sent_close) is not None and not self._lost:
            try:
                if sent.kind == "delete":
                    yield from self._leaving_with(sent, self._ending(sent.ticket))
                else:
                    yield from self._sending_close(sent, again=True)
            except SessionStoreError:
                if self._sent_close is not None:
                    raise
        if self._may_be_open():
            yield from self._sending_close(Closing("discard"), again=False)

    def _deleting(self) -> Flow[bool]:
        self._check_open("deleting")
        closing = self._sent_close
        if closing is None:
            closing = Closing("delete", ticket=new_ticket(), sent=Changes())
        else:
            self._check_same(closing, "delete")
        return (yield from self._leaving_with(closing, self._ending(closing.ticket)))

    def _ending(self, ticket: str) -> Flow[bool]:
        calls = self._calls
        holds = self._mode == "exclusive"
        deleting = flows.delete(
            calls.keys, self._home, calls.label, sessions.ANY, ticket=ticket,
            fence=self.fence if holds else None,
            which=b"" if holds else self._facts.which(self._home.sid),
        )  # fmt: skip
        return (yield from deleting)

    def _leaving(self, error: BaseException | None) -> Flow[None]:
        """Leave the `with` block: save and close, or after an error drop what was not saved."""
        if not self._is_original():
            return  # a forked child unwinds through a block of its parent's
        if error is None:
            try:
                yield from self._closing(None, None, None)
            except GeneratorExit:
                raise
            except BaseException as failed:  # also of the caller's classes, or cancelled halfway
                sent = self._sent_close
                self._unconfirmed = isinstance(failed, StoreUnavailable) or sent is not None
                with suppress(SessionStoreError):
                    yield from self._giving_up()
                raise
        else:
            sent = self._sent_close
            self._unconfirmed = sent is not None and sent.kind == "close"
            with suppress(SessionStoreError):  # the error that led here says more
                yield from self._giving_up()

    def _note_left(self) -> None:
        """Note that the block was left, in whichever way: it is not open here any more."""
        self._open = False

    def __repr__(self) -> str:
        state = self._mode if self._open else "closed"
        kind = type(self).__name__
        return f"<{kind} {shown(self.id)} of {self.owner!r}: {state}, {len(self)} attributes>"
