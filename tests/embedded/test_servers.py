"""The servers that tests start are real, fail over, and leave no process behind."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import redis
from redis.cluster import ClusterNode, RedisCluster
from redis.sentinel import Sentinel

from sessionstore.embedded import _process
from tests.support.servers import Cluster, Sentinels, Server, Standalone, free_port, redis7
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from pathlib import Path

BINARIES = [
    pytest.param(None, id="embedded"),
    pytest.param(
        redis7(), id="redis7", marks=pytest.mark.skipif(not redis7(), reason="no Redis 7.0 here")
    ),
]


def ended(pid: int) -> bool:
    return _process.birth(pid) is None


@pytest.mark.parametrize("binary", BINARIES)
@pytest.mark.parametrize("unix", [True, False])
def test_a_server_keeps_its_place_and_data_over_kill_and_restart(
    tmp_path: Path, binary: Path | None, unix: bool
) -> None:
    with Standalone(binary, tmp_path / "s", unix=unix) as server:
        assert server.ask("SET", "key", "value") == "OK"
        first = server.pid
        server.kill9()
        assert ended(first)
        server.start()
        assert server.ask("GET", "key") == "value"
        server.restart()
        assert server.ask("GET", "key") == "value"
        last = server.pid
    assert ended(last)


def test_a_server_takes_options_and_can_keep_nothing(tmp_path: Path) -> None:
    extra = ("--hz", "50")
    with Standalone(None, tmp_path, appendonly=False, maxmemory="64mb", extra=extra) as server:
        assert server.info("memory")["maxmemory"] == str(64 << 20)
        assert server.info("server")["configured_hz"] == "50"
        server.ask("SET", "key", "value")
        server.restart()
        assert server.ask("GET", "key") is None


def test_a_paused_server_answers_nothing_until_it_goes_on(tmp_path: Path) -> None:
    with Standalone(None, tmp_path) as server:
        server.pause()
        with contextlib.closing(redis.Redis.from_url(server.url, socket_timeout=0.1)) as client:
            with pytest.raises(redis.TimeoutError):
                client.ping()
            server.resume()
            assert wait_until(client.ping, "it answers again", ignore=(redis.RedisError,))


def test_a_server_that_does_not_start_shows_its_log(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="no-such-option"):
        Standalone(None, tmp_path, extra=("--no-such-option", "1")).start()


def test_ports_are_free_and_given_once() -> None:
    ports = [free_port() for _ in range(50)]
    assert len(set(ports)) == len(ports)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_servers_end_with_a_test_process_that_is_killed(tmp_path: Path) -> None:
    code = (
        "import pathlib, sys\nfrom tests.support.servers import Standalone\n"
        "server = Standalone(None, pathlib.Path(sys.argv[1])).start()\n"
        "print(server.pid, flush=True)\nsys.stdin.read()"
    )
    tests = subprocess.Popen(
        (sys.executable, "-c", code, tmp_path),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with tests:
        assert tests.stdout is not None
        pid = int(tests.stdout.readline())
        assert not ended(pid)
        tests.kill()
    wait_until(lambda: ended(pid), "the server ends with it")


@pytest.mark.slow
@pytest.mark.parametrize("binary", BINARIES)
def test_a_cluster_serves_fails_over_and_leaves_nothing(
    tmp_path: Path, binary: Path | None
) -> None:
    with Cluster(tmp_path, binary=binary) as cluster:
        pids = [node.pid for node in cluster.nodes]
        addresses = cluster.url.removeprefix("redis+cluster://").split(",")
        nodes = [ClusterNode(*address.split(":")) for address in addresses]
        with contextlib.closing(RedisCluster(startup_nodes=nodes, decode_responses=True)) as client:
            for number in range(20):
                assert client.set(f"key{number}", number)
                assert client.get(f"key{number}") == str(number)
        assert {cluster.primary_of(slot) for slot in (0, 8000, 16383)} == set(cluster.nodes[:3])

        primary = cluster.primary_of(0)
        (replica,) = cluster.replicas_of(primary)
        cluster.kill(primary)
        wait_until(
            lambda: cluster.primary_of(0) is replica, "the replica takes over", ignore=(KeyError,)
        )
        cluster.wait_ready()
        primary.start()
        wait_until(lambda: cluster.replicas_of(replica) == [primary], "the old one follows")
    assert all(map(ended, pids))


@pytest.mark.slow
@pytest.mark.parametrize("binary", BINARIES)
def test_sentinels_name_the_primary_fail_over_and_leave_nothing(
    tmp_path: Path, binary: Path | None
) -> None:
    with Sentinels(tmp_path, binary=binary) as sentinels:
        servers: list[Server] = [*sentinels.sentinels, *sentinels.servers]
        pids = [server.pid for server in servers]
        addresses = sentinels.url.removeprefix("redis+sentinel://").partition("/")[0].split(",")
        pairs = [(host, int(port)) for host, port in (item.split(":") for item in addresses)]
        watch = Sentinel(pairs, decode_responses=True)
        with contextlib.closing(watch.master_for(sentinels.name)) as client:
            assert client.set("key", "value")
            assert client.get("key") == "value"

        primary, replica = sentinels.primary, sentinels.replica
        primary.kill9()
        wait_until(lambda: sentinels.primary is replica, "the replica takes over")
        primary.start()
        sentinels.wait_ready()
        for sentinel in watch.sentinels:
            sentinel.close()
    assert all(map(ended, pids))
