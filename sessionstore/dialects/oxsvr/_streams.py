"""The bytes of a parameter or a file, a piece at a time."""

from __future__ import annotations

import os
from typing import Any, BinaryIO

from sessionstore.dialects.oxsvr._com import ComError, Number
from sessionstore.dialects.oxsvr._values import ParameterType, converted

__all__ = ["append_chunk", "clear_stream", "get_chunk", "size_of"]


def append_chunk(stream: BinaryIO, data: Any) -> None:
    """Put bytes behind the last, and leave the position there; text becomes wide characters."""
    content = converted(data, ParameterType.ptBinary)
    stream.seek(0, os.SEEK_END)
    stream.write(content)


def get_chunk(stream: BinaryIO, length: Any) -> bytes:
    """Return so many bytes from the position on, or those that are left."""
    if isinstance(length, bool) or not isinstance(length, int) or length < 0:
        raise ComError(
            Number.DISP_E_TYPEMISMATCH, description="the length is a number of bytes, 0 or more"
        )
    return stream.read(length)


def clear_stream(stream: BinaryIO) -> None:
    """Remove all bytes."""
    stream.seek(0)
    stream.truncate()


def size_of(stream: BinaryIO) -> int:
    """Return how many bytes there are; the position stays."""
    at = stream.tell()
    size = stream.seek(0, os.SEEK_END)
    stream.seek(at)
    return size
