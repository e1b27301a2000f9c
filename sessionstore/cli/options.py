"""The options that several commands have, and the store that they name."""

from __future__ import annotations

from typing import Annotated

import typer

from sessionstore.errors import ConfigError
from sessionstore.store import SessionStore

__all__ = ["DEFAULT_URL", "Buckets", "Json", "Owner", "Prefix", "Url", "store_at"]

DEFAULT_URL = "embedded://"

Url = Annotated[
    str,
    typer.Option(
        envvar="SESSIONSTORE_URL",
        help="The store: redis://, rediss://, unix://, redis+sentinel://, redis+cluster://,"
        " embedded:// (a server of your own) or embedded:///dir.",
        show_default=True,
    ),
]
Prefix = Annotated[str, typer.Option(help="What all keys of the store begin with.")]
Buckets = Annotated[int, typer.Option(help="Over how many slots the store is spread.", min=1)]
Json = Annotated[bool, typer.Option("--json", help="Write JSON instead of a table.")]
Owner = Annotated[
    str | None, typer.Option(help="A user id, `*` for public, an empty text for anonymous.")
]


def store_at(url: str, prefix: str, buckets: int) -> SessionStore:
    """Connect to the store that the options name."""
    if not url:
        raise ConfigError("the URL of the store is empty; give --url or set SESSIONSTORE_URL")
    return SessionStore.connect(url, prefix=prefix, buckets=buckets)
