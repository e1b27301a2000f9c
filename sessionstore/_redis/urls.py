"""What a store URL says, strictly: a part that means nothing is an error, and is not repeated.

Nothing that was read from a URL is in an error of this module, nor in an error behind it: if a
special character in a password is not written as `%..`, any part of the URL may be of the password.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

from sessionstore.errors import ConfigError

__all__ = ["SCHEMES", "Place", "parse_url"]

SCHEMES = ("redis", "rediss", "unix", "redis+sentinel", "redis+cluster")
PORT = 6379

URL = re.compile(
    r"(?P<scheme>[a-z+]+)://(?:(?P<login>[^/?#]*)@)?(?P<hosts>[^/?#@]*)"
    r"(?P<path>/[^?#]*)?(?:\?(?P<query>[^#]*))?",
    re.IGNORECASE,
)
HOST = re.compile(
    r"(?:\[([0-9a-f:.]+(?:%\w+)?)\]|([^\s:\[\]%\\]+))(?::([0-9]{1,5}))?", re.IGNORECASE
)
NUMBER = re.compile(r"[0-9]{1,9}")

SWITCH = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
TLS_FILES = ("ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile")
CHECKED = ("none", "optional", "required")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a deployment is, and who we are there."""

    scheme: str
    hosts: tuple[tuple[str, int], ...]
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    path: str = ""
    """Of the socket; or the name of the service that the sentinels watch."""

    database: int = 0
    tls: bool = False
    options: dict[str, Any] = field(default_factory=dict)
    """Of TLS, by the names that redis-py has for them."""


def parse_url(url: str) -> Place:
    """Return what a URL says; ConfigError if it makes no sense."""
    found = URL.fullmatch(url)
    scheme = found["scheme"].lower() if found else ""
    if found is None or scheme not in SCHEMES:
        if any(url.lower().startswith(f"{known}://") for known in SCHEMES):
            raise _malformed("write # as %23 in user and password")
        raise ConfigError(
            f"a store URL begins with {', '.join(f'{known}://' for known in SCHEMES)}"
            " or embedded://"
        )
    path, query = found["path"] or "", found["query"] or ""
    if "@" in query or ("@" in path and scheme != "unix"):
        raise _malformed("write / as %2F, ? as %3F and @ as %40 in user and password")
    options = dict(_options(query, secure=scheme == "rediss"))
    tls = options.pop("tls", scheme == "rediss")
    if tls and scheme in ("redis", "unix"):
        raise _malformed("for TLS to one server it begins with rediss://")
    place, database = _place(scheme, path)
    if (asked := options.pop("db", database)) and scheme == "redis+cluster":
        raise _malformed("a cluster has no database but 0")
    user, _, password = (found["login"] or "").partition(":")
    return Place(
        scheme,
        tuple(_hosts(scheme, found["hosts"])),
        unquote(user) or None,
        unquote(password) or None,
        place,
        asked,
        tls,
        options,
    )


def _hosts(scheme: str, text: str) -> Iterator[tuple[str, int]]:
    if scheme == "unix":
        if text:
            raise _malformed("the path of a socket is absolute: unix:///path")
        return
    if not text and scheme in ("redis", "rediss"):
        text = "localhost"
    hosts = text.split(",")
    if len(hosts) > 1 and scheme in ("redis", "rediss"):
        raise _malformed("several hosts are for redis+sentinel:// and redis+cluster://")
    for host in hosts:
        found = HOST.fullmatch(host)
        if not found or int(found[3] or PORT) > 0xFFFF or not _is_name(found[1] or found[2]):
            raise _malformed("a host is NAME, NAME:PORT or [IPv6]:PORT, several with commas")
        yield found[1] or found[2], int(found[3] or PORT)


def _is_name(host: str) -> bool:
    try:
        host.encode("idna")  # as it is done to connect
    except UnicodeError:
        return False
    return True


def _place(scheme: str, path: str) -> tuple[str, int]:
    """Return the name or path that a URL ends with, and the number of the database."""
    if scheme == "unix":
        if not path or "\0" in (place := unquote(path)):
            raise _malformed("the path of a socket is absolute: unix:///path")
        return place, 0
    name, database = "", path.strip("/")
    if scheme == "redis+sentinel":
        name, _, database = database.partition("/")
        if not name:
            raise ConfigError("a Sentinel URL ends with the name of the service: …/mymaster")
    if database and not NUMBER.fullmatch(database):
        raise _malformed("what follows the host is the number of a database")
    return unquote(name), int(database or 0)


def _options(query: str, *, secure: bool) -> Iterator[tuple[str, Any]]:
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name == "db" and NUMBER.fullmatch(value):
            yield name, int(value)
        elif name == "tls" and value.lower() in SWITCH:
            yield name, SWITCH[value.lower()]
            secure = SWITCH[value.lower()]
        elif secure and (
            _names_a_file(name, value) or (name == "ssl_cert_reqs" and value in CHECKED)
        ):
            yield name, value
        elif secure and name == "ssl_check_hostname" and value.lower() in SWITCH:
            yield name, SWITCH[value.lower()]
        else:
            raise _malformed(
                "its options are db=NUMBER, tls=yes|no and, after that or with rediss://,"
                f" {', '.join(TLS_FILES)}, ssl_cert_reqs={'|'.join(CHECKED)} and"
                " ssl_check_hostname=yes|no"
            )


def _names_a_file(name: str, value: str) -> bool:
    return name in TLS_FILES and bool(value) and "\0" not in value


def _malformed(advice: str) -> ConfigError:
    return ConfigError(f"the store URL is malformed (not shown: it may hold a password); {advice}")
