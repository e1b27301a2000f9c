"""Longstrings of a session: bytes by name, read and written in ranges, kept beside the session."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from sessionstore import ConfigError, ValueTooLarge
from tests.support.worlds import World

MIB = 1 << 20


@pytest.fixture
def session(store: Any, runner: asyncio.Runner) -> Any:
    async def made() -> Any:
        return await store.create(id="a", owner="ann")

    return runner.run(made())


async def test_a_longstring_keeps_its_bytes_from_one_holder_to_the_next(
    store: Any, session: Any
) -> None:
    text = session.longstring("text")
    assert await text.append("grün ") == 6
    assert await text.append(b"\x00\xff") == 8
    await session.close()
    session = await store.open("a", owner="ann")
    assert list(session.kept("longstring")) == ["text"]
    assert await session.longstring("text").read() == "grün ".encode() + b"\x00\xff"
    assert await session.longstring("none").read() == b""


async def test_ranges_are_those_of_bytes_in_python(session: Any) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance, there, ours = random.Random(seed), session.longstring("t"), bytearray()
    for _ in range(60):
        at = chance.choice((None, chance.randint(0, len(ours) + 3)))
        data = chance.randbytes(chance.randrange(9))
        if at is None:
            ours += data
            assert await there.append(data) == len(ours)
        else:
            if data:
                ours += bytes(max(0, at - len(ours)))
                ours[at : at + len(data)] = data
            assert await there.write(at, data) == len(ours)
        start = chance.randint(-len(ours) - 1, len(ours) + 1)
        stop = chance.choice((None, chance.randint(-len(ours) - 1, len(ours) + 1)))
        assert await there.read(start, stop) == ours[start:stop]
    assert await there.size() == len(ours)


async def test_64_mib_are_written_and_read_in_pieces(store: Any, session: Any) -> None:
    await store.configure(max_bytes=80 * MIB)
    whole = random.Random(1).randbytes(MIB) * 64
    there = session.longstring("t")
    await there.replace(whole)
    assert await there.append(b"end") == 64 * MIB + 3
    assert await there.read(64 * MIB - 2) == whole[-2:] + b"end"
    await there.write(32 * MIB - 1, b"middle")
    assert await there.read(32 * MIB - 2, 32 * MIB + 6) == (whole[-2:-1] + b"middle" + whole[5:6])
    assert len(await there.read(0, 3 * MIB + 1)) == 3 * MIB + 1


async def test_longstrings_count_toward_the_size_of_the_session(
    store: Any, session: Any, world: World
) -> None:
    await store.configure(max_bytes=1000)
    there = session.longstring("t")
    await there.append("x" * 900)
    for call in (
        lambda: there.append("y" * 200), lambda: there.write(999, "y"),
        lambda: there.replace("y" * 1000),
    ):  # fmt: skip
        with pytest.raises(ValueTooLarge):
            await call()
    assert await there.read() == b"x" * 900
    await there.write(100, "z" * 100)
    await there.drop()
    assert "b" not in world.fields(session) or int(world.fields(session)["b"]) == 0
    await there.append("x" * 900)


async def test_a_place_below_zero_is_refused(session: Any) -> None:
    with pytest.raises(ConfigError, match="at must be a whole number from 0"):
        await session.longstring("t").write(-1, "x")


async def test_a_longstring_goes_along_when_its_session_moves(
    store: Any, session: Any, world: World
) -> None:
    whole = random.Random(2).randbytes(700_000)
    await session.longstring("t").append(whole)
    await session.close(owner="bob", id="b")
    async with store.open("b", owner="bob") as moved:
        assert await moved.longstring("t").read() == whole
    assert len([name for name in world.names() if "}v:" in name]) == 1
