"""On whose behalf a job looks at sessions: that of the user whose session it is of."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from sessionstore import (
    AsyncSessionStore,
    ConfigError,
    JobFailed,
    NotPermitted,
    SessionEnded,
    SessionNotFound,
)
from sessionstore.dialects.oxsvr import Number

__all__ = ["Acting", "Desk", "Job", "refusal", "refusing"]


class Job(Protocol):
    """What these engines want of a job."""

    @property
    def session(self) -> str:
        """The id of its session."""


@dataclass(frozen=True)
class Acting:
    """Who has a job done."""

    view: AsyncSessionStore
    """The store as this user sees it."""

    own: str
    """The id of the session of the job."""


@dataclass(frozen=True)
class Desk:
    """The store, and which users may do to all sessions what others may do to their own."""

    store: AsyncSessionStore
    administrators: frozenset[str] = frozenset()

    async def acting(self, job: Job) -> Acting:
        """Return on whose behalf a job is done; JobFailed if that is nobody known."""
        with refusing():
            session = await self.store.read(job.session)
        owner = session.owner
        if owner in ("", "*"):
            raise refusal(Number.E_ACCESSDENIED, "the session is nobody's; log in first")
        view = self.store.as_user(owner, privileged=owner in self.administrators)
        return Acting(view, session.id)


def refusal(code: int, text: str) -> JobFailed:
    """Return the error of a job that says this."""
    told = {"code": int(code), "text": text, "source": "", "line": 0, "info": []}
    return JobFailed("", errors=(told,), why=text)


@contextmanager
def refusing() -> Iterator[None]:
    """Say in the numbers of the dialect what a store says in errors."""
    try:
        yield
    except (SessionNotFound, SessionEnded) as gone:
        raise refusal(Number.errNoSession, "there is no such session") from gone
    except NotPermitted as error:
        raise refusal(Number.E_ACCESSDENIED, str(error)) from error
    except ConfigError as error:
        raise refusal(Number.E_INVALIDARG, str(error)) from error
