"""The doctor finds what is wrong with a server or a store, and says what to change and why."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from sessionstore.doctor import Finding, Verdict, examine
from sessionstore.doctor._server import check_node, check_together
from sessionstore.store import SessionStore
from tests.support.servers import Cluster, Standalone
from tests.support.wait import wait_until
from tests.support.worlds import run_until

GOOD_INFO = {
    "valkey_version": "9.1.2",
    "redis_version": "7.2.4",
    "aof_enabled": 1,
    "role": "master",
}
GOOD_SETTINGS = {
    "appendonly": "yes",
    "appendfsync": "everysec",
    "maxmemory-policy": "noeviction",
    "hash-max-listpack-entries": "512",
    "hash-max-listpack-value": "64",
    "min-replicas-to-write": "0",
}


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ss-") as path:
        yield Path(path)


def by_check(findings: list[Finding]) -> dict[str, Finding]:
    return {found.check: found for found in findings}


def test_the_embedded_server_is_as_it_should_be(
    ss: Callable[..., Any], cli: Callable[..., Any], url: str, prefix: str, store: SessionStore
) -> None:
    for number in range(50):
        store.create(owner=f"u{number % 3}", open=False)
    assert {found.verdict for found in examine(url, prefix=prefix)} == {Verdict.GOOD}
    said = ss("doctor")
    assert said.status == 0
    assert "256" in said.out
    assert {row["check"] for row in ss("doctor", "--json").json} == {
        *(
            "version",
            "persistence",
            "eviction",
            "listpack",
            "buckets",
            "parameters",
            "index",
            "jobs",
        )
    }


def test_an_index_that_disagrees_with_the_data_must_be_changed(
    ss: Callable[..., Any], store: SessionStore
) -> None:
    homes = [store.create(f"s{number}", owner="amy", open=False)._home for number in range(4)]
    driver: Any = store._driver
    driver.ask_each("DEL", homes[0].session)
    driver.ask_each("ZREM", homes[1].bucket.index, homes[1].sid)
    driver.ask_each("ZREM", homes[2].bucket.owned("amy"), homes[2].sid)
    said = ss("doctor", "--json")
    assert said.status == 1
    (index,) = [row for row in said.json if row["check"] == "index"]
    assert index["verdict"] == "change"
    for text in ("1 in the index without data", "1 missing in the index,", "of their owners"):
        assert text in index["found"] + ","


def test_parameters_that_differ_are_found_and_a_sweep_brings_them_together(
    ss: Callable[..., Any], store: SessionStore
) -> None:
    store.configure(max_per_owner=2, max_private=7)
    keys, driver = store._calls.keys, store._driver
    old = keys.buckets[3].parameters

    def found() -> dict[str, Any]:
        said = ss("doctor", "--json")
        (row,) = [row for row in said.json if row["check"] == "parameters"]
        assert said.status == (row["verdict"] == "change")
        return dict(row)

    assert found()["verdict"] == "good"
    run_until(driver, store._calls.configure({"max_per_owner": 3, "max_private": 8}), 1)
    row = found()
    for text in ("half done", "256 of 256 buckets have another version", "max_private"):
        assert text in row["found"]
    assert "sessionstore sweep" in row["advice"]
    store.sweep()
    assert found()["verdict"] == "good"

    driver.ask_each("HSET", old, "version", 1)
    driver.ask_each("HSET", keys.pool("private").limit, "limit", 100)
    row = found()
    assert "1 of 256 buckets have another version (such as AD)" in row["found"]
    assert "max_private is not the one in force" in row["found"]
    store.sweep()
    assert found()["verdict"] == "good"

    driver.ask_each("HSET", old, "timeout", 5)
    row = found()
    assert "1 of 256 buckets hold something else under the same version" in row["found"]
    assert "who else writes" in row["advice"]
    store.configure(linger=5)
    assert found()["verdict"] == "good"


def test_a_careless_server_is_told_what_to_change(cli: Callable[..., Any], folder: Path) -> None:
    extra = ("--maxmemory-policy", "allkeys-lru", "--hash-max-listpack-value", "8")
    with Standalone(None, folder, appendonly=False, extra=extra) as server:
        said = cli("doctor", "--url", server.url)
        found = by_check(examine(server.url))
    assert said.status == 1
    assert "appendonly yes" in " ".join(said.out.split())
    assert found["persistence"].verdict is Verdict.CHANGE
    assert found["eviction"].verdict is Verdict.CHANGE
    assert found["listpack"].verdict is Verdict.ADVICE


def test_a_server_that_denies_info_and_config_is_not_checked(folder: Path) -> None:
    with Standalone(None, folder) as server:
        SessionStore.connect(server.url).close()
        server.ask("ACL", "SETUSER", "default", "-info", "-config", "-scan")
        found = by_check(examine(server.url))
    assert found["version"].verdict is Verdict.UNCHECKED
    assert found["persistence"].verdict is Verdict.UNCHECKED
    assert found["buckets"].verdict is Verdict.GOOD


@pytest.mark.slow
def test_every_primary_of_a_cluster_is_looked_at(cli: Callable[..., Any], folder: Path) -> None:
    with Cluster(folder) as cluster:
        with SessionStore.connect(cluster.url) as store:
            for number in range(30):
                store.create(owner=f"u{number}", open=False)
        found = examine(cluster.url)
        assert cli("doctor", "--url", cluster.url).status == 0
    assert len({one.node for one in found if one.check == "version"}) == 3
    named = by_check(found)
    assert "16384 of 16384" in named["cluster"].found
    assert named["cluster"].verdict is Verdict.ADVICE  # full coverage is required by default
    assert "min-replicas-to-write 1" in named["replicas"].advice
    assert named["clocks"].verdict is Verdict.GOOD
    assert named["index"].found.startswith("60 ")


@pytest.mark.parametrize(
    ("info", "verdict"),
    [
        ({"redis_version": "6.2.14"}, Verdict.CHANGE),
        ({"redis_version": "7.0.15"}, Verdict.ADVICE),
        ({"redis_version": "7.4.1"}, Verdict.ADVICE),
        ({"redis_version": "8.6.3"}, Verdict.GOOD),
        ({"valkey_version": "7.1.9"}, Verdict.CHANGE),
        ({"valkey_version": "7.2.11"}, Verdict.ADVICE),
        ({"valkey_version": "8.1.6"}, Verdict.GOOD),
        ({"valkey_version": "9.0.2"}, Verdict.ADVICE),
        ({"valkey_version": "9.1.0"}, Verdict.GOOD),
    ],
)
def test_versions_are_judged_by_what_works_and_what_is_safe(
    info: dict[str, str], verdict: Verdict
) -> None:
    assert by_check(list(check_node("", info, {})))["version"].verdict is verdict


@pytest.mark.parametrize(
    ("info", "settings", "check", "verdict"),
    [
        ({}, {"appendfsync": "no"}, "persistence", Verdict.ADVICE),
        ({"aof_last_write_status": "err"}, {}, "persistence", Verdict.CHANGE),
        ({"maxmemory": 100, "used_memory": 90}, {}, "eviction", Verdict.ADVICE),
        ({"connected_slaves": 1}, {}, "replicas", Verdict.ADVICE),
        ({"connected_slaves": 1}, {"min-replicas-to-write": "1"}, "replicas", Verdict.GOOD),
        ({"cluster_enabled": 1}, {}, "replicas", Verdict.ADVICE),
        ({"role": "slave"}, {}, "replicas", Verdict.CHANGE),
    ],
)
def test_one_setting_off_is_one_finding(
    info: dict[str, Any], settings: dict[str, str], check: str, verdict: Verdict
) -> None:
    found = list(check_node("", GOOD_INFO | info, GOOD_SETTINGS | settings))
    bad = [one.check for one in found if one.verdict is not Verdict.GOOD]
    assert by_check(found)[check].verdict is verdict
    assert bad == ([] if verdict is Verdict.GOOD else [check])


def test_a_cluster_with_slots_that_nobody_serves_must_be_repaired() -> None:
    state = {"n": {"cluster_state": "fail", "cluster_slots_ok": "9000"}}
    found = by_check(list(check_together(state, {}, {"a": (1, 0), "b": (2, 0)})))
    assert found["cluster"].verdict is Verdict.CHANGE
    assert found["clocks"].verdict is Verdict.ADVICE


def test_a_server_that_is_down_is_one_line_and_exit_status_2(cli: Callable[..., Any]) -> None:
    said = cli("doctor", "--url", f"unix:///nowhere-{os.getpid()}/server.sock")
    assert said.status == 2
    assert "cannot be reached" in said.err


def full_disk(folder: Path) -> None:
    """Let a server that starts here find no space for what it appends."""
    data = folder / "appendonlydir"
    data.mkdir()
    (data / "appendonly.aof.1.incr.aof").symlink_to("/dev/full")


def refuses(server: Standalone) -> bool:
    with contextlib.suppress(redis.RedisError):
        server.ask("SET", "x", "y")
    with contextlib.suppress(redis.RedisError):
        return not server.ask("PING")
    return True


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is full")
def test_on_a_full_disk_the_doctor_says_so_and_looks_at_all_else(
    cli: Callable[..., Any], folder: Path
) -> None:
    full_disk(folder)
    with Standalone(None, folder, appendonly=True) as server:
        server.ask("CONFIG", "SET", "appendfsync", "everysec")
        wait_until(lambda: refuses(server), "it takes no changes")
        for denied in (False, True):
            if denied:
                server.ask("ACL", "SETUSER", "default", "-info", "-config")
            said = cli("doctor", "--json", "--url", server.url)
            assert said.status == 1
            found = {row["check"]: row for row in said.json}
            assert found["persistence"]["verdict"] == "change"
            assert "No space left" in found["persistence"]["found"]
            assert "free space" in found["persistence"]["advice"]
            assert found["store"]["verdict"] == "change"  # it is read all the same
            assert ("not checked" in found["version"]["verdict"]) == denied
        server.kill9()


def test_a_snapshot_that_cannot_be_written_is_found_too(folder: Path) -> None:
    with Standalone(None, folder / "data", appendonly=False) as server:
        SessionStore.connect(server.url).close()
        server.ask("CONFIG", "SET", "save", "3600 1")
        shutil.rmtree(folder / "data")
        server.ask("BGSAVE")
        wait_until(lambda: refuses(server), "it takes no changes")
        found = by_check(examine(server.url))
        assert found["persistence"].verdict is Verdict.CHANGE
        assert "MISCONF" in found["persistence"].found
        assert found["index"].verdict is Verdict.GOOD
        server.kill9()
