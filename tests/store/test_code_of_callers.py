"""Code of the caller that a list runs may use the session: it runs before the turn is taken."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from sessionstore import SessionStore
from sessionstore.testing import fake_store

LONG = 20.0

USES: dict[str, Callable[[Any, Any], Any]] = {
    "replaced by its own items": lambda a, b: a.replace(x for x in a.items() if x != 2),
    "replaced by the items of another": lambda a, b: b.replace(a.items()),
    "replaced by items that are saved": lambda a, b: b.replace(map(b.append, (7, 8))),
    "appended": lambda a, b: b.append(*a.items()),
    "inserted": lambda a, b: a.insert(1, *a.items()),
    "sorted by what the session says": lambda a, b: a.sort(key=lambda x: -x * a.count()),
    "sorted while it changes": lambda a, b: a.sort(key=_grows(a)),
}

COMES_TO: dict[str, tuple[list[int], list[int]]] = {
    "replaced by its own items": ([3, 1], []),
    "replaced by the items of another": ([3, 1, 2], [3, 1, 2]),
    "replaced by items that are saved": ([3, 1, 2], [1, 2]),
    "appended": ([3, 1, 2], [3, 1, 2]),
    "inserted": ([3, 3, 1, 2, 1, 2], []),
    "sorted by what the session says": ([3, 2, 1], []),
    "sorted while it changes": ([1, 2, 3, 9], []),
}


def _grows(a: Any) -> Callable[[int], int]:
    def key(item: int) -> int:
        if a.count() < 4:
            a.append(9)
        return item

    return key


@pytest.mark.parametrize("how", USES)
def test_code_of_the_caller_may_use_the_session(how: str) -> None:
    with fake_store() as store, store.create() as session:
        a, b = session.list("a"), session.list("b")
        a.append(3, 1, 2)
        thread = threading.Thread(target=USES[how], args=(a, b), daemon=True)
        thread.start()
        thread.join(LONG)
        assert not thread.is_alive(), "it waits for itself"
        assert (a.page(), b.page()) == COMES_TO[how]


@pytest.mark.parametrize("stored", [False, True])
def test_so_may_that_of_a_new_session(stored: bool) -> None:
    def data(store: SessionStore) -> dict[str, Any]:
        session = store.create("other")
        session.list("a").append(1)
        return {"n": session.list("a").count() if stored else len(session)}

    with fake_store() as store:
        session = store.create(data=data(store))
        session.update((name, session.list("b").append(1)) for name in "xy")
        assert (session["x"], session["y"]) == (1, 2)


async def test_a_list_that_another_task_changes_is_sorted_with_that(store: Any) -> None:
    session = await store.create()
    basket = session.list("l")
    await basket.append(*range(600, 0, -1))
    await asyncio.gather(basket.sort(), basket.append(0), basket.append(601))
    there = await basket.page(0, 700)
    assert sorted(there) == list(range(602))
    assert there[:500] in (list(range(500)), list(range(1, 501)))
    await session.close()
