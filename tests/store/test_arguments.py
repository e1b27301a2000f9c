"""Every argument of every public method that makes no sense is refused before anything is sent.

The refusal is one of our errors (or what a mapping or a list says of a name or a place that is not
there), nothing is stored or held by it, and whatever is open stays open.
"""

from __future__ import annotations

import enum
import inspect
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

import sessionstore
from sessionstore import (
    ConfigError,
    Parameters,
    SessionInUse,
    SessionStoreError,
)
from tests.support.arguments import FACES, Call, Kind
from tests.support.worlds import World

Tried = tuple[str, str, Any, Kind]


def nonsense(calls: dict[str, Call]) -> Iterator[Tried]:
    """Yield method, argument, a value that it may not have, and what is said about it."""
    for method, call in calls.items():
        for argument, kinds in call.arguments.items():
            for kind in [kinds] if isinstance(kinds, Kind) else kinds:
                for bad in kind.bad:
                    yield method, argument, bad, kind


def call(target: Any, kind: type, calls: dict[str, Call], tried: Tried) -> Any:
    """Call a method with one argument that is bad, and good ones beside it."""
    method, argument, bad, _ = tried
    given = {**calls[method].good, argument: bad}
    positional: list[Any] = []
    parameters = inspect.signature(getattr(kind, method)).parameters
    if any(at.kind is at.VAR_POSITIONAL for at in parameters.values()):
        positional = [given.pop(name) for name in ("name", "index", "items") if name in given]
    elif method in ("update", "__getitem__", "__setitem__", "__delitem__"):
        positional, given = list(given.values()), {}
    return getattr(target, method)(*positional, **given)


async def finished(result: Any) -> None:
    """Carry out what was called, whichever way it is."""
    if inspect.isawaitable(result):
        await result
    elif hasattr(result, "__aiter__"):
        async for _ in result:
            pass


def shown(tried: Tried) -> str:
    method, argument, bad, _ = tried
    try:
        return f"{method}({argument}={str(bad)[:60]!r})"
    except (ValueError, RecursionError):
        return f"{method}({argument}=…)"


async def refuse_all(
    target: Any, face: type, calls: dict[str, Call], sent: Sequence[Any] = ()
) -> None:
    """Try all of it; AssertionError tells each that was not refused as it should be."""
    wrong = []
    for tried in nonsense(calls):
        before, kind = len(sent), tried[-1]
        try:
            await finished(call(target, face, calls, tried))
        except kind.errors as error:
            if len(str(error)) > 2000:
                wrong.append(f"{shown(tried)} says too much")
        except Exception as error:  # noqa: BLE001 - that is the point
            wrong.append(f"{shown(tried)} raised {type(error).__name__}: {str(error)[:80]}")
        else:
            wrong.append(f"{shown(tried)} was taken")
        if len(sent) > before and not kind.asks:
            wrong.append(f"{shown(tried)} was sent")
    assert not wrong, "\n".join(wrong)


async def faces(store: Any) -> dict[str, Any]:
    session = await store.create(id="a", owner="ann", data={"n": 1, "l": [1]})
    await session.list("l").append(1, 2, 3)
    await session.longstring("t").append("text")
    return {
        "SessionStore": store,
        "Session": session,
        "Snapshot": await store.read("a", "ann"),
        "SessionList": session.list("l"),
        "Longstring": session.longstring("t"),
        "Atomic": store.atomic("a", "ann"),
    }


@pytest.mark.parametrize("face", [name for name in FACES if name != "Parameters"])
async def test_what_makes_no_sense_is_refused_before_anything_is_sent(
    store: Any, world: World, face: str
) -> None:
    there = await faces(store)
    session = there["Session"]
    fields, names = world.fields(session), world.names()
    with world.wire(store) as sent:
        await refuse_all(there[face], getattr(sessionstore, face), FACES[face], sent)
    assert world.fields(session) == fields
    assert world.names() == names

    assert dict(session) == {"n": 1, "l": [1]}
    with pytest.raises(SessionInUse):
        await store.open("a", "ann", wait=0)
    with world.wire(store) as sent:
        await session.save()
    assert not [word for word in sent[0].args if isinstance(word, bytes)]
    await session.close()
    world.size(session)


def test_parameters_that_make_no_sense_are_refused() -> None:
    wrong = []
    for tried in nonsense({"__init__": FACES["Parameters"]["__init__"]}):
        try:
            Parameters(**{tried[1]: tried[2]})
        except ConfigError:
            continue
        wrong.append(shown(tried))
    assert not wrong


async def test_what_is_no_name_is_no_attribute(store: Any) -> None:
    session = await store.create(id="a", data={"n": 1})
    snapshot = await store.read("a")
    for name in (1, None, b"n", [], {}, "\ud800", "\ud800n"):
        for mapping in (session, snapshot):
            assert name not in mapping
            assert mapping.get(name) is None
            assert mapping.get(name, 5) == 5
            with pytest.raises(KeyError):
                mapping[name]
        assert session.pop(name, 5) == 5
        with pytest.raises(KeyError):
            del session[name]
        with pytest.raises(KeyError):
            session.lifetime(name)


class Name(enum.StrEnum):
    SESSION = "box"
    OWNER = "ann"
    ATTRIBUTE = "n"
    WORD = "evict"


class Shown(str, enum.Enum):  # noqa: UP042 - the kind whose text is not what it is shown as
    SESSION = "box"
    OWNER = "ann"
    ATTRIBUTE = "n"
    WORD = "evict"


class Number(enum.IntEnum):
    TWO = 2


class Counted(int, enum.Enum):
    TWO = 2


@pytest.mark.parametrize(("names", "number"), [(Name, Number.TWO), (Shown, Counted.TWO)])
async def test_members_of_an_enum_are_what_they_are_and_not_what_they_are_shown_as(
    store: Any, names: Any, number: Any
) -> None:
    await store.configure(at_limit=names.WORD, max_waiters=number, max_per_owner=number)
    parameters = await store.parameters()
    assert (parameters.at_limit, parameters.max_waiters) == ("evict", 2)
    session = await store.create(names.SESSION, owner=names.OWNER, data={names.ATTRIBUTE: 1})
    session[names.ATTRIBUTE] += 1
    await session.list(names.ATTRIBUTE).append(1, 2, 3)
    assert await session.list(names.ATTRIBUTE).get(number) == 3
    await session.longstring(names.ATTRIBUTE).append("x")
    await session.close()
    assert (session.id, session.owner) == ("box", "ann")
    found = await store.open("box", "ann", fields=[names.ATTRIBUTE])
    assert [*found] == ["n"]
    assert type(next(iter(found))) is str
    await found.close()
    assert dict(await store.read(names.SESSION, names.OWNER)) == {"n": 2}
    assert [info.id async for info in store.list(names.OWNER)] == ["box"]
    assert await store.atomic(names.SESSION, names.OWNER).add(names.ATTRIBUTE) == 3
    assert await store.as_user(names.OWNER).count() == 1


async def test_only_their_own_errors_are_raised_for_what_a_cookie_may_hold(store: Any) -> None:
    for cookie in ("", "x" * 10_000, "../..", "a b\x00", "\ud800", "ZZ." + "x" * 22, "%", ":", "*"):
        with pytest.raises(SessionStoreError):
            await store.open(cookie)
