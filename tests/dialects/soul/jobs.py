"""What the child processes of these tests do: be one thread of the Online, and do as told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionstore import SessionStore
from sessionstore.dialects.soul import Online

if TYPE_CHECKING:
    from tests.support.processes import Pipe


def be_a_thread(pipe: Pipe, number: int, url: str, prefix: str, buckets: int, userid: str) -> None:
    """Log in under a number; for each call that is heard, make it and tell what came of it."""
    with (
        SessionStore.connect(url, prefix=prefix, buckets=buckets) as store,
        Online(store) as online,
    ):
        thread = online.login(userid, thread=number + 100)
        pipe.send("ready")
        while call := pipe.recv():
            name, *arguments = call
            pipe.send(getattr(thread, name)(*arguments))
        thread.logout()
        pipe.send("logged out")
