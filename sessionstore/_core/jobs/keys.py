"""The keys of jobs and queues. A job's id carries its bucket, like the id of a session.

{P:B}j:JID       hash    a job                                  a week, or as it is kept
{P:B}jb:JID      hash    its files in pieces; NUMBER:PIECE      that of the job; a minute, until
                                                                it names them
{P:B}jw:JID      list    tickets of those who wait for its end  a minute
{P:B}jg:GROUP    hash    the jobs of one session                a week after its last use
{P:B}js:GROUP    zset    its live jobs, by submission           the same
{P:B}jf:GROUP    list    the last of its jobs that are over     a week; 5 min after the session
{P:B}je:GROUP    stream  its events; also the channel on which  an hour after the last one;
                         each of them rings                     5 min after the session
{P:B}ju:GROUP    hash    keys of its live jobs                  a week after its last use
{P:B}jo:OWNER    zset    live jobs of an owner                  the same
{P:B}jx          zset    live jobs and ended groups of the bucket, by when to look at them
{P:B}jd          zset    jobs that have failed or were lost     permanent, capped
{P:B}jc          channel on which a job rings that is to stop

{P:q:NAME}p      hash    limits of a queue                      permanent
{P:q:NAME}r      zset    ring of owners, by whose turn it is    permanent, usually empty
{P:q:NAME}w:O    zset    what waits of an owner                 a week
{P:q:NAME}d      zset    what is due later                      permanent, usually empty
{P:q:NAME}c      zset    what was taken, by when to look again  permanent, usually empty
{P:q:NAME}o:O    set     what was taken of an owner             a day
{P:q:NAME}k      list    wakes an idle worker                   a minute
{P:q:NAME}t:T    list    what a call has taken                  a minute
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

from sessionstore._checks import exactly
from sessionstore._core.keys import Bucket, Keyspace
from sessionstore._ids import GENERATED, shown
from sessionstore.errors import ConfigError

__all__ = [
    "Group",
    "JobKey",
    "Queue",
    "check_queue",
    "find_group",
    "find_job",
    "new_group",
    "new_job",
    "queue",
    "stop_channels",
]

QUEUE_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Group:
    """The keys of the jobs of one session."""

    id: str
    bucket: Bucket

    @property
    def facts(self) -> str:
        return f"{self.bucket.tag}jg:{self.id}"

    @property
    def events(self) -> str:
        """The stream of events, and the channel on which each of them rings."""
        return f"{self.bucket.tag}je:{self.id}"


@dataclass(frozen=True, slots=True)
class JobKey:
    """The keys of one job."""

    id: str
    bucket: Bucket

    @property
    def job(self) -> str:
        return f"{self.bucket.tag}j:{self.id}"

    @property
    def files(self) -> str:
        return f"{self.bucket.tag}jb:{self.id}"

    def wake(self, ticket: str) -> str:
        return f"{self.bucket.tag}g:{ticket}"


@dataclass(frozen=True, slots=True)
class Queue:
    """The keys of a queue, which has a slot of its own."""

    name: str
    limits: str
    wake: str


def new_job(bucket: Bucket) -> JobKey:
    """Return the keys of a new job."""
    return JobKey(_new_id(bucket), bucket)


def new_group(bucket: Bucket) -> Group:
    """Return the keys of a new group."""
    return Group(_new_id(bucket), bucket)


def find_job(keys: Keyspace, id: str) -> JobKey:
    """Return the keys of the job with an id; ConfigError if it is none."""
    return JobKey(id, _bucket(keys, id))


def find_group(keys: Keyspace, id: str) -> Group:
    """Return the keys of the group with an id."""
    return Group(id, _bucket(keys, id))


def queue(keys: Keyspace, name: str) -> Queue:
    """Return the keys of a queue; ConfigError if it is no name of one."""
    name = check_queue(name)
    tag = f"{{{keys.prefix}:q:{name}}}"
    return Queue(name, f"{tag}p", f"{tag}k")


def check_queue(name: str) -> str:
    """Return the name of a queue, if it is one; ConfigError."""
    if not isinstance(name, str):
        raise ConfigError(f"the name of a queue must be a string, not {type(name).__name__}")
    if not QUEUE_NAME.fullmatch(name):
        raise ConfigError(f"queue name {name[:65]!r} must be 1 to 64 letters, digits, _ or -")
    return exactly(name)


def stop_channels(keys: Keyspace) -> list[str]:
    """Return the channels on which jobs ring that are to stop, each with its id."""
    return [f"{bucket.tag}jc" for bucket in keys.buckets]


def _new_id(bucket: Bucket) -> str:
    return f"{bucket.name}.{secrets.token_urlsafe(17)[:22]}"


def _bucket(keys: Keyspace, id: str) -> Bucket:
    match = GENERATED.fullmatch(id)
    bucket = keys.bucket_named(match[1]) if match else None
    if bucket is None:
        raise ConfigError(f"{shown(id)} is no id of a job")
    return bucket
