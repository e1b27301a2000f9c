"""Every part of the soak: for seconds with all other tests, and for minutes by `make soak`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.soak.conftest import TITLE
from tests.soak.parts import PARTS, missing

if TYPE_CHECKING:
    from collections.abc import Callable

FULL = float(os.environ.get("SESSIONSTORE_SOAK_SCALE", "1"))
"""1 is minutes; more is longer, within the life of the processes."""

BRIEF = 0.03

# redis-py forgets connections to nodes that it strikes off while it learns of the new primary.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize(
    "scale",
    [
        pytest.param(BRIEF, id="brief", marks=pytest.mark.slow),
        pytest.param(FULL, id="full", marks=pytest.mark.soak),
    ],
)
def test_under_load_and_faults_nothing_acknowledged_is_lost(
    part: str, scale: float, record_property: Callable[[str, object], None]
) -> None:
    if lack := missing(part):
        pytest.skip(lack)
    row = PARTS[part](scale)
    record_property(TITLE, list(row))
    assert row.acknowledged > 0
