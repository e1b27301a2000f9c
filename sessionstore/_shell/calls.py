"""From what a caller says to the flow that does it: who is acting, whose session is meant, units.

The one class here is what the two stores share; it does no I/O.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from itertools import count, islice
from typing import Any, Literal, NamedTuple, get_args

from sessionstore._checks import (
    check_label,
    check_owner,
    check_pattern,
    check_reason,
    exactly,
    milliseconds,
    optional_milliseconds,
    truth,
    whole_number,
)
from sessionstore._core import flows, listing, parameters, store
from sessionstore._core.buckets import Row
from sessionstore._core.events import EventPager
from sessionstore._core.fetching import Fetching
from sessionstore._core.keys import PUBLIC, Home, Keyspace
from sessionstore._core.listing import ListPager
from sessionstore._core.operation import Flow
from sessionstore._core.records import Opened, Reading
from sessionstore._core.sessions import ANY, ANYBODY, Scope, field_of
from sessionstore._core.sweeping import sweep
from sessionstore._shell.attributes import SessionInfo, wants_all
from sessionstore.config import Duration, Parameters
from sessionstore.data._graph import written
from sessionstore.errors import ConfigError, NotPermitted, SessionNotFound

__all__ = [
    "AT_CREATE",
    "Calls",
    "How",
    "Mode",
    "Opening",
    "Undecodable",
    "attribute_name",
    "matches",
]

HOST = socket.gethostname() or "unknown"


Mode = Literal["exclusive", "read", "shared"]
MODES = get_args(Mode)
Undecodable = Literal["error", "set aside"]
UNDECODABLE = get_args(Undecodable)

MAX_FIELDS = 10_000

REASONS = ("deleted", "timed out", "lifetime", "evicted", "moved")
"""Why sessions end by themselves, or by `delete`; nobody else may say so."""


class How(NamedTuple):
    """How a session is opened."""

    mode: Mode
    fields: tuple[str, ...] | None
    """Which attributes are loaded; None: all."""

    lease_ms: int | None
    """How long the lease is; None: as the store says."""


AT_CREATE = How("exclusive", None, None)
"""How a session is opened by its create."""


class Opening(NamedTuple):
    """The flow that opens a session, and what the session must know of how."""

    flow: Flow[Opened | Reading]
    how: How


class Calls:
    """Makes flows of what is asked for, by a user or by the trusted application itself."""

    def __init__(
        self,
        keys: Keyspace,
        user: str | None = None,
        privileged: bool = False,
        label: str | None = None,
        undecodable: Undecodable = "error",
    ) -> None:
        if user is not None and check_owner(user) in ("", PUBLIC):
            raise ConfigError(f"a user is somebody, not {user!r}")
        self._swept = count()
        self._fetching = Fetching()
        self._label = label if label is None else check_label(label)
        if undecodable not in UNDECODABLE:
            raise ConfigError(f"undecodable is one of {', '.join(UNDECODABLE)}")
        self.undecodable = undecodable
        self.keys = keys
        self._own = "" if user is None else exactly(user)
        self.limited_to = "" if truth(privileged, "privileged") else self._own

    def acting(self, user: str, privileged: bool, label: str | None) -> Calls:
        """Return the same for a user; who is not privileged may have its own label, and no more.

        The user must be somebody: None is not the application.
        """
        user = check_owner(user)
        if privileged or user != self.limited_to:
            self.check_privileged("act for others")
        return Calls(self.keys, user, privileged, label, self.undecodable)

    @property
    def set_aside(self) -> bool:
        """Whether an attribute that cannot be decoded is set aside, instead of an error."""
        return self.undecodable == "set aside"

    @property
    def label(self) -> str:
        """Who opens sessions from here, as others see it: host and process, if nothing else."""
        return self._label or f"{HOST}:{os.getpid()}"

    def create(
        self,
        id: str | None,
        owner: str | None,
        *,
        timeout: Duration | None = None,
        lifetime: Duration | None = None,
        data: Mapping[str, Any] | None = None,
        opened: bool,
    ) -> Flow[Opened]:
        """Return the flow that makes a session, for a checked owner and home."""
        home, owner = self._new_home(id, owner)
        lifetime_ms = optional_milliseconds(lifetime, "lifetime")
        if lifetime_ms == 0:
            raise ConfigError("lifetime must be longer than 0")
        if data is not None and not isinstance(data, Mapping):
            raise ConfigError(f"data is a mapping of names to values, not {type(data).__name__}")
        return flows.create(
            self.keys,
            home,
            self.label,
            owner,
            timeout_ms=optional_milliseconds(timeout, "timeout"),
            lifetime_ms=lifetime_ms,
            opened=truth(opened, "open"),
            written=written(
                {field_of(attribute_name(name)): (name, value) for name, value in data.items()}
                if data
                else {}
            ),
        )

    def open(
        self,
        id: str,
        owner: str | None,
        *,
        wait: Duration | None = None,
        mode: Mode = "exclusive",
        lease: Duration | None = None,
        fields: Iterable[str] | None = None,
    ) -> Opening:
        """Return how to open a session; in every mode but `exclusive` that is reading it."""
        if mode not in MODES:
            raise ConfigError(f"mode is one of {', '.join(MODES)}, not {mode!r}")
        home, scope = self.find(id, owner)
        lease_ms = optional_milliseconds(lease, "lease")
        if lease_ms == 0:
            raise ConfigError("lease must be longer than 0")
        wait_ms = optional_milliseconds(wait, "wait")
        fields = None if fields is None else attribute_names(fields)
        how = How(mode, fields, lease_ms)
        if mode == "read":
            return Opening(flows.visit(self.keys, home, scope, fields, wants_all), how)
        if mode == "shared":
            return Opening(flows.read(self.keys, home, scope, fields, wants_all), how)
        flow = flows.open_session(
            self.keys, home, self.label, scope,
            lease_ms=lease_ms, wait_ms=wait_ms, fields=fields, wants_all=wants_all,
            fetching=self._fetching,
        )  # fmt: skip
        return Opening(flow, how)

    def read(self, id: str, owner: str | None) -> Flow[Reading]:
        """Return the flow that reads a session."""
        return flows.read(self.keys, *self.find(id, owner), None)

    def touch(self, id: str, owner: str | None) -> Flow[None]:
        """Return the flow that counts this moment as activity."""
        return flows.touch(self.keys, *self.find(id, owner))

    def delete(self, id: str, owner: str | None, *, wait: Duration) -> Flow[bool]:
        """Return the flow that ends a session."""
        home, scope = self.find(id, owner)
        return flows.delete(self.keys, home, self.label, scope, wait_ms=milliseconds(wait, "wait"))

    def end_all(self, owner: str, *, keep: str | None, reason: str) -> Flow[int]:
        """Return the flow that ends the sessions of an owner."""
        if owner == "":
            raise ConfigError("end_all is for somebody's sessions; anonymous ones are nobody's")
        owner, reason = check_owner(owner), check_reason(reason)
        self._check_may(owner, "end all sessions of another owner")
        if reason in REASONS:
            raise ConfigError(f"reason {reason!r} is one of the store's own; say it in other words")
        kept = None if keep is None else self.keys.find(keep, owner).sid
        return store.end_all(self.keys, owner, kept, reason)

    def count(self, owner: str | None) -> Flow[int]:
        """Return the flow that counts sessions the acting user may count."""
        owner = self._own if owner is None and self.limited_to else owner
        if owner is not None:
            owner = check_owner(owner)
            self._check_may(owner, "count the sessions of another owner")
        return listing.count(self.keys, owner)

    def listing(self, owner: str | None, pattern: str = "*") -> ListPager:
        """Return a pager over the sessions that the acting user asks for and may know of.

        What is `chosen` of them fits the pattern, which is only checked here.
        """
        mine = self.limited_to
        check_pattern(pattern)
        if owner is not None:
            owner = check_owner(owner)
        if owner is None and mine:
            places = listing.places_of(self.keys, mine) + listing.places_of(self.keys, PUBLIC)
        elif mine and owner not in (mine, PUBLIC):
            places = []
        else:
            places = listing.places_of(self.keys, owner)
        return ListPager(self.keys, places, mine)

    def chosen(self, row: Row, owner: str | None, pattern: str) -> SessionInfo | None:
        """Return a line of a listing, if it is one that was asked for."""
        if owner is not None and row.facts.owner != owner:
            return None
        home = self.keys.home(row.sid)
        return SessionInfo.of(row, home) if matches(home.id, pattern) else None

    def events(self, since: str | None) -> EventPager:
        """Return a pager over the events that the acting user may know of."""
        return EventPager(self.keys, since, self.limited_to)

    def sweep(self, buckets: int | None) -> Flow[int]:
        """Return the flow that ends what is due: everywhere, or in the buckets that are next."""
        self.check_privileged("sweep the store")
        every = self.keys.buckets
        if buckets is None:
            return sweep(self.keys, every)
        buckets = whole_number(buckets, "buckets", least=1)
        first = next(self._swept)
        some = [
            every[(first * buckets + at) % len(every)] for at in range(min(buckets, len(every)))
        ]
        return sweep(self.keys, some)

    def parameters(self) -> Flow[Parameters]:
        """Return the flow that reads the parameters."""
        return parameters.current(self.keys)

    def configure(self, changes: Mapping[str, Any]) -> Flow[Parameters]:
        """Return the flow that sets parameters."""
        self.check_privileged("change the parameters of the store")
        return parameters.configure(self.keys, parameters.as_stored(changes))

    def find(self, id: str, owner: str | None) -> tuple[Home, Scope]:
        """Return the home of the session that is meant, and what a script must check of it."""
        if owner is not None:
            owner = check_owner(owner)
        home = self.keys.find(id, self._own if owner is None else owner)
        if self.limited_to and owner not in (None, self.limited_to, PUBLIC):
            raise SessionNotFound(home.id)
        if ":" in home.sid:  # named: the SID says whose it is
            return home, ANY
        return home, Scope(ANYBODY if owner is None else owner, self.limited_to)

    def target(
        self, home: Home, owner: str, new_id: str | None, new_owner: str | None
    ) -> tuple[Home, str] | None:
        """Return where a session goes that gets another id or owner; None if it stays."""
        if new_id in (None, home.id) and new_owner in (None, owner):
            return None
        goes_to = owner if new_owner is None else check_owner(new_owner)
        if new_owner is not None:
            self._check_may(goes_to, "give a session to another owner")
        if new_id is None and ":" not in home.sid:
            return self.keys.generate(goes_to), goes_to
        return self.keys.named(home.id if new_id is None else new_id, goes_to), goes_to

    def _new_home(self, id: str | None, owner: str | None) -> tuple[Home, str]:
        owner = self._own if owner is None else check_owner(owner)
        self._check_may(owner, "create a session for another owner")
        return (self.keys.generate(owner) if id is None else self.keys.named(id, owner)), owner

    def check_privileged(self, doing: str) -> None:
        """Raise NotPermitted for a user who is not privileged."""
        if self.limited_to:
            raise NotPermitted(self.limited_to, doing=doing)

    def _check_may(self, owner: str, doing: str) -> None:
        if self.limited_to and owner not in (self.limited_to, PUBLIC):
            raise NotPermitted(self.limited_to, doing=doing)


def attribute_name(name: str) -> str:
    """Return the name of an attribute, if it is one: any text that can be stored."""
    if not isinstance(name, str):
        raise ConfigError(f"the name of an attribute is a string, not {type(name).__name__}")
    try:
        name.encode()
    except UnicodeEncodeError:
        raise ConfigError("the name of an attribute has half of a surrogate pair in it") from None
    return exactly(name)


def attribute_names(fields: Iterable[str]) -> tuple[str, ...]:
    """Return names of attributes to load, if they are: no string, and 10,000 at most."""
    if isinstance(fields, (str, bytes)) or not isinstance(fields, Iterable):
        raise ConfigError(f"fields are names of attributes, not {type(fields).__name__}")
    names = tuple(map(attribute_name, islice(fields, MAX_FIELDS + 1)))
    if len(names) > MAX_FIELDS:
        raise ConfigError(f"fields are at most {MAX_FIELDS} names; leave them out to load all")
    return names


def matches(id: str, pattern: str) -> bool:
    """Whether an id fits a pattern: `*` is any characters, `?` is one, all else is itself.

    The time that takes is bounded by the product of their lengths.
    """
    return fnmatchcase(id, pattern.replace("[", "[[]"))
