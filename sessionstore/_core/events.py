"""Reading the events of all buckets, a page at a time."""

from __future__ import annotations

import base64
import binascii
import json
import re

from sessionstore._core import buckets
from sessionstore._core.keys import Keyspace
from sessionstore._core.operation import Flow, batch
from sessionstore.errors import ConfigError

__all__ = ["EventPager"]

EVENT_ID = re.compile(r"\d{1,18}-\d{1,18}", re.ASCII)


class EventPager:
    """Goes through the events of all buckets; `cursor` says how far, for another pager to go on.

    Events of one session come in their order; those of different sessions nearly so. What the user
    may not know of is left out, and counts as read with what comes before it.
    """

    def __init__(self, keys: Keyspace, cursor: str | None, user: str) -> None:
        self._keys = keys
        self._user = user
        self._pages: dict[str, buckets.EventPage] = {}
        self._read: dict[str, str] = {} if cursor is None else _decoded(cursor)
        self._unread = list(keys.buckets)

    @property
    def cursor(self) -> str:
        """How far has been read, as text."""
        told = json.dumps(self._read, separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(told).decode().rstrip("=")

    def note_read(self, bucket: str, event: buckets.EventEntry) -> None:
        """Move the cursor past an event, and past what is left out after it."""
        page = self._pages[bucket]
        self._read[bucket] = page.last if event is page.events[-1] else event.id

    def page(self) -> Flow[list[tuple[str, buckets.EventEntry]] | None]:
        """Read on; the answer is (bucket, event) pairs by time."""
        while self._unread:
            now = self._unread
            answers = yield from batch(
                [buckets.events_page(at, self._read.get(at.name, ""), self._user) for at in now]
            )
            self._pages = {at.name: page for at, page in zip(now, answers, strict=True)}
            self._unread = [at for at in now if self._pages[at.name].more]
            for name, page in self._pages.items():
                if page.last and not page.events:
                    self._read[name] = page.last
            events = [(name, event) for name, page in self._pages.items() for event in page.events]
            if events:
                return sorted(events, key=lambda pair: _moment(pair[1].id))
        return None


def _moment(id: str) -> tuple[int, int]:
    milliseconds, _, number = id.partition("-")
    return int(milliseconds), int(number)


def _decoded(cursor: str) -> dict[str, str]:
    if not isinstance(cursor, str):
        raise ConfigError(f"a cursor of events is a string, not {type(cursor).__name__}")
    try:
        told = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        read = {str(name): str(id) for name, id in told.items()}
        if all(EVENT_ID.fullmatch(id) for id in read.values()):
            return read
    except (ValueError, AttributeError, RecursionError, binascii.Error):
        pass
    raise ConfigError("not a cursor of events; begin with since=None")
