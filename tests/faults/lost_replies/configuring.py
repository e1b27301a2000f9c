"""A change of the parameters, which are enforced in every bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessionstore import SessionStoreError

if TYPE_CHECKING:
    from sessionstore import SessionStore
    from tests.faults.lost_replies.stage import Scene


async def configure(near: Any, plain: SessionStore) -> Scene:
    plain.create("a", open=False)
    found = yield lambda: near.configure(max_timeout=60, max_private=3)
    assert (found.max_timeout.total_seconds(), found.max_private) == (60, 3)
    assert plain.parameters() == found
    for number in range(2):
        plain.create(f"s{number}")
    with pytest.raises(SessionStoreError):
        plain.create("one too many")


SCENES = (configure,)
