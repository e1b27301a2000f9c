"""Everything that can go wrong, as one tree.

    SessionStoreError
    ├── SessionNotFound       no such session, or none that the acting user may know of
    ├── SessionExists         the id is taken
    ├── SessionInUse          somebody else has it open
    ├── SessionEnded          it was there and is over; says why
    ├── SessionNotOpen        the handle was closed, or was never open
    ├── QuotaExceeded         a limit of the store is reached
    ├── NotPermitted          the acting user may not do this to a session it may see
    ├── LeaseLost             the holder was cut off; what it wrote since has not landed
    ├── Conflict              another writer changed the same attributes
    ├── TypeRefused           a value of a type that is not stored (also a TypeError)
    ├── UndecodableValue      stored bytes that are not a value
    ├── ValueTooLarge         more than the store takes for one session (also a ValueError)
    ├── ConfigError           a bad argument, parameter or URL (also a ValueError)
    │   └── StoreNotFound     there is no such store, and none was to be made
    ├── JobRefused            a job was not taken: too many, or not as its engine wants it
    ├── JobNotFound           no such job, or none that the acting user may know of
    ├── JobNotOver            it is not over yet, and the wait for it is (also a TimeoutError)
    ├── JobFailed             it ended by an error, or cannot be had
    ├── JobCancelled          it was cancelled, or its session ended
    ├── JobLost               its workers were lost, more often than it may lose them
    ├── StoreClosed           the store was closed before this use of it
    └── StoreUnavailable      the server could not be reached, or refused to work
        └── TimedOut          no answer in time: the outcome is unknown

Facts are in attributes; messages say what happened, to what, and what to do. No message
carries a stored value, a secret or a password. Of a generated id, which lets in whoever shows it, a
message has the beginning.
"""

from __future__ import annotations

from datetime import datetime

from sessionstore._ids import shown

__all__ = [
    "ConfigError",
    "Conflict",
    "JobCancelled",
    "JobFailed",
    "JobLost",
    "JobNotFound",
    "JobNotOver",
    "JobRefused",
    "LeaseLost",
    "NotPermitted",
    "QuotaExceeded",
    "SessionEnded",
    "SessionExists",
    "SessionInUse",
    "SessionNotFound",
    "SessionNotOpen",
    "SessionStoreError",
    "StoreClosed",
    "StoreNotFound",
    "StoreUnavailable",
    "TimedOut",
    "TypeRefused",
    "UndecodableValue",
    "ValueTooLarge",
]


def _rebuilt(kind: type[SessionStoreError], args: tuple[object, ...]) -> SessionStoreError:
    error = kind.__new__(kind, *args)
    error.args = args  # which what is also an OSError has only after its __init__
    return error


class SessionStoreError(Exception):
    """The root of every error that this library raises on purpose."""

    def __reduce__(self) -> tuple[object, ...]:
        # Facts are arguments by keyword, which pickling (between processes) would lose.
        return _rebuilt, (type(self), self.args), vars(self)


class SessionNotFound(SessionStoreError):
    """There is no such session, or none that the acting user may know of."""

    def __init__(self, id: str) -> None:
        super().__init__(f"session {shown(id)} not found; create it first")
        self.id = id


class SessionExists(SessionStoreError):
    """The id is taken by a session of the same owner, or by a public one."""

    def __init__(self, id: str) -> None:
        super().__init__(f"session {shown(id)} exists already; open it or choose another id")
        self.id = id


class SessionInUse(SessionStoreError):
    """Somebody else has the session open.

    `holder` says who, `until` when its lease ends unless renewed (by the clock of Redis),
    `waiting` how many are queued for the session.
    """

    def __init__(self, id: str, *, holder: str, until: datetime, waiting: int) -> None:
        super().__init__(
            f"session {shown(id)} is open at {holder} until"
            f" {until.isoformat(timespec='milliseconds')} at the latest, {waiting} waiting;"
            " try again or give a longer wait"
        )
        self.id = id
        self.holder = holder
        self.until = until
        self.waiting = waiting


class SessionEnded(SessionStoreError):
    """The session is over and does not come back; `reason` says why.

    The reasons of the store itself are `deleted`, `timed out`, `lifetime`, `evicted` and
    `moved` (it has another id or owner now); `end_all` adds its caller's own.
    """

    def __init__(self, id: str, *, reason: str) -> None:
        advice = "it has another id or owner now" if reason == "moved" else "create a new one"
        super().__init__(f"session {shown(id)} has ended ({reason}); {advice}")
        self.id = id
        self.reason = reason


class SessionNotOpen(SessionStoreError):
    """The session is not open here: it was closed, or opened to read only."""

    def __init__(self, id: str, *, doing: str) -> None:
        super().__init__(f"session {shown(id)} is not open here for {doing}; open it first")
        self.id = id


class QuotaExceeded(SessionStoreError):
    """A limit of the store is reached.

    `limit` is `owner`, `private`, `public`, `waiters` or `kept` (values beside a session); `value`
    is the number allowed.
    """

    def __init__(self, limit: str, *, value: int) -> None:
        advice = {
            "owner": "end one of the owner's sessions",
            "private": "end another session or raise max_private",
            "public": "end another session or raise max_public",
            "waiters": "try again later or raise max_waiters",
            "kept": "drop a list, longstring or document of the session",
        }[limit]
        super().__init__(f"limit of {value} reached ({limit}); {advice}")
        self.limit = limit
        self.value = value


class NotPermitted(SessionStoreError):
    """The acting user lacks the privilege for this."""

    def __init__(self, user: str, *, doing: str) -> None:
        super().__init__(f"user {user!r} may not {doing}; a privileged user may")
        self.user = user


class LeaseLost(SessionStoreError):
    """The holder's lease ended before this call; nothing written since has landed."""

    def __init__(self, id: str, *, fence: int) -> None:
        super().__init__(
            f"the lease on session {shown(id)} (fence {fence}) has ended; open it again and repeat"
        )
        self.id = id
        self.fence = fence


class Conflict(SessionStoreError):
    """Another writer changed the same attributes since they were read; nothing was saved."""

    def __init__(self, id: str, *, fields: tuple[str, ...]) -> None:
        super().__init__(
            f"session {shown(id)} was changed by another writer in {', '.join(map(repr, fields))};"
            " open it again and repeat"
        )
        self.id = id
        self.fields = fields


class TypeRefused(SessionStoreError, TypeError):
    """A value, or a part of one, has a type that sessions do not hold; `path` leads to it."""

    def __init__(self, path: str, *, type_name: str, why: str = "") -> None:
        detail = f" ({why})" if why else ""
        super().__init__(f"{path} is of type {type_name}, which is not stored{detail}; convert it")
        self.path = path
        self.type_name = type_name
        self.why = why

    def at(self, path: str) -> TypeRefused:
        """Return the same for another path."""
        return TypeRefused(path, type_name=self.type_name, why=self.why)


class UndecodableValue(SessionStoreError):
    """Stored bytes that are not a value: damaged, or written by another version.

    `path` is the attribute, `id` the session, if it is known.
    """

    def __init__(self, path: str, *, why: str, id: str = "") -> None:
        where = f" in session {shown(id)}" if id else ""
        super().__init__(
            f"the stored value of {path}{where} cannot be decoded ({why});"
            " remove it, or upgrade what reads it"
        )
        self.path = path
        self.id = id
        self.why = why

    def within(self, id: str) -> UndecodableValue:
        """Return the same for a session."""
        return UndecodableValue(self.path, why=self.why, id=id)


class ValueTooLarge(SessionStoreError, ValueError):
    """A session, or one value, would hold more than the store takes; nothing was written."""

    def __init__(self, id: str, *, size: int, limit: int, why: str = "") -> None:
        what = why or f"session {shown(id)} would hold"
        help_ = "store less" if why else "store less or raise max_bytes"
        super().__init__(f"{what} {size} bytes, the limit is {limit}; {help_}")
        self.id = id
        self.size = size
        self.limit = limit


class ConfigError(SessionStoreError, ValueError):
    """An argument, a parameter or a URL that makes no sense."""


class StoreNotFound(ConfigError):
    """There is no store with this prefix at this URL, and `connect` was not to make one."""


class JobRefused(SessionStoreError):
    """A job was not taken.

    `limit` is `session`, `owner`, `queue` (too many jobs live; `value` is how many may, and
    `retry_after` when to try again, in seconds), `size`, `parameters` (`why` says what its engine
    wants), or `state`: it cannot be done again, or adopted, as it is.
    """

    def __init__(
        self, limit: str, *, value: int = 0, retry_after: float | None = None, why: str = ""
    ) -> None:
        many = f"{value} jobs live already; wait for one, or try again in {retry_after} s"
        super().__init__(f"the job was refused ({limit}): {why or many}")
        self.limit = limit
        self.value = value
        self.retry_after = retry_after
        self.why = why


class JobNotFound(SessionStoreError):
    """There is no such job, or none that the acting user may know of; or it ended long ago."""

    def __init__(self, id: str) -> None:
        super().__init__(f"job {shown(id)} not found; its record is kept for a while after its end")
        self.id = id


class JobNotOver(SessionStoreError, TimeoutError):
    """A job was not over when the wait for it was."""

    def __init__(self, id: str) -> None:
        super().__init__(f"job {shown(id)} is not over yet; wait longer, or cancel it")
        self.id = id


class JobFailed(SessionStoreError):
    """A job has failed; `errors` has what its engine says of it, the topmost first."""

    def __init__(self, id: str, *, errors: tuple[object, ...] = (), why: str = "") -> None:
        super().__init__(f"job {shown(id)} has failed: {why or 'its errors say why'}")
        self.id = id
        self.errors = errors
        self.why = why


class JobCancelled(SessionStoreError):
    """A job was cancelled; `reason` says why."""

    def __init__(self, id: str, *, reason: str) -> None:
        super().__init__(f"job {shown(id)} was cancelled ({reason})")
        self.id = id
        self.reason = reason


class JobLost(SessionStoreError):
    """The workers that ran a job were lost, more often than it may lose them."""

    def __init__(self, id: str) -> None:
        super().__init__(f"job {shown(id)} was lost with its workers; retry it, or look at them")
        self.id = id


class StoreClosed(SessionStoreError):
    """The store was closed; what it had open stays open until its lease ends."""

    def __init__(self, message: str = "the store was closed; connect again") -> None:
        super().__init__(message)


class StoreUnavailable(SessionStoreError):
    """The server cannot be reached, or refuses to work (read-only, out of memory, too old).

    `unknown` is True if the operation may have taken effect all the same.
    """

    def __init__(self, message: str, *, unknown: bool = False) -> None:
        super().__init__(message)
        self.unknown = unknown


class TimedOut(StoreUnavailable):
    """No answer came in time: whether the operation took effect is unknown."""

    def __init__(self, message: str) -> None:
        super().__init__(message, unknown=True)
