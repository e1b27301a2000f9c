"""An access log is read whatever server wrote it, and a bad line costs that line only."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from sessionstore.cli.replay.access_log import Request, UnreadableLog, parse, read

COMMON = b'192.0.2.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /a.gif HTTP/1.0" 200 2326'
COMBINED = COMMON + b' "http://www.example.com/" "Mozilla/5.0 (it says \\"hi\\")"'


@pytest.mark.parametrize(
    ("line", "client", "path"),
    [
        (COMMON, "192.0.2.1", "/a.gif"),
        (COMBINED, "192.0.2.1", "/a.gif"),
        (COMMON + b"\r\n", "192.0.2.1", "/a.gif"),
        (COMBINED + b' 0.003 "more of nginx"', "192.0.2.1", "/a.gif"),
        (COMMON.replace(b"192.0.2.1", b"2001:db8::1"), "2001:db8::1", "/a.gif"),
        (COMMON.replace(b"192.0.2.1", b"host.example.net"), "host.example.net", "/a.gif"),
        (COMMON.replace(b"frank", b"frank of the web"), "192.0.2.1", "/a.gif"),
        (COMMON.replace(b"2326", b"-"), "192.0.2.1", "/a.gif"),
        (COMMON.replace(b" HTTP/1.0", b""), "192.0.2.1", "/a.gif"),
        (COMMON.replace(b"GET /a.gif HTTP/1.0", b"-"), "192.0.2.1", "-"),
        (COMMON.replace(b"GET /a.gif HTTP/1.0", b""), "192.0.2.1", ""),
        (COMMON.replace(b"a.gif", b'a\\"b'), "192.0.2.1", '/a\\"b'),
        (COMMON.replace(b"a.gif", "ä".encode()), "192.0.2.1", "/ä"),
        (COMMON.replace(b"a.gif", b"\xe4"), "192.0.2.1", "/ä"),
    ],
)
def test_a_line_tells_client_and_path(line: bytes, client: str, path: str) -> None:
    assert parse(line) == Request(client, path)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"hello",
        b"\x00\x01\x02\xff",
        COMMON[:40],
        COMMON.replace(b'"', b"'"),
        COMMON.replace(b"200", b"OK"),
        COMMON.replace(b"[", b"("),
        COMMON.replace(b"192.0.2.1", b"192\x07"),
        COMMON.replace(b"192.0.2.1", b"x" * 300),
    ],
)
def test_a_malformed_line_tells_nothing(line: bytes) -> None:
    assert parse(line) is None


def test_a_very_long_path_is_cut() -> None:
    request = parse(COMMON.replace(b"a.gif", b"a" * 9000))
    assert request is not None
    assert len(request.path) == 2000


def test_malformed_lines_are_counted_and_blank_ones_are_not(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(COMMON + b"\nwhat?\n\n" + COMBINED + b"\n" + b"x" * 200_000 + b"\n" + COMMON)
    assert read(log).malformed == 2
    assert len(read(log).requests) == 3


@pytest.mark.parametrize("name", ["access.log", "access.log.gz"])
@pytest.mark.parametrize("packed", [True, False])
def test_gzip_is_known_by_content_and_not_by_name(tmp_path: Path, name: str, packed: bool) -> None:
    log = tmp_path / name
    log.write_bytes(gzip.compress(COMMON) if packed else COMMON)
    assert read(log).requests == [Request("192.0.2.1", "/a.gif")]


def unreadable(path: Path) -> str:
    with pytest.raises(UnreadableLog) as caught:
        read(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_cannot_be_read_is_said_in_one_line(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert "No such file" in unreadable(log)
    assert "directory" in unreadable(tmp_path)
    packed = gzip.compress(b"\n".join([COMMON] * 1000))
    log.write_bytes(packed[:-20])
    assert "cut off" in unreadable(log)
    log.write_bytes(packed[:20] + b"\xff" * 40 + packed[60:])
    assert "gzip" in unreadable(log) or "cannot read" in unreadable(log)
    log.write_bytes(b"this is\nnot a log\n")
    assert "no line" in unreadable(log)
    log.write_bytes(b"")
    assert "no line" in unreadable(log)
