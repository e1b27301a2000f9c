"""The patterns of list, longstring, object and session names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

__all__ = ["exactly", "literal", "matches", "matching"]

PART = re.compile(r'"(?P<next>.?)|(?P<any>\*)|(?P<one>\?)', re.DOTALL)


def matches(name: str, pattern: str) -> bool:
    """Whether a name fits: `*` is any characters, `?` exactly one, `"` takes the next as it is.

    Upper and lower case differ. A `"` at the very end stands for nothing. The time that takes is
    bounded by the product of their lengths.
    """
    return fnmatchcase(name, _for_files(pattern))


def matching(names: Iterable[str], pattern: str) -> list[str]:
    """Return the names that fit, in the order of the alphabet."""
    pattern = _for_files(pattern)
    return sorted(name for name in names if fnmatchcase(name, pattern))


def literal(pattern: str) -> str | None:
    """Return the one name that a pattern without wildcards fits; None if it has any."""
    if any(part["any"] or part["one"] for part in PART.finditer(pattern)):
        return None
    return PART.sub(lambda part: part["next"] or "", pattern)


def exactly(name: str) -> str:
    """Return the pattern that fits this name only."""
    return re.sub(r'([*?"])', r'"\1', name)


def _for_files(pattern: str) -> str:
    """Return the same pattern as one of file names, in which `[*]` is an asterisk."""
    return re.sub(
        r'"(.?)|(\[)',
        lambda part: re.sub(r"[*?[]", r"[\g<0>]", part[1] or part[2] or ""),
        pattern,
        flags=re.DOTALL,
    )
