"""Any conversation of three users gets the codes that a few lines of Python say it should."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sessionstore.dialects.soul import Online, RequestCancelled
from sessionstore.testing import fake_store
from tests.dialects.soul.conftest import ids

LIMITS = {"SESNPRV": 3, "SESNPUB": 2, "SESUMAX": 2}
USERS = ("ALICE", "ALICE", "BOB", "ROOT")
"""Who is on thread 0, 1, 2 and 3; two threads of one user, and one user with the privilege."""
PRIVILEGED = 3
CANCELLED = "cancelled"


@dataclass
class Kept:
    """A session, as the documents have it."""

    timeout: int
    thread: int | None = None
    pending: bool = False


class Model:
    """What the documents say, for sessions that never time out."""

    def __init__(self) -> None:
        self.sessions: dict[tuple[str, str], Kept] = {}

    def opened(self, thread: int) -> tuple[str, str] | None:
        return next((key for key, kept in self.sessions.items() if kept.thread == thread), None)

    def may(self, thread: int, owner: str) -> bool:
        return thread == PRIVILEGED or owner in ("*", USERS[thread])

    def count(self, public: bool, owner: str | None = None) -> int:
        owners = [key[0] for key in self.sessions]
        return sum((one == "*") is public and owner in (None, one) for one in owners)

    def room(self, owner: str, leaving: str | None = None) -> int:
        """2, 3, or 0 for a session that comes to an owner, and perhaps leaves another."""
        own = self.count(False, owner) - (leaving == owner)
        if owner != "*" and own >= LIMITS["SESUMAX"]:
            return 3
        public = owner == "*"
        same_kind = leaving is not None and (leaving == "*") is public
        limit = LIMITS["SESNPUB" if public else "SESNPRV"]
        return 2 if self.count(public) - same_kind >= limit else 0

    def create(self, thread: int, sesid: str, owner: str | None, opts: str) -> Any:
        owner = owner or USERS[thread]
        opens = opts == "OPEN"
        if not self.may(thread, owner) or (opens and self.opened(thread)):
            return CANCELLED
        if (owner, sesid) in self.sessions:
            return 1
        if code := self.room(owner):
            return code
        self.sessions[owner, sesid] = Kept(900, thread if opens else None)
        return 0

    def open(self, thread: int, sesid: str, owner: str | None) -> Any:
        owner = owner or USERS[thread]
        if self.opened(thread):
            return CANCELLED
        kept = self.sessions.get((owner, sesid))
        if kept is None or not self.may(thread, owner):
            return 1
        if kept.thread is not None:
            return 2
        kept.thread = thread
        return 0

    def close(self, thread: int, sesid: str | None, owner: str | None, timeout: Any) -> Any:
        key = self.opened(thread)
        if key is None:
            return -1
        if owner and not self.may(thread, owner) and owner != key[0]:
            return CANCELLED
        kept, to = self.sessions[key], (owner or key[0], sesid or key[1])
        if not kept.pending and to != key:
            if to in self.sessions:
                return 1
            if code := self.room(to[0], key[0]):
                return code
        del self.sessions[key]
        if not kept.pending:
            new = {None: kept.timeout, -1: 900}.get(timeout, timeout)
            self.sessions[to] = Kept(new)
        return 0

    def delete(self, thread: int, sesid: str, owner: str | None) -> Any:
        owner = owner or USERS[thread]
        kept = self.sessions.get((owner, sesid))
        if kept is None or not self.may(thread, owner):
            return 1
        if kept.thread is not None:
            kept.pending = True
            return 2
        del self.sessions[owner, sesid]
        return 0

    def seen(self, thread: int) -> list[str]:
        return [sesid for owner, sesid in sorted(self.sessions) if self.may(thread, owner)]


THREADS = st.integers(0, len(USERS) - 1)
IDS = st.sampled_from("AB")
OWNERS = st.sampled_from([None, "*", "ALICE", "BOB"])
CALLS = st.one_of(
    st.tuples(st.just("create"), THREADS, IDS, OWNERS, st.sampled_from(["OPEN", "NOOPEN"])),
    st.tuples(st.just("open"), THREADS, IDS, OWNERS),
    st.tuples(
        st.just("close"),
        THREADS,
        st.sampled_from([None, None, "A", "B", "C"]),
        st.sampled_from([None, None, "*", "ALICE", "BOB"]),
        st.sampled_from([None, -1, 60]),
    ),
    st.tuples(st.just("delete"), THREADS, IDS, OWNERS),
)


def called(thread: Any, name: str, arguments: list[Any]) -> Any:
    if name == "create":
        arguments.insert(2, -1)
    try:
        return getattr(thread, f"session_{name}")(*arguments)
    except RequestCancelled:
        return CANCELLED


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(CALLS, max_size=30))
def test_every_conversation_gets_the_documented_codes(calls: list[Any]) -> None:
    model = Model()
    with fake_store(buckets=2) as store, Online(store, **LIMITS) as online:
        threads = [
            online.login(user, privileged=number == PRIVILEGED) for number, user in enumerate(USERS)
        ]
        for name, number, *arguments in calls:
            expected = getattr(model, name)(number, *arguments)
            assert called(threads[number], name, arguments) == expected, (name, number, arguments)
        for number, thread in enumerate(threads):
            assert ids(thread, "*", "*") == model.seen(number)
            owner, sesid = model.opened(number) or ("", "")
            assert (thread.session_owner(), thread.session_id()) == (owner, sesid)
            timeout = model.sessions[owner, sesid].timeout if sesid else -1
            assert thread.session_timeout() == timeout
