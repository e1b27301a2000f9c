"""The options that several commands have, and the store that they name."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from sessionstore.cli.output import say
from sessionstore.errors import ConfigError, StoreNotFound
from sessionstore.store import SessionStore

__all__ = [
    "DEFAULT_PREFIX",
    "DEFAULT_URL",
    "PREFIX_HELP",
    "URL_HELP",
    "VARIABLE",
    "Buckets",
    "Json",
    "Owner",
    "Prefix",
    "Url",
    "store_at",
]

DEFAULT_URL = "embedded://"
DEFAULT_PREFIX = "ss"
VARIABLE = "SESSIONSTORE_URL"

URL_HELP = (
    "The store: redis://, rediss://, unix://, redis+sentinel://, redis+cluster://, embedded:// (a"
    f" server of your own) or embedded:///dir. Else the variable {VARIABLE}, else {DEFAULT_URL}."
)
PREFIX_HELP = f"What all keys of the store begin with. Else {DEFAULT_PREFIX}."


def _named(url: str) -> str:
    if not url.strip():
        raise ConfigError(
            f"the URL of the store is empty: give --url, or set {VARIABLE} or unset it"
        )
    return url


# No default is shown, for it may be a URL with a password, of the variable.
Url = Annotated[str, typer.Option(help=URL_HELP, show_default=False, callback=_named)]
Prefix = Annotated[str, typer.Option(help=PREFIX_HELP, show_default=False)]
Buckets = Annotated[int, typer.Option(help="Over how many slots the store is spread.", min=1)]
Json = Annotated[bool, typer.Option("--json", help="Write JSON instead of a table.")]
Owner = Annotated[
    str | None, typer.Option(help="A user id, `*` for public, an empty text for anonymous.")
]


def store_at(url: str, prefix: str, buckets: int, *, create: bool = False) -> SessionStore:
    """Connect to the store that the options name; with `create`, say so if it had to be made."""
    connect = partial(SessionStore.connect, url, prefix=prefix, buckets=buckets)
    try:
        return connect(create=False)
    except StoreNotFound:
        if not create:
            raise
    store = connect()
    say(f"made a new store: prefix {prefix!r}, {buckets} buckets for its life")
    return store
