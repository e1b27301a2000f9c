"""Orders: jobs as their caller has asked for them, and as their engine wants them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from sessionstore._checks import check_id
from sessionstore._core.jobs import declaring
from sessionstore._core.jobs.jobs import Fields, Given
from sessionstore._core.jobs.keys import queue
from sessionstore._core.jobs.submitting import Order
from sessionstore._core.keys import Keyspace
from sessionstore._core.operation import Flow
from sessionstore.data import encode
from sessionstore.errors import ConfigError, JobRefused
from sessionstore.jobs._options import fields_of
from sessionstore.jobs.engine import find_definition

__all__ = ["Declarations", "asked", "each_of", "ordered", "together"]

MAX_PARAMETERS = 256 << 10
"""Bytes of the parameters of jobs that are submitted together; what is larger is a file."""

MAX_TOGETHER = 100
MAX_KNOWN = 10_000
HOLDS = 60
"""Seconds that a process believes what a worker has declared of its jobs."""

MISSING_HOLDS = 1


def asked(
    keys: Keyspace,
    name: str,
    parameters: Sequence[Mapping[str, Any]],
    into: str | None,
    options: Mapping[str, Any],
) -> Given:
    """Return what the caller has given of jobs, one for each mapping of parameters."""
    check_id(name, "the name of a job")
    definition = find_definition(name)
    bodies = []
    for one in parameters:
        if definition is not None:
            definition.check(one)
        bodies.append(encode(one, "parameters"))
    if (size := sum(map(len, bodies))) > MAX_PARAMETERS:
        what = "its parameters have" if len(bodies) == 1 else "their parameters have"
        why = f"{what} {size} bytes, of {MAX_PARAMETERS}; give it a file"
        raise JobRefused("size", value=MAX_PARAMETERS, why=why)
    where: Fields = {} if into is None else {"q": queue(keys, into).name}
    return Given(bodies, {"n": name, **where, **fields_of(**options)})


def ordered(keys: Keyspace, given: Given, declared: Fields, files: Mapping[str, bytes]) -> Order:
    """Return the order for jobs; what the caller has not given is as their engine declares it."""
    fields = {"q": "default", **declared, **given.fields}
    place = queue(keys, str(fields["q"]))
    head_start, delay = int(fields.get("e", 0)), int(fields.get("d", 0))
    return Order(place.name, given._replace(fields=fields), head_start, delay, files)


def together(parameters: Mapping[str, Any] | None, more: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a job, given as a mapping or as keywords."""
    if parameters is None:
        return dict(more)
    kind = type(parameters)
    if not issubclass(kind, Mapping):
        raise ConfigError(f"parameters are a mapping of names to values, not {kind.__name__}")
    if more:
        names = ", ".join(sorted(more))
        raise ConfigError(f"give all parameters as a mapping, or all as keywords ({names})")
    if not all(isinstance(name, str) for name in parameters):
        raise ConfigError("the names of parameters are strings")
    return dict(parameters)


def each_of(parameters: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the parameters of jobs that are submitted together."""
    kind = type(parameters)
    if issubclass(kind, (str, bytes, Mapping)) or not issubclass(kind, Iterable):
        raise ConfigError(f"parameters are a mapping for each job, not {kind.__name__}")
    found = list(islice(parameters, MAX_TOGETHER + 1))
    if len(found) > MAX_TOGETHER:
        why = f"they are more than {MAX_TOGETHER}; submit a hundred at a time"
        raise JobRefused("size", value=MAX_TOGETHER, why=why)
    if any(one is None for one in found):
        raise ConfigError("parameters are a mapping for each job, not None")
    return [together(one, {}) for one in found]


class Declarations:
    """What engines say of their jobs: those of this process, and those that workers declare."""

    def __init__(self, keys: Keyspace) -> None:
        self._keys = keys
        self._found: dict[str, tuple[float, Fields]] = {}
        """By the name of a job, and until when that is believed."""

    def find(self, name: str) -> Flow[Fields]:
        """Return the fields that jobs of a name are submitted with."""
        definition = find_definition(name)
        if definition is not None:
            return definition.declared
        now = time.monotonic()
        until, fields = self._found.get(name, (0.0, {}))
        if now >= until:
            fields = yield from declaring.find(self._keys, name)
            if len(self._found) >= MAX_KNOWN:
                self._found.clear()
            self._found[name] = now + (HOLDS if fields else MISSING_HOLDS), fields
        return fields
