"""What makes no sense is an error of COM, as an argument that is converted by its rules is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sessionstore.dialects.oxsvr import ISession, Number, Server
from tests.dialects.oxsvr.conftest import Raises

NO_TEXT = [None, object(), [], b"x"]

CALLS: dict[str, Callable[[Server, ISession, Any], object]] = {
    "Login Server": lambda server, _, value: server.Login("alice", "secret", value),
    "Login Port": lambda server, _, value: server.Login("alice", "secret", "x", value),
    "LoginBalanced": lambda server, _, value: server.LoginBalanced("alice", "secret", value),
    "LoginGUID Server": lambda server, _, value: server.LoginGUID("2F1B", value),
    "Add": lambda _, session, value: session.Licenses.Add(value),
    "Check": lambda _, session, value: session.Licenses.Check(value),
    "AddExistFile": lambda _, session, value: session.NewJob(
        "a.b"
    ).InputFileParameters.AddExistFile(value),
}


@pytest.mark.parametrize("value", NO_TEXT, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("call", CALLS)
def test_what_is_no_text_is_a_type_mismatch(
    server: Server, session: ISession, call: str, value: Any
) -> None:
    with Raises(Number.DISP_E_TYPEMISMATCH):
        CALLS[call](server, session, value)


@pytest.mark.parametrize("name", [None, 5, "", "x" * 300, "a\n"])
def test_a_name_that_no_job_can_have_is_an_invalid_argument_at_execute(
    session: ISession, name: Any
) -> None:
    job = session.NewJob(name)
    with Raises(Number.E_INVALIDARG):
        job.Execute()


@pytest.mark.parametrize("wrong", [None, 5, object(), "\ud800"])
def test_what_is_no_guid_is_no_session(server: Server, wrong: Any) -> None:
    with Raises(Number.errNoSession):
        server.OpenSession(wrong)


@pytest.mark.parametrize("kind", [None, "x", 2, object()])
def test_a_type_of_passwords_is_one_of_two(server: Server, kind: Any) -> None:
    with Raises(Number.E_INVALIDARG):
        server.Login("alice", "secret", PasswortType=kind)
