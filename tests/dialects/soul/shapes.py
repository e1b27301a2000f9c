"""Classes whose objects these tests keep in sessions."""

from __future__ import annotations

from dataclasses import dataclass, field

from sessionstore import stored


@stored("tests.soul.Product")
@dataclass(eq=False)
class Product:
    """Something that baskets share."""

    name: str
    price: int = 0


@stored("tests.soul.Basket")
@dataclass(eq=False)
class Basket:
    """Something that refers to others, and perhaps to itself."""

    products: list[Product] = field(default_factory=list)
    twin: Basket | None = None
