"""`$Session` and its family: create, open, close, delete, list."""

from __future__ import annotations

from collections.abc import Iterator

from sessionstore import (
    LeaseLost,
    QuotaExceeded,
    Session,
    SessionEnded,
    SessionExists,
    SessionInfo,
    SessionInUse,
    SessionNotFound,
    SessionNotOpen,
)
from sessionstore.dialects.soul._arguments import (
    DEFAULT,
    given,
    required_pattern,
    required_text,
    seconds,
)
from sessionstore.dialects.soul._cancelled import RequestCancelled, cancelling
from sessionstore.dialects.soul._listing import item
from sessionstore.dialects.soul._lists import ListFunctions
from sessionstore.dialects.soul._wildcards import exactly, literal, matches

__all__ = ["SessionFunctions"]

DONE = 0
NONE_OPEN = -1
# Of create and close:
ID_EXISTS = 1
LIMIT_OF_ONLINE = 2
LIMIT_OF_USER = 3
# Of open and delete:
NOT_FOUND = 1
IN_USE = 2


class SessionFunctions(ListFunctions):
    """The `$Session...` functions; an argument that is None or empty was left out."""

    def session(self) -> int:
        """Return 1 if this thread has a session open, else 0 (`$Session`)."""
        return int(self.open_session is not None)

    def session_id(self) -> str:
        """Return the id of the open session; empty if none is (`$Session_Id`)."""
        session = self.open_session
        return "" if session is None else session.id

    def session_owner(self) -> str:
        """Return the owner of the open session, `*` if public; empty if none (`$Session_Owner`)."""
        session = self.open_session
        return "" if session is None else session.owner

    def session_timeout(self) -> int:
        """Return the timeout of the open session in seconds; -1 if none (`$Session_Timeout`).

        It is asked of the store, because SESMAXTO may have been lowered since the open.
        """
        session = self.open_session
        if session is None:
            return -1
        try:
            current = self._store.open(session.id, session.owner, mode="read", fields=()).timeout
        except (SessionNotFound, SessionEnded):
            current = session.timeout
        return int(current.total_seconds())

    def session_create(
        self,
        sesid: str,
        owner: str | None = None,
        timeout: float | None = DEFAULT,
        opts: str | None = "OPEN",
    ) -> int:
        """Make a session (`$Session_Create`).

        Args:
            sesid: its id, unique among the sessions of its owner.
            owner: a user id, or `*` for public; left out: this user.
            timeout: idle time in seconds after its close; -1: SESDEFTO. SESMAXTO caps it.
            opts: `OPEN`: it is open on return; `NOOPEN`: it is closed.

        Returns:
            0 done; 1 the owner has a session of this id; 3 the owner has SESUMAX sessions;
            2 the Online has SESNPRV or SESNPUB sessions. If several hold: 1, then 3, then 2.

        Raises:
            RequestCancelled: no sesid, an unknown word in opts, a private session for somebody
                else without the privilege, OPEN with a session open.
        """
        function = "$Session_Create"
        self._working(function)
        opened = _opened_by(given(opts, "OPEN"), function)
        if opened:
            self._check_none_open(function)
        sesid, owner = required_text(sesid, "session id", function), given(owner, self.userid)
        idle = _or_default(seconds(timeout, function))
        with cancelling(function):
            self._cleanup.before_call()
            try:
                session = self._store.create(sesid, owner, timeout=idle, open=opened)
            except SessionExists:
                return ID_EXISTS
            except QuotaExceeded as full:
                return _code_of(full)
        if opened:
            self._opened = session
        else:
            self._cleanup.session_left()
        return DONE

    def session_open(
        self, sesid: str, owner: str | None = None, timeout: float | None = DEFAULT
    ) -> int:
        """Open a session on this thread (`$Session_Open`).

        Args:
            sesid: its id.
            owner: whose it is, `*`: public; left out: this user.
            timeout: how many seconds to wait in line while another thread has it open; -1:
                SESDEFOW; 0: do not wait.

        Returns:
            0 done; 1 not found, which is also said of a session of somebody else that this user
            may not see, and of one that has timed out; 2 still in use.

        Raises:
            RequestCancelled: no sesid, a timeout below -1, a session is open on this thread.
        """
        function = "$Session_Open"
        self._working(function)
        self._check_none_open(function)
        sesid, owner = required_text(sesid, "session id", function), given(owner, self.userid)
        wait = _or_default(seconds(timeout, function))
        with cancelling(function):
            self._cleanup.before_call()
            try:
                self._opened = self._store.open(sesid, owner, wait=wait)
            except (SessionNotFound, SessionEnded):
                return NOT_FOUND
            except (SessionInUse, QuotaExceeded):  # the latter: the line is full
                return IN_USE
        return DONE

    def session_close(
        self, sesid: str | None = None, owner: str | None = None, timeout: float | None = None
    ) -> int:
        """Close the session of this thread and keep it for later (`$Session_Close`).

        Args:
            sesid: a new id; left out: unchanged.
            owner: a new owner, `*`: public; left out: unchanged.
            timeout: a new timeout in seconds, -1: SESDEFTO; None: unchanged. SESMAXTO caps it.

        Returns:
            0 done; -1 no session is open; 1 the new id is taken; 2 a limit of the Online is
            reached, 3 that of the user. At 1, 2 and 3, which only a change can bring, the session
            stays open as it was. If somebody has deleted the session, this close ends it.

        Raises:
            RequestCancelled: a private owner other than this user, without the privilege.
            ValueTooLarge: what was put into the session is too much; it stays open.
            LeaseLost: the session was taken from this thread, because its process was stopped for
                longer than the lease; what was not saved is lost, and nothing is open any more.
        """
        function = "$Session_Close"
        self._working(function)
        session = self._opened
        if session is None:
            return NONE_OPEN
        idle = None if given(timeout, None) is None else seconds(timeout, function)
        with cancelling(function):
            self._cleanup.before_call()
            if idle == DEFAULT:
                idle = self._store.parameters().timeout.total_seconds()
            try:
                session.close(id=given(sesid, None), owner=given(owner, None), timeout=idle)
            except SessionExists:
                return ID_EXISTS
            except QuotaExceeded as full:
                return _code_of(full)
            except SessionNotOpen:  # closed behind our back, through `open_session`
                self._opened = None
                return NONE_OPEN
            except (LeaseLost, SessionEnded):
                self._opened = None
                raise
        self._opened = None
        self._cleanup.session_left()
        return DONE

    def session_delete(
        self, sesid: str, owner: str | None = None, timeout: float | None = 0
    ) -> int:
        """End a session; one that is open ends when it is closed (`$Session_Delete`).

        Args:
            sesid: its id.
            owner: whose it is, `*`: public; left out: this user.
            timeout: how many seconds to wait for the close if another thread has it open.

        Returns:
            0 it has ended; 1 not found; 2 in use: it ends when it is closed, and until then
            nobody else can open it. For this thread's own open session that is the answer.

        Raises:
            RequestCancelled: no sesid, a negative timeout.
        """
        function = "$Session_Delete"
        self._working(function)
        sesid, owner = required_text(sesid, "session id", function), given(owner, self.userid)
        wait = seconds(timeout, function, default=0)
        if wait < 0:
            raise RequestCancelled(function, why="the timeout is negative")
        mine = self.open_session
        if mine is not None and (mine.id, mine.owner) == (sesid, owner):
            wait = 0  # to wait would be to wait for oneself
        with cancelling(function):
            self._cleanup.before_call()
            try:
                ended = self._store.delete(sesid, owner, wait=wait)
            except (SessionNotFound, SessionEnded):
                return NOT_FOUND
        return DONE if ended else IN_USE

    def session_list(self, listid: int, sesid: str | None = "*", owner: str | None = None) -> int:
        """Add an item to a $list for each session that fits (`$Session_List`; see `listing.item`).

        Args:
            listid: the $list.
            sesid: a pattern of ids.
            owner: a pattern of owners, `*`: all and public ones; `"*`: public ones; left out: this
                user. Without the privilege only its own and public sessions are seen.

        Returns:
            How many items were added, in the order of owner and id.

        Raises:
            RequestCancelled: there is no such $list, or no room in it.
        """
        function = "$Session_List"
        self._working(function)
        self._list_called(listid, function)
        ids = required_pattern(given(sesid, "*"), function)
        owners = required_pattern(given(owner, exactly(self.userid)), function)
        with cancelling(function):
            found = sorted(
                (info for info in self._owned_by(owners) if matches(info.id, ids)),
                key=lambda info: (info.owner, info.id),
            )
        called = self._store.now()
        self._add_all(listid, [item(info, called) for info in found], function)
        return len(found)

    def _owned_by(self, pattern: str) -> Iterator[SessionInfo]:
        if (owner := literal(pattern)) is not None:
            return self._store.list(owner)
        return (info for info in self._store.list() if matches(info.owner, pattern))

    def _check_none_open(self, function: str) -> None:
        if (session := self.open_session) is not None:
            raise RequestCancelled(
                function, why=f"{session!r} is open on this thread; close it first"
            )

    def _close_at_logout(self) -> None:
        session: Session | None = self._opened
        self._opened = None
        if session is not None:
            session.close()
            self._cleanup.session_left()


def _code_of(full: QuotaExceeded) -> int:
    return LIMIT_OF_USER if full.limit == "owner" else LIMIT_OF_ONLINE


def _or_default(timeout: float) -> float | None:
    """Return a timeout for the store: None says its default."""
    return None if timeout == DEFAULT else timeout


def _opened_by(opts: str, function: str) -> bool:
    words = set(required_text(opts, "option", function).upper().split())
    if unknown := words - {"OPEN", "NOOPEN"}:
        raise RequestCancelled(function, why=f"no option {' or '.join(sorted(unknown))}")
    if len(words) > 1:
        raise RequestCancelled(function, why="OPEN and NOOPEN contradict each other")
    return "NOOPEN" not in words
