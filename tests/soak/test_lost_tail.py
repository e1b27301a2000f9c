"""What a failover forgets was given twice: the later has the higher fence, the earlier is refused.

This is the deterministic loss that any store with asynchronous replication has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessionstore import LeaseLost, Session, SessionStore, StoreUnavailable
from tests.faults.checks import BUCKETS
from tests.soak.lost_tail import KINDS, deployed
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from pathlib import Path

# redis-py forgets connections to nodes that it strikes off while it learns of the new primary.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings(
        "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
    ),
]

OWNER = "ann"
"""All sessions of one owner are in one slot, so on one node."""

WORDS = ("save", "close", "renew", "delete")
"""What the stale holder does."""

WHEN = ("held", "closed", "free")
"""How it finds the session: opened by another, opened and closed by another, or as it was."""


def connect(url: str, *, safe: bool = False) -> SessionStore:
    return SessionStore.connect(url, prefix="tail", buckets=BUCKETS, safe=safe)


def opened(store: SessionStore, id: str) -> Session:
    return wait_until(
        lambda: store.open(id, OWNER, wait=5, lease=60),
        "it can be opened",
        timeout=15,
        ignore=(StoreUnavailable,),
    )


def attempt(session: Session, word: str) -> str:
    """Return what a stale holder is told."""
    session["n"] = 3
    try:
        getattr(session, word)()
    except (LeaseLost, StoreUnavailable):
        return "refused"
    return "done"


@pytest.mark.parametrize("kind", KINDS)
def test_an_opening_that_a_failover_forgot_is_refused_and_the_next_has_a_higher_fence(
    kind: str, tmp_path: Path
) -> None:
    with (
        deployed(kind, tmp_path, OWNER, "tail") as pair,
        connect(pair.url) as theirs,
        connect(pair.url) as ours,
    ):
        cases = [(word, when) for word in WORDS for when in WHEN]
        for word, when in cases:
            theirs.create(f"{word} {when}", OWNER, data={"n": 1}, open=False)
        pair.in_step()
        pair.cut()
        stale = {case: theirs.open(f"{case[0]} {case[1]}", OWNER, lease=60) for case in cases}
        for session in stale.values():
            session["n"] = 2
            session.save()  # acknowledged, and known to nobody else
        pair.fail_over()
        said = {}
        for (word, when), first in stale.items():
            if when == "free":
                wait_until(
                    lambda id=first.id: ours.read(id, OWNER),  # type: ignore[misc]
                    "it can be read",
                    timeout=15,
                    ignore=(StoreUnavailable,),
                )
                said[word, when] = attempt(first, word)
                assert ours.read(first.id, OWNER)["n"] == 1
                continue
            second = opened(ours, first.id)
            assert second.fence > first.fence
            assert second["n"] == 1, "the failover forgot it"
            second["n"] = 5
            if when == "closed":
                second.close()
            said[word, when] = attempt(first, word)
            second.close()
            assert ours.read(first.id, OWNER)["n"] == 5
        assert said == dict.fromkeys(cases, "refused")


@pytest.mark.parametrize("kind", KINDS)
def test_in_safe_mode_what_no_replica_has_is_reported_as_unknown(kind: str, tmp_path: Path) -> None:
    with (
        deployed(kind, tmp_path, OWNER, "tail") as pair,
        connect(pair.url, safe=True) as theirs,
        connect(pair.url) as ours,
    ):
        for id in ("opened", "saved", "closed"):
            theirs.create(id, OWNER, data={"n": 1}, open=False)
        saved, closed = (theirs.open(id, OWNER, lease=1) for id in ("saved", "closed"))
        pair.in_step()
        pair.cut()
        saved["n"] = closed["n"] = 2
        for call in (lambda: theirs.open("opened", OWNER, lease=60), saved.save, closed.close):
            with pytest.raises(StoreUnavailable) as caught:
                call()
            assert caught.value.unknown
        pair.fail_over()
        for id in ("opened", "saved", "closed"):
            session = opened(ours, id)
            assert session["n"] == 1, "forgotten, and never acknowledged"
            session["n"] = 5
            session.save()
        for stale in (saved, closed):
            with pytest.raises((LeaseLost, StoreUnavailable)):
                stale.close()
        assert all(ours.read(id, OWNER)["n"] == 5 for id in ("opened", "saved", "closed"))
