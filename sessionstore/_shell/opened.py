"""An open session without the waiting: a mapping that knows what has changed, and what to do."""

from __future__ import annotations

from contextlib import suppress
from typing import TypeVar

from sessionstore._checks import optional_milliseconds
from sessionstore._core import flows, relocation, sessions
from sessionstore._core.keys import ticket as new_ticket
from sessionstore._core.operation import Flow
from sessionstore._core.sessions import Changes
from sessionstore._ids import shown
from sessionstore._shell.closing import AsAsked, Closing
from sessionstore._shell.saving import SavedSession
from sessionstore.config import Duration
from sessionstore.errors import SessionNotOpen, SessionStoreError

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
        asked = AsAsked(id, owner, optional_milliseconds(timeout, "timeout"))
        if not self._open and not self._lost and asked == AsAsked():
            return
        self._check_open("closing")
        if self._mode != "exclusive":
            if asked != AsAsked():
                raise SessionNotOpen(self.id, doing="changing its id, owner or timeout")
            if self._mode == "shared":
                yield from self._saving()
            self._open = False
            return
        sent = self._sent_close
        closing = (yield from self._first(asked)) if sent is None else self._same(sent, asked)
        giving_back = self._giving_back(closing, again=sent is not None)
        saved = yield from self._leaving_with(closing, giving_back)
        self._note_saved(saved, closing.unsaved.documents)

    def _leaving_with(self, closing: Closing, flow: Flow[T]) -> Flow[T]:
        """Send the last request of the opening; after it there is none, unless it is refused."""
        self._sent_close = closing
        try:
            done = yield from flow
        except BaseException as error:
            self._learn_from(error)
            closing.unknown = not closing.is_refused_by(error)
            if not closing.unknown:
                self._sent_close = None
            raise
        self._open, self._sent_close = False, None
        return done

    def _first(self, asked: AsAsked) -> Flow[Closing]:
        unsaved = self._unsaved()
        if self._must_load(unsaved.changes):
            unsaved = yield from self._loading_all()
        target = self._calls.target(self._home, self.owner, asked.id, asked.owner)
        if target is not None and unsaved.documents:
            yield from self._saving()  # a document is staged in the bucket where it will be named
            unsaved = self._unsaved()
        return Closing(asked, unsaved, target)

    def _same(self, sent: Closing, asked: AsAsked) -> Closing:
        """Return the close that was sent before, if it is what is asked for now."""
        if (asked, self._unsaved()) != (sent.asked, sent.unsaved):
            raise SessionNotOpen(self.id, doing="another close than the one that was sent")
        return sent

    def _giving_back(self, closing: Closing, *, again: bool) -> Flow[Changes]:
        unsaved, sent = closing.unsaved, closing.sent
        if sent is None and unsaved.documents:
            sent = yield from self._staging(unsaved)
        elif sent is None:
            sent = self._lifetimes.stamped(unsaved.changes, self._stored)
        closing.sent = sent
        timeout = closing.asked.timeout if closing.asked else None
        if closing.target is None:
            yield from flows.close(self._home, self.fence, sent, timeout, again=again)
            if timeout is not None:
                self._facts = self._facts.with_timeout(timeout)
            return sent
        target, owner = closing.target
        if again and (yield from relocation.has_moved(self._home, target, closing.ticket)):
            facts = yield from relocation.complete(self._home, target, closing.ticket, self.fence)
        else:
            closing.ticket = new_ticket()
            self._sequence += 1
            facts = yield from relocation.move(
                self._calls.keys, self._home, target, owner,
                ticket=closing.ticket, fence=self.fence, sequence=self._sequence,
                changes=sent, timeout=timeout,
            )  # fmt: skip
        if facts is not None:
            self._home, self._facts = target, facts
        return sent

    def _discarding(self) -> Flow[None]:
        if not self._is_original():
            self._check_open("discarding")
        if self._open and self._mode == "exclusive" and not self._lost:
            again, closing = self._sent_close is not None, Closing()
            yield from self._leaving_with(closing, self._giving_back(closing, again=again))
        self._open = False

    def _deleting(self) -> Flow[bool]:
        self._check_open("deleting")
        sent = self._sent_close
        again = sent is not None and sent.asked is None and sent.ticket
        closing = Closing(ticket=again or new_ticket(), sent=Changes())
        return (yield from self._leaving_with(closing, self._ending(closing.ticket)))

    def _ending(self, ticket: str) -> Flow[bool]:
        calls = self._calls
        fence = self.fence if self._mode == "exclusive" else None
        return (
            yield from flows.delete(
                calls.keys, self._home, calls.label, sessions.ANY, ticket=ticket, fence=fence
            )
        )

    def _leaving(self, error: BaseException | None) -> Flow[None]:
        """Leave the `with` block: save and close, or after an error drop what was not saved."""
        if not self._is_original():
            return  # a forked child unwinds through a block of its parent's
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

    def _note_left(self) -> None:
        """Note that the block was left, in whichever way: it is not open here any more."""
        self._open = False

    def __repr__(self) -> str:
        state = self._mode if self._open else "closed"
        kind = type(self).__name__
        return f"<{kind} {shown(self.id)} of {self.owner!r}: {state}, {len(self)} attributes>"
