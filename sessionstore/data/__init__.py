"""What a session holds: typed values, classes of the application, XML documents."""

from sessionstore.data._documents import parse, serialise
from sessionstore.data._registry import stored, upgrade
from sessionstore.data._values import decode, encode

__all__ = ["decode", "encode", "parse", "serialise", "stored", "upgrade"]
