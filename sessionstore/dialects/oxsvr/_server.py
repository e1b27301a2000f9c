"""The server: where clients log in."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NoReturn

from sessionstore import ConfigError, QuotaExceeded, SessionStore, StoreUnavailable
from sessionstore.dialects.oxsvr._com import ComError, Number
from sessionstore.dialects.oxsvr._connection import Connection
from sessionstore.dialects.oxsvr._errors import IError, IErrors
from sessionstore.dialects.oxsvr._properties import IProperties, of_server, property_attribute
from sessionstore.dialects.oxsvr._session import ISession
from sessionstore.dialects.oxsvr._values import text_of

__all__ = ["Authenticator", "Credentials", "PasswordType", "Server"]

PUBLIC = "*"


class PasswordType(IntEnum):
    """How a password is given. The first name is documented; the values are ours."""

    pwNotEncrypted = 0
    pwEncrypted = 1


@dataclass(frozen=True, slots=True)
class Credentials:
    """What somebody shows to log in: a user and a password, or a GUID."""

    user: str = ""
    password: str = field(default="", repr=False)
    password_type: PasswordType = PasswordType.pwNotEncrypted
    guid: str = field(default="", repr=False)


Authenticator = Callable[[Credentials], str | None]
"""Returns the user id of who shows these credentials, empty for a visitor; None: refused."""


class Server:
    """Where clients log in; the only object of the library that a program makes itself.

    Args:
        store: where the sessions are; it stays open.
        authenticator: says who somebody is.
        servers: stores by `server` or `server:port`, for clients that name one; None: every name
            is that of `store`.
    """

    def __init__(
        self,
        store: SessionStore,
        authenticator: Authenticator,
        *,
        servers: Mapping[str, SessionStore] | None = None,
    ) -> None:
        self._store = store
        self._authenticator = authenticator
        self._servers = servers
        self._default: Connection | None = None
        self._errors = IErrors()

    @property
    def Properties(self) -> IProperties:
        """The properties of the server."""
        return IProperties(of_server(self._store))

    @property
    def Errors(self) -> IErrors:
        """The errors of the last call."""
        return self._errors

    def Login(
        self,
        User: str = "",
        Password: str = "",
        Server: str = "",
        Port: str = "",
        PasswortType: int = PasswordType.pwNotEncrypted,
        DefaultSession: bool = True,
    ) -> ISession:
        """Log a user in, to a new session.

        Args:
            User: who.
            Password: as `PasswortType` says.
            Server: the name of the server; empty: the one there is.
            Port: its port, if the server goes by another name there.
            PasswortType: what the authenticator is told of the password.
            DefaultSession: whether `OpenSession` without a GUID resumes this session.

        Raises:
            ComError: E_ACCESSDENIED (who it is, is not told), E_INVALIDARG (there is no such
            server), E_FAIL (there are too many sessions). StoreUnavailable.
        """
        return self._login([_place(Server, Port)], User, Password, PasswortType, DefaultSession)

    def LoginBalanced(
        self,
        User: str = "",
        Password: str = "",
        ServerList: str = "",
        PasswortType: int = PasswordType.pwNotEncrypted,
        DefaultSession: bool = True,
    ) -> ISession:
        """Log a user in at any of some servers, `server:port;server:port;…`.

        One is drawn, and the next is asked if it cannot be reached. Otherwise as `Login`.
        """
        places = [place.strip() for place in text_of(ServerList).split(";")]
        first = secrets.randbelow(len(places))
        places = places[first:] + places[:first]
        return self._login(places, User, Password, PasswortType, DefaultSession)

    def LoginGUID(
        self, GUID: str = "", Server: str = "", Port: str = "", DefaultSession: bool = True
    ) -> ISession:
        """Log a user in by a GUID, which the authenticator knows; otherwise as `Login`."""
        with self._noting_errors():
            return self._logged_in([_place(Server, Port)], Credentials(guid=GUID), DefaultSession)

    def OpenSession(self, SessionGUID: str = "", Alias: str = "") -> ISession:
        """Resume a session that is there, wherever it was made.

        Args:
            SessionGUID: its property of this name, which lets in whoever shows it; empty: the
                default session of this object.
            Alias: if given, the session has it as a property.

        Raises:
            ComError: errNoSession. StoreUnavailable.
        """
        with self._noting_errors():
            try:
                connection = self._default or Connection(self._store, "")
                if SessionGUID:
                    connection = Connection(self._store, SessionGUID)
                found = connection.read()
            except ConfigError:
                raise _no_such_session() from None
            if found.sid != found.id:  # a name, which can be guessed, lets nobody in
                raise _no_such_session()
            if Alias:
                connection.change(property_attribute("Alias"), lambda _: Alias)
            return ISession(connection)

    def Connect(self, Server: str = "localhost", Port: str = "4000") -> NoReturn:  # noqa: ARG002 - not even that
        """Raise ComError E_NOTIMPL, as is documented; `Properties` are there without it."""
        with self._noting_errors():
            raise ComError(Number.E_NOTIMPL, description="Connect is not implemented; log in")

    def _login(
        self, places: list[str], user: str, password: str, kind: int, default: bool
    ) -> ISession:
        with self._noting_errors():
            if kind not in set(PasswordType):
                raise ComError(Number.E_INVALIDARG, description=f"no type of passwords is {kind!r}")
            return self._logged_in(places, Credentials(user, password, PasswordType(kind)), default)

    def _logged_in(self, places: list[str], shown: Credentials, default: bool) -> ISession:
        stores = [self._store_of(place) for place in places]
        owner = self._authenticator(shown)
        if owner is None:
            raise ComError(Number.E_ACCESSDENIED, description="the login was refused")
        if owner == PUBLIC:
            raise ConfigError("an authenticator returns the id of a user, and * is nobody's")
        connection = Connection(*_created(stores, owner))
        if default:
            self._default = connection
        return ISession(connection)

    def _store_of(self, place: str) -> SessionStore:
        if not place or self._servers is None:
            return self._store
        if place not in self._servers:
            raise ComError(Number.E_INVALIDARG, description=f"there is no server {place!r}")
        return self._servers[place]

    @contextmanager
    def _noting_errors(self) -> Iterator[None]:
        self._errors = IErrors()
        try:
            yield
        except ComError as error:
            told = IError(error.number, error.description, SourceName=error.source)
            self._errors = IErrors([told])
            raise


def _no_such_session() -> ComError:
    return ComError(Number.errNoSession, description="there is no session of this GUID; log in")


def _place(server: str, port: str) -> str:
    server, port = text_of(server), text_of(port)
    return f"{server}:{port}" if server and port else server


def _created(stores: list[SessionStore], owner: str) -> tuple[SessionStore, str]:
    """Make a session in the first store that can be reached."""
    for at, store in enumerate(stores, 1):
        try:
            return store, store.create(owner=owner, open=False).id
        except StoreUnavailable:
            if at == len(stores):
                raise
        except QuotaExceeded as full:
            raise ComError(Number.E_FAIL, description=str(full)) from full
    raise ComError(Number.E_INVALIDARG, description="there is no server in the list")
