"""A store URL means one thing or is refused, and no part of its user or password is ever shown."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Iterator

import pytest

from sessionstore import AsyncSessionStore, ConfigError, SessionStore, SessionStoreError
from sessionstore._redis.connect import connect
from sessionstore._redis.urls import Place, parse_url
from sessionstore.cli.app import run
from sessionstore.cli.replay.app_server import Where

USER, FIRST, LAST = "zz77zz", "4411", "qq88qq"
SPECIAL = [
    "/",
    "?",
    "#",
    "@",
    "[",
    "]",
    "[x]",
    ":",
    "%",
    "\\",
    " ",
    "℀",
    "\n",
    "\0",
    "é",
    "?db=",
    "//",
]
SHAPES = [
    "redis://{login}@127.0.0.1:1/0",
    "rediss://{login}@127.0.0.1:1",
    "unix://{login}@/nowhere/server.sock",
    "redis+sentinel://{login}@127.0.0.1:1,127.0.0.1:2/mymaster/0",
    "redis+cluster://{login}@127.0.0.1:1",
    "rediss://{login}@127.0.0.1:1/3?ssl_cert_reqs=none&ssl_check_hostname=no",
    "redis+sentinel://{login}@127.0.0.1:1/mymaster?tls=yes&ssl_cert_reqs=none",
    "redis+cluster://{login}@127.0.0.1:1?tls=yes&ssl_cert_reqs=none&ssl_check_hostname=no",
    "embedded://{login}@/nowhere",
    "redis://{login}",
    "redis+cluster://{login}",
    "{login}@127.0.0.1:1",
    "redis:{login}@127.0.0.1:1",
    "http://{login}@127.0.0.1:1",
    "redis://{login}@127.0.0.1:port",
    "redis://{login}@[::1:1",
    "redis://{login}@127.0.0.1:1/0?{login}=1",
    "redis+sentinel://{login}@127.0.0.1:1/mymaster/x",
]
LOGINS = [f"{USER}:{FIRST}{special}{LAST}" for special in SPECIAL] + [
    f":{FIRST}{special}{LAST}" for special in SPECIAL
]


def said_by(error: BaseException | None) -> Iterator[str]:
    """All that any of the errors in a chain would show, suppressed ones included."""
    seen: list[BaseException] = []
    pending = [error]
    while pending:
        one = pending.pop()
        if one is not None and one not in seen:
            seen.append(one)
            told = f"{one} {one!r} {one.args} {getattr(one, '__notes__', '')}"
            yield re.sub(r"\bat 0x[0-9a-f]+", "", told)  # an address may look like a port
            pending += [one.__cause__, one.__context__]


def logins(shape: str) -> list[str]:
    # Where no host follows, what follows an @ is one.
    return [login for login in LOGINS if "@" in shape or "@" not in login]


def parts_shown(url: str, text: str) -> list[str]:
    return [part for part in (USER, FIRST, LAST) if part in url and part in text]


@pytest.mark.parametrize("shape", SHAPES)
def test_no_part_of_a_login_is_in_an_error_or_behind_it(shape: str) -> None:
    for login in logins(shape):
        url = shape.format(login=login)
        errors: list[BaseException] = []
        with pytest.raises(SessionStoreError) as caught, SessionStore.connect(url):
            pass
        errors.append(caught.value)

        async def attempt(url: str = url) -> None:
            async with AsyncSessionStore.connect(url):
                pass

        with pytest.raises(SessionStoreError) as caught:
            asyncio.run(attempt())
        errors.append(caught.value)
        for error in errors:
            for text in said_by(error):
                assert parts_shown(url, text) == [], (url, text)


@pytest.mark.parametrize("shape", SHAPES)
def test_no_part_of_a_login_is_on_the_terminal(
    shape: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for login in logins(shape)[::6]:
        url = shape.format(login=login)
        if "\0" not in url:
            monkeypatch.setenv("SESSIONSTORE_URL", url)
        for words in (
            ("ls", "--url", url),
            ("ls", "--help"),
            ("ls", url),
            ("--url", url, "ls"),
            ("doctor", "--url", url),
            ("replay", "/nowhere", "--url", url),
            (url,),
            (f"--url{url}", "ls"),
            ("ls", f"--ur={url}"),
            ("up", "--url", url),
        ):
            run(words)
            said = "".join(capsys.readouterr())
            assert parts_shown(url, said) == [], (words, said)


def test_the_client_of_a_url_does_not_show_its_login() -> None:
    for scheme in ("redis://", "rediss://", "redis+sentinel://"):
        deployment = connect(f"{scheme}{USER}:{LAST}@127.0.0.1:1/{'m' if '+' in scheme else ''}")
        with contextlib.closing(deployment.client):
            assert parts_shown(USER + LAST, repr(deployment)) == []
    where = Where(f"redis://{USER}:{LAST}@h", "ss", 256)
    assert parts_shown(USER + LAST, repr(where)) == []
    assert parts_shown(USER + LAST, repr(parse_url(f"redis://{USER}:{LAST}@h"))) == []


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("redis://", Place("redis", (("localhost", 6379),))),
        ("redis://h", Place("redis", (("h", 6379),))),
        ("REDIS://h:1/2", Place("redis", (("h", 1),), database=2)),
        ("redis://h?db=2", Place("redis", (("h", 6379),), database=2)),
        ("redis://[::1]:7", Place("redis", (("::1", 7),))),
        ("redis://u:p%2Fq@h", Place("redis", (("h", 6379),), "u", "p/q")),
        ("redis://u:p:q@r@h", Place("redis", (("h", 6379),), "u", "p:q@r")),
        ("redis://:p@h", Place("redis", (("h", 6379),), None, "p")),
        ("redis://u@h", Place("redis", (("h", 6379),), "u")),
        ("rediss://h", Place("rediss", (("h", 6379),), tls=True)),
        (
            "rediss://h?ssl_cert_reqs=none&ssl_check_hostname=no&ssl_ca_certs=/a%20b",
            Place(
                "rediss",
                (("h", 6379),),
                tls=True,
                options={
                    "ssl_cert_reqs": "none",
                    "ssl_check_hostname": False,
                    "ssl_ca_certs": "/a b",
                },
            ),
        ),
        ("unix:///a%20b/c%25?db=3", Place("unix", (), path="/a b/c%", database=3)),
        ("unix://u:p@/s", Place("unix", (), "u", "p", path="/s")),
        (
            "redis+sentinel://u:p@a,b:2,[::1]:3/my%20m/4?tls=yes",
            Place(
                "redis+sentinel",
                (("a", 6379), ("b", 2), ("::1", 3)),
                *("u", "p"),
                path="my m",
                database=4,
                tls=True,
            ),
        ),
        ("redis+cluster://a,b:2?tls=no", Place("redis+cluster", (("a", 6379), ("b", 2)))),
    ],
)
def test_a_url_means(url: str, place: Place) -> None:
    assert parse_url(url) == place


NONSENSE = re.findall(
    r"\S+",
    """
redis redis: redis:/h redis//h http://h redis://h:0x1 redis://h:70000 redis://h: redis://h/x
redis://h/1/2 redis://h#1 redis://h/0?nonsense=1 redis://h?db=x redis://h?tls=yes redis://a,b
redis://h?decode_responses=1 redis://h?ssl_ca_certs=/a rediss://h?ssl_cert_reqs=sometimes
unix:// unix://host/path unix:///p#1 unix:///p%00
redis+sentinel://h redis+sentinel:///m redis+sentinel://h/m/x
redis+cluster:// redis+cluster://h/3 redis+cluster://h?tls=perhaps
embedded:dir embedded://h embedded://h/dir embedded:///d?x=1 embedded:///d#x embedded:///a%00b
""",
)


@pytest.mark.parametrize("url", [*NONSENSE, "", " ", "redis://h\n", " redis://h", "redis://a b"])
def test_a_url_that_means_nothing_is_refused_at_once(url: str) -> None:
    with pytest.raises(ConfigError, match="URL"):
        SessionStore.connect(url)
