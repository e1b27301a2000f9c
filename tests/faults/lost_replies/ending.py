"""What ends sessions, and what keeps one alive: delete, end_all, sweep, touch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.faults.lost_replies.stage import told
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from sessionstore import SessionStore
    from tests.faults.lost_replies.stage import Scene


async def touch(near: Any, plain: SessionStore) -> Scene:
    plain.create("a", open=False)
    yield lambda: near.touch("a")
    plain.open("a", wait=0)


async def delete(near: Any, plain: SessionStore) -> Scene:
    plain.create("a", open=False)
    ended = yield lambda: near.delete("a")
    assert ended is True
    assert told(plain) == ["created", "ended"]


async def delete_with_a_seat(near: Any, plain: SessionStore) -> Scene:
    plain.configure(max_private=1)
    plain.create("a", open=False)
    yield lambda: near.delete("a")
    plain.create("b")


async def delete_what_is_open(near: Any, plain: SessionStore) -> Scene:
    session = plain.create("a")
    ended = yield lambda: near.delete("a")
    assert ended is False
    session.close()
    assert told(plain) == ["created", "ended"]


async def delete_by_the_holder(near: Any, plain: SessionStore) -> Scene:
    session = await near.create("a")
    yield session.delete
    assert told(plain) == ["created", "ended"]


async def end_all(near: Any, plain: SessionStore) -> Scene:
    for number in range(5):
        plain.create(f"s{number}", owner="ann", open=False)
    ended = yield lambda: near.end_all("ann", keep="s3")
    assert ended == 4
    assert told(plain).count("ended") == 4
    assert plain.count("ann") == 1


async def sweep(near: Any, plain: SessionStore) -> Scene:
    for number in range(3):
        plain.create(f"s{number}", timeout=0.001, open=False)
    wait_until(lambda: plain.count() == 0, "they are due")
    ended = yield near.sweep
    assert 0 <= ended <= 3
    assert told(plain).count("expired") == 3
    assert plain.sweep() == 0


SCENES = (
    touch,
    delete,
    delete_with_a_seat,
    delete_what_is_open,
    delete_by_the_holder,
    end_all,
    sweep,
)
