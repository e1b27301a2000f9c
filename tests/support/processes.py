"""Real processes for tests: each does one job, talks over a pipe of its own, and can be killed.

They end with the process that started them, and after a while in any case.
"""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import signal
import sys
import threading
import traceback
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType

__all__ = ["Child", "Pipe", "all_of", "children", "interruptible"]

if TYPE_CHECKING:
    Pipe = Connection[Any, Any]
else:
    Pipe = Connection

LONGEST_LIFE = 120.0
PATIENCE = 60.0

# They are forked from a server that has the modules loaded and no threads: so each is there in
# milliseconds, and shares nothing with the tests.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["pytest", "tests.faults.jobs"])


class Failed(NamedTuple):
    """What a child says last if its job raised an error."""

    trace: str


class Child:
    """A process that runs `job(pipe, *arguments)`; what it sends is what `hear` returns."""

    def __init__(self, job: Callable[..., None], *arguments: Any) -> None:
        self._pipe, theirs = CONTEXT.Pipe()
        self._process = CONTEXT.Process(
            target=_work, args=(theirs, job, arguments), daemon=True, name=job.__name__
        )
        self._process.start()
        theirs.close()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.is_alive()

    def tell(self, word: Any) -> None:
        """Send it something."""
        self._pipe.send(word)

    def hears_within(self, seconds: float) -> bool:
        """Whether it says something within that time, or ends."""
        return self._pipe.poll(seconds)

    def hear(self, timeout: float = PATIENCE) -> Any:
        """Return what it says next; an error if it failed, or says nothing."""
        assert self._pipe.poll(timeout), f"{self._process.name} says nothing for {timeout:g} s"
        said = self._pipe.recv()
        assert not isinstance(said, Failed), f"{self._process.name} failed:\n{said.trace}"
        return said

    def end(self, timeout: float = PATIENCE) -> None:
        """Wait until it has ended by itself."""
        self._process.join(timeout)
        assert self._process.exitcode == 0, f"{self._process.name}: {self._process.exitcode}"

    def kill9(self) -> None:
        """Kill it, and return when it is dead."""
        self._process.kill()
        self._process.join(PATIENCE)

    def pause(self) -> None:
        """Let it hang."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill9()
        self._pipe.close()


@contextlib.contextmanager
def children(count: int, job: Callable[..., None], *arguments: Any) -> Iterator[list[Child]]:
    """Start many that do the same job; `job` gets its number after the pipe."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Child(job, number, *arguments)) for number in range(count)]


def all_of(crowd: Iterable[Child], timeout: float = PATIENCE) -> list[Any]:
    """Return what each of them says next."""
    return [child.hear(timeout) for child in crowd]


def interruptible() -> None:
    """Give a new process SIGINT as it is by default (`preexec_fn`).

    What a shell without job control runs in the background (`make test &`) ignores it, and so would
    all that it starts.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _work(pipe: Pipe, job: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if sys.platform == "linux":  # reaches even one that is stopped
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    try:
        job(pipe, *arguments)
    except BaseException:
        with contextlib.suppress(OSError):
            pipe.send(Failed(traceback.format_exc()))
        raise


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    wait([parent.sentinel] if parent else [], LONGEST_LIFE)
    os._exit(1)
