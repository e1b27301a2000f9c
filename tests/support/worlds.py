"""Where a behaviour is tried: one shell on one kind of server, under a prefix of its own."""

from __future__ import annotations

import contextlib
import secrets
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fakeredis
import redis

from sessionstore import AsyncSessionStore
from sessionstore._core.keys import PERMANENT, Home, Keyspace
from sessionstore._core.operation import Flow, Operation, Step, Wake
from sessionstore._redis.connect import Deployment, connect
from sessionstore._redis.sync import Driver
from sessionstore.testing import fake_async_store, fake_store
from tests.support.awaitable import AwaitableStore
from tests.support.servers import Cluster, Sentinels, Standalone, redis7

__all__ = [
    "BUCKETS",
    "CELLS",
    "DIGITS",
    "KINDS",
    "Client",
    "Place",
    "Places",
    "World",
    "run_until",
    "send_twice",
]

BUCKETS = 4

DIGITS = 13
"""How many digits tell a time: at the start of the field `h` the end of the lease (parts/look.lua),
at the start of a place in line how long its waiter is believed to live (parts/walk_line.lua)."""

KINDS = ("embedded", "redis7", "cluster", "sentinel", "fake")

CELLS = {
    "embedded": ("sync", "async"),
    "redis7": ("sync",),
    "cluster": ("async",),
    "sentinel": ("sync",),
    "fake": ("sync", "async"),
}
"""On which shells the behaviours run, for each kind of server."""


@dataclass(frozen=True)
class Place:
    """A running deployment: its URL, and all servers of it that hold data."""

    url: str
    nodes: tuple[Standalone, ...]

    def calls(self, command: str) -> int:
        """Return how often a command was called, on all nodes together."""
        name = f"cmdstat_{command.lower()}"
        told = (node.info("commandstats").get(name, "calls=0,") for node in self.nodes)
        return sum(int(text.partition("=")[2].partition(",")[0]) for text in told)


class Places:
    """The deployments of this test process, each started when it is first asked for."""

    def __init__(self) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="ss-tests-"))
        self._started: dict[str, Place] = {}
        self._servers = ExitStack()
        self._servers.callback(_remove, self._directory)

    def get(self, kind: str) -> Place:
        """Return the deployment of a kind."""
        if kind not in self._started:
            self._started[kind] = getattr(self, f"_{kind}")(self._directory / kind)
        return self._started[kind]

    def close(self) -> None:
        """Stop all servers, and remove what they wrote."""
        self._servers.close()

    def _embedded(self, directory: Path) -> Place:
        server = self._servers.enter_context(Standalone(None, directory, appendonly=False))
        return Place(server.url, (server,))

    def _redis7(self, directory: Path) -> Place:
        server = self._servers.enter_context(Standalone(redis7(), directory, appendonly=False))
        return Place(server.url, (server,))

    def _cluster(self, directory: Path) -> Place:
        cluster = self._servers.enter_context(Cluster(directory))
        return Place(cluster.url, tuple(cluster.nodes))

    def _sentinel(self, directory: Path) -> Place:
        sentinels = self._servers.enter_context(Sentinels(directory))
        return Place(sentinels.url, (sentinels.primary,))


def _remove(directory: Path) -> None:
    for path in sorted(directory.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    directory.rmdir()


class World:
    """One shell on one server; `raw` is a client of the test's own, to look behind the scenes."""

    def __init__(self, kind: str, shell: str, place: Place | None) -> None:
        self.kind = kind
        self.shell = shell
        self.place = place
        self.prefix = f"t{secrets.token_hex(6)}"
        self.keys = Keyspace(self.prefix, BUCKETS)
        self._fake = fakeredis.FakeServer()
        self.raw = self._client()
        self._stores: list[Any] = []
        self._drivers = ExitStack()

    def __repr__(self) -> str:
        return f"{self.kind}-{self.shell}"

    async def connect(self, buckets: int = BUCKETS, **more: Any) -> Any:
        """Return a store, as another app server would get; it is closed at the end of the test."""
        shared: dict[str, Any] = {"prefix": self.prefix, "buckets": buckets, **more}
        store: Any
        if self.place is None and self.shell == "sync":
            store = fake_store(server=self._fake, **shared)
            store.__class__ = AwaitableStore
        elif self.place is None:
            store = await fake_async_store(server=self._fake, **shared)
        elif self.shell == "sync":
            store = AwaitableStore.connect(self.place.url, **shared)
        else:
            store = await AsyncSessionStore.connect(self.place.url, **shared)
        self._stores.append(store)
        return store

    async def close(self) -> None:
        """Close all stores, and remove every key; AssertionError if one would have stayed."""
        for store in self._stores:
            await store.close()
        self._drivers.close()
        try:
            staying = self.staying()
            self.clear()
            assert not staying, f"neither permanent nor with an expiry: {staying}"
        finally:
            self.raw.close()

    def driver(self) -> Driver:
        """Return a synchronous driver, to run flows and operations by hand."""
        if self.place is None:
            deployment = Deployment(self._client(), shebang=False)
        else:
            deployment = connect(self.place.url)
        driver = Driver(deployment)
        self._drivers.callback(driver.close)
        return driver

    # Behind the scenes

    def _client(self) -> Any:
        if self.place is None:
            return fakeredis.FakeRedis(server=self._fake)
        if self.kind == "cluster":
            return redis.RedisCluster("127.0.0.1", self.place.nodes[0].port)
        return redis.Redis.from_url(self.place.nodes[0].url)

    def names(self) -> list[str]:
        """Return all keys of this test."""
        return sorted(name.decode() for name in self.raw.scan_iter(f"{{{self.prefix}:*", count=500))

    def staying(self) -> list[str]:
        """Return the keys that have no expiry and are not on the list of permanent ones."""
        return [
            name
            for name in self.names()
            if not PERMANENT.fullmatch(name) and self.raw.pttl(name) == -1
        ]

    def clear(self) -> None:
        """Remove all keys of this test."""
        for name in self.names():
            self.raw.unlink(name)

    def home(self, session: Any) -> Home:
        """Return the keys of a session, given itself or its SID."""
        return self.keys.home(session if isinstance(session, str) else session.sid)

    def fields(self, session: Any) -> dict[str, bytes]:
        """Return the stored hash of a session."""
        found = self.raw.hgetall(self.home(session).session)
        return {name.decode(): value for name, value in found.items()}

    def size(self, session: Any) -> int:
        """Return how many bytes a session holds, as it says; AssertionError if that is not so."""
        fields, home, held = self.fields(session), self.home(session), 0
        for name, value in fields.items():
            if name[0] in ".@:":
                held += len(name.encode()) + len(value)
            if name[0] == ":":
                key = home.value(value[:16].decode())
                listed = name[1] == "l"
                found = (
                    b"".join(self.raw.lrange(key, 0, -1)) if listed else self.raw.get(key) or b""
                )
                assert int(value[16:]) == len(found), f"{name} is said to have {value[16:]!r} bytes"
                held += len(found)
        assert int(fields.get("b", 0)) == held, f"it is said to hold {fields.get('b')!r} bytes"
        return held

    def now(self) -> int:
        """Return the time of the server, in ms."""
        where = {"target_nodes": "random"} if self.kind == "cluster" else {}
        seconds, microseconds = self.raw.time(**where)
        return int(seconds) * 1000 + int(microseconds) // 1000

    def waiting(self, session: Any) -> int:
        """Return how many are in the line for a session."""
        return int(self.raw.llen(self.home(session).waiters))

    def believe(self, session: Any, tickets: Collection[str], milliseconds: int) -> None:
        """Let some in line for a session be believed to live until a time, and no longer."""
        line = self.home(session).waiters
        for at, place in enumerate(self.raw.lrange(line, 0, -1)):
            if place[DIGITS : DIGITS + 16].decode() in tickets:
                self.raw.lset(line, at, b"%0*d%b" % (DIGITS, milliseconds, place[DIGITS:]))

    def silence(self, session: Any, seconds: float) -> None:
        """Let so much time go by in which nobody in the line for a session gives a sign of life."""
        line = self.home(session).waiters
        for at, place in enumerate(self.raw.lrange(line, 0, -1)):
            until = int(place[:DIGITS]) - round(seconds * 1000)
            self.raw.lset(line, at, b"%0*d%b" % (DIGITS, until, place[DIGITS:]))

    def age(self, session: Any, seconds: float) -> None:
        """Let so much time go by for a session: all that is stored about it moves into the past."""
        home, milliseconds = self.home(session), round(seconds * 1000)
        fields = self.fields(session)
        for name in {"c", "a", "l"} & set(fields):
            self.raw.hset(home.session, name, int(fields[name]) - milliseconds)
        if end := self.lease_end(session):
            self.lease_until(session, max(1, end - milliseconds))
        owner = fields.get("o", b"").decode()
        pool = self.keys.pool("public" if owner == "*" else "private")
        bucket = home.bucket
        seat = f"{home.sid} {fields.get('s', b'').decode()}"
        entries = [(bucket.index, home.sid), (bucket.owned(owner), home.sid)]
        for index, member in [*entries, (pool.seats, seat), (pool.fresh, seat)]:
            if self.raw.zscore(index, member) is not None:
                self.raw.zincrby(index, -milliseconds, member)
        if self.raw.hexists(bucket.parameters, "kept_since"):
            self.raw.hincrby(bucket.parameters, "kept_since", -milliseconds)
        left = self.raw.pttl(home.session)
        if left >= 0:
            self.raw.pexpire(home.session, left - milliseconds)

    def copies(self, session: Any, number: int, score: int) -> list[str]:
        """Make copies of a session, named in turn, which are due at a time; return their SIDs."""
        home, fields = self.home(session), self.fields(session)
        sids = [f"{home.sid}{at}" for at in range(number)]
        pipe = self.raw.pipeline(transaction=False)
        for sid in sids:
            pipe.hset(self.home(sid).session, mapping=fields)
            pipe.pexpire(self.home(sid).session, 600_000)
        for index in (home.bucket.index, home.bucket.owned(fields["o"].decode())):
            pipe.zadd(index, {sid: score + at // 120 for at, sid in enumerate(sids)})
        pipe.execute()
        return sids

    def lease_end(self, session: Any) -> int:
        """Return when the lease ends or ended, in ms; 0 if it was never open."""
        return int(self.fields(session).get("h", b"")[:DIGITS] or 0)

    def lease_until(self, session: Any, milliseconds: int) -> None:
        """Let the lease of the holder end at another time."""
        holder = self.fields(session)["h"][DIGITS:]
        self.raw.hset(self.home(session).session, "h", b"%0*d%b" % (DIGITS, milliseconds, holder))

    def lapse(self, session: Any) -> None:
        """Let so much time go by for a session that the lease of its holder has just ended."""
        left = self.lease_end(session) - self.now() + 1
        assert left > 0, "nobody holds it"
        self.age(session, left / 1000)

    def calls(self, command: str) -> int:
        """Return how often the servers were asked for a command."""
        assert self.place is not None
        return self.place.calls(command)

    @contextmanager
    def wire(self, store: Any) -> Iterator[list[Operation[Any]]]:
        """Collect the operations that a store sends, as they go out."""
        sent: list[Operation[Any]] = []
        driver = store._driver
        answer: Callable[..., Any] = driver._answer

        def listening(step: Step) -> Any:
            if isinstance(step, Operation):
                sent.append(step)
            elif isinstance(step, list):
                sent.extend(step)
            return answer(step)

        driver._answer = listening
        try:
            yield sent
        finally:
            del driver._answer


def send_twice(store: Any) -> None:
    """Let a store send every operation a second time, as after a lost answer, and see only that."""
    driver = store._driver
    answer: Callable[..., Any] = driver._answer

    def twice(step: Step) -> Any:
        if isinstance(step, Wake):
            return answer(step)
        answer(step)
        _lose_the_answer(step)
        return answer(step)

    async def twice_awaited(step: Step) -> Any:
        if not isinstance(step, Wake):
            await answer(step)
            _lose_the_answer(step)
        return await answer(step)

    driver._answer = twice if isinstance(driver, Driver) else twice_awaited


def _lose_the_answer(step: Operation[Any] | list[Operation[Any]]) -> None:
    for operation in [step] if isinstance(step, Operation) else step:
        operation.unanswered = True


def run_until(driver: Driver, flow: Flow[Any], steps: int) -> bool:
    """Take some steps of a flow and leave it there, as a crash would; True if it went on so far."""
    answer: Any = None
    with contextlib.suppress(StopIteration):
        for _ in range(steps):
            answer = driver._answer(flow.send(answer))
        return True
    return False


class Client:
    """A client that does a flow a step at a time, and that others may overtake between any two."""

    def __init__(self, driver: Driver, flow: Flow[Any]) -> None:
        self._driver = driver
        self._flow = flow
        self.value: Any = None
        self.error: Exception | None = None
        self.step: Step | None = None
        self._goes_on(lambda: next(flow))

    def goes(self) -> bool:
        """Do one step; False if there is none."""
        if self.step is None:
            return False
        answer = self._driver._answer(self.step)
        self._goes_on(lambda: self._flow.send(answer))
        return True

    def comes_to(self, script: str, *, times: int = 1) -> None:
        """Go on until it is about to call a script, for the first time or a later one."""
        while True:
            assert self.step is not None, f"it never calls {script}"
            times -= isinstance(self.step, Operation) and self.step.script.name == script
            if times == 0:
                return
            self.goes()

    def ends(self) -> Any:
        """Go on to the end; return what it returns, or raise what it raises."""
        while self.goes():
            pass
        if self.error is not None:
            raise self.error
        return self.value

    def _goes_on(self, going: Callable[[], Step]) -> None:
        try:
            self.step = going()
        except StopIteration as stop:
            self.step, self.value = None, stop.value
        except Exception as error:  # noqa: BLE001 - it is raised at the end
            self.step, self.error = None, error
