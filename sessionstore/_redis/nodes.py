"""Which server an operation goes to, and the connections to each of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

from redis.exceptions import AskError, RedisClusterException

from sessionstore._core.operation import Operation
from sessionstore._redis.connect import Deployment
from sessionstore.errors import StoreClosed

__all__ = ["Nodes"]

C = TypeVar("C")


class Nodes(Generic[C]):
    """The servers of a deployment, by place, each with connections that only this one uses.

    A place is `host:port` of a shard. A single server, which is also the primary that sentinels
    name, has no other beside it, and its place is the empty text.
    """

    def __init__(
        self,
        deployment: Deployment,
        connections: Callable[[Callable[[], Any], int], C],
        connect: Callable[[Any], Any],
        limit: int | None = None,
    ) -> None:
        self._deployment = deployment
        self._connections = connections
        self._connect = connect
        self._limit = limit
        self._by_place: dict[str, C] = {}
        self._closed = False
        self._only = None if deployment.clustered else self.at("")

    def place(self, key: str) -> str:
        """Return where a key is, as far as is known; the empty text if that is not known."""
        if self._only is not None:
            return ""
        try:
            name: str = self._deployment.client.get_node_from_key(key).name
        except RedisClusterException:
            return ""
        return name

    def parts(self, operations: Sequence[Operation[Any]]) -> list[list[int]]:
        """Return which of the operations go together, because their keys are at one place."""
        by_place: dict[str, list[int]] = {}
        for at, operation in enumerate(operations):
            by_place.setdefault(self.place(operation.keys[0]), []).append(at)
        return list(by_place.values())

    def of(self, key: str) -> C:
        """Return the connections to the server that has a key; StoreClosed."""
        return self.at(self.place(key)) if self._only is None else self._only

    def at(self, place: str) -> C:
        """Return the connections to the server at a place; StoreClosed."""
        found = self._by_place.get(place)
        return self._new(place) if found is None else found

    def after(self, redirection: AskError) -> C:
        """Return the connections to the server that another one pointed to."""
        return self.at(f"{redirection.host}:{redirection.port}")

    def close(self) -> list[C]:
        """Return the connections to all servers, to be closed; there are no more after that."""
        self._closed = True
        return list(self._by_place.values())

    def _new(self, place: str) -> C:
        if self._deployment.clustered and not place:
            raise RedisClusterException("no server is known that has the slot")
        source = self._deployment.source(place)
        made = self._connections(
            partial(self._connect, source), self._limit or source.max_connections
        )
        found = self._by_place.setdefault(place, made)
        if self._closed:  # looked at last: it may have been closed meanwhile
            self._by_place.clear()
            raise StoreClosed
        return found
