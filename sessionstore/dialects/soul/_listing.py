"""The items of `$Session_List`: fixed columns, a closed format."""

from __future__ import annotations

import re
from datetime import datetime

from sessionstore import SessionInfo
from sessionstore.dialects.soul._clock import to_seconds

__all__ = ["item", "label_of", "user_number"]

OWNER_WIDTH = 10
NUMBER_WIDTH = 6
HIGHEST = 10**NUMBER_WIDTH - 1

LABEL = re.compile(r" thread (\d{1,6})$")


def label_of(process: str, number: int) -> str:
    """Return how a thread is called as the holder of a session, for all processes to see."""
    return f"{process} thread {number}"


def user_number(holder: str) -> int:
    """Return the number of the thread that holds a session; 0 if a SOUL thread it is not."""
    found = LABEL.search(holder)
    return int(found[1]) if found else 0


def item(info: SessionInfo, called: datetime) -> str:
    """Return the item of a session.

    Columns 1-10 owner, 11-16 timeout in seconds, 17-30 creation, 31-44 last access (of one that is
    open: the time of the call), 45-50 user number of the holder or blanks, from 51 the id. Numbers
    are right-aligned; an owner that is too long is cut, a timeout that is too long shows 999999.
    """
    seconds = min(int(info.timeout.total_seconds()), HIGHEST)
    accessed = called if info.holder else info.last_activity
    user = str(user_number(info.holder)) if info.holder else ""
    return (
        f"{info.owner[:OWNER_WIDTH]:<{OWNER_WIDTH}}"
        f"{seconds:>{NUMBER_WIDTH}}"
        f"{to_seconds(info.created)}"
        f"{to_seconds(accessed)}"
        f"{user:>{NUMBER_WIDTH}}"
        f"{info.id}"
    )
