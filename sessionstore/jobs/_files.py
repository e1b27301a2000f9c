"""The files that a job is given: bytes, paths, or open files, read before anything else is done."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from sessionstore._checks import check_id
from sessionstore._core.jobs.files import MOST_BYTES
from sessionstore.errors import ConfigError, JobRefused

__all__ = ["File", "loaded"]

File = bytes | str | os.PathLike[str] | BinaryIO
"""What a file of a job is read from: its bytes, a path, or a file that is open for reading them."""


def loaded(files: Any) -> dict[str, bytes]:
    """Return files (a mapping of names to `File`, or None) as bytes by name.

    Raises JobRefused if they are too large; OSError, ConfigError.
    """
    if files is None:
        return {}
    if not isinstance(files, Mapping):
        raise ConfigError(f"files are a mapping of names to files, not {type(files).__name__}")
    contents: dict[str, bytes] = {}
    room = MOST_BYTES
    for name, file in files.items():
        contents[check_id(name, "the name of a file")] = content = _content(name, file, room)
        room -= len(content)
        if room < 0:
            why = f"its files have more than {MOST_BYTES} bytes"
            raise JobRefused("size", value=MOST_BYTES, why=why)
    return contents


def _content(name: str, file: Any, room: int) -> bytes:
    if isinstance(file, (bytes, bytearray, memoryview)):
        return bytes(file)
    if isinstance(file, (str, os.PathLike)):
        with Path(file).open("rb") as opened:
            return opened.read(room + 1)
    return _read(name, file, room + 1)


def _read(name: str, file: Any, most: int) -> bytes:
    """Read an open file; a pipe gives what it has by now, and perhaps not all of it."""
    content = b""
    while len(content) < most:
        piece = file.read(most - len(content)) if hasattr(file, "read") else None
        if not isinstance(piece, bytes):
            kinds = "bytes, a path, or a file open for reading bytes"
            raise ConfigError(f"the file {name!r} must be {kinds}")
        if not piece:
            break
        content += piece
    return content
