"""What does not fit into one call: what puts a value in place of another is whole, the rest is not.

Of the rest, whatever breaks it off, there is what came before that, and nothing of what would come.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sessionstore import StoreUnavailable
from tests.support.steps import before

MIB = 1 << 20


Change = Callable[[Any], Any]

LISTS: dict[str, tuple[Change, list[list[int]]]] = {
    "append": (
        lambda basket: basket.append(*range(2, 1202)),
        [list(range(end)) for end in (2, 502, 1002, 1202)],
    ),
    "insert": (
        lambda basket: basket.insert(1, *range(10, 60)),
        [[0, *range(10, end), 1] for end in (10, 30, 50, 60)],
    ),
}

TEXTS: dict[str, tuple[Change, list[bytes]]] = {
    "append": (
        lambda text: text.append(b"x" * (2 * MIB + 5)),
        [b"keep" + b"x" * size for size in (0, MIB, 2 * MIB, 2 * MIB + 5)],
    ),
    "write": (
        lambda text: text.write(2, b"x" * (2 * MIB + 5)),
        [b"keep", *(b"ke" + b"x" * size for size in (MIB, 2 * MIB, 2 * MIB + 5))],
    ),
}


def breaks(at: int) -> Callable[[int], None]:
    def act(number: int) -> None:
        if number == at:
            raise StoreUnavailable("away")

    return act


@pytest.mark.parametrize("at", [1, 2, 3, 4])
@pytest.mark.parametrize("how", LISTS)
async def test_pieces_of_a_list_come_in_order(store: Any, world: Any, how: str, at: int) -> None:
    change, stages = LISTS[how]
    session = await store.create()
    basket = session.list("l")
    await basket.append(0, 1)
    with before(store, "change_list", breaks(at)):
        if at < len(stages):
            with pytest.raises(StoreUnavailable):
                await change(basket)
        else:
            await change(basket)
    assert await basket.page(0, 10_000) == stages[at - 1]
    assert await basket.count() == len(stages[at - 1])
    world.size(session)
    await session.close()


@pytest.mark.parametrize("at", [1, 2, 3, 4])
@pytest.mark.parametrize("how", TEXTS)
async def test_pieces_of_a_longstring_come_in_order(
    store: Any, world: Any, how: str, at: int
) -> None:
    await store.configure(max_bytes=None)
    change, stages = TEXTS[how]
    session = await store.create()
    text = session.longstring("t")
    await text.append(b"keep")
    with before(store, "change_text", breaks(at)):
        if at < len(stages):
            with pytest.raises(StoreUnavailable):
                await change(text)
        else:
            await change(text)
    assert await text.read() == stages[at - 1]
    assert await text.size() == len(stages[at - 1])
    world.size(session)
    await session.close()


@pytest.mark.parametrize("script", ["reserve", "stage", "save"])
@pytest.mark.parametrize("at", [1, 2, 3])
async def test_what_takes_the_place_of_another_is_whole(
    store: Any, world: Any, script: str, at: int
) -> None:
    await store.configure(max_bytes=None)
    session = await store.create()
    basket, text = session.list("l"), session.longstring("t")
    await basket.append(2, 1)
    await text.append(b"keep")
    changes: list[tuple[Callable[[], Any], Any]] = [
        (lambda: basket.replace(range(1500)), list(range(1500))),
        (lambda: text.replace(b"x" * (3 * MIB)), b"x" * (3 * MIB)),
    ]
    for change, whole in changes:
        old = [2, 1] if isinstance(whole, list) else b"keep"
        failed = False
        with before(store, script, breaks(at)):
            try:
                await change()
            except StoreUnavailable:
                failed = True
        there = await (basket.page(0, 10_000) if isinstance(whole, list) else text.read())
        assert there == (old if failed else whole)
    world.size(session)
    await session.close()
