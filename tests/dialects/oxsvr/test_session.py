"""ISession: Logout, NewJob, CreateJobSink, SetCallBack, Properties, Licenses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from sessionstore import SessionEnded, SessionStore
from sessionstore.dialects.oxsvr import (
    CallbackType,
    IJobSink,
    ISession,
    Number,
    Server,
    property_attribute,
)
from tests.dialects.oxsvr.conftest import Raises, Scene, guid

ENDS: dict[str, Callable[[Scene, ISession], object]] = {
    "logged out": lambda _, session: session.Logout(),
    "logged out elsewhere": lambda scene, session: scene.server.OpenSession(guid(session)).Logout(),
    "dropped": lambda scene, session: scene.store.delete(guid(session)),
    "all of the user ended": lambda scene, session: scene.store.end_all("alice"),
    "timed out": lambda scene, session: scene.world.age(guid(session), 10_000),
    "timed out and swept": lambda scene, session: (
        scene.world.age(guid(session), 10_000),
        scene.store.sweep(),
    ),
    "forgotten": lambda scene, session: scene.world.raw.delete(
        scene.world.home(guid(session)).session
    ),
    "given to somebody else": lambda scene, session: scene.store.open(guid(session)).close(
        owner="bob"
    ),
}
"""In which ways a session comes to its end."""


@pytest.mark.parametrize("way", ENDS)
def test_when_it_is_over_every_use_raises_no_session(
    scene: Scene, session: ISession, way: str
) -> None:
    licenses, job = session.Licenses, session.NewJob("krn.SessionEnum")
    ENDS[way](scene, session)
    uses: list[Callable[[], object]] = [
        lambda: session.NewJob("krn.SessionEnum"),
        session.CreateJobSink,
        lambda: session.SetCallBack(CallbackType.cbResult, IJobSink(), 1),
        lambda: session.Properties,
        lambda: session.Licenses,
        session.Logout,
        job.Execute,
        lambda: licenses.Add("ASC"),
        lambda: licenses.Delete(1),
        licenses.Clear,
        lambda: licenses.Check("ASC"),
        lambda: licenses.Count,
        lambda: licenses.Item(1),
        lambda: list(licenses),
    ]
    for use in uses:
        with Raises(Number.errNoSession) as raised:
            use()
        assert raised.error.number == 1501
    assert job.Errors.Item(1).FaultCode == 1501


def test_once_over_it_is_over_though_there_is_a_session_again(
    scene: Scene, session: ISession
) -> None:
    """A name may be given again; what this object was for is gone all the same."""
    session.Logout()
    with Raises(Number.errNoSession):
        session.Logout()


def test_logout_ends_the_session(session: ISession, store: SessionStore) -> None:
    known = guid(session)
    session.Logout()
    with pytest.raises(SessionEnded):
        store.read(known)


def test_logout_of_one_that_is_open_elsewhere_takes_effect_when_it_is_closed(
    session: ISession, store: SessionStore
) -> None:
    with store.open(guid(session)):
        session.Logout()
        with Raises(Number.errNoSession):
            session.NewJob("krn.SessionEnum")
    assert store.count() == 0


def test_others_may_have_it_open_meanwhile(session: ISession, store: SessionStore) -> None:
    with store.open(guid(session)) as opened:
        opened["cart"] = ["tea"]
        session.Licenses.Add("ASC")
        assert session.NewJob("Reports.Render").Name == "Reports.Render"
    assert store.read(guid(session))["cart"] == ["tea"]
    assert list(session.Licenses) == ["ASC"]


def test_leaving_a_with_block_logs_out(server: Server, store: SessionStore) -> None:
    with server.Login("alice", "secret"):
        assert store.count("alice") == 1
    assert store.count("alice") == 0
    with server.Login("alice", "secret") as session:
        session.Logout()


def test_every_use_counts_as_activity(scene: Scene, session: ISession) -> None:
    timeout = scene.store.parameters().timeout.total_seconds()
    for use in (lambda: session.NewJob("a.b"), lambda: session.Properties, session.CreateJobSink):
        scene.world.age(guid(session), timeout * 0.6)
        use()
    assert scene.store.count() == 1


def test_the_name_of_a_job_is_not_checked(session: ISession) -> None:
    assert session.NewJob("no such.job at all").Name == "no such.job at all"


def test_the_properties_are_those_of_server_and_session(
    session: ISession, store: SessionStore
) -> None:
    info = next(store.list())
    found = {one.Name: one.Value for one in session.Properties}
    assert found["ServerName"] == store.label
    assert found["SessionGUID"] == info.id
    assert found["UserName"] == "alice"
    assert found["SessionStart"] == info.created
    assert isinstance(found["LastActivity"], datetime)
    assert found["Timeout"] == info.timeout.total_seconds()


def test_what_was_set_on_the_session_is_among_the_properties(
    session: ISession, store: SessionStore
) -> None:
    with store.open(guid(session)) as opened:
        opened[property_attribute("Theme")] = "dark"
        opened["secret of the shop"] = 1
    properties = session.Properties
    assert properties["Theme"].Value == "dark"
    assert properties.Item(properties.Count).Name == "Theme"
    assert not [one for one in properties if "secret" in one.Name]


def test_properties_are_a_collection_that_can_only_be_read(session: ISession) -> None:
    properties = session.Properties
    assert properties.Item(1) is properties[properties.Item(1).Name]
    with Raises(Number.errCollectionItemNotFound):
        properties.Item("NoSuch")
    with Raises(Number.errCollectionIndexOutOfRange):
        properties.Item(0)
    with pytest.raises(AttributeError):
        properties.Item(1).Value = 5  # type: ignore[misc]
    with pytest.raises(AttributeError):
        properties.Item(1).Name = "x"  # type: ignore[misc]
