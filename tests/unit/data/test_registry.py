"""What sessions hold of an application's classes: a closed list, by name and version."""

from __future__ import annotations

import abc
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, Flag

import msgpack
import pytest

from sessionstore import ConfigError, TypeRefused, UndecodableValue, stored, upgrade
from sessionstore.data._values import decode, encode
from tests.unit.data.classes import Article, Cart, Colour, Node, Pair, Price, Size, Unknown

EURO = Price(Decimal("1.50"))


def back(value: object) -> object:
    return decode(encode(value, "it"), "it")


@pytest.mark.parametrize(
    "value",
    [
        Colour.RED,
        Colour.ALSO_RED,
        Size.SMALL,
        EURO,
        [EURO, {"a": (EURO, Colour.GREEN)}],
        {EURO: 1, Colour.RED: Size.SMALL},
        {EURO, Price(Decimal(2))},
        frozenset({(EURO, Size.SMALL)}),
        Pair([1, {2}], Pair(None, ())),
    ],
    ids=["member", "alias", "named", "value", "nested", "keys", "set", "frozenset", "pair"],
)
def test_members_and_values_come_back_equal_and_of_the_same_type(value: object) -> None:
    found = back(value)
    assert found == value
    assert type(found) is type(value)
    assert encode(found, "it") == encode(value, "it")  # which tells the order of no set


def test_a_member_is_the_same_one() -> None:
    assert back(Colour.ALSO_RED) is Colour.RED
    assert back([Size.SMALL])[0] is Size.SMALL


def test_the_stored_form_does_not_change() -> None:
    tag = msgpack.ExtType
    assert encode(Colour.GREEN, "it") == msgpack.packb([tag(4, b""), "shop.Colour", "GREEN"])
    fields = {"amount": tag(17, b"1.50"), "currency": "EUR"}
    assert encode(EURO, "it") == msgpack.packb([tag(5, b""), "shop.Price", 2, fields])


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ([0, 1, Pair(1, Unknown())], "it[2].right"),
        ({"cart": Pair(Pair({"a": [Unknown]}, 1), 1)}, "it['cart'].left.left['a'][0]"),
        (Pair(Article("tea", EURO), 1), "it.left"),
    ],
)
def test_what_is_not_registered_is_refused_with_the_path_to_it(value: object, path: str) -> None:
    with pytest.raises(TypeRefused) as caught:
        encode(value, "it")
    assert caught.value.path == path


def test_a_subclass_is_another_class() -> None:
    @dataclass(frozen=True)
    class Discount(Price):
        percent: int = 5

    with pytest.raises(TypeRefused):
        encode(Discount(Decimal(1)), "it")


def test_a_value_in_itself_is_refused() -> None:
    inside: list[object] = []
    inside.append(Pair(1, inside))
    with pytest.raises(TypeRefused, match="nested too deeply, or in itself"):
        encode(inside, "it")


def in_version(name: str, version: object, fields: object) -> bytes:
    return msgpack.packb([msgpack.ExtType(5, b""), name, version, fields])


def test_an_older_version_is_upgraded_and_a_missing_field_gets_its_default() -> None:
    assert decode(in_version("shop.Price", 1, {"cents": 150}), "it") == EURO
    tagged = {"amount": msgpack.ExtType(17, b"1.50")}
    assert decode(in_version("shop.Price", 2, tagged), "it") == EURO


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (in_version("shop.Price", 3, {}), "version newer than 2"),
        (in_version("shop.Price", 0, {}), "newer"),
        (in_version("shop.Price", 1, {}), "the upgrade of shop.Price from 1 failed: KeyError"),
        (in_version("shop.Price", 2, {"currency": "EUR"}), "field amount that is not stored"),
        (in_version("shop.Price", 2, {"amount": 1, "more": 1}), "no field for all that is stored"),
        (in_version("shop.Price", 2, []), "not well-formed"),
        (in_version("shop.Price", "2", {}), "not well-formed"),
        (in_version("shop.Cart", 3, {"articles": []}), "not a class of values"),
        (in_version("shop.Colour", 1, {}), "not a class of values"),
        (in_version("shop.Nothing", 1, {}), "no class is registered as shop.Nothing"),
        (in_version("no name\n", 1, {}), "not well-formed"),
        (in_version(["x"], 1, {}), "not well-formed"),
        (msgpack.packb([msgpack.ExtType(4, b""), "shop.Colour", "BLUE"]), "no such member"),
        (msgpack.packb([msgpack.ExtType(4, b""), "shop.Colour", []]), "not well-formed"),
        (msgpack.packb([msgpack.ExtType(4, b""), "shop.Price", "x"]), "not a class of members"),
        (msgpack.packb([msgpack.ExtType(4, b"")]), "not well-formed"),
        (msgpack.packb(msgpack.ExtType(5, b"")), "not well-formed"),
        (msgpack.packb(msgpack.ExtType(32, b"abcdefgh")), "an object that is not there"),
    ],
)
def test_what_cannot_be_read_is_said(raw: bytes, why: str) -> None:
    with pytest.raises(UndecodableValue, match=why):
        decode(raw, "it")


def test_a_step_that_is_missing_is_named() -> None:
    @stored("test.Stepless", version=4)
    @dataclass(frozen=True)
    class Stepless:
        a: int

    @upgrade("test.Stepless", 2)
    def second(fields: dict) -> dict:
        return fields

    with pytest.raises(UndecodableValue, match="no upgrade from version 3"):
        decode(in_version("test.Stepless", 2, {"a": 1}), "it")

    @upgrade("test.Stepless", 3)
    def third(fields: dict) -> list:
        return []

    with pytest.raises(UndecodableValue, match="returned no dict"):
        decode(in_version("test.Stepless", 2, {"a": 1}), "it")


def test_a_name_belongs_to_one_class_which_may_be_loaded_again() -> None:
    def make(text: str) -> type:
        @stored("test.Twice")
        class Twice(Enum):
            A = text

        return Twice

    first, second = make("first"), make("second")
    assert back(second.A) is second.A
    assert back(first.A) is second.A  # of a module before its reload
    with pytest.raises(ConfigError, match=r"the name of .*Twice already"):

        @stored("test.Twice")
        class Another(Enum):
            A = 1

    with pytest.raises(ConfigError, match=r"stored as 'test.Twice' already"):
        stored("test.Other")(second)


def test_a_step_belongs_to_one_function() -> None:
    with pytest.raises(ConfigError, match="has an upgrade from version 1 already"):

        @upgrade("shop.Price", 1)
        def another(fields: dict) -> dict:
            return fields


class Plain:
    pass


class Bits(Flag):
    A = 1


@dataclass
class Listing(list):
    a: int = 1


@dataclass
class Abstract(abc.ABC):
    a: int

    @abc.abstractmethod
    def method(self) -> None: ...


class Undecorated(Unknown):
    more: int = 0


@pytest.mark.parametrize("cls", [Plain, Bits, Listing, Abstract, Undecorated, int, "text"], ids=str)
def test_only_enums_and_dataclasses_are_stored(cls: type) -> None:
    with pytest.raises(ConfigError):
        stored("test.Bad")(cls)


@pytest.mark.parametrize("name", ["", "a b", "1a", "ä", None, "x" * 300])
def test_a_name_is_a_name(name: str) -> None:
    with pytest.raises(ConfigError):
        stored(name)
    with pytest.raises(ConfigError):
        upgrade(name, 1)


@pytest.mark.parametrize("version", [0, -1, "1", 1.0, None, True])
def test_a_version_is_a_number_from_one(version: int) -> None:
    with pytest.raises(ConfigError):
        stored("test.V", version=version)


@pytest.mark.parametrize("step", [None, 5, "step", {}])
def test_an_upgrade_is_a_function(step: object) -> None:
    with pytest.raises(ConfigError, match="function"):
        upgrade("shop.Never", 1)(step)


@pytest.mark.parametrize("name", [None, 5, b"shop.Cart", [], True, "\ud800"])
def test_a_name_is_a_string(name: object) -> None:
    for register in (stored, upgrade):
        with pytest.raises(ConfigError):
            register(name, 1) if register is upgrade else register(name)


def test_an_enum_has_no_version() -> None:
    with pytest.raises(ConfigError, match="no version"):
        stored("shop.Colour", version=2)(Colour)


def test_what_is_not_a_field_is_not_stored_and_a_field_that_is_not_set_is_refused() -> None:
    @stored("test.Late")
    @dataclass(frozen=True)
    class Late:
        a: int
        b: int = field(init=False)

    late = Late(1)
    found = back(late)
    assert found.a == 1
    assert not hasattr(found, "b")
    half = object.__new__(Late)
    with pytest.raises(TypeRefused, match="not all fields are set"):
        encode(half, "it")


def test_objects_need_a_session() -> None:
    for value in (Node(), Cart([])):
        with pytest.raises(TypeRefused, match="no object can be stored here"):
            encode([value], "it")
