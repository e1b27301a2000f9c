"""The two shells are the same but for `await`: names, signatures and what is said of them."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from tests.support.awaitable import PAIRS, SAME

NOT_AWAITED = {
    "as_user",
    "label",
    "holder",
    "events",
    "list",
    "longstring",
    "atomic",
    "items",
    "cursor",
    "is_open",
    "error",
}
PENDING = {"connect", "create", "open"}  # to await, or to enter with `async with`
SPECIAL = {"__enter__", "__exit__", "__next__"}


def members(kind: type) -> dict[str, Any]:
    names = {SAME.get(name, name): name for name in vars(kind)}
    return {
        plain: inspect.getattr_static(kind, name)
        for plain, name in names.items()
        if not plain.startswith("_") or plain in SPECIAL
    }


def function(member: Any) -> Any:
    member = member.fget if isinstance(member, property) else member
    return getattr(member, "__func__", member)


@pytest.mark.parametrize(("plain", "awaited"), PAIRS)
def test_the_shells_have_the_same_members(plain: type, awaited: type) -> None:
    assert set(members(plain)) == set(members(awaited))
    assert members(plain)


@pytest.mark.parametrize(("plain", "awaited"), PAIRS)
def test_members_take_the_same_and_are_told_of_in_the_same_words(
    plain: type, awaited: type
) -> None:
    for name, member in members(plain).items():
        twin = members(awaited)[name]
        assert type(member) is type(twin), name
        one, other = function(member), function(twin)
        assert [str(p) for p in inspect.signature(one).parameters.values()] == [
            str(p) for p in inspect.signature(other).parameters.values()
        ], name
        assert one.__doc__ == other.__doc__, name
        assert one.__doc__ or name in SPECIAL, name


@pytest.mark.parametrize(("plain", "awaited"), PAIRS)
def test_what_reaches_the_server_is_awaited(plain: type, awaited: type) -> None:
    for name, member in members(awaited).items():
        if name in PENDING:
            assert "Pending" in str(inspect.signature(function(member)).return_annotation), name
        elif name not in NOT_AWAITED:
            assert inspect.iscoroutinefunction(function(member)), name
        assert not inspect.iscoroutinefunction(function(members(plain)[name])), name
