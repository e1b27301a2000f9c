"""IInputParameters, IOutputParameters, IParameter."""

from __future__ import annotations

import math
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionstore.dialects.oxsvr import (
    ComError,
    IInputParameters,
    IParameter,
    Number,
    ParameterType,
)
from sessionstore.dialects.oxsvr._parameters import outputs_of
from tests.dialects.oxsvr.conftest import Raises

ADDING = {
    "AddNewStringParameter": ("tea", ParameterType.ptString),
    "AddNewIntegerParameter": (5, ParameterType.ptInteger),
    "AddNewBooleanParameter": (True, ParameterType.ptBoolean),
    "AddNewDoubleParameter": (1.5, ParameterType.ptDouble),
    "AddNewDatetimeParameter": (datetime(2026, 5, 1, tzinfo=UTC), ParameterType.ptDatetime),
    "AddNewXMLParameter": ("<a/>", ParameterType.ptXML),
    "AddNewByteParameter": (b"\x00\xff", ParameterType.ptBinary),
}


def moment(*parts: int) -> datetime:
    """A moment without a zone, as a DATE of COM is one."""
    return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001


def inputs() -> IInputParameters:
    return IInputParameters([])


def parameter(kind: ParameterType, value: Any) -> IParameter:
    return IParameter("P", kind, value)


@pytest.mark.parametrize("method", ADDING)
def test_each_type_is_added_by_its_method(method: str) -> None:
    value, kind = ADDING[method]
    some = inputs()
    added = getattr(some, method)("P", value)
    assert (added.Name, added.Type, added.Value) == ("P", kind, value)
    assert some.Item(1) is some.Item("P") is added


def test_xml_and_bytes_are_empty_if_not_given() -> None:
    some = inputs()
    assert some.AddNewXMLParameter("X").Value == ""
    assert some.AddNewByteParameter("B").Value == b""


@pytest.mark.parametrize("method", ADDING)
def test_a_name_must_not_be_empty(method: str) -> None:
    some = inputs()
    with Raises(Number.errParameterNameEmpty) as raised:
        getattr(some, method)("", ADDING[method][0])
    assert raised.error.number == 1201
    assert some.Count == 0


@pytest.mark.parametrize("method", ADDING)
def test_a_name_is_given_once(method: str) -> None:
    some = inputs()
    some.AddNewStringParameter("P", "first")
    with Raises(Number.errParameterDoubleName) as raised:
        getattr(some, method)("P", ADDING[method][0])
    assert raised.error.number == 1202
    assert [one.Value for one in some] == ["first"]


@pytest.mark.parametrize("name", [None, 5, b"x", "x" * 256, "ä" * 128, "\ud800"])
def test_what_is_no_name_cannot_be_created(name: Any) -> None:
    some = inputs()
    with Raises(Number.errInputParametersCantCreate) as raised:
        some.AddNewStringParameter(name, "x")
    assert raised.error.number == 1101
    assert some.Count == 0


def test_a_parameter_is_taken_out_and_put_elsewhere() -> None:
    some, others = inputs(), inputs()
    some.AddNewStringParameter("A", "1")
    taken = some.AddNewStringParameter("B", "2")
    assert some.Remove("B") is taken
    others.AddParameter(taken)
    assert others.Item("B").Value == "2"
    assert some.Remove(1).Name == "A"
    assert some.Count == 0


def test_adding_a_parameter_checks_its_name_and_that_it_is_one() -> None:
    some = inputs()
    one = some.AddNewStringParameter("A", "1")
    with Raises(Number.errParameterDoubleName):
        some.AddParameter(one)
    with Raises(Number.errInputParametersCantCreate):
        some.AddParameter("A")  # type: ignore[arg-type]


def test_clear_takes_all_out() -> None:
    some = inputs()
    some.AddNewStringParameter("A", "1")
    some.Clear()
    assert (some.Count, len(some), list(some)) == (0, 0, [])


def test_they_are_counted_from_1_and_have_names() -> None:
    some = inputs()
    for name in "ABC":
        some.AddNewStringParameter(name, name.lower())
    assert [one.Name for one in some] == ["A", "B", "C"]
    assert (some.Item(1).Value, some[3].Value, some["B"].Value) == ("a", "c", "b")
    for index in (0, 4, -1):
        with Raises(Number.errCollectionIndexOutOfRange):
            some.Item(index)
    with Raises(Number.errCollectionItemNotFound):
        some.Remove("D")
    for index in (1.0, None, True):
        with Raises(Number.DISP_E_TYPEMISMATCH):
            some.Item(index)  # type: ignore[arg-type]
    assert some.Count == 3


CONVERTED = [
    (ParameterType.ptString, 5, "5"),
    (ParameterType.ptString, 1.0, "1"),
    (ParameterType.ptString, 1.5, "1.5"),
    (ParameterType.ptString, True, "-1"),
    (ParameterType.ptString, moment(2026, 5, 1, 8, 30), "2026-05-01 08:30:00"),
    (ParameterType.ptString, date(2026, 5, 1), "2026-05-01"),
    (ParameterType.ptString, "ä".encode("utf-16-le"), "ä"),
    (ParameterType.ptInteger, "12", 12),
    (ParameterType.ptInteger, 2.5, 2),
    (ParameterType.ptInteger, 3.5, 4),
    (ParameterType.ptInteger, True, -1),
    (ParameterType.ptInteger, -(1 << 31), -(1 << 31)),
    (ParameterType.ptBoolean, "True", True),
    (ParameterType.ptBoolean, "false", False),
    (ParameterType.ptBoolean, "0", False),
    (ParameterType.ptBoolean, 7, True),
    (ParameterType.ptDouble, "1.5", 1.5),
    (ParameterType.ptDouble, True, -1.0),
    (ParameterType.ptDouble, moment(1900, 1, 1, 12), 2.5),
    (ParameterType.ptDatetime, 2.5, moment(1900, 1, 1, 12)),
    (ParameterType.ptDatetime, "2026-05-01T08:30", moment(2026, 5, 1, 8, 30)),
    (ParameterType.ptDatetime, "2.5", moment(1900, 1, 1, 12)),
    (ParameterType.ptDatetime, date(2026, 5, 1), moment(2026, 5, 1)),
    (ParameterType.ptXML, b"<a>\xc3\xa4</a>", "<a>ä</a>"),
    (ParameterType.ptXML, 5, "5"),
    (ParameterType.ptBinary, bytearray(b"ab"), b"ab"),
    (ParameterType.ptBinary, "ä", "ä".encode("utf-16-le")),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "value", "wanted"), CONVERTED)
def test_a_value_is_converted_as_com_does_it(kind: ParameterType, value: Any, wanted: Any) -> None:
    found = parameter(kind, value).Value
    assert (found, type(found)) == (wanted, type(wanted))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *[(kind, object()) for kind in ParameterType],
        *[(kind, None) for kind in ParameterType],
        (ParameterType.ptInteger, "five"),
        (ParameterType.ptInteger, b"5"),
        (ParameterType.ptDouble, math.nan),
        (ParameterType.ptBoolean, "yes"),
        (ParameterType.ptDatetime, "yesterday"),
        (ParameterType.ptString, b"\x00"),
        (ParameterType.ptXML, '<?xml version="1.0" encoding="klingon"?><a/>'),
    ],
)
def test_what_cannot_be_converted_is_a_type_mismatch(kind: ParameterType, value: Any) -> None:
    with Raises(Number.DISP_E_TYPEMISMATCH):
        parameter(kind, value)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (ParameterType.ptInteger, 1 << 31),
        (ParameterType.ptInteger, "-2147483649"),
        (ParameterType.ptDouble, math.inf),
        (ParameterType.ptDouble, 10**400),
        (ParameterType.ptDatetime, 1e9),
    ],
)
def test_what_is_out_of_range_overflows(kind: ParameterType, value: Any) -> None:
    with Raises(Number.DISP_E_OVERFLOW):
        parameter(kind, value)


def test_a_refused_value_leaves_the_one_before() -> None:
    one = parameter(ParameterType.ptInteger, 5)
    with Raises(Number.DISP_E_TYPEMISMATCH):
        one.Value = "five"
    assert one.Value == 5


@given(
    st.sampled_from(ParameterType), st.one_of(st.text(), st.binary(), st.floats(), st.integers())
)
def test_any_value_is_converted_or_refused_by_a_com_error(kind: ParameterType, value: Any) -> None:
    with suppress(ComError):  # and no other error
        one = parameter(kind, value)
        assert parameter(kind, one.Value).Value == one.Value


@pytest.mark.parametrize("kind", [ParameterType.ptBinary, ParameterType.ptXML])
def test_bytes_are_read_and_written_in_pieces(kind: ParameterType) -> None:
    one = parameter(kind, b"<a>1234</a>")
    assert (one.GetChunk(3), one.GetChunk(4)) == (b"<a>", b"1234")
    one.AppendChunk(b"<!-- -->")
    assert one.GetChunk(10) == b""  # the position is at the end
    one.ResetStream()
    assert one.GetChunk(1000) == b"<a>1234</a><!-- -->"
    assert one.ActualSize == 19
    one.Stream().seek(0)
    assert one.Stream().read(3) == b"<a>"
    one.ClearStream()
    assert (one.ActualSize, one.GetChunk(1)) == (0, b"")


def test_text_that_is_appended_becomes_wide_characters() -> None:
    one = parameter(ParameterType.ptBinary, b"")
    one.AppendChunk("ab")
    assert one.Value == b"a\x00b\x00"


@pytest.mark.parametrize("length", [-1, 1.5, "1", None, True])
def test_a_length_is_a_number_of_bytes(length: Any) -> None:
    with Raises(Number.DISP_E_TYPEMISMATCH):
        parameter(ParameterType.ptBinary, b"x").GetChunk(length)


@pytest.mark.parametrize(
    ("kind", "value"),
    [(kind, value) for value, kind in ADDING.values() if kind.value < ParameterType.ptXML],
)
def test_other_types_have_no_stream(kind: ParameterType, value: Any) -> None:
    one = parameter(kind, value)
    for call in (
        one.Stream,
        lambda: one.AppendChunk(b"x"),
        lambda: one.GetChunk(1),
        one.ResetStream,
        one.ClearStream,
    ):
        with Raises(Number.errParameterMethodUnsupported):
            call()


def test_xml_is_text_in_whichever_encoding() -> None:
    latin = '<?xml version="1.0" encoding="ISO-8859-1"?><a>ä</a>'
    one = parameter(ParameterType.ptXML, latin)
    assert one.ActualSize == len(latin)  # a byte for the ä
    assert one.XML == one.Value == latin
    one.Value = "<a>ä</a>".encode("utf-16")
    assert one.XML == "<a>ä</a>"
    binary = parameter(ParameterType.ptBinary, b"")
    binary.XML = "<a>ä</a>"
    assert (binary.Value, binary.XML) == ("<a>ä</a>".encode(), "<a>ä</a>")
    binary.Value = b"\xff"
    with Raises(Number.DISP_E_TYPEMISMATCH):
        assert binary.XML


def test_other_types_have_their_text_as_xml() -> None:
    one = parameter(ParameterType.ptInteger, 5)
    assert (one.XML, one.ActualSize) == ("5", 1)
    one.XML = "12"
    assert one.Value == 12


def test_name_and_type_can_only_be_read() -> None:
    one = parameter(ParameterType.ptInteger, 5)
    for name in ("Name", "Type", "ActualSize"):
        with pytest.raises(AttributeError):
            setattr(one, name, "x")


def test_what_a_job_returns_becomes_typed_parameters() -> None:
    moment = datetime(2026, 5, 1, tzinfo=UTC)
    result = {"S": "tea", "I": 5, "B": True, "D": 1.5, "M": moment, "Y": b"x", "H": 1 << 40}
    outputs = outputs_of(result)
    assert {one.Name: (one.Type, one.Value) for one in outputs} == {
        "S": (ParameterType.ptString, "tea"),
        "I": (ParameterType.ptInteger, 5),
        "B": (ParameterType.ptBoolean, True),
        "D": (ParameterType.ptDouble, 1.5),
        "M": (ParameterType.ptDatetime, moment),
        "Y": (ParameterType.ptBinary, b"x"),
        "H": (ParameterType.ptString, str(1 << 40)),
    }
    assert [(one.Name, one.Value) for one in outputs_of(5)] == [("Result", 5)]
    assert outputs_of(None).Count == 0


def test_what_is_no_plain_value_comes_back_as_xml() -> None:
    rows = [{"id": "a", "when": date(2026, 5, 1)}, {"id": "<b>", "odd name": None}]
    found = outputs_of({"Rows": rows}).Item("Rows")
    assert found.Type is ParameterType.ptXML
    assert found.Value == (
        "<Rows><item><id>a</id><when>2026-05-01</when></item>"
        '<item><id>&lt;b&gt;</id><item name="odd name" /></item></Rows>'
    )
    assert outputs_of({"N": None}).Item(1).Value == "<N />"
    assert outputs_of({"T": ["\x00"]}).Item(1).Value == "<T><item>\ufffd</item></T>"
