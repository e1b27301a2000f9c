"""What SESOPT says about sessions that have timed out: who removes them, and when."""

from __future__ import annotations

import threading
from contextlib import suppress

from sessionstore import SessionStore, StoreClosed, StoreUnavailable
from sessionstore.dialects.soul._parameters import CLEAN_AT_CALLS, CLEAN_BY_PST

__all__ = ["Cleanup"]

EVERY_SECONDS = 1.0

AT_A_CALL = 8
"""Buckets that one call looks at, as they take turns: it is to be told by its own work."""


class Cleanup:
    """Removes timed-out sessions: at every call (X'01'), or in the background (X'02').

    The background thread stands for the PST of the documents: it is there while the store has
    sessions, ends when there are none, and comes back with the next session that is left.
    """

    def __init__(self, store: SessionStore, bits: int) -> None:
        self.bits = bits
        self._store = store
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._left = 0

    def before_call(self) -> None:
        """Remove what has timed out, before a create, open, close or delete; not with X'02'."""
        if self.bits == CLEAN_AT_CALLS:
            self._store.sweep(buckets=AT_A_CALL)

    def session_left(self) -> None:
        """Note that a session may exist that nobody has open, so that it can time out."""
        if not self.bits & CLEAN_BY_PST:
            return
        with self._lock:
            self._left += 1
            if not self._stop.is_set() and not self.running:
                self._thread = threading.Thread(target=self._run, name="session PST", daemon=True)
                self._thread.start()

    @property
    def running(self) -> bool:
        """Whether the background thread is there; a forked child begins without one."""
        return self._thread is not None and self._thread.is_alive()

    def close(self) -> None:
        """Stop the background thread, and wait for its end."""
        self._stop.set()
        with self._lock:
            thread = self._thread
        if thread is not None and thread.is_alive():
            thread.join()

    def _run(self) -> None:
        with suppress(StoreClosed):  # then there is nothing to clean up from here
            self._clean_up()

    def _clean_up(self) -> None:
        while not self._stop.wait(EVERY_SECONDS):
            with suppress(StoreUnavailable):  # the next round tries again
                seen = self._left
                # Counted before the sweep: what times out between the two has been swept then.
                none_alive = self._store.count() == 0
                self._store.sweep()
                if none_alive and self._has_ended(seen):
                    return

    def _has_ended(self, seen: int) -> bool:
        with self._lock:
            if self._left != seen:
                return False  # another one has been left meanwhile
            self._thread = None
            return True
