"""Safe mode: a change that no replica has confirmed is neither a success nor a failure."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sessionstore import AsyncSessionStore, SessionStore, StoreUnavailable
from tests.support.worlds import BUCKETS, Places, World

pytestmark = pytest.mark.needs("replicas")

REPLICATED = ("cluster", "sentinel")


async def test_a_change_is_a_success_only_if_a_replica_has_it(store: Any, world: World) -> None:
    if world.kind in REPLICATED:
        safe = await world.connect(safe=True)
        async with await safe.create(id="a", data={"n": 1}) as session:
            session["n"] = 2
        async with await safe.open("a") as session:
            session["n"] += 1
        assert dict(await store.read("a")) == {"n": 3}
        assert await safe.delete("a")
    else:
        with pytest.raises(StoreUnavailable, match="no replica") as caught:
            await world.connect(safe=True)
        assert caught.value.unknown


def test_both_shells_ask_every_kind_of_deployment_for_confirmation(
    places: Places, world: World
) -> None:
    if world.kind not in REPLICATED:
        return  # told above
    where: dict[str, Any] = {"prefix": world.prefix, "buckets": BUCKETS, "safe": True}
    with SessionStore.connect(places.get(world.kind).url, **where) as store:
        store.create(id="a", data={"n": 1}).close()
        assert store.count() == 1

    async def main() -> None:
        async with AsyncSessionStore.connect(places.get(world.kind).url, **where) as near:
            async with near.open("a") as session:
                session["n"] += 1
            assert (await near.read("a"))["n"] == 2

    asyncio.run(main())
