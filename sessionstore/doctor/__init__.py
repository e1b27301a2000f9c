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
from sessionstore._shell.connecting import located
from sessionstore.doctor._finding import Finding, Verdict, unchecked
from sessionstore.doctor._index import MISSING, check_buckets, check_index, check_parameters
from sessionstore.doctor._jobs import check_jobs
from sessionstore.doctor._server import check_node, check_together
from sessionstore.errors import SessionStoreError, StoreNotFound, StoreUnavailable

__all__ = ["Finding", "Verdict", "examine", "forget", "memory_used"]

_BUFFERS = (
    "mem_clients_normal",
    "mem_total_replication_buffers",
    "mem_aof_buffer",
    "mem_cluster_links",
)


def examine(url: str, *, prefix: str = "ss") -> list[Finding]:
    """Look at a deployment and at the store with that prefix.

    Nothing is made, neither a store nor an embedded server; that there is none is a finding.
    Raises ConfigError for a bad URL, StoreUnavailable if the server cannot be reached.
    """
    try:
        with _driver(url, create=False) as driver:
            return _findings(driver, prefix)
    except StoreNotFound as missing:
        return [Finding("store", Verdict.CHANGE, str(missing).partition(";")[0], MISSING)]


def _findings(driver: Driver, prefix: str) -> list[Finding]:
    # Raises if the server is not there. PING would do so too if the disk is full.
    names = driver.ask_each("TIME")
    nodes = _sections(driver)
    settings = _answers(driver, "CONFIG GET", "*")
    findings: list[Finding] = []
    for name in names:
        told = nodes.get(name), settings.get(name), _refusal(driver, name)
        findings += check_node(name, *told)
    findings += check_together(
        _answers(driver, "CLUSTER INFO") if nodes and _clustered(nodes) else {},
        settings,
        names,
    )
    if any(found.verdict is Verdict.CHANGE and found.check == "version" for found in findings):
        return findings  # too old to ask it anything about the store
    try:
        keys, found = check_buckets(driver, prefix, primaries=len(names))
        findings.append(found)
        if keys is not None:
            findings.append(check_parameters(driver, keys))
            findings.append(check_index(driver, keys))
            findings.append(check_jobs(driver, keys))
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
                int(told["used_memory"]) - sum(int(told.get(name, 0)) for name in _BUFFERS)
                for told in answers.values()
            )
        except (SessionStoreError, KeyError, ValueError):
            return None


def forget(url: str, *, prefix: str, buckets: int = 256) -> None:
    """Remove what is left of a store that was made for a while, once its sessions have ended."""
    with _driver(url) as driver:
        driver.run(forget_all(Keyspace(prefix, buckets)))


@contextmanager
def _driver(url: str, *, create: bool = True) -> Iterator[Driver]:
    place, revive = located(url, create=create)
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


def _refusal(driver: Driver, name: str) -> str:
    """Return why a server takes no changes, which is what it answers to PING; empty: it does."""
    try:
        driver.ask_each("PING", only=name)
    except StoreUnavailable as error:
        return str(error)
    except SessionStoreError:
        pass  # who may not ask does not know
    return ""


def _answers(driver: Driver, *command: str) -> dict[str, Any]:
    try:
        return driver.ask_each(*command)
    except SessionStoreError:
        return {}


def _clustered(nodes: dict[str, dict[str, Any]]) -> bool:
    return any(told.get("cluster_enabled") in (1, "1") for told in nodes.values())
