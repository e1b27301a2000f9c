"""The book of open sessions: what is due, what an answer means for it, and who cannot end that."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from sessionstore import LeaseLost, SessionStore, StoreUnavailable
from sessionstore._shell import renewing as keeping
from sessionstore._shell.renewing import Book, LeaseRenewer
from sessionstore.testing import fake_async_store, fake_store
from tests.support.wait import until, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

LEASE = 0.6


def test_an_answer_that_comes_after_the_close_does_no_harm() -> None:
    with fake_store() as store:
        book = Book()
        session = store.create(id="a")
        session._lease_ms = -10_000  # due at once
        book.add(session)
        due = book.due()
        assert due == [session]
        session.close()
        book.renewed(due, [0], book.add)
        session.close()
        assert not session.is_open


def test_a_lost_lease_is_told_at_the_next_call() -> None:
    with fake_store() as store:
        book = Book()
        session: Any = store.create(id="a")
        book.add(session)
        book.renewed([session], [0], book.add)
        assert book.next_due() is None
        with pytest.raises(LeaseLost) as caught:
            session.save()
        assert caught.value.fence == session.fence


def test_what_nobody_refers_to_is_not_kept() -> None:
    with fake_store() as store:
        book = Book()
        book.add(store.create(id="a"))
        gc.collect()
        assert book.due() == []
        assert book.next_due() is None


def test_a_renewal_without_an_answer_is_tried_again_soon() -> None:
    with fake_store() as store:
        book = Book()
        session, other = store.create(id="a"), store.create(id="b")
        for one in (session, other):
            one._lease_ms = -10_000
            book.add(one)
            one._lease_ms = 30_000
        book.renewed([session, other], [StoreUnavailable("gone"), 7], book.add)
        assert book.due() == []
        assert other._lease_end == 7
        due = book.next_due()
        assert due is not None
        assert due - time.monotonic() <= keeping.RETRY
        assert session.is_open


def test_a_renewal_that_comes_to_no_end_is_tried_again_soon_too() -> None:
    with fake_store() as store:
        book = Book()
        session = store.create(id="a")
        session._lease_ms = -10_000
        book.add(session)
        renewing = book.renewing(book.add)
        next(renewing)
        with pytest.raises(MemoryError):
            renewing.throw(MemoryError())
        due = book.next_due()
        assert due is not None
        assert due - time.monotonic() <= keeping.RETRY


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    told: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: told.append(args.exc_value))
    yield told
    for error in told:
        error.__traceback__ = None


def renewed(session: Any) -> Any:
    first = session._lease_end
    return lambda: session._lease_end > first + LEASE * 1000


def test_an_error_in_the_thread_is_told_and_ends_nothing(
    told: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with fake_store() as store:
        store.configure(lease=LEASE)
        before = store.create("before")
        with monkeypatch.context() as broken:
            broken.setattr(Book, "renewed", lambda *_: 1 / 0)
            wait_until(lambda: told, "it is told")
        after = store.create("after")
        wait_until(renewed(before), "what was open is renewed")
        wait_until(renewed(after), "what was opened since is renewed")
        assert {type(error) for error in told} == {ZeroDivisionError}


def test_a_thread_that_ends_all_the_same_is_followed_by_another(
    told: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with fake_store() as store:
        store.configure(lease=LEASE)
        before = store.create("before")
        with monkeypatch.context() as broken:
            broken.setattr(Book, "next_due", lambda _: 1 / 0)
            wait_until(lambda: told, "it is told")
        after = store.create("after")
        wait_until(renewed(before), "what was open is renewed")
        wait_until(renewed(after), "what was opened since is renewed")


def test_a_thread_that_cannot_be_had_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with fake_store() as store:
        store.configure(lease=LEASE)
        with monkeypatch.context() as refusing:
            refusing.setattr(threading.Thread, "start", refuse)
            before = store.create("before")
        after = store.create("after")
        wait_until(renewed(before), "what was open is renewed")
        wait_until(renewed(after), "what was opened since is renewed")


def test_what_is_opened_just_when_the_thread_goes_to_sleep_is_renewed_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with fake_store() as store:
        store.create("a", open=False)
        opened: list[Any] = []
        opening = threading.Thread(target=lambda: opened.append(store.open("a", lease=LEASE)))
        next_due = Book.next_due

        def outdated(book: Book) -> float | None:
            found = next_due(book)
            if opening.ident is None:
                opening.start()
                wait_until(lambda: len(book._kept) == 2, "it has been opened")
            return found

        monkeypatch.setattr(Book, "next_due", outdated)
        long = store.create("long")
        wait_until(lambda: opened, "it is opened")
        wait_until(renewed(opened[0]), "it is renewed", timeout=3)
        assert long.is_open


def test_asyncio_an_error_in_a_renewal_is_told_and_ends_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[Any] = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
        async with fake_async_store() as store:
            await store.configure(lease=LEASE)
            before = await store.create("before")
            with monkeypatch.context() as broken:
                broken.setattr(Book, "renewed", lambda *_: 1 / 0)
                await until(lambda: told, "it is told")
            after = await store.create("after")
            await until(renewed(before), "what was open is renewed")
            await until(renewed(after), "what was opened since is renewed")
        assert {type(context["exception"]) for context in told} == {ZeroDivisionError}

    asyncio.run(main())


class Slow:
    """A lane to two servers, of which one hangs."""

    def __init__(self, store: SessionStore) -> None:
        self.hangs = threading.Event()
        self._driver = store._driver

    def place(self, key: str) -> str:
        return key.rpartition(":")[2]

    def run(self, flow: Any) -> None:
        if (step := next(flow, None)) is None:
            return
        if any(operation.keys[1].endswith(":bad") for operation in step):
            self.hangs.set()
            threading.Event().wait(2 * LEASE)
        with pytest.raises(StopIteration):
            flow.send(self._driver._answer(step))

    def close(self) -> None: ...


def test_a_server_that_hangs_does_not_hold_up_the_renewal_at_others() -> None:
    with fake_store() as store:
        store.configure(lease=LEASE)
        lane = Slow(store)
        renewer = LeaseRenewer(lane)
        store._renewer = renewer
        good, bad = store.create("good"), store.create("bad")
        wait_until(lane.hangs.is_set, "it hangs")
        wait_until(renewed(good), "the other is renewed")
        good.close()
        del bad
        renewer.close()
