"""The engine lic, as the pool does it."""

from __future__ import annotations

from typing import Any

import pytest

from sessionstore.dialects.oxsvr import Number
from tests.workers.conftest import Pool
from tests.workers.test_krn import Fails
from workers.lic import parsed


def ask(pool: Pool, job: str, **parameters: Any) -> Any:
    session = pool.store.create(owner="alice", open=False)
    try:
        return pool.jobs.execute(session, f"lic.{job}", parameters, timeout=30)
    finally:
        pool.store.delete(session.id)


def test_a_licensed_module_is_good_and_nothing_is_taken(pool: Pool) -> None:
    for names in ("ASC", "mwc", "ASC,MWC"):
        assert ask(pool, "CheckLicense", Flags=0, Module=names) == {"Result": "0"}


@pytest.mark.parametrize("names", ["XXX", "", "ASC,XXX", "OFF"])
def test_another_is_refused(pool: Pool, names: str) -> None:
    with Fails(Number.E_ACCESSDENIED):
        ask(pool, "CheckLicense", Module=names)


def test_a_module_is_told_of(pool: Pool) -> None:
    counted = {"Module": "ASC", "LicenseType": "C", "MaxUseCount": 10}
    assert ask(pool, "LicGetModuleInfo", Module="asc") == counted
    free = {"Module": "MWC", "LicenseType": "U", "MaxUseCount": -1}
    assert ask(pool, "LicGetModuleInfo", Module="MWC") == free
    with Fails(Number.E_ACCESSDENIED):
        ask(pool, "LicGetModuleInfo", Module="XXX")


def test_all_are_told_of(pool: Pool) -> None:
    assert ask(pool, "LicGetGlobalInfo") == {"Modules": "ASC,MWC,OFF", "MaxSessions": -1}
    pool.store.configure(max_private=500)
    assert ask(pool, "LicGetGlobalInfo")["MaxSessions"] == 500
    pool.store.configure(max_private=None)


def test_licences_are_read_from_words() -> None:
    assert parsed("asc=10, MWC") == {"ASC": 10, "MWC": None}
    assert parsed("") == {}
    for wrong in ("=5", "ASC=", "ASC=many", "ASC=-1"):
        with pytest.raises(ValueError, match="is no licence"):
            parsed(wrong)
