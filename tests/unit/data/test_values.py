"""What is stored comes back as it was, or is refused by name; bad bytes are always told apart."""

from __future__ import annotations

import io
import struct
import sys
import threading
import time as clock
import tracemalloc
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Context, Decimal, localcontext
from enum import Enum, IntEnum
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import msgpack
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sessionstore.data._values import MAX_DEPTH, changes_in_place, decode, encode
from sessionstore.errors import TypeRefused, UndecodableValue

thorough = settings(print_blob=True, deadline=None, max_examples=400)
broad = settings(print_blob=True, deadline=None, max_examples=80)  # values are slow to draw

VIENNA = ZoneInfo("Europe/Vienna")
TWICE = datetime(2024, 10, 27, 2, 30, tzinfo=VIENNA)  # the hour that this zone has two times

zones = st.sampled_from(
    [
        None,
        UTC,
        timezone(timedelta(hours=-3, seconds=7, microseconds=1)),
        timezone(timedelta(hours=1), "CET"),
        timezone(timedelta(0), ""),
        VIENNA,
        ZoneInfo("Asia/Kolkata"),
    ]
)
folds = st.sampled_from([0, 1])


def leaves(*, nan: bool) -> st.SearchStrategy[object]:
    return st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.integers(min_value=-(2**200), max_value=2**200),
        st.sampled_from([2**63, 2**64 - 1, 2**64, -(2**63), -(2**63) - 1, -128, 127, 0]),
        st.floats(allow_nan=nan),
        st.text(),
        st.binary(),
        st.builds(
            lambda moment, fold: moment.replace(fold=fold), st.datetimes(timezones=zones), folds
        ),
        st.dates(),
        st.builds(lambda moment, fold: moment.replace(fold=fold), st.times(timezones=zones), folds),
        st.timedeltas(),
        st.decimals(allow_nan=nan),
        st.uuids(),
    )


def hashables(*, nan: bool) -> st.SearchStrategy[object]:
    # A signalling NaN is the one value of ours that Python does not hash.
    plain = leaves(nan=nan).filter(lambda leaf: not (type(leaf) is Decimal and leaf.is_snan()))
    return st.recursive(
        plain,
        lambda part: st.one_of(
            st.lists(part, max_size=4).map(tuple), st.frozensets(part, max_size=4)
        ),
        max_leaves=6,
    )


def values(*, nan: bool) -> st.SearchStrategy[object]:
    keys = hashables(nan=nan)
    return st.recursive(
        leaves(nan=nan),
        lambda part: st.one_of(
            st.lists(part, max_size=20),
            st.lists(part, max_size=5).map(tuple),
            st.dictionaries(keys, part, max_size=18),
            st.sets(keys, max_size=18),
            st.frozensets(keys, max_size=5),
        ),
        max_leaves=20,
    )


def form(value: object) -> str:
    """Everything that tells two values apart, types at every depth and the order of dicts too."""
    match value:
        case dict():
            inside = [f"{form(key)}: {form(part)}" for key, part in value.items()]
        case list() | tuple():
            inside = [form(part) for part in value]
        case set() | frozenset():
            inside = sorted(form(part) for part in value)
        case float():
            inside = [struct.pack(">d", value).hex()]
        case Decimal():
            inside = [str(value.as_tuple())]
        case datetime() | time():
            zone = value.tzinfo
            offset = zone.utcoffset(None) if isinstance(zone, timezone) else None
            name = zone.tzname(None) if isinstance(zone, timezone) else str(zone)
            wall = value.replace(tzinfo=None)
            inside = [
                wall.isoformat(),
                str(value.fold),
                type(zone).__name__,
                str(offset),
                str(name),
            ]
        case int():
            inside = [hex(value)]
        case _:
            inside = [repr(value)]
    return f"{type(value).__name__}({', '.join(inside)})"


# --- Round trips ---------------------------------------------------------------------------------


@broad
@given(values(nan=True))
@example(TWICE)
@example(TWICE.replace(fold=1))
@example([float("nan"), -0.0, Decimal("sNaN12"), Decimal("-0E+7"), Decimal("-Infinity")])
@example({(1, (2, frozenset({3}))): {"a": {True, 2}}, None: [()], 1.5: set(), b"": frozenset()})
@example([2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**63), -(2**63) - 1, 1 << 5000])
@example([timedelta.max, timedelta.min, date.min, date.max, time.max, UUID(int=0)])
@example([(), *range(70_000)])
def test_a_value_comes_back_as_it_was_and_of_the_same_types(value: object) -> None:
    assert form(decode(encode(value, "it"), "it")) == form(value)


@broad
@given(values(nan=False))
def test_what_comes_back_is_equal_and_encodes_to_the_same_bytes(value: object) -> None:
    raw = encode(value, "it")
    back = decode(raw, "it")
    assert back == value
    assert encode(back, "it") == raw


@broad
@given(st.lists(hashables(nan=False)), st.randoms(use_true_random=False))
def test_equal_sets_are_equal_bytes_in_whatever_order_they_were_filled(members, random) -> None:
    first = set(members)
    shuffled = list(first)
    random.shuffle(shuffled)
    second = set(range(1000))  # a set that has grown and shrunk keeps its members in another order
    second.clear()
    second.update(shuffled)
    assert encode(first, "it") == encode(second, "it")
    assert encode([frozenset(first)], "it") == encode([frozenset(second)], "it")


def test_the_order_of_a_dict_is_part_of_it() -> None:
    assert encode({"a": 1, "b": 2}, "it") != encode({"b": 2, "a": 1}, "it")


def test_equal_values_of_different_types_are_different_bytes() -> None:
    assert len({encode(value, "it") for value in (1, True, 1.0, Decimal(1))}) == 4


@broad
@given(st.lists(st.one_of(st.integers(), st.text(), st.lists(st.booleans())), max_size=30))
def test_a_value_of_plain_types_is_plain_msgpack_also_beside_a_tagged_one(value) -> None:
    raw = encode(value, "it")
    if all(type(part) is not int or -(2**63) <= part < 2**64 for part in value):
        assert raw == msgpack.packb(value)
    assert encode([(), value], "it").endswith(raw)


def test_the_stored_form_does_not_change() -> None:
    moment = datetime(2024, 10, 27, 2, 30, tzinfo=VIENNA, fold=1)
    stored = {
        "93c70001c0c3": (None, True),
        "92c70002a161": {"a"},
        "92c7000301": frozenset({1}),
        "c70910010000000000000000": 2**64,
        "d611312e3530": Decimal("1.50"),
        "d8120000000000000000000000000000002a": UUID(int=42),
        "c72213" + b"~2024-10-27T02:30:00|Europe/Vienna".hex(): moment,
        "c70a14" + b"2024-02-29".hex(): date(2024, 2, 29),
        "d71531323a33343a3536": time(12, 34, 56),
        "c70516" + b"-1000".hex(): timedelta(milliseconds=-1),
    }
    assert {encode(value, "it").hex(): value for value in stored.values()} == stored


def test_a_decimal_is_the_same_bytes_in_any_context() -> None:
    plain = encode(Decimal("1E+9"), "it")
    with localcontext(Context(prec=1, capitals=0)):
        assert encode(Decimal("1E+9"), "it") == plain
        assert decode(encode(Decimal("1.23456"), "it"), "it") == Decimal("1.23456")


def test_threads_do_not_mix_their_bytes() -> None:
    mixed: list[object] = []

    def work(number: int) -> None:
        for count in range(2000):
            value = [number, "x" * (count % 50), {"n": number}]
            if decode(encode(value, "it"), "it") != value:
                mixed.append(value)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert mixed == []


# --- What is refused -----------------------------------------------------------------------------


class Colour(Enum):
    RED = "red"


class Level(IntEnum):
    LOW = 1


class Text(str):
    __slots__ = ()


class Real(float):
    pass


class Flags(dict):
    pass


class Moment(datetime):
    pass


class HomeMadeZone(tzinfo):
    def utcoffset(self, moment):
        return timedelta(hours=1)


class Reduced:
    def __reduce__(self):
        raise AssertionError("pickled")

    def __eq__(self, other):
        raise AssertionError("compared")

    __hash__ = object.__hash__


@dataclass
class Line:
    price: int


class Point(NamedTuple):
    x: int
    y: int


REFUSED = [
    (Colour.RED, "Colour"),
    (Level.LOW, "Level"),
    (Text("a"), "Text"),
    (Real(1.5), "Real"),
    (Flags(), "Flags"),
    (OrderedDict(), "OrderedDict"),
    (Point(1, 2), "Point"),
    (Line(1), "Line"),
    (Reduced(), "Reduced"),
    (Moment(2024, 1, 1, tzinfo=UTC), "Moment"),
    (bytearray(b"a"), "bytearray"),
    (memoryview(b"a"), "memoryview"),
    (msgpack.ExtType(1, b""), "ExtType"),
    (msgpack.Timestamp(1), "Timestamp"),
    (1j, "complex"),
    (range(3), "range"),
    ((part for part in ()), "generator"),
    ({}.keys(), "dict_keys"),
    (len, "builtin_function_or_method"),
    (lambda: None, "function"),
    (int, "type"),
    (object(), "object"),
    (Ellipsis, "ellipsis"),
    (ValueError("x"), "ValueError"),
]


@pytest.mark.parametrize(("value", "name"), REFUSED, ids=[name for _, name in REFUSED])
def test_a_type_outside_the_closed_set_is_refused_with_its_path_at_any_depth(value, name) -> None:
    places = {
        "it": value,
        "it[1]": [0, value],
        "it['a']": {"a": value},
        "it[7]": {7: value},
        "it[2]['price']": [0, {}, {"price": value, "name": "x"}],
        "it[0][1]": [("x" * 300, value)],
        "it['when']['at']": {"now": datetime(2024, 1, 1, tzinfo=UTC), "when": {"at": value}},
    }
    for path, whole in places.items():
        with pytest.raises(TypeRefused) as caught:
            encode(whole, "it")
        assert caught.value.path == path
        assert caught.value.type_name.rsplit(".", 1)[-1] == name
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is sys.exc_info()[1]  # nothing of its own


@pytest.mark.parametrize(
    "member", [Level.LOW, Text("a"), Colour.RED, memoryview(b"a"), Point(1, 2)]
)
def test_a_refused_member_of_a_set_or_key_of_a_dict_is_named_by_its_place(member) -> None:
    for path, whole in {
        "cart{…}": {member},
        "cart[0]{…}[1]": [frozenset({(1, member)})],
        "cart.keys()": {member: 1},
        "cart['a'].keys()[0]": {"a": {(member,): 1}},
    }.items():
        with pytest.raises(TypeRefused) as caught:
            encode(whole, "cart")
        assert caught.value.path == path


@pytest.mark.parametrize(
    ("key", "step"),
    [("a" * 99, f"[{'a' * 40!r}]"), (10**5000, "[…]"), ((1,), "[…]"), (True, "[…]")],
    ids=["long text", "large number", "tuple", "bool"],
)
def test_a_key_that_is_long_or_not_a_name_is_left_out_of_the_path(key, step) -> None:
    with pytest.raises(TypeRefused) as caught:
        encode({key: object()}, "it")
    assert caught.value.path == f"it{step}"


def test_an_object_that_claims_another_class_is_refused() -> None:
    class Pretender:
        __class__ = str  # type: ignore[assignment]

    with pytest.raises(TypeRefused):
        encode([Pretender()], "it")


def test_text_with_a_lone_surrogate_is_refused_without_quoting_it() -> None:
    for path, whole in {"it": "secret\udc80", "it[0]": ["secret\udc80"]}.items():
        with pytest.raises(TypeRefused, match="lone surrogate") as caught:
            encode(whole, "it")
        assert caught.value.path == path
        assert "secret" not in str(caught.value)
        assert caught.value.__context__ is sys.exc_info()[1]  # nothing of its own


def test_a_zone_that_could_not_come_back_is_refused() -> None:
    moment = datetime(2024, 1, 1, tzinfo=HomeMadeZone())
    for value in (moment, moment.timetz()):
        with pytest.raises(TypeRefused, match="tzinfo"):
            encode({"at": value}, "it")


WRAPS = {
    "list": lambda part: [part],
    "tuple": lambda part: (part,),
    "frozenset": lambda part: frozenset({part}),
    "dict": lambda part: {"a": part},
    "tuple after text": lambda part: ("x" * 99, part),
}


def nested(depth: int, wrap) -> object:
    value: object = None
    for _ in range(depth):
        value = wrap(value)
    return value


def test_a_zone_that_is_only_called_like_another_is_refused() -> None:
    # One type of local time, nine hours ahead of UTC: Japan, whatever its key says.
    tables = struct.pack(">4s16x6l", b"TZif", 0, 0, 0, 0, 1, 4) + struct.pack(">lBB", 32400, 0, 0)
    zone = ZoneInfo.from_file(io.BytesIO(tables + b"JST\0"), key="Europe/Vienna")
    assert zone.utcoffset(TWICE) == timedelta(hours=9)
    for value in (datetime(2024, 1, 1, tzinfo=zone), time(1, tzinfo=zone)):
        with pytest.raises(TypeRefused, match="read from a file"):
            encode(value, "it")
    again = datetime(2024, 1, 1, tzinfo=ZoneInfo.no_cache("Europe/Vienna"))
    assert decode(encode(again, "it"), "it").tzinfo is VIENNA


@pytest.mark.parametrize("wrap", WRAPS.values(), ids=list(WRAPS))
def test_whether_it_changes_in_place_is_known_at_any_depth(wrap) -> None:
    for depth in (1, 5000):
        value = nested(depth, wrap)
        assert changes_in_place(value) is (wrap(None).__class__ not in (tuple, frozenset))


@pytest.mark.parametrize("wrap", WRAPS.values(), ids=list(WRAPS))
def test_containers_nest_to_the_limit_and_no_deeper(wrap) -> None:
    deepest = nested(MAX_DEPTH, wrap)
    assert decode(encode(deepest, "it"), "it") == deepest
    for more in (1, 900, 5000):
        with pytest.raises(TypeRefused, match="nested too deeply"):
            encode(nested(MAX_DEPTH + more, wrap), "it")


def test_a_value_in_itself_is_refused() -> None:
    ring: list[object] = []
    ring += [ring, ring]
    table: dict[str, object] = {}
    table["a"] = ({"b": [table]},)
    for whole in (ring, table):
        with pytest.raises(TypeRefused, match="in itself"):
            encode(whole, "it")


# --- Bad bytes -----------------------------------------------------------------------------------


def decodes_or_tells(raw: bytes) -> None:
    try:
        value = decode(raw, "it")
    except UndecodableValue:
        return
    encode(value, "it")  # so it is made of our types only


@thorough
@given(st.one_of(st.binary(max_size=200), st.binary(max_size=200).map(lambda raw: b"\x9c" + raw)))
def test_any_bytes_are_decoded_or_told_to_be_undecodable(raw: bytes) -> None:
    decodes_or_tells(raw)


@thorough
@given(st.integers(0, 255), st.binary(max_size=40))
def test_any_tag_with_any_payload_is_decoded_or_told_to_be_undecodable(tag, payload) -> None:
    decodes_or_tells(bytes((0xC7, len(payload), tag)) + payload)


@broad
@given(values(nan=True), st.data())
def test_flipped_bits_and_lost_ends_never_crash(value: object, data: st.DataObject) -> None:
    raw = bytearray(encode(value, "it"))
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    decodes_or_tells(bytes(raw))


@broad
@given(values(nan=True))
def test_every_lost_end_and_every_appended_byte_is_noticed(value: object) -> None:
    raw = encode(value, "it")
    for end in range(0, len(raw), len(raw) // 50 + 1):
        with pytest.raises(UndecodableValue):
            decode(raw[:end], "it")
    with pytest.raises(UndecodableValue, match="bytes follow its end"):
        decode(raw + b"\xc0", "it")


def ext(tag: int, payload: bytes) -> bytes:
    return bytes((0xC7, len(payload), tag)) + payload


BAD = {
    "nothing": (b"", "not well-formed"),
    "an unused byte": (b"\xc1", "not well-formed"),
    "a future tag": (ext(99, b"secret"), "does not know"),
    "a future tag in a tuple": (b"\x92\xc7\x00\x01" + ext(99, b"secret"), "does not know"),
    "a future shape": (b"\x92\xc7\x00\x06\xc0", "does not know"),
    "a shape with a payload": (b"\x92\xc7\x01\x01\x00\xc0", "does not know"),
    "a shape as a value": (b"\xc7\x00\x01", "not well-formed"),
    "a shape in second place": (b"\x92\xc0\xc7\x00\x01", "not well-formed"),
    "two shapes in one": (b"\x92\xc7\x00\x01\xc7\x00\x02", "not well-formed"),
    "a shape as a key": (b"\x81\xc7\x00\x01\xc0", "not well-formed"),
    "a list as a key": (b"\x81\x90\xc0", "not well-formed"),
    "a list in a set": (b"\x92\xc7\x00\x02\x90", "not well-formed"),
    "a timestamp": (b"\xd6\xff\x00\x00\x00\x01", "not well-formed"),
    "a timestamp of 8": (b"\xd7\xff" + bytes(8), "not well-formed"),
    "a timestamp of 12": (b"\xc7\x0c\xff" + bytes(12), "not well-formed"),
    "a timestamp of 4 in a wide tag": (b"\xc9\x00\x00\x00\x04\xff" + bytes(4), "not well-formed"),
    "a timestamp of 8 in a wide tag": (b"\xc8\x00\x08\xff" + bytes(8), "not well-formed"),
    "a timestamp as a key": (b"\x81\xd6\xff\x00\x00\x00\x01\xc0", "not well-formed"),
    "a timestamp in a tuple": (b"\x92\xc7\x00\x01\xd6\xff\x00\x00\x00\x01", "not well-formed"),
    "not UTF-8": (b"\xa7secret\xff", "not UTF-8"),
    "a short UUID": (ext(18, b"secret"), "not well-formed"),
    "no number": (ext(17, b"secret"), "not well-formed"),
    "no date": (ext(20, b"secret"), "not well-formed"),
    "an endless timedelta": (ext(22, b"9" * 200), "not well-formed"),
    "an unknown zone": (ext(19, b"2024-01-01T00:00:00|Mars/Secret"), "time zone is not known"),
    "a zone outside": (ext(19, b"2024-01-01T00:00:00|../../etc/passwd"), "not well-formed"),
    "a zone that is a folder": (ext(19, b"2024-01-01T00:00:00|America"), "time zone|not well"),
    "a wide offset": (ext(19, b"2024-01-01T00:00:00+99:00"), "not well-formed"),
    "too deep": (b"\x91" * 5000 + b"\xc0", "nested too deeply"),
    "too deep and short": (b"\x91" * 2000 + b"\xc0", "nested too deeply"),
    "too deep in tuples": (b"\x92\xc7\x00\x01" * 5000 + b"\xc0", "nested too deeply"),
}


@pytest.mark.parametrize(("raw", "why"), BAD.values(), ids=list(BAD))
def test_bytes_that_are_no_value_are_told_with_a_reason_and_without_their_content(raw, why) -> None:
    with pytest.raises(UndecodableValue, match=why) as caught:
        decode(raw, "it['a']")
    assert caught.value.path == "it['a']"
    assert "secret" not in str(caught.value).lower()
    assert caught.value.__context__ is sys.exc_info()[1]  # nothing of its own


def test_lengths_that_are_only_claimed_take_no_memory_and_no_time() -> None:
    filler = bytes(200_000)
    claims = b"\xdd" + struct.pack(">I", len(filler))
    bombs = [
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\xc9\xff\xff\xff\xff\x10",
        claims * 1000 + filler,
        (b"\x81\xc0" + claims) * 500 + filler,
        b"\xdc\xff\xff" * 1000 + filler,
        b"\xdc\x0f\xff" * 1000,
    ]
    tracemalloc.start()
    began = clock.monotonic()
    for bomb in bombs:
        with pytest.raises(UndecodableValue):
            decode(bomb, "it")
    took, (_, peak_bytes) = clock.monotonic() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 40_000_000
    assert took < 5


# --- What can change in place --------------------------------------------------------------------


@broad
@given(hashables(nan=True))
def test_a_value_of_ours_that_can_be_a_key_does_not_change_in_place(value: object) -> None:
    assert not changes_in_place(value)


@pytest.mark.parametrize(
    "value",
    [
        [],
        {},
        set(),
        ([],),
        ((1, [2]),),
        (frozenset({(Level.LOW,)}),),
        bytearray(),
        Text("a"),
        object(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_container_or_an_unknown_type_may_change_in_place(value: object) -> None:
    assert changes_in_place(value)
