"""Server: Login, LoginBalanced, LoginGUID, OpenSession, Connect, Properties, Errors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sessionstore import ConfigError, SessionStore, StoreUnavailable, __version__
from sessionstore.dialects.oxsvr import Credentials, Number, PasswordType, Server
from sessionstore.testing import fake_store
from tests.dialects.oxsvr.conftest import Raises, Scene, authenticator, guid


class Unreachable(SessionStore):
    """A store whose server cannot be reached."""

    def __init__(self) -> None:
        pass

    def create(self, *_: Any, **__: Any) -> Any:
        raise StoreUnavailable("nobody is there")


@pytest.fixture
def elsewhere() -> Iterator[SessionStore]:
    with fake_store() as store:
        yield store


def test_a_login_makes_a_session_of_the_user(server: Server, store: SessionStore) -> None:
    session = server.Login("alice", "secret")
    (info,) = store.list()
    assert (info.id, info.owner, info.holder) == (guid(session), "alice", None)


def test_each_login_is_a_session_of_its_own(server: Server, store: SessionStore) -> None:
    assert guid(server.Login("alice", "secret")) != guid(server.Login("alice", "secret"))
    assert store.count("alice") == 2


def test_a_refused_login_tells_nothing_and_makes_nothing(
    server: Server, store: SessionStore
) -> None:
    texts = set()
    for user, password in (("alice", "wrong"), ("nobody", "secret"), ("", "")):
        with Raises(Number.E_ACCESSDENIED) as raised:
            server.Login(user, password)
        texts.add(str(raised.error))
    assert len(texts) == 1
    assert store.count() == 0


def test_the_authenticator_is_told_how_the_password_is_given(store: SessionStore) -> None:
    shown: list[Credentials] = []

    def look(credentials: Credentials) -> str:
        shown.append(credentials)
        return "alice"

    server = Server(store, look)
    server.Login("alice", "secret")
    server.Login("alice", "c2VjcmV0", PasswortType=PasswordType.pwEncrypted)
    server.LoginBalanced("alice", "secret")
    server.LoginGUID("2F1B")
    assert shown == [
        Credentials("alice", "secret"),
        Credentials("alice", "c2VjcmV0", PasswordType.pwEncrypted),
        Credentials("alice", "secret"),
        Credentials(guid="2F1B"),
    ]
    with Raises(Number.E_INVALIDARG):
        server.Login("alice", "secret", PasswortType=7)


def test_no_password_is_shown_in_credentials() -> None:
    assert "secret" not in repr(Credentials("alice", "secret", guid="secret"))


def test_whoever_the_authenticator_names_is_the_owner(store: SessionStore) -> None:
    assert Server(store, lambda _: "carol").Login("c@example.org").Properties["UserName"].Value == (
        "carol"
    )
    visitor = Server(store, lambda _: "").Login()
    assert visitor.Properties["UserName"].Value == ""
    for nobody in ("*", "{", 5):
        with pytest.raises(ConfigError):
            Server(store, lambda _, who=nobody: who).Login()  # type: ignore[misc]


def test_a_limit_of_the_store_is_an_error_of_com(server: Server, store: SessionStore) -> None:
    store.configure(max_per_owner=1, at_limit="refuse")
    server.Login("alice", "secret")
    with Raises(Number.E_FAIL) as raised:
        server.Login("alice", "secret")
    assert "limit of 1" in str(raised.error)


def test_server_and_port_name_a_store(
    scene: Scene, store: SessionStore, elsewhere: SessionStore
) -> None:
    servers = {"north:4000": store, "south": elsewhere}
    server = Server(store, authenticator, servers=servers)
    server.Login("alice", "secret", "south")
    assert (store.count(), elsewhere.count()) == (0, 1)
    server.Login("alice", "secret", "north", "4000")
    server.LoginGUID("2F1B")
    assert (store.count(), elsewhere.count()) == (2, 1)
    for place in (("west", ""), ("north", ""), ("north", "4001")):
        with Raises(Number.E_INVALIDARG):
            server.Login("alice", "secret", *place)


def test_with_one_store_every_server_is_that(server: Server, store: SessionStore) -> None:
    server.Login("alice", "secret", "localhost", "4000")
    assert store.count() == 1


def test_balanced_takes_one_that_can_be_reached(elsewhere: SessionStore) -> None:
    servers = {"down:1": Unreachable(), "up:2": elsewhere}
    server = Server(elsewhere, authenticator, servers=servers)
    for _ in range(12):  # each is the first to be asked now and then
        server.LoginBalanced("alice", "secret", "down:1; up:2")
    assert elsewhere.count() == 12
    with pytest.raises(StoreUnavailable):
        server.LoginBalanced("alice", "secret", "down:1;down:1")
    with Raises(Number.E_INVALIDARG):
        server.LoginBalanced("alice", "secret", "up:2;west")


def test_balanced_draws_among_all(store: SessionStore, elsewhere: SessionStore) -> None:
    server = Server(store, authenticator, servers={"a": store, "b": elsewhere})
    for _ in range(40):
        server.LoginBalanced("alice", "secret", "a;b")
    assert store.count() + elsewhere.count() == 40
    assert store.count()
    assert elsewhere.count()


def test_by_guid_the_authenticator_says_who_it_is(server: Server) -> None:
    assert server.LoginGUID("2F1B").Properties["UserName"].Value == "alice"
    with Raises(Number.E_ACCESSDENIED):
        server.LoginGUID("0000")


def test_a_session_is_resumed_by_its_guid_anywhere(scene: Scene) -> None:
    session = scene.server.Login("alice", "secret")
    session.Licenses.Add("ASC")
    other = Server(scene.another_store(), authenticator)
    resumed = other.OpenSession(guid(session))
    assert list(resumed.Licenses) == ["ASC"]
    resumed.Logout()
    with Raises(Number.errNoSession):
        session.NewJob("krn.SessionEnum")


def test_what_is_no_session_is_not_resumed(server: Server) -> None:
    gone = server.Login("alice", "secret")
    known = guid(gone)
    gone.Logout()
    for wrong in (known, f"AA.{'x' * 22}", "x\n", "nobody"):
        with Raises(Number.errNoSession) as raised:
            server.OpenSession(wrong)
        assert wrong not in str(raised.error)


def test_a_name_lets_nobody_in(server: Server, store: SessionStore) -> None:
    store.create("wizard", open=False)
    with Raises(Number.errNoSession):
        server.OpenSession("wizard")


def test_without_a_guid_it_is_the_default_session(server: Server) -> None:
    with Raises(Number.errNoSession):
        server.OpenSession()
    first = server.Login("alice", "secret")
    server.Login("bob", "hidden", DefaultSession=False)
    assert guid(server.OpenSession()) == guid(first)
    second = server.LoginGUID("2F1B")
    assert guid(server.OpenSession()) == guid(second)
    second.Logout()
    with Raises(Number.errNoSession):
        server.OpenSession()


def test_an_alias_becomes_a_property(server: Server) -> None:
    session = server.Login("alice", "secret")
    server.OpenSession(guid(session), Alias="till 3")
    assert session.Properties["Alias"].Value == "till 3"


def test_connect_is_not_implemented_as_documented(server: Server) -> None:
    with Raises(Number.E_NOTIMPL):
        server.Connect()
    with Raises(Number.E_NOTIMPL):
        server.Connect("north", "4000")


def test_the_properties_of_a_server_are_there_without_a_login(server: Server) -> None:
    found = server.Properties
    assert found["ServerVersion"].Value == __version__
    assert found.Item(1).Name == "ServerName"


def test_the_errors_are_those_of_the_last_call(server: Server) -> None:
    assert server.Errors.Count == 0
    with Raises(Number.E_ACCESSDENIED):
        server.Login("alice", "wrong")
    assert server.Errors.Item(1).FaultCode == server.Errors.ResultCode == Number.E_ACCESSDENIED
    with Raises(Number.E_NOTIMPL):
        server.Connect()
    assert server.Errors.Item("error1").FaultCode == Number.E_NOTIMPL
    server.Login("alice", "secret")
    assert (server.Errors.Count, server.Errors.ResultCode) == (0, 0)
