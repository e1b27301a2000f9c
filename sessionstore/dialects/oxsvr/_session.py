"""A session as a client has it after its login."""

from __future__ import annotations

from typing import Any, Self

from sessionstore.dialects.oxsvr._com import ComError
from sessionstore.dialects.oxsvr._connection import Connection
from sessionstore.dialects.oxsvr._jobs import IJob
from sessionstore.dialects.oxsvr._licenses import ILicenses
from sessionstore.dialects.oxsvr._properties import IProperties, of_server, of_session
from sessionstore.dialects.oxsvr._sinks import Callbacks, IJobSink, Notified

__all__ = ["ISession"]


class ISession:
    """A session of a user; `Server.Login` makes it, and `Server.OpenSession` resumes it.

    When it is over (logged out here or elsewhere, timed out, dropped), every use of it, and of what
    it gave out, raises ComError errNoSession (1501). Every use counts as activity. As a context
    manager it logs out at the end.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._callbacks = Callbacks(connection)

    def Logout(self) -> None:
        """End the session, and with it its jobs, as these say."""
        self._connection.end()

    def NewJob(self, Name: str) -> IJob:
        """Return a new job, by its name, `Engine.Job`; whether there is one, Execute finds out."""
        self._connection.check()
        return IJob(self._connection, Name)

    def CreateJobSink(self) -> IJobSink:
        """Return a new sink for callbacks, which keeps them until they are asked for."""
        self._connection.check()
        return IJobSink()

    def SetCallBack(self, CallbackType: int, Sink: Notified | None, UserData: Any) -> None:
        """Set who gets the callbacks of a type from now on, in the place of who got them before.

        Args:
            CallbackType: one of `CallbackType`.
            Sink: an `IJobSink`, or an object with a method `Notify`; None: nobody.
            UserData: what it gets along with each callback.
        """
        self._connection.check()
        self._callbacks.set(CallbackType, Sink, UserData)

    @property
    def Properties(self) -> IProperties:
        """The properties of the server, then those of the session."""
        session = self._connection.read()
        return IProperties({**of_server(self._connection.store), **of_session(session)})

    @property
    def Licenses(self) -> ILicenses:
        """The licences that are logged in."""
        self._connection.check()
        return ILicenses(self._connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.Logout()
        except ComError:  # it was over already
            return
