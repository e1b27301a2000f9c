"""How a list or a longstring is bound to its name: the words ANY, OLD, NEW and their like."""

from __future__ import annotations

from sessionstore.dialects.soul._arguments import given

__all__ = ["INVALID_TYPE", "NAME_REFUSED", "NO_ROOM", "admit"]

NO_ROOM = -3
NAME_REFUSED = -14
INVALID_TYPE = -15

WORDS = {
    # word: whether the name must be there (None: either way), whether it is emptied if it is
    "ANY": (None, False),
    "OLD": (True, False),
    # The page says both "must not exist" and "is recreated"; NOTOLD is the strict one.
    "NEW": (None, True),
    "NOTOLD": (False, False),
    "PREP": (None, True),
    "PREPANY": (None, True),
    "ANYPREP": (None, True),
    "PREPOLD": (True, True),
    "OLDPREP": (True, True),
    "PREPNEW": (None, True),
    "NEWPREP": (None, True),
}


def admit(word: str | None, there: bool) -> tuple[int, bool]:
    """Return a return code, 0 if the name may be bound, and whether to make it empty first.

    -14: it must be there and is not, or the other way round; -15: there is no such word.
    """
    word = given(word, "ANY")
    if not isinstance(word, str) or (rule := WORDS.get(word.strip().upper() or "ANY")) is None:
        return INVALID_TYPE, False
    must_be_there, emptied = rule
    if must_be_there not in (None, there):
        return NAME_REFUSED, False
    return 0, emptied or not there
