"""Where everything is: session ids, buckets and the keys of a bucket.

A session id (SID) carries its home, so that bucket and keys follow from it alone:

    BB.RRRRRRRRRRRRRRRRRRRRRR    generated: the bucket, and 132 random bits
    OWNER:NAME                   named by the caller; the bucket is that of the owner
    *:NAME   :NAME               public, anonymous; the bucket is that of the name

All keys of a bucket share the hash tag `{PREFIX:BB}` and so a cluster slot:

    {P:B}s:SID     hash    the session, or its tombstone        its deadline, and then some
    {P:B}o:OWNER   zset    sessions of an owner by deadline     the last of their deadlines
    {P:B}x         zset    all sessions of the bucket           permanent
    {P:B}e:OWNER   hash    calls that end all of an owner's     a minute
    {P:B}w:SID     list    tickets waiting for the session      half a minute
    {P:B}g:TICKET  list    the wake-up of one waiter            10 s
    {P:B}m:TICKET  string  whether a move has arrived           a day
                           that a seat is denied                an hour
    {P:B}r:TICKET  string  that a call was carried out          a minute
                           what a move has left behind          a day
    {P:B}l         zset    the last moves from here and to here half a minute
    {P:B}c         zset    tickets of the last creates          a minute
    {P:B}v:ID      any     what is kept beside a session        that of the session; half a
                           (or will be)                         minute, until a field names it
    {P:B}q         set     what ends of sessions have left      permanent, usually empty
    {P:B}ev        stream  events                               permanent, capped
    {P:B}p         hash    parameters                           permanent

    {P:store}      hash    the number of buckets, the parameters as decided  permanent
    {P:store}r:TICKET  string  that parameters were set by this call         a minute
    {P:store}j:NAME    hash    what jobs of a name are submitted with        30 days
    {P:store}t:WHAT    string  whose turn it is, such as to sweep            until the next turn
    {P:seat:POOL}  zset    seats taken, by last known activity          permanent
    {P:seat:POOL}r zset    seats whose session was not seen alive yet    permanent
    {P:seat:POOL}p hash    the limit of the pool                         permanent
    {P:seat:POOL}m hash    seats of sessions on the move, each with the  permanent, usually empty
                           other one, that of the same session

The keys of jobs and their queues are in `jobs/keys.py`.
"""

from __future__ import annotations

import os
import re
import secrets
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from sessionstore._checks import check_id, whole_number
from sessionstore._ids import GENERATED, shown
from sessionstore.errors import ConfigError

__all__ = ["PERMANENT", "PUBLIC", "Home", "Keyspace", "Pool", "names_of", "ticket"]

PUBLIC = "*"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
MAX_BUCKETS = len(LETTERS) ** 2
PERMANENT = re.compile(
    r"\{[^{}]+:(?:store|seat:\w+|[A-Za-z0-9_-]{2})\}(?:x|q|ev|p|r|m|jx|jd|)"
    r"|\{[^{}]+:q:[\w-]+\}[prdc]"
)


@dataclass(frozen=True, slots=True)
class Bucket:
    """The keys that all sessions of a bucket share."""

    name: str
    tag: str
    parameters: str
    index: str
    events: str
    ended: str

    @property
    def creates(self) -> str:
        return f"{self.tag}c"

    def owned(self, owner: str) -> str:
        return f"{self.tag}o:{owner}"

    def ending(self, owner: str) -> str:
        return f"{self.tag}e:{owner}"

    def decision(self, ticket: str) -> str:
        return f"{self.tag}m:{ticket}"


class Home:
    """A session id and the keys that follow from it."""

    __slots__ = ("bucket", "session", "sid", "waiters")

    def __init__(self, sid: str, bucket: Bucket) -> None:
        self.sid = sid
        self.bucket = bucket
        self.session = f"{bucket.tag}s:{sid}"
        self.waiters = f"{bucket.tag}w:{sid}"

    def wake(self, ticket: str) -> str:
        return f"{self.bucket.tag}g:{ticket}"

    def receipt(self, ticket: str) -> str:
        return f"{self.bucket.tag}r:{ticket}"

    def value(self, id: str) -> str:
        return f"{self.bucket.tag}v:{id}"

    @property
    def id(self) -> str:
        """The id as the caller knows it: the name, or the whole of a generated one."""
        return self.sid if ":" not in self.sid else self.sid.partition(":")[2]


@dataclass(frozen=True, slots=True)
class Pool:
    """The keys of a pool of seats, in a slot of its own."""

    name: str
    seats: str
    fresh: str
    limit: str
    moves: str


class Keyspace:
    """Makes every key of a store; `prefix` and the number of buckets are all there is to know."""

    def __init__(self, prefix: str, buckets: int) -> None:
        prefix = check_id(prefix, "prefix")
        if re.search(r"[{}:]", prefix):
            raise ConfigError(f"prefix {prefix!r} must be without braces and colons")
        buckets = whole_number(buckets, "the number of buckets", least=1, most=MAX_BUCKETS)
        self.prefix = prefix
        self.store = f"{{{prefix}:store}}"
        self.buckets = [self._bucket(_bucket_name(number)) for number in range(buckets)]
        self._by_name = {bucket.name: bucket for bucket in self.buckets}

    def _bucket(self, name: str) -> Bucket:
        tag = f"{{{self.prefix}:{name}}}"
        return Bucket(name, tag, f"{tag}p", f"{tag}x", f"{tag}ev", f"{tag}q")

    def receipt(self, ticket: str) -> str:
        return f"{self.store}r:{ticket}"

    def pool(self, name: str) -> Pool:
        tag = f"{{{self.prefix}:seat:{name}}}"
        return Pool(name, tag, f"{tag}r", f"{tag}p", f"{tag}m")

    def pools(self) -> Iterator[Pool]:
        """Return the pools of sessions themselves; others have a name of their own."""
        return map(self.pool, ("private", "public"))

    def generate(self, owner: str) -> Home:
        """Return the home of a new session with a generated id."""
        if owner in ("", PUBLIC):
            bucket = self.buckets[secrets.randbelow(len(self.buckets))]
        else:
            bucket = self.bucket_of(owner)
        return Home(f"{bucket.name}.{secrets.token_urlsafe(17)[:22]}", bucket)

    def named(self, id: str, owner: str) -> Home:
        """Return the home of a session named by the caller, new or old."""
        id = check_id(id)
        if GENERATED.fullmatch(id):
            raise ConfigError(f"id {shown(id)} looks like a generated one; choose another")
        return self._named(id, owner)

    def _named(self, id: str, owner: str) -> Home:
        bucket = self.bucket_of(id if owner in ("", PUBLIC) else owner)
        return Home(f"{names_of(owner)}{id}", bucket)

    def find(self, id: str, owner: str | None) -> Home:
        """Return the home of the session that a caller means by an id."""
        if not isinstance(id, str):
            raise ConfigError(f"session id must be a string, not {type(id).__name__}")
        if match := GENERATED.fullmatch(id):
            bucket = self._by_name.get(match[1])
            # An id of a bucket that does not exist names no session; any bucket can say so.
            return Home(match[0], bucket or self.buckets[0])
        return self._named(check_id(id), owner or "")

    def home(self, sid: str) -> Home:
        """Return the home of a session by its SID."""
        if match := GENERATED.fullmatch(sid):
            return Home(sid, self._by_name[match[1]])
        owner, _, name = sid.partition(":")
        return Home(sid, self.bucket_of(name if owner in ("", PUBLIC) else _unescaped(owner)))

    def bucket_named(self, name: str) -> Bucket | None:
        """Return the bucket that an id names, if there is one."""
        return self._by_name.get(name)

    def bucket_of(self, name: str) -> Bucket:
        return self.buckets[zlib.crc32(name.encode()) % len(self.buckets)]


class Tickets:
    """Names of calls, so that a call can be repeated and get the same answer: 16 letters each.

    Half of them are random and stand for the process, the rest is a number. A ticket is no
    secret: it opens nothing but what its own call has opened.
    """

    def __init__(self) -> None:
        self._renew()
        os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        self._process = secrets.token_urlsafe(6)
        self._numbers = count()

    def __call__(self) -> str:
        """Return the next ticket."""
        return f"{self._process}{next(self._numbers):08x}"


ticket = Tickets()


def names_of(owner: str) -> str:
    """Return how the SIDs of all sessions begin that were named for an owner."""
    return f"{_escaped(owner)}:"


def _bucket_name(number: int) -> str:
    return LETTERS[number // len(LETTERS)] + LETTERS[number % len(LETTERS)]


def _escaped(owner: str) -> str:
    return owner.replace("%", "%25").replace(":", "%3A")


def _unescaped(owner: str) -> str:
    return owner.replace("%3A", ":").replace("%25", "%")
