"""ComError, IErrors, IError, INotifyErrors."""

from __future__ import annotations

import pickle

import pytest

from sessionstore import SessionStoreError
from sessionstore.dialects.oxsvr import ComError, IErrors, INotifyErrors, Number
from sessionstore.dialects.oxsvr._errors import error_of
from tests.dialects.oxsvr.conftest import Raises

TOLD = [
    {"code": 7, "text": "no such table", "source": "dms", "line": 12, "info": ["a", "b"]},
    {"code": "ValueError", "text": "five", "source": "engine", "line": 3, "info": None},
]


def test_errors_have_their_documented_facts() -> None:
    first, second = map(error_of, TOLD)
    assert (first.FaultCode, first.FaultString) == (7, "no such table")
    assert (first.SourceName, first.SourceCode, first.InfoList) == ("dms", 12, "a\nb")
    assert (second.FaultCode, second.FaultString) == (1, "ValueError: five")
    assert second.InfoList == ""
    assert error_of("odd").FaultString == "odd"
    assert error_of({"code": 1 << 40, "line": "x"}).SourceCode == 0


def test_their_keys_are_error1_error2() -> None:
    errors = IErrors(list(map(error_of, TOLD)))
    assert errors.Count == 2
    assert errors.Item("error2") is errors.Item(2)
    assert [error.FaultCode for error in errors] == [7, 1]


@pytest.mark.parametrize(
    ("index", "number"),
    [
        (0, Number.errCollectionIndexOutOfRange),
        (3, Number.errCollectionIndexOutOfRange),
        ("error3", Number.errCollectionItemNotFound),
        ("ValueError", Number.errCollectionItemNotFound),
    ],
)
def test_what_is_not_there_has_a_number_of_its_own(index: int | str, number: Number) -> None:
    with Raises(number):
        IErrors(list(map(error_of, TOLD))).Item(index)


def test_the_results_are_those_of_the_topmost_and_the_last() -> None:
    errors = IErrors(list(map(error_of, TOLD)))
    assert (errors.ResponseResult, errors.ResultCode) == (7, 1)
    assert (IErrors().ResponseResult, IErrors().ResultCode) == (0, 0)


def test_a_callback_adds_and_clears_errors() -> None:
    errors = INotifyErrors()
    assert errors.as_told() == []
    errors.Add("sink", 12, "no", 7, "why")
    error = errors.Item("error1")
    assert (error.SourceName, error.SourceCode, error.FaultString) == ("sink", 12, "no")
    assert (error.FaultCode, error.InfoList) == (7, "why")
    assert errors.as_told() == [
        {"code": 7, "text": "no", "source": "sink", "line": 12, "info": "why"}
    ]
    errors.Clear()
    assert errors.Count == 0


def test_a_callback_sets_the_two_results() -> None:
    errors = INotifyErrors()
    errors.NewResultCode(5)
    errors.NewResponseResult(6)
    assert (errors.ResultCode, errors.ResponseResult) == (5, 6)
    assert errors.as_told()[0]["code"] == 6


def test_the_documented_numbers() -> None:
    assert Number.errInputParametersCantCreate == 1101
    assert Number.errParameterNameEmpty == 1201
    assert Number.errParameterDoubleName == 1202
    assert Number.errNoSession == 1501
    assert Number.E_NOTIMPL == 0x80004001


def test_an_error_says_its_number_and_what_happened() -> None:
    error = ComError(1501, description="it is over")
    assert str(error) == "it is over (errNoSession, 1501)"
    assert str(ComError(0x80004001, description="no")) == "no (E_NOTIMPL, 0x80004001)"
    assert str(ComError(77, description="no")) == "no (77)"
    assert isinstance(error, SessionStoreError)
    back = pickle.loads(pickle.dumps(error))  # noqa: S301 - made in the line before
    assert (back.number, back.description) == (1501, "it is over")
