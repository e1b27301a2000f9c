"""Classes of a made-up shop, registered as an application would do it."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, StrEnum

from sessionstore import stored, upgrade


@stored("shop.Colour")
class Colour(Enum):
    RED = "red"
    GREEN = "green"
    ALSO_RED = "red"  # noqa: PIE796 - an alias


@stored("shop.Size")
class Size(StrEnum):
    SMALL = "s"


@stored("shop.Price", version=2)
@dataclass(frozen=True, slots=True)
class Price:
    amount: Decimal
    currency: str = "EUR"


@upgrade("shop.Price", 1)
def price_in_decimal(fields: dict) -> dict:
    return {"amount": Decimal(fields["cents"]) / 100}


@stored("shop.Article")
@dataclass(eq=False)
class Article:
    name: str
    price: Price
    colour: Colour = Colour.RED
    sold_with: list[Article] = field(default_factory=list)


@stored("shop.Cart", version=3)
@dataclass
class Cart:
    articles: list[Article]
    note: str = ""
    total: Decimal = field(init=False, default=Decimal(0))
    checked: list[str] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.checked.append("by __post_init__")


@upgrade("shop.Cart", 1)
def cart_has_notes(fields: dict) -> dict:
    return fields | {"note": "from 1"}


@upgrade("shop.Cart", 2)
def cart_has_articles(fields: dict) -> dict:
    fields["articles"] = fields.pop("items")
    return fields


@stored("test.Node")
@dataclass(eq=False, slots=True)
class Node:
    """A node of any graph; `links` is anything."""

    label: object = None
    links: object = None


@stored("test.Pair")
@dataclass(frozen=True)
class Pair:
    left: object
    right: object


@stored("test.ByFields")
@dataclass(unsafe_hash=True)
class ByFields:
    number: int


@stored("test.Member")
@dataclass(unsafe_hash=True)
class Member:
    """Hashed by its number, and in a cycle with those that have it in a set."""

    number: int = 0
    friends: set[Member] = field(default_factory=set, hash=False, compare=False)


@dataclass
class Unknown:
    number: int = 0
