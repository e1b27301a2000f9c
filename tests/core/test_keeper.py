"""The book of open sessions: what is due, and what an answer means for it."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from sessionstore import LeaseLost
from sessionstore.keeper import Book
from sessionstore.testing import fake_store


def test_an_answer_that_comes_after_the_close_does_no_harm() -> None:
    with fake_store() as store:
        book = Book()
        session = store.create(id="a")
        session.lease = -10_000  # due at once
        book.add(session)
        due = book.due()
        assert due == [session]
        session.close()
        book.renewed(due, [0])
        session.close()
        assert not session.is_open


def test_a_lost_lease_is_told_at_the_next_call() -> None:
    with fake_store() as store:
        book = Book()
        session: Any = store.create(id="a")
        book.add(session)
        book.renewed([session], [0])
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
