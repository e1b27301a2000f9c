"""Access logs in Common or Combined Log Format, as all web servers write them.

HOST IDENT USER [TIME] "METHOD PATH PROTOCOL" STATUS BYTES ["REFERRER" "USER AGENT" ...]
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, NamedTuple

__all__ = ["Log", "Request", "UnreadableLog", "parse", "read"]

LINE = re.compile(
    r"(?P<host>\S{1,240}) \S+ .+? \[[^\]]+\] "
    r'"(?P<request>(?:[^"\\]|\\.)*)" (?:\d{3}|-) (?:\d+|-)(?: .*)?'
)
GZIP = b"\x1f\x8b"
LONGEST_LINE = 1 << 16
LONGEST_PATH = 2000  # characters; what is longer is cut


class UnreadableLog(Exception):
    """A log that cannot be read, or has no line that is one."""


class Request(NamedTuple):
    """What a line of a log tells that matters here."""

    client: str
    path: str


@dataclass(frozen=True, slots=True)
class Log:
    """The requests of a log in its order, and how many lines were none."""

    requests: list[Request]
    malformed: int


def read(path: Path) -> Log:
    """Read a log, plain or compressed with gzip, whatever its name.

    Raises UnreadableLog, with a message of one line.
    """
    requests: list[Request] = []
    malformed = 0
    known: dict[str, str] = {}  # the same few texts come again and again: keep each once
    try:
        with path.open("rb") as file:
            for line in _lines(_unpacked(file)):
                if request := parse(line):
                    requests.append(Request(*(known.setdefault(text, text) for text in request)))
                elif line.strip():
                    malformed += 1
    except (EOFError, zlib.error):
        raise UnreadableLog(f"cannot read {path}: the gzip file is cut off or damaged") from None
    except OSError as error:
        raise UnreadableLog(f"cannot read {path}: {error.strerror or error}") from None
    if not requests:
        raise UnreadableLog(
            f"no line of {path} is in Common or Combined Log Format ({malformed} are in none)"
        )
    return Log(requests, malformed)


def parse(line: bytes) -> Request | None:
    """Return the request that a line tells of, or None if the line is malformed.

    Text that is not UTF-8 is taken for Latin-1, so that any path can be stored.
    """
    try:
        text = line.decode()
    except UnicodeDecodeError:
        text = line.decode("latin-1")
    found = LINE.fullmatch(text.rstrip("\r\n"))
    if found is None or not found["host"].isprintable():
        return None
    words = found["request"].split(" ")
    # What browsers did not send may be anything; then all of it stands for the path.
    path = words[1] if len(words) in (2, 3) and words[1] else found["request"]
    return Request(found["host"], path[:LONGEST_PATH])


def _unpacked(file: BufferedReader) -> BinaryIO:
    packed = file.peek(len(GZIP))[: len(GZIP)] == GZIP
    return gzip.GzipFile(fileobj=file) if packed else file  # type: ignore[return-value]


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines; of one that is far too long only its beginning, which will be malformed."""
    goes_on = False
    while line := file.readline(LONGEST_LINE):
        if not goes_on:
            yield line if len(line) < LONGEST_LINE else line[:100]
        goes_on = not line.endswith(b"\n")
