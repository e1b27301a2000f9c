"""The stores and the stage of these tests, over connections that outlive what they suffer."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from sessionstore import SessionStore
from tests.faults.checks import BUCKETS
from tests.faults.lost_replies.stage import Stage, begin, nothing_is_left

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.proxy import Proxy
    from tests.support.worlds import Place


@pytest.fixture(scope="module")
def plain(place: Place) -> Iterator[SessionStore]:
    with SessionStore.connect(place.url, prefix=f"t{os.getpid()}", buckets=BUCKETS) as plain:
        yield plain


@pytest.fixture
def store(plain: SessionStore, proxy: Proxy, prefix: str) -> Iterator[SessionStore]:
    proxy.count()
    begin(prefix, plain)
    yield plain
    nothing_is_left(plain)


@pytest.fixture
def stage(request: pytest.FixtureRequest, store: SessionStore, proxy: Proxy, prefix: str) -> Stage:
    return Stage(request.param, store, proxy, prefix)
