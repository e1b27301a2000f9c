"""What workers declare of their jobs, for callers who know nothing but the names of these."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from sessionstore._core.jobs.jobs import Fields
from sessionstore._core.keys import Keyspace
from sessionstore._core.operation import Operation
from sessionstore._core.scripts import load

__all__ = ["declare", "find"]

DECLARE_JOB, FIND_DECLARED = map(load, ("declare_job", "find_declared"))


def declare(keys: Keyspace, name: str, fields: Fields) -> Operation[None]:
    """Write down the fields that jobs of a name are submitted with; it holds for 30 days."""
    given = tuple(chain.from_iterable(fields.items()))
    return Operation(DECLARE_JOB, (_key(keys, name),), given, lambda _: None)


def find(keys: Keyspace, name: str) -> Operation[Fields]:
    """Read the fields that jobs of a name are submitted with; none if no worker has declared it."""

    def parse(reply: Sequence[bytes]) -> Fields:
        given = [part.decode() for part in reply]
        return dict(zip(given[::2], given[1::2], strict=True))

    return Operation(FIND_DECLARED, (_key(keys, name),), (), parse)


def _key(keys: Keyspace, name: str) -> str:
    return f"{keys.store}j:{name}"
