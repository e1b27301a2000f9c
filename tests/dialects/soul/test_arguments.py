"""Every argument of every function: what was left out is as documented, nonsense is refused."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from sessionstore import ConfigError, TypeRefused
from sessionstore.dialects.soul import (
    LongstringVariable,
    Online,
    PersistentObjectInfo,
    RequestCancelled,
    Thread,
)
from tests.dialects.soul.conftest import PARAMETERS, Scene
from tests.support.arguments import FLAG_LIKE, HALF, HUGE, NO_TEXT, NO_VALUE, USER

Bad = list[Any]
CANCELLED = (RequestCancelled,)

NAMES: Bad = [None, *NO_TEXT, "", "x" * 256, "ä" * 128, HALF]
PATTERNS: Bad = [None, *NO_TEXT, "", "x" * 1001]
LEFT_OUT: Bad = [*NO_TEXT, "x" * 1001]
IDS: Bad = [None, *NO_TEXT, "", "a\n", "x" * 256, HALF]
NEW_IDS: Bad = [*IDS, f"AA.{'x' * 22}"]
OWNERS: Bad = [*NO_TEXT, "a\n", "x" * 256, "{", HALF]
SECONDS: Bad = [-2, -0.5, math.nan, math.inf, -math.inf, 1e18, HUGE, "5", "x", b"5", True, [], {}]
LISTS: Bad = [None, 0, -1, 99, HUGE, 1.0, True, "1", [], {}, object()]
WORDS: Bad = [*NO_TEXT, "OTHER"]
TEXTS: Bad = [5, b"x", True, [], object(), HALF]
VARIABLES: Bad = [None, 5, "x", [], object()]
OBJECTS: Bad = [5, "x", *NO_VALUE[:3]]


def said(bad: Bad) -> Bad:
    """Return the bad values without None and empty, where these are no mistake."""
    return [value for value in bad if value is not None and value != ""]


# For each argument what it may not be; what is returned, if it is no error, is beside it.
Argument = tuple[Bad, Any]
THREAD: dict[str, dict[str, Argument]] = {
    "session": {},
    "session_id": {},
    "session_owner": {},
    "session_timeout": {},
    "session_create": {
        "sesid": (NEW_IDS, None),
        "owner": (OWNERS, None),
        "timeout": (SECONDS, None),
        "opts": (WORDS, None),
    },
    "session_open": {"sesid": (IDS, None), "owner": (OWNERS, None), "timeout": (SECONDS, None)},
    "session_close": {
        "sesid": (said(NEW_IDS), None),
        "owner": (OWNERS, None),
        "timeout": (SECONDS, None),
    },
    "session_delete": {
        "sesid": (IDS, None),
        "owner": (OWNERS, None),
        "timeout": ([-1, *SECONDS], None),
    },
    "session_list": {
        "listid": (LISTS, None),
        "sesid": (LEFT_OUT, None),
        "owner": ([*LEFT_OUT, "{", HALF], None),
    },
    "list_new": {},
    "list_add": {"listid": (LISTS, -6), "item": ([None], -5)},
    "list_cnt": {"listid": (LISTS, -6)},
    "list_inf": {"listid": (LISTS, ""), "number": ([None, 0, -1, 9, HUGE, 1.0, True, "1", []], "")},
    "list_session": {"name": (NAMES, None), "type": (WORDS, -15)},
    "list_global": {"name": (NAMES, None), "type": (WORDS, -15)},
    "list_save": {"name": (said(NAMES), None), "listid": (LISTS, -6)},
    "list_rst": {"name": (said(NAMES), None)},
    "list_savl": {"listid": (LISTS[1:], -6)},
    "end_request": {},
    **{
        f"lstr_{space}": {
            "gname": ([*NO_TEXT, "x" * 256, HALF], None),
            "lstr": (VARIABLES, None),
            "options": (WORDS, -15),
        }
        for space in ("session", "global")
    },
    **{
        f"lstr_{space}_{what}": {"gname" if what == "get" else "name": (NAMES, None)}
        for space in ("session", "global")
        for what in ("get", "del")
    },
    **{
        f"lstr_{space}_set": {"gname": (NAMES, None), "value": (TEXTS, None)}
        for space in ("session", "global")
    },
    "set_session": {"name": (NAMES, None), "source": (OBJECTS[2:], None)},
    "set_global": {"name": (NAMES, None), "source": ([], None)},
    **{
        f"{verb}_{space}": {"name": (NAMES, None)}
        for verb in ("get", "discard", "nullify")
        for space in ("session", "global")
    },
    **{
        f"{verb}_{space}s": {"match_string": (PATTERNS, None)}
        for verb in ("discard", "nullify")
        for space in ("session", "global")
    },
    "session_object_list": {"match_string": (LEFT_OUT, None)},
    "global_object_list": {"match_string": (LEFT_OUT, None)},
    "logout": {},
}

AMONG_US = {"objects_of_session", "objects_of_login"}
"""Methods of a thread that the facts on objects use."""


def good(thread: Thread) -> dict[str, Any]:
    """Arguments that make sense, for the others than the bad one."""
    return {
        "sesid": "MINE",
        "listid": thread.list_new(),
        "item": "x",
        "number": 1,
        "name": "N",
        "gname": "N",
        "lstr": LongstringVariable(),
        "value": "x",
        "source": None,
        "match_string": "N",
    }


def methods(kind: type) -> dict[str, Mapping[str, inspect.Parameter]]:
    return {
        name: inspect.signature(member).parameters
        for name, member in inspect.getmembers(kind, inspect.isroutine)
        if not name.startswith("_") and name not in AMONG_US
    }


def test_every_argument_stands_in_the_table() -> None:
    found = {name: set(taken) - {"self"} for name, taken in methods(Thread).items()}
    assert found == {name: set(arguments) for name, arguments in THREAD.items()}


@pytest.mark.parametrize("method", [name for name, taken in THREAD.items() if taken])
def test_what_makes_no_sense_is_refused_and_changes_nothing(
    scene: Scene, alice: Thread, method: str
) -> None:
    opens = method in ("session_open", "session_create")
    alice.session_create("MINE")
    if opens:
        alice.session_close()
    wrong = []
    before = {name: scene.world.fields("ALICE:MINE").get(name) for name in ("b", "o", "t", "f")}
    for argument, (bad, code) in THREAD[method].items():
        taken = methods(Thread)[method]
        for value in bad:
            given = {name: its for name, its in good(alice).items() if name in taken}
            told = _told(value)
            try:
                answer = getattr(alice, method)(**(given | {argument: value}))
            except (RequestCancelled, TypeRefused) as error:
                if code is not None or len(str(error)) > 500:
                    wrong.append(f"{argument}={told}: {str(error)[:100]}")
            except Exception as error:  # noqa: BLE001 - that is the point
                wrong.append(f"{argument}={told} raised {type(error).__name__}: {error!s:.80}")
            else:
                if code is None or answer != code:
                    wrong.append(f"{argument}={told} gave {answer!r}")
            assert alice.session() == (0 if opens else 1)
    assert not wrong, "\n".join(wrong)
    after = scene.world.fields("ALICE:MINE")
    assert {name: after.get(name) for name in before} == before
    assert [info.id for info in alice._store.list()] == ["MINE"]


def _told(value: Any) -> str:
    return "a huge number" if value is HUGE else ascii(value)[:40]


@pytest.mark.parametrize("nothing", [None, ""])
def test_what_is_none_or_empty_was_left_out(alice: Thread, nothing: Any) -> None:
    assert alice.session_create("A", nothing, nothing, nothing) == 0
    assert (alice.session_owner(), alice.session_timeout()) == ("ALICE", 900)
    assert alice.list_session("L", nothing) > 0
    assert alice.list_global("L", nothing) > 0
    variable = LongstringVariable("x")
    assert alice.lstr_session("T", variable, nothing) == 0
    assert alice.lstr_session_set("T", nothing) == 0
    assert alice.lstr_session(nothing, variable, nothing) == 0
    assert alice.session_object_list(nothing) == alice.global_object_list(nothing) == []
    assert (alice.list_save(nothing, 1), alice.list_rst(nothing)) == (-5, -5)
    assert (alice.list_savl(nothing), alice.list_add(1, None)) == (-5, -5)
    assert alice.session_close(nothing, nothing, nothing) == 0
    assert alice.session_list(alice.list_new(), nothing, nothing) == 1
    assert alice.session_open("A", nothing, nothing) == 0
    assert alice.session_timeout() == 900
    assert alice.session_close() == 0
    assert alice.session_delete("A", nothing, nothing) == 0


def test_an_online_takes_what_makes_sense(scene: Scene) -> None:
    store = scene.store()
    for nonsense in (None, 5, "redis://h", object()):
        with pytest.raises(ConfigError):
            Online(nonsense)  # type: ignore[arg-type]
    for name in inspect.signature(Online).parameters:
        for bad in (None, "1", 1.0, True, math.nan, [], -2, 10**9, HUGE) if name != "store" else ():
            with pytest.raises(ConfigError, match=name):
                Online(store, **{name: bad})
    online = scene.online(**PARAMETERS)
    for bad in USER.bad:
        with pytest.raises(ConfigError):
            online.login(bad)
    for bad in (0, -1, 10**6, HUGE, "1", 1.0, True, []):
        with pytest.raises(ConfigError):
            online.login("ALICE", thread=bad)
    for bad in FLAG_LIKE:
        with pytest.raises(ConfigError):
            online.login("ALICE", privileged=bad)
    for bad in (None, 5, HUGE, [], "SESNPRV", "x" * 5000):
        with pytest.raises(ConfigError, match="cannot be reset"):
            online.reset(bad, 5)
    for bad in (None, "5", 1.0, True, [], -2, HUGE):
        with pytest.raises(ConfigError, match="SESMAXTO"):
            online.reset("SESMAXTO", bad)
    assert store.count() == 0
    assert online.login("ALICE").number == 1


def test_the_facts_on_objects_are_asked_of_a_login(alice: Thread) -> None:
    alice.session_create("A")
    asked: list[Callable[[Any, Any], Any]] = [
        PersistentObjectInfo.new_from_session,
        PersistentObjectInfo.new_from_global,
    ]
    for ask in asked:
        for thread in (None, 5, "ALICE", object()):
            with pytest.raises(RequestCancelled, match="no login"):
                ask(thread, "N")
        for name in NAMES:
            with pytest.raises(RequestCancelled):
                ask(alice, name)


def test_a_longstring_is_text(alice: Thread) -> None:
    variable = LongstringVariable("x")
    alice.session_create("A")
    for bind in (lambda: None, lambda: alice.lstr_session("T", variable)):
        bind()
        for bad in [None, *TEXTS]:
            with pytest.raises(TypeRefused):
                variable.value = bad
            with pytest.raises(TypeRefused):
                LongstringVariable(bad)
    assert variable.value == ""
