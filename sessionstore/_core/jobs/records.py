"""What the scripts say of jobs, as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, NoReturn

from sessionstore._checks import LARGEST
from sessionstore._core import records
from sessionstore._core.jobs.layout import LIVE
from sessionstore._core.records import all_fields
from sessionstore.errors import JobNotFound, JobRefused

__all__ = ["Away", "Entry", "Job", "Later", "Row", "Started", "Submitted", "Waiting", "refuse"]


class Entry(NamedTuple):
    """A job in a queue: its id, and whose turn it takes."""

    job: str
    owner: str

    @classmethod
    def of(cls, member: bytes) -> Entry:
        text = member.decode()
        return cls(text[:25], text[25:])

    @property
    def member(self) -> str:
        return self.job + self.owner


class Submitted(NamedTuple):
    """Jobs that are there, and the group they belong to; `fresh`: this call has made them."""

    jobs: list[str]
    group: str
    owner: str
    fresh: bool


class Waiting(NamedTuple):
    """A job that should be in line."""

    job: str
    queue: str
    owner: str
    head_start_ms: int
    delay_ms: int
    front: bool


class Started(NamedTuple):
    """A job that the caller runs from now on."""

    job: Job
    token: str
    sid: str
    """Of its session, by now."""


class Later(NamedTuple):
    """A job that cannot be started now: it runs elsewhere, or is for later."""

    runs: bool
    milliseconds: int


class Away(NamedTuple):
    """The session of a job is in another bucket: look there whether it lives."""

    sid: str
    group: str


class Job:
    """A job as it was when it was read; times in milliseconds."""

    __slots__ = ("fields", "id", "now")

    def __init__(self, id: str, fields: Mapping[bytes, bytes], now: int = 0) -> None:
        self.id = id
        self.fields = fields
        self.now = now

    def text(self, field: str) -> str:
        """Return a field that is a text; empty if there is none."""
        return self.fields.get(field.encode(), b"").decode()

    def number(self, field: str) -> int | None:
        """Return a field that is a number; of one beyond all bounds, one that is just as far."""
        found = self.fields.get(field.encode())
        if found is None:
            return None
        try:
            return int(found)
        except ValueError:  # Lua has not written it out: 1e+20
            return LARGEST

    @property
    def state(self) -> str:
        return self.text("s")

    @property
    def live(self) -> bool:
        return self.state in LIVE


class Row(NamedTuple):
    """A line of a listing: a job, and the session and owner it belongs to now."""

    job: Job
    sid: str
    owner: str


def job_of(id: str, found: Sequence[bytes], now: int = 0) -> Job:
    """Return a job from its hash as a script gives it."""
    return Job(id, all_fields(found), now)


def refuse(id: str, reply: Sequence[Any]) -> NoReturn:
    """Raise what a refusal stands for; `id` is that of a job, or of the session."""
    match reply:
        case [b"LIMIT", int(most), bytes(whose)]:
            raise JobRefused(whose.decode(), value=most, retry_after=1.0)
        case b"ABSENT":
            raise JobNotFound(id)
    records.refuse(id, reply)
