"""A store per test, a server of the dialect over it, and somebody who has logged in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Self

import pytest

from sessionstore import SessionStore
from sessionstore.dialects.oxsvr import ComError, Credentials, ISession, Number, Server
from sessionstore.testing import fake_store
from tests.support.worlds import BUCKETS, Places, World

PASSWORDS = {"alice": "secret", "bob": "hidden", "root": "toor"}
GUIDS = {"2F1B": "alice"}


def authenticator(shown: Credentials) -> str | None:
    """Who somebody is that shows this."""
    if shown.guid:
        return GUIDS.get(shown.guid)
    return shown.user if PASSWORDS.get(shown.user) == shown.password else None


class Scene:
    """A store that several programs share."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._closing = ExitStack()
        self.store = self.another_store()
        self.server = Server(self.store, authenticator)

    def another_store(self) -> SessionStore:
        """Return the store, as another program would get it."""
        if self.world.place is None:
            store = fake_store(prefix=self.world.prefix, buckets=BUCKETS, server=self.world._fake)
        else:
            store = SessionStore.connect(
                self.world.place.url, prefix=self.world.prefix, buckets=BUCKETS
            )
        self._closing.callback(store.close)
        return store

    def close(self) -> None:
        self._closing.close()
        try:
            assert not self.world.staying()
            self.world.clear()
        finally:
            self.world.raw.close()


@pytest.fixture(params=["embedded", "fake"])
def scene(request: pytest.FixtureRequest, places: Places) -> Iterator[Scene]:
    kind = request.param
    if kind not in request.config.getoption("--servers").split(","):
        pytest.skip(f"without {kind}, says --servers")
    scene = Scene(World(kind, "sync", None if kind == "fake" else places.get(kind)))
    yield scene
    scene.close()


@pytest.fixture
def store(scene: Scene) -> SessionStore:
    return scene.store


@pytest.fixture
def server(scene: Scene) -> Server:
    return scene.server


@pytest.fixture
def session(server: Server) -> ISession:
    return server.Login("alice", "secret")


def guid(session: ISession) -> str:
    """The id of a session."""
    return str(session.Properties.Item("SessionGUID").Value)


class Raises:
    """`with Raises(Number.errNoSession):` an error of that number is raised."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._raised = pytest.raises(ComError)

    def __enter__(self) -> Self:
        self._info = self._raised.__enter__()
        return self

    def __exit__(self, *error: object) -> bool:
        suppressed = self._raised.__exit__(*error)  # type: ignore[arg-type]
        assert self._info.value.number == self._number, self._info.value
        return bool(suppressed)

    @property
    def error(self) -> ComError:
        """What was raised."""
        return self._info.value


__all__ = ["GUIDS", "PASSWORDS", "Number", "Raises", "Scene", "authenticator", "guid"]
