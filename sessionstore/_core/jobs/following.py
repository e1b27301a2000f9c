"""Following the events of a group: what a sink knows, what it asks, and what it may have missed.

The stream is the truth, and a ring only says that there is something new, or what. Three things
are told apart by the sequence, which has no gaps, and the id, which follows the clock of Redis: the
next event; events that are not kept any more; and a store that has gone back in time.
"""

from __future__ import annotations

import re
from collections import deque
from typing import NamedTuple

from sessionstore._core.jobs import groups, jobs
from sessionstore._core.jobs.away import has_ended, settle
from sessionstore._core.jobs.groups import EventPage, JobEvent
from sessionstore._core.jobs.keys import Group, find_job
from sessionstore._core.jobs.records import Away, Job
from sessionstore._core.keys import Keyspace
from sessionstore._core.operation import Flow, each
from sessionstore.errors import ConfigError, JobNotFound

__all__ = ["CHECK_BUSY", "CHECK_IDLE", "START", "Following", "Gap", "check_cursor"]

START = "start"
"""Where to begin: with the first event that is kept."""

CHECK_BUSY, CHECK_IDLE = 1.5, 25.0
"""Seconds after which to look whether something rang that was not heard: while jobs live, else."""

PAGE = 100
AHEAD = 1000
"""How many events that were heard wait here for a handler; those after them are read again."""

CURSOR = re.compile(r"([\w.-]{25})/(\d{1,18}-\d{1,18})?/(\d{1,18})", re.ASCII)
ENDED = "session-ended"
GONE_ELSEWHERE = "moved"


class Position(NamedTuple):
    """An event: nothing before it is of interest any more. No sequence: it is not known."""

    id: str
    sequence: int | None


class Gap(NamedTuple):
    """What is told instead of events that cannot be had: why, and how the jobs are now."""

    why: str
    jobs: list[Job]
    position: Position


class Following:
    """Where one reader of a group's events stands. It neither waits nor sends."""

    def __init__(self, keys: Keyspace, group: Group, sid: str, user: str) -> None:
        self._keys = keys
        self.group = group
        self._sid = sid
        self._user = user
        self._read = self._told = Position("", None)
        self._ahead: deque[JobEvent] = deque()
        self._heard = 0
        self._behind = True
        self._reading = False
        self._again = False
        self._gap = ""
        self._live = 0

    @property
    def cursor(self) -> str:
        """How far events were handed out."""
        id, sequence = self._told
        return f"{self.group.id}/{id}/{sequence or 0}"

    @property
    def check_after(self) -> float:
        """In how many seconds to look, unless something rings."""
        return CHECK_BUSY if self._live else CHECK_IDLE

    def begin(self, after: str | None) -> Flow[None]:
        """Begin after the last event there is (None), with the first (START), or after a cursor."""
        if after is None:
            page = yield from groups.position(self.group, self._user)
            if page is not None:
                last = page.events[-1].id if page.events else ""
                self._read = Position(last, page.last)
                self._live = page.live
        elif after != START:
            group, id, sequence = parsed(after)
            if group == self.group.id:
                self._read = Position(id, sequence)
            else:
                self._gap = "trimmed"  # they were of another session
        self._told = self._read

    def look(self) -> None:
        """Read at the next opportunity, also if something is being read just now."""
        self._behind = self._again = True

    def hear(self, message: bytes | None) -> None:
        """Take in a ring: `ID N`, or `ID N JOB TYPE BODY`."""
        if message is None:
            self.look()
            return
        id, n, *more = message.split(b" ", 4)
        sequence, last = int(n), self._read.sequence
        self._live = max(self._live, 1)
        self._heard = sequence
        if self._behind or self._reading:
            return
        if last is None or sequence != last + 1 or not more or self._user:
            # It rings for all who listen; whether this user still may know, only reading tells.
            # An old one rings late; or the store has gone back, which reading finds.
            self._behind = last is None or sequence > last or later(id.decode(), self._read.id)
        elif len(self._ahead) >= AHEAD:
            self._ahead.clear()
            self._behind = True
        else:
            job, kind, body = more
            event = JobEvent(id.decode(), sequence, job.decode(), kind.decode(), body, "")
            self._ahead.append(event)
            self._read = Position(event.id, sequence)

    def next(self) -> Flow[list[JobEvent | Gap]]:
        """Return what is to be handed out next, in order; nothing, if there is nothing new."""
        if self._ahead:
            heard: list[JobEvent | Gap] = list(self._ahead)
            self._ahead.clear()
            return heard
        if not self._behind:
            return []
        # All that was returned has been handed out by now; what was heard after it may be dropped.
        self._read = self._told
        self._reading, self._again, self._heard = True, False, 0
        try:
            return (yield from self._reading_on())
        finally:
            self._reading = False

    def missed(self, found: list[JobEvent | Gap]) -> bool:
        """Whether something of what was found did not ring."""
        last = found[-1] if found else None
        return isinstance(last, JobEvent) and last.sequence > self._heard

    def note_told(self, told: JobEvent | Gap) -> None:
        """Move the cursor past what was handed out."""
        if isinstance(told, Gap):
            self._told = told.position
        else:
            self._told = Position(told.id, told.sequence)

    def _reading_on(self) -> Flow[list[JobEvent | Gap]]:
        page = yield from groups.follow(self.group, self._read.id, PAGE, self._user)
        last = self._read.sequence
        if page is None or (page.last == 0 and last):
            why = yield from has_ended(self._keys, Away(self._sid, self.group.id))
            if why is None and page is None:
                why = GONE_ELSEWHERE
            if why is not None:
                return [self._end(why)]
        if page is None:
            return []
        found: list[JobEvent | Gap] = list(page.events)
        first = page.events[0].sequence if page.events else page.last + 1
        if last is not None and first != last + 1:
            self._gap = "trimmed" if first > last else "rollback"
        if self._gap:
            rows = yield from self._snapshot()
            found.insert(0, Gap(self._gap, rows, Position(self._read.id, first - 1)))
        self._gap = ""
        self._live = page.live
        self._read = Position(self._read.id, first - 1)
        if page.events:
            self._read = Position(page.events[-1].id, page.events[-1].sequence)
        self._behind = self._again or len(page.events) == PAGE or self._heard > page.last
        if page.over and not page.events:
            found.append(self._end(page.over))
        else:
            yield from self._seen_to(page)
        return found

    def _seen_to(self, page: EventPage) -> Flow[None]:
        """Have the end of the session told, should nobody have noticed it yet."""
        if page.away:
            self._sid = page.away
            yield from settle(self._keys, Away(page.away, self.group.id))
        elif page.ended:
            yield from groups.end(self.group, page.ended)

    def _end(self, why: str) -> JobEvent:
        """Return the last event there is, for who has not been told, or has forgotten."""
        self._behind = False
        return JobEvent(self._read.id or "0-0", self._read.sequence or 0, "", ENDED, b"", why)

    def _snapshot(self) -> Flow[list[Job]]:
        """Return the jobs of the group: those that live, and those that are over for a while."""
        ids: dict[str, None] = {}
        for index in ("jf", "js"):
            cursor = b""
            while cursor != b"0":
                cursor, rows = yield from jobs.page_of_jobs(
                    self.group.bucket, f"{index}:{self.group.id}", self._user, cursor or b"0"
                )
                ids |= dict.fromkeys(row.job.id for row in rows)
        answers = yield from each([jobs.read(find_job(self._keys, id), self._user) for id in ids])
        found: list[Job] = []
        for answer in answers:
            if isinstance(answer, Job):
                found.append(answer)
            elif not isinstance(answer, JobNotFound):
                raise answer
        return sorted(found, key=lambda job: job.number("c") or 0)


def later(id: str, than: str) -> bool:
    """Whether an event id is greater than another."""
    return _moment(id) > _moment(than)


def _moment(id: str) -> tuple[int, int]:
    milliseconds, _, number = id.partition("-")
    return int(milliseconds or 0), int(number or 0)


def check_cursor(after: str | None) -> str | None:
    """Return after what a sink is to begin, if it can; ConfigError."""
    if after is not None and after != START:
        parsed(after)
    return after


def parsed(cursor: str) -> tuple[str, str, int]:
    """Return the group, the id and the sequence of a cursor; ConfigError."""
    if not isinstance(cursor, str):
        raise ConfigError(f"a cursor of a sink is a string, not {type(cursor).__name__}")
    found = CURSOR.fullmatch(cursor)
    if found is None:
        raise ConfigError("not a cursor of a sink; begin with after=None, or after='start'")
    return found[1], found[2] or "", int(found[3])
