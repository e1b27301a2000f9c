"""The patterns of list, longstring, object and session names."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["exactly", "literal", "matches", "matching"]

PART = re.compile(r'"(?P<next>.?)|(?P<any>\*)|(?P<one>\?)', re.DOTALL)


def matches(name: str, pattern: str) -> bool:
    """Whether a name fits: `*` is any characters, `?` exactly one, `"` takes the next as it is.

    Upper and lower case differ. A `"` at the very end stands for nothing.
    """
    expression, at = "", 0
    for part in PART.finditer(pattern):
        expression += re.escape(pattern[at : part.start()])
        expression += ".*" if part["any"] else "." if part["one"] else re.escape(part["next"])
        at = part.end()
    return re.fullmatch(expression + re.escape(pattern[at:]), name, re.DOTALL) is not None


def matching(names: Iterable[str], pattern: str) -> list[str]:
    """Return the names that fit, in the order of the alphabet."""
    return sorted(name for name in names if matches(name, pattern))


def literal(pattern: str) -> str | None:
    """Return the one name that a pattern without wildcards fits; None if it has any."""
    if any(part["any"] or part["one"] for part in PART.finditer(pattern)):
        return None
    return PART.sub(lambda part: part["next"] or "", pattern)


def exactly(name: str) -> str:
    """Return the pattern that fits this name only."""
    return re.sub(r'([*?"])', r'"\1', name)
