"""Bytes that are damaged or foreign are an error or a value, never anything else.

    nice python -m tests.unit.data.fuzz --cases 1000000 [--seed 1]

Each case reads an attribute of a session of which one field is truncated, bit-flipped, spliced or
made up, and stores again what it got. It ends at the first case that goes wrong.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from sessionstore.errors import UndecodableValue
from tests.unit.data.classes import Article, ByFields, Cart, Colour, Node, Pair, Price, Size
from tests.unit.data.graphs import Held

SLOW = 2.0  # seconds: a case that takes so long hangs


def sample() -> dict[bytes, bytes]:
    """A session with something of everything in it."""
    tea = Article("tea", Price(Decimal("1.50")), Colour.GREEN)
    tea.sold_with = [tea, Article("milk", Price(Decimal(1)))]
    held = Held()
    held.save(
        plain={"a": [1, 2.5, "text", b"raw", True, None], "b": {"c": -(2**63)}},
        tagged=[datetime(2024, 1, 2, tzinfo=UTC), date(2024, 1, 2), timedelta(1), UUID(int=3)],
        shapes={(1, (2,)): {3, 4}, frozenset({5}): 2**70, "p": Pair({1}, Size.SMALL)},
        cart=Cart([tea], "note"),
        nodes={Node(1, {ByFields(1)}), Node(2, [tea] * 5)},
        long=["x" * 50, list(range(300))] * 20,
    )
    return held.graph.stored


def spoiled(raw: bytes, pool: list[bytes], chance: random.Random) -> bytes:
    """Return other bytes: truncated, flipped, spliced, or made up."""
    way = chance.randrange(6)
    at = chance.randrange(len(raw))
    if way == 0:
        return raw[:at]
    if way == 1:
        return chance.randbytes(chance.randrange(40))
    if way == 2:
        other = chance.choice(pool)
        return raw[:at] + other[chance.randrange(len(other)) :]
    damaged = bytearray(raw)
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(damaged))
        if way == 3:
            damaged[at] ^= 1 << chance.randrange(8)
        elif way == 4:
            damaged[at] = chance.randrange(256)
        else:
            damaged[at:at] = chance.randbytes(1)
    return bytes(damaged)


def case(stored: dict[bytes, bytes], chance: random.Random) -> str:
    """Spoil a field, and read all; returns how it went."""
    fields = [field for field in stored if field != b"@"]
    field = chance.choice(fields)
    raw = spoiled(stored[field], list(stored.values()), chance)
    held = Held({**stored, field: raw})
    name = field[1:].decode() if field[:1] == b"." else chance.choice(["cart", "nodes"])
    refused: UndecodableValue | None = None
    begun = time.monotonic()
    try:
        held.read(name)
        held.save()
    except UndecodableValue as error:
        refused = error
    except BaseException as error:
        error.add_note(f"{field!r} was {raw.hex()}")
        raise
    took = time.monotonic() - begun
    assert took < SLOW, f"took {took:.1f} s: {raw.hex()}"
    if refused is None:
        return "a value"
    assert refused.path == name, f"{refused.path} is not {name}"
    assert "\n" not in str(refused)
    return "an error"


def run(cases: int, seed: int) -> Counter[str]:
    """Try many cases; what goes wrong is raised with notes that tell the case."""
    stored = sample()
    found: Counter[str] = Counter()
    for number in range(cases):
        try:
            found[case(stored, random.Random(f"{seed} {number}"))] += 1
        except BaseException as error:
            error.add_note(f"case {number} of seed {seed}")
            raise
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.unit.data.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    begun = time.monotonic()
    found = run(given.cases, given.seed)
    print(f"{given.cases:,} cases in {time.monotonic() - begun:.0f} s: {dict(found)}")


if __name__ == "__main__":
    main()
