"""Objects by name, of the session and of the login: the methods of the Object class."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, Self

from sessionstore import Session
from sessionstore.dialects.soul._arguments import given, required_name, required_pattern
from sessionstore.dialects.soul._cancelled import RequestCancelled
from sessionstore.dialects.soul._clock import to_milliseconds
from sessionstore.dialects.soul._login import Login
from sessionstore.dialects.soul._wildcards import matching

__all__ = ["ObjectFunctions", "Objects", "PersistentObjectInfo"]

# A session object is an attribute of its own beside those of other programs, and a second one says
# when it was set. Of an XML document there is only the second: the first is a document.
OBJECT = "object "
SET_TIME = "object-set "


class Entry(NamedTuple):
    """An object, and when it was set (YYYYMMDDHHMISSXXX)."""

    thing: Any
    set_time: str


class Objects(Protocol):
    """A name space of objects."""

    def names(self) -> Iterable[str]:
        """Return the names that refer to an object."""

    def read(self, name: str) -> Entry | None:
        """Return what a name refers to."""

    def write(self, name: str, entry: Entry) -> None:
        """Let a name refer to an object."""

    def drop(self, name: str) -> None:
        """Let a name refer to nothing."""


class GlobalObjects:
    """The name space of a login."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}

    def names(self) -> Iterable[str]:
        """Return the names that refer to an object."""
        return tuple(self._entries)

    def read(self, name: str) -> Entry | None:
        """Return what a name refers to."""
        return self._entries.get(name)

    def write(self, name: str, entry: Entry) -> None:
        """Let a name refer to an object."""
        self._entries[name] = entry

    def drop(self, name: str) -> None:
        """Let a name refer to nothing."""
        self._entries.pop(name, None)


class SessionObjects:
    """The name space of a session while it is open; what it leads to follows the session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def names(self) -> Iterable[str]:
        """Return the names that refer to an object."""
        return [key.removeprefix(SET_TIME) for key in self._session if key.startswith(SET_TIME)]

    def read(self, name: str) -> Entry | None:
        """Return what a name refers to."""
        if (set_time := self._session.get(SET_TIME + name)) is None:
            return None
        if OBJECT + name in self._session:
            return Entry(self._session[OBJECT + name], set_time)
        return Entry(self._session.document(name), set_time)

    def write(self, name: str, entry: Entry) -> None:
        """Let a name refer to an object."""
        # The new one first: if it is refused, the old one stays.
        was_document = self._holds_document(name)
        if is_document(entry.thing):
            self._session.put_document(name, entry.thing)
            self._session.pop(OBJECT + name, None)
        else:
            self._session[OBJECT + name] = entry.thing
            if was_document:
                self._session.drop_document(name)
        self._session[SET_TIME + name] = entry.set_time

    def drop(self, name: str) -> None:
        """Let a name refer to nothing."""
        if self._holds_document(name):
            self._session.drop_document(name)
        self._session.pop(OBJECT + name, None)
        self._session.pop(SET_TIME + name, None)

    def _holds_document(self, name: str) -> bool:
        return SET_TIME + name in self._session and OBJECT + name not in self._session


def is_document(thing: object) -> bool:
    """Whether an object is an XML document, as lxml makes them."""
    return hasattr(thing, "getroot")


@dataclass(frozen=True, slots=True)
class PersistentObjectInfo:
    """Facts on one stored object."""

    name: str
    """The name that refers to it."""

    set_time: str
    """When it was set, YYYYMMDDHHMISSXXX in UTC; changing the object does not change this."""

    class_description: str
    """Its class; `System:XmlDoc` for an XML document."""

    @classmethod
    def new_from_session(cls, thread: ObjectFunctions, name: str) -> Self | None:
        """Return the facts on a session object of a thread; None if the name refers to none.

        RequestCancelled if no session is open there (`NewFromSession`).
        """
        return cls._new(thread, "objects_of_session", name, "NewFromSession")

    @classmethod
    def new_from_global(cls, thread: ObjectFunctions, name: str) -> Self | None:
        """Return the facts on a global object; None if there is none (`NewFromGlobal`)."""
        return cls._new(thread, "objects_of_login", name, "NewFromGlobal")

    @classmethod
    def _new(cls, thread: ObjectFunctions, space: str, name: str, function: str) -> Self | None:
        if not isinstance(thread, ObjectFunctions):
            raise RequestCancelled(function, why=f"{type(thread).__name__} is no login")
        objects: Objects = getattr(thread, space)(function)
        return cls._of(objects, required_name(name, function))

    @classmethod
    def _of(cls, objects: Objects, name: str) -> Self | None:
        entry = objects.read(name)
        if entry is None:
            return None
        is_xml = is_document(entry.thing)
        description = "System:XmlDoc" if is_xml else type(entry.thing).__name__
        return cls(name, entry.set_time, description)

    @classmethod
    def list_of(cls, objects: Objects, names: Iterable[str]) -> list[Self]:
        """Return the facts on all objects of these names."""
        found = (cls._of(objects, name) for name in names)
        return [info for info in found if info is not None]


class ObjectFunctions(Login):
    """The methods of the Object class for session and global objects.

    An object is an instance of a class registered with `sessionstore.data.stored`, or an XML
    document of lxml. Those of the session raise RequestCancelled with no session open.
    """

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._global_objects = GlobalObjects()

    def set_session(self, name: str, source: Any) -> None:
        """Make a session name refer to an object; None: to nothing (`SetSession`).

        Raises TypeRefused for an object of a class that sessions do not hold.
        """
        self._set(self.objects_of_session("SetSession"), name, source, "SetSession")

    def get_session(self, name: str) -> Any:
        """Return the object that a session name refers to, or None (`GetSession`)."""
        return _thing(self.objects_of_session("GetSession"), name, "GetSession")

    def discard_session(self, name: str) -> None:
        """Discard the object of a session name: no session name refers to it any more.

        Does nothing if there is none (`DiscardSession`).
        """
        objects = self.objects_of_session("DiscardSession")
        _discard(objects, [required_name(name, "DiscardSession")])

    def discard_sessions(self, match_string: str) -> None:
        """Discard the objects of all session names that fit (`DiscardSessions`)."""
        objects = self.objects_of_session("DiscardSessions")
        _discard(objects, _fitting(objects, match_string, "DiscardSessions"))

    def nullify_session(self, name: str) -> None:
        """Let a session name refer to nothing (`NullifySession`)."""
        objects = self.objects_of_session("NullifySession")
        objects.drop(required_name(name, "NullifySession"))

    def nullify_sessions(self, match_string: str) -> None:
        """Let all session names that fit refer to nothing; `*`: all (`NullifySessions`)."""
        objects = self.objects_of_session("NullifySessions")
        _nullify(objects, _fitting(objects, match_string, "NullifySessions"))

    def session_object_list(self, match_string: str | None = "*") -> list[PersistentObjectInfo]:
        """Return the facts on the session objects whose names fit (`SessionList`)."""
        objects = self.objects_of_session("SessionList")
        return PersistentObjectInfo.list_of(
            objects, _fitting(objects, given(match_string, "*"), "SessionList")
        )

    def set_global(self, name: str, source: Any) -> None:
        """Make a global name refer to an object, for this login; None: to nothing (`SetGlobal`)."""
        self._set(self.objects_of_login("SetGlobal"), name, source, "SetGlobal")

    def get_global(self, name: str) -> Any:
        """Return the object that a global name refers to, or None (`GetGlobal`)."""
        return _thing(self.objects_of_login("GetGlobal"), name, "GetGlobal")

    def discard_global(self, name: str) -> None:
        """Discard the object of a global name: no global name refers to it (`DiscardGlobal`)."""
        objects = self.objects_of_login("DiscardGlobal")
        _discard(objects, [required_name(name, "DiscardGlobal")])

    def discard_globals(self, match_string: str) -> None:
        """Discard the objects of all global names that fit (`DiscardGlobals`)."""
        objects = self.objects_of_login("DiscardGlobals")
        _discard(objects, _fitting(objects, match_string, "DiscardGlobals"))

    def nullify_global(self, name: str) -> None:
        """Let a global name refer to nothing (`NullifyGlobal`)."""
        objects = self.objects_of_login("NullifyGlobal")
        objects.drop(required_name(name, "NullifyGlobal"))

    def nullify_globals(self, match_string: str) -> None:
        """Let all global names that fit refer to nothing (`NullifyGlobals`)."""
        objects = self.objects_of_login("NullifyGlobals")
        _nullify(objects, _fitting(objects, match_string, "NullifyGlobals"))

    def global_object_list(self, match_string: str | None = "*") -> list[PersistentObjectInfo]:
        """Return the facts on the global objects whose names fit (`GlobalList`)."""
        objects = self.objects_of_login("GlobalList")
        return PersistentObjectInfo.list_of(
            objects, _fitting(objects, given(match_string, "*"), "GlobalList")
        )

    def objects_of_session(self, function: str) -> Objects:
        """Return the name space of the open session; RequestCancelled if none is open."""
        return SessionObjects(self._in_session(function))

    def objects_of_login(self, function: str) -> Objects:
        """Return the name space of this login."""
        self._working(function)
        return self._global_objects

    def _set(self, objects: Objects, name: str, thing: Any, function: str) -> None:
        required_name(name, function)
        if thing is None:
            objects.drop(name)
        else:
            objects.write(name, Entry(thing, to_milliseconds(self._store.now())))


def _thing(objects: Objects, name: str, function: str) -> Any:
    entry = objects.read(required_name(name, function))
    return None if entry is None else entry.thing


def _fitting(objects: Objects, pattern: str, function: str) -> list[str]:
    return matching(objects.names(), required_pattern(pattern, function))


def _nullify(objects: Objects, names: Iterable[str]) -> None:
    for name in names:
        objects.drop(name)


def _discard(objects: Objects, names: Iterable[str]) -> None:
    """Let go of objects, under whatever names of the name space they are known."""
    doomed = [entry.thing for name in names if (entry := objects.read(name))]
    for name in objects.names() if doomed else ():
        entry = objects.read(name)
        if entry is not None and any(entry.thing is thing for thing in doomed):
            objects.drop(name)
