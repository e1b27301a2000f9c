"""The engine krn, as the pool does it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from sessionstore import JobCancelled, JobFailed, JobRefused, SessionEnded, __version__
from sessionstore.dialects.oxsvr import Number, property_attribute
from tests.workers.conftest import Pool

Ask = Callable[..., Any]


@pytest.fixture
def ask(pool: Pool) -> Iterator[Ask]:
    """Have a job done for a new session of a user; all are gone afterwards."""
    made: list[str] = []

    def execute(job: str, *, by: str = "alice", **parameters: Any) -> Any:
        made.append(pool.store.create(owner=by, open=False).id)
        return pool.jobs.execute(made[-1], f"krn.{job}", parameters, timeout=30)

    yield execute
    for info in pool.store.list():
        pool.store.delete(info.id, info.owner)


class Fails:
    """`with Fails(number):` a job fails with an error of that number."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._raised = pytest.raises(JobFailed)

    def __enter__(self) -> None:
        self._info = self._raised.__enter__()

    def __exit__(self, *error: object) -> bool:
        suppressed = self._raised.__exit__(*error)  # type: ignore[arg-type]
        (told,) = self._info.value.errors
        assert isinstance(told, dict)
        assert int(told["code"]) == self._number
        return bool(suppressed)


def test_sessions_are_listed_as_far_as_the_user_may_see_them(pool: Pool, ask: Ask) -> None:
    bobs = pool.store.create(owner="bob", open=False)
    found = ask("SessionEnum")
    assert (found["Count"], found["More"]) == (1, False)
    assert {row["UserName"] for row in found["Sessions"]} == {"alice"}
    assert ask("SessionEnum", User="bob")["Count"] == 0
    found = ask("SessionEnum", by="root", User="bob")
    assert [row["SessionGUID"] for row in found["Sessions"]] == [bobs.id]
    row = found["Sessions"][0]
    assert row["SessionStart"] == bobs.created
    assert row["Timeout"] == 900
    assert row["Station"] == ""


def test_a_listing_is_bounded_and_says_if_there_are_more(pool: Pool, ask: Ask) -> None:
    for name in ("one", "two", "three"):
        pool.store.create(name, owner="carol", open=False)
    found = ask("SessionEnum", by="root", User="carol", Most=2)
    assert (found["Count"], found["More"]) == (2, True)
    found = ask("SessionEnum", by="root", User="carol", Most=3)
    assert (found["Count"], found["More"]) == (3, False)
    assert ask("SessionEnum", by="root", User="carol", Pattern="t*")["Count"] == 2
    named = {"SessionGUID": "one", "User": "carol"}
    assert ask("SessionGetInfo", by="root", **named)["UserName"] == "carol"
    assert ask("SessionDrop", by="root", **named) == {"Ended": True}
    with Fails(Number.E_INVALIDARG):
        ask("SessionEnum", Pattern="x" * 2000)


def test_a_session_is_told_of_the_own_one_without_a_guid(pool: Pool, ask: Ask) -> None:
    assert ask("SessionGetInfo")["UserName"] == "alice"
    bobs = pool.store.create(owner="bob")
    with Fails(Number.errNoSession):
        ask("SessionGetInfo", SessionGUID=bobs.id)
    found = ask("SessionGetInfo", by="root", SessionGUID=bobs.id)
    assert found["Station"] == pool.store.label
    for wrong in (f"AA.{'x' * 22}", "nobody"):
        with Fails(Number.errNoSession):
            ask("SessionGetInfo", SessionGUID=wrong)
    bobs.delete()


def test_a_session_is_dropped_by_who_may(pool: Pool, ask: Ask) -> None:
    own = pool.store.create(owner="alice", open=False).id
    bobs = pool.store.create(owner="bob", open=False).id
    with Fails(Number.errNoSession):
        ask("SessionDrop", SessionGUID=bobs)
    assert ask("SessionDrop", SessionGUID=own) == {"Ended": True}
    with pytest.raises(SessionEnded):
        pool.store.read(own)
    with pool.store.open(bobs):
        assert ask("SessionDrop", by="root", SessionGUID=bobs) == {"Ended": False}
    with Fails(Number.errNoSession):
        ask("SessionDrop", by="root", SessionGUID=bobs)


def test_a_job_may_drop_its_own_session(pool: Pool) -> None:
    own = pool.store.create(owner="alice", open=False).id
    with suppress(JobCancelled):  # or it is done within its grace
        pool.jobs.execute(own, "krn.SessionDrop", SessionGUID=own, timeout=30)
    with pytest.raises(SessionEnded):
        pool.store.read(own)


def test_what_is_lost_is_swept_for_administrators(ask: Ask) -> None:
    assert ask("SessionDeleteLost", by="root")["Count"] >= 0
    with Fails(Number.E_ACCESSDENIED):
        ask("SessionDeleteLost")


def test_properties_are_set_and_told(pool: Pool, ask: Ask) -> None:
    session = pool.store.create(owner="alice", open=False, data={"password": "hidden"})
    on = {"SessionGUID": session.id}
    assert ask("SessionPropertiesEnum", **on) == {"Count": 0, "Names": []}
    moment = datetime(2026, 5, 1, tzinfo=UTC)
    for name, value in {"Theme": "dark", "Size": 5, "Seen": moment, "Raw": b"\x00"}.items():
        assert ask("SessionPropertiesSet", Name=name, Value=value, **on) is None
        assert ask("SessionPropertiesGet", Name=name, **on) == {"Value": value}
    ask("SessionPropertiesSet", Name="Theme", Value="light", **on)
    assert pool.store.read(session.id)[property_attribute("Theme")] == "light"
    assert ask("SessionPropertiesEnum", **on)["Names"] == ["Raw", "Seen", "Size", "Theme"]


def test_what_is_no_property_stays_hidden(pool: Pool, ask: Ask) -> None:
    session = pool.store.create(owner="alice", open=False, data={"password": "hidden"})
    for name in ("password", "", "NoSuch"):
        with Fails(Number.errCollectionItemNotFound):
            ask("SessionPropertiesGet", Name=name, SessionGUID=session.id)
    with Fails(Number.E_INVALIDARG):
        ask("SessionPropertiesSet", Name="", Value=1)
    ask("SessionPropertiesSet", Name="password", Value="mine", SessionGUID=session.id)
    assert pool.store.read(session.id)["password"] == "hidden"


def test_the_properties_of_others_are_no_ones_business(pool: Pool, ask: Ask) -> None:
    bobs = pool.store.create(owner="bob", open=False)
    for job, more in (
        ("SessionPropertiesEnum", {}),
        ("SessionPropertiesGet", {"Name": "Theme"}),
        ("SessionPropertiesSet", {"Name": "Theme", "Value": "dark"}),
    ):
        with Fails(Number.errNoSession):
            ask(job, SessionGUID=bobs.id, **more)
    ask("SessionPropertiesSet", by="root", SessionGUID=bobs.id, Name="Theme", Value="dark")


def test_the_server_is_told_of(ask: Ask) -> None:
    found = ask("GetServerInfo")
    assert found["Version"] == __version__
    assert found["Sessions"] == 1
    assert abs((found["Time"] - datetime.now(UTC)).total_seconds()) < 60
    assert found["ServerName"]


def test_a_visitor_gets_nothing(ask: Ask) -> None:
    for job in ("SessionEnum", "SessionGetInfo", "GetServerInfo"):
        with Fails(Number.E_ACCESSDENIED):
            ask(job, by="")
        with Fails(Number.E_ACCESSDENIED):
            ask(job, by="*")


def test_flags_may_be_given_and_other_parameters_not(ask: Ask) -> None:
    assert ask("SessionEnum", Flags=0)["Count"] == 1
    with pytest.raises((JobFailed, JobRefused), match="takes no Flag"):  # there, or at once
        ask("SessionEnum", Flag=0)
