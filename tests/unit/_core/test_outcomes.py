"""What scripts answer is either what was asked for, or an error that says that nothing was done."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from sessionstore import ConfigError, StoreClosed, StoreUnavailable, TimedOut
from sessionstore._core.outcomes import is_refusal, is_unknown
from sessionstore._core.records import Moving, refuse
from tests.house.sources import ROOT

REPLIES: list[Any] = [
    b"ABSENT", b"EXISTS", [b"OVER", b"deleted"], [b"DUE", b"timed out"], [b"HELD", b"h", 1, 1],
    [b"FULL", 1], [b"LIMIT", 1], b"LOST", b"FORGOTTEN", [b"TOOBIG", 2, 1], [b"CONFLICT", b".a"],
    b"UNSTAGED",
]  # fmt: skip


@pytest.mark.parametrize("reply", REPLIES, ids=str)
def test_a_refusal_by_a_script_is_known_as_one(reply: Any) -> None:
    with pytest.raises(Exception, match=r"\S") as caught:
        refuse("a", reply)
    assert is_refusal(caught.value)
    assert not is_unknown(caught.value)


def test_all_refusals_are_in_these_tests() -> None:
    code = (ROOT / "sessionstore/_core/records.py").read_text()
    words = set(re.findall(r'b"([A-Z]+)"', code.partition("def _refusal")[2]))
    listed = {(reply if isinstance(reply, bytes) else reply[0]).decode() for reply in REPLIES}
    assert words == listed | {"MOVING"}  # which a flow sees to
    assert not is_refusal(Moving(b"> ticket sid"))


@pytest.mark.parametrize(
    ("error", "unknown"),
    [
        (StoreUnavailable("there is no way"), False),
        (StoreUnavailable("no answer", unknown=True), True),
        (TimedOut("no answer"), True),
        (StoreClosed(), False),
        (ConfigError("the password"), False),
        (KeyboardInterrupt(), True),
        (asyncio.CancelledError(), True),
    ],
    ids=repr,
)
def test_without_an_answer_nothing_is_refused(error: BaseException, unknown: bool) -> None:
    assert not is_refusal(error)
    assert is_unknown(error) is unknown
