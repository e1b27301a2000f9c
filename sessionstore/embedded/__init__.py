"""A server of our own on this machine, for those who have none: what `embedded://` stands for.

One directory is one server. Whoever names the directory first starts it, all others share it, and
whoever comes after it was killed starts it again with everything that was acknowledged.

The server runs in a session of its own, is nobody's child and holds none of our descriptors. So it
outlives the process that started it, and no exit, fork or signal of a process of ours reaches it.
It does not stop by itself, however idle (about 7 MB): `EmbeddedServer(directory).stop()` stops it,
and then it stays stopped until somebody connects or starts it anew. Stop it before you remove its
directory; if you did not, the next one who starts or stops a server there ends the old one.
All who share a directory must run on one machine and see the same process ids (one container).
There is no replica and no TLS; for more than one machine give the URL of a server.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

from sessionstore.embedded._binary import find_server
from sessionstore.embedded._directory import address, noted
from sessionstore.embedded._server import State, look, revive, start, stop
from sessionstore.errors import ConfigError, StoreNotFound, StoreUnavailable

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["EmbeddedServer", "connect_or_start", "find_server", "restart_if_killed"]


_DATA = "appendonlydir"


def connect_or_start(directory: Path | str | None = None, *, create: bool = True) -> str:
    """Return the URL of the running server of a directory, starting it if nobody has.

    Every process that names the directory gets the same server. It stays when this process ends,
    and until `EmbeddedServer(directory).stop()` is called. A server that reads its data is waited
    for up to a minute; one that is there and says nothing, for 3 seconds.

    Args:
        directory: where its data is kept for good; made (0700) if missing. None is one directory
            per user: `$XDG_STATE_HOME/sessionstore`, else `~/.local/state/sessionstore`.
        create: False: not in a directory where no server has been before.

    Returns:
        A `unix://` URL that holds in every process on this machine.

    Raises:
        StoreUnavailable: there is no server binary, it does not start, or it does not answer.
        ConfigError: the directory is not ours alone, or None is given and there is no home.
        StoreNotFound: `create` is False, and no server has been there.
    """
    server = EmbeddedServer(_user_directory() if directory is None else directory)
    if not create and not (server.directory / _DATA).is_dir():
        raise StoreNotFound(f"there is no store in {server.directory}; check the URL")
    start(server.directory)
    return server.url


def restart_if_killed(directory: Path | str | None = None) -> None:
    """Start the server of a directory again if it was killed; leave what was stopped, or runs.

    For a client whose call has failed: it takes a few seconds at most and raises no error of the
    store, for what is wrong the client learns from its next try.
    """
    revive(EmbeddedServer(_user_directory() if directory is None else directory).directory)


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
        self._token = secrets.token_hex(8)

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
        told = noted(self._directory) if self._directory else None
        return told.pid if told and told.process.alive else None

    @property
    def running(self) -> bool:
        """Whether the server is there and answers within a second."""
        return self._directory is not None and look(self._directory) is State.READY

    @property
    def started_here(self) -> bool:
        """Whether it was this object that started the server, so that leaving its block stops it.

        Not in a forked child: there the server belongs to the parent.
        """
        if self._starter is not None:
            return self._starter == os.getpid()
        told = noted(self._directory) if self._directory else None
        return told is not None and told.starter == self._name

    @property
    def _name(self) -> str:
        return f"{os.getpid()} {self._token}"

    def start(self) -> bool:
        """Start the server unless it runs, and return once it answers.

        A server that reads its data is waited for up to a minute; one that is there and says
        nothing, for 3 seconds. If the start fails or is interrupted, no server is left by it.

        Returns:
            True if this call started it, False if it was running.

        Raises:
            StoreUnavailable: there is no server binary, it does not start, or it does not answer.
            ConfigError: the directory is not ours alone.
        """
        made = self._directory is None
        try:
            if self._directory is None:
                # The name first: an interruption must not come between a directory and its name.
                name = f"sessionstore-{secrets.token_hex(8)}"
                self._directory = Path(tempfile.gettempdir(), name).resolve()
            if started := start(self._directory, self._name):
                self._starter = os.getpid()
            return started  # noqa: TRY300 - an interruption here, too, must not leave it
        except BaseException:
            if made or self.started_here:
                self.stop()
            raise

    def stop(self) -> None:
        """Stop the server, whoever started it; do nothing if it does not run.

        Every acknowledged write is kept, unless the directory is temporary: then it is removed. No
        client starts it again by itself; whoever connects anew does.

        Raises:
            StoreUnavailable: the server does not end, or somebody keeps the directory locked.
            ConfigError: the directory is not ours alone.
        """
        if self._directory is None:
            return
        stop(self._directory)
        self._starter = None
        if self._temporary:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None

    def _leave(self) -> None:
        """Stop the server if this object has started it."""
        if self.started_here:
            self.stop()

    def __enter__(self) -> Self:
        try:
            self.start()
            return self  # noqa: TRY300 - an interruption here, too, must not leave it
        except BaseException:
            self._leave()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._leave()


def _user_directory() -> Path:
    state = Path(os.environ.get("XDG_STATE_HOME", ""))
    if not state.is_absolute():  # the specification says to ignore such a value
        try:
            state = Path.home() / ".local" / "state"
        except RuntimeError as error:
            raise ConfigError("no home directory for embedded://; say embedded:///dir") from error
    return state / "sessionstore"
