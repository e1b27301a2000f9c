"""Real servers for tests, on loopback only: alone, as a cluster, watched by sentinels.

They end with the process that started them, even when that is killed. Mind that Linux takes the
thread for the process here: start servers in a thread that stays.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import re
import signal
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from sessionstore.embedded import find_server
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

__all__ = ["Cluster", "Sentinels", "Server", "Standalone", "free_port", "redis7"]

HOST = "127.0.0.1"
CLUSTER_TIMEOUT_MS = 1000
DOWN_AFTER_MS = 1000
READY_SECONDS = 20.0
FAILING = {"fail", "fail?"}

# Replicas link up at once, and a server that is told to end does not wait for them.
QUICK = ("--repl-diskless-sync-delay", "0", "--shutdown-timeout", "0")

NOT_YET = (redis.RedisError, OSError, KeyError, IndexError, StopIteration)


def redis7() -> Path | None:
    """Return the server of Debian's package if it is a Redis 7.0, the oldest that we support."""
    binary = Path("/usr/bin/redis-server")
    if not binary.exists():
        return None
    said = subprocess.run((binary, "--version"), capture_output=True, text=True, check=True).stdout
    return binary if re.search(r"v=7\.0\.\d", said) else None


_given: set[int] = set()


def free_port() -> int:
    """Return a loopback port that nobody listens on, never the same one twice.

    It lies below those from which the system takes the near ends of connections: else, while a
    server is down, a client may take its port, or connect it to itself.
    """
    while True:
        port = random.SystemRandom().randint(15_000, 32_000)
        if port in _given:
            continue
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind((HOST, port))
            _given.add(port)
            return port


def _end_with_parent() -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    set_parent_death_signal = 1
    prctl = ctypes.CDLL(None, use_errno=True).prctl  # looked up now: not much works after a fork
    return lambda: prctl(set_parent_death_signal, signal.SIGKILL)


class Server:
    """One server process; stopped, killed and paused by its process id.

    Args:
        command: what to run; every start runs the same.
        directory: made if missing; the server works there, and what it says is in `server.log`.
        url: where clients reach it.
    """

    def __init__(self, command: Sequence[str | Path], directory: Path, *, url: str) -> None:
        self.directory = directory
        self.url = url
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

    @property
    def pid(self) -> int:
        """The process id of the server that runs."""
        assert self._process is not None, f"{self} is not started"
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> str:
        return (self.directory / "server.log").read_text(errors="replace")

    def client(self) -> redis.Redis:
        """Return a client of this one server that sends every command once; close it."""
        return redis.Redis.from_url(
            self.url, decode_responses=True, retry=Retry(NoBackoff(), 0), socket_timeout=5
        )

    def ask(self, *words: str | int) -> Any:
        """Return the reply of one command, as the server sent it."""
        with self.client() as client:
            client.response_callbacks.clear()
            return client.execute_command(*words)

    def info(self, section: str) -> dict[str, str]:
        """Return the texts of a section of INFO by name."""
        lines = self.ask("INFO", section).splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def start(self) -> Self:
        """Start it, and return when it is ready."""
        assert not self.running, f"{self} runs"
        self.directory.mkdir(parents=True, exist_ok=True)
        with (self.directory / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_end_with_parent(),  # noqa: PLW1509
            )
        try:
            _wait(f"{self} is ready", self._ready)
        except BaseException:
            self.kill9()
            raise
        return self

    def _ready(self) -> bool:
        assert self.running, f"{self} ended at once:\n{self.log[-1000:]}"
        return bool(self.ask("PING"))

    def stop(self) -> None:
        """End it in an orderly way, or by force if that takes long; no error if it is not there."""
        if self._process is None:
            return
        self.resume()
        self._signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)
        self.kill9()

    def kill9(self) -> None:
        """Kill it, and return when it is dead."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait(timeout=5)
            self._process = None

    def restart(self) -> Self:
        """Stop it, and start it at the same place with the same data."""
        self.stop()
        return self.start()

    def pause(self) -> None:
        """Let it hang: it keeps its connections and answers nothing."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after a pause."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self.running:
            os.kill(self.pid, number)

    def __enter__(self) -> Self:
        return self if self.running else self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


class Standalone(Server):
    """One server with data, on a loopback port of its own or on a unix socket.

    Args:
        binary: None is the one of `find_server`.
        directory: where its data and its log are.
        unix: listen on a socket in the directory and on no port.
        appendonly: keep every write; else nothing is kept.
        maxmemory: as in `64mb`; None is no limit.
        extra: more arguments of the server, such as `("--hz", "100")`.
    """

    def __init__(
        self,
        binary: Path | None,
        directory: Path,
        *,
        unix: bool = False,
        appendonly: bool = True,
        maxmemory: str | None = None,
        extra: Sequence[str] = (),
    ) -> None:
        self.port = 0 if unix else free_port()
        path = directory / "test.sock"
        command = (
            *(binary or find_server(), "--port", str(self.port), "--bind", HOST),
            *(("--unixsocket", path, "--unixsocketperm", "700") if unix else ()),
            *("--dir", directory, "--save", "", "--appendonly", "yes" if appendonly else "no"),
            *("--maxmemory", maxmemory or "0", "--maxmemory-policy", "noeviction"),
            *(*QUICK, *extra),
        )
        url = f"unix://{path}" if unix else f"redis://{HOST}:{self.port}"
        super().__init__(command, directory, url=url)


class Cluster:
    """A cluster of real nodes, ready when made; on leaving the block its nodes are killed.

    Args:
        directory: each node has a folder in it.
        primaries: how many nodes share the 16384 slots.
        replicas: how many nodes each primary has behind it.
        binary: None is the one of `find_server`.
        extra: more arguments of every node.
    """

    def __init__(
        self,
        directory: Path,
        *,
        primaries: int = 3,
        replicas: int = 1,
        binary: Path | None = None,
        extra: Sequence[str] = (),
    ) -> None:
        self.nodes: list[Standalone] = []
        self._bus_ports: list[int] = []
        self._primaries = primaries
        try:
            for number in range(primaries * (1 + replicas)):
                bus_port = free_port()
                arguments = (
                    *("--cluster-enabled", "yes", "--cluster-port", str(bus_port)),
                    *("--cluster-node-timeout", str(CLUSTER_TIMEOUT_MS)),
                    *extra,
                )
                node = Standalone(binary, directory / f"node{number}", extra=arguments)
                self.nodes.append(node)
                self._bus_ports.append(bus_port)
                node.start()
            self._form()
        except BaseException:
            self.stop()
            raise

    @property
    def url(self) -> str:
        """`redis+cluster://` and the addresses of the first primaries."""
        addresses = (f"{HOST}:{node.port}" for node in self.nodes[: self._primaries])
        return f"redis+cluster://{','.join(addresses)}"

    def primary_of(self, slot: int) -> Standalone:
        """Return the node that serves a slot, as the nodes that run see it now."""
        for witness in self.nodes:
            if not witness.running:
                continue
            for row in _table(witness):
                if row.serves(slot) and "master" in row.flags and not row.flags & FAILING:
                    return self._at(row.address)
        raise KeyError(f"slot {slot} has no primary")

    def replicas_of(self, primary: Standalone) -> list[Standalone]:
        """Return the nodes behind a primary, as it sees them itself."""
        own = primary.ask("CLUSTER", "MYID")
        return [self._at(row.address) for row in _table(primary) if row.primary == own]

    def kill(self, node: Standalone) -> None:
        """Kill a node; the others notice after the node timeout."""
        node.kill9()

    def wait_ready(self) -> None:
        """Return when all nodes that run see all slots served, and their replicas are linked."""
        for node in self.nodes:
            if node.running:
                what = f"{node} takes part in the cluster"
                _wait(what, partial(_takes_part, node))

    def stop(self) -> None:
        """Kill all nodes: their data is for nobody."""
        for node in self.nodes:
            node.kill9()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _at(self, address: str) -> Standalone:
        return next(node for node in self.nodes if f"{HOST}:{node.port}" == address)

    def _form(self) -> None:
        for number, node in enumerate(self.nodes):
            node.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)  # only while it knows nobody
        # Everybody meets everybody: gossip alone would take seconds to spread the news.
        for node in self.nodes:
            for other, bus_port in zip(self.nodes, self._bus_ports, strict=True):
                if other is not node:
                    node.ask("CLUSTER", "MEET", HOST, other.port, bus_port)

        primaries = self.nodes[: self._primaries]
        bounds = [16384 * number // len(primaries) for number in range(len(primaries) + 1)]
        for primary, first, end in zip(primaries, bounds, bounds[1:], strict=False):
            primary.ask("CLUSTER", "ADDSLOTSRANGE", first, end - 1)

        for number, replica in enumerate(self.nodes[self._primaries :]):
            own = primaries[number % len(primaries)].ask("CLUSTER", "MYID")
            follow = partial(replica.ask, "CLUSTER", "REPLICATE", own)
            _wait(f"{replica} knows the node that it is to follow", follow)
        self.wait_ready()


class _Row(NamedTuple):
    """What a node knows of a node."""

    address: str
    flags: set[str]
    primary: str
    slots: list[tuple[int, int]]

    def serves(self, slot: int) -> bool:
        return any(first <= slot <= last for first, last in self.slots)


def _table(node: Standalone) -> list[_Row]:
    rows = []
    for line in node.ask("CLUSTER", "NODES").splitlines():
        _, address, flags, primary, _, _, _, _, *slots = line.split()
        bounds = [text.split("-") for text in slots if not text.startswith("[")]  # not those moving
        served = [(int(bound[0]), int(bound[-1])) for bound in bounds]
        rows.append(_Row(address.partition("@")[0], set(flags.split(",")), primary, served))
    return rows


def _takes_part(node: Standalone) -> bool:
    state = dict(line.split(":", 1) for line in node.ask("CLUSTER", "INFO").splitlines())
    link = node.info("replication")
    linked = link["role"] == "master" or link["master_link_status"] == "up"
    return state["cluster_state"] == "ok" and linked


class Sentinels:
    """A primary and a replica, watched by three sentinels, ready when made.

    Args:
        directory: each server has a folder in it.
        binary: None is the one of `find_server`.
        extra: more arguments of the two servers with data.
    """

    name = "mymaster"

    def __init__(
        self, directory: Path, *, binary: Path | None = None, extra: Sequence[str] = ()
    ) -> None:
        first = Standalone(binary, directory / "first", extra=extra)
        following = ("--replicaof", f"{HOST} {first.port}", *extra)
        second = Standalone(binary, directory / "second", extra=following)
        self.servers = [first, second]
        self.sentinels: list[Server] = []
        try:
            for server in self.servers:
                server.start()
            # Sentinels learn of the replica when they first ask the primary, and then every 10 s.
            _wait("the replica is linked", lambda: _linked(second) and _followed(first))
            for number in range(3):
                sentinel = self._sentinel(directory / f"sentinel{number}", first.port, binary)
                self.sentinels.append(sentinel)
                sentinel.start()
            self.wait_ready()
        except BaseException:
            self.stop()
            raise

    @property
    def url(self) -> str:
        """`redis+sentinel://`, the addresses of the sentinels, and the name that they watch."""
        addresses = (sentinel.url.partition("//")[2] for sentinel in self.sentinels)
        return f"redis+sentinel://{','.join(addresses)}/{self.name}"

    @property
    def primary(self) -> Standalone:
        """The server that the first running sentinel takes for the primary."""
        witness = next(sentinel for sentinel in self.sentinels if sentinel.running)
        _, port = witness.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.name)
        return next(server for server in self.servers if server.port == int(port))

    @property
    def replica(self) -> Standalone:
        """The other one."""
        primary = self.primary
        return next(server for server in self.servers if server is not primary)

    def wait_ready(self) -> None:
        """Return when every sentinel that runs knows both servers and all other sentinels."""
        for sentinel in self.sentinels:
            if sentinel.running:
                _wait(f"{sentinel} knows all", partial(self._knows_all, sentinel))

    def stop(self) -> None:
        """Kill all: the sentinels first, or they would try to help."""
        for server in (*self.sentinels, *self.servers):
            server.kill9()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _sentinel(self, directory: Path, primary_port: int, binary: Path | None) -> Server:
        port = free_port()
        directory.mkdir(parents=True, exist_ok=True)
        configuration = directory / "sentinel.conf"  # the sentinel keeps its state in it
        configuration.write_text(
            f"port {port}\nbind {HOST}\n"
            f"sentinel monitor {self.name} {HOST} {primary_port} 2\n"
            f"sentinel down-after-milliseconds {self.name} {DOWN_AFTER_MS}\n"
            f"sentinel failover-timeout {self.name} 5000\n"
        )
        command = (binary or find_server(), configuration, "--sentinel")
        return Server(command, directory, url=f"redis://{HOST}:{port}")

    def _knows_all(self, sentinel: Server) -> bool:
        answer = sentinel.ask("SENTINEL", "MASTER", self.name)
        if isinstance(answer, list):
            answer = dict(zip(answer[::2], answer[1::2], strict=True))
        known = [answer[key] for key in ("num-slaves", "num-other-sentinels", "flags")]
        return [str(value) for value in known] == ["1", str(len(self.sentinels) - 1), "master"]


def _wait(what: str, predicate: Callable[[], object]) -> None:
    wait_until(predicate, what, timeout=READY_SECONDS, ignore=NOT_YET)


def _linked(replica: Server) -> bool:
    return replica.info("replication")["master_link_status"] == "up"


def _followed(primary: Server) -> bool:
    return primary.info("replication").get("slave0", "").count("state=online") == 1
