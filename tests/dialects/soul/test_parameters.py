"""The SES... parameters: the store's, set, read and reset; ranges and defaults."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from sessionstore import ConfigError, NotPermitted, Parameters
from sessionstore.dialects.soul import Online
from tests.dialects.soul.conftest import Scene, waits

DEFAULTS = {
    "SESNPRV": 0,
    "SESNPUB": 0,
    "SESUMAX": 1,
    "SESOPT": 0,
    "SESDEFTO": 900,
    "SESDEFOW": 0,
    "SESMAXTO": -1,
}


def shown(online: Online) -> dict[str, int]:
    return {name: getattr(online, name) for name in DEFAULTS}


def test_the_documented_defaults_stand_in_the_signature() -> None:
    parameters = inspect.signature(Online).parameters
    assert {name: parameters[name].default for name in DEFAULTS} == DEFAULTS
    assert str(inspect.signature(Online.__init__)).count("SESDEFTO: 'int' = 900") == 1


def test_a_fresh_store_gets_the_documented_defaults(scene: Scene) -> None:
    assert shown(scene.online()) == DEFAULTS


def test_what_is_said_is_set_and_the_rest_is_documented(scene: Scene) -> None:
    online = scene.online(SESNPRV=10, SESMAXTO=3600, SESOPT=1)
    assert shown(online) == DEFAULTS | {"SESNPRV": 10, "SESMAXTO": 3600, "SESOPT": 1}


def test_they_are_the_parameters_of_the_store(scene: Scene) -> None:
    online = scene.online(
        SESNPRV=10, SESNPUB=20, SESUMAX=3, SESOPT=2, SESDEFTO=600, SESDEFOW=5, SESMAXTO=700
    )
    there = online.store.parameters()
    assert (there.max_private, there.max_public, there.max_per_owner) == (10, 20, 3)
    assert there.at_timeout == "end"
    assert there.timeout.total_seconds() == 600
    assert there.wait.total_seconds() == 5
    assert there.max_timeout is not None
    assert there.max_timeout.total_seconds() == 700
    online.store.configure(max_private=11, timeout=60, max_timeout=None)
    assert (online.SESNPRV, online.SESDEFTO, online.SESMAXTO) == (11, 60, -1)


def test_another_online_finds_what_the_first_has_set(scene: Scene) -> None:
    first = scene.online(SESNPRV=10, SESDEFTO=600)
    second = scene.online()
    assert shown(second) == shown(first)
    third = scene.online(SESDEFTO=900, SESUMAX=4)  # 900 was said, though it is the default
    for online in (first, second, third):
        assert (online.SESNPRV, online.SESDEFTO, online.SESUMAX) == (10, 900, 4)


def test_a_store_configured_otherwise_is_left_as_it_is(scene: Scene) -> None:
    store = scene.store()
    store.configure(max_per_owner=7)
    online = Online(store)
    assert shown(online) == DEFAULTS | {
        "SESNPRV": -1,
        "SESNPUB": -1,
        "SESUMAX": 7,
        "SESOPT": 2,  # whoever looks finds it ended
    }
    untouched = Parameters(max_per_owner=7)
    assert store.parameters() == untouched


@pytest.mark.parametrize("name", ["SESNPRV", "SESNPUB"])
def test_none_of_a_kind_means_rc_2(scene: Scene, name: str) -> None:
    online = scene.online(**{"SESNPRV": 5, "SESNPUB": 5} | {name: 0})
    alice = online.login("ALICE")
    codes = {"SESNPRV": alice.session_create("A", opts="NOOPEN")}
    codes["SESNPUB"] = alice.session_create("A", "*", opts="NOOPEN")
    assert codes.pop(name) == 2
    assert list(codes.values()) == [0]


def test_by_default_no_session_can_be_made(scene: Scene) -> None:
    alice = scene.online().login("ALICE")
    assert (alice.session_create("A"), alice.session_create("A", "*")) == (2, 2)


@pytest.mark.parametrize("said", [{}, {"SESUMAX": 0}, {"SESUMAX": 1}])
def test_a_user_has_one_session_and_nought_is_read_as_one(
    scene: Scene, said: dict[str, int]
) -> None:
    online = scene.online(SESNPRV=9, **said)
    assert online.SESUMAX == 1
    alice = online.login("ALICE")
    assert [alice.session_create(sesid, opts="NOOPEN") for sesid in "AB"] == [0, 3]


LOWEST_AND_HIGHEST = {
    "SESNPRV": (0, 1_048_575),
    "SESNPUB": (0, 1_048_575),
    "SESUMAX": (0, 1_048_575),
    "SESOPT": (0, 3),
    "SESDEFTO": (0, 43_200),
    "SESDEFOW": (0, 43_200),
    "SESMAXTO": (-1, 99_999_999),
}


@pytest.mark.parametrize("name", DEFAULTS)
def test_the_ranges(scene: Scene, name: str) -> None:
    lowest, highest = LOWEST_AND_HIGHEST[name]
    scene.online(**{name: lowest})
    scene.online(**{name: highest})
    for value in (lowest - 1, highest + 1, 1.5, True, None, "1"):
        wrong: dict[str, Any] = {name: value, "SESNPRV" if name != "SESNPRV" else "SESNPUB": 7}
        with pytest.raises(ConfigError, match=name):
            scene.online(**wrong)
    online = scene.online()
    assert 7 not in (online.SESNPRV, online.SESNPUB)  # nothing of it was set


def test_reset_holds_for_every_online_at_once(scene: Scene) -> None:
    one, two = scene.online(SESNPRV=9), scene.online()
    one.reset("SESDEFTO", 300)
    two.reset("SESMAXTO", 200)
    assert (two.SESDEFTO, one.SESMAXTO) == (300, 200)
    two.reset("SESMAXTO", -1)
    alice = one.login("ALICE")
    alice.session_create("A")
    assert alice.session_timeout() == 300


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SESNPRV", 5),
        ("SESNPUB", 5),
        ("SESUMAX", 5),
        ("SESOPT", 1),
        ("SESDEFOW", 5),
        ("NOSUCH", 5),
        ("SESDEFTO", 43_201),
        ("SESDEFTO", -1),
        ("SESMAXTO", -2),
        ("SESMAXTO", 100_000_000),
    ],
)
def test_only_two_can_be_reset_and_within_their_range(scene: Scene, name: str, value: int) -> None:
    online = scene.online()
    with pytest.raises(ConfigError, match=name):
        online.reset(name, value)
    assert shown(online) == DEFAULTS


def test_a_user_without_privilege_cannot_set_them(scene: Scene) -> None:
    with pytest.raises(NotPermitted):
        Online(scene.store().as_user("ALICE"))


def test_the_default_open_wait_is_used(scene: Scene) -> None:
    online = scene.online(SESNPRV=9, SESDEFOW=1)
    online.store.configure(wait=0.05)
    holder, other = online.login("ALICE"), online.login("ALICE")
    holder.session_create("A")
    for arguments in ((), (None, -1)):
        with waits(other) as waited:
            assert other.session_open("A", *arguments) == 2
        assert waited


def test_threads_have_numbers(scene: Scene) -> None:
    online = scene.online()
    one, two, ninth = online.login("A"), online.login("B"), online.login("C", thread=9)
    assert [thread.number for thread in (one, two, ninth)] == [1, 2, 9]
    one.logout()
    assert [online.login("D").number, online.login("E").number] == [1, 3]
    for thread in (9, 0, -1, 1_000_000):
        with pytest.raises(ConfigError, match="thread"):
            online.login("F", thread=thread)
    for nobody in ("", "*"):
        with pytest.raises(ConfigError):
            online.login(nobody)
    assert online.login("G").number == 4


def test_the_end_of_the_online_logs_out_and_keeps_the_sessions(scene: Scene) -> None:
    with scene.online(SESNPRV=9) as online:
        alice = online.login("ALICE")
        alice.session_create("A")
    assert alice.session() == 0
    assert scene.online().login("ALICE").session_open("A") == 0


def test_sessions_do_not_pass_to_another_online(scene: Scene, server: Scene) -> None:
    here, there = (place.online(SESNPRV=9).login("ALICE") for place in (scene, server))
    assert here.session_create("A", opts="NOOPEN") == 0
    assert there.session_open("A") == 1
    assert there.session_create("A") == 0


def test_the_view_of_a_parameter_is_there_on_the_class_too() -> None:
    assert not isinstance(Online.SESNPRV, int)
