"""What clients do with a session that they have open, or had: those that hold it, and sharers."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from sessionstore import Conflict, SessionEnded, SessionInUse
from tests.proof.machine import Machine, Sharer
from tests.proof.model_session import Modelled
from tests.proof.strategies import IDS, PICK, TIMEOUTS, WHOSE

__all__ = ["Holding"]


class Holding(Machine):
    """The rules for what is open."""

    # Holding.

    @precondition(lambda self: self.handles)
    @rule(pick=PICK, name=st.sampled_from("pqr"), value=st.integers(0, 3))
    def assign(self, pick: int, name: str, value: int) -> None:
        handle = self.any_handle(pick)
        handle.session[name] = handle.view[name] = value

    @precondition(lambda self: self.handles)
    @rule(pick=PICK, name=st.sampled_from("pqr"))
    def remove(self, pick: int, name: str) -> None:
        handle = self.any_handle(pick)
        assert (name in handle.session) == (name in handle.view)
        handle.session.pop(name, None)
        handle.view.pop(name, None)

    @precondition(lambda self: self.handles)
    @rule(pick=PICK)
    def save(self, pick: int) -> None:
        handle = self.any_handle(pick)
        if not self.late(handle, handle.session.save):
            self.both(handle.session.save, lambda: self.model.save(handle.of, dict(handle.view)))

    @precondition(lambda self: self.handles)
    @rule(pick=PICK)
    def renew(self, pick: int) -> None:
        handle = self.any_handle(pick)
        if handle.of.over is None and not self.late(handle, handle.session.renew):
            self.both(handle.session.renew, lambda: self.model.renew(handle.of))

    @precondition(lambda self: self.handles)
    @rule(pick=PICK, timeout=TIMEOUTS)
    def close(self, pick: int, timeout: int | None) -> None:
        handle = self.any_handle(pick)

        def real() -> None:
            handle.session.close(timeout=timeout)

        if not self.late(handle, real):
            self.both(real, lambda: self.model.close(handle.of, dict(handle.view), timeout))
            self.handles.remove(handle)

    @precondition(lambda self: self.handles)
    @rule(pick=PICK, timeout=TIMEOUTS, value=st.integers(0, 3))
    def change_and_close(self, pick: int, timeout: int | None, value: int) -> None:
        self.assign(pick, "p", value)
        self.close(pick, timeout)

    @precondition(lambda self: self.handles)
    @rule(pick=PICK, value=st.integers(0, 3))
    def change_and_save(self, pick: int, value: int) -> None:
        self.assign(pick, "q", value)
        self.save(pick)

    @precondition(lambda self: self.handles)
    @rule(pick=PICK)
    def discard(self, pick: int) -> None:
        handle = self.any_handle(pick)
        if not self.late(handle, handle.session.discard):
            self.both(
                handle.session.discard, lambda: self.model.close(handle.of, handle.of.data, None)
            )
            self.handles.remove(handle)

    @precondition(lambda self: self.handles)
    @rule(pick=PICK)
    def delete_what_is_open_here(self, pick: int) -> None:
        handle = self.any_handle(pick)
        if not self.late(handle, handle.session.delete):
            self.both(handle.session.delete, lambda: self.model.delete_own(handle.of))
            self.handles.remove(handle)

    @precondition(lambda self: self.handles)
    @rule(pick=PICK, id=st.sampled_from((None, *IDS)), owner=WHOSE, timeout=TIMEOUTS)
    def move(self, pick: int, id: str | None, owner: str, timeout: int | None) -> None:
        handle = self.any_handle(pick)
        of = handle.of
        if (id in (None, of.id) and owner == of.owner) or self.late(
            handle, lambda: handle.session.close(id=id, owner=owner, timeout=timeout)
        ):
            return
        to = Modelled("", "", owner, 0, None, dict(handle.view))
        if id is not None or ":" in of.sid:
            to.id = of.id if id is None else id
            to.sid = self.sid(to.id, owner)

        def real() -> None:
            handle.session.close(id=id, owner=owner, timeout=timeout)
            to.sid, to.id = handle.session.sid, handle.session.id

        heard, swept = self.listening(real)
        fine, error, _ = self.both(
            heard, lambda: self.model.move(of, to, timeout, self.has_ended, swept)
        )
        if fine or isinstance(error, SessionEnded):
            self.handles.remove(handle)
        else:
            assert handle.session.is_open

    # Sharing: nobody holds it, and a save tells which attributes others have changed meanwhile.

    @precondition(lambda self: self.model.alive())
    @rule(pick=PICK, name=st.sampled_from("pqr"), value=st.integers(0, 3), saves=st.booleans())
    def share(self, pick: int, name: str, value: int, saves: bool) -> None:
        alive = self.model.alive()
        of = self.any_session(pick) if pick > 5 else alive[pick % len(alive)]
        fine, session, one = self.both(
            lambda: self.store.open(of.id, of.owner, mode="shared"),
            lambda: self.model.read(of.sid),
        )
        if fine:
            assert dict(session) == one.data
            self.sharers.append(Sharer(session, one, dict(session), dict(session)))
            self.change_what_is_shared(self.sharers[-1], name, value)
            if saves:
                self.save_it(self.sharers[-1], closes=False)

    @precondition(lambda self: self.sharers)
    @rule(pick=PICK, name=st.sampled_from("pqr"), value=st.integers(0, 3), closes=st.booleans())
    def save_what_is_shared(self, pick: int, name: str, value: int, closes: bool) -> None:
        # Those of sessions that are alive come first.
        sharers = sorted(self.sharers, key=lambda sharer: not sharer.of.alive)
        sharer = sharers[pick % len(sharers)]
        self.change_what_is_shared(sharer, name, value)
        self.save_it(sharer, closes)

    def change_what_is_shared(self, sharer: Sharer, name: str, value: int) -> None:
        """Assign, or remove for the 0."""
        assert (name in sharer.session) == (name in sharer.view)
        if value:
            sharer.session[name] = sharer.view[name] = value
        else:
            sharer.session.pop(name, None)
            sharer.view.pop(name, None)

    def save_it(self, sharer: Sharer, closes: bool) -> None:
        changes = sharer.changes()
        fine, error, _ = self.both(
            sharer.session.close if closes else sharer.session.save,
            lambda: self.model.merge(sharer.of, changes, sharer.seen) if changes else None,
        )
        if fine:
            sharer.seen = dict(sharer.view)
            assert sharer.session.is_open != closes
        if closes if fine else not isinstance(error, (Conflict, SessionInUse)):
            self.sharers.remove(sharer)  # closed, or told that it has ended
