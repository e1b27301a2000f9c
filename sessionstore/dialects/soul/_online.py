"""The Online: a store with its seven parameters, in which users log in."""
# ruff: noqa: N803, N802 - parameters have their documented names

from __future__ import annotations

import threading
from collections.abc import Container
from contextlib import ExitStack
from itertools import count
from typing import Self

from sessionstore import ConfigError, SessionStore
from sessionstore.dialects.soul import _parameters as parameters
from sessionstore.dialects.soul._arguments import is_whole
from sessionstore.dialects.soul._cleanup import Cleanup
from sessionstore.dialects.soul._listing import HIGHEST, label_of
from sessionstore.dialects.soul._parameters import NO_LIMIT, Documented, View
from sessionstore.dialects.soul._thread import Thread

__all__ = ["Online"]

# Arguments that were left out, so that they can be told from the same value said explicitly.
NONE = Documented(0)
ONE = Documented(1)
QUARTER_OF_AN_HOUR = Documented(900)
UNCAPPED = Documented(NO_LIMIT)


class Online:
    """A store as SOUL sees it; all Onlines over one store, in any process, are the same Online.

    The parameters are those of the store, and hold for all who share it. Of those given here, the
    explicit ones are set; the others keep what the store has. In a store whose parameters nobody
    has set yet, all seven are set, the others to their documented defaults: so give the numbers
    of sessions where the first Online is made. Read as attributes, they are asked of the store;
    -1 is no limit.
    """

    SESNPRV = View("SESNPRV")
    SESNPUB = View("SESNPUB")
    SESUMAX = View("SESUMAX")
    SESDEFTO = View("SESDEFTO")
    SESDEFOW = View("SESDEFOW")
    SESMAXTO = View("SESMAXTO")
    _at_timeout = View("SESOPT")

    def __init__(
        self,
        store: SessionStore,
        *,
        SESNPRV: int = NONE,
        SESNPUB: int = NONE,
        SESUMAX: int = ONE,
        SESOPT: int = NONE,
        SESDEFTO: int = QUARTER_OF_AN_HOUR,
        SESDEFOW: int = NONE,
        SESMAXTO: int = UNCAPPED,
    ) -> None:
        """Set the parameters, and begin to clean up if SESOPT says so.

        Args:
            store: where the sessions are; it stays open after `close`.
            SESNPRV: how many private sessions there may be in all, 0 to 1048575; 0: none.
            SESNPUB: how many public sessions there may be in all, 0 to 1048575; 0: none.
            SESUMAX: how many private sessions a user may have, 0 to 1048575; 0 is read as 1.
            SESOPT: who removes sessions that have timed out. X'01': every create, open, close and
                delete does so first; X'02': a thread in the background does, and then the calls
                need not. In both cases such a session is over at once. 0: nobody; it stays, counts
                and can be opened.
            SESDEFTO: timeout of sessions that say none, in seconds, 0 to 43200.
            SESDEFOW: wait of opens that say none, in seconds, 0 to 43200; 0: they do not wait.
            SESMAXTO: cap on every timeout, in seconds, 0 to 99999999; -1: none.

        Raises:
            ConfigError: a value is out of its range. NotPermitted: the store is a view of a user
                without privilege. StoreUnavailable.
        """
        if not isinstance(store, SessionStore):
            raise ConfigError(f"an Online is over a SessionStore, not {type(store).__name__}")
        self.store = store
        parameters.begin(
            store,
            {
                "SESNPRV": SESNPRV,
                "SESNPUB": SESNPUB,
                "SESUMAX": SESUMAX,
                "SESOPT": SESOPT,
                "SESDEFTO": SESDEFTO,
                "SESDEFOW": SESDEFOW,
                "SESMAXTO": SESMAXTO,
            },
        )
        self._cleanup = Cleanup(store, int(SESOPT))
        self._cleanup.session_left()  # there may be some from before
        self._threads: dict[int, Thread] = {}
        self._lock = threading.Lock()

    @property
    def SESOPT(self) -> int:
        """What this Online does about timed-out sessions; else what others have the store do."""
        return self._cleanup.bits or self._at_timeout

    def login(self, userid: str, privileged: bool = False, thread: int | None = None) -> Thread:
        """Log a user in.

        Args:
            userid: who; not empty and not `*`.
            privileged: a system manager or administrator, who may use the sessions of all.
            thread: the number of the thread, 1 to 999999, which listings show of who has a session
                open; None: the lowest that is free in this process. Where several processes share
                the store, give numbers that differ.

        Raises:
            ConfigError: this is nobody, or the number is out of range or in use here.
        """
        with self._lock:
            number = _free(self._threads) if thread is None else thread
            if not is_whole(number) or not 1 <= number <= HIGHEST or number in self._threads:
                raise ConfigError(f"the thread is in use here, or no number from 1 to {HIGHEST}")
            view = self.store.as_user(
                userid, privileged=privileged, label=label_of(self.store.label, number)
            )
            login = Thread(view, userid, privileged, number, self._cleanup, self._note_left)
            self._threads[number] = login
        return login

    def reset(self, name: str, value: int) -> None:
        """Change SESMAXTO or SESDEFTO at run time (`RESET`), for all who share the store.

        Lowering SESMAXTO shortens every session at once; some may time out by it. ConfigError for
        another parameter, or a value out of range.
        """
        parameters.reset(self.store, name, value)

    def close(self) -> None:
        """Log out all threads of this process and stop cleaning up; the sessions stay."""
        with ExitStack() as all_of_it:  # each of it is done, whatever another raises
            all_of_it.callback(self._cleanup.close)
            for thread in list(self._threads.values()):
                all_of_it.callback(thread.logout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _note_left(self, number: int) -> None:
        with self._lock:
            self._threads.pop(number, None)


def _free(taken: Container[int]) -> int:
    return next(number for number in count(1) if number not in taken)
