"""A failover that forgets on purpose: the replica hears nothing more, and then takes over."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from sessionstore import SessionStore
from tests.faults.checks import BUCKETS
from tests.support.servers import NOT_YET, Cluster, Sentinels
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.servers import Standalone

__all__ = ["KINDS", "Pair", "deployed"]

KINDS = ("sentinel", "cluster")


class Pair(NamedTuple):
    """A primary, and the replica that will follow it."""

    url: str
    primary: Standalone
    replica: Standalone

    def cut(self) -> None:
        """Let the replica lose its link, and not get it back."""
        self.replica.ask("CONFIG", "SET", "masteruser", "nobody")
        self.replica.ask("CONFIG", "SET", "masterauth", "wrong")
        self.primary.ask("CLIENT", "KILL", "TYPE", "REPLICA")
        wait_until(lambda: self._link() == "down", "the link is down")

    def fail_over(self) -> None:
        """Kill the primary; return when the replica has taken over.

        Sentinels cut all connections of a server that they promote.
        """
        assert self._link() == "down"
        self.primary.kill9()
        wait_until(
            lambda: self.replica.info("replication")["role"] == "master",
            "the replica takes over",
            timeout=20,
            ignore=NOT_YET,
        )

    def in_step(self) -> None:
        """Wait until the replica has all that the primary has."""
        wait_until(
            lambda: self._offset(self.primary) == self._offset(self.replica), "it is in step"
        )

    def _link(self) -> str:
        return self.replica.info("replication")["master_link_status"]

    @staticmethod
    def _offset(server: Standalone) -> str:
        return server.info("replication")["master_repl_offset"]


@contextmanager
def deployed(kind: str, directory: Path, owner: str, prefix: str) -> Iterator[Pair]:
    """Start a deployment; the pair is the one that keeps the sessions of an owner."""
    if kind == "sentinel":
        with Sentinels(directory) as sentinels:
            yield Pair(sentinels.url, sentinels.primary, sentinels.replica)
        return
    with Cluster(directory) as cluster:
        with SessionStore.connect(cluster.url, prefix=prefix, buckets=BUCKETS) as store:
            key = store._calls.keys.named("any", owner).session
        primary = cluster.primary_of(int(cluster.nodes[0].ask("CLUSTER", "KEYSLOT", key)))
        yield Pair(cluster.url, primary, cluster.replicas_of(primary)[0])
