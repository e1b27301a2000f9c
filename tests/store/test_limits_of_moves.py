"""A session on the move counts once: no create is refused, or evicts, for its second home."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import pytest

from sessionstore import QuotaExceeded, SessionStoreError, TimedOut
from sessionstore._core import sessions
from tests.support.steps import before
from tests.support.worlds import Client, World

LIMIT = 3
STEPS = ("save", "take_seat", "arrive", "arrive again", "retire", "admit", None)

Asked = tuple[str | None, str | None, None]

MOVES: dict[str, tuple[dict[str, Any], str, Asked]] = {
    "sign in": ({"max_private": LIMIT}, "", (None, "bob", None)),
    "rename": ({"max_private": LIMIT}, "ann", ("new", None, None)),
    "rename within an owner's limit": ({"max_per_owner": LIMIT}, "ann", ("new", None, None)),
    "rename what is public": ({"max_public": LIMIT}, "*", ("new", None, None)),
}
"""The limit, the owner and how the close moves the session."""


async def fill(store: Any, count: int, owner: str) -> None:
    for n in range(count):
        await store.create(id=f"n{n}", owner=owner, open=False)


def moving(world: World, session: Any, asked: Asked, *, stop: str | None) -> Client:
    """Let a holder move its session as far as to a step; None: to the end."""
    mover = Client(world.driver(), session._closing(*asked))
    if stop is None:
        mover.ends()
    else:
        mover.comes_to(stop.removesuffix(" again"), times=1 + stop.endswith(" again"))
    return mover


def goes_on_late(mover: Client) -> None:
    """Let a mover go on that was only slow."""
    with suppress(SessionStoreError):
        mover.ends()


def skip_without(seats: Iterable[str], stop: str | None) -> None:
    if stop in ("take_seat", "arrive again") and "max_per_owner" in seats:
        pytest.skip("an owner's limit has no seats")


@pytest.mark.parametrize("stop", STEPS)
@pytest.mark.parametrize("move", MOVES)
async def test_a_create_beside_a_move_is_not_refused_below_the_limit(
    store: Any, world: World, move: str, stop: str | None
) -> None:
    limits, owner, asked = MOVES[move]
    skip_without(limits, stop)
    await store.configure(**limits)
    await fill(store, LIMIT - 2, owner)
    session = await store.create(id="old", owner=owner)
    mover = moving(world, session, asked, stop=stop)
    await store.create(id="beside", owner=owner, open=False)
    assert await store.count() == LIMIT
    with pytest.raises(QuotaExceeded):
        await store.create(id="one too many", owner=owner)
    mover.ends()
    with pytest.raises(QuotaExceeded):
        await store.create(id="one too many", owner=owner)
    assert await store.count() == LIMIT
    await ends(store, owner)


@pytest.mark.parametrize("stop", STEPS)
@pytest.mark.parametrize("move", MOVES)
async def test_a_create_beside_a_move_evicts_one(
    store: Any, world: World, move: str, stop: str | None
) -> None:
    limits, owner, asked = MOVES[move]
    skip_without(limits, stop)
    await store.configure(at_limit="evict", **limits)
    await fill(store, LIMIT - 1, owner)
    session = await store.create(id="old", owner=owner)
    mover = moving(world, session, asked, stop=stop)
    await store.create(id="beside", owner=owner, open=False)
    assert await store.count() == LIMIT
    mover.ends()
    assert await store.count() == LIMIT
    kinds = [event.kind async for event in store.events()]
    assert kinds.count("evicted") == 1
    await ends(store, owner)


@pytest.mark.parametrize("stop", ["arrive", "arrive again", "retire", "admit"])
@pytest.mark.parametrize("move", MOVES)
async def test_a_mover_that_was_stopped_counts_once(
    store: Any, world: World, move: str, stop: str
) -> None:
    limits, owner, asked = MOVES[move]
    skip_without(limits, stop)
    await store.configure(**limits)
    await fill(store, LIMIT - 2, owner)
    session = await store.create(id="old", owner=owner)
    mover = moving(world, session, asked, stop=stop)
    if stop != "admit":
        world.lapse(session.sid)
    await store.create(id="beside", owner=owner, open=False)
    assert await store.count() == LIMIT
    with pytest.raises(QuotaExceeded):
        await store.create(id="one too many", owner=owner)
    goes_on_late(mover)
    assert await store.count() == LIMIT
    await ends(store, owner)


@pytest.mark.parametrize("stop", ["retire", "admit"])
@pytest.mark.parametrize("at_limit", ["refuse", "evict"])
@pytest.mark.parametrize(
    "way",
    [("max_per_owner", "ann", "bob"), ("max_private", "ann", "*"), ("max_public", "*", "ann")],
    ids=" ".join,
)
async def test_who_was_stopped_after_the_arrival_keeps_no_place_where_it_comes_from(
    store: Any, world: World, way: tuple[str, str, str], at_limit: str, stop: str
) -> None:
    limit, owner, to = way
    await store.configure(at_limit=at_limit, **{limit: 2})
    await fill(store, 1, owner)
    session = await store.create(id="old", owner=owner)
    mover = moving(world, session, (None, to, None), stop=stop)
    if stop == "retire":
        world.lapse(session.sid)
    await store.create(id="beside", owner=owner, open=False)
    assert await store.count(owner) == 2
    assert await store.count(to) == 1
    assert "evicted" not in [event.kind async for event in store.events()]
    goes_on_late(mover)
    assert await store.count() == 3


@pytest.mark.parametrize("move", ["sign in", "rename", "rename what is public"])
async def test_moved_time_and_again_it_has_one_seat(store: Any, world: World, move: str) -> None:
    limits, owner, _ = MOVES[move]
    await store.configure(**limits)
    await fill(store, LIMIT - 2, owner)
    session = await store.create(id="m0", owner=owner)
    for n in range(1, 6):
        await session.close(id=f"m{n}")
        session = await store.open(f"m{n}", owner=owner)
    await store.create(id="beside", owner=owner, open=False)
    with pytest.raises(QuotaExceeded):
        await store.create(id="one too many", owner=owner)
    await session.delete()
    await store.create(id="one more", owner=owner, open=False)
    assert await store.count() == LIMIT
    await ends(store, owner)


async def test_a_move_that_is_refused_leaves_one_seat(store: Any, world: World) -> None:
    await store.configure(max_private=2, max_per_owner=1)
    await store.create(id="a", owner="bob", open=False)
    session = await store.create(id="b", owner="ann")
    for _ in range(3):
        with pytest.raises(QuotaExceeded):
            await session.close(owner="bob")
    await session.delete()
    await store.create(id="c", owner="cy", open=False)
    with pytest.raises(QuotaExceeded):
        await store.create(id="d", owner="dan")
    await ends(store, "cy", 2)


async def test_a_move_is_due_when_the_lease_of_its_mover_is_over(store: Any, world: World) -> None:
    session = await store.create(id="old", owner="ann")
    mover = moving(world, session, (None, "bob", None), stop="retire")
    for _ in range(2):
        world.age("ann:old", 25)
        world.driver().do(sessions.renew([session._held()]))
    await store.sweep()
    assert world.fields("bob:old")["m"].startswith(b"<")
    world.lapse("ann:old")
    await store.sweep()
    assert world.fields("ann:old")["e"] == b"moved"
    assert "m" not in world.fields("bob:old")
    goes_on_late(mover)
    assert await store.count() == 1


async def ends(store: Any, owner: str, limit: int = LIMIT) -> None:
    """See that all places are free when no session is left, and no more than these."""
    await store.configure(at_limit="refuse", max_per_owner=limit)
    async for info in store.list():
        await store.delete(info.id, info.owner)
    await fill(store, limit, owner)
    with pytest.raises(QuotaExceeded):
        await store.create(id="one too many", owner=owner)
    assert await store.count() == limit


async def test_a_refused_move_is_known_to_be_one_though_its_copies_cannot_be_taken_back(
    store: Any, world: World
) -> None:
    await store.configure(max_per_owner=1)
    await store.create("b", "bob", open=False)
    session = await store.create("a")
    await session.list("l").append(1)
    lost: list[int] = []

    def loses(nth: int) -> None:
        lost.append(nth)
        raise TimedOut("the answer was lost")

    with before(store, "unstage", loses), pytest.raises(QuotaExceeded):
        await session.close(owner="bob")
    assert lost
    assert session.is_open
    session["n"] = 1
    await session.close()
    assert (await store.read("a"))["n"] == 1
