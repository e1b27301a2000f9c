"""The public face, argument by argument: what makes no sense there, and which error says so.

A new method or argument needs its line in FACES; `tests/house/test_arguments.py` names what lacks
one. `tests/store/test_arguments.py` carries all of it out.
"""

from __future__ import annotations

import base64
import math
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from itertools import repeat
from typing import Any

from lxml import etree

from sessionstore import ConfigError, TypeRefused

__all__ = ["FACES", "Call", "Kind"]

HALF = "\ud800"
"""Half of a surrogate pair: a string that is no text."""

HUGE = 10**5000
"""A number that Python itself refuses to write."""

DEEP: Any = ()
for _ in range(5000):
    DEEP = (DEEP,)

NO_TEXT = [5, 1.5, True, b"x", [], {}, object()]
NO_NUMBER = ["5", b"5", 1.5, True, math.nan, [], object(), slice(0, 1)]
FLAG_LIKE = ["no", "yes", 0, 1, None, [], object()]
NO_VALUE = [object(), HALF, [{"a": HALF}], DEEP, OrderedDict(), 1j, iter([]), len, bytearray(b"x")]


@dataclass(frozen=True)
class Kind:
    """What an argument may be, told by what it may not be."""

    bad: Sequence[Any]
    errors: tuple[type[Exception], ...] = (ConfigError,)
    asks: bool = False
    """Whether the server must be asked first."""


NAME = Kind([None, *NO_TEXT, "", "a\n", "x" * 256, "ä" * 128, HALF])
ID = Kind([*NAME.bad[1:]])
NEW_ID = Kind([*ID.bad, f"AA.{'x' * 22}"])
OWNER = Kind([*NO_TEXT, "a\n", "x" * 256, "{", "}", HALF])
SOMEBODY = Kind([None, *OWNER.bad, ""])
USER = Kind([*SOMEBODY.bad, "*"])
LABEL = Kind([*ID.bad])
PATTERN = Kind([None, *NO_TEXT, "x" * 1001])
REASON = Kind([*NAME.bad])
WORD = Kind([None, *NO_TEXT, "", "other", "EXCLUSIVE", "FAIL"])
FLAG = Kind(FLAG_LIKE)
_DURATIONS = [-1, -0.001, math.nan, math.inf, -math.inf, 1e18, HUGE, -HUGE, timedelta(days=-1)]
DURATION = Kind([*_DURATIONS, timedelta.max, "5", b"5", True, [5], Decimal(1), 1j, object()])
POSITIVE = Kind([*DURATION.bad, 0, 0.0, timedelta(0)])
NEEDED_DURATION = Kind([None, *DURATION.bad])
NEEDED_POSITIVE = Kind([None, *POSITIVE.bad])
COUNT = Kind([*NO_NUMBER, -1, -HUGE])
NEEDED_COUNT = Kind([None, *COUNT.bad])
LIMIT = Kind([*COUNT.bad, HUGE, 1 << 53])
NEEDED_LIMIT = Kind([None, *LIMIT.bad])
INDEX = Kind([None, *NO_NUMBER])
STOP = Kind(NO_NUMBER)
NO_INDEX = Kind([HUGE, -HUGE, 1 << 60, -(1 << 60), 3, -4], (IndexError,), asks=True)
PLACE = Kind([None, *NO_NUMBER, -1, HUGE, 1 << 60])
FIELDS = Kind(
    ["name", b"name", *NO_TEXT[:4], object(), [5], [None], [HALF], repeat("a"), ["a"] * 10_001]
)
UPDATES = Kind(
    [{5: 1}, {None: 1}, {HALF: 1}, *({"a": bad} for bad in NO_VALUE)], (ConfigError, TypeRefused)
)
DATA = Kind([*UPDATES.bad, "ab", 5, [("a", 1)], []], UPDATES.errors)
VALUE = Kind(NO_VALUE, (TypeRefused,))
ATTRIBUTE = Kind([None, *NO_TEXT, HALF])
KEY = Kind([None, *NO_TEXT, HALF, "not there"], (KeyError,))
AMOUNT = Kind(["5", None, True, [], object(), 1j, b"1"], (TypeRefused,))
BYTES = Kind([None, 5, 1.5, True, [1], HALF, object(), iter(b"")], (TypeRefused,))
ITEMS = Kind([None, 5, "ab", b"ab", {"a": 1}, object()])
ITEMS_OF_VALUES = Kind([[bad] for bad in NO_VALUE], (TypeRefused,))
TREE = Kind([None, 5, "<a/>", b"<a/>", etree.Element("a"), etree.ElementTree()], (TypeRefused,))
FUNCTION = Kind([5, "len", True, [], object()])
_CURSORS = ["[]", "5", '{"AA": "x"}', "[" * 100_000, "{}x"]
CURSOR = Kind(
    [*NO_TEXT, "x", "ä", HALF, *(base64.b64encode(c.encode()).decode() for c in _CURSORS)]
)
ANYTHING = Kind([])
"""A default that is only handed back, or something checked by another line."""

URL = Kind([None, *NO_TEXT, "", "redis", "redis://h?foo=1", "redis://h:port", HALF])
PREFIX = Kind([*NAME.bad, "a:b", "{", "}"])
BUCKETS = Kind([*NEEDED_COUNT.bad, 0, 4097, HUGE])


@dataclass(frozen=True)
class Call:
    """A method: of what kind its arguments are, and good ones for those that must be given."""

    arguments: Mapping[str, Kind | Sequence[Kind]] = field(default_factory=dict)
    good: Mapping[str, Any] = field(default_factory=dict)


WHICH = {"id": ID, "owner": OWNER}
GOOD = {"id": "a", "owner": "ann"}

PARAMETERS = {
    "timeout": NEEDED_DURATION,
    "max_timeout": DURATION,
    "lifetime": POSITIVE,
    "lease": NEEDED_POSITIVE,
    "wait": NEEDED_DURATION,
    "max_waiters": Kind([*NEEDED_LIMIT.bad, 501]),
    "max_per_owner": LIMIT,
    "max_private": LIMIT,
    "max_public": LIMIT,
    "at_limit": WORD,
    "at_timeout": WORD,
    "max_bytes": LIMIT,
    "linger": NEEDED_DURATION,
    "max_events": NEEDED_LIMIT,
    "max_jobs": LIMIT,
    "max_jobs_per_owner": LIMIT,
}

STORE = {
    "connect": Call(
        {
            "url": URL,
            "prefix": PREFIX,
            "buckets": BUCKETS,
            "safe": FLAG,
            "undecodable": WORD,
            "create": FLAG,
        },
        {"url": "redis://127.0.0.1:1"},
    ),
    "as_user": Call({"user": USER, "privileged": FLAG, "label": LABEL}, {"user": "ann"}),
    "create": Call(
        {
            "id": NEW_ID,
            "owner": OWNER,
            "timeout": DURATION,
            "lifetime": POSITIVE,
            "data": DATA,
            "open": FLAG,
        }
    ),
    "open": Call(
        WHICH | {"wait": DURATION, "mode": WORD, "lease": POSITIVE, "fields": FIELDS}, GOOD
    ),
    "read": Call(WHICH, GOOD),
    "touch": Call(WHICH, GOOD),
    "atomic": Call(WHICH | {"when_open": WORD, "wait": DURATION}, GOOD),
    "delete": Call(WHICH | {"wait": NEEDED_DURATION}, GOOD),
    "list": Call({"owner": OWNER, "pattern": PATTERN}),
    "count": Call({"owner": OWNER}),
    "end_all": Call({"owner": SOMEBODY, "keep": ID, "reason": REASON}, {"owner": "ann"}),
    "sweep": Call({"buckets": Kind([*COUNT.bad, 0])}),
    "events": Call({"since": CURSOR}),
    "parameters": Call(),
    "configure": Call({"changes": ANYTHING} | PARAMETERS),
    "now": Call(),
    "close": Call(),
}

SESSION = {
    "__getitem__": Call({"name": KEY}),
    "__setitem__": Call({"name": ATTRIBUTE, "value": VALUE}, {"name": "n", "value": 1}),
    "__delitem__": Call({"name": KEY}),
    "set": Call(
        {"name": ATTRIBUTE, "value": VALUE, "lifetime": DURATION}, {"name": "n", "value": 1}
    ),
    "lifetime": Call({"name": KEY}),
    "get": Call({"key": ANYTHING, "default": ANYTHING}),
    "pop": Call({"key": KEY, "default": ANYTHING}),
    "popitem": Call(),
    "clear": Call(),
    "update": Call({"other": UPDATES, "kwds": ANYTHING}),
    "setdefault": Call({"key": ATTRIBUTE, "default": VALUE}, {"key": "new"}),
    "items": Call(),
    "keys": Call(),
    "values": Call(),
    "kept": Call({"kind": WORD}),
    "save": Call(),
    "renew": Call(),
    "close": Call({"id": NEW_ID, "owner": OWNER, "timeout": DURATION}),
    "discard": Call(),
    "delete": Call(),
    "list": Call({"name": ATTRIBUTE}),
    "longstring": Call({"name": ATTRIBUTE}),
    "document": Call({"name": ATTRIBUTE}),
    "put_document": Call({"name": ATTRIBUTE, "tree": TREE}, {"name": "x", "tree": None}),
    "drop_document": Call({"name": ATTRIBUTE}),
}

SNAPSHOT = {
    name: SESSION[name] for name in ("__getitem__", "get", "items", "keys", "values", "kept")
}

LIST = {
    "append": Call({"items": VALUE, "cap": COUNT}),
    "page": Call({"start": INDEX, "count": NEEDED_COUNT}),
    "items": Call(),
    "get": Call({"index": [INDEX, NO_INDEX]}),
    "set": Call({"index": [INDEX, NO_INDEX], "item": VALUE}, {"index": 0, "item": 1}),
    "insert": Call({"index": INDEX, "items": VALUE}, {"index": 0}),
    "remove": Call({"start": INDEX, "stop": STOP}, {"start": 0}),
    "replace": Call({"items": [ITEMS, ITEMS_OF_VALUES]}),
    "sort": Call({"key": FUNCTION, "reverse": FLAG}),
    "count": Call(),
    "drop": Call(),
}

LONGSTRING = {
    "read": Call({"start": INDEX, "stop": STOP}),
    "write": Call({"at": PLACE, "data": BYTES}, {"at": 0, "data": "x"}),
    "append": Call({"data": BYTES}),
    "replace": Call({"data": BYTES}),
    "size": Call(),
    "drop": Call(),
}

ATOMIC = {
    "add": Call({"name": ATTRIBUTE, "amount": AMOUNT}, {"name": "n"}),
    "append": Call({"name": ATTRIBUTE, "items": VALUE, "cap": COUNT}, {"name": "l"}),
    "set_if": Call(
        {"name": ATTRIBUTE, "value": VALUE, "expected": VALUE}, {"name": "n", "value": 1}
    ),
    "take": Call({"name": ATTRIBUTE}),
}

FACES = {
    "SessionStore": STORE,
    "Session": SESSION,
    "Snapshot": SNAPSHOT,
    "SessionList": LIST,
    "Longstring": LONGSTRING,
    "Atomic": ATOMIC,
    "Parameters": {"__init__": Call(PARAMETERS)},
}
