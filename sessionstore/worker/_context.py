"""What the code of a job sees of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from sessionstore._checks import Duration, check_id
from sessionstore.errors import ConfigError
from sessionstore.jobs.stopped import Stopped
from sessionstore.worker._failures import encoded

__all__ = ["AsyncJobContext", "Facts", "Files", "JobContext"]


class Facts(NamedTuple):
    """What is known of a job when it starts."""

    id: str
    session: str
    name: str
    attempt: int
    fence: int
    files: tuple[str, ...]


class Context:
    """What both kinds share.

    The teller takes in what the job tells and asks: in a `with`, what is told is sent when it is
    due. What it is asked for is awaited in asyncio.
    """

    __slots__ = ("_facts", "_teller")

    def __init__(self, teller: Any, facts: Facts) -> None:
        self._teller = teller
        self._facts = facts

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    @property
    def id(self) -> str:
        """The id of the job."""
        return self._facts.id

    @property
    def session(self) -> str:
        """The id of its session (SID), as it was when the job was started."""
        return self._facts.session

    @property
    def name(self) -> str:
        """Its name, `Engine.Job`."""
        return self._facts.name

    @property
    def attempt(self) -> int:
        """Which try this is, from 1; those that were lost with their workers do not count."""
        return self._facts.attempt

    @property
    def fence(self) -> int:
        """The number of this start, above that of any before: for other systems to compare."""
        return self._facts.fence

    @property
    def stopping(self) -> Stopped | None:
        """Why the job is to stop; None if it is not."""
        found: Stopped | None = self._teller.stopping
        return found

    def check(self) -> None:
        """Raise Stopped if the job is to stop."""
        if (why := self.stopping) is not None:
            raise why

    def progress(self, fraction: float, text: str = "") -> None:
        """Tell how far the job is, from 0 to 1, and at what.

        It costs little to call often: of what is told within 50 ms, the last counts.
        """
        with self._teller as tellings:
            tellings.progress(fraction, text)

    def status(self, value: Any) -> None:
        """Tell a value of up to 64 KB; none is lost, and the last one is kept with the job."""
        body = encoded(value, "status")
        with self._teller as tellings:
            tellings.event("status", body, {"j": body})

    def log(self, text: str) -> None:
        """Tell a line of the job's log.

        Lines are sent every 100 ms; of more than 16 KB in that time only the number is told.
        """
        with self._teller as tellings:
            tellings.log(text)


class AsyncJobContext(Context):
    """A running job, for an `async` function, to be used in the event loop of the worker."""

    __slots__ = ()

    @property
    def files(self) -> Files:
        """The files of the job: `await job.files["name"]` gives the bytes of one."""
        return Files(self._teller, self._facts.files)

    async def ask(
        self,
        type: str,  # noqa: A002 - the word of the face
        body: Any = None,
        *,
        timeout: Duration | None = None,  # noqa: ASYNC109 - of the question
        default: Any = None,
    ) -> Any:
        """Ask the sinks of the session; return what the first of them answers.

        Args:
            type: of the question, for those who answer.
            body: what it is about.
            timeout: seconds to wait; None: as long as the job runs.
            default: what to return if there is no answer in time.

        Raises:
            JobFailed: it was answered with errors.
        """
        return await self._teller.ask(type, body, timeout, default)

    async def attach(self, name: str, data: bytes) -> None:
        """Give the job a file, which is kept as long as its record.

        One of that name that it has already is put anew. Raises ConfigError for a name that is not
        1 to 255 bytes, printable; JobRefused if the files of the job are too large.
        """
        await self._teller.attach(check_id(name, "the name of a file"), _checked(data))


class JobContext(Context):
    """A running job, for a plain function, to be used in its main thread."""

    __slots__ = ()

    @property
    def files(self) -> Files:
        """The files of the job: `job.files["name"]` gives the bytes of one."""
        return Files(self._teller, self._facts.files)

    def ask(
        self,
        type: str,  # noqa: A002 - the word of the face
        body: Any = None,
        *,
        timeout: Duration | None = None,
        default: Any = None,
    ) -> Any:
        """Ask the sinks of the session; see `AsyncJobContext.ask`."""
        return self._teller.ask(type, body, timeout, default)

    def attach(self, name: str, data: bytes) -> None:
        """Give the job a file; see `AsyncJobContext.attach`."""
        self._teller.attach(check_id(name, "the name of a file"), _checked(data))


class Files(Mapping[str, Any]):
    """The files that a job was submitted with, by name; read when they are asked for."""

    def __init__(self, teller: Any, names: tuple[str, ...]) -> None:
        self._teller = teller
        self._names = names

    def __getitem__(self, name: str) -> Any:
        if name not in self._names:
            raise KeyError(name)
        return self._teller.read(name)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _checked(data: bytes) -> bytes:
    if not isinstance(data, bytes | bytearray | memoryview):
        raise ConfigError(f"a file is bytes, not {type(data).__name__}")
    return bytes(data)
