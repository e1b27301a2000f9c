"""The limits of a simulation, which may change while it is played: what holds, and that it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessionstore import Parameters
from sessionstore._core import buckets

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from sessionstore._core.keys import Keyspace
    from sessionstore._core.operation import Operation

__all__ = ["CHANGES", "CHANGING", "LIMITS", "InForce"]

LIMITS: tuple[dict[str, Any], ...] = (
    {}, {}, {"max_per_owner": 1}, {"max_private": 3}, {"max_private": 3, "at_limit": "evict"},
    {"max_per_owner": 2}, {"max_per_owner": 2, "at_limit": "evict"}, {"max_private": 2},
)  # fmt: skip
CHANGING = len(LIMITS) - 1
"""The scene whose limits are changed while it is played."""

CHANGES: tuple[dict[str, Any], ...] = (
    *({"max_private": value} for value in (None, 1, 2, 3, 5)),
    *({"max_per_owner": value} for value in (None, 1, 3)),
    {"at_limit": "evict"}, {"at_limit": "refuse"},
    {"max_private": 2, "max_per_owner": 2}, {"max_private": None, "at_limit": "refuse"},
)  # fmt: skip

COUNTED = ("ann", "bob")


class InForce:
    """What must hold at this moment, as far as anybody was told."""

    def __init__(self, limits: Mapping[str, Any]) -> None:
        self._begun = 0
        self._running = 0
        self._limits: Parameters | None = Parameters(**limits)
        self._were: dict[str, int] | None = {}
        """How many there were when the limits came into force: they may be more than those."""

    def noting(self, flow: Generator[Any, Any, Parameters]) -> Generator[Any, Any, None]:
        """Play a flow that sets or asks for parameters, and note what is in force at its end.

        That is known if nobody else has begun to set any since it began, or is about to.
        """
        self._begun += 1
        mine = self._begun
        self._running += 1
        self._limits, self._were = None, None
        try:
            found = yield from flow
        finally:
            self._running -= 1
        if mine == self._begun and not self._running:
            self._limits = found

    @property
    def is_new(self) -> bool:
        """Whether limits have come into force, and it is not known what there was before."""
        return self._limits is not None and self._were is None

    def begins(self, alive: dict[str, int]) -> None:
        """Note how many there are as the limits come into force."""
        self._were = alive

    def counts(self, keys: Keyspace) -> dict[str, list[Operation[buckets.Counted]]]:
        """Return what to count: of each owner who is limited, and of all."""
        asked = {}
        if self._limits is not None and self._limits.max_per_owner is not None:
            for owner in COUNTED:
                asked[owner] = [buckets.count(keys.bucket_of(owner), owner, alone=False)]
        if self._limits is not None and self._limits.max_private is not None:
            asked["all"] = [buckets.count(bucket, "", alone=False) for bucket in keys.buckets]
        return asked

    def most(self, whose: str) -> int:
        """Return how many there may be."""
        assert self._limits is not None
        assert self._were is not None
        all_of_them = whose == "all"
        limit = self._limits.max_private if all_of_them else self._limits.max_per_owner
        assert limit is not None
        return max(limit, self._were.get(whose, 0))
