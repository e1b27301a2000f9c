"""A server of our own on this machine, for those who have none: what `embedded://` stands for.

One directory is one server. Whoever names the directory first starts it, all others share it, and
whoever comes after it was killed starts it again with everything that was acknowledged.

The server runs in a session of its own, is nobody's child and holds none of our descriptors. So it
outlives the process that started it, and no exit, fork or signal of a process of ours reaches it.
It does not stop by itself, however idle (about 7 MB): `EmbeddedServer(directory).stop()` stops it.
All who share a directory must run on one machine and see the same process ids (one container).
There is no replica and no TLS; for more than one machine give the URL of a server.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

from sessionstore.embedded._binary import find_server
from sessionstore.embedded._server import address, answers, locked, recorded, start, stop
from sessionstore.errors import ConfigError, StoreUnavailable

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["EmbeddedServer", "connect_or_start", "find_server"]


def connect_or_start(directory: Path | str | None = None) -> str:
    """Return the URL of the running server of a directory, starting it if nobody has.

    Every process that names the directory gets the same server. It stays when this process ends,
    and until `EmbeddedServer(directory).stop()` is called.

    Args:
        directory: where its data is kept for good; made (0700) if missing. None is one directory
            per user: `$XDG_STATE_HOME/sessionstore`, else `~/.local/state/sessionstore`.

    Returns:
        A `unix://` URL that holds in every process on this machine.

    Raises:
        StoreUnavailable: there is no server binary, it does not start, or it does not answer.
        ConfigError: the directory is not ours alone, or None is given and there is no home.
    """
    server = EmbeddedServer(_user_directory() if directory is None else directory)
    server.start()
    return server.url


class EmbeddedServer:
    """The server of a directory; as a context manager it runs for the length of the block.

    Leaving the block stops the server if entering it had started it, except in a forked child:
    there the server belongs to the parent.

    Args:
        directory: where its data is kept for good; made (0700) if missing. None is a temporary
            directory, which `stop` removes.
    """

    def __init__(self, directory: Path | str | None = None) -> None:
        self._directory = None if directory is None else Path(directory).resolve()
        self._temporary = directory is None
        self._starter: int | None = None

    def __repr__(self) -> str:
        return f"EmbeddedServer({str(self._directory) if self._directory else None!r})"

    @property
    def directory(self) -> Path:
        """Where the data is; StoreUnavailable if it is temporary and the server is not started."""
        if self._directory is None:
            raise StoreUnavailable("a temporary server has no directory yet; start it first")
        return self._directory

    @property
    def url(self) -> str:
        """The `unix://` URL of the server, for any process on this machine."""
        return f"unix://{quote(os.fsencode(address(self.directory)))}"

    @property
    def pid(self) -> int | None:
        """The process id of the server, or None if it does not run."""
        process = recorded(self._directory) if self._directory else None
        return process.pid if process and process.alive else None

    @property
    def running(self) -> bool:
        """Whether the server is there and answers."""
        return self._directory is not None and answers(address(self._directory))

    def start(self) -> bool:
        """Start the server unless it runs, and return once it answers.

        Returns:
            True if this call started it, False if it was running.

        Raises:
            StoreUnavailable: there is no server binary, it does not start, or it does not answer.
            ConfigError: the directory is not ours alone.
        """
        if self._directory is None:
            self._directory = Path(tempfile.mkdtemp(prefix="sessionstore-")).resolve()
        try:
            started = start(self._directory)
        except BaseException:
            if self._temporary:
                self.stop()
            raise
        if started:
            self._starter = os.getpid()
        return started

    def stop(self) -> None:
        """Stop the server, whoever started it; do nothing if it does not run.

        Every acknowledged write is kept, unless the directory is temporary: then it is removed.

        Raises:
            StoreUnavailable: the server does not end, or somebody keeps the directory locked.
            ConfigError: the directory is not ours alone.
        """
        if self._directory is None or not self._directory.is_dir():
            return
        with locked(self._directory):
            stop(self._directory)
        self._starter = None
        if self._temporary:
            shutil.rmtree(self._directory)
            self._directory = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._starter == os.getpid():
            self.stop()


def _user_directory() -> Path:
    state = Path(os.environ.get("XDG_STATE_HOME", ""))
    if not state.is_absolute():  # the specification says to ignore such a value
        try:
            state = Path.home() / ".local" / "state"
        except RuntimeError as error:
            raise ConfigError("no home directory for embedded://; say embedded:///dir") from error
    return state / "sessionstore"
