"""Parameters are kept in the store, hold for all at once, and are checked before they are set."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest

from sessionstore import ConfigError, Parameters, QuotaExceeded
from sessionstore._checks import milliseconds
from sessionstore._core.scripts import FOLDER
from tests.support.worlds import BUCKETS, World

ALL = Parameters(
    timeout=timedelta(seconds=1.5),
    max_timeout=timedelta(hours=1),
    lifetime=timedelta(days=1),
    lease=timedelta(seconds=7),
    wait=timedelta(seconds=2),
    max_waiters=3,
    max_per_owner=4,
    max_private=5,
    max_public=6,
    at_limit="evict",
    at_timeout="keep",
    max_bytes=7000,
    linger=timedelta(seconds=9),
    max_events=10,
    max_jobs=8,
    max_jobs_per_owner=11,
)


def given(parameters: Parameters) -> dict[str, Any]:
    return {field.name: getattr(parameters, field.name) for field in fields(parameters)}


def test_the_scripts_have_the_same_defaults(world: World) -> None:
    in_scripts = {"max_private": "seats_private", "max_public": "seats_public"}
    names = {field.name: in_scripts.get(field.name, field.name) for field in fields(Parameters)}
    parts = [
        (FOLDER / "parts" / f"{name}.lua").read_text("utf-8") for name in ("begin", "parameter")
    ]
    script = "".join(parts) + (
        "local store, found = begin(KEYS[1]), {}"
        " for i, name in ipairs(ARGV) do found[i] = tostring(parameter(store, name)) end"
        " return found"
    )
    key = world.keys.buckets[0].parameters
    found = [text.decode() for text in world.raw.eval(script, 1, key, *names.values())]

    def as_lua(value: Any) -> str:
        if value is None:
            return "false"
        return str(milliseconds(value, "") if isinstance(value, timedelta) else value)

    expected = {name: as_lua(value) for name, value in given(Parameters()).items()}
    assert dict(zip(names, found, strict=True)) == expected


async def test_a_new_store_has_the_defaults(store: Any) -> None:
    assert await store.parameters() == Parameters()


async def test_all_of_them_can_be_set_and_taken_back(store: Any, world: World) -> None:
    assert await store.configure(**given(ALL)) == ALL
    assert await (await world.connect()).parameters() == ALL
    assert await store.configure() == ALL
    assert await store.configure(wait=0, max_bytes=None) == replace(
        ALL, wait=timedelta(0), max_bytes=None
    )
    assert await store.configure(**given(Parameters())) == Parameters()


async def test_they_hold_for_other_stores_at_once(store: Any, world: World) -> None:
    other = await world.connect()
    await store.configure(timeout=5, max_per_owner=1, max_private=2)
    assert (await other.create(owner="alice", open=False)).timeout == timedelta(seconds=5)
    for owner in ("alice", "bob", "carol"):
        if owner == "bob":
            await other.create(owner=owner, open=False)
            continue
        with pytest.raises(QuotaExceeded):
            await other.create(owner=owner, open=False)


@pytest.mark.parametrize("name", ["timeout", "max_timeout", "lifetime", "lease", "wait", "linger"])
@pytest.mark.parametrize(
    "value", [-1, math.nan, math.inf, "5", True, 1e300, timedelta(days=40_000)]
)
async def test_a_duration_that_makes_no_sense_is_refused(store: Any, name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=name):
        await store.configure(**{name: value})
    assert await store.parameters() == Parameters()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("lease", 0),
        ("lifetime", 0),
        ("timeout", None),
        ("lease", None),
        ("wait", None),
        ("linger", None),
        ("max_events", None),
        ("max_waiters", None),
        ("max_waiters", -1),
        ("max_per_owner", 1.5),
        ("max_private", "5"),
        ("max_public", True),
        ("max_bytes", 1 << 60),
        ("at_limit", "explode"),
        ("at_limit", None),
        ("at_timeout", "sleep"),
    ],
)
async def test_a_value_out_of_range_is_refused(store: Any, name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=name):
        await store.configure(**{name: value, "timeout": value if name == "timeout" else 5})
    with pytest.raises(ConfigError, match=name):
        Parameters(**{name: value})
    assert await store.parameters() == Parameters()


async def test_every_bad_parameter_is_named_at_once(store: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        await store.configure(timeout=-1, lease=0, max_waiters=-5)
    assert all(name in str(caught.value) for name in ("timeout", "lease", "max_waiters"))
    with pytest.raises(ConfigError, match="no parameter colour") as caught:
        await store.configure(colour="red")
    assert "max_timeout" in str(caught.value)


async def test_a_client_with_another_number_of_buckets_is_refused(store: Any, world: World) -> None:
    with pytest.raises(ConfigError, match=f"buckets={BUCKETS}"):
        await world.connect(buckets=BUCKETS * 2)
    await store.create(id="a", open=False)
    assert await store.count() == 1
