"""Made-up traffic of the shape that real access logs have.

Seen in a real log of 10,000 requests: clients come in visits, most of them a page or two, many a
page with its five or six parts, a few long. Two visits in three are by somebody new; who was there
often comes again. A few visits overlap at any time, so that 57 % of all requests follow one of the
same client.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address

__all__ = ["generated"]

NEW_CLIENT = 0.6
CRAWLER = 0.12
"""Chance that a returning visitor is one of the first few clients, which never stop coming."""

CRAWLERS = 5
OPEN_VISITS = 8
STAY = 0.74
"""Chance that the next request is of the same visit, whatever the others do."""

PARTS = ("/style.css", "/reset.css", "/images/logo.png", "/images/banner.png", "/app.js")
PAGES = ("/", "/about", "/blog", "/blog/tags/redis", "/projects", "/projects/tool", "/feed.atom")
BROWSERS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (compatible; ExampleBot/2.1; +http://bot.example/)",
    "FeedReader/1.4",
)


def generated(requests: int, seed: int) -> Iterator[str]:
    """Yield lines in Combined Log Format; the same seed gives the same lines."""
    chance = random.Random(seed)  # noqa: S311 - a load, not a secret
    now = datetime(2026, 1, 5, 8, tzinfo=UTC)
    visitors: list[str] = []
    visits: list[Iterator[str]] = []
    current = 0
    for _ in range(requests):
        if len(visits) < OPEN_VISITS:
            visits += (_visit(chance, visitors) for _ in range(OPEN_VISITS - len(visits)))
        if chance.random() > STAY:
            current = chance.randrange(len(visits))
        line = next(visits[current], None)
        while line is None:
            visits[current] = _visit(chance, visitors)
            line = next(visits[current], None)
        now += timedelta(seconds=chance.expovariate(0.5))
        yield line.format(time=now.strftime("%d/%b/%Y:%H:%M:%S %z"))


def _visit(chance: random.Random, visitors: list[str]) -> Iterator[str]:
    """Yield the lines of one visit, with a place for the time."""
    client = _client(chance, visitors)
    visitors.append(client)  # so that who came often is chosen often
    browser = chance.choice(BROWSERS)
    page = chance.choice(PAGES)
    for number in range(_length(chance)):
        path = page if number % (1 + len(PARTS)) == 0 else chance.choice(PARTS)
        status = chance.choices((200, 304, 404), (92, 5, 3))[0]
        size = "-" if status == 304 else chance.randrange(200, 60_000)
        yield (
            f'{client} - - [{{time}}] "GET {path} HTTP/1.1" {status} {size}'
            f' "http://www.example.com{page}" "{browser}"'
        )


def _client(chance: random.Random, visitors: list[str]) -> str:
    if not visitors or chance.random() < NEW_CLIENT:
        kind = chance.random()
        if kind < 0.9:
            return str(IPv4Address(chance.randrange(1 << 24, 223 << 24)))
        if kind < 0.96:
            return str(IPv6Address((0x20010DB8 << 96) + chance.getrandbits(64)))
        return f"host{chance.randrange(10_000)}.example.net"
    if chance.random() < CRAWLER:
        return chance.choice(visitors[:CRAWLERS])
    return chance.choice(visitors)


def _length(chance: random.Random) -> int:
    kind = chance.random()
    if kind < 0.56:
        return 1
    if kind < 0.75:
        return 2 + (chance.random() < 0.2)
    if kind < 0.96:
        return chance.choice((4, 5, 6, 6, 6, 6, 6, 7, 8))
    return min(200, int(9 * chance.paretovariate(1.2)))
