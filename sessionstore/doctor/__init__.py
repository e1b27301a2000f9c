"""Is a deployment fit to hold sessions? What to change, and why.

`examine` looks at the server (or at every primary of a cluster) and at the store in it, and changes
nothing. A server that denies INFO or CONFIG is fine; what could not be looked at is said so.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sessionstore._core.inspection import forget_all
from sessionstore._core.keys import Keyspace
from sessionstore._redis.connect import connect
from sessionstore._redis.sync import Driver
from sessionstore.connecting import located
from sessionstore.doctor.finding import Finding, Verdict, unchecked
from sessionstore.doctor.index import check_buckets, check_index, check_parameters
from sessionstore.doctor.server import check_node, check_together
from sessionstore.errors import SessionStoreError

__all__ = ["Finding", "Verdict", "examine", "forget", "memory_used"]

BUFFERS = (
    "mem_clients_normal",
    "mem_total_replication_buffers",
    "mem_aof_buffer",
    "mem_cluster_links",
)


def examine(url: str, *, prefix: str = "ss") -> list[Finding]:
    """Look at a deployment and at the store with that prefix.

    Raises ConfigError for a bad URL, StoreUnavailable if the server cannot be reached.
    """
    with _driver(url) as driver:
        driver.ask_each("PING")
        nodes = _sections(driver)
        settings = _answers(driver, "CONFIG GET", "*")
        findings: list[Finding] = []
        for name in nodes or settings or {"": {}}:
            findings += check_node(name, nodes.get(name), settings.get(name))
        findings += check_together(
            _answers(driver, "CLUSTER INFO") if nodes and _clustered(nodes) else {},
            settings,
            _answers(driver, "TIME"),
        )
        if any(found.verdict is Verdict.CHANGE and found.check == "version" for found in findings):
            return findings  # too old to ask it anything about the store
        try:
            keys, found = check_buckets(driver, prefix, primaries=max(1, len(nodes)))
            findings.append(found)
            if keys is not None:
                findings.append(check_parameters(driver, keys))
                findings.append(check_index(driver, keys))
        except SessionStoreError as error:
            findings.append(unchecked("index", error))
        return findings


def memory_used(url: str) -> int | None:
    """Return how many bytes the data of all primaries takes; None if the server does not say.

    Buffers of connections and replicas are left out: they come and go with those.
    """
    with _driver(url) as driver:
        try:
            answers = driver.ask_each("INFO", "memory")
            return sum(
                int(told["used_memory"]) - sum(int(told.get(name, 0)) for name in BUFFERS)
                for told in answers.values()
            )
        except (SessionStoreError, KeyError, ValueError):
            return None


def forget(url: str, *, prefix: str, buckets: int = 256) -> None:
    """Remove what is left of a store that was made for a while, once its sessions have ended."""
    with _driver(url) as driver:
        driver.run(forget_all(Keyspace(prefix, buckets)))


@contextmanager
def _driver(url: str) -> Iterator[Driver]:
    place, revive = located(url)
    driver = Driver(connect(place), revive)
    try:
        yield driver
    finally:
        driver.close()


def _sections(driver: Driver) -> dict[str, dict[str, Any]]:
    """Return what INFO tells of every node; empty if it is denied."""
    nodes: dict[str, dict[str, Any]] = {}
    for section in ("server", "memory", "persistence", "replication", "cluster"):
        for name, told in _answers(driver, "INFO", section).items():
            nodes.setdefault(name, {}).update(told)
    return nodes


def _answers(driver: Driver, *command: str) -> dict[str, Any]:
    try:
        return driver.ask_each(*command)
    except SessionStoreError:
        return {}


def _clustered(nodes: dict[str, dict[str, Any]]) -> bool:
    return any(told.get("cluster_enabled") in (1, "1") for told in nodes.values())
