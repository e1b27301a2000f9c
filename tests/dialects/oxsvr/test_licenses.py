"""ILicenses: Add, Delete, Clear, Count, Item. What Check does is in test_jobs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from sessionstore.dialects.oxsvr import ISession, Number
from tests.dialects.oxsvr.conftest import Raises


def test_a_name_is_kept_in_capitals_and_once(session: ISession) -> None:
    licenses = session.Licenses
    assert licenses.Count == 0
    licenses.Add("asc")
    licenses.Add("ASC")
    licenses.Add("mwc")
    assert list(licenses) == ["ASC", "MWC"]
    assert licenses.Count == 2


def test_they_are_asked_by_position_or_name(session: ISession) -> None:
    licenses = session.Licenses
    licenses.Add("ASC")
    licenses.Add("MWC")
    assert (licenses.Item(2), licenses.Item("MWC"), licenses["mwc"]) == ("MWC", "MWC", "MWC")


def test_one_is_deleted_by_position_or_name_and_all_are_cleared(session: ISession) -> None:
    licenses = session.Licenses
    for name in ("A", "B", "C", "D"):
        licenses.Add(name)
    licenses.Delete(1)
    licenses.Delete("c")
    assert list(licenses) == ["B", "D"]
    licenses.Clear()
    assert licenses.Count == 0
    licenses.Clear()


@pytest.mark.parametrize(
    ("index", "number"),
    [
        (0, Number.errCollectionIndexOutOfRange),
        (2, Number.errCollectionIndexOutOfRange),
        ("B", Number.errCollectionItemNotFound),
        (None, Number.DISP_E_TYPEMISMATCH),
    ],
)
def test_what_is_not_there_is_an_error_as_in_errors(
    session: ISession, index: Any, number: Number
) -> None:
    licenses = session.Licenses
    licenses.Add("A")
    with Raises(number):
        licenses.Item(index)
    with Raises(number):
        licenses.Delete(index)
    assert list(licenses) == ["A"]


def test_a_licence_has_a_name(session: ISession) -> None:
    with Raises(Number.E_INVALIDARG):
        session.Licenses.Add("")


def test_all_that_are_added_at_once_are_there(session: ISession) -> None:
    names = [f"L{number}" for number in range(12)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(session.Licenses.Add, names))
    assert sorted(session.Licenses) == sorted(names)
