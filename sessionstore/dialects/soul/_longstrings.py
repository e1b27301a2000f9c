"""Longstrings by name, of the session and of the login, and variables bound to them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol
from weakref import WeakSet

from sessionstore import Session, ValueTooLarge
from sessionstore.dialects.soul._arguments import given, required_name, text_of
from sessionstore.dialects.soul._cancelled import RequestCancelled
from sessionstore.dialects.soul._login import Login
from sessionstore.dialects.soul._options import NO_ROOM, admit
from sessionstore.dialects.soul._wildcards import matching

__all__ = ["GlobalLongstrings", "LongstringFunctions", "LongstringVariable", "Longstrings"]


class Longstrings(Protocol):
    """A name space of longstrings."""

    def names(self) -> Iterable[str]:
        """Return the names there are."""

    def read(self, name: str) -> str:
        """Return a longstring; null if it was never set."""

    def write(self, name: str, text: str) -> None:
        """Set a longstring, which makes it if needed."""

    def drop(self, name: str) -> None:
        """Remove a longstring."""

    @property
    def there(self) -> bool:
        """Whether the name space can still be used."""


class GlobalLongstrings:
    """The name space of a login."""

    there = True

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def names(self) -> Iterable[str]:
        """Return the names there are."""
        return tuple(self._texts)

    def read(self, name: str) -> str:
        """Return a longstring; null if it was never set."""
        return self._texts.get(name, "")

    def write(self, name: str, text: str) -> None:
        """Set a longstring, which makes it if needed."""
        text_of(text, name)  # says what is none
        self._texts[name] = text

    def drop(self, name: str) -> None:
        """Remove a longstring."""
        self._texts.pop(name, None)


@dataclass(frozen=True, slots=True)
class SessionLongstrings:
    """The name space of a session while it is open; the text is kept as UTF-8."""

    session: Session

    @property
    def there(self) -> bool:
        """Whether the session is still open."""
        return self.session.is_open

    def names(self) -> Iterable[str]:
        """Return the names there are."""
        return self.session.kept("longstring")

    def read(self, name: str) -> str:
        """Return a longstring; null if it was never set."""
        # Bytes that are no text, put there by somebody else, come through unharmed.
        return self.session.longstring(name).read().decode("utf-8", "surrogateescape")

    def write(self, name: str, text: str) -> None:
        """Set a longstring, which makes it if needed."""
        self.session.longstring(name).replace(text_of(text, name))

    def drop(self, name: str) -> None:
        """Remove a longstring."""
        self.session.longstring(name).drop()


class LongstringVariable:
    """A longstring variable, which `lstr_session` and `lstr_global` bind to a name.

    Bound, its `value` is that of the longstring of this name, at once in both directions; a
    session that is closed, or a longstring that is deleted, leaves it unbound and null. A text that
    is too much for the session is refused with ValueTooLarge, and what is no text with TypeRefused.
    """

    def __init__(self, value: str = "") -> None:
        text_of(value, "the longstring")
        self._value = value
        self._bound: tuple[Longstrings, str] | None = None

    @property
    def name(self) -> str | None:
        """The name that it is bound to; None if it is not bound."""
        self._look()
        return None if self._bound is None else self._bound[1]

    @property
    def value(self) -> str:
        """The text."""
        self._look()
        return self._value if self._bound is None else self._bound[0].read(self._bound[1])

    @value.setter
    def value(self, text: str) -> None:
        self._look()
        if self._bound is None:
            text_of(text, "the longstring")
            self._value = text
        else:
            self._bound[0].write(self._bound[1], text)

    def bind(self, space: Longstrings, name: str) -> None:
        """Bind it to a name, and to no other any more."""
        self._value, self._bound = "", (space, name)

    def unbind(self) -> None:
        """Leave it unbound and null."""
        self._value, self._bound = "", None

    def is_bound(self, space: Longstrings, name: str) -> bool:
        """Whether it is bound to this name of this name space."""
        return self._bound == (space, name)

    def _look(self) -> None:
        if self._bound is not None and not self._bound[0].there:
            self.unbind()


class LongstringFunctions(Login):
    """The `$Lstr_Session...` and `$Lstr_Global...` functions; their name spaces are independent.

    Those of the session raise RequestCancelled with no session open, and all of them for a name
    of more than 255 bytes.
    """

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._globals = GlobalLongstrings()
        self._variables: WeakSet[LongstringVariable] = WeakSet()

    def lstr_session(
        self, gname: str | None, lstr: LongstringVariable, options: str | None = "ANY"
    ) -> int:
        """Bind a variable to a longstring of the session (`$Lstr_Session`).

        Args:
            gname: the name; None or empty: unbind the variable and make it null.
            lstr: the variable.
            options: `ANY`, `OLD`, `NEW` and so on, as the types of `list_session`.

        Returns 0; -3 no room, -14 it is there (NOTOLD) or is not (OLD), -15 no such option.
        """
        function = "$Lstr_Session"
        return self._bind(self._space(function), gname, lstr, options, function)

    def lstr_global(
        self, gname: str | None, lstr: LongstringVariable, options: str | None = "ANY"
    ) -> int:
        """Bind a variable to a longstring of this login (`$Lstr_Global`); as `lstr_session`."""
        self._working("$Lstr_Global")
        return self._bind(self._globals, gname, lstr, options, "$Lstr_Global")

    def lstr_session_get(self, gname: str) -> str:
        """Return a longstring of the session; null if never set (`$Lstr_Session_Get`)."""
        function = "$Lstr_Session_Get"
        return self._space(function).read(required_name(gname, function))

    def lstr_global_get(self, gname: str) -> str:
        """Return a longstring of this login; null if never set (`$Lstr_Global_Get`)."""
        self._working("$Lstr_Global_Get")
        return self._globals.read(required_name(gname, "$Lstr_Global_Get"))

    def lstr_session_set(self, gname: str, value: str) -> int:
        """Set a longstring of the session; return 0, or -3 no room (`$Lstr_Session_Set`)."""
        function = "$Lstr_Session_Set"
        return _set(self._space(function), gname, value, function)

    def lstr_global_set(self, gname: str, value: str) -> int:
        """Set a longstring of this login; return 0 (`$Lstr_Global_Set`)."""
        self._working("$Lstr_Global_Set")
        return _set(self._globals, gname, value, "$Lstr_Global_Set")

    def lstr_session_del(self, name: str) -> int:
        """Delete the longstrings of the session that fit a pattern (`$Lstr_Session_Del`).

        Returns how many; variables bound to them are unbound and null.
        """
        function = "$Lstr_Session_Del"
        return self._delete(self._space(function), name, function)

    def lstr_global_del(self, name: str) -> int:
        """Delete the longstrings of this login that fit a pattern (`$Lstr_Global_Del`)."""
        self._working("$Lstr_Global_Del")
        return self._delete(self._globals, name, "$Lstr_Global_Del")

    def _space(self, function: str) -> SessionLongstrings:
        return SessionLongstrings(self._in_session(function))

    def _bind(
        self,
        space: Longstrings,
        gname: str | None,
        lstr: LongstringVariable,
        options: str | None,
        function: str,
    ) -> int:
        if not isinstance(lstr, LongstringVariable):
            raise RequestCancelled(function, why="lstr is a variable, a LongstringVariable")
        if given(gname, None) is None:
            lstr.unbind()
            return 0
        gname = required_name(gname, function)
        refused, emptied = admit(options, gname in space.names())
        if refused:
            return refused
        if emptied and _set(space, gname, "", function):
            return NO_ROOM
        lstr.bind(space, gname)
        self._variables.add(lstr)
        return 0

    def _delete(self, space: Longstrings, pattern: str, function: str) -> int:
        names = matching(space.names(), required_name(pattern, function))
        for name in names:
            for variable in [each for each in self._variables if each.is_bound(space, name)]:
                variable.unbind()
            space.drop(name)
        return len(names)


def _set(space: Longstrings, gname: str, value: str, function: str) -> int:
    try:
        space.write(required_name(gname, function), given(value, ""))
    except ValueTooLarge:
        return NO_ROOM
    return 0
