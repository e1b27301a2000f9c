"""What an open session costs before anything is asked of it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from sessionstore.errors import SessionStoreError
from sessionstore.testing import fake_async_store, fake_store

WITHOUT_A_DICT = 30
"""So many attributes of an object Python keeps without a dict of its own, up to 3.13 at least."""


def test_an_open_session_needs_no_dict_of_its_own() -> None:
    with fake_store() as store:
        with store.create(id="a") as session:
            session["n"] = 1
            session.save()
            session["n"] = 2
        assert len(vars(session)) <= WITHOUT_A_DICT
        with store.open("a", mode="shared") as shared:
            shared["n"] = 3
        assert len(vars(shared)) <= WITHOUT_A_DICT
        lost = store.open("a")
        lost._note_lost("deleted")
        with suppress(SessionStoreError):
            lost.close()
        assert len(vars(lost)) <= WITHOUT_A_DICT


def test_asyncio_an_open_session_needs_no_dict_of_its_own() -> None:
    async def scene() -> None:
        async with fake_async_store() as store:
            session: Any
            async with store.create(id="a") as session:
                session["n"] = 1
                await session.save()
                session["n"] = 2
            assert len(vars(session)) <= WITHOUT_A_DICT

    asyncio.run(scene())
