"""A store per test, on a real server and on the one inside the process; Onlines over it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from sessionstore import SessionStore
from sessionstore._core.operation import Step, Wake
from sessionstore.dialects.soul import Online, Thread
from sessionstore.testing import fake_store
from tests.support.worlds import BUCKETS, Places, World

PARAMETERS = {"SESNPRV": 20, "SESNPUB": 20, "SESUMAX": 5}
"""What most tests begin with, so that sessions can be made at all."""


class Scene:
    """A store that several app servers share, and the time that passes for its sessions."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._closing = ExitStack()

    @property
    def place(self) -> tuple[str, str, int]:
        """URL, prefix and number of buckets of the store, for other processes."""
        assert self.world.place is not None
        return self.world.place.url, self.world.prefix, BUCKETS

    def store(self) -> SessionStore:
        """Return the store, as another app server would get it."""
        if self.world.place is None:
            store = fake_store(prefix=self.world.prefix, buckets=BUCKETS, server=self.world._fake)
        else:
            store = SessionStore.connect(
                self.world.place.url, prefix=self.world.prefix, buckets=BUCKETS
            )
        self._closing.callback(store.close)
        return store

    def online(self, **parameters: int) -> Online:
        """Return another Online over the same store."""
        online = Online(self.store(), **parameters)
        self._closing.callback(online.close)
        return online

    def pass_time(self, sesid: str, owner: str, seconds: float) -> None:
        """Let so much time go by for one session."""
        self.world.age(f"{owner}:{sesid}", seconds)

    def close(self) -> None:
        self._closing.close()
        try:
            assert not self.world.staying()
            self.world.clear()
        finally:
            self.world.raw.close()


def scene_of(kind: str, request: pytest.FixtureRequest, places: Places) -> Iterator[Scene]:
    if kind not in request.config.getoption("--servers").split(","):
        pytest.skip(f"without {kind}, says --servers")
    scene = Scene(World(kind, "sync", None if kind == "fake" else places.get(kind)))
    yield scene
    scene.close()


@pytest.fixture(params=["embedded", "fake"])
def scene(request: pytest.FixtureRequest, places: Places) -> Iterator[Scene]:
    yield from scene_of(request.param, request, places)


@pytest.fixture
def server(request: pytest.FixtureRequest, places: Places) -> Iterator[Scene]:
    """One on a real server, which other processes can reach."""
    yield from scene_of("embedded", request, places)


@pytest.fixture
def online(scene: Scene) -> Online:
    return scene.online(**PARAMETERS)


@pytest.fixture
def alice(online: Online) -> Thread:
    return online.login("ALICE")


@pytest.fixture
def bob(online: Online) -> Thread:
    return online.login("BOB")


@pytest.fixture
def root(online: Online) -> Thread:
    return online.login("ROOT", privileged=True)


def ids(thread: Thread, *pattern: Any) -> list[str]:
    """The ids of the sessions that a thread sees."""
    listid = thread.list_new()
    count = thread.session_list(listid, *pattern)
    return [thread.list_inf(listid, number)[50:] for number in range(1, count + 1)]


@contextmanager
def waits(thread: Thread) -> Iterator[list[Wake]]:
    """Collect the times that a thread blocks for something to happen."""
    driver = thread._store._driver
    waited: list[Wake] = []
    answer: Callable[[Step], Any] = driver._answer

    def listening(step: Step) -> Any:
        if isinstance(step, Wake):
            waited.append(step)
        return answer(step)

    driver._answer = listening  # type: ignore[method-assign]
    try:
        yield waited
    finally:
        del driver._answer
