"""A session id leads to its bucket and keys, and back, whatever its owner and name are."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionstore._checks import check_id, check_owner
from sessionstore._core.keys import GENERATED, PERMANENT, Keyspace
from sessionstore.errors import ConfigError

KEYS = Keyspace("ss", 256)


def passes(check: object) -> object:
    def passing(text: str) -> bool:
        try:
            check(text)  # type: ignore[operator]
        except ConfigError:
            return False
        return not GENERATED.fullmatch(text)

    return passing


ids = st.text(min_size=1, max_size=60).filter(passes(check_id))
owners = st.one_of(st.just("*"), st.just(""), st.text(max_size=60).filter(passes(check_owner)))


@given(ids, owners)
def test_a_named_session_is_found_again_by_its_sid(id: str, owner: str) -> None:
    home = KEYS.named(id, owner)
    again = KEYS.home(home.sid)
    assert (again.sid, again.session, again.bucket) == (home.sid, home.session, home.bucket)
    assert home.id == again.id == id
    assert KEYS.find(id, owner).sid == home.sid


@given(ids, owners, ids, owners)
def test_no_two_sessions_share_a_key(id: str, owner: str, id2: str, owner2: str) -> None:
    same = (id, owner) == (id2, owner2)
    assert (KEYS.named(id, owner).session == KEYS.named(id2, owner2).session) is same


@given(owners)
def test_a_generated_session_is_found_again_by_its_id(owner: str) -> None:
    home = KEYS.generate(owner)
    assert GENERATED.fullmatch(home.sid)
    assert home.id == home.sid
    assert KEYS.home(home.sid).session == KEYS.find(home.sid, owner).session == home.session
    if owner not in ("", "*"):
        assert home.bucket == KEYS.bucket_of(owner)


@given(ids, owners)
def test_all_keys_of_a_bucket_have_its_tag_for_their_only_tag(id: str, owner: str) -> None:
    home = KEYS.named(id, owner)
    bucket = home.bucket
    names = [home.session, home.waiters, home.wake("T"), bucket.owned(owner), bucket.index]
    names += [bucket.events, bucket.ended, bucket.parameters, bucket.decision("T")]
    for name in names:
        tag = re.match(r"[^{]*(\{[^}]+\})", name)
        assert tag
        assert tag[1] == bucket.tag
    assert len(set(names)) == len(names)


@given(ids, owners)
def test_only_permanent_keys_are_called_permanent(id: str, owner: str) -> None:
    home = KEYS.named(id, owner)
    bucket = home.bucket
    for name in (bucket.index, bucket.events, bucket.ended, bucket.parameters, KEYS.store):
        assert PERMANENT.fullmatch(name)
    for pool in KEYS.pools():
        assert all(PERMANENT.fullmatch(name) for name in (pool.seats, pool.fresh, pool.limit))
    for name in (home.session, home.waiters, home.wake("T"), bucket.owned(owner)):
        assert not PERMANENT.fullmatch(name)
    assert not PERMANENT.fullmatch(bucket.decision("T"))


def test_owners_spread_over_the_buckets() -> None:
    assert len({KEYS.bucket_of(f"user{n}").name for n in range(2000)}) == 256


@pytest.mark.parametrize("buckets", [1, 2, 64, 65, 4096])
def test_any_number_of_buckets_has_as_many_names(buckets: int) -> None:
    names = [bucket.name for bucket in Keyspace("p", buckets).buckets]
    assert len(set(names)) == buckets
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{2}", name) for name in names)


def test_an_id_of_a_bucket_that_is_not_there_is_found_nowhere_in_particular() -> None:
    keys = Keyspace("ss", 1)
    home = keys.find("zz.0123456789012345678901", None)
    assert home.sid.startswith("zz.")
    assert home.bucket is keys.buckets[0]
